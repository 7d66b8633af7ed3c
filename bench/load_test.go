package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

func TestAttributes(t *testing.T) {
	var object map[string]any
	text := attributes(3)
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if len(object) != numAttributes || len(text) < sessionBytes*95/100 || len(text) > sessionBytes*105/100 {
		t.Errorf("%d attributes in %d bytes, want %d in about %d", len(object), len(text), numAttributes, sessionBytes)
	}
	if !bytes.Equal(text, attributes(3)) || bytes.Equal(text, attributes(4)) {
		t.Error("attributes must depend on the session and on nothing else")
	}
}

// loadServer speaks the workload, and changes session 0's cookie once.
func loadServer(t *testing.T, status int) (srv *httptest.Server, oldCookie, fresh *atomic.Int64) {
	t.Helper()
	oldCookie, fresh = new(atomic.Int64), new(atomic.Int64)
	var changed atomic.Bool
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch cookie := r.Header.Get("Cookie"); {
		case cookie == "s=0" && changed.CompareAndSwap(false, true):
			w.Header().Set("Set-Cookie", "s=fresh; Path=/")
		case cookie == "s=0":
			oldCookie.Add(1)
		case cookie == "s=fresh":
			fresh.Add(1)
		}
		w.WriteHeader(status)
		_, _ = w.Write(body(true)) // fails only if the client has gone
	}))
	t.Cleanup(srv.Close)
	return srv, oldCookie, fresh
}

// generate runs the load generator in this process.
func generate(t *testing.T, p plan) outcome {
	t.Helper()
	in, toGenerator := io.Pipe()
	fromGenerator, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- runLoad(in, out) }()
	r := bufio.NewReader(fromGenerator)
	if err := json.NewEncoder(toGenerator).Encode(p); err != nil {
		t.Fatal(err)
	}
	if line, err := r.ReadString('\n'); err != nil || line != lineWarm {
		t.Fatalf("got %q, %v, want %q", line, err, lineWarm)
	}
	if _, err := io.WriteString(toGenerator, lineGo); err != nil {
		t.Fatal(err)
	}
	var o outcome
	if err := json.NewDecoder(r).Decode(&o); err != nil {
		t.Fatal(err)
	}
	_ = toGenerator.Close() // never fails
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return o
}

func TestLoad(t *testing.T) {
	srv, oldCookie, fresh := loadServer(t, http.StatusOK)
	o := generate(t, plan{Addr: strings.TrimPrefix(srv.URL, "http://"), Conns: 1, Warmup: 0.05, Duration: 0.2,
		ReadPath: readPath, ChangePath: changePath, Cookies: []string{"s=0", "s=1"}, Seed: 1})
	if o.Requests == 0 || o.Errors != 0 || o.NoSession != 0 || o.Reconnects != 0 || o.P50 <= 0 || o.P999 < o.P50 {
		t.Errorf("outcome %+v", o)
	}
	if share := float64(o.Changes) / float64(o.Requests); o.Requests > 500 && (share < 0.1 || share > 0.3) {
		t.Errorf("%d of %d requests were changes, want about 20 %%", o.Changes, o.Requests)
	}
	if oldCookie.Load() != 0 || fresh.Load() == 0 {
		t.Errorf("%d requests with the old cookie and %d with the new one, want 0 and some", oldCookie.Load(), fresh.Load())
	}
}

func TestLoadCountsErrors(t *testing.T) {
	srv, _, _ := loadServer(t, http.StatusServiceUnavailable)
	o := generate(t, plan{Addr: strings.TrimPrefix(srv.URL, "http://"), Conns: 2, Warmup: 0.01, Duration: 0.05,
		ReadPath: readPath, ChangePath: changePath, Cookies: []string{"s=1"}})
	if o.Requests != 0 || o.Errors == 0 || !strings.Contains(o.FirstError, "503") {
		t.Errorf("outcome %+v, want only errors of status 503", o)
	}
}

func TestLoadWithoutServer(t *testing.T) {
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	o := generate(t, plan{Addr: addr, Conns: 2, Warmup: 0.01, Duration: 0.05,
		ReadPath: readPath, ChangePath: changePath, Cookies: []string{"s=1"}})
	if o.Requests != 0 || o.Errors != 2 {
		t.Errorf("outcome %+v, want one error of each connection", o)
	}
}

func TestCookies(t *testing.T) {
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != preparePath || !bytes.Equal(text, attributes(int(n.Add(1)-1))) {
			t.Errorf("%s %s, %v", r.Method, r.URL, err)
		}
		http.SetCookie(w, &http.Cookie{Name: "id", Value: "x", Path: "/"})
	}))
	defer srv.Close()
	got, err := cookies(context.Background(), strings.TrimPrefix(srv.URL, "http://"), true)
	if err != nil || len(got) != numSessions || slices.ContainsFunc(got, func(c string) bool { return c != "id=x" }) {
		t.Errorf("cookies = %q, %v", got, err)
	}
}

func TestSelectRows(t *testing.T) {
	if rows, err := selectRows("floor,direct"); err != nil || rowNames(rows) != "direct,floor" {
		t.Errorf("got %s, %v, want direct,floor", rowNames(rows), err)
	}
	if _, err := selectRows("direct,flor"); err == nil || !strings.Contains(err.Error(), `"flor"`) {
		t.Errorf("error %v, want one that quotes the unknown row", err)
	}
	known := strings.Split(rowNames(allRows()), ",")
	for _, c := range comparisons() {
		if !slices.Contains(known, c.row) || !slices.Contains(known, c.base) {
			t.Errorf("comparison %v of unknown rows", c)
		}
	}
}
