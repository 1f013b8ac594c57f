package client

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"testing"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/filepb"
)

// fakeMaster gives the block ids that a test says.
type fakeMaster struct {
	filepb.UnimplementedFileSystemMasterClientServiceServer
	ids []blockid.ID
}

func (f *fakeMaster) GetNewBlockIdForFile(context.Context, *filepb.GetNewBlockIdForFilePRequest) (*filepb.GetNewBlockIdForFilePResponse, error) {
	if len(f.ids) == 0 {
		return nil, errors.Errorf(errors.Internal, "asked too often")
	}
	id := int64(f.ids[0])
	f.ids = f.ids[1:]
	return &filepb.GetNewBlockIdForFilePResponse{Id: &id}, nil
}

// writerOn returns a Writer whose master is f.
func writerOn(t *testing.T, f *fakeMaster) *Writer {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	s := rpc.NewServer(rpc.ServerOptions{})
	filepb.RegisterFileSystemMasterClientServiceServer(s, f)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	conf := testConf(t, map[string]string{"alluxio.user.conf.cluster.default.enabled": "false"})
	c, err := New(conf, Options{User: "u"})
	if err != nil {
		t.Fatal(err)
	}
	pool := rpc.NewPool(rpc.ClientOptions{})
	ses := &session{
		pool: pool, master: pool.Master(rpc.MasterOptions{Addrs: []string{l.Addr().String()}}),
		settings: &settings{base: conf, log: slog.New(slog.DiscardHandler)}, usage: new(usage),
	}
	c.state.Store(ses)
	t.Cleanup(func() {
		c.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &Writer{c: c, s: ses, ctx: t.Context(), info: &FileInfo{Path: "/f"}}
}

// A request for a block id that was repeated has used one up: the file uses it
// for its next block, so that none is missing in between.
func TestBlockIDsAreUsedInOrder(t *testing.T) {
	file := blockid.Container(77)
	w := writerOn(t, &fakeMaster{ids: []blockid.ID{file.Block(0), file.Block(3), file.Block(4)}})
	var got []blockid.ID
	for range 5 {
		id, err := w.newBlockID()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, blockid.ID(id))
	}
	if want := []blockid.ID{file.Block(0), file.Block(1), file.Block(2), file.Block(3), file.Block(4)}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBlockIDGivenTwice(t *testing.T) {
	file := blockid.Container(77)
	w := writerOn(t, &fakeMaster{ids: []blockid.ID{file.Block(0), file.Block(0)}})
	if _, err := w.newBlockID(); err != nil {
		t.Fatal(err)
	}
	if id, err := w.newBlockID(); !errors.Is(err, errors.Internal) {
		t.Errorf("got %d, %v", id, err)
	}
}
