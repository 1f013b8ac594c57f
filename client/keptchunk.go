package client

import (
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// keptChunk is a chunk that the worker does not send, because it is in the file of the
// block on this machine.
type keptChunk struct {
	length int64 // of the block
	usage  *usage

	file   *store.KeptFile // nil until there was such a chunk
	failed bool            // the file is not there or not good: the worker has to send it
	off    int64           // what was not read of the chunk, in the block
	end    int64
	sums   []uint32 // of the spans from the one at off on
}

// begin takes the chunk at off.
func (k *keptChunk) begin(at *blockpb.KeptBytes, off int64) error {
	n := at.GetLength()
	spans := (off+n+store.SpanSize-1)/store.SpanSize - off/store.SpanSize
	if n <= 0 || off+n > k.length || int64(len(at.GetSums())) != spans {
		return errors.Errorf(errors.Internal, "the worker told of %d bytes with %d checksums at %d of a block of %d bytes", n, len(at.GetSums()), off, k.length)
	}
	if k.file == nil || k.file.Path() != at.GetPath() {
		k.close()
		file, err := store.OpenKept(at.GetPath(), k.length)
		if err != nil {
			k.failed = true
			return err
		}
		k.file = file
	}
	k.off, k.end, k.sums = off, off+n, at.GetSums()
	return nil
}

// remaining is the number of bytes that were not read yet.
func (k *keptChunk) remaining() int64 { return k.end - k.off }

// Read implements io.Reader.
func (k *keptChunk) Read(p []byte) (int, error) {
	n, err := k.file.Read(p[:min(int64(len(p)), k.remaining())], k.off, k.sums)
	if err != nil {
		k.failed = true
		return 0, err
	}
	k.sums = k.sums[(k.off+int64(n))/store.SpanSize-k.off/store.SpanSize:]
	k.off += int64(n)
	k.usage.readLocal(n)
	return n, nil
}

func (k *keptChunk) close() {
	if k.file != nil {
		_ = k.file.Close() // it was read only
		k.file = nil
	}
}
