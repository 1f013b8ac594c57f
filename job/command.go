package job

import (
	"context"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/jobpb"
)

// command is one submitted load. All fields but those set at its creation are
// guarded by Service.mu.
type command struct {
	id      int64
	user    string
	path    string
	created time.Time
	files   Files // the user's client; closed when the command has ended
	cancel  context.CancelFunc

	status  jobpb.Status
	changed time.Time
	err     error    // why it failed
	loaded  []string // paths
	failed  []string // paths
}

// ended reports whether nothing more will happen.
func (c *command) ended() bool {
	return c.status == jobpb.Status_COMPLETED || c.status == jobpb.Status_FAILED || c.status == jobpb.Status_CANCELED
}

// finish sets how the command ended.
func (c *command) finish(now time.Time, err error) {
	if c.ended() {
		return
	}
	c.changed, c.err = now, err
	switch {
	case err == nil:
		c.status = jobpb.Status_COMPLETED
	case errors.Is(err, errors.Cancelled):
		c.status = jobpb.Status_CANCELED
	default:
		c.status = jobpb.Status_FAILED
	}
}

// loadName is what Alluxio calls a job that loads.
const loadName = "Load"

// info describes the command as a job.
func (c *command) info() *jobpb.JobInfo {
	i := &jobpb.JobInfo{
		Id: &c.id, Name: new(loadName), Type: jobpb.JobType_PLAN.Enum(), Status: c.status.Enum(),
		Description: new("load " + c.path), LastUpdated: new(c.changed.UnixMilli()), AffectedPaths: []string{c.path},
		ErrorMessage: new(""), ErrorType: new(""),
	}
	if c.err != nil {
		i.ErrorMessage, i.ErrorType = new(c.err.Error()), new(errors.KindOf(c.err).String())
	}
	return i
}

// detail describes the command with every file, as one block for those that were
// loaded and one for those that failed.
func (c *command) detail() *jobpb.CmdStatusBlock {
	b := &jobpb.CmdStatusBlock{JobControlId: &c.id, OperationType: jobpb.OperationType_DIST_LOAD.Enum()}
	for _, part := range []struct {
		status jobpb.Status
		paths  []string
	}{{jobpb.Status_COMPLETED, c.loaded}, {jobpb.Status_FAILED, c.failed}} {
		if len(part.paths) > 0 {
			b.JobStatusBlock = append(b.JobStatusBlock, c.block(part.status, part.paths))
		}
	}
	return b
}

// block is a part of detail. The shell takes a path for loaded that is in the
// first list and not in the second; both are separated by commas.
func (c *command) block(status jobpb.Status, paths []string) *jobpb.JobStatusBlock {
	all, failed := strings.Join(paths, ","), ""
	if status == jobpb.Status_FAILED {
		failed = all
	}
	return &jobpb.JobStatusBlock{JobId: &c.id, JobStatus: status.Enum(), FilePath: &all, FilePathFailed: &failed}
}

// pathBytes is what the command adds to the limit of remembered paths.
func (c *command) pathBytes() int {
	n := 0
	for _, paths := range [][]string{c.loaded, c.failed} {
		for _, p := range paths {
			n += len(p)
		}
	}
	return n
}
