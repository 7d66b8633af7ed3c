package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/viper"
)

// strictYAML is viper's YAML decoder. It keeps the keys as they were written,
// for viper lower-cases them: of two that differ only by case one would win,
// by chance.
type strictYAML struct {
	yaml viper.Decoder
	top  map[string]any // first level of the file
}

func newStrictYAML() *strictYAML { return &strictYAML{} }

// Decoder returns s, whatever the format.
func (s *strictYAML) Decoder(string) (viper.Decoder, error) {
	yaml, err := viper.NewCodecRegistry().Decoder("yaml")
	s.yaml = yaml
	return s, err
}

// Decode decodes b into v.
func (s *strictYAML) Decode(b []byte, v map[string]any) error {
	if err := s.yaml.Decode(b, v); err != nil {
		return err
	}
	s.top = maps.Clone(v)
	return oneDocument(b)
}

// oneDocument refuses a file of several documents: yaml reads the first and
// passes over the others in silence. It knows documents by their markers, which YAML finds at the start
// of a line whatever stands around them.
func oneDocument(b []byte) error {
	content := false
	n := 0
	for line := range bytes.Lines(b) {
		n++
		line = bytes.TrimRight(line, " \t\r\n")
		switch {
		case len(line) == 0 || line[0] == '#' || line[0] == '%':
		case content && (string(line) == "---" || bytes.HasPrefix(line, []byte("--- "))):
			return fmt.Errorf("yaml: line %d: a second document starts; hint: write all keys in one, without ---", n)
		case string(line) != "---":
			content = true
		}
	}
	return nil
}

// readFile reads file into v. Its errors name the file and, where known, the
// line.
func readFile(v *viper.Viper, file string) error {
	v.SetConfigFile(file)
	v.SetConfigType("yaml")
	err := v.ReadInConfig()
	var syntax viper.ConfigParseError
	var path *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return syntaxErrors(file, syntax.Unwrap().Error())
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no configuration file %q; hint: check the path, or start from config.example.yaml", file)
	case errors.As(err, &path):
		return fmt.Errorf("configuration file %q: %w", file, path.Err)
	default:
		return fmt.Errorf("configuration file %q: %w", file, err)
	}
}

// syntaxErrors rewrites yaml's message, which may list several errors, for
// someone who knows neither yaml.v3 nor Go.
func syntaxErrors(file, msg string) error {
	msg = strings.TrimPrefix(strings.TrimPrefix(msg, "yaml: "), "unmarshal errors:\n")
	var errs []error
	for msg := range strings.SplitSeq(msg, "\n") {
		line, msg := lineOf(msg)
		if strings.Contains(msg, "anchor") { // yaml does not say where
			errs = append(errs, fmt.Errorf("%q: %s; hint: put a value that starts with * or & in quotes", file, msg))
			continue
		}
		errs = append(errs, fmt.Errorf("%q line %d: %s", file, line, plainYAML(msg)))
	}
	return errors.Join(errs...)
}

// lineOf takes the line number off yaml's message. yaml leaves line 1 out, and
// counts from 0 in the messages of its parser, though not of its scanner.
func lineOf(msg string) (line int, rest string) {
	rest = msg
	if m := regexp.MustCompile(`^\s*line (\d+): (.*)$`).FindStringSubmatch(msg); m != nil {
		line, _ = strconv.Atoi(m[1])
		rest = m[2]
	}
	parser := strings.HasPrefix(rest, "did not find expected") && !strings.Contains(rest, "alphabetic")
	if parser || line == 0 {
		line++
	}
	return line, rest
}

// plainYAML adds the usual cause to yaml's messages.
func plainYAML(msg string) string {
	if strings.Contains(msg, "cannot unmarshal") {
		return `not a list of keys and values; hint: one key a line, as "listen: 127.0.0.1:8080" (listen="..." is msm's XML)`
	}
	for _, known := range []struct{ phrase, hint string }{
		{"already defined at line", "a key may stand only once"},
		{"unknown escape character", `in double quotes \ starts an escape: put patterns in single quotes`},
		{"cannot start any token", "indent with blanks, not tabs; put a value that starts with @, % or ` in quotes"},
		{"alphabetic or numeric character", "put a value that starts with * or & in quotes"},
		{"mapping values are not allowed", `put a value that has ": " in it in quotes, and start all keys in the first column`},
		{"did not find expected", "a quote or bracket is not closed, something stands after a closing one, or a list's word that starts with a colon needs quotes"},
		{"could not find expected ':'", "each line is key: value, with a blank after the colon"},
		{"end of stream", "a closing quote is missing"},
	} {
		if strings.Contains(msg, known.phrase) {
			return strings.Replace(msg, "mapping key", "key", 1) + "; hint: " + known.hint
		}
	}
	return msg
}

// checkFile looks at the keys of the file as they were written: unknown ones,
// the same key in two spellings, keys without a value.
func (l *loader) checkFile(top map[string]any, file string, table []key) {
	names := map[string]key{} // by lower case
	for _, k := range table {
		names[strings.ToLower(k.name)] = k
	}
	seen := map[string]string{} // spelling by lower case
	for _, written := range slices.Sorted(maps.Keys(top)) {
		lower := strings.ToLower(written)
		if other, ok := seen[lower]; ok {
			l.errs = append(l.errs, fmt.Errorf("keys %q and %q in %q are the same; hint: write it once", other, written, file))
			continue
		}
		seen[lower] = written
		if k, ok := names[lower]; ok {
			l.checkKey(k, top[written])
			continue
		}
		if ignored(lower) {
			l.warnf("%s: ignored; msmd stores values as CBOR in every language's plain types, no Java class is needed", written)
			continue
		}
		l.errs = append(l.errs, unknownKey(written, file, table))
	}
}

// checkKey notes that the file has k, or refuses a k without a value: viper
// would take the default in silence.
func (l *loader) checkKey(k key, value any) {
	if value != nil {
		l.c.Sources[k.name] = fromFile
		return
	}
	// "failoverNodes:" with nothing behind it means what it looks like.
	if k.def != "" {
		l.failf(k.name, "no value; hint: write one, or remove the line for the default %q", k.def)
	}
}
