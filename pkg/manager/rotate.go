package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/msmd/msmd/pkg/transcoder"
)

// destroy puts a tombstone in the session's place, which no late write, repair
// or returning node gets past. A session that is gone already is fine.
func (s *store) destroy(ctx context.Context, v *view) error {
	err := s.update(ctx, v, entomb)
	if errors.Is(err, errVanished) {
		return nil
	}
	return err
}

func entomb(r *transcoder.Record) error {
	r.Tombstone, r.Payload, r.Subject = true, nil, 0
	return nil
}

// rotate stores the session's next version under a new id, then puts a
// tombstone over the old one or, with a grace, a snapshot that parallel requests
// may still read. The snapshot has what the session held before the rotation
// and never more: an old id that showed later data would bring session fixation
// back. Of several that rotate at once the one whose tombstone wins goes on; the
// others get errVanished.
func (s *store) rotate(ctx context.Context, old *view, apply change) (*view, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	t, err := s.enter(ctx, old)
	if err != nil {
		return nil, err
	}
	defer s.inFlight.leave(old.key, t)
	var fresh *view
	var mine []uint64
	for {
		if fresh != nil && wrote(&old.rec, mine) {
			return fresh, nil
		}
		err := old.usable()
		if err == nil && ctx.Err() != nil {
			err = fmt.Errorf("%w: no end within %v", errUnavailable, s.timeout)
		}
		if err == nil {
			fresh, err = s.place(ctx, fresh, old, apply)
		}
		if err != nil {
			if fresh != nil {
				s.discard(ctx, fresh)
			}
			return nil, err
		}
		tomb := successor(&old.rec, time.Now())
		if tomb.Snapshot = s.grace > 0; !tomb.Snapshot {
			_ = entomb(&tomb) // never fails
		}
		mine = append(mine, tomb.Tag)
		if s.settle(ctx, old, &tomb) {
			return fresh, nil
		}
	}
}

// place stores what is to stand under the new id: at first by creating it,
// after a conflict over the old id by updating it.
func (s *store) place(ctx context.Context, fresh, old *view, apply change) (*view, error) {
	next := successor(&old.rec, time.Now())
	if err := apply(&next); err != nil {
		return fresh, err
	}
	if fresh == nil {
		return s.create(ctx, next, old.id.Route)
	}
	return fresh, s.update(ctx, fresh, func(r *transcoder.Record) error {
		r.Payload, r.Version = next.Payload, max(r.Version, next.Version)
		return nil
	})
}

// discard destroys the new id of a rotation that failed. Nobody was given it;
// if this fails too, it ends with its idle limit.
func (s *store) discard(ctx context.Context, v *view) {
	if err := s.destroy(context.WithoutCancel(ctx), v); err != nil {
		s.log.Debug("could not remove the new id of a failed rotation", "cause", err.Error())
	}
}
