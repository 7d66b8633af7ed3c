package manager

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/msmd/msmd/pkg/ignore"
	"github.com/msmd/msmd/pkg/nodes"
	"github.com/msmd/msmd/pkg/transcoder"
)

// Defaults of Config.
const (
	DefaultCopies         = 2
	DefaultKeyPrefix      = "msmd:"
	DefaultIdle           = 30 * time.Minute
	DefaultAbsolute       = 12 * time.Hour
	DefaultCommitTimeout  = time.Second
	DefaultMaxSessionSize = 512 << 10
)

// CommitFailure says what a client gets when its changes could not be stored.
type CommitFailure string

const (
	// CommitFailureAuto fails a request that meant to change something
	// (an unsafe method, or a rotation, destruction or replacement of the
	// session) and serves the others.
	CommitFailureAuto CommitFailure = "auto"
	// CommitFailureFail always answers 503.
	CommitFailureFail CommitFailure = "fail"
	// CommitFailureServe always sends the app's response; the change is lost,
	// counted and logged.
	CommitFailureServe CommitFailure = "serve"
)

const maxKeyPrefix = 100 // memcached's keys have at most 250 bytes

// Config is what New needs. Only Nodes has no default.
type Config struct {
	// Nodes are the memcached nodes. The caller opens and closes them.
	Nodes *nodes.Pool

	// Copies is on how many nodes each session is stored. If zero,
	// DefaultCopies is used. One copy costs half the operations and loses the
	// sessions of a node that dies.
	Copies int

	// Strict refuses to use or acknowledge a session while one of its nodes does
	// not answer, where by default it is served with the copies that do. It
	// trades availability for the one loss that two copies cannot avoid: two
	// msmds that each see only another one of the two nodes.
	Strict bool

	// ReadPrimary asks a session's home alone when a request starts, which
	// saves an operation for each read. After a fault a read may be stale, until
	// the next change or repair; no change is ever lost, since a change loads
	// all copies first.
	ReadPrimary bool

	// Transcoder encodes the attributes. If nil, CBOR is used.
	Transcoder transcoder.Transcoder

	// Ignore tells which requests have no session. If nil, all have.
	Ignore *ignore.Filter

	// KeyPrefix stands before every storage key. If empty, DefaultKeyPrefix is
	// used. Sites that share memcached nodes need different ones.
	KeyPrefix string

	// Idle is how long a session lives without requests, in whole seconds. If
	// zero, DefaultIdle is used.
	Idle time.Duration

	// Absolute is how long a session lives at all, in whole seconds. If zero,
	// DefaultAbsolute is used; negative means without limit.
	Absolute time.Duration

	// RotateGrace is how long the old id still reads after RenewID, so that
	// requests that were under way keep working: they see the session as it was
	// before, and cannot change it. If zero, the old id is dead at once.
	RotateGrace time.Duration

	// CommitTimeout bounds loading a session and, apart from that, storing it,
	// retries included. If zero, DefaultCommitTimeout is used.
	CommitTimeout time.Duration

	// MaxSessionSize is the largest stored session in bytes. If zero,
	// DefaultMaxSessionSize is used. memcached's item limit (-I, 1 MiB) must
	// be larger.
	MaxSessionSize int

	// Cookie describes the session cookie.
	Cookie Cookie

	// RejectUnavailable answers 503 when a session cannot be loaded, in place
	// of serving the request with a read-only session in StateUnavailable.
	RejectUnavailable bool

	// CommitFailure says what happens when changes cannot be stored. If empty,
	// CommitFailureAuto is used.
	CommitFailure CommitFailure

	// RefSecret keys Session.Ref. It may be empty.
	RefSecret []byte

	// Logger gets a line for each failure that a user may notice. If nil,
	// nothing is logged. No line holds an id or an attribute's value.
	Logger *slog.Logger
}

// Manager gives requests their sessions. It may be used concurrently.
type Manager struct {
	cfg    Config
	store  *store
	cookie cookieWriter
	log    *slog.Logger
	stats  Stats
}

// New returns a Manager. It returns an error for a Config that contradicts
// itself. It dials nothing.
func New(cfg Config) (*Manager, error) {
	if cfg.Nodes == nil {
		return nil, errors.New("manager: Config.Nodes is missing")
	}
	setDefaults(&cfg)
	if cfg.Idle < time.Second || cfg.Idle%time.Second != 0 || cfg.Absolute%time.Second != 0 {
		return nil, fmt.Errorf("manager: Idle %v and Absolute %v must be whole seconds, Idle at least one", cfg.Idle, cfg.Absolute)
	}
	if strings.ContainsFunc(cfg.KeyPrefix, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || len(cfg.KeyPrefix) > maxKeyPrefix {
		return nil, fmt.Errorf("manager: KeyPrefix %q: want at most %d printable ASCII characters without blanks", cfg.KeyPrefix, maxKeyPrefix)
	}
	cookie, err := newCookieWriter(cfg.Cookie)
	if err != nil {
		return nil, fmt.Errorf("manager: %w", err)
	}
	m := &Manager{cfg: cfg, cookie: cookie, log: cfg.Logger}
	m.store = &store{
		pool:     cfg.Nodes,
		copies:   min(cfg.Copies, len(cfg.Nodes.Nodes())),
		prefix:   cfg.KeyPrefix,
		tcID:     cfg.Transcoder.ID(),
		maxSize:  cfg.MaxSessionSize,
		timeout:  cfg.CommitTimeout,
		strict:   cfg.Strict,
		primary:  cfg.ReadPrimary,
		inFlight: newQueue(),
		gone:     newGone(),
		grace:    cfg.RotateGrace,
		log:      cfg.Logger,
		stats:    &m.stats,
	}
	return m, nil
}

func setDefaults(cfg *Config) {
	if cfg.Copies == 0 {
		cfg.Copies = DefaultCopies
	}
	if cfg.Transcoder == nil {
		cfg.Transcoder = transcoder.NewCBOR()
	}
	if cfg.KeyPrefix == "" {
		cfg.KeyPrefix = DefaultKeyPrefix
	}
	if cfg.Idle == 0 {
		cfg.Idle = DefaultIdle
	}
	switch {
	case cfg.Absolute == 0:
		cfg.Absolute = DefaultAbsolute
	case cfg.Absolute < 0:
		cfg.Absolute = 0 // the record's "never"
	}
	if cfg.CommitTimeout == 0 {
		cfg.CommitTimeout = DefaultCommitTimeout
	}
	if cfg.MaxSessionSize == 0 {
		cfg.MaxSessionSize = DefaultMaxSessionSize
	}
	if cfg.CommitFailure == "" {
		cfg.CommitFailure = CommitFailureAuto
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
}

// Stats returns the manager's counters.
func (m *Manager) Stats() *Stats { return &m.stats }

// CookieNames returns the names under which requests may carry the id: the
// configured one and, where it applies, its __Host- form.
func (m *Manager) CookieNames() []string { return m.cookie.names() }
