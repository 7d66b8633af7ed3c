package config

import (
	"fmt"
	"strings"
)

// ignored reports whether msm's key, in lower case, means nothing here and may
// stay, so that an old Manager element can be pasted.
func ignored(lower string) bool {
	return lower == "classname" || lower == "transcoderfactoryclass"
}

// unknownKey quotes the key and not its value, which may be a password.
func unknownKey(written, file string, table []key) error {
	if hint := laterHint(strings.ToLower(written)); hint != "" {
		return fmt.Errorf("unknown key %q in %q; hint: %s", written, file, hint)
	}
	hint := didYouMean(written, keyNames(table))
	if hint == "" {
		hint = "; config.example.yaml lists all keys"
	}
	return fmt.Errorf("unknown key %q in %q; hint:%s", written, file, strings.TrimPrefix(hint, ";"))
}

func keyNames(table []key) []string {
	names := make([]string, len(table))
	for i, k := range table {
		names[i] = k.name
	}
	return names
}

// laterHint answers msm's keys that msmd does without, and those that come
// with a later version. It returns "" for any other.
func laterHint(lower string) string {
	for _, k := range []struct{ name, hint string }{
		{"sticky", "msmd is non-sticky, which is correct behind any balancer, and needs no such key; sticky mode comes with a later version: remove it"},
		{"lockingMode", "msmd merges changes of parallel requests instead of locking; locks come with a later version: remove it"},
		{"lockExpiration", "msmd takes no locks, so none can expire; locks come with a later version: remove it"},
		{"sessionBackupAsync", "msmd always stores before it answers, so that the next request sees the change: remove it"},
		{"backupThreadCount", "msmd needs no threads for backups; maxNodeConnections bounds the connections to a node: remove it"},
		{"sessionAttributeFilter", "msmd stores every attribute the app sets; a filter comes with a later version: remove it"},
		{"storageKeyPrefix", "msmd's keys all start with msmd: and hold a hash of the id; a prefix of your own comes with a later version: remove it"},
		{"transcoder", "msmd stores values as CBOR; a choice comes with a later version: remove it"},
		{"customConverter", "msmd stores plain values as CBOR, which needs no converters: remove it"},
		{"copyCollectionsForSerialization", "msmd holds no live objects, so there is nothing to copy: remove it"},
		{"stickyMaxAge", "msmd keeps no sessions of its own; sticky mode comes with a later version: remove it"},
		{"enabled", "msmd is off when it does not run; for requests without sessions use requestUriIgnorePattern: remove it"},
		{"enableStatistics", "msmd always counts, which costs next to nothing; adminListen shows the figures: remove it"},
		{"memcachedProtocol", "msmd speaks memcached's text protocol; memcached's own documentation calls the binary one deprecated: remove it"},
		{"username", "msmd does not log in to memcached yet; that comes with a later version: remove it and keep the nodes on a private network"},
		{"password", "msmd does not log in to memcached yet; that comes with a later version: remove it and keep the nodes on a private network"},
	} {
		if strings.ToLower(k.name) == lower {
			return k.hint
		}
	}
	return ""
}

// didYouMean returns "; did you mean ...?" if one of the words is close to s.
func didYouMean(s string, words []string) string {
	best, distance := "", len(s)/3+1
	for _, w := range words {
		if d := editDistance(strings.ToLower(s), strings.ToLower(w)); d < distance {
			best, distance = w, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance counts the letters to insert, delete, replace or swap with
// their neighbour to make b of a (optimal string alignment).
func editDistance(a, b string) int {
	before, prev := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(prev[j+1]+1, row[j]+1, prev[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, prev = prev, row
	}
	return prev[len(b)]
}
