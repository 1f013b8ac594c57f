package journal_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/journal"
)

const crashChildDir = "JOURNAL_CRASH_CHILD"

// crashChild proposes from several goroutines, and takes checkpoints, until it
// is killed. It prints each record that it is about to propose, and each
// that was acknowledged.
func crashChild(dir string) {
	l := &list{}
	j, err := journal.Open(journal.Options{Dir: dir, StateMachine: l, CheckpointEntries: 50, TrailingEntries: 20,
		OnLead: func(ctx context.Context, term *journal.Term) {
			var out sync.Mutex
			say := func(format string, args ...any) {
				out.Lock()
				defer out.Unlock()
				fmt.Printf(format, args...)
			}
			say("has %d\n", l.len())
			for c := range 8 {
				go func() {
					for i := 0; ; i++ {
						record := fmt.Sprintf("%d-%d-%d-%s", os.Getpid(), c, i, strings.Repeat("x", rand.IntN(300)))
						say("try %s\n", record)
						if _, _, err := term.Propose(ctx, []byte(record)); err != nil {
							say("error %v\n", err)
							return
						}
						say("ack %s\n", record)
					}
				}()
			}
			<-ctx.Done()
		}})
	if err == nil {
		err = j.Run(context.Background())
	}
	fmt.Println("error", err)
	os.Exit(1)
}

// TestKill kills a process with kill -9 in the middle of proposals, again and
// again. Nothing acknowledged is lost, nothing appears that was not proposed,
// nothing twice.
func TestKill(t *testing.T) {
	kills := 16
	if testing.Short() {
		kills = 5
	}
	dir := formatted(t)
	acked, tried := map[string]bool{}, map[string]bool{}
	for n := range kills {
		acksBefore := len(acked)
		killOne(t, dir, time.Duration(5+rand.IntN(120))*time.Millisecond, acked, tried)
		if len(acked) == acksBefore {
			t.Fatalf("kill %d: nothing was acknowledged before it", n)
		}
	}
	l := &list{}
	start(t, open(t, journal.Options{Dir: dir, StateMachine: l})).leads()
	seen := map[string]bool{}
	for _, r := range l.all() {
		if seen[r] || !tried[r] {
			t.Fatalf("record %.40s: twice %v, proposed %v", r, seen[r], tried[r])
		}
		seen[r] = true
	}
	for r := range acked {
		if !seen[r] {
			t.Errorf("lost the acknowledged record %.40s", r)
		}
	}
	t.Logf("%d kills, %d records proposed, %d acknowledged, %d found", kills, len(tried), len(acked), len(seen))
	left, err := os.ReadDir(dir + "/checkpoints")
	if err != nil || len(left) == 0 || len(left) > 2 {
		t.Errorf("%d files in checkpoints, %v: want one or two", len(left), err)
	}
}

// killOne runs a child, kills it some time after its first acknowledgement, and
// adds up what it said.
func killOne(t *testing.T, dir string, after time.Duration, acked, tried map[string]bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashChildDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	timer := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	killing := false
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			break // a line without its end was being written when the process died
		}
		verb, record, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch verb {
		case "try":
			tried[record] = true
		case "ack":
			if !killing {
				killing = timer.Reset(after)
			}
			acked[record] = true
		case "error":
			t.Fatalf("the child failed: %s", record)
		}
	}
	cmd.Wait()
}
