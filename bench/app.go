package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/msmd/msmd/pkg/manager"
)

// answers are the two prepared bodies.
type answers struct{ with, without []byte }

func newAnswers() answers { return answers{body(true), body(false)} }

// write ends a request.
func (a answers) write(w http.ResponseWriter, session bool) {
	h := w.Header()
	// Both are set so that net/http need not find them out, in any server.
	h["Content-Type"] = []string{"text/plain; charset=utf-8"}
	h["Content-Length"] = []string{strconv.Itoa(bodyBytes)}
	b := a.without
	if session {
		b = a.with
	}
	_, _ = w.Write(b) // fails only if the client has gone
}

// isChange reports whether the request is to change an attribute. It is true
// for ignoreWrite too.
func isChange(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, changePath) }

// headerApp is the app behind the proxies. It reads its session from request
// headers and changes it by response headers. Asked without msmd in front, it
// finds no session and does all the rest, so that the app's share differs by no
// more than the reading of the session.
func headerApp() http.Handler {
	a := newAnswers()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == preparePath {
			prepared, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			w.Header()["Msm-Session-Replace"] = []string{string(prepared)}
			a.write(w, true)
			return
		}
		var session struct {
			Counter int64 `json:"counter"`
		}
		text := r.Header["Msm-Session"]
		if len(text) > 0 {
			if err := json.Unmarshal([]byte(text[0]), &session); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		if isChange(r) {
			w.Header()["Msm-Session-Patch"] = []string{fmt.Sprintf(`{"%s":%d}`, counter, session.Counter+1)}
		}
		a.write(w, len(text) > 0)
	})
}

// middlewareApp is the same app in Go: it uses its session through
// manager.FromContext. Without a manager around it, it has none.
func middlewareApp() http.Handler {
	a := newAnswers()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := manager.FromContext(r.Context())
		if s == nil {
			a.write(w, false)
			return
		}
		var err error
		had := s.State() == manager.StateOK
		switch {
		case r.URL.Path == preparePath:
			err = replace(s, r.Body)
		case isChange(r):
			err = increment(s)
		default:
			_, err = manager.Get[int64](s, counter)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		a.write(w, had)
	})
}

func replace(s *manager.Session, prepared io.Reader) error {
	text, err := io.ReadAll(prepared)
	if err != nil {
		return err
	}
	return s.Replace(text)
}

func increment(s *manager.Session) error {
	n, err := manager.Get[int64](s, counter)
	if err != nil {
		return err
	}
	return s.Set(counter, n+1)
}
