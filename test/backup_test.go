package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/test/world"
)

// A cluster whose journal is lost goes on from a backup in its root under store:
// what was cached only is still there, and a damaged backup is refused.
func TestBackupAndStartFromIt(t *testing.T) {
	k := startKodo(t)
	w := world.New(t, append(k.properties(kodoSecretKey), "alluxio.master.mount.table.root.ufs=kodo://walk/dir/")...)
	w.Start()
	w.FS("mkdir", "/d")
	local := w.Path("conf", "masters")
	w.FS("-Dalluxio.user.file.writetype.default=MUST_CACHE", "copyFromLocal", local, "/d/cached")
	w.FS("-Dalluxio.user.file.writetype.default=CACHE_THROUGH", "copyFromLocal", local, "/d/stored")
	before := w.FS("ls", "-R", "/")
	out := w.OK("alluxio", "fsadmin", "backup")
	_, uri, _ := strings.Cut(out, "Backup URI         : ")
	uri, _, _ = strings.Cut(uri, "\n")
	if !strings.HasPrefix(uri, "kodo://walk/alluxio_backups/alluxio-backup-") || !strings.Contains(out, "Entry Count : 4\n") {
		t.Fatalf("backup printed %q", out)
	}
	file, err := os.ReadFile(k.object(strings.TrimPrefix(uri, "kodo://walk/")))
	if err != nil {
		t.Fatal(err)
	}
	w.FS("touch", "/after")
	w.OK("alluxio-stop.sh", "master")
	w.OK("alluxio", "formatJournal")

	file[len(file)/2] ^= 1
	damaged := filepath.Join(w.Home, "damaged.bak")
	if err := os.WriteFile(damaged, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := w.Run("alluxio-start.sh", "-i", damaged, "master"); r.Code == 0 || !strings.Contains(r.Stderr, "checksum") || !strings.Contains(r.Stderr, damaged) {
		t.Fatalf("a damaged backup: %+v", r)
	}
	w.OK("alluxio-start.sh", "-i", uri, "local")
	w.Until(20*time.Second, "the same listing as before:\n"+before, func() bool { return w.FS("ls", "-R", "/") == before }) // with the worker's blocks
	for _, path := range []string{"/d/cached", "/d/stored"} {
		if got := w.FS("cat", path); got != "localhost\n" {
			t.Errorf("%s holds %q", path, got)
		}
	}
	w.FS("touch", "/new")
	w.OK("alluxio-stop.sh", "local")
	w.OK("alluxio-start.sh", "-i", damaged, "local") // not looked at any more
	w.FS("ls", "/new")
}
