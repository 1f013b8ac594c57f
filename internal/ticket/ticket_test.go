package ticket

import (
	"fmt"
	"strings"
	"testing"
)

func TestATicketIsForOneFile(t *testing.T) {
	k := NewKey()
	f := File{Container: 7, Length: 100, UFSPath: "kodo://b/x", Fingerprint: "etag"}
	own := k.Sign(f)
	if !k.Proves(own, f) {
		t.Fatal("a ticket does not prove what it was made for")
	}
	for name, other := range map[string]File{
		"container":   {8, 100, "kodo://b/x", "etag"},
		"length":      {7, 101, "kodo://b/x", "etag"},
		"path":        {7, 100, "kodo://b/y", "etag"},
		"fingerprint": {7, 100, "kodo://b/x", "etah"},
		"border":      {7, 100, "kodo://b/", "xetag"},
	} {
		if k.Proves(own, other) {
			t.Errorf("the ticket also proves another %s", name)
		}
	}
	if NewKey().Proves(own, f) {
		t.Error("another key proves it")
	}
	for _, bad := range [][]byte{nil, {}, own[:Size-1], append(own[:Size:Size], 0)} {
		if k.Proves(bad, f) {
			t.Errorf("% x is taken for a ticket", bad)
		}
	}
}

func TestAKeyIsNotPrinted(t *testing.T) {
	k := NewKey()
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, k); strings.Trim(s, "*") != "" {
			t.Errorf("%s prints %s", format, s)
		}
	}
	if got, ok := KeyOf(k[:]); !ok || got != k {
		t.Error("a key does not come back from its bytes")
	}
	if _, ok := KeyOf(k[:31]); ok {
		t.Error("31 bytes are taken for a key")
	}
	if _, ok := KeyOf(append(k[:], 1)); ok {
		t.Error("33 bytes are taken for a key")
	}
}
