package manager

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
)

// response commits the session once, before the first byte of the final
// response header, on every way there is to send one: WriteHeader, Write,
// ReadFrom, Flush and Hijack, or the handler's end. If the commit fails, and
// the policy says so, an error goes out in place of the app's response.
type response struct {
	http.ResponseWriter
	r         *http.Request
	s         *Session
	committed bool // the final header went out, ours or the app's
	replaced  bool // it was ours
}

// WriteHeader implements http.ResponseWriter. 1xx headers other than 101 pass
// without a commit and without a cookie.
func (w *response) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		if !w.committed {
			w.ResponseWriter.WriteHeader(status)
		}
		return
	}
	if w.commit() {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	if !w.committed {
		w.WriteHeader(http.StatusOK)
	}
	if w.replaced {
		return 0, errReplaced
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom implements io.ReaderFrom, so that files are still sent by the
// kernel.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	if !w.committed {
		w.WriteHeader(http.StatusOK)
	}
	if w.replaced {
		return 0, errReplaced
	}
	return io.Copy(w.ResponseWriter, src)
}

// Flush implements http.Flusher.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError is what http.ResponseController calls.
func (w *response) FlushError() error {
	if !w.committed {
		w.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker. It commits first: after it the connection
// is the handler's, and a Set-Cookie is in Header for it to send.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !w.committed && !w.commit() {
		return nil, nil, errReplaced
	}
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Unwrap lets http.ResponseController reach what this type does not have.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// commit runs once and reports whether the app's response may go out.
func (w *response) commit() bool {
	if w.committed {
		return !w.replaced
	}
	w.committed = true
	setCookie, err := w.s.commit(w.r)
	if err != nil && w.s.fails(w.r.Method, err) {
		w.replaced = true
		w.s.logFailure(w.r, err, "an error was sent in place of the app's response")
		problemFor(err).Write(w.ResponseWriter, w.r)
		return false
	}
	if err != nil {
		w.s.logFailure(w.r, err, "the app's response was sent without it")
	}
	h := w.Header()
	if w.s.used.Load() {
		varyCookie(h)
	}
	if setCookie != "" {
		h.Add("Set-Cookie", setCookie)
		if cc := strings.ToLower(h.Get("Cache-Control")); !strings.Contains(cc, "no-store") && !strings.Contains(cc, "private") {
			h.Set("Cache-Control", "no-store") // a shared cache would hand the session to others
		}
	}
	return true
}

func problemFor(err error) Problem {
	switch {
	case errors.Is(err, ErrTooLarge):
		return problemTooLarge()
	case errors.Is(err, ErrPatch):
		return BadPatch()
	default:
		return problemUnavailable()
	}
}

func (s *Session) logFailure(r *http.Request, err error, what string) {
	s.mu.Lock()
	ref := s.ref()
	s.mu.Unlock()
	s.m.log.Error("session change not stored; "+what, "ref", ref, "method", r.Method, "cause", err.Error())
}

func varyCookie(h http.Header) {
	for _, line := range h["Vary"] {
		for v := range strings.SplitSeq(line, ",") {
			if v = strings.TrimSpace(v); v == "*" || strings.EqualFold(v, "Cookie") {
				return
			}
		}
	}
	h.Add("Vary", "Cookie")
}
