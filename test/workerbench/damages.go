package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

const (
	damageFiles  = 24 // damaged by damageHands, each its own
	damageHands  = 4
	damageBlock  = 5 << 19 // two and a half pages
	damageBlocks = 2       // of each file
	damageBatch  = 60      // damages of each hand between restarts of the worker
)

// measureDamages damages cached files of a running worker, and of one that is
// stopped meanwhile, and reads them back in place and through the worker: whatever was done
// must be noticed before a wrong byte is given out, and every read be right.
func measureDamages(ctx context.Context, p params) ([]figure, error) {
	s, err := newStack(ctx, p, kodotest.Limits{}, 1<<30, "alluxio.user.block.size.bytes.default="+strconv.Itoa(damageBlock),
		"alluxio.worker.block.heartbeat.interval=200ms")
	if err != nil {
		return nil, err
	}
	d := &damaging{stack: s, folder: filepath.Join(p.dir, "store", "alluxioworker"), inPlace: s.client}
	figures, err := d.run(ctx, p.damages)
	return figures, first(err, s.close())
}

// damaging counts what happened.
type damaging struct {
	*stack
	folder           string
	inPlace, through *client.Client // with and without short circuit
	victims          []*victim

	mu                       sync.Mutex
	done, harmful, unnoticed int
	reads, right             int
	wrong                    []string // a few of the reads that were not right
}

// victim is a file that is damaged.
type victim struct {
	name    string
	content []byte
	older   map[int][2][]byte // by number of the block
	partial map[int][2][]byte
	blocks  []int64
}

func (d *damaging) run(ctx context.Context, n int) ([]figure, error) {
	conf, err := config.Load(config.Options{Role: config.Client, Executable: d.binary, Environ: []string{},
		Defines: append([]string{"alluxio.user.short.circuit.enabled=false"}, d.defines...)})
	if err != nil {
		return nil, err
	}
	if d.through, err = client.New(conf, client.Options{}); err != nil {
		return nil, err
	}
	defer d.through.Close()
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	for round := uint64(0); d.done < n; round++ {
		per := min(damageBatch, (n-d.done+damageHands-1)/damageHands)
		if err := d.hands(ctx, round, func(ctx context.Context, r *rand.Rand, mine []*victim) error {
			for range per {
				v, other := pick(r, mine)
				if err := d.whileRunning(ctx, r, v, other); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
		if err := d.whileStopped(ctx, round); err != nil {
			return nil, err
		}
	}
	lies, lost, err := d.onlyCopies(ctx, n/50)
	if err != nil {
		return nil, err
	}
	percent := func(good, all int) float64 { return 100 * float64(good) / float64(max(all, 1)) }
	note := fmt.Sprintf("%d damages, %d of them to bytes that are read", d.done, d.harmful)
	if len(d.wrong) > 0 {
		note += fmt.Sprintf("; %q", d.wrong)
	}
	return []figure{
		{"damages: noticed before a wrong byte, %", percent(d.harmful-d.unnoticed, d.harmful), true, 100, note},
		{"damages: reads right, %", percent(d.right, d.reads), true, 100, fmt.Sprintf("%d reads, in place and through the worker", d.reads)},
		{"damages: wrong bytes of only copies", float64(lies), false, 0, fmt.Sprintf("%d damaged, %d refused", n/50, lost)},
	}, nil
}

// hands runs f for each part of the victims at the same time.
func (d *damaging) hands(ctx context.Context, round uint64, f func(ctx context.Context, r *rand.Rand, mine []*victim) error) error {
	g, ctx := errgroup.WithContext(ctx)
	per := len(d.victims) / damageHands
	for hand := range damageHands {
		g.Go(func() error {
			return f(ctx, rand.New(rand.NewPCG(round, uint64(hand))), d.victims[hand*per:(hand+1)*per])
		})
	}
	return g.Wait()
}

// prepare makes the files, in an older version first, and caches them.
func (d *damaging) prepare(ctx context.Context) error {
	for i := range damageFiles {
		v := &victim{name: "d" + strconv.Itoa(i), older: map[int][2][]byte{}, partial: map[int][2][]byte{}}
		d.victims = append(d.victims, v)
		if err := d.version(ctx, v, 2*i); err != nil {
			return err
		}
		for b, id := range v.blocks {
			files, err := d.files(id)
			if err != nil {
				return err
			}
			v.older[b] = files
		}
		if err := d.version(ctx, v, 2*i+1); err != nil {
			return err
		}
	}
	return nil
}

// version puts a version of an object, reads a little of each of its blocks, and
// then all.
func (d *damaging) version(ctx context.Context, v *victim, seed int) error {
	v.content = make([]byte, damageBlocks*damageBlock)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(v.content)
	if err := d.put(v.name, v.content); err != nil {
		return err
	}
	info, err := d.through.Stat(ctx, "/"+v.name, client.StatOptions{Sync: new(time.Duration)})
	if err != nil {
		return err
	}
	v.blocks = info.BlockIDs
	for b, id := range v.blocks {
		if err := d.touch(ctx, v, b); err != nil {
			return err
		}
		for v.partial[b], err = d.files(id); os.IsNotExist(err); v.partial[b], err = d.files(id) {
			if !sleep(ctx, 5*time.Millisecond) {
				return ctx.Err()
			}
		}
		if err != nil {
			return err
		}
	}
	return d.heal(ctx, v)
}

// touch reads a little of a block, which the worker then keeps.
func (d *damaging) touch(ctx context.Context, v *victim, block int) error {
	f, err := d.through.Open(ctx, "/"+v.name, client.OpenOptions{})
	if err != nil {
		return err
	}
	_, err = f.ReadAt(make([]byte, 10), int64(block)*damageBlock)
	return first(err, f.Close())
}

func (d *damaging) path(id int64) string { return filepath.Join(d.folder, strconv.FormatInt(id, 10)) }

// files reads block file and sidecar.
func (d *damaging) files(id int64) (both [2][]byte, err error) {
	for i, name := range [...]string{d.path(id), d.path(id) + sidecar} {
		if both[i], err = os.ReadFile(name); err != nil {
			return both, err
		}
	}
	return both, nil
}

// heal reads a file until all of it is on disk as it should be.
func (d *damaging) heal(ctx context.Context, v *victim) error {
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, err := read(ctx, d.through, v.name); err != nil {
			return err
		}
		whole := true
		for b, id := range v.blocks {
			file, err := os.ReadFile(d.path(id))
			whole = whole && err == nil && bytes.HasPrefix(file, v.content[b*damageBlock:(b+1)*damageBlock])
		}
		if whole {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not cached again", v.name)
		}
		if !sleep(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
}

func read(ctx context.Context, c *client.Client, name string) ([]byte, error) {
	f, err := c.Open(ctx, "/"+name, client.OpenOptions{})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// hurtOne damages a block of v, with that of another file.
func (d *damaging) hurtOne(r *rand.Rand, v, other *victim) (what string, harmed bool, err error) {
	b := r.IntN(len(v.blocks))
	c := &cached{path: d.path(v.blocks[b]), other: d.path(other.blocks[0]), older: v.older[b], partial: v.partial[b],
		want: v.content[b*damageBlock : (b+1)*damageBlock]}
	if what, err = hurt(r, c); err == nil {
		harmed, err = c.harmed()
	}
	return what, harmed, err
}

// whileRunning damages a file under the running worker, sometimes under readers who
// have it open, and reads it. The other file gets its damage from some kinds.
func (d *damaging) whileRunning(ctx context.Context, r *rand.Rand, v, other *victim) error {
	var open []*client.Reader
	if r.IntN(3) == 0 {
		for _, c := range []*client.Client{d.inPlace, d.through} {
			f, err := c.Open(ctx, "/"+v.name, client.OpenOptions{})
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := f.ReadAt(make([]byte, 100<<10), r.Int64N(damageBlock)); err != nil {
				return err
			}
			open = append(open, f)
		}
	}
	what, harmed, err := d.hurtOne(r, v, other)
	if err != nil {
		return err
	}
	var lied bool
	for _, f := range open {
		got, err := io.ReadAll(f)
		lied = d.judge("open, "+what, v, got, err) || lied
	}
	lied = d.readBoth(ctx, r, what, v) || lied
	lied = d.readBoth(ctx, r, "the other of "+what, other) || lied
	d.count(harmed, lied)
	return first(d.heal(ctx, v), d.heal(ctx, other))
}

// pick chooses two of the victims.
func pick(r *rand.Rand, mine []*victim) (v, other *victim) {
	i := r.IntN(len(mine))
	return mine[i], mine[(i+1+r.IntN(len(mine)-1))%len(mine)]
}

// whileStopped damages all files while the worker is down.
func (d *damaging) whileStopped(ctx context.Context, round uint64) error {
	if err := d.alluxio(ctx, "process", "stop", "worker"); err != nil {
		return err
	}
	type hit struct {
		what   string
		harmed bool
	}
	hits := map[*victim]hit{}
	err := d.hands(ctx, round+1<<32, func(_ context.Context, r *rand.Rand, mine []*victim) error {
		for i, v := range mine {
			what, harmed, err := d.hurtOne(r, v, mine[(i+1)%len(mine)])
			if err != nil {
				return err
			}
			d.mu.Lock()
			hits[v] = hit{"stopped, " + what, harmed}
			d.mu.Unlock()
		}
		return nil
	})
	if err := first(err, d.alluxio(ctx, "process", "start", "worker")); err != nil {
		return err
	}
	return d.hands(ctx, round+2<<32, func(ctx context.Context, r *rand.Rand, mine []*victim) error {
		for _, v := range mine {
			d.count(hits[v].harmed, d.readBoth(ctx, r, hits[v].what, v))
		}
		for _, v := range mine {
			if err := d.heal(ctx, v); err != nil {
				return err
			}
		}
		return nil
	})
}

// readBoth reads a file in place and through the worker, in either order, and
// reports whether wrong bytes came.
func (d *damaging) readBoth(ctx context.Context, r *rand.Rand, what string, v *victim) (lied bool) {
	ways := []*client.Client{d.inPlace, d.through}
	from := r.IntN(2)
	for i := range ways {
		got, err := read(ctx, ways[(from+i)%2], v.name)
		lied = d.judge(what, v, got, err) || lied
	}
	return lied
}

// judge counts one read and reports whether wrong bytes came.
func (d *damaging) judge(what string, v *victim, got []byte, err error) (lied bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads++
	lied = !bytes.HasPrefix(v.content, got)
	if err == nil && len(got) == len(v.content) && !lied {
		d.right++
	} else if len(d.wrong) < 5 {
		d.wrong = append(d.wrong, fmt.Sprintf("%s: %s: wrong bytes %v, %v", v.name, what, lied, err))
	}
	return lied
}

func (d *damaging) count(harmed, lied bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done++
	if harmed {
		d.harmful++
		if lied {
			d.unnoticed++
		}
	}
}

// onlyCopies damages files that are in no store: reads are right or refused.
func (d *damaging) onlyCopies(ctx context.Context, n int) (lies, refused int, err error) {
	r := rand.New(rand.NewPCG(7, 7))
	for i := range n {
		v := &victim{name: "only" + strconv.Itoa(i), content: d.victims[i%damageFiles].content[:damageBlock]}
		w, err := d.through.Create(ctx, "/"+v.name, client.CreateOptions{WriteType: client.MustCache})
		if err == nil {
			_, err = w.Write(v.content)
			err = first(err, w.Close())
		}
		if err != nil {
			return 0, 0, err
		}
		info, err := d.through.Stat(ctx, "/"+v.name, client.StatOptions{})
		if err != nil {
			return 0, 0, err
		}
		both, err := d.files(info.BlockIDs[0])
		if err != nil {
			return 0, 0, err
		}
		c := &cached{path: d.path(info.BlockIDs[0]), other: d.path(d.victims[0].blocks[0]), older: d.victims[1].older[0], partial: both}
		kind := damages[r.IntN(len(damages))]
		if kind.name == "swap files" { // the other one is needed whole
			kind = damages[0]
		}
		if err := kind.do(r, c); err != nil {
			return 0, 0, err
		}
		for _, way := range []*client.Client{d.inPlace, d.through} {
			got, err := read(ctx, way, v.name)
			if !bytes.HasPrefix(v.content, got) || err == nil && len(got) != len(v.content) {
				lies++
			}
			if err != nil {
				refused++
			}
		}
		if err := d.through.Delete(ctx, "/"+v.name, client.DeleteOptions{}); err != nil {
			return 0, 0, err
		}
	}
	return lies, refused, nil
}
