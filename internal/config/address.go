package config

import (
	"cmp"
	"net"
	"os"
	"strconv"
)

// defaultMasterHost is where a client looks for the master of an installation
// that names none: on its own machine.
const defaultMasterHost = "localhost"

// MasterAddresses returns the RPC addresses (host:port) of all masters, as
// clients and workers dial them: the configured list, else the hosts of the
// journal's list, else the one master.
func (c *Config) MasterAddresses() []string {
	if addrs := c.List(MasterRPCAddresses); len(addrs) > 0 {
		return addrs
	}
	rpcPort := strconv.Itoa(c.Int(MasterRPCPort))
	if members := c.List(MasterEmbeddedJournalAddresses); len(members) > 0 {
		addrs := make([]string, len(members))
		for i, member := range members {
			host, _, err := net.SplitHostPort(member)
			if err != nil {
				host = member
			}
			addrs[i] = net.JoinHostPort(host, rpcPort)
		}
		return addrs
	}
	return []string{net.JoinHostPort(c.MasterHost(), rpcPort)}
}

// MasterHost returns the host of this installation's (first) master.
func (c *Config) MasterHost() string {
	return cmp.Or(routable(c.String(MasterHostname)), routable(c.String(MasterBindHost)), defaultMasterHost)
}

// WorkerHost returns the host name that a worker of this machine announces.
func (c *Config) WorkerHost() string {
	return cmp.Or(routable(c.String(WorkerHostname)), routable(c.String(WorkerBindHost)), c.LocalHost())
}

// ClientHost returns the host name that a client of this machine is taken for
// when it looks for a local worker.
func (c *Config) ClientHost() string {
	return cmp.Or(c.String(UserHostname), c.String(LocalityNode), c.LocalHost())
}

// LocalHost returns this machine's host name, or its address if
// alluxio.network.ip.address.used is set.
func (c *Config) LocalHost() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return defaultMasterHost
	}
	if c.Bool(NetworkIPAddressUsed) {
		if addrs, err := net.LookupHost(name); err == nil && len(addrs) > 0 {
			return addrs[0]
		}
	}
	return name
}

// routable returns host unless it stands for all of a machine's addresses.
func routable(host string) string {
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		return ""
	}
	return host
}
