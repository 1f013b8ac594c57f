package kodotest

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// handler does what a request asks for. Its result becomes the JSON answer.
type handler func(*call) (any, error)

// exact maps paths to operations, heads the first elements of longer paths.
var (
	exact = map[string]struct {
		op     string
		handle handler
	}{
		"v2/query":      {"query", (*call).query2},
		"v3/query":      {"query", (*call).query3},
		"v4/query":      {"query", (*call).query4},
		"regions":       {"regions", (*call).regions},
		"buckets":       {"buckets", (*call).buckets},
		"v2/domains":    {"domains", (*call).domains2},
		"v3/domains":    {"domains", (*call).domains3},
		"v2/bucketInfo": {"bucketInfo", (*call).bucketInfo},
		"private":       {"private", (*call).setPrivate},
		"batch":         {"batch", (*call).batch},
		"list":          {"list", (*call).list1},
		"v2/list":       {"list", (*call).list2},
	}
	heads = map[string]handler{
		"stat": (*call).manage, "copy": (*call).manage, "move": (*call).manage, "delete": (*call).manage,
		"chgm": (*call).manage, "chtype": (*call).manage, "chstatus": (*call).manage,
		"deleteAfterDays": (*call).manage, "lifecycle": (*call).manage, "restoreAr": (*call).manage,
		"mkbucketv3": (*call).makeBucketV3, "drop": (*call).dropBucket,
		"mkblk": (*call).makeBlock, "bput": (*call).putChunk, "mkfile": (*call).makeFile,
	}
)

// route finds out what the request means and names it.
func (c *call) route() handler {
	c.path = strings.TrimPrefix(c.r.URL.Path, "/")
	op, handle := c.managed()
	if handle == nil || c.isDownload() {
		c.op = "get"
		c.bucket, c.key = c.downloadTarget()
		return (*call).download
	}
	c.op = op
	c.nameTarget()
	return handle
}

// managed returns the operation that the path names, nil for none.
func (c *call) managed() (op string, handle handler) {
	if c.path == "" && c.r.Method == http.MethodPost {
		return "form", (*call).formUpload
	}
	if e, ok := exact[c.path]; ok {
		return e.op, e.handle
	}
	head, rest, deeper := strings.Cut(c.path, "/")
	if handle := heads[head]; handle != nil && deeper {
		return head, handle
	}
	if head == "buckets" && strings.Contains(rest, "/objects/") {
		return c.multipartOp()
	}
	return "", nil
}

// isDownload decides for paths that name an operation but could be keys too.
func (c *call) isDownload() bool {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return false
	}
	if c.domainBucket() != "" || strings.Contains(c.r.URL.RawQuery, "&token=") {
		return true
	}
	if c.r.Header.Get("Authorization") != "" {
		return false
	}
	bucket, key := c.downloadTarget()
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	_, _, err := c.state.object(bucket, key)
	return err == nil
}

// domainBucket returns the bucket that the Host header names, or "".
func (c *call) domainBucket() string {
	host := hostOnly(c.r.Host)
	for _, h := range []string{c.r.Host, host} {
		if bucket, ok := c.opts.Domains[h]; ok {
			return bucket
		}
	}
	first, _, _ := strings.Cut(host, ".")
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	if c.state.mu.buckets[first] != nil {
		return first
	}
	return ""
}

// downloadTarget returns what a download asks for. The key is the raw path
// decoded once: "//a" is the key "/a".
func (c *call) downloadTarget() (bucket, key string) {
	raw, _, _ := strings.Cut(c.r.RequestURI, "?")
	if strings.HasPrefix(raw, "http://") || strings.HasPrefix(raw, "https://") {
		raw = c.r.URL.EscapedPath()
	}
	raw = strings.TrimPrefix(raw, "/")
	bucket = c.domainBucket()
	if bucket == "" && len(c.opts.Buckets) > 0 {
		bucket = c.opts.Buckets[0].Name
	}
	if rest, ok := strings.CutPrefix(raw, "getfile/"+c.opts.AccessKey+"/"); ok {
		if b, k, ok := strings.Cut(rest, "/"); ok {
			bucket, raw = b, k
		}
	}
	key, err := url.PathUnescape(raw)
	if err != nil {
		return bucket, raw
	}
	return bucket, key
}

// nameTarget fills in bucket and key of management requests, for faults and
// the log.
func (c *call) nameTarget() {
	fields := strings.Split(c.path, "/")
	switch {
	case heads[c.op] != nil && len(fields) > 1:
		if bucket, key, err := decodeEntry(fields[1]); err == nil {
			c.bucket, c.key = bucket, key
		}
	case c.op == "list":
		c.bucket, c.key = c.r.URL.Query().Get("bucket"), c.r.URL.Query().Get("prefix")
	}
}

// maxBody is the most that a management request may carry: a full batch of
// moves between the longest keys has 2.2 MB.
const maxBody = 8 << 20

// authorize reads the body of a management request and checks its signature.
func (c *call) authorize() ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	if err != nil {
		return nil, bodyError(err)
	}
	if len(body) > maxBody {
		return nil, &apiError{http.StatusRequestEntityTooLarge, "request too large"}
	}
	scheme, err := c.verifier.management(c.r, body)
	return body, c.judge(scheme, err)
}

// judge notes the verdict about the request's credentials.
func (c *call) judge(scheme string, err error) error {
	if err != nil {
		c.verdict = "refused:" + asAPIError(err).text
		return err
	}
	c.verdict = "ok:" + scheme
	return nil
}

// values returns the parameters of the query and of a form body.
func (c *call) values(body []byte) url.Values {
	values := c.r.URL.Query()
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), formType) {
		if form, err := url.ParseQuery(string(body)); err == nil {
			for name, v := range form {
				values[name] = append(values[name], v...)
			}
		}
	}
	return values
}
