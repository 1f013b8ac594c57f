package config

// Keys of under file systems.
var (
	UnderfsListingLength = intKey("alluxio.underfs.listing.length", "1000", Master, Enforce,
		"Entries asked for in one request of a listing.")
	UnderfsLoggingThreshold = durationKey("alluxio.underfs.logging.threshold", "10s", Server, Ignore,
		"Log requests to stores that take longer.")
	UnderfsObjectStoreServiceThreads = intKey("alluxio.underfs.object.store.service.threads", "20", Server, Warn,
		"Requests of one bulk operation on an object store at the same time.")
	UnderfsObjectStoreBreadcrumbsEnabled = boolKey("alluxio.underfs.object.store.breadcrumbs.enabled", "true", Server, Warn,
		"Create empty objects that mark directories found in an object store.")
	UnderfsKodoDownloadhost = stringKey("alluxio.underfs.kodo.downloadhost", "", Server, Enforce,
		"Download domain of the bucket, as signed and sent in the Host header.")
	UnderfsKodoEndpoint = stringKey("alluxio.underfs.kodo.endpoint", "", Server, Enforce,
		"Host that downloads are fetched from, such as iovip.qbox.me; it depends on the region.")
	UnderfsKodoConnectTimeout = durationKey("alluxio.underfs.kodo.connect.timeout", "50sec", Server, Warn,
		"How long connecting to a Kodo host may take.")
	UnderfsKodoRequestsMax = intKey("alluxio.underfs.kodo.requests.max", "64", Server, Warn,
		"Requests to Kodo at the same time.", positive)
	UnderfsKodoRegion = stringKey("alluxio.underfs.kodo.region", "", Server, Enforce,
		"Region of the bucket, such as z0 or cn-east-2; found out when not set.")
	UnderfsKodoUcHost = stringKey("alluxio.underfs.kodo.uc.host", "", Server, Enforce,
		"Host that is asked for the hosts of a bucket's region; of a private installation or an emulator http://host:port.")
	UnderfsKodoUpHost = stringKey("alluxio.underfs.kodo.up.host", "", Server, Enforce,
		"Host for uploads, instead of the region's.")
	UnderfsKodoRsHost = stringKey("alluxio.underfs.kodo.rs.host", "", Server, Enforce,
		"Host for stat, copy, move and delete, instead of the region's.")
	UnderfsKodoRsfHost = stringKey("alluxio.underfs.kodo.rsf.host", "", Server, Enforce,
		"Host for listings, instead of the region's.")
	UnderfsKodoHTTPSEnabled = boolKey("alluxio.underfs.kodo.https.enabled", "", Server, Enforce,
		"Encrypt management requests and uploads. By default they are on the public service, and elsewhere as the endpoint is written.")
	UnderfsKodoRequestTimeout = durationKey("alluxio.underfs.kodo.request.timeout", "1min", Server, Warn,
		"How long a request may take, or a transfer stay silent.", positive)
	UnderfsKodoRetryMax = intKey("alluxio.underfs.kodo.retry.max", "6", Server, Warn,
		"How often a failed request is repeated.", between(0, 100))
	UnderfsKodoRetryBaseSleep = durationKey("alluxio.underfs.kodo.retry.base.sleep", "50ms", Server, Warn,
		"First pause between repetitions; later ones grow.", positive)
	UnderfsKodoUploadPartSize = bytesKey("alluxio.underfs.kodo.upload.part.size", "4MB", Server, Warn,
		"Part size of uploads (1MB to 1GB); it grows for files of more than 10000 parts.", positive)
	UnderfsKodoUploadThreads = intKey("alluxio.underfs.kodo.upload.threads", "8", Server, Warn,
		"Parts of one upload sent at the same time.", between(1, 64))
	UnderfsKodoDownloadRangeSize = bytesKey("alluxio.underfs.kodo.download.range.size", "8MB", Server, Warn,
		"Bytes asked for in one request of a sequential read.", positive)
	UnderfsKodoDownloadThreads = intKey("alluxio.underfs.kodo.download.threads", "6", Server, Warn,
		"Ranges of one sequential read fetched at the same time.", between(1, 64))
	UnderfsKodoDownloadBufferSize = bytesKey("alluxio.underfs.kodo.download.buffer.size", "256MB", Server, Warn,
		"Memory for reading ahead, of all readers of a mount together.")
	UnderfsKodoStorageClass = intKey("alluxio.underfs.kodo.storage.class", "0", Server, Warn,
		"Storage class of new objects by Kodo's number: 0 standard, 1 infrequent access, 2 archive, 3 deep archive, 4 archive with direct reads, 5 intelligent tiering.", between(0, 5))
	UnderfsKodoThawEnabled = boolKey("alluxio.underfs.kodo.thaw.enabled", "false", Server, Warn,
		"Order archived objects to be thawed when they are read.")
	UnderfsKodoThawDays = intKey("alluxio.underfs.kodo.thaw.days", "1", Server, Warn,
		"How many days they stay thawed.", between(1, 7))
	UnderfsKodoVerifyReads = boolKey("alluxio.underfs.kodo.verify.reads", "true", Server, Warn,
		"Check objects that are read from beginning to end against Kodo's hash.")
	FSKodoAccesskey = secretKey("fs.kodo.accesskey", Server, Enforce,
		"Access key of the Qiniu account.")
	FSKodoSecretkey = secretKey("fs.kodo.secretkey", Server, Enforce,
		"Secret key of the Qiniu account.")
	S3AAccessKeyID = secretKey("s3a.accessKeyId", Server, Enforce,
		"Access key of the S3 account; without it the usual AWS places are searched.", alias("aws.accessKeyId"))
	S3ASecretKey = secretKey("s3a.secretKey", Server, Enforce,
		"Secret key of the S3 account.", alias("aws.secretKey"))
	UnderfsS3Endpoint = stringKey("alluxio.underfs.s3.endpoint", "", Server, Enforce,
		"URL or host of an S3-compatible service.")
	UnderfsS3EndpointRegion = stringKey("alluxio.underfs.s3.endpoint.region", "", Server, Enforce,
		"Region to sign requests to that endpoint for.")
	UnderfsS3Region = stringKey("alluxio.underfs.s3.region", "", Server, Enforce,
		"Region of the bucket when no endpoint is set.")
	UnderfsS3DisableDNSBuckets = boolKey("alluxio.underfs.s3.disable.dns.buckets", "false", Server, Enforce,
		"Name the bucket in the path instead of the host.")
	UnderfsS3DirectorySuffix = stringKey("alluxio.underfs.s3.directory.suffix", "/", Server, Enforce,
		"Ending of the objects that mark directories.", alias("alluxio.underfs.s3a.directory.suffix"))
	UnderfsS3ListObjectsV1 = boolKey("alluxio.underfs.s3.list.objects.v1", "false", Server, Enforce,
		"List with the first version of the protocol.", alias("alluxio.underfs.s3a.list.objects.v1"))
	UnderfsS3BulkDeleteEnabled = boolKey("alluxio.underfs.s3.bulk.delete.enabled", "true", Server, Enforce,
		"Delete many objects in one request.", alias("alluxio.underfs.s3a.bulk.delete.enabled"))
	UnderfsS3SecureHTTPEnabled = boolKey("alluxio.underfs.s3.secure.http.enabled", "false", Server, Enforce,
		"Speak HTTPS to S3.", alias("alluxio.underfs.s3a.secure.http.enabled"))
	UnderfsS3ServerSideEncryptionEnabled = boolKey("alluxio.underfs.s3.server.side.encryption.enabled", "false", Server, Enforce,
		"Ask S3 to encrypt new objects (AES256).", alias("alluxio.underfs.s3a.server.side.encryption.enabled"))
	UnderfsS3SignerAlgorithm = stringKey("alluxio.underfs.s3.signer.algorithm", "", Server, Enforce,
		"S3SignerType signs with version 2 instead of 4.", alias("alluxio.underfs.s3a.signer.algorithm"))
	UnderfsS3StreamingUploadPartitionSize = bytesKey("alluxio.underfs.s3.streaming.upload.partition.size", "64MB", Server, Warn,
		"Part size of uploads.", alias("alluxio.underfs.s3a.streaming.upload.partition.size"))
	UnderfsS3RequestTimeout = durationKey("alluxio.underfs.s3.request.timeout", "1min", Server, Warn,
		"How long a request to S3 may take.", alias("alluxio.underfs.s3a.request.timeout.ms", "alluxio.underfs.s3a.request.timeout"))
	UnderfsS3SocketTimeout = durationKey("alluxio.underfs.s3.socket.timeout", "50sec", Server, Warn,
		"How long S3 may stay silent within a request.", alias("alluxio.underfs.s3a.socket.timeout.ms", "alluxio.underfs.s3a.socket.timeout"))
	UnderfsS3MaxErrorRetry = intKey("alluxio.underfs.s3.max.error.retry", "", Server, Warn,
		"How often a failed request is repeated.", alias("alluxio.underfs.s3a.max.error.retry"))
	UnderfsS3ThreadsMax = intKey("alluxio.underfs.s3.threads.max", "40", Server, Warn,
		"Connections to S3.")
	UnderfsS3ProxyHost = stringKey("alluxio.underfs.s3.proxy.host", "", Server, Enforce,
		"Host of an HTTP proxy in front of S3.")
	UnderfsS3ProxyPort = intKey("alluxio.underfs.s3.proxy.port", "", Server, Enforce,
		"Port of that proxy.", port)
)
