package worker

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
)

// netAddress is how clients and the master know this worker. It has to be the
// same everywhere, field by field: clients compare whole addresses.
func netAddress(conf *config.Config, rpcPort, webPort int) *grpcpb.WorkerNetAddress {
	host, container := conf.WorkerHost(), conf.String(config.WorkerContainerHostname)
	socket := socketPath(conf, rpcPort)
	port, web := int32(rpcPort), int32(webPort)
	return &grpcpb.WorkerNetAddress{
		Host: &host, ContainerHost: &container, RpcPort: &port, DataPort: &port, WebPort: &web,
		DomainSocketPath: &socket, TieredIdentity: tieredIdentity(conf, host),
	}
}

// socketPath is the configured unix domain socket, "" if there is none. In a
// configured folder it has a name of UUID form, which clients take for the worker's
// identity; it stays the same as long as host and port do.
func socketPath(conf *config.Config, rpcPort int) string {
	path := conf.String(config.WorkerDataServerDomainSocketAddress)
	if path == "" || !conf.Bool(config.WorkerDataServerDomainSocketAsUUID) {
		return path
	}
	h := sha256.Sum256(fmt.Appendf(nil, "%s:%d", conf.WorkerHost(), rpcPort))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // version 8: our own kind
	return filepath.Join(path, fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16]))
}

// tieredIdentity places the worker in the locality tiers. The tier "node" always
// has a value: Java clients cannot do without.
func tieredIdentity(conf *config.Config, host string) *grpcpb.TieredIdentity {
	id := &grpcpb.TieredIdentity{}
	for _, name := range conf.List(config.LocalityOrder) {
		value := conf.String(config.Locality.At(name))
		if name == "node" && value == "" {
			value = host
		}
		tier := &grpcpb.LocalityTier{TierName: &name}
		if value != "" {
			tier.Value = &value
		}
		id.Tiers = append(id.Tiers, tier)
	}
	return id
}
