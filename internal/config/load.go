package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// SiteFile is the name of the site file.
const SiteFile = "alluxio-site.properties"

// Options say what Load reads. The zero value is a client of this process's
// environment.
type Options struct {
	// Role is the kind of process, which selects the *_JAVA_OPTS variables and
	// the warnings that concern it.
	Role Scope
	// Defines are "key=value" of -D options, later ones winning.
	Defines []string
	// Environ is the environment as "NAME=value"; nil means os.Environ.
	Environ []string
	// Executable is the path of the running program, from which the
	// installation is found; "" means os.Executable.
	Executable string
}

// Load returns the configuration of this process. Its error, of kind Invalid,
// lists everything that is wrong, each with its place.
func Load(opts Options) (*Config, error) {
	if opts.Role == None {
		opts.Role = Client
	}
	if opts.Environ == nil {
		opts.Environ = os.Environ()
	}
	env := environMap(opts.Environ)
	home := findHome(env, opts.Executable)
	if err := addEnvScript(env, cmp.Or(env["ALLUXIO_CONF_DIR"], filepath.Join(home, "conf"))); err != nil {
		return nil, err
	}
	b := newBuilder(opts.Role, builtins(home, env["HOME"]))
	b.setEnviron(env)
	for _, name := range []string{"ALLUXIO_JAVA_OPTS", optionVariable(opts.Role)} {
		b.setOptions("environment variable "+name, javaDefines(env[name]))
	}
	b.setOptions("option -D", opts.Defines)
	if err := b.readSite(); err != nil {
		return nil, err
	}
	c, err := b.build()
	if err != nil {
		return nil, err
	}
	if c.Bool(ConfValidationEnabled) {
		err = c.Validate()
	}
	return c, err
}

// optionVariable returns the variable with the -D options of a kind of process.
func optionVariable(role Scope) string {
	switch role {
	case Master:
		return "ALLUXIO_MASTER_JAVA_OPTS"
	case Worker:
		return "ALLUXIO_WORKER_JAVA_OPTS"
	}
	return "ALLUXIO_USER_JAVA_OPTS"
}

// findHome returns the directory of the installation: $ALLUXIO_HOME, else the
// one above the program's bin directory, else the program's own.
func findHome(env map[string]string, executable string) string {
	if home := env["ALLUXIO_HOME"]; home != "" {
		return home
	}
	if executable == "" {
		executable, _ = os.Executable()
	}
	if real, err := filepath.EvalSymlinks(executable); err == nil {
		executable = real
	}
	dir := filepath.Dir(executable)
	if filepath.Base(dir) == "bin" {
		dir = filepath.Dir(dir)
	}
	return dir
}

// setOptions sets "key=value" pairs. Options of the Java machine are left out.
func (b *builder) setOptions(place string, defines []string) {
	for _, def := range defines {
		name, val, ok := strings.Cut(def, "=")
		name = strings.TrimSpace(name)
		switch {
		case isJVMProperty(name):
		case !ok:
			b.problem(place, "-D%s has no value (write -D%s=value)", def, def)
		default:
			b.set(name, val, entry{source: SourceSystem, place: place})
		}
	}
}

// isJVMProperty reports whether the property is one of Java or its libraries,
// as found in ALLUXIO_JAVA_OPTS.
func isJVMProperty(name string) bool {
	first, _, _ := strings.Cut(name, ".")
	return slices.Contains([]string{"java", "javax", "sun", "com", "org", "jdk", "log4j", "log4j2", "io", "user", "file"}, first)
}

// javaDefines returns the "key=value" of the -D options in a JAVA_OPTS
// variable; blanks separate options, quotes keep them together.
func javaDefines(opts string) []string {
	var defines []string
	for _, word := range splitWords(opts) {
		if def, ok := strings.CutPrefix(word, "-D"); ok && def != "" {
			defines = append(defines, def)
		}
	}
	return defines
}

// splitWords splits at blanks outside of quotes, which it removes.
func splitWords(s string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	inWord := false
	for _, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inWord = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

// readSite reads the first site file on the search path.
func (b *builder) readSite() error {
	early, err := b.build() // the search path itself comes from the sources read so far
	if err != nil {
		return err
	}
	for _, dir := range early.List(SiteConfDir) {
		file := filepath.Join(dir, SiteFile)
		data, err := os.ReadFile(file)
		if errors.Is(err, errors.NotFound) {
			continue
		}
		if err != nil {
			return errors.E("config.load", file, errors.Other, err)
		}
		return b.setSite(file, data)
	}
	return nil
}

func (b *builder) setSite(file string, data []byte) error {
	pairs, err := parseProperties(data)
	if err != nil {
		return errors.E("config.load", file, errors.Invalid, err)
	}
	seen := map[string]int{}
	for _, p := range pairs {
		place := fmt.Sprintf("%s:%d", file, p.line)
		if before := seen[p.name]; before != 0 {
			b.warn(place, "%s is set on line %d already; this line wins", p.name, before)
		}
		seen[p.name] = p.line
		b.set(p.name, p.value, entry{source: SourceSite, file: file, place: place})
	}
	return nil
}
