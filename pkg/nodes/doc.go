// Package nodes talks to the memcached nodes of a cluster.
//
// ParseList reads msm's node list. Open makes a Pool of it: one client per
// node, each with its own bound on connections and its own breaker, so that a
// dead or hung node costs its own requests a bounded wait and the others
// nothing.
//
// Where a session lives is a pure function of its id and the list: Rank orders
// the nodes by rendezvous hashing, regular nodes first, failover nodes behind
// them. The first is the session's home, the next hold its copies, the rest
// are spares. Adding or removing one node changes at most one of a pair.
//
// The package knows nothing of sessions or HTTP: it moves bytes under a key
// with an expiry. It never uses memcached's set or delete: a set that timed
// out may land seconds later over a newer value, and a deleted session may be
// brought back by a copy. Everything is add or cas.
package nodes
