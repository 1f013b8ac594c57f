package master

import (
	"maps"
	"slices"
	"sync"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

// clusterConfig is the configuration that the master hands to workers and
// clients. UpdateConfiguration changes it until the master is restarted.
type clusterConfig struct {
	mu struct {
		sync.Mutex
		conf *config.Config
	}
}

func newClusterConfig(conf *config.Config) *clusterConfig {
	c := &clusterConfig{}
	c.mu.conf = conf
	return c
}

func (c *clusterConfig) get() *config.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.conf
}

// update sets properties one by one and says which were accepted.
func (c *clusterConfig) update(props map[string]string) map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	accepted := make(map[string]bool, len(props))
	for name, value := range props {
		next, err := c.mu.conf.With(config.SourceRuntime, map[string]string{name: value})
		if accepted[name] = err == nil; err == nil {
			c.mu.conf = next
		}
	}
	return accepted
}

// UpdateConfiguration changes properties of the running cluster, if that is
// enabled, and says for each whether it was accepted.
func (m *Master) UpdateConfiguration(c Caller, props map[string]string) (map[string]bool, error) {
	t, err := m.leading()
	if err != nil {
		return nil, err
	}
	if err := t.checkSuper(c); err != nil {
		return nil, err
	}
	if !m.conf.Bool(config.ConfDynamicUpdateEnabled) {
		return nil, errors.Errorf(errors.FailedPrecondition, "The configuration cannot be changed at run time. Set %s=true to allow it.", config.ConfDynamicUpdateEnabled.Name())
	}
	return m.config.update(props), nil
}

// PathConfig are the properties of each path that has some.
func (t *term) PathConfig() map[string]map[string]string {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	return maps.Clone(t.state.mu.pathConfig)
}

// SetPathConfig gives a path properties over those that it has; with nil values
// they are removed, without any, all of them.
func (t *term) SetPathConfig(c Caller, path string, set map[string]string, remove []string) error {
	if err := t.checkSuper(c); err != nil {
		return err
	}
	path, err := fspath.Clean(path)
	if err != nil {
		return err
	}
	props := maps.Clone(t.PathConfig()[path])
	if props == nil {
		props = make(map[string]string)
	}
	maps.Copy(props, set)
	for _, name := range remove {
		delete(props, name)
	}
	if len(set) == 0 && len(remove) == 0 {
		clear(props)
	}
	return t.propose(opID{}, &journalpb.Change{Change: &journalpb.Change_PathConfig{
		PathConfig: &journalpb.PathConfig{Path: path, Properties: props}}})
}

// pathProperties are the path configurations as they are handed out, by path.
func pathProperties(conf map[string]map[string]string) map[string][]config.Property {
	out := make(map[string][]config.Property, len(conf))
	for path, props := range conf {
		for _, name := range slices.Sorted(maps.Keys(props)) {
			out[path] = append(out[path], config.Property{Name: name, Value: props[name], Source: config.SourcePathDefault.String()})
		}
	}
	return out
}

// pathHash is the hash of the path configurations.
func pathHash(conf map[string][]config.Property) string {
	var all []config.Property
	for _, path := range slices.Sorted(maps.Keys(conf)) {
		for _, p := range conf[path] {
			p.Name = path + " " + p.Name
			all = append(all, p)
		}
	}
	return config.HashProperties(all)
}

// Inconsistency is a property that nodes of the cluster have different values of.
type Inconsistency struct {
	Name   string
	Error  bool                // it must be the same everywhere; otherwise it had better be
	Values map[string][]string // value → nodes
}

// ConfigReport compares the configuration of the master with what its workers
// registered with.
func (m *Master) ConfigReport() []Inconsistency {
	t := m.term.Load()
	if t == nil {
		return nil
	}
	mine := make(map[string]string)
	for _, p := range m.config.get().All() {
		mine[p.Name] = p.Value
	}
	found := make(map[string]*Inconsistency)
	for _, w := range t.blocks.Workers() {
		for _, p := range t.workers.get(w.ID) {
			compareProperty(found, p, mine[p.Name], m.nodeName(), w.Address.Host)
		}
	}
	out := make([]Inconsistency, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, *found[name])
	}
	return out
}

func compareProperty(found map[string]*Inconsistency, p config.Property, mine, master, worker string) {
	level, ok := consistencyOf(p.Name)
	if !ok || level == config.Ignore || p.Value == mine {
		return
	}
	i := found[p.Name]
	if i == nil {
		i = &Inconsistency{Name: p.Name, Error: level == config.Enforce, Values: map[string][]string{mine: {master}}}
		found[p.Name] = i
	}
	i.Values[p.Value] = append(i.Values[p.Value], worker)
}

// consistencyOf is the level at which a property has to agree between master
// and workers; ok is false for properties that only one of them has.
func consistencyOf(name string) (config.Consistency, bool) {
	for _, k := range config.Keys() {
		if k.Name() == name {
			return k.Consistency(), k.Scope()&config.Server == config.Server
		}
	}
	return config.Ignore, false
}
