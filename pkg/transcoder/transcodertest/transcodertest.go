// Package transcodertest is the suite that every transcoder.Transcoder has to
// pass, for authors of their own:
//
//	func TestTranscoder(t *testing.T) {
//		transcodertest.Run(t, mycodec.New())
//	}
//
// It holds a Transcoder to the contract in the interface's comments, not to a
// format. These are the subtests, by name:
//
//	id          ID is the same each time, and not 0
//	values      what Encode accepts, Decode gives back: strings, integers,
//	            floats, booleans, nil, bytes, times with nanoseconds, slices,
//	            maps, structs
//	refused     a channel is an error of Encode; a value that does not fit, or
//	            no pointer to put it in, is an error of Decode
//	json        JSON that went in comes out the same but for white space and
//	            escapes, numbers with their text; it decodes into Go types
//	json-of-go  a value from Encode has a JSON form
//	header      JSON comes out in printable ASCII, so that it may stand in a
//	            header
//	json-errors what is no JSON, or no UTF-8, is an error of FromJSON
//	attributes  a payload gives back the attributes it was made of, none and
//	            many, and they do not alias it
//	append      both Append methods keep what dst held
//	damage      no damaged payload or value makes it panic, none takes memory
//	            out of proportion
//	concurrent  one Transcoder serves many goroutines; needs -race to be sharp
//
// A Transcoder whose format cannot hold one of these values does not pass: the
// values are those that applications have in their sessions.
package transcodertest

import (
	"fmt"
	"testing"

	"github.com/msmd/msmd/pkg/transcoder"
)

// Run tests tc, one subtest for each part of the contract. tc is used by
// several goroutines at once.
func Run(t *testing.T, tc transcoder.Transcoder) {
	t.Helper()
	for _, c := range suite() {
		t.Run(c.name, func(t *testing.T) {
			for _, err := range c.run(tc) {
				t.Error(err)
			}
		})
	}
}

// check is one part of the contract. It returns each violation, so that the
// suite itself can be tested.
type check struct {
	name string
	run  func(tc transcoder.Transcoder) []error
}

func suite() []check {
	return []check{
		{"id", checkID},
		{"values", checkValues},
		{"refused", checkRefused},
		{"json", checkJSON},
		{"json-of-go", checkJSONOfGo},
		{"header", checkHeader},
		{"json-errors", checkJSONErrors},
		{"attributes", checkAttributes},
		{"append", checkAppend},
		{"damage", checkDamage},
		{"concurrent", checkConcurrent},
	}
}

// errorList collects violations.
type errorList []error

func (l *errorList) addf(format string, args ...any) { *l = append(*l, fmt.Errorf(format, args...)) }

// guard calls f and reports a panic as a violation.
func (l *errorList) guard(what string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			l.addf("%s panics: %v", what, p)
		}
	}()
	f()
}
