package client

import "math"

// intent is what a worker is told about a request.
type intent uint8

const (
	readOn    intent = iota // the bytes are read in order, as far as the reader goes
	readAll                 // all of them are about to be read
	readShort               // all of them, and none that follow
)

// pace guesses how far a reader will go, which is what a worker is asked for: all
// that is ahead of one who started at the beginning and never jumped, little more
// than the bytes it wants of one who did, and more as it reads on.
type pace struct {
	all    bool  // it said that it will read everything
	jumped bool  // it has been elsewhere
	next   int64 // where it goes on if it does not jump
	run    int64 // bytes read since it jumped
	want   int64 // bytes of the present Read
}

const (
	// paceGrowth is how many times what was read since the jump is asked for.
	paceGrowth = 4
	// paceOpen is the run from which a reader is taken for one who will not jump
	// again soon.
	paceOpen = 8 << 20
)

// wants is called before n bytes are read at pos.
func (p *pace) wants(pos int64, n int) {
	if pos != p.next {
		p.jumped, p.run = true, 0
	}
	p.next, p.want = pos, int64(n)
}

// wantsAll is called before everything ahead is read.
func (p *pace) wantsAll() { p.all = true }

// read is called when n bytes were read up to pos.
func (p *pace) read(pos, n int64) {
	p.next = pos
	p.run += n
}

// intent is what a worker is told of a request for n bytes; those of a reader who
// jumps are short below the given number.
func (p *pace) intent(n, short int64) intent {
	switch {
	case p.all:
		return readAll
	case p.jumped && n < short:
		return readShort
	}
	return readOn
}

// scans reports whether the reader goes through the file: it says so, or has read a
// block's length without jumping.
func (p *pace) scans(blockSize int64) bool { return p.all || p.run >= blockSize }

// stretch is how many bytes to ask for at once.
func (p *pace) stretch() int64 {
	if p.all || !p.jumped || p.run >= paceOpen {
		return math.MaxInt64
	}
	return max(p.want, paceGrowth*p.run)
}
