package rpc

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"sync"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
)

// A bulk connection carries one call at a time, as frames. It begins with bulkMagic
// from the client; then for each call the client sends callFrame, messageFrame and
// halfCloseFrame, and the server messageFrame and at last statusFrame. Only after that
// the client may begin the next call. What limits the bytes on their way is TCP.
//
// A frame is one byte of kind, three zero bytes, four bytes of length (big endian),
// and so many bytes: a CallHeader, a message of the call as gRPC would have it,
// nothing, or a google.rpc.Status.
const (
	bulkMagic       = "AGOBULK1"
	frameHeaderSize = 8

	// bulkBuffer is the read buffer of a connection. A large payload is read past
	// it, except for as much as comes with its frame header.
	bulkBuffer = 16 << 10
	// maxBulkRequest bounds messages to a server, and maxBulkCall the header of a call.
	maxBulkRequest = 2 * ChunkBytes
	maxBulkCall    = 4 << 10
)

// bulkMethods are the calls that go over bulk connections where both sides can: those
// with much payload, and small ones that are made for each file that is read. The latter
// cost a third there of what they cost over gRPC.
var bulkMethods = map[string]bool{
	blockpb.BlockWorker_ReadBlock_FullMethodName:                    true,
	filepb.FileSystemMasterClientService_GetStatus_FullMethodName:   true,
	filepb.FileSystemMasterWorkerService_GetFileInfo_FullMethodName: true,
}

type frameKind uint8

const (
	callFrame frameKind = 1 + iota
	messageFrame
	halfCloseFrame
	statusFrame
)

// outFrame is a frame to be written.
type outFrame struct {
	kind    frameKind
	payload mem.BufferSlice
}

// bulkConn is one end of a bulk connection. One goroutine may read and any number
// write.
type bulkConn struct {
	net.Conn
	r    *bufio.Reader
	left int // bytes of the present frame that are still to be read

	out struct {
		sync.Mutex
		heads [2 * frameHeaderSize]byte
		vec   net.Buffers
	}
}

func newBulkConn(c net.Conn) *bulkConn {
	return &bulkConn{Conn: c, r: bufio.NewReaderSize(c, bulkBuffer)}
}

// write sends at most two frames in one piece. It takes the ownership of their
// payloads, also when it fails.
func (c *bulkConn) write(frames ...outFrame) error {
	defer func() {
		for _, f := range frames {
			f.payload.Free()
		}
	}()
	c.out.Lock()
	defer c.out.Unlock()
	vec := c.out.vec[:0]
	for i, f := range frames {
		head := c.out.heads[i*frameHeaderSize:][:frameHeaderSize]
		head[0] = byte(f.kind)
		binary.BigEndian.PutUint32(head[4:], uint32(f.payload.Len()))
		vec = append(vec, head)
		for _, b := range f.payload {
			vec = append(vec, b.ReadOnlyData())
		}
	}
	c.out.vec = vec
	_, err := vec.WriteTo(c.Conn)
	clear(c.out.vec)
	return err
}

// next passes over what is left of the present frame and reads the header of the
// following one.
func (c *bulkConn) next() (frameKind, int, error) {
	if err := c.skip(); err != nil {
		return 0, 0, err
	}
	head, err := c.r.Peek(frameHeaderSize)
	if err != nil {
		if err == io.EOF && len(head) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return 0, 0, err
	}
	kind, n := frameKind(head[0]), binary.BigEndian.Uint32(head[4:])
	if head[1]|head[2]|head[3] != 0 || kind < callFrame || kind > statusFrame || n > maxMessageBytes {
		return 0, 0, errors.Errorf(errors.Corrupt, "these are no frames of a bulk connection: % x", head)
	}
	_, err = c.r.Discard(frameHeaderSize)
	c.left = int(n)
	return kind, c.left, err
}

func (c *bulkConn) skip() error {
	n, err := c.r.Discard(c.left)
	c.left -= n
	return noEOF(err)
}

// Read reads on in the present frame; at its end it returns io.EOF.
func (c *bulkConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, noEOF(err)
}

// noEOF is for the end of a connection in the middle of a frame.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// payload returns the rest of the present frame in a pooled page.
func (c *bulkConn) payload() (mem.BufferSlice, error) {
	if c.left == 0 {
		return nil, nil
	}
	page := NewPage(c.left)
	if _, err := io.ReadFull(c, *page); err != nil {
		FreePage(page)
		return nil, err
	}
	return mem.BufferSlice{mem.NewBuffer(page, &pages)}, nil
}

// enterChunk passes over the beginning of a ReadResponse, so that what is left of the
// frame is the data of its chunk. It reports false for a message of another form.
func (c *bulkConn) enterChunk() (bool, error) {
	head, err := c.r.Peek(min(c.left, maxFrameHeader))
	if err != nil {
		return false, noEOF(err)
	}
	n, ok := chunkStart(readChunkField, head, c.left)
	if !ok {
		return false, nil
	}
	c.left -= n
	_, err = c.r.Discard(n)
	return true, err
}

// protoPayload encodes a message of the connection itself.
func protoPayload(m proto.Message) (mem.BufferSlice, error) {
	b, err := proto.Marshal(m)
	return mem.BufferSlice{mem.SliceBuffer(b)}, err
}
