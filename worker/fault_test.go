package worker_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/testcluster"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/dataserverpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/local"
	"github.com/alluxio-go/alluxio/worker/store"
)

// A goroutine that an SDK starts when it is loaded is not ours.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// watchedUFS is a local store that counts what is read of each file, and fails
// when it is told to.
type watchedUFS struct {
	ufs.UFS
	s *watch
}

type watch struct {
	mu       sync.Mutex
	requests int
	bytes    int64
	fail     error
	failed   int
}

func (w *watch) registry() ufs.Registry {
	return ufs.Registry{"file": func(ctx context.Context, uri string, o ufs.Options) (ufs.UFS, error) {
		u, err := local.Open(ctx, uri, o)
		return &watchedUFS{u, w}, err
	}}
}

func (w *watch) take() (requests int, bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	requests, bytes, w.requests, w.bytes = w.requests, w.bytes, 0, 0
	return requests, bytes
}

func (w *watch) setFail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = err
}

func (u *watchedUFS) Unwrap() ufs.UFS { return u.UFS }

func (u *watchedUFS) Open(ctx context.Context, path string, o ufs.OpenOptions) (io.ReadCloser, error) {
	u.s.mu.Lock()
	u.s.requests++
	err := u.s.fail
	if err != nil {
		u.s.failed++
	}
	u.s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	r, err := u.UFS.Open(ctx, path, o)
	return &watchedReader{r, u.s}, err
}

type watchedReader struct {
	io.ReadCloser
	s *watch
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.s.mu.Lock()
	r.s.bytes += int64(n)
	r.s.mu.Unlock()
	return n, err
}

// bigBlocks are properties for files of several pages a block.
var bigBlocks = map[string]string{"alluxio.user.block.size.bytes.default": "16MB", "alluxio.master.mount.table.root.shared": "true"}

func start(t *testing.T, workers int) (*testcluster.Cluster, *peer, *watch) {
	w := &watch{}
	c := testcluster.Start(t, testcluster.Options{Workers: workers, UFS: w.registry(), Properties: bigBlocks})
	return c, newPeer(t, c), w
}

func TestManyReadersFetchOnce(t *testing.T) {
	_, p, w := start(t, 1)
	want := data(1, 5<<20)
	p.put("f", want)
	info := p.stat("/f")
	w.take()
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i, id := range info.GetBlockIds() {
				o := below(info, i)
				got, err := p.read(&blockpb.ReadRequest{BlockId: &id, Offset: ptr(int64(0)), Length: o.BlockSize, OpenUfsBlockOptions: o})
				if off := o.GetOffsetInFile(); err != nil || !bytes.Equal(got, want[off:off+o.GetBlockSize()]) {
					t.Errorf("block %d: wrong bytes or %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	if _, n := w.take(); n != int64(len(want)) {
		t.Errorf("%d bytes were fetched for %d", n, len(want))
	}
	p.wantFile("/f", want)
	if n, _ := w.take(); n != 0 {
		t.Errorf("a warm read made %d requests", n)
	}
}

func TestReadingAheadOverBlocks(t *testing.T) {
	c, p, w := start(t, 1)
	want := data(1, 41<<20) // three blocks
	p.put("f", want)
	p.stat("/f")
	w.take()
	p.wantFile("/f", want)
	requests, n := w.take()
	if n != int64(len(want)) || requests > 30 {
		t.Errorf("%d requests for %d bytes", requests, n)
	}
	if got := p.stat("/f").GetInAlluxioPercentage(); got != 100 {
		t.Errorf("%d %% in Alluxio when the last byte has come", got)
	}
	// Who stops in the middle of the first block leaves the others alone.
	p.put("g", want)
	info := p.stat("/g")
	o := below(info, 0)
	if _, err := p.read(&blockpb.ReadRequest{BlockId: &info.GetBlockIds()[0], Offset: ptr(int64(0)), Length: ptr(int64(2 << 20)), OpenUfsBlockOptions: o}); err != nil {
		t.Fatal(err)
	}
	if _, n := w.take(); n > 4<<20 {
		t.Errorf("%d bytes were fetched for 2 MiB", n)
	}
	if _, err := os.Stat(blockFile(c, 0, info.GetBlockIds()[1])); err == nil {
		t.Error("the second block was begun")
	}
}

func TestRandomReadsFetchPages(t *testing.T) {
	_, p, w := start(t, 1)
	want := data(2, 16<<20)
	p.put("f", want)
	info := p.stat("/f")
	id, o := info.GetBlockIds()[0], below(info, 0)
	w.take()
	r := rand.New(rand.NewPCG(1, 1))
	pages := map[int64]bool{}
	for range 20 {
		off := r.Int64N(16<<20 - 4096)
		pages[off>>20], pages[(off+4095)>>20] = true, true
		got, err := p.read(&blockpb.ReadRequest{BlockId: &id, Offset: &off, Length: ptr(int64(4096)), OpenUfsBlockOptions: o, PositionShort: ptr(true)})
		if err != nil || !bytes.Equal(got, want[off:off+4096]) {
			t.Fatalf("wrong bytes or %v", err)
		}
	}
	if _, n := w.take(); n != int64(len(pages))<<20 {
		t.Errorf("%d bytes were fetched for %d pages", n, len(pages))
	}
	// Without caching, exactly what is asked for.
	p.put("g", want)
	info = p.stat("/g")
	o = below(info, 0)
	o.NoCache = ptr(true)
	w.take()
	got, err := p.read(&blockpb.ReadRequest{BlockId: &info.GetBlockIds()[0], Offset: ptr(int64(5)), Length: ptr(int64(3 << 20)), OpenUfsBlockOptions: o})
	if err != nil || !bytes.Equal(got, want[5:5+3<<20]) {
		t.Fatalf("wrong bytes or %v", err)
	}
	if n, b := w.take(); n != 1 || b != 3<<20 {
		t.Errorf("%d requests, %d bytes", n, b)
	}
}

func TestOutageIsNotNotFound(t *testing.T) {
	_, p, w := start(t, 1)
	p.put("f", data(1, 1<<20))
	info := p.stat("/f")
	req := &blockpb.ReadRequest{BlockId: &info.GetBlockIds()[0], Offset: ptr(int64(0)), Length: ptr(int64(1 << 20)), OpenUfsBlockOptions: below(info, 0)}
	for _, fail := range []error{errors.Errorf(errors.Unavailable, "down"), errors.Errorf(errors.Other, "strange"), errors.Errorf(errors.Timeout, "slow")} {
		w.setFail(fail)
		_, err := p.read(req)
		if err == nil || errors.Is(err, errors.NotFound) {
			t.Errorf("%v became %v", fail, err)
		}
	}
	if w.failed < 3 {
		t.Errorf("%d faults", w.failed)
	}
	w.setFail(nil)
	p.wantFile("/f", data(1, 1<<20))
}

func TestChangedBelow(t *testing.T) {
	_, p, _ := start(t, 1)
	v1, v2 := data(1, 20<<20), data(2, 20<<20)
	p.put("f", v1)
	info := p.stat("/f")
	o := below(info, 0)
	got, err := p.read(&blockpb.ReadRequest{BlockId: &info.GetBlockIds()[0], Offset: ptr(int64(0)), Length: ptr(int64(4096)), OpenUfsBlockOptions: o})
	if err != nil || !bytes.Equal(got, v1[:4096]) {
		t.Fatalf("wrong bytes or %v", err)
	}
	p.put("f", v2)
	for i, id := range info.GetBlockIds() { // ids of the old version
		o := below(info, i)
		got, err := p.read(&blockpb.ReadRequest{BlockId: &id, Offset: ptr(int64(2 << 20)), Length: ptr(int64(1 << 20)), OpenUfsBlockOptions: o})
		wantKind(t, err, errors.Aborted)
		if len(got) != 0 {
			t.Errorf("block %d: %d bytes of a version that is gone", i, len(got))
		}
	}
	path := "/f"
	_, err = p.files.GetStatus(t.Context(), &filepb.GetStatusPRequest{Path: &path, Options: &filepb.GetStatusPOptions{
		CommonOptions: &filepb.FileSystemMasterCommonPOptions{SyncIntervalMs: ptr(int64(0))}}})
	if err != nil {
		t.Fatal(err)
	}
	p.wantFile("/f", v2)
}

func TestForeignPathIsRefused(t *testing.T) {
	_, p, _ := start(t, 1)
	p.put("mine", data(1, 1000))
	p.put("other", data(2, 1000))
	mine, other := p.stat("/mine"), p.stat("/other")
	for _, path := range []string{other.GetUfsPath(), "/etc/passwd", filepath.Join(filepath.Dir(mine.GetUfsPath()), "..", "x")} {
		o := below(mine, 0)
		o.UfsPath = &path
		got, err := p.read(&blockpb.ReadRequest{BlockId: &mine.GetBlockIds()[0], Offset: ptr(int64(0)), Length: ptr(int64(1000)), OpenUfsBlockOptions: o})
		if err == nil || len(got) > 0 {
			t.Errorf("a block was filled from %s", path)
		}
	}
	p.wantFile("/mine", data(1, 1000))
}

// opened returns the FileInfo of a path with the ticket that a reader gets.
func (p *peer) opened(path string) *filepb.FileInfo {
	p.t.Helper()
	resp, err := p.files.GetStatus(p.t.Context(), &filepb.GetStatusPRequest{Path: &path, Options: &filepb.GetStatusPOptions{
		LoadMetadataType: filepb.LoadMetadataPType_ONCE.Enum(), AccessMode: grpcpb.Bits_READ.Enum()}})
	if err != nil || len(resp.GetFileInfo().GetTicket()) == 0 {
		p.t.Fatalf("open %s: %v, ticket % x", path, err, resp.GetFileInfo().GetTicket())
	}
	return resp.GetFileInfo()
}

// A worker takes a reader's word, with a ticket, for what the master would say: it needs
// no master. Anything but exactly what the ticket is for counts for nothing.
func TestTickets(t *testing.T) {
	c, p, _ := start(t, 1)
	for i, name := range []string{"first", "mine", "other"} {
		p.put(name, data(byte(i), 1000))
	}
	p.wantFile("/first", data(0, 1000)) // the worker knows the mount now
	mine, other := p.opened("/mine"), p.opened("/other")
	read := func(f *filepb.FileInfo, change func(*dataserverpb.OpenUfsBlockOptions)) ([]byte, error) {
		o := below(f, 0)
		o.Ticket, o.UfsFingerprint, o.FileLength = f.Ticket, f.UfsFingerprint, f.Length
		change(o)
		return p.read(&blockpb.ReadRequest{BlockId: &f.GetBlockIds()[0], Offset: ptr(int64(0)), Length: ptr(int64(1000)), OpenUfsBlockOptions: o})
	}
	for name, change := range map[string]func(*dataserverpb.OpenUfsBlockOptions){
		"with another file's ticket": func(o *dataserverpb.OpenUfsBlockOptions) {
			o.UfsPath, o.Ticket, o.UfsFingerprint = other.UfsPath, other.Ticket, other.UfsFingerprint
		},
		"of another path": func(o *dataserverpb.OpenUfsBlockOptions) { o.UfsPath = other.UfsPath },
	} {
		if got, err := read(mine, change); err == nil || len(got) > 0 {
			t.Errorf("a block was filled %s", name)
		}
	}
	got, err := read(other, func(o *dataserverpb.OpenUfsBlockOptions) {
		o.Ticket, o.UfsFingerprint = []byte("0123456789abcdef"), ptr("forged")
	})
	if err != nil || !bytes.Equal(got, data(2, 1000)) {
		t.Errorf("with a forged ticket, which counts for nothing: %d bytes, %v", len(got), err)
	}
	c.StopMaster()
	if got, err := read(mine, func(*dataserverpb.OpenUfsBlockOptions) {}); err != nil || !bytes.Equal(got, data(1, 1000)) {
		t.Errorf("with a ticket and no master: %d bytes, %v", len(got), err)
	}
}

// blockFile is where the n-th worker keeps a block.
func blockFile(c *testcluster.Cluster, n int, id int64) string {
	return filepath.Join(c.WorkerDir(n), "alluxioworker", strconv.FormatInt(id, 10))
}

func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedBlocks(t *testing.T) {
	c, p, w := start(t, 1)
	want := data(1, 5<<20)
	p.put("f", want)
	p.wantFile("/f", want)
	id := p.stat("/f").GetBlockIds()[0]
	flip(t, blockFile(c, 0, id), 3<<20+5)
	w.take()
	p.wantFile("/f", want)
	if _, n := w.take(); n != 1<<20 {
		t.Errorf("%d bytes were fetched for one bad page", n)
	}
	c.Until("the block counts as cached again", func() bool { return p.stat("/f").GetInAlluxioPercentage() == 100 })

	// Opened in place: damage is found before the path is given out.
	flip(t, blockFile(c, 0, id), 77)
	stream, err := p.worker.OpenLocalBlock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&blockpb.OpenLocalBlockRequest{BlockId: &id})
	_, err = stream.Recv()
	wantKind(t, err, errors.NotFound)
	p.wantFile("/f", want)

	// The only copy: an error that says so.
	info := p.create("/only", filepb.WritePType_MUST_CACHE, data(3, 1<<20))
	id = info.GetBlockIds()[0]
	flip(t, blockFile(c, 0, id), 100)
	got, err := p.read(&blockpb.ReadRequest{BlockId: &id, Offset: ptr(int64(0)), Length: ptr(int64(1 << 20)), OpenUfsBlockOptions: &dataserverpb.OpenUfsBlockOptions{}})
	wantKind(t, err, errors.Corrupt)
	if len(got) != 0 {
		t.Errorf("%d damaged bytes were sent", len(got))
	}

	// Written through, damaged before anybody confirmed that it is below.
	blocks := data(4, 1<<20)
	p.create("/async", filepb.WritePType_ASYNC_THROUGH, blocks)
	c.Until("persisted", func() bool { return p.stat("/async").GetPersisted() })
	flip(t, blockFile(c, 0, p.stat("/async").GetBlockIds()[0]), 100)
	p.wantFile("/async", blocks)
}

func TestCacheFromBelowAndFromWorker(t *testing.T) {
	c, p, w := start(t, 2)
	want := data(1, 17<<20)
	p.put("f", want)
	info := p.stat("/f")
	for i, id := range info.GetBlockIds() {
		_, err := p.worker.Cache(t.Context(), &blockpb.CacheRequest{BlockId: &id, Length: below(info, i).BlockSize, OpenUfsBlockOptions: below(info, i)})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, n := w.take(); n != int64(len(want)) {
		t.Errorf("%d bytes fetched", n)
	}
	if got := p.stat("/f").GetInAlluxioPercentage(); got != 100 {
		t.Errorf("%d %% in Alluxio", got)
	}
	// The second worker copies from the first one, in the background.
	second := blockpb.NewBlockWorkerClient(p.pool.Conn(c.WorkerAddr(1)))
	source := p.stat("/f").GetFileBlockInfos()[0].GetBlockInfo().GetLocations()[0].GetWorkerAddress()
	only := p.create("/only", filepb.WritePType_MUST_CACHE, data(3, 1<<20))
	for _, x := range []struct {
		id     int64
		length int64
		open   *dataserverpb.OpenUfsBlockOptions
	}{{info.GetBlockIds()[0], 16 << 20, below(info, 0)}, {only.GetBlockIds()[0], 1 << 20, &dataserverpb.OpenUfsBlockOptions{}}} {
		_, err := second.Cache(t.Context(), &blockpb.CacheRequest{BlockId: &x.id, Length: &x.length, OpenUfsBlockOptions: x.open,
			SourceHost: source.Host, SourcePort: source.DataPort, Async: ptr(true)})
		if err != nil {
			t.Fatal(err)
		}
	}
	copies := func(path string) int {
		return len(p.stat(path).GetFileBlockInfos()[0].GetBlockInfo().GetLocations())
	}
	c.Until("both workers have both blocks", func() bool { return copies("/f") == 2 && copies("/only") == 2 })
	if n, _ := w.take(); n != 0 {
		t.Errorf("copying between workers made %d requests below", n)
	}

	resp, err := second.Load(t.Context(), &blockpb.LoadRequest{Options: &blockpb.UfsReadOptions{Tag: ptr("t"), PositionShort: ptr(false)}, Blocks: []*blockpb.Block{
		{BlockId: &info.GetBlockIds()[1], Length: below(info, 1).BlockSize, UfsPath: info.UfsPath, OffsetInFile: below(info, 1).OffsetInFile, MountId: info.MountId},
		{BlockId: ptr(int64(1 << 40)), Length: ptr(int64(5)), UfsPath: info.UfsPath, OffsetInFile: ptr(int64(0)), MountId: info.MountId},
	}})
	if err != nil || resp.GetStatus() != blockpb.TaskStatus_PARTIAL_FAILURE || len(resp.GetBlockStatus()) != 1 {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestReaderLeaves(t *testing.T) {
	_, p, w := start(t, 1)
	p.put("f", data(1, 16<<20))
	info := p.stat("/f")
	for _, leave := range []func(context.CancelFunc, blockpb.BlockWorker_ReadBlockClient) error{
		func(_ context.CancelFunc, s blockpb.BlockWorker_ReadBlockClient) error {
			_ = s.CloseSend()
			for {
				if _, err := s.Recv(); err != nil {
					return err
				}
			}
		},
		func(cancel context.CancelFunc, _ blockpb.BlockWorker_ReadBlockClient) error { cancel(); return io.EOF },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := p.worker.ReadBlock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_ = stream.Send(&blockpb.ReadRequest{BlockId: &info.GetBlockIds()[0], Offset: ptr(int64(0)), Length: ptr(int64(16 << 20)), ChunkSize: ptr(int64(64 << 10)), OpenUfsBlockOptions: below(info, 0)})
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		if err := leave(cancel, stream); err != io.EOF {
			t.Errorf("after half-close: %v", err)
		}
		cancel()
	}
	if _, n := w.take(); n > 16<<20 {
		t.Errorf("%d bytes fetched", n)
	}
	p.wantFile("/f", data(1, 16<<20))
}

func TestSpillsBelow(t *testing.T) {
	c, p, _ := start(t, 1)
	path := "/f"
	if _, err := p.files.CreateFile(t.Context(), &filepb.CreateFilePRequest{Path: &path, Options: &filepb.CreateFilePOptions{
		BlockSizeBytes: ptr(int64(512 << 20)), WriteType: filepb.WritePType_ASYNC_THROUGH.Enum()}}); err != nil {
		t.Fatal(err)
	}
	id, err := p.files.GetNewBlockIdForFile(t.Context(), &filepb.GetNewBlockIdForFilePRequest{Path: &path, Options: &filepb.GetNewBlockIdForFilePOptions{}})
	if err != nil {
		t.Fatal(err)
	}
	want := data(1, 300<<20) // the worker has 256 MB
	err = p.write(&blockpb.WriteRequestCommand{Type: blockpb.RequestType_UFS_FALLBACK_BLOCK.Enum(), Id: id.Id, SpaceToReserve: ptr(int64(1 << 20)),
		CreateUfsBlockOptions: &dataserverpb.CreateUfsBlockOptions{MountId: ptr(int64(1)), Fallback: ptr(false)}}, want)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.WorkerDir(0), "alluxioworker", ".tmp_blocks", "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	got, err := p.read(&blockpb.ReadRequest{BlockId: id.Id, Offset: ptr(int64(100 << 20)), Length: ptr(int64(5000)),
		OpenUfsBlockOptions: &dataserverpb.OpenUfsBlockOptions{MountId: ptr(int64(1)), BlockInUfsTier: ptr(true), BlockSize: ptr(int64(len(want)))}})
	if err != nil || !bytes.Equal(got, want[100<<20:100<<20+5000]) {
		t.Errorf("wrong bytes or %v", err)
	}
	err = p.write(&blockpb.WriteRequestCommand{Type: blockpb.RequestType_ALLUXIO_BLOCK.Enum(), Id: ptr(int64(1 << 41)), SpaceToReserve: ptr(int64(1 << 20))}, want)
	wantKind(t, err, errors.NoSpace)
}

func TestRemovalsReachTheMasterLater(t *testing.T) {
	c, p, _ := start(t, 1)
	info := p.create("/f", filepb.WritePType_MUST_CACHE, data(1, 1000))
	c.StopMaster()
	_, err := p.worker.RemoveBlock(t.Context(), &blockpb.RemoveBlockRequest{BlockId: &info.GetBlockIds()[0]})
	if err != nil {
		t.Fatal(err)
	}
	c.StartMaster()
	c.Until("the master has dropped the location", func() bool {
		return len(p.stat("/f").GetFileBlockInfos()[0].GetBlockInfo().GetLocations()) == 0
	})
}

// TestStoreWithoutRoom: reads go on, past a store that cannot keep anything.
func TestStoreWithoutRoom(t *testing.T) {
	w := &watch{}
	c := testcluster.Start(t, testcluster.Options{UFS: w.registry(), Properties: map[string]string{"alluxio.worker.ramdisk.size": "512KB"}})
	p := newPeer(t, c)
	want := data(1, 3<<20+77)
	p.put("f", want)
	p.wantFile("/f", want)
	p.wantFile("/f", want)
	if _, n := w.take(); n != 2*3<<20+77 { // the last block is small enough
		t.Errorf("%d bytes were read", n)
	}
	_, err := p.worker.Cache(t.Context(), &blockpb.CacheRequest{BlockId: &p.stat("/f").GetBlockIds()[0], Length: ptr(int64(1 << 20)), OpenUfsBlockOptions: below(p.stat("/f"), 0)})
	wantKind(t, err, errors.NoSpace)
}

func TestFree(t *testing.T) {
	c, p, _ := start(t, 1)
	want := data(1, 2<<20)
	p.put("f", want)
	p.wantFile("/f", want)
	path := "/f"
	if _, err := p.files.Free(t.Context(), &filepb.FreePRequest{Path: &path, Options: &filepb.FreePOptions{}}); err != nil {
		t.Fatal(err)
	}
	id := p.stat("/f").GetBlockIds()[0]
	c.Until("the block file is gone", func() bool {
		_, err := os.Stat(blockFile(c, 0, id))
		return os.IsNotExist(err) && p.stat("/f").GetInAlluxioPercentage() == 0
	})
	p.wantFile("/f", want)
}

// TestStaleAfterRestart: a block of another version, put in place with its sidecar
// while the worker is down, is noticed by both ways of reading.
func TestStaleAfterRestart(t *testing.T) {
	c, p, _ := start(t, 1)
	want := data(1, 3<<20)
	p.put("f", want)
	p.wantFile("/f", want)
	id := p.stat("/f").GetBlockIds()[0]
	for _, local := range []bool{false, true} {
		c.StopWorker(0)
		forge(t, c, id, data(2, 3<<20))
		c.RestartWorker(0)
		p = newPeer(t, c)
		if local {
			stream, err := p.worker.OpenLocalBlock(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = stream.Send(&blockpb.OpenLocalBlockRequest{BlockId: &id, Verifies: ptr(true)})
			_, err = stream.Recv()
			wantKind(t, err, errors.NotFound)
		}
		p.wantFile("/f", want)
	}
}

// forge makes a worker's folder hold the block with other bytes, as if they were of
// another version.
func forge(t *testing.T, c *testcluster.Cluster, id int64, bytes []byte) {
	t.Helper()
	s, err := store.New(store.Options{Tiers: []store.TierOptions{{Alias: "MEM", Dirs: []store.DirOptions{{Path: c.WorkerDir(0), Quota: 1 << 30}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(blockid.ID(id)); err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(blockid.ID(id), store.CreateOptions{Fingerprint: "another version"})
	if err == nil {
		_, err = w.Write(bytes)
	}
	if err == nil {
		_, err = w.Commit()
	}
	if err != nil {
		t.Fatal(err)
	}
}
