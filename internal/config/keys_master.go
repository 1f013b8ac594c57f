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
	MasterWebHostname = stringKey("alluxio.master.web.hostname", "", All, Ignore,
		"Host name announced for the master's web page.")
	MasterWebBindHost = stringKey("alluxio.master.web.bind.host", "0.0.0.0", Master, Ignore,
		"Address that the master's web server listens on.")
	MasterWebPort = intKey("alluxio.master.web.port", "19999", Master, Warn,
		"Port of the master's web page, JSON and metrics endpoints.", port)
	MasterWebInAlluxioDataPageCount = intKey("alluxio.master.web.in.alluxio.data.page.count", "1000", Master, Warn,
		"Most entries on the web page of cached files.")
	MasterNetworkFlowcontrolWindow = bytesKey("alluxio.master.network.flowcontrol.window", "2MB", Master, Warn,
		"HTTP/2 flow-control window of the master's connections.")
	MasterNetworkKeepaliveTime = durationKey("alluxio.master.network.keepalive.time", "2h", Master, Warn,
		"Idle time after which the master pings a client's connection.")
	MasterNetworkKeepaliveTimeout = durationKey("alluxio.master.network.keepalive.timeout", "30sec", Master, Warn,
		"How long the answer to such a ping may take before the connection is closed.")
	MasterNetworkPermitKeepaliveTime = durationKey("alluxio.master.network.permit.keepalive.time", "30sec", Master, Warn,
		"Shortest interval of clients' pings that is tolerated.")
	MasterNetworkMaxInboundMessageSize = bytesKey("alluxio.master.network.max.inbound.message.size", "100MB", Master, Ignore,
		"Largest message that the master accepts.", positive)
	MasterRPCExecutorMaxPoolSize = intKey("alluxio.master.rpc.executor.max.pool.size", "500", Master, Warn,
		"Most metadata requests worked on at the same time; more wait.", positive)
	MasterRPCExecutorCorePoolSize = intKey("alluxio.master.rpc.executor.core.pool.size", "500", Master, Warn,
		"Requests for which Alluxio keeps threads ready.")
	MasterMetricsTimeSeriesInterval = durationKey("alluxio.master.metrics.time.series.interval", "5min", Master, Warn,
		"Interval of the points in the web page's graphs.")
	MasterAuditLoggingEnabled = boolKey("alluxio.master.audit.logging.enabled", "false", Master, Warn,
		"Write a line per operation on the namespace to logs/master_audit.log.")
	MasterAuditLoggingQueueCapacity = intKey("alluxio.master.audit.logging.queue.capacity", "10000", Master, Warn,
		"Audit lines waiting to be written before operations wait for them.")
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
	MasterJournalLogSizeBytesMax = bytesKey("alluxio.master.journal.log.size.bytes.max", "10MB", Master, Warn,
		"Size at which Alluxio starts a new journal segment.")
	MasterJournalFlushBatchTime = durationKey("alluxio.master.journal.flush.batch.time", "100ms", Master, Warn,
		"How long Alluxio waits to flush several writes together. Here writes that wait for the same disk sync share it, without added delay.", alias("alluxio.master.journal.flush.batch.time.ms"))
	MasterJournalFlushTimeout = durationKey("alluxio.master.journal.flush.timeout", "5min", Master, Warn,
		"How long a journal write may fail before the master ends.", alias("alluxio.master.journal.flush.timeout.ms"))
	MasterJournalInitFromBackup = stringKey("alluxio.master.journal.init.from.backup", "", Master, Enforce,
		"Backup from which a freshly formatted master starts.")
	MasterJournalSpaceMonitorInterval = durationKey("alluxio.master.journal.space.monitor.interval", "10min", Master, Warn,
		"How often the free space of the journal's disk is checked; 0 never.")
	MasterJournalSpaceMonitorPercentFreeThreshold = intKey("alluxio.master.journal.space.monitor.percent.free.threshold", "10", Master, Warn,
		"Warn when less than this percentage of the journal's disk is free.", between(0, 100))
	MasterJournalExitOnDemotion = boolKey("alluxio.master.journal.exit.on.demotion", "false", Master, Warn,
		"End the process when it loses leadership.")
	MasterJournalTolerateCorruption = boolKey("alluxio.master.journal.tolerate.corruption", "false", Master, Warn,
		"Go on after a damaged journal entry. Never done here: a damaged entry stops the master.")
	MasterFormatFilePrefix = stringKey("alluxio.master.format.file.prefix", "_format_", Master, Enforce,
		"Prefix of the file that marks a formatted journal.", alias("alluxio.master.format.file_prefix"))
	MasterEmbeddedJournalAddresses = listKey("alluxio.master.embedded.journal.addresses", "", All, Ignore,
		"All masters' journal addresses as host:port; this master alone when not set.")
	MasterEmbeddedJournalPort = intKey("alluxio.master.embedded.journal.port", "19200", All, Ignore,
		"Port on which masters replicate the journal.", port)
	MasterEmbeddedJournalElectionTimeoutMin = durationKey("alluxio.master.embedded.journal.election.timeout.min", "10s", Master, Warn,
		"Shortest silence of the leader after which another master stands for election.", positive)
	MasterEmbeddedJournalElectionTimeoutMax = durationKey("alluxio.master.embedded.journal.election.timeout.max", "20s", Master, Warn,
		"Longest silence of the leader after which another master stands for election.", positive)
	MasterEmbeddedJournalEntrySizeMax = bytesKey("alluxio.master.embedded.journal.entry.size.max", "10MB", Master, Warn,
		"Largest journal entry.")
	MasterEmbeddedJournalFlushSizeMax = bytesKey("alluxio.master.embedded.journal.flush.size.max", "160MB", Master, Warn,
		"Most bytes of journal entries written together.")
	MasterEmbeddedJournalWriteTimeout = durationKey("alluxio.master.embedded.journal.write.timeout", "30sec", Master, Warn,
		"How long a journal write may take to be replicated before the operation fails.")
	MasterEmbeddedJournalSnapshotReplicationChunkSize = bytesKey("alluxio.master.embedded.journal.snapshot.replication.chunk.size", "4MB", Master, Warn,
		"Size of the pieces in which snapshots travel between masters.")
	MasterEmbeddedJournalTransportRequestTimeoutMs = durationKey("alluxio.master.embedded.journal.transport.request.timeout.ms", "5sec", Master, Warn,
		"Deadline of messages between masters.")
	MasterStandbyHeartbeatInterval = durationKey("alluxio.master.standby.heartbeat.interval", "2min", Master, Warn,
		"How often other masters report to the leading one.")
	MasterHeartbeatTimeout = durationKey("alluxio.master.heartbeat.timeout", "10min", Master, Warn,
		"Silence after which the leading master counts another one as lost.")
	MasterMetastore = enumKey("alluxio.master.metastore", "HEAP", []string{"HEAP", "ROCKS"}, Master, Enforce,
		"Where Alluxio keeps inodes. Here they are always in memory, compactly; snapshots and journal are on disk.")
	MasterMetastoreInodeInheritOwnerAndGroup = boolKey("alluxio.master.metastore.inode.inherit.owner.and.group", "true", Master, Enforce,
		"New entries without owner or group take those of their parent directory.")
	MasterMetadataSyncConcurrencyLevel = intKey("alluxio.master.metadata.sync.concurrency.level", "6", Master, Warn,
		"Directories that one metadata sync looks at in parallel.")
	MasterMetadataSyncExecutorPoolSize = intKey("alluxio.master.metadata.sync.executor.pool.size", "", Master, Warn,
		"Directories that all metadata syncs together look at in parallel.", computed("max(4, CPUs)", atLeast(4, 1)))
	MasterMetadataSyncUFSPrefetchPoolSize = intKey("alluxio.master.metadata.sync.ufs.prefetch.pool.size", "", Master, Warn,
		"Requests for status and listings that metadata syncs may have at the stores.", computed("max(32, 10 x CPUs)", atLeast(32, 10)))
	MasterMetadataConcurrentSyncDedup = boolKey("alluxio.master.metadata.concurrent.sync.dedup", "false", Master, Warn,
		"Let calls that need the same sync share it.")
	MasterMetadataSyncReportFailure = boolKey("alluxio.master.metadata.sync.report.failure", "true", Master, Warn,
		"Fail a call when the sync of a child failed.")
	MasterUFSPathCacheCapacity = intKey("alluxio.master.ufs.path.cache.capacity", "100000", Master, Warn,
		"Paths remembered as absent from the store, so that looking them up again costs no request.")
	MasterUFSPathCacheThreads = intKey("alluxio.master.ufs.path.cache.threads", "64", Master, Warn,
		"Parallel look-ups that fill that memory; 0 turns it off.")
	MasterUFSActiveSyncInterval = durationKey("alluxio.master.ufs.active.sync.interval", "30sec", Master, Warn,
		"How often paths under active sync are looked at.")
	MasterTTLCheckerInterval = durationKey("alluxio.master.ttl.checker.interval", "1hour", Master, Warn,
		"How often expired files are looked for; also how exact TTLs are.", alias("alluxio.master.ttl.checker.interval.ms"), positive)
	MasterReplicationCheckInterval = durationKey("alluxio.master.replication.check.interval", "1min", Master, Ignore,
		"How often the number of cached copies is compared with its limits.", positive)
	MasterPersistenceBlacklist = listKey("alluxio.master.persistence.blacklist", "", Master, Warn,
		"Files whose path contains one of these are never persisted on their own.")
	MasterPersistenceInitialInterval = durationKey("alluxio.master.persistence.initial.interval", "1s", Master, Ignore,
		"Pause before the first retry of a failed persist.")
	MasterPersistenceMaxInterval = durationKey("alluxio.master.persistence.max.interval", "1hr", Master, Ignore,
		"Longest pause between retries of a failed persist.")
	MasterPersistenceMaxTotalWaitTime = durationKey("alluxio.master.persistence.max.total.wait.time", "1day", Master, Ignore,
		"Time after which persisting a file is given up.")
	MasterPersistenceCheckerInterval = durationKey("alluxio.master.persistence.checker.interval", "1s", Master, Ignore,
		"How often running persists are looked at.", positive)
	MasterPersistenceSchedulerInterval = durationKey("alluxio.master.persistence.scheduler.interval", "1s", Master, Ignore,
		"How often files waiting to be persisted are handed to workers.", positive)
	MasterUnsafeDirectPersistObjectEnabled = boolKey("alluxio.master.unsafe.direct.persist.object.enabled", "true", Master, Warn,
		"Let Alluxio persist straight to the final object. Here objects appear whole in any case.")
	MasterAsyncPersistSizeValidation = boolKey("alluxio.master.async.persist.size.validation", "true", Master, Warn,
		"Check the length of a persisted file in the store before it counts as persisted.")
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
	MasterContainerIDReservationSize = intKey("alluxio.master.container.id.reservation.size", "1000", Master, Ignore,
		"Block container ids reserved by one journal entry.")
	MasterBackupDirectory = stringKey("alluxio.master.backup.directory", "/alluxio_backups", Master, Enforce,
		"Directory for backups.")
	MasterDailyBackupEnabled = boolKey("alluxio.master.daily.backup.enabled", "false", Master, Enforce,
		"Write a backup every day.")
	MasterDailyBackupTime = stringKey("alluxio.master.daily.backup.time", "05:00", Master, Enforce,
		"Time of day (UTC, HH:mm) of the daily backup.")
	MasterDailyBackupFilesRetained = intKey("alluxio.master.daily.backup.files.retained", "3", Master, Enforce,
		"Daily backups that are kept.")
	MasterWorkerTimeout = durationKey("alluxio.master.worker.timeout", "5min", Master, Warn,
		"Silence after which a worker counts as lost.", alias("alluxio.master.worker.timeout.ms"), positive)
	MasterLostWorkerDetectionInterval = durationKey("alluxio.master.lost.worker.detection.interval", "10sec", Server, Warn,
		"How often lost workers are looked for.", alias("alluxio.master.worker.heartbeat.interval"), positive)
	MasterLostWorkerFileDetectionInterval = durationKey("alluxio.master.lost.worker.file.detection.interval", "5min", Server, Warn,
		"How often files with lost blocks are looked for.")
	MasterWorkerConnectWaitTime = durationKey("alluxio.master.worker.connect.wait.time", "5sec", Master, Warn,
		"How long a new leading master waits for workers to register before it serves (safe mode).")
	MasterWorkerInfoCacheRefreshTime = durationKey("alluxio.master.worker.info.cache.refresh.time", "10sec", Master, Warn,
		"How long the list of workers may be remembered.")
	MasterWorkerRegisterLeaseEnabled = boolKey("alluxio.master.worker.register.lease.enabled", "true", Master, Ignore,
		"Limit how many workers register at the same time.")
	MasterWorkerRegisterLeaseCount = intKey("alluxio.master.worker.register.lease.count", "25", Master, Ignore,
		"Workers that may register at the same time.")
	MasterWorkerRegisterLeaseTTL = durationKey("alluxio.master.worker.register.lease.ttl", "1min", Master, Ignore,
		"How long the permission to register lasts.")
	MasterWorkerRegisterStreamResponseTimeout = durationKey("alluxio.master.worker.register.stream.response.timeout", "10min", Master, Warn,
		"Silence after which a registration stream is given up.")
	MasterPeriodicBlockIntegrityCheckInterval = durationKey("alluxio.master.periodic.block.integrity.check.interval", "1hr", Master, Ignore,
		"How often blocks of no file are looked for; 0 or less never.")
	MasterPeriodicBlockIntegrityCheckRepair = boolKey("alluxio.master.periodic.block.integrity.check.repair", "true", Master, Ignore,
		"Remove the blocks that this check finds.")
	MasterStartupBlockIntegrityCheckEnabled = boolKey("alluxio.master.startup.block.integrity.check.enabled", "false", Master, Ignore,
		"Check for blocks of no file when a master starts to lead.")
	MasterBlockScanInvalidBatchMaxSize = intKey("alluxio.master.block.scan.invalid.batch.max.size", "10000000", Master, Ignore,
		"Most blocks that one check looks at; negative means all.")
	MasterTieredstoreGlobalLevels = intKey("alluxio.master.tieredstore.global.levels", "3", Master, Enforce,
		"Number of storage tiers in the cluster.")
	MasterTieredstoreGlobalMediumtype = listKey("alluxio.master.tieredstore.global.mediumtype", "MEM,SSD,HDD", Master, Enforce,
		"Kinds of media that workers may have.")
)
