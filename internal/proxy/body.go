package proxy

import (
	"bytes"
	"io"
	"net/http"
)

const (
	smallBody = 64 << 10  // request bodies up to this are read before they are forwarded
	drainMax  = 256 << 10 // of a request body that nobody read, before an error is sent; net/http's own limit
)

// An app may answer before it has read the whole request, or msmd's transport
// may still be looking for the end of the body when the answer comes. net/http's
// server, when the response begins, reads and closes what is left of the body;
// the transport then takes the request for failed and cuts the response off
// (golang/go#40747). So a small body is read first, and for the others the
// server is told to leave them alone.

// prepareBody makes the request's body safe to forward.
func prepareBody(w http.ResponseWriter, r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil
	}
	if r.ContentLength < 0 || r.ContentLength > smallBody || r.Header.Get("Expect") != "" {
		// HTTP/2 needs and has no such call.
		_ = http.NewResponseController(w).EnableFullDuplex()
		return nil
	}
	text := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, text); err != nil {
		return err
	}
	if err := r.Body.Close(); err != nil {
		return err
	}
	// With GetBody the transport may use another connection if the one it took
	// was closed before it wrote anything.
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	r.Body, _ = r.GetBody()
	return nil
}

// drain reads what is left of a request body, up to a bound, so that the
// client sees an answer to it rather than a reset connection.
func drain(r *http.Request) {
	if r.Body != nil {
		_, _ = io.CopyN(io.Discard, r.Body, drainMax) // its end is what is wanted
	}
}

// bodyFor returns the request's body for one try. The transport closes it when
// it cannot connect; another upstream still needs it, and ReverseProxy closes it
// in the end. The transport also reads a body of known length once more after
// its last byte, when it may be closed; so it ends by itself.
func bodyFor(req *http.Request) io.ReadCloser {
	if req.ContentLength > 0 {
		return keepOpen{io.LimitReader(req.Body, req.ContentLength)}
	}
	return keepOpen{req.Body}
}

type keepOpen struct{ io.Reader }

func (keepOpen) Close() error { return nil }
