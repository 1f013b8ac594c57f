// Package worker is the data server: it serves blocks to clients from the local
// store, fetches what is missing from under stores or other workers, writes
// blocks and under-store files for clients, persists files for the master, and
// keeps the master informed.
//
// It owns its gRPC service, the sessions of clients on it, the under stores that
// it opened, and its registration. It never decides about names or permissions of
// files: that is the master's, whose ids and mount ids it is given.
//
// A block is committed to the master before the call that wrote it ends, so that a
// client may complete the file at once. What the master was told and what it
// lost is repaired by registering again, which replaces all it knew.
//
// What survives a crash is what package store keeps, and under-store files that
// were committed. A client's unfinished block or file disappears with its
// stream, and with the worker.
//
// Locks are leaves: none is held during a call to the master, to a store or to an
// under store.
package worker
