// Package pagecache keeps pages of files on this machine, for readers whose
// workers are far away or slow: in local folders, or in memory.
//
// A page belongs to one version of one file ([FileID]); what names a version is
// the caller's business, and two versions never share a page. A [Reader] puts the
// cache in front of a [Source]: pages that are here are read from here, others are
// fetched once however many readers wait for them, and kept. Reading in sequence
// fetches ahead with one stream.
//
// Nothing that happens to the cache fails a read. A page that is damaged, cut off,
// misplaced or too old is dropped and fetched again: each 16 KiB carry a CRC32C, next
// to the name of the page itself. It is checked when they are read, and again when
// the file has changed since. A folder that
// is full, broken, foreign or not writable is passed by, with one warning, and tried
// again later.
//
// Folders. A cache in /d keeps its pages in /d/pages-v1/PAGESIZE/BUCKET/FILE-PAGE:
// the page's bytes, then a trailer (see page.go). Everything in /d/pages-v1 is ours
// and private to the user who runs the process; nothing else in /d is touched. The
// quota covers the files' bytes in whole 4 KiB blocks and holds at every moment:
// room is made before a page is written. (A page that goes while another process
// reads it takes its room until that turns to other pages.)
//
// Several processes may use a folder. The one that holds the lock of the folder
// writes and evicts; the others read what is there, which is safe because pages
// appear by rename and are verified, and take the lock over when it is free.
//
// Crashes. Pages are written to pages-v1/tmp and renamed, never synced: what a crash
// damages is noticed when it is read. The index is rebuilt from the folder, which
// delays no reader: a page is found by its name without the index.
//
// Memory. Pages on their way, including those that wait to be written, take at most
// 128 MiB (at least four pages); beyond that readers pass the cache by. Readers that are
// in the middle of a page keep 64 MiB of them (at least four pages) between calls.
//
// Locks: registry.Mutex, then dir.claiming, then one of dir.mu, Cache.flights and
// filler.mu, which are leaves; none but the first two is held during I/O.
package pagecache
