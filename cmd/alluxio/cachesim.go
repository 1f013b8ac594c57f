package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store/cachesim"
	"github.com/alluxio-go/alluxio/worker/store/evict"
)

type cacheSimOptions struct {
	policies, sizes, builtins []string
	seed                      uint64
	format, svg, writeTrace   string
}

// defaultCacheSizes show the curve of a trace.
var defaultCacheSizes = []string{"1%", "5%", "10%", "25%", "50%", "75%"}

func newCacheSimCmd(env *Env) *cobra.Command {
	var opts cacheSimOptions
	cmd := &cobra.Command{
		Use:   "cache-sim [--policy NAME,...] [--size SIZE,...] [--format table|csv] [--svg FILE] [TRACE...]",
		Short: "Compare eviction policies by replaying traces of reads",
		Long: "Replays each TRACE through a cache of every policy and size, with the worker's own eviction code, and prints hit ratios,\n" +
			"byte hit ratios and a plot. A trace is CSV with one read a line: the key (a path or block id) and its size; a header\n" +
			"with columns \"key\" and \"size\" may put them elsewhere, other columns are ignored, and - is standard input. Without a\n" +
			"TRACE it replays the built-in ones. docs/cache-sim.md tells how to read the result and where a trace comes from.\n\n" +
			"Policies: " + strings.Join(evict.Names(), ", ") + ".\n\nBuilt-in traces (--builtin):\n" + builtinHelp(),
		Example: examples("cache-sim", "cache-sim --builtin scan-mixed,loop --size 5%,20%", "cache-sim --policy w-tinylfu,lru --size 10GB,50GB reads.csv",
			"cache-sim --format csv reads.csv > ratios.csv", "cache-sim --svg ratios.svg reads.csv", "cache-sim --builtin loop --write-trace loop.csv"),
		RunE: func(cmd *cobra.Command, args []string) error { return runCacheSim(cmd.Context(), env, opts, args) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&opts.policies, "policy", evict.Names(), "policies to compare")
	f.StringSliceVar(&opts.sizes, "size", defaultCacheSizes, "sizes of the cache: bytes (10GB), or a part of the trace's working set (10%)")
	f.StringSliceVar(&opts.builtins, "builtin", nil, "replay these built-in traces")
	f.Uint64Var(&opts.seed, "seed", 1, "seed of the built-in traces")
	f.StringVar(&opts.format, "format", "table", "table or csv")
	f.StringVar(&opts.svg, "svg", "", "also write the plots to this file as a picture")
	f.StringVar(&opts.writeTrace, "write-trace", "", "only write the one built-in trace to this file as CSV (- is standard output)")
	for name, values := range map[string]func() []string{
		"policy": evict.Names, "builtin": builtinNames, "format": func() []string { return []string{"table", "csv"} },
	} {
		_ = cmd.RegisterFlagCompletionFunc(name, completeList(values))
	}
	return cmd
}

// completeList completes the last item of a list that is separated by commas,
// with what the list does not have yet.
func completeList(values func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before, last := typed[:strings.LastIndexByte(typed, ',')+1], typed[strings.LastIndexByte(typed, ',')+1:]
		var matches []string
		for _, v := range values() {
			if strings.HasPrefix(strings.ToLower(v), strings.ToLower(last)) && !strings.Contains(before, v+",") {
				matches = append(matches, before+v)
			}
		}
		return matches, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

func builtinNames() []string {
	var names []string
	for _, b := range cachesim.Builtins() {
		names = append(names, b.Name)
	}
	return names
}

func builtinHelp() string {
	var b strings.Builder
	for _, t := range cachesim.Builtins() {
		fmt.Fprintf(&b, "  %-12s %s\n", t.Name, t.About)
	}
	return strings.TrimRight(b.String(), "\n")
}

func runCacheSim(ctx context.Context, env *Env, opts cacheSimOptions, args []string) error {
	if opts.format != "table" && opts.format != "csv" {
		return errors.Errorf(errors.Invalid, "--format %s is neither table nor csv.", opts.format)
	}
	builtins, err := chooseBuiltins(opts.builtins, len(args) == 0)
	if err != nil {
		return err
	}
	if opts.writeTrace != "" {
		if len(builtins) != 1 || len(args) > 0 {
			return errors.Errorf(errors.Invalid, "--write-trace writes one built-in trace: name it with --builtin, one of %s.", strings.Join(builtinNames(), ", "))
		}
		return writeBuiltin(env, builtins[0], opts)
	}
	sim, err := newCacheSim(env, opts)
	if err != nil {
		return err
	}
	var reports []*simReport
	for _, b := range builtins {
		r, err := sim.run(ctx, builtinSource(b, opts.seed))
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	for _, name := range args {
		r, err := sim.file(ctx, name)
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	if opts.svg != "" {
		if err := writePicture(opts.svg, reports); err != nil {
			return err
		}
	}
	if opts.format == "csv" {
		return printSimCSV(env.Stdout, reports)
	}
	return printSimReports(env, reports)
}

// chooseBuiltins returns the built-in traces that are named, or all.
func chooseBuiltins(names []string, all bool) ([]cachesim.Builtin, error) {
	if len(names) == 0 && all {
		return cachesim.Builtins(), nil
	}
	var chosen []cachesim.Builtin
	for _, name := range names {
		i := slices.IndexFunc(cachesim.Builtins(), func(b cachesim.Builtin) bool { return b.Name == strings.ToLower(strings.TrimSpace(name)) })
		if i < 0 {
			return nil, errors.Errorf(errors.Invalid, "There is no built-in trace %q: choose from %s.", name, strings.Join(builtinNames(), ", "))
		}
		chosen = append(chosen, cachesim.Builtins()[i])
	}
	return chosen, nil
}

// writeBuiltin writes a built-in trace as CSV.
func writeBuiltin(env *Env, b cachesim.Builtin, opts cacheSimOptions) error {
	if opts.writeTrace == "-" {
		return writeTraceTo(env.Stdout, b, opts.seed)
	}
	f, err := os.Create(opts.writeTrace)
	if err != nil {
		return errors.E("cache-sim", opts.writeTrace, errors.KindOf(err), err)
	}
	err = writeTraceTo(f, b, opts.seed)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return errors.E("cache-sim", opts.writeTrace, errors.KindOf(err), err)
	}
	env.printf("Wrote %s", opts.writeTrace)
	return nil
}

func writeTraceTo(to io.Writer, b cachesim.Builtin, seed uint64) error {
	w := bufio.NewWriterSize(to, 1<<18)
	_, _ = w.WriteString("key,size\n") // Flush has the error
	for a := range b.Accesses(seed) {
		line := append(strconv.AppendUint(w.AvailableBuffer(), a.Key, 10), ',')
		_, _ = w.Write(append(strconv.AppendInt(line, a.Size, 10), '\n'))
	}
	return w.Flush()
}

// cacheSize is a size of a cache: bytes, or a part of the working set.
type cacheSize struct {
	text  string
	bytes int64
	part  float64 // if not 0
}

func parseCacheSize(text string) (cacheSize, error) {
	text = strings.TrimSpace(text)
	if number, ok := strings.CutSuffix(text, "%"); ok {
		percent, err := strconv.ParseFloat(number, 64)
		if err != nil || !(percent > 0 && percent <= 100) {
			return cacheSize{}, errors.Errorf(errors.Invalid, "--size %s is no part of a working set: write 0.5%% to 100%%.", text)
		}
		return cacheSize{text: text, part: percent / 100}, nil
	}
	n, err := config.ParseBytes(text)
	if err == nil && n == 0 {
		err = fmt.Errorf("is no size of a cache")
	}
	if err != nil {
		return cacheSize{}, errors.Errorf(errors.Invalid, "--size %s %w, or a part of the working set like 10%%.", text, err)
	}
	return cacheSize{text: text, bytes: n}, nil
}

// sizesFor returns sizes in bytes for a working set, growing, each once.
func sizesFor(sizes []cacheSize, workingSet int64) []cacheSize {
	sizes = slices.Clone(sizes)
	for i, s := range sizes {
		if s.part > 0 {
			sizes[i].bytes = max(1, int64(s.part*float64(workingSet)))
		}
	}
	slices.SortStableFunc(sizes, func(a, b cacheSize) int { return cmp.Compare(a.bytes, b.bytes) })
	return slices.CompactFunc(sizes, func(a, b cacheSize) bool { return a.bytes == b.bytes })
}

// cacheSim replays traces.
type cacheSim struct {
	env      *Env
	policies []string
	sizes    []cacheSize
	lrfu     evict.Options // its parameters, as configured
	bars     bool
}

func newCacheSim(env *Env, opts cacheSimOptions) (*cacheSim, error) {
	conf, err := env.Config(config.Worker)
	if err != nil {
		return nil, err
	}
	s := &cacheSim{env: env, bars: env.IsTerminal && opts.format == "table", lrfu: evict.Options{
		Attenuation: conf.Float(config.WorkerBlockAnnotatorLRFUAttenuationFactor),
		Step:        conf.Float(config.WorkerBlockAnnotatorLRFUStepFactor),
	}}
	for _, name := range opts.policies {
		policy, err := evict.Find(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(s.policies, policy) {
			s.policies = append(s.policies, policy)
		}
	}
	for _, text := range opts.sizes {
		size, err := parseCacheSize(text)
		if err != nil {
			return nil, err
		}
		s.sizes = append(s.sizes, size)
	}
	if len(s.policies) == 0 || len(s.sizes) == 0 {
		return nil, errors.Errorf(errors.Invalid, "--policy and --size must name at least one each.")
	}
	return s, nil
}

// relative reports whether the working set must be known before the replay.
func (s *cacheSim) relative() bool {
	return slices.ContainsFunc(s.sizes, func(c cacheSize) bool { return c.part > 0 })
}

// simSource is a trace that can be read more than once.
type simSource struct {
	name, about string
	amount      int64 // bytes of a file, reads of a built-in trace; 0 if not known
	builtin     bool
	trace       func(p *progress) cachesim.Trace
}

func builtinSource(b cachesim.Builtin, seed uint64) simSource {
	return simSource{name: b.Name, about: b.About, amount: b.Len(), builtin: true, trace: func(p *progress) cachesim.Trace {
		return func(visit func(cachesim.Access) error) error {
			n := int64(0)
			for a := range b.Accesses(seed) {
				if err := visit(a); err != nil {
					return err
				}
				if n++; n%1024 == 0 {
					p.add(1024)
				}
			}
			p.add(n % 1024)
			return nil
		}
	}}
}

// file replays the trace in a file, or in a copy of what can be read only once.
func (s *cacheSim) file(ctx context.Context, name string) (*simReport, error) {
	in, label := s.env.Stdin, "standard input"
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, errors.E("cache-sim", name, errors.KindOf(err), err)
		}
		defer f.Close()
		info, err := f.Stat()
		switch {
		case err != nil:
			return nil, errors.E("cache-sim", name, errors.KindOf(err), err)
		case info.IsDir():
			return nil, errors.Errorf(errors.Invalid, "%s is a directory, not a trace.", name)
		case info.Mode().IsRegular():
			return s.run(ctx, fileSource(f, name, info.Size()))
		}
		in, label = f, name
	}
	stream := interruptible(ctx, in)
	defer stream.Close()
	if !s.relative() {
		return s.run(ctx, simSource{name: label, trace: func(p *progress) cachesim.Trace {
			return cachesim.ReadCSV(p.reader(stream), label)
		}})
	}
	spool, size, err := spoolTrace(stream)
	if err != nil {
		return nil, errors.E("cache-sim", label, errors.KindOf(err), err)
	}
	defer spool.Close()
	return s.run(ctx, fileSource(spool, label, size))
}

// interruptible reads from in until ctx ends, even while in, a terminal or a pipe,
// keeps a reader waiting; what waits there ends with the process. Close it.
func interruptible(ctx context.Context, in io.Reader) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, in)
		w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
	return r
}

// spoolTrace copies a stream to a temporary file that has no name any more.
func spoolTrace(in io.Reader) (*os.File, int64, error) {
	f, err := os.CreateTemp("", "cache-sim-*.csv")
	if err != nil {
		return nil, 0, err
	}
	size, err := io.Copy(f, in)
	if rerr := os.Remove(f.Name()); err == nil {
		err = rerr
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, size, nil
}

func fileSource(f *os.File, label string, size int64) simSource {
	return simSource{name: label, amount: size, trace: func(p *progress) cachesim.Trace {
		return cachesim.ReadCSV(p.reader(io.NewSectionReader(f, 0, size)), label)
	}}
}

// run replays one trace: once to know its working set, if a size depends on it,
// and once through all caches.
func (s *cacheSim) run(ctx context.Context, src simSource) (*simReport, error) {
	passes := int64(1)
	if s.relative() {
		passes = 2
	}
	env := *s.env
	env.IsTerminal = s.bars
	var bar *progress
	if src.builtin {
		bar = newCountProgress(&env, src.name, passes*src.amount)
	} else {
		bar = newBytesProgress(&env, src.name, passes*src.amount)
	}
	defer bar.done()

	r := &simReport{source: src.name, about: src.about, policies: s.policies, profile: cachesim.NewProfile()}
	readers := []cachesim.Reader{r.profile}
	if s.relative() {
		if err := cachesim.Replay(ctx, src.trace(bar), readers); err != nil {
			return nil, err
		}
		readers = nil
	}
	r.sizes = sizesFor(s.sizes, r.profile.WorkingSet)
	for _, policy := range s.policies {
		row := make([]*cachesim.Cache, len(r.sizes))
		for i, size := range r.sizes {
			o := s.lrfu
			o.Policy, o.Capacity = policy, size.bytes
			c, err := cachesim.NewCache(o)
			if err != nil {
				return nil, err
			}
			row[i] = c
			readers = append(readers, c)
		}
		r.caches = append(r.caches, row)
	}
	if err := cachesim.Replay(ctx, src.trace(bar), readers); err != nil {
		return nil, err
	}
	return r, nil
}
