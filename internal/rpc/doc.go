// Package rpc is how processes of the cluster talk: it serves and dials gRPC
// the way Alluxio's clients and servers do, so that either side may be Java.
//
// It owns, for servers ([Server]): transport limits and keepalive enforcement,
// the SASL handshake and the registry of authenticated channels, the check of
// every call against the one [Access] declared for its method, the answer to
// getServiceVersion, and the translation of error kinds into statuses.
//
// It owns, for callers ([Pool], [Master]): one metadata connection for each
// address and a few streaming ones, the login that precedes calls on them, the
// search for the primary master among several addresses, and repetition of
// calls that failed for want of somebody to answer.
//
// It owns the codec of bulk data ([ReadChunk], [WriteMessage]): payloads go from
// pooled pages to the transport without being marshalled, in bytes that are
// identical to plain protobuf.
//
// It owns bulk connections, which carry the calls with much payload between our own
// processes past HTTP/2; docs/decisions/0012 says why. Handlers and callers see the
// same streams.
//
// It never knows what a call means: no message of a service other than the
// handshake, the version and the data stream is looked at here.
//
// Nothing here survives a crash: a restarted server knows no channel, and its
// callers log in again when they notice.
//
// Locks: Server.channels, Pool.mu, bulkServer.mu and bulkConns.mu are leaves; none is
// held during I/O. bulkConn.out is held while a frame is written.
package rpc
