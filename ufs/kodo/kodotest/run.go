package kodotest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// TB is the part of testing.TB that Start needs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Instance is a server with an address.
type Instance struct {
	*Server
	Addr string // "127.0.0.1:port"
}

// URL returns "http://" and the address.
func (i *Instance) URL() string { return "http://" + i.Addr }

// Start serves on a free port of the loopback interface until the test ends.
// Without credentials in opts the keys are "ak" and "sk".
func Start(tb TB, opts Options) *Instance {
	tb.Helper()
	if opts.AccessKey == "" {
		opts.AccessKey, opts.SecretKey = "ak", "sk"
	}
	s, err := New(opts)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("%v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	tb.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			tb.Fatalf("kodotest: %v", err)
		}
		s.Close()
	})
	return &Instance{Server: s, Addr: l.Addr().String()}
}

// Serve answers on l, which it closes, until ctx ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			srv.Close()
		}
	})
	err := srv.Serve(s.Listener(l))
	if !stop() {
		<-done
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
