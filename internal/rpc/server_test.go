package rpc

import (
	"context"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	_ "github.com/alluxio-go/alluxio/proto/jobpb"
	_ "github.com/alluxio-go/alluxio/proto/journalmasterpb"
	"github.com/alluxio-go/alluxio/proto/metapb"
	_ "github.com/alluxio-go/alluxio/proto/metricpb"
	"github.com/alluxio-go/alluxio/proto/saslpb"
	"github.com/alluxio-go/alluxio/proto/versionpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files is a file system master whose GetStatus does what the test wants.
type files struct {
	filepb.UnimplementedFileSystemMasterClientServiceServer
	getStatus func(ctx context.Context) error
}

func (f *files) GetStatus(ctx context.Context, req *filepb.GetStatusPRequest) (*filepb.GetStatusPResponse, error) {
	if err := f.getStatus(ctx); err != nil {
		return nil, err
	}
	name := ""
	if u, ok := UserFrom(ctx); ok {
		name = u.Name + "/" + u.Login
	}
	return &filepb.GetStatusPResponse{FileInfo: &filepb.FileInfo{Path: req.Path, Owner: &name}}, nil
}

// ListStatus answers with the caller's name.
func (f *files) ListStatus(_ *filepb.ListStatusPRequest, stream grpc.ServerStreamingServer[filepb.ListStatusPResponse]) error {
	if err := f.getStatus(stream.Context()); err != nil {
		return err
	}
	u, _ := UserFrom(stream.Context())
	return stream.Send(&filepb.ListStatusPResponse{FileInfos: []*filepb.FileInfo{{Owner: &u.Name}}})
}

type configuration struct {
	metapb.UnimplementedMetaMasterConfigurationServiceServer
}

func (configuration) GetConfigHash(context.Context, *metapb.GetConfigHashPOptions) (*metapb.GetConfigHashPResponse, error) {
	return &metapb.GetConfigHashPResponse{}, nil
}

// serving is a running server.
type serving struct {
	*Server
	addr string
	stop func()
}

// start serves at addr (empty: anywhere) until the test ends or stop is called.
func start(t *testing.T, addr string, o ServerOptions, f *files) *serving {
	t.Helper()
	l := listen(t, addr)
	if f.getStatus == nil {
		f.getStatus = func(context.Context) error { return nil }
	}
	s := NewServer(o)
	filepb.RegisterFileSystemMasterClientServiceServer(s, f)
	metapb.RegisterMetaMasterConfigurationServiceServer(s, configuration{})
	metapb.RegisterMetaMasterClientServiceServer(s, metapb.UnimplementedMetaMasterClientServiceServer{})
	blockpb.RegisterBlockMasterWorkerServiceServer(s, blockpb.UnimplementedBlockMasterWorkerServiceServer{})
	if missing := s.MissingPolicies(); len(missing) > 0 {
		t.Fatalf("no access declared for %v", missing)
	}
	return serve(t, s, l)
}

// listen listens at addr, or anywhere.
func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	if addr == "" {
		addr = "localhost:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serve runs a server until the test ends or stop is called.
func serve(t *testing.T, s *Server, l net.Listener) *serving {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("server ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return &serving{s, l.Addr().String(), stop}
}

func newPool(t *testing.T, o ClientOptions) *Pool {
	p := NewPool(o)
	t.Cleanup(func() { p.Close() })
	return p
}

func simple(user string) ClientOptions { return ClientOptions{Auth: Simple, User: user} }

func getStatus(ctx context.Context, cc grpc.ClientConnInterface) (string, error) {
	resp, err := filepb.NewFileSystemMasterClientServiceClient(cc).GetStatus(ctx, &filepb.GetStatusPRequest{Path: new("/")})
	return resp.GetFileInfo().GetOwner(), err
}

func list(ctx context.Context, cc grpc.ClientConnInterface) (string, error) {
	stream, err := filepb.NewFileSystemMasterClientServiceClient(cc).ListStatus(ctx, &filepb.ListStatusPRequest{})
	if err != nil {
		return "", err
	}
	resp, err := stream.Recv()
	if err != nil {
		return "", err
	}
	return resp.GetFileInfos()[0].GetOwner(), nil
}

func TestEveryMethodOfTheProtocolHasAPolicy(t *testing.T) {
	count := 0
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			if !strings.HasPrefix(string(s.FullName()), "alluxio.") {
				continue
			}
			for j := range s.Methods().Len() {
				count++
				if m := "/" + string(s.FullName()) + "/" + string(s.Methods().Get(j).Name()); accessTo(m, nil) == undeclared {
					t.Errorf("%s declares no access", m)
				}
			}
		}
		return true
	})
	if count < 90 {
		t.Errorf("only %d methods looked at", count)
	}
	for name, p := range policies {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			t.Errorf("policy for a service that is not: %v", err)
			continue
		}
		for m := range p.except {
			if d.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(m)) == nil {
				t.Errorf("policy for a method that is not: %s/%s", name, m)
			}
		}
	}
}

func TestMissingPoliciesAreFound(t *testing.T) {
	s := NewServer(ServerOptions{})
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "private.S", Methods: []grpc.MethodDesc{{MethodName: "M"}}}, nil)
	if got := s.MissingPolicies(); !slices.Equal(got, []string{"/private.S/M"}) {
		t.Errorf("got %v", got)
	}
	s.opts.Access = map[string]Access{"/private.S/M": Authenticated}
	if got := s.MissingPolicies(); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

func TestLogin(t *testing.T) {
	im := Impersonation{
		Users:    map[string][]string{"proxy": {"alice"}, "root": {"*"}},
		Groups:   map[string][]string{"yarn": {"etl"}},
		GroupsOf: func(u string) ([]string, error) { return map[string][]string{"bob": {"etl"}}[u], nil },
	}
	s := start(t, "", ServerOptions{Auth: Simple, Impersonation: im}, &files{})
	for _, c := range []struct{ user, as, want string }{
		{"alice", "", "alice/alice"},
		{"alice", "alice", "alice/alice"},
		{"proxy", "alice", "alice/proxy"},
		{"root", "anyone", "anyone/root"},
		{"yarn", "bob", "bob/yarn"},
		{"proxy", "bob", ""},
		{"yarn", "alice", ""},
		{"", "", ""},
	} {
		p := newPool(t, ClientOptions{Auth: Simple, User: c.user, Impersonate: c.as})
		got, err := getStatus(t.Context(), p.Conn(s.addr))
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%q as %q: got %q, %v", c.user, c.as, got, err)
		}
		if err != nil && !errors.Is(err, errors.Unauthenticated) {
			t.Errorf("%q as %q: refused with %v", c.user, c.as, errors.KindOf(err))
		}
	}
}

func TestCustomAuthentication(t *testing.T) {
	verify := func(user, password string) error {
		if password != "secret" {
			return errors.Errorf(errors.Unauthenticated, "wrong password for %s", user)
		}
		return nil
	}
	s := start(t, "", ServerOptions{Auth: Custom, Verify: verify}, &files{})
	good := newPool(t, ClientOptions{Auth: Custom, User: "u", Password: "secret"})
	if _, err := getStatus(t.Context(), good.Conn(s.addr)); err != nil {
		t.Error(err)
	}
	bad := newPool(t, ClientOptions{Auth: Custom, User: "u", Password: "guess"})
	if _, err := getStatus(t.Context(), bad.Conn(s.addr)); !errors.Is(err, errors.Unauthenticated) || strings.Contains(err.Error(), "guess") {
		t.Errorf("got %v", err)
	}
}

func TestCallsWithoutLogin(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: Simple}, &files{})
	cc := newPool(t, ClientOptions{Auth: NoSASL}).Conn(s.addr)
	_, err := getStatus(t.Context(), cc)
	if !errors.Is(err, errors.Unauthenticated) || err.Error() != "Channel Id is missing for call: alluxio.grpc.file.FileSystemMasterClientService/GetStatus." {
		t.Errorf("got %v", err)
	}
	forged := metadata.AppendToOutgoingContext(t.Context(), channelHeader, "0123456789-forged")
	if _, err = getStatus(forged, cc); !errors.Is(err, errors.Unauthenticated) || strings.Contains(err.Error(), "forged") {
		t.Errorf("got %v", err)
	}
	if _, err := list(forged, cc); !errors.Is(err, errors.Unauthenticated) {
		t.Errorf("stream: got %v", err)
	}
	conf := metapb.NewMetaMasterConfigurationServiceClient(cc)
	for _, ctx := range []context.Context{t.Context(), forged} {
		if _, err := conf.GetConfigHash(ctx, &metapb.GetConfigHashPOptions{}); err != nil {
			t.Errorf("reading the configuration needs no login: %v", err)
		}
	}
	if _, err := conf.UpdateConfiguration(t.Context(), &metapb.UpdateConfigurationPRequest{}); !errors.Is(err, errors.Unauthenticated) {
		t.Errorf("changing the configuration without login: %v", err)
	}
}

func TestWithoutAuthentication(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: NoSASL}, &files{})
	if got, err := getStatus(t.Context(), newPool(t, ClientOptions{}).Conn(s.addr)); got != "" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	// A client that wants to log in is told that it cannot.
	if _, err := getStatus(t.Context(), newPool(t, simple("u")).Conn(s.addr)); !errors.Is(err, errors.Unsupported) {
		t.Errorf("got %v", err)
	}
}

func TestLevelsOfAccess(t *testing.T) {
	s := start(t, "", ServerOptions{
		Auth:      Simple,
		Superuser: func(u User) bool { return u.Name == "root" },
		Worker:    func(u User) bool { return u.Name == "root" || u.Name == "node" },
	}, &files{})
	for _, c := range []struct {
		user          string
		worker, super errors.Kind
	}{
		{"alice", errors.Permission, errors.Permission},
		{"node", errors.Unsupported, errors.Permission},
		{"root", errors.Unsupported, errors.Unsupported},
	} {
		cc := newPool(t, simple(c.user)).Conn(s.addr)
		_, err := blockpb.NewBlockMasterWorkerServiceClient(cc).CommitBlock(t.Context(), &blockpb.CommitBlockPRequest{})
		if errors.KindOf(err) != c.worker {
			t.Errorf("%s calls a worker's method: %v", c.user, err)
		}
		_, err = metapb.NewMetaMasterClientServiceClient(cc).Checkpoint(t.Context(), &metapb.CheckpointPOptions{})
		if errors.KindOf(err) != c.super {
			t.Errorf("%s calls a superuser's method: %v", c.user, err)
		}
	}
}

// rawLogin speaks the handshake by hand.
func rawLogin(t *testing.T, addr string, o ...grpc.DialOption) (grpc.BidiStreamingClient[saslpb.SaslMessage, saslpb.SaslMessage], *grpc.ClientConn) {
	t.Helper()
	cc, err := grpc.NewClient(addr, append(o, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	stream, err := saslpb.NewSaslAuthenticationServiceClient(cc).Authenticate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return stream, cc
}

func challenge(id string) *saslpb.SaslMessage {
	return &saslpb.SaslMessage{
		MessageType:          saslpb.SaslMessageType_CHALLENGE.Enum(),
		AuthenticationScheme: saslpb.ChannelAuthenticationScheme_SIMPLE.Enum(),
		ClientId:             &id, Message: []byte("\x00alice\x00noPassword"),
	}
}

// A Java client gives up at a SUCCESS with a message, and hangs for 45 s when its
// half-close is not answered.
func TestHandshakeAsJavaExpectsIt(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: Simple}, &files{})
	stream, _ := rawLogin(t, s.addr)
	if err := stream.Send(challenge("id-1")); err != nil {
		t.Fatal(err)
	}
	m, err := stream.Recv()
	if err != nil || m.GetMessageType() != saslpb.SaslMessageType_SUCCESS || m.Message != nil {
		t.Fatalf("got %v, %v", m, err)
	}
	if n := s.Channels(); n != 1 {
		t.Errorf("%d channels", n)
	}
	stream.CloseSend()
	begin := time.Now()
	if _, err := stream.Recv(); err == nil || status.Code(err) != codes.Unknown && err.Error() != "EOF" {
		t.Errorf("half-close answered with %v", err)
	}
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("half-close answered after %v", d)
	}
	until(t, "the channel is forgotten", func() bool { return s.Channels() == 0 })
}

func TestBadHandshakes(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: Simple}, &files{})
	holder, _ := rawLogin(t, s.addr)
	holder.Send(challenge("taken"))
	if _, err := holder.Recv(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*saslpb.SaslMessage){
		"no channel":     func(m *saslpb.SaslMessage) { m.ClientId = nil },
		"channel in use": func(m *saslpb.SaslMessage) { m.ClientId = new("taken") },
		"no scheme":      func(m *saslpb.SaslMessage) { m.AuthenticationScheme = nil },
		"success first":  func(m *saslpb.SaslMessage) { m.MessageType = saslpb.SaslMessageType_SUCCESS.Enum() },
		"no user":        func(m *saslpb.SaslMessage) { m.Message = []byte("a\x00\x00p") },
		"no password":    func(m *saslpb.SaslMessage) { m.Message = []byte("\x00u\x00") },
		"two parts":      func(m *saslpb.SaslMessage) { m.Message = []byte("u\x00p") },
		"not UTF-8":      func(m *saslpb.SaslMessage) { m.Message = []byte("\x00\xff\x00p") },
		"empty":          func(m *saslpb.SaslMessage) { m.Message = nil },
	} {
		m := challenge("new")
		change(m)
		stream, _ := rawLogin(t, s.addr)
		stream.Send(m)
		if _, err := stream.Recv(); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := s.Channels(); n != 1 {
		t.Errorf("%d channels are left, want the one that was there", n)
	}
}

// The server ends login streams of clients that vanish, and their channels.
func TestVanishedClient(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: Simple}, &files{})
	stream, cc := rawLogin(t, s.addr)
	stream.Send(challenge("id-1"))
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	cc.Close()
	until(t, "the channel is forgotten", func() bool { return s.Channels() == 0 })
}

func TestServiceVersions(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: Simple}, &files{})
	versions := versionpb.NewServiceVersionClientServiceClient(newPool(t, ClientOptions{}).Conn(s.addr))
	for typ, want := range map[versionpb.ServiceType]int64{
		versionpb.ServiceType_FILE_SYSTEM_MASTER_CLIENT_SERVICE: 2,
		versionpb.ServiceType_META_MASTER_CONFIG_SERVICE:        2,
		versionpb.ServiceType_META_MASTER_CLIENT_SERVICE:        2,
		versionpb.ServiceType_BLOCK_MASTER_WORKER_SERVICE:       2,
		versionpb.ServiceType_UNKNOWN_SERVICE:                   -1,
	} {
		resp, err := versions.GetServiceVersion(t.Context(), &versionpb.GetServiceVersionPRequest{ServiceType: typ.Enum()})
		if err != nil || resp.GetVersion() != want {
			t.Errorf("%v: %v, %v", typ, resp.GetVersion(), err)
		}
	}
	_, err := versions.GetServiceVersion(t.Context(), &versionpb.GetServiceVersionPRequest{ServiceType: versionpb.ServiceType_JOB_MASTER_CLIENT_SERVICE.Enum()})
	if !errors.Is(err, errors.NotFound) || err.Error() != "Service JOB_MASTER_CLIENT_SERVICE is not found." {
		t.Errorf("a service that is not here: %v", err)
	}
}

// A standby refuses everything with UNAVAILABLE, which makes clients look
// further; any other code would stop them.
func TestStandby(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: Simple, Serving: func() error {
		return errors.Errorf(errors.FailedPrecondition, "this master is a standby")
	}}, &files{})
	cc := newPool(t, simple("u")).Conn(s.addr)
	_, err1 := getStatus(t.Context(), cc)
	_, err2 := list(t.Context(), cc)
	_, err3 := metapb.NewMetaMasterConfigurationServiceClient(cc).GetConfigHash(t.Context(), &metapb.GetConfigHashPOptions{})
	versions := versionpb.NewServiceVersionClientServiceClient(cc)
	req := &versionpb.GetServiceVersionPRequest{ServiceType: versionpb.ServiceType_META_MASTER_CLIENT_SERVICE.Enum()}
	_, err4 := versions.GetServiceVersion(t.Context(), req)
	for _, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, errors.Unavailable) {
			t.Errorf("got %v", err)
		}
	}
	req.AllowedOnStandbyMasters = new(true)
	if _, err := versions.GetServiceVersion(t.Context(), req); err != nil {
		t.Errorf("asked for any master: %v", err)
	}
}

func TestPanicsAreErrors(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: Simple}, &files{getStatus: func(context.Context) error { panic("a bug") }})
	cc := newPool(t, simple("u")).Conn(s.addr)
	if _, err := getStatus(t.Context(), cc); !errors.Is(err, errors.Internal) {
		t.Errorf("unary: %v", err)
	}
	if _, err := list(t.Context(), cc); !errors.Is(err, errors.Internal) {
		t.Errorf("stream: %v", err)
	}
}

// Shutting down does not wait for clients, which keep their login streams open.
func TestShutDownIsPrompt(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: Simple, Grace: 20 * time.Second}, &files{})
	p := newPool(t, simple("u"))
	if _, err := getStatus(t.Context(), p.Conn(s.addr)); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	s.stop()
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

// Calls that outlast the grace period are ended.
func TestShutDownEndsCalls(t *testing.T) {
	entered := make(chan struct{})
	s := start(t, "", ServerOptions{Auth: Simple, Grace: 50 * time.Millisecond}, &files{getStatus: func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}})
	p := newPool(t, simple("u"))
	result := make(chan error, 1)
	go func() { _, err := getStatus(t.Context(), p.Conn(s.addr)); result <- err }()
	<-entered
	s.stop()
	if err := <-result; !errors.Is(err, errors.Unavailable) || !strings.Contains(err.Error(), s.addr) {
		t.Errorf("the caller got %v", err)
	}
}

// A restarted server knows no channels; callers log in again by themselves.
func TestLoginAgainAfterRestart(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: Simple}, &files{})
	p := newPool(t, simple("alice"))
	m := p.Master(MasterOptions{Addrs: []string{s.addr}, Retry: Retry{Budget: 10 * time.Second}})
	call := func(ctx context.Context, cc grpc.ClientConnInterface) error { _, err := getStatus(ctx, cc); return err }
	for range 3 {
		if err := m.Do(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		if _, err := list(t.Context(), p.StreamConn(s.addr)); err != nil {
			t.Fatal(err)
		}
		s.stop()
		s = start(t, s.addr, ServerOptions{Auth: Simple}, &files{})
	}
}

// A login that the server dropped without ending the stream is noticed at the
// next call, which is repeated.
func TestRevokedLogin(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: Simple}, &files{})
	p := newPool(t, simple("alice"))
	if _, err := getStatus(t.Context(), p.Conn(s.addr)); err != nil {
		t.Fatal(err)
	}
	s.channels.Lock()
	clear(s.channels.users)
	s.channels.Unlock()
	if _, err := getStatus(t.Context(), p.Conn(s.addr)); err != nil {
		t.Errorf("unary: %v", err)
	}
	s.channels.Lock()
	clear(s.channels.users)
	s.channels.Unlock()
	if _, err := list(t.Context(), p.StreamConn(s.addr)); !errors.Is(err, errors.Unauthenticated) {
		t.Errorf("stream: %v", err)
	}
	if _, err := list(t.Context(), p.StreamConn(s.addr)); err != nil {
		t.Errorf("next stream: %v", err)
	}
}

// Many calls at once log in once.
func TestOneLoginForAllConnections(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: Simple}, &files{})
	p := newPool(t, simple("alice"))
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			cc := p.Conn(s.addr)
			if i%2 == 0 {
				cc = p.StreamConn(s.addr)
			}
			if _, err := getStatus(t.Context(), cc); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.Channels(); n != 1 {
		t.Errorf("%d channels", n)
	}
	p.Close()
	until(t, "the channel is closed", func() bool { return s.Channels() == 0 })
	err := p.Master(MasterOptions{Addrs: []string{s.addr}, Retry: Retry{Budget: time.Hour}}).
		Do(t.Context(), func(ctx context.Context, cc grpc.ClientConnInterface) error { _, err := getStatus(ctx, cc); return err })
	if !errors.Is(err, errors.Cancelled) {
		t.Errorf("call on a closed pool: %v", err)
	}
}

// Closing in the middle of everything leaves nothing behind, and no caller hangs.
func TestCloseDuringCalls(t *testing.T) {
	s := start(t, "", ServerOptions{Auth: Simple}, &files{})
	for range 50 {
		p := NewPool(simple("alice"))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					if _, err := getStatus(t.Context(), p.Conn(s.addr)); err != nil {
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
		p.Close()
		wg.Wait()
	}
	until(t, "all channels are closed", func() bool { return s.Channels() == 0 })
}

func TestUnixSocket(t *testing.T) {
	path := t.TempDir() + "/s"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(ServerOptions{Auth: Simple})
	filepb.RegisterFileSystemMasterClientServiceServer(s, &files{getStatus: func(context.Context) error { return nil }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	if got, err := getStatus(t.Context(), newPool(t, simple("u")).Conn(UnixAddr(path))); got != "u/u" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestLeaderIsFound(t *testing.T) {
	var leader atomic.Int32
	var addrs []string
	for i := range 3 {
		o := ServerOptions{Auth: Simple, Serving: func() error {
			if leader.Load() != int32(i) {
				return errors.Errorf(errors.Unavailable, "standby")
			}
			return nil
		}}
		addrs = append(addrs, start(t, "", o, &files{}).addr)
	}
	addrs = append(addrs, "localhost:1") // nobody there
	p := newPool(t, simple("alice"))
	m := p.Master(MasterOptions{Addrs: addrs, Retry: Retry{Budget: 10 * time.Second}})
	for _, i := range []int32{0, 2, 1} {
		leader.Store(i)
		err := m.Do(t.Context(), func(ctx context.Context, cc grpc.ClientConnInterface) error { _, err := getStatus(ctx, cc); return err })
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.Primary(t.Context()); got != addrs[i] || err != nil {
			t.Errorf("leader %d: found %v, %v", i, got, err)
		}
	}
	leader.Store(-1)
	if err := m.Once(t.Context(), func(ctx context.Context, cc grpc.ClientConnInterface) error { _, err := getStatus(ctx, cc); return err }); !errors.Is(err, errors.Unavailable) {
		t.Errorf("without leader: %v", err)
	}
	err := m.Once(t.Context(), func(context.Context, grpc.ClientConnInterface) error { return nil })
	if !errors.Is(err, errors.Unavailable) || !strings.Contains(err.Error(), "Failed to determine primary master") || !strings.Contains(err.Error(), addrs[0]) {
		t.Errorf("without leader: %v", err)
	}
}

func TestRetries(t *testing.T) {
	p := newPool(t, ClientOptions{})
	for name, c := range map[string]struct {
		fail  error // of the first attempts
		times int
		calls int
		kind  errors.Kind
	}{
		"outage mended":    {errors.Errorf(errors.Unavailable, "down"), 2, 3, errors.Other},
		"server cancelled": {errors.Errorf(errors.Cancelled, "shutting down"), 1, 2, errors.Other},
		"outage for long":  {errors.Errorf(errors.Unavailable, "down"), 1000, -1, errors.Unavailable},
		"not found":        {errors.Errorf(errors.NotFound, "gone"), 1000, 1, errors.NotFound},
		"exists":           {errors.Errorf(errors.Exists, "there"), 1000, 1, errors.Exists},
		"internal":         {errors.Errorf(errors.Internal, "bug"), 1000, 1, errors.Internal},
		"timeout":          {errors.Errorf(errors.Timeout, "late"), 1000, 1, errors.Timeout},
		"unauthenticated":  {errors.Errorf(errors.Unauthenticated, "who"), 1000, 1, errors.Unauthenticated},
	} {
		m := p.Master(MasterOptions{Addrs: []string{"localhost:1"}, Retry: Retry{Base: time.Millisecond, Max: 5 * time.Millisecond, Budget: 100 * time.Millisecond}})
		calls := 0
		err := m.Do(t.Context(), func(context.Context, grpc.ClientConnInterface) error {
			if calls++; calls <= c.times {
				return c.fail
			}
			return nil
		})
		if c.calls > 0 && calls != c.calls || c.calls < 0 && calls < 5 {
			t.Errorf("%s: %d calls", name, calls)
		}
		if (err == nil) != (c.kind == errors.Other) || err != nil && !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && !strings.Contains(err.Error(), c.fail.Error()) {
			t.Errorf("%s: the cause is missing in %q", name, err)
		}
	}
}

// A master that reports an outage, of a store for example, is not called down
// itself.
func TestOutageThatAMasterReports(t *testing.T) {
	m := newPool(t, ClientOptions{}).Master(MasterOptions{Addrs: []string{"localhost:1"}, Retry: Retry{Base: time.Millisecond, Budget: 20 * time.Millisecond}})
	for _, c := range []struct {
		err  error
		want string
	}{
		{ToStatus(errors.Errorf(errors.Unavailable, "the store is down")), "the store is down"},
		{status.Error(codes.Unavailable, "broken pipe"), "Failed to connect to master (localhost:1) after "},
	} {
		err := m.Do(t.Context(), func(context.Context, grpc.ClientConnInterface) error { return FromStatus(c.err) })
		if !errors.Is(err, errors.Unavailable) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v: got %v", c.err, err)
		}
	}
}

// A caller that gives up is answered at once, with what went wrong meanwhile.
func TestRetryEndsWithTheContext(t *testing.T) {
	m := newPool(t, ClientOptions{}).Master(MasterOptions{Addrs: []string{"localhost:1"}, Retry: Retry{Budget: time.Hour}})
	ctx, cancel := context.WithCancel(t.Context())
	err := m.Do(ctx, func(context.Context, grpc.ClientConnInterface) error {
		cancel()
		return errors.Errorf(errors.Unavailable, "down")
	})
	if err == nil || !strings.Contains(err.Error(), "down") {
		t.Errorf("got %v", err)
	}
}

func TestPauses(t *testing.T) {
	r := Retry{}
	for attempt, limit := range map[int]time.Duration{1: 50 * time.Millisecond, 2: 100 * time.Millisecond, 5: 800 * time.Millisecond, 7: 3 * time.Second, 100: 3 * time.Second} {
		if d := r.pause(attempt); d > limit || d < limit*4/5 {
			t.Errorf("after attempt %d: %v", attempt, d)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	_, err := getStatus(t.Context(), newPool(t, simple("u")).Conn("localhost:1"))
	if !errors.Is(err, errors.Unavailable) || !strings.HasPrefix(err.Error(), "cannot connect to localhost:1: dial tcp ") {
		t.Errorf("got %v", err)
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// TestRunning: calls are counted while they are served, connections are not.
func TestRunning(t *testing.T) {
	served, finish := make(chan struct{}), make(chan struct{})
	s := start(t, "", ServerOptions{Auth: Simple}, &files{getStatus: func(context.Context) error {
		served <- struct{}{}
		<-finish
		return nil
	}})
	p := newPool(t, simple("u"))
	result := make(chan error, 2)
	go func() { _, err := getStatus(t.Context(), p.Conn(s.addr)); result <- err }()
	go func() { _, err := list(t.Context(), p.Conn(s.addr)); result <- err }()
	<-served
	<-served
	if n := s.Running(); n != 2 {
		t.Errorf("%d calls are running, not 2", n)
	}
	close(finish)
	for range cap(result) {
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
	for s.Running() != 0 && t.Context().Err() == nil { // until the test's deadline
		runtime.Gosched()
	}
}
