package transcodertest

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"

	"github.com/msmd/msmd/pkg/transcoder"
)

// maxMemory is what reading a damaged payload may allocate, for each of its
// bytes and besides.
const (
	maxMemoryPerByte = 200
	maxMemoryBesides = 1 << 20
)

// session returns attributes of every kind. Values that tc cannot encode are
// left out; checkValues reports them.
func session(tc transcoder.Transcoder) transcoder.Attributes {
	var attrs transcoder.Attributes
	for i, v := range values() {
		if raw, err := tc.Encode(v); err == nil {
			attrs = attrs.With(fmt.Sprintf("value %d", i), raw)
		}
	}
	for i, text := range jsonTexts() {
		if raw, err := tc.FromJSON([]byte(text)); err == nil {
			attrs = attrs.With(fmt.Sprintf("json %d", i), raw)
		}
	}
	return attrs
}

func checkAttributes(tc transcoder.Transcoder) []error {
	var l errorList
	raw, err := tc.Encode("value")
	if err != nil {
		l.addf("Encode: %w", err)
		return l
	}
	var many transcoder.Attributes
	for i := range 1000 {
		many = append(many, transcoder.Attribute{Name: fmt.Sprintf("%04d", i), Raw: raw})
	}
	one := func(name string) transcoder.Attributes { return transcoder.Attributes{{Name: name, Raw: raw}} }
	for name, want := range map[string]transcoder.Attributes{
		"none": nil, "empty name": one(""), "one": one("a"), "odd name": one("é 中\r\n\x00\"=;"),
		"long name": one(strings.Repeat("n", 70_000)), "many": many, "all kinds": session(tc),
	} {
		payload := tc.AppendAttributes(nil, want)
		got, err := tc.Attributes(payload)
		if err != nil {
			l.addf("%s: Attributes: %w", name, err)
			continue
		}
		clear(payload)
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			l.addf("%s: Attributes gives %d attributes, want the %d that went in; if they were right before the payload was overwritten, they alias it",
				name, len(got), len(want))
		}
	}
	return l
}

func checkAppend(tc transcoder.Transcoder) []error {
	var l errorList
	attrs := session(tc)
	payload := tc.AppendAttributes(nil, attrs)
	if got := tc.AppendAttributes([]byte("dst"), attrs); !bytes.Equal(got, append([]byte("dst"), payload...)) {
		l.addf("AppendAttributes does not append to dst")
	}
	for _, a := range attrs {
		text, err := tc.AppendJSON(nil, a.Raw)
		if err != nil {
			continue // others report it
		}
		if got, err := tc.AppendJSON([]byte("dst"), a.Raw); err != nil || string(got) != "dst"+string(text) {
			l.addf("AppendJSON to %q = %q, %v; want dst and %q", "dst", got, err, text)
		}
	}
	return l
}

// checkDamage reads payloads that were cut, changed and made up. Whether they
// are refused is the format's; without a checksum many cannot be.
func checkDamage(tc transcoder.Transcoder) []error {
	var l errorList
	payload := tc.AppendAttributes(nil, session(tc))
	for n := range payload {
		l.read(tc, payload[:n])
	}
	for i := range payload {
		for _, change := range []byte{0x21, 0x80} {
			payload[i] ^= change
			l.read(tc, payload)
			payload[i] ^= change
		}
	}
	for b := range 256 {
		l.read(tc, bytes.Repeat([]byte{byte(b)}, 16))
		l.read(tc, append([]byte{byte(b)}, "\xff\xff\xff\xff\xff\xff\xff\xff"...))
		l.read(tc, append([]byte{byte(b)}, "\x7f\xff\xff\xff\xff\xff\xff\xff"...))
	}
	return l
}

// read reads a payload and all its values, and only looks for a panic and for
// memory.
func (l *errorList) read(tc transcoder.Transcoder, payload []byte) {
	if len(*l) > 10 {
		return // enough to go by
	}
	violations := len(*l)
	l.guard(fmt.Sprintf("Attributes of %.40x (%d bytes)", payload, len(payload)), func() {
		attrs, err := tc.Attributes(payload)
		if err != nil {
			return
		}
		for _, a := range attrs {
			var v any
			_ = tc.Decode(a.Raw, &v)
			_, _ = tc.AppendJSON(nil, a.Raw)
		}
	})
	if len(payload) > 16 || len(*l) > violations {
		return // reading the statistics stops the world: only for made-up payloads
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _ = tc.Attributes(payload)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > uint64(len(payload))*maxMemoryPerByte+maxMemoryBesides {
		l.addf("Attributes of %x allocates %d bytes", payload, n)
	}
}

func checkConcurrent(tc transcoder.Transcoder) []error {
	attrs := session(tc)
	want := tc.AppendAttributes(nil, attrs)
	var mu sync.Mutex // guards l
	var l errorList
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				again := session(tc)
				payload := tc.AppendAttributes(nil, again)
				got, err := tc.Attributes(payload)
				if err != nil || len(got) != len(attrs) || len(payload) != len(want) {
					mu.Lock()
					l.addf("concurrent use: %d attributes in %d bytes, %v; alone %d in %d", len(got), len(payload), err, len(attrs), len(want))
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	return l
}
