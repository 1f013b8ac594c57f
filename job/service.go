package job

import (
	"context"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/jobpb"
)

// Limits of the service.
const (
	maxRunning   = 4   // commands at the same time
	maxWaiting   = 256 // commands that wait for their turn
	maxEnded     = 1000
	retention    = 24 * time.Hour
	maxPathBytes = 32 << 20 // of the paths remembered for all commands
	parallel     = 16       // files of one command loaded at the same time
)

// Files is the name space as one user sees it; *client.Client is one.
type Files interface {
	Stat(ctx context.Context, path string, o client.StatOptions) (*client.FileInfo, error)
	List(ctx context.Context, path string, o client.ListOptions) iter.Seq2[*client.FileInfo, error]
	Load(ctx context.Context, path string, o client.LoadOptions) error
	Close() error
}

// Options are what a Service is given.
type Options struct {
	// Listener is where it serves. Run closes it. Required.
	Listener net.Listener
	// Auth is how callers log in; empty means NOSASL.
	Auth rpc.AuthType
	// Serving returns why this is not the place to ask (a standby master), or
	// nil.
	Serving func() error
	// Files returns the name space as a user sees it; the user is empty when
	// nobody logs in. Required.
	Files func(user string) (Files, error)
	// Logger receives what commands do; nil discards.
	Logger *slog.Logger
}

// Service is the job service of one master.
type Service struct {
	opts  Options
	log   *slog.Logger
	queue chan *command
	ready chan struct{}
	mu    struct {
		sync.Mutex
		commands  []*command // oldest first
		pathBytes int
		stopped   bool
	}
}

// New returns a service. It starts nothing.
func New(opts Options) *Service {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{opts: opts, log: opts.Logger, queue: make(chan *command, maxWaiting), ready: make(chan struct{})}
}

// Ready is closed when the service serves.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run serves and carries out commands until ctx ends, which cancels them.
func (s *Service) Run(ctx context.Context) error {
	server := rpc.NewServer(rpc.ServerOptions{Auth: s.opts.Auth, Serving: s.opts.Serving, Logger: s.log})
	jobpb.RegisterJobMasterClientServiceServer(server, &clientService{s: s})
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return server.Run(ctx, s.opts.Listener) })
	for range maxRunning {
		g.Go(func() error { s.work(ctx); return nil })
	}
	close(s.ready)
	err := g.Wait()
	s.stop()
	return err
}

// work carries out commands, one after the other.
func (s *Service) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-s.queue:
			s.execute(ctx, c)
		}
	}
}

// stop cancels what still waits. No command is accepted any more.
func (s *Service) stop() {
	s.mu.Lock()
	s.mu.stopped = true
	s.mu.Unlock()
	for {
		select {
		case c := <-s.queue:
			s.end(c, errors.E("", "", errors.Cancelled, context.Canceled))
		default:
			return
		}
	}
}

// submit accepts a load and returns the command's id.
func (s *Service) submit(ctx context.Context, user string, req loadRequest) (int64, error) {
	files, err := s.opts.Files(user)
	if err != nil {
		return 0, err
	}
	info, err := files.Stat(ctx, req.path, client.StatOptions{KeepAccessTime: true})
	if err != nil {
		return 0, errors.Join(err, files.Close())
	}
	now := time.Now()
	c := &command{
		id: rand.Int64(), user: user, path: info.Path, files: files,
		created: now, changed: now, status: jobpb.Status_CREATED, cancel: func() {},
	}
	if err := s.enqueue(c); err != nil {
		return 0, errors.Join(err, files.Close())
	}
	s.log.Info("load submitted", "job", c.id, "path", c.path, "user", c.user)
	return c.id, nil
}

func (s *Service) enqueue(c *command) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.stopped {
		return errors.Errorf(errors.Unavailable, "The job service is shutting down.")
	}
	select {
	case s.queue <- c:
	default:
		return errors.Errorf(errors.NoSpace, "%d commands are waiting already. Try again when some have ended.", maxWaiting)
	}
	s.mu.commands = append(s.mu.commands, c)
	s.forget(c.created)
	return nil
}

// forget drops commands that ended long ago, and more when there are too many.
// The caller holds mu.
func (s *Service) forget(now time.Time) {
	ended := 0
	for _, c := range s.mu.commands {
		if c.ended() {
			ended++
		}
	}
	s.mu.commands = slices.DeleteFunc(s.mu.commands, func(c *command) bool {
		if !c.ended() || ended <= maxEnded && now.Sub(c.changed) < retention && s.mu.pathBytes < maxPathBytes {
			return false
		}
		ended--
		s.mu.pathBytes -= c.pathBytes()
		return true
	})
}

// execute carries out a command.
func (s *Service) execute(ctx context.Context, c *command) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.begin(c, cancel) {
		s.end(c, s.load(ctx, c))
		return
	}
	s.end(c, nil) // cancelled while it waited
}

func (s *Service) begin(c *command, cancel context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ended() {
		return false
	}
	c.status, c.changed, c.cancel = jobpb.Status_RUNNING, time.Now(), cancel
	return true
}

func (s *Service) end(c *command, err error) {
	s.mu.Lock()
	c.finish(time.Now(), err)
	status, loaded, failed := c.status, len(c.loaded), len(c.failed)
	s.mu.Unlock()
	if err := c.files.Close(); err != nil {
		s.log.Warn("client not closed", "job", c.id, "err", err)
	}
	s.log.Info("load ended", "job", c.id, "path", c.path, "status", status.String(), "loaded", loaded, "failed", failed, "err", err)
}

// load caches every complete file at or below the command's path. One that
// cannot be loaded does not keep the others from it.
func (s *Service) load(ctx context.Context, c *command) error {
	var g errgroup.Group
	g.SetLimit(parallel)
	var listing error
	for info, err := range c.files.List(ctx, c.path, client.ListOptions{Recursive: true}) {
		if listing = err; err != nil {
			break
		}
		if info.Folder || !info.Completed {
			continue
		}
		g.Go(func() error {
			err := c.files.Load(ctx, info.Path, client.LoadOptions{})
			if ctx.Err() == nil {
				s.record(c, info.Path, err)
			}
			return err
		})
	}
	err := errors.Join(g.Wait(), listing)
	if ctx.Err() != nil {
		return errors.E("", "", errors.Cancelled, ctx.Err())
	}
	return err
}

// record remembers what became of a file, as long as there is room.
func (s *Service) record(c *command, path string, err error) {
	if err != nil {
		s.log.Warn("file not loaded", "job", c.id, "path", path, "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.changed = time.Now()
	if s.mu.pathBytes += len(path); s.mu.pathBytes >= maxPathBytes {
		s.forget(c.changed)
	}
	if s.mu.pathBytes >= maxPathBytes {
		s.mu.pathBytes -= len(path)
		return
	}
	if err != nil {
		c.failed = append(c.failed, path)
		return
	}
	c.loaded = append(c.loaded, path)
}

// cancel ends a command on behalf of the user who submitted it.
func (s *Service) cancel(user string, id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(id)
	if err != nil {
		return err
	}
	if c.user != user {
		return errors.Errorf(errors.Permission, "Job %d was submitted by another user, %s.", id, c.user)
	}
	c.cancel()
	if c.status == jobpb.Status_CREATED {
		c.finish(time.Now(), errors.E("", "", errors.Cancelled, context.Canceled))
	}
	return nil
}

// find returns a command. The caller holds mu.
func (s *Service) find(id int64) (*command, error) {
	for _, c := range s.mu.commands {
		if c.id == id {
			return c, nil
		}
	}
	return nil, errors.Errorf(errors.NotFound, "Job %d does not exist.", id)
}
