// Package client is the Go library of the file system: everything outside the
// cluster (the command line, gateways, other programs) reaches it through a
// [Client].
//
//	c, err := client.New(conf, client.Options{})
//	defer c.Close()
//	w, err := c.Create(ctx, "/data/x", client.CreateOptions{})
//	io.Copy(w, src)
//	err = w.Close() // the file is visible now
//
// It speaks Alluxio's wire protocol and nothing else, so it works with Java
// masters and workers too.
//
// Paths are absolute ("/a/b", also "alluxio://host:port/a/b") and cleaned here.
// Zero option values mean the defaults of the configuration, which is that of
// this process over the defaults that the master hands out.
//
// Errors carry a kind of package internal/errors and the server's words; they
// answer to errors.Is with fs.ErrNotExist, fs.ErrExist and fs.ErrPermission.
// Calls that nobody answered are repeated within
// alluxio.user.rpc.retry.max.duration; every change carries an operation id, so
// that a repetition has no second effect.
//
// A Client is safe for concurrent use and makes no connection before its first
// call. A Reader's ReadAt may be called concurrently; its other methods, and all
// of a Writer's, may not. The context given to Open or Create governs the whole
// life of the stream.
//
// Memory: a Reader holds at most one chunk (1 MiB) of its own beyond what the
// transport has received ahead; a Writer one chunk for each copy it writes.
//
// With alluxio.user.client.cache.enabled, Readers keep what they read in a page
// cache on this machine (package pagecache), which all Clients of the process with
// the same properties share. Closing a Client waits until what it fetched is
// written there.
package client
