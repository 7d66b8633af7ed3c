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
	t, waited := s.inFlight.enter(v.key, s.timeout)
	if t != nil {
		defer s.inFlight.leave(v.key, t)
		if waited && t.loaded != nil && t.loaded.id == id && t.began.After(came) {
			return t.loaded.clone()
		}
	}
	began := time.Now()
	// Others may share the outcome: it must not depend on this client's staying.
	s.load(context.WithoutCancel(ctx), v, false)
	if t != nil {
		t.loaded, t.began = v.clone(), began
	}
	return v
}
