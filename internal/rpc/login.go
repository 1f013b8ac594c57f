package rpc

import (
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/saslpb"
)

// loginService authenticates channels. A channel is its login stream: it lives
// from SUCCESS until either side ends the stream.
type loginService struct {
	saslpb.UnimplementedSaslAuthenticationServiceServer
	server *Server
}

type loginStream = grpc.BidiStreamingServer[saslpb.SaslMessage, saslpb.SaslMessage]

func (l loginService) Authenticate(stream loginStream) error {
	incoming := receiveAll(stream)
	first, err := firstMessage(stream, incoming)
	if first == nil || err != nil {
		return err
	}
	user, err := l.verify(first)
	if err != nil {
		l.server.opts.Logger.Warn("login refused", "err", err)
		return err
	}
	if err := l.server.openChannel(first.GetClientId(), user); err != nil {
		return err
	}
	defer l.server.closeChannel(first.GetClientId())
	// Field message stays absent: a Java client takes a present one, even
	// empty, for another challenge and gives up.
	if err := stream.Send(&saslpb.SaslMessage{MessageType: saslpb.SaslMessageType_SUCCESS.Enum()}); err != nil {
		return err
	}
	return l.hold(stream, incoming, first.GetClientId())
}

// receiveAll passes on what the client sends; the channel is closed when the
// client has finished or the stream has ended.
func receiveAll(stream loginStream) <-chan *saslpb.SaslMessage {
	out := make(chan *saslpb.SaslMessage)
	go func() {
		defer close(out)
		for {
			m, err := stream.Recv()
			if err != nil {
				return
			}
			select {
			case out <- m:
			case <-stream.Context().Done():
				return
			}
		}
	}()
	return out
}

// firstMessage returns the client's first message, or nil if it went away.
func firstMessage(stream loginStream, incoming <-chan *saslpb.SaslMessage) (*saslpb.SaslMessage, error) {
	timeout := time.NewTimer(handshakeTimeout)
	defer timeout.Stop()
	select {
	case m := <-incoming:
		return m, nil
	case <-timeout.C:
		return nil, errors.Errorf(errors.Unauthenticated, "no authentication message within %v", handshakeTimeout)
	case <-stream.Context().Done():
		return nil, nil
	}
}

// verify returns the user that a first message proves.
func (l loginService) verify(m *saslpb.SaslMessage) (User, error) {
	if m.GetMessageType() != saslpb.SaslMessageType_CHALLENGE || m.GetClientId() == "" {
		return User{}, errors.Errorf(errors.Unauthenticated, "authentication must begin with a challenge that names a channel")
	}
	if m.GetAuthenticationScheme() == saslpb.ChannelAuthenticationScheme_NOSASL {
		return User{}, errors.Errorf(errors.Unauthenticated,
			"authentication scheme %s is not supported here; this server expects %s", m.GetAuthenticationScheme(), l.server.opts.Auth)
	}
	p, err := parsePlain(m.GetMessage())
	if err != nil {
		return User{}, err
	}
	if err := l.checkPassword(p); err != nil {
		return User{}, err
	}
	if p.authorize == "" {
		p.authorize = p.user
	}
	if err := l.server.opts.Impersonation.Allow(p.user, p.authorize); err != nil {
		return User{}, err
	}
	return User{Name: p.authorize, Login: p.user}, nil
}

func (l loginService) checkPassword(p plain) error {
	if l.server.opts.Auth != Custom {
		return nil
	}
	if l.server.opts.Verify == nil {
		return errors.Errorf(errors.Unauthenticated, "this server asks for CUSTOM authentication but has no authentication provider")
	}
	if err := l.server.opts.Verify(p.user, p.password); err != nil {
		return errors.E("", "", errors.Unauthenticated, err)
	}
	return nil
}

// hold keeps the channel until the client finishes, which is answered with OK at
// once because Java clients wait for it, or until the server stops.
func (l loginService) hold(stream loginStream, incoming <-chan *saslpb.SaslMessage, id string) error {
	for {
		select {
		case m, ok := <-incoming:
			if !ok {
				return nil
			}
			if m.GetClientId() != "" && m.GetClientId() != id {
				return errors.Errorf(errors.Unauthenticated, "a login stream belongs to one channel")
			}
		case <-stream.Context().Done():
			return nil
		case <-l.server.stop:
			return errors.Errorf(errors.Unavailable, "the server is shutting down")
		}
	}
}

// openChannel registers a channel. An id in use is refused: its first holder
// keeps it.
func (s *Server) openChannel(id string, user User) error {
	s.channels.Lock()
	defer s.channels.Unlock()
	if _, taken := s.channels.users[id]; taken {
		return errors.Errorf(errors.Unauthenticated, "Channel: %s is authenticated already", abbreviate(id))
	}
	if len(s.channels.users) >= maxChannels {
		return errors.Errorf(errors.NoSpace, "the server holds %d authenticated channels and accepts no more", maxChannels)
	}
	s.channels.users[id] = user
	return nil
}

func (s *Server) closeChannel(id string) {
	s.channels.Lock()
	defer s.channels.Unlock()
	delete(s.channels.users, id)
}

// Channels returns the number of authenticated channels.
func (s *Server) Channels() int {
	s.channels.RLock()
	defer s.channels.RUnlock()
	return len(s.channels.users)
}
