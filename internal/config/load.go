package config

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Where a value comes from, as Config.Sources says it.
const (
	fromDefault = "default"
	fromFile    = "file"
	fromEnv     = "environment"
	fromFlag    = "flag"
)

// loader is one Load under way. It collects errors instead of stopping at the
// first, so that one start shows all there is to mend.
type loader struct {
	c        *Config
	v        *viper.Viper
	mem      string // memcachedNodes as given, joined by commas
	failover string // failoverNodes likewise
	origin   map[string]string
	failed   map[string]bool // keys with an error; they keep their zero value
	errs     []error
}

// Load reads the configuration. A changed flag goes before the environment,
// the environment before the file, the file before the defaults. file "" is no
// file, flags may be nil, environ has the form of os.Environ. Variables that
// are set but empty count as not set.
//
// It returns warnings, one line each, with or without an error. The error
// joins all that is wrong, each naming its key. Load only reads the file: it
// resolves no name and dials nothing. It may be called concurrently.
func Load(file string, flags *pflag.FlagSet, environ []string) (*Config, []string, error) {
	yaml := newStrictYAML()
	l := &loader{
		c:      &Config{Sources: map[string]string{}},
		v:      viper.NewWithOptions(viper.WithDecoderRegistry(yaml)),
		origin: map[string]string{},
		failed: map[string]bool{},
	}
	table := l.keys()
	for _, k := range table {
		l.v.SetDefault(k.name, k.def)
		l.c.Sources[k.name] = fromDefault
	}
	if file != "" {
		if err := readFile(l.v, file); err != nil {
			return nil, nil, err
		}
		l.checkFile(yaml.top, file, table)
	}
	// Both go to viper's layer of overrides, where the later Set wins. viper's
	// own bindings would turn a bad number in a flag into 0.
	l.readEnv(environ, table)
	l.readFlags(flags, table)
	l.read(table)
	l.validate()
	if err := errors.Join(l.errs...); err != nil {
		return nil, l.c.Warnings, err
	}
	return l.c, l.c.Warnings, nil
}

// readFlags takes what was given on the command line.
func (l *loader) readFlags(flags *pflag.FlagSet, table []key) {
	if flags == nil {
		return
	}
	for _, k := range table {
		if f := flags.Lookup(k.name); f != nil && f.Changed {
			l.override(k.name, f.Value.String(), fromFlag, "--"+k.name)
		}
	}
}

// override puts a value over what is known so far. origin is how the user
// calls the place it comes from.
func (l *loader) override(name, value, source, origin string) {
	l.v.Set(name, value)
	l.c.Sources[name] = source
	l.origin[name] = origin
}

// read gives every key's value to its function in the table.
func (l *loader) read(table []key) {
	for _, k := range table {
		if l.failed[k.name] {
			continue
		}
		if err := k.set(l.v.Get(k.name)); err != nil {
			l.fail(k.name, err)
		}
	}
}

// fail records err, and each error that it joins, as the fault of key name.
func (l *loader) fail(name string, err error) {
	l.failed[name] = true
	label := name
	if o := l.origin[name]; o != "" {
		label += " (" + o + ")"
	}
	for _, e := range leaves(err) {
		l.errs = append(l.errs, fmt.Errorf("%s: %w", label, e))
	}
}

func (l *loader) failf(name, format string, args ...any) {
	l.fail(name, fmt.Errorf(format, args...))
}

func (l *loader) warnf(format string, args ...any) {
	l.c.Warnings = append(l.c.Warnings, fmt.Sprintf(format, args...))
}

// good reports whether none of the keys had an error, so that a rule about
// several of them makes sense.
func (l *loader) good(names ...string) bool {
	for _, n := range names {
		if l.failed[n] {
			return false
		}
	}
	return true
}

// leaves takes joined errors apart, so that each gets a line with its key.
func leaves(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, leaves(e)...)
	}
	return all
}

// flagValue holds a flag's text. Load parses it, so that a flag gets the same
// rules and messages as the file.
type flagValue struct {
	text  string
	kind  string
	given bool
}

// String returns the text given, or the default.
func (f *flagValue) String() string { return f.text }

// Type returns the word for the value in the usage text.
func (f *flagValue) Type() string { return f.kind }

// Set takes the text. A list flag that is repeated grows.
func (f *flagValue) Set(s string) error {
	if f.given && f.kind == kindList {
		s = f.text + "," + s
	}
	f.text, f.given = s, true
	return nil
}

// AddFlags adds one flag for each key, spelt as in the file. Load finds the
// changed ones.
func AddFlags(flags *pflag.FlagSet) {
	for _, k := range (&loader{c: &Config{}}).keys() {
		usage := k.doc + " (" + envNames(k.name)[0] + ")"
		f := flags.VarPF(&flagValue{text: k.def, kind: k.kind}, k.name, "", usage)
		if k.kind == kindBool {
			f.NoOptDefVal = "true"
		}
	}
}
