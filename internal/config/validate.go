package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Validate checks that related properties fit together. The error lists all
// that do not; each text says what to change.
func (c *Config) Validate() error {
	var problems []string
	for _, check := range []func(*Config) string{
		checkJournalType, checkZookeeper, checkHeartbeats, checkBlockSize, checkReplication, checkTiers,
	} {
		if p := check(c); p != "" {
			problems = append(problems, p)
		}
	}
	if len(problems) > 0 {
		return errors.Errorf(errors.Invalid, "%s", strings.Join(problems, "\n"))
	}
	return nil
}

func checkJournalType(c *Config) string {
	if t := c.Enum(MasterJournalType); t != "EMBEDDED" {
		return MasterJournalType.name + "=" + t + " is not available: only EMBEDDED is, which serves one master as well as several."
	}
	return ""
}

func checkZookeeper(c *Config) string {
	if c.Bool(ZookeeperEnabled) {
		return ZookeeperEnabled.name + "=true is not available: masters elect their leader themselves. List them in " + MasterEmbeddedJournalAddresses.name + "."
	}
	return ""
}

func checkHeartbeats(c *Config) string {
	if c.Duration(WorkerBlockHeartbeatInterval) >= c.Duration(MasterWorkerTimeout) {
		return WorkerBlockHeartbeatInterval.name + " must be shorter than " + MasterWorkerTimeout.name + "."
	}
	return ""
}

func checkBlockSize(c *Config) string {
	if c.Bytes(WorkerPageStorePageSize) > c.Bytes(UserBlockSizeBytesDefault) && c.IsSetByUser(WorkerPageStorePageSize) {
		return WorkerPageStorePageSize.name + " must not be larger than " + UserBlockSizeBytesDefault.name + "."
	}
	return ""
}

func checkReplication(c *Config) string {
	if most := c.Int(UserFileReplicationMax); most >= 0 && most < c.Int(UserFileReplicationMin) {
		return UserFileReplicationMax.name + " must be -1 or at least " + UserFileReplicationMin.name + "."
	}
	return ""
}

// checkTiers checks the worker's tiers against each other and the cluster's.
func checkTiers(c *Config) string {
	levels := c.Int(WorkerTieredstoreLevels)
	if levels < 1 || levels > c.Int(MasterTieredstoreGlobalLevels) {
		return fmt.Sprintf("%s=%d must be between 1 and %s=%d.", WorkerTieredstoreLevels.name, levels,
			MasterTieredstoreGlobalLevels.name, c.Int(MasterTieredstoreGlobalLevels))
	}
	var global []string
	for i := range c.Int(MasterTieredstoreGlobalLevels) {
		global = append(global, c.String(MasterTieredstoreGlobalLevelAlias.At(i)))
	}
	last := -1
	for i := range levels {
		key := WorkerTieredstoreLevelAlias.At(i)
		rank := slices.Index(global, c.String(key))
		switch {
		case rank < 0:
			return key.name + "=" + c.String(key) + " is none of the cluster's tiers " + strings.Join(global, ", ") + "."
		case rank <= last:
			return key.name + "=" + c.String(key) + " must be slower than the tier above it (the order is " + strings.Join(global, ", ") + ")."
		case len(c.List(WorkerTieredstoreLevelDirsPath.At(i))) == 0:
			return WorkerTieredstoreLevelDirsPath.At(i).name + " is missing: tier " + c.String(key) + " needs a directory."
		case len(c.BytesList(WorkerTieredstoreLevelDirsQuota.At(i))) == 0:
			return WorkerTieredstoreLevelDirsQuota.At(i).name + " is missing: tier " + c.String(key) + " needs a capacity."
		}
		last = rank
	}
	return ""
}
