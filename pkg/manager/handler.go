package manager

import (
	"errors"
	"net/http"
)

// Handler gives the requests that reach next their sessions, see FromContext.
// Several handlers may be made of one Manager.
func (m *Manager) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cookieBytes(r) > maxCookieBytes {
			problemCookies().Write(w, r)
			return
		}
		if m.cfg.Ignore.Match(r.Method, r.URL) {
			m.stats.Ignored.Add(1)
			next.ServeHTTP(w, r)
			return
		}
		s := m.start(r)
		if s.state == StateUnavailable && m.cfg.RejectUnavailable {
			problemUnavailable().Write(w, r)
			return
		}
		rw := &response{ResponseWriter: w, r: r, s: s}
		defer rw.recoverReplaced()
		next.ServeHTTP(rw, r.WithContext(newContext(r.Context(), s)))
		if !rw.committed {
			rw.WriteHeader(http.StatusOK)
		}
	})
}

// recoverReplaced ends the panic by which httputil.ReverseProxy gives up when
// it cannot write the body of a response that was replaced: the client has got
// a whole response, the error.
func (w *response) recoverReplaced() {
	if !w.replaced {
		return
	}
	if p := recover(); p != nil {
		if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
	}
}
