package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/version"
)

// VersionProperty is the name under which a master announces its version; every
// answer to GetConfiguration has to hold it.
const VersionProperty = "alluxio.version"

// ownPlace are keys that say where this very process is, which must never
// become another one's default.
var ownPlace = []named{
	Home, WorkDir, ConfDir, LogsDir, SiteConfDir,
	MasterHostname, MasterBindHost, WorkerHostname, WorkerBindHost, WorkerContainerHostname,
	UserHostname, LocalityNode, LocalityRack, SecurityLoginUsername,
}

// ClusterDefaults returns what a master tells workers and clients: its version
// and what its operator set, sorted by name, with credentials masked. With raw,
// ${…} stay unresolved, as receivers with homes of their own want it.
func (c *Config) ClusterDefaults(raw bool) []Property {
	props := []Property{{Name: VersionProperty, Value: version.Version, Source: SourceDefault.String()}}
	for _, name := range slices.Sorted(maps.Keys(c.entries)) {
		if c.entries[name].source <= SourceClusterDefault || isOwnPlace(name) || strings.HasPrefix(name, RootOptionPrefix) {
			continue
		}
		v, ok := c.values[name]
		if !ok {
			continue
		}
		if raw {
			v.text = c.entries[name].raw
		}
		props = append(props, c.property(name, v))
	}
	slices.SortFunc(props, func(a, b Property) int { return strings.Compare(a.Name, b.Name) })
	return props
}

func isOwnPlace(name string) bool {
	return slices.ContainsFunc(ownPlace, func(k named) bool { return k.Name() == name })
}

// HashProperties returns a hash of properties that is the same for the same
// names, values and sources in any process.
func HashProperties(props []Property) string {
	h := sha256.New()
	for _, p := range props {
		fmt.Fprintf(h, "%s\x00%s\x00%s\x00", p.Name, p.Value, p.Source)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// WithClusterDefaults returns the Config with the master's defaults below what
// was set here. Properties of other roles, masked credentials and names that
// are not known are left out; a value that does not parse becomes a warning,
// because a master's mistake must not stop every client.
func (c *Config) WithClusterDefaults(props []Property) (*Config, error) {
	b := c.builder()
	maps.DeleteFunc(b.entries, func(_ string, e entry) bool { return e.source == SourceClusterDefault })
	for _, p := range props {
		found, err := findName(p.Name)
		if err != nil || found.key == nil || found.key.scope&c.role == 0 || p.Value == "" || p.Value == Masked || isOwnPlace(found.name) {
			continue
		}
		if !strings.Contains(p.Value, "${") {
			if _, err := found.key.parse(p.Value); err != nil {
				b.warn("cluster defaults", "%s=%s %v", p.Name, p.Value, err)
				continue
			}
		}
		b.set(found.name, p.Value, entry{source: SourceClusterDefault, place: "cluster defaults"})
	}
	return b.build()
}

// With returns the Config with values set from the given source, for path
// defaults and changes at run time. The error names what is unknown or does not
// parse.
func (c *Config) With(source Source, values map[string]string) (*Config, error) {
	b := c.builder()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		b.set(name, values[name], entry{source: source, place: strings.ReplaceAll(strings.ToLower(source.String()), "_", " ")})
	}
	return b.build()
}

func (c *Config) builder() *builder {
	b := newBuilder(c.role, c.builtin)
	b.entries = maps.Clone(c.entries)
	b.warnings = slices.Clone(c.warnings)
	return b
}
