package config

import (
	"testing"
	"time"
)

func TestDefaults(t *testing.T) {
	c, err := FromMap(All, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Int(MasterRPCPort); got != 19998 {
		t.Errorf("master RPC port %d", got)
	}
	if got := c.Bytes(UserBlockSizeBytesDefault); got != 64<<20 {
		t.Errorf("block size %d", got)
	}
	if got := c.Duration(MasterWorkerTimeout); got != 5*time.Minute {
		t.Errorf("worker timeout %v", got)
	}
	if got := c.String(MasterJournalFolder); got != "/opt/alluxio/data/journal" {
		t.Errorf("journal folder %q", got)
	}
	if got := c.Class(UserBlockWriteLocationPolicyClass); got != "LocalFirstPolicy" {
		t.Errorf("policy %q", got)
	}
	if got := c.String(WorkerTieredstoreLevelAlias.At(0)); got != "MEM" {
		t.Errorf("tier 0 is %q", got)
	}
	if got := c.BytesList(WorkerTieredstoreLevelDirsQuota.At(0)); len(got) != 1 || got[0] != c.Bytes(WorkerRamdiskSize) {
		t.Errorf("quota %v", got)
	}
	if got := c.List(WorkerTieredstoreLevelDirsPath.At(1)); got != nil {
		t.Errorf("tier 1 has directories %v", got)
	}
}
