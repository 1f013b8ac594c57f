// Package ticket is the word of a master about a file's content, which a client carries
// to a worker: without it the worker would have to ask the master which object the blocks
// of the file come from, once for each file.
//
// A ticket proves that whoever has it was told these facts by the master. It grants
// nothing: which blocks a client may read is not decided here. It holds as long as the
// key, which the master makes anew for each of its terms and gives to the workers that
// register. One that does not hold is no error; the worker asks the master.
package ticket

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"github.com/alluxio-go/alluxio/internal/blockid"
)

// Size is the length of a ticket in bytes.
const Size = 16

// Key makes and proves tickets. It is a secret of masters and workers.
type Key [32]byte

// NewKey returns a random key.
func NewKey() Key {
	var k Key
	rand.Read(k[:]) // never fails
	return k
}

// KeyOf returns the key with the given bytes, false if they are none.
func KeyOf(b []byte) (k Key, ok bool) { return k, copy(k[:], b) == len(k) && len(b) == len(k) }

// String keeps the key out of logs.
func (Key) String() string { return "******" }

// GoString does the same for %#v.
func (Key) GoString() string { return "******" }

// File is what a ticket is about.
type File struct {
	Container   blockid.Container // of the file's blocks
	Length      int64             // in bytes
	UFSPath     string            // URI of the object
	Fingerprint string            // of the object's content
}

// Sign returns the ticket for a file.
func (k Key) Sign(f File) []byte {
	mac := hmac.New(sha256.New, k[:])
	var n [8]byte
	for _, v := range []int64{int64(f.Container), f.Length, int64(len(f.UFSPath))} {
		binary.BigEndian.PutUint64(n[:], uint64(v))
		mac.Write(n[:])
	}
	mac.Write([]byte(f.UFSPath))
	mac.Write([]byte(f.Fingerprint))
	return mac.Sum(nil)[:Size]
}

// Proves reports whether t is the ticket for the file.
func (k Key) Proves(t []byte, f File) bool { return len(t) == Size && hmac.Equal(t, k.Sign(f)) }
