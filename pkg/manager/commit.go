package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/msmd/msmd/pkg/transcoder"
)

// commit stores what the request did to its session. It runs once, before the
// first byte of the response, and returns what to do with the cookie.
func (s *Session) commit(r *http.Request) (setCookie string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committed = true
	if s.dirty() && r.Context().Err() != nil {
		s.m.stats.Aborted.Add(1)
		return "", nil // the client has gone; nobody was promised anything
	}
	// From here on the client may go: what was begun is finished.
	ctx := context.WithoutCancel(r.Context())
	before := s.view
	if err := s.save(ctx); err != nil {
		if errors.Is(err, errVanished) {
			s.m.stats.Vanished.Add(1)
			s.m.log.Info("session change dropped: the session ended while the request ran", "ref", s.ref())
			return "", nil
		}
		s.m.stats.Failed.Add(1)
		return "", err
	}
	if s.destroyed {
		if before == nil {
			return "", nil
		}
		return s.m.cookie.remove(r), nil
	}
	if s.state != StateOK {
		return "", nil
	}
	if s.view.rec.Snapshot {
		return "", nil // the client has the new id, or will have it
	}
	moved := s.relocate()
	if s.view != before || moved { // a new session, a new id, or the old id with another node
		return s.m.cookie.set(r, s.view.id.String()), nil
	}
	return "", nil
}

func (s *Session) dirty() bool {
	return len(s.changes) > 0 || s.create || s.renew || s.destroyed
}

// save brings the store to what the request left the session as.
func (s *Session) save(ctx context.Context) error {
	switch {
	case s.state == StateUnavailable:
		if s.dirty() {
			return fmt.Errorf("%w: the session could not be loaded", errUnavailable)
		}
		return nil
	case s.state == StateNone:
		if s.destroyed || len(s.changes) == 0 && !s.create {
			return nil
		}
		return s.saveNew(ctx)
	case s.destroyed:
		if err := s.m.store.destroy(ctx, s.view); err != nil {
			return err
		}
		s.m.stats.Destroyed.Add(1)
		return nil
	case s.renew:
		fresh, err := s.m.store.rotate(ctx, s.view, s.apply)
		if err != nil {
			return err
		}
		s.view = fresh
		s.m.stats.Rotated.Add(1)
		return nil
	case len(s.changes) > 0:
		if err := s.m.store.update(ctx, s.view, s.apply); err != nil {
			return err
		}
		s.m.stats.Committed.Add(1)
		return nil
	default:
		s.saveAccess(ctx)
		return nil
	}
}

func (s *Session) saveNew(ctx context.Context) error {
	now := time.Now()
	rec := transcoder.Record{
		Transcoder: s.m.cfg.Transcoder.ID(), Version: 1, Tag: newTag(),
		Created: now, Accessed: now, Idle: s.m.cfg.Idle, Absolute: s.m.cfg.Absolute,
	}
	if err := s.apply(&rec); err != nil {
		return err
	}
	v, err := s.m.store.create(ctx, rec, "")
	if err != nil {
		return err
	}
	s.view, s.state = v, StateOK
	s.m.stats.Created.Add(1)
	return nil
}

// saveAccess stores the time of last access if the stored one is old. The
// request does not fail if this does: the next one tries again.
func (s *Session) saveAccess(ctx context.Context) {
	rec := &s.view.rec
	if rec.Snapshot || !s.refresh && time.Since(rec.Accessed) < refreshAfter(rec.Idle) {
		return
	}
	err := s.m.store.update(ctx, s.view, func(*transcoder.Record) error { return nil })
	if err != nil {
		s.m.log.Debug("last access not stored", "ref", s.ref(), "cause", err.Error())
		return
	}
	s.m.stats.Refreshed.Add(1)
}

// apply is the change that this request made, as the store applies it to
// whatever version it finds.
func (s *Session) apply(r *transcoder.Record) error {
	tc := s.m.cfg.Transcoder
	var attrs transcoder.Attributes
	if len(r.Payload) > 0 {
		var err error
		if attrs, err = tc.Attributes(r.Payload); err != nil {
			return fmt.Errorf("%w: %w", errUnavailable, err)
		}
	}
	for _, c := range s.changes {
		var err error
		if attrs, err = c.apply(attrs, tc); err != nil {
			return err
		}
	}
	if len(attrs) > transcoder.MaxElements {
		return fmt.Errorf("%w: %d attributes, at most %d", ErrTooLarge, len(attrs), transcoder.MaxElements)
	}
	r.Payload = tc.AppendAttributes(nil, attrs)
	if size := transcoder.HeaderLen + len(r.Payload); size > s.m.cfg.MaxSessionSize {
		return fmt.Errorf("%w: %d bytes, at most %d; the largest attributes are %s", ErrTooLarge, size, s.m.cfg.MaxSessionSize, largest(attrs))
	}
	return nil
}

// largest names the three largest attributes and their sizes, for the log.
func largest(attrs transcoder.Attributes) string {
	attrs = slices.Clone(attrs)
	slices.SortFunc(attrs, func(a, b transcoder.Attribute) int { return len(b.Raw) - len(a.Raw) })
	var parts []string
	for _, a := range attrs[:min(3, len(attrs))] {
		parts = append(parts, fmt.Sprintf("%.40q (%d bytes)", a.Name, len(a.Raw)))
	}
	return strings.Join(parts, ", ")
}

// relocate rewrites the id's node if that node does not serve the session: it
// is down, or not one of the session's nodes. The storage key stays. It
// reports whether it did.
func (s *Session) relocate() bool {
	node := s.view.serving(s.m.store.copies)
	if node == s.view.id.Node {
		return false
	}
	s.view.id = s.view.id.WithNode(node)
	s.m.stats.Relocated.Add(1)
	return true
}

func (s *Session) ref() string {
	if s.view == nil {
		return ""
	}
	return s.view.id.Ref(s.m.cfg.RefSecret)
}

// fails reports whether a failed commit takes the place of the app's response.
func (s *Session) fails(method string, err error) bool {
	if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrPatch) {
		return true // the app's doing, and no other response would tell it
	}
	switch s.m.cfg.CommitFailure {
	case CommitFailureFail:
		return true
	case CommitFailureServe:
		return false
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return s.renew || s.destroyed || slices.ContainsFunc(s.changes, func(c attrChange) bool { return c.kind == clearAttrs })
	default:
		return true
	}
}
