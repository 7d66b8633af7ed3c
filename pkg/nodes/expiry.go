package nodes

import (
	"math"
	"time"
)

// maxRelative is the longest exptime that memcached takes as relative, 30
// days; above it the number is Unix time (protocol.txt, "Expiration times").
const maxRelative = 60 * 60 * 24 * 30

// Expiry converts a remaining life to memcached's exptime: seconds, rounded
// up; as Unix time beyond 30 days; capped where 32 bits end, in 2038. A life
// of zero or less gives -1, expired at once.
func Expiry(life time.Duration, now time.Time) int32 {
	if life <= 0 {
		return -1
	}
	secs := int64(life / time.Second)
	if life%time.Second > 0 {
		secs++
	}
	if secs > maxRelative {
		secs += now.Unix()
	}
	return int32(min(secs, math.MaxInt32))
}
