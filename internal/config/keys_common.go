package config

// Keys of every process.
var (
	Home = stringKey("alluxio.home", "", All, Warn,
		"Directory of the installation; by default the one above the running program's bin folder.")
	WorkDir = stringKey("alluxio.work.dir", "${alluxio.home}", Server, Warn,
		"Where a server keeps what it writes: journal, logs and the default root store.")
	ConfDir = stringKey("alluxio.conf.dir", "${alluxio.home}/conf", All, Warn,
		"Directory of the configuration files.", notInSiteFile)
	LogsDir = stringKey("alluxio.logs.dir", "${alluxio.work.dir}/logs", All, Warn,
		"Directory of the server logs.", notInSiteFile)
	SiteConfDir = listKey("alluxio.site.conf.dir", "${alluxio.conf.dir}/,${user.home}/.alluxio/,/etc/alluxio/", All, Warn,
		"Directories searched for alluxio-site.properties; the first file found is used alone.", notInSiteFile)
	Debug = boolKey("alluxio.debug", "false", Server, Warn,
		"Write debug messages to the log.")
	ConfValidationEnabled = boolKey("alluxio.conf.validation.enabled", "true", All, Warn,
		"Check at the start of a process that related properties fit together.")
	ConfDynamicUpdateEnabled = boolKey("alluxio.conf.dynamic.update.enabled", "false", All, Warn,
		"Allow `fsadmin updateConf` to change properties of a running cluster.")
	NetworkIPAddressUsed = boolKey("alluxio.network.ip.address.used", "false", All, Warn,
		"Announce the IP address instead of the host name where no host name is configured.")
	LocalityOrder = listKey("alluxio.locality.order", "node,rack", All, Enforce,
		"Names of the locality tiers, nearest first.")
	LocalityNode = stringKey("alluxio.locality.node", "", All, Ignore,
		"This process's place in the locality tier \"node\"; its host name when not set.")
	LocalityRack = stringKey("alluxio.locality.rack", "", All, Warn,
		"This process's place in the locality tier \"rack\".")
	SecurityAuthenticationType = enumKey("alluxio.security.authentication.type", "SIMPLE", []string{"NOSASL", "SIMPLE", "CUSTOM"}, All, Enforce,
		"How callers prove who they are: SIMPLE believes the user name they send, NOSASL asks for none.")
	SecurityAuthorizationPermissionEnabled = boolKey("alluxio.security.authorization.permission.enabled", "true", All, Enforce,
		"Check owner, group and mode on every operation.")
	SecurityAuthorizationPermissionSupergroup = stringKey("alluxio.security.authorization.permission.supergroup", "supergroup", Master, Enforce,
		"Members of this group pass every permission check.")
	SecurityAuthorizationPermissionUmask = stringKey("alluxio.security.authorization.permission.umask", "022", All, Enforce,
		"Octal bits taken from the mode of new files (666) and directories (777).", octal)
	SecurityGroupMappingCacheTimeout = durationKey("alluxio.security.group.mapping.cache.timeout", "1min", All, Enforce,
		"How long the groups of a user are remembered; 0 asks every time.", alias("alluxio.security.group.mapping.cache.timeout.ms"))
	SecurityLoginUsername = stringKey("alluxio.security.login.username", "", Client, Enforce,
		"User name that this client claims; the operating system's when not set.")
	SecurityLoginImpersonationUsername = stringKey("alluxio.security.login.impersonation.username", "_HDFS_USER_", Client, Ignore,
		"User on whose behalf this client acts. _NONE_ acts as itself; _HDFS_USER_ as the user of a Hadoop program, which for other programs is the same.")
	WebUIEnabled = boolKey("alluxio.web.ui.enabled", "true", Server, Warn,
		"Serve the web pages; the JSON and metrics endpoints stay either way.")
	WebFileInfoEnabled = boolKey("alluxio.web.file.info.enabled", "true", Server, Enforce,
		"Let the web page browse and show files.")
	WebRefreshInterval = durationKey("alluxio.web.refresh.interval", "15s", Server, Warn,
		"How often open web pages fetch fresh data.")
	WebCORSEnabled = boolKey("alluxio.web.cors.enabled", "false", Server, Warn,
		"Allow pages of other origins to read the JSON endpoints.")
	ZookeeperEnabled = boolKey("alluxio.zookeeper.enabled", "false", All, Enforce,
		"Elect the leading master with ZooKeeper. Masters here elect among themselves: only false is possible.")
)
