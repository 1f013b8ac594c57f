package ufs

import (
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

func TestProperties(t *testing.T) {
	o := Options{Properties: map[string]string{
		"n": " 7 ", "b": "TRUE", "size": "64MB", "d": "30sec", "s": "x", "empty": "",
		"bad.n": "7x", "bad.b": "yes", "bad.size": "64 MB", "bad.d": "2days",
	}}
	if n, err := o.Int("n", 1); n != 7 || err != nil {
		t.Errorf("Int = %d, %v", n, err)
	}
	if n, err := o.Int("empty", 1); n != 1 || err != nil {
		t.Errorf("Int of an empty property = %d, %v", n, err)
	}
	if b, err := o.Bool("b", false); !b || err != nil {
		t.Errorf("Bool = %v, %v", b, err)
	}
	if n, err := o.Bytes("size", 1); n != 64<<20 || err != nil {
		t.Errorf("Bytes = %d, %v", n, err)
	}
	if d, err := o.Duration("d", 1); d != 30*time.Second || err != nil {
		t.Errorf("Duration = %v, %v", d, err)
	}
	if s := o.String("s", "y") + o.String("empty", "y") + o.String("absent", "z"); s != "xyz" {
		t.Errorf("String = %q", s)
	}
	_, errN := o.Int("bad.n", 0)
	_, errB := o.Bool("bad.b", false)
	_, errS := o.Bytes("bad.size", 0)
	_, errD := o.Duration("bad.d", 0)
	for key, err := range map[string]error{"bad.n": errN, "bad.b": errB, "bad.size": errS, "bad.d": errD} {
		if !errors.Is(err, errors.Invalid) || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), o.Properties[key]) {
			t.Errorf("%s: error %v does not say which property has which value", key, err)
		}
	}
}

func TestPaths(t *testing.T) {
	for p, want := range map[string]bool{
		"": true, "a": true, "a/b": true, "a b/ü\n": true, "..a/b.": true,
		"/": false, "/a": false, "a/": false, "a//b": false, ".": false, "a/..": false, "a\x00": false, "a\xff": false,
	} {
		if ValidPath(p) != want {
			t.Errorf("ValidPath(%q) = %v", p, !want)
		}
		if (CheckPath("op", p) == nil) != want || CheckFile("op", p) == nil && (p == "" || !want) {
			t.Errorf("CheckPath(%q) = %v, CheckFile = %v", p, CheckPath("op", p), CheckFile("op", p))
		}
	}
	for _, p := range []string{"a", "a/b", "a/b/c"} {
		if dir, name := Split(p); Join(dir, name) != p {
			t.Errorf("Join(Split(%q)) = %q", p, Join(dir, name))
		}
	}
}

func TestScheme(t *testing.T) {
	for uri, want := range map[string]string{
		"/data": "file", "file:///data": "file", "kodo://b/d": "kodo", "S3A://b": "s3a", "file:/data": "file", "data": "", "": "",
	} {
		if got := Scheme(uri); got != want {
			t.Errorf("Scheme(%q) = %q, want %q", uri, got, want)
		}
	}
	_, err := Registry{"file": nil, "kodo": nil}.Open(t.Context(), "hdfs://h/x", Options{})
	if !errors.Is(err, errors.Invalid) || !strings.Contains(err.Error(), "file, kodo") {
		t.Errorf("Open of an unknown scheme: %v", err)
	}
}
