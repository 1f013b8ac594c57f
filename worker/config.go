package worker

import (
	"log/slog"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store"
	"github.com/alluxio-go/alluxio/worker/store/evict"
)

// storeOptions derives the block store's options from the configuration.
func storeOptions(conf *config.Config, log *slog.Logger, reg prometheus.Registerer, obs store.Observer) (store.Options, error) {
	opts := store.Options{
		DataFolder: strings.Trim(conf.String(config.WorkerDataFolder), "/"),
		TmpFolder:  conf.String(config.WorkerDataFolderTmp),
		PageSize:   int(conf.Bytes(config.WorkerPageStorePageSize)),
		Allocator:  strings.TrimSuffix(simpleName(conf.Class(config.WorkerAllocatorClass)), "Allocator"),
		Evict: evict.Options{
			Policy:      evictionPolicy(conf),
			Attenuation: conf.Float(config.WorkerBlockAnnotatorLRFUAttenuationFactor),
			Step:        conf.Float(config.WorkerBlockAnnotatorLRFUStepFactor),
		},
		FreeAhead: conf.Bytes(config.WorkerTieredstoreFreeAheadBytes),
		Mover: store.MoverOptions{
			StayUp:       !conf.Bool(config.WorkerManagementTierAlignEnabled),
			StayDown:     !conf.Bool(config.WorkerManagementTierPromoteEnabled),
			CoolDown:     conf.Duration(config.WorkerManagementLoadDetectionCoolDownTime),
			PromoteQuota: float64(conf.Int(config.WorkerManagementTierPromoteQuotaPercent)) / 100,
		},
		ScrubBytesPerSecond: conf.Bytes(config.WorkerScrubberBytesPerSecond),

		Observer:   obs,
		Logger:     log,
		Registerer: reg,
	}
	levels := conf.Int(config.WorkerTieredstoreLevels)
	if levels < 1 {
		return opts, errors.Errorf(errors.Invalid, "%s=%d: a worker needs at least one storage level.", config.WorkerTieredstoreLevels.Name(), levels)
	}
	taken := map[string]string{} // key by directory or alias
	for level := range levels {
		tier, err := tierOptions(conf, level, taken)
		if err != nil {
			return opts, err
		}
		opts.Tiers = append(opts.Tiers, tier)
	}
	return opts, nil
}

// evictionPolicy is the annotator, or what an evictor of older releases comes
// nearest to.
func evictionPolicy(conf *config.Config) string {
	if old := simpleName(conf.Class(config.WorkerEvictorClass)); old != "" {
		if strings.HasPrefix(old, "LRFU") {
			return "LRFU"
		}
		return "LRU"
	}
	return simpleName(conf.Class(config.WorkerBlockAnnotatorClass))
}

// simpleName is a class name without its package.
func simpleName(class string) string { return class[strings.LastIndexByte(class, '.')+1:] }

// tierOptions derives one level. taken has the aliases and directories of the levels
// before, with the keys that named them.
func tierOptions(conf *config.Config, level int, taken map[string]string) (store.TierOptions, error) {
	aliasKey := config.WorkerTieredstoreLevelAlias.At(level)
	pathKey := config.WorkerTieredstoreLevelDirsPath.At(level)
	quotaKey := config.WorkerTieredstoreLevelDirsQuota.At(level)
	highKey := config.WorkerTieredstoreLevelWatermarkHighRatio.At(level)
	lowKey := config.WorkerTieredstoreLevelWatermarkLowRatio.At(level)
	tier := store.TierOptions{Alias: conf.String(aliasKey), HighWatermark: conf.Float(highKey), LowWatermark: conf.Float(lowKey)}
	paths, quotas := conf.List(pathKey), conf.BytesList(quotaKey)
	media := conf.List(config.WorkerTieredstoreLevelDirsMediumtype.At(level))
	if tier.Alias == "" || len(paths) == 0 || len(quotas) == 0 {
		return tier, errors.Errorf(errors.Invalid, "Storage level %d of %s is incomplete: set %s, %s and %s.", level,
			config.WorkerTieredstoreLevels.Name(), aliasKey.Name(), pathKey.Name(), quotaKey.Name())
	}
	if other, twice := taken[tier.Alias]; twice {
		return tier, errors.Errorf(errors.Invalid, "%s=%s: %s has the same name; each level needs one of its own.", aliasKey.Name(), tier.Alias, other)
	}
	taken[tier.Alias] = aliasKey.Name()
	if tier.LowWatermark <= 0 || tier.LowWatermark > tier.HighWatermark || tier.HighWatermark > 1 {
		return tier, errors.Errorf(errors.Invalid, "%s=%g and %s=%g must satisfy 0 < low ≤ high ≤ 1.", lowKey.Name(), tier.LowWatermark, highKey.Name(), tier.HighWatermark)
	}
	for i, path := range paths {
		d := store.DirOptions{Path: filepath.Clean(path), Quota: quotas[min(i, len(quotas)-1)]}
		if len(media) > 0 {
			d.Medium = media[min(i, len(media)-1)]
		}
		other, twice := taken[d.Path]
		switch {
		case !filepath.IsAbs(path):
			return tier, errors.Errorf(errors.Invalid, "%s: %q is not an absolute path.", pathKey.Name(), path)
		case twice:
			return tier, errors.Errorf(errors.Invalid, "%s: %s is named twice (by %s too); each storage directory needs a path of its own.", pathKey.Name(), d.Path, other)
		case d.Quota <= 0:
			return tier, errors.Errorf(errors.Invalid, "%s: the quota of %s is %d bytes; it must be positive.", quotaKey.Name(), d.Path, d.Quota)
		}
		taken[d.Path] = pathKey.Name()
		tier.Dirs = append(tier.Dirs, d)
	}
	return tier, nil
}

// loginUser is the name under which this worker talks to masters and workers.
func loginUser(conf *config.Config) string {
	if name := conf.String(config.SecurityLoginUsername); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "alluxio"
}
