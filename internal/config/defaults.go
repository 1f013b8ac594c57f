package config

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// policies are the worker choices that clients know.
var policies = []string{
	"LocalFirstPolicy", "LocalFirstAvoidEvictionPolicy", "MostAvailableFirstPolicy",
	"RoundRobinPolicy", "DeterministicHashPolicy", "SpecificHostPolicy", "CapacityBaseRandomPolicy",
}

// atLeast is the default of pool sizes: a number for each CPU, or more.
func atLeast(least, perCPU int) func() string {
	return func() string { return strconv.Itoa(max(least, perCPU*runtime.NumCPU())) }
}

// halfCPUs is the default of what is limited by disks more than by processors.
func halfCPUs() string { return strconv.Itoa(max(2, runtime.NumCPU()/2)) }

func isLevel(args []any, level string) bool { return len(args) == 1 && fmt.Sprint(args[0]) == level }

// mountedRAMDisk is where `alluxio-mount.sh` and Alluxio mount a ramdisk.
const mountedRAMDisk = "/mnt/ramdisk"

// sharedMemory is a file system in memory that most machines have, and
// sharedMemoryLeast the size from which it is of use: containers are often given
// much less.
const (
	sharedMemory      = "/dev/shm"
	sharedMemoryLeast = 1 << 30
)

// lastSystemUser is the highest id of users whose shared memory outlives their
// logins: systemd removes that of others (RemoveIPC), and with it what only the cache
// has.
const lastSystemUser = 999

// ramDirForLevelZero is the default directory of the first tier: the mounted
// ramdisk if there is one, else one of this user and installation in shared memory, else
// one of the installation, whose hot files the page cache holds. Unlike /mnt/ramdisk
// unmounted (Alluxio's default) these need no privileges and never fill the root file
// system unseen.
func ramDirForLevelZero(args ...any) string {
	switch {
	case !isLevel(args, "0"):
		return ""
	case isRAMDisk(mountedRAMDisk):
		return mountedRAMDisk
	case hasSharedMemory():
		return sharedMemoryOfUser() + "${alluxio.work.dir}"
	}
	return "${alluxio.work.dir}/data/ramdisk"
}

func sharedMemoryOfUser() string { return sharedMemory + "/alluxio-" + strconv.Itoa(os.Geteuid()) }

// hasSharedMemory reports whether blocks may be kept in shared memory: nobody else
// can have prepared the folder there, where everybody may write.
func hasSharedMemory() bool {
	if os.Geteuid() > lastSystemUser || !isRAMDisk(sharedMemory) || sizeOf(sharedMemory) < sharedMemoryLeast {
		return false
	}
	var st unix.Stat_t
	if err := unix.Lstat(sharedMemoryOfUser(), &st); err != nil {
		return err == unix.ENOENT
	}
	return st.Mode&unix.S_IFMT == unix.S_IFDIR && st.Uid == uint32(os.Geteuid()) && st.Mode&0o022 == 0
}

// sizeOf is the size in bytes of the file system of dir, 0 when unknown.
func sizeOf(dir string) int64 {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil {
		return 0
	}
	return int64(fs.Blocks) * fs.Bsize
}

// isRAMDisk reports whether dir is on a tmpfs or ramfs that we may write to.
func isRAMDisk(dir string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil || unix.Access(dir, unix.W_OK) != nil {
		return false
	}
	const ramfsMagic = 0x858458f6
	return fs.Type == unix.TMPFS_MAGIC || fs.Type == ramfsMagic
}

// defaultRAMSize is two thirds of memory (1GB when it is not known), but no
// more than nine tenths of a mounted ramdisk, or three quarters of shared memory, which
// others use too.
func defaultRAMSize() string {
	size := int64(1 << 30)
	if total := memoryBytes(); total > 0 {
		size = total / 3 * 2
	}
	switch {
	case isRAMDisk(mountedRAMDisk):
		if total := sizeOf(mountedRAMDisk); total > 0 {
			size = min(size, total/10*9)
		}
	case hasSharedMemory():
		size = min(size, sizeOf(sharedMemory)/4*3)
	}
	return strconv.FormatInt(max(size>>20, 1), 10) + "MB"
}

// memoryBytes returns the memory that this process may use, 0 when unknown: the
// machine's, or the control group's limit when that is lower.
func memoryBytes() int64 {
	var total int64
	data, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			total = kb << 10
		}
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil && limit > 0 && limit < total {
			total = limit
		}
	}
	return total
}
