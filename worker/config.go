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
		FreeAhead:           conf.Bytes(config.WorkerTieredstoreFreeAheadBytes),
		Mover:               moverOptions(conf),
		ScrubBytesPerSecond: conf.Bytes(config.WorkerScrubberBytesPerSecond),

		Observer:   obs,
		Logger:     log,
		Registerer: reg,
	}
	if err := reviewOptions(conf, &opts); err != nil {
		return opts, err
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

// moverOptions derives what is moved between tiers.
func moverOptions(conf *config.Config) store.MoverOptions {
	quota := conf.Int(config.WorkerManagementTierPromoteQuotaPercent)
	return store.MoverOptions{
		NoAlign:      !conf.Bool(config.WorkerManagementTierAlignEnabled),
		NoPromote:    !conf.Bool(config.WorkerManagementTierPromoteEnabled) || quota == 0,
		NoRestore:    !conf.Bool(config.WorkerManagementTierSwapRestoreEnabled),
		Reserve:      conf.Bytes(config.WorkerManagementTierAlignReservedBytes),
		PromoteQuota: float64(quota) / 100,
		AlignRange:   conf.Int(config.WorkerManagementTierAlignRange),
		PromoteRange: conf.Int(config.WorkerManagementTierPromoteRange),
		Backoff:      conf.Enum(config.WorkerManagementBackoffStrategy),
		CoolDown:     max(conf.Duration(config.WorkerManagementLoadDetectionCoolDownTime), 1), // 0 means the default to the store
		Tasks:        conf.Int(config.WorkerManagementTaskThreadCount),
		Transfers:    conf.Int(config.WorkerManagementBlockTransferConcurrencyLimit),
	}
}

// reviewOptions sets from how little free room on a directory is spared.
func reviewOptions(conf *config.Config, opts *store.Options) error {
	if simpleName(conf.Class(config.WorkerReviewerClass)) == "AcceptingReviewer" {
		return nil
	}
	softKey, hardKey := config.WorkerReviewerProbabilisticSoftlimitBytes, config.WorkerReviewerProbabilisticHardlimitBytes
	opts.SoftLimit, opts.HardLimit = conf.Bytes(softKey), conf.Bytes(hardKey)
	if opts.SoftLimit < opts.HardLimit {
		return errors.Errorf(errors.Invalid, "%s=%d and %s=%d: the hard limit must not be above the soft one.",
			softKey.Name(), opts.SoftLimit, hardKey.Name(), opts.HardLimit)
	}
	return nil
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
