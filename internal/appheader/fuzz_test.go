package appheader

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestReserved(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"Msm-Session": true, "msm_x": true, "MSM.": true, "Msm-": true, "mSm~x": true,
		"Msm": false, "Msmx-Session": false, "Msm1": false, "X-Msm-Session": false, "": false, "Ms-m": false,
	} {
		if got := reserved(name); got != want {
			t.Errorf("reserved(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestConnectionKeepsItsOtherTokens(t *testing.T) {
	t.Parallel()
	r := &http.Request{Header: http.Header{"Connection": {"Upgrade, Msm-Session", "msm.x"}, "Upgrade": {"websocket"}}, Trailer: http.Header{"Msm-X": nil, "X": nil}}
	stripRequest(r)
	if got := strings.Join(r.Header["Connection"], "|"); got != "Upgrade" {
		t.Errorf("Connection = %q, want Upgrade", got)
	}
	if len(r.Trailer) != 1 {
		t.Errorf("Trailer = %v, want X alone", r.Trailer)
	}
}

func FuzzDo(f *testing.F) {
	for _, s := range []string{"rotate", "create, destroy=?0", "rotate;x=1", `a="b"`, "(", "rotate=:YQ==:", "@1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		a, err := parseDo([]string{value})
		if err != nil && !strings.Contains(value, "destroy") && a.destroy {
			t.Errorf("parseDo(%q) destroys, with error %v", value, err)
		}
		if err == nil && a.destroy && !strings.Contains(value, "destroy") {
			t.Errorf("parseDo(%q) destroys", value)
		}
	})
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"a":1}`, ":e30=:", ":e30:", ":;:", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		text, err := decodeJSON(value)
		if err == nil && !strings.HasPrefix(strings.Trim(value, " \t"), ":") && string(text) != strings.Trim(value, " \t") {
			t.Errorf("decodeJSON(%q) = %q", value, text)
		}
		if err == nil && json.Valid(text) && len(text) > len(value) {
			t.Errorf("decodeJSON(%q) grew to %q", value, text)
		}
	})
}

func FuzzReserved(f *testing.F) {
	f.Add("Msm-Session", "Msm-X, close")
	f.Fuzz(func(t *testing.T, name, connection string) {
		h := http.Header{name: {"1"}, "Connection": {connection}}
		stripRequest(&http.Request{Header: h})
		for n := range h {
			if reserved(n) {
				t.Errorf("%q was left", n)
			}
		}
		for token := range strings.SplitSeq(h.Get("Connection"), ",") {
			if reserved(strings.TrimSpace(token)) {
				t.Errorf("Connection: %q was left of %q", token, connection)
			}
		}
	})
}
