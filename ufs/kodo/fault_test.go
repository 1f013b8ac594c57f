package kodo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

// inject makes the next request of the operation fault, and checks at the end of
// the test that it did.
func inject(t *testing.T, srv *kodotest.Instance, op string, f kodotest.Fault) {
	t.Helper()
	before := srv.FaultCounts()[f]
	srv.Inject(kodotest.Rule{Op: op, Fault: f})
	t.Cleanup(func() {
		if srv.FaultCounts()[f] == before {
			t.Errorf("no %s was injected into a %s", f, op)
		}
	})
}

// Every fault of every request of every operation is either mended or reported,
// and the store is as reported.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	srv := serve(t)
	srv.SetPlan(kodotest.Plan{Stall: 400 * time.Millisecond, Delay: time.Millisecond})
	u := open(t, srv, "", keyTimeout, "200ms", keyPartBytes, "1MB", keyRangeBytes, "512KB")
	small, large := pattern(1000), pattern(3*mib+5)
	steps := []struct {
		name string
		ops  []string // of requests to fail
		run  func(dir string) error
	}{
		{"small", []string{"form"}, func(dir string) error { return put(t.Context(), u, dir+"/new", small) }},
		{"large", []string{"init", "part", "complete"}, func(dir string) error { return put(t.Context(), u, dir+"/new", large) }},
		{"read", []string{"get"}, func(dir string) error { return expect(t.Context(), u, dir+"/large", large) }},
		{"stat", []string{"stat"}, func(dir string) error { _, err := u.Stat(t.Context(), dir+"/large"); return err }},
		{"list", []string{"list"}, func(dir string) error { return expectList(t.Context(), u, dir, 2) }},
		{"delete", []string{"delete"}, func(dir string) error { return u.Delete(t.Context(), dir+"/small") }},
		{"rename", []string{"move"}, func(dir string) error { return u.Rename(t.Context(), dir+"/small", dir+"/moved") }},
		{"rename dir", []string{"batch"}, func(dir string) error {
			return must[ufs.DirRenamer](u).RenameDir(t.Context(), dir, dir+"-moved")
		}},
		{"delete dir", []string{"batch"}, func(dir string) error { return must[ufs.DirDeleter](u).DeleteDir(t.Context(), dir) }},
	}
	permanent := map[kodotest.Fault]errors.Kind{
		kodotest.Skew: errors.Permission, kodotest.BadToken: errors.Permission,
		kodotest.Frozen: errors.FailedPrecondition, kodotest.PartLost: errors.Unavailable,
	}
	tried := 0
	for _, step := range steps {
		for _, op := range step.ops {
			for _, f := range kodotest.Faults() {
				if !f.Applies(op) || f == kodotest.StaleList {
					continue
				}
				tried++
				name := fmt.Sprintf("%s/%s/%s", step.name, op, f)
				dir := strings.ReplaceAll(name, "/", "-")
				if err := srv.Put(testBucket, dir+"/small", small); err != nil {
					t.Fatal(err)
				}
				if err := srv.Put(testBucket, dir+"/large", large); err != nil {
					t.Fatal(err)
				}
				before := srv.FaultCounts()[f]
				srv.Inject(kodotest.Rule{Op: op, Fault: f})
				err := step.run(dir)
				if srv.FaultCounts()[f] == before {
					t.Errorf("%s: the fault was not injected", name)
				}
				if kind, fails := permanent[f]; fails != (err != nil) || fails && !errors.Is(err, kind) {
					t.Errorf("%s: %v", name, err)
				}
				if f == kodotest.BadToken && op != "get" && !strings.Contains(fmt.Sprint(err), "X-Reqid") {
					t.Errorf("%s: no request id in %v", name, err)
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d faults tried", tried)
	}
	if parts, _ := srv.PendingUploads(); parts > 0 {
		t.Errorf("%d uploads left", parts)
	}
}

func must[T any](u ufs.UFS) T {
	v, ok := ufs.As[T](u)
	if !ok {
		panic(fmt.Sprintf("the store is no %T", v))
	}
	return v
}

func put(ctx context.Context, u ufs.UFS, path string, data []byte) error {
	w, err := u.Create(ctx, path, ufs.CreateOptions{})
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		_ = w.Abort(ctx) // err says why
		return err
	}
	if _, err := w.Commit(ctx); err != nil {
		return err
	}
	return expect(ctx, u, path, data)
}

func expect(ctx context.Context, u ufs.UFS, path string, want []byte) error {
	info, err := u.Stat(ctx, path)
	if err != nil {
		return err
	}
	got, err := tryRead(ctx, u, path, ufs.OpenOptions{Length: -1, Fingerprint: info.Fingerprint})
	if err == nil && !bytes.Equal(got, want) {
		err = errors.Errorf(errors.Corrupt, "read %d other bytes", len(got))
	}
	return err
}

func expectList(ctx context.Context, u ufs.UFS, dir string, want int) error {
	n := 0
	for _, err := range u.List(ctx, dir, ufs.ListOptions{}) {
		if err != nil {
			return err
		}
		n++
	}
	if n != want {
		return errors.Errorf(errors.Corrupt, "listed %d entries", n)
	}
	return nil
}

// A read goes on at the byte where it broke off, with one more request each
// time, and asks for no byte twice.
func TestReadResumes(t *testing.T) {
	srv := serve(t)
	u := open(t, srv, "", keyDownloadThreads, "1")
	data := pattern(2 * mib)
	write(t, u, "f", data)
	srv.Inject(kodotest.Rule{Fault: kodotest.ResetBody, Times: 4})
	if got := read(t, u, "f", ufs.OpenOptions{Offset: 1, Length: 2*mib - 2}); !bytes.Equal(got, data[1:len(data)-1]) {
		t.Error("other bytes")
	}
	if n := srv.FaultCounts()[kodotest.ResetBody]; n != 4 {
		t.Errorf("%d resets", n)
	}
}

// An object that is replaced while it is read gives one clear error, never a
// mixture.
func TestReplacedWhileRead(t *testing.T) {
	srv := serve(t)
	u := open(t, srv, "", keyRangeBytes, "256KB")
	old := pattern(4 * mib)
	info := write(t, u, "f", old)
	r, err := u.Open(t.Context(), "f", ufs.OpenOptions{Length: -1, Fingerprint: info.Fingerprint})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	head := make([]byte, 1000)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	write(t, u, "f", pattern(5*mib))
	rest, err := io.ReadAll(r)
	if !errors.Is(err, errors.Aborted) || !strings.Contains(err.Error(), "changed") {
		t.Errorf("got %v, want a word about the change", err)
	}
	if !bytes.HasPrefix(old, append(head, rest...)) {
		t.Error("bytes of another version were delivered")
	}
	if _, err := tryRead(t.Context(), u, "f", ufs.OpenOptions{Length: -1, Fingerprint: info.Fingerprint}); !errors.Is(err, errors.Aborted) {
		t.Errorf("opening the old version: %v", err)
	}
}

// A download host that does not serve the bucket is not an absent object.
func TestWrongDownloadHost(t *testing.T) {
	srv := serve(t)
	if err := srv.MakeBucket(kodotest.Bucket{Name: "other", Private: true}); err != nil {
		t.Fatal(err)
	}
	u := open(t, srv, "", keyDownloadHost, "other.kodo.test")
	write(t, u, "f", []byte("x"))
	_, err := tryRead(t.Context(), u, "f", whole)
	if errors.Is(err, errors.NotFound) || err == nil || !strings.Contains(err.Error(), keyDownloadHost) {
		t.Errorf("got %v, want an error that names %s", err, keyDownloadHost)
	}
	if _, err := tryRead(t.Context(), u, "absent", whole); !errors.Is(err, errors.NotFound) {
		t.Errorf("absent object: %v", err)
	}
}

// An outage is never "not found".
func TestOutage(t *testing.T) {
	srv := serve(t)
	u := open(t, srv, "", keyRetryMax, "1")
	write(t, u, "f", []byte("x"))
	for _, f := range []kodotest.Fault{kodotest.Error503, kodotest.ResetBefore, kodotest.Error502HTML, kodotest.BadToken} {
		srv.ClearFaults()
		srv.Inject(kodotest.Rule{Fault: f, Times: -1})
		_, statErr := u.Stat(t.Context(), "f")
		_, readErr := tryRead(t.Context(), u, "f", whole)
		listErr := expectList(t.Context(), u, "", 1)
		for _, err := range []error{statErr, readErr, listErr, u.Delete(t.Context(), "f"), u.Rename(t.Context(), "f", "g")} {
			if err == nil || errors.Is(err, errors.NotFound) {
				t.Errorf("%s: got %v", f, err)
			}
			if text := fmt.Sprint(err); strings.Contains(text, "token=") || strings.Contains(text, "e=1") {
				t.Errorf("%s: a download link is in %q", f, text)
			}
		}
	}
	srv.ClearFaults()
	if err := expect(t.Context(), u, "f", []byte("x")); err != nil {
		t.Error(err)
	}
}

func TestClockSkew(t *testing.T) {
	srv := kodotest.Start(t, kodotest.Options{
		Buckets: []kodotest.Bucket{{Name: testBucket, Private: true}},
		Now:     func() time.Time { return time.Now().Add(20 * time.Minute) },
	})
	_, err := Open(t.Context(), "kodo://bucket/", ufs.Options{Properties: classic(srv)})
	if !errors.Is(err, errors.Permission) || !strings.Contains(err.Error(), "clock is wrong: it is") || !strings.Contains(err.Error(), "behind Kodo's") {
		t.Errorf("got %v, want a word about the clock", err)
	}
}

func TestArchivedObjects(t *testing.T) {
	t.Parallel()
	srv := serve(t)
	for _, thaw := range []string{"false", "true"} {
		u := open(t, srv, "", keyThaw, thaw)
		write(t, u, "f", []byte("cold"))
		if err := srv.SetType(testBucket, "f", 2); err != nil {
			t.Fatal(err)
		}
		_, err := tryRead(t.Context(), u, "f", whole)
		if !errors.Is(err, errors.FailedPrecondition) || !strings.Contains(strings.ToLower(err.Error()), "thaw") {
			t.Errorf("thaw=%s: %v", thaw, err)
		}
		if thaw == "false" {
			continue
		}
		for deadline := time.Now().Add(5 * time.Second); err != nil && time.Now().Before(deadline); {
			_, err = tryRead(t.Context(), u, "f", whole)
		}
		if err != nil {
			t.Errorf("still frozen after thawing was asked for: %v", err)
		}
	}
}

// Cancelling a write in the middle of a large object removes its parts.
func TestCancelledWrite(t *testing.T) {
	srv := serve(t)
	u := open(t, srv, "", keyPartBytes, "1MB")
	ctx, cancel := context.WithCancel(t.Context())
	w, err := u.Create(ctx, "f", ufs.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(5 * mib)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Commit(t.Context()); !errors.Is(err, errors.Cancelled) {
		t.Errorf("commit after cancel: %v", err)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Error(err)
	}
	if parts, empty := srv.PendingUploads(); parts+empty > 0 || len(srv.Keys(testBucket)) > 0 {
		t.Errorf("%d uploads and %q left", parts+empty, srv.Keys(testBucket))
	}
}

// While the service throttles, fewer requests are in flight.
func TestThrottling(t *testing.T) {
	srv := serve(t)
	s := openStore(t, srv)
	srv.Inject(kodotest.Rule{Fault: kodotest.Error573, Op: "stat", Times: 2})
	if _, err := s.stat(t.Context(), "f"); !errors.Is(err, errors.NotFound) {
		t.Fatal(err)
	}
	if n := s.run.limit.current(); n >= s.set.requestsMax {
		t.Errorf("still %d requests at a time", n)
	}
}

// A directory move whose last request is carried out, while all of its answers
// are lost, is a success.
func TestRenameDirWithoutTheLastAnswer(t *testing.T) {
	t.Parallel()
	srv := serve(t)
	u := open(t, srv, "root/")
	if err := srv.Put(testBucket, "root/d/f", pattern(10)); err != nil {
		t.Fatal(err)
	}
	srv.Inject(kodotest.Rule{Op: "delete", Fault: kodotest.ResetAfter})
	srv.Inject(kodotest.Rule{Op: "delete", Fault: kodotest.Error503, Times: -1})
	if err := must[ufs.DirRenamer](u).RenameDir(t.Context(), "d", "moved"); err != nil {
		t.Errorf("everything was moved, but: %v", err)
	}
	if counts := srv.FaultCounts(); counts[kodotest.ResetAfter] != 1 || counts[kodotest.Error503] < 3 {
		t.Errorf("faults: %v", counts)
	}
	if got := srv.Keys(testBucket); !slices.Equal(got, []string{"root/moved/f"}) {
		t.Errorf("the bucket has %q", got)
	}
}
