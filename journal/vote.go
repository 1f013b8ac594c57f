package journal

import (
	"runtime"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// The names under which raft keeps its vote.
const (
	raftTerm      = "CurrentTerm"
	raftVotedTerm = "LastVoteTerm"
	raftCandidate = "LastVoteCand"
)

// Set stores whom this node has voted for.
func (s *logStore) Set(key []byte, val []byte) error {
	return s.setVote(string(key), func(v *vote) bool {
		v.candidate = append([]byte(nil), val...)
		return string(key) == raftCandidate
	})
}

// SetUint64 stores a term.
func (s *logStore) SetUint64(key []byte, val uint64) error {
	return s.setVote(string(key), func(v *vote) bool {
		switch string(key) {
		case raftTerm:
			v.term = val
		case raftVotedTerm:
			v.votedTerm = val
		default:
			return false
		}
		return true
	})
}

// setVote writes the vote. On a full disk it tries again until there is room:
// without its vote a node must not go on, and need not stop either. It also
// waits before the first try when the log could not be written just now, so
// that a node with a full disk does not elect itself many times a second.
func (s *logStore) setVote(name string, change func(*vote) bool) error {
	s.mu.Lock()
	v, failed := s.mu.vote, s.mu.writeErr != nil
	s.mu.Unlock()
	if !change(&v) {
		return errors.Errorf(errors.Internal, "the journal does not keep %q", name)
	}
	for try := 0; ; try++ {
		if failed || try > 0 {
			s.pause()
		}
		err := s.update(func(tx *bolt.Tx) error { return tx.Bucket(voteBucket).Put(voteKey, v.encode()) })
		switch {
		case err == nil:
			s.mu.Lock()
			s.mu.vote = v
			s.mu.Unlock()
			return nil
		case !errors.Is(err, errors.NoSpace):
			return s.giveUp(err)
		case try%60 == 0:
			s.logger.Error("the journal's disk is full; this master cannot lead until there is room", "path", s.path, "error", err)
		}
	}
}

// pause waits a moment; the calling goroutine ends if the journal does.
func (s *logStore) pause() {
	select {
	case <-time.After(writeRetry):
	case <-s.closing:
		runtime.Goexit()
	}
}

// Get returns whom this node has voted for, nil if nobody.
func (s *logStore) Get(key []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if string(key) != raftCandidate {
		return nil, errors.Errorf(errors.Internal, "the journal does not keep %q", key)
	}
	return s.mu.vote.candidate, nil
}

// GetUint64 returns a term, 0 if none was stored.
func (s *logStore) GetUint64(key []byte) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch string(key) {
	case raftTerm:
		return s.mu.vote.term, nil
	case raftVotedTerm:
		return s.mu.vote.votedTerm, nil
	}
	return 0, errors.Errorf(errors.Internal, "the journal does not keep %q", key)
}
