package manager

import "context"

type contextKey struct{}

func newContext(ctx context.Context, s *Session) context.Context {
	return context.WithValue(ctx, contextKey{}, s)
}

// FromContext returns the session of a request that passed Handler, nil for a
// request that the ignore filter matched or that did not pass it. A response
// that was made with the session gets Vary: Cookie.
func FromContext(ctx context.Context) *Session {
	s, _ := ctx.Value(contextKey{}).(*Session)
	if s != nil {
		s.used.Store(true)
	}
	return s
}
