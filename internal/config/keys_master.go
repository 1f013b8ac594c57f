package config

// Keys of the master.
var (
	MasterHostname = stringKey("alluxio.master.hostname", "", All, Ignore,
		"Host name on which workers and clients find the master.")
	MasterBindHost = stringKey("alluxio.master.bind.host", "0.0.0.0", Master, Ignore,
		"Address that the master's RPC server listens on.")
	MasterRPCPort = intKey("alluxio.master.rpc.port", "19998", All, Warn,
		"Port of the master's RPC server.", alias("alluxio.master.port"), port)
	MasterRPCAddresses = listKey("alluxio.master.rpc.addresses", "", All, Ignore,
		"All masters as host:port, for clients and workers of a cluster with several.")
	MasterWebBindHost = stringKey("alluxio.master.web.bind.host", "0.0.0.0", Master, Ignore,
		"Address that the master's web server listens on.")
	MasterWebPort = intKey("alluxio.master.web.port", "19999", Master, Warn,
		"Port of the master's web page, JSON and metrics endpoints.", port)
	MasterWebInAlluxioDataPageCount = intKey("alluxio.master.web.in.alluxio.data.page.count", "1000", Master, Warn,
		"Most entries on the web page of cached files.")
	MasterMountTableRootUFS = stringKey("alluxio.master.mount.table.root.ufs", "${alluxio.work.dir}/underFSStorage", Master, Enforce,
		"Store mounted at the root of the namespace: a local folder or a URI such as kodo://bucket/dir/.", alias("alluxio.underfs.address"))
	MasterMountTableRootReadonly = boolKey("alluxio.master.mount.table.root.readonly", "false", Master, Enforce,
		"Refuse writes below the root mount.")
	MasterMountTableRootShared = boolKey("alluxio.master.mount.table.root.shared", "true", Master, Enforce,
		"Let all users reach the root mount.")
	MasterJournalType = enumKey("alluxio.master.journal.type", "EMBEDDED", []string{"EMBEDDED", "UFS", "NOOP"}, Master, Enforce,
		"EMBEDDED is a replicated log on local disks, also for a single master. UFS and NOOP of Alluxio do not exist here.")
	MasterJournalFolder = stringKey("alluxio.master.journal.folder", "${alluxio.work.dir}/data/journal", Master, Enforce,
		"Local directory of the journal.")
	MasterJournalCheckpointPeriodEntries = intKey("alluxio.master.journal.checkpoint.period.entries", "100000", Master, Warn,
		"Journal entries between two snapshots. Alluxio's default of 2000000 would make a restart replay millions of entries.", positive)
	MasterJournalSpaceMonitorPercentFreeThreshold = intKey("alluxio.master.journal.space.monitor.percent.free.threshold", "10", Master, Warn,
		"Warn when less than this percentage of the journal's disk is free.", between(0, 100))
	MasterEmbeddedJournalAddresses = listKey("alluxio.master.embedded.journal.addresses", "", All, Ignore,
		"All masters' journal addresses as host:port; this master alone when not set.")
	MasterEmbeddedJournalPort = intKey("alluxio.master.embedded.journal.port", "19200", All, Ignore,
		"Port on which masters replicate the journal.", port)
	MasterEmbeddedJournalElectionTimeoutMin = durationKey("alluxio.master.embedded.journal.election.timeout.min", "10s", Master, Warn,
		"Shortest silence of the leader after which another master stands for election.", positive)
	MasterMetastoreInodeInheritOwnerAndGroup = boolKey("alluxio.master.metastore.inode.inherit.owner.and.group", "true", Master, Enforce,
		"New entries without owner or group take those of their parent directory.")
	MasterMetadataSyncConcurrencyLevel = intKey("alluxio.master.metadata.sync.concurrency.level", "6", Master, Warn,
		"Directories that one metadata sync looks at in parallel.")
	MasterUFSPathCacheCapacity = intKey("alluxio.master.ufs.path.cache.capacity", "100000", Master, Warn,
		"Paths remembered as absent from the store, so that looking them up again costs no request.")
	MasterTTLCheckerInterval = durationKey("alluxio.master.ttl.checker.interval", "1hour", Master, Warn,
		"How often expired files are looked for; also how exact TTLs are.", alias("alluxio.master.ttl.checker.interval.ms"), positive)
	MasterReplicationCheckInterval = durationKey("alluxio.master.replication.check.interval", "1min", Master, Ignore,
		"How often the number of cached copies is compared with its limits.", positive)
	MasterBackupDirectory = stringKey("alluxio.master.backup.directory", "/alluxio_backups", Master, Warn,
		"Where fsadmin backup writes to unless told otherwise: an absolute path in the root under file system, or on the master's machine with --local. There the default is ${alluxio.work.dir}/alluxio_backups.")
	MasterJournalInitFromBackup = stringKey("alluxio.master.journal.init.from.backup", "", Master, Ignore,
		"A backup that an empty journal begins with: a file of the master's machine, or a URI in the root under file system. alluxio-start.sh -i sets it.")
	MasterPersistenceBlacklist = listKey("alluxio.master.persistence.blacklist", "", Master, Warn,
		"Files whose path contains one of these are never persisted on their own.")
	MasterPersistenceInitialInterval = durationKey("alluxio.master.persistence.initial.interval", "1s", Master, Ignore,
		"Pause before the first retry of a failed persist.")
	MasterPersistenceMaxInterval = durationKey("alluxio.master.persistence.max.interval", "1hr", Master, Ignore,
		"Longest pause between retries of a failed persist.")
	MasterPersistenceMaxTotalWaitTime = durationKey("alluxio.master.persistence.max.total.wait.time", "1day", Master, Ignore,
		"Time after which persisting a file is given up.")
	MasterPersistenceSchedulerInterval = durationKey("alluxio.master.persistence.scheduler.interval", "1s", Master, Ignore,
		"How often files waiting to be persisted are handed to workers.", positive)
	MasterFileAccessTimeUpdatePrecision = durationKey("alluxio.master.file.access.time.update.precision", "1d", Master, Warn,
		"Access times are updated at most this often; 0 or less always.")
	MasterFileAccessTimeJournalFlushInterval = durationKey("alluxio.master.file.access.time.journal.flush.interval", "1h", Master, Warn,
		"How often new access times are written to the journal.")
	MasterFilesystemListstatusResultMessageLength = intKey("alluxio.master.filesystem.liststatus.result.message.length", "10000", Master, Warn,
		"Entries in one message of a listing.")
	MasterFilesystemOperationRetryCacheEnabled = boolKey("alluxio.master.filesystem.operation.retry.cache.enabled", "true", Master, Warn,
		"Recognise retries of an operation, so that it takes effect once.")
	MasterFilesystemOperationRetryCacheSize = intKey("alluxio.master.filesystem.operation.retry.cache.size", "100000", Master, Warn,
		"Operations remembered for that.")
	MasterWhitelist = listKey("alluxio.master.whitelist", "/", Master, Warn,
		"Path prefixes whose files may be cached.")
	MasterWorkerTimeout = durationKey("alluxio.master.worker.timeout", "5min", Master, Warn,
		"Silence after which a worker counts as lost.", alias("alluxio.master.worker.timeout.ms"), positive)
	MasterLostWorkerDetectionInterval = durationKey("alluxio.master.lost.worker.detection.interval", "10sec", Server, Warn,
		"How often lost workers are looked for.", alias("alluxio.master.worker.heartbeat.interval"), positive)
	MasterLostWorkerFileDetectionInterval = durationKey("alluxio.master.lost.worker.file.detection.interval", "5min", Server, Warn,
		"How often files with lost blocks are looked for.")
	MasterWorkerConnectWaitTime = durationKey("alluxio.master.worker.connect.wait.time", "5sec", Master, Warn,
		"How long a new leading master waits for workers to register before it serves (safe mode).")
	MasterWorkerRegisterLeaseEnabled = boolKey("alluxio.master.worker.register.lease.enabled", "true", Master, Ignore,
		"Limit how many workers register at the same time.")
	MasterWorkerRegisterLeaseCount = intKey("alluxio.master.worker.register.lease.count", "25", Master, Ignore,
		"Workers that may register at the same time.")
	MasterWorkerRegisterLeaseTTL = durationKey("alluxio.master.worker.register.lease.ttl", "1min", Master, Ignore,
		"How long the permission to register lasts.")
	MasterPeriodicBlockIntegrityCheckInterval = durationKey("alluxio.master.periodic.block.integrity.check.interval", "1hr", Master, Ignore,
		"How often blocks of no file are looked for; 0 or less never.")
	MasterPeriodicBlockIntegrityCheckRepair = boolKey("alluxio.master.periodic.block.integrity.check.repair", "true", Master, Ignore,
		"Remove the blocks that this check finds.")
	MasterTieredstoreGlobalLevels = intKey("alluxio.master.tieredstore.global.levels", "3", Master, Enforce,
		"Number of storage tiers in the cluster.")
	MasterTieredstoreGlobalMediumtype = listKey("alluxio.master.tieredstore.global.mediumtype", "MEM,SSD,HDD", Master, Enforce,
		"Kinds of media that workers may have.")
)
