package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
)

// testDirectory holds the files of the smoke suite.
const testDirectory = "default_tests_files"

// smokeTimeout bounds each test, the wait for its file in the under store
// included.
const smokeTimeout = 2 * time.Minute

// smokeTest is one file of the suite: how it is written and read.
type smokeTest struct {
	operation operation
	readType  client.ReadType
	writeType client.WriteType
}

// operation makes the content of a test's file.
type operation struct {
	option, file string // its name on the command line and in file names
	content      func() []byte
}

// operations are the two kinds of content: 20 numbers in the byte order of this
// machine, and the same as a Java data stream writes them, after their count.
var operations = []operation{
	{"BASIC", "BasicFile", func() []byte { return numbers(binary.NativeEndian, nil) }},
	{"BASIC_NON_BYTE_BUFFER", "BasicNonByteBuffer", func() []byte { return numbers(binary.BigEndian, []uint32{20}) }},
}

func numbers(order binary.AppendByteOrder, values []uint32) (b []byte) {
	for i := range uint32(20) {
		values = append(values, i)
	}
	for _, v := range values {
		b = order.AppendUint32(b, v)
	}
	return b
}

var (
	smokeReads  = []client.ReadType{client.CachePromote, client.Cache, client.NoCache}
	smokeWrites = []client.WriteType{client.MustCache, client.CacheThrough, client.Through, client.AsyncThrough}
)

type runTestsOptions struct {
	directory, operation, readType, writeType string
}

func newRunTestsCmd(env *Env) *cobra.Command {
	var opts runTestsOptions
	cmd := &cobra.Command{
		Use:     "runTests [--directory DIR] [--operation OP] [--readType TYPE] [--writeType TYPE]",
		Aliases: []string{"runTest"},
		Short:   "Write and read files of every kind in the running cluster",
		Long: "Writes files of every combination of read type, write type and content below DIR/" + testDirectory + ", reads them back, " +
			"checks whether they are persisted when they should be, and sees to it that in the end all of them are in the under store.\n" +
			"What an earlier run left there is deleted first. The exit code is the number of tests that failed.",
		Example: examples("runTests", "runTests --directory /kodo", "runTests --operation BASIC --readType CACHE --writeType THROUGH"),
		Args:    argCount(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			tests, err := opts.tests()
			if err != nil {
				return usagef(cmd, "%v", err)
			}
			return withShell(env, func(ctx context.Context, sh *shell, _ []string) error {
				return runSmokeTests(ctx, sh, opts.directory, tests)
			})(cmd, args)
		},
	}
	cmd.Flags().StringVar(&opts.directory, "directory", "/", "where to work")
	cmd.Flags().StringVar(&opts.operation, "operation", "", "only BASIC or BASIC_NON_BYTE_BUFFER")
	cmd.Flags().StringVar(&opts.readType, "readType", "", "only CACHE_PROMOTE, CACHE or NO_CACHE")
	cmd.Flags().StringVar(&opts.writeType, "writeType", "", "only MUST_CACHE, CACHE_THROUGH, THROUGH or ASYNC_THROUGH")
	return cmd
}

// tests returns the tests that the options select.
func (o runTestsOptions) tests() ([]smokeTest, error) {
	reads, err := choose("readType", o.readType, smokeReads, func(r client.ReadType) string { return string(r) })
	if err != nil {
		return nil, err
	}
	writes, err := choose("writeType", o.writeType, smokeWrites, func(w client.WriteType) string { return string(w) })
	if err != nil {
		return nil, err
	}
	ops, err := choose("operation", o.operation, operations, func(op operation) string { return op.option })
	if err != nil {
		return nil, err
	}
	var tests []smokeTest
	for _, r := range reads {
		for _, w := range writes {
			for _, op := range ops {
				tests = append(tests, smokeTest{op, r, w})
			}
		}
	}
	return tests, nil
}

// choose returns the one of all that is named, or all for no name.
func choose[T any](option, name string, all []T, nameOf func(T) string) ([]T, error) {
	if name == "" {
		return all, nil
	}
	var names []string
	for i, item := range all {
		if strings.EqualFold(nameOf(item), name) {
			return all[i : i+1], nil
		}
		names = append(names, nameOf(item))
	}
	return nil, errors.Errorf(errors.Invalid, "--%s must be one of %s, not %s.", option, strings.Join(names, ", "), name)
}

// runSmokeTests runs all tests beside each other and prints their results in
// order.
func runSmokeTests(ctx context.Context, sh *shell, directory string, tests []smokeTest) error {
	base, err := fspath.Clean(directory)
	if err != nil {
		return err
	}
	dir := fspath.Join(base, testDirectory)
	err = sh.fs.Delete(ctx, dir, client.DeleteOptions{Recursive: true, Unchecked: true})
	if err != nil && !errors.Is(err, errors.NotFound) {
		return err
	}
	if err := sh.fs.Mkdir(ctx, dir, client.MkdirOptions{Recursive: true, AllowExists: true}); err != nil {
		return err
	}
	results := make([]chan smokeResult, len(tests))
	var writing sync.Mutex
	for i, test := range tests {
		results[i] = make(chan smokeResult, 1)
		go func() { results[i] <- test.run(ctx, sh, dir, &writing) }()
	}
	failed := 0
	for i, test := range tests {
		result := <-results[i]
		sh.printf("runTest --operation %s --readType %s --writeType %s", test.operation.option, test.readType, test.writeType)
		for _, line := range result.steps {
			sh.printf("%s", line)
		}
		if result.err == nil {
			sh.printf("%s", sh.colour(green, "Passed the test!"))
			continue
		}
		failed++
		sh.warnf("%s: %v", test.path(dir), result.err)
		sh.printf("%s", sh.colour(red, "Failed the test!"))
	}
	sh.printf("%d passed, %d failed", len(tests)-failed, failed)
	return exitWith(min(failed, 255))
}

// smokeResult is how a test went: what took how long, and what went wrong.
type smokeResult struct {
	steps []string
	err   error
}

func (t smokeTest) path(dir string) string {
	return fspath.Join(dir, fmt.Sprintf("%s_%s_%s", t.operation.file, t.readType, t.writeType))
}

// run writes the file, reads it back and sees it into the under store. One test
// writes at a time: a writer reserves a whole block, and the cache may be small.
func (t smokeTest) run(ctx context.Context, sh *shell, dir string, writing *sync.Mutex) (result smokeResult) {
	ctx, cancel := context.WithTimeout(ctx, smokeTimeout)
	defer cancel()
	path, content := t.path(dir), t.operation.content()
	steps := []struct {
		what string
		do   func() error
	}{
		{"writeFile to file", func() error {
			writing.Lock()
			defer writing.Unlock()
			return t.write(ctx, sh, path, content)
		}},
		{"readFile file", func() error { return t.read(ctx, sh, path, content) }},
		{"persistFile file", func() error { return t.persist(ctx, sh, path) }},
		{"readFile file", func() error { return t.read(ctx, sh, path, content) }},
	}
	for _, step := range steps {
		began := time.Now()
		if err := step.do(); err != nil {
			result.err = fmt.Errorf("%s: %w", step.what, err)
			return result
		}
		result.steps = append(result.steps, fmt.Sprintf("%s %s took %d ms.", step.what, path, time.Since(began).Milliseconds()))
	}
	return result
}

// write writes the file and checks the state that its write type promises.
func (t smokeTest) write(ctx context.Context, sh *shell, path string, content []byte) error {
	w, err := sh.fs.Create(ctx, path, client.CreateOptions{WriteType: t.writeType})
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		w.Abort()
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	promised := map[client.WriteType][]client.PersistenceState{
		client.MustCache:    {client.NotPersisted},
		client.CacheThrough: {client.Persisted},
		client.Through:      {client.Persisted},
		client.AsyncThrough: {client.ToBePersisted, client.Persisted},
	}[t.writeType]
	info, err := sh.stat(ctx, path)
	if err == nil && !slices.Contains(promised, info.PersistenceState) {
		return fmt.Errorf("the file is %s after it was written with %s", info.PersistenceState, t.writeType)
	}
	return err
}

// read reads the file and compares.
func (t smokeTest) read(ctx context.Context, sh *shell, path string, want []byte) error {
	r, err := sh.fs.Open(ctx, path, client.OpenOptions{ReadType: t.readType})
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := io.ReadAll(io.LimitReader(r, int64(len(want))+1))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("read %x, wrote %x", got, want)
	}
	return nil
}

// persist waits until the file is in the under store, asking for it when it was
// only cached, and compares the two.
func (t smokeTest) persist(ctx context.Context, sh *shell, path string) error {
	if t.writeType == client.MustCache {
		if err := sh.fs.Persist(ctx, path, client.PersistOptions{}); err != nil {
			return err
		}
	}
	err := poll(ctx, 50*time.Millisecond, func() (bool, error) {
		info, err := sh.stat(ctx, path)
		return err == nil && info.PersistenceState == client.Persisted, err
	})
	if err != nil {
		return err
	}
	differing, err := sh.fs.CheckConsistency(ctx, path)
	if err == nil && len(differing) > 0 {
		return fmt.Errorf("the file in the under store differs")
	}
	return err
}
