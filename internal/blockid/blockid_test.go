package blockid

import "testing"

func TestLayout(t *testing.T) {
	// 16777216 = 1<<24: the first container that Alluxio itself hands out.
	if got := Container(1).Block(0); got != 16777216 {
		t.Errorf("block 0 of container 1 = %d", got)
	}
	if got := Container(1).File(); got != 33554431 {
		t.Errorf("file of container 1 = %d", got)
	}
	for _, c := range []Container{0, 1, 12345, MaxContainer} {
		for _, s := range []int{0, 1, MaxSequence - 1} {
			id := c.Block(s)
			if !id.Valid() || id.Container() != c || id.Sequence() != s || id.File() != c.File() {
				t.Errorf("container %d sequence %d: %d", c, s, id)
			}
		}
		if f := c.File(); !f.Valid() || f.Container() != c || ID(f).Valid() {
			t.Errorf("file of container %d: %d", c, f)
		}
	}
}
