package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// builder collects entries and makes a Config of them.
type builder struct {
	role     Scope
	builtin  map[string]string // what ${user.home} and the like stand for, and defaults of this process
	entries  map[string]entry
	warnings []string
	problems []string
}

func newBuilder(role Scope, builtin map[string]string) *builder {
	return &builder{role: role, builtin: builtin, entries: map[string]entry{}}
}

// set adds one value; an equal or higher source replaces what was there.
func (b *builder) set(name, raw string, e entry) {
	found, err := findName(name)
	if err != nil {
		b.problem(e.place, "%v", err)
		return
	}
	e.raw = strings.TrimSpace(raw)
	switch {
	case found.key != nil && found.key.siteRefused && e.source == SourceSite:
		b.problem(e.place, "%s cannot be set in the site file: it is needed before the file is read. Set it in the environment or with -D.", found.name)
		return
	case e.raw == "":
		b.warn(e.place, "%s has no value: the line has no effect", found.name)
		return
	}
	if found.warning != "" && e.source != SourceClusterDefault && b.concerns(found) {
		b.warn(e.place, "%s", found.warning)
	}
	if old, ok := b.entries[found.name]; ok && old.source > e.source {
		return
	}
	b.entries[found.name] = e
}

func (b *builder) problem(place, format string, args ...any) {
	b.problems = append(b.problems, at(place)+fmt.Sprintf(format, args...))
}

func (b *builder) warn(place, format string, args ...any) {
	w := at(place) + fmt.Sprintf(format, args...)
	if !slices.Contains(b.warnings, w) {
		b.warnings = append(b.warnings, w)
	}
}

func at(place string) string {
	if place == "" {
		return ""
	}
	return place + ": "
}

// build resolves and parses everything. All that is wrong is in the one error.
func (b *builder) build() (*Config, error) {
	c := &Config{role: b.role, entries: b.entries, values: map[string]value{}, builtin: b.builtin, warnings: b.warnings}
	for _, name := range b.names() {
		b.addValue(c, name)
	}
	if len(b.problems) > 0 {
		return nil, errors.Errorf(errors.Invalid, "%s", strings.Join(b.problems, "\n"))
	}
	return c, nil
}

// names returns all names that may have a value, in order.
func (b *builder) names() []string {
	names := make(map[string]bool, len(registry.keys)+len(b.entries))
	for _, k := range registry.keys {
		names[k.name] = true
	}
	for name := range b.entries {
		names[name] = true
	}
	names[WorkerTieredstoreLevelAlias.At(0).name] = true
	names[WorkerTieredstoreLevelDirsPath.At(0).name] = true
	names[WorkerTieredstoreLevelDirsQuota.At(0).name] = true
	names[WorkerTieredstoreLevelDirsMediumtype.At(0).name] = true
	return slices.Sorted(maps.Keys(names))
}

func (b *builder) addValue(c *Config, name string) {
	found, _ := findName(name)
	e := b.entries[name]
	raw, ok := c.raw(name, found.key)
	if !ok {
		return
	}
	text, err := c.resolve(raw, []string{name})
	if err != nil {
		b.problem(e.place, "%s=%s: %v", name, shown(found.key, name, raw), err)
		return
	}
	if text == "" {
		return
	}
	v := value{key: found.key, text: text, parsed: text}
	if found.key != nil {
		if v.parsed, err = found.key.parse(text); err != nil {
			b.problem(e.place, "%s=%s %v", name, shown(found.key, name, text), err)
			return
		}
	}
	c.values[name] = v
}

// shown returns a value for a message, masked if it is a credential.
func shown(k *Key, name, text string) string { return display(name, value{key: k, text: text}) }

// raw returns the unresolved value of a name.
func (c *Config) raw(name string, k *Key) (string, bool) {
	if e, ok := c.entries[name]; ok {
		return e.raw, true
	}
	if text, ok := c.builtin[name]; ok {
		return text, true
	}
	if k == nil {
		return "", false
	}
	def := k.rawDefault()
	return def, def != ""
}

var reference = regexp.MustCompile(`\$\{([^{}]*)\}`)

// resolve replaces ${key} by the key's value. trail holds the keys being
// resolved, to find cycles. A reference to a key without value is an error,
// except for the whole of a value, which then has no value either.
func (c *Config) resolve(raw string, trail []string) (string, error) {
	var failed error
	text := reference.ReplaceAllStringFunc(raw, func(ref string) string {
		name := strings.TrimSpace(ref[2 : len(ref)-1])
		found, err := findName(name)
		if text, ok := c.builtin[name]; ok && err != nil {
			return text
		}
		if err != nil {
			failed = err
			return ""
		}
		if slices.Contains(trail, found.name) {
			failed = fmt.Errorf("refers to itself: %s", strings.Join(append(trail, found.name), " -> "))
			return ""
		}
		next, ok := c.raw(found.name, found.key)
		if !ok {
			if raw != ref {
				failed = fmt.Errorf("refers to %s, which has no value", found.name)
			}
			return ""
		}
		text, err := c.resolve(next, append(slices.Clone(trail), found.name))
		if err != nil {
			failed = err
		}
		return text
	})
	return text, failed
}

// mustResolve resolves a declared default.
func (c *Config) mustResolve(raw string) string {
	text, err := c.resolve(raw, nil)
	if err != nil {
		panic("config: default " + raw + ": " + err.Error())
	}
	return text
}

// FromMap returns a Config of the given values over the defaults, as if they
// came from a site file, for tests and programs that embed a client. The names
// alluxio.home and the like may be set too.
func FromMap(role Scope, values map[string]string) (*Config, error) {
	b := newBuilder(role, builtins("/opt/alluxio", "/"))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		b.set(name, values[name], entry{source: SourceSystem})
	}
	return b.build()
}

// builtins returns what a process knows of itself: the installation and the
// user's home directory.
func builtins(home, userHome string) map[string]string {
	return map[string]string{Home.name: home, "user.home": userHome}
}

// concerns reports whether a warning about a name is of use in this process.
func (b *builder) concerns(found foundName) bool {
	scope, known := accepted[found.name]
	if found.key != nil {
		scope, known = found.key.scope, true
	}
	return !known || scope&b.role != 0 || b.role == All
}
