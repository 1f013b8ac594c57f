package ufstest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/ufstest/contract"
)

// random does random operations on a store and on a model of it, and compares.
func random(t *testing.T, open func(t *testing.T) ufs.UFS) {
	u := opened(t, open)
	object, _ := ufs.As[ufs.ObjectStore](u)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := &machine{u: u, base: fmt.Sprintf("run%d", run), model: model{files: map[string]string{}, dirs: map[string]bool{"": true}}}
		m.model.flat = object != nil && object.IsObjectStore()
		if err := u.Mkdir(rt.Context(), m.base, ufs.MkdirOptions{}); err != nil {
			rt.Fatalf("mkdir: %v", err)
		}
		rt.Repeat(rapid.StateMachineActions(m))
		if err := contract.RemoveAll(rt.Context(), u, m.base); err != nil {
			rt.Fatalf("removing everything: %v", err)
		}
	})
}

// model is what a store should hold: files with their content, and directories
// that exist without anything in them. In flat stores those are the ones made
// by Mkdir; elsewhere, all.
type model struct {
	flat  bool
	files map[string]string
	dirs  map[string]bool
}

// isDir reports whether p is a directory.
func (m *model) isDir(p string) bool { return m.dirs[p] || len(m.below(p)) > 0 }

// below returns the paths of the files and directories below p.
func (m *model) below(p string) (paths []string) {
	for _, q := range slices.Concat(slices.Collect(maps.Keys(m.files)), slices.Collect(maps.Keys(m.dirs))) {
		if p == "" && q != "" || strings.HasPrefix(q, p+"/") {
			paths = append(paths, q)
		}
	}
	return paths
}

// parents notes the directories that making p makes.
func (m *model) parents(p string, explicit bool) {
	if m.flat && !explicit {
		return
	}
	for dir, _ := ufs.Split(p); dir != ""; dir, _ = ufs.Split(dir) {
		m.dirs[dir] = true
	}
}

// listing returns what listing dir recursively gives, as Info.ListKey.
func (m *model) listing(dir string) (keys []string) {
	prefix := ""
	if dir != "" {
		prefix = dir + "/"
	}
	set := map[string]bool{}
	for _, p := range m.below(dir) {
		if _, file := m.files[p]; file {
			set[p[len(prefix):]] = true
		} else {
			set[p[len(prefix):]+"/"] = true
		}
		for up, _ := ufs.Split(p); len(up) > len(dir); up, _ = ufs.Split(up) {
			set[up[len(prefix):]+"/"] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// machine drives a store and its model.
type machine struct {
	u    ufs.UFS
	base string
	model
}

// path draws a path none of whose parents is a file.
func (m *machine) path(t *rapid.T, label string) string {
	names := rapid.SampledFrom([]string{"a", "a!", "a.b", "b", "ü"})
	parts := rapid.SliceOfN(names, 1, 3).Draw(t, label)
	p := strings.Join(parts, "/")
	for dir, _ := ufs.Split(p); dir != ""; dir, _ = ufs.Split(dir) {
		if _, file := m.files[dir]; file {
			return dir
		}
	}
	return p
}

func (m *machine) at(p string) string { return ufs.Join(m.base, p) }

// want checks that err is of the kind, nil for errors.Other.
func want(t *rapid.T, what string, err error, kind errors.Kind) {
	t.Helper()
	if kind == errors.Other && err != nil || kind != errors.Other && !errors.Is(err, kind) {
		t.Fatalf("%s: error %v (%v), want %v", what, err, errors.KindOf(err), kind)
	}
}

func (m *machine) Create(t *rapid.T) {
	p := m.path(t, "path")
	data := rapid.StringN(0, 20, -1).Draw(t, "data")
	exclusive := rapid.Bool().Draw(t, "exclusive")
	_, file := m.files[p]
	kind := errors.Other
	if m.isDir(p) || file && exclusive {
		kind = errors.Exists
	}
	w, err := m.u.Create(t.Context(), m.at(p), ufs.CreateOptions{Exclusive: exclusive})
	if err == nil {
		if _, err := w.Write([]byte(data)); err != nil {
			t.Fatalf("write: %v", err)
		}
		if rapid.Bool().Draw(t, "abort") {
			want(t, "abort of "+p, w.Abort(t.Context()), errors.Other)
			m.parents(p, false)
			return
		}
		_, err = w.Commit(t.Context())
	}
	want(t, "create of "+p, err, kind)
	if err == nil {
		m.files[p] = data
		m.parents(p, false)
	}
}

func (m *machine) Mkdir(t *rapid.T) {
	p := m.path(t, "path")
	kind := errors.Other
	if _, file := m.files[p]; file || m.isDir(p) {
		kind = errors.Exists
	}
	// In a flat store, parents that are implied get no marker and those that
	// are missing do.
	missing := []string{}
	for dir, _ := ufs.Split(p); dir != "" && !m.isDir(dir); dir, _ = ufs.Split(dir) {
		missing = append(missing, dir)
	}
	want(t, "mkdir of "+p, m.u.Mkdir(t.Context(), m.at(p), ufs.MkdirOptions{Parents: true}), kind)
	if kind == errors.Other {
		m.dirs[p] = true
		for _, dir := range missing {
			m.dirs[dir] = true
		}
		m.parents(p, false)
	}
}

func (m *machine) Delete(t *rapid.T) {
	p := m.path(t, "path")
	_, file := m.files[p]
	kind := errors.Other
	switch {
	case !file && !m.isDir(p):
		kind = errors.NotFound
	case len(m.below(p)) > 0:
		kind = errors.NotEmpty
	}
	want(t, "delete of "+p, m.u.Delete(t.Context(), m.at(p)), kind)
	if kind == errors.Other {
		delete(m.files, p)
		delete(m.dirs, p)
	}
}

func (m *machine) DeleteDir(t *rapid.T) {
	d, ok := ufs.As[ufs.DirDeleter](m.u)
	if !ok {
		t.Skip("no DirDeleter")
	}
	p := m.path(t, "path")
	kind := errors.Other
	if _, file := m.files[p]; file {
		kind = errors.Invalid
	}
	want(t, "delete of the directory "+p, d.DeleteDir(t.Context(), m.at(p)), kind)
	if kind == errors.Other {
		for _, q := range append(m.below(p), p) {
			delete(m.files, q)
			delete(m.dirs, q)
		}
	}
}

func (m *machine) Rename(t *rapid.T) {
	src, dst := m.path(t, "src"), m.path(t, "dst")
	if dir, _ := ufs.Split(dst); !m.isDir(dir) || strings.HasPrefix(dst, src+"/") {
		t.Skip("the parent of the destination is missing")
	}
	_, file := m.files[src]
	kind := errors.Other
	switch {
	case !file && !m.isDir(src):
		kind = errors.NotFound
	case !file:
		kind = errors.Unsupported
	case m.isDir(dst):
		kind = errors.Exists
	}
	err := m.u.Rename(t.Context(), m.at(src), m.at(dst))
	if kind != errors.Other && err != nil && m.isDir(dst) {
		return // two things are wrong: either may be said
	}
	want(t, "rename of "+src+" to "+dst, err, kind)
	if kind == errors.Other {
		data := m.files[src]
		delete(m.files, src)
		m.files[dst] = data
	}
}

func (m *machine) RenameDir(t *rapid.T) {
	d, ok := ufs.As[ufs.DirRenamer](m.u)
	if !ok {
		t.Skip("no DirRenamer")
	}
	src, dst := m.path(t, "src"), m.path(t, "dst")
	if dir, _ := ufs.Split(dst); !m.isDir(dir) {
		t.Skip("the parent of the destination is missing")
	}
	_, srcFile := m.files[src]
	_, dstFile := m.files[dst]
	possible := !srcFile && m.isDir(src) && !dstFile && !m.isDir(dst) && src != dst && !strings.HasPrefix(dst, src+"/")
	err := d.RenameDir(t.Context(), m.at(src), m.at(dst))
	if possible != (err == nil) {
		t.Fatalf("move of the directory %s to %s: %v", src, dst, err)
	}
	if !possible {
		return
	}
	for _, q := range append(m.below(src), src) {
		to := dst + q[len(src):]
		if data, file := m.files[q]; file {
			delete(m.files, q)
			m.files[to] = data
		}
		if m.dirs[q] {
			delete(m.dirs, q)
			m.dirs[to] = true
		}
	}
}

// Check compares the store with the model after every action.
func (m *machine) Check(t *rapid.T) {
	got := []string{}
	for info, err := range m.u.List(t.Context(), m.base, ufs.ListOptions{Recursive: true}) {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		p := strings.TrimPrefix(info.Path, m.base+"/")
		got = append(got, strings.TrimPrefix(info.ListKey(), m.base+"/"))
		if data := m.files[p]; !info.Dir && info.Size != int64(len(data)) {
			t.Fatalf("%s has %d bytes, want %d", p, info.Size, len(data))
		}
	}
	if wanted := m.listing(""); !slices.Equal(got, wanted) && len(got)+len(wanted) > 0 {
		t.Fatalf("the store holds %q,\nwant %q", got, wanted)
	}
}
