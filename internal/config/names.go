package config

import (
	_ "embed"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
)

//go:embed accepted.txt
var acceptedText string

// accepted maps the names (or patterns with "*") of keys that have no effect
// here to their scope.
var accepted, acceptedPatterns = parseAccepted(acceptedText)

func parseAccepted(text string) (names map[string]Scope, patterns []string) {
	scopes := map[string]Scope{"all": All, "server": Server, "master": Master, "worker": Worker, "client": Client, "none": None}
	names = map[string]Scope{}
	for line := range strings.Lines(text) {
		name, scope, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		names[name] = scopes[scope]
		if strings.Contains(name, "*") {
			patterns = append(patterns, name)
		}
	}
	return names, patterns
}

// renamed maps names that Alluxio removed to the keys that took their place.
var renamed = map[string]string{
	"alluxio.user.file.write.location.policy.class":                     "alluxio.user.block.write.location.policy.class",
	"alluxio.user.file.copyfromlocal.write.location.policy.class":       "alluxio.user.file.copyfromlocal.block.location.policy.class",
	"alluxio.user.file.write.avoid.eviction.policy.reserved.size.bytes": "alluxio.user.block.avoid.eviction.policy.reserved.size.bytes",
	"alluxio.master.heartbeat.interval":                                 "alluxio.master.lost.worker.file.detection.interval",
	"alluxio.worker.data.port":                                          "alluxio.worker.rpc.port",
	"alluxio.worker.evictor.lrfu.step.factor":                           "alluxio.worker.block.annotator.lrfu.step.factor",
	"alluxio.worker.evictor.lrfu.attenuation.factor":                    "alluxio.worker.block.annotator.lrfu.attenuation.factor",
	"alluxio.user.network.data.timeout":                                 "alluxio.user.streaming.data.read.timeout",
	"alluxio.user.network.reader.chunk.size.bytes":                      "alluxio.user.streaming.reader.chunk.size.bytes",
	"alluxio.user.network.writer.chunk.size.bytes":                      "alluxio.user.streaming.writer.chunk.size.bytes",
	"alluxio.user.network.writer.close.timeout":                         "alluxio.user.streaming.writer.close.timeout",
	"alluxio.user.network.writer.flush.timeout":                         "alluxio.user.streaming.writer.flush.timeout",
}

// foundName is what a name given by somebody denotes.
type foundName struct {
	name    string // current name
	key     *Key   // nil when the name has no effect here
	warning string // why the given name should be changed, "" when it should not
}

// findName finds the key that a name denotes. The error, of kind Invalid,
// suggests the nearest known name.
func findName(name string) (foundName, error) {
	name = strings.TrimSpace(name)
	if k := registry.byName[name]; k != nil {
		return foundName{name: name, key: k}, nil
	}
	if nested, ok := strings.CutPrefix(name, RootOptionPrefix); ok {
		return findRootOption(nested)
	}
	if _, ok := accepted[name]; ok {
		return withoutEffect(name), nil
	}
	for _, t := range registry.templates {
		if k := t.match(name); k != nil {
			return foundName{name: name, key: k}, nil
		}
	}
	if k := registry.byAlias[name]; k != nil {
		return foundName{k.name, k, name + " is an old name of " + k.name}, nil
	}
	if current, ok := renamed[name]; ok {
		if k := registry.byName[current]; k != nil {
			return foundName{k.name, k, name + " was replaced by " + k.name}, nil
		}
	}
	if k := foldCredential(name); k != nil {
		return foundName{k.name, k, name + " is spelled " + k.name}, nil
	}
	if matchesAccepted(name) {
		return withoutEffect(name), nil
	}
	return foundName{}, unknownName(name)
}

func withoutEffect(name string) foundName {
	return foundName{name: name, warning: name + " is a property of Alluxio that has no effect here"}
}

// findRootOption finds the key of an option of the root mount; the entry keeps
// the whole name, the syntax is that of the nested key.
func findRootOption(nested string) (foundName, error) {
	found, err := findName(nested)
	if err != nil {
		return foundName{}, err
	}
	found.name = RootOptionPrefix + found.name
	if found.key != nil {
		k := *found.key
		k.name, k.def, k.defFunc, k.aliases = found.name, "", nil, nil
		found.key = &k
	}
	return found, nil
}

// foldCredential finds a store's key whose name differs only by case: guides
// for Alluxio print fs.kodo.accessKey.
func foldCredential(name string) *Key {
	if strings.HasPrefix(name, "alluxio.") {
		return nil
	}
	for _, k := range registry.keys {
		if strings.EqualFold(k.name, name) {
			return k
		}
	}
	return nil
}

// matchesAccepted reports whether a pattern of accepted.txt matches.
func matchesAccepted(name string) bool {
	return slices.ContainsFunc(acceptedPatterns, func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}

// looksSecret reports whether the value of a name without a declared key must
// be taken for a credential.
func looksSecret(name string) bool {
	lower := strings.ToLower(name)
	for _, word := range []string{"accesskey", "access.key", "secretkey", "secret.key", "accesssecret", "keysecret", "secretaccess", "password", "client.secret", "auth.key", "account.key", "token"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return strings.HasPrefix(lower, "fs.swift.user") || strings.HasPrefix(lower, "fs.swift.tenant")
}

// IsCredential reports whether values of the named property must not be shown.
// Unknown names are judged by their words.
func IsCredential(name string) bool {
	found, err := findName(name)
	return err == nil && found.key != nil && found.key.IsSecret() || looksSecret(name)
}

// unknownName is the error for a name that nobody knows.
func unknownName(name string) error {
	if near := nearestName(name); near != "" {
		return errors.Errorf(errors.Invalid, "Unknown property %s. Did you mean %s?", name, near)
	}
	return errors.Errorf(errors.Invalid, "Unknown property %s. `alluxio getConf` lists the known ones.", name)
}

// nearestName returns the known name with the smallest edit distance, "" when
// none is near.
func nearestName(name string) string {
	best, nearest := len(name)/4+2, ""
	for _, known := range knownNames() {
		if d := editDistance(name, known, best); d < best {
			best, nearest = d, known
		}
	}
	return nearest
}

func knownNames() []string {
	names := slices.Collect(maps.Keys(registry.byName))
	names = slices.AppendSeq(names, maps.Keys(accepted))
	for _, t := range registry.templates {
		names = append(names, strings.ReplaceAll(t.key.name, "%d", "0"))
	}
	slices.Sort(names)
	return names
}

// editDistance returns the number of inserted, removed or changed bytes between
// a and b, or limit when it is not less.
func editDistance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
			least = min(least, row[j+1])
		}
		if least >= limit {
			return limit
		}
	}
	return row[len(b)]
}

// LookupKey returns the declared key that a name, an alias or an instance of a
// template denotes; nil for names that are accepted without effect. The error,
// of kind Invalid, suggests the nearest known name.
func LookupKey(name string) (*Key, error) {
	found, err := findName(name)
	return found.key, err
}

// Keys returns all declared keys, sorted by name.
func Keys() []*Key {
	keys := slices.Clone(registry.keys)
	slices.SortFunc(keys, func(a, b *Key) int { return strings.Compare(a.name, b.name) })
	return keys
}
