package transcoder_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/msmd/msmd/pkg/transcoder"
)

var update = flag.Bool("update", false, "write the golden files")

const fingerprint = 0x0123456789abcdef

// record returns a live record with a different value in every field.
func record() transcoder.Record {
	r := transcoder.Record{
		Transcoder:  1,
		Version:     7,
		Tag:         0xa0a1a2a3a4a5a6a7,
		Fingerprint: fingerprint,
		Created:     time.UnixMilli(1_700_000_000_123),
		Accessed:    time.UnixMilli(1_700_000_600_456),
		Idle:        30 * time.Minute,
		Absolute:    12 * time.Hour,
		Subject:     0xfedcba9876543210,
		Payload:     []byte("\xa1\x61a\x01"),
	}
	for i := range 6 { // the two oldest places stay empty
		r.Ring[i] = 0xb000000000000000 + uint64(i)
	}
	return r
}

func tombstone() transcoder.Record {
	r := record()
	r.Tombstone, r.Payload = true, nil
	r.PushTag(0xc0c1c2c3c4c5c6c7)
	r.Version++
	return r
}

// TestGolden holds the bytes that all msmd versions share.
func TestGolden(t *testing.T) {
	live, dead := record(), tombstone()
	for name, got := range map[string][]byte{
		"live.golden":      live.Append(nil),
		"tombstone.golden": dead.Append(nil),
		"payload.golden":   transcoder.NewCBOR().AppendAttributes(nil, goldenAttributes(t)),
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, got) })
	}
}

func goldenAttributes(t *testing.T) transcoder.Attributes {
	t.Helper()
	c := transcoder.NewCBOR()
	var attrs transcoder.Attributes
	for name, v := range map[string]any{
		"bool": true, "bytes": []byte{0, 1, 2}, "float": 1.5, "int": -42, "max": uint64(1<<64 - 1), "nil": nil,
		"map":  map[string]any{"b": []any{1, "two"}, "a": map[string]any{}},
		"text": "Grüße, 世界", "time": time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC),
	} {
		raw, err := c.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		attrs = attrs.With(name, raw)
	}
	raw, err := c.FromJSON([]byte(`{"price": 1.10, "name": "é"}`))
	if err != nil {
		t.Fatal(err)
	}
	return attrs.With("json", raw)
}

// golden compares got with a file of testdata, which holds a hex dump so that
// a changed byte shows in a diff.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	text := []byte(hex.Dump(got))
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; hint: go test -update", err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("bytes changed; msmd versions of one cluster would not understand each other\ngot:\n%swant:\n%s", text, want)
	}
}
