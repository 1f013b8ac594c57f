package test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/test/world"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/all"
)

// store is an emulator that can be killed and started again where it was.
type store struct {
	kodo
	port  string
	flags []string
	cmd   *exec.Cmd
}

func startStore(t *testing.T, flags ...string) *store {
	t.Helper()
	s := &store{kodo: kodo{t: t, dir: t.TempDir()}, port: strconv.Itoa(world.FreePort(t)), flags: flags}
	s.log, s.addr = filepath.Join(s.dir, "requests.log"), "http://127.0.0.1:"+s.port
	s.start()
	t.Cleanup(s.kill)
	return s
}

// start returns when the emulator answers.
func (s *store) start() {
	s.t.Helper()
	s.cmd = exec.Command(filepath.Join(world.Binaries(s.t), "kodo-emulator"), append([]string{
		"--listen", "127.0.0.1:" + s.port, "--dir", filepath.Join(s.dir, "state"), "--bucket", "walk",
		"--access-key", kodoAccessKey, "--secret-key", kodoSecretKey, "--request-log", s.log}, s.flags...)...)
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for range 500 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+s.port); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatal("the emulator does not listen")
}

// open opens the store as others do who share the bucket.
func (s *store) open(uri string) ufs.UFS {
	s.t.Helper()
	properties := map[string]string{}
	for _, p := range s.properties(kodoSecretKey) {
		name, value, _ := strings.Cut(p, "=")
		properties[name] = value
	}
	u, err := all.Registry().Open(s.t.Context(), uri, ufs.Options{Properties: properties})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = u.Close() })
	return u
}

// kill ends the emulator as a power cut would.
func (s *store) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// A store fails every fifth request and goes away altogether from time to time,
// under random work: what was acknowledged is there with its bytes.
func TestStoreFailsUnderLoad(t *testing.T) {
	const outages, users = 3, 3
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	k := startStore(t)
	w := world.New(t, append(k.properties(kodoSecretKey), "alluxio.master.mount.table.root.ufs=kodo://walk/root/",
		"alluxio.user.block.size.bytes.default=128KB")...)
	w.Start() // without faults: a key that is refused then is a wrong one
	k.kill()
	k.flags = []string{"--faults", "rate=0.2,delay=20ms,stall=200ms,seed=" + strconv.FormatUint(seed%1000, 10)}
	k.start()
	var diaries []*diarist
	for i := range users {
		diaries = append(diaries, &diarist{
			t: t, fs: newClient(t, w), rng: rand.New(rand.NewPCG(seed, uint64(i)+1)),
			dir: fmt.Sprintf("/user%d", i), files: map[string][sha256.Size]byte{},
		})
	}
	for range outages {
		ctx, stop := context.WithCancel(t.Context())
		var busy sync.WaitGroup
		for _, d := range diaries {
			busy.Go(func() {
				for ctx.Err() == nil {
					d.step(t.Context())
				}
			})
		}
		time.Sleep(time.Second + time.Duration(rng.IntN(500))*time.Millisecond)
		k.kill()
		time.Sleep(500 * time.Millisecond)
		k.start()
		stop()
		busy.Wait()
		for _, d := range diaries {
			w.Run("alluxio", "fs", "free", d.dir) // what the store has is read from there
			d.verify(t.Context())
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	files, maybe := 0, 0
	for _, d := range diaries {
		files, maybe = files+len(d.files), maybe+d.maybe
	}
	t.Logf("%d acknowledged files right, %d operations without an answer", files, maybe)
	if files < 20 {
		t.Errorf("only %d files were acknowledged: too little was tried", files)
	}
}

// An object is replaced again and again behind the cluster's back, while it is
// read: a reader gets one version or an error, never a mixture.
func TestReplacedWhileRead(t *testing.T) {
	const size, versions, readers = 4 << 20, 12, 4
	k := startStore(t, "--bandwidth", "80MB")
	w := world.New(t, append(k.properties(kodoSecretKey), "alluxio.master.mount.table.root.ufs=kodo://walk/root/",
		"alluxio.user.block.size.bytes.default=1MB", "alluxio.user.file.metadata.sync.interval=0")...)
	w.Start()
	bucket := k.open("kodo://walk/root/")
	put := func(v byte) {
		f, err := bucket.Create(t.Context(), "x", ufs.CreateOptions{})
		if err == nil {
			_, err = f.Write(bytes.Repeat([]byte{v}, size))
		}
		if err == nil {
			_, err = f.Commit(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(1)
	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	var mu sync.Mutex
	whole, failed := 0, 0
	for range readers {
		fs := newClient(t, w)
		busy.Go(func() {
			for ctx.Err() == nil {
				got, err := readAll(t.Context(), fs, "/x")
				mu.Lock()
				switch {
				case err != nil:
					failed++
				case len(got) != size || bytes.Count(got, got[:1]) != size:
					t.Errorf("%d bytes of several versions", len(got))
				default:
					whole++
				}
				mu.Unlock()
			}
		})
	}
	for v := range byte(versions) {
		time.Sleep(300 * time.Millisecond)
		put(v + 2)
	}
	time.Sleep(300 * time.Millisecond)
	stop()
	busy.Wait()
	t.Logf("%d reads of one version, %d refused", whole, failed)
	if got, err := readAll(t.Context(), newClient(t, w), "/x"); err != nil || len(got) != size || got[0] != versions+1 || got[size-1] != versions+1 {
		t.Errorf("the last version is not what is read: %d bytes, %v", len(got), err)
	}
	if whole < versions {
		t.Errorf("only %d reads succeeded", whole)
	}
}

func readAll(ctx context.Context, fs *client.Client, path string) ([]byte, error) {
	r, err := fs.Open(ctx, path, client.OpenOptions{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
