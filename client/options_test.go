package client

import (
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
)

func testConf(t *testing.T, props map[string]string) *config.Config {
	t.Helper()
	conf, err := config.FromMap(config.Client, props)
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

// The master takes every field that is present for a wish: a chmod must not
// unpin, nor set a time to live.
func TestAttributesArePresentOnlyWhenSet(t *testing.T) {
	conf := testConf(t, nil)
	o := Attributes{Mode: new(Mode(0o750))}.proto(conf)
	if o.CommonOptions.OperationId == nil {
		t.Error("a change without operation id")
	}
	o.CommonOptions.OperationId = nil
	want := &filepb.SetAttributePOptions{
		Mode:          &grpcpb.PMode{OwnerBits: grpcpb.Bits_ALL.Enum(), GroupBits: grpcpb.Bits_READ_EXECUTE.Enum(), OtherBits: grpcpb.Bits_NONE.Enum()},
		CommonOptions: &filepb.FileSystemMasterCommonPOptions{SyncIntervalMs: new(int64(-1))},
	}
	if !proto.Equal(o, want) {
		t.Errorf("got %v, want %v", o, want)
	}
	o = Attributes{Pinned: new(false), TTL: new(NoTTL), TTLAction: new(TTLDelete), ReplicationMax: new(-1), Recursive: true}.proto(conf)
	if o.Pinned == nil || *o.Pinned || o.CommonOptions.GetTtl() != -1 || o.CommonOptions.TtlAction == nil || o.GetReplicationMax() != -1 ||
		!o.GetRecursive() || o.Owner != nil || o.Group != nil || o.Mode != nil || o.Persisted != nil || o.ReplicationMin != nil {
		t.Errorf("got %v", o)
	}
}

func TestOperationIDsDiffer(t *testing.T) {
	seen := map[[2]int64]bool{}
	for range 1000 {
		id := changing(&filepb.FileSystemMasterCommonPOptions{}).OperationId
		seen[[2]int64{id.GetMostSignificantBits(), id.GetLeastSignificantBits()}] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d of 1000 differ", len(seen))
	}
}

func TestModes(t *testing.T) {
	conf := testConf(t, map[string]string{"alluxio.security.authorization.permission.umask": "027"})
	for _, c := range []struct {
		given *Mode
		def   Mode
		want  Mode
	}{
		{nil, 0o666, 0o640},
		{nil, 0o777, 0o750},
		{new(Mode(0o777)), 0o666, 0o777}, // what is asked for is not masked
		{new(Mode(0)), 0o666, 0},
	} {
		m := c.given.masked(conf, c.def)
		got := Mode(m.GetOwnerBits()-1)<<6 | Mode(m.GetGroupBits()-1)<<3 | Mode(m.GetOtherBits()-1)
		if got != c.want {
			t.Errorf("%v of %o: %o, want %o", c.given, c.def, got, c.want)
		}
	}
}

func TestDefaultsOfCreate(t *testing.T) {
	w := newWriteConfig(testConf(t, nil), CreateOptions{})
	if w.writeType != AsyncThrough || w.blockSize != 64<<20 || w.copies != 1 || w.chunk != 1<<20 || w.persistDelay != 0 || w.reserve != 64<<20 {
		t.Errorf("got %+v", w)
	}
	w = newWriteConfig(testConf(t, nil), CreateOptions{
		WriteType: MustCache, BlockSize: 1 << 20, ReplicationMin: 2, ReplicationDurable: 5, PersistDelay: new(-time.Second), Tier: new(-1),
	})
	if w.writeType != MustCache || w.blockSize != 1<<20 || w.copies != 2 || w.persistDelay >= 0 || w.tier != -1 || w.reserve != 1<<20 {
		t.Errorf("got %+v", w)
	}
}

// Defaults of paths: for each property the longest path that has it counts.
func TestPathDefaults(t *testing.T) {
	base := testConf(t, map[string]string{"alluxio.user.file.replication.min": "1"})
	s := &settings{base: base, log: slog.New(slog.DiscardHandler)}
	s.mu.conf = base
	s.mu.merged = map[string]*config.Config{}
	s.mu.paths = map[string]map[string]string{
		"/a":   {"alluxio.user.file.writetype.default": "THROUGH", "alluxio.user.file.replication.min": "2"},
		"/a/b": {"alluxio.user.file.replication.min": "3"},
		"/bad": {"alluxio.user.file.replication.min": "many"},
	}
	for _, c := range []struct {
		path, writeType string
		min             int
	}{
		{"/", "ASYNC_THROUGH", 1},
		{"/ab", "ASYNC_THROUGH", 1},
		{"/a", "THROUGH", 2},
		{"/a/c", "THROUGH", 2},
		{"/a/b/c", "THROUGH", 3},
		{"/bad/x", "ASYNC_THROUGH", 1},
	} {
		conf := s.at(c.path)
		if wt, n := conf.Enum(config.UserFileWritetypeDefault), conf.Int(config.UserFileReplicationMin); wt != c.writeType || n != c.min {
			t.Errorf("%s: %s, %d; want %s, %d", c.path, wt, n, c.writeType, c.min)
		}
	}
}

func TestACLEntries(t *testing.T) {
	for _, e := range []ACLEntry{
		{Type: ACLNamedUser, Subject: "bob", Rights: 6},
		{Type: ACLNamedGroup, Subject: "etl", Rights: 5, Default: true},
		{Type: ACLMask, Rights: 7},
		{Type: ACLOther},
	} {
		back := aclEntries(&filepb.PAcl{Entries: []*filepb.PAclEntry{e.proto()}})
		if len(back) != 1 || back[0] != e {
			t.Errorf("%v came back as %v", e, back)
		}
	}
	if s := (ACLEntry{Type: ACLNamedUser, Subject: "bob", Rights: 6, Default: true}).String(); s != "default:user:bob:rw-" {
		t.Errorf("got %s", s)
	}
}
