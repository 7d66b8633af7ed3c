package transcoder_test

import (
	"errors"
	"fmt"

	"github.com/msmd/msmd/pkg/transcoder"
)

// Attributes stay encoded, one by one. What came as JSON leaves as JSON.
func ExampleCBOR() {
	tc := transcoder.NewCBOR()
	user, err := tc.Encode("Ann")
	if err != nil {
		panic(err)
	}
	cart, err := tc.FromJSON([]byte(`{"total": 1.10, "for": "José"}`))
	if err != nil {
		panic(err)
	}
	var attrs transcoder.Attributes
	attrs = attrs.With("user", user).With("cart", cart)
	payload := tc.AppendAttributes(nil, attrs)

	stored, err := tc.Attributes(payload)
	if err != nil {
		panic(err)
	}
	for _, a := range stored {
		text, err := tc.AppendJSON(nil, a.Raw)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s=%s\n", a.Name, text)
	}
	// Output:
	// cart={"total":1.10,"for":"Jos\u00e9"}
	// user="Ann"
}

// A writer whose answer was lost finds its own tag in the record that it loads.
func ExampleRecord_HasTag() {
	const fingerprint = 42 // of the session's id
	r := transcoder.Record{Transcoder: 1, Version: 1, Tag: 1001, Fingerprint: fingerprint}
	r.Version++
	r.PushTag(1002)
	stored := r.Append(nil)

	loaded, err := transcoder.Parse(stored, fingerprint)
	if err != nil {
		panic(err)
	}
	fmt.Println(loaded.Version, loaded.HasTag(1001), loaded.HasTag(1002), loaded.HasTag(1003))

	_, err = transcoder.Parse(stored, 43)
	fmt.Println(errors.Is(err, transcoder.ErrCorrupt), err)
	// Output:
	// 2 true true false
	// true corrupt record: record of another session
}
