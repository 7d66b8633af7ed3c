// Package sessionid is the grammar of msmd's session ids and of the keys
// derived from them.
//
// An id is what the browser's cookie holds:
//
//	<base>-<node>[.<route>]     mfrggzdfmztwq2lknnwg23tpob-n1.a
//	<base>[.<route>]            with msm's unnamed single node
//
// base is 26 characters of [a-z2-7], 130 bits of crypto/rand, and the only
// part that is a secret. node names a memcached node, [A-Za-z0-9_]{1,16}; it is
// a hint, never an address. route names an msmd or app instance,
// [A-Za-z0-9_.-]{1,64}.
//
// The storage key is made from a hash of the base alone. So a session that
// moves to another node keeps its key, and a dump of memcached holds no usable
// id. An ID must not be logged; Ref gives a name for it that may be.
package sessionid

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

const (
	// BaseLen is the length of the base in characters.
	BaseLen = 26
	// MaxNodeLen is the longest node name.
	MaxNodeLen = 16
	// MaxRouteLen is the longest route.
	MaxRouteLen = 64
	// MaxLen is the longest id.
	MaxLen = BaseLen + 1 + MaxNodeLen + 1 + MaxRouteLen

	keyBytes  = 20 // of the SHA-256, in the storage key: 160 bits, 32 characters
	refLen    = 10
	refDomain = "msmd ref v1"
)

// ErrMalformed is wrapped by every error of Parse.
var ErrMalformed = errors.New("malformed session id")

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ID is a parsed session id. The zero ID is no id.
type ID struct {
	Base  string // 26 characters of [a-z2-7]
	Node  string // memcached node, "" with an unnamed single node
	Route string // "" if none
}

// New returns an id with a fresh base. node and route may be empty and are
// taken as they are: check them with ValidNode and ValidRoute at start-up.
// New may be called concurrently.
func New(node, route string) ID {
	return ID{Base: strings.ToLower(rand.Text()), Node: node, Route: route}
}

// Parse reads an id. It accepts the grammar of the package comment and nothing
// else: no white space, no control characters, no other alphabet. Its errors
// wrap ErrMalformed and do not quote s, which may hold a user's live id.
func Parse(s string) (ID, error) {
	if len(s) < BaseLen {
		return ID{}, fmt.Errorf("%w: %d characters, want at least %d", ErrMalformed, len(s), BaseLen)
	}
	if len(s) > MaxLen {
		return ID{}, fmt.Errorf("%w: %d characters, want at most %d", ErrMalformed, len(s), MaxLen)
	}
	id := ID{Base: s[:BaseLen]}
	for i := range len(id.Base) {
		if c := id.Base[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return ID{}, fmt.Errorf("%w: character %d is not of [a-z2-7]", ErrMalformed, i+1)
		}
	}
	rest := s[BaseLen:]
	if strings.HasPrefix(rest, "-") {
		node, route, found := strings.Cut(rest[1:], ".")
		if !ValidNode(node) {
			return ID{}, fmt.Errorf("%w: bad node part", ErrMalformed)
		}
		id.Node, rest = node, ""
		if found {
			rest = "." + route
		}
	}
	if rest == "" {
		return id, nil
	}
	if rest[0] != '.' || !ValidRoute(rest[1:]) {
		return ID{}, fmt.Errorf("%w: bad route part", ErrMalformed)
	}
	id.Route = rest[1:]
	return id, nil
}

// ValidNode reports whether s may be a node name.
func ValidNode(s string) bool {
	if s == "" || len(s) > MaxNodeLen {
		return false
	}
	for i := range len(s) {
		if !alnum(s[i]) && s[i] != '_' {
			return false
		}
	}
	return true
}

// ValidRoute reports whether s may be a route.
func ValidRoute(s string) bool {
	if s == "" || len(s) > MaxRouteLen {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alnum(c) && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

func alnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// String returns the id as it stands in the cookie, "" for the zero ID.
func (id ID) String() string {
	s := id.Base
	if id.Node != "" {
		s += "-" + id.Node
	}
	if id.Route != "" {
		s += "." + id.Route
	}
	return s
}

// IsZero reports whether id is no id.
func (id ID) IsZero() bool { return id.Base == "" }

// WithNode returns id naming another node. The base, and so the storage key,
// stays.
func (id ID) WithNode(node string) ID {
	id.Node = node
	return id
}

// WithRoute returns id naming another route; "" takes the route away.
func (id ID) WithRoute(route string) ID {
	id.Route = route
	return id
}

// Key returns the storage key, prefix and 32 characters of [a-z2-7], and the
// fingerprint that a stored record carries so that another session's value is
// never taken for this one's. Both come from the SHA-256 of the base: the key
// from its first 20 bytes, the fingerprint from the next 8.
func (id ID) Key(prefix string) (key string, fingerprint uint64) {
	sum := sha256.Sum256([]byte(id.Base))
	buf := make([]byte, 0, 64)
	buf = append(buf, prefix...)
	buf = lowerBase32.AppendEncode(buf, sum[:keyBytes])
	return string(buf), binary.BigEndian.Uint64(sum[keyBytes:])
}

// Ref returns the session's name for logs, pages and admin calls: ten
// characters of an HMAC of the base under secret. It is the same on every msmd
// with the same secret, survives a move to another node, changes when the id
// is rotated, and is no credential: the base cannot be found from it, even
// where secret is empty, since the base has 130 bits.
func (id ID) Ref(secret []byte) string {
	if id.IsZero() {
		return ""
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(refDomain))
	mac.Write([]byte(id.Base))
	return lowerBase32.EncodeToString(mac.Sum(nil))[:refLen]
}
