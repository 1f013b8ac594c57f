package config

import (
	"fmt"
	"strings"
)

// Document returns docs/properties.md: every key with its default, type, scope
// and help, by the part of the system that it belongs to.
func Document() string {
	var b strings.Builder
	b.WriteString("# Properties\n\nGenerated from `internal/config`; `bin/alluxio docGen --dir docs` writes it anew.\n\n" + documentIntro)
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n| property | default | type | scope | what it does |\n|---|---|---|---|---|\n", s.title)
		for _, k := range Keys() {
			if sectionOf(k.name) == s.prefix {
				documentKey(&b, k)
			}
		}
		for _, t := range registry.templates {
			if sectionOf(t.key.name) == s.prefix {
				k := t.key
				k.name = strings.NewReplacer("%d", "*n*", "%s", "*name*").Replace(k.name)
				documentKey(&b, &k)
			}
		}
	}
	fmt.Fprintf(&b, documentOutro, len(accepted))
	return b.String()
}

const documentIntro = `Values come, in rising priority, from defaults, the master's cluster defaults,
the first ` + "`alluxio-site.properties`" + ` found in ` + "`conf/`, `~/.alluxio/`, `/etc/alluxio/`" + `, the environment
(` + "`ALLUXIO_MASTER_HOSTNAME`" + ` sets ` + "`alluxio.master.hostname`" + `, and so on for every property below), the
` + "`-D`" + ` options in ` + "`ALLUXIO_JAVA_OPTS`" + ` and ` + "`ALLUXIO_{MASTER,WORKER,USER}_JAVA_OPTS`" + `, and ` + "`-Dname=value`" + ` on the
command line. ` + "`alluxio getConf --source`" + ` shows what holds and why.

Sizes: a number with ` + "`b`, `k`, `kb`, `m`, `mb`, `g`, `gb`, `t`, `p`" + ` (powers of 1024). Durations: a whole number with
` + "`ms`, `s`, `min`, `h`, `day`" + ` (milliseconds without). Lists: separated by commas. ` + "`${name}`" + ` is the value of
another property. What does not parse is refused with its place; nothing is guessed.

Scope says which processes use a property; the master hands what its operator set to the others
in that scope. Any property of a store can be set for the root mount alone as
` + "`" + RootOptionPrefix + "<property>`" + `, and for another mount with ` + "`fs mount --option <property>=<value>`" + `.
`

const documentOutro = `
## Accepted without effect

%d further names of Alluxio 2.x (the Java machine, Hadoop, RocksDB, Netty, stores and services that do not
exist here) are accepted with a warning, so that a site file can be taken over as it is; see
` + "`internal/config/accepted.txt`" + `. Any other name is refused, with the nearest known one.
`

// sections are the parts of the document, by name prefix; "" takes the rest.
var sections = []struct{ prefix, title string }{
	{"", "Common"}, {"alluxio.security.", "Security"}, {"alluxio.web.", "Web pages"}, {"alluxio.master.", "Master"},
	{"alluxio.worker.", "Worker"}, {"alluxio.user.", "Clients"}, {"alluxio.underfs.", "Stores"},
}

func sectionOf(name string) string {
	for _, s := range sections[1:] {
		if strings.HasPrefix(name, s.prefix) {
			return s.prefix
		}
	}
	if !strings.HasPrefix(name, "alluxio.") {
		return "alluxio.underfs."
	}
	return ""
}

func documentKey(b *strings.Builder, k *Key) {
	def := k.DefaultText()
	if def != "" && k.defFunc == nil {
		def = "`" + def + "`"
	}
	kind := k.kind.String()
	if k.values != nil {
		kind = strings.Join(k.values, ", ")
	}
	help := strings.ReplaceAll(k.help, "|", "\\|")
	if len(k.aliases) > 0 {
		help += " Also `" + strings.Join(k.aliases, "`, `") + "`."
	}
	if k.siteRefused {
		help += " Not in the site file."
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", k.name, def, kind, k.scope, help)
}
