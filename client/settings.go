package client

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/metapb"
)

// settings are the configuration as the cluster completes it: defaults of the
// master under what was set here, and defaults of paths over it. They are looked
// at again every alluxio.user.conf.sync.interval, when a call is made.
type settings struct {
	base *config.Config
	log  *slog.Logger
	mu   struct {
		sync.Mutex
		conf    *config.Config
		paths   map[string]map[string]string // path → properties
		merged  map[string]*config.Config    // by the longest configured prefix
		hashes  [2]string                    // of cluster and paths
		checked time.Time
	}
}

// loadSettings asks the master, unless the client is told to ignore it.
func loadSettings(ctx context.Context, base *config.Config, master *rpc.Master, log *slog.Logger) (*settings, error) {
	s := &settings{base: base, log: log}
	s.mu.conf = base
	if !base.Bool(config.UserConfClusterDefaultEnabled) {
		return s, nil
	}
	if err := s.load(ctx, master); err != nil {
		return nil, err
	}
	return s, nil
}

// load replaces everything by the master's answer.
func (s *settings) load(ctx context.Context, master *rpc.Master) error {
	var resp *metapb.GetConfigurationPResponse
	err := master.Do(ctx, func(ctx context.Context, cc grpc.ClientConnInterface) (err error) {
		resp, err = metapb.NewMetaMasterConfigurationServiceClient(cc).
			GetConfiguration(ctx, &metapb.GetConfigurationPOptions{RawValue: new(true)})
		return err
	})
	if err != nil {
		return err
	}
	props := make([]config.Property, 0, len(resp.GetClusterConfigs()))
	for _, p := range resp.GetClusterConfigs() {
		props = append(props, config.Property{Name: p.GetName(), Value: p.GetValue(), Source: p.GetSource()})
	}
	conf, err := s.base.WithClusterDefaults(props)
	if err != nil {
		return errors.Errorf(errors.Invalid, "the configuration does not go with the defaults of the cluster: %w", err)
	}
	paths := make(map[string]map[string]string, len(resp.GetPathConfigs()))
	for path, props := range resp.GetPathConfigs() {
		paths[path] = map[string]string{}
		for _, p := range props.GetProperties() {
			paths[path][p.GetName()] = p.GetValue()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.conf, s.mu.paths, s.mu.merged = conf, paths, map[string]*config.Config{}
	s.mu.hashes = [2]string{resp.GetClusterConfigHash(), resp.GetPathConfigHash()}
	s.mu.checked = time.Now()
	return nil
}

// refreshTimeout bounds what a call may lose by looking for changed defaults.
const refreshTimeout = 2 * time.Second

// refresh asks whether the defaults changed, if it was not asked lately. What
// goes wrong is left for the next time: the settings at hand stay in effect.
func (s *settings) refresh(ctx context.Context, master *rpc.Master) {
	if !s.due() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	var resp *metapb.GetConfigHashPResponse
	err := master.Once(ctx, func(ctx context.Context, cc grpc.ClientConnInterface) (err error) {
		resp, err = metapb.NewMetaMasterConfigurationServiceClient(cc).GetConfigHash(ctx, &metapb.GetConfigHashPOptions{})
		return err
	})
	if err != nil {
		s.log.Debug("defaults of the cluster not refreshed", "err", err)
		return
	}
	s.mu.Lock()
	same := s.mu.hashes == [2]string{resp.GetClusterConfigHash(), resp.GetPathConfigHash()}
	s.mu.Unlock()
	if same {
		return
	}
	if err := s.load(ctx, master); err != nil {
		s.log.Warn("changed defaults of the cluster not read", "err", err)
	}
}

// due reports whether it is time to ask again, to one caller of many.
func (s *settings) due() bool {
	if !s.base.Bool(config.UserConfClusterDefaultEnabled) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.mu.checked) < s.mu.conf.Duration(config.UserConfSyncInterval) {
		return false
	}
	s.mu.checked = time.Now()
	return true
}

// cluster returns the configuration that holds where no path says otherwise.
func (s *settings) cluster() *config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.conf
}

// at returns the configuration for a path: for each property the default of the
// longest path above it that has one.
func (s *settings) at(path string) *config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	var prefixes []string
	for p := range s.mu.paths {
		if fspath.Within(p, path) {
			prefixes = append(prefixes, p)
		}
	}
	if len(prefixes) == 0 {
		return s.mu.conf
	}
	slices.Sort(prefixes) // all lie above path, so the longest comes last
	longest := prefixes[len(prefixes)-1]
	if conf, ok := s.mu.merged[longest]; ok {
		return conf
	}
	values := map[string]string{}
	for _, p := range prefixes {
		maps.Copy(values, s.mu.paths[p])
	}
	conf, err := s.mu.conf.With(config.SourcePathDefault, values)
	if err != nil {
		s.log.Warn("defaults of a path are not usable", "path", longest, "err", err)
		conf = s.mu.conf
	}
	s.mu.merged[longest] = conf
	return conf
}
