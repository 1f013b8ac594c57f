package kodotest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// manage runs one rs operation.
func (c *call) manage() (any, error) {
	if _, err := c.authorize(); err != nil {
		return nil, err
	}
	if c.op != "stat" && c.r.Method != http.MethodPost {
		return nil, &apiError{http.StatusMethodNotAllowed, "method not allowed"}
	}
	needParts, _ := strconv.ParseBool(c.r.URL.Query().Get("needparts"))
	return c.state.operation(c.path, needParts)
}

// batch runs many of them.
func (c *call) batch() (any, error) {
	body, err := c.authorize()
	if err != nil {
		return nil, err
	}
	if c.r.Method != http.MethodPost {
		return nil, &apiError{http.StatusMethodNotAllowed, "method not allowed"}
	}
	ops, err := batchOps(string(body))
	if err != nil {
		return nil, err
	}
	var throttled map[int]bool
	if c.fault == BatchPartial {
		throttled = everyThird(len(ops))
	}
	results, good := c.batchExcept(ops, throttled)
	if good {
		return results, nil
	}
	return partly{results}, nil
}

// everyThird returns the indexes 0, 3, 6 … below n.
func everyThird(n int) map[int]bool {
	set := make(map[int]bool)
	for i := 0; i < n; i += 3 {
		set[i] = true
	}
	return set
}

// batchExcept runs ops but answers 573 for those of the set.
func (c *call) batchExcept(ops []string, throttled map[int]bool) ([]batchResult, bool) {
	if len(throttled) == 0 {
		return c.state.batch(ops)
	}
	results := make([]batchResult, len(ops))
	for i, op := range ops {
		if throttled[i] {
			results[i] = batchResult{573, map[string]string{"error": "too many requests"}}
			continue
		}
		one, _ := c.state.batch([]string{op})
		results[i] = one[0]
	}
	return results, false
}

// batchOps parses "op=…&op=…", percent-encoded or not.
func batchOps(body string) ([]string, error) {
	var ops []string
	for _, field := range strings.Split(body, "&") {
		op, ok := strings.CutPrefix(field, "op=")
		if !ok {
			return nil, badRequest("invalid batch body")
		}
		if decoded, err := url.QueryUnescape(op); err == nil {
			op = decoded
		}
		ops = append(ops, op)
	}
	if len(ops) > maxBatch {
		return nil, badRequest("more than %d operations in a batch", maxBatch)
	}
	return ops, nil
}

// listing parses the parameters of a list request.
func (c *call) listing() (listing, error) {
	body, err := c.authorize()
	if err != nil {
		return listing{}, err
	}
	v := c.values(body)
	q := listing{
		bucket: v.Get("bucket"), prefix: v.Get("prefix"), delimiter: v.Get("delimiter"),
		marker: v.Get("marker"), limit: 1000, stale: c.fault == StaleList,
	}
	q.needParts, _ = strconv.ParseBool(v.Get("needparts"))
	if text := v.Get("limit"); text != "" && text != "0" {
		q.limit, err = strconv.Atoi(text)
		if err != nil || q.limit < 1 || q.limit > 1000 {
			return listing{}, badRequest("invalid limit %q", text)
		}
	}
	return q, nil
}

// list1 answers a page as one JSON object.
func (c *call) list1() (any, error) {
	q, err := c.listing()
	if err != nil {
		return nil, err
	}
	if c.fault == EmptyPage {
		return emptyPage(q)
	}
	p, err := c.state.list(q)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// emptyPage is a page without entries that asks to go on where it began.
func emptyPage(q listing) (any, error) {
	after := ""
	if q.marker != "" {
		var err error
		if after, err = decodeMarker(q.marker); err != nil {
			return nil, err
		}
	}
	return &page{Marker: encodeMarker(after), Items: []map[string]any{}}, nil
}

// list2 answers a page as one JSON object a line.
func (c *call) list2() (any, error) {
	q, err := c.listing()
	if err != nil {
		return nil, err
	}
	p, err := c.state.list(q)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	for _, item := range p.Items {
		enc.Encode(map[string]any{"marker": encodeMarker(item["key"].(string)), "item": item, "dir": ""})
	}
	for _, dir := range p.Prefixes {
		enc.Encode(map[string]any{"marker": encodeMarker(dir), "item": nil, "dir": dir})
	}
	return rawJSON(body.Bytes()), nil
}

// regionServices are the hosts of a region query, by role.
func (c *call) regionServices(bucket string) (host, io string) {
	host = publicHost(c.r)
	if len(c.opts.Buckets) == 0 || bucket == c.opts.Buckets[0].Name {
		return host, host
	}
	return host, bucket + ".localhost" + strings.TrimPrefix(host, hostOnly(host))
}

// queried checks the access key and bucket of a region query.
func (c *call) queried() (Bucket, error) {
	v := c.r.URL.Query()
	if v.Get("ak") != c.opts.AccessKey {
		return Bucket{}, &apiError{612, "app/accesskey is not found"}
	}
	c.bucket = v.Get("bucket")
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	b, err := c.state.bucket(c.bucket)
	if err != nil {
		return Bucket{}, err
	}
	return b.Bucket, nil
}

func (c *call) ttl() int {
	switch {
	case c.opts.QueryTTL < 0:
		return 0
	case c.opts.QueryTTL == 0:
		return 24 * 60 * 60
	}
	return int(c.opts.QueryTTL / time.Second)
}

func (c *call) query4() (any, error) {
	b, err := c.queried()
	if err != nil {
		return nil, err
	}
	host, io := c.regionServices(b.Name)
	domains := func(h string) map[string]any { return map[string]any{"domains": []string{h}} }
	entry := map[string]any{"region": b.Region, "ttl": c.ttl(), "io": domains(io), "io_src": domains(io)}
	for _, role := range []string{"up", "rs", "rsf", "api", "uc"} {
		entry[role] = domains(host)
	}
	entry["s3"] = map[string]any{"domains": []string{}, "region_alias": b.Region}
	return map[string]any{"hosts": []any{entry}}, nil
}

// oldQuery is the entry of the second and third version of the region query.
func (c *call) oldQuery() (map[string]any, error) {
	b, err := c.queried()
	if err != nil {
		return nil, err
	}
	host, io := c.regionServices(b.Name)
	source := func(h string) map[string]any {
		return map[string]any{"src": map[string]any{"main": []string{h}}}
	}
	entry := map[string]any{"region": b.Region, "ttl": c.ttl(), "io": source(io), "io_src": source(io)}
	for _, role := range []string{"rs", "rsf", "api", "uc"} {
		entry[role] = map[string]any{"acc": map[string]any{"main": []string{host}}, "src": map[string]any{"main": []string{host}}}
	}
	up := map[string]any{"main": []string{host}}
	entry["up"] = map[string]any{"src": up, "acc": up, "old_src": up, "old_acc": up}
	return entry, nil
}

func (c *call) query3() (any, error) {
	entry, err := c.oldQuery()
	if err != nil {
		return nil, err
	}
	return map[string]any{"hosts": []any{entry}}, nil
}

func (c *call) query2() (any, error) {
	entry, err := c.oldQuery()
	if err != nil {
		return nil, err
	}
	return entry, nil
}

func (c *call) regions() (any, error) {
	if _, err := c.authorize(); err != nil {
		return nil, err
	}
	host := publicHost(c.r)
	seen := make(map[string]bool)
	regions := []any{}
	for _, b := range c.state.bucketInfos() {
		if seen[b.Region] {
			continue
		}
		seen[b.Region] = true
		r := map[string]any{"id": b.Region, "ttl": c.ttl(), "description": "emulated " + b.Region}
		for _, role := range []string{"io", "io_src", "up", "rs", "rsf", "uc", "api"} {
			r[role] = map[string]any{"domains": []string{host}}
		}
		regions = append(regions, r)
	}
	return map[string]any{"regions": regions}, nil
}

func (c *call) buckets() (any, error) {
	body, err := c.authorize()
	if err != nil {
		return nil, err
	}
	infos := c.state.bucketInfos()
	if c.values(body).Get("apiVersion") != "v4" {
		names := []string{}
		for _, b := range infos {
			names = append(names, b.Name)
		}
		return names, nil
	}
	list := []any{}
	for _, b := range infos {
		list = append(list, map[string]any{"name": b.Name, "region": b.Region, "private": b.Private,
			"ctime": time.Unix(b.Created, 0).UTC().Format(time.RFC3339)})
	}
	return map[string]any{"next_marker": "", "is_truncated": false, "buckets": list}, nil
}

func (c *call) makeBucketV3() (any, error) {
	if _, err := c.authorize(); err != nil {
		return nil, err
	}
	fields := strings.Split(c.path, "/")
	b := Bucket{Name: fields[1], Region: "z0"}
	for i := 2; i+1 < len(fields); i += 2 {
		switch fields[i] {
		case "region":
			b.Region = fields[i+1]
		case "private":
			b.Private, _ = strconv.ParseBool(fields[i+1])
		}
	}
	if !validBucketName(b.Name) {
		return nil, badRequest("invalid bucket name")
	}
	for _, other := range c.state.bucketInfos() {
		if other.Name == b.Name {
			return nil, &apiError{614, "the bucket already exists"}
		}
	}
	return nil, c.state.makeBucket(b)
}

func (c *call) dropBucket() (any, error) {
	if _, err := c.authorize(); err != nil {
		return nil, err
	}
	name := strings.TrimPrefix(c.path, "drop/")
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	b, err := c.state.bucket(name)
	if err != nil {
		return nil, err
	}
	if len(b.keys) > 0 {
		return nil, &apiError{http.StatusForbidden, "drop non empty bucket is not allowed"}
	}
	return nil, c.state.commit(record{Bucket: name, Drop: true})
}

// described returns the bucket that a signed uc request names by a parameter.
func (c *call) described(param string) (Bucket, url.Values, error) {
	body, err := c.authorize()
	if err != nil {
		return Bucket{}, nil, err
	}
	v := c.values(body)
	c.bucket = v.Get(param)
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	b, err := c.state.bucket(c.bucket)
	if err != nil {
		return Bucket{}, nil, err
	}
	return b.Bucket, v, nil
}

func (c *call) domains2() (any, error) {
	b, _, err := c.described("tbl")
	if err != nil {
		return nil, err
	}
	_, io := c.regionServices(b.Name)
	return []string{io}, nil
}

func (c *call) domains3() (any, error) {
	b, _, err := c.described("tbl")
	if err != nil {
		return nil, err
	}
	_, io := c.regionServices(b.Name)
	return []any{map[string]any{"domain": io, "tbl": b.Name, "uid": 1, "refresh": false,
		"ctime": b.Created, "utime": b.Created, "domaintype": 0, "apiscope": 0, "freeze_types": nil}}, nil
}

func (c *call) bucketInfo() (any, error) {
	b, _, err := c.described("bucket")
	if err != nil {
		return nil, err
	}
	private := 0
	if b.Private {
		private = 1
	}
	return map[string]any{"source": "", "host": "", "private": private, "zone": b.Region, "region": b.Region,
		"ctime": time.Unix(b.Created, 0).UTC().Format(time.RFC3339), "protected": 0, "no_index_page": true}, nil
}

func (c *call) setPrivate() (any, error) {
	b, v, err := c.described("bucket")
	if err != nil {
		return nil, err
	}
	b.Private = v.Get("private") == "1"
	return nil, c.state.makeBucket(b)
}
