package kodo

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// httpDoer sends one HTTP request.
type httpDoer interface {
	Do(*http.Request) (*http.Response, error)
}

// transports are the connections of a store: one pool for management and
// uploads, one for downloads, which may be connected elsewhere than they are
// addressed to.
type transports struct {
	api   *http.Client
	down  *http.Client
	clock *skewClock

	apiPool, downPool *http.Transport
	dialer            net.Dialer
}

func newTransports(set settings) *transports {
	t := &transports{
		clock:  &skewClock{},
		dialer: net.Dialer{Timeout: set.connectTimeout, KeepAlive: 30 * time.Second},
	}
	t.apiPool, t.downPool = newPool(set, &t.dialer), newPool(set, &t.dialer)
	t.api = &http.Client{Transport: &watcher{next: t.apiPool, clock: t.clock}, CheckRedirect: noRedirect}
	t.down = &http.Client{Transport: &watcher{next: t.downPool, clock: t.clock}}
	return t
}

// noRedirect keeps signed requests from being sent to other hosts.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func newPool(set settings, dialer *net.Dialer) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: set.roots},
		TLSHandshakeTimeout:   set.connectTimeout,
		MaxIdleConns:          set.requestsMax,
		MaxIdleConnsPerHost:   set.requestsMax,
		IdleConnTimeout:       60 * time.Second,
		ResponseHeaderTimeout: set.timeout,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
		WriteBufferSize:       128 << 10,
		ReadBufferSize:        16 << 10, // for headers: bodies are read past it, in larger pieces
	}
}

// dialDownloadsTo connects all downloads to addr instead of to the host of the
// link, unless addr is "".
func (t *transports) dialDownloadsTo(addr string) {
	if addr == "" {
		return
	}
	t.downPool.Proxy = nil
	t.downPool.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return t.dialer.DialContext(ctx, network, addr)
	}
}

func (t *transports) close() {
	t.apiPool.CloseIdleConnections()
	t.downPool.CloseIdleConnections()
}

// watcher is a round tripper that notes the service's clock.
type watcher struct {
	next  http.RoundTripper
	clock *skewClock
}

func (w *watcher) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(req)
	if err == nil {
		w.clock.note(resp.Header.Get("Date"))
	}
	return resp, err
}

// skewClock knows how far the service's clock is ahead of this machine's.
type skewClock struct{ ahead atomic.Int64 }

func (c *skewClock) note(date string) {
	if at, err := http.ParseTime(date); err == nil {
		c.ahead.Store(int64(time.Until(at)))
	}
}

func (c *skewClock) skew() time.Duration { return time.Duration(c.ahead.Load()) }

// now is the service's time, to about a second.
func (c *skewClock) now() time.Time { return time.Now().Add(c.skew()) }
