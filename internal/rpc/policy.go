package rpc

import (
	"fmt"
	"strings"

	"google.golang.org/grpc"
)

// Access says who may call a method.
type Access uint8

// The levels of access. The zero value allows nobody, so that a method nobody
// thought about is refused.
const (
	undeclared Access = iota
	// Anyone may call, also without login. A user is unknown to the handler.
	Anyone
	// Authenticated callers may; what they may do is the handler's business.
	Authenticated
	// Worker is for workers of the cluster: users for whom ServerOptions.Worker
	// holds.
	Worker
	// Superuser is for administrators: users for whom ServerOptions.Superuser
	// holds.
	Superuser
)

// String returns the level in words, as used in refusals.
func (a Access) String() string {
	switch a {
	case Anyone:
		return "anyone"
	case Authenticated:
		return "authenticated users"
	case Worker:
		return "workers"
	case Superuser:
		return "superusers"
	}
	return "nobody"
}

// policy declares the access to the methods of one service: one level for all
// of them, and the methods that differ.
type policy struct {
	all    Access
	except map[string]Access
}

// policies declares who may call what, for every service of the protocol. Only
// methods named here can be called.
var policies = map[string]policy{
	"alluxio.grpc.sasl.SaslAuthenticationService":      {all: Anyone},
	"alluxio.grpc.version.ServiceVersionClientService": {all: Anyone},
	"alluxio.grpc.file.FileSystemMasterClientService":  {all: Authenticated, except: fileMasterExceptions},
	"alluxio.grpc.file.FileSystemMasterWorkerService":  {all: Worker},
	"alluxio.grpc.file.FileSystemMasterJobService":     {all: Worker},
	"alluxio.grpc.block.BlockMasterClientService":      {all: Authenticated, except: blockMasterExceptions},
	"alluxio.grpc.block.BlockMasterWorkerService":      {all: Worker},
	"alluxio.grpc.block.BlockWorker":                   {all: Authenticated, except: blockWorkerExceptions},
	"alluxio.grpc.meta.MetaMasterClientService":        {all: Superuser, except: metaMasterExceptions},
	"alluxio.grpc.meta.MetaMasterConfigurationService": {all: Superuser, except: configurationExceptions},
	"alluxio.grpc.meta.MetaMasterMasterService":        {all: Superuser},
	"alluxio.grpc.meta.MetaMasterProxyService":         {all: Worker},
	"alluxio.grpc.job.JobMasterClientService":          {all: Authenticated},
	"alluxio.grpc.job.JobMasterWorkerService":          {all: Worker},
	"alluxio.grpc.job.JobMasterMasterService":          {all: Superuser},
	"alluxio.grpc.journal.JournalMasterClientService":  {all: Superuser, except: journalExceptions},
	"alluxio.grpc.metric.MetricsMasterClientService":   {all: Authenticated, except: metricExceptions},
	"alluxio.go.bulk.BulkData":                         {all: Anyone},
}

// Methods of the namespace that act on the whole cluster.
var fileMasterExceptions = map[string]Access{
	"GetStateLockHolders": Superuser,
	"UpdateUfsMode":       Superuser,
}

// Removing blocks or workers from under everybody else.
var blockMasterExceptions = map[string]Access{
	"RemoveDisabledWorker": Superuser,
	"DecommissionWorker":   Superuser,
}

var blockWorkerExceptions = map[string]Access{
	"RemoveBlock":  Superuser,
	"MoveBlock":    Superuser,
	"ClearMetrics": Superuser,
	"FreeWorker":   Superuser,
}

// Every client may look at the cluster; changing it is for administrators.
var metaMasterExceptions = map[string]Access{
	"GetMasterInfo":   Authenticated,
	"GetConfigReport": Authenticated,
	"GetBackupStatus": Authenticated,
	"ListProxyStatus": Authenticated,
}

// Clients read the configuration before they can log in, because it tells them
// how to. Headers on these calls are tolerated, and changes need a login.
var configurationExceptions = map[string]Access{
	"GetConfiguration": Anyone,
	"GetConfigHash":    Anyone,
}

var journalExceptions = map[string]Access{
	"GetQuorumInfo": Authenticated,
	"GetNodeState":  Authenticated,
}

var metricExceptions = map[string]Access{
	"ClearMetrics": Superuser,
}

// accessTo returns the declared access to a full method name
// ("/package.Service/Method").
func accessTo(fullMethod string, extra map[string]Access) Access {
	if a, ok := extra[fullMethod]; ok {
		return a
	}
	service, method, _ := strings.Cut(strings.TrimPrefix(fullMethod, "/"), "/")
	p, ok := policies[service]
	if !ok {
		return undeclared
	}
	if a, ok := p.except[method]; ok {
		return a
	}
	return p.all
}

// MissingPolicies returns the methods in a server's [grpc.Server.GetServiceInfo]
// for which neither the protocol's table nor extra declares an access. Tests of
// every server require it to be empty.
func MissingPolicies(services map[string]grpc.ServiceInfo, extra map[string]Access) []string {
	var missing []string
	for name, info := range services {
		for _, m := range info.Methods {
			full := fmt.Sprintf("/%s/%s", name, m.Name)
			if accessTo(full, extra) == undeclared {
				missing = append(missing, full)
			}
		}
	}
	return missing
}
