package manager

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
)

var (
	// ErrCommitted is returned by changes to a session whose response has
	// begun: they can no longer be stored.
	ErrCommitted = errors.New("the response has begun; the session was stored before its first byte")
	// ErrInvalidated is returned by changes to a session after Invalidate.
	ErrInvalidated = errors.New("the session was invalidated")
	// ErrTooLarge is returned when a session would exceed MaxSessionSize. The
	// stored session keeps its old state.
	ErrTooLarge = errors.New("session too large")
	// ErrPatch is wrapped by errors of MergePatch and Replace about their
	// argument.
	ErrPatch = errors.New("bad session patch")

	errUnavailable = errors.New("session store unavailable")
	errVanished    = errors.New("session vanished")
	errReplaced    = errors.New("response replaced by an error")
)

// Problem is an answer that msmd gives in place of the app's: RFC 9457
// problem+json where the client accepts it, else one line of text.
type Problem struct {
	Status int    // HTTP status
	Name   string // last part of the type, urn:msmd:problem:<Name>
	Title  string // one line for people
}

// Problems. Their texts hold no detail that an attacker could use; details go
// to the log.
func problemUnavailable() Problem {
	return Problem{http.StatusServiceUnavailable, "store-unavailable", "The session store cannot be reached. Your session is kept; please try again."}
}

func problemCookies() Problem {
	return Problem{http.StatusRequestHeaderFieldsTooLarge, "cookies-too-large", "The request's cookies are larger than 16 KiB."}
}

func problemTooLarge() Problem {
	return Problem{http.StatusRequestEntityTooLarge, "session-too-large", "The session would become too large. Its old state is kept."}
}

// BadPatch is the answer to an app's response whose session headers cannot be
// applied.
func BadPatch() Problem {
	return Problem{http.StatusBadGateway, "bad-session-patch", "The application sent a session change that cannot be applied."}
}

// Write answers with the problem. Headers that the app set are removed.
func (p Problem) Write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	clear(h)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	body := p.Title + "\n"
	if accept := r.Header.Get("Accept"); strings.Contains(accept, "application/problem+json") || strings.Contains(accept, "application/json") {
		h.Set("Content-Type", "application/problem+json")
		body = `{"type":"urn:msmd:problem:` + p.Name + `","title":"` + p.Title + `","status":` + strconv.Itoa(p.Status) + "}\n"
	} else {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // the client may have gone
	}
}
