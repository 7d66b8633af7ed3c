package manager

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/msmd/msmd/pkg/transcoder"
)

func TestExpired(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		idle, absolute time.Duration
		accessed, now  time.Duration // after creation
		want           bool
		life           time.Duration
	}{
		{30 * time.Minute, 12 * time.Hour, 0, 0, false, 31 * time.Minute},
		{30 * time.Minute, 12 * time.Hour, 0, 31*time.Minute + 4*time.Second, false, time.Second},
		{30 * time.Minute, 12 * time.Hour, 0, 31*time.Minute + 6*time.Second, true, time.Second},
		{time.Minute, 12 * time.Hour, 0, 66 * time.Second, false, time.Second}, // refreshed every 6 s
		{time.Minute, 12 * time.Hour, 0, 72 * time.Second, true, time.Second},
		{30 * time.Minute, time.Hour, 50 * time.Minute, 55 * time.Minute, false, 5 * time.Minute},
		{30 * time.Minute, time.Hour, 59 * time.Minute, time.Hour + 6*time.Second, true, time.Second},
		{30 * time.Minute, 0, 99 * time.Hour, 99 * time.Hour, false, 31 * time.Minute},
		{0, 0, 0, 1000 * time.Hour, false, forever},
	} {
		r := transcoder.Record{Created: start, Accessed: start.Add(tt.accessed), Idle: tt.idle, Absolute: tt.absolute}
		if got := expired(&r, start.Add(tt.now)); got != tt.want {
			t.Errorf("%+v: expired = %v, want %v", tt, got, tt.want)
		}
		if got := life(&r, start.Add(tt.now)); got != tt.life {
			t.Errorf("%+v: life = %v, want %v", tt, got, tt.life)
		}
	}
}

// TestTombstoneOutlivesCopies: a copy of the session that was written last
// before the tombstone is gone from memcached before it.
func TestTombstoneOutlivesCopies(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, idle := range []time.Duration{time.Second, time.Minute, 30 * time.Minute, 24 * time.Hour} {
		r := transcoder.Record{Created: now, Accessed: now, Idle: idle, Absolute: time.Hour}
		dead := r
		_ = entomb(&dead)
		if life(&dead, now) <= life(&r, now) {
			t.Errorf("idle %v: tombstone lives %v, the session %v", idle, life(&dead, now), life(&r, now))
		}
	}
}

// TestIdleSessionEnds runs two sessions through half an hour, one of them
// visited, on an in-process node with the bubble's clock.
func TestIdleSessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, stop := bubble(t)
		defer stop()
		visited, left := visit(m, "", "/set"), visit(m, "", "/set")
		for range 40 {
			time.Sleep(time.Minute)
			if got := visit(m, visited, "/"); got != visited {
				t.Fatal("a visited session ended")
			}
		}
		if got := m.Stats().Refreshed.Load(); got < 20 || got > 40 {
			t.Errorf("40 visits stored the access %d times, want about one a minute at most", got)
		}
		if visit(m, left, "/state") == left {
			t.Error("an idle session lives on")
		}
		time.Sleep(12 * time.Hour)
		if visit(m, visited, "/state") == visited {
			t.Error("a session lives past its absolute limit")
		}
	})
}

// visit sends a request with the id and returns the id that the client then
// has, "" if the session is not known.
func visit(m *Manager, id, path string) string {
	r := httptest.NewRequest("GET", path, nil)
	if id != "" {
		r.Header.Set("Cookie", "msmid="+id)
	}
	w := httptest.NewRecorder()
	m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s := FromContext(r.Context())
		if r.URL.Path == "/set" {
			_ = s.Set("a", "1")
		}
		if s.State() != StateOK {
			id = ""
		}
	})).ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		id = c.Value
	}
	return id
}
