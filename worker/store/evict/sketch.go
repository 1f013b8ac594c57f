package evict

import "math/bits"

// sketch counts uses approximately, of keys that are in the cache and of keys
// that are not: a key has four 4-bit counters in one 64-byte block, of which a use
// raises the smallest and the smallest is believed. From time to time all are
// halved, so that what was popular once is forgotten. Keys are hashes.
type sketch struct {
	blocks []sketchBlock // a power of two of them
	keys   int           // in the cache
	added  int           // uses in the counters, as if halving halved them too
}

type sketchBlock [8]uint64 // 16 counters each

const (
	maxCount      = 15
	keysPerBlock  = 4  // 32 counters for each key in the cache
	usesPerKey    = 10 // added for each key in the cache when counters are halved
	minSketchKeys = 64
)

// fit prepares the sketch for a cache of n keys. When it grows a block becomes
// several alike, so that no count is lost.
func (s *sketch) fit(n int) {
	s.keys = max(n, minSketchKeys)
	if s.keys <= len(s.blocks)*keysPerBlock {
		return
	}
	blocks := make([]sketchBlock, 1<<bits.Len(uint(s.keys-1))/keysPerBlock)
	for i := range blocks {
		if len(s.blocks) > 0 {
			blocks[i] = s.blocks[i&(len(s.blocks)-1)]
		}
	}
	s.blocks = blocks
}

// add counts one use of h.
func (s *sketch) add(h uint64) {
	b := s.block(h)
	if least := b.least(h); least < maxCount {
		for i, at := 0, h>>32; i < 4; i, at = i+1, at>>7 {
			if word, shift := counter(at); b[word]>>shift&maxCount == least {
				b[word] += 1 << shift
			}
		}
	}
	if s.added++; s.added >= usesPerKey*s.keys {
		s.halve()
	}
}

// count is how often h was used lately, at most maxCount.
func (s *sketch) count(h uint64) int { return int(s.block(h).least(h)) }

func (s *sketch) block(h uint64) *sketchBlock { return &s.blocks[h&uint64(len(s.blocks)-1)] }

// least is the smallest of the counters of h.
func (b *sketchBlock) least(h uint64) uint64 {
	n := uint64(maxCount)
	for i, at := 0, h>>32; i < 4; i, at = i+1, at>>7 {
		word, shift := counter(at)
		n = min(n, b[word]>>shift&maxCount)
	}
	return n
}

// counter names one of a block's 128 counters by the low 7 bits of at.
func counter(at uint64) (word, shift uint64) { return at & 7, at >> 3 & 15 * 4 }

func (s *sketch) halve() {
	for i := range s.blocks {
		for j, word := range s.blocks[i] {
			s.blocks[i][j] = word >> 1 & 0x7777777777777777
		}
	}
	s.added /= 2
}
