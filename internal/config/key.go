package config

import (
	"fmt"
	"regexp"
	"strings"
)

// Kind is the syntax of a key's values.
type Kind uint8

// The kinds of values.
const (
	KindString Kind = iota
	KindBool
	KindInt
	KindFloat
	KindBytes
	KindDuration
	KindEnum
	KindClass
	KindList
	KindBytesList
	KindSecret
)

var kindNames = [...]string{"string", "bool", "int", "float", "size", "duration", "enum", "class", "list", "list of sizes", "secret"}

// String returns the name of the kind as the documentation shows it.
func (k Kind) String() string { return kindNames[k] }

// Scope is the set of processes that a key concerns. Cluster defaults are
// handed only to processes in the scope of their key.
type Scope uint8

// The scopes; Server is master and worker.
const (
	Master Scope = 1 << iota
	Worker
	Client
	Server = Master | Worker
	All    = Master | Worker | Client
	None   = Scope(0)
)

// String returns the name of the scope.
func (s Scope) String() string {
	switch s {
	case Master:
		return "master"
	case Worker:
		return "worker"
	case Client:
		return "client"
	case Server:
		return "server"
	case All:
		return "all"
	}
	return "none"
}

// Consistency says what it means when two nodes of a cluster differ in a key.
type Consistency uint8

// The consistency levels: a difference is nothing, a warning or an error.
const (
	Ignore Consistency = iota
	Warn
	Enforce
)

// String returns the name of the level.
func (c Consistency) String() string { return [...]string{"IGNORE", "WARN", "ENFORCE"}[c] }

// Key is one declared property.
type Key struct {
	name        string
	def         string        // default as text, may hold ${…}; "" = none
	defFunc     func() string // computed default, instead of def
	defDoc      string        // how documentation shows defFunc's result
	kind        Kind
	scope       Scope
	consistency Consistency
	help        string
	aliases     []string
	values      []string // allowed values of enum and class keys; nil = any
	siteRefused bool
	check       func(value any) error
}

// Name returns the full property name.
func (k *Key) Name() string { return k.name }

// Kind returns the syntax of its values.
func (k *Key) Kind() Kind { return k.kind }

// Scope returns the processes that it concerns.
func (k *Key) Scope() Scope { return k.scope }

// Consistency returns what a difference between nodes means.
func (k *Key) Consistency() Consistency { return k.consistency }

// Help returns one or two sentences about it.
func (k *Key) Help() string { return k.help }

// Aliases returns older names that are still accepted.
func (k *Key) Aliases() []string { return k.aliases }

// IsSecret reports whether its values are credentials.
func (k *Key) IsSecret() bool { return k.kind == KindSecret }

// DefaultText returns the default as the documentation shows it, "" for none.
func (k *Key) DefaultText() string {
	if k.defFunc != nil {
		return k.defDoc
	}
	return k.def
}

func (k *Key) rawDefault() string {
	if k.defFunc != nil {
		return k.defFunc()
	}
	return k.def
}

// Keys by the type of their value. Each getter of Config takes only its own
// type, so reading a key with the wrong getter does not compile.
type (
	StringKey    struct{ *Key }
	BoolKey      struct{ *Key }
	IntKey       struct{ *Key }
	FloatKey     struct{ *Key }
	BytesKey     struct{ *Key }
	DurationKey  struct{ *Key }
	EnumKey      struct{ *Key }
	ClassKey     struct{ *Key }
	ListKey      struct{ *Key }
	BytesListKey struct{ *Key }
	SecretKey    struct{ *Key }
)

// Template is a family of keys whose names have a variable part.
type Template[K any] struct {
	*template
	wrap func(*Key) K
}

// At returns the key of the family for the given variable parts.
func (t Template[K]) At(args ...any) K {
	return t.wrap(t.instance(fmt.Sprintf(t.pattern, args...), args...))
}

// template makes keys from names that match its pattern.
type template struct {
	pattern string // with %d or %s
	re      *regexp.Regexp
	key     Key
	def     func(args ...any) string // default of an instance; nil = key.def
}

func (t *template) instance(name string, args ...any) *Key {
	k := t.key
	k.name = name
	if t.def != nil {
		k.def = t.def(args...)
	}
	return &k
}

// match returns the key that name denotes if it is of this family.
func (t *template) match(name string) *Key {
	m := t.re.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	args := make([]any, len(m)-1)
	for i, s := range m[1:] {
		args[i] = s
	}
	return t.instance(name, args...)
}

// registry is the key table, filled by the declarations of keys_*.go.
var registry = struct {
	keys      []*Key
	byName    map[string]*Key
	byAlias   map[string]*Key
	templates []*template
}{byName: map[string]*Key{}, byAlias: map[string]*Key{}}

// option completes a declaration.
type option func(*Key)

func declare(name, def string, kind Kind, scope Scope, level Consistency, help string, opts []option) *Key {
	k := &Key{name: name, def: def, kind: kind, scope: scope, consistency: level, help: help}
	for _, o := range opts {
		o(k)
	}
	if registry.byName[name] != nil {
		panic("config: key declared twice: " + name)
	}
	registry.keys = append(registry.keys, k)
	registry.byName[name] = k
	for _, a := range k.aliases {
		registry.byAlias[a] = k
	}
	return k
}

func stringKey(name, def string, s Scope, c Consistency, help string, opts ...option) StringKey {
	return StringKey{declare(name, def, KindString, s, c, help, opts)}
}

func boolKey(name, def string, s Scope, c Consistency, help string, opts ...option) BoolKey {
	return BoolKey{declare(name, def, KindBool, s, c, help, opts)}
}

func intKey(name, def string, s Scope, c Consistency, help string, opts ...option) IntKey {
	return IntKey{declare(name, def, KindInt, s, c, help, opts)}
}

func floatKey(name, def string, s Scope, c Consistency, help string, opts ...option) FloatKey {
	return FloatKey{declare(name, def, KindFloat, s, c, help, opts)}
}

func bytesKey(name, def string, s Scope, c Consistency, help string, opts ...option) BytesKey {
	return BytesKey{declare(name, def, KindBytes, s, c, help, opts)}
}

func durationKey(name, def string, s Scope, c Consistency, help string, opts ...option) DurationKey {
	return DurationKey{declare(name, def, KindDuration, s, c, help, opts)}
}

func enumKey(name, def string, values []string, s Scope, c Consistency, help string, opts ...option) EnumKey {
	k := declare(name, def, KindEnum, s, c, help, opts)
	k.values = values
	return EnumKey{k}
}

func classKey(name, def string, values []string, s Scope, c Consistency, help string, opts ...option) ClassKey {
	k := declare(name, def, KindClass, s, c, help, opts)
	k.values = values
	return ClassKey{k}
}

func listKey(name, def string, s Scope, c Consistency, help string, opts ...option) ListKey {
	return ListKey{declare(name, def, KindList, s, c, help, opts)}
}

func bytesListKey(name, def string, s Scope, c Consistency, help string, opts ...option) BytesListKey {
	return BytesListKey{declare(name, def, KindBytesList, s, c, help, opts)}
}

func secretKey(name string, s Scope, c Consistency, help string, opts ...option) SecretKey {
	return SecretKey{declare(name, "", KindSecret, s, c, help, opts)}
}

// declareTemplate adds a family of keys; %d in pattern stands for digits, %s
// for a word of letters, digits and "_.@-".
func declareTemplate(pattern string, key Key, def func(args ...any) string) *template {
	re := regexp.QuoteMeta(pattern)
	re = strings.ReplaceAll(re, "%d", `(\d+)`)
	re = strings.ReplaceAll(re, "%s", `([\w.@-]+)`)
	t := &template{pattern: strings.NewReplacer("%d", "%v", "%s", "%v").Replace(pattern), re: regexp.MustCompile("^" + re + "$"), key: key, def: def}
	t.key.name = pattern
	registry.templates = append(registry.templates, t)
	return t
}

// alias gives older names of the key.
func alias(names ...string) option { return func(k *Key) { k.aliases = names } }

// computed replaces the default by f's result; doc is what documentation shows.
func computed(doc string, f func() string) option {
	return func(k *Key) { k.defFunc, k.defDoc = f, doc }
}

// notInSiteFile refuses the key in the site file: it is needed to find it.
func notInSiteFile(k *Key) { k.siteRefused = true }

// between bounds an integer, inclusively.
func between(low, high int) option {
	return func(k *Key) {
		k.check = func(v any) error {
			if n := v.(int); n < low || n > high {
				return fmt.Errorf("must be between %d and %d", low, high)
			}
			return nil
		}
	}
}

// port bounds an integer to TCP ports; 0 lets the system choose.
func port(k *Key) { between(0, 65535)(k) }

// positive refuses zero and below (also sizes and durations).
func positive(k *Key) {
	k.check = func(v any) error {
		if n, ok := asInt64(v); ok && n <= 0 {
			return fmt.Errorf("must be greater than zero")
		}
		return nil
	}
}

// octal wants permission bits such as 022 or 0755.
func octal(k *Key) {
	k.check = func(v any) error {
		_, err := parseOctal(v.(string))
		return err
	}
}
