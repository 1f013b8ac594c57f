// Package contract checks an under file system against the contract of package
// ufs, one sentence a test. It needs nothing of package testing, so that the
// command line runs the same tests on a user's store that the packages of the
// stores run on themselves (through package ufstest).
package contract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// T is what a test tells its outcome to: a *testing.T, or Check's own.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Context() context.Context
}

// Test is one test of the contract.
type Test struct {
	Name string
	Run  func(e *Env)
}

// Env is where a test runs: in the directory Dir of UFS, which is not there yet
// and which the caller deletes afterwards.
type Env struct {
	T
	UFS ufs.UFS
	Dir string
	// Many is the number of entries in the tests of long listings.
	Many int
	// Alone tells that nobody else uses the store.
	Alone bool
}

// Result is the outcome of a test run by Check; Err is nil when it passed.
type Result struct {
	Test    string
	Took    time.Duration
	Err     error
	Skipped string // why the test does not apply to the store, "" if it does
}

// Check runs the tests whose names contain filter on u, each in a new directory
// below dir (which is deleted again), and reports each as it ends. It returns
// the number of tests that failed.
func Check(ctx context.Context, u ufs.UFS, dir, filter string, report func(Result)) (failed int) {
	for _, test := range Tests() {
		if !strings.Contains(strings.ToLower(test.Name), strings.ToLower(filter)) {
			continue
		}
		if ctx.Err() != nil {
			break
		}
		start := time.Now()
		result := check(ctx, u, ufs.Join(dir, fmt.Sprintf("ufs-test-%s-%08x", test.Name, rand.Uint32())), test)
		if result.Err != nil {
			failed++
		}
		result.Took = time.Since(start)
		report(result)
	}
	return failed
}

func check(ctx context.Context, u ufs.UFS, dir string, test Test) Result {
	r := &recorder{ctx: ctx}
	done := make(chan struct{})
	go func() { // of its own, since a fatal failure ends the goroutine
		defer close(done)
		defer r.recover()
		test.Run(&Env{T: r, UFS: u, Dir: dir, Many: 1100})
	}()
	<-done
	if err := RemoveAll(context.WithoutCancel(ctx), u, dir); err != nil {
		r.Errorf("cleaning up %s: %v", dir, err)
	}
	result := Result{Test: test.Name, Skipped: r.skipped}
	if len(r.failures) > 0 {
		result.Err = errors.Errorf(errors.FailedPrecondition, "%s", strings.Join(r.failures, "; "))
	}
	return result
}

// RemoveAll deletes dir with all below it, whatever u is capable of.
func RemoveAll(ctx context.Context, u ufs.UFS, dir string) error {
	if d, ok := ufs.As[ufs.DirDeleter](u); ok {
		return d.DeleteDir(ctx, dir)
	}
	for info, err := range u.List(ctx, dir, ufs.ListOptions{}) {
		if errors.Is(err, errors.NotFound) {
			return nil
		}
		if err == nil && info.Dir {
			err = RemoveAll(ctx, u, info.Path)
		} else if err == nil {
			err = u.Delete(ctx, info.Path)
		}
		if err != nil {
			return err
		}
	}
	return u.Delete(ctx, dir)
}

// recorder is the T of Check.
type recorder struct {
	ctx      context.Context
	failures []string
	skipped  string
}

// fatal is what Fatalf and Skipf panic with.
type fatal struct{}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(fatal{})
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	panic(fatal{})
}

func (r *recorder) recover() {
	if p := recover(); p != nil && p != (fatal{}) {
		r.Errorf("panic: %v", p)
	}
}

// path returns the path of p below the test's directory.
func (e *Env) path(p string) string { return ufs.Join(e.Dir, p) }

// object reports whether the store has no real directories.
func (e *Env) object() bool {
	o, ok := ufs.As[ufs.ObjectStore](e.UFS)
	return ok && o.IsObjectStore()
}

// write makes the file p and returns its description.
func (e *Env) write(p string, data []byte) ufs.Info {
	e.Helper()
	info, err := e.create(p, data, ufs.CreateOptions{})
	if err != nil {
		e.Fatalf("writing %q: %v", p, err)
	}
	return info
}

func (e *Env) create(p string, data []byte, opts ufs.CreateOptions) (ufs.Info, error) {
	w, err := e.UFS.Create(e.Context(), e.path(p), opts)
	if err != nil {
		return ufs.Info{}, err
	}
	if _, err := w.Write(data); err != nil {
		_ = w.Abort(e.Context())
		return ufs.Info{}, err
	}
	return w.Commit(e.Context())
}

func (e *Env) mkdir(p string) {
	e.Helper()
	if err := e.UFS.Mkdir(e.Context(), e.path(p), ufs.MkdirOptions{Parents: true}); err != nil {
		e.Fatalf("mkdir %q: %v", p, err)
	}
}

func (e *Env) read(p string, opts ufs.OpenOptions) ([]byte, error) {
	r, err := e.UFS.Open(e.Context(), e.path(p), opts)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// wantContent checks that the file p holds data.
func (e *Env) wantContent(p string, data []byte) {
	e.Helper()
	got, err := e.read(p, ufs.OpenOptions{Length: -1})
	if err != nil {
		e.Errorf("reading %q: %v", p, err)
	} else if !bytes.Equal(got, data) {
		e.Errorf("%q holds %s, want %s", p, brief(got), brief(data))
	}
}

// brief describes data in an error.
func brief(data []byte) string {
	if len(data) > 40 {
		return fmt.Sprintf("%d bytes %q…", len(data), data[:32])
	}
	return fmt.Sprintf("%q", data)
}

// wantKind checks the kind of an error.
func (e *Env) wantKind(what string, err error, kinds ...errors.Kind) {
	e.Helper()
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return
		}
	}
	e.Errorf("%s: got error %v (%v), want %v", what, err, errors.KindOf(err), kinds)
}

// wantAbsent checks that nothing is at p.
func (e *Env) wantAbsent(p string) {
	e.Helper()
	info, err := e.UFS.Stat(e.Context(), e.path(p))
	if !errors.Is(err, errors.NotFound) {
		e.Errorf("stat of %q, which should not exist: %+v, %v", p, info, err)
	}
}

// list returns what listing p gives, each as Info.ListKey relative to p.
func (e *Env) list(p string, opts ufs.ListOptions) (keys []string) {
	e.Helper()
	base := e.path(p)
	for info, err := range e.UFS.List(e.Context(), base, opts) {
		if err != nil {
			e.Fatalf("listing %q: %v", p, err)
		}
		key := info.ListKey()
		if base != "" {
			rest, ok := strings.CutPrefix(key, base+"/")
			if !ok {
				e.Fatalf("listing %q gives %q, which is not below it", p, key)
			}
			key = rest
		}
		keys = append(keys, key)
	}
	return keys
}

// pattern returns n bytes that no shift of them equals.
func pattern(n int, seed uint64) []byte {
	data := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	_, _ = r.Read(data) // never fails
	return data
}
