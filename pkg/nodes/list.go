package nodes

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// MaxNodes is the longest node list.
const MaxNodes = 64

// Spec is one configured node.
type Spec struct {
	ID       string // [A-Za-z0-9_]{1,16}; "" for msm's unnamed single node
	Addr     string // host:port, IPv6 in brackets; resolved at every dial
	Failover bool   // holds sessions only where the regular nodes do not suffice
}

// ParseList reads msm's memcachedNodes and failoverNodes.
//
// memcachedNodes is id:host:port, separated by commas, white space or both,
// IPv6 addresses in brackets; a single host:port is a node without an id.
// failoverNodes is a list of ids of those nodes, separated the same way, or
// empty. At least one node must remain that is not a failover node. All that
// is wrong is reported, joined, each with the offending text.
func ParseList(memcachedNodes, failoverNodes string) ([]Spec, error) {
	fields := split(memcachedNodes)
	if len(fields) == 0 {
		return nil, errors.New(`no memcached node; hint: memcachedNodes: n1:127.0.0.1:11211,n2:127.0.0.1:11212`)
	}
	if len(fields) > MaxNodes {
		return nil, fmt.Errorf("%d memcached nodes; hint: at most %d", len(fields), MaxNodes)
	}
	var specs []Spec
	var errs []error
	for _, f := range fields {
		s, err := parseSpec(f, len(fields) > 1)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		specs = append(specs, s)
	}
	errs = append(errs, duplicates(specs)...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if err := markFailover(specs, split(failoverNodes)); err != nil {
		return nil, err
	}
	return specs, nil
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r'
	})
}

func parseSpec(f string, needID bool) (Spec, error) {
	host, port, err := net.SplitHostPort(f)
	if err == nil && host != "" { // host:port or [::1]:port
		if needID {
			return Spec{}, fmt.Errorf("memcached node %q has no id; hint: with several nodes each needs one, as in n1:%s", f, f)
		}
		addr, err := joinAddr(host, port)
		if err != nil {
			return Spec{}, fmt.Errorf("memcached node %q: %w", f, err)
		}
		return Spec{Addr: addr}, nil
	}
	id, addr, ok := strings.Cut(f, ":")
	if !ok {
		return Spec{}, fmt.Errorf("memcached node %q; hint: id:host:port, as in n1:127.0.0.1:11211", f)
	}
	if !validID(id) {
		return Spec{}, fmt.Errorf("memcached node %q: id %q; hint: 1 to 16 of A-Z a-z 0-9 _", f, id)
	}
	host, port, err = net.SplitHostPort(addr)
	if err != nil {
		return Spec{}, fmt.Errorf("memcached node %q: address %q; hint: id:host:port, IPv6 in brackets as in n1:[::1]:11211", f, addr)
	}
	addr, err = joinAddr(host, port)
	if err != nil {
		return Spec{}, fmt.Errorf("memcached node %q: %w", f, err)
	}
	return Spec{ID: id, Addr: addr}, nil
}

func joinAddr(host, port string) (string, error) {
	if host == "" || strings.ContainsAny(host, "/@?#\\\"'") {
		return "", fmt.Errorf("host %q; hint: a name or an IP address", host)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", fmt.Errorf("port %q; hint: a number from 1 to 65535", port)
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// validID is sessionid.ValidNode; the leaf packages do not import each other.
func validID(s string) bool {
	if s == "" || len(s) > 16 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func duplicates(specs []Spec) []error {
	var errs []error
	ids, addrs := map[string]bool{}, map[string]string{}
	for _, s := range specs {
		if ids[s.ID] {
			errs = append(errs, fmt.Errorf("memcached node id %q stands twice; hint: each node needs its own", s.ID))
		}
		if other, ok := addrs[s.Addr]; ok {
			errs = append(errs, fmt.Errorf("memcached nodes %q and %q have the same address %s; hint: two copies on one node are one copy", other, s.ID, s.Addr))
		}
		ids[s.ID], addrs[s.Addr] = true, s.ID
	}
	return errs
}

func markFailover(specs []Spec, failover []string) error {
	var errs []error
	left := len(specs)
	for _, id := range failover {
		i := indexID(specs, id)
		switch {
		case i < 0 || id == "":
			errs = append(errs, fmt.Errorf("failover node %q is not among the memcached nodes %s", id, idList(specs)))
		case specs[i].Failover:
			errs = append(errs, fmt.Errorf("failover node %q stands twice", id))
		default:
			specs[i].Failover = true
			left--
		}
	}
	if left == 0 {
		errs = append(errs, fmt.Errorf("all memcached nodes %s are failover nodes; hint: leave at least one of them out of failoverNodes", idList(specs)))
	}
	return errors.Join(errs...)
}

func indexID(specs []Spec, id string) int {
	for i, s := range specs {
		if s.ID == id {
			return i
		}
	}
	return -1
}

func idList(specs []Spec) string {
	ids := make([]string, len(specs))
	for i, s := range specs {
		ids[i] = s.ID
	}
	return strings.Join(ids, ", ")
}
