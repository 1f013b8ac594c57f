package object_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/mem"
	"github.com/alluxio-go/alluxio/ufs/object"
	"github.com/alluxio-go/alluxio/ufs/retry"
	"github.com/alluxio-go/alluxio/ufs/ufstest"
)

func TestConformance(t *testing.T) {
	for name, opts := range map[string]mem.StoreOptions{
		"Plain":      {},
		"SmallPages": {PageSize: 3, PartBytes: 1000_000},
		"EmptyPages": {PageSize: 7, EmptyPages: true, NoAfter: true},
	} {
		t.Run(name, func(t *testing.T) {
			ufstest.Run(t, func(*testing.T) ufs.UFS {
				return object.New(mem.NewStore(opts), object.Options{URI: "mem://store/", Prefix: "pre/fix/"})
			}, ufstest.Many(1500))
		})
	}
}

// spy is a Store that counts requests and can fail them. Without Mover it moves
// by copying and deleting.
type spy struct {
	*mem.Store
	mu       sync.Mutex
	requests map[string]int
	fail     func(request string) error
}

func (s *spy) count(request string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.requests == nil {
		s.requests = map[string]int{}
	}
	s.requests[request]++
	if s.fail != nil {
		return s.fail(request)
	}
	return nil
}

// taken returns the requests made since the last call.
func (s *spy) taken() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.requests
	s.requests = nil
	return taken
}

func (s *spy) Head(ctx context.Context, key string) (object.Object, error) {
	if err := s.count("head"); err != nil {
		return object.Object{}, err
	}
	return s.Store.Head(ctx, key)
}

func (s *spy) List(ctx context.Context, req object.ListRequest) (object.Page, error) {
	if err := s.count("list"); err != nil {
		return object.Page{}, err
	}
	return s.Store.List(ctx, req)
}

func (s *spy) Copy(ctx context.Context, src, dst string) error {
	if err := s.count("copy"); err != nil {
		return err
	}
	return s.Store.Copy(ctx, src, dst)
}

func (s *spy) Delete(ctx context.Context, key string) error {
	if err := s.count("delete"); err != nil {
		return err
	}
	return s.Store.Delete(ctx, key)
}

func (s *spy) DeleteBatch(ctx context.Context, keys []string) []error {
	if err := s.count("batch"); err != nil {
		return slices.Repeat([]error{err}, len(keys))
	}
	return s.Store.DeleteBatch(ctx, keys)
}

// fill puts empty objects, of which those ending in "=" hold a byte.
func fill(t *testing.T, s object.Store, keys ...string) {
	t.Helper()
	for _, key := range keys {
		data, full := strings.CutSuffix(key, "=")
		up, err := s.Put(t.Context(), data, object.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if full {
			if _, err := up.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := up.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func list(t *testing.T, u ufs.UFS, dir string, opts ufs.ListOptions) (keys []string) {
	t.Helper()
	for info, err := range u.List(t.Context(), dir, opts) {
		if err != nil {
			t.Fatalf("list of %q: %v", dir, err)
		}
		keys = append(keys, info.ListKey())
	}
	return keys
}

// TestForeignKeys lists keys that no path can name, and keys that conflict.
func TestForeignKeys(t *testing.T) {
	for _, c := range []struct {
		name           string
		keys           []string
		flat, deep     []string
		hidden, inDeep int64
	}{
		{name: "markers", keys: []string{"a/", "a/x", "b/"},
			flat: []string{"a/", "b/"}, deep: []string{"a/", "a/x", "b/"}},
		{name: "implied", keys: []string{"a/b/c"},
			flat: []string{"a/"}, deep: []string{"a/", "a/b/", "a/b/c"}},
		{name: "empty components", keys: []string{"/lead", "//", "a//b", "a//c", "z"},
			flat: []string{"a/", "z"}, deep: []string{"a/", "z"}, hidden: 1, inDeep: 4},
		{name: "dots", keys: []string{"./a", "../b", "c/../d", "c/.", "..."},
			flat: []string{"...", "c/"}, deep: []string{"...", "c/"}, hidden: 2, inDeep: 4},
		{name: "bytes", keys: []string{"\xff", "nul\x00", "ctl\x01", "new\nline", "b\xff/x"},
			flat: []string{"ctl\x01", "new\nline"}, deep: []string{"ctl\x01", "new\nline"}, hidden: 3, inDeep: 3},
		{name: "full marker", keys: []string{"a/=", "b"},
			flat: []string{"a/", "b"}, deep: []string{"a/", "b"}, hidden: 0, inDeep: 1},
		{name: "file over directory", keys: []string{"a", "a!", "a/x", "a/y/z", "a0"},
			flat: []string{"a", "a!", "a0"}, deep: []string{"a", "a!", "a0"}, hidden: 1, inDeep: 2},
		{name: "file over deep directory", keys: []string{"d/a", "d/a.b", "d/a/x", "d/b/c", "d/b/c/d"},
			flat: []string{"d/"}, deep: []string{"d/", "d/a", "d/a.b", "d/b/", "d/b/c"}, hidden: 0, inDeep: 2},
		{name: "outside the root", keys: []string{"../secret"}, hidden: 1, inDeep: 1},
	} {
		for _, pages := range []int{1, 2, 1000} {
			t.Run(fmt.Sprintf("%s/%d", c.name, pages), func(t *testing.T) {
				s := mem.NewStore(mem.StoreOptions{PageSize: pages})
				for _, key := range c.keys {
					fill(t, s, "root/"+key)
				}
				fill(t, s, "roo", "root", "root0", "other/x")
				u := object.New(s, object.Options{Prefix: "root/"})
				if got := list(t, u, "", ufs.ListOptions{}); !slices.Equal(got, c.flat) || u.Hidden() != c.hidden {
					t.Errorf("listed %q, hid %d; want %q, %d", got, u.Hidden(), c.flat, c.hidden)
				}
				before := u.Hidden()
				if got := list(t, u, "", ufs.ListOptions{Recursive: true}); !slices.Equal(got, c.deep) || u.Hidden()-before != c.inDeep {
					t.Errorf("listed recursively %q, hid %d; want %q, %d", got, u.Hidden()-before, c.deep, c.inDeep)
				}
				for _, key := range c.deep {
					p := strings.TrimSuffix(key, "/")
					if info, err := u.Stat(t.Context(), p); err != nil || info.ListKey() != key {
						t.Errorf("%q was listed, but Stat = %+v, %v", key, info, err)
					}
				}
			})
		}
	}
}

// TestRandomKeys checks listings of random hostile keys against a definition
// that is not concerned with order and pages.
func TestRandomKeys(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	parts := []string{"", ".", "..", "a", "a", "b", "a!", "a.b", "ü", "\xfe", "0"}
	for range 300 {
		s := mem.NewStore(mem.StoreOptions{PageSize: 1 + r.IntN(5), EmptyPages: r.IntN(2) == 0, NoAfter: r.IntN(2) == 0})
		u := object.New(s, object.Options{Prefix: "p/"})
		files := map[string]bool{}
		var keys []string
		for range r.IntN(12) {
			var key []string
			for range 1 + r.IntN(3) {
				key = append(key, parts[r.IntN(len(parts))])
			}
			k := strings.Join(key, "/")
			fill(t, s, "p/"+k)
			keys = append(keys, k)
			if ufs.ValidPath(k) && k != "" {
				files[k] = true
			}
		}
		want := visible(keys, files)
		if got := list(t, u, "", ufs.ListOptions{Recursive: true}); !slices.Equal(got, want) {
			t.Fatalf("keys %q list as %q, want %q", keys, got, want)
		}
		after := ""
		if len(want) > 0 {
			after = want[r.IntN(len(want))]
		}
		rest := slices.DeleteFunc(slices.Clone(want), func(k string) bool { return k <= after })
		if got := list(t, u, "", ufs.ListOptions{Recursive: true, StartAfter: after}); !slices.Equal(got, rest) {
			t.Fatalf("keys %q list after %q as %q, want %q", keys, after, got, rest)
		}
	}
}

// visible returns what is visible of keys: valid files with no file among their
// parents, and the valid directories that any key lies in.
func visible(keys []string, files map[string]bool) []string {
	set := map[string]bool{}
	for _, key := range keys {
		parents := strings.Split(key, "/")
		hidden := false
		for i := 1; i < len(parents) && !hidden; i++ {
			dir := strings.Join(parents[:i], "/")
			if hidden = files[dir] || dir == "" || !ufs.ValidPath(dir); !hidden {
				set[dir+"/"] = true
			}
		}
		if !hidden && files[key] {
			set[key] = true
		}
	}
	return slices.Sorted(func(yield func(string) bool) {
		for k := range set {
			if !yield(k) {
				return
			}
		}
	})
}

func TestLongKeys(t *testing.T) {
	u := object.New(mem.NewStore(mem.StoreOptions{}), object.Options{Prefix: "p/", MaxKeyBytes: 750})
	fits, tooLong := strings.Repeat("n", 748), strings.Repeat("n", 749)
	w, err := u.Create(t.Context(), fits, ufs.CreateOptions{})
	if err == nil {
		_, err = w.Commit(t.Context())
	}
	if err != nil {
		t.Errorf("create of the longest key: %v", err)
	}
	if _, err := u.Stat(t.Context(), fits); err != nil {
		t.Errorf("stat of the longest key: %v", err)
	}
	_, createErr := u.Create(t.Context(), tooLong, ufs.CreateOptions{})
	for what, err := range map[string]error{
		"create": createErr,
		"mkdir":  u.Mkdir(t.Context(), fits[1:]+"n", ufs.MkdirOptions{}),
		"rename": u.Rename(t.Context(), fits, tooLong),
	} {
		if !errors.Is(err, errors.Invalid) || !strings.Contains(err.Error(), "750") {
			t.Errorf("%s to a key that is too long: %v", what, err)
		}
	}
	if _, err := u.Stat(t.Context(), tooLong); !errors.Is(err, errors.NotFound) {
		t.Errorf("stat of a key that is too long: %v", err)
	}
	// The store is not asked for what it cannot have.
	asked := &spy{Store: mem.NewStore(mem.StoreOptions{}), fail: func(string) error { return errors.E("", "", errors.Invalid, nil) }}
	v := object.New(asked, object.Options{Prefix: "p/", MaxKeyBytes: 750})
	for _, err := range v.List(t.Context(), tooLong, ufs.ListOptions{}) {
		if !errors.Is(err, errors.NotFound) {
			t.Errorf("list of a key that is too long: %v", err)
		}
	}
	if err := v.Delete(t.Context(), tooLong); !errors.Is(err, errors.NotFound) {
		t.Errorf("delete of a key that is too long: %v", err)
	}
	if errs := v.DeleteFiles(t.Context(), []string{tooLong}); errs[0] != nil {
		t.Errorf("delete in a batch of a key that is too long: %v", errs[0])
	}
	if err := v.DeleteDir(t.Context(), tooLong); err != nil {
		t.Errorf("DeleteDir of a key that is too long: %v", err)
	}
	if n := asked.taken(); len(n) != 0 {
		t.Errorf("the store was asked: %v", n)
	}
	fill(t, openStore(u), "p/d/"+strings.Repeat("x", 740))
	if err := u.RenameDir(t.Context(), "d", "longer-name"); !errors.Is(err, errors.Invalid) {
		t.Errorf("a move that makes a key too long: %v", err)
	}
	if _, err := u.Stat(t.Context(), "longer-name"); !errors.Is(err, errors.NotFound) {
		t.Errorf("the refused move has left something: %v", err)
	}
}

// openStore puts keys through the file system.
func openStore(u ufs.UFS) object.Store { return &through{u: u} }

type through struct {
	object.Store
	u ufs.UFS
}

func (s *through) Put(ctx context.Context, key string, _ object.PutOptions) (object.Upload, error) {
	w, err := s.u.Create(ctx, strings.TrimPrefix(key, "p/"), ufs.CreateOptions{})
	return upload{w}, err
}

type upload struct{ ufs.Writer }

func (u upload) Commit(ctx context.Context) (object.Object, error) {
	info, err := u.Writer.Commit(ctx)
	return object.Object{Key: info.Path, Size: info.Size}, err
}

// TestRequests holds the number of requests of each operation.
func TestRequests(t *testing.T) {
	s := &spy{Store: mem.NewStore(mem.StoreOptions{})}
	u := object.New(s, object.Options{})
	fill(t, s, "file", "dir/", "dir/child", "implied/child", "e/")
	for i := range 2500 {
		fill(t, s, fmt.Sprintf("many/%d/%d", i%10, i))
	}
	stat := func(p string) func() error {
		return func() error {
			_, err := u.Stat(t.Context(), p)
			if errors.Is(err, errors.NotFound) {
				err = nil
			}
			return err
		}
	}
	for _, c := range []struct {
		what string
		do   func() error
		want map[string]int
	}{
		{"stat of a file", stat("file"), map[string]int{"head": 1}},
		{"stat of a directory", stat("dir"), map[string]int{"head": 1, "list": 1}},
		{"stat of an implied directory", stat("implied"), map[string]int{"head": 1, "list": 1}},
		{"stat of nothing", stat("nothing"), map[string]int{"head": 1, "list": 1}},
		{"list", func() error { list(t, u, "", ufs.ListOptions{}); return nil }, map[string]int{"list": 1}},
		{"recursive list", func() error { list(t, u, "many", ufs.ListOptions{Recursive: true}); return nil }, map[string]int{"list": 3}},
		{"rename", func() error { return u.Rename(t.Context(), "file", "file2") }, map[string]int{"list": 1, "copy": 1, "delete": 1}},
		{"delete of a file", func() error { return u.Delete(t.Context(), "file2") }, map[string]int{"head": 1, "delete": 1}},
		{"delete of a directory", func() error { return u.Delete(t.Context(), "e") }, map[string]int{"head": 1, "list": 1, "delete": 1}},
		{"DeleteDir", func() error { return u.DeleteDir(t.Context(), "many") }, map[string]int{"list": 3, "batch": 25}},
	} {
		s.taken()
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if got := s.taken(); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s took %v, want %v", c.what, got, c.want)
		}
	}
}

// TestOutage checks that no failure of the store is read as an absence.
func TestOutage(t *testing.T) {
	for _, kind := range []errors.Kind{errors.Unavailable, errors.Permission, errors.Unauthenticated} {
		for _, request := range []string{"head", "list"} {
			s := &spy{Store: mem.NewStore(mem.StoreOptions{})}
			fill(t, s, "dir/child")
			s.fail = func(r string) error {
				if r == request {
					return errors.E(r, "", kind, nil)
				}
				return nil
			}
			u := object.New(s, object.Options{})
			if _, err := u.Stat(t.Context(), "dir"); !errors.Is(err, kind) {
				t.Errorf("%v of %s: stat = %v", kind, request, err)
			}
			if err := u.Delete(t.Context(), "dir"); !errors.Is(err, kind) {
				t.Errorf("%v of %s: delete = %v", kind, request, err)
			}
			if err := u.Mkdir(t.Context(), "new", ufs.MkdirOptions{}); !errors.Is(err, kind) {
				t.Errorf("%v of %s: mkdir = %v", kind, request, err)
			}
			if request == "head" {
				continue
			}
			for _, err := range u.List(t.Context(), "dir", ufs.ListOptions{}) {
				if !errors.Is(err, kind) {
					t.Errorf("%v: list = %v", kind, err)
				}
			}
			if _, err := u.Create(t.Context(), "new", ufs.CreateOptions{}); !errors.Is(err, kind) {
				t.Errorf("%v: create = %v", kind, err)
			}
			if err := u.DeleteDir(t.Context(), "dir"); !errors.Is(err, kind) {
				t.Errorf("%v: DeleteDir = %v", kind, err)
			}
		}
	}
}

// TestInterruptedRenameDir fails directory moves at random requests until they
// succeed, and checks that nothing is lost, doubled or left over.
func TestInterruptedRenameDir(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	faults := 0
	for range 30 {
		s := &spy{Store: mem.NewStore(mem.StoreOptions{PageSize: 20})}
		want := []string{}
		for i := range 200 {
			key := fmt.Sprintf("%d/%d", i%7, i)
			if i%13 == 0 {
				key += "//hidden"
			}
			fill(t, s, "src/"+key)
			want = append(want, "dst/"+key)
		}
		fill(t, s, "src/", "src2")
		want = append(want, "dst/", "src2")
		slices.Sort(want)
		s.fail = func(string) error {
			if r.IntN(60) == 0 {
				faults++
				return errors.E("", "", errors.Unavailable, nil)
			}
			return nil
		}
		u := object.New(s, object.Options{Parallel: 4})
		attempts := 0
		for {
			attempts++
			err := u.RenameDir(t.Context(), "src", "dst")
			if err == nil {
				break
			}
			// The move may be complete, and only the answer be missing.
			if errors.Is(err, errors.NotFound) && attempts > 1 {
				break
			}
			if !errors.Is(err, errors.Unavailable) || attempts > 500 {
				t.Fatalf("attempt %d: %v", attempts, err)
			}
		}
		if got := s.Keys(); !slices.Equal(got, want) {
			t.Fatalf("after %d attempts there are %d keys, want %d:\n%q", attempts, len(got), len(want), got)
		}
	}
	if faults < 100 {
		t.Errorf("only %d faults", faults)
	}
}

// TestRenameDirWithoutTheLastAnswer carries the very last request out and loses
// its answers, all of them.
func TestRenameDirWithoutTheLastAnswer(t *testing.T) {
	s := &spy{Store: mem.NewStore(mem.StoreOptions{})}
	fill(t, s, "src/f")
	lost := 0
	s.fail = func(request string) error {
		if request != "delete" || slices.Contains(s.Keys(), "src/f") {
			return nil
		}
		for _, key := range s.Keys() {
			if strings.Contains(key, "/.alluxio_ufs_moving_") {
				if err := s.Store.Delete(t.Context(), key); err != nil {
					t.Error(err)
				}
				lost++
			}
		}
		return errors.E("", "", errors.Unavailable, nil)
	}
	if err := object.New(s, object.Options{}).RenameDir(t.Context(), "src", "dst"); err != nil {
		t.Errorf("everything was moved, but: %v", err)
	}
	if got := s.Keys(); lost != 1 || !slices.Equal(got, []string{"dst/f"}) {
		t.Errorf("%d answers lost; the store has %q", lost, got)
	}
}

// TestRenameDirTakenBack interrupts moves, and moves the other way until that
// succeeds: everything is where it was.
func TestRenameDirTakenBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	parts := 0
	for range 30 {
		s := &spy{Store: mem.NewStore(mem.StoreOptions{PageSize: 20})}
		for i := range 100 {
			fill(t, s, fmt.Sprintf("src/%d/%d", i%7, i))
		}
		want := s.Keys()
		rate := 40
		s.fail = func(string) error {
			if rate > 0 && r.IntN(rate) == 0 {
				return errors.E("", "", errors.Unavailable, nil)
			}
			return nil
		}
		u := object.New(s, object.Options{Parallel: 4})
		if err := u.RenameDir(t.Context(), "src", "dst"); err == nil {
			continue
		}
		for attempts := 1; ; attempts++ {
			if attempts > 500 {
				t.Fatal("it is never taken back")
			}
			exists, err := u.Stat(t.Context(), "dst")
			if errors.Is(err, errors.NotFound) {
				break
			}
			if err != nil || !exists.Dir {
				continue
			}
			if s.Keys()[0] != want[0] {
				parts++
			}
			if err := u.RenameDir(t.Context(), "dst", "src"); err == nil {
				break
			} else if !errors.Is(err, errors.Unavailable) {
				t.Fatal(err)
			}
		}
		if got := s.Keys(); !slices.Equal(got, want) {
			t.Fatalf("there are %d keys, want %d:\n%q", len(got), len(want), got)
		}
		rate = 0
		if err := u.RenameDir(t.Context(), "src", "dst"); err != nil {
			t.Fatalf("the next move: %v", err)
		}
	}
	if parts == 0 {
		t.Error("no move was interrupted in the middle")
	}
}

// TestRetriedRequests checks that the requests of a large operation are
// repeated one by one.
func TestRetriedRequests(t *testing.T) {
	s := &spy{Store: mem.NewStore(mem.StoreOptions{PageSize: 50})}
	for i := range 500 {
		fill(t, s, fmt.Sprintf("src/%d", i))
	}
	n := 0
	s.fail = func(request string) error {
		if n++; n%3 == 0 && request != "head" {
			return errors.E("", "", errors.Unavailable, nil)
		}
		return nil
	}
	p := retry.NewPolicy(retry.Options{Attempts: 20, Base: time.Nanosecond, Max: time.Nanosecond, Budget: 1e6})
	u := object.New(s, object.Options{Retry: p.Do, Parallel: 3})
	if err := u.DeleteDir(t.Context(), "src"); err != nil || len(s.Keys()) != 0 {
		t.Errorf("DeleteDir = %v; %d keys are left", err, len(s.Keys()))
	}
}

// TestDeleteFilesReportsEach checks that every path gets its own answer.
func TestDeleteFilesReportsEach(t *testing.T) {
	s := &spy{Store: mem.NewStore(mem.StoreOptions{})}
	paths := make([]string, 350)
	for i := range paths {
		paths[i] = fmt.Sprintf("%03d", i)
		fill(t, s, paths[i])
	}
	n := 0
	s.fail = func(request string) error {
		if n++; request == "batch" && n == 2 {
			return errors.E("", "", errors.Unavailable, nil)
		}
		return nil
	}
	failed := 0
	for i, err := range object.New(s, object.Options{Parallel: 1}).DeleteFiles(t.Context(), paths) {
		_, headErr := s.Store.Head(t.Context(), paths[i])
		if (err == nil) != errors.Is(headErr, errors.NotFound) {
			t.Errorf("%s: reported %v, but head = %v", paths[i], err, headErr)
		}
		if err != nil {
			failed++
		}
	}
	if failed != 100 {
		t.Errorf("%d paths failed, want the 100 of one batch", failed)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i, err := range object.New(s, object.Options{}).DeleteFiles(ctx, paths) {
		if !errors.Is(err, errors.Cancelled) {
			t.Fatalf("%s: %v after the caller gave up", paths[i], err)
		}
	}
}

// TestDisorder checks that a store that breaks the order is found out.
func TestDisorder(t *testing.T) {
	u := object.New(disorderly{mem.NewStore(mem.StoreOptions{})}, object.Options{})
	var last error
	for _, err := range u.List(t.Context(), "", ufs.ListOptions{}) {
		last = err
	}
	if !errors.Is(last, errors.Internal) || !strings.Contains(last.Error(), `"a" behind "b"`) {
		t.Errorf("list = %v", last)
	}
}

type disorderly struct{ object.Store }

func (disorderly) List(context.Context, object.ListRequest) (object.Page, error) {
	return object.Page{Objects: []object.Object{{Key: "b"}, {Key: "a"}}}, nil
}

func TestNoMarkers(t *testing.T) {
	s := mem.NewStore(mem.StoreOptions{})
	u := object.New(s, object.Options{NoMarkers: true})
	if err := u.Mkdir(t.Context(), "a/b", ufs.MkdirOptions{Parents: true}); err != nil || len(s.Keys()) != 0 {
		t.Errorf("mkdir = %v, keys %q", err, s.Keys())
	}
}

func TestSetProperties(t *testing.T) {
	var o object.Options
	err := o.SetProperties(ufs.Options{Properties: map[string]string{
		"alluxio.underfs.listing.length":                   "5000",
		"alluxio.underfs.object.store.service.threads":     "7",
		"alluxio.underfs.object.store.breadcrumbs.enabled": "false",
	}})
	if err != nil || o.PageSize != 1000 || o.Parallel != 7 || !o.NoMarkers {
		t.Errorf("options %+v, %v", o, err)
	}
	for _, bad := range []map[string]string{
		{"alluxio.underfs.listing.length": "0"}, {"alluxio.underfs.object.store.service.threads": "many"},
		{"alluxio.underfs.object.store.breadcrumbs.enabled": "1"},
	} {
		if err := o.SetProperties(ufs.Options{Properties: bad}); !errors.Is(err, errors.Invalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
