package kodotest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/ufs/kodo/etag"
)

const (
	uploadLife  = 7 * 24 * time.Hour
	maxPart     = 10000
	minPartSize = 1 << 20
	maxPartSize = 1 << 30
)

var (
	errNoUpload = &apiError{612, "no such uploadId"}
	errBadCtx   = &apiError{701, "invalid ctx"}
)

// uploads are the resumable uploads in progress, of both versions.
type uploads struct {
	state *state
	mu    struct {
		sync.Mutex
		multi  map[string]*multi // by upload id
		blocks map[string]*block // by ctx
	}
}

// multi is a multipart upload.
type multi struct {
	bucket string
	key    *string
	begun  time.Time
	parts  map[int]*part
}

// part is one uploaded part of a multi.
type part struct {
	digest
	data    blob
	putTime int64
}

// block is the state of one 4 MiB block of a v1 upload after some chunk.
type block struct {
	size   int64 // announced
	chunks []blob
	have   int64
	ctxs   []string // that name this block, from its first chunk on
}

func newUploads(st *state) *uploads {
	u := &uploads{state: st}
	u.mu.multi = make(map[string]*multi)
	u.mu.blocks = make(map[string]*block)
	return u
}

// pending counts the multipart uploads that are neither complete nor aborted,
// by whether they hold parts.
func (u *uploads) pending() (withParts, empty int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, m := range u.mu.multi {
		if len(m.parts) > 0 {
			withParts++
		} else {
			empty++
		}
	}
	return withParts, empty
}

func newID() string {
	b := make([]byte, 12)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// find returns the upload if it belongs to the bucket and key.
func (u *uploads) find(id, bucket string, key *string) (*multi, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	m := u.mu.multi[id]
	if m == nil || m.bucket != bucket || !sameKey(m.key, key) || u.state.now().After(m.begun.Add(uploadLife)) {
		return nil, errNoUpload
	}
	return m, nil
}

func sameKey(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// take removes the upload; who gets it may end it.
func (u *uploads) take(id string) *multi {
	u.mu.Lock()
	defer u.mu.Unlock()
	m := u.mu.multi[id]
	delete(u.mu.multi, id)
	return m
}

// multipartOp recognises buckets/<bucket>/objects/<key>/uploads[/<id>[/<n>]].
func (c *call) multipartOp() (op string, handle handler) {
	f := strings.Split(c.path, "/")
	if len(f) < 5 || f[4] != "uploads" {
		return "", nil
	}
	c.bucket = f[1]
	if key, err := decodePath(f[3]); err == nil && f[3] != "~" {
		c.key = key
	}
	switch method := c.r.Method; {
	case len(f) == 5 && method == http.MethodPost:
		return "init", (*call).initUpload
	case len(f) == 7 && method == http.MethodPut:
		return "part", (*call).putPart
	case len(f) == 6 && method == http.MethodPost:
		return "complete", (*call).complete
	case len(f) == 6 && method == http.MethodDelete:
		return "abort", (*call).abort
	case len(f) == 6 && method == http.MethodGet:
		return "parts", (*call).listParts
	}
	return "", nil
}

// multipart checks the token of a multipart request and returns its target.
func (c *call) multipart() (p *policy, bucket string, key *string, rest []string, err error) {
	f := strings.Split(c.path, "/")
	if f[3] != "~" {
		text, err := decodePath(f[3])
		if err != nil {
			return nil, "", nil, nil, err
		}
		if err := checkKey(text); err != nil {
			return nil, "", nil, nil, err
		}
		key = &text
	}
	p, err = c.headerPolicy()
	if err == nil {
		err = p.admits(f[1], key)
	}
	return p, f[1], key, f[5:], err
}

func (c *call) initUpload() (any, error) {
	_, bucket, key, _, err := c.multipart()
	if err != nil {
		return nil, err
	}
	id, begun := newID(), c.opts.Now()
	c.uploads.mu.Lock()
	defer c.uploads.mu.Unlock()
	c.uploads.mu.multi[id] = &multi{bucket: bucket, key: key, begun: begun, parts: make(map[int]*part)}
	return map[string]any{"uploadId": id, "expireAt": begun.Add(uploadLife).Unix()}, nil
}

func (c *call) putPart() (any, error) {
	_, bucket, key, rest, err := c.multipart()
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(rest[1])
	if err != nil || number < 1 || number > maxPart {
		return nil, badRequest("invalid part number %q", rest[1])
	}
	m, err := c.uploads.find(rest[0], bucket, key)
	if err != nil {
		return nil, err
	}
	data, d, err := c.state.blobs.receive(io.LimitReader(c.r.Body, maxPartSize+1))
	if err != nil {
		return nil, bodyError(err)
	}
	if err := checkPart(d, c.r); err != nil {
		data.Remove()
		return nil, err
	}
	c.uploads.mu.Lock()
	defer c.uploads.mu.Unlock()
	if c.uploads.mu.multi[rest[0]] != m {
		data.Remove()
		return nil, errNoUpload
	}
	if old := m.parts[number]; old != nil {
		old.data.Remove()
	}
	m.parts[number] = &part{digest: d, data: data, putTime: c.opts.Now().UnixNano() / 100}
	return map[string]string{"etag": c.spoilHash(d.etag), "md5": d.md5}, nil
}

func checkPart(d digest, r *http.Request) error {
	switch want := r.Header.Get("Content-MD5"); {
	case d.size > maxPartSize:
		return &apiError{http.StatusRequestEntityTooLarge, "part is too large"}
	case r.ContentLength >= 0 && d.size != r.ContentLength:
		return badRequest("the part has %d bytes, not %d", d.size, r.ContentLength)
	case want != "" && !strings.EqualFold(want, d.md5):
		return &apiError{http.StatusNotAcceptable, "md5 check failed"}
	}
	return nil
}

// completion is the body of a complete request.
type completion struct {
	Parts []struct {
		Number int    `json:"partNumber"`
		Etag   string `json:"etag"`
	} `json:"parts"`
	Fname      string            `json:"fname"`
	MimeType   string            `json:"mimeType"`
	Metadata   map[string]string `json:"metadata"` // any case: clients differ
	CustomVars map[string]string `json:"customVars"`
}

func (c *call) complete() (any, error) {
	p, bucket, key, rest, err := c.multipart()
	if err != nil {
		return nil, err
	}
	var body completion
	if err := json.NewDecoder(io.LimitReader(c.r.Body, maxBody)).Decode(&body); err != nil {
		return nil, badRequest("invalid body: %v", err)
	}
	m, err := c.uploads.find(rest[0], bucket, key)
	if err != nil {
		return nil, err
	}
	in, err := c.assemble(m, body)
	if err != nil {
		return nil, err
	}
	in.policy, in.bucket, in.key, in.createOnly = p, bucket, key, p.createOnly()
	result, err := c.finish(in)
	if err == nil {
		if m := c.uploads.take(rest[0]); m != nil {
			m.discard(c.opts.Dir != "")
		}
	}
	return result, err
}

// discard frees the parts of an ended upload.
func (m *multi) discard(files bool) {
	if !files {
		return
	}
	for _, p := range m.parts {
		p.data.Remove()
	}
}

// assemble makes the object's content of the parts that the client lists.
func (c *call) assemble(m *multi, body completion) (incoming, error) {
	c.uploads.mu.Lock()
	defer c.uploads.mu.Unlock()
	var in incoming
	var tags []etag.Part
	var contents []blob
	last := 0
	for i, listed := range body.Parts {
		p := m.parts[listed.Number]
		switch {
		case listed.Number <= last:
			return in, badRequest("parts are not in ascending order")
		case p == nil || p.etag != listed.Etag:
			return in, badRequest("part %d is unknown or has another etag", listed.Number)
		case p.size < minPartSize && i < len(body.Parts)-1:
			return in, badRequest("part %d is smaller than 1 MiB", listed.Number)
		}
		last = listed.Number
		tags = append(tags, etag.Part{Size: p.size, Etag: p.etag})
		contents = append(contents, p.data)
		in.parts = append(in.parts, p.size)
		in.size += p.size
	}
	if len(contents) == 0 {
		return in, badRequest("no parts")
	}
	var err error
	if in.hash, err = etag.Compose(tags); err != nil {
		return in, err
	}
	in.fname, in.mime, in.fields = body.Fname, body.MimeType, body.CustomVars
	if in.fields == nil {
		in.fields = make(map[string]string)
	}
	maps.Copy(in.fields, body.Metadata)
	in.data, err = c.state.blobs.concat(contents)
	return in, err
}

func (c *call) abort() (any, error) {
	_, bucket, key, rest, err := c.multipart()
	if err != nil {
		return nil, err
	}
	if _, err := c.uploads.find(rest[0], bucket, key); err != nil {
		return nil, err
	}
	if m := c.uploads.take(rest[0]); m != nil {
		m.discard(true)
	}
	return nil, nil
}

func (c *call) listParts() (any, error) {
	_, bucket, key, rest, err := c.multipart()
	if err != nil {
		return nil, err
	}
	m, err := c.uploads.find(rest[0], bucket, key)
	if err != nil {
		return nil, err
	}
	q := c.r.URL.Query()
	after, _ := strconv.Atoi(q.Get("part-number_marker"))
	most, err := strconv.Atoi(q.Get("max-parts"))
	if err != nil || most < 1 || most > 1000 {
		most = 1000
	}
	c.uploads.mu.Lock()
	defer c.uploads.mu.Unlock()
	numbers := slices.Sorted(maps.Keys(m.parts))
	at, found := slices.BinarySearch(numbers, after)
	if found {
		at++
	}
	numbers = numbers[at:]
	next := 0
	if len(numbers) > most {
		numbers = numbers[:most]
		next = numbers[most-1]
	}
	list := []any{}
	for _, n := range numbers {
		p := m.parts[n]
		list = append(list, map[string]any{"size": p.size, "etag": p.etag, "partNumber": n, "putTime": p.putTime})
	}
	return map[string]any{"uploadId": rest[0], "expireAt": m.begun.Add(uploadLife).Unix(), "partNumberMarker": next, "parts": list}, nil
}

// makeBlock begins a block of a v1 upload with its first chunk.
func (c *call) makeBlock() (any, error) {
	if _, err := c.headerPolicy(); err != nil {
		return nil, err
	}
	size, err := strconv.ParseInt(strings.TrimPrefix(c.path, "mkblk/"), 10, 64)
	if err != nil || size < 0 || size > etag.BlockSize {
		return nil, badRequest("invalid block size")
	}
	return c.addChunk(&block{size: size})
}

// putChunk adds a chunk to a block.
func (c *call) putChunk() (any, error) {
	if _, err := c.headerPolicy(); err != nil {
		return nil, err
	}
	f := strings.Split(c.path, "/")
	c.uploads.mu.Lock()
	b := c.uploads.mu.blocks[f[1]]
	c.uploads.mu.Unlock()
	if b == nil {
		return nil, errBadCtx
	}
	if len(f) != 3 || f[2] != strconv.FormatInt(b.have, 10) {
		return nil, &apiError{701, "invalid offset"}
	}
	return c.addChunk(b)
}

// addChunk stores the request's body behind b and returns the new ctx.
func (c *call) addChunk(b *block) (any, error) {
	data, d, err := c.state.blobs.receive(io.LimitReader(c.r.Body, b.size-b.have+1))
	if err != nil {
		return nil, bodyError(err)
	}
	if b.have+d.size > b.size {
		data.Remove()
		return nil, &apiError{http.StatusRequestEntityTooLarge, "the chunk exceeds its block"}
	}
	ctx := base64.URLEncoding.EncodeToString([]byte(newID()))
	grown := &block{
		size: b.size, have: b.have + d.size,
		chunks: append(slices.Clone(b.chunks), data), ctxs: append(slices.Clone(b.ctxs), ctx),
	}
	c.uploads.mu.Lock()
	c.uploads.mu.blocks[ctx] = grown
	c.uploads.mu.Unlock()
	return map[string]any{
		"ctx": ctx, "checksum": d.etag, "crc32": d.crc32, "offset": grown.have,
		"host": "http://" + publicHost(c.r), "expired_at": c.opts.Now().Add(uploadLife).Unix(),
	}, nil
}

// makeFile makes an object of blocks.
func (c *call) makeFile() (any, error) {
	p, err := c.headerPolicy()
	if err != nil {
		return nil, err
	}
	in := incoming{policy: p, fields: make(map[string]string), createOnly: p.InsertOnly != 0}
	in.bucket, _, _ = p.scope()
	f := strings.Split(c.path, "/")
	if in.size, err = strconv.ParseInt(f[1], 10, 64); err != nil {
		return nil, badRequest("invalid file size")
	}
	if err := in.parsePairs(f[2:]); err != nil {
		return nil, err
	}
	if err := p.admits(in.bucket, in.key); err != nil {
		return nil, err
	}
	ctxs, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody))
	if err != nil {
		return nil, bodyError(err)
	}
	blocks := strings.Split(string(ctxs), ",")
	if err := c.joinBlocks(&in, blocks); err != nil {
		return nil, err
	}
	result, err := c.finish(in)
	if err == nil {
		c.uploads.drop(blocks, c.opts.Dir != "")
	}
	return result, err
}

// drop forgets the blocks of a finished upload and, when their chunks are files
// of their own, removes those.
func (u *uploads) drop(ctxs []string, files bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, ctx := range ctxs {
		b := u.mu.blocks[ctx]
		if b == nil {
			continue
		}
		for _, name := range b.ctxs {
			delete(u.mu.blocks, name)
		}
		for _, chunk := range b.chunks {
			if files {
				chunk.Remove()
			}
		}
	}
}

// parsePairs reads the name/base64 pairs of a mkfile path, in any order.
func (in *incoming) parsePairs(f []string) error {
	for i := 0; i+1 < len(f); i += 2 {
		value, err := decodePath(f[i+1])
		if err != nil {
			return err
		}
		switch f[i] {
		case "key":
			in.key = &value
		case "fname":
			in.fname = value
		case "mimeType":
			in.mime = value
		default:
			in.fields[f[i]] = value
		}
	}
	return nil
}

// joinBlocks makes the content of in of the blocks that end with the ctxs.
func (c *call) joinBlocks(in *incoming, ctxs []string) error {
	c.uploads.mu.Lock()
	var contents []blob
	var have int64
	for i, ctx := range ctxs {
		if ctx == "" && in.size == 0 {
			continue
		}
		b := c.uploads.mu.blocks[ctx]
		if b == nil || b.have != b.size || i < len(ctxs)-1 && b.size != etag.BlockSize {
			c.uploads.mu.Unlock()
			return errBadCtx
		}
		contents = append(contents, b.chunks...)
		have += b.size
	}
	c.uploads.mu.Unlock()
	if have != in.size {
		return badRequest("the blocks have %d bytes, not %d", have, in.size)
	}
	data, err := c.state.blobs.concat(contents)
	if err != nil {
		return err
	}
	r, err := data.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	in.data = data
	in.hash, _, err = etag.Read(r)
	if err != nil {
		return fmt.Errorf("hashing %d blocks: %w", len(ctxs), err)
	}
	return nil
}
