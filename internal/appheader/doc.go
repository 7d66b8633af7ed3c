// Package appheader is the conversation between msmd and an app in headers
// (docs/PROTOCOL.md): the session goes to the app in Msm-Session and
// Msm-Session-Meta, changes come back in Msm-Session-Patch, -Replace and -Do.
//
// Every header whose name reads as msm-* is reserved, in any spelling that an
// app server might take for one of ours. Reserved headers that a client sends
// never reach the app, and those that an app sends never reach the client, on
// tracked and ignored requests, in 1xx responses and in trailers.
//
// Handler stands around the proxy, and the proxy calls ModifyResponse.
package appheader
