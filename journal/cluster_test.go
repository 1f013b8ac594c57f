package journal_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
)

// cluster is three masters in one process, over TCP.
type cluster struct {
	t     *testing.T
	peers []journal.Peer
	nodes []*node
}

type node struct {
	*running
	dir     string
	address string
	list    *list
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t}
	var listeners []net.Listener
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, l)
		c.peers = append(c.peers, journal.Peer{Address: l.Addr().String()})
		c.nodes = append(c.nodes, &node{dir: formatted(t), address: l.Addr().String()})
	}
	for i, n := range c.nodes {
		c.start(n, listeners[i])
	}
	return c
}

func (c *cluster) start(n *node, l net.Listener) {
	c.t.Helper()
	n.list = &list{}
	if l == nil {
		eventually(c.t, "the port", func() (ok bool) {
			var err error
			l, err = net.Listen("tcp", n.address)
			return err == nil
		})
	}
	n.running = start(c.t, open(c.t, journal.Options{Dir: n.dir, StateMachine: n.list, Peers: c.peers, Address: n.address, Listener: l,
		ElectionTimeout: 200 * time.Millisecond, TrailingEntries: 10}))
}

// leader waits for a leader among the running nodes.
func (c *cluster) leader() *node {
	c.t.Helper()
	var found *node
	eventually(c.t, "a leader", func() bool {
		for _, n := range c.nodes {
			if n.running != nil && n.Term() != nil {
				found = n
				return true
			}
		}
		return false
	})
	return found
}

// propose proposes until the cluster has taken the record for certain.
func (c *cluster) propose(record string) {
	c.t.Helper()
	eventually(c.t, "a proposal", func() bool {
		_, _, err := c.leader().Propose(c.t.Context(), []byte(record))
		return err == nil
	})
}

func (c *cluster) kill(n *node) {
	c.t.Helper()
	if err := n.stop(); err != nil {
		c.t.Fatal(err)
	}
	n.running = nil
}

// agrees waits until all running nodes have the same state.
func (c *cluster) agrees() {
	c.t.Helper()
	eventually(c.t, "agreement", func() bool {
		hashes := map[string]bool{}
		for _, n := range c.nodes {
			if n.running != nil {
				hashes[n.list.hash()] = true
			}
		}
		return len(hashes) == 1
	})
}

func TestCluster(t *testing.T) {
	c := newCluster(t)
	first := c.leader()
	firstTerm := first.Term()
	for i := range 50 {
		c.propose(fmt.Sprint("a", i))
	}
	c.agrees()
	for _, n := range c.nodes {
		eventually(t, "the leader to be known", func() bool { return n.Stats().Leader == first.address })
		if n != first {
			_, _, err := n.Propose(t.Context(), []byte("to a follower"))
			wantKind(t, err, errors.Unavailable, "not the leader")
		}
	}
	c.kill(first)
	second := c.leader()
	if second.Term().Number() <= firstTerm.Number() {
		t.Errorf("term %d follows term %d", second.Term().Number(), firstTerm.Number())
	}
	_, _, err := firstTerm.Propose(t.Context(), []byte("from the grave"))
	wantKind(t, err, errors.Unavailable)
	for i := range 100 {
		c.propose(fmt.Sprint("b", i))
	}
	if err := second.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.start(first, nil) // lags further than the log goes back: gets the checkpoint
	c.agrees()
	if first.list.mu.restored == 0 {
		t.Error("the checkpoint was not sent")
	}
	c.propose("all three")
	c.agrees()
	for _, n := range c.nodes { // and all of it is on each disk
		c.kill(n)
	}
	for _, n := range c.nodes {
		c.start(n, nil)
	}
	c.leader()
	c.agrees()
	if got := c.nodes[0].list.all(); len(got) < 151 || got[len(got)-1] != "all three" {
		t.Errorf("%d records, the last is %q", len(got), got[len(got)-1])
	}
}

func TestTransfer(t *testing.T) {
	c := newCluster(t)
	first := c.leader()
	c.propose("x")
	wantKind(t, first.subject.(*journal.Journal).TransferLeadership(t.Context(), "nowhere:1"), errors.Invalid, "nowhere:1")
	to := c.nodes[0]
	if to == first {
		to = c.nodes[1]
	}
	if err := first.subject.(*journal.Journal).TransferLeadership(t.Context(), to.address); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new leader", func() bool { return to.Term() != nil && first.Term() == nil })
	to.propose("y")
	c.agrees()
}

// TestNoQuorum: a leader that is alone acknowledges nothing and ceases to lead.
func TestNoQuorum(t *testing.T) {
	c := newCluster(t)
	leader := c.leader()
	c.propose("x")
	term := leader.Term()
	for _, n := range c.nodes {
		if n != leader {
			c.kill(n)
		}
	}
	_, _, err := term.Propose(t.Context(), []byte("alone"))
	wantKind(t, err, errors.Unavailable)
	eventually(t, "the leader to give up", func() bool { return leader.Term() == nil })
	if term.Context().Err() == nil {
		t.Error("the term goes on")
	}
	if leader.list.len() != 1 {
		t.Errorf("applied %q", leader.list.all())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := leader.Barrier(ctx); err == nil {
		t.Error("a barrier without a quorum")
	}
}

// TestStrangers: connections from hosts that are no members are closed.
func TestStrangers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	peers := []journal.Peer{{Address: l.Addr().String()}, {Address: "192.0.2.1:19200"}, {Address: "192.0.2.2:19200"}}
	start(t, open(t, journal.Options{Dir: formatted(t), StateMachine: &list{}, Peers: peers, Address: peers[0].Address, Listener: l}))
	dial := func(from string) error {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := d.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		_, err = conn.Read(make([]byte, 1))
		return err
	}
	if err := dial("127.0.0.2"); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("a stranger is listened to: %v", err)
	}
	if err := dial("127.0.0.1"); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("a member is not listened to: %v", err)
	}
}
