package client

import (
	"math"
	"testing"
)

// TestPace: what is asked for at once, after reads at given places.
func TestPace(t *testing.T) {
	type read struct{ pos, n int64 }
	for name, c := range map[string]struct {
		before []read
		pos, n int64
		all    bool
		want   int64
		why    intent
	}{
		"from the beginning":      {nil, 0, 4096, false, math.MaxInt64, readOn},
		"in order":                {[]read{{0, 4096}}, 4096, 4096, false, math.MaxInt64, readOn},
		"after a jump":            {nil, 1 << 30, 4096, false, 4096, readShort},
		"on after a jump":         {[]read{{1 << 30, 4096}}, 1<<30 + 4096, 4096, false, 4 * 4096, readShort},
		"far on after a jump":     {[]read{{1 << 30, paceOpen}}, 1<<30 + paceOpen, 4096, false, math.MaxInt64, readOn},
		"another jump":            {[]read{{1 << 30, paceOpen}}, 0, 4096, false, 4096, readShort},
		"backwards":               {[]read{{8192, 4096}}, 4096, 4096, false, 4096, readShort},
		"much at once":            {nil, 1 << 30, 16 << 20, false, 16 << 20, readOn},
		"everything from a place": {nil, 1 << 30, 0, true, math.MaxInt64, readAll},
	} {
		var p pace
		for _, r := range c.before {
			p.wants(r.pos, int(r.n))
			p.read(r.pos+r.n, r.n)
		}
		if c.all {
			p.wantsAll()
		} else {
			p.wants(c.pos, int(c.n))
		}
		if got := p.stretch(); got != c.want {
			t.Errorf("%s: asks for %d bytes, want %d", name, got, c.want)
		}
		if got := p.intent(min(c.want, 64<<20), 2<<20); got != c.why {
			t.Errorf("%s: intent %d, want %d", name, got, c.why)
		}
	}
}
