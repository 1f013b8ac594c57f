package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/daemon"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// storageFolders returns the folders in which a worker keeps its blocks, one in
// each storage directory.
func storageFolders(conf *config.Config) ([]string, error) {
	name := strings.Trim(conf.String(config.WorkerDataFolder), "/")
	if name == "" || name == "." || strings.Contains(name, "..") {
		return nil, errors.Errorf(errors.Invalid, "%s=%s must name a folder inside the storage directories.",
			config.WorkerDataFolder.Name(), conf.String(config.WorkerDataFolder))
	}
	var folders []string
	for level := range conf.Int(config.WorkerTieredstoreLevels) {
		key := config.WorkerTieredstoreLevelDirsPath.At(level)
		for _, dir := range conf.List(key) {
			folder := filepath.Join(dir, name)
			if slices.Contains(folders, folder) {
				return nil, errors.Errorf(errors.Invalid, "%s: %s is named twice; each storage directory needs a path of its own.", key.Name(), dir)
			}
			folders = append(folders, folder)
		}
	}
	return folders, nil
}

// storageLock holds storage folders for one process: two workers in one folder
// would evict and overwrite each other's blocks.
type storageLock []*daemon.Lock

// lockStorage takes all folders, or none when a live process has one of them. A
// folder that cannot be written is left to the store, which takes it out.
func lockStorage(folders []string) (storageLock, error) {
	var held storageLock
	for _, folder := range folders {
		path := folder + ".lock"
		lock, err := daemon.Acquire(path)
		switch {
		case errors.Is(err, errors.Exists):
			pid, _ := daemon.Holder(path)
			_ = held.release()
			return nil, errors.Errorf(errors.FailedPrecondition,
				"The storage folder %s is in use by another worker (pid %d): stop that one, or give each worker directories of its own (%s).",
				folder, pid, config.WorkerTieredstoreLevelDirsPath.At(0).Name())
		case err == nil:
			held = append(held, lock)
		}
	}
	return held, nil
}

func (l storageLock) release() error {
	var errs []error
	for _, lock := range l {
		errs = append(errs, lock.Release())
	}
	return errors.Join(errs...)
}

// storageUser is a server that needs the storage folders until it has ended.
type storageUser struct {
	server
	storage storageLock
}

// Run runs the server and gives the folders up after it.
func (u storageUser) Run(ctx context.Context) error {
	return errors.Join(u.server.Run(ctx), u.storage.release())
}
