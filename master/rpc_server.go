package master

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/journalmasterpb"
	"github.com/alluxio-go/alluxio/proto/metapb"
	"github.com/alluxio-go/alluxio/proto/metricpb"
)

// newServer hosts every service of a master.
func (m *Master) newServer() *rpc.Server {
	s := rpc.NewServer(rpc.ServerOptions{
		Auth:             rpc.AuthType(m.conf.Enum(config.SecurityAuthenticationType)),
		Impersonation:    m.impersonation(),
		Superuser:        m.isSuperuser,
		Serving:          func() error { _, err := m.leading(); return err },
		Standby:          []string{journalmasterpb.JournalMasterClientService_GetNodeState_FullMethodName},
		Logger:           m.log,
		Intercept:        []grpc.UnaryServerInterceptor{m.countUnary},
		InterceptStreams: []grpc.StreamServerInterceptor{m.countStream},
	})
	filepb.RegisterFileSystemMasterClientServiceServer(s, &fileService{m: m})
	filepb.RegisterFileSystemMasterWorkerServiceServer(s, &fileWorkerService{m: m})
	filepb.RegisterFileSystemMasterJobServiceServer(s, &fileJobService{m: m})
	blockpb.RegisterBlockMasterClientServiceServer(s, &blockService{m: m})
	blockpb.RegisterBlockMasterWorkerServiceServer(s, &blockWorkerService{m: m})
	metapb.RegisterMetaMasterClientServiceServer(s, &metaService{m: m})
	metapb.RegisterMetaMasterConfigurationServiceServer(s, &configService{m: m})
	metricpb.RegisterMetricsMasterClientServiceServer(s, &metricsService{m: m})
	journalmasterpb.RegisterJournalMasterClientServiceServer(s, &journalService{m: m})
	return s
}

func (m *Master) isSuperuser(u rpc.User) bool {
	t := term{set: m.set, groups: m.groups}
	return t.all(Caller{User: u.Name})
}

const impersonationPrefix = "alluxio.master.security.impersonation."

func (m *Master) impersonation() rpc.Impersonation {
	im := rpc.Impersonation{
		Users: map[string][]string{}, Groups: map[string][]string{},
		GroupsOf: func(user string) ([]string, error) { return m.groups.of(user), nil },
	}
	for _, p := range m.conf.All() {
		rest, ok := strings.CutPrefix(p.Name, impersonationPrefix)
		if !ok {
			continue
		}
		if user, ok := strings.CutSuffix(rest, ".users"); ok {
			im.Users[user] = m.conf.List(config.MasterSecurityImpersonationUsers.At(user))
		} else if user, ok := strings.CutSuffix(rest, ".groups"); ok {
			im.Groups[user] = m.conf.List(config.MasterSecurityImpersonationGroups.At(user))
		}
	}
	return im
}

func (m *Master) countUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	begin := time.Now()
	resp, err := handle(ctx, req)
	m.count(info.FullMethod, begin, err)
	if !strings.HasSuffix(info.FullMethod, "/FileSystemHeartbeat") { // it waits for work
		m.metrics.rpcs.Observe(time.Since(begin).Seconds())
	}
	return resp, err
}

func (m *Master) countStream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	begin := time.Now()
	err := handle(srv, ss)
	m.count(info.FullMethod, begin, err)
	return err
}

func (m *Master) count(method string, begin time.Time, err error) {
	method = method[strings.LastIndexByte(method, '/')+1:]
	status := "ok"
	if err != nil {
		status = errors.KindOf(err).String()
		m.metrics.fails.WithLabelValues(status).Inc()
	}
	m.metrics.calls.WithLabelValues(metricName(method)).Inc()
	m.log.Debug("call", "method", method, "took", time.Since(begin), "status", status, "err", err)
}

// metricName is what Alluxio's metrics call a method.
func metricName(method string) string {
	switch method {
	case "GetStatus":
		return "GetFileInfo"
	case "GetNewBlockIdForFile":
		return "GetNewBlock"
	case "Remove":
		return "DeletePath"
	case "Rename":
		return "RenamePath"
	case "Free":
		return "FreeFile"
	}
	return method
}

// callerOf is on whose behalf a call runs. Without authentication nobody has a
// name, and permissions are not checked.
func callerOf(ctx context.Context) Caller {
	u, _ := rpc.UserFrom(ctx)
	return Caller{User: u.Name}
}

// call is what a handler needs: the term, the caller and the clean path.
type call struct {
	t    *term
	c    Caller
	path string
}

func (m *Master) call(ctx context.Context, path string) (call, error) {
	t, err := m.leading()
	if err != nil {
		return call{}, err
	}
	clean, err := fspath.Clean(path)
	return call{t, callerOf(ctx), clean}, err
}

func unimplemented(what string) error {
	return errors.Errorf(errors.Unsupported, "%s is not supported by this master.", what)
}

// orEmpty makes options that were not sent empty ones, so that their fields can
// be tested for presence.
func orEmpty[T any](o *T) *T {
	if o == nil {
		return new(T)
	}
	return o
}
