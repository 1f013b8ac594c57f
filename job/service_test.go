package job

import (
	"context"
	"iter"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/jobpb"
)

// fakeFiles is a name space of one folder. Loading "slow" lasts until cancelled,
// loading "bad" fails.
type fakeFiles struct {
	names []string
	mu    struct {
		sync.Mutex
		users        []string
		loaded       []string
		open, closed int
	}
}

func (f *fakeFiles) as(user string) (Files, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.users = append(f.mu.users, user)
	f.mu.open++
	return f, nil
}

func (f *fakeFiles) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.closed++
	return nil
}

func (f *fakeFiles) Stat(_ context.Context, path string, _ client.StatOptions) (*client.FileInfo, error) {
	if path != "/data/a" {
		return nil, errors.Errorf(errors.NotFound, "Path %q does not exist.", path)
	}
	return &client.FileInfo{Path: path, Folder: true}, nil
}

func (f *fakeFiles) List(context.Context, string, client.ListOptions) iter.Seq2[*client.FileInfo, error] {
	return func(yield func(*client.FileInfo, error) bool) {
		if !yield(&client.FileInfo{Path: "/data/a/folder", Folder: true}, nil) || !yield(&client.FileInfo{Path: "/data/a/incomplete"}, nil) {
			return
		}
		for _, n := range f.names {
			if !yield(&client.FileInfo{Path: "/data/a/" + n, Completed: true}, nil) {
				return
			}
		}
	}
}

func (f *fakeFiles) Load(ctx context.Context, path string, _ client.LoadOptions) error {
	switch path {
	case "/data/a/slow":
		<-ctx.Done()
		return ctx.Err()
	case "/data/a/bad":
		return errors.Errorf(errors.Unavailable, "no worker")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.loaded = append(f.mu.loaded, path)
	return nil
}

// start runs a service over the files and returns what a user calls it with.
func start(t *testing.T, f *fakeFiles, auth rpc.AuthType, serving func() error) (as func(user string) jobpb.JobMasterClientServiceClient) {
	t.Helper()
	t.Cleanup(func() {
		goleak.VerifyNone(t)
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.mu.open != f.mu.closed {
			t.Errorf("%d clients were opened, %d closed", f.mu.open, f.mu.closed)
		}
	})
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Listener: l, Auth: auth, Files: f.as, Serving: serving})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-s.Ready()
	return func(user string) jobpb.JobMasterClientServiceClient {
		pool := rpc.NewPool(rpc.ClientOptions{Auth: auth, User: user})
		t.Cleanup(func() { pool.Close() })
		return jobpb.NewJobMasterClientServiceClient(pool.Conn(l.Addr().String()))
	}
}

func submit(t *testing.T, c jobpb.JobMasterClientServiceClient) int64 {
	t.Helper()
	resp, err := c.Submit(t.Context(), &jobpb.SubmitRequest{CmdConfig: sample(t, "load.bin")})
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetJobControlId()
}

// await polls until the command has the status.
func await(t *testing.T, c jobpb.JobMasterClientServiceClient, id int64, want jobpb.Status) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		resp, err := c.GetCmdStatus(t.Context(), &jobpb.GetCmdStatusRequest{JobControlId: &id})
		if err != nil {
			t.Fatal(err)
		}
		if resp.GetCmdStatus() == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("job is %v, want %v", resp.GetCmdStatus(), want)
		}
	}
}

func TestLoad(t *testing.T) {
	f := &fakeFiles{names: []string{"x", "y"}}
	c := start(t, f, rpc.Simple, nil)("ann")
	id := submit(t, c)
	await(t, c, id, jobpb.Status_COMPLETED)
	f.mu.Lock()
	slices.Sort(f.mu.loaded)
	if got := strings.Join(f.mu.loaded, " "); got != "/data/a/x /data/a/y" {
		t.Errorf("loaded %s", got)
	}
	if !slices.Equal(f.mu.users, []string{"ann"}) {
		t.Errorf("loaded as %q", f.mu.users)
	}
	f.mu.Unlock()
	detail, err := c.GetCmdStatusDetailed(t.Context(), &jobpb.GetCmdStatusDetailedRequest{JobControlId: &id})
	if err != nil {
		t.Fatal(err)
	}
	blocks := detail.GetCmdStatusBlock().GetJobStatusBlock()
	if len(blocks) != 1 || len(strings.Split(blocks[0].GetFilePath(), ",")) != 2 || blocks[0].GetFilePathFailed() != "" {
		t.Errorf("detail is %v", blocks)
	}
}

// A file that cannot be loaded fails the command, but not the other files.
func TestLoadWithFailure(t *testing.T) {
	f := &fakeFiles{names: []string{"bad", "x"}}
	c := start(t, f, rpc.NoSASL, nil)("")
	id := submit(t, c)
	await(t, c, id, jobpb.Status_FAILED)
	detail, err := c.GetCmdStatusDetailed(t.Context(), &jobpb.GetCmdStatusDetailedRequest{JobControlId: &id})
	if err != nil {
		t.Fatal(err)
	}
	blocks := detail.GetCmdStatusBlock().GetJobStatusBlock()
	if len(blocks) != 2 || blocks[0].GetFilePath() != "/data/a/x" || blocks[1].GetFilePathFailed() != "/data/a/bad" {
		t.Errorf("detail is %v", blocks)
	}
	info, err := c.GetJobStatus(t.Context(), &jobpb.GetJobStatusPRequest{JobId: &id})
	if err != nil || !strings.Contains(info.GetJobInfo().GetErrorMessage(), "no worker") {
		t.Errorf("info is %v, %v", info, err)
	}
	sum, err := c.GetJobServiceSummary(t.Context(), &jobpb.GetJobServiceSummaryPRequest{})
	if err != nil || len(sum.GetSummary().GetRecentFailures()) != 1 {
		t.Errorf("summary is %v, %v", sum, err)
	}
	failed, err := c.ListAll(t.Context(), &jobpb.ListAllPRequest{Options: &jobpb.ListAllPOptions{Status: []jobpb.Status{jobpb.Status_RUNNING}}})
	if err != nil || len(failed.GetJobIds()) != 0 {
		t.Errorf("running: %v, %v", failed, err)
	}
}

// More commands than run at the same time, each cancelled: while it runs and
// while it waits.
func TestCancel(t *testing.T) {
	as := start(t, &fakeFiles{names: []string{"slow"}}, rpc.Simple, nil)
	c, other := as("ann"), as("bob")
	var ids []int64
	for range maxRunning + 2 {
		ids = append(ids, submit(t, c))
	}
	for _, id := range ids[:maxRunning] {
		await(t, c, id, jobpb.Status_RUNNING)
	}
	await(t, c, ids[maxRunning+1], jobpb.Status_CREATED)
	if _, err := other.Cancel(t.Context(), &jobpb.CancelPRequest{JobId: &ids[0]}); !errors.Is(err, errors.Permission) {
		t.Errorf("another user's cancel: %v", err)
	}
	for _, id := range slices.Backward(ids) {
		if _, err := c.Cancel(t.Context(), &jobpb.CancelPRequest{JobId: &id}); err != nil {
			t.Fatal(err)
		}
		await(t, c, id, jobpb.Status_CANCELED)
	}
}

// The service ends although commands run and wait.
func TestEndWithWork(t *testing.T) {
	c := start(t, &fakeFiles{names: []string{"slow"}}, rpc.NoSASL, nil)("")
	for range maxRunning + 2 {
		submit(t, c)
	}
}

func TestRefusals(t *testing.T) {
	f := &fakeFiles{}
	c := start(t, f, rpc.Simple, nil)("ann")
	id := int64(7)
	missing := []byte(strings.Replace(string(sample(t, "load.bin")), "/data/a", "/data/b", 1))
	for what, test := range map[string]struct {
		err  error
		kind errors.Kind
	}{
		"unknown job":    {second(c.GetJobStatus(t.Context(), &jobpb.GetJobStatusPRequest{JobId: &id})), errors.NotFound},
		"unknown cancel": {second(c.Cancel(t.Context(), &jobpb.CancelPRequest{JobId: &id})), errors.NotFound},
		"missing path":   {second(c.Submit(t.Context(), &jobpb.SubmitRequest{CmdConfig: missing})), errors.NotFound},
		"a copy":         {second(c.Submit(t.Context(), &jobpb.SubmitRequest{CmdConfig: sample(t, "migrate.bin")})), errors.Unsupported},
		"a plan":         {second(c.Run(t.Context(), &jobpb.RunPRequest{})), errors.Unsupported},
	} {
		if !errors.Is(test.err, test.kind) {
			t.Errorf("%s: %v, want %v", what, test.err, test.kind)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestStandby(t *testing.T) {
	standby := func() error { return errors.Errorf(errors.Other, "not leading") }
	c := start(t, &fakeFiles{}, rpc.NoSASL, standby)("")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := c.ListAll(ctx, &jobpb.ListAllPRequest{}); !errors.Is(err, errors.Unavailable) {
		t.Errorf("got %v", err)
	}
}

// What is remembered has limits: old commands go, and paths beyond the limit are
// not kept.
func TestForget(t *testing.T) {
	s := New(Options{})
	now := time.Now()
	for i := range maxEnded + 10 {
		s.mu.commands = append(s.mu.commands, &command{id: int64(i), status: jobpb.Status_COMPLETED, changed: now})
	}
	s.mu.commands = append(s.mu.commands, &command{id: -1, status: jobpb.Status_FAILED, changed: now.Add(-2 * retention)}, &command{id: -2, status: jobpb.Status_RUNNING})
	s.forget(now)
	if n := len(s.mu.commands); n != maxEnded || s.mu.commands[n-1].id != -2 {
		t.Errorf("%d commands are left, want %d, the last running", n, maxEnded)
	}
	running := s.mu.commands[len(s.mu.commands)-1]
	long := strings.Repeat("x", maxPathBytes/4)
	for range 10 {
		s.record(running, long, nil)
	}
	if n := len(running.loaded); n != 3 || s.mu.pathBytes >= maxPathBytes {
		t.Errorf("%d paths are remembered", n)
	}
}
