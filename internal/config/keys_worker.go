package config

// Keys of the worker.
var (
	WorkerHostname = stringKey("alluxio.worker.hostname", "", Worker, Ignore,
		"Host name on which clients find this worker.")
	WorkerBindHost = stringKey("alluxio.worker.bind.host", "0.0.0.0", Worker, Warn,
		"Address that the worker's RPC and data server listens on.")
	WorkerRPCPort = intKey("alluxio.worker.rpc.port", "29999", All, Warn,
		"Port of the worker's RPC and data server.", alias("alluxio.worker.port"), port)
	WorkerContainerHostname = stringKey("alluxio.worker.container.hostname", "", Worker, Ignore,
		"Host name of the container that the worker runs in, used to tell who is local.")
	WorkerWebHostname = stringKey("alluxio.worker.web.hostname", "", Worker, Ignore,
		"Host name announced for the worker's web page.")
	WorkerWebBindHost = stringKey("alluxio.worker.web.bind.host", "0.0.0.0", Worker, Warn,
		"Address that the worker's web server listens on.")
	WorkerWebPort = intKey("alluxio.worker.web.port", "30000", Worker, Warn,
		"Port of the worker's web page, JSON and metrics endpoints.", port)
	WorkerDataServerDomainSocketAddress = stringKey("alluxio.worker.data.server.domain.socket.address", "", Worker, Warn,
		"Unix domain socket on which the worker serves clients of the same machine, or a directory for it.")
	WorkerDataServerDomainSocketAsUUID = boolKey("alluxio.worker.data.server.domain.socket.as.uuid", "false", All, Warn,
		"Take the address above as a directory, in which the socket is named after the worker.")
	WorkerStartupTimeout = durationKey("alluxio.worker.startup.timeout", "10min", All, Warn,
		"How long a worker may take to start.")
	WorkerWhitelist = listKey("alluxio.worker.whitelist", "/", Worker, Warn,
		"Path prefixes whose files this worker may cache.")
	WorkerSessionTimeout = durationKey("alluxio.worker.session.timeout", "1min", Worker, Warn,
		"Silence after which a client's unfinished blocks are removed.", alias("alluxio.worker.session.timeout.ms"))
	WorkerRamdiskSize = bytesKey("alluxio.worker.ramdisk.size", "", Worker, Warn,
		"Size of the memory tier; the default quota of its directory.", alias("alluxio.worker.memory.size"), computed("2/3 of memory, at most 90% of the directory's file system", defaultRAMSize), positive)
	WorkerTieredstoreLevels = intKey("alluxio.worker.tieredstore.levels", "1", Worker, Warn,
		"Number of storage tiers on this worker.")
	WorkerTieredstoreFreeAheadBytes = bytesKey("alluxio.worker.tieredstore.free.ahead.bytes", "0", Worker, Warn,
		"Extra room made by each eviction.")
	WorkerDataFolder = stringKey("alluxio.worker.data.folder", "/alluxioworker/", Worker, Warn,
		"Folder inside every storage directory that holds the blocks.")
	WorkerDataFolderPermissions = stringKey("alluxio.worker.data.folder.permissions", "rwxrwxrwx", Worker, Warn,
		"Mode of that folder; clients of the same machine read block files directly.")
	WorkerDataFolderTmp = stringKey("alluxio.worker.data.folder.tmp", ".tmp_blocks", Worker, Warn,
		"Folder for blocks being written; emptied when the worker starts.")
	WorkerStorageCheckerEnabled = boolKey("alluxio.worker.storage.checker.enabled", "true", Worker, Warn,
		"Watch for storage directories that fail.")
	WorkerAllocatorClass = classKey("alluxio.worker.allocator.class", "alluxio.worker.block.allocator.MaxFreeAllocator", []string{"MaxFreeAllocator", "GreedyAllocator", "RoundRobinAllocator"}, Worker, Warn,
		"Which directory of a tier gets a new block: MaxFreeAllocator, GreedyAllocator or RoundRobinAllocator.")
	WorkerBlockAnnotatorClass = classKey("alluxio.worker.block.annotator.class", "alluxio.worker.block.annotator.LRUAnnotator", []string{"LRUAnnotator", "LRFUAnnotator"}, Worker, Warn,
		"Order of eviction: LRUAnnotator or LRFUAnnotator.")
	WorkerBlockAnnotatorLRFUStepFactor = floatKey("alluxio.worker.block.annotator.lrfu.step.factor", "0.25", Worker, Warn,
		"LRFU weight between use count (0) and recency (1).")
	WorkerBlockAnnotatorLRFUAttenuationFactor = floatKey("alluxio.worker.block.annotator.lrfu.attenuation.factor", "2.0", Worker, Warn,
		"How fast LRFU forgets (2 or more).")
	WorkerEvictorClass = classKey("alluxio.worker.evictor.class", "", []string{"LRUEvictor", "PartialLRUEvictor", "GreedyEvictor", "LRFUEvictor"}, Worker, Warn,
		"Older name for the order of eviction: LRUEvictor, PartialLRUEvictor, GreedyEvictor or LRFUEvictor.")
	WorkerManagementTierAlignEnabled = boolKey("alluxio.worker.management.tier.align.enabled", "true", Worker, Warn,
		"Move often used blocks to faster tiers and seldom used ones to slower tiers in the background.")
	WorkerManagementTierAlignReservedBytes = bytesKey("alluxio.worker.management.tier.align.reserved.bytes", "1GB", Worker, Warn,
		"Room kept free in each directory for these moves.")
	WorkerManagementTierPromoteEnabled = boolKey("alluxio.worker.management.tier.promote.enabled", "true", Worker, Warn,
		"Move blocks up in the background while a faster tier has room.")
	WorkerManagementTierPromoteQuotaPercent = intKey("alluxio.worker.management.tier.promote.quota.percent", "90", Worker, Warn,
		"Stop moving up when the faster tier is this full.", between(0, 100))
	WorkerManagementTaskThreadCount = intKey("alluxio.worker.management.task.thread.count", "", Worker, Warn,
		"Background moves at the same time.", computed("max(4, CPUs)", atLeast(4, 1)))
	WorkerManagementBackoffStrategy = enumKey("alluxio.worker.management.backoff.strategy", "ANY", []string{"ANY", "DIRECTORY"}, Worker, Warn,
		"Background moves pause for user reads and writes of ANY directory, or of the same DIRECTORY.")
	WorkerManagementLoadDetectionCoolDownTime = durationKey("alluxio.worker.management.load.detection.cool.down.time", "10sec", Worker, Warn,
		"How long background moves wait after the last user read or write.")
	WorkerBlockStoreType = enumKey("alluxio.worker.block.store.type", "FILE", []string{"FILE", "PAGE"}, Worker, Ignore,
		"FILE keeps a block as one file, PAGE as pages. Here blocks are files with checksums per page and may be held in part.")
	WorkerPageStorePageSize = bytesKey("alluxio.worker.page.store.page.size", "1MB", Worker, Warn,
		"Size of the pages in which blocks are fetched, checked and kept in part.", positive)
	WorkerBlockHeartbeatInterval = durationKey("alluxio.worker.block.heartbeat.interval", "1sec", Worker, Warn,
		"How often the worker reports to the master.", alias("alluxio.worker.block.heartbeat.interval.ms"), positive)
	WorkerBlockHeartbeatTimeout = durationKey("alluxio.worker.block.heartbeat.timeout", "${alluxio.worker.master.connect.retry.timeout}", Worker, Warn,
		"How long reports may fail before the worker ends.", alias("alluxio.worker.block.heartbeat.timeout.ms"))
	WorkerMasterConnectRetryTimeout = durationKey("alluxio.worker.master.connect.retry.timeout", "1hour", Worker, Ignore,
		"How long a worker tries to reach the master before it ends.")
	WorkerMasterPeriodicalRPCTimeout = durationKey("alluxio.worker.master.periodical.rpc.timeout", "5min", Worker, Ignore,
		"Deadline of the worker's regular calls to the master.")
	WorkerBlockMasterClientPoolSize = intKey("alluxio.worker.block.master.client.pool.size", "11", Worker, Warn,
		"Connections of the worker to the master.")
	WorkerRegisterLeaseEnabled = boolKey("alluxio.worker.register.lease.enabled", "${alluxio.master.worker.register.lease.enabled}", Worker, Warn,
		"Ask the master's permission before registering.")
	WorkerRegisterStreamEnabled = boolKey("alluxio.worker.register.stream.enabled", "true", Worker, Warn,
		"Register with a stream of messages, which has no size limit.")
	WorkerRegisterStreamBatchSize = intKey("alluxio.worker.register.stream.batch.size", "1000000", Worker, Warn,
		"Blocks in one message of that stream.")
	WorkerRegisterStreamDeadline = durationKey("alluxio.worker.register.stream.deadline", "15min", Worker, Warn,
		"How long registering may take.")
	WorkerRPCExecutorMaxPoolSize = intKey("alluxio.worker.rpc.executor.max.pool.size", "1000", Worker, Warn,
		"Most requests worked on at the same time.")
	WorkerNetworkBlockReaderThreadsMax = intKey("alluxio.worker.network.block.reader.threads.max", "2048", Worker, Warn,
		"Block reads served at the same time.", positive)
	WorkerNetworkBlockWriterThreadsMax = intKey("alluxio.worker.network.block.writer.threads.max", "1024", Worker, Warn,
		"Block writes served at the same time.", positive)
	WorkerNetworkAsyncCacheManagerThreadsMax = intKey("alluxio.worker.network.async.cache.manager.threads.max", "", Worker, Warn,
		"Blocks cached in the background at the same time.", computed("max(8, 2 x CPUs)", atLeast(8, 2)), positive)
	WorkerNetworkAsyncCacheManagerQueueMax = intKey("alluxio.worker.network.async.cache.manager.queue.max", "512", Worker, Warn,
		"Blocks waiting to be cached in the background; more are dropped.")
	WorkerNetworkReaderBufferSize = bytesKey("alluxio.worker.network.reader.buffer.size", "4MB", Worker, Warn,
		"Bytes sent to a reader ahead of its acknowledgement.")
	WorkerNetworkReaderMaxChunkSizeBytes = bytesKey("alluxio.worker.network.reader.max.chunk.size.bytes", "2MB", Worker, Warn,
		"Largest piece sent to a reader in one message.", positive)
	WorkerNetworkWriterBufferSizeMessages = intKey("alluxio.worker.network.writer.buffer.size.messages", "8", Worker, Warn,
		"Messages of a writer waiting to be stored.")
	WorkerNetworkZerocopyEnabled = boolKey("alluxio.worker.network.zerocopy.enabled", "true", Worker, Warn,
		"Serve blocks without copying them.")
	WorkerNetworkFlowcontrolWindow = bytesKey("alluxio.worker.network.flowcontrol.window", "2MB", Worker, Warn,
		"HTTP/2 flow-control window of the worker's connections.")
	WorkerNetworkKeepaliveTime = durationKey("alluxio.worker.network.keepalive.time", "30sec", Worker, Warn,
		"Idle time after which the worker pings a client's connection.")
	WorkerNetworkKeepaliveTimeout = durationKey("alluxio.worker.network.keepalive.timeout", "30sec", Worker, Warn,
		"How long the answer to such a ping may take before the connection is closed.")
	WorkerNetworkPermitKeepaliveTime = durationKey("alluxio.worker.network.permit.keepalive.time", "30s", Worker, Warn,
		"Shortest interval of clients' pings that is tolerated.")
	WorkerNetworkMaxInboundMessageSize = bytesKey("alluxio.worker.network.max.inbound.message.size", "4MB", Worker, Warn,
		"Largest message that the worker accepts.", positive)
	WorkerRemoteIOSlowThreshold = durationKey("alluxio.worker.remote.io.slow.threshold", "10s", Worker, Warn,
		"Log reads and writes for clients that take longer.")
	WorkerUFSBlockOpenTimeout = durationKey("alluxio.worker.ufs.block.open.timeout", "5min", Worker, Warn,
		"How long opening a file of the store may take.", alias("alluxio.worker.ufs.block.open.timeout.ms"))
	WorkerUFSInstreamCacheEnabled = boolKey("alluxio.worker.ufs.instream.cache.enabled", "true", Worker, Enforce,
		"Keep streams of the store open for reuse.")
	WorkerUFSInstreamCacheMaxSize = intKey("alluxio.worker.ufs.instream.cache.max.size", "5000", Worker, Warn,
		"Streams kept for reuse.")
	WorkerUFSInstreamCacheExpirationTime = durationKey("alluxio.worker.ufs.instream.cache.expiration.time", "5min", Worker, Warn,
		"How long a stream is kept for reuse.")
)
