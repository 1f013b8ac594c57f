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
	UserFileUFSTierEnabled = boolKey("alluxio.user.file.ufs.tier.enabled", "false", Client, Ignore,
		"Let ASYNC_THROUGH writes go to the store when the cache is full.")
	UserFileWriteTierDefault = intKey("alluxio.user.file.write.tier.default", "0", Client, Warn,
		"Tier that new blocks are written to: 0 is the fastest, -1 the slowest.")
	UserFileTargetMedia = stringKey("alluxio.user.file.target.media", "", Client, Ignore,
		"Medium (MEM, SSD, HDD) that new blocks are wanted on.")
	UserFileBufferBytes = bytesKey("alluxio.user.file.buffer.bytes", "8MB", Client, Warn,
		"Size of a stream's buffer.", positive)
	UserFileReservedBytes = bytesKey("alluxio.user.file.reserved.bytes", "${alluxio.user.block.size.bytes.default}", Client, Warn,
		"Room that a writer asks the worker for at a time.")
	UserFileDeleteUnchecked = boolKey("alluxio.user.file.delete.unchecked", "false", Client, Ignore,
		"Delete directories without comparing them with the store first.")
	UserFileIncludeOperationID = boolKey("alluxio.user.file.include.operation.id", "true", Client, Warn,
		"Mark changes with an id, so that a retry takes effect once.")
	UserFileSequentialPreadThreshold = bytesKey("alluxio.user.file.sequential.pread.threshold", "2MB", Client, Warn,
		"Positioned reads longer than this are treated as sequential.")
	UserFileWriteInitMaxDuration = durationKey("alluxio.user.file.write.init.max.duration", "2min", Client, Ignore,
		"How long a writer looks for a worker.")
	UserFileCopyfromlocalBlockLocationPolicyClass = classKey("alluxio.user.file.copyfromlocal.block.location.policy.class", "alluxio.client.block.policy.RoundRobinPolicy", policies, Client, Ignore,
		"Which worker `fs copyFromLocal` writes to.")
	UserFileMasterClientPoolSizeMax = intKey("alluxio.user.file.master.client.pool.size.max", "500", Client, Warn,
		"Most connections for metadata.", alias("alluxio.user.file.master.client.threads"))
	UserFileMasterClientPoolGCThreshold = durationKey("alluxio.user.file.master.client.pool.gc.threshold", "120sec", Client, Warn,
		"Idle time after which such a connection is closed.")
	UserUpdateFileAccesstimeDisabled = boolKey("alluxio.user.update.file.accesstime.disabled", "false", Client, Warn,
		"Do not change access times by reading.")
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
	UserUFSBlockLocationAllFallbackEnabled = boolKey("alluxio.user.ufs.block.location.all.fallback.enabled", "true", Client, Warn,
		"Name all workers as locations of a block that is cached nowhere.")
	UserBlockAvoidEvictionPolicyReservedSizeBytes = bytesKey("alluxio.user.block.avoid.eviction.policy.reserved.size.bytes", "0MB", Client, Warn,
		"Room that LocalFirstAvoidEvictionPolicy leaves free on a worker.")
	UserBlockMasterClientPoolSizeMax = intKey("alluxio.user.block.master.client.pool.size.max", "500", Client, Warn,
		"Most connections for block metadata.", alias("alluxio.user.block.master.client.threads"))
	UserBlockMasterClientPoolGCThreshold = durationKey("alluxio.user.block.master.client.pool.gc.threshold", "120sec", Client, Warn,
		"Idle time after which such a connection is closed.")
	UserBlockWorkerClientPoolMax = intKey("alluxio.user.block.worker.client.pool.max", "1024", Client, Warn,
		"Most connections to a worker.", alias("alluxio.user.block.worker.client.pool.size"))
	UserBlockWorkerClientPoolMin = intKey("alluxio.user.block.worker.client.pool.min", "0", Client, Warn,
		"Idle connections kept to a worker.")
	UserBlockWorkerClientPoolGCThreshold = durationKey("alluxio.user.block.worker.client.pool.gc.threshold", "300sec", Client, Warn,
		"Idle time after which a connection to a worker is closed.")
	UserBlockReadRetryMaxDuration = durationKey("alluxio.user.block.read.retry.max.duration", "5min", Client, Ignore,
		"How long reading a block is retried.")
	UserShortCircuitEnabled = boolKey("alluxio.user.short.circuit.enabled", "true", Client, Warn,
		"Read and write block files of a worker on the same machine directly.")
	UserShortCircuitPreferred = boolKey("alluxio.user.short.circuit.preferred", "false", Client, Warn,
		"Prefer that to a domain socket.")
	UserWorkerListRefreshInterval = durationKey("alluxio.user.worker.list.refresh.interval", "2min", Client, Warn,
		"How long the list of workers is remembered.")
	UserLocalReaderChunkSizeBytes = bytesKey("alluxio.user.local.reader.chunk.size.bytes", "8MB", Client, Warn,
		"Piece size of direct reads.", positive)
	UserLocalWriterChunkSizeBytes = bytesKey("alluxio.user.local.writer.chunk.size.bytes", "64KB", Client, Warn,
		"Piece size of direct writes.", positive)
	UserRPCRetryMaxDuration = durationKey("alluxio.user.rpc.retry.max.duration", "2min", All, Ignore,
		"How long a call to the master is retried. Commands give up after 5 s unless this is set.")
	UserRPCRetryBaseSleep = durationKey("alluxio.user.rpc.retry.base.sleep", "50ms", Client, Warn,
		"First pause between retries of a call.", alias("alluxio.user.rpc.retry.base.sleep.ms"))
	UserRPCRetryMaxSleep = durationKey("alluxio.user.rpc.retry.max.sleep", "3sec", Client, Warn,
		"Longest pause between retries of a call.", alias("alluxio.user.rpc.retry.max.sleep.ms"))
	UserRPCShuffleMastersEnabled = boolKey("alluxio.user.rpc.shuffle.masters.enabled", "false", All, Ignore,
		"Try the masters in random order.")
	UserMasterPollingTimeout = durationKey("alluxio.user.master.polling.timeout", "30sec", Client, Warn,
		"How long each master may take to say whether it leads.")
	UserStreamingDataReadTimeout = durationKey("alluxio.user.streaming.data.read.timeout", "3m", Client, Warn,
		"Longest wait for the next message of a read.", alias("alluxio.user.network.data.timeout.ms", "alluxio.user.network.data.timeout", "alluxio.user.streaming.data.timeout"))
	UserStreamingDataWriteTimeout = durationKey("alluxio.user.streaming.data.write.timeout", "3m", Client, Warn,
		"Longest wait for a written message to be taken.")
	UserStreamingReaderChunkSizeBytes = bytesKey("alluxio.user.streaming.reader.chunk.size.bytes", "1MB", Client, Warn,
		"Piece size of reads from a worker.", alias("alluxio.user.network.reader.chunk.size.bytes"), positive)
	UserStreamingReaderBufferSizeMessages = intKey("alluxio.user.streaming.reader.buffer.size.messages", "16", Client, Warn,
		"Pieces read ahead.", alias("alluxio.user.network.reader.buffer.size.messages"))
	UserStreamingWriterChunkSizeBytes = bytesKey("alluxio.user.streaming.writer.chunk.size.bytes", "1MB", Client, Warn,
		"Piece size of writes to a worker.", alias("alluxio.user.network.writer.chunk.size.bytes"), positive)
	UserStreamingWriterBufferSizeMessages = intKey("alluxio.user.streaming.writer.buffer.size.messages", "16", Client, Warn,
		"Pieces written ahead of the worker.", alias("alluxio.user.network.writer.buffer.size.messages"))
	UserStreamingWriterCloseTimeout = durationKey("alluxio.user.streaming.writer.close.timeout", "30min", Client, Warn,
		"How long closing a written file may take; it includes the upload to the store.", alias("alluxio.user.network.writer.close.timeout.ms", "alluxio.user.network.writer.close.timeout"))
	UserStreamingWriterFlushTimeout = durationKey("alluxio.user.streaming.writer.flush.timeout", "30min", Client, Warn,
		"How long flushing a written file may take.", alias("alluxio.user.network.writer.flush.timeout"))
	UserStreamingZerocopyEnabled = boolKey("alluxio.user.streaming.zerocopy.enabled", "true", Client, Warn,
		"Send and receive data without copying it.", alias("alluxio.user.network.zerocopy.enabled"))
	UserNetworkRPCKeepaliveTime = durationKey("alluxio.user.network.rpc.keepalive.time", "30sec", Client, Warn,
		"Idle time after which a metadata connection is pinged.")
	UserNetworkRPCKeepaliveTimeout = durationKey("alluxio.user.network.rpc.keepalive.timeout", "30sec", Client, Warn,
		"How long the answer to such a ping may take.")
	UserNetworkRPCMaxInboundMessageSize = bytesKey("alluxio.user.network.rpc.max.inbound.message.size", "100MB", Client, Warn,
		"Largest metadata message accepted.")
	UserNetworkRPCFlowcontrolWindow = bytesKey("alluxio.user.network.rpc.flowcontrol.window", "2MB", Client, Warn,
		"HTTP/2 flow-control window of metadata connections.")
	UserNetworkStreamingKeepaliveTime = durationKey("alluxio.user.network.streaming.keepalive.time", "9223372036854775807", Client, Warn,
		"Idle time after which a data connection is pinged; never by default.", alias("alluxio.user.network.keepalive.time"))
	UserNetworkStreamingKeepaliveTimeout = durationKey("alluxio.user.network.streaming.keepalive.timeout", "30sec", Client, Warn,
		"How long the answer to such a ping may take.", alias("alluxio.user.network.keepalive.timeout"))
	UserNetworkStreamingMaxConnections = intKey("alluxio.user.network.streaming.max.connections", "64", Client, Warn,
		"Data connections to one worker.", positive)
	UserNetworkStreamingMaxInboundMessageSize = bytesKey("alluxio.user.network.streaming.max.inbound.message.size", "100MB", Client, Warn,
		"Largest data message accepted.", alias("alluxio.user.network.max.inbound.message.size"))
	UserNetworkStreamingFlowcontrolWindow = bytesKey("alluxio.user.network.streaming.flowcontrol.window", "2MB", Client, Warn,
		"HTTP/2 flow-control window of data connections.", alias("alluxio.user.network.flowcontrol.window"))
	UserLoggingThreshold = durationKey("alluxio.user.logging.threshold", "10s", Client, Ignore,
		"Log calls to the cluster that take longer.")
	UserConfClusterDefaultEnabled = boolKey("alluxio.user.conf.cluster.default.enabled", "true", Client, Ignore,
		"Take defaults from the master.")
	UserConfSyncInterval = durationKey("alluxio.user.conf.sync.interval", "1min", Client, Warn,
		"How often a client asks whether these defaults changed.")
	UserAppID = stringKey("alluxio.user.app.id", "", Client, Ignore,
		"Name of this client in metrics; random when not set.")
	UserMetricsCollectionEnabled = boolKey("alluxio.user.metrics.collection.enabled", "true", Client, Warn,
		"Report the client's metrics to the master.")
	UserMetricsHeartbeatInterval = durationKey("alluxio.user.metrics.heartbeat.interval", "10sec", Client, Warn,
		"How often they are reported.", alias("alluxio.user.metrics.heartbeat.interval.ms"))
	UserMetadataCacheEnabled = boolKey("alluxio.user.metadata.cache.enabled", "false", Client, Warn,
		"Remember the status of files in the client.")
	UserMetadataCacheMaxSize = intKey("alluxio.user.metadata.cache.max.size", "100000", Client, Warn,
		"Files whose status is remembered.")
	UserMetadataCacheExpirationTime = durationKey("alluxio.user.metadata.cache.expiration.time", "10min", Client, Warn,
		"How long it is remembered.")
)
