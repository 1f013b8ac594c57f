package rpc

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// dataOf puts bytes into pooled pages of at most size bytes.
func dataOf(b []byte, size int) Data {
	var d Data
	for len(b) > 0 {
		n := min(size, len(b))
		page := NewPage(n)
		copy(*page, b)
		d.bufs = append(d.bufs, mem.NewBuffer(page, &pages))
		b = b[n:]
	}
	return d
}

// fragments cuts a message into buffers of at most size bytes, as the transport
// delivers it.
func fragments(b []byte, size int) mem.BufferSlice { return dataOf(b, size).bufs }

var payloadSizes = []int{0, 1, 126, 127, 128, 129, 16381, 16384, 70000, ChunkBytes}

func TestReadChunkIsPlainProtobuf(t *testing.T) {
	for _, n := range payloadSizes {
		payload := randomBytes(n)
		plain, err := proto.Marshal(&blockpb.ReadResponse{Chunk: &blockpb.Chunk{Data: payload}})
		if err != nil {
			t.Fatal(err)
		}
		sent, err := codec{}.Marshal(&ReadChunk{Data: dataOf(payload, 4096)})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(sent.Materialize(), plain) {
			t.Errorf("%d bytes: the encoding differs from protobuf's", n)
		}
		for _, size := range []int{1 << 20, 16 << 10, 1021, 5, 1} {
			if size < 1021 && n > 20000 {
				continue
			}
			var got ReadChunk
			if err := (codec{}).Unmarshal(fragments(plain, size), &got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Data.bufs.Materialize(), payload) {
				t.Errorf("%d bytes in fragments of %d: not what was sent", n, size)
			}
		}
	}
}

func TestWriteMessageIsPlainProtobuf(t *testing.T) {
	command := &blockpb.WriteRequestCommand{Id: new(int64(7)), Offset: new(int64(0)), Flush: new(true), MediumType: new("")}
	for _, n := range payloadSizes {
		payload := randomBytes(n)
		for _, m := range []*blockpb.WriteRequest{
			{Value: &blockpb.WriteRequest_Chunk{Chunk: &blockpb.Chunk{Data: payload}}},
			{Value: &blockpb.WriteRequest_Command{Command: command}},
		} {
			plain, err := proto.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			var got WriteMessage
			if err := (codec{}).Unmarshal(fragments(plain, 1000), &got); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(got.Command, m.GetCommand()) || !bytes.Equal(got.Data.bufs.Materialize(), m.GetChunk().GetData()) {
				t.Errorf("%d bytes: decoded to something else", n)
			}
			sent, err := codec{}.Marshal(&got)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(sent.Materialize(), plain) {
				t.Errorf("%d bytes: the encoding differs from protobuf's", n)
			}
		}
	}
}

// A message may be cut up and ordered in ways that no peer of ours chooses.
func TestUnusualEncodings(t *testing.T) {
	for name, c := range map[string]struct {
		wire string
		want string
		bad  bool
	}{
		"empty message":         {"", "", false},
		"empty chunk":           {"\x0a\x00", "", false},
		"chunk with no data":    {"\x0a\x02\x0a\x00", "", false},
		"long form of lengths":  {"\x0a\x83\x00\x0a\x01x", "x", false},
		"unknown field after":   {"\x0a\x03\x0a\x01x\x10\x05", "x", false},
		"unknown field before":  {"\x10\x05\x0a\x03\x0a\x01x", "x", false},
		"unknown field inside":  {"\x0a\x05\x0a\x01x\x10\x05", "x", false},
		"chunk twice":           {"\x0a\x03\x0a\x01x\x0a\x03\x0a\x01y", "y", false},
		"data twice":            {"\x0a\x06\x0a\x01x\x0a\x01y", "y", false},
		"length beyond the end": {"\x0a\x7f\x0a\x01x", "", true},
		"inner length too long": {"\x0a\x03\x0a\x09x", "", true},
		"endless varint":        {"\x0a" + strings.Repeat("\xff", 20), "", true},
	} {
		var got ReadChunk
		err := (codec{}).Unmarshal(fragments([]byte(c.wire), 3), &got)
		if (err != nil) != c.bad {
			t.Errorf("%s: %v", name, err)
		}
		if data := string(got.Data.bufs.Materialize()); err == nil && data != c.want {
			t.Errorf("%s: got %q", name, data)
		}
	}
}

func FuzzDecodeAgreesWithProtobuf(f *testing.F) {
	f.Add([]byte("\x0a\x03\x0a\x01x"), 2)
	f.Add([]byte("\x12\x03\x0a\x01x"), 1)
	f.Add([]byte("\x0a\x04\x08\x01\x28\x01"), 7)
	f.Add([]byte("\x0a\x00\x12\x00"), 1)
	f.Fuzz(func(t *testing.T, wire []byte, size int) {
		if size < 1 || size > 1<<20 {
			return
		}
		var plainRead blockpb.ReadResponse
		var read ReadChunk
		compare(t, wire, size, &plainRead, &read, func() bool {
			return bytes.Equal(plainRead.GetChunk().GetData(), read.Data.bufs.Materialize())
		})
		var plainWrite blockpb.WriteRequest
		var write WriteMessage
		compare(t, wire, size, &plainWrite, &write, func() bool {
			return bytes.Equal(plainWrite.GetChunk().GetData(), write.Data.bufs.Materialize()) &&
				proto.Equal(plainWrite.GetCommand(), write.Command)
		})
	})
}

func compare(t *testing.T, wire []byte, size int, plain proto.Message, own any, same func() bool) {
	t.Helper()
	wantErr := proto.Unmarshal(wire, plain)
	err := codec{}.Unmarshal(fragments(wire, size), own)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("%q: protobuf says %v, we say %v", wire, wantErr, err)
	}
	if err == nil && !same() {
		t.Fatalf("%q: protobuf reads %v, we read %v", wire, plain, own)
	}
}

func TestOtherMessagesAreProtobuf(t *testing.T) {
	in := &filepb.GetStatusPRequest{Path: new("/a")}
	b, err := codec{}.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out filepb.GetStatusPRequest
	if err := (codec{}).Unmarshal(b, &out); err != nil || !proto.Equal(in, &out) {
		t.Errorf("got %v, %v", &out, err)
	}
}

// A page goes back to the pool when its last holder has freed it, not before.
func TestOwnershipOfPages(t *testing.T) {
	pool := &countingPool{BufferPool: &pages}
	page := pool.Get(ChunkBytes)
	d := Data{bufs: mem.BufferSlice{mem.NewBuffer(page, pool)}}
	sent, err := codec{}.Marshal(&ReadChunk{Data: d})
	if err != nil {
		t.Fatal(err)
	}
	d.Free()
	if pool.returned != 0 {
		t.Fatal("the page was given back while the transport holds it")
	}
	var received ReadChunk
	if err := (codec{}).Unmarshal(sent, &received); err != nil {
		t.Fatal(err)
	}
	sent.Free()
	if pool.returned != 0 {
		t.Fatal("the page was given back while the receiver holds it")
	}
	r := received.Data.Reader()
	if r.Remaining() != ChunkBytes {
		t.Errorf("%d bytes left", r.Remaining())
	}
	r.Close()
	if pool.returned != 1 {
		t.Errorf("the page was given back %d times", pool.returned)
	}
}

type countingPool struct {
	mem.BufferPool
	returned int
}

func (p *countingPool) Put(b *[]byte) { p.returned++; p.BufferPool.Put(b) }

func BenchmarkReadChunk(b *testing.B) {
	page := NewPage(ChunkBytes)
	d := NewData(page)
	b.SetBytes(ChunkBytes)
	b.ReportAllocs()
	for b.Loop() {
		sent, _ := codec{}.Marshal(&ReadChunk{Data: d})
		var got ReadChunk
		if err := (codec{}).Unmarshal(sent, &got); err != nil {
			b.Fatal(err)
		}
		sent.Free()
		got.Data.Free()
	}
}
