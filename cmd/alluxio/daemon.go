package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/daemon"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// Limits of the web servers.
const (
	webHeaderTimeout  = 10 * time.Second
	webReadTimeout    = time.Minute
	webIdleTimeout    = 2 * time.Minute
	webHeaderBytes    = 64 << 10
	webShutdownWindow = 2 * time.Second
)

// server is a part of a daemon that serves until its context ends.
type server interface {
	Run(ctx context.Context) error
	// Ready is closed when it serves.
	Ready() <-chan struct{}
}

// partsFunc makes the parts of a daemon. It binds and opens, and starts nothing.
type partsFunc func(ctx context.Context, conf *config.Config, log *logging) ([]server, error)

// runDaemon is the story of a daemon from lock to exit: hold the pid file, make
// the parts, run them, tell the starter once all of them serve, and end them
// together.
func runDaemon(ctx context.Context, env *Env, process string, parts partsFunc) error {
	conf, files, err := processFiles(env, process)
	if err != nil {
		return err
	}
	lock, err := daemon.Acquire(files.pid)
	if err != nil {
		return errors.Errorf(errors.KindOf(err), "The %s is %w", process, err)
	}
	limitMemory(0)
	log := openLog(env, conf, files.log)
	defer func() {
		if err := errors.Join(log.Close(), lock.Release()); err != nil {
			env.warnf("%v", err)
		}
	}()
	running, err := parts(ctx, conf, log)
	if err == nil {
		err = run(ctx, log, running)
	}
	if err != nil {
		log.Error("ended", "err", err)
	} else {
		log.Info("ended")
	}
	return err
}

// run runs the parts until ctx ends or one of them fails, which ends the others.
func run(ctx context.Context, log *logging, parts []server) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { returnMemory(ctx); return nil })
	for _, part := range parts {
		g.Go(func() error { return part.Run(ctx) })
	}
	g.Go(func() error {
		for _, part := range parts {
			select {
			case <-part.Ready():
			case <-ctx.Done():
				return nil
			}
		}
		debug.FreeOSMemory() // what reading the journal or the storage has used
		log.Info("serving")
		return daemon.NotifyReady()
	})
	return g.Wait()
}

// webServer serves a daemon's pages.
type webServer struct {
	listener net.Listener
	handler  http.Handler
	uses     io.Closer
	ready    chan struct{}
}

// newWebServer listens on the host and the port that the key configures. What
// the handler uses is closed when the server has ended.
func newWebServer(host string, port config.IntKey, conf *config.Config, handler http.Handler, uses io.Closer) (*webServer, error) {
	addr := net.JoinHostPort(host, strconv.Itoa(conf.Int(port)))
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, errors.Errorf(errors.Unavailable, "The web page cannot listen on %s (%s): %w", addr, port.Name(), err)
	}
	return &webServer{listener: l, handler: handler, uses: uses, ready: make(chan struct{})}, nil
}

// Ready is closed when the pages are served.
func (w *webServer) Ready() <-chan struct{} { return w.ready }

// Run serves until ctx ends.
func (w *webServer) Run(ctx context.Context) error {
	srv := &http.Server{
		Handler:           w.handler,
		ReadHeaderTimeout: webHeaderTimeout,
		ReadTimeout:       webReadTimeout,
		IdleTimeout:       webIdleTimeout,
		MaxHeaderBytes:    webHeaderBytes,
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		window, cancel := context.WithTimeout(context.WithoutCancel(ctx), webShutdownWindow)
		defer cancel()
		if srv.Shutdown(window) != nil {
			_ = srv.Close()
		}
	}()
	close(w.ready)
	if err := srv.Serve(w.listener); err != http.ErrServerClosed {
		return err
	}
	<-ended
	return w.uses.Close()
}
