package test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/test/world"
)

// threeMasters are installations of one cluster with three masters and one
// worker, which is the first's.
func threeMasters(t *testing.T) []*world.World {
	t.Helper()
	const n = 3
	var masters []*world.World
	var journals, rpcs []string
	for range n {
		w := world.New(t)
		masters = append(masters, w)
		journals = append(journals, "localhost:"+strconv.Itoa(w.Port.Raft))
		rpcs = append(rpcs, "localhost:"+strconv.Itoa(w.Port.Master))
	}
	root := t.TempDir()
	for _, w := range masters {
		w.Env = append(w.Env, "ALLUXIO_JAVA_OPTS="+strings.Join([]string{
			"-Dalluxio.master.embedded.journal.addresses=" + strings.Join(journals, ","),
			"-Dalluxio.master.rpc.addresses=" + strings.Join(rpcs, ","),
			"-Dalluxio.master.embedded.journal.election.timeout.min=1s",
			"-Dalluxio.master.embedded.journal.election.timeout.max=2s",
			"-Dalluxio.master.mount.table.root.ufs=" + root,
		}, " "))
		w.OK("alluxio", "format")
	}
	return masters
}

// each does something on all masters at the same time.
func each(masters []*world.World, do func(w *world.World)) {
	var all sync.WaitGroup
	for _, w := range masters {
		all.Go(func() { do(w) })
	}
	all.Wait()
}

// A start returns on standbys, too; leadership is handed over; a backup fills
// three new journals, and a killed leader loses nothing.
func TestThreeMasters(t *testing.T) {
	masters := threeMasters(t)
	w := masters[0]
	w.OK("alluxio-start.sh", "master") // alone: there is nobody to elect it yet
	each(masters[1:], func(w *world.World) { w.OK("alluxio-start.sh", "master") })
	w.OK("alluxio-start.sh", "worker")
	w.FS("mkdir", "/d")
	for _, m := range masters {
		address := fmt.Sprintf("localhost:%d", m.Port.Raft)
		w.OK("alluxio", "fsadmin", "journal", "quorum", "elect", "-address", address)
		if out := w.OK("alluxio", "fsadmin", "journal", "quorum", "info", "-domain", "MASTER"); !strings.Contains(out, "leader\t: "+address+"\n") {
			t.Errorf("after the election of %s:\n%s", address, out)
		}
		m.OK("alluxio-monitor.sh", "master")
	}
	out := w.OK("alluxio", "fsadmin", "backup", "--local", w.Path("backups"))
	_, file, _ := strings.Cut(out, "Backup URI         : ")
	file, _, _ = strings.Cut(file, "\n")
	each(masters, func(w *world.World) {
		w.OK("alluxio-stop.sh", "master")
		w.OK("alluxio", "formatJournal")
		w.OK("alluxio-start.sh", "-i", file, "master")
	})
	w.FS("ls", "/d")
	w.FS("touch", "/d/f")
	for _, m := range masters[:2] { // one after the other, each back before the next
		m.Kill("master")
		w.FS("ls", "/d/f")
		m.OK("alluxio-start.sh", "master")
		w.Until(20*time.Second, "the killed master stands by", func() bool { return m.Run("alluxio-monitor.sh", "master").Code == 0 })
	}
	w.FS("touch", "/d/g")
}
