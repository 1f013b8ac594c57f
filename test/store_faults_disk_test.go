package test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/test/world"
)

// disk is a file system of its own on which a tier lies.
type disk struct {
	t     *testing.T
	dir   string
	image string // of the file system; none for one in memory
}

// newDisk mounts an empty file system of so many MiB, in memory or (with a journal,
// like a real disk) in a file. The test is skipped where that is not allowed.
func newDisk(t *testing.T, name string, mib int, real bool) *disk {
	t.Helper()
	d := &disk{t: t, dir: filepath.Join(t.TempDir(), name)}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if real {
		d.image = filepath.Join(t.TempDir(), name+".img")
		if err := d.command("mkfs.ext4", "-q", "-F", d.image, fmt.Sprintf("%dm", mib)); err != nil {
			t.Skipf("needs mkfs.ext4 for a disk that fails: %v", err)
		}
	}
	if err := d.mount(mib); err != nil {
		t.Skipf("needs to mount file systems: %v", err)
	}
	t.Cleanup(d.detach)
	return d
}

func (d *disk) command(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

func (d *disk) mount(mib int) error {
	if d.image != "" {
		return d.command("mount", "-o", "loop,errors=remount-ro", d.image, d.dir)
	}
	return syscall.Mount("tmpfs", d.dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib))
}

// detach takes the file system away, though it is in use.
func (d *disk) detach() { _ = syscall.Unmount(d.dir, syscall.MNT_DETACH) }

// fail has the kernel meet an error of the file system, which makes it read-only.
func (d *disk) fail() {
	d.t.Helper()
	out, err := exec.Command("findmnt", "-no", "SOURCE", d.dir).Output()
	if err == nil {
		name := filepath.Base(strings.TrimSpace(string(out)))
		err = os.WriteFile(filepath.Join("/sys/fs/ext4", name, "trigger_fs_error"), []byte("1"), 0)
	}
	if err != nil {
		d.t.Skipf("needs an ext4 that can be told to fail, which only root may: %v", err)
	}
}

// repair mounts a checked copy of the file system in its place.
func (d *disk) repair() {
	d.t.Helper()
	d.detach()
	broken := d.image
	d.image += ".copy" // the kernel has not let go of the other
	err := d.command("cp", broken, d.image)
	if err == nil {
		_ = d.command("e2fsck", "-f", "-y", d.image) // its exit code says what it did
		err = d.mount(0)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// fill writes a foreign file until the disk is full.
func (d *disk) fill() {
	d.t.Helper()
	f, err := os.Create(filepath.Join(d.dir, "foreign"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 64<<10))
	}
	if !strings.Contains(err.Error(), "no space") {
		d.t.Fatal(err)
	}
}

// diskUser reads and writes through a cluster and compares.
type diskUser struct {
	*testing.T
	w     *world.World
	fs    *client.Client
	files map[string][]byte
}

func (u *diskUser) content(seed, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

// below puts a file into the under store.
func (u *diskUser) below(seed int, size int) string {
	u.Helper()
	name := fmt.Sprintf("/below%d", seed)
	u.files[name] = u.content(seed, size)
	if err := os.WriteFile(u.w.Path("underFSStorage", name), u.files[name], 0o644); err != nil {
		u.Fatal(err)
	}
	return name
}

func (u *diskUser) write(name string, seed, size int, how client.WriteType) error {
	u.Helper()
	f, err := u.fs.Create(u.Context(), name, client.CreateOptions{WriteType: how})
	if err != nil {
		return err
	}
	if _, err := f.Write(u.content(seed, size)); err != nil {
		f.Abort()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	u.files[name] = u.content(seed, size)
	return nil
}

func (u *diskUser) mustWrite(name string, seed, size int, how client.WriteType) {
	u.Helper()
	if err := u.write(name, seed, size, how); err != nil {
		u.Errorf("writing %s: %v", name, err)
	}
}

// reads reads files twice, the second time from what the first one left.
func (u *diskUser) reads(names ...string) {
	u.Helper()
	for range 2 {
		for _, name := range names {
			got, err := readAll(u.Context(), u.fs, name)
			if err != nil || !bytes.Equal(got, u.files[name]) {
				u.Errorf("reading %s: %d bytes, %v", name, len(got), err)
			}
		}
	}
}

// capacity is what the master believes the worker has.
func (u *diskUser) capacity() client.WorkerInfo {
	u.Helper()
	list, err := u.fs.Workers(u.Context())
	if err != nil || len(list) != 1 {
		u.Fatalf("%v, %v", list, err)
	}
	return list[0]
}

// lost is whether the report names the directory as lost.
func (u *diskUser) lost(dir string) bool {
	return strings.Contains(u.w.OK("alluxio", "fsadmin", "report", "capacity"), dir)
}

func startOnDisks(t *testing.T, mem, ssd *disk, hdd string) *diskUser {
	w := world.New(t,
		"alluxio.user.block.size.bytes.default=4MB", "alluxio.worker.tieredstore.levels=3",
		"alluxio.worker.tieredstore.level0.dirs.path="+mem.dir, "alluxio.worker.tieredstore.level0.dirs.quota=1GB",
		"alluxio.worker.tieredstore.level1.alias=SSD", "alluxio.worker.tieredstore.level1.dirs.path="+ssd.dir, "alluxio.worker.tieredstore.level1.dirs.quota=1GB",
		"alluxio.worker.tieredstore.level2.alias=HDD", "alluxio.worker.tieredstore.level2.dirs.path="+hdd, "alluxio.worker.tieredstore.level2.dirs.quota=96MB",
	)
	w.Start()
	return &diskUser{T: t, w: w, fs: newClient(t, w), files: map[string][]byte{}}
}

const mib = 1 << 20

// The disk of a tier is smaller than its quota, is filled by somebody else, becomes
// read-only, and goes away: reads are right all the time, writes go elsewhere, and
// what happened is reported.
func TestTierDiskFails(t *testing.T) {
	mem, ssd, hdd := newDisk(t, "mem", 32, false), newDisk(t, "ssd", 64, true), filepath.Join(t.TempDir(), "hdd")
	u := startOnDisks(t, mem, ssd, hdd)
	if c := u.capacity(); c.CapacityOnTiers["MEM"] > 32*mib || c.CapacityOnTiers["MEM"] < 24*mib || c.CapacityOnTiers["SSD"] > 64*mib || c.CapacityOnTiers["HDD"] != 96*mib {
		t.Errorf("capacities %v", c.CapacityOnTiers)
	}
	var all []string
	for i := range 12 { // more than the upper disks hold
		all = append(all, u.below(i, 10*mib))
	}
	u.reads(all...)
	u.mustWrite("/cache1", 100, 40*mib, client.MustCache) // needs two tiers

	before := u.capacity().CapacityOnTiers["MEM"]
	mem.fill()
	u.w.Until(20*time.Second, "the full disk has no room", func() bool {
		c := u.capacity()
		return c.CapacityOnTiers["MEM"] < before && c.CapacityOnTiers["MEM"] <= c.UsedOnTiers["MEM"]+mib
	})
	u.reads(all...)
	u.mustWrite("/cache2", 101, 10*mib, client.MustCache)
	u.mustWrite("/through1", 102, 10*mib, client.CacheThrough)
	u.reads("/cache1", "/cache2", "/through1")
	u.w.FS("load", u.below(20, 10*mib))
	if err := os.Remove(filepath.Join(mem.dir, "foreign")); err != nil {
		t.Fatal(err)
	}
	u.w.Until(20*time.Second, "the room is used again", func() bool { return u.capacity().CapacityOnTiers["MEM"] > 24*mib })

	ssd.fail()
	u.w.Until(20*time.Second, "the read-only disk is reported", func() bool {
		u.mustWrite(fmt.Sprintf("/through-ro%d", len(u.files)), 103, 4*mib, client.CacheThrough)
		u.reads(all...)
		return u.lost(ssd.dir)
	})
	ssd.repair()
	u.w.Until(20*time.Second, "the disk is back", func() bool { return !u.lost(ssd.dir) })
	u.w.Until(20*time.Second, "only copies are back", func() bool { _, err := readAll(t.Context(), u.fs, "/cache1"); return err == nil })
	u.reads(append(all, "/cache1", "/cache2", "/through1")...)

	mem.detach()
	u.w.Until(20*time.Second, "the disk that is gone is reported", func() bool { return u.lost(mem.dir) })
	u.reads(all...)
	u.mustWrite("/through2", 104, 10*mib, client.CacheThrough)
	u.reads("/through2")
	time.Sleep(2 * time.Second) // a probe or two
	if left, err := os.ReadDir(mem.dir); err != nil || len(left) != 0 {
		t.Errorf("something was written below the mount: %v, %v", left, err)
	}
}

// All storage of the only worker goes away: reads and writes that do not need it go
// on, and it is used again when it is back.
func TestAllStorageLost(t *testing.T) {
	w := world.New(t, "alluxio.user.block.size.bytes.default=1MB")
	w.Start()
	u := &diskUser{T: t, w: w, fs: newClient(t, w), files: map[string][]byte{}}
	names := []string{u.below(1, 3*mib), u.below(2, 3*mib)}
	u.reads(names...)
	folder := w.Path("ramdisk")
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder, []byte("in the way"), 0o644); err != nil {
		t.Fatal(err)
	}
	u.w.Until(20*time.Second, "the storage is reported lost", func() bool { return u.lost(folder) && u.capacity().CapacityBytes == 0 })
	u.reads(append(names, u.below(3, 3*mib))...)
	u.mustWrite("/through", 4, 3*mib, client.Through)
	u.mustWrite("/both", 5, 3*mib, client.CacheThrough)
	u.reads("/through", "/both")
	err := u.write("/only", 6, mib, client.MustCache)
	if err == nil || !strings.Contains(err.Error(), "space") {
		t.Errorf("written to nowhere: %v", err)
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	u.w.Until(20*time.Second, "the storage is used again", func() bool { return u.capacity().CapacityBytes > 0 && !u.lost(folder) })
	u.reads(append(names, "/through", "/both")...)
	u.mustWrite("/only", 6, mib, client.MustCache)
}

// A ramdisk is not mounted over the storage of a running worker, nor taken away
// from it.
func TestMountAndWorker(t *testing.T) {
	w := world.New(t)
	w.Start()
	w.FS("mkdir", "/d")
	r := w.Run("alluxio-mount.sh", "Mount")
	if r.Code == 0 || !strings.Contains(r.Stderr, "stop it before") {
		t.Fatalf("mounted under a worker: exit %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	w.OK("alluxio-stop.sh", "worker")
	if r := w.Run("alluxio-mount.sh", "Mount"); r.Code != 0 {
		t.Skipf("needs to mount file systems: %s", r.Stderr)
	}
	d := &disk{t: t, dir: w.Path("ramdisk")}
	t.Cleanup(d.detach)
	w.OK("alluxio-start.sh", "worker", "Mount") // is mounted already
	u := &diskUser{T: t, w: w, fs: newClient(t, w), files: map[string][]byte{}}
	u.mustWrite("/f", 1, mib, client.MustCache)
	u.reads("/f")
	if r := w.Run("alluxio-mount.sh", "Umount"); r.Code == 0 {
		t.Error("the storage of a running worker was unmounted")
	}
	w.OK("alluxio-stop.sh", "worker")
	w.OK("alluxio-mount.sh", "Umount")
	if left, err := os.ReadDir(w.Path("ramdisk")); err != nil || len(left) > 0 && countBlocks(t, w.Path("ramdisk")) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}
