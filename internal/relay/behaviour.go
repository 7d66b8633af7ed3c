package relay

import "time"

// Behaviour is what happens to the bytes of one direction. The zero Behaviour
// passes them.
type Behaviour struct {
	kind  kind
	bytes int           // Reset: so many pass before; Throttle: a second
	delay time.Duration // Delay
}

type kind byte

const (
	pass kind = iota
	hold
	drop
	reset
	delay
	throttle
)

// Pass forwards bytes as they come.
func Pass() Behaviour { return Behaviour{} }

// Hold keeps bytes until the behaviour changes.
func Hold() Behaviour { return Behaviour{kind: hold} }

// Drop swallows bytes. A connection that lost some carries none again in that
// direction: what followed would be out of step.
func Drop() Behaviour { return Behaviour{kind: drop} }

// Reset forwards the next so many bytes of a connection, counted from when it
// first carries some under this behaviour, and cuts it with RST at the byte
// after them.
func Reset(after int) Behaviour { return Behaviour{kind: reset, bytes: after} }

// Delay forwards bytes d after they came.
func Delay(d time.Duration) Behaviour { return Behaviour{kind: delay, delay: d} }

// Throttle forwards at most perSecond bytes a second on each connection.
func Throttle(perSecond int) Behaviour { return Behaviour{kind: throttle, bytes: max(perSecond, 1)} }
