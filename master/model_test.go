package master

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/ufs"
)

// model is a file system as simple as it can be: what every path is.
type model map[string]modelEntry

type modelEntry struct {
	dir       bool
	size      int
	persisted bool
}

func (m model) children(dir string) (n int) {
	for p := range m {
		if p != "/" && fspath.Parent(p) == dir {
			n++
		}
	}
	return n
}

// missing reports whether the parent does not exist, and file whether some
// ancestor is a file.
func (m model) above(path string) (missing, file bool) {
	for p := fspath.Parent(path); ; p = fspath.Parent(p) {
		e, ok := m[p]
		missing = missing || !ok
		file = file || ok && !e.dir
		if p == "/" {
			return missing, file
		}
	}
}

func (m model) persistAbove(path string) {
	for p := fspath.Parent(path); ; p = fspath.Parent(p) {
		m[p] = modelEntry{dir: true, persisted: true}
		if p == "/" {
			return
		}
	}
}

func (m model) makeAbove(path string) {
	for p := fspath.Parent(path); p != "/"; p = fspath.Parent(p) {
		if _, ok := m[p]; !ok {
			m[p] = modelEntry{dir: true}
		}
	}
}

// create predicts the creation of a file or directory.
func (m model) create(path string, e modelEntry) errors.Kind {
	missing, file := m.above(path)
	_, exists := m[path]
	switch {
	case file:
		return errors.Invalid
	case exists:
		return errors.Exists
	case missing:
		m.makeAbove(path)
	}
	m[path] = e
	if e.persisted {
		m.persistAbove(path)
	}
	return errors.Other
}

func (m model) delete(path string) errors.Kind {
	if _, ok := m[path]; !ok {
		return errors.NotFound
	}
	maps.DeleteFunc(m, func(p string, _ modelEntry) bool { return fspath.Within(path, p) })
	return errors.Other
}

func (m model) rename(src, dst string) errors.Kind {
	e, ok := m[src]
	_, taken := m[dst]
	missing, file := m.above(dst)
	switch {
	case src != dst && fspath.Within(src, dst):
		return errors.Invalid
	case !ok:
		return errors.NotFound
	case src == dst:
		return errors.Other
	case taken:
		return errors.Exists
	case missing || file:
		return errors.NotFound
	}
	for p, e := range maps.Clone(m) {
		if rel, ok := fspath.Rel(src, p); ok {
			delete(m, p)
			m[fspath.Join(dst, rel)] = e
		}
	}
	if e.persisted {
		m.persistAbove(dst)
	}
	return errors.Other
}

// lines describe the model, or below the master's tree, for comparison.
func (m model) lines() []string {
	var out []string
	for p, e := range m {
		if p != "/" {
			out = append(out, line(p, e.dir, e.size, e.persisted))
		}
	}
	slices.Sort(out)
	return out
}

func line(path string, dir bool, size int, persisted bool) string {
	return fmt.Sprintf("%s dir=%v size=%d persisted=%v", path, dir, size, persisted)
}

func (w *world) lines() []string {
	var out []string
	err := w.term().ListStatus(context.Background(), System, "/", ListOptions{CommonOptions: trust, Load: LoadNever, Recursive: true}, func(infos []FileInfo) error {
		for _, i := range infos {
			size := int(i.Length)
			if i.IsDir() {
				size = 0
			}
			out = append(out, line(i.Path, i.IsDir(), size, i.Persistence == inode.Persisted))
		}
		return nil
	})
	if err != nil {
		w.tb.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// ufsLines are the lines of what the UFS has.
func (w *world) ufsLines() []string {
	u, _, err := w.below("/")
	if err != nil {
		w.tb.Fatal(err)
	}
	var out []string
	for info, err := range u.List(context.Background(), "", ufs.ListOptions{Recursive: true}) {
		if err != nil {
			w.tb.Fatal(err)
		}
		out = append(out, line("/"+info.Path, info.Dir, int(info.Size), true))
	}
	slices.Sort(out)
	return out
}

// putDirs makes the directories above a path in the UFS, so that they do not go
// with their last file.
func (w *world) putDirs(path string) {
	u, rel, err := w.below(path)
	if err == nil && parentRel(rel) != "" {
		err = u.Mkdir(context.Background(), parentRel(rel), ufs.MkdirOptions{Parents: true})
	}
	if err != nil && !errors.Is(err, errors.Exists) {
		w.tb.Fatal(err)
	}
}

// TestModel performs random operations on a master and on the model, over both
// kinds of store, with failovers in between: what the master says, what is in
// the tree and what is in the UFS must agree with the model.
func TestModel(t *testing.T) { rapid.Check(t, func(r *rapid.T) { runModel(t, r) }) }

func runModel(t *testing.T, r *rapid.T) {
	props := map[string]string{}
	if rapid.Bool().Draw(r, "local") {
		props["alluxio.master.mount.table.root.ufs"] = t.TempDir()
	}
	w := newWorld(t, props)
	defer w.stop()
	m := model{"/": {dir: true, persisted: true}}
	path := func(label string) string {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a-b", "b", "c"}), 1, 3).Draw(r, label)
		return "/" + strings.Join(parts, "/")
	}
	agree := func(what string, err error, want errors.Kind) {
		if (err == nil) != (want == errors.Other) || err != nil && errors.KindOf(err) != want {
			r.Fatalf("%s: got %v (%v), want %v", what, err, errors.KindOf(err), want)
		}
	}
	r.Repeat(map[string]func(*rapid.T){
		"write": func(r *rapid.T) {
			p, size := path("path"), rapid.IntRange(0, 3000).Draw(r, "size")
			wt := rapid.SampledFrom([]WriteType{MustCache, CacheThrough, Through}).Draw(r, "type")
			want := m.create(p, modelEntry{size: size, persisted: wt.through()})
			agree("write "+p, w.tryWrite(p, size, wt), want)
		},
		"mkdir": func(r *rapid.T) {
			p, wt := path("path"), rapid.SampledFrom([]WriteType{MustCache, CacheThrough}).Draw(r, "type")
			want := m.create(p, modelEntry{dir: true, persisted: wt.through()})
			err := w.term().CreateDirectory(context.Background(), System, p, CreateOptions{CommonOptions: trust, Recursive: true, WriteType: wt})
			agree("mkdir "+p, err, want)
		},
		"delete": func(r *rapid.T) {
			p := path("path")
			if e := m[p]; e.dir && m.children(p) > 0 {
				agree("delete without recursive "+p, w.delete(p, DeleteOptions{}), errors.NotEmpty)
			}
			agree("delete "+p, w.delete(p, DeleteOptions{Recursive: true}), m.delete(p))
		},
		"rename": func(r *rapid.T) {
			src, dst := path("src"), path("dst")
			agree(fmt.Sprintf("rename %s %s", src, dst), w.rename(src, dst), m.rename(src, dst))
		},
		"put below": func(r *rapid.T) {
			p, size := path("path"), rapid.IntRange(0, 3000).Draw(r, "size")
			old, exists := m[p]
			if _, file := m.above(p); file || exists && (old.dir || !old.persisted) {
				r.Skip("not possible")
			}
			m[p] = modelEntry{size: size, persisted: true}
			for up := fspath.Parent(p); up != "/"; up = fspath.Parent(up) {
				if e, ok := m[up]; ok && !e.persisted {
					if delete(m, p); exists {
						m[p] = old
					}
					r.Skip("below what is in cache only")
				}
			}
			m.persistAbove(p)
			w.putDirs(p)
			w.put(p, strings.Repeat("y", size))
			if err := w.term().sync(context.Background(), "/", inode.TTL{}, depthAll); err != nil {
				r.Fatal(err)
			}
		},
		"remove below": func(r *rapid.T) {
			p := path("path")
			if e, ok := m[p]; !ok || e.dir || !e.persisted {
				r.Skip("nothing there")
			}
			delete(m, p)
			w.remove(p)
			if err := w.term().sync(context.Background(), "/", inode.TTL{}, depthAll); err != nil {
				r.Fatal(err)
			}
		},
		"fail over": func(*rapid.T) { w.failover() },
		"": func(r *rapid.T) {
			if got, want := w.lines(), m.lines(); !slices.Equal(got, want) {
				r.Fatalf("the tree has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			want := slices.DeleteFunc(m.lines(), func(l string) bool { return strings.HasSuffix(l, "false") })
			if got := w.ufsLines(); !slices.Equal(got, want) {
				r.Fatalf("the UFS has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		},
	})
}
