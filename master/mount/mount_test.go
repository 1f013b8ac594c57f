package mount

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
)

func table(t *testing.T, points ...Point) *Table {
	t.Helper()
	tab := New()
	for i, p := range points {
		p.ID = RootID + ID(i)
		if err := tab.Add(p); err != nil {
			t.Fatalf("Add(%v): %v", p, err)
		}
	}
	return tab
}

func nested(t *testing.T) *Table {
	return table(t,
		Point{Path: "/", UFS: "/data"},
		Point{Path: "/a", UFS: "kodo://b/dir"},
		Point{Path: "/a/b", UFS: "kodo://b2"},
		Point{Path: "/ab", UFS: "s3://b/dir"})
}

func TestNormalizeURI(t *testing.T) {
	for in, want := range map[string]string{
		"/":                  "/",
		"/data//x/":          "/data/x",
		"file:///data/":      "/data",
		"file:/data":         "/data",
		"kodo://B":           "kodo://B",
		"kodo://B/":          "kodo://B",
		"KODO://B//Dir/sub/": "kodo://B/Dir/sub",
		"s3://b/a:/c":        "s3://b/a:/c",
		"/a:/b":              "/a:/b",
	} {
		if got, err := NormalizeURI(in); err != nil || got != want {
			t.Errorf("NormalizeURI(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "data", "kodo://", "kodo:///x", "kodo:/x", "file://host/x", "kodo://b/../c", "://b/x", "b:x"} {
		if got, err := NormalizeURI(in); !errors.Is(err, errors.Invalid) || !strings.Contains(err.Error(), fmt.Sprintf("%q", in)) {
			t.Errorf("NormalizeURI(%q) = %q, %v; want an Invalid error that names it", in, got, err)
		}
	}
}

func TestResolveAndReverse(t *testing.T) {
	tab := nested(t)
	for path, want := range map[string]string{
		"/":        "/data",
		"/x/y":     "/data/x/y",
		"/a":       "kodo://b/dir",
		"/a/x":     "kodo://b/dir/x",
		"/a/b":     "kodo://b2",
		"/a/b/c/d": "kodo://b2/c/d",
		"/a/bc":    "kodo://b/dir/bc",
		"/ab/c":    "s3://b/dir/c",
	} {
		loc, ok := tab.Resolve(path)
		if !ok || loc.UFSURI() != want {
			t.Errorf("Resolve(%q) = %v, %v; want %q", path, loc.UFSURI(), ok, want)
		}
		if back, p, ok := tab.Reverse(want); !ok || back != path || p.ID != loc.ID {
			t.Errorf("Reverse(%q) = %q, %v, %v; want %q", want, back, p, ok, path)
		}
		if loc.IsMountPoint() != (loc.Path == path) {
			t.Errorf("Resolve(%q) says mount point: %v", path, loc.IsMountPoint())
		}
	}
	for _, uri := range []string{"/other", "/data2", "kodo://b", "kodo://b/dir2", "kodo://b/dir/b/x", "s3://b/x", "nonsense"} {
		if path, p, ok := tab.Reverse(uri); ok {
			t.Errorf("Reverse(%q) = %q on %v; want none", uri, path, p)
		}
	}
	if _, ok := New().Resolve("/x"); ok {
		t.Error("an empty table resolves")
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ path, ufs, text string }{
		{"/a", "kodo://new", "Mount point target path /a already exists in Alluxio namespace. Try mounting to another path."},
		{"/n", "kodo://b", "Mount point kodo://b is a prefix of kodo://b/dir, which is mounted at /a already"},
		{"/n", "kodo://b/dir", "Mount point kodo://b/dir is a prefix of kodo://b/dir: it is mounted at /a already"},
		{"/n", "kodo://b/dir/x", "Mount point kodo://b/dir is a prefix of kodo://b/dir/x: it is mounted at /a already"},
		{"/n", "/data/x", "Mount point /data is a prefix of /data/x: it is mounted at / already"},
		{"/n", "/", "Mount point / is a prefix of /data, which is mounted at / already"},
		{"/n", "kodo://c/", `UFS URI "kodo://c/" is not in its normal form "kodo://c".`},
	} {
		err := nested(t).Add(Point{ID: 9, Path: c.path, UFS: c.ufs})
		if !errors.Is(err, errors.Invalid) || err.Error() != c.text {
			t.Errorf("Add(%s on %s) = %v; want %q", c.ufs, c.path, err, c.text)
		}
	}
	if err := nested(t).Add(Point{ID: 9, Path: "/n", UFS: "kodo://b/dir2"}); err != nil {
		t.Errorf("a sibling is refused: %v", err)
	}
	if err := nested(t).Add(Point{ID: 2, Path: "/n", UFS: "kodo://c"}); !errors.Is(err, errors.Invalid) {
		t.Errorf("an id that is taken: %v", err)
	}
	for path, text := range map[string]string{
		"/":    "Failed to unmount /. The root mount cannot be unmounted.",
		"/x":   "Failed to unmount /x. Please ensure the path is an existing mount point.",
		"/a":   "Failed to unmount /a. Unmount /a/b below it first.",
		"/a/x": "Failed to unmount /a/x. Please ensure the path is an existing mount point.",
	} {
		if _, err := nested(t).Remove(path); !errors.Is(err, errors.Invalid) || err.Error() != text {
			t.Errorf("Remove(%s) = %v; want %q", path, err, text)
		}
	}
}

func TestUpdate(t *testing.T) {
	tab := nested(t)
	if err := tab.Update(Point{ID: 17, Path: "/a", UFS: "ignored", ReadOnly: true, Options: map[string]string{"k": "v"}}); err != nil {
		t.Fatal(err)
	}
	p, ok := tab.Get(17)
	if !ok || p.UFS != "kodo://b/dir" || !p.ReadOnly || p.Options["k"] != "v" {
		t.Errorf("after Update: %v", p)
	}
	if _, ok := tab.Get(2); ok {
		t.Error("the old id is still there")
	}
	for _, p := range []Point{{ID: 20, Path: "/nowhere"}, {ID: RootID, Path: "/a"}} {
		if err := tab.Update(p); !errors.Is(err, errors.Invalid) {
			t.Errorf("Update(%v) = %v", p, err)
		}
	}
}

func TestCredentialsAreMasked(t *testing.T) {
	const secret = "hunter2"
	p := Point{ID: 2, Path: "/k", UFS: "kodo://b", Options: map[string]string{
		"fs.kodo.accesskey": secret, "fs.kodo.secretkey": secret, "some.password": secret, "plain": "seen",
	}}
	tab := table(t, Point{Path: "/", UFS: "/data"})
	if err := tab.Add(p); err != nil {
		t.Fatal(err)
	}
	loc, _ := tab.Resolve("/k/x")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("mounted", "point", p, "location", loc)
	shown := fmt.Sprintf("%v %+v %#v %s %v %v", p, p, p, loc, loc, p.Masked()) + log.String()
	if strings.Contains(shown, secret) || !strings.Contains(shown, "seen") {
		t.Errorf("shown: %s", shown)
	}
	if p.Options["fs.kodo.secretkey"] != secret {
		t.Error("Masked changed the options")
	}
}

// TestAgainstNaiveTable adds and removes mounts at random; paths must resolve
// as the longest prefix says.
func TestAgainstNaiveTable(t *testing.T) {
	path := rapid.StringMatching(`(/[ab]){1,4}`)
	rapid.Check(t, func(t *rapid.T) {
		tab, naive := New(), map[string]string{"/": "kodo://root"}
		if err := tab.Add(Point{ID: RootID, Path: "/", UFS: "kodo://root"}); err != nil {
			t.Fatal(err)
		}
		next := RootID
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				next++
				at := path.Draw(t, "path")
				uri := fmt.Sprintf("kodo://b%d", next)
				_, taken := naive[at]
				if err := tab.Add(Point{ID: next, Path: at, UFS: uri}); (err != nil) != taken {
					t.Fatalf("Add(%s): %v", at, err)
				}
				if !taken {
					naive[at] = uri
				}
			},
			"remove": func(t *rapid.T) {
				at := path.Draw(t, "path")
				_, there := naive[at]
				below := 0
				for other := range naive {
					if other != at && fspath.Within(at, other) {
						below++
					}
				}
				if _, err := tab.Remove(at); (err == nil) != (there && below == 0) {
					t.Fatalf("Remove(%s): %v; there %v, %d below", at, err, there, below)
				} else if err == nil {
					delete(naive, at)
				}
			},
			"": func(t *rapid.T) {
				p := path.Draw(t, "path")
				at := p
				for naive[at] == "" {
					at = fspath.Parent(at)
				}
				rel, _ := fspath.Rel(at, p)
				loc, ok := tab.Resolve(p)
				if !ok || loc.Path != at || loc.Rel != rel || loc.UFS != naive[at] {
					t.Fatalf("Resolve(%s) = %v %q, want %s %q", p, loc.Point, loc.Rel, at, rel)
				}
				if back, _, ok := tab.Reverse(loc.UFSURI()); !ok || back != p {
					t.Fatalf("Reverse(%s) = %s, %v", loc.UFSURI(), back, ok)
				}
				var paths []string
				for _, p := range tab.All() {
					paths = append(paths, p.Path)
				}
				if !slices.Equal(paths, slices.Sorted(maps.Keys(naive))) {
					t.Fatalf("All = %v", paths)
				}
			},
		})
	})
}
