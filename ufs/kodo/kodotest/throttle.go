package kodotest

import (
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Limits bound the speed of a server; zero values do not.
type Limits struct {
	Latency            time.Duration // before each answer
	TotalBytesPerSec   int64         // all connections together, each direction
	PerConnBytesPerSec int64         // each connection and direction
}

// pacer lets bytes pass at a rate. It is a virtual clock: each piece reserves
// the time that it takes, and waits for its turn.
type pacer struct {
	rate int64 // bytes per second, 0 unlimited
	mu   struct {
		sync.Mutex
		free time.Time // when the next piece may pass
	}
}

// burst is how far a pacer may lag behind without the lost time being forgone.
const burst = 5 * time.Millisecond

// wait blocks until n bytes have had the time to pass.
func (p *pacer) wait(n int) {
	if p == nil || p.rate == 0 || n == 0 {
		return
	}
	now := time.Now()
	p.mu.Lock()
	if p.mu.free.Before(now.Add(-burst)) {
		p.mu.free = now.Add(-burst)
	}
	p.mu.free = p.mu.free.Add(time.Duration(int64(n) * int64(time.Second) / p.rate))
	until := p.mu.free
	p.mu.Unlock()
	if d := until.Sub(now); d > 0 {
		time.Sleep(d)
	}
}

// pieceSize is the most bytes passed between two looks at the clock.
const pieceSize = 128 << 10

// listener makes paced connections.
type listener struct {
	net.Listener
	perConn   int64
	totalIn   *pacer
	totalOut  *pacer
	unlimited bool
}

// Listener returns l with the server's bandwidth limits. A server that has any
// must be served through it.
func (s *Server) Listener(l net.Listener) net.Listener {
	spareProcessor(l)
	limits := s.opts.Limits
	return &listener{
		Listener:  l,
		perConn:   limits.PerConnBytesPerSec,
		totalIn:   &s.in,
		totalOut:  &s.out,
		unlimited: limits.PerConnBytesPerSec == 0 && limits.TotalBytesPerSec == 0,
	}
}

// spareProcessor keeps the kernel from pacing what is sent over the loopback. Where BBR
// is what the system uses, its timers cost half a second of processor time a GB, on the
// processors that those who measure against this server need. Connections inherit what
// is set; where it cannot be set they are only dearer.
func spareProcessor(l net.Listener) {
	t, ok := l.(*net.TCPListener)
	if !ok || !t.Addr().(*net.TCPAddr).IP.IsLoopback() {
		return
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno")
	})
}

// Accept returns the next connection, paced if there are limits.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil || l.unlimited {
		return c, err
	}
	return &pacedConn{
		Conn: c,
		in:   []*pacer{l.totalIn, {rate: l.perConn}},
		out:  []*pacer{l.totalOut, {rate: l.perConn}},
	}, nil
}

// pacedConn is a connection that is as slow as its pacers.
type pacedConn struct {
	net.Conn
	in, out []*pacer
}

func (c *pacedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), pieceSize)])
	for _, pace := range c.in {
		pace.wait(n)
	}
	return n, err
}

func (c *pacedConn) Write(p []byte) (written int, err error) {
	for len(p) > 0 && err == nil {
		piece := p[:min(len(p), pieceSize)]
		for _, pace := range c.out {
			pace.wait(len(piece))
		}
		var n int
		n, err = c.Conn.Write(piece)
		written += n
		p = p[n:]
	}
	return written, err
}

// ReadFrom implements io.ReaderFrom: content in a file is sent by the kernel, piece
// by piece.
func (c *pacedConn) ReadFrom(src io.Reader) (total int64, err error) {
	part, _ := src.(*io.LimitedReader)
	to, _ := c.Conn.(io.ReaderFrom)
	if part == nil || to == nil {
		return io.Copy(onlyWriter{c}, src)
	}
	if _, file := part.R.(*os.File); !file {
		return io.Copy(onlyWriter{c}, src)
	}
	for part.N > 0 && err == nil {
		piece := io.LimitedReader{R: part.R, N: min(part.N, pieceSize)}
		for _, pace := range c.out {
			pace.wait(int(piece.N))
		}
		var n int64
		n, err = to.ReadFrom(&piece)
		if total += n; n == 0 {
			break
		}
		part.N -= n
	}
	return total, err
}

// SetLinger makes Close reset the connection when sec is 0.
func (c *pacedConn) SetLinger(sec int) error {
	if l, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		return l.SetLinger(sec)
	}
	return nil
}
