//go:build faults

package faults

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/msmd/msmd/pkg/manager"
)

// newClient returns the HTTP client of all browsers.
func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute, DisableCompression: true},
		Timeout:   15 * time.Second, // longer than anything msmd may take
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// answer is a response, read to its end, or the lack of one.
type answer struct {
	refused bool // not sent: nothing listens there
	status  int  // 0 without a response
	state   string
	tokens  []string
	set     bool   // with Set-Cookie for the session
	cookie  string // the id in it, "" if it removes the cookie
}

// request sends one request to an msmd.
func (r *run) request(server int, path, token, id string) answer {
	method := http.MethodPost
	if path == pathRead {
		method = http.MethodGet
	}
	req, err := http.NewRequest(method, "http://"+r.world.msmds[server].addr+path+"?t="+token, nil)
	if err != nil {
		r.t.Error(err)
		return answer{}
	}
	if id != "" {
		req.Header.Set("Cookie", manager.DefaultCookieName+"="+id)
	}
	res, err := r.client.Do(req)
	if err != nil {
		var dial *net.OpError
		return answer{refused: errors.As(err, &dial) && dial.Op == "dial"}
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}
	}
	a := answer{status: res.StatusCode}
	state, names, _ := strings.Cut(string(body), "\n")
	a.state, a.tokens = state, strings.Fields(names)
	for _, c := range res.Cookies() {
		if c.Name == manager.DefaultCookieName {
			a.set = true
			if a.cookie = c.Value; c.MaxAge < 0 {
				a.cookie = ""
			}
		}
	}
	return a
}

// base returns the part of an id that names the session.
func base(id string) string {
	base, _, _ := strings.Cut(id, "-")
	return base
}

// getJSON decodes the answer to a GET.
func getJSON(url string, v any) error {
	client := http.Client{Timeout: 2 * time.Second}
	res, err := client.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	return json.NewDecoder(res.Body).Decode(v)
}
