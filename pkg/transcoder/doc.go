// Package transcoder turns a session into the bytes that memcached stores, and
// back.
//
// A stored value is an envelope of fixed layout, Record, around a payload. The
// envelope carries what the store protocol needs: the version, the tag of the
// write and of the ones before it, times and limits, and a checksum. It is
// read without touching the payload. The payload is the session's attributes,
// encoded by a Transcoder; CBOR is the default.
//
// Attributes stay encoded, one by one, until somebody asks for them, and an
// attribute that did not change is copied byte for byte. No format of this
// package can make a decoder run code.
//
// The bytes are described in docs/WIRE.md and held by golden files.
package transcoder
