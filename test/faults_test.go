package test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/test/world"
)

// A user of the file system who remembers what was acknowledged.
type diarist struct {
	t     *testing.T
	fs    *client.Client
	rng   *rand.Rand
	dir   string
	files map[string][sha256.Size]byte // acknowledged: path → content
	maybe int                          // operations whose outcome is not known
	n     int
}

// step does one random operation. One that fails may have happened or not: its
// path is not looked at again.
func (d *diarist) step(ctx context.Context) {
	switch k := d.rng.IntN(10); {
	case k < 6 || len(d.files) == 0:
		d.write(ctx)
	case k < 8:
		d.rename(ctx)
	default:
		d.remove(ctx)
	}
}

var durableTypes = []client.WriteType{client.MustCache, client.CacheThrough, client.Through, client.AsyncThrough}

func (d *diarist) write(ctx context.Context) {
	path := d.fresh()
	content := make([]byte, d.rng.IntN(300<<10))
	for i := range content {
		content[i] = byte(d.rng.Uint32())
	}
	err := func() error {
		w, err := d.fs.Create(ctx, path, client.CreateOptions{WriteType: durableTypes[d.rng.IntN(len(durableTypes))], Recursive: true})
		if err != nil {
			return err
		}
		if _, err := w.Write(content); err != nil {
			w.Abort()
			return err
		}
		return w.Close()
	}()
	if err != nil {
		d.maybe++
		return
	}
	d.files[path] = sha256.Sum256(content)
}

func (d *diarist) rename(ctx context.Context) {
	from, to := d.any(), d.fresh()
	sum := d.files[from]
	delete(d.files, from)
	if err := d.fs.Rename(ctx, from, to, client.RenameOptions{}); err != nil {
		d.maybe++
		return
	}
	d.files[to] = sum
}

func (d *diarist) remove(ctx context.Context) {
	path := d.any()
	delete(d.files, path)
	if err := d.fs.Delete(ctx, path, client.DeleteOptions{}); err != nil {
		d.maybe++
	}
}

// verify reads everything that was acknowledged.
func (d *diarist) verify(ctx context.Context) {
	d.t.Helper()
	for path, want := range d.files {
		r, err := d.fs.Open(ctx, path, client.OpenOptions{})
		if err != nil {
			d.t.Errorf("%s was acknowledged: %v", path, err)
			continue
		}
		h := sha256.New()
		_, err = io.Copy(h, r)
		r.Close()
		if err != nil {
			d.t.Errorf("%s was acknowledged: %v", path, err)
		} else if [sha256.Size]byte(h.Sum(nil)) != want {
			d.t.Errorf("%s has other bytes", path)
		}
	}
}

func (d *diarist) fresh() string {
	d.n++
	return fmt.Sprintf("%s/d%d/f%d", d.dir, d.n%3, d.n)
}

func (d *diarist) any() string {
	for path := range d.files {
		return path
	}
	return ""
}

// Processes are killed at random moments of random work: nothing that was
// acknowledged is lost or changed, and what was not is never half there.
func TestKillsUnderLoad(t *testing.T) {
	const kills, users = 9, 3
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	w := world.New(t, "alluxio.user.block.size.bytes.default=128KB")
	w.Start()
	var diaries []*diarist
	for i := range users {
		diaries = append(diaries, &diarist{
			t: t, fs: newClient(t, w), rng: rand.New(rand.NewPCG(seed, uint64(i)+1)),
			dir: fmt.Sprintf("/user%d", i), files: map[string][sha256.Size]byte{},
		})
	}
	for round := range kills {
		ctx, stop := context.WithCancel(t.Context())
		var busy sync.WaitGroup
		for _, d := range diaries {
			busy.Go(func() {
				for ctx.Err() == nil {
					d.step(t.Context())
				}
			})
		}
		time.Sleep(time.Duration(100+rng.IntN(300)) * time.Millisecond)
		for _, victim := range [][]string{{"master"}, {"worker"}, {"master", "worker"}}[round%3] {
			w.Kill(victim)
		}
		w.OK("alluxio-start.sh", "local")
		stop()
		busy.Wait()
		for _, d := range diaries {
			d.verify(t.Context())
		}
		if t.Failed() {
			t.Fatalf("after kill %d", round+1)
		}
	}
	files, maybe := 0, 0
	for _, d := range diaries {
		files, maybe = files+len(d.files), maybe+d.maybe
	}
	t.Logf("%d kills, %d acknowledged files right, %d operations without an answer", kills, files, maybe)
	if files < 50 {
		t.Errorf("only %d files were acknowledged: too little was tried", files)
	}
	persistedAndWhole(t, w)
}

// A folder of a bucket is renamed, and the master killed meanwhile: afterwards it
// is under one name, whole, in the namespace and in the store alike.
func TestKillsDuringFolderRename(t *testing.T) {
	const objects, kills = 60, 3
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	k := startKodo(t, "--latency", "10ms")
	w := world.New(t)
	w.Start()
	w.OK("alluxio", k.mountArgs(kodoSecretKey, "/kodo", "kodo://walk/dir/")...)
	fs := newClient(t, w)
	for i := range objects {
		out, err := fs.Create(t.Context(), fmt.Sprintf("/kodo/x/s%d/f%d", i%4, i), client.CreateOptions{WriteType: client.Through, Recursive: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(out, "content of %d", i); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
	}
	names := [2]string{"x", "y"}
	interrupted := 0
	for range kills {
		done := make(chan error, 1)
		go func() { done <- fs.Rename(t.Context(), "/kodo/"+names[0], "/kodo/"+names[1], client.RenameOptions{}) }()
		select {
		case <-time.After(time.Duration(rng.IntN(60)) * time.Millisecond):
			interrupted++
		case <-done:
		}
		w.Kill("master")
		w.OK("alluxio-start.sh", "local")
		<-done
		w.Until(20*time.Second, "one name, whole, on both sides", func() bool {
			here, there := w.FS("ls", "-R", "/kodo"), k.keys()
			for i, name := range names {
				if strings.Count(here, "/kodo/"+name+"/s") == objects+4 && there["dir/"+name] == objects && there["dir/"+names[1-i]] == 0 &&
					!strings.Contains(here, "/kodo/"+names[1-i]+"/") {
					names[0], names[1] = name, names[1-i]
					return true
				}
			}
			return false
		})
	}
	if interrupted == 0 {
		t.Error("no rename was interrupted")
	}
	t.Logf("%d of %d renames interrupted", interrupted, kills)
}

// persistedAndWhole checks that every complete file that is to reach the store
// gets there, and leaves nothing unfinished behind.
func persistedAndWhole(t *testing.T, w *world.World) {
	t.Helper()
	w.Until(60*time.Second, "nothing left to be persisted", func() bool {
		return !strings.Contains(w.FS("ls", "-R", "/"), "TO_BE_PERSISTED")
	})
}

func newClient(t *testing.T, w *world.World) *client.Client {
	t.Helper()
	conf, err := config.Load(config.Options{
		Role: config.Client, Executable: w.Path("bin", "alluxio"), Environ: []string{},
		Defines: []string{"alluxio.user.rpc.retry.max.duration=3s", "alluxio.user.file.readtype.default=CACHE"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(conf, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, errors.Cancelled) {
			t.Errorf("close client: %v", err)
		}
	})
	return c
}
