// Package web serves the pages of a master (port 19999) and of a worker (port
// 30000): HTML for people, JSON under /api/v1 with Alluxio's paths and field
// names for programs, and metrics.
//
// It owns handlers and assets, no state but short-lived caches, no goroutine and
// no listener. What it shows it asks of a MasterSource or WorkerSource at the
// moment of the request; a page and its JSON endpoint are made of the same value.
//
// There is no login on these ports, so:
//
//   - Every route declares who may call it (Access); a handler with a route
//     that does not is not built.
//   - Files are shown as to a user whom nobody knows: what "others" may read.
//     alluxio.web.file.info.enabled=false hides files, their names and logs.
//   - Values of credentials never reach a page: configuration and mounts arrive
//     masked. Log files are shown by base name, through os.Root.
//   - The only route that changes anything, logLevel, answers to this machine
//     only, and never to a browser.
//   - Pages run no script and no style but their own (Content-Security-Policy),
//     and cannot be framed.
//
// Requests are bounded in time and size; a listing is bounded by its page.
package web
