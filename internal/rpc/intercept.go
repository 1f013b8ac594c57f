package rpc

import (
	"context"
	"runtime/debug"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// channelHeader carries the id of the caller's authenticated channel.
const channelHeader = "channel-id"

// unary guards every unary call.
func (s *Server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (resp any, err error) {
	defer func() { err = callStatus(ctx, err) }()
	defer s.recovered(info.FullMethod, &err)
	ctx, err = s.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	defer s.count(info.FullMethod)()
	return handle(ctx, req)
}

// stream guards every streaming call.
func (s *Server) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer func() { err = callStatus(ss.Context(), err) }()
	defer s.recovered(info.FullMethod, &err)
	ctx, err := s.admit(ss.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	defer s.count(info.FullMethod)()
	return handle(srv, &userStream{ServerStream: ss, ctx: ctx})
}

// userStream is a stream whose context knows the user.
type userStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *userStream) Context() context.Context { return s.ctx }

// count notes that a call is being served until the function it returns is called.
func (s *Server) count(method string) (done func()) {
	if accessTo(method, s.opts.Access) == Anyone {
		return func() {}
	}
	s.running.Add(1)
	return func() { s.running.Add(-1) }
}

// recovered turns a panic of a handler into an internal error.
func (s *Server) recovered(method string, err *error) {
	if p := recover(); p != nil {
		s.opts.Logger.Error("panic in a call", "method", method, "panic", p, "stack", string(debug.Stack()))
		*err = errors.Errorf(errors.Internal, "internal error in %s: %v; the server's log has the details", short(method), p)
	}
}

// admit checks that the call may go on and adds its user to the context.
func (s *Server) admit(ctx context.Context, method string) (context.Context, error) {
	access := accessTo(method, s.opts.Access)
	if access == undeclared {
		return nil, errors.Errorf(errors.Permission, "%s has no access policy and is refused", short(method))
	}
	if !s.standby[method] {
		if err := s.opts.serving(); err != nil {
			return nil, err
		}
	}
	if access == Anyone || s.opts.Auth == NoSASL {
		return ctx, nil
	}
	user, err := s.authenticate(ctx, method)
	if err != nil {
		return nil, err
	}
	if !s.allowed(user, access) {
		s.opts.Logger.Warn("call refused", "method", short(method), "user", user.Name, "for", access.String())
		return nil, errors.Errorf(errors.Permission, "Permission denied: user=%s may not call %s, which is for %s",
			user.Name, short(method), access)
	}
	return WithUser(ctx, user), nil
}

func (s *Server) allowed(user User, access Access) bool {
	switch access {
	case Authenticated:
		return true
	case Worker:
		return s.opts.Worker(user)
	case Superuser:
		return s.opts.Superuser(user)
	}
	return false
}

// authenticate returns the user of the channel that the call names.
func (s *Server) authenticate(ctx context.Context, method string) (User, error) {
	ids := metadata.ValueFromIncomingContext(ctx, channelHeader)
	if len(ids) == 0 {
		return User{}, errors.Errorf(errors.Unauthenticated, "Channel Id is missing for call: %s.", short(method))
	}
	s.channels.RLock()
	user, ok := s.channels.users[ids[0]]
	s.channels.RUnlock()
	if !ok {
		// The id is a bearer token; the text must not repeat one in full.
		return User{}, errors.Errorf(errors.Unauthenticated, "Channel: %s is not authenticated for call: %s", abbreviate(ids[0]), short(method))
	}
	return user, nil
}

// abbreviate shortens a channel id to what tells channels apart in a log.
func abbreviate(id string) string {
	const shown = 8
	if len(id) <= shown {
		return id
	}
	return id[:shown] + "…"
}

// short returns a method as users know it, without the leading slash.
func short(fullMethod string) string { return strings.TrimPrefix(fullMethod, "/") }
