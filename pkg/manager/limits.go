package manager

import (
	"time"

	"github.com/msmd/msmd/pkg/transcoder"
)

// clockSkew is how far the clocks of msmds may differ.
const clockSkew = 5 * time.Second

// forever is the life of a session without limits.
const forever = 10 * 365 * 24 * time.Hour

// refreshAfter is how old a session's stored last access may get before an
// unmodified session is stored again: a minute, or less for short idle limits.
func refreshAfter(idle time.Duration) time.Duration { return min(time.Minute, idle/10) }

// ended reports whether a record stands for no session: it was destroyed, its
// id was rotated longer than grace ago, or it is past its limits.
func ended(r *transcoder.Record, grace time.Duration, now time.Time) bool {
	return r.Tombstone || r.Snapshot && !now.Before(r.Accessed.Add(grace)) || expired(r, now)
}

// expired enforces the limits from the record's own times, even where
// memcached keeps the item longer.
func expired(r *transcoder.Record, now time.Time) bool {
	if r.Idle > 0 && now.After(r.Accessed.Add(r.Idle+refreshAfter(r.Idle)+clockSkew)) {
		return true
	}
	return r.Absolute > 0 && now.After(r.Created.Add(r.Absolute+clockSkew))
}

// life is what is left of a record's life in memcached. A tombstone outlives
// every copy of the session that may come back.
func life(r *transcoder.Record, now time.Time) time.Duration {
	left := forever
	if r.Idle > 0 {
		left = r.Accessed.Add(r.Idle + refreshAfter(r.Idle)).Sub(now)
	}
	if r.Absolute > 0 {
		left = min(left, r.Created.Add(r.Absolute).Sub(now))
	}
	if r.Tombstone || r.Snapshot {
		left = r.Accessed.Add(r.Idle + time.Minute + clockSkew).Sub(now)
	}
	return max(left, time.Second) // less would remove what this msmd's fast clock takes for old
}
