package master

import (
	"context"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
)

// loops are the background tasks of a term. Each runs until its context ends.
func (t *term) loops() []func(context.Context) {
	return []func(context.Context){
		t.runAccess, t.runIntents, t.runPersist, t.runSweep, t.runTTL,
		t.runLostWorkers, t.runLostFiles, t.runOrphans, t.runReplication, t.runLoads,
	}
}

// loopSettings are the configuration of the background tasks.
type loopSettings struct {
	ttlInterval         time.Duration
	lostWorkerInterval  time.Duration
	lostFileInterval    time.Duration
	orphanInterval      time.Duration // 0 or less: never
	replicationInterval time.Duration
	persistInterval     time.Duration
	persistFirst        time.Duration // pause after the first failure; it doubles
	persistMax          time.Duration // longest pause
	persistTotal        time.Duration // after which a file is given up
}

func newLoopSettings(conf *config.Config) loopSettings {
	s := loopSettings{
		ttlInterval:         conf.Duration(config.MasterTTLCheckerInterval),
		lostWorkerInterval:  conf.Duration(config.MasterLostWorkerDetectionInterval),
		lostFileInterval:    conf.Duration(config.MasterLostWorkerFileDetectionInterval),
		replicationInterval: conf.Duration(config.MasterReplicationCheckInterval),
		persistInterval:     conf.Duration(config.MasterPersistenceSchedulerInterval),
		persistFirst:        conf.Duration(config.MasterPersistenceInitialInterval),
		persistMax:          conf.Duration(config.MasterPersistenceMaxInterval),
		persistTotal:        conf.Duration(config.MasterPersistenceMaxTotalWaitTime),
	}
	if conf.Bool(config.MasterPeriodicBlockIntegrityCheckRepair) {
		s.orphanInterval = conf.Duration(config.MasterPeriodicBlockIntegrityCheckInterval)
	}
	return s
}

// latchInode latches an inode for changing, wherever it is moved meanwhile.
// When it does not exist (any more) the node does not either, and nothing is
// held.
func (t *term) latchInode(ctx context.Context, id blockid.FileID) (*held, node, error) {
	for {
		path, _, ok := t.pathOf(id)
		if !ok {
			return nil, node{missing: []string{""}}, nil
		}
		h, err := t.latches.exclusive(ctx, path)
		if err != nil {
			return nil, node{}, err
		}
		if n := t.look(path); n.exists() && n.last().ID == id {
			return h, n, nil
		}
		h.release()
	}
}
