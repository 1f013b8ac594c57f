package config

// Keys of clients.
var (
	UserFileWritetypeDefault = enumKey("alluxio.user.file.writetype.default", "ASYNC_THROUGH", []string{"MUST_CACHE", "TRY_CACHE", "CACHE_THROUGH", "THROUGH", "ASYNC_THROUGH"}, Client, Warn,
		"How files are written when a program does not say: MUST_CACHE only to the cache, CACHE_THROUGH to cache and store, THROUGH only to the store, ASYNC_THROUGH to the cache and later to the store.")
	UserFileReadtypeDefault = enumKey("alluxio.user.file.readtype.default", "CACHE", []string{"NO_CACHE", "CACHE", "CACHE_PROMOTE"}, Client, Ignore,
		"How files are read when a program does not say: NO_CACHE leaves the cache alone, CACHE keeps what was read, CACHE_PROMOTE also moves it to the fastest tier.")
	UserBlockSizeBytesDefault = bytesKey("alluxio.user.block.size.bytes.default", "64MB", Client, Warn,
		"Block size of new files and of files found in the store.", positive)
	UserFileMetadataLoadType = enumKey("alluxio.user.file.metadata.load.type", "ONCE", []string{"NEVER", "ONCE", "ALWAYS"}, Client, Warn,
		"When unknown paths are looked for in the store: ONCE for each directory, ALWAYS or NEVER.")
	UserFileMetadataSyncInterval = durationKey("alluxio.user.file.metadata.sync.interval", "-1", Client, Warn,
		"How old metadata may be before the store is asked again: -1 never asks, 0 on every call.")
	UserFilePassiveCacheEnabled = boolKey("alluxio.user.file.passive.cache.enabled", "true", Client, Warn,
		"Keep a copy on the local worker of what is read from other workers.")
	UserFileCreateTTL = durationKey("alluxio.user.file.create.ttl", "-1", Client, Ignore,
		"Time to live of new files; -1 for ever.")
	UserFileCreateTTLAction = enumKey("alluxio.user.file.create.ttl.action", "DELETE", []string{"DELETE", "FREE"}, Client, Ignore,
		"What happens at its end: DELETE the file or FREE its cached copies.")
	UserFileReplicationMin = intKey("alluxio.user.file.replication.min", "0", Client, Ignore,
		"Fewest cached copies of new files.")
	UserFileReplicationMax = intKey("alluxio.user.file.replication.max", "-1", Client, Ignore,
		"Most cached copies of new files; -1 for no limit.")
	UserFileReplicationDurable = intKey("alluxio.user.file.replication.durable", "1", Client, Ignore,
		"Cached copies of a file until it is persisted, with write type ASYNC_THROUGH.")
	UserFilePersistenceInitialWaitTime = durationKey("alluxio.user.file.persistence.initial.wait.time", "0", Client, Ignore,
		"Delay before an ASYNC_THROUGH file is persisted; -1 waits for a rename or a command.")
	UserFilePersistOnRename = boolKey("alluxio.user.file.persist.on.rename", "false", Client, Ignore,
		"Persist files when they are renamed.")
	UserFileWriteTierDefault = intKey("alluxio.user.file.write.tier.default", "0", Client, Warn,
		"Tier that new blocks are written to: 0 is the fastest, -1 the slowest.")
	UserFileTargetMedia = stringKey("alluxio.user.file.target.media", "", Client, Ignore,
		"Medium (MEM, SSD, HDD) that new blocks are wanted on.")
	UserFileReservedBytes = bytesKey("alluxio.user.file.reserved.bytes", "${alluxio.user.block.size.bytes.default}", Client, Warn,
		"Room that a writer asks the worker for at a time.")
	UserFileDeleteUnchecked = boolKey("alluxio.user.file.delete.unchecked", "false", Client, Ignore,
		"Delete directories without comparing them with the store first.")
	UserFileSequentialPreadThreshold = bytesKey("alluxio.user.file.sequential.pread.threshold", "2MB", Client, Warn,
		"Positioned reads longer than this are treated as sequential.")
	UserFileCopyfromlocalBlockLocationPolicyClass = classKey("alluxio.user.file.copyfromlocal.block.location.policy.class", "alluxio.client.block.policy.RoundRobinPolicy", policies, Client, Ignore,
		"Which worker `fs copyFromLocal` writes to.")
	UserUpdateFileAccesstimeDisabled = boolKey("alluxio.user.update.file.accesstime.disabled", "false", Client, Warn,
		"Do not change access times by reading.")
	UserMetricsCollectionEnabled = boolKey("alluxio.user.metrics.collection.enabled", "true", Client, Warn,
		"Tell the master how much was read and written in place, which no worker sees.")
	UserMetricsHeartbeatInterval = durationKey("alluxio.user.metrics.heartbeat.interval", "10sec", Client, Warn,
		"How often, while there is something to tell.", positive, alias("alluxio.user.metrics.heartbeat.interval.ms"))
	UserDateFormatPattern = stringKey("alluxio.user.date.format.pattern", "MM-dd-yyyy HH:mm:ss:SSS", Client, Ignore,
		"Java pattern of dates that commands and web pages print.")
	UserHostname = stringKey("alluxio.user.hostname", "", Client, Warn,
		"Host name of this client, used to tell which worker is local.")
	UserBlockWriteLocationPolicyClass = classKey("alluxio.user.block.write.location.policy.class", "alluxio.client.block.policy.LocalFirstPolicy", policies, Client, Warn,
		"Which worker a block is written to: LocalFirstPolicy, LocalFirstAvoidEvictionPolicy, MostAvailableFirstPolicy, RoundRobinPolicy, DeterministicHashPolicy, SpecificHostPolicy or CapacityBaseRandomPolicy.")
	UserUFSBlockReadLocationPolicy = classKey("alluxio.user.ufs.block.read.location.policy", "alluxio.client.block.policy.LocalFirstPolicy", policies, Client, Warn,
		"Which worker fetches a block that is not cached; the same policies.")
	UserUFSBlockReadLocationPolicyDeterministicHashShards = intKey("alluxio.user.ufs.block.read.location.policy.deterministic.hash.shards", "1", Client, Warn,
		"Workers that share a block under DeterministicHashPolicy.")
	UserUFSBlockReadConcurrencyMax = intKey("alluxio.user.ufs.block.read.concurrency.max", "2147483647", Client, Warn,
		"Most readers of one uncached block on a worker.")
	UserBlockAvoidEvictionPolicyReservedSizeBytes = bytesKey("alluxio.user.block.avoid.eviction.policy.reserved.size.bytes", "0MB", Client, Warn,
		"Room that LocalFirstAvoidEvictionPolicy leaves free on a worker.")
	UserBlockReadRetryMaxDuration = durationKey("alluxio.user.block.read.retry.max.duration", "5min", Client, Ignore,
		"How long reading a block is retried.")
	UserShortCircuitEnabled = boolKey("alluxio.user.short.circuit.enabled", "true", Client, Warn,
		"Read and write block files of a worker on the same machine directly.")
	UserShortCircuitPreferred = boolKey("alluxio.user.short.circuit.preferred", "false", Client, Warn,
		"Prefer that to a domain socket.")
	UserWorkerListRefreshInterval = durationKey("alluxio.user.worker.list.refresh.interval", "2min", Client, Warn,
		"How long the list of workers is remembered.")
	UserRPCRetryMaxDuration = durationKey("alluxio.user.rpc.retry.max.duration", "2min", All, Ignore,
		"How long a call to the master is retried. Commands give up after 5 s unless this is set.")
	UserRPCRetryBaseSleep = durationKey("alluxio.user.rpc.retry.base.sleep", "50ms", Client, Warn,
		"First pause between retries of a call.", alias("alluxio.user.rpc.retry.base.sleep.ms"))
	UserRPCRetryMaxSleep = durationKey("alluxio.user.rpc.retry.max.sleep", "3sec", Client, Warn,
		"Longest pause between retries of a call.", alias("alluxio.user.rpc.retry.max.sleep.ms"))
	UserStreamingDataReadTimeout = durationKey("alluxio.user.streaming.data.read.timeout", "3m", Client, Warn,
		"Longest wait for the next message of a read.", alias("alluxio.user.network.data.timeout.ms", "alluxio.user.network.data.timeout", "alluxio.user.streaming.data.timeout"))
	UserStreamingDataWriteTimeout = durationKey("alluxio.user.streaming.data.write.timeout", "3m", Client, Warn,
		"Longest wait for a written message to be taken.")
	UserStreamingReaderChunkSizeBytes = bytesKey("alluxio.user.streaming.reader.chunk.size.bytes", "1MB", Client, Warn,
		"Piece size of reads from a worker.", alias("alluxio.user.network.reader.chunk.size.bytes"), positive)
	UserStreamingWriterChunkSizeBytes = bytesKey("alluxio.user.streaming.writer.chunk.size.bytes", "1MB", Client, Warn,
		"Piece size of writes to a worker.", alias("alluxio.user.network.writer.chunk.size.bytes"), positive)
	UserStreamingWriterCloseTimeout = durationKey("alluxio.user.streaming.writer.close.timeout", "30min", Client, Warn,
		"How long closing a written file may take; it includes the upload to the store.", alias("alluxio.user.network.writer.close.timeout.ms", "alluxio.user.network.writer.close.timeout"))
	UserStreamingWriterFlushTimeout = durationKey("alluxio.user.streaming.writer.flush.timeout", "30min", Client, Warn,
		"How long flushing a written file may take.", alias("alluxio.user.network.writer.flush.timeout"))
	UserNetworkRPCKeepaliveTime = durationKey("alluxio.user.network.rpc.keepalive.time", "30sec", Client, Warn,
		"Idle time after which a metadata connection is pinged.")
	UserNetworkStreamingFlowcontrolWindow = bytesKey("alluxio.user.network.streaming.flowcontrol.window", "2MB", Client, Warn,
		"How much of one read a worker may send ahead of its reader.", alias("alluxio.user.network.flowcontrol.window"), positive)
	UserNetworkStreamingMaxConnections = intKey("alluxio.user.network.streaming.max.connections", "64", Client, Warn,
		"Data connections to one worker.", positive)
	UserConfClusterDefaultEnabled = boolKey("alluxio.user.conf.cluster.default.enabled", "true", Client, Ignore,
		"Take defaults from the master.")
	UserConfSyncInterval = durationKey("alluxio.user.conf.sync.interval", "1min", Client, Warn,
		"How often a client asks whether these defaults changed.")
)
