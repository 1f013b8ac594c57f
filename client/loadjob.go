package client

import (
	"context"

	"github.com/alluxio-go/alluxio/proto/filepb"
)

// LoadJobOptions are options of SubmitLoad.
type LoadJobOptions struct {
	Bandwidth      int64 // bytes a second that the job may take from the store; 0 for no limit
	Verify         bool  // look at the end whether everything stayed cached, and load again what did not
	PartialListing bool  // do not report a total
}

// SubmitLoad has the master load a path, with all below it, into the cache: on the
// cluster's own account, so that the caller need not wait. It returns the id of the
// job, or "" when one runs for the path already, which then goes on with the
// options.
func (c *Client) SubmitLoad(ctx context.Context, path string, o LoadJobOptions) (id string, err error) {
	path, _, err = c.prepare(ctx, path)
	if err != nil {
		return "", err
	}
	err = c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.SubmitJob(ctx, &filepb.SubmitJobPRequest{LoadPath: &path,
			LoadOptions: &filepb.LoadJobPOptions{Bandwidth: &o.Bandwidth, Verify: &o.Verify, PartialListing: &o.PartialListing}})
		id = resp.GetJobId()
		return err
	})
	return id, err
}

// StopLoad ends the load job of a path and reports whether there was one.
func (c *Client) StopLoad(ctx context.Context, path string) (stopped bool, err error) {
	job, err := c.loadJob(ctx, path)
	if err != nil {
		return false, err
	}
	err = c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.StopJob(ctx, &filepb.StopJobPRequest{JobDescription: job})
		stopped = resp.GetJobStopped()
		return err
	})
	return stopped, err
}

// LoadReport returns the master's report on the load job of a path, as text for
// people or as JSON. NotFound when there is no such job.
func (c *Client) LoadReport(ctx context.Context, path string, asJSON, verbose bool) (report string, err error) {
	job, err := c.loadJob(ctx, path)
	if err != nil {
		return "", err
	}
	format := filepb.JobProgressReportFormat_TEXT
	if asJSON {
		format = filepb.JobProgressReportFormat_JSON
	}
	err = c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.GetJobProgress(ctx, &filepb.GetJobProgressPRequest{JobDescription: job,
			Options: &filepb.JobProgressPOptions{Format: &format, Verbose: &verbose}})
		report = resp.GetProgressReport()
		return err
	})
	return report, err
}

// loadJob names the load job of a path.
func (c *Client) loadJob(ctx context.Context, path string) (*filepb.JobDescription, error) {
	path, _, err := c.prepare(ctx, path)
	return &filepb.JobDescription{Type: new("load"), Path: &path}, err
}
