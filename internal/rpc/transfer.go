package rpc

import (
	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/blockpb"
)

// SendReadChunk sends one ReadResponse from a ReadBlock handler. It takes the
// ownership of d, also when it fails. An empty chunk is refused: Java clients
// stop reading at one.
func SendReadChunk(stream grpc.ServerStream, d Data) error {
	defer d.Free()
	if d.Len() == 0 {
		return errors.Errorf(errors.Internal, "an empty chunk cannot be sent to a reader")
	}
	return stream.SendMsg(&ReadChunk{Data: d})
}

// RecvReadChunk receives one ReadResponse of a ReadBlock call. The caller frees
// it. It returns io.EOF at the end of the stream.
func RecvReadChunk(stream grpc.ClientStream) (Data, error) {
	var m ReadChunk
	if err := stream.RecvMsg(&m); err != nil {
		return Data{}, err
	}
	return m.Data, nil
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
