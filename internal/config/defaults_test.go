package config

import (
	"strings"
	"testing"
)

// Two installations of one user never share a default storage directory that is
// not a mounted ramdisk.
func TestDefaultStorageDirectories(t *testing.T) {
	if isRAMDisk(mountedRAMDisk) {
		t.Skip("a ramdisk is mounted")
	}
	seen := map[string]bool{}
	for _, dir := range []string{"/opt/a", "/opt/b"} {
		c, err := FromMap(Worker, map[string]string{"alluxio.work.dir": dir})
		if err != nil {
			t.Fatal(err)
		}
		paths := c.List(WorkerTieredstoreLevelDirsPath.At(0))
		if len(paths) != 1 || seen[paths[0]] || !strings.Contains(paths[0], dir) {
			t.Errorf("installation in %s: %v", dir, paths)
		}
		if hasSharedMemory() != strings.HasPrefix(paths[0], sharedMemoryOfUser()+"/") {
			t.Errorf("installation in %s: %v", dir, paths)
		}
		seen[paths[0]] = true
		if quota := c.Bytes(WorkerRamdiskSize); quota <= 0 || hasSharedMemory() && quota > sizeOf(sharedMemory)/4*3 {
			t.Errorf("quota %d", quota)
		}
	}
}
