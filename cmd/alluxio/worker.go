package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs/all"
	"github.com/alluxio-go/alluxio/web"
	"github.com/alluxio-go/alluxio/worker"
)

func newWorkerCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "worker",
		Short:   "Run a worker in the foreground",
		Long:    "Runs the worker of this machine until it is interrupted. alluxio-start.sh worker does the same in the background.",
		Example: examples("worker", "worker -Dalluxio.worker.rpc.port=29998 -Dalluxio.worker.web.port=30001"),
		Args:    argCount(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDaemon(cmd.Context(), env, "worker", workerParts)
		},
	}
}

// workerParts makes the worker and its pages, from the configuration as the
// master completes it.
func workerParts(ctx context.Context, conf *config.Config, log *logging) ([]server, error) {
	conf, err := withClusterDefaults(ctx, conf, log)
	if err != nil {
		return nil, err
	}
	folders, err := storageFolders(conf)
	if err != nil {
		return nil, err
	}
	storage, err := lockStorage(folders) // a failure below ends the process, and the lock with it
	if err != nil {
		return nil, err
	}
	registry := newRegistry()
	w, err := worker.New(conf, worker.Options{Logger: log.Logger, Registerer: registry, UFS: all.Registry()})
	if err != nil {
		return nil, err
	}
	limitMemory(w.MemoryForBlocks())
	names, err := web.NewClientFiles(conf, log.Logger)
	if err != nil {
		return nil, err
	}
	history := web.NewWorkerHistory(registry)
	pages, err := newWebServer(conf.String(config.WorkerWebBindHost), config.WorkerWebPort, conf,
		web.NewWorkerHandler(w, web.WorkerOptions{
			Options:    web.Options{Config: conf, Gatherer: registry, Level: log.Level, Logger: log.Logger, History: history},
			Names:      names,
			Operations: w.Operations,
		}), names)
	if err != nil {
		return nil, err
	}
	return []server{storageUser{w, storage}, pages, history}, nil
}

// withClusterDefaults asks the master for the cluster's defaults, for as long as
// it takes until there is a master.
func withClusterDefaults(ctx context.Context, conf *config.Config, log *logging) (*config.Config, error) {
	if !conf.Bool(config.UserConfClusterDefaultEnabled) {
		return conf, nil
	}
	c, err := client.New(conf, client.Options{Logger: log.Logger})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for {
		complete, err := c.Config(ctx)
		if err == nil || !errors.Is(err, errors.Unavailable) || ctx.Err() != nil {
			return complete, err
		}
		log.Warn("waiting for the master", "err", err)
	}
}
