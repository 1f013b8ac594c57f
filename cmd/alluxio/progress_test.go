package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestProgressPlain(t *testing.T) {
	var out bytes.Buffer
	p := newBytesProgress(&Env{Stdout: &out}, "copy", 10)
	_, _ = io.Copy(io.Discard, p.reader(strings.NewReader("0123456789")))
	p.expect(5)
	p.printf("a line")
	p.done()
	if out.String() != "a line\n" {
		t.Errorf("printed %q", out.String())
	}
}

// On a terminal lines stand above the bar, and done ends the bar whether or not
// everything was counted, however the total became known.
func TestProgressOnTerminal(t *testing.T) {
	for _, known := range []int64{0, 4, 10} {
		for _, counted := range []int64{0, 4, 10, 12} {
			var out bytes.Buffer
			p := newCountProgress(&Env{Stdout: &out, IsTerminal: true}, "persist", known)
			p.expect(10 - known)
			p.add(counted)
			p.printf("a line")
			p.done()
			if got := out.String(); !strings.Contains(got, "a line\n") || strings.Contains(got, " done") != (counted >= 10) {
				t.Errorf("known %d, counted %d: printed %q", known, counted, got)
			}
		}
	}
}
