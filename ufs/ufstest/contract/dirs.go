package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

func mkdir(e *Env) {
	ctx := e.Context()
	e.mkdir("a")
	if info, err := e.UFS.Stat(ctx, e.path("a")); err != nil || !info.Dir || info.Path != e.path("a") {
		e.Errorf("Stat of a new directory = %+v, %v", info, err)
	}
	e.wantKind("mkdir of a directory", e.UFS.Mkdir(ctx, e.path("a"), ufs.MkdirOptions{Parents: true}), errors.Exists)
	e.write("file", []byte("x"))
	e.wantKind("mkdir of a file", e.UFS.Mkdir(ctx, e.path("file"), ufs.MkdirOptions{}), errors.Exists)
	e.write("implied/child", []byte("x"))
	e.wantKind("mkdir of a directory that a file implied", e.UFS.Mkdir(ctx, e.path("implied"), ufs.MkdirOptions{}), errors.Exists)
	err := e.UFS.Mkdir(ctx, e.path("no/parent"), ufs.MkdirOptions{})
	if !e.object() || err != nil {
		e.wantKind("mkdir without a parent", err, errors.NotFound)
	}
	e.mkdir("x/y/z")
	if got := e.list("x", ufs.ListOptions{Recursive: true}); !slices.Equal(got, []string{"y/", "y/z/"}) {
		e.Errorf("mkdir with parents made %q", got)
	}
	err = e.UFS.Mkdir(ctx, e.path("file/below"), ufs.MkdirOptions{Parents: true})
	e.wantKind("mkdir below a file", err, errors.FailedPrecondition)
}

// mkdirRemains checks that a directory made outlives its last child.
func mkdirRemains(e *Env) {
	e.mkdir("a/b")
	e.write("a/b/file", []byte("x"))
	if err := e.UFS.Delete(e.Context(), e.path("a/b/file")); err != nil {
		e.Errorf("delete: %v", err)
	}
	if got := e.list("a/b", ufs.ListOptions{}); len(got) != 0 {
		e.Errorf("the emptied directory lists %q", got)
	}
	if err := e.UFS.Delete(e.Context(), e.path("a/b")); err != nil {
		e.Errorf("delete of the directory: %v", err)
	}
	if got := e.list("a", ufs.ListOptions{}); len(got) != 0 {
		e.Errorf("the parent lists %q", got)
	}
}

func listSorted(e *Env) {
	for _, p := range []string{"d/b", "d/a", "d/sub/x", "d/sub.txt", "d/sub0", "d/c/deep/er", "other"} {
		e.write(p, []byte("x"))
	}
	e.mkdir("d/empty")
	want := []string{"a", "b", "c/", "empty/", "sub.txt", "sub/", "sub0"}
	if got := e.list("d", ufs.ListOptions{}); !slices.Equal(got, want) {
		e.Errorf("listed %q, want %q", got, want)
	}
	for info, err := range e.UFS.List(e.Context(), e.path("d"), ufs.ListOptions{}) {
		if err != nil {
			e.Fatalf("list: %v", err)
		}
		stat, err := e.UFS.Stat(e.Context(), info.Path)
		if err != nil || stat.Path != info.Path || stat.Dir != info.Dir || stat.Size != info.Size || stat.Fingerprint != info.Fingerprint {
			e.Errorf("listed as %+v, but Stat = %+v, %v", info, stat, err)
		}
	}
}

func listRecursive(e *Env) {
	for _, p := range []string{"d/a/1", "d/a/2/3", "d/a!", "d/a.b/c", "d/a0", "d/z"} {
		e.write(p, []byte("x"))
	}
	e.mkdir("d/a/empty")
	want := []string{"a!", "a.b/", "a.b/c", "a/", "a/1", "a/2/", "a/2/3", "a/empty/", "a0", "z"}
	if got := e.list("d", ufs.ListOptions{Recursive: true}); !slices.Equal(got, want) {
		e.Errorf("listed %q, want %q", got, want)
	}
	if got := e.list("d/a", ufs.ListOptions{Recursive: true}); !slices.Equal(got, []string{"1", "2/", "2/3", "empty/"}) {
		e.Errorf("listed %q below d/a", got)
	}
}

// nasty are names that break what does not escape properly.
var nasty = []string{
	" ", " lead", "trail ", "a b", "!", "#hash", "$HOME", "%", "%2F", "%41", "&amp;", "'quote'", "(par)", "*", "+", "a+b", ",", "-dash",
	"...", "..a", ".hidden", "0", ":", "a:b", ";", "<xml>&", "=", "?", "a?b=c", "@", "[br]", "\"", "\\", "back\\slash", "^", "_", "`", "{}", "|", "~",
	"A", "a", "Z", "z", "é", "e\u0301", "日本語", "😀", "\u2028", "ﬀ", strings.Repeat("n", 200),
}

func listNames(e *Env) { names(e, nasty) }

func listControlCharacters(e *Env) {
	names(e, []string{"a\tb", "a\nb", "a\rb", "\x01", "\x1b[31m", "\x7f"})
}

// names checks that files and directories can have the names.
func names(e *Env, names []string) {
	want := []string{"dir/"}
	for _, name := range names {
		e.write("d/"+name, []byte(name))
		e.write("d/dir/"+name+"/file", []byte(name))
		want = append(want, name)
	}
	slices.Sort(want)
	if got := e.list("d", ufs.ListOptions{}); !slices.Equal(got, want) {
		e.Errorf("listed %q,\nwant %q", got, want)
	}
	var deep []string
	for _, name := range names {
		deep = append(deep, name+"/", name+"/file")
		e.wantContent("d/"+name, []byte(name))
		e.wantContent("d/dir/"+name+"/file", []byte(name))
	}
	slices.Sort(deep)
	if got := e.list("d/dir", ufs.ListOptions{Recursive: true}); !slices.Equal(got, deep) {
		e.Errorf("listed recursively %q,\nwant %q", got, deep)
	}
	for _, name := range names {
		if err := e.UFS.Rename(e.Context(), e.path("d/"+name), e.path("moved")); err != nil {
			e.Errorf("rename of %q: %v", name, err)
		}
		if err := e.UFS.Rename(e.Context(), e.path("moved"), e.path("d/"+name)); err != nil {
			e.Errorf("rename to %q: %v", name, err)
		}
		if err := e.UFS.Delete(e.Context(), e.path("d/"+name)); err != nil {
			e.Errorf("delete of %q: %v", name, err)
		}
	}
	if got := e.list("d", ufs.ListOptions{}); !slices.Equal(got, []string{"dir/"}) {
		e.Errorf("after deleting all of them: %q", got)
	}
}

func listMissing(e *Env) {
	e.write("file", []byte("x"))
	e.mkdir("empty")
	for _, opts := range []ufs.ListOptions{{}, {Recursive: true}, {StartAfter: "a"}} {
		for p, kind := range map[string]errors.Kind{"missing": errors.NotFound, "file": errors.Invalid, "file/below": errors.NotFound} {
			n := 0
			for _, err := range e.UFS.List(e.Context(), e.path(p), opts) {
				n++
				e.wantKind(fmt.Sprintf("List(%q, %+v)", p, opts), err, kind)
			}
			if n != 1 {
				e.Errorf("List(%q, %+v) yielded %d times, want one error", p, opts, n)
			}
		}
		if got := e.list("empty", opts); len(got) != 0 {
			e.Errorf("an empty directory lists %q", got)
		}
	}
}

func listStartAfter(e *Env) {
	for _, p := range []string{"a", "a!", "b/1", "b/2/3", "b!", "b.c/x", "b0", "c"} {
		e.write("d/"+p, []byte("x"))
	}
	for _, recursive := range []bool{false, true} {
		all := e.list("d", ufs.ListOptions{Recursive: recursive})
		for _, after := range append(slices.Clone(all), "", "0", "b", "b/", "b/1!", "b.", "zzz") {
			want := all
			for len(want) > 0 && want[0] <= after {
				want = want[1:]
			}
			if got := e.list("d", ufs.ListOptions{Recursive: recursive, StartAfter: after}); !slices.Equal(got, want) {
				e.Errorf("after %q (recursive %v): %q, want %q", after, recursive, got, want)
			}
		}
	}
}

func listMany(e *Env) {
	want := make([]string, e.Many)
	for i := range want {
		want[i] = fmt.Sprintf("f%06d", i)
	}
	e.parallel(len(want), func(e *Env, i int) { e.write("d/"+want[i], []byte("x")) })
	if got := e.list("d", ufs.ListOptions{}); !slices.Equal(got, want) {
		e.Errorf("listed %d entries, want %d in order", len(got), len(want))
	}
	for _, k := range []int{0, 1, e.Many / 2, 999, 1000, e.Many - 2, e.Many - 1} {
		if k >= e.Many {
			continue
		}
		got := e.list("d", ufs.ListOptions{StartAfter: want[k], Recursive: k%2 == 0})
		if !slices.Equal(got, want[k+1:]) {
			e.Errorf("after entry %d: listed %d entries, want %d", k, len(got), e.Many-k-1)
		}
	}
}

func listStopped(e *Env) {
	for i := range 30 {
		e.write(fmt.Sprintf("d/%02d/file", i), []byte("x"))
	}
	for _, recursive := range []bool{false, true} {
		n := 0
		for _, err := range e.UFS.List(e.Context(), e.path("d"), ufs.ListOptions{Recursive: recursive}) {
			if err != nil {
				e.Fatalf("list: %v", err)
			}
			if n++; n == 7 {
				break
			}
		}
		if n != 7 {
			e.Errorf("the listing ended after %d entries", n)
		}
	}
}

func deleteFiles(e *Env) {
	ctx := e.Context()
	e.wantKind("delete of nothing", e.UFS.Delete(ctx, e.path("missing")), errors.NotFound)
	e.mkdir("d")
	e.write("d/file", []byte("x"))
	e.wantKind("delete of a full directory", e.UFS.Delete(ctx, e.path("d")), errors.NotEmpty)
	e.wantContent("d/file", []byte("x"))
	if err := e.UFS.Delete(ctx, e.path("d/file")); err != nil {
		e.Errorf("delete of a file: %v", err)
	}
	e.wantAbsent("d/file")
	e.wantKind("a second delete", e.UFS.Delete(ctx, e.path("d/file")), errors.NotFound)
	if err := e.UFS.Delete(ctx, e.path("d")); err != nil {
		e.Errorf("delete of an empty directory: %v", err)
	}
	e.wantAbsent("d")
	e.mkdir("p")
	e.mkdir("p/q")
	e.wantKind("delete of a directory with an empty directory", e.UFS.Delete(ctx, e.path("p")), errors.NotEmpty)
}

func deleteMany(e *Env) {
	d, ok := ufs.As[ufs.BatchDeleter](e.UFS)
	if !ok {
		e.Skipf("the store is no ufs.BatchDeleter")
	}
	var paths []string
	for i := range 230 {
		paths = append(paths, e.path(fmt.Sprintf("d/%03d", i)))
	}
	e.parallel(len(paths), func(e *Env, i int) {
		if i%10 != 0 { // every tenth is absent
			e.write(fmt.Sprintf("d/%03d", i), []byte("x"))
		}
	})
	e.write("d/keep", []byte("x"))
	paths = append(paths, "bad//path")
	errs := d.DeleteFiles(e.Context(), paths)
	if len(errs) != len(paths) {
		e.Fatalf("%d results for %d paths", len(errs), len(paths))
	}
	for i, err := range errs[:len(errs)-1] {
		if err != nil {
			e.Errorf("%s: %v", paths[i], err)
		}
	}
	e.wantKind("a bad path in a batch", errs[len(errs)-1], errors.Invalid)
	if got := e.list("d", ufs.ListOptions{}); !slices.Equal(got, []string{"keep"}) {
		e.Errorf("left over: %q", got)
	}
	if got := d.DeleteFiles(e.Context(), nil); len(got) != 0 {
		e.Errorf("DeleteFiles of nothing = %v", got)
	}
}

func deleteDir(e *Env) {
	d, ok := ufs.As[ufs.DirDeleter](e.UFS)
	if !ok {
		e.Skipf("the store is no ufs.DirDeleter")
	}
	ctx := e.Context()
	e.parallel(250, func(e *Env, i int) { e.write(fmt.Sprintf("d/%d/%d", i%7, i), []byte("x")) })
	e.mkdir("d/empty")
	e.write("d2", []byte("x"))
	e.write("d!/x", []byte("x"))
	for range 2 { // the second finds nothing, which is a success
		if err := d.DeleteDir(ctx, e.path("d")); err != nil {
			e.Errorf("DeleteDir: %v", err)
		}
		e.wantAbsent("d")
	}
	e.wantContent("d2", []byte("x"))
	e.wantContent("d!/x", []byte("x"))
	e.wantKind("DeleteDir of a file", d.DeleteDir(ctx, e.path("d2")), errors.Invalid)
	e.wantContent("d2", []byte("x"))
	e.wantKind("DeleteDir of the root", d.DeleteDir(ctx, ""), errors.Invalid)
}
