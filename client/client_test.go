package client_test

import (
	"bytes"
	"context"
	stderrors "errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/testcluster"
)

// The SDK of a store starts a goroutine when it is linked in.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// pattern returns n bytes that differ everywhere, the same for the same seed.
func pattern(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

func write(t testing.TB, c *client.Client, path string, data []byte, o client.CreateOptions) {
	t.Helper()
	w, err := c.Create(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, c *client.Client, path string, o client.OpenOptions) []byte {
	t.Helper()
	r, err := c.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(readOnly{r})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// readOnly hides WriteTo, so that Read is what is tried.
type readOnly struct{ io.Reader }

// noShortCircuit makes a client use gRPC for data although the workers are on
// the same machine.
var noShortCircuit = map[string]string{"alluxio.user.short.circuit.enabled": "false"}

// Every write type puts the data where it promises; every way to read brings it
// back, through files and over gRPC.
func TestWriteAndReadTypes(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	for way, props := range map[string]map[string]string{"direct": nil, "grpc": noShortCircuit} {
		c := cl.Client(props)
		for _, wt := range []client.WriteType{client.MustCache, client.CacheThrough, client.Through, client.AsyncThrough} {
			for _, size := range []int{0, 1, 1 << 20, 3<<20 + 12345} {
				t.Run(way+"/"+string(wt), func(t *testing.T) {
					path := "/" + way + string(wt) + time.Duration(size).String()
					data := pattern(uint64(size), size)
					write(t, c, path, data, client.CreateOptions{WriteType: wt})
					info, err := c.Stat(t.Context(), path, client.StatOptions{})
					if err != nil {
						t.Fatal(err)
					}
					through := wt == client.Through || wt == client.CacheThrough
					if info.Length != int64(size) || !info.Completed || through && !info.Persisted || wt == client.MustCache && info.Persisted {
						t.Errorf("%+v", info)
					}
					if through {
						if stored, err := os.ReadFile(filepath.Join(cl.Root(), path)); err != nil || !bytes.Equal(stored, data) {
							t.Errorf("%d bytes in the store, %v", len(stored), err)
						}
					}
					if wt == client.Through && size > 0 && info.InAlluxioPercentage != 0 || wt != client.Through && info.InAlluxioPercentage != 100 {
						t.Errorf("%d %% cached", info.InAlluxioPercentage)
					}
					for _, rt := range []client.ReadType{client.NoCache, client.Cache, client.CachePromote} {
						if got := read(t, c, path, client.OpenOptions{ReadType: rt}); !bytes.Equal(got, data) {
							t.Errorf("%s: read %d bytes, not what was written", rt, len(got))
						}
					}
				})
			}
		}
	}
}

// Reading a file that is only in the store caches it, unless it must not.
func TestReadingCaches(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	data := pattern(1, 2<<20+77)
	for _, rt := range []client.ReadType{client.NoCache, client.Cache} {
		name := "found" + string(rt)
		if err := os.WriteFile(filepath.Join(cl.Root(), name), data, 0o644); err != nil {
			t.Fatal(err)
		}
		if got := read(t, c, "/"+name, client.OpenOptions{ReadType: rt}); !bytes.Equal(got, data) {
			t.Fatalf("%s: not what is in the store", rt)
		}
	}
	cl.Until("the file is cached", func() bool { return percentage(t, c, "/foundCACHE") == 100 })
	if p := percentage(t, c, "/foundNO_CACHE"); p != 0 {
		t.Errorf("NO_CACHE cached %d %%", p)
	}
}

func percentage(t testing.TB, c *client.Client, path string) int {
	t.Helper()
	info, err := c.Stat(t.Context(), path, client.StatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return info.InAlluxioPercentage
}

func TestPersistFreeLoad(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	data := pattern(2, 3<<20)
	write(t, c, "/f", data, client.CreateOptions{WriteType: client.MustCache})
	if err := c.Free(t.Context(), "/f", client.FreeOptions{}); err == nil {
		t.Error("freed the only copy")
	}
	if err := c.Persist(t.Context(), "/f", client.PersistOptions{}); err != nil {
		t.Fatal(err)
	}
	if stored, err := os.ReadFile(filepath.Join(cl.Root(), "f")); err != nil || !bytes.Equal(stored, data) {
		t.Errorf("%d bytes in the store, %v", len(stored), err)
	}
	if err := c.Free(t.Context(), "/f", client.FreeOptions{}); err != nil {
		t.Fatal(err)
	}
	cl.Until("the copies are dropped", func() bool { return percentage(t, c, "/f") == 0 })
	if err := c.Load(t.Context(), "/f", client.LoadOptions{}); err != nil {
		t.Fatal(err)
	}
	if p := percentage(t, c, "/f"); p != 100 {
		t.Errorf("%d %% cached after Load", p)
	}
	if got := read(t, c, "/f", client.OpenOptions{}); !bytes.Equal(got, data) {
		t.Error("not what was written")
	}
}

// Seek and Read, ReadAt and WriteTo agree with a byte slice, wherever the bytes
// come from.
func TestRandomAccess(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	const size = 5<<20 + 333
	data := pattern(3, size)
	if err := os.WriteFile(filepath.Join(cl.Root(), "cold"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, cl.Client(nil), "/warm", data, client.CreateOptions{WriteType: client.MustCache})
	for way, props := range map[string]map[string]string{"direct": nil, "grpc": noShortCircuit} {
		c := cl.Client(props)
		for _, path := range []string{"/warm", "/cold"} {
			t.Run(way+path, func(t *testing.T) {
				r, err := c.Open(t.Context(), path, client.OpenOptions{ReadType: client.NoCache})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if err := fstestReader(r, data); err != nil {
					t.Error(err)
				}
				tryWriteTo(t, r, data)
			})
		}
	}
}

// fstestReader makes random seeks, reads and positioned reads.
func fstestReader(r *client.Reader, data []byte) error {
	want := bytes.NewReader(data)
	rnd := rand.New(rand.NewPCG(1, 2))
	a, b := make([]byte, 300<<10), make([]byte, 300<<10)
	for range 150 {
		n := rnd.IntN(len(a)) + 1
		off := rnd.Int64N(int64(len(data)) + 1000)
		switch rnd.IntN(4) {
		case 0:
			n1, err1 := r.ReadAt(a[:n], off)
			n2, err2 := want.ReadAt(b[:n], off)
			if n1 != n2 || err1 != err2 || !bytes.Equal(a[:n1], b[:n2]) {
				return errors.Errorf(errors.Other, "ReadAt(%d, %d): %d, %v; want %d, %v", n, off, n1, err1, n2, err2)
			}
		case 1:
			p1, _ := r.Seek(off, io.SeekStart)
			p2, _ := want.Seek(off, io.SeekStart)
			if p1 != p2 {
				return errors.Errorf(errors.Other, "Seek(%d): %d, want %d", off, p1, p2)
			}
		case 2: // a small step forward, which is read through
			p1, _ := r.Seek(1000, io.SeekCurrent)
			p2, _ := want.Seek(1000, io.SeekCurrent)
			if p1 != p2 {
				return errors.Errorf(errors.Other, "Seek by 1000: %d, want %d", p1, p2)
			}
		default:
			n1, err1 := io.ReadFull(readOnly{r}, a[:n])
			n2, err2 := io.ReadFull(want, b[:n])
			if n1 != n2 || err1 != err2 || !bytes.Equal(a[:n1], b[:n2]) {
				return errors.Errorf(errors.Other, "Read(%d): %d, %v; want %d, %v", n, n1, err1, n2, err2)
			}
		}
	}
	return nil
}

func tryWriteTo(t *testing.T, r *client.Reader, data []byte) {
	const from = 1<<20 + 5
	if _, err := r.Seek(from, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if n, err := r.WriteTo(&out); err != nil || n != int64(len(data)-from) || !bytes.Equal(out.Bytes(), data[from:]) {
		t.Errorf("WriteTo: %d, %v", n, err)
	}
	full := errors.Errorf(errors.NoSpace, "disk full")
	r.Seek(0, io.SeekStart)
	if n, err := r.WriteTo(&limited{left: 700_000, err: full}); !stderrors.Is(err, full) || n != 700_000 {
		t.Errorf("WriteTo a full disk: %d, %v", n, err)
	}
	rest, err := io.ReadAll(readOnly{r})
	if err != nil || !bytes.Equal(rest, data[700_000:]) {
		t.Errorf("reading on after that: %d bytes, %v", len(rest), err)
	}
}

// limited is a writer that fails after so many bytes.
type limited struct {
	left int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	if n < len(p) {
		return n, l.err
	}
	return n, nil
}

func TestManyReaders(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{Workers: 2})
	data := pattern(4, 4<<20)
	write(t, cl.Client(nil), "/f", data, client.CreateOptions{WriteType: client.CacheThrough, LocationPolicy: "RoundRobinPolicy"})
	for way, props := range map[string]map[string]string{"direct": nil, "grpc": noShortCircuit} {
		t.Run(way, func(t *testing.T) {
			c := cl.Client(props)
			shared, err := c.Open(t.Context(), "/f", client.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer shared.Close()
			var wg sync.WaitGroup
			for i := range 64 {
				wg.Go(func() {
					if i%2 == 0 {
						if got := read(t, c, "/f", client.OpenOptions{}); !bytes.Equal(got, data) {
							t.Error("a reader of its own got something else")
						}
						return
					}
					rnd := rand.New(rand.NewPCG(uint64(i), 0))
					p := make([]byte, 100_000)
					for range 20 {
						off := rnd.Int64N(int64(len(data) - len(p)))
						if n, err := shared.ReadAt(p, off); err != nil || !bytes.Equal(p[:n], data[off:off+int64(n)]) {
							t.Errorf("ReadAt(%d): %d, %v", off, n, err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// A worker that dies while it is read from is replaced by another, at the same
// place, without the program noticing.
func TestWorkerDiesDuringRead(t *testing.T) {
	for way, props := range map[string]map[string]string{"direct": nil, "grpc": noShortCircuit} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			cl := testcluster.Start(t, testcluster.Options{Workers: 2, Properties: map[string]string{
				"alluxio.user.block.size.bytes.default": "8MB",
			}})
			data := pattern(5, 24<<20)
			c := cl.Client(props)
			write(t, c, "/f", data, client.CreateOptions{WriteType: client.CacheThrough, LocationPolicy: "MostAvailableFirstPolicy"})
			r, err := c.Open(t.Context(), "/f", client.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got := make([]byte, len(data))
			if _, err := io.ReadFull(readOnly{r}, got[:1<<20]); err != nil {
				t.Fatal(err)
			}
			victim := 0
			if r.Info().Blocks[0].Locations[0].Worker.DataAddr() == cl.WorkerAddr(1) {
				victim = 1
			}
			cl.StopWorker(victim)
			if _, err := io.ReadFull(readOnly{r}, got[1<<20:]); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, data) {
				t.Error("not what was written")
			}
			p := make([]byte, 1000)
			if _, err := r.ReadAt(p, 123); err != nil || !bytes.Equal(p, data[123:1123]) {
				t.Errorf("ReadAt after that: %v", err)
			}
		})
	}
}

// A worker that is gone, which the master does not know yet, is left out by
// writers and loaders.
func TestDeadWorkerIsLeftOut(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{Workers: 2})
	for way, props := range map[string]map[string]string{"direct": nil, "grpc": noShortCircuit} {
		c := cl.Client(props)
		if workers, err := c.Workers(t.Context()); err != nil || len(workers) != 2 {
			t.Fatal(workers, err)
		}
		cl.StopWorker(0)
		for i, wt := range []client.WriteType{client.MustCache, client.CacheThrough, client.Through, client.MustCache, client.Through} {
			path := "/" + way + strconv.Itoa(i)
			data := pattern(uint64(i), 2<<20)
			write(t, c, path, data, client.CreateOptions{WriteType: wt, LocationPolicy: "RoundRobinPolicy"})
			if wt == client.Through {
				if err := c.Load(t.Context(), path, client.LoadOptions{}); err != nil {
					t.Errorf("%s: load: %v", path, err)
				}
			}
			if got := read(t, c, path, client.OpenOptions{}); !bytes.Equal(got, data) {
				t.Errorf("%s: not what was written", path)
			}
		}
		cl.RestartWorker(0)
	}
}

// A worker that dies while it is written to costs a file that is only cached; one
// that goes to the store through another worker is completed there.
func TestWorkerDiesDuringWrite(t *testing.T) {
	for way, props := range map[string]map[string]string{"direct": nil, "grpc": noShortCircuit} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			cl := testcluster.Start(t, testcluster.Options{})
			c := cl.Client(props)
			w, err := c.Create(t.Context(), "/f", client.CreateOptions{WriteType: client.MustCache, BlockSize: 16 << 20})
			if err != nil {
				t.Fatal(err)
			}
			data := pattern(15, 4<<20)
			if _, err := w.Write(data); err != nil {
				t.Fatal(err)
			}
			cl.StopWorker(0)
			_, err = w.Write(data)
			if cerr := w.Close(); err == nil {
				err = cerr
			}
			if err == nil || !strings.Contains(err.Error(), "Failed to cache") {
				t.Errorf("got %v", err)
			}
			if ok, err := c.Exists(t.Context(), "/f", client.StatOptions{}); ok || err != nil {
				t.Errorf("the failed file is there: %v, %v", ok, err)
			}
			cl.RestartWorker(0)
			write(t, c, "/f", data, client.CreateOptions{WriteType: client.MustCache})
			if got := read(t, c, "/f", client.OpenOptions{}); !bytes.Equal(got, data) {
				t.Error("written again: not what was written")
			}
		})
	}
}

// A worker on this machine that has a unix socket is talked to over it.
func TestDomainSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "worker.sock")
	cl := testcluster.Start(t, testcluster.Options{Properties: map[string]string{
		"alluxio.worker.data.server.domain.socket.address": socket,
	}})
	var unix, tcp atomic.Int32
	dial := func(ctx context.Context, addr string) (net.Conn, error) {
		var d net.Dialer
		if path, ok := strings.CutPrefix(addr, "unix:"); ok {
			unix.Add(1)
			return d.DialContext(ctx, "unix", path)
		}
		if addr == cl.WorkerAddr(0) {
			tcp.Add(1)
		}
		return d.DialContext(ctx, "tcp", addr)
	}
	c, err := client.New(cl.Config(config.Client, nil), client.Options{Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	data := pattern(16, 2<<20)
	write(t, c, "/f", data, client.CreateOptions{WriteType: client.CacheThrough})
	if got := read(t, c, "/f", client.OpenOptions{}); !bytes.Equal(got, data) {
		t.Error("not what was written")
	}
	if unix.Load() == 0 || tcp.Load() != 0 {
		t.Errorf("%d connections to the socket, %d to the port", unix.Load(), tcp.Load())
	}
}

// Without another copy the reader waits for the worker to come back.
func TestWorkerComesBack(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(noShortCircuit)
	data := pattern(6, 3<<20)
	write(t, c, "/f", data, client.CreateOptions{WriteType: client.MustCache})
	r, err := c.Open(t.Context(), "/f", client.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	first := make([]byte, 1000)
	if _, err := io.ReadFull(readOnly{r}, first); err != nil {
		t.Fatal(err)
	}
	cl.StopWorker(0)
	result := make(chan error, 1)
	rest := make([]byte, len(data)-len(first))
	go func() { _, err := io.ReadFull(readOnly{r}, rest); result <- err }()
	cl.RestartWorker(0)
	if err := <-result; err != nil || !bytes.Equal(append(first, rest...), data) {
		t.Errorf("%v", err)
	}
}

func TestReadEndsWithContext(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(noShortCircuit)
	write(t, c, "/f", pattern(7, 3<<20), client.CreateOptions{WriteType: client.MustCache})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := c.Open(ctx, "/f", client.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cl.StopWorker(0)
	time.AfterFunc(200*time.Millisecond, cancel)
	if _, err := io.ReadAll(readOnly{r}); !errors.Is(err, errors.Cancelled) {
		t.Errorf("got %v", err)
	}
}

// A file that became shorter in the store is reported as such, not as data.
func TestFileChangedInStore(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	path := filepath.Join(cl.Root(), "f")
	if err := os.WriteFile(path, pattern(8, 3<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := c.Open(t.Context(), "/f", client.OpenOptions{ReadType: client.NoCache})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.WriteFile(path, []byte("short"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(readOnly{r}); err == nil {
		t.Errorf("read %d bytes without error", len(got))
	}
	if got := read(t, c, "/f", client.OpenOptions{Sync: new(time.Duration(0))}); string(got) != "short" {
		t.Errorf("opened again: %d bytes", len(got))
	}
}

func TestWriterWithoutClose(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	for _, wt := range []client.WriteType{client.MustCache, client.CacheThrough, client.Through} {
		path := "/" + string(wt)
		w, err := c.Create(t.Context(), path, client.CreateOptions{WriteType: wt})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(pattern(9, 1500000)); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Errorf("%s: flush: %v", wt, err)
		}
		if _, err := c.Open(t.Context(), path, client.OpenOptions{}); !errors.Is(err, errors.FailedPrecondition) {
			t.Errorf("%s: an incomplete file was opened: %v", wt, err)
		}
		w.Abort()
		if _, err := w.Write([]byte("x")); !stderrors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: write after abort: %v", wt, err)
		}
		if ok, err := c.Exists(t.Context(), path, client.StatOptions{}); ok || err != nil {
			t.Errorf("%s: the aborted file is there: %v, %v", wt, ok, err)
		}
		cl.Until("nothing is left in the store", func() bool {
			_, err := os.Stat(filepath.Join(cl.Root(), path))
			return os.IsNotExist(err)
		})
	}
	cl.Until("the space is given back", func() bool {
		used, err := c.Capacity(t.Context())
		return err == nil && used.UsedBytes == 0
	})
}

// Flush really sends: the data of a flushed block survives in order when writing
// goes on.
func TestFlushAndGoOn(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	for way, props := range map[string]map[string]string{"direct": nil, "grpc": noShortCircuit} {
		c := cl.Client(props)
		data := pattern(10, 2500000)
		w, err := c.Create(t.Context(), "/"+way, client.CreateOptions{WriteType: client.CacheThrough})
		if err != nil {
			t.Fatal(err)
		}
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 333333)
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := read(t, c, "/"+way, client.OpenOptions{}); !bytes.Equal(got, data) {
			t.Errorf("%s: not what was written", way)
		}
	}
}

func TestCopies(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{Workers: 3})
	c := cl.Client(nil)
	data := pattern(11, 1500000)
	write(t, c, "/two", data, client.CreateOptions{WriteType: client.MustCache, ReplicationMin: 2})
	info, err := c.Stat(t.Context(), "/two", client.StatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range info.Blocks {
		if len(b.Locations) < 2 {
			t.Errorf("block %d has %d copies", b.ID, len(b.Locations))
		}
	}
	if got := read(t, c, "/two", client.OpenOptions{}); !bytes.Equal(got, data) {
		t.Error("not what was written")
	}
	w, err := c.Create(t.Context(), "/nine", client.CreateOptions{WriteType: client.MustCache, ReplicationMin: 9})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); !errors.Is(err, errors.NoSpace) || !strings.Contains(err.Error(), "Not enough workers for replications") {
		t.Errorf("nine copies on three workers: %v", err)
	}
	if err := w.Close(); err == nil {
		t.Error("closing a failed file succeeded")
	}
	if ok, _ := c.Exists(t.Context(), "/nine", client.StatOptions{}); ok {
		t.Error("the failed file is there")
	}
}

// A file that does not fit into the cache fails, unless it goes to the store
// anyway.
func TestCacheFull(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{Properties: map[string]string{"alluxio.worker.ramdisk.size": "4MB"}})
	data := pattern(12, 6<<20)
	for way, props := range map[string]map[string]string{"direct": nil, "grpc": noShortCircuit} {
		c := cl.Client(props)
		big := client.CreateOptions{WriteType: client.CacheThrough, BlockSize: 8 << 20, Tier: new(0)}
		w, err := c.Create(t.Context(), "/through"+way, big)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Errorf("%s: %v", way, err)
		}
		if err := w.Close(); err != nil {
			t.Errorf("%s: %v", way, err)
		}
		if got := read(t, c, "/through"+way, client.OpenOptions{ReadType: client.NoCache}); !bytes.Equal(got, data) {
			t.Errorf("%s: not what was written", way)
		}
		big.WriteType = client.MustCache
		w, err = c.Create(t.Context(), "/cache"+way, big)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(data)
		if cerr := w.Close(); err == nil {
			err = cerr
		}
		if err == nil || !strings.Contains(err.Error(), "Failed to cache") && !errors.Is(err, errors.Unavailable) {
			t.Errorf("%s: a file larger than the cache: %v", way, err)
		}
	}
}

func TestNamespace(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.Mkdir(ctx, "/a/b/c", client.MkdirOptions{Recursive: true}))
	if err := c.Mkdir(ctx, "/a", client.MkdirOptions{}); !stderrors.Is(err, fs.ErrExist) {
		t.Errorf("mkdir of what exists: %v", err)
	}
	must(c.Mkdir(ctx, "/a", client.MkdirOptions{AllowExists: true}))
	write(t, c, "/a/f", []byte("hello"), client.CreateOptions{Mode: new(client.Mode(0o640))})
	if _, err := c.Create(ctx, "/a/f", client.CreateOptions{}); !stderrors.Is(err, fs.ErrExist) {
		t.Errorf("create of what exists: %v", err)
	}
	if _, err := c.Create(ctx, "/no/f", client.CreateOptions{}); !stderrors.Is(err, fs.ErrNotExist) {
		t.Errorf("create below nothing: %v", err)
	}
	var names []string
	for info, err := range c.List(ctx, "/", client.ListOptions{Recursive: true}) {
		must(err)
		names = append(names, info.Path)
	}
	if want := []string{"/a", "/a/b", "/a/b/c", "/a/f"}; !slices.Equal(slices.Sorted(slices.Values(names)), want) {
		t.Errorf("list: %v", names)
	}
	for info, err := range c.List(ctx, "/none", client.ListOptions{}) {
		if info != nil || !stderrors.Is(err, fs.ErrNotExist) {
			t.Errorf("list of nothing: %v, %v", info, err)
		}
	}
	must(c.Rename(ctx, "/a/f", "/a/g", client.RenameOptions{}))
	if _, err := c.Stat(ctx, "/a/f", client.StatOptions{}); !stderrors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of the old name: %v", err)
	}
	must(c.SetAttribute(ctx, "/a/g", client.Attributes{Pinned: new(true), TTL: new(time.Hour), TTLAction: new(client.TTLFree)}))
	must(c.SetAttribute(ctx, "/a/g", client.Attributes{Mode: new(client.Mode(0o600))}))
	info, err := c.Stat(ctx, "/a/g", client.StatOptions{})
	must(err)
	if !info.Pinned || info.TTL != time.Hour || info.TTLAction != client.TTLFree || info.Mode != 0o600 || info.Mode.String() != "rw-------" {
		t.Errorf("after SetAttribute: %+v", info)
	}
	if path, err := c.FilePath(ctx, info.FileID); path != "/a/g" || err != nil {
		t.Errorf("path of id: %q, %v", path, err)
	}
	if err := c.Delete(ctx, "/a", client.DeleteOptions{}); !errors.Is(err, errors.NotEmpty) {
		t.Errorf("delete of a directory with children: %v", err)
	}
	must(c.Delete(ctx, "/a", client.DeleteOptions{Recursive: true}))
	if ok, err := c.Exists(ctx, "/a", client.StatOptions{}); ok || err != nil {
		t.Errorf("after delete: %v, %v", ok, err)
	}
	if _, err := c.Stat(ctx, "relative", client.StatOptions{}); !errors.Is(err, errors.Invalid) {
		t.Errorf("relative path: %v", err)
	}
	if _, err := c.Stat(ctx, "alluxio://elsewhere:1/", client.StatOptions{}); err != nil {
		t.Errorf("path with scheme: %v", err)
	}
}

func TestMounts(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	ctx := t.Context()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Mount(ctx, "/m", dir, client.MountOptions{ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	table, err := c.MountTable(ctx, true)
	if err != nil || len(table) != 2 || !table["/m"].ReadOnly || !strings.HasSuffix(strings.TrimSuffix(table["/m"].UFSURI, "/"), dir) {
		t.Errorf("mount table: %+v, %v", table, err)
	}
	if got := read(t, c, "/m/x", client.OpenOptions{}); string(got) != "content" {
		t.Errorf("read %q", got)
	}
	if _, err := c.Create(ctx, "/m/y", client.CreateOptions{}); err == nil {
		t.Error("wrote to a read-only mount")
	}
	if err := c.UpdateMount(ctx, "/m", client.MountOptions{}); err != nil {
		t.Fatal(err)
	}
	write(t, c, "/m/y", []byte("more"), client.CreateOptions{WriteType: client.Through})
	if got, err := os.ReadFile(filepath.Join(dir, "y")); string(got) != "more" || err != nil {
		t.Errorf("in the store: %q, %v", got, err)
	}
	if err := c.Unmount(ctx, "/m"); err != nil {
		t.Fatal(err)
	}
	if ok, err := c.Exists(ctx, "/m/x", client.StatOptions{}); ok || err != nil {
		t.Errorf("after unmount: %v, %v", ok, err)
	}
}

func TestCluster(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{Workers: 2})
	c := cl.Client(nil)
	ctx := t.Context()
	write(t, c, "/f", pattern(13, 1000), client.CreateOptions{WriteType: client.MustCache})
	workers, err := c.Workers(ctx)
	if err != nil || len(workers) != 2 || workers[0].CapacityBytes == 0 || len(workers[0].Address.Tiers) == 0 {
		t.Errorf("workers: %+v, %v", workers, err)
	}
	report, err := c.WorkerReport(ctx, client.LiveWorkers)
	if err != nil || len(report) != 2 || report[0].State != "In Service" || report[0].Address.Host != "localhost" {
		t.Errorf("report: %+v, %v", report, err)
	}
	total, err := c.Capacity(ctx)
	if err != nil || total.LiveWorkers != 2 || total.CapacityBytes != 2*workers[0].CapacityBytes {
		t.Errorf("capacity: %+v, %v", total, err)
	}
	info, err := c.MasterInfo(ctx)
	if err != nil || info.Leader != cl.MasterAddr() || info.Version == "" {
		t.Errorf("master: %+v, %v", info, err)
	}
	if leader, err := c.Leader(ctx); leader != cl.MasterAddr() || err != nil {
		t.Errorf("leader: %q, %v", leader, err)
	}
	conf, err := c.Configuration(ctx, client.ConfigurationOptions{})
	if err != nil || len(conf.Cluster) == 0 || conf.ClusterHash == "" {
		t.Errorf("configuration: %+v, %v", conf, err)
	}
	stat, err := c.Stat(ctx, "/f", client.StatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	block, err := c.BlockInfo(ctx, stat.BlockIDs[0])
	if err != nil || block.Length != 1000 || len(block.Locations) != 1 {
		t.Errorf("block: %+v, %v", block, err)
	}
	if _, err := c.Metrics(ctx); err != nil {
		t.Errorf("metrics: %v", err)
	}
}

// The cluster's defaults reach clients that set nothing themselves.
func TestClusterDefaults(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	if err := c.SetPathConfiguration(t.Context(), "/small", map[string]string{"alluxio.user.file.writetype.default": "MUST_CACHE"}); err != nil {
		t.Fatal(err)
	}
	fresh := cl.Client(nil)
	for path, want := range map[string]client.PersistenceState{"/small": client.NotPersisted, "/other": client.ToBePersisted} {
		if err := fresh.Mkdir(t.Context(), path, client.MkdirOptions{}); err != nil {
			t.Fatal(err)
		}
		w, err := fresh.Create(t.Context(), path+"/f", client.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Info().PersistenceState; got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
		w.Abort()
	}
}

func TestFS(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	if err := c.Mkdir(t.Context(), "/empty", client.MkdirOptions{}); err != nil {
		t.Fatal(err)
	}
	for i, path := range []string{"/one", "/dir/two", "/dir/deep/three"} {
		write(t, c, path, pattern(uint64(i), 20_000*i+17), client.CreateOptions{Recursive: true, BlockSize: 16_000})
	}
	if err := fstest.TestFS(client.FS(t.Context(), c), "one", "dir/two", "dir/deep/three", "empty"); err != nil {
		t.Error(err)
	}
}

// A restart of the master in the middle of work is waited for.
func TestMasterRestarts(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	data := pattern(14, 3<<20)
	for _, wt := range []client.WriteType{client.MustCache, client.CacheThrough, client.Through} {
		path := "/" + string(wt)
		w, err := c.Create(t.Context(), path, client.CreateOptions{WriteType: wt})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data[:3<<19]); err != nil {
			t.Fatal(err)
		}
		cl.StopMaster()
		result := make(chan error, 1)
		go func() {
			_, err := w.Write(data[3<<19:])
			if err == nil {
				err = w.Close()
			}
			result <- err
		}()
		cl.StartMaster()
		if err := <-result; err != nil {
			t.Errorf("%s: %v", wt, err)
			continue
		}
		if got := read(t, c, path, client.OpenOptions{}); !bytes.Equal(got, data) {
			t.Errorf("%s: not what was written", wt)
		}
	}
}

func TestClosedClient(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	if _, err := c.Stat(t.Context(), "/", client.StatOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Stat(t.Context(), "/", client.StatOptions{}); !errors.Is(err, errors.Cancelled) {
		t.Errorf("got %v", err)
	}
}
