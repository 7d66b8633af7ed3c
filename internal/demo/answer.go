package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

//go:embed assets
var assets embed.FS

var templates = template.Must(template.ParseFS(assets, "assets/*.html"))

// statusError is a refusal: one line for the client and its HTTP status.
type statusError struct {
	status int
	text   string
}

// Error returns the line for the client.
func (e *statusError) Error() string { return e.text }

// refuse answers err in one line of text.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var se *statusError
	if errors.As(err, &se) {
		status = se.status
	}
	http.Error(w, err.Error(), status)
}

// origin returns scheme://host of an http or https URL, and "" of anything else.
func origin(base string) string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// contentPolicy allows a page its stylesheet, its icon, and forms to itself
// and to the origin other, if there is one.
func contentPolicy(other string) string {
	return strings.TrimSpace("default-src 'none'; style-src 'self'; img-src 'self' data:; " +
		"base-uri 'none'; frame-ancestors 'none'; form-action 'self' " + other)
}

// setSecurity sets the fields common to all answers. There is no
// Referrer-Policy among them: the stricter ones make a browser send "Origin:
// null" with the forms, which the control could not tell from a stranger's.
func setSecurity(h http.Header, policy string) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
}

// writePage answers template name filled with data, or 500 and no half page.
func writePage(w http.ResponseWriter, name string, data any) {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, data); err != nil {
		refuse(w, fmt.Errorf("render %s: %w", name, err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	page.WriteTo(w)
}

// writeJSON answers data as JSON.
func writeJSON(w http.ResponseWriter, data any) {
	text, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		refuse(w, fmt.Errorf("encode the answer: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(append(text, '\n'))
}

// handleAssets serves the stylesheet and the icon below prefix. Their names
// end as the usual ignore pattern wants it, so that they cost no session.
func handleAssets(mux *http.ServeMux, prefix string) {
	for name, file := range map[string]struct{ path, media string }{
		"style.css":   {"assets/style.css", "text/css; charset=utf-8"},
		"favicon.ico": {"assets/favicon.svg", "image/svg+xml"},
	} {
		content, err := assets.ReadFile(file.path)
		if err != nil {
			panic(err) // the file is compiled in
		}
		etag := fmt.Sprintf(`"%.8x"`, sha256.Sum256(content))
		mux.HandleFunc("GET "+prefix+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache") // stored, asked for again by ETag
			w.Header().Set("Content-Type", file.media)
			w.Header().Set("Etag", etag)
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
		})
	}
}
