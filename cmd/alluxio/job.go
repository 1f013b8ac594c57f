package main

import (
	"net"
	"strconv"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/job"
	"github.com/alluxio-go/alluxio/master"
)

// withJobService adds the job service to the parts of a master. Without a port of
// its own choice an operator who runs two masters on one machine gets only one
// job service, and a warning.
func withJobService(m *master.Master, conf *config.Config, log *logging, parts ...server) ([]server, error) {
	addr := net.JoinHostPort(conf.String(config.JobMasterBindHost), strconv.Itoa(conf.Int(config.JobMasterRPCPort)))
	l, err := net.Listen("tcp", addr)
	switch {
	case err != nil && conf.IsSetByUser(config.JobMasterRPCPort):
		return nil, errors.Errorf(errors.Unavailable, "The job service cannot listen on %s (%s): %w", addr, config.JobMasterRPCPort.Name(), err)
	case err != nil:
		log.Warn("no job service: Java's distributedLoad will not work; another port can be set",
			"address", addr, "property", config.JobMasterRPCPort.Name(), "err", err)
		return parts, nil
	}
	return append(parts, job.New(job.Options{
		Listener: l,
		Auth:     rpc.AuthType(conf.Enum(config.SecurityAuthenticationType)),
		Serving:  func() error { return leads(m) },
		Files: func(user string) (job.Files, error) {
			return client.New(conf, client.Options{User: user, Logger: log.Logger})
		},
		Logger: log.Logger,
	})), nil
}

// leads returns nil if the master leads.
func leads(m *master.Master) error {
	if m.Info().Leading {
		return nil
	}
	return errors.Errorf(errors.Unavailable, "This master does not lead. Ask the leading master.")
}
