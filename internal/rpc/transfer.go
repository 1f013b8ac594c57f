package rpc

import (
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/blockpb"
)

// SendReadChunk sends one ReadResponse from a ReadBlock handler, who returns without
// delay if it is the last. It takes the ownership of d, also when it fails. An empty
// chunk is refused: Java clients stop reading at one.
func SendReadChunk(stream grpc.ServerStream, d Data, last bool) error {
	defer d.Free()
	if d.Len() == 0 {
		return errors.Errorf(errors.Internal, "an empty chunk cannot be sent to a reader")
	}
	return stream.SendMsg(&ReadChunk{Data: d, last: last})
}

// SendKept sends a ReadResponse without payload from a ReadBlock handler: where the next
// bytes are.
func SendKept(stream grpc.ServerStream, k *blockpb.KeptBytes) error {
	return stream.SendMsg(&blockpb.ReadResponse{Kept: k})
}

// ReadBody is a ReadResponse of a ReadBlock call whose payload is read by its receiver,
// from a bulk connection into its own memory. It is valid until the next receive.
type ReadBody struct {
	data *mem.Reader // nil when it is still to be received
	call *bulkCall
	kept *blockpb.KeptBytes
}

// Kept tells where the bytes are that the response has no payload of; nil if it has one.
func (b *ReadBody) Kept() *blockpb.KeptBytes { return b.kept }

func (b *ReadBody) marshal() (mem.BufferSlice, error) {
	return nil, errors.Errorf(errors.Internal, "a body is received, not sent")
}

func (b *ReadBody) unmarshal(data mem.BufferSlice) error {
	var m ReadChunk
	if err := m.unmarshal(data); err != nil {
		return err
	}
	b.data, b.kept = m.Data.Reader(), m.kept
	return nil
}

// Receive replaces the body by the next of a call. It returns io.EOF at the end of
// the stream.
func (b *ReadBody) Receive(stream grpc.ClientStream) error {
	b.Close()
	return stream.RecvMsg(b)
}

// Remaining is the number of bytes that were not read yet.
func (b *ReadBody) Remaining() int {
	switch {
	case b.data != nil:
		return b.data.Remaining()
	case b.call != nil:
		return b.call.conn.left
	}
	return 0
}

// Unpaced reports whether the sender wants receipts: the transport itself does not
// keep it from sending more than what is received.
func (b *ReadBody) Unpaced() bool { return b.call == nil }

// Read implements io.Reader. It may wait for the sender.
func (b *ReadBody) Read(p []byte) (int, error) {
	switch {
	case b.data != nil:
		return b.data.Read(p)
	case b.call != nil:
		return b.call.readBody(p)
	}
	return 0, io.EOF
}

// Close gives up what was not read.
func (b *ReadBody) Close() error {
	if b.data != nil {
		_ = b.data.Close() // never fails
	}
	*b = ReadBody{}
	return nil
}

// SendWriteChunk sends one chunk of a WriteBlock call. It takes the ownership of
// d, also when it fails; io.EOF means that the server has ended the call and
// RecvMsg tells why.
func SendWriteChunk(stream grpc.ClientStream, d Data) error {
	defer d.Free()
	if d.Len() == 0 {
		return errors.Errorf(errors.Internal, "an empty chunk cannot be written")
	}
	return stream.SendMsg(&WriteMessage{Data: d})
}

// SendWriteCommand sends one command of a WriteBlock call.
func SendWriteCommand(stream grpc.ClientStream, c *blockpb.WriteRequestCommand) error {
	return stream.SendMsg(&WriteMessage{Command: c})
}

// RecvWrite receives one message of a WriteBlock call in its handler: a command,
// or data that the caller frees. It returns io.EOF when the client has finished,
// which means commit.
func RecvWrite(stream grpc.ServerStream) (WriteMessage, error) {
	var m WriteMessage
	err := stream.RecvMsg(&m)
	return m, err
}
