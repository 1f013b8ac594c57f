package journal

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/alluxio-go/alluxio/internal/errors"
)

const (
	transportTimeout = 10 * time.Second
	transportPool    = 3
	resolveEvery     = time.Second
)

// transport is what raft talks to the other members through, and how it ends.
type transport interface {
	raft.Transport
	Close() error
}

// newTransport returns the transport to opts.Peers: TCP between several
// members, none for an only one.
func newTransport(opts *Options, logger raftLogger) (transport, error) {
	if len(opts.Peers) == 0 {
		_, t := raft.NewInmemTransport(standalone)
		return t, nil
	}
	listener := opts.Listener
	if listener == nil {
		_, port, err := net.SplitHostPort(opts.Address)
		if err != nil {
			return nil, errors.Errorf(errors.Invalid, "The journal address %q is not of the form host:port.", opts.Address)
		}
		if listener, err = net.Listen("tcp", ":"+port); err != nil {
			return nil, errors.Errorf(errors.KindOf(err), "The journal cannot listen on port %s: %w", port, err)
		}
	}
	peers := &peerListener{Listener: listener, address: peerAddr(opts.Address), logger: opts.Logger}
	for _, p := range opts.Peers {
		peers.hosts = append(peers.hosts, hostOf(p.Address))
	}
	return raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: peers, MaxPool: transportPool, Timeout: transportTimeout, Logger: logger, MsgpackUseNewTimeFormat: true,
	}), nil
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// peerAddr is a member's address as it is configured.
type peerAddr string

// Network returns "tcp".
func (peerAddr) Network() string { return "tcp" }

// String returns "host:port".
func (a peerAddr) String() string { return string(a) }

// peerListener is raft's StreamLayer. It talks to the hosts of the members and
// to nobody else: whoever can speak raft's protocol can write the journal.
type peerListener struct {
	net.Listener
	address peerAddr
	hosts   []string
	logger  *slog.Logger

	mu struct {
		sync.Mutex
		allowed  map[string]bool // IP addresses of the members
		resolved time.Time
		conns    map[*peerConn]struct{} // open in either direction
		closed   bool
	}
}

// peerConn is a connection that ends with its listener: raft leaves the
// connections of a transport open when it closes it.
type peerConn struct {
	net.Conn
	of *peerListener
}

// Close closes the connection.
func (c *peerConn) Close() error {
	c.of.mu.Lock()
	delete(c.of.mu.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// track makes c end with the listener.
func (p *peerListener) track(c net.Conn) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed {
		c.Close()
		return nil, net.ErrClosed
	}
	if p.mu.conns == nil {
		p.mu.conns = map[*peerConn]struct{}{}
	}
	pc := &peerConn{c, p}
	p.mu.conns[pc] = struct{}{}
	return pc, nil
}

// Close closes the listener and every connection.
func (p *peerListener) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.closed = true
	for c := range p.mu.conns {
		c.Conn.Close()
	}
	p.mu.conns = nil
	return p.Listener.Close()
}

// Addr returns the address under which the others know this member.
func (p *peerListener) Addr() net.Addr { return p.address }

// Dial connects to another member.
func (p *peerListener) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", string(address), timeout)
	if err != nil {
		return nil, err
	}
	return p.track(c)
}

// Accept returns the next connection from a member's host.
func (p *peerListener) Accept() (net.Conn, error) {
	for {
		c, err := p.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host := hostOf(c.RemoteAddr().String())
		if p.isPeer(host) {
			return p.track(c)
		}
		p.logger.Warn("refused a journal connection from a host that is no master of this cluster", "host", host)
		c.Close()
	}
}

// isPeer reports whether ip belongs to a member. Names are resolved again,
// at most once in resolveEvery, when an address is not known.
func (p *peerListener) isPeer(ip string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.allowed[ip] {
		return true
	}
	if time.Since(p.mu.resolved) < resolveEvery {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), transportTimeout)
	defer cancel()
	p.mu.allowed = map[string]bool{}
	for _, host := range p.hosts {
		ips, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			p.logger.Warn("cannot resolve the host of a master", "host", host, "error", err)
		}
		for _, ip := range ips {
			p.mu.allowed[ip] = true
		}
	}
	p.mu.resolved = time.Now()
	return p.mu.allowed[ip]
}
