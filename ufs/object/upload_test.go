package object_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs/object"
	"github.com/alluxio-go/alluxio/ufs/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parts is a store of parts that notes what is done to it.
type parts struct {
	mu       sync.Mutex
	sizes    map[int]int
	inFlight atomic.Int64
	most     atomic.Int64
	data     map[int][]byte
	keep     bool // data, too
	log      []string
	fail     func(request string, number int) error
	wait     chan struct{} // parts wait for it
}

func (p *parts) call(request string, number int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if request != "part" {
		p.log = append(p.log, request)
	}
	if p.fail != nil {
		return p.fail(request, number)
	}
	return nil
}

func (p *parts) PutWhole(_ context.Context, key string, data []byte, _ object.PutOptions) (object.Object, error) {
	return object.Object{Key: key, Size: int64(len(data)), Version: "v"}, p.call("whole", 0)
}

func (p *parts) Begin(context.Context, string, object.PutOptions) (string, error) {
	return "id", p.call("begin", 0)
}

func (p *parts) PutPart(ctx context.Context, _, id string, number int, data []byte) (string, error) {
	n := p.inFlight.Add(1)
	defer p.inFlight.Add(-1)
	for most := p.most.Load(); n > most && !p.most.CompareAndSwap(most, n); most = p.most.Load() {
	}
	if p.wait != nil {
		select {
		case <-p.wait:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if id != "id" {
		return "", fmt.Errorf("upload %q", id)
	}
	if err := p.call("part", number); err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sizes == nil {
		p.sizes, p.data = map[int]int{}, map[int][]byte{}
	}
	p.sizes[number] = len(data)
	if p.keep {
		p.data[number] = bytes.Clone(data)
	}
	return fmt.Sprint("tag", number), nil
}

func (p *parts) Complete(_ context.Context, key, _ string, done []object.Part, _ object.PutOptions) (object.Object, error) {
	if err := p.call("complete", 0); err != nil {
		return object.Object{}, err
	}
	o := object.Object{Key: key, Version: "v"}
	for i, part := range done {
		if part.Number != i+1 || part.Tag != fmt.Sprint("tag", i+1) || int(part.Size) != p.sizes[i+1] {
			return o, fmt.Errorf("part %d is %+v", i+1, part)
		}
		o.Size += part.Size
	}
	return o, nil
}

func (p *parts) AbortParts(ctx context.Context, _, _ string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return p.call("abort", 0)
}

func TestUploadCutsParts(t *testing.T) {
	for _, size := range []int{0, 1, 999, 1000, 1001, 2000, 2001, 12345} {
		p := &parts{keep: true}
		u := object.NewUpload(t.Context(), p, "k", object.UploadOptions{PartBytes: 1000, Parallel: 3})
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 31 >> 3)
		}
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 777)
			if k, err := u.Write(rest[:n]); k != n || err != nil {
				t.Fatalf("write = %d, %v", k, err)
			}
			rest = rest[n:]
		}
		o, err := u.Commit(t.Context())
		if err != nil || o.Size != int64(size) {
			t.Errorf("size %d: commit = %+v, %v", size, o, err)
		}
		wantLog := "[begin complete]"
		if size <= 1000 {
			wantLog = "[whole]"
		}
		if fmt.Sprint(p.log) != wantLog {
			t.Errorf("size %d: requests %v, want %s", size, p.log, wantLog)
		}
		var got []byte
		for i := range len(p.data) {
			got = append(got, p.data[i+1]...)
		}
		if size > 1000 && !bytes.Equal(got, data) {
			t.Errorf("size %d: the parts hold other bytes", size)
		}
	}
}

func TestUploadGrowingParts(t *testing.T) {
	p := &parts{}
	u := object.NewUpload(t.Context(), p, "k", object.UploadOptions{PartSize: func(n int) int { return 100 * n }})
	if _, err := u.Write(make([]byte, 1050)); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.sizes); got != "map[1:100 2:200 3:300 4:400 5:50]" {
		t.Errorf("part sizes %s", got)
	}
}

// TestUploadMemory checks that an upload larger than memory would allow holds
// no more than its parts.
func TestUploadMemory(t *testing.T) {
	const part, parallel = 1 << 20, 4
	p := &parts{}
	u := object.NewUpload(t.Context(), p, "k", object.UploadOptions{PartBytes: part, Parallel: parallel})
	chunk := make([]byte, 100_000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 2000 { // 200 MB
		if _, err := u.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if _, err := u.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4*(parallel+1)*part {
		t.Errorf("an upload of 200 MB allocated %d MB", grown>>20)
	}
	if most := p.most.Load(); most > parallel+1 || most < 1 {
		t.Errorf("%d parts were in flight, want at most %d", most, parallel+1)
	}
}

func TestUploadRetriesParts(t *testing.T) {
	p := &parts{keep: true}
	tries := map[string]int{}
	p.fail = func(request string, number int) error {
		key := fmt.Sprint(request, number)
		if tries[key]++; tries[key] <= 2 {
			return errors.E("", "", errors.Unavailable, nil)
		}
		return nil
	}
	policy := retry.NewPolicy(retry.Options{Attempts: 3, Base: time.Nanosecond})
	u := object.NewUpload(t.Context(), p, "k", object.UploadOptions{PartBytes: 1000, Retry: policy.Do})
	if _, err := u.Write(make([]byte, 5500)); err != nil {
		t.Fatal(err)
	}
	if o, err := u.Commit(t.Context()); err != nil || o.Size != 5500 {
		t.Errorf("commit = %+v, %v", o, err)
	}
	if len(tries) != 8 {
		t.Errorf("requests %v", tries)
	}
}

// TestUploadFailure checks that a failed part ends the upload, with the error
// of the part, and that the parts are dropped once.
func TestUploadFailure(t *testing.T) {
	for _, at := range []string{"begin", "part", "complete", "whole"} {
		p := &parts{fail: func(request string, number int) error {
			if request == at && number != 1 {
				return errors.E("", "", errors.NoSpace, fmt.Errorf("quota"))
			}
			return nil
		}}
		u := object.NewUpload(t.Context(), p, "k", object.UploadOptions{PartBytes: 1000})
		size := 5000
		if at == "whole" {
			size = 10
		}
		var err error
		for range 50 {
			if _, err = u.Write(make([]byte, size/5)); err != nil {
				break
			}
			if at == "whole" || at == "complete" {
				break
			}
		}
		if err == nil && at == "complete" {
			_, err = u.Write(make([]byte, 3000))
		}
		if err == nil {
			_, err = u.Commit(t.Context())
		}
		if !errors.Is(err, errors.NoSpace) {
			t.Errorf("%s failed: got %v", at, err)
		}
		if _, err := u.Commit(t.Context()); err == nil {
			t.Errorf("%s failed, but a commit after it succeeded", at)
		}
		for range 2 {
			if err := u.Abort(t.Context()); err != nil {
				t.Errorf("%s: abort = %v", at, err)
			}
		}
		aborts := 0
		for _, request := range p.log {
			if request == "abort" {
				aborts++
			}
		}
		if want := map[string]int{"part": 1, "complete": 1}[at]; aborts != want {
			t.Errorf("%s failed: the parts were dropped %d times, want %d (%v)", at, aborts, want, p.log)
		}
	}
}

// TestUploadCancelled checks that neither Write nor Commit outlasts its context
// while the store hangs.
func TestUploadCancelled(t *testing.T) {
	for _, commit := range []bool{false, true} {
		p := &parts{wait: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		writeCtx, commitCtx := ctx, t.Context()
		if commit {
			writeCtx, commitCtx = commitCtx, writeCtx
		}
		u := object.NewUpload(writeCtx, p, "k", object.UploadOptions{PartBytes: 10, Parallel: 2})
		time.AfterFunc(20*time.Millisecond, cancel)
		size := 1000
		if commit {
			size = 20
		}
		_, err := u.Write(make([]byte, size))
		if err == nil {
			_, err = u.Commit(commitCtx)
		}
		if !errors.Is(err, errors.Cancelled) {
			t.Errorf("commit %v: %v", commit, err)
		}
		if err := u.Abort(ctx); err != nil {
			t.Errorf("abort with an ended context: %v", err)
		}
		if n := p.inFlight.Load(); n != 0 {
			t.Errorf("%d parts are still in flight", n)
		}
		if got := p.log[len(p.log)-1]; got != "abort" {
			t.Errorf("requests %v", p.log)
		}
	}
}

// TestUploadUnclearExclusive checks that an object found in place after a lost
// answer is not reported as somebody else's.
func TestUploadUnclearExclusive(t *testing.T) {
	n := 0
	p := &parts{fail: func(string, int) error {
		if n++; n == 1 {
			return errors.E("", "", errors.Timeout, nil)
		}
		return errors.E("", "", errors.Exists, nil)
	}}
	policy := retry.NewPolicy(retry.Options{Attempts: 3, Base: time.Nanosecond})
	u := object.NewUpload(t.Context(), p, "k", object.UploadOptions{PutOptions: object.PutOptions{Exclusive: true}, PartBytes: 10, Retry: policy.Do})
	if _, err := u.Commit(t.Context()); !errors.Is(err, errors.Unavailable) || n != 2 {
		t.Errorf("commit = %v after %d requests", err, n)
	}
}
