// Package manager gives HTTP requests a session that is stored in memcached.
//
// It is a middleware: Handler wraps a handler, FromContext gives that handler
// the request's Session. The life of a request:
//
//  1. The ignore filter matches its URI: it passes, without a session, and the
//     steps below do not happen.
//  2. The session cookie is read. Without a well-formed id there is no session
//     and no store operation.
//  3. The session's two nodes, its home and the one with the copy, are asked in
//     parallel. If they differ, the newer version is written to the other
//     before it is used. A node that does not answer is done without.
//  4. The handler runs. What it does to the Session is collected.
//  5. Before the first byte of the response the changes are stored, once, by
//     compare-and-swap: first the copy, then the home.
//  6. If another request was faster, the session is loaded again and the
//     changes are applied to what that one left.
//  7. If nothing changed, the time of access is stored at most once a minute.
//  8. The cookie is set if the session is new, got a new id, or lives on
//     another node than its id says; it is removed if the session was
//     destroyed.
//  9. The response goes out. What comes later cannot change the session.
//
// A node that cannot be reached never reads as "no session": if neither node
// answers, the Session is in StateUnavailable, the cookie stays, and changes
// are refused with 503.
package manager
