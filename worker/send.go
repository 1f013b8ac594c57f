package worker

import (
	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
)

// sender sends the chunks of one read. While one is on its way into the transport
// the next can be read, which keeps a fast client busy. A read of one chunk needs no
// goroutine for that.
type sender struct {
	stream grpc.ServerStream
	count  *reading
	queue  chan outgoing // nil without a goroutine
	ended  chan struct{} // closed when the goroutine has ended
	err    error         // why, to be read then
}

// outgoing is a chunk, or where its bytes are for a client who takes them from there,
// and how many of them had to be fetched for it.
type outgoing struct {
	data   rpc.Data
	kept   *blockpb.KeptBytes // nil for data
	missed int64
	last   bool // nothing follows but the end of the call, at once
}

// len is the number of bytes.
func (c *outgoing) len() int {
	if c.kept != nil {
		return int(c.kept.GetLength())
	}
	return c.data.Len()
}

// newSender returns a sender, which must be closed.
func newSender(stream grpc.ServerStream, several bool, count *reading) *sender {
	s := &sender{stream: stream, count: count}
	if several {
		s.queue, s.ended = make(chan outgoing), make(chan struct{})
		go s.run()
	}
	return s
}

func (s *sender) run() {
	defer close(s.ended)
	for c := range s.queue {
		if s.err = s.now(c); s.err != nil {
			return
		}
	}
}

// now sends one chunk.
func (s *sender) now(c outgoing) error {
	if c.kept != nil {
		if err := rpc.SendKept(s.stream, c.kept); err != nil {
			return err
		}
		s.count.told(c.len(), c.missed)
		return nil
	}
	n := c.len()
	if err := rpc.SendReadChunk(s.stream, c.data, c.last); err != nil {
		return err
	}
	s.count.sent(n, c.missed)
	return nil
}

// send takes the ownership of a chunk, also when it fails, which may be for an
// earlier one.
func (s *sender) send(c outgoing) error {
	if s.queue == nil {
		return s.now(c)
	}
	select {
	case s.queue <- c:
		return nil
	case <-s.ended:
		c.data.Free()
		return s.err
	}
}

// close waits until everything is sent.
func (s *sender) close() error {
	if s.queue == nil {
		return nil
	}
	close(s.queue)
	<-s.ended
	return s.err
}
