package manager

import (
	"context"
	"time"

	"github.com/msmd/msmd/pkg/sessionid"
)

// find loads the session for a request. Requests that wait while another loads
// the same session share the next load, one that begins after they came: an
// earlier one may have missed a change that was acknowledged before they came.
func (s *store) find(ctx context.Context, id sessionid.ID) *view {
	came := time.Now()
	v := s.newView(id)
	if s.gone.has(id.String(), came) {
		return v // absent
	}
	t, waited := s.inFlight.enter(v.key, s.timeout)
	if t != nil {
		defer s.inFlight.leave(v.key, t)
		if waited && t.loaded != nil && t.loaded.id == id && t.began.After(came) {
			return t.loaded.clone()
		}
	}
	began := time.Now()
	// Others may share the outcome: it must not depend on this client's staying.
	ctx = context.WithoutCancel(ctx)
	if !s.primary || !s.loadHome(ctx, v) {
		s.load(ctx, v, false)
	}
	if v.presence == absent {
		s.gone.add(id.String(), time.Now())
	}
	if t != nil {
		t.loaded, t.began = v.clone(), began
	}
	return v
}

// loadHome asks the home alone and reports whether that sufficed. After a fault
// it may find a version that is not the newest; a change loads both copies
// before it is stored.
func (s *store) loadHome(ctx context.Context, v *view) bool {
	s.readOne(ctx, v, &v.members[0])
	if v.members[0].answer != hit {
		return false
	}
	s.conclude(v, 0)
	v.partial = v.presence == present
	return v.partial
}
