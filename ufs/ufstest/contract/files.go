package contract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

func statMissing(e *Env) {
	e.wantAbsent("")
	e.wantAbsent("no")
	e.wantAbsent("no/such/path")
	e.write("file", []byte("x"))
	e.wantAbsent("fil")
	e.wantAbsent("file2")
	e.wantAbsent("file/below")
}

func invalidPaths(e *Env) {
	ctx := e.Context()
	for _, p := range []string{"/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\x00b", "a\xff"} {
		_, err := e.UFS.Stat(ctx, p)
		e.wantKind(fmt.Sprintf("Stat(%q)", p), err, errors.Invalid)
		for _, err := range e.UFS.List(ctx, p, ufs.ListOptions{}) {
			e.wantKind(fmt.Sprintf("List(%q)", p), err, errors.Invalid)
		}
		_, err = e.UFS.Open(ctx, p, ufs.OpenOptions{Length: -1})
		e.wantKind(fmt.Sprintf("Open(%q)", p), err, errors.Invalid)
		_, err = e.UFS.Create(ctx, p, ufs.CreateOptions{})
		e.wantKind(fmt.Sprintf("Create(%q)", p), err, errors.Invalid)
		e.wantKind(fmt.Sprintf("Delete(%q)", p), e.UFS.Delete(ctx, p), errors.Invalid)
		e.wantKind(fmt.Sprintf("Mkdir(%q)", p), e.UFS.Mkdir(ctx, p, ufs.MkdirOptions{}), errors.Invalid)
		e.wantKind(fmt.Sprintf("Rename(%q, …)", p), e.UFS.Rename(ctx, p, e.path("x")), errors.Invalid)
		e.wantKind(fmt.Sprintf("Rename(…, %q)", p), e.UFS.Rename(ctx, e.path("x"), p), errors.Invalid)
	}
}

func rootIsDirectory(e *Env) {
	ctx := e.Context()
	info, err := e.UFS.Stat(ctx, "")
	if err != nil || !info.Dir || info.Path != "" || info.Fingerprint != "" {
		e.Errorf("Stat of the root = %+v, %v", info, err)
	}
	if e.UFS.URI() == "" {
		e.Errorf("URI is empty")
	}
	_, err = e.UFS.Create(ctx, "", ufs.CreateOptions{})
	e.wantKind("Create of the root", err, errors.Invalid)
	e.wantKind("Delete of the root", e.UFS.Delete(ctx, ""), errors.Invalid)
	e.wantKind("Mkdir of the root", e.UFS.Mkdir(ctx, "", ufs.MkdirOptions{Parents: true}), errors.Exists)
}

func createAndStat(e *Env) {
	data := []byte("some bytes")
	committed := e.write("a/b/file", data)
	info, err := e.UFS.Stat(e.Context(), e.path("a/b/file"))
	if err != nil {
		e.Fatalf("stat: %v", err)
	}
	if info.Path != e.path("a/b/file") || info.Dir || info.Size != int64(len(data)) || info.Fingerprint == "" {
		e.Errorf("Stat = %+v", info)
	}
	if age := time.Since(info.ModTime); age < -time.Hour || age > time.Hour {
		e.Errorf("the modification time of a new file is %v", info.ModTime)
	}
	if committed.Path != info.Path || committed.Size != info.Size || committed.Fingerprint != info.Fingerprint || committed.Dir {
		e.Errorf("Commit described %+v, Stat %+v", committed, info)
	}
	e.wantContent("a/b/file", data)
	for _, dir := range []string{"a", "a/b"} {
		if info, err := e.UFS.Stat(e.Context(), e.path(dir)); err != nil || !info.Dir || info.Path != e.path(dir) || info.Size != 0 || info.Fingerprint != "" {
			e.Errorf("Stat of the parent %q = %+v, %v", dir, info, err)
		}
	}
}

func createEmpty(e *Env) {
	w, err := e.UFS.Create(e.Context(), e.path("empty"), ufs.CreateOptions{})
	if err != nil {
		e.Fatalf("create: %v", err)
	}
	info, err := w.Commit(e.Context())
	if err != nil || info.Size != 0 || info.Fingerprint == "" {
		e.Fatalf("commit = %+v, %v", info, err)
	}
	e.wantContent("empty", nil)
	for _, opts := range []ufs.OpenOptions{{Length: 0}, {Length: 10}, {Length: -1, Fingerprint: info.Fingerprint}, {Length: 5, Fingerprint: info.Fingerprint}} {
		if got, err := e.read("empty", opts); err != nil || len(got) != 0 {
			e.Errorf("read %+v = %q, %v", opts, got, err)
		}
	}
	_, err = e.read("empty", ufs.OpenOptions{Offset: 1, Length: 1})
	e.wantKind("reading behind the end of an empty file", err, errors.OutOfRange)
}

// createLarge writes more than a part of any store, in uneven pieces.
func createLarge(e *Env) {
	data := pattern(9<<20+12345, 1)
	w, err := e.UFS.Create(e.Context(), e.path("large"), ufs.CreateOptions{SizeHint: int64(len(data))})
	if err != nil {
		e.Fatalf("create: %v", err)
	}
	for rest, n := data, 1; len(rest) > 0; n = n*3 + 7 {
		k := min(n%700_001, len(rest))
		if m, err := w.Write(rest[:k]); err != nil || m != k {
			_ = w.Abort(e.Context())
			e.Fatalf("write of %d bytes = %d, %v", k, m, err)
		}
		rest = rest[k:]
	}
	info, err := w.Commit(e.Context())
	if err != nil || info.Size != int64(len(data)) {
		e.Fatalf("commit = %+v, %v", info, err)
	}
	e.wantContent("large", data)
	got, err := e.read("large", ufs.OpenOptions{Offset: 4<<20 - 3, Length: 1 << 20, Fingerprint: info.Fingerprint})
	if err != nil || !bytes.Equal(got, data[4<<20-3:5<<20-3]) {
		e.Errorf("a range of a large file: %s, %v", brief(got), err)
	}
}

func createReplaces(e *Env) {
	first := e.write("file", []byte("old content"))
	second := e.write("file", []byte("new content"))
	if first.Fingerprint == second.Fingerprint {
		e.Errorf("another content of the same length has the same fingerprint %q", first.Fingerprint)
	}
	e.wantContent("file", []byte("new content"))
	e.write("file", []byte("short"))
	e.wantContent("file", []byte("short"))
	if got := e.list("", ufs.ListOptions{}); len(got) != 1 {
		e.Errorf("a replaced file is listed as %q", got)
	}
}

func createInvisible(e *Env) {
	data := pattern(9<<20, 2)
	w, err := e.UFS.Create(e.Context(), e.path("d/file"), ufs.CreateOptions{})
	if err != nil {
		e.Fatalf("create: %v", err)
	}
	if _, err := w.Write(data); err != nil {
		_ = w.Abort(e.Context())
		e.Fatalf("write: %v", err)
	}
	e.wantAbsent("d/file")
	for info, err := range e.UFS.List(e.Context(), e.path("d"), ufs.ListOptions{Recursive: true}) {
		if err == nil || !errors.Is(err, errors.NotFound) {
			e.Errorf("before the commit the directory lists %+v, %v", info, err)
		}
	}
	if _, err := w.Commit(e.Context()); err != nil {
		e.Fatalf("commit: %v", err)
	}
	e.wantContent("d/file", data)
	_, err = w.Commit(e.Context())
	if err == nil {
		e.Errorf("a second commit succeeded")
	}
	if _, err := w.Write([]byte("x")); err == nil {
		e.Errorf("a write after the commit succeeded")
	}
	if err := w.Abort(e.Context()); err != nil {
		e.Errorf("abort after the commit: %v", err)
	}
	e.wantContent("d/file", data)
}

func createExclusive(e *Env) {
	exclusive := ufs.CreateOptions{Exclusive: true}
	if _, err := e.create("file", []byte("first"), exclusive); err != nil {
		e.Fatalf("exclusive create of a new file: %v", err)
	}
	_, err := e.create("file", []byte("second"), exclusive)
	e.wantKind("exclusive create of an existing file", err, errors.Exists)
	e.wantContent("file", []byte("first"))

	w, err := e.UFS.Create(e.Context(), e.path("late"), exclusive)
	if err != nil {
		e.Fatalf("create: %v", err)
	}
	e.write("late", []byte("overtaken"))
	_, err = w.Commit(e.Context())
	e.wantKind("exclusive commit over a file made meanwhile", err, errors.Exists)
	e.wantContent("late", []byte("overtaken"))
	if err := w.Abort(e.Context()); err != nil {
		e.Errorf("abort after a failed commit: %v", err)
	}
	if got := e.list("", ufs.ListOptions{}); len(got) != 2 {
		e.Errorf("a refused commit left something: %q", got)
	}
}

func createExclusiveRace(e *Env) {
	const writers = 8
	infos, errs := race(e, writers, ufs.CreateOptions{Exclusive: true})
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			e.Errorf("writers %d and %d both created the file exclusively", winner, i)
		case err == nil:
			winner = i
		default:
			e.wantKind("losing an exclusive create", err, errors.Exists)
		}
	}
	if winner < 0 {
		e.Fatalf("nobody created the file: %v", errs)
	}
	e.wantContent("file", content(winner))
	if info, err := e.UFS.Stat(e.Context(), e.path("file")); err != nil || info.Fingerprint != infos[winner].Fingerprint {
		e.Errorf("Stat = %+v, %v; the winner has %q", info, err, infos[winner].Fingerprint)
	}
}

func createRace(e *Env) {
	const writers = 8
	_, errs := race(e, writers, ufs.CreateOptions{})
	for i, err := range errs {
		if err != nil {
			e.Errorf("writer %d: %v", i, err)
		}
	}
	got, err := e.read("file", ufs.OpenOptions{Length: -1})
	if err != nil {
		e.Fatalf("read: %v", err)
	}
	for i := range writers {
		if bytes.Equal(got, content(i)) {
			return
		}
	}
	e.Errorf("the file is nobody's: %s", brief(got))
}

// race lets n writers create one file at the same time.
func race(e *Env, n int, opts ufs.CreateOptions) ([]ufs.Info, []error) {
	infos, errs := make([]ufs.Info, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { infos[i], errs[i] = e.create("file", content(i), opts) })
	}
	wg.Wait()
	return infos, errs
}

func content(writer int) []byte { return pattern(100_000+writer, uint64(writer)) }

func createOverDirectory(e *Env) {
	e.mkdir("dir")
	e.write("full/child", []byte("x"))
	for _, dir := range []string{"dir", "full"} {
		_, err := e.create(dir, []byte("y"), ufs.CreateOptions{})
		e.wantKind("creating a file over the directory "+dir, err, errors.Exists)
		if info, err := e.UFS.Stat(e.Context(), e.path(dir)); err != nil || !info.Dir {
			e.Errorf("afterwards %s is %+v, %v", dir, info, err)
		}
	}
	e.wantContent("full/child", []byte("x"))
}

func createCancelled(e *Env) {
	ctx, cancel := context.WithCancel(e.Context())
	defer cancel()
	w, err := e.UFS.Create(ctx, e.path("file"), ufs.CreateOptions{})
	if err != nil {
		e.Fatalf("create: %v", err)
	}
	if _, err := w.Write(pattern(5<<20, 3)); err != nil {
		e.Fatalf("write: %v", err)
	}
	cancel()
	if _, err = w.Write([]byte("x")); err == nil {
		_, err = w.Commit(e.Context())
	}
	e.wantKind("going on with a cancelled create", err, errors.Cancelled)
	if err := w.Abort(e.Context()); err != nil {
		e.Errorf("abort: %v", err)
	}
	e.wantAbsent("file")
}

func abortLeavesNothing(e *Env) {
	e.mkdir("d")
	for _, size := range []int{0, 10, 9 << 20} {
		w, err := e.UFS.Create(e.Context(), e.path("d/file"), ufs.CreateOptions{})
		if err != nil {
			e.Fatalf("create: %v", err)
		}
		if _, err := w.Write(pattern(size, 4)); err != nil {
			e.Errorf("write: %v", err)
		}
		for range 2 {
			if err := w.Abort(e.Context()); err != nil {
				e.Errorf("abort: %v", err)
			}
		}
		if _, err := w.Write([]byte("x")); err == nil {
			e.Errorf("a write after the abort succeeded")
		}
		if _, err := w.Commit(e.Context()); err == nil {
			e.Errorf("a commit after the abort succeeded")
		}
		e.wantAbsent("d/file")
	}
	if got := e.list("d", ufs.ListOptions{}); len(got) != 0 {
		e.Errorf("aborted writers left %q", got)
	}
	if err := e.UFS.Delete(e.Context(), e.path("d")); err != nil {
		e.Errorf("deleting the empty directory: %v", err)
	}
}

func abortKeepsOld(e *Env) {
	before := e.write("file", []byte("old"))
	w, err := e.UFS.Create(e.Context(), e.path("file"), ufs.CreateOptions{})
	if err != nil {
		e.Fatalf("create: %v", err)
	}
	if _, err := w.Write([]byte("new")); err != nil {
		e.Errorf("write: %v", err)
	}
	e.wantContent("file", []byte("old"))
	if err := w.Abort(e.Context()); err != nil {
		e.Errorf("abort: %v", err)
	}
	if info, err := e.UFS.Stat(e.Context(), e.path("file")); err != nil || info.Fingerprint != before.Fingerprint {
		e.Errorf("after an aborted replacement: %+v, %v; before: %+v", info, err, before)
	}
}

func readRanges(e *Env) {
	const size = 1000
	data := pattern(size, 5)
	info := e.write("file", data)
	for _, r := range []struct{ off, n int64 }{
		{0, -1}, {0, 0}, {0, 1}, {0, size}, {0, size + 1}, {1, -1}, {1, 998}, {499, 2}, {999, 1}, {999, -1}, {999, 100}, {1000, -1}, {1000, 1}, {1000, 0}, {500, 0},
	} {
		want := data[r.off:]
		if r.n >= 0 {
			want = want[:min(r.n, int64(len(want)))]
		}
		for _, pin := range []string{"", info.Fingerprint} {
			for _, random := range []bool{false, true} {
				got, err := e.read("file", ufs.OpenOptions{Offset: r.off, Length: r.n, Fingerprint: pin, Random: random})
				if err != nil || !bytes.Equal(got, want) {
					e.Errorf("offset %d, length %d, pinned %v: %s, %v; want %s", r.off, r.n, pin != "", brief(got), err, brief(want))
				}
			}
		}
	}
	for _, n := range []int64{-1, 0, 1} {
		_, err := e.read("file", ufs.OpenOptions{Offset: size + 1, Length: n})
		e.wantKind(fmt.Sprintf("length %d past the end", n), err, errors.OutOfRange)
	}
	_, err := e.read("file", ufs.OpenOptions{Offset: -1, Length: 1})
	e.wantKind("a negative offset", err, errors.Invalid)
	_, err = e.read("missing", ufs.OpenOptions{Length: -1})
	e.wantKind("reading a missing file", err, errors.NotFound)
	_, err = e.read("missing", ufs.OpenOptions{Offset: 5, Length: 0})
	e.wantKind("reading nothing of a missing file", err, errors.NotFound)
}

func readPinned(e *Env) {
	old := e.write("file", []byte("old content"))
	now := e.write("file", []byte("new content"))
	for _, length := range []int64{-1, 3, 0} {
		_, err := e.read("file", ufs.OpenOptions{Length: length, Fingerprint: old.Fingerprint})
		e.wantKind(fmt.Sprintf("reading %d bytes of an older version", length), err, errors.Aborted)
	}
	got, err := e.read("file", ufs.OpenOptions{Offset: 4, Length: -1, Fingerprint: now.Fingerprint})
	if err != nil || string(got) != "content" {
		e.Errorf("reading the present version = %q, %v", got, err)
	}
	if err := e.UFS.Delete(e.Context(), e.path("file")); err != nil {
		e.Errorf("delete: %v", err)
	}
	_, err = e.read("file", ufs.OpenOptions{Length: -1, Fingerprint: now.Fingerprint})
	e.wantKind("reading a deleted version", err, errors.NotFound)
}

// readWhileReplaced reads on in a pinned version while another takes its place:
// what is read is the old version's, or refused.
func readWhileReplaced(e *Env) {
	old, now := pattern(6<<20, 6), pattern(6<<20, 7)
	info := e.write("file", old)
	r, err := e.UFS.Open(e.Context(), e.path("file"), ufs.OpenOptions{Length: -1, Fingerprint: info.Fingerprint})
	if err != nil {
		e.Fatalf("open: %v", err)
	}
	defer r.Close()
	got := make([]byte, 1000)
	if _, err := io.ReadFull(r, got); err != nil {
		e.Fatalf("read: %v", err)
	}
	e.write("file", now)
	rest, err := io.ReadAll(r)
	got = append(got, rest...)
	if !bytes.Equal(got, old[:len(got)]) {
		e.Errorf("the reader of one version was given bytes of another")
	}
	if err == nil && len(got) != len(old) {
		e.Errorf("the reader ended after %d of %d bytes without an error", len(got), len(old))
	}
	if err != nil {
		e.wantKind("reading a replaced version", err, errors.Aborted, errors.NotFound, errors.Unavailable)
	}
	e.wantContent("file", now)
}

func readClosedEarly(e *Env) {
	data := pattern(6<<20, 8)
	e.write("file", data)
	for range 20 {
		r, err := e.UFS.Open(e.Context(), e.path("file"), ufs.OpenOptions{Length: -1})
		if err != nil {
			e.Fatalf("open: %v", err)
		}
		head := make([]byte, 100)
		if _, err := io.ReadFull(r, head); err != nil || !bytes.Equal(head, data[:100]) {
			e.Errorf("read = %s, %v", brief(head), err)
		}
		if err := r.Close(); err != nil {
			e.Errorf("close: %v", err)
		}
	}
	e.wantContent("file", data)
}

func openDirectory(e *Env) {
	e.mkdir("dir")
	e.write("full/child", []byte("x"))
	for _, dir := range []string{"dir", "full"} {
		_, err := e.read(dir, ufs.OpenOptions{Length: -1})
		e.wantKind("opening a directory", err, errors.Invalid, errors.NotFound)
	}
}
