// Package master is the Alluxio master: the rules of the file system over one
// namespace of many mounted stores, the replicated state behind them, and the
// gRPC services through which clients and workers use them.
//
// # What it owns
//
//   - state: the namespace, mount table, remembered operation ids, intents and
//     path configuration. It is the state machine under the journal; nothing
//     else changes it. It is the same on every master.
//   - term: what a leader knows besides, dropped whole when leadership ends: path
//     latches, the block map, sync times, absent paths, opened under stores.
//     All file system operations are its methods.
//   - rpc_*.go: the gRPC edge. It turns wire messages into plain values and back,
//     and nothing else.
//
// # The rhythm of an operation
//
// Resolve the path, look at the tree under latches, touch the UFS, propose one
// record of facts, reply. The UFS comes first, so a crash in between leaves the
// tree stale, which the next synchronisation mends, and never lying.
// Operations of many UFS calls (renaming or deleting a directory) journal an
// intent before they begin; whoever leads next finishes them.
//
// # Locks, in the order they are taken
//
//  1. path latches (latch.go): held across UFS calls and proposals
//  2. state.mu: held for reading by lookups and for writing by Apply; never
//     across I/O
//  3. leaves: block map, sync times, caches
//
// # What survives a crash
//
// Everything that was acknowledged: a reply is sent only after the record is
// durable and applied. Worker registrations, block locations, sync times and
// absent paths do not survive; workers register again, the rest is looked up.
package master
