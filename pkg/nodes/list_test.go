package nodes_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/msmd/msmd/pkg/nodes"
)

func ExampleParseList() {
	specs, err := nodes.ParseList("n1:10.0.0.1:11211, n2:10.0.0.2:11211", "n2")
	if err != nil {
		panic(err)
	}
	for _, s := range specs {
		fmt.Println(s.ID, s.Addr, s.Failover)
	}
	_, err = nodes.ParseList("n1:10.0.0.1:11211", "n1")
	fmt.Println(err)
	// Output:
	// n1 10.0.0.1:11211 false
	// n2 10.0.0.2:11211 true
	// all memcached nodes n1 are failover nodes; hint: leave at least one of them out of failoverNodes
}

func TestParseList(t *testing.T) {
	const two = "n1:h:1 n2:h:2"
	n1, n2 := nodes.Spec{ID: "n1", Addr: "h:1"}, nodes.Spec{ID: "n2", Addr: "h:2"}
	f2 := nodes.Spec{ID: "n2", Addr: "h:2", Failover: true}
	for _, tt := range []struct {
		list, failover string
		want           []nodes.Spec
	}{
		{"n1:h:1", "", []nodes.Spec{n1}},
		{two, "", []nodes.Spec{n1, n2}},
		{"n1:h:1,n2:h:2", "", []nodes.Spec{n1, n2}},
		{"n1:h:1, n2:h:2", "", []nodes.Spec{n1, n2}},
		{" ,\n n1:h:1\t,\r\n,n2:h:2 , ", " , ", []nodes.Spec{n1, n2}},
		{"n2:h:2 n1:h:1", "", []nodes.Spec{n2, n1}}, // the order stays
		{two, "n2", []nodes.Spec{n1, f2}},
		{two, " n2\n", []nodes.Spec{n1, f2}},
		{"n1:h:0011211", "", []nodes.Spec{{ID: "n1", Addr: "h:11211"}}},
		{"n1:[::1]:11211", "", []nodes.Spec{{ID: "n1", Addr: "[::1]:11211"}}},
		{"n1:[fe80::1%eth0]:1", "", []nodes.Spec{{ID: "n1", Addr: "[fe80::1%eth0]:1"}}},
		{"N_1:cache-1.example.org:65535", "", []nodes.Spec{{ID: "N_1", Addr: "cache-1.example.org:65535"}}},
		{"n:h:1 N:h:2", "", []nodes.Spec{{ID: "n", Addr: "h:1"}, {ID: "N", Addr: "h:2"}}},
		{strings.Repeat("n", 16) + ":h:1", "", []nodes.Spec{{ID: strings.Repeat("n", 16), Addr: "h:1"}}},
		// msm's unnamed single node
		{"localhost:11211", "", []nodes.Spec{{Addr: "localhost:11211"}}},
		{"[::1]:11211", "", []nodes.Spec{{Addr: "[::1]:11211"}}},
		{" 127.0.0.1:11211 , ", "", []nodes.Spec{{Addr: "127.0.0.1:11211"}}},
	} {
		got, err := nodes.ParseList(tt.list, tt.failover)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ParseList(%q, %q) = %v, %v; want %v", tt.list, tt.failover, got, err, tt.want)
		}
	}
}

func TestParseListFailover(t *testing.T) {
	for _, failover := range []string{"n1 n2", "n1, n2", "n2,n1", "n1\nn2", ",n1,,n2,"} {
		specs, err := nodes.ParseList("n1:h:1 n2:h:2 n3:h:3", failover)
		if err != nil {
			t.Errorf("failover %q: %v", failover, err)
			continue
		}
		for i, want := range []bool{true, true, false} {
			if specs[i].Failover != want {
				t.Errorf("failover %q: %s.Failover = %v, want %v", failover, specs[i].ID, specs[i].Failover, want)
			}
		}
	}
}

// refusal is a list that is refused, and what the error says.
type refusal struct {
	list, failover string
	says           []string
}

func refusals() []refusal {
	return []refusal{
		{"", "", []string{"no memcached node", "hint: memcachedNodes: n1:"}},
		{" ,\t\n", "", []string{"no memcached node"}},
		{strings.Repeat("n:h:1 ", nodes.MaxNodes+1), "", []string{"65 memcached nodes", "hint: at most 64"}},
		{"n1", "", []string{`"n1"`, "hint: id:host:port"}},
		{"h:1 n2:h:2", "", []string{`"h:1" has no id`, "hint: ", "n1:h:1"}},
		{"[::1]:1,[::2]:2", "", []string{`"[::1]:1" has no id`, `"[::2]:2" has no id`}},
		{"n1:h", "", []string{`port "h"`, "hint: a number from 1 to 65535"}},
		{"n1:h:", "", []string{`"n1:h:"`, `port ""`, "hint: "}},
		{"n1:h:0", "", []string{`port "0"`, "hint: "}},
		{"n1:h:65536", "", []string{`port "65536"`, "hint: "}},
		{"n1:h:-1", "", []string{`port "-1"`, "hint: "}},
		{"n1:h:http", "", []string{`port "http"`, "hint: "}},
		{"n1::1", "", []string{`host ""`, "hint: a name or an IP address"}},
		{":11211", "", []string{`id ""`, "hint: 1 to 16 of"}},
		{":h:11211", "", []string{`id ""`, "hint: "}},
		{"n-1:h:1", "", []string{`"n-1:h:1"`, `id "n-1"`, "hint: 1 to 16 of A-Z a-z 0-9 _"}},
		{"né:h:1", "", []string{`id "né"`, "hint: "}},
		{"n.1:h:1", "", []string{`id "n.1"`, "hint: "}},
		{strings.Repeat("n", 17) + ":h:1", "", []string{`id "nnnnnnnnnnnnnnnnn"`, "hint: "}},
		{"n1:::1:11211", "", []string{`address "::1:11211"`, "hint: ", "IPv6 in brackets"}},
		{"n1:[::1]", "", []string{`address "[::1]"`, "IPv6 in brackets"}},
		{"n1:http://h:1", "", []string{`"n1:http://h:1"`, "hint: "}},
		{"n1:user@h:1", "", []string{`host "user@h"`, "hint: "}},
		{"n1:h/x:1", "", []string{`host "h/x"`, "hint: "}},
		{`"n1:h:1"`, "", []string{`id "\"n1"`, "hint: "}},
		{"n1:h:1;n2:h:2", "", []string{`"n1:h:1;n2:h:2"`, "hint: "}},
		{"n1:h:1 n1:h:2", "", []string{`id "n1" stands twice`, "hint: "}},
		{"n1:h:1 n2:h:1", "", []string{`"n1" and "n2" have the same address h:1`, "hint: "}},
		{"n1:h:1 n2:h:01", "", []string{"the same address h:1"}},
		{"n1:h:1 n2:h:2", "n3", []string{`"n3" is not among`, "n1, n2"}},
		{"n1:h:1 n2:h:2", "N2", []string{`"N2" is not among`}},
		{"n1:h:1 n2:h:2", "n2 n2", []string{`"n2" stands twice`}},
		{"n1:h:1 n2:h:2", "n1 n2", []string{"all memcached nodes n1, n2 are failover nodes", "hint: "}},
		{"n1:h:1", "n1", []string{"all memcached nodes n1 are failover nodes"}},
		{"h:1", "n1", []string{`"n1" is not among`}},
		{"n-1:h:1 n2 n3:h:x n3:h:1", "", []string{`id "n-1"`, `"n2"`, `port "x"`}}, // all at once
	}
}

// TestParseListRefuses: each refusal quotes what is wrong and says what would
// be right.
func TestParseListRefuses(t *testing.T) {
	for _, tt := range refusals() {
		specs, err := nodes.ParseList(tt.list, tt.failover)
		if err == nil {
			t.Errorf("ParseList(%q, %q) = %v, want an error", tt.list, tt.failover, specs)
			continue
		}
		if specs != nil {
			t.Errorf("ParseList(%q, %q) = %v besides an error", tt.list, tt.failover, specs)
		}
		for _, part := range tt.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("ParseList(%q, %q): error does not say %q:\n%v", tt.list, tt.failover, part, err)
			}
		}
	}
}

func FuzzParseList(f *testing.F) {
	f.Add("n1:h:1,n2:[::1]:2", "n2")
	f.Add("localhost:11211", "")
	f.Fuzz(func(t *testing.T, list, failover string) {
		specs, err := nodes.ParseList(list, failover)
		if err != nil {
			return
		}
		var again, backups []string
		for _, s := range specs {
			text := s.Addr
			if s.ID != "" {
				text = s.ID + ":" + text
			}
			if s.Failover {
				backups = append(backups, s.ID)
			}
			again = append(again, text)
		}
		got, err := nodes.ParseList(strings.Join(again, " "), strings.Join(backups, ","))
		if err != nil || !reflect.DeepEqual(got, specs) {
			t.Errorf("ParseList(%q) = %v, %v; want %v", again, got, err, specs)
		}
	})
}
