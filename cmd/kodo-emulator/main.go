// Command kodo-emulator is a local Kodo server, for trying out, demonstrating
// and testing anything that talks to Kodo. It checks signatures as the service
// does; see package ufs/kodo/kodotest for what it can do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

// flags are the program's flags.
type flags struct {
	listen, dir          string
	buckets              []string
	accessKey, secretKey string
	latency              time.Duration
	totalRate, connRate  string
	faults, log          string
	ttl                  time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "kodo-emulator:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:           "kodo-emulator",
		Short:         "A local Kodo server that checks every signature",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), f, cmd.OutOrStdout()) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.listen, "listen", "127.0.0.1:9680", "address to serve all roles on (uc, up, rs, rsf, api, io)")
	fs.StringVar(&f.dir, "dir", "", "folder that keeps the state; its objects/ shows the objects as files (default: memory only)")
	fs.StringArrayVar(&f.buckets, "bucket", []string{"mybucket"}, "bucket to make, as name[:region[:private|public]]; repeatable")
	fs.StringVar(&f.accessKey, "access-key", "emulator-ak", "the access key to know")
	fs.StringVar(&f.secretKey, "secret-key", "emulator-sk", "its secret key")
	fs.DurationVar(&f.latency, "latency", 0, "time to wait before each answer")
	fs.StringVar(&f.totalRate, "bandwidth", "0", "bytes per second of all connections together, for example 50MB; 0 is unlimited")
	fs.StringVar(&f.connRate, "conn-bandwidth", "0", "bytes per second of each connection, for example 100MB; 0 is unlimited")
	fs.StringVar(&f.faults, "faults", "", `faults to inject, for example "seed=1,rate=0.2,kinds=503+reset-after"`)
	fs.StringVar(&f.log, "request-log", "", `file to append one line a request to; "-" is standard output`)
	fs.DurationVar(&f.ttl, "query-ttl", 24*time.Hour, "how long clients may keep the answer of a region query")
	return cmd
}

// run serves until ctx ends.
func run(ctx context.Context, f flags, stdout io.Writer) error {
	opts, err := f.options()
	if err != nil {
		return err
	}
	if f.log == "-" {
		opts.RequestLog = stdout
	} else if f.log != "" {
		file, err := os.OpenFile(f.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		defer file.Close()
		opts.RequestLog = file
	}
	server, err := kodotest.New(opts)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", f.listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use: another emulator may be running; choose another address with --listen", f.listen)
	}
	if err != nil {
		return err
	}
	announce(stdout, l.Addr().String(), opts)
	return errors.Join(server.Serve(ctx, l), server.Close())
}

// options turns the flags into those of a server.
func (f *flags) options() (kodotest.Options, error) {
	opts := kodotest.Options{AccessKey: f.accessKey, SecretKey: f.secretKey, Dir: f.dir, QueryTTL: f.ttl}
	if f.ttl == 0 {
		opts.QueryTTL = -1
	}
	opts.Limits.Latency = f.latency
	for _, text := range f.buckets {
		b, err := parseBucket(text)
		if err != nil {
			return opts, err
		}
		opts.Buckets = append(opts.Buckets, b)
	}
	var err error
	if opts.Limits.TotalBytesPerSec, err = parseRate(f.totalRate); err != nil {
		return opts, fmt.Errorf("--bandwidth: %w", err)
	}
	if opts.Limits.PerConnBytesPerSec, err = parseRate(f.connRate); err != nil {
		return opts, fmt.Errorf("--conn-bandwidth: %w", err)
	}
	if f.faults != "" {
		if opts.Faults, err = kodotest.ParsePlan(f.faults); err != nil {
			return opts, err
		}
	}
	return opts, nil
}

// parseBucket reads name[:region[:private|public]]. Buckets are private unless
// told otherwise.
func parseBucket(text string) (kodotest.Bucket, error) {
	fields := strings.Split(text, ":")
	b := kodotest.Bucket{Name: fields[0], Region: "z0", Private: true}
	if len(fields) > 1 && fields[1] != "" {
		b.Region = fields[1]
	}
	if len(fields) > 2 {
		switch fields[2] {
		case "private":
		case "public":
			b.Private = false
		default:
			return b, fmt.Errorf("--bucket %s: %q is neither private nor public", text, fields[2])
		}
	}
	if len(fields) > 3 {
		return b, fmt.Errorf("--bucket %s: want name[:region[:private|public]]", text)
	}
	return b, nil
}

// rateUnits are the decimal units of bandwidth.
var rateUnits = []struct {
	suffix string
	bytes  float64
}{{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}}

// parseRate reads a number of bytes with a decimal unit: "50MB" or "50MB/s".
func parseRate(text string) (int64, error) {
	number, unit := strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(text)), "/S"), 1.0
	for _, u := range rateUnits {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a number of bytes such as 50MB", text)
	}
	return int64(n * unit), nil
}

// announce prints how to use each bucket.
func announce(w io.Writer, addr string, opts kodotest.Options) {
	fmt.Fprintf(w, "Kodo emulator serving at http://%s", addr)
	if opts.Dir != "" {
		fmt.Fprintf(w, ", state in %s (objects/ shows the objects as files)", opts.Dir)
	}
	_, port, _ := net.SplitHostPort(addr)
	for i, b := range opts.Buckets {
		host := addr
		if i > 0 {
			host = b.Name + ".localhost:" + port
		}
		access := "public"
		if b.Private {
			access = "private"
		}
		fmt.Fprintf(w, "\n\n# bucket %s (%s, %s): paste into conf/alluxio-site.properties\n", b.Name, b.Region, access)
		fmt.Fprintf(w, "alluxio.master.mount.table.root.ufs=kodo://%s/alluxio/\n", b.Name)
		fmt.Fprintf(w, "fs.kodo.accesskey=%s\nfs.kodo.secretkey=%s\n", opts.AccessKey, opts.SecretKey)
		fmt.Fprintf(w, "alluxio.underfs.kodo.downloadhost=%s\nalluxio.underfs.kodo.endpoint=%s\n", host, addr)
	}
	fmt.Fprintln(w)
}
