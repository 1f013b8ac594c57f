package store

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

const (
	crashSize   = 2*page + 333
	crashQuota  = 400 * page
	crashFilled = 100_000 // numbers of blocks that are filled from a source
)

// crashOptions are a MEM tier, where nothing is synced, over an SSD tier.
func crashOptions(dir string) Options {
	return Options{PageSize: page, FlushInterval: time.Millisecond, Tiers: []TierOptions{
		{Alias: "MEM", Dirs: []DirOptions{{Path: dir + "/mem", Quota: crashQuota / 20}}},
		{Alias: "SSD", Dirs: []DirOptions{{Path: dir + "/ssd", Quota: crashQuota}}},
	}, Mover: MoverOptions{Interval: time.Millisecond, CoolDown: time.Nanosecond}}
}

// crashChild writes, removes, fills and moves blocks until it is killed. It says
// what it is about to remove, and what it has committed.
func crashChild(dir string) {
	s, err := New(crashOptions(dir))
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	go func() { _ = s.Run(context.Background()) }()
	first := 0
	for _, info := range s.AllBlocks() {
		first = max(first, int(info.ID.Container()))
	}
	for i := first; ; i++ {
		if _, err := write(s, block1(i), crashSize, CreateOptions{Reserve: crashSize}, 50_000); err != nil {
			fmt.Println("failed", err)
			os.Exit(1)
		}
		fmt.Println("committed", i)
		if i%3 == 0 {
			fmt.Println("removing", i-2)
			_ = s.Remove(block1(i - 2))
		}
		if i%5 == 0 {
			s.Confirm(block1(i).File(), "v1") // now it may be evicted and moved
			fmt.Println("removing", i)
		}
		_, _ = fetchAll(s, block1(crashFilled+i%50), crashSize, source(block1(crashFilled+i%50), crashSize))
	}
}

func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	committed := map[int]bool{}
	kills := 0
	for round := range 8 {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), "STORE_CRASH_DIR="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var kill *time.Timer // begins when the child works
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if kill == nil {
				kill = time.AfterFunc(time.Duration(20+30*round)*time.Millisecond, func() { _ = cmd.Process.Kill() })
			}
			var what string
			var n int
			if _, err := fmt.Sscan(lines.Text(), &what, &n); err != nil || what == "failed" {
				t.Fatal(lines.Text())
			}
			committed[n] = what == "committed"
		}
		if err := cmd.Wait(); err != nil && strings.Contains(err.Error(), "killed") {
			kills++
		}
		opts := crashOptions(dir)
		if round%2 == 1 { // every block is looked up by itself
			opts = late(opts)
		}
		checkAfterKill(t, opts, committed)
	}
	if kills != 8 || len(committed) < 8 {
		t.Errorf("%d kills, %d blocks", kills, len(committed))
	}
}

// checkAfterKill opens the store, finds all that was acknowledged and makes room.
func checkAfterKill(t *testing.T, opts Options, committed map[int]bool) {
	t.Helper()
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	for n, there := range committed {
		got, err := fetchAll(s, block1(n), crashSize, nil)
		if errors.Is(err, errors.NotFound) && !there {
			delete(committed, n)
			continue
		}
		if err != nil || !bytes.Equal(got, content(block1(n), crashSize)) {
			t.Fatalf("block %d, acknowledged: wrong bytes, or error %v", n, err)
		}
		if n%2 == 0 {
			_ = s.Remove(block1(n))
			delete(committed, n)
		}
	}
	for i := range 50 {
		check(t, s, block1(crashFilled+i), crashSize, source(block1(crashFilled+i), crashSize))
		_ = s.Remove(block1(crashFilled + i))
	}
	checkAccounts(t, s)
}
