package worker

import (
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
)

// netAddress is how clients and the master know this worker. It has to be the
// same everywhere, field by field: clients compare whole addresses.
func netAddress(conf *config.Config, rpcPort, webPort int) *grpcpb.WorkerNetAddress {
	host, container := conf.WorkerHost(), conf.String(config.WorkerContainerHostname)
	socket := conf.String(config.WorkerDataServerDomainSocketAddress)
	port, web := int32(rpcPort), int32(webPort)
	return &grpcpb.WorkerNetAddress{
		Host: &host, ContainerHost: &container, RpcPort: &port, DataPort: &port, WebPort: &web,
		DomainSocketPath: &socket, TieredIdentity: tieredIdentity(conf, host),
	}
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
