package evict

// entry is one key in a queue.
type entry[K comparable] struct {
	key        K
	size       int64
	freq       uint8 // S3-FIFO: uses since it was queued, at most 3
	in         *queue[K]
	prev, next *entry[K] // prev is newer
}

// queue is a doubly linked list with the sum of its sizes. The zero value is
// empty.
type queue[K comparable] struct {
	newest, oldest *entry[K]
	bytes          int64
	len            int
}

func (q *queue[K]) push(e *entry[K]) {
	e.in, e.prev, e.next = q, nil, q.newest
	if q.newest != nil {
		q.newest.prev = e
	} else {
		q.oldest = e
	}
	q.newest = e
	q.bytes += e.size
	q.len++
}

func (q *queue[K]) remove(e *entry[K]) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		q.newest = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		q.oldest = e.prev
	}
	q.bytes -= e.size
	q.len--
	e.in, e.prev, e.next = nil, nil, nil
}

// move puts e at the new end of q, wherever it was.
func (q *queue[K]) move(e *entry[K]) {
	e.in.remove(e)
	q.push(e)
}

// oldestNot returns the oldest entry whose key is not kept.
func (q *queue[K]) oldestNot(keep func(K) bool) *entry[K] {
	for e := q.oldest; e != nil; e = e.prev {
		if !keep(e.key) {
			return e
		}
	}
	return nil
}

// each yields the keys from the oldest on; false when yield did.
func (q *queue[K]) each(yield func(K) bool) bool {
	for e := q.oldest; e != nil; e = e.prev {
		if !yield(e.key) {
			return false
		}
	}
	return true
}

// table is what the list-based policies share: the keys and their entries.
type table[K comparable] map[K]*entry[K]

// resize changes the size of a key that is there.
func (t table[K]) resize(key K, size int64) bool {
	e, ok := t[key]
	if ok {
		e.in.bytes += size - e.size
		e.size = size
	}
	return ok
}

func (t table[K]) remove(key K) {
	if e, ok := t[key]; ok {
		e.in.remove(e)
		delete(t, key)
	}
}

func (t table[K]) take(e *entry[K]) (K, bool) {
	e.in.remove(e)
	delete(t, e.key)
	return e.key, true
}
