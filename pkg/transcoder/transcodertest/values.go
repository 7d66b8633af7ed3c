package transcodertest

import (
	"math"
	"reflect"
	"time"

	"github.com/msmd/msmd/pkg/transcoder"
)

// user is a struct as applications keep them in sessions.
type user struct {
	Name   string
	Age    int
	Score  float64
	Admin  bool
	Photo  []byte
	Seen   time.Time
	Roles  []string
	Extra  map[string]string
	Parent *user
}

func values() []any {
	seen := time.Date(2026, 2, 28, 23, 59, 59, 123456789, time.UTC)
	return []any{
		"", "text", "é 中 😀 \u2028 \x00 \r\n \x7f \"\\", 0, 1, -1, math.MaxInt64, math.MinInt64,
		uint64(math.MaxUint64), int8(-128), 0.1, -1.5, math.MaxFloat64, true, false, seen, seen.Add(-100 * 365 * 24 * time.Hour),
		[]byte{}, []byte{0, 1, 254, 255}, []int{3, 1, 2}, []string{"a", ""},
		map[string]int{"a": 1, "": 2, "é": 3}, map[string]map[string][]bool{"a": {"b": {true}}},
		user{"Ann", 42, 1.25, true, []byte{1}, seen, []string{"r"}, map[string]string{"k": "v"}, &user{Name: "Bob"}},
	}
}

func checkID(tc transcoder.Transcoder) []error {
	var l errorList
	if id := tc.ID(); id == 0 {
		l.addf("ID = 0; hint: 64 and up are free for others than msmd")
	} else if again := tc.ID(); again != id {
		l.addf("ID = %d, then %d", id, again)
	}
	return l
}

func checkValues(tc transcoder.Transcoder) []error {
	var l errorList
	for _, v := range values() {
		raw, err := tc.Encode(v)
		if err != nil {
			l.addf("Encode(%#v): %w", v, err)
			continue
		}
		into := reflect.New(reflect.TypeOf(v))
		if err := tc.Decode(raw, into.Interface()); err != nil {
			l.addf("Decode(Encode(%#v)): %w", v, err)
			continue
		}
		if got := into.Elem().Interface(); !same(got, v) {
			l.addf("Decode(Encode(%#v)) = %#v", v, got)
		}
	}
	raw, err := tc.Encode(nil)
	if err != nil {
		l.addf("Encode(nil): %w", err)
		return l
	}
	var v any
	if err := tc.Decode(raw, &v); err != nil || v != nil {
		l.addf("Decode(Encode(nil)) = %v, %v; want nil", v, err)
	}
	return l
}

// same compares values; times by the moment.
func same(a, b any) bool {
	if ta, ok := a.(time.Time); ok {
		tb, ok := b.(time.Time)
		return ok && ta.Equal(tb)
	}
	if ua, ok := a.(user); ok {
		ub, ok := b.(user)
		equal := ok && ua.Seen.Equal(ub.Seen)
		ua.Seen, ub.Seen = time.Time{}, time.Time{}
		// The zero time of a nested user may have come back in another zone.
		return equal && ua.Parent != nil && ub.Parent != nil && ua.Parent.Name == ub.Parent.Name &&
			reflect.DeepEqual([]any{ua.Name, ua.Age, ua.Score, ua.Admin, ua.Photo, ua.Roles, ua.Extra},
				[]any{ub.Name, ub.Age, ub.Score, ub.Admin, ub.Photo, ub.Roles, ub.Extra})
	}
	return reflect.DeepEqual(a, b)
}

func checkRefused(tc transcoder.Transcoder) []error {
	var l errorList
	l.guard("Encode(chan)", func() {
		if raw, err := tc.Encode(make(chan int)); err == nil {
			l.addf("Encode(chan) = %q, want an error", raw)
		}
	})
	raw, err := tc.Encode("text")
	if err != nil {
		l.addf("Encode: %w", err)
		return l
	}
	var n int
	for name, into := range map[string]any{"*int": &n, "int": n, "nil": nil} {
		l.guard("Decode of a string into "+name, func() {
			if err := tc.Decode(raw, into); err == nil {
				l.addf("Decode of a string into %s: no error", name)
			}
		})
	}
	return l
}
