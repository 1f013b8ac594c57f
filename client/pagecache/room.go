package pagecache

import (
	"context"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// put writes a page of whom the caller is the only writer. A page that cannot be
// kept is no error.
func (d *dir) put(k Key, data []byte) {
	cost := d.pages.cost(len(data))
	if !d.reserve(k, cost) {
		return
	}
	err := d.pages.write(k, data)
	for try := 0; errors.Is(err, errors.NoSpace) && try < d.opts.EvictionRetries && d.evictOne(); try++ {
		err = d.pages.write(k, data)
	}
	if err != nil {
		d.writeFailed(k, cost, err)
		return
	}
	now := d.opts.now()
	d.mu.Lock()
	delete(d.mu.busy, k)
	d.mu.index[k] = &entry{cost, now, now}
	d.mu.policy.Add(k, cost)
	d.mu.used -= d.mu.stuck[k] // its file has been replaced
	delete(d.mu.stuck, k)
	if now.After(d.mu.writeAt) { // else another one has failed meanwhile
		d.mu.warned[unwritable] = false
	}
	d.mu.Unlock()
	d.metrics.bytesWritten.Add(float64(len(data)))
}

// reserve makes room for a page and takes it; false when there is none to be had
// or the page is there.
func (d *dir) reserve(k Key, cost int64) bool {
	d.mu.Lock()
	if d.mu.mode != ready || d.mu.index[k] != nil || d.mu.busy[k] {
		d.mu.Unlock()
		return false
	}
	d.mu.busy[k] = true
	d.mu.Unlock()
	for try := 0; ; try++ {
		victims, fits := d.takeVictims(cost)
		d.removeAll(victims)
		switch {
		case fits && len(victims) == 0:
			return true
		case !fits || try > d.opts.EvictionRetries: // what was to go could not be removed, time and again
			d.metrics.noRoom.Inc()
			d.metrics.putErrors.Inc()
			d.mu.Lock()
			delete(d.mu.busy, k)
			d.mu.Unlock()
			return false
		}
	}
}

// victim is a page that has to go, out of the index already.
type victim struct {
	key  Key
	cost int64
}

// takeVictims takes room for cost bytes if there is some. If not, it chooses pages
// to remove first; fits says whether that will ever help.
func (d *dir) takeVictims(cost int64) (victims []victim, fits bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if cost > d.quota {
		return nil, false
	}
	freed := int64(0)
	for d.mu.used-freed+cost > d.quota {
		v, ok := d.takeVictim()
		if !ok {
			break
		}
		victims = append(victims, v)
		freed += v.cost
	}
	if len(victims) == 0 && d.mu.used+cost <= d.quota {
		d.mu.used += cost
		return nil, true
	}
	return victims, len(victims) > 0
}

// takeVictim takes the page that goes next out of the index. d.mu is held.
func (d *dir) takeVictim() (victim, bool) {
	k, ok := d.mu.policy.Victim(func(k Key) bool { return d.mu.busy[k] })
	if !ok {
		return victim{}, false
	}
	v := victim{k, d.mu.index[k].cost}
	delete(d.mu.index, k)
	d.mu.busy[k] = true
	return v, true
}

// removeAll removes the files of evicted pages. What cannot be removed goes on
// taking its room.
func (d *dir) removeAll(victims []victim) {
	for _, v := range victims {
		if d.removeFile(v) {
			d.metrics.pagesEvicted.Inc()
			d.metrics.bytesEvicted.Add(float64(v.cost))
		}
	}
}

func (d *dir) removeFile(v victim) bool {
	err := d.pages.remove(v.key)
	d.mu.Lock()
	delete(d.mu.busy, v.key)
	if err == nil {
		d.mu.used -= v.cost
		d.mu.warned[unremovable] = false
	} else {
		d.mu.stuck[v.key] = v.cost
	}
	d.mu.Unlock()
	if err != nil {
		d.metrics.deleteErrors.Inc()
		d.metrics.unremovable.Inc()
		d.warn(unremovable, err)
	}
	return err == nil
}

// evictOne makes some room on a disk that has none.
func (d *dir) evictOne() bool {
	d.mu.Lock()
	v, ok := d.takeVictim()
	d.mu.Unlock()
	if ok {
		d.removeAll([]victim{v})
	}
	return ok
}

// shrink removes pages until the quota holds.
func (d *dir) shrink() {
	var victims []victim
	d.mu.Lock()
	for freed := int64(0); d.mu.used-freed > d.quota; {
		v, ok := d.takeVictim()
		if !ok {
			break
		}
		victims = append(victims, v)
		freed += v.cost
	}
	d.mu.Unlock()
	d.removeAll(victims)
}

// writeFailed gives reserved room back and leaves the folder alone for a while. A
// write that has not answered may yet succeed, so its room stays taken.
func (d *dir) writeFailed(k Key, cost int64, err error) {
	d.mu.Lock()
	delete(d.mu.busy, k)
	if errors.Is(err, errors.Timeout) {
		d.mu.used -= d.mu.stuck[k]
		d.mu.stuck[k] = cost
	} else {
		d.mu.used -= cost
	}
	d.mu.writeAt = d.opts.now().Add(brokenRetry)
	d.mu.Unlock()
	d.metrics.putErrors.Inc()
	d.metrics.writeErrors.Inc()
	if errors.Is(err, errors.NoSpace) {
		d.metrics.writeNoSpace.Inc()
	}
	d.warn(unwritable, err)
}

// drop removes a page that cannot be used.
func (d *dir) drop(k Key) {
	d.mu.Lock()
	e := d.mu.index[k]
	if e == nil || d.mu.busy[k] {
		d.mu.Unlock()
		return
	}
	delete(d.mu.index, k)
	d.mu.policy.Remove(k)
	d.mu.busy[k] = true
	d.mu.Unlock()
	if d.removeFile(victim{k, e.cost}) {
		d.metrics.pagesDiscarded.Inc()
		d.metrics.bytesDiscarded.Add(float64(e.cost))
	}
}

// expire removes the pages that are too old.
func (d *dir) expire(ctx context.Context) {
	limit := d.opts.now().Add(-d.opts.TTL)
	var old []Key
	d.mu.Lock()
	for k, e := range d.mu.index {
		if e.written.Before(limit) {
			old = append(old, k)
		}
	}
	d.mu.Unlock()
	for _, k := range old {
		if ctx.Err() != nil {
			return
		}
		d.drop(k)
	}
}
