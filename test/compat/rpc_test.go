package compat

import (
	"context"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/internal/testcluster"
	"github.com/alluxio-go/alluxio/job"
	_ "github.com/alluxio-go/alluxio/proto/metricpb" // its descriptors
)

// Every call of every service of the protocol has a row, and the cluster does
// what the row says.
func TestEveryCallAnswersAsDocumented(t *testing.T) {
	rows := documented(t)
	c := testcluster.Start(t, testcluster.Options{})
	jobs := startJobService(t, c)
	me := rpc.ClientOptions{Auth: rpc.Simple, User: c.Client(nil).User()}
	for service := range services() {
		t.Run(string(service.Name()), func(t *testing.T) {
			pool := rpc.NewPool(me)
			defer pool.Close()
			conn := pool.Conn(hostOf(c, jobs, service))
			for i := range service.Methods().Len() {
				method := service.Methods().Get(i)
				key := string(service.FullName()) + "/" + string(method.Name())
				row, ok := rows[key]
				if !ok {
					t.Errorf("%s has no row in docs/compatibility.md", key)
					continue
				}
				delete(rows, key)
				checkRow(t, row, callEmpty(t, conn, method))
			}
		})
	}
	for key, row := range rows {
		if strings.HasPrefix(row.Section, "alluxio.grpc.") {
			t.Errorf("docs/compatibility.md documents %s, which does not exist", key)
		}
	}
}

func documented(t *testing.T) map[string]Row {
	t.Helper()
	list, err := Read(filepath.Join("..", "..", "docs", "compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]Row{}
	for _, r := range list {
		key := r.Section + "/" + r.Name
		if _, twice := rows[key]; twice {
			t.Errorf("%s has two rows", key)
		}
		rows[key] = r
	}
	return rows
}

// services yields every service of Alluxio's protocol that the product knows.
func services() func(yield func(protoreflect.ServiceDescriptor) bool) {
	return func(yield func(protoreflect.ServiceDescriptor) bool) {
		protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
			for i := range f.Services().Len() {
				s := f.Services().Get(i)
				if strings.HasPrefix(string(s.FullName()), "alluxio.grpc.") && !yield(s) {
					return false
				}
			}
			return true
		})
	}
}

// startJobService runs the job service, which testcluster leaves out, and
// returns where.
func startJobService(t *testing.T, c *testcluster.Cluster) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	s := job.New(job.Options{Listener: l, Auth: rpc.Simple, Files: func(string) (job.Files, error) { return c.Client(nil), nil }})
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
	return l.Addr().String()
}

// hostOf returns where a service is expected.
func hostOf(c *testcluster.Cluster, jobs string, s protoreflect.ServiceDescriptor) string {
	switch {
	case s.FullName() == "alluxio.grpc.block.BlockWorker":
		return c.WorkerAddr(0)
	case s.ParentFile().Package() == "alluxio.grpc.job":
		return jobs
	}
	return c.MasterAddr()
}

// emptyMessage returns a message with nothing set but what is required.
func emptyMessage(d protoreflect.MessageDescriptor) *dynamicpb.Message {
	m := dynamicpb.NewMessage(d)
	for i := range d.Fields().Len() {
		switch f := d.Fields().Get(i); {
		case f.Cardinality() != protoreflect.Required:
		case f.Message() != nil:
			m.Set(f, protoreflect.ValueOfMessage(emptyMessage(f.Message())))
		default:
			m.Set(f, f.Default())
		}
	}
	return m
}

// callEmpty makes a call with an empty request and returns how it ended.
func callEmpty(t *testing.T, conn grpc.ClientConnInterface, m protoreflect.MethodDescriptor) error {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	name := "/" + string(m.Parent().FullName()) + "/" + string(m.Name())
	req, resp := emptyMessage(m.Input()), dynamicpb.NewMessage(m.Output())
	if !m.IsStreamingClient() && !m.IsStreamingServer() {
		return conn.Invoke(ctx, name, req, resp)
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, name)
	if err != nil {
		return err
	}
	// A failure to send is known by the status that Recv returns.
	_ = stream.SendMsg(req)
	_ = stream.CloseSend()
	return stream.RecvMsg(resp)
}

var quotation = regexp.MustCompile(`"([^"]+)"`)

// checkRow compares the end of a call with its row. A refusal must be
// UNIMPLEMENTED and carry the text that the row quotes; everything else may
// complain of the empty request, but not break.
func checkRow(t *testing.T, row Row, err error) {
	t.Helper()
	t.Logf("%s: %v", row.Name, err)
	if row.Answer != Refused {
		switch errors.KindOf(err) {
		case errors.Unsupported, errors.Internal, errors.Timeout:
			t.Errorf("%s %s, says the documentation; the answer is %v", row.Name, row.Answer, err)
		}
		return
	}
	if !errors.Is(err, errors.Unsupported) {
		t.Fatalf("%s is refused, says the documentation; the answer is %v", row.Name, err)
	}
	if q := quotation.FindStringSubmatch(row.Text); q != nil && !strings.Contains(err.Error(), q[1]) {
		t.Errorf("%s is refused with %q, says the documentation; the answer is %v", row.Name, q[1], err)
	}
}
