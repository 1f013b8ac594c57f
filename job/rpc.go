package job

import (
	"cmp"
	"context"
	"slices"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/jobpb"
)

// clientService is the service as its callers see it. A command is a job with
// the same id: there are no parts of it that could be asked about.
type clientService struct {
	jobpb.UnimplementedJobMasterClientServiceServer
	s *Service
}

func userOf(ctx context.Context) string {
	u, _ := rpc.UserFrom(ctx)
	return u.Name
}

func (c *clientService) Submit(ctx context.Context, r *jobpb.SubmitRequest) (*jobpb.SubmitResponse, error) {
	req, err := parseRequest(r.GetCmdConfig())
	if err != nil {
		return nil, err
	}
	id, err := c.s.submit(ctx, userOf(ctx), req)
	if err != nil {
		return nil, err
	}
	return &jobpb.SubmitResponse{JobControlId: &id}, nil
}

// Run is refused: what Alluxio's masters let it do, masters and workers do here.
func (c *clientService) Run(context.Context, *jobpb.RunPRequest) (*jobpb.RunPResponse, error) {
	return nil, errors.Errorf(errors.Unsupported,
		"Single jobs cannot be run here: master and workers persist and replicate by themselves. Use `alluxio fs persist`, `setReplication` or `distributedLoad`.")
}

func (c *clientService) Cancel(ctx context.Context, r *jobpb.CancelPRequest) (*jobpb.CancelPResponse, error) {
	if err := c.s.cancel(userOf(ctx), r.GetJobId()); err != nil {
		return nil, err
	}
	return &jobpb.CancelPResponse{}, nil
}

func (c *clientService) GetCmdStatus(_ context.Context, r *jobpb.GetCmdStatusRequest) (*jobpb.GetCmdStatusResponse, error) {
	var resp jobpb.GetCmdStatusResponse
	err := c.s.look(r.GetJobControlId(), func(c *command) { resp.CmdStatus = c.status.Enum() })
	return &resp, err
}

func (c *clientService) GetCmdStatusDetailed(_ context.Context, r *jobpb.GetCmdStatusDetailedRequest) (*jobpb.GetCmdStatusDetailedResponse, error) {
	var resp jobpb.GetCmdStatusDetailedResponse
	err := c.s.look(r.GetJobControlId(), func(c *command) { resp.CmdStatusBlock = c.detail() })
	return &resp, err
}

func (c *clientService) GetJobStatus(_ context.Context, r *jobpb.GetJobStatusPRequest) (*jobpb.GetJobStatusPResponse, error) {
	var resp jobpb.GetJobStatusPResponse
	err := c.s.look(r.GetJobId(), func(c *command) { resp.JobInfo = c.info() })
	return &resp, err
}

func (c *clientService) GetJobStatusDetailed(_ context.Context, r *jobpb.GetJobStatusDetailedPRequest) (*jobpb.GetJobStatusDetailedPResponse, error) {
	var resp jobpb.GetJobStatusDetailedPResponse
	err := c.s.look(r.GetJobId(), func(c *command) { resp.JobInfo = c.info() })
	return &resp, err
}

// look calls f with a command.
func (s *Service) look(id int64, f func(*command)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(id)
	if err != nil {
		return err
	}
	f(c)
	return nil
}

// infos returns the commands that want accepts, newest first.
func (s *Service) infos(want func(*jobpb.JobInfo) bool) []*jobpb.JobInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var infos []*jobpb.JobInfo
	for _, c := range slices.Backward(s.mu.commands) {
		if i := c.info(); want(i) {
			infos = append(infos, i)
		}
	}
	return infos
}

func (c *clientService) ListAll(_ context.Context, r *jobpb.ListAllPRequest) (*jobpb.ListAllPResponse, error) {
	o := r.GetOptions()
	infos := c.s.infos(func(i *jobpb.JobInfo) bool {
		return (len(o.GetStatus()) == 0 || slices.Contains(o.GetStatus(), i.GetStatus())) &&
			(o.GetName() == "" || o.GetName() == i.GetName())
	})
	resp := &jobpb.ListAllPResponse{}
	for _, i := range infos {
		resp.JobIds = append(resp.JobIds, i.GetId())
	}
	if !o.GetJobIdOnly() {
		resp.JobInfos = infos
	}
	return resp, nil
}

// summaryLength is the length of each list of a summary.
const summaryLength = 10

func (c *clientService) GetJobServiceSummary(context.Context, *jobpb.GetJobServiceSummaryPRequest) (*jobpb.GetJobServiceSummaryPResponse, error) {
	all := c.s.infos(func(*jobpb.JobInfo) bool { return true })
	of := func(s jobpb.Status) []*jobpb.JobInfo {
		return slices.DeleteFunc(slices.Clone(all), func(i *jobpb.JobInfo) bool { return i.GetStatus() != s })
	}
	running := of(jobpb.Status_RUNNING)
	slices.Reverse(running) // oldest first
	slices.SortStableFunc(all, func(a, b *jobpb.JobInfo) int { return cmp.Compare(b.GetLastUpdated(), a.GetLastUpdated()) })
	sum := &jobpb.JobServiceSummary{
		RecentActivities: firstOf(all),
		RecentFailures:   firstOf(of(jobpb.Status_FAILED)),
		LongestRunning:   firstOf(running),
	}
	for _, s := range []jobpb.Status{jobpb.Status_CREATED, jobpb.Status_CANCELED, jobpb.Status_FAILED, jobpb.Status_RUNNING, jobpb.Status_COMPLETED} {
		sum.SummaryPerStatus = append(sum.SummaryPerStatus, &jobpb.StatusSummary{Status: s.Enum(), Count: new(int64(len(of(s))))})
	}
	return &jobpb.GetJobServiceSummaryPResponse{Summary: sum}, nil
}

func firstOf(infos []*jobpb.JobInfo) []*jobpb.JobInfo { return infos[:min(len(infos), summaryLength)] }

// GetAllMasterStatus is of 2.10.
func (c *clientService) GetAllMasterStatus(context.Context, *jobpb.GetAllMasterStatusPRequest) (*jobpb.GetAllMasterStatusPResponse, error) {
	return nil, errors.Errorf(errors.Unsupported, "The job service has no masters of its own. Use `alluxio fsadmin report`.")
}

// GetAllWorkerHealth answers that there are no job workers.
func (c *clientService) GetAllWorkerHealth(context.Context, *jobpb.GetAllWorkerHealthPRequest) (*jobpb.GetAllWorkerHealthPResponse, error) {
	return &jobpb.GetAllWorkerHealthPResponse{}, nil
}
