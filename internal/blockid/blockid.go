// Package blockid builds and takes apart block and file ids.
//
// A file owns a container id of 40 bits. Its blocks are container<<24 |
// sequence, with sequences counted from 0; the file's own id is the container
// with a sequence of all ones. The layout is Alluxio's wire contract
// (design §3.6), so ids and lengths of blocks derive from the inode and are
// never stored.
package blockid

const (
	sequenceBits = 24
	// MaxSequence marks a file id; blocks use the sequences below it.
	MaxSequence = 1<<sequenceBits - 1
	// MaxContainer is the largest container id: ids are signed on the wire, so
	// the top bit of the 40 stays clear.
	MaxContainer = 1<<39 - 1
)

// ID is the id of a block.
type ID int64

// Container is the id shared by a file and its blocks.
type Container int64

// FileID is the id of a file or directory: the container with all-ones sequence.
type FileID int64

// Block returns the id of the container's block with the sequence, which must
// lie in [0, MaxSequence).
func (c Container) Block(sequence int) ID { return ID(int64(c)<<sequenceBits | int64(sequence)) }

// File returns the id of the file that owns the container.
func (c Container) File() FileID { return FileID(int64(c)<<sequenceBits | MaxSequence) }

// Container returns the container that the block belongs to.
func (id ID) Container() Container { return Container(int64(id) >> sequenceBits) }

// Sequence returns the block's place in its file, counted from 0.
func (id ID) Sequence() int { return int(id & MaxSequence) }

// File returns the id of the file that the block belongs to.
func (id ID) File() FileID { return id.Container().File() }

// Valid reports whether id can be the id of a block.
func (id ID) Valid() bool { return id >= 0 && id&MaxSequence != MaxSequence }

// Container returns the container of the file.
func (id FileID) Container() Container { return Container(int64(id) >> sequenceBits) }

// Valid reports whether id can be the id of a file or directory.
func (id FileID) Valid() bool { return id >= 0 && id&MaxSequence == MaxSequence }
