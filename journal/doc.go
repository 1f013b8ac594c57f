// Package journal is an ordered, durable, replicated list of records. It knows
// nothing of files: it is handed a StateMachine, keeps that machine's inputs,
// and gives them back in the same order after every start.
//
// # What it owns
//
// One directory (docs/journal-format.md describes every byte of it): a marker
// that says whose directory it is, a lock, the log (raft entries in a bbolt
// file) and the checkpoints (snapshots of the state machine). Consensus is
// hashicorp/raft, also for a single voter, so that one code path serves both
// and several masters are a matter of configuration.
//
// # What is promised
//
//   - Propose returns without error only after the record is durable on a
//     quorum and applied here. A crash at any moment loses nothing that was
//     acknowledged and leaves nothing half done: a record is applied whole, in
//     its place, or not at all.
//   - Order is total; Apply sees each record once per run of the process.
//   - Every stored byte is checksummed. Bytes that are not what was written are
//     never applied: Open, or Run, ends with an error of kind Corrupt that
//     names the place.
//   - Nobody leads who has not applied everything acknowledged before: OnLead is
//     called after a barrier of the new term has been applied, and the term's
//     context ends as soon as leadership is lost.
//   - A record proposed by a Term is refused, not applied, when another term
//     has begun meanwhile, even if the same node leads again.
//   - A node whose disk is full acknowledges nothing and does not lead; it
//     goes on by itself when there is room again. A failing disk ends Run.
//
// # Goroutines and locks
//
// A state machine is driven from one goroutine at a time: Apply, Snapshot and
// Restore never overlap. Snapshot.Write runs beside Apply. Open starts no
// goroutine; Run owns all of them and returns when they have ended. No lock of
// this package is held while a StateMachine or OnLead is called. raft's own
// goroutines end by runtime.Goexit when the store under them fails: raft would
// panic, or go on without the entry.
package journal
