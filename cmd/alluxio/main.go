// Command alluxio is the whole product in one binary: the master and worker
// daemons and every command of the shell. It is the only package that knows all
// the others; each command group has a file of its own, which parses arguments
// and prints, and leaves the work to the packages below.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A second signal ends the process at once: the context is done after the
	// first, and stop gives the signals back their usual effect.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(execute(ctx, newEnv(), os.Args[1:]))
}
