package evict

// entry is one key in a queue.
type entry[K comparable] struct {
	key        K
	size       int64
	freq       uint8 // S3-FIFO: uses since it was queued, at most 3
	in         *queue[K]
	prev, next *entry[K] // prev is newer
}

// name is the key of e, if there is an e.
func (e *entry[K]) name() (key K, ok bool) {
	if e == nil {
		return key, false
	}
	return e.key, true
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

// oldestNot returns the oldest entry whose key is not kept. Kept ones that it
// meets go to the new end, so that the next call does not meet them again.
func (q *queue[K]) oldestNot(keep func(K) bool) *entry[K] {
	for range q.len {
		e := q.oldest
		if !keep(e.key) {
			return e
		}
		q.move(e)
	}
	return nil
}

// table is what the list-based policies share: the keys and their entries.
type table[K comparable] struct {
	entries map[K]*entry[K]
	spare   *entry[K] // of the last key that left, for the next that comes
}

func newTable[K comparable]() table[K] { return table[K]{entries: map[K]*entry[K]{}} }

// Len is the number of keys.
func (t *table[K]) Len() int { return len(t.entries) }

// add puts a new key at the new end of q.
func (t *table[K]) add(key K, size int64, q *queue[K]) {
	e := t.spare
	if e == nil {
		e = new(entry[K])
	}
	t.spare = nil
	*e = entry[K]{key: key, size: size}
	t.entries[key] = e
	q.push(e)
}

// resize changes the size of a key that is there.
func (t *table[K]) resize(key K, size int64) bool {
	e, ok := t.entries[key]
	if ok {
		e.in.bytes += size - e.size
		e.size = size
	}
	return ok
}

// Remove forgets a key, if it is there.
func (t *table[K]) Remove(key K) {
	if e, ok := t.entries[key]; ok {
		t.take(e)
	}
}

// take removes e and returns its key.
func (t *table[K]) take(e *entry[K]) K {
	e.in.remove(e)
	delete(t.entries, e.key)
	t.spare = e
	return e.key
}
