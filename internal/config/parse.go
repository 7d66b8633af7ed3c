package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/msmd/msmd/pkg/sessionid"
)

// elements returns the words of a list: a YAML list, or text with commas or
// white space between them.
func elements(raw any, example string) ([]string, error) {
	var all []string
	switch v := raw.(type) {
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("%q is not a word; hint: write %q, without a space after a colon, or in quotes", asYAML(e), example)
			}
			all = append(all, words(s)...)
		}
		return all, nil
	case map[string]any, map[any]any:
		return nil, fmt.Errorf(`"key: value" lines stand below it; hint: a list has dashes, as in "- %s"`, example)
	default:
		s, err := scalar(raw)
		return words(s), err
	}
}

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
}

// list leaves the words to a later look at several keys at once.
func list(field *string) setter {
	return func(raw any) error {
		all, err := elements(raw, "n1:127.0.0.1:11211")
		*field = strings.Join(all, ",")
		return err
	}
}

// address reads host:port. Empty is left to the rules about several keys: for
// one listener it is an error, for the other it means off.
func address(field *string) setter {
	return func(raw any) error {
		s, err := scalar(raw)
		if err != nil || s == "" {
			return err
		}
		if _, err := strconv.ParseUint(s, 10, 16); err == nil {
			return fmt.Errorf("%q is a port alone; hint: write 127.0.0.1:%s, or :%s for all addresses", s, s, s)
		}
		_, port, err := net.SplitHostPort(s)
		if err != nil || strings.ContainsAny(s, "/@?# ") {
			return fmt.Errorf("%q is not an address; hint: host:port as 127.0.0.1:8080, IPv6 as [::1]:8080", s)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("%q has port %q; hint: a number from 0 to 65535", s, port)
		}
		*field = s
		return nil
	}
}

// apps reads the list of the app's instances and reports every one at fault.
func apps(field *[]App) setter {
	return func(raw any) error {
		all, err := elements(raw, "app1=http://127.0.0.1:9001")
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return errors.New("no app; hint: apps: [app1=http://127.0.0.1:9001]")
		}
		var errs []error
		seen := map[string]string{} // ids and addresses, to the id that has them
		for _, s := range all {
			a, err := parseApp(s)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if _, ok := seen[a.ID]; ok {
				errs = append(errs, fmt.Errorf("id %q stands twice; hint: each app needs its own", a.ID))
			}
			// An id has no colon, so it cannot be mistaken for an address.
			addr := strings.ToLower(net.JoinHostPort(a.URL.Hostname(), portOf(a.URL)))
			if other, ok := seen[addr]; ok {
				errs = append(errs, fmt.Errorf("%q and %q have the same address %q; hint: write each instance once", other, a.ID, addr))
			}
			seen[a.ID], seen[addr] = a.ID, a.ID
			*field = append(*field, a)
		}
		return errors.Join(errs...)
	}
}

// parseApp reads one id=url. Its errors never show a password that stands in
// the URL.
func parseApp(s string) (App, error) {
	id, raw, ok := strings.Cut(s, "=")
	if !ok || strings.Contains(id, "://") {
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			s = u.Redacted()
		}
		return App{}, fmt.Errorf("%q has no id; hint: give each app one, as in app1=http://127.0.0.1:9001", s)
	}
	if !sessionid.ValidRoute(id) || strings.Contains(id, ".") {
		return App{}, fmt.Errorf("id %q; hint: 1 to 64 of A-Z a-z 0-9 _ -", id)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return App{}, fmt.Errorf("the URL of app %q cannot be read; hint: %s=http://127.0.0.1:9001", id, id)
	}
	if hint := urlFault(u); hint != "" {
		return App{}, fmt.Errorf("%q; hint: %s", id+"="+u.Redacted(), hint)
	}
	u.Path = ""
	return App{ID: id, URL: u}, nil
}

// urlFault says what keeps u from being the address of an app, "" if nothing.
func urlFault(u *url.URL) string {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "the URL starts with http:// or https://"
	case u.Hostname() == "":
		return "the URL needs a host, as in http://127.0.0.1:9001"
	case u.User != nil:
		return "no user and password in the URL: msmd forwards each client's own Authorization header"
	case u.Path != "" && u.Path != "/":
		return "no path in the URL: msmd forwards each request's path as it came"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "no query or fragment in the URL"
	case badPort(u):
		return "the port is a number from 1 to 65535"
	default:
		return ""
	}
}

// portOf returns u's port, its scheme's if it names none.
func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}

// badPort also catches "http://host:", which url.Parse lets pass.
func badPort(u *url.URL) bool {
	if u.Port() == "" {
		return strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err != nil || n == 0
}

// proxies reads addresses and CIDR blocks.
func proxies(field *[]netip.Prefix) setter {
	return func(raw any) error {
		all, err := elements(raw, "10.0.0.0/8")
		if err != nil {
			return err
		}
		var errs []error
		for _, s := range all {
			p, err := parsePrefix(s)
			if err != nil {
				errs = append(errs, fmt.Errorf("%q is not an address or block; hint: 10.0.0.7, 10.0.0.0/8, ::1 or fd00::/8", s))
				continue
			}
			*field = append(*field, p)
		}
		return errors.Join(errs...)
	}
}

// parsePrefix takes an address as the block of that address alone. IPv4 in IPv6
// becomes IPv4, the form in which peers are compared.
func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap()
	if a.Zone() != "" {
		return netip.Prefix{}, errors.New("zone")
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// cookieName reads an RFC 6265 cookie name. Its length is bounded because it
// travels with every request.
func cookieName(field *string) setter {
	return func(raw any) error {
		s, err := verbatim(raw)
		if err != nil {
			return err
		}
		if s == "" || len(s) > 64 || !token(s) {
			return fmt.Errorf("%q is no cookie name; hint: 1 to 64 letters, digits, - or _", s)
		}
		*field = s
		return nil
	}
}

// token reports whether s is of RFC 9110's token characters.
func token(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return true
}

// cookieDomain reads a Domain attribute. Anything but a plain name would end up
// in Set-Cookie as it stands.
func cookieDomain(field *string) setter {
	return func(raw any) error {
		s, err := verbatim(raw)
		if err != nil || s == "" {
			return err
		}
		if _, err := netip.ParseAddr(s); err == nil {
			return fmt.Errorf("%q is an IP address; hint: leave cookieDomain out, cookies belong to the host then", s)
		}
		for label := range strings.SplitSeq(s, ".") {
			if label == "" || len(label) > 63 || strings.Contains(label, "_") || !sessionid.ValidRoute(label) {
				return fmt.Errorf("%q is no domain; hint: example.com, without a dot or anything else around it", s)
			}
		}
		*field = s
		return nil
	}
}
