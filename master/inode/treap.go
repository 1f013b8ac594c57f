package inode

// The children of a directory form a treap: a binary tree ordered by name and,
// so that it is balanced whatever the order of insertion, a heap of
// priorities that are hashes of the refs. Each operation takes logarithmic
// time and changes few nodes.

func priority(r ref) uint64 {
	x := uint64(r) * 0x9e3779b97f4a7c15
	x ^= x >> 32
	return x * 0xd6e8feb86659fd93
}

func (t *Tree) setLeft(r, left ref) {
	if t.at(r).left != left {
		t.mut(r).left = left
	}
}

func (t *Tree) setRight(r, right ref) {
	if t.at(r).right != right {
		t.mut(r).right = right
	}
}

// treapInsert adds r, which has the name, to the treap and returns its new root.
func (t *Tree) treapInsert(root, r ref, name string) ref {
	if root == 0 || priority(r) > priority(root) {
		left, right := t.treapSplit(root, name)
		n := t.mut(r)
		n.left, n.right = left, right
		return r
	}
	if name < t.nameOf(root) {
		t.setLeft(root, t.treapInsert(t.at(root).left, r, name))
	} else {
		t.setRight(root, t.treapInsert(t.at(root).right, r, name))
	}
	return root
}

// treapSplit takes the treap apart into the names below and above the name.
func (t *Tree) treapSplit(root ref, name string) (below, above ref) {
	if root == 0 {
		return 0, 0
	}
	if name < t.nameOf(root) {
		below, above = t.treapSplit(t.at(root).left, name)
		t.setLeft(root, above)
		return below, root
	}
	below, above = t.treapSplit(t.at(root).right, name)
	t.setRight(root, below)
	return root, above
}

// treapRemove takes r, which has the name, out and returns the new root.
func (t *Tree) treapRemove(root, r ref, name string) ref {
	n := t.at(root)
	switch {
	case root == r:
		return t.treapMerge(n.left, n.right)
	case name < t.nameOf(root):
		t.setLeft(root, t.treapRemove(n.left, r, name))
	default:
		t.setRight(root, t.treapRemove(n.right, r, name))
	}
	return root
}

// treapMerge joins two treaps, all names of the first below those of the second.
func (t *Tree) treapMerge(below, above ref) ref {
	switch {
	case below == 0:
		return above
	case above == 0:
		return below
	case priority(below) > priority(above):
		t.setRight(below, t.treapMerge(t.at(below).right, above))
		return below
	default:
		t.setLeft(above, t.treapMerge(below, t.at(above).left))
		return above
	}
}

// childRefs calls yield with the children of dir in order of their names,
// beginning after startAfter ("" for all), and reports whether it went to the end.
func (t *Tree) childRefs(dir ref, startAfter string, yield func(ref) bool) bool {
	var path [64]ref
	pending := path[:0] // nodes to be yielded, each before its right subtree
	root, _ := t.at(dir).children()
	for r := root; r != 0; {
		if t.nameOf(r) > startAfter {
			pending = append(pending, r)
			r = t.at(r).left
		} else {
			r = t.at(r).right
		}
	}
	for len(pending) > 0 {
		r := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		next := t.at(r).right
		if !yield(r) {
			return false
		}
		for ; next != 0; next = t.at(next).left {
			pending = append(pending, next)
		}
	}
	return true
}
