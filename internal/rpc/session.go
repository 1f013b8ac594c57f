package rpc

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/saslpb"
)

// logoutTimeout bounds the wait for a server to confirm a logout.
const logoutTimeout = time.Second

// login keeps one authenticated channel to a server. Every connection to that
// server uses it: servers know channels, not connections.
type login struct {
	conn    *grpc.ClientConn
	addr    string
	message []byte // the proof of who we are
	timeout time.Duration
	log     *slog.Logger

	turn    chan struct{} // holds a token; its holder may replace current
	current atomic.Pointer[session]
	ctx     context.Context // ends all sessions
	stop    context.CancelFunc
	running sync.WaitGroup
}

// session is one authenticated channel: an open stream.
type session struct {
	id     string
	stream grpc.BidiStreamingClient[saslpb.SaslMessage, saslpb.SaslMessage]
	ended  chan struct{} // closed when the stream has ended
	leave  context.CancelFunc
}

func newLogin(cc *grpc.ClientConn, addr string, o *ClientOptions) *login {
	password := o.Password
	if password == "" {
		password = defaultPassword
	}
	l := &login{
		conn:    cc,
		addr:    addr,
		message: plain{authorize: o.Impersonate, user: o.User, password: password}.encode(),
		timeout: o.LoginTimeout,
		log:     o.Logger,
		turn:    make(chan struct{}, 1),
	}
	l.turn <- struct{}{}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// channel returns the id of a live channel, logging in if there is none. Of
// several callers one logs in and the others wait for it.
func (l *login) channel(ctx context.Context) (string, error) {
	if s := l.live(); s != nil {
		return s.id, nil
	}
	select {
	case <-l.turn:
	case <-ctx.Done():
		return "", errors.E("log in to", l.addr, errors.Other, ctx.Err())
	}
	defer func() { l.turn <- struct{}{} }()
	if s := l.live(); s != nil {
		return s.id, nil
	}
	if l.ctx.Err() != nil {
		return "", errors.E("", "", errors.Cancelled, errClosed)
	}
	s, err := l.open(ctx)
	if err != nil {
		return "", err
	}
	l.current.Store(s)
	return s.id, nil
}

// live returns the current session unless it has ended.
func (l *login) live() *session {
	s := l.current.Load()
	if s == nil {
		return nil
	}
	select {
	case <-s.ended:
		return nil
	default:
		return s
	}
}

// forget makes the next caller log in again, if id is still the current one.
func (l *login) forget(id string) {
	if s := l.current.Load(); s != nil && s.id == id && l.current.CompareAndSwap(s, nil) {
		s.leave()
	}
}

// open authenticates a new channel. The stream outlives ctx, which only bounds
// the handshake.
func (l *login) open(ctx context.Context) (*session, error) {
	life, leave := context.WithCancel(l.ctx)
	stream, err := saslpb.NewSaslAuthenticationServiceClient(l.conn).Authenticate(life)
	if err != nil {
		leave()
		return nil, err
	}
	s := &session{id: newUUID(), stream: stream, ended: make(chan struct{}), leave: leave}
	answer := make(chan error, 1)
	l.running.Go(func() {
		defer close(s.ended)
		defer leave()
		s.attend(l.message, answer)
	})
	timeout := time.NewTimer(l.timeout)
	defer timeout.Stop()
	select {
	case err = <-answer:
	case <-ctx.Done():
		err = errors.E("log in to", l.addr, errors.Other, ctx.Err())
	case <-timeout.C:
		err = errors.Errorf(errors.Unavailable, "log in to %s: no answer within %v", l.addr, l.timeout)
	}
	if err != nil {
		leave()
		return nil, err
	}
	return s, nil
}

// attend speaks the handshake, reports its outcome and then waits for the end of
// the stream, which is the end of the channel.
func (s *session) attend(message []byte, answer chan<- error) {
	if err := s.handshake(message); err != nil {
		answer <- err
		return
	}
	answer <- nil
	for {
		if _, err := s.stream.Recv(); err != nil {
			return
		}
	}
}

func (s *session) handshake(message []byte) error {
	ref := "alluxio-go"
	first := &saslpb.SaslMessage{
		MessageType:          saslpb.SaslMessageType_CHALLENGE.Enum(),
		AuthenticationScheme: saslpb.ChannelAuthenticationScheme_SIMPLE.Enum(),
		Message:              message,
		ClientId:             &s.id,
		ChannelRef:           &ref,
	}
	// A failed Send only says that the stream has ended; Recv says why.
	_ = s.stream.Send(first)
	reply, err := s.stream.Recv()
	if err != nil {
		return err
	}
	if reply.GetMessageType() != saslpb.SaslMessageType_SUCCESS {
		return errors.Errorf(errors.Unauthenticated, "the server asks for more than user and password; this client cannot answer")
	}
	return nil
}

// close logs out and returns when the session's goroutine has ended.
func (l *login) close() {
	if s := l.live(); s != nil {
		_ = s.stream.CloseSend() // a broken stream is as good as a closed one
		timeout := time.NewTimer(logoutTimeout)
		defer timeout.Stop()
		select {
		case <-s.ended:
		case <-timeout.C:
		}
	}
	l.stop()
	<-l.turn // whoever was logging in has left, and nobody begins any more
	l.turn <- struct{}{}
	l.running.Wait()
}

// newUUID returns a random UUID (version 4) in its canonical text.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
