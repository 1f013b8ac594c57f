package inode

import "unsafe"

// text is the arena of names and fingerprints: append-only chunks. A record is
// a name directly followed by a fingerprint; who holds its reference knows the
// lengths. Bytes once written never change, so strings that alias them and
// snapshots that share chunks stay right; a chunk is given up as a whole, when
// nothing in it is live, and the garbage collector takes it when the last
// reader is done.
type text struct {
	chunks   []*chunk // nil where given up
	vacant   []int    // the indexes of those
	current  int
	live     int64 // bytes in records
	capacity int64 // bytes in chunks
	// evacuating: chunks with much garbage are being emptied (Tree.evacuate).
	evacuating bool
	cursor     ref
}

type chunk struct {
	data    []byte
	used    int
	live    int
	leaving bool
}

// References count in units of textUnit bytes; chunk number and unit within.
const (
	textUnit  = 4
	chunkBits = 16
	chunkSize = textUnit << chunkBits
	chunkMask = 1<<chunkBits - 1

	// maxPrint bounds fingerprints, in bytes.
	maxPrint = 8 << 10
)

func roundUp(n int) int { return (n + textUnit - 1) &^ (textUnit - 1) }

// put stores a record. An empty one needs no room.
func (a *text) put(name, print string) uint32 {
	n := roundUp(len(name) + len(print))
	if n == 0 {
		return 0
	}
	if len(a.chunks) == 0 || a.chunks[a.current].used+n > chunkSize {
		a.extend()
	}
	c := a.chunks[a.current]
	at := c.used
	copy(c.data[at:], name)
	copy(c.data[at+len(name):], print)
	c.used += n
	c.live += n
	a.live += int64(n)
	return uint32(a.current)<<chunkBits | uint32(at/textUnit)
}

func (a *text) extend() {
	full := a.current
	c := &chunk{data: make([]byte, chunkSize)}
	a.capacity += chunkSize
	if k := len(a.vacant); k > 0 {
		a.current = a.vacant[k-1]
		a.vacant = a.vacant[:k-1]
		a.chunks[a.current] = c
	} else {
		a.current = len(a.chunks)
		a.chunks = append(a.chunks, c)
	}
	if full != a.current {
		a.giveUpIfEmpty(full)
	}
}

// drop frees a record of n bytes.
func (a *text) drop(at uint32, n int) {
	n = roundUp(n)
	if n == 0 {
		return
	}
	i := int(at >> chunkBits)
	a.chunks[i].live -= n
	a.live -= int64(n)
	a.giveUpIfEmpty(i)
}

func (a *text) giveUpIfEmpty(i int) {
	if i == a.current || a.chunks[i] == nil || a.chunks[i].live > 0 {
		return
	}
	a.chunks[i] = nil
	a.vacant = append(a.vacant, i)
	a.capacity -= chunkSize
}

// readText returns n bytes of a record from byte skip on, aliasing the arena.
func readText(chunks []*chunk, at uint32, skip, n int) string {
	if n == 0 {
		return ""
	}
	start := int(at&chunkMask)*textUnit + skip
	return unsafe.String(&chunks[at>>chunkBits].data[start], n)
}

func (t *Tree) nameOf(r ref) string {
	n := t.at(r)
	return readText(t.text.chunks, n.text, 0, int(n.nameLen))
}

func (t *Tree) printOf(n *node) string {
	return readText(t.text.chunks, n.text, int(n.nameLen), int(n.printLen))
}

// setText gives the node a new name and fingerprint.
func (t *Tree) setText(r ref, name, print string) {
	at := t.text.put(name, print)
	n := t.mut(r)
	t.text.drop(n.text, n.textLen())
	n.text, n.nameLen, n.printLen = at, uint16(len(name)), uint16(len(print))
}

// When the arena is more than half garbage and worth the work, its emptiest
// chunks are emptied: each modification of the tree moves the records of a
// few nodes, so that no call takes long.
const (
	evacuateMin  = 16 * chunkSize
	evacuateStep = 64 // nodes per modification
)

// evacuate does a step of the work, if there is any.
func (t *Tree) evacuate() {
	a := &t.text
	if !a.evacuating {
		if a.capacity < evacuateMin || a.live > a.capacity/2 {
			return
		}
		for i, c := range a.chunks {
			if c != nil && i != a.current {
				c.leaving = c.live < chunkSize*3/4
			}
		}
		a.evacuating, a.cursor = true, rootRef
	}
	for end := min(a.cursor+evacuateStep, t.next); a.cursor < end; a.cursor++ {
		n := t.at(a.cursor)
		if n.is(flagLive) && n.textLen() > 0 && a.chunks[n.text>>chunkBits].leaving {
			t.setText(a.cursor, t.nameOf(a.cursor), t.printOf(n))
		}
	}
	a.evacuating = a.cursor < t.next
}
