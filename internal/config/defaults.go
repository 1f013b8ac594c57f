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

func isLevel(args []any, level string) bool { return len(args) == 1 && fmt.Sprint(args[0]) == level }

// mountedRAMDisk is where `alluxio-mount.sh` and Alluxio mount a ramdisk.
const mountedRAMDisk = "/mnt/ramdisk"

// ramDirForLevelZero is the default directory of the first tier: the mounted
// ramdisk if there is one, else a directory of the installation, whose hot
// files the page cache holds. Unlike /mnt/ramdisk unmounted (Alluxio's default)
// it needs no privileges and never fills the root file system unseen.
func ramDirForLevelZero(args ...any) string {
	switch {
	case !isLevel(args, "0"):
		return ""
	case isRAMDisk(mountedRAMDisk):
		return mountedRAMDisk
	}
	return "${alluxio.work.dir}/data/ramdisk"
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
// more than nine tenths of a mounted ramdisk.
func defaultRAMSize() string {
	size := int64(1 << 30)
	if total := memoryBytes(); total > 0 {
		size = total / 3 * 2
	}
	var fs unix.Statfs_t
	if isRAMDisk(mountedRAMDisk) && unix.Statfs(mountedRAMDisk, &fs) == nil && fs.Blocks > 0 {
		size = min(size, int64(fs.Blocks)*int64(fs.Bsize)/10*9)
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
