package config

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// setter reads one value, as YAML or text gave it, into its field. Its error
// quotes the value and has a hint; the caller adds the key.
type setter func(raw any) error

// scalar returns raw as text. Numbers and booleans are as YAML understood
// them, so 010 is "8".
func scalar(raw any) (string, error) {
	switch v := raw.(type) {
	case string:
		return strings.TrimSpace(v), nil
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v), nil
	case []any:
		return "", fmt.Errorf("%q is a list; hint: write a single value", asYAML(v))
	case map[string]any, map[any]any:
		return "", errors.New(`"key: value" lines stand below it; hint: write a single value on the same line`)
	default: // a date, say
		return "", fmt.Errorf("%q is not plain text to YAML; hint: put it in quotes", fmt.Sprint(v))
	}
}

// asYAML is raw much as it was written, on one line.
func asYAML(raw any) string {
	var parts []string
	switch v := raw.(type) {
	case []any:
		for _, e := range v {
			parts = append(parts, asYAML(e))
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, k+": "+asYAML(v[k]))
		}
	case nil:
		return "null"
	default:
		return fmt.Sprint(v)
	}
	return strings.Join(parts, ", ")
}

// verbatim is scalar for free text, where YAML's idea of a number must not
// change what was written.
func verbatim(raw any) (string, error) {
	switch v := raw.(type) {
	case string:
		return v, nil
	case bool, int, int64, uint64, float64:
		return "", fmt.Errorf("%q is not text to YAML; hint: put it in quotes", fmt.Sprint(v))
	default:
		return scalar(raw)
	}
}

func text(field *string) setter {
	return func(raw any) (err error) {
		*field, err = verbatim(raw)
		return err
	}
}

// boolean takes true and false alone: yes and on are strings in today's YAML
// and were booleans in yesterday's.
func boolean(field *bool) setter {
	return func(raw any) error {
		s, err := scalar(raw)
		if err != nil {
			return err
		}
		switch strings.ToLower(s) {
		case "true":
			*field = true
		case "false":
			*field = false
		default:
			return fmt.Errorf("%q; hint: write true or false", s)
		}
		return nil
	}
}

// choice reads one of a few words, in any case, and stores it as spelt here.
func choice(field *string, words ...string) setter {
	return func(raw any) error {
		s, err := scalar(raw)
		if err != nil {
			return err
		}
		for _, w := range words {
			if strings.EqualFold(s, w) {
				*field = w
				return nil
			}
		}
		return fmt.Errorf("%q is not known; hint: one of %s%s", s, strings.Join(words, ", "), didYouMean(s, words))
	}
}

func level(field *slog.Level) setter {
	var word string
	read := choice(&word, "debug", "info", "warn", "error")
	return func(raw any) error {
		if err := read(raw); err != nil {
			return err
		}
		return field.UnmarshalText([]byte(word))
	}
}

func integer(field *int, low, high int) setter {
	return func(raw any) error {
		s, err := scalar(raw)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("%q is not a whole number; hint: %d to %d", s, low, high)
		}
		if n < low || n > high {
			return fmt.Errorf("%q is out of range; hint: %d to %d", s, low, high)
		}
		*field = n
		return nil
	}
}

// replicas is integer with a word about what may be tried here first.
func replicas(field *int) setter {
	read := integer(field, 0, 1)
	return func(raw any) error {
		err := read(raw)
		if s, serr := scalar(raw); err != nil && serr == nil {
			return fmt.Errorf("%q; hint: more than one copy comes with a later version; use 0 or 1", s)
		}
		return err
	}
}

// size reads a number of bytes, plain or with a unit.
func size(field *int, low, high int) setter {
	return func(raw any) error {
		s, err := scalar(raw)
		if err != nil {
			return err
		}
		digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
		factor := byteUnit(strings.TrimSpace(s[len(digits):]))
		n, err := strconv.Atoi(digits)
		if err != nil || factor == 0 {
			return fmt.Errorf("%q is not a number of bytes; hint: 65536, 64KiB (the same) or 64KB (64000)", s)
		}
		// The first comparison keeps the product from overflowing.
		if n > high || n*factor < low || n*factor > high {
			return fmt.Errorf("%q is out of range; hint: %d to %d bytes", s, low, high)
		}
		*field = n * factor
		return nil
	}
}

// byteUnit returns how many bytes the unit is, 0 if there is none of that name.
func byteUnit(s string) int {
	switch strings.ToLower(s) {
	case "", "b":
		return 1
	case "kb":
		return 1000
	case "k", "kib":
		return 1 << 10
	case "mb":
		return 1_000_000
	case "m", "mib":
		return 1 << 20
	default:
		return 0
	}
}

// span is what a duration may be.
type span struct {
	min, max time.Duration
	zero     bool   // 0 is allowed too
	whole    bool   // whole seconds only
	unit     string // in which a bare number was surely meant
	tooLow   string // hint for 0 and less, in place of the range
}

// duration reads a Go duration. A number without a unit is refused: viper alone
// would read 30 as 30 nanoseconds.
func duration(field *time.Duration, sp span) setter {
	return func(raw any) error {
		s, err := scalar(raw)
		if err != nil {
			return err
		}
		if n, ok := bareNumber(s); ok && n != 0 && (n > 0 || sp.tooLow == "") {
			return fmt.Errorf("%q has no unit; hint: %s", s, unitHint(s, sp.unit))
		}
		d, err := parseDuration(s)
		switch {
		case err != nil:
			return fmt.Errorf("%q is not a duration; hint: a number with a unit, as 100ms, 30s, 15m or 12h", s)
		case d == 0 && sp.zero:
		case d <= 0 && sp.tooLow != "":
			return fmt.Errorf("%q; hint: %s", s, sp.tooLow)
		case d < sp.min || d > sp.max:
			return fmt.Errorf("%q is out of range; hint: %s to %s%s", s, short(sp.min), short(sp.max), zeroHint(sp))
		case sp.whole && d%time.Second != 0:
			return fmt.Errorf("%q has a part of a second; hint: write whole seconds", s)
		}
		*field = d
		return nil
	}
}

// parseDuration is time.ParseDuration that also takes msm's bare "-1", so that
// a range error can say more than a missing unit would.
func parseDuration(s string) (time.Duration, error) {
	if n, ok := bareNumber(s); ok && n <= 0 {
		return time.Duration(max(-1, n)) * time.Second, nil
	}
	return time.ParseDuration(s)
}

// bareNumber leaves out the words that strconv takes as numbers, "nan" say.
func bareNumber(s string) (n float64, ok bool) {
	if strings.Trim(s, "+-.0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

func zeroHint(sp span) string {
	if sp.zero {
		return ", or 0"
	}
	return ""
}

// unitHint says how to write a bare number: msm counted its timeouts in
// milliseconds, the rest of Tomcat's world counts seconds.
func unitHint(number, unit string) string {
	if unit == "ms" {
		return "msm counted milliseconds here: write " + number + "ms"
	}
	hint := "write " + number + "s"
	if n, err := strconv.Atoi(number); err == nil && n%60 == 0 {
		hint += " or " + strconv.Itoa(n/60) + "m"
	}
	return hint
}

// short is d without the zeros at the end: 30m for 30m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
