package transcoder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

const (
	// HeaderLen is the length of the envelope before the payload, in bytes.
	HeaderLen = 136
	// RingLen is how many earlier write tags a record carries.
	RingLen = 8

	magic  = "MSMD"
	format = 1

	flagTombstone = 1 << 0
	flagSnapshot  = 1 << 1
	knownFlags    = flagTombstone | flagSnapshot

	offFormat      = 4
	offTranscoder  = 5
	offFlags       = 6
	offVersion     = 8
	offTag         = 16
	offRing        = 24
	offFingerprint = 88
	offCreated     = 96
	offAccessed    = 104
	offIdle        = 112
	offAbsolute    = 116
	offSubject     = 120
	offLength      = 128
	offChecksum    = 132
)

// ErrCorrupt is wrapped by errors about stored bytes that are not a record, or
// not the record asked for. Such bytes are kept, never overwritten.
var ErrCorrupt = errors.New("corrupt record")

// Record is one stored version of a session. Two records of a session are the
// same version exactly if Version and Tag are equal.
type Record struct {
	Transcoder  byte            // which transcoder wrote Payload
	Tombstone   bool            // the session was destroyed; Payload is empty
	Snapshot    bool            // the id was rotated at Accessed; Payload is from before that, for reading only
	Version     uint64          // 1 at creation, one more with each change; orders records
	Tag         uint64          // random, of the write attempt that made this record
	Ring        [RingLen]uint64 // tags of the versions before, newest first, 0 for none
	Fingerprint uint64          // of the id's base, see sessionid.ID.Key
	Created     time.Time       // millisecond resolution
	Accessed    time.Time       // when last stored or refreshed; millisecond resolution
	Idle        time.Duration   // the session ends this long after Accessed; whole seconds, 0 for never
	Absolute    time.Duration   // the session ends this long after Created; whole seconds, 0 for never
	Subject     uint64          // hash of the subject, 0 for none
	Payload     []byte          // attributes, encoded
}

// HasTag reports whether the write attempt with that tag made this record or
// one of the RingLen before it. It tells a writer whose answer was lost that
// its write was applied.
func (r *Record) HasTag(tag uint64) bool {
	if r.Tag == tag {
		return true
	}
	for _, t := range r.Ring {
		if t == tag && t != 0 {
			return true
		}
	}
	return false
}

// PushTag makes tag the record's own and moves the former one into the ring.
func (r *Record) PushTag(tag uint64) {
	copy(r.Ring[1:], r.Ring[:RingLen-1])
	r.Ring[0], r.Tag = r.Tag, tag
}

// Same reports whether r and o are the same version.
func (r *Record) Same(o *Record) bool { return r.Version == o.Version && r.Tag == o.Tag }

// Append appends the record's bytes to dst.
func (r *Record) Append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, HeaderLen)...)
	dst = append(dst, r.Payload...)
	b := dst[start:]
	copy(b, magic)
	b[offFormat], b[offTranscoder] = format, r.Transcoder
	if r.Tombstone {
		b[offFlags] |= flagTombstone
	}
	if r.Snapshot {
		b[offFlags] |= flagSnapshot
	}
	be := binary.BigEndian
	be.PutUint64(b[offVersion:], r.Version)
	be.PutUint64(b[offTag:], r.Tag)
	for i, t := range r.Ring {
		be.PutUint64(b[offRing+8*i:], t)
	}
	be.PutUint64(b[offFingerprint:], r.Fingerprint)
	be.PutUint64(b[offCreated:], uint64(r.Created.UnixMilli()))
	be.PutUint64(b[offAccessed:], uint64(r.Accessed.UnixMilli()))
	be.PutUint32(b[offIdle:], uint32(r.Idle/time.Second))
	be.PutUint32(b[offAbsolute:], uint32(r.Absolute/time.Second))
	be.PutUint64(b[offSubject:], r.Subject)
	be.PutUint32(b[offLength:], uint32(len(r.Payload)))
	be.PutUint32(b[offChecksum:], checksum(b))
	return dst
}

// Parse reads a record. fingerprint is the one of the id that was asked for.
// The record's Payload aliases data. Errors wrap ErrCorrupt and say which part
// is wrong; they do not quote data.
func Parse(data []byte, fingerprint uint64) (Record, error) {
	if len(data) < HeaderLen || string(data[:len(magic)]) != magic {
		return Record{}, fmt.Errorf("%w: %d bytes without the header of a record", ErrCorrupt, len(data))
	}
	if data[offFormat] != format {
		return Record{}, fmt.Errorf("%w: format %d, this msmd reads %d", ErrCorrupt, data[offFormat], format)
	}
	be := binary.BigEndian
	if n := be.Uint32(data[offLength:]); uint64(n) != uint64(len(data)-HeaderLen) {
		return Record{}, fmt.Errorf("%w: payload of %d bytes, header says %d", ErrCorrupt, len(data)-HeaderLen, n)
	}
	if be.Uint32(data[offChecksum:]) != checksum(data) {
		return Record{}, fmt.Errorf("%w: wrong checksum", ErrCorrupt)
	}
	if be.Uint64(data[offFingerprint:]) != fingerprint {
		return Record{}, fmt.Errorf("%w: record of another session", ErrCorrupt)
	}
	if unknown := be.Uint16(data[offFlags:]) &^ (knownFlags << 8); unknown != 0 { // with the reserved byte
		return Record{}, fmt.Errorf("%w: unknown flags %#x", ErrCorrupt, unknown)
	}
	r := Record{
		Transcoder:  data[offTranscoder],
		Tombstone:   data[offFlags]&flagTombstone != 0,
		Snapshot:    data[offFlags]&flagSnapshot != 0,
		Version:     be.Uint64(data[offVersion:]),
		Tag:         be.Uint64(data[offTag:]),
		Fingerprint: fingerprint,
		Created:     time.UnixMilli(int64(be.Uint64(data[offCreated:]))),
		Accessed:    time.UnixMilli(int64(be.Uint64(data[offAccessed:]))),
		Idle:        time.Duration(be.Uint32(data[offIdle:])) * time.Second,
		Absolute:    time.Duration(be.Uint32(data[offAbsolute:])) * time.Second,
		Subject:     be.Uint64(data[offSubject:]),
		Payload:     data[HeaderLen:],
	}
	for i := range r.Ring {
		r.Ring[i] = be.Uint64(data[offRing+8*i:])
	}
	return r, nil
}

// checksum is the CRC-32C (RFC 9260, appendix A) of everything but itself.
func checksum(b []byte) uint32 {
	castagnoli := crc32.MakeTable(crc32.Castagnoli) // built once by the package, returned here
	sum := crc32.Update(0, castagnoli, b[:offChecksum])
	return crc32.Update(sum, castagnoli, b[HeaderLen:])
}
