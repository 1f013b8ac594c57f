package master

import (
	"os/user"
	"strconv"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
)

// loadBatch is the number of inodes that one record of a metadata load, or one
// look at a directory under the lock, covers.
const loadBatch = 1000

// settings are the configuration that the file system rules use, read once.
type settings struct {
	superUser        string // who runs the master
	superGroup       string
	permissions      bool // whether permissions are checked
	umask            uint16
	inheritOwner     bool // whether inodes without owner or group take the parent's
	blockSize        int64
	topTier          string // alias of the tier that counts as memory
	listBatch        int    // entries in one message of a listing
	loadBatch        int
	syncConcurrency  int
	absentLimit      int
	maxOps           int
	maxLeases        int // registrations at a time; 0 does not limit them
	leaseTTL         time.Duration
	groupTimeout     time.Duration
	safeModeWait     time.Duration
	workerTimeout    time.Duration
	accessPrecision  time.Duration // by how much access times may be out of date
	accessFlush      time.Duration
	loops            loopSettings
	backupDir        string   // where backups go by default
	localBackupDir   string   // the same on this machine
	persistBlacklist []string // parts of paths that are never persisted asynchronously
}

func newSettings(conf *config.Config) (*settings, error) {
	me, err := user.Current()
	if err != nil {
		return nil, errors.E("who runs this master", "", errors.Internal, err)
	}
	s := &settings{
		superUser:        me.Username,
		superGroup:       conf.String(config.SecurityAuthorizationPermissionSupergroup),
		permissions:      conf.Bool(config.SecurityAuthorizationPermissionEnabled) && conf.Enum(config.SecurityAuthenticationType) != string(rpc.NoSASL),
		inheritOwner:     conf.Bool(config.MasterMetastoreInodeInheritOwnerAndGroup),
		blockSize:        conf.Bytes(config.UserBlockSizeBytesDefault),
		topTier:          conf.String(config.MasterTieredstoreGlobalLevelAlias.At(0)),
		listBatch:        max(1, conf.Int(config.MasterFilesystemListstatusResultMessageLength)),
		loadBatch:        loadBatch,
		backupDir:        conf.String(config.MasterBackupDirectory),
		localBackupDir:   localBackupDir(conf),
		syncConcurrency:  conf.Int(config.MasterMetadataSyncConcurrencyLevel),
		absentLimit:      conf.Int(config.MasterUFSPathCacheCapacity),
		leaseTTL:         conf.Duration(config.MasterWorkerRegisterLeaseTTL),
		groupTimeout:     conf.Duration(config.SecurityGroupMappingCacheTimeout),
		safeModeWait:     conf.Duration(config.MasterWorkerConnectWaitTime),
		workerTimeout:    conf.Duration(config.MasterWorkerTimeout),
		accessPrecision:  conf.Duration(config.MasterFileAccessTimeUpdatePrecision),
		accessFlush:      conf.Duration(config.MasterFileAccessTimeJournalFlushInterval),
		loops:            newLoopSettings(conf),
		persistBlacklist: conf.List(config.MasterPersistenceBlacklist),
	}
	if login := conf.String(config.SecurityLoginUsername); login != "" {
		s.superUser = login
	}
	if conf.Bool(config.MasterFilesystemOperationRetryCacheEnabled) {
		s.maxOps = conf.Int(config.MasterFilesystemOperationRetryCacheSize)
	}
	if conf.Bool(config.MasterWorkerRegisterLeaseEnabled) {
		s.maxLeases = conf.Int(config.MasterWorkerRegisterLeaseCount)
	}
	umask, err := strconv.ParseUint(conf.String(config.SecurityAuthorizationPermissionUmask), 8, 16)
	if err != nil {
		return nil, errors.Errorf(errors.Invalid, "%s: %w", config.SecurityAuthorizationPermissionUmask.Name(), err)
	}
	s.umask = uint16(umask) & 0o777
	return s, nil
}
