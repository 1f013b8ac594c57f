package rpc

import (
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that carries everything but bulk data
	"google.golang.org/grpc/mem"
)

// codec is the protobuf codec of gRPC, except for messages that bring their own
// encoding: those of the data stream, whose payload it neither copies nor
// marshals. The bytes on the wire are protobuf in every case.
type codec struct{}

// rawMessage is a message that encodes itself.
type rawMessage interface {
	// marshal returns the wire form. The caller frees it; the message keeps its
	// own references.
	marshal() (mem.BufferSlice, error)
	// unmarshal replaces the message by the one encoded in data. It takes the
	// references it keeps; data stays the caller's.
	unmarshal(data mem.BufferSlice) error
}

var protoCodec = encoding.GetCodecV2("proto")

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(rawMessage); ok {
		return m.marshal()
	}
	return protoCodec.Marshal(v)
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	if m, ok := v.(rawMessage); ok {
		return m.unmarshal(data)
	}
	return protoCodec.Unmarshal(data, v)
}

func (codec) Name() string { return protoCodec.Name() }
