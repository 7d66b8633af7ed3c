package manager

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/msmd/msmd/pkg/nodes"
	"github.com/msmd/msmd/pkg/sessionid"
	"github.com/msmd/msmd/pkg/transcoder"
)

// drawTries is how many ids are drawn in search of one whose nodes are up.
const drawTries = 32

// create stores rec under a new id and returns its view. Nobody else knows the
// id yet, so the copies are written in parallel.
func (s *store) create(ctx context.Context, rec transcoder.Record, route string) (*view, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for ctx.Err() == nil {
		v := s.draw(route)
		rec.Fingerprint = v.fp
		if !s.addAll(ctx, v, &rec) {
			continue // the key is taken, by a try of ours that timed out and landed
		}
		best := v.newest()
		if best < 0 {
			return nil, fmt.Errorf("%w: no node took the new session", errUnavailable)
		}
		if v.stored() < s.copies {
			if s.strict {
				pause(ctx)
				continue
			}
			s.stats.Degraded.Add(1)
		}
		v.rec, v.presence = rec, present
		v.id = v.id.WithNode(v.members[best].node.ID())
		return v, nil
	}
	return nil, fmt.Errorf("%w: no end within %v", errUnavailable, s.timeout)
}

// draw returns a fresh id whose nodes are up, if there are such nodes.
func (s *store) draw(route string) *view {
	for try := 1; ; try++ {
		v := s.newView(sessionid.New("", route))
		up := 0
		for i := range v.members {
			if v.members[i].node.Up() {
				up++
			}
		}
		if up == len(v.members) || try == drawTries {
			return v
		}
	}
}

// addAll adds rec on all members and, for those that fail, on spares. It
// returns false if a node has the key already.
func (s *store) addAll(ctx context.Context, v *view, rec *transcoder.Record) bool {
	now := time.Now()
	value := rec.Append(nil)
	exptime := nodes.Expiry(life(rec, now), now)
	for {
		var wg sync.WaitGroup
		for i := range v.members {
			if m := &v.members[i]; m.answer == unasked {
				wg.Go(func() { m.answer, m.rec = added(m.node.Add(ctx, v.key, value, exptime)), *rec })
			}
		}
		wg.Wait()
		for i := range v.members {
			if v.members[i].answer == taken {
				return false
			}
		}
		if s.strict || !v.widen(s.copies) {
			return true
		}
	}
}

func added(err error) answer {
	switch {
	case err == nil:
		return hit
	case errors.Is(err, nodes.ErrConflict):
		return taken
	default:
		return failed
	}
}
