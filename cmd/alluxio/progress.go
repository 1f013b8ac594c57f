package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress shows how far a command is, on a terminal as a bar with plain lines
// above it, elsewhere as the plain lines alone. Its methods may be called from
// several goroutines.
type progress struct {
	bars  *mpb.Progress
	bar   *mpb.Bar
	total atomic.Int64
	plain struct {
		sync.Mutex
		out io.Writer // used when there is no bar
	}
}

// newBytesProgress counts bytes of an expected total; expect raises it. Each of
// more adds a text to the bar.
func newBytesProgress(env *Env, name string, total int64, more ...func() string) *progress {
	right := []decor.Decorator{decor.CountersKibiByte("% .1f / % .1f"), decor.AverageSpeed(decor.SizeB1024(0), " % .1f")}
	for _, text := range more {
		right = append(right, decor.Any(func(decor.Statistics) string { return text() }))
	}
	return newProgress(env, name, total, right...)
}

// newCountProgress counts things, such as files.
func newCountProgress(env *Env, name string, total int64) *progress {
	return newProgress(env, name, total, decor.CountersNoUnit("%d / %d"))
}

func newProgress(env *Env, name string, total int64, right ...decor.Decorator) *progress {
	p := &progress{}
	p.plain.out = env.Stdout
	if env.IsTerminal {
		p.bars = mpb.New(mpb.WithOutput(env.Stdout), mpb.WithAutoRefresh(), mpb.WithWidth(40))
		// A bar that is made with a total keeps it for ever.
		p.bar = p.bars.AddBar(0,
			mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(append(right, decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace), " done"))...))
	}
	p.expect(total)
	return p
}

// add counts n more.
func (p *progress) add(n int64) {
	if p.bar != nil {
		p.bar.IncrInt64(n)
	}
}

// expect raises the expected total by n.
func (p *progress) expect(n int64) {
	if total := p.total.Add(n); p.bar != nil {
		p.bar.SetTotal(total, false)
	}
}

// printf prints a line, above the bar if there is one.
func (p *progress) printf(format string, args ...any) {
	if p.bars != nil {
		_, _ = fmt.Fprintf(p.bars, format+"\n", args...)
		return
	}
	p.plain.Lock()
	defer p.plain.Unlock()
	_, _ = fmt.Fprintf(p.plain.out, format+"\n", args...)
}

// done ends the bar, which is left standing where it is when less was counted
// than expected; call it before anything else is printed.
func (p *progress) done() {
	if p.bar == nil {
		return
	}
	if p.bar.Current() < p.total.Load() {
		p.bar.Abort(false)
	} else {
		p.bar.SetTotal(-1, true)
	}
	p.bars.Wait()
}

// reader counts what is read through it.
func (p *progress) reader(r io.Reader) io.Reader { return &countingReader{r, p} }

type countingReader struct {
	io.Reader
	p *progress
}

func (r *countingReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.p.add(int64(n))
	return n, err
}
