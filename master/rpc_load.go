package master

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/filepb"
)

// loadType is what clients call jobs that load.
const loadType = "load"

// SubmitJob takes load jobs of clients that say what is to be loaded. What Java
// sends is a serialised object, and refused.
func (s *fileService) SubmitJob(ctx context.Context, r *filepb.SubmitJobPRequest) (*filepb.SubmitJobPResponse, error) {
	if r.LoadPath == nil {
		return nil, unimplemented("Submitting a job to the master as a Java object")
	}
	k, err := s.m.call(ctx, r.GetLoadPath())
	if err != nil {
		return nil, err
	}
	o := r.GetLoadOptions()
	id, created, err := k.t.SubmitLoad(ctx, k.c, k.path, LoadOptions{Bandwidth: o.GetBandwidth(), Verify: o.GetVerify(), PartialListing: o.GetPartialListing()})
	if err != nil {
		return nil, err
	}
	resp := &filepb.SubmitJobPResponse{}
	if created {
		resp.JobId = &id
	}
	return resp, nil
}

// StopJob ends a load job.
func (s *fileService) StopJob(ctx context.Context, r *filepb.StopJobPRequest) (*filepb.StopJobPResponse, error) {
	k, err := s.describedJob(ctx, r.GetJobDescription())
	if err != nil {
		return nil, err
	}
	stopped, err := k.t.StopLoad(k.c, k.path)
	return &filepb.StopJobPResponse{JobStopped: &stopped}, err
}

// GetJobProgress reports on a load job.
func (s *fileService) GetJobProgress(ctx context.Context, r *filepb.GetJobProgressPRequest) (*filepb.GetJobProgressPResponse, error) {
	k, err := s.describedJob(ctx, r.GetJobDescription())
	if err != nil {
		return nil, err
	}
	p, err := k.t.LoadProgress(k.c, k.path)
	if err != nil {
		return nil, err
	}
	format, verbose := r.GetOptions().GetFormat(), r.GetOptions().GetVerbose()
	report := p.text(k.path, verbose)
	if format == filepb.JobProgressReportFormat_JSON {
		report = p.json(verbose)
	}
	return &filepb.GetJobProgressPResponse{ProgressReport: &report, Format: &format}, nil
}

func (s *fileService) describedJob(ctx context.Context, d *filepb.JobDescription) (call, error) {
	if d.GetType() != loadType {
		return call{}, errors.Errorf(errors.Invalid, "There are no jobs of the type %q here.", d.GetType())
	}
	return s.m.call(ctx, d.GetPath())
}

// String is how reports name the state.
func (s LoadState) String() string {
	switch s {
	case LoadRunning:
		return "RUNNING"
	case LoadVerifying:
		return "VERIFYING"
	case LoadStopped:
		return "STOPPED"
	case LoadSucceeded:
		return "SUCCEEDED"
	}
	return "FAILED"
}

// failurePercent is the share of the blocks that could not be loaded.
func (p *LoadProgress) failurePercent() float64 {
	return 100 * ratio(float64(p.FailedBlocks), float64(p.Blocks))
}

// throughput is in bytes a second.
func (p *LoadProgress) throughput() int64 {
	return int64(ratio(float64(p.LoadedBytes)*1000, float64(p.TookMS)))
}

// text is the report for people.
func (p *LoadProgress) text(path string, verbose bool) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "\t"+format+"\n", args...) }
	fmt.Fprintf(&b, "Progress for loading path '%s':\n", path)
	bandwidth := "unlimited"
	if p.Bandwidth > 0 {
		bandwidth = fmt.Sprint(p.Bandwidth)
	}
	line("Settings:\tbandwidth: %s\tverify: %t", bandwidth, p.Verify)
	state := p.State.String()
	if p.Failure != "" {
		state += " (" + p.Failure + ")"
	}
	line("Job State: %s", state)
	line("Files Processed: %d", p.Files)
	loaded := sizeText(p.LoadedBytes)
	if !p.PartialListing {
		loaded += " out of " + sizeText(p.TotalBytes)
	}
	line("Bytes Loaded: %s", loaded)
	line("Throughput: %s/s", sizeText(p.throughput()))
	line("Block load failure rate: %.2f%%", p.failurePercent())
	line("Files Failed: %d", p.FailedFiles)
	if verbose {
		for _, path := range slices.Sorted(maps.Keys(p.Failed)) {
			line("%s: %s", path, p.Failed[path])
		}
	}
	return b.String()
}

// json is the report for programs, with the keys of Alluxio.
func (p *LoadProgress) json(verbose bool) string {
	report := map[string]any{
		"mVerbose": verbose, "mJobState": p.State.String(), "mVerificationEnabled": p.Verify, "mProcessedFileCount": p.Files,
		"mLoadedByteCount": p.LoadedBytes, "mThroughput": p.throughput(), "mFailurePercentage": p.failurePercent(), "mFailedFileCount": p.FailedFiles,
	}
	if p.Bandwidth > 0 {
		report["mBandwidth"] = p.Bandwidth
	}
	if !p.PartialListing {
		report["mTotalByteCount"] = p.TotalBytes
	}
	if p.Failure != "" {
		report["mFailureReason"] = p.Failure
	}
	if verbose && len(p.Failed) > 0 {
		report["mFailedFilesWithReasons"] = p.Failed
	}
	b, err := json.Marshal(report)
	if err != nil {
		return "{}" // numbers and texts always can be written
	}
	return string(b)
}

// sizeText writes bytes as Alluxio does: the unit changes beyond 5 × 1024.
func sizeText(n int64) string {
	const many = 5 * 1024
	if n <= many {
		return fmt.Sprintf("%dB", n)
	}
	f := float64(n)
	for _, unit := range []string{"KB", "MB", "GB", "TB"} {
		if f /= 1024; f <= many {
			return fmt.Sprintf("%.2f%s", f, unit)
		}
	}
	return fmt.Sprintf("%.2fPB", f/1024)
}
