package rpc

import (
	"bytes"
	"io"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/alluxio-go/alluxio/proto/blockpb"
)

// ChunkBytes is the size of pages and of the largest chunk either side sends.
const ChunkBytes = 1 << 20

// pages recycles buffers of up to 2*ChunkBytes.
var pages pagePool

// NewPage returns a buffer of n bytes, pooled if possible, with arbitrary content. Fill it,
// then hand it to [NewData], or give it back with [FreePage].
func NewPage(n int) *[]byte { return pages.Get(n) }

// FreePage gives back a page that was not handed to [NewData].
func FreePage(page *[]byte) { pages.Put(page) }

// NewData makes a payload of a page. The page belongs to the payload from then
// on and goes back to the pool when the payload is freed.
func NewData(page *[]byte) Data { return Data{bufs: mem.BufferSlice{mem.NewBuffer(page, &pages)}} }

// LentData makes a payload of bytes that stay their owner's; release tells when they
// are not needed any more.
func LentData(p []byte, release func()) Data {
	if len(p) == 0 {
		return Data{}
	}
	if mem.IsBelowBufferPoolingThreshold(cap(p)) { // nobody would be told
		defer release()
		return Data{bufs: mem.BufferSlice{mem.SliceBuffer(bytes.Clone(p))}}
	}
	return Data{bufs: mem.BufferSlice{mem.NewBuffer(&p, lender(release))}}
}

// lender is a mem.BufferPool that only takes back.
type lender func()

func (lender) Get(n int) *[]byte { return pages.Get(n) }
func (l lender) Put(*[]byte)     { l() }

// Data is a payload: bytes in one or more reference-counted buffers. The zero
// value is empty. A Data has one owner, who frees it once.
type Data struct {
	bufs mem.BufferSlice
}

// Len returns the number of bytes.
func (d Data) Len() int { return d.bufs.Len() }

// WriteTo writes everything to w, one Write for each buffer.
func (d Data) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for _, b := range d.bufs {
		n, err := w.Write(b.ReadOnlyData())
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Reader reads the payload and frees it as it goes; its Close frees the rest.
// It takes the ownership of d.
func (d Data) Reader() *mem.Reader {
	r := d.bufs.Reader()
	d.bufs.Free() // the reader holds its own references
	return r
}

// Free gives the buffers back.
func (d *Data) Free() {
	d.bufs.Free()
	d.bufs = nil
}

// Field numbers of the data stream: ReadResponse.chunk, WriteRequest.command,
// WriteRequest.chunk, Chunk.data.
const (
	readChunkField    = 1
	writeCommandField = 1
	writeChunkField   = 2
	chunkDataField    = 1
)

// ReadChunk is a ReadResponse whose payload is not copied.
type ReadChunk struct {
	Data Data
	last bool // nothing but the end of the call follows, at once
	kept *blockpb.KeptBytes
}

func (m *ReadChunk) marshal() (mem.BufferSlice, error) { return frame(readChunkField, m.Data), nil }

func (m *ReadChunk) unmarshal(data mem.BufferSlice) error {
	if d, ok := unframe(readChunkField, data); ok {
		m.Data = d
		return nil
	}
	var plain blockpb.ReadResponse
	if err := protoCodec.Unmarshal(data, &plain); err != nil {
		return err
	}
	m.Data, m.kept = bytesData(plain.GetChunk().GetData()), plain.GetKept()
	return nil
}

// WriteMessage is a WriteRequest whose payload is not copied. It holds a command
// or data.
type WriteMessage struct {
	Command *blockpb.WriteRequestCommand
	Data    Data
}

func (m *WriteMessage) marshal() (mem.BufferSlice, error) {
	if m.Command == nil {
		return frame(writeChunkField, m.Data), nil
	}
	return protoCodec.Marshal(&blockpb.WriteRequest{Value: &blockpb.WriteRequest_Command{Command: m.Command}})
}

func (m *WriteMessage) unmarshal(data mem.BufferSlice) error {
	*m = WriteMessage{}
	if d, ok := unframe(writeChunkField, data); ok {
		m.Data = d
		return nil
	}
	var plain blockpb.WriteRequest
	if err := protoCodec.Unmarshal(data, &plain); err != nil {
		return err
	}
	m.Command = plain.GetCommand()
	m.Data = bytesData(plain.GetChunk().GetData())
	return nil
}

// bytesData wraps bytes that are not pooled.
func bytesData(b []byte) Data {
	if len(b) == 0 {
		return Data{}
	}
	return Data{bufs: mem.BufferSlice{mem.SliceBuffer(b)}}
}

// frame encodes a message whose only field holds a Chunk with d as its data.
func frame(field protowire.Number, d Data) mem.BufferSlice {
	n := d.Len()
	inner := protowire.SizeTag(chunkDataField) + protowire.SizeBytes(n)
	header := make([]byte, 0, 2*(1+10))
	header = protowire.AppendTag(header, field, protowire.BytesType)
	header = protowire.AppendVarint(header, uint64(inner))
	header = protowire.AppendTag(header, chunkDataField, protowire.BytesType)
	header = protowire.AppendVarint(header, uint64(n))
	out := make(mem.BufferSlice, 0, 1+len(d.bufs))
	out = append(out, mem.SliceBuffer(header))
	out = append(out, d.bufs...)
	d.bufs.Ref()
	return out
}

// maxFrameHeader bounds the header that frame writes.
const maxFrameHeader = 2 * (1 + 10)

// unframe is the inverse of frame. It reports false for a message of another
// form, which a general decoder has to read.
func unframe(field protowire.Number, msg mem.BufferSlice) (Data, bool) {
	var buf [maxFrameHeader]byte
	total := msg.Len()
	head := buf[:msg.CopyTo(buf[:min(total, maxFrameHeader)])]
	n, ok := chunkStart(field, head, total)
	if !ok {
		return Data{}, false
	}
	return dropFirst(msg, n), true
}

// chunkStart returns how many bytes come before the data in a message of total bytes
// that frame encoded, of which head is the beginning.
func chunkStart(field protowire.Number, head []byte, total int) (int, bool) {
	outer := consumeLength(head, field, total)
	if outer == 0 {
		return 0, false
	}
	inner := consumeLength(head[outer:], chunkDataField, total-outer)
	return outer + inner, inner > 0
}

// consumeLength returns the size of the tag and length at the start of head if
// they are of field num and span exactly the remaining bytes, else 0.
func consumeLength(head []byte, num protowire.Number, remaining int) int {
	got, typ, tag := protowire.ConsumeTag(head)
	if tag < 0 || got != num || typ != protowire.BytesType {
		return 0
	}
	size, n := protowire.ConsumeVarint(head[tag:])
	if n < 0 || size != uint64(remaining-tag-n) {
		return 0
	}
	return tag + n
}

// dropFirst returns msg without its first n bytes, with references of its own.
func dropFirst(msg mem.BufferSlice, n int) Data {
	var out mem.BufferSlice
	for _, b := range msg {
		if skip := min(n, b.Len()); skip < b.Len() {
			out = append(out, b.Slice(skip, b.Len()))
			n -= skip
			continue
		}
		n -= b.Len()
	}
	return Data{bufs: out}
}
