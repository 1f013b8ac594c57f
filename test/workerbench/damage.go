package main

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"
)

// cached is one block on the worker's disk, as damages see it.
type cached struct {
	path  string // of the block file; the sidecar's is longer
	other string // another block's, as long as this one
	// older are block file and sidecar of the version of the object before this one.
	older [2][]byte
	// partial are block file and sidecar of this block when little of it was present.
	partial [2][]byte
	want    []byte
}

const sidecar = ".meta"

// damage is one way in which cached files go bad.
type damage struct {
	name string
	do   func(r *rand.Rand, c *cached) error
}

var damages = []damage{
	{"flip", func(r *rand.Rand, c *cached) error {
		return edit(r, c.path, func(b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b })
	}},
	{"zero", func(r *rand.Rand, c *cached) error {
		return edit(r, c.path, func(b []byte) []byte { from, to := stretch(r, len(b)); clear(b[from:to]); return b })
	}},
	{"noise", func(r *rand.Rand, c *cached) error {
		return edit(r, c.path, func(b []byte) []byte {
			from, to := stretch(r, len(b))
			_, _ = rand.NewChaCha8([32]byte{byte(r.Uint32())}).Read(b[from:to])
			return b
		})
	}},
	{"truncate", func(r *rand.Rand, c *cached) error {
		return edit(r, c.path, func(b []byte) []byte { return b[:r.IntN(len(b))] })
	}},
	{"truncate and grow", func(r *rand.Rand, c *cached) error {
		return edit(r, c.path, func(b []byte) []byte { clear(b[r.IntN(len(b)):]); return b })
	}},
	{"grow", func(r *rand.Rand, c *cached) error {
		return edit(r, c.path, func(b []byte) []byte { return append(b, b[:r.IntN(4096)+1]...) })
	}},
	{"swap pages", func(r *rand.Rand, c *cached) error {
		return edit(r, c.path, func(b []byte) []byte {
			unit := 4096 << r.IntN(9) // up to a page of 1 MiB
			n := len(b) / unit
			if n < 2 {
				return b
			}
			i, j := r.IntN(n)*unit, r.IntN(n)*unit
			tmp := bytes.Clone(b[i : i+unit])
			copy(b[i:i+unit], b[j:j+unit])
			copy(b[j:j+unit], tmp)
			return b
		})
	}},
	{"shift", func(r *rand.Rand, c *cached) error {
		return edit(r, c.path, func(b []byte) []byte { n := r.IntN(len(b)); return append(bytes.Clone(b[n:]), b[:n]...) })
	}},
	{"page of another block", func(r *rand.Rand, c *cached) error {
		foreign, err := os.ReadFile(c.other)
		if err != nil {
			return err
		}
		return edit(r, c.path, func(b []byte) []byte {
			from, to := stretch(r, min(len(b), len(foreign)))
			copy(b[from:to], foreign[from:to])
			return b
		})
	}},
	{"file of another block", func(r *rand.Rand, c *cached) error { return copyOver(r, c.other, c.path) }},
	{"both files of another block", func(r *rand.Rand, c *cached) error {
		return first(copyOver(r, c.other, c.path), copyOver(r, c.other+sidecar, c.path+sidecar))
	}},
	{"swap files", func(_ *rand.Rand, c *cached) error {
		return first(os.Rename(c.path, c.path+".x"), os.Rename(c.other, c.path), os.Rename(c.path+".x", c.other))
	}},
	{"stale file", func(r *rand.Rand, c *cached) error { return put(r, c.path, c.older[0]) }},
	{"stale file and sidecar", func(r *rand.Rand, c *cached) error {
		return first(put(r, c.path, c.older[0]), put(r, c.path+sidecar, c.older[1]))
	}},
	{"partial copy", func(r *rand.Rand, c *cached) error { return put(r, c.path, c.partial[0]) }},
	{"partial copy and sidecar", func(r *rand.Rand, c *cached) error {
		return first(put(r, c.path, c.partial[0]), put(r, c.path+sidecar, c.partial[1]))
	}},
	{"delete", func(_ *rand.Rand, c *cached) error { return os.Remove(c.path) }},
	{"delete sidecar", func(_ *rand.Rand, c *cached) error { return os.Remove(c.path + sidecar) }},
	{"delete both", func(_ *rand.Rand, c *cached) error { return first(os.Remove(c.path), os.Remove(c.path+sidecar)) }},
	{"flip in sidecar", func(r *rand.Rand, c *cached) error {
		return edit(r, c.path+sidecar, func(b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b })
	}},
	{"truncate sidecar", func(r *rand.Rand, c *cached) error {
		return edit(r, c.path+sidecar, func(b []byte) []byte { return b[:r.IntN(len(b))] })
	}},
	{"sidecar of another block", func(r *rand.Rand, c *cached) error { return copyOver(r, c.other+sidecar, c.path+sidecar) }},
}

// hurt damages a block in one way, or in two at once.
func hurt(r *rand.Rand, c *cached) (what string, err error) {
	for range 1 + r.IntN(5)/4 {
		d := damages[r.IntN(len(damages))]
		what += d.name + " "
		// After one damage there may be nothing left for another.
		if err = d.do(r, c); err != nil && !os.IsNotExist(err) {
			return what, err
		}
	}
	return what, nil
}

// harmed reports whether the block file does not have the bytes it should.
func (c *cached) harmed() (bool, error) {
	b, err := os.ReadFile(c.path)
	if os.IsNotExist(err) {
		return true, nil
	}
	return !bytes.HasPrefix(b, c.want), err
}

// stretch is a part of n bytes that is not empty.
func stretch(r *rand.Rand, n int) (from, to int) {
	from = r.IntN(n)
	return from, from + 1 + r.IntN(min(n-from, 256<<10))
}

// edit changes a file.
func edit(r *rand.Rand, path string, change func([]byte) []byte) error {
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return err
	}
	return put(r, path, change(b))
}

func copyOver(r *rand.Rand, from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return put(r, to, b)
}

// put gives a file other bytes: in place or by another file of its name, and with
// its times set back or not.
func put(r *rand.Rand, path string, b []byte) error {
	var before fs.FileInfo
	if r.IntN(2) == 0 {
		before, _ = os.Stat(path)
	}
	var err error
	if r.IntN(2) == 0 {
		err = first(os.WriteFile(path+".x", b, 0o644), os.Rename(path+".x", path))
	} else {
		err = inPlace(path, b)
	}
	if err == nil && before != nil {
		err = os.Chtimes(path, time.Time{}, before.ModTime())
	}
	return err
}

func inPlace(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	return first(err, f.Truncate(int64(len(b))), f.Close())
}

// first is the first error of several.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
