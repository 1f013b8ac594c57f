package fspath

import (
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/internal/errors"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"/":                         "/",
		"//":                        "/",
		"/a":                        "/a",
		"/a/":                       "/a",
		"//a///b/.":                 "/a/b",
		"/a/./b":                    "/a/b",
		"/a b/%20/ü/#?":             "/a b/%20/ü/#?",
		"alluxio://localhost:19998": "/",
		"alluxio://h:1,h2:2/a/b":    "/a/b",
		"alluxio:///a":              "/a",
		"alluxio:/a":                "/a",
		"/..a/b..":                  "/..a/b..",
	} {
		got, err := Clean(in)
		if err != nil || got != want {
			t.Errorf("Clean(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "a", "./a", "/a/../b", "/..", "s3://b/k", "/a\x00b", "/a\xff", "/" + strings.Repeat("x", MaxComponentBytes+1), strings.Repeat("/x", MaxBytes)} {
		if got, err := Clean(in); !errors.Is(err, errors.Invalid) {
			t.Errorf("Clean(%.40q) = %.40q, %v; want an Invalid error", in, got, err)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("/a//b/./c/")
	f.Fuzz(func(t *testing.T, in string) {
		p, err := Clean(in)
		if err != nil {
			return
		}
		if again, err := Clean(p); err != nil || again != p {
			t.Fatalf("Clean(%q) = %q is not clean: %q, %v", in, p, again, err)
		}
		dir, name := Split(p)
		if p != Root && Join(dir, name) != p {
			t.Fatalf("Join(Split(%q)) = %q", p, Join(dir, name))
		}
	})
}

func TestRel(t *testing.T) {
	for _, c := range []struct {
		dir, p, rel string
		ok          bool
	}{
		{"/", "/", "", true},
		{"/", "/a/b", "a/b", true},
		{"/a", "/a", "", true},
		{"/a", "/a/b", "b", true},
		{"/a", "/ab", "", false},
		{"/a/b", "/a", "", false},
	} {
		if rel, ok := Rel(c.dir, c.p); rel != c.rel || ok != c.ok {
			t.Errorf("Rel(%q, %q) = %q, %v", c.dir, c.p, rel, ok)
		}
	}
}
