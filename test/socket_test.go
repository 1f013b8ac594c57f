package test

import (
	"crypto/sha256"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/test/world"
)

// With a domain socket configured, clients of the worker's machine talk to it over
// that, in both directions; also after a kill that leaves the socket behind.
func TestUnixSocket(t *testing.T) {
	const size = 5 << 20
	folder := t.TempDir()
	for name, property := range map[string]string{
		"a path":   "alluxio.worker.data.server.domain.socket.address=" + folder + "/worker",
		"a folder": "alluxio.worker.data.server.domain.socket.address=" + folder + "\nalluxio.worker.data.server.domain.socket.as.uuid=true",
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, property, "alluxio.user.block.size.bytes.default=1MB")
			w.Start()
			local, back := w.Path("source"), w.Path("back")
			want := randomFile(t, local, size)
			for round := range 2 {
				path := "/f" + strconv.Itoa(round)
				w.FS("-Dalluxio.user.file.writetype.default=MUST_CACHE", "copyFromLocal", local, path)
				w.FS("copyToLocal", path, back)
				got, err := os.ReadFile(back)
				if err != nil || sha256.Sum256(got) != want {
					t.Errorf("%d bytes, not what was written, %v", len(got), err)
				}
				if err := os.Remove(back); err != nil {
					t.Fatal(err)
				}
				w.Until(30*time.Second, "the bytes counted as sent over the socket", func() bool {
					report := w.OK("alluxio", "fsadmin", "report", "metrics")
					return metric(report, "Cluster.BytesReadDomain") == []string{"5120.00KB", "10.00MB"}[round] && metric(report, "Cluster.BytesReadRemote") == "0B"
				})
				if round == 0 {
					w.Kill("worker")
					w.OK("alluxio-start.sh", "worker")
				}
			}
		})
	}
}

// metric returns the value that a report gives for a name.
func metric(report, name string) string {
	m := regexp.MustCompile(regexp.QuoteMeta(name) + ` .*Value: (.*)\)`).FindStringSubmatch(report)
	if m == nil {
		return ""
	}
	return m[1]
}
