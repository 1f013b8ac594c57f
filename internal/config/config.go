package config

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// Source is where a value comes from; a higher one replaces a lower one.
type Source uint8

// The sources in order of priority.
const (
	SourceDefault Source = iota
	SourceClusterDefault
	SourceSite
	SourceSystem
	SourcePathDefault
	SourceRuntime
)

// String returns the name that getConf --source prints.
func (s Source) String() string {
	return [...]string{"DEFAULT", "CLUSTER_DEFAULT", "SITE_PROPERTY", "SYSTEM_PROPERTY", "PATH_DEFAULT", "RUNTIME"}[s]
}

// entry is a value as it was given.
type entry struct {
	raw    string
	source Source
	file   string // site file; "" for other sources
	place  string // for messages: "file:line", "option -D", "environment X"
}

// value is an entry after resolving and parsing.
type value struct {
	key    *Key // nil for names that are accepted without effect
	text   string
	parsed any
}

// Config is a complete, checked, immutable set of property values.
type Config struct {
	role     Scope
	entries  map[string]entry // everything that was set, by current name
	values   map[string]value // everything that has a value, defaults included
	builtin  map[string]string
	warnings []string
}

// Warnings returns what was odd but acceptable: deprecated, duplicate and
// ineffective names, each once. Callers log or print them.
func (c *Config) Warnings() []string { return c.warnings }

// Role returns the kind of process that the Config was loaded for.
func (c *Config) Role() Scope { return c.role }

// Format prints no values, so that no secret leaks through %v.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "config(%d properties set)", len(c.entries))
}

// LogValue keeps values out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// get returns the parsed value of a key, or the zero T when it has none.
func get[T any](c *Config, k *Key) T {
	var zero T
	if v, ok := c.values[k.name]; ok {
		return v.parsed.(T)
	}
	if k.def == "" { // declared keys with defaults are in values: this is a template's
		return zero
	}
	v, err := k.parse(c.mustResolve(k.def))
	if err != nil {
		panic(fmt.Sprintf("config: default of %s: %v", k.name, err)) // a test parses all defaults
	}
	return v.(T)
}

// String returns the value of a key, "" when it has none.
func (c *Config) String(k StringKey) string { return get[string](c, k.Key) }

// Bool returns the value of a key.
func (c *Config) Bool(k BoolKey) bool { return get[bool](c, k.Key) }

// Int returns the value of a key, 0 when it has none.
func (c *Config) Int(k IntKey) int { return get[int](c, k.Key) }

// Float returns the value of a key, 0 when it has none.
func (c *Config) Float(k FloatKey) float64 { return get[float64](c, k.Key) }

// Bytes returns the value of a size key in bytes, 0 when it has none.
func (c *Config) Bytes(k BytesKey) int64 { return get[int64](c, k.Key) }

// Duration returns the value of a key, 0 when it has none.
func (c *Config) Duration(k DurationKey) time.Duration { return get[time.Duration](c, k.Key) }

// Enum returns the value of a key in its declared spelling (upper case), ""
// when it has none.
func (c *Config) Enum(k EnumKey) string { return get[string](c, k.Key) }

// Class returns the last segment of a class name ("LocalFirstPolicy"), "" when
// it has none.
func (c *Config) Class(k ClassKey) string { return get[string](c, k.Key) }

// List returns the items of a key, nil when it has none.
func (c *Config) List(k ListKey) []string { return slices.Clone(get[[]string](c, k.Key)) }

// BytesList returns the sizes of a key in bytes, nil when it has none.
func (c *Config) BytesList(k BytesListKey) []int64 { return slices.Clone(get[[]int64](c, k.Key)) }

// Secret returns a credential, the zero Secret when there is none.
func (c *Config) Secret(k SecretKey) Secret { return get[Secret](c, k.Key) }

// named is any key, typed or not.
type named interface{ Name() string }

// IsSet reports whether the key has a value, from a default or otherwise.
func (c *Config) IsSet(k named) bool { _, ok := c.values[k.Name()]; return ok }

// IsSetByUser reports whether somebody chose the key's value: it comes from
// above the cluster defaults.
func (c *Config) IsSetByUser(k named) bool {
	e, ok := c.entries[k.Name()]
	return ok && e.source > SourceClusterDefault
}

// Property is one name with its value as it may be shown: credentials are
// Masked.
type Property struct {
	Name   string
	Value  string
	Source string // "SITE_PROPERTY (/conf/alluxio-site.properties)"
}

// Lookup returns the displayable value of a property by its name, an alias or
// an instance of a template. ok is false when it has no value. The error is
// about names that do not exist.
func (c *Config) Lookup(name string) (p Property, ok bool, err error) {
	found, err := findName(name)
	if err != nil {
		return Property{}, false, err
	}
	v, ok := c.values[found.name]
	if !ok && found.key != nil && found.key.def != "" {
		v, ok = value{key: found.key, text: c.mustResolve(found.key.def)}, true
	}
	if !ok {
		return Property{Name: found.name}, false, nil
	}
	return c.property(found.name, v), true, nil
}

// All returns every property that has a value, sorted by name.
func (c *Config) All() []Property {
	props := make([]Property, 0, len(c.values))
	for _, name := range slices.Sorted(maps.Keys(c.values)) {
		props = append(props, c.property(name, c.values[name]))
	}
	return props
}

func (c *Config) property(name string, v value) Property {
	e := c.entries[name]
	source := e.source.String()
	if e.file != "" {
		source += " (" + e.file + ")"
	}
	return Property{Name: name, Value: display(name, v), Source: source}
}

// display returns the text of a value with credentials masked.
func display(name string, v value) string {
	if v.text != "" && (v.key != nil && v.key.IsSecret() || looksSecret(name)) {
		return Masked
	}
	return v.text
}
