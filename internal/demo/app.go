// Package demo holds the sample app of "msmd demo" and the switches of its
// parts. The app is the page of the classic cluster test, a session's id, its
// times and its attributes with a form to change them, written against
// msmd's header protocol with nothing but the standard library: it shows how
// little an app needs. It must not import another package of msmd.
package demo

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"unicode/utf8"
)

const (
	// maxForm bounds a posted form. It holds any patch that passes maxPatch.
	maxForm = 64 << 10
	// maxPatch keeps a patch, with its other fields, clear of the 64 KiB
	// that msmd accepts for all Msm-* response fields together.
	maxPatch = 48 << 10
	// defaultUser is who logs in if the form names nobody.
	defaultUser = "ann"
)

// Config describes one running sample app.
type Config struct {
	// Name is shown on the page and in its JSON, for example "app1". It also
	// selects the page's colour.
	Name string
	// Control is the base URL of the demo's control address, for example
	// "http://127.0.0.1:8081". If empty, or not an http or https URL, the
	// page has no buttons to stop and start parts.
	Control string
	// Parts tells the state of the demo's parts, in the order to be shown.
	// It is called once a page, concurrently. If nil, the page shows none.
	Parts func() []Part
}

// Part is the state of one part of the demo: an app or a memcached node.
type Part struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // "app" or "node"
	Addr string `json:"addr"`
	Up   bool   `json:"up"`
}

// App is the sample app: a page in the manner of the classic cluster test. It
// keeps nothing itself; the session comes and goes with each request.
// An App may be used concurrently. Make one with NewApp.
type App struct {
	cfg     Config
	control string // origin of cfg.Control, or ""
	policy  string // Content-Security-Policy
	mux     *http.ServeMux
}

// NewApp returns the sample app described by cfg.
func NewApp(cfg Config) *App {
	a := &App{cfg: cfg, control: origin(cfg.Control), mux: http.NewServeMux()}
	a.policy = contentPolicy(a.control)
	a.mux.HandleFunc("GET /{$}", a.show)
	a.mux.HandleFunc("POST /{$}", writing(a.setAttribute))
	a.mux.HandleFunc("POST /count", writing(a.count))
	a.mux.HandleFunc("POST /login", writing(a.login))
	a.mux.HandleFunc("POST /logout", writing(a.logout))
	handleAssets(a.mux, "/")
	return a
}

// ServeHTTP answers the page, its forms and its two assets.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setSecurity(w.Header(), a.policy)
	a.mux.ServeHTTP(w, r)
}

// show answers the session as a page, or as JSON to a client that prefers it.
func (a *App) show(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	s := readSession(r.Header)
	if prefersJSON(r.Header.Get("Accept")) {
		writeJSON(w, s.report(a.cfg.Name))
		return
	}
	writePage(w, "page.html", a.view(s))
}

// writing refuses a request that msmd could serve without its session only:
// whatever next asked for would be lost, or applied to a session unseen.
func writing(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if readSession(r.Header).state == stateUnavailable {
			w.Header().Set("Retry-After", "1")
			refuse(w, &statusError{http.StatusServiceUnavailable, "the session store cannot be reached, so nothing was changed; try again shortly"})
			return
		}
		next(w, r)
	}
}

// setAttribute does what the form of the classic test page does: dataName is
// set to dataValue, or removed if that is empty. No name, no change.
func (a *App) setAttribute(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	name, value := form.Get("dataName"), form.Get("dataValue")
	if name == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if value == "" {
		a.change(w, r, name, nil, "")
		return
	}
	a.change(w, r, name, value, "")
}

// count adds one to the attribute "count". Two requests at once may both
// write the same number: a merge patch carries values, not sums.
func (a *App) count(w http.ResponseWriter, r *http.Request) {
	s := readSession(r.Header)
	old, known := s.attributes["count"]
	// Without the old value a patch would set the counter back to one.
	if !known && s.partial {
		refuse(w, &statusError{http.StatusConflict, "the session's attributes did not reach this app, so it cannot count"})
		return
	}
	a.change(w, r, "count", increment(old), "")
}

// login believes whatever name it is told; the session is the point here.
func (a *App) login(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	user := form.Get("user")
	if user == "" {
		user = defaultUser
	}
	// A new id at login: whoever planted or saw the old one is left out.
	a.change(w, r, "user", user, "rotate")
}

// logout asks for nothing but the end of the session, which takes its
// attributes and the browser's cookie with it.
func (a *App) logout(w http.ResponseWriter, r *http.Request) {
	a.change(w, r, "", nil, "destroy")
}

// change tells msmd to set attribute name to value, or to remove it if value
// is nil, and to do what do says, and sends the client back to the page. An
// empty name changes no attribute.
func (a *App) change(w http.ResponseWriter, r *http.Request, name string, value any, do string) {
	if name != "" {
		patch, err := mergePatch(name, value)
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Msm-Session-Patch", patch)
	}
	if do != "" {
		w.Header().Set("Msm-Session-Do", do)
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// readForm returns the fields of a posted form, all of them valid UTF-8.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		media, _, err := mime.ParseMediaType(ct)
		if err != nil || media != "application/x-www-form-urlencoded" {
			return nil, &statusError{http.StatusUnsupportedMediaType, "send the form as application/x-www-form-urlencoded"}
		}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, &statusError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the form is larger than %d bytes", maxForm)}
		}
		return nil, &statusError{http.StatusBadRequest, "the form cannot be read: " + err.Error()}
	}
	for name, values := range r.PostForm {
		for _, v := range append(values, name) {
			if !utf8.ValidString(v) {
				return nil, &statusError{http.StatusBadRequest, "the form is not valid UTF-8"}
			}
		}
	}
	return r.PostForm, nil
}
