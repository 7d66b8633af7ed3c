package appheader_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/msmd/msmd/internal/appheader"
)

func b64(s string) string { return ":" + base64.StdEncoding.EncodeToString([]byte(s)) + ":" }

func TestPatchForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		send []string
		want string // Msm-Session of the next request
	}{
		{[]string{`Msm-Session-Patch {"a":1}`}, `{"a":1}`},
		{[]string{`Msm-Session-Patch {"a":1}`, `Msm-Session-Patch {"a":null,"b":2}`}, `{"b":2}`},
		{[]string{`Msm-Session-Patch ` + b64(`{"é":"中😀"}`)}, `{"\u00e9":"\u4e2d\ud83d\ude00"}`},
		{[]string{`Msm-Session-Patch {"é":"raw"}`}, `{"\u00e9":"raw"}`},
		{[]string{`Msm-Session-Replace {"only":null}`}, `{"only":null}`},
		{[]string{`msm_session_patch {"a":1}`, `Msm-Session-Do create`}, `{}`}, // not ours, but not the client's either
		{[]string{`Msm-Session-Do create, touch, rotate`}, `{}`},
		{[]string{`Msm-Session-Do create=?1, destroy=?0`}, `{}`},
	} {
		c := newChain(t, appheader.Config{}, mirror)
		res, _ := c.do("/", send(tt.send...))
		_, body := c.do("/", nil)
		if !strings.Contains(body, "Msm-Session: "+tt.want+"\r\n") {
			t.Errorf("%q: status %d, then the app got\n%s\nwant %s", tt.send, res.StatusCode, body, tt.want)
		}
	}
}

func badOutputs() map[string][]string {
	many := make([]string, 17)
	for i := range many {
		many[i] = fmt.Sprintf(`Msm-Session-Patch {"k%d":1}`, i)
	}
	return map[string][]string{
		"not JSON":            {`Msm-Session-Patch {"a"`},
		"neither { nor :":     {`Msm-Session-Patch a=1`},
		"an array":            {`Msm-Session-Patch ` + b64(`[1]`)},
		"bad base64":          {`Msm-Session-Patch :a*b:`},
		"bad UTF-8":           {`Msm-Session-Patch ` + b64("{\"a\":\"\xff\"}")},
		"patch and replace":   {`Msm-Session-Patch {"a":1}`, `Msm-Session-Replace {"b":1}`},
		"two replaces":        {`Msm-Session-Replace {"a":1}`, `Msm-Session-Replace {"b":1}`},
		"17 patches":          many,
		"second patch bad":    {`Msm-Session-Patch {"a":1}`, `Msm-Session-Patch {`},
		"duplicate keys":      {`Msm-Session-Patch {"a":1,"a":2}`},
		"too deep":            {`Msm-Session-Patch {"a":` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + `}`},
		"unknown member":      {`Msm-Session-Patch {"a":1}`, `Msm-Session-Do destory`},
		"later member":        {`Msm-Session-Do strict`},
		"member with a value": {`Msm-Session-Do rotate=1`},
		"no dictionary":       {`Msm-Session-Do ;`},
		"64 KiB": {`Msm-Session-Patch {"a":"` + strings.Repeat("x", 40<<10) + `"}`,
			`Msm-Session-Patch {"b":"` + strings.Repeat("x", 40<<10) + `"}`},
	}
}

// TestBadOutput: nothing of it is applied; the client gets a 502, or the
// response where that is configured.
func TestBadOutput(t *testing.T) {
	t.Parallel()
	for _, ignore := range []bool{false, true} {
		for name, lines := range badOutputs() {
			c := newChain(t, appheader.Config{IgnoreBadPatch: ignore}, mirror)
			c.do("/", send(`Msm-Session-Patch {"old":1}`))
			id := c.cookie
			res, body := c.do("/", send(lines...))
			want := http.StatusBadGateway
			if ignore {
				want = http.StatusOK
			}
			if res.StatusCode != want || res.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: status %d, %q, want %d and no cookie", name, res.StatusCode, body, want)
			}
			if _, body = c.do("/", nil); !strings.Contains(body, `Msm-Session: {"old":1}`+"\r\n") || c.cookie != id {
				t.Errorf("%s: then the app got\n%s\nwant the old state", name, body)
			}
		}
	}
}
