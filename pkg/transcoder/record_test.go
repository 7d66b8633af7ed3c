package transcoder_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/msmd/msmd/pkg/transcoder"
)

func TestRecordRoundTrip(t *testing.T) {
	zero := transcoder.Record{Fingerprint: fingerprint, Payload: []byte{}}
	zero.Created, zero.Accessed = time.UnixMilli(0), time.UnixMilli(0)
	old := record()
	old.Created = time.UnixMilli(-1) // 1969
	dead := tombstone()
	dead.Payload = []byte{}
	for name, want := range map[string]transcoder.Record{"live": record(), "tombstone": dead, "zero": zero, "before 1970": old} {
		data := want.Append([]byte("prefix"))
		if !bytes.HasPrefix(data, []byte("prefix")) {
			t.Errorf("%s: Append dropped what dst held", name)
		}
		data = data[len("prefix"):]
		if len(data) != transcoder.HeaderLen+len(want.Payload) {
			t.Errorf("%s: %d bytes, want %d", name, len(data), transcoder.HeaderLen+len(want.Payload))
		}
		got, err := transcoder.Parse(data, fingerprint)
		if err != nil {
			t.Errorf("%s: Parse: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, want)
		}
		if !got.Same(&want) {
			t.Errorf("%s: Same = false after a round trip", name)
		}
	}
}

func TestRecordResolution(t *testing.T) {
	r := record()
	r.Created = time.UnixMilli(5).Add(999 * time.Microsecond)
	r.Idle = 90*time.Second + 999*time.Millisecond
	got, err := transcoder.Parse(r.Append(nil), fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Created.Equal(time.UnixMilli(5)) || got.Idle != 90*time.Second {
		t.Errorf("Created, Idle = %v, %v; want whole milliseconds and seconds", got.Created.UnixNano(), got.Idle)
	}
}

func TestTags(t *testing.T) {
	var r transcoder.Record
	if r.PushTag(1); r.Tag != 1 {
		t.Fatalf("Tag = %d after PushTag(1), want 1", r.Tag)
	}
	for tag := uint64(2); tag <= 12; tag++ {
		r.PushTag(tag)
	}
	want := [transcoder.RingLen]uint64{11, 10, 9, 8, 7, 6, 5, 4}
	if r.Tag != 12 || r.Ring != want {
		t.Errorf("Tag, Ring = %d, %v; want 12, %v", r.Tag, r.Ring, want)
	}
	for tag := uint64(1); tag <= 13; tag++ {
		if got, want := r.HasTag(tag), tag >= 4 && tag <= 12; got != want {
			t.Errorf("HasTag(%d) = %v, want %v", tag, got, want)
		}
	}
	fresh := transcoder.Record{Tag: 5}
	if fresh.HasTag(0) {
		t.Error("HasTag(0) = true: an empty place of the ring is not a tag")
	}
	if other := (transcoder.Record{Tag: 5, Version: 1}); fresh.Same(&other) {
		t.Error("Same = true for different versions")
	}
	if other := (transcoder.Record{Tag: 6}); fresh.Same(&other) {
		t.Error("Same = true for different tags")
	}
}

// TestEveryFlippedBit: CRC-32C finds every single wrong bit, the magic and
// the format included.
func TestEveryFlippedBit(t *testing.T) {
	for name, r := range map[string]transcoder.Record{"live": record(), "tombstone": tombstone()} {
		data := r.Append(nil)
		for i := range data {
			for bit := range 8 {
				data[i] ^= 1 << bit
				if _, err := transcoder.Parse(data, fingerprint); !errors.Is(err, transcoder.ErrCorrupt) {
					t.Errorf("%s: bit %d of byte %d flipped: error %v, want ErrCorrupt", name, bit, i, err)
				}
				data[i] ^= 1 << bit
			}
		}
	}
}

func TestTruncatedAndExtended(t *testing.T) {
	r := record()
	data := r.Append(nil)
	for n := range data {
		if _, err := transcoder.Parse(data[:n], fingerprint); !errors.Is(err, transcoder.ErrCorrupt) {
			t.Errorf("first %d bytes: error %v, want ErrCorrupt", n, err)
		}
	}
	if _, err := transcoder.Parse(append(data, 0), fingerprint); !errors.Is(err, transcoder.ErrCorrupt) {
		t.Errorf("one byte more: error %v, want ErrCorrupt", err)
	}
}

// TestRefusedThoughSound has records with a right checksum.
func TestRefusedThoughSound(t *testing.T) {
	for _, tt := range []struct {
		name   string
		offset int
		value  byte
		says   string
	}{
		{"format of a later msmd", 4, 2, "format 2"},
		{"format 0", 4, 0, "format 0"},
		{"unknown flag", 6, 1 << 2, "flags"},
		{"unknown flag on a tombstone", 6, 1<<7 | 1, "flags"},
		{"reserved byte", 7, 1, "flags"},
		{"record of another session", 95, 0, "another session"},
	} {
		r := record()
		data := r.Append(nil)
		data[tt.offset] = tt.value
		seal(data)
		_, err := transcoder.Parse(data, fingerprint)
		if !errors.Is(err, transcoder.ErrCorrupt) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error %v, want ErrCorrupt that says %q", tt.name, err, tt.says)
		}
	}
	r := record()
	if _, err := transcoder.Parse(r.Append(nil), fingerprint+1); !errors.Is(err, transcoder.ErrCorrupt) {
		t.Errorf("asked for another fingerprint: error %v, want ErrCorrupt", err)
	}
	r.Payload = []byte("secret")
	data := r.Append(nil)
	data[transcoder.HeaderLen] ^= 1
	if _, err := transcoder.Parse(data, fingerprint); err == nil || strings.Contains(err.Error(), "ecret") {
		t.Errorf("error %v, want one that does not quote the payload", err)
	}
}

// seal writes the length and the checksum of what data holds, as an attacker
// or a bug with a right checksum would. It is written apart from the package's
// own code so that both have to agree.
func seal(data []byte) {
	const offLength, offChecksum = 128, 132
	binary.BigEndian.PutUint32(data[offLength:], uint32(len(data)-transcoder.HeaderLen))
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Checksum(append(bytes.Clone(data[:offChecksum]), data[transcoder.HeaderLen:]...), table)
	binary.BigEndian.PutUint32(data[offChecksum:], sum)
}
