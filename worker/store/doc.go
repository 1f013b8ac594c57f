// Package store keeps blocks in tiers of local directories: memory, SSD, disk.
//
// It owns the files below the data folder of each directory (docs/block-layout.md
// has the bytes), the space accounting of those directories, and the choice of
// what stays. It knows nothing of masters, wire messages or under stores: bytes
// that are missing come from the Source that a reader brings.
//
// # Promises
//
//   - A byte that leaves the store has matched its checksum since it was read
//     from the disk. A page that does not match is dropped and, if the block is
//     bound to a UFS object and the reader has a Source, fetched again;
//     otherwise the read fails with kind Corrupt. Never wrong bytes.
//   - A block is in the index whole and named right, or not at all, also after
//     kill -9. After a power failure too for unconfirmed blocks on media other than
//     MEM.
//   - However many readers wait for a page, it is fetched once. They get it from
//     memory while it is being written; that memory is bounded, and a directory that
//     is slow keeps less instead of holding readers up. What is for a file in memory and
//     for nobody else goes straight there.
//   - Other processes read block files in place, whole ones (LocalFiles) and those being
//     filled (Handle.Kept, KeptFile), and verify what they read.
//   - Of several tiers what was used least leaves the cache, as far as moves keep pace;
//     nobody who reads or writes waits for them (see demote.go). What is not needed to
//     make room stands back while users read or write.
//   - Space is reserved before it is written; the reservations and the blocks of
//     a directory never exceed its quota, nor what its disk had room for when it was
//     last looked at.
//   - Never evicted: blocks that are open, pinned, or unconfirmed (written by a
//     client and not yet known to be in the under store). The unconfirmed may be moved
//     to another tier.
//   - A directory that fails is taken out, its blocks are reported as removed, and
//     it is probed until it comes back, with them; a full one only replaces what it
//     has. A block being written goes on in another directory.
//   - A store opens at once however many blocks it has: large folders are scanned by
//     Run, and blocks that are asked for before are looked up by themselves.
//
// # Locks
//
// block.io serialises what happens to the files of one block and is the only lock
// held during I/O; block.mu guards the page state of one block; Store.mu guards
// the index, the accounting and the eviction policies. They are taken in this
// order. Store.spares is a leaf, taken after block.mu, and so is Store.turns, taken with none of them. The Observer is called with Store.mu held, so that it sees changes in
// their order; it must not block or call back.
package store
