package main

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/master"
	"github.com/alluxio-go/alluxio/ufs/all"
	"github.com/alluxio-go/alluxio/web"
)

func newMasterCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "master",
		Short: "Run the master in the foreground",
		Long: "Runs the master of this machine until it is interrupted. alluxio-start.sh master does the same in the background.\n" +
			"The journal must have been formatted (alluxio format).",
		Example: examples("master", "master -Dalluxio.master.rpc.port=19997"),
		Args:    argCount(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDaemon(cmd.Context(), env, "master", masterParts)
		},
	}
}

// masterGCPercent keeps garbage small beside the namespace, which holds no
// pointers, so that collecting often costs little.
const masterGCPercent = 30

// masterParts makes the master and its pages.
func masterParts(_ context.Context, conf *config.Config, log *logging) ([]server, error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(masterGCPercent)
	}
	registry := newRegistry()
	m, err := master.New(conf, master.Options{Logger: log.Logger, Registerer: registry, UFS: all.Registry()})
	if err != nil {
		return nil, err
	}
	files, err := web.NewClientFiles(conf, log.Logger)
	if err != nil {
		return nil, err
	}
	history := web.NewMasterHistory(m)
	pages, err := newWebServer(conf.String(config.MasterWebBindHost), config.MasterWebPort, conf,
		web.NewMasterHandler(m, web.Options{Config: conf, Gatherer: registry, Level: log.Level, Logger: log.Logger, Files: files, History: history}), files)
	if err != nil {
		return nil, err
	}
	return withJobService(m, conf, log, m, pages, history)
}

// newRegistry returns a metrics registry with what every process reports.
func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}
