package layer_test

import (
	"context"
	"io"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/layer"
	"github.com/alluxio-go/alluxio/ufs/mem"
	"github.com/alluxio-go/alluxio/ufs/object"
)

// bare hides the capabilities of a UFS.
type bare struct{ u ufs.UFS }

func (b bare) URI() string { return b.u.URI() }
func (b bare) Stat(ctx context.Context, path string) (ufs.Info, error) {
	return b.u.Stat(ctx, path)
}
func (b bare) List(ctx context.Context, dir string, opts ufs.ListOptions) iter.Seq2[ufs.Info, error] {
	return b.u.List(ctx, dir, opts)
}
func (b bare) Open(ctx context.Context, path string, opts ufs.OpenOptions) (io.ReadCloser, error) {
	return b.u.Open(ctx, path, opts)
}
func (b bare) Create(ctx context.Context, path string, opts ufs.CreateOptions) (ufs.Writer, error) {
	return b.u.Create(ctx, path, opts)
}
func (b bare) Delete(ctx context.Context, path string) error { return b.u.Delete(ctx, path) }
func (b bare) Mkdir(ctx context.Context, path string, opts ufs.MkdirOptions) error {
	return b.u.Mkdir(ctx, path, opts)
}
func (b bare) Rename(ctx context.Context, src, dst string) error { return b.u.Rename(ctx, src, dst) }
func (b bare) Close() error                                      { return b.u.Close() }

// recorder notes the operations that pass.
type recorder struct {
	layer.Pass
	ops []layer.Op
}

func (r *recorder) Do(ctx context.Context, c layer.Call, call func(context.Context) error) error {
	r.ops = append(r.ops, c.Op)
	return call(ctx)
}

func capabilities(u ufs.UFS) (names []string) {
	note := func(name string, ok bool) {
		if ok {
			names = append(names, name)
		}
	}
	_, ok := ufs.As[ufs.BatchDeleter](u)
	note("BatchDeleter", ok)
	_, ok = ufs.As[ufs.DirDeleter](u)
	note("DirDeleter", ok)
	_, ok = ufs.As[ufs.DirRenamer](u)
	note("DirRenamer", ok)
	_, ok = ufs.As[ufs.AttrSetter](u)
	note("AttrSetter", ok)
	_, ok = ufs.As[ufs.SpaceReporter](u)
	note("SpaceReporter", ok)
	_, ok = ufs.As[ufs.Hider](u)
	note("Hider", ok)
	_, ok = ufs.As[ufs.Sweeper](u)
	note("Sweeper", ok)
	_, ok = ufs.As[ufs.ObjectStore](u)
	note("ObjectStore", ok)
	return names
}

func TestCapabilities(t *testing.T) {
	flat := object.New(mem.NewStore(mem.StoreOptions{}), object.Options{})
	tree := mem.New("mem://x")
	for _, c := range []struct {
		u    ufs.UFS
		want []string
	}{
		{tree, []string{"BatchDeleter", "DirDeleter", "DirRenamer", "AttrSetter"}},
		{flat, []string{"BatchDeleter", "DirDeleter", "DirRenamer", "Hider", "Sweeper", "ObjectStore"}},
		{bare{tree}, nil},
	} {
		if got := capabilities(c.u); !slices.Equal(got, c.want) {
			t.Errorf("%T has %q, want %q", c.u, got, c.want)
		}
		wrapped := layer.New(layer.New(c.u, layer.Pass{}), layer.Pass{})
		if got := capabilities(wrapped); !slices.Equal(got, c.want) {
			t.Errorf("%T has %q behind two layers, want %q", c.u, got, c.want)
		}
	}
	if _, ok := ufs.As[ufs.Hider](nil); ok {
		t.Error("nothing has a capability")
	}
}

// TestOutermost checks that As finds the layer that must see the calls.
func TestOutermost(t *testing.T) {
	outer, inner := &recorder{}, &recorder{}
	u := layer.New(layer.New(mem.New("mem://x"), inner), outer)
	d, ok := ufs.As[ufs.DirDeleter](u)
	if !ok {
		t.Fatal("no DirDeleter")
	}
	if err := d.DeleteDir(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(outer.ops, []layer.Op{layer.DeleteDir}) || !slices.Equal(inner.ops, outer.ops) {
		t.Errorf("the outer layer saw %q, the inner one %q", outer.ops, inner.ops)
	}
}

// TestUnsupported calls what the UFS below cannot do.
func TestUnsupported(t *testing.T) {
	u := layer.New(bare{mem.New("mem://x")}, layer.Pass{})
	_, _, spaceErr := u.Space(t.Context())
	_, sweepErr := u.Sweep(t.Context(), time.Second)
	for i, err := range append(u.DeleteFiles(t.Context(), []string{"a", "b"}),
		u.DeleteDir(t.Context(), "a"), u.RenameDir(t.Context(), "a", "b"), u.SetAttr(t.Context(), "a", "", "", nil), spaceErr, sweepErr) {
		if !errors.Is(err, errors.Unsupported) {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

// refuser lets nothing pass.
type refuser struct{ layer.Pass }

func (refuser) Do(context.Context, layer.Call, func(context.Context) error) error {
	return errors.E("", "", errors.Permission, nil)
}

func TestRefusedBatch(t *testing.T) {
	errs := layer.New(mem.New("mem://x"), refuser{}).DeleteFiles(t.Context(), []string{"a", "b", "c"})
	if len(errs) != 3 {
		t.Fatalf("%d results for 3 paths", len(errs))
	}
	for _, err := range errs {
		if !errors.Is(err, errors.Permission) {
			t.Errorf("result %v", err)
		}
	}
}
