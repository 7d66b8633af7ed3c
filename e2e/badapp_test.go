package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// badAnswers are session headers that must not be applied: pairs of a name
// and a value.
func badAnswers() map[string][]string {
	const patch, replace, do = "Msm-Session-Patch", "Msm-Session-Replace", "Msm-Session-Do"
	many := make([]string, 0, 34)
	for range 17 {
		many = append(many, patch, `{"bad":1}`)
	}
	deep := func(n int) string { return strings.Repeat(`{"bad":`, n) + "1" + strings.Repeat("}", n) }
	return map[string][]string{
		"no JSON":              {patch, `{"bad":`},
		"neither { nor :":      {patch, `bad=1`},
		"an array":             {patch, `[1]`},
		"two objects":          {patch, `{"bad":1}{"bad":2}`},
		"empty":                {patch, ``},
		"no base64":            {patch, `:e30*:`},
		"base64 of no JSON":    {patch, `:YmFk:`},
		"invalid UTF-8":        {patch, "{\"bad\":\"\xe9\"}"},
		"patch with replace":   {patch, `{"bad":1}`, replace, `{"bad":1}`},
		"two replaces":         {replace, `{"bad":1}`, replace, `{"bad":1}`},
		"17 patches":           many,
		"70 KiB":               {patch, `{"bad":"` + strings.Repeat("x", 70<<10) + `"}`},
		"70 KiB in all":        {patch, `{"bad":1}`, "Msm-Session-Padding", strings.Repeat("x", 70<<10)},
		"unknown member of Do": {patch, `{"bad":1}`, do, `destory`},
		"Do is no Dictionary":  {patch, `{"bad":1}`, do, `rotate;;`},
		"Do with a value":      {patch, `{"bad":1}`, do, `destroy="yes"`},
		"depth 33":             {patch, deep(33)},
		"depth 33, replaced":   {replace, deep(33)},
		"duplicate keys":       {patch, `{"bad":1,"bad":2}`},
		"duplicate keys below": {patch, `{"bad":{"a":1,"a":2}}`},
		"good, then bad":       {patch, `{"bad":1}`, patch, `{"bad":`},
	}
}

// scripted is an app that answers with the session headers of its script that
// the path names, and else with the session it got.
func scripted(script map[string][]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fields := script[strings.TrimPrefix(r.URL.Path, "/")]
		for i := 0; i < len(fields); i += 2 {
			w.Header().Add(fields[i], fields[i+1])
		}
		w.Header().Set("X-App", "bad")
		_, _ = io.WriteString(w, r.Header.Get("Msm-Session"))
	}
}

// TestBadApp: the client gets a 502, nothing of the answer is applied, and the
// log says why.
func TestBadApp(t *testing.T) {
	t.Parallel()
	script := badAnswers()
	script["good"] = []string{"Msm-Session-Patch", `{"kept":1}`}
	script["depth 32"] = []string{"Msm-Session-Replace", `{"kept":` + strings.Repeat(`[`, 31) + strings.Repeat("]", 31) + "}"}
	s := newGoSite(t, scripted(script))
	b, url := s.browser(), s.servers[0].url+"/"
	b.send("POST", url+"good", "")
	id := b.id(url)
	for name := range badAnswers() {
		for _, method := range []string{"GET", "POST"} {
			p := b.send(method, url+strings.ReplaceAll(name, " ", "%20"), "", "Accept", "application/json")
			if p.status != http.StatusBadGateway || p.header.Get("X-App") != "" || !strings.Contains(p.body, "urn:msmd:problem:bad-session-patch") {
				t.Errorf("%s %s: %d %q, want a 502 of msmd's own", method, name, p.status, p.body)
			}
			if p := b.get(url); p.body != `{"kept":1}` || b.id(url) != id || b.given != 1 {
				t.Errorf("%s %s: the session is %q, %d Set-Cookie; want it unchanged", method, name, p.body, b.given)
			}
		}
	}
	stranger := s.browser()
	stranger.send("GET", url+"good,%20then%20bad", "")
	if items := s.items(); stranger.given != 0 || items[0] != 1 || items[1] != 1 {
		t.Errorf("without a session: %d Set-Cookie, items %v; want none, and one session on each node", stranger.given, items)
	}
	refusals := strings.Count(s.servers[0].out.String(), "a 502 was sent in its place")
	if want := 2*len(badAnswers()) + 1; refusals != want {
		t.Errorf("%d lines in the log, want %d", refusals, want)
	}
	if p := b.send("POST", url+"depth%2032", ""); p.status != http.StatusOK || b.get(url).body != `{"kept":`+strings.Repeat(`[`, 31)+strings.Repeat("]", 31)+"}" {
		t.Errorf("depth 32, which is allowed: %d, the session is %q", p.status, b.get(url).body)
	}
}

// TestBadAppIgnored is badPatch: ignore, which serves the app's answer.
func TestBadAppIgnored(t *testing.T) {
	t.Parallel()
	script := badAnswers()
	script["good"] = []string{"Msm-Session-Patch", `{"kept":1}`}
	s := newGoSite(t, scripted(script), "badPatch: ignore")
	b, url := s.browser(), s.servers[0].url+"/"
	b.send("POST", url+"good", "")
	for name := range badAnswers() {
		p := b.send("POST", url+strings.ReplaceAll(name, " ", "%20"), "")
		if p.status != http.StatusOK || p.header.Get("X-App") != "bad" || p.body != `{"kept":1}` {
			t.Errorf("%s: %d %q, want the app's answer", name, p.status, p.body)
		}
		if p := b.get(url); p.body != `{"kept":1}` || b.given != 1 {
			t.Errorf("%s: the session is %q, %d Set-Cookie; want it unchanged", name, p.body, b.given)
		}
	}
}
