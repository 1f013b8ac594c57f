package store

import (
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
)

// Blocks that somebody asked to have cached have no uses yet that would speak for
// them, and a policy that resists scans would give them up for the next ones of the
// same request. They stay until a reader has come, for wishTime at most: when there is
// nothing else to evict the oldest go first.

// wishTime is how long a block is kept for readers who may come.
const wishTime = time.Hour

// wished is a block that was asked for and not read yet.
type wished struct {
	b     *block
	since time.Time
}

// Wish says that the block was brought in because somebody asked for that, rather
// than to be read now.
func (h *Handle) Wish() {
	h.s.mu.Lock()
	h.b.wanted = true
	h.s.mu.Unlock()
}

// keepWish puts b among the blocks that are evicted last, since the time given. Store.mu is held.
func (b *block) keepWish(since time.Time) {
	b.wanted = false
	if b.tracked && b.wish == nil {
		b.wish = b.dir.wishes.PushBack(wished{b, since})
	}
}

// dropWish makes b like any other block. Store.mu is held.
func (b *block) dropWish() {
	if b.wish != nil {
		b.dir.wishes.Remove(b.wish)
		b.wish = nil
	}
}

// expireWishes drops those for which nobody came. Store.mu is held.
func (d *dir) expireWishes(now time.Time) {
	for e := d.wishes.Front(); e != nil && now.Sub(e.Value.(wished).since) > wishTime; e = d.wishes.Front() {
		e.Value.(wished).b.dropWish()
	}
}

// oldestWish takes the oldest of them that may be evicted from the policy. Store.mu
// is held.
func (d *dir) oldestWish() (blockid.ID, bool) {
	for e := d.wishes.Front(); e != nil; e = e.Next() {
		if b := e.Value.(wished).b; !b.busy() {
			b.dropWish()
			d.policy.Remove(b.id)
			return b.id, true
		}
	}
	return 0, false
}
