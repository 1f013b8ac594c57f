package config

// Key families: keys with a variable part in their names.
var (
	// WorkerTieredstoreLevelAlias is the name of the worker's tier n.
	WorkerTieredstoreLevelAlias = stringFamily("alluxio.worker.tieredstore.level%d.alias", Worker, Warn,
		"Name of tier n of the worker: MEM, SSD or HDD.", levelZero("MEM", ""))
	// WorkerTieredstoreLevelDirsPath are its directories.
	WorkerTieredstoreLevelDirsPath = listFamily("alluxio.worker.tieredstore.level%d.dirs.path", Worker, Warn,
		"Directories of tier n.", ramDirForLevelZero)
	// WorkerTieredstoreLevelDirsQuota are the capacities of its directories.
	WorkerTieredstoreLevelDirsQuota = bytesListFamily("alluxio.worker.tieredstore.level%d.dirs.quota", Worker, Warn,
		"Capacities of the directories of tier n; the last one holds for the rest.",
		levelZero("${alluxio.worker.ramdisk.size}", ""))
	// WorkerTieredstoreLevelDirsMediumtype are the media of its directories.
	WorkerTieredstoreLevelDirsMediumtype = listFamily("alluxio.worker.tieredstore.level%d.dirs.mediumtype", Worker, Warn,
		"Media of the directories of tier n; the last one holds for the rest. By default the tier's name.",
		func(args ...any) string { return "${" + WorkerTieredstoreLevelAlias.At(args...).name + "}" })
	// WorkerTieredstoreLevelWatermarkHighRatio is where moving down from tier n begins.
	WorkerTieredstoreLevelWatermarkHighRatio = floatFamily("alluxio.worker.tieredstore.level%d.watermark.high.ratio", Worker, Warn,
		"Used part of tier n above which seldom used blocks are moved to the tier below in the background.", func(...any) string { return "0.95" })
	// WorkerTieredstoreLevelWatermarkLowRatio is where it ends.
	WorkerTieredstoreLevelWatermarkLowRatio = floatFamily("alluxio.worker.tieredstore.level%d.watermark.low.ratio", Worker, Warn,
		"Used part of tier n at which that moving ends.", func(...any) string { return "0.7" })
	// MasterTieredstoreGlobalLevelAlias is the name of the cluster's tier n.
	MasterTieredstoreGlobalLevelAlias = stringFamily("alluxio.master.tieredstore.global.level%d.alias", Master, Enforce,
		"Name of tier n of the cluster, fastest first.", globalTier)
	// MasterSecurityImpersonationUsers are the users that a user may act as.
	MasterSecurityImpersonationUsers = listFamily("alluxio.master.security.impersonation.%s.users", Master, Enforce,
		"Users that the named user may act as; * for all.", nil)
	// MasterSecurityImpersonationGroups are the groups whose members a user may act as.
	MasterSecurityImpersonationGroups = listFamily("alluxio.master.security.impersonation.%s.groups", Master, Enforce,
		"Groups whose members the named user may act as; * for all.", nil)
	// Locality is a process's place in a locality tier of the user's own.
	Locality = stringFamily("alluxio.locality.%s", All, Ignore,
		"This process's place in the named locality tier.", nil)
)

// RootOptionPrefix begins the names of properties that hold only for the store
// mounted at the root.
const RootOptionPrefix = "alluxio.master.mount.table.root.option."

func family(pattern string, kind Kind, s Scope, c Consistency, help string, def func(...any) string) *template {
	return declareTemplate(pattern, Key{kind: kind, scope: s, consistency: c, help: help}, def)
}

func stringFamily(pattern string, s Scope, c Consistency, help string, def func(...any) string) Template[StringKey] {
	return Template[StringKey]{family(pattern, KindString, s, c, help, def), func(k *Key) StringKey { return StringKey{k} }}
}

func listFamily(pattern string, s Scope, c Consistency, help string, def func(...any) string) Template[ListKey] {
	return Template[ListKey]{family(pattern, KindList, s, c, help, def), func(k *Key) ListKey { return ListKey{k} }}
}

func floatFamily(pattern string, s Scope, c Consistency, help string, def func(...any) string) Template[FloatKey] {
	return Template[FloatKey]{family(pattern, KindFloat, s, c, help, def), func(k *Key) FloatKey { return FloatKey{k} }}
}

func bytesListFamily(pattern string, s Scope, c Consistency, help string, def func(...any) string) Template[BytesListKey] {
	return Template[BytesListKey]{family(pattern, KindBytesList, s, c, help, def), func(k *Key) BytesListKey { return BytesListKey{k} }}
}

// levelZero is a default that differs for the first tier.
func levelZero(first, others string) func(...any) string {
	return func(args ...any) string {
		if isLevel(args, "0") {
			return first
		}
		return others
	}
}

// globalTier is the default of MasterTieredstoreGlobalLevelAlias.
func globalTier(args ...any) string {
	for i, tier := range []string{"MEM", "SSD", "HDD"} {
		if isLevel(args, string(rune('0'+i))) {
			return tier
		}
	}
	return ""
}
