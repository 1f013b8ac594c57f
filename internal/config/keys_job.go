package config

// Keys of the job service, which the master hosts.
var (
	JobMasterBindHost = stringKey("alluxio.job.master.bind.host", "0.0.0.0", Master, Ignore,
		"Address that the job service listens on.")
	JobMasterRPCPort = intKey("alluxio.job.master.rpc.port", "20001", All, Ignore,
		"Port at which the master answers Java shells that ask for a job service (distributedLoad). When the default port is taken, the master goes on without.", port)
)
