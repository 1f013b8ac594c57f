package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// loadJobOptions are those of `fs load` that leave the work to the master.
type loadJobOptions struct {
	submit, stop, progress bool
	bandwidth, format      string
	verify, partial        bool
	verbose                bool
}

func (o *loadJobOptions) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.submit, "submit", false, "have the cluster do it, and return at once; again: change the options of the job")
	f.BoolVar(&o.stop, "stop", false, "end a job that was submitted")
	f.BoolVar(&o.progress, "progress", false, "report on a job that was submitted")
	f.StringVar(&o.bandwidth, "bandwidth", "", "with --submit: bytes a second, for example 100MB")
	f.BoolVar(&o.verify, "verify", false, "with --submit: look at the end whether all of it stayed cached, and load again what did not")
	f.BoolVar(&o.partial, "partial-listing", false, "with --submit: do not report a total")
	f.StringVar(&o.format, "format", "TEXT", "with --progress: TEXT or JSON")
	f.BoolVar(&o.verbose, "verbose", false, "with --progress: also which files failed, and why")
}

// job reports whether the options ask for a job.
func (o *loadJobOptions) job() bool { return o.submit || o.stop || o.progress }

// check refuses options that do not go together.
func (o *loadJobOptions) check(cmd *cobra.Command, args []string) error {
	given := func(names ...string) bool {
		for _, n := range names {
			if cmd.Flags().Changed(n) {
				return true
			}
		}
		return false
	}
	modes := 0
	for _, is := range []bool{o.submit, o.stop, o.progress} {
		if is {
			modes++
		}
	}
	switch {
	case modes > 1:
		return usagef(cmd, "Must have one of submit / stop / progress")
	case !o.submit && given("bandwidth", "verify", "partial-listing"):
		return usagef(cmd, "--bandwidth, --verify and --partial-listing need --submit")
	case !o.progress && given("format", "verbose"):
		return usagef(cmd, "--format and --verbose need --progress")
	case modes == 1 && given("local", "thread"):
		return usagef(cmd, "--local and --thread are for loading without a job")
	case modes == 1 && len(args) != 1:
		return usagef(cmd, "A load job has one path")
	case modes == 1 && strings.ContainsAny(args[0], "*?["):
		return usagef(cmd, "Load does not support wildcard path")
	case o.format != "TEXT" && o.format != "JSON":
		return usagef(cmd, "--format is TEXT or JSON, not %s", o.format)
	}
	return nil
}

func runLoadJob(ctx context.Context, sh *shell, o loadJobOptions, path string) error {
	switch {
	case o.stop:
		stopped, err := sh.fs.StopLoad(ctx, path)
		if err == nil && !stopped {
			err = errors.Errorf(errors.NotFound, "Cannot find load job for path %s, it might have already been stopped or finished", path)
		}
		if err == nil {
			sh.printf("Load '%s' is successfully stopped.", path)
		}
		return err
	case o.progress:
		report, err := sh.fs.LoadReport(ctx, path, o.format == "JSON", o.verbose)
		if err == nil {
			sh.printf("%s", strings.TrimSuffix(report, "\n"))
		}
		return err
	}
	opts := client.LoadJobOptions{Verify: o.verify, PartialListing: o.partial}
	bandwidth := "unlimited"
	if o.bandwidth != "" {
		n, err := config.ParseBytes(o.bandwidth)
		if err != nil || n <= 0 {
			return errors.Errorf(errors.Invalid, "--bandwidth %s is no number of bytes a second, such as 100MB.", o.bandwidth)
		}
		opts.Bandwidth, bandwidth = n, o.bandwidth
	}
	id, err := sh.fs.SubmitLoad(ctx, path, opts)
	switch {
	case err != nil:
		return err
	case id == "":
		sh.printf("Load already running for path '%s', updated the job with new bandwidth: %s, verify: %t", path, bandwidth, o.verify)
	default:
		sh.printf("Load '%s' is successfully submitted. JobId: %s", path, id)
	}
	return nil
}
