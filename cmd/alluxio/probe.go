package main

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/versionpb"
)

// probeTimeout bounds the question whether a process serves.
const probeTimeout = 10 * time.Second

// probe asks a process of this machine whether it serves; a standby master does.
// It needs no login.
func probe(ctx context.Context, conf *config.Config, process string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	pool := rpc.NewPool(rpc.ClientOptions{ConnectTimeout: timeout})
	defer pool.Close()
	addr, service := probed(conf, process)
	_, err := versionpb.NewServiceVersionClientServiceClient(pool.Conn(addr)).
		GetServiceVersion(ctx, &versionpb.GetServiceVersionPRequest{ServiceType: &service, AllowedOnStandbyMasters: new(true)})
	return err
}

// probed returns where a process of this machine listens, and a service that it has.
func probed(conf *config.Config, process string) (addr string, service versionpb.ServiceType) {
	host, port := "localhost", conf.Int(config.MasterRPCPort)
	service = versionpb.ServiceType_META_MASTER_CLIENT_SERVICE
	bind := conf.String(config.MasterBindHost)
	if process == "worker" {
		port, bind = conf.Int(config.WorkerRPCPort), conf.String(config.WorkerBindHost)
		service = versionpb.ServiceType_BLOCK_WORKER_CLIENT_SERVICE
	}
	if ip := net.ParseIP(bind); bind != "" && (ip == nil || !ip.IsUnspecified()) {
		host = bind
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), service
}
