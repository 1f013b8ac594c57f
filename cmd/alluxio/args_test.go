package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/alluxio-go/alluxio/internal/errors"
)

func TestTakeGenericOptions(t *testing.T) {
	rest, defines := takeGenericOptions(strings.Fields("-Da=1 fs -Xmx4g ls -Db.c=d=e /x -XX:+UseG1GC -- -Dno=1"))
	if got := strings.Join(rest, " "); got != "fs ls /x -- -Dno=1" {
		t.Errorf("rest %q", got)
	}
	if !slices.Equal(defines, []string{"a=1", "b.c=d=e"}) {
		t.Errorf("defines %q", defines)
	}
}

func TestSortArgs(t *testing.T) {
	flags := pflag.NewFlagSet("x", pflag.ContinueOnError)
	flags.BoolP("recursive", "R", false, "")
	flags.BoolP("human", "h", false, "")
	flags.Bool("live", false, "")
	flags.StringP("count", "c", "", "")
	flags.String("sort", "", "")
	flags.Bool("readonly", false, "")
	for in, want := range map[string]string{
		"/a -R":               "--recursive | /a",
		"-live":               "--live |",
		"--rec /a":            "--recursive | /a",
		"--re /a":             "--re | /a", // recursive or readonly
		"/a -1":               "| /a -1",
		"-c 4KB /f":           "--count 4KB | /f",
		"-c=4KB /f":           "--count=4KB | /f",
		"/f -sort size":       "--sort size | /f",
		"--sort=size -Rh /f":  "--sort=size -Rh | /f",
		"-Rc 4 /f":            "-Rc 4 | /f",
		"-R -- -x /f":         "--recursive | -x /f",
		"-q /f":               "-q | /f",
		"- /f":                "| - /f",
		"-readonly /a kodo:/": "--readonly | /a kodo:/",
	} {
		options, positional := sortArgs(flags, strings.Fields(in))
		got := strings.TrimSpace(strings.Join(options, " ") + " | " + strings.Join(positional, " "))
		if got != want {
			t.Errorf("%q = %q, want %q", in, got, want)
		}
	}
}

func TestExpand(t *testing.T) {
	tree := map[string][]entry{
		"/":      {{"a", true}, {"ab", true}, {"abc", false}, {"b*", true}},
		"/a":     {{"x1", false}, {"x2", true}, {"y", false}},
		"/ab":    {{"x3", false}},
		"/a/x2":  {{"deep", false}},
		"/b*":    {},
		"/a/x1/": nil,
	}
	list := func(_ context.Context, dir string) ([]entry, error) {
		if dir == "/down" {
			return nil, errors.Errorf(errors.Unavailable, "down")
		}
		children, ok := tree[dir]
		if !ok {
			return nil, errors.Errorf(errors.NotFound, "%s", dir)
		}
		return children, nil
	}
	for pattern, want := range map[string]string{
		"/a":           "/a",
		"/nothing//":   "/nothing",
		"/a*":          "/a /ab /abc",
		"/*":           "/a /ab /abc /b*",
		"/a*/x*":       "/a/x1 /a/x2 /ab/x3",
		"/*/x2/d*p":    "/a/x2/deep",
		"/a/*/deep":    "/a/x2/deep",
		"/*b":          "/ab",
		"/a*c":         "/abc",
		"/nowhere/*":   "",
		"/a/x1/*":      "",
		"/*/nonsense":  "",
		"/a/*1*2*":     "",
		"alluxio:///a": "/a",
	} {
		got, err := expand(t.Context(), pattern, list)
		if want == "" {
			if !errors.Is(err, errors.NotFound) {
				t.Errorf("%s = %q, %v; want NotFound", pattern, got, err)
			}
			continue
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s = %q, %v; want %s", pattern, got, err, want)
		}
	}
	if _, err := expand(t.Context(), "/down/*", list); !errors.Is(err, errors.Unavailable) {
		t.Errorf("an outage became %v", err)
	}
	if _, err := expand(t.Context(), "relative/*", list); !errors.Is(err, errors.Invalid) {
		t.Errorf("a relative path became %v", err)
	}
}

func TestMatchStars(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"*", "a", true}, {"a*a", "a", false}, {"a*a", "aa", true}, {"*.txt", "x.txt", true}, {"*.txt", "x.txt2", false},
		{"a*b*c", "abc", true}, {"a*b*c", "aXbYbc", true}, {"a*b*c", "acb", false}, {"a**", "a", true}, {"a", "ab", false}, {"?", "a", false},
	} {
		if got := matchStars(c.pattern, c.name); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.name, got)
		}
	}
}
