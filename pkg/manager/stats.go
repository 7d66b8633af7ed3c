package manager

import "sync/atomic"

// Stats counts what a Manager did since its start. The fields are read with
// Load.
type Stats struct {
	Tracked     atomic.Uint64 // requests with session handling
	Ignored     atomic.Uint64 // requests that matched the ignore pattern
	Loaded      atomic.Uint64 // requests whose session was found
	Absent      atomic.Uint64 // requests with a well-formed id that no copy holds
	Malformed   atomic.Uint64 // cookies that are no id
	Unavailable atomic.Uint64 // loads that could not be decided
	Corrupt     atomic.Uint64 // copies that are not a record of the session

	Created   atomic.Uint64 // sessions created
	Committed atomic.Uint64 // changes stored
	Refreshed atomic.Uint64 // unmodified sessions whose last access was stored
	Rotated   atomic.Uint64 // ids renewed
	Destroyed atomic.Uint64 // sessions destroyed
	Relocated atomic.Uint64 // ids rewritten to another node

	Conflicts atomic.Uint64 // stores that found a newer version and were applied again
	Repairs   atomic.Uint64 // copies written back where they were missing or old
	Degraded  atomic.Uint64 // changes acknowledged with fewer copies than configured
	Vanished  atomic.Uint64 // changes dropped because the session was gone by then
	Failed    atomic.Uint64 // changes that could not be stored
	Aborted   atomic.Uint64 // changes dropped because the client had gone
}
