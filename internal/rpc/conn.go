package rpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// conn is a logical connection to an address: it logs in before the first call
// and again when the server no longer knows it. Its errors are *errors.Error.
type conn struct {
	pool *Pool
	addr string
	bulk bool
}

// Invoke makes a unary call. A call that the server refused for want of a login
// had no effect and is repeated once after a new one.
func (c *conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	p, err := c.pool.peer(c.addr)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		ctx, id, err := p.authorized(ctx, method)
		if err != nil {
			return fromPeer(c.addr, err)
		}
		err = p.invoke(ctx, c.bulk, id, method, args, reply, opts...)
		if !p.lostLogin(id, err) || attempt > 1 {
			return fromPeer(c.addr, err)
		}
	}
}

// NewStream begins a streaming call. A refusal for want of a login shows at the
// first receive; the next call then logs in again.
func (c *conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	p, err := c.pool.peer(c.addr)
	if err != nil {
		return nil, err
	}
	ctx, id, err := p.authorized(ctx, method)
	if err != nil {
		return nil, fromPeer(c.addr, err)
	}
	s, err := p.newStream(ctx, c.bulk, id, desc, method, opts...)
	if err != nil {
		p.lostLogin(id, err)
		return nil, fromPeer(c.addr, err)
	}
	return &clientStream{ClientStream: s, peer: p, addr: c.addr, id: id}, nil
}

// invoke makes a call over a bulk connection where that can be, else over gRPC.
func (p *peer) invoke(ctx context.Context, bulk bool, id, method string, args, reply any, opts ...grpc.CallOption) error {
	if p.bulk != nil {
		if done, err := p.bulk.invoke(ctx, method, id, args, reply); done {
			return err
		}
	}
	return p.transport(bulk).Invoke(ctx, method, args, reply, opts...)
}

// newStream begins a call over a bulk connection where that can be, else over gRPC.
func (p *peer) newStream(ctx context.Context, bulk bool, id string, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if bulk && p.bulk != nil && p.bulk.takes(ctx, method) {
		if call, err := p.bulk.open(ctx, method, id); call != nil || err != nil {
			return call, err
		}
	}
	return p.transport(bulk).NewStream(ctx, desc, method, opts...)
}

// authorized returns a context for a call of the method and the id of the login
// it carries, if the method needs one.
func (p *peer) authorized(ctx context.Context, method string) (context.Context, string, error) {
	if p.login == nil || accessTo(method, nil) == Anyone {
		return ctx, "", nil
	}
	id, err := p.login.channel(ctx)
	if err != nil {
		return nil, "", err
	}
	return metadata.AppendToOutgoingContext(ctx, channelHeader, id), id, nil
}

// lostLogin reports whether err says that the server does not know the login,
// and forgets it if so.
func (p *peer) lostLogin(id string, err error) bool {
	if id == "" || status.Code(err) != codes.Unauthenticated {
		return false
	}
	p.login.forget(id)
	return true
}

// clientStream translates the errors of a stream.
type clientStream struct {
	grpc.ClientStream
	peer *peer
	addr string
	id   string
}

func (s *clientStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err != nil {
		s.peer.lostLogin(s.id, err)
	}
	return fromPeer(s.addr, err)
}

func (s *clientStream) SendMsg(m any) error { return fromPeer(s.addr, s.ClientStream.SendMsg(m)) }

func (s *clientStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	return md, fromPeer(s.addr, err)
}
