package manager

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/msmd/msmd/pkg/sessionid"
	"github.com/msmd/msmd/pkg/transcoder"
)

// State says what a request knows of its session.
type State string

const (
	// StateOK: the session was loaded.
	StateOK State = "ok"
	// StateNone: there is no session. One comes into being when something is
	// written to it.
	StateNone State = "none"
	// StateUnavailable: the client has a session, but its nodes do not answer.
	// It reads as empty; changes will not be stored.
	StateUnavailable State = "unavailable"
)

// Session is the session of one request. Changes are collected and stored
// once, before the first byte of the response; when two requests change the
// same session at once, both changes are kept, and of two changes to one
// attribute the later. A Session may be used concurrently, until the request
// ends.
type Session struct {
	m    *Manager
	used atomic.Bool // somebody asked for it

	mu        sync.Mutex // guards everything below
	state     State
	view      *view                 // nil with StateNone unless a dead id was presented
	attrs     transcoder.Attributes // with this request's changes
	changes   []attrChange
	create    bool // Create was called
	renew     bool // RenewID was called
	refresh   bool // Touch was called
	destroyed bool // Invalidate was called
	committed bool // the response has begun
}

// start makes the session of a request: it loads the one that the request's
// cookie names, if any.
func (m *Manager) start(r *http.Request) *Session {
	m.stats.Tracked.Add(1)
	s := &Session{m: m, state: StateNone}
	for _, value := range m.cookie.candidates(r) {
		id, err := sessionid.Parse(value)
		if err != nil {
			m.stats.Malformed.Add(1)
			continue
		}
		if s.try(r, id); s.state == StateOK {
			m.stats.Loaded.Add(1)
			return s
		}
	}
	if s.state == StateUnavailable {
		m.stats.Unavailable.Add(1)
		m.log.Warn("session could not be loaded, none of its nodes answers; the client keeps its cookie",
			"ref", s.view.id.Ref(m.cfg.RefSecret), "hint", "are the memcached nodes running and reachable?")
	}
	return s
}

// try loads the session with the id, and leaves s as it is if it is not there.
func (s *Session) try(r *http.Request, id sessionid.ID) {
	v := s.m.store.find(r.Context(), id)
	switch v.presence {
	case unknown:
		s.state, s.view = StateUnavailable, v
	case absent:
		s.m.stats.Absent.Add(1)
	case present:
		attrs, err := s.m.cfg.Transcoder.Attributes(v.rec.Payload)
		if err != nil {
			s.m.stats.Corrupt.Add(1)
			s.m.log.Warn("stored session is not readable; its bytes are kept and not used",
				"ref", id.Ref(s.m.cfg.RefSecret), "cause", err.Error())
			return
		}
		s.state, s.view, s.attrs = StateOK, v, attrs
	}
}

// State says whether there is a session.
func (s *Session) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// ID returns the session's id, "" without a session. It is a credential: do
// not log it; log Ref.
func (s *Session) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view == nil {
		return ""
	}
	return s.view.id.String()
}

// Info is what is known of a session besides its attributes.
type Info struct {
	State    State
	Ref      string        // the session's name in logs and admin calls; no credential
	Version  uint64        // one more with each stored change
	Node     string        // the memcached node that the id names
	Created  time.Time     // zero without a session
	Accessed time.Time     // last access before this one, to within a minute
	Idle     time.Duration // the session ends this long after its last access
	Absolute time.Duration // what is left until the session ends in any case, 0 for no limit
	Size     int           // stored size in bytes
}

// Info returns what is known of the session as it was loaded.
func (s *Session) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := Info{State: s.state}
	if s.view != nil {
		info.Ref = s.view.id.Ref(s.m.cfg.RefSecret)
	}
	if s.state != StateOK {
		return info
	}
	rec := &s.view.rec
	info.Version, info.Node = rec.Version, s.view.id.Node
	info.Created, info.Accessed, info.Idle = rec.Created, rec.Accessed, rec.Idle
	info.Size = transcoder.HeaderLen + len(rec.Payload)
	if rec.Absolute > 0 {
		info.Absolute = max(time.Until(rec.Created.Add(rec.Absolute)), 0)
	}
	return info
}

// Names returns the names of the attributes, sorted.
func (s *Session) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, len(s.attrs))
	for i, a := range s.attrs {
		names[i] = a.Name
	}
	return names
}

// Get decodes the attribute into v, a pointer, and reports whether there is
// such an attribute. It returns an error if the value does not fit v.
func (s *Session) Get(name string, v any) (ok bool, err error) {
	s.mu.Lock()
	raw, ok := s.attrs.Get(name)
	s.mu.Unlock()
	if !ok {
		return false, nil
	}
	if err := s.m.cfg.Transcoder.Decode(raw, v); err != nil {
		return true, fmt.Errorf("session attribute %q: %w", name, err)
	}
	return true, nil
}

// Get returns the attribute as a T, and T's zero value if there is no such
// attribute. It returns an error if the stored value is no T.
func Get[T any](s *Session, name string) (T, error) {
	var v T
	_, err := s.Get(name, &v)
	return v, err
}

// Set sets an attribute. Values are strings, numbers, booleans, byte slices,
// time.Time, nil, and slices, maps with string keys and structs of them.
func (s *Session) Set(name string, value any) error {
	if !utf8.ValidString(name) {
		return fmt.Errorf("session attribute %q: the name is not UTF-8", name)
	}
	raw, err := s.m.cfg.Transcoder.Encode(value)
	if err != nil {
		return fmt.Errorf("session attribute %q: %w", name, err)
	}
	return s.change(attrChange{kind: setAttr, name: name, raw: raw})
}

// Delete removes an attribute. It is no error if there is none.
func (s *Session) Delete(name string) error {
	return s.change(attrChange{kind: deleteAttr, name: name})
}

// Create makes a session come into being though nothing is written to it.
func (s *Session) Create() error { return s.flag(&s.create) }

// RenewID gives the session a new id, as a program must when a user logs in:
// the old id is dead from then on. Without a session it does nothing, since a
// session that comes into being gets a fresh id anyway.
func (s *Session) RenewID() error { return s.flag(&s.renew) }

// Touch stores the time of this access even if it was stored recently.
func (s *Session) Touch() error { return s.flag(&s.refresh) }

// Invalidate destroys the session. No later or parallel request brings it
// back.
func (s *Session) Invalidate() error { return s.flag(&s.destroyed) }

func (s *Session) flag(f *bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(); err != nil {
		return err
	}
	*f = true
	return nil
}

// Atomically runs f, which may change s, and takes back everything that f
// changed if f returns an error, which it returns. Changes that others make to
// s at the same time are taken back too.
func (s *Session) Atomically(f func() error) error {
	s.mu.Lock()
	attrs, changes := slices.Clone(s.attrs), slices.Clip(s.changes)
	create, renew, refresh, destroyed := s.create, s.renew, s.refresh, s.destroyed
	s.mu.Unlock()
	err := f()
	if err != nil {
		s.mu.Lock()
		s.attrs, s.changes = attrs, changes
		s.create, s.renew, s.refresh, s.destroyed = create, renew, refresh, destroyed
		s.mu.Unlock()
	}
	return err
}

// open reports whether changes are still possible.
func (s *Session) open() error {
	switch {
	case s.committed:
		return ErrCommitted
	case s.destroyed:
		return ErrInvalidated
	default:
		return nil
	}
}

// change applies one change to the request's view of the attributes and keeps
// it for the commit.
func (s *Session) change(c attrChange) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(); err != nil {
		return err
	}
	if c.kind == setAttr {
		if raw, ok := s.attrs.Get(c.name); ok && raw == c.raw {
			return nil // the same value again is no change
		}
	}
	attrs, err := c.apply(s.attrs, s.m.cfg.Transcoder)
	if err != nil {
		return err
	}
	s.attrs = attrs
	s.changes = append(s.changes, c)
	return nil
}
