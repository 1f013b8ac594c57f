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
	WorkerWebBindHost = stringKey("alluxio.worker.web.bind.host", "0.0.0.0", Worker, Warn,
		"Address that the worker's web server listens on.")
	WorkerWebPort = intKey("alluxio.worker.web.port", "30000", Worker, Warn,
		"Port of the worker's web page, JSON and metrics endpoints.", port)
	WorkerDataServerDomainSocketAddress = stringKey("alluxio.worker.data.server.domain.socket.address", "", Worker, Warn,
		"Unix domain socket on which the worker serves clients of the same machine, or a directory for it.")
	WorkerDataServerDomainSocketAsUUID = boolKey("alluxio.worker.data.server.domain.socket.as.uuid", "false", All, Warn,
		"Take the address above as a directory, in which the socket is named after the worker.")
	WorkerWhitelist = listKey("alluxio.worker.whitelist", "/", Worker, Warn,
		"Path prefixes whose files this worker may cache.")
	WorkerRamdiskSize = bytesKey("alluxio.worker.ramdisk.size", "", Worker, Warn,
		"Size of the memory tier; the default quota of its directory.", alias("alluxio.worker.memory.size"), computed("2/3 of memory, at most 90% of a mounted ramdisk or 75% of /dev/shm", defaultRAMSize), positive)
	WorkerTieredstoreLevels = intKey("alluxio.worker.tieredstore.levels", "1", Worker, Warn,
		"Number of storage tiers on this worker.")
	WorkerTieredstoreFreeAheadBytes = bytesKey("alluxio.worker.tieredstore.free.ahead.bytes", "0", Worker, Warn,
		"Room that is made beyond what is needed whenever blocks are evicted.")
	WorkerScrubberBytesPerSecond = bytesKey("alluxio.worker.scrubber.bytes.per.second", "4MB", Worker, Warn,
		"How much of idle blocks is read and verified a second in the background, to find damage before it spreads; 0 for nothing.")
	WorkerDataFolder = stringKey("alluxio.worker.data.folder", "/alluxioworker/", Worker, Warn,
		"Folder inside every storage directory that holds the blocks.")
	WorkerDataFolderTmp = stringKey("alluxio.worker.data.folder.tmp", ".tmp_blocks", Worker, Warn,
		"Folder for blocks being written; emptied when the worker starts.")
	WorkerAllocatorClass = classKey("alluxio.worker.allocator.class", "alluxio.worker.block.allocator.MaxFreeAllocator", []string{"MaxFreeAllocator", "GreedyAllocator", "RoundRobinAllocator"}, Worker, Warn,
		"Which directory of a tier gets a new block: MaxFreeAllocator, GreedyAllocator or RoundRobinAllocator.")
	WorkerBlockAnnotatorClass = classKey("alluxio.worker.block.annotator.class", "alluxio.worker.block.annotator.WTinyLFUAnnotator", []string{"WTinyLFUAnnotator", "S3FIFOAnnotator", "LRUAnnotator", "LRFUAnnotator"}, Worker, Warn,
		"Order of eviction: WTinyLFUAnnotator, which adapts to the workload; S3FIFOAnnotator; Alluxio's LRUAnnotator (its default) and LRFUAnnotator. alluxio cache-sim compares them on a trace.")
	WorkerBlockAnnotatorLRFUStepFactor = floatKey("alluxio.worker.block.annotator.lrfu.step.factor", "0.25", Worker, Warn,
		"LRFU weight between use count (0) and recency (1).")
	WorkerBlockAnnotatorLRFUAttenuationFactor = floatKey("alluxio.worker.block.annotator.lrfu.attenuation.factor", "2.0", Worker, Warn,
		"How fast LRFU forgets (2 or more).")
	WorkerEvictorClass = classKey("alluxio.worker.evictor.class", "", []string{"LRUEvictor", "PartialLRUEvictor", "GreedyEvictor", "LRFUEvictor"}, Worker, Warn,
		"Older name for the order of eviction: LRUEvictor, PartialLRUEvictor, GreedyEvictor or LRFUEvictor.")
	WorkerReviewerClass = classKey("alluxio.worker.reviewer.class", "alluxio.worker.block.reviewer.ProbabilisticBufferReviewer", []string{"ProbabilisticBufferReviewer", "AcceptingReviewer"}, Worker, Warn,
		"Whether a directory that is nearly full gets new blocks while others have room: ProbabilisticBufferReviewer, the less is free the fewer; AcceptingReviewer, all.")
	WorkerReviewerProbabilisticSoftlimitBytes = bytesKey("alluxio.worker.reviewer.probabilistic.softlimit.bytes", "256MB", Worker, Warn,
		"With less than this free a directory gets fewer new blocks. Of a small directory a tenth at most, and the hard limit shrinks with it.")
	WorkerReviewerProbabilisticHardlimitBytes = bytesKey("alluxio.worker.reviewer.probabilistic.hardlimit.bytes", "64MB", Worker, Warn,
		"With no more than this free a directory gets no new blocks while others have room.")
	WorkerManagementTierAlignEnabled = boolKey("alluxio.worker.management.tier.align.enabled", "true", Worker, Warn,
		"Move blocks down to make room in a faster tier, and let often used blocks of a slower tier change places with seldom used ones.")
	WorkerManagementTierAlignRange = intKey("alluxio.worker.management.tier.align.range", "100", Worker, Warn,
		"Blocks of a tier that are considered at one time for changing places.", positive)
	WorkerManagementTierAlignReservedBytes = bytesKey("alluxio.worker.management.tier.align.reserved.bytes", "1GB", Worker, Warn,
		"Room that is kept free in each directory of all tiers but the last, for new blocks and those that move up; a tenth of the directory at most. With 0 a full tier gives its coldest blocks up instead of moving them down.")
	WorkerManagementTierPromoteEnabled = boolKey("alluxio.worker.management.tier.promote.enabled", "true", Worker, Warn,
		"Move blocks up in the background while a faster tier has room.")
	WorkerManagementTierPromoteRange = intKey("alluxio.worker.management.tier.promote.range", "100", Worker, Warn,
		"Blocks of a tier that are considered at one time for moving up.", positive)
	WorkerManagementTierPromoteQuotaPercent = intKey("alluxio.worker.management.tier.promote.quota.percent", "90", Worker, Warn,
		"Stop moving up when the faster tier is this full; 0 is never to move up into free room.", between(0, 100))
	WorkerManagementTierSwapRestoreEnabled = boolKey("alluxio.worker.management.tier.swap.restore.enabled", "true", Worker, Warn,
		"Make room anew that blocks of different sizes took when they changed places, by moving down and evicting more.")
	WorkerManagementTaskThreadCount = intKey("alluxio.worker.management.task.thread.count", "", Worker, Warn,
		"Pairs of tiers that are put in order at the same time.", computed("max(4, CPUs)", atLeast(4, 1)), positive)
	WorkerManagementBlockTransferConcurrencyLimit = intKey("alluxio.worker.management.block.transfer.concurrency.limit", "", Worker, Warn,
		"Blocks that are moved between tiers at the same time.", computed("max(2, CPUs / 2)", halfCPUs), positive)
	WorkerManagementBackoffStrategy = enumKey("alluxio.worker.management.backoff.strategy", "ANY", []string{"ANY", "DIRECTORY"}, Worker, Warn,
		"Which background moves wait while users read and write: ANY, all; DIRECTORY, those from and to the directories that are used.")
	WorkerManagementLoadDetectionCoolDownTime = durationKey("alluxio.worker.management.load.detection.cool.down.time", "10sec", Worker, Warn,
		"How long background moves wait after the last user read or write. Moves that make room for what is being written do not wait.")
	WorkerPageStorePageSize = bytesKey("alluxio.worker.page.store.page.size", "1MB", Worker, Warn,
		"Size of the pages in which blocks are fetched, checked and kept in part.", positive)
	WorkerBlockHeartbeatInterval = durationKey("alluxio.worker.block.heartbeat.interval", "1sec", Worker, Warn,
		"How often the worker reports to the master.", alias("alluxio.worker.block.heartbeat.interval.ms"), positive)
	WorkerBlockHeartbeatTimeout = durationKey("alluxio.worker.block.heartbeat.timeout", "1hour", Worker, Warn,
		"How long reports may fail before the worker ends.", alias("alluxio.worker.block.heartbeat.timeout.ms"))
	WorkerMasterPeriodicalRPCTimeout = durationKey("alluxio.worker.master.periodical.rpc.timeout", "5min", Worker, Ignore,
		"Deadline of the worker's regular calls to the master.")
	WorkerRegisterStreamBatchSize = intKey("alluxio.worker.register.stream.batch.size", "1000000", Worker, Warn,
		"Blocks in one message of that stream.")
	WorkerRegisterStreamDeadline = durationKey("alluxio.worker.register.stream.deadline", "15min", Worker, Warn,
		"How long registering may take.")
	WorkerNetworkBlockReaderThreadsMax = intKey("alluxio.worker.network.block.reader.threads.max", "2048", Worker, Warn,
		"Block reads served at the same time.", positive)
	WorkerNetworkBlockWriterThreadsMax = intKey("alluxio.worker.network.block.writer.threads.max", "1024", Worker, Warn,
		"Block writes served at the same time.", positive)
	WorkerNetworkAsyncCacheManagerThreadsMax = intKey("alluxio.worker.network.async.cache.manager.threads.max", "", Worker, Warn,
		"Blocks cached in the background at the same time.", computed("max(8, 2 x CPUs)", atLeast(8, 2)), positive)
	WorkerNetworkAsyncCacheManagerQueueMax = intKey("alluxio.worker.network.async.cache.manager.queue.max", "512", Worker, Warn,
		"Blocks waiting to be cached in the background; more are dropped.")
	WorkerNetworkReaderBufferSize = bytesKey("alluxio.worker.network.reader.buffer.size", "4MB", Worker, Warn,
		"How much of one read may be on its way to the client before the worker waits for word of what has arrived. Less is when many read.", positive)
	WorkerNetworkReaderMaxChunkSizeBytes = bytesKey("alluxio.worker.network.reader.max.chunk.size.bytes", "2MB", Worker, Warn,
		"Largest piece sent to a reader in one message.", positive)
	WorkerNetworkKeepaliveTime = durationKey("alluxio.worker.network.keepalive.time", "30sec", Worker, Warn,
		"Idle time after which the worker pings a client's connection.")
	WorkerRemoteIOSlowThreshold = durationKey("alluxio.worker.remote.io.slow.threshold", "10s", Worker, Warn,
		"Log reads and writes for clients that take longer.")
)
