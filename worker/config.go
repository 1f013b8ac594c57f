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

// scrubRate is how fast idle blocks are verified in the background, in bytes a
// second: a day for 350 GB, and no load to speak of.
const scrubRate = 4 << 20

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
		Mover: store.MoverOptions{
			Disabled:     !conf.Bool(config.WorkerManagementTierAlignEnabled) && !conf.Bool(config.WorkerManagementTierPromoteEnabled),
			CoolDown:     conf.Duration(config.WorkerManagementLoadDetectionCoolDownTime),
			PromoteQuota: float64(conf.Int(config.WorkerManagementTierPromoteQuotaPercent)) / 100,
		},
		ScrubBytesPerSecond: scrubRate,

		Observer:   obs,
		Logger:     log,
		Registerer: reg,
	}
	for level := range conf.Int(config.WorkerTieredstoreLevels) {
		tier, err := tierOptions(conf, level)
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

func tierOptions(conf *config.Config, level int) (store.TierOptions, error) {
	tier := store.TierOptions{Alias: conf.String(config.WorkerTieredstoreLevelAlias.At(level))}
	pathKey := config.WorkerTieredstoreLevelDirsPath.At(level)
	quotaKey := config.WorkerTieredstoreLevelDirsQuota.At(level)
	paths, quotas := conf.List(pathKey), conf.BytesList(quotaKey)
	media := conf.List(config.WorkerTieredstoreLevelDirsMediumtype.At(level))
	if tier.Alias == "" || len(paths) == 0 || len(quotas) == 0 {
		return tier, errors.Errorf(errors.Invalid, "Storage level %d of %s is incomplete: set %s, %s and %s.", level,
			config.WorkerTieredstoreLevels.Name(), config.WorkerTieredstoreLevelAlias.At(level).Name(), pathKey.Name(), quotaKey.Name())
	}
	for i, path := range paths {
		abs, err := filepath.Abs(path)
		if err != nil {
			return tier, errors.Errorf(errors.Invalid, "%s: %q is not a usable path: %w", pathKey.Name(), path, err)
		}
		d := store.DirOptions{Path: abs, Quota: quotas[min(i, len(quotas)-1)]}
		if len(media) > 0 {
			d.Medium = media[min(i, len(media)-1)]
		}
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
