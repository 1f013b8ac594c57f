package contract

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

func rename(e *Env) {
	ctx := e.Context()
	e.write("a", []byte("content a"))
	e.mkdir("d")
	if err := e.UFS.Rename(ctx, e.path("a"), e.path("d/b")); err != nil {
		e.Fatalf("rename: %v", err)
	}
	e.wantAbsent("a")
	e.wantContent("d/b", []byte("content a"))
	old := e.write("c", []byte("content c"))
	if err := e.UFS.Rename(ctx, e.path("d/b"), e.path("c")); err != nil {
		e.Fatalf("rename over a file: %v", err)
	}
	e.wantAbsent("d/b")
	e.wantContent("c", []byte("content a"))
	if info, err := e.UFS.Stat(ctx, e.path("c")); err != nil || info.Fingerprint == old.Fingerprint || info.Size != 9 {
		e.Errorf("Stat of the replaced file = %+v, %v; before: %+v", info, err, old)
	}
	if err := e.UFS.Rename(ctx, e.path("c"), e.path("c")); err != nil {
		e.Errorf("rename of a file to itself: %v", err)
	}
	e.wantContent("c", []byte("content a"))
	large := pattern(9<<20, 9)
	e.write("large", large)
	if err := e.UFS.Rename(ctx, e.path("large"), e.path("d/large")); err != nil {
		e.Fatalf("rename of a large file: %v", err)
	}
	e.wantContent("d/large", large)
	if got := e.list("", ufs.ListOptions{Recursive: true}); !slices.Equal(got, []string{"c", "d/", "d/large"}) {
		e.Errorf("at the end there are %q", got)
	}
}

func renameRefused(e *Env) {
	ctx := e.Context()
	e.write("file", []byte("x"))
	e.write("full/child", []byte("y"))
	e.mkdir("empty")
	e.wantKind("rename of nothing", e.UFS.Rename(ctx, e.path("missing"), e.path("x")), errors.NotFound)
	e.wantKind("rename of nothing to itself", e.UFS.Rename(ctx, e.path("missing"), e.path("missing")), errors.NotFound)
	e.wantKind("rename of nothing over a file", e.UFS.Rename(ctx, e.path("missing"), e.path("file")), errors.NotFound)
	for _, dir := range []string{"full", "empty"} {
		e.wantKind("rename of the directory "+dir, e.UFS.Rename(ctx, e.path(dir), e.path("x")), errors.Unsupported)
		e.wantKind("rename over the directory "+dir, e.UFS.Rename(ctx, e.path("file"), e.path(dir)), errors.Exists)
	}
	e.wantContent("file", []byte("x"))
	e.wantContent("full/child", []byte("y"))
	e.wantAbsent("x")
}

func renameDir(e *Env) {
	d, ok := ufs.As[ufs.DirRenamer](e.UFS)
	if !ok {
		e.Skipf("the store is no ufs.DirRenamer")
	}
	e.parallel(230, func(e *Env, i int) { e.write(fmt.Sprintf("src/%d/%d", i%5, i), []byte(fmt.Sprint(i))) })
	e.mkdir("src/empty")
	e.write("src2", []byte("x"))
	e.mkdir("parent")
	before := e.list("src", ufs.ListOptions{Recursive: true})
	if err := d.RenameDir(e.Context(), e.path("src"), e.path("parent/dst")); err != nil {
		e.Fatalf("RenameDir: %v", err)
	}
	e.wantAbsent("src")
	if after := e.list("parent/dst", ufs.ListOptions{Recursive: true}); !slices.Equal(before, after) {
		e.Errorf("before the move %d entries, after it %d: %q", len(before), len(after), after)
	}
	for i := range 230 {
		e.wantContent(fmt.Sprintf("parent/dst/%d/%d", i%5, i), []byte(fmt.Sprint(i)))
	}
	e.wantContent("src2", []byte("x"))
	e.wantKind("a second move", d.RenameDir(e.Context(), e.path("src"), e.path("parent/dst")), errors.NotFound)
	if err := d.RenameDir(e.Context(), e.path("parent/dst"), e.path("src")); err != nil {
		e.Errorf("moving it back: %v", err)
	}
	if after := e.list("src", ufs.ListOptions{Recursive: true}); !slices.Equal(before, after) {
		e.Errorf("moved back: %q", after)
	}
}

func renameDirRefused(e *Env) {
	d, ok := ufs.As[ufs.DirRenamer](e.UFS)
	if !ok {
		e.Skipf("the store is no ufs.DirRenamer")
	}
	ctx := e.Context()
	e.write("a/1", []byte("1"))
	e.write("b/2", []byte("2"))
	e.mkdir("empty")
	e.write("file", []byte("x"))
	for _, dst := range []string{"b", "empty", "file"} {
		e.wantKind("a directory moved over "+dst, d.RenameDir(ctx, e.path("a"), e.path(dst)), errors.Exists)
	}
	e.wantKind("a directory moved into itself", d.RenameDir(ctx, e.path("a"), e.path("a/c")), errors.Invalid)
	e.wantKind("nothing moved", d.RenameDir(ctx, e.path("missing"), e.path("c")), errors.NotFound)
	e.wantKind("a file moved as a directory", d.RenameDir(ctx, e.path("file"), e.path("c")), errors.Invalid)
	e.wantContent("a/1", []byte("1"))
	e.wantContent("b/2", []byte("2"))
	e.wantAbsent("c")
}

func setAttr(e *Env) {
	a, ok := ufs.As[ufs.AttrSetter](e.UFS)
	if !ok {
		e.Skipf("the store is no ufs.AttrSetter")
	}
	e.write("file", []byte("x"))
	e.mkdir("dir")
	for p, mode := range map[string]uint32{"file": 0o640, "dir": 0o750} {
		if err := a.SetAttr(e.Context(), e.path(p), "", "", &mode); err != nil {
			e.Errorf("SetAttr: %v", err)
		}
		if info, err := e.UFS.Stat(e.Context(), e.path(p)); err != nil || info.Mode != mode {
			e.Errorf("%s has mode %o, want %o (%v)", p, info.Mode, mode, err)
		}
	}
	info, err := e.create("moded", []byte("x"), ufs.CreateOptions{Mode: 0o604})
	if err != nil || info.Mode != 0o604 {
		e.Errorf("created with mode %o, want 604 (%v)", info.Mode, err)
	}
	e.wantKind("SetAttr of nothing", a.SetAttr(e.Context(), e.path("missing"), "", "", new(uint32)), errors.NotFound)
}

func space(e *Env) {
	s, ok := ufs.As[ufs.SpaceReporter](e.UFS)
	if !ok {
		e.Skipf("the store is no ufs.SpaceReporter")
	}
	if total, used, err := s.Space(e.Context()); err != nil || total <= 0 || used < 0 || used > total {
		e.Errorf("Space = %d, %d, %v", total, used, err)
	}
}

// sweep checks that sweeping takes away nothing that was committed, and that
// the write it interrupts does not become visible in part.
func sweep(e *Env) {
	s, ok := ufs.As[ufs.Sweeper](e.UFS)
	if !ok || !e.Alone {
		e.Skipf("sweeping would disturb the uploads of other users of the store")
	}
	e.write("kept", []byte("x"))
	w, err := e.UFS.Create(e.Context(), e.path("left"), ufs.CreateOptions{})
	if err != nil {
		e.Fatalf("create: %v", err)
	}
	data := pattern(9<<20, 10)
	if _, err := w.Write(data); err != nil {
		e.Fatalf("write: %v", err)
	}
	if _, err := s.Sweep(e.Context(), 0); err != nil {
		e.Errorf("Sweep: %v", err)
	}
	if _, err := w.Commit(e.Context()); err == nil {
		e.wantContent("left", data)
	} else {
		e.wantAbsent("left")
	}
	e.wantContent("kept", []byte("x"))
	if n, err := s.Sweep(e.Context(), 0); err != nil || n != 0 {
		e.Errorf("a second sweep removed %d, %v", n, err)
	}
}

func cancelledContext(e *Env) {
	e.write("file", []byte("x"))
	ctx, cancel := context.WithCancel(e.Context())
	cancel()
	_, err := e.UFS.Stat(ctx, e.path("file"))
	e.wantKind("Stat", err, errors.Cancelled)
	for _, err := range e.UFS.List(ctx, e.Dir, ufs.ListOptions{}) {
		e.wantKind("List", err, errors.Cancelled)
	}
	r, err := e.UFS.Open(ctx, e.path("file"), ufs.OpenOptions{Length: -1})
	if err == nil {
		_, err = r.Read(make([]byte, 1))
		r.Close()
	}
	e.wantKind("Open", err, errors.Cancelled)
	w, err := e.UFS.Create(ctx, e.path("new"), ufs.CreateOptions{})
	if err == nil {
		_, err = w.Commit(ctx)
	}
	e.wantKind("Create", err, errors.Cancelled)
	e.wantKind("Delete", e.UFS.Delete(ctx, e.path("file")), errors.Cancelled)
	e.wantKind("Mkdir", e.UFS.Mkdir(ctx, e.path("dir"), ufs.MkdirOptions{}), errors.Cancelled)
	e.wantKind("Rename", e.UFS.Rename(ctx, e.path("file"), e.path("to")), errors.Cancelled)
	e.wantContent("file", []byte("x"))
	e.wantAbsent("new")
	e.wantAbsent("to")
}

// concurrent lets many use the store at once, each on files of its own.
func concurrent(e *Env) {
	e.parallel(64, func(e *Env, i int) {
		p, data := fmt.Sprintf("d/%d/file", i%8*100+i), pattern(1000+i, uint64(i))
		e.write(p, data)
		e.wantContent(p, data)
		if err := e.UFS.Rename(e.Context(), e.path(p), e.path(p+".moved")); err != nil {
			e.Errorf("rename: %v", err)
		}
		e.wantContent(p+".moved", data)
		if err := e.UFS.Delete(e.Context(), e.path(p+".moved")); err != nil {
			e.Errorf("delete: %v", err)
		}
		e.wantAbsent(p)
	})
}

// parallel calls do for 0 to n-1, some at a time, each with an Env whose
// failures become errors of e.
func (e *Env) parallel(n int, do func(e *Env, i int)) {
	e.Helper()
	const workers = 16
	recorders := make([]*recorder, workers)
	var wg sync.WaitGroup
	for k := range workers {
		r := &recorder{ctx: e.Context()}
		recorders[k] = r
		wg.Go(func() {
			defer r.recover()
			for i := k; i < n; i += workers {
				do(&Env{T: r, UFS: e.UFS, Dir: e.Dir, Many: e.Many}, i)
			}
		})
	}
	wg.Wait()
	for _, r := range recorders {
		for _, failure := range r.failures {
			e.Errorf("%s", failure)
		}
	}
}
