package config

// pageEvictors are the ways in which the page cache of a client gives up pages:
// Alluxio's names and ours.
var pageEvictors = []string{"LRUCacheEvictor", "LFUCacheEvictor", "LRU", "LFU", "LRFU", "S3-FIFO", "W-TinyLFU"}

// Keys of the page cache of a client.
var (
	UserClientCacheEnabled = boolKey("alluxio.user.client.cache.enabled", "false", Client, Warn,
		"Keep pages of the files that are read on this machine, in the client.")
	UserClientCacheDirs = listKey("alluxio.user.client.cache.dirs", "/tmp/alluxio_cache", Client, Warn,
		"Folders of the client's page cache. They belong to the user who runs the client; several processes may use them.", alias("alluxio.user.client.cache.dir"))
	UserClientCacheSize = bytesListKey("alluxio.user.client.cache.size", "512MB", Client, Warn,
		"Most bytes in each of these folders, or one size for all.")
	UserClientCachePageSize = bytesKey("alluxio.user.client.cache.page.size", "1MB", Client, Warn,
		"Page size of the client's page cache, at most 256MB. What was cached with another size is dropped.", positive)
	UserClientCacheStoreType = enumKey("alluxio.user.client.cache.store.type", "LOCAL", []string{"LOCAL", "MEM", "ROCKS"}, Client, Warn,
		"Where the pages are: LOCAL in the folders, MEM in memory, as many bytes as the sizes add up to. ROCKS is taken for LOCAL.")
	UserClientCacheStoreOverhead = floatKey("alluxio.user.client.cache.store.overhead", "", Client, Warn,
		"Share of the size that is left to the file system's own needs; 0.05 for LOCAL and 0 for MEM if it is not set.")
	UserClientCacheEvictorClass = classKey("alluxio.user.client.cache.evictor.class", "alluxio.client.file.cache.evictor.LRUCacheEvictor", pageEvictors, Client, Warn,
		"Which pages are given up: LRUCacheEvictor, LFUCacheEvictor, LRFU, S3-FIFO or W-TinyLFU.")
	UserClientCacheEvictionRetries = intKey("alluxio.user.client.cache.eviction.retries", "10", Client, Warn,
		"How often more pages are given up for one that still does not fit, on a disk that is fuller than the size says.", between(0, 1000))
	UserClientCacheAsyncWriteEnabled = boolKey("alluxio.user.client.cache.async.write.enabled", "false", Client, Ignore,
		"Write pages to the folders in the background. When too many are waiting, pages are not kept.")
	UserClientCacheAsyncWriteThreads = intKey("alluxio.user.client.cache.async.write.threads", "16", Client, Ignore,
		"Pages written at a time in the background.", between(1, 1024))
	UserClientCacheAsyncRestoreEnabled = boolKey("alluxio.user.client.cache.async.restore.enabled", "true", Client, Ignore,
		"Look through the folders in the background when a client begins to use them. Pages are read meanwhile, and written afterwards.")
	UserClientCacheLocalStoreFileBuckets = intKey("alluxio.user.client.cache.local.store.file.buckets", "1000", Client, Warn,
		"Folders that the pages in a folder are spread over. After a change they are dropped.", between(1, 1_000_000))
	UserClientCacheTimeoutDuration = durationKey("alluxio.user.client.cache.timeout.duration", "-1", Client, Warn,
		"Longest wait for the folders, after which a page is read from a worker; -1 for no limit.")
	UserClientCacheTimeoutThreads = intKey("alluxio.user.client.cache.timeout.threads", "32", Client, Warn,
		"Accesses to a folder at a time when there is such a limit.", between(1, 10_000))
	UserClientCacheTTLEnabled = boolKey("alluxio.user.client.cache.ttl.enabled", "false", Client, Warn,
		"Drop pages that are too old.")
	UserClientCacheTTLThresholdSeconds = intKey("alluxio.user.client.cache.ttl.threshold.seconds", "10800", Client, Warn,
		"How old pages may become then.", positive)
	UserClientCacheTTLCheckIntervalSeconds = intKey("alluxio.user.client.cache.ttl.check.interval.seconds", "3600", Client, Warn,
		"How often they are looked for; a page that is too old is not read in between either.", positive)
)
