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
// everything was counted.
func TestProgressOnTerminal(t *testing.T) {
	for _, counted := range []int64{0, 4, 10} {
		var out bytes.Buffer
		p := newCountProgress(&Env{Stdout: &out, IsTerminal: true}, "persist", 0)
		p.expect(10)
		p.add(counted)
		p.printf("a line")
		p.done()
		if !strings.Contains(out.String(), "a line\n") {
			t.Errorf("printed %q", out.String())
		}
	}
}
