package s3

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"time"
)

// newTransport returns the HTTP transport of one mount.
func newTransport(set settings) *http.Transport {
	t := &http.Transport{
		DialContext:           dialer(set.socketTimeout),
		MaxIdleConns:          set.connections,
		MaxIdleConnsPerHost:   set.connections,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		// Objects are stored as they are: a body that the transport unpacks
		// would not be the one whose ranges were asked for.
		DisableCompression: true,
	}
	if set.proxy != "" {
		t.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: set.proxy})
	}
	return t
}

// dialer returns a dial function whose connections fail when nothing comes or
// goes for the duration of timeout.
func dialer(timeout time.Duration) func(context.Context, string, string) (net.Conn, error) {
	d := &net.Dialer{Timeout: 10 * time.Second}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil || timeout <= 0 {
			return conn, err
		}
		return &livelyConn{conn, timeout}, nil
	}
}

// livelyConn is a connection on which each read and write has a deadline.
type livelyConn struct {
	net.Conn
	timeout time.Duration
}

func (c *livelyConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *livelyConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// withContext is a transport for requests that were made without a context.
type withContext struct {
	http.RoundTripper
	ctx context.Context
}

func (t withContext) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.RoundTripper.RoundTrip(r.WithContext(t.ctx))
}
