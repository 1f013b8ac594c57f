package master

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/master/blockmap"
)

func TestSyncTimes(t *testing.T) {
	for _, c := range []struct {
		synced string
		depth  depth
		path   string
		want   depth // the deepest question that it answers; 255: none
	}{
		{"/a/b", depthNone, "/a/b", depthNone},
		{"/a/b", depthOne, "/a/b", depthOne},
		{"/a/b", depthAll, "/a/b", depthAll},
		{"/a", depthNone, "/a/b", 255},
		{"/a", depthOne, "/a/b", depthNone}, // its entry was looked at
		{"/a", depthOne, "/a/b/c", 255},
		{"/a", depthAll, "/a/b/c", depthAll},
		{"/", depthAll, "/a/b/c", depthAll},
		{"/a/b", depthAll, "/a", 255},
	} {
		s := newSyncTimes()
		s.done(c.synced, c.depth, 100)
		for d := depthNone; d <= depthAll; d++ {
			want := c.want != 255 && d <= c.want
			if got := s.fresh(c.path, d, 100); got != want {
				t.Errorf("%s synced %d deep answers %s %d deep: %v", c.synced, c.depth, c.path, d, got)
			}
			if s.fresh(c.path, d, 101) {
				t.Errorf("%s: an older synchronisation counts", c.path)
			}
		}
		s.forget("/a")
		if s.fresh("/a/b", depthNone, 1) {
			t.Errorf("%s: not forgotten", c.synced)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	now := time.Unix(100, 0)
	a := newAbsentPaths(10, func() time.Time { return now })
	s := newSyncTimes()
	for i := range maxSyncTimes + 10 {
		p := fmt.Sprintf("/%d", i)
		a.add(p)
		s.done(p, depthNone, 1)
		if !a.has(p+"/below") || !s.fresh(p, depthNone, 1) {
			t.Fatalf("%s is forgotten at once", p)
		}
	}
	if len(a.mu.since) > 10 || len(s.mu.at) > maxSyncTimes {
		t.Errorf("%d absent paths, %d times", len(a.mu.since), len(s.mu.at))
	}
	a.add("/x")
	if a.remove("/x/y"); a.has("/x") {
		t.Error("a path that was created below is still absent")
	}
	a.add("/x")
	if now = now.Add(absentFor); a.has("/x") {
		t.Error("absent for ever")
	}
}

func TestLeases(t *testing.T) {
	now := time.Unix(100, 0)
	l := newLeases(2, time.Minute, func() time.Time { return now })
	grant := func(id int64) bool { _, ok := l.request(blockmap.WorkerID(id)); return ok }
	if !grant(1) || !grant(2) || grant(3) || !grant(1) {
		t.Error("not two leases at a time, or none for who has one")
	}
	if l.check(1) != nil || l.check(3) == nil {
		t.Error("a registration without lease is let through, or one with is not")
	}
	if l.end(1); !grant(3) {
		t.Error("a returned lease is not granted again")
	}
	if now = now.Add(2 * time.Minute); !grant(4) || l.check(2) == nil {
		t.Error("leases do not expire")
	}
}

func TestGroups(t *testing.T) {
	now, looked := time.Unix(100, 0), 0
	g := newGroups(time.Minute, func() time.Time { return now })
	g.lookup = func(string) []string { looked++; return []string{"first", "second"} }
	for range 3 {
		if !slices.Equal(g.of("al"), []string{"first", "second"}) || g.primary("al") != "first" {
			t.Error("wrong groups")
		}
	}
	if looked != 1 {
		t.Errorf("looked %d times", looked)
	}
	if now = now.Add(time.Minute); g.of("al") == nil || looked != 2 {
		t.Errorf("looked %d times after the time-out", looked)
	}
	if g.of("") != nil || looked != 2 {
		t.Error("nobody has groups")
	}
	if hostGroups("root") == nil || hostGroups("no such user here") != nil {
		t.Error("the host's groups are wrong")
	}
}
