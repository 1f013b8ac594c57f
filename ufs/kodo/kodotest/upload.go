package kodotest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

const (
	metaPrefix = "x-qn-meta-"
	varPrefix  = "x:"
	// maxField is the most that one text field of a form may carry.
	maxField = 1 << 20
)

// form is a parsed form upload.
type form struct {
	key    *string
	fname  string
	mime   string
	fields map[string]string
	data   blob
	digest digest
}

// formUpload stores an object sent as one multipart form. The fields may come
// in any order, so the token is checked behind the content.
func (c *call) formUpload() (any, error) {
	parts, err := c.r.MultipartReader()
	if err != nil {
		return nil, badRequest("not a form upload: %v", err)
	}
	f, err := c.state.readForm(parts)
	if f != nil && f.key != nil {
		c.key = *f.key
	}
	if err != nil {
		return nil, err
	}
	p, err := c.policyOf(f.fields["token"])
	if err == nil {
		c.bucket, _, _ = p.scope()
		err = p.admits(c.bucket, f.key)
	}
	if err == nil {
		err = c.checkCRC(f)
	}
	if err != nil {
		f.data.Remove()
		return nil, err
	}
	in := incoming{
		policy: p, bucket: c.bucket, key: f.key, data: f.data, hash: f.digest.etag, size: f.digest.size,
		md5: f.digest.md5, fname: f.fname, mime: f.mime, fields: f.fields, createOnly: p.createOnly(),
	}
	return c.finish(in)
}

func (c *call) checkCRC(f *form) error {
	text := f.fields["crc32"]
	if text == "" {
		return nil
	}
	crc, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return badRequest("invalid crc32 %q", text)
	}
	if uint32(crc) != f.digest.crc32 {
		return &apiError{http.StatusNotAcceptable, "crc32 check failed"}
	}
	return nil
}

// readForm reads a whole form, its file into a blob.
func (s *state) readForm(parts *multipart.Reader) (*form, error) {
	f := &form{fields: make(map[string]string)}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = s.readField(f, part)
		}
		if err != nil {
			if f.data != nil {
				f.data.Remove()
			}
			if errors.Is(bodyError(err), errGone) {
				return f, errGone
			}
			return f, badRequest("malformed form: %v", err)
		}
	}
	if f.data == nil {
		return f, badRequest("the form has no file")
	}
	return f, nil
}

func (s *state) readField(f *form, part *multipart.Part) error {
	name := part.FormName()
	if name == "file" {
		f.fname, f.mime = part.FileName(), part.Header.Get("Content-Type")
		var err error
		f.data, f.digest, err = s.blobs.receive(part)
		return err
	}
	value, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if err != nil {
		return err
	}
	if len(value) > maxField {
		return errors.New("field " + name + " is too large")
	}
	if name == "key" {
		key := string(value)
		f.key = &key
		return nil
	}
	f.fields[name] = string(value)
	return nil
}

// policyOf checks an upload token.
func (c *call) policyOf(token string) (*policy, error) {
	p, err := c.verifier.upload(token)
	if err == nil && p.expired(c.opts.Now()) {
		err = errExpired
	}
	if err := c.judge("UpToken", err); err != nil {
		return nil, err
	}
	bucket, _, _ := p.scope()
	return p, c.checkRegion(bucket)
}

// headerPolicy checks the upload token of an Authorization header.
func (c *call) headerPolicy() (*policy, error) {
	scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if scheme != "UpToken" {
		return nil, c.judge("", errNoToken)
	}
	return c.policyOf(token)
}

// checkRegion refuses uploads to the host of another region than the bucket's.
func (c *call) checkRegion(bucketName string) error {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	b, err := c.state.bucket(bucketName)
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(hostOnly(c.r.Host), ".")
	for _, prefix := range []string{"up-", "upload-"} {
		if region, ok := strings.CutPrefix(name, prefix); ok && region != b.Region {
			return badRequest("incorrect region, please use up-%s.qiniup.com", b.Region)
		}
	}
	return nil
}

// incoming is an object about to come into being.
type incoming struct {
	policy     *policy
	bucket     string
	key        *string // nil: the server chooses
	data       blob
	hash, md5  string
	size       int64
	parts      []int64
	fname      string
	mime       string
	fields     map[string]string // x:… and x-qn-meta-…
	createOnly bool
}

// finish checks the policy's conditions, stores the object and answers.
func (c *call) finish(in incoming) (any, error) {
	result, err := c.tryFinish(in)
	if err != nil {
		in.data.Remove()
	}
	return result, err
}

func (c *call) tryFinish(in incoming) (any, error) {
	p := in.policy
	detected := mimeType(in.mime, in.fname, p.DetectMime == 1, in.data)
	switch {
	case p.expired(c.opts.Now()):
		return nil, errExpired
	case in.size < p.FsizeMin:
		return nil, &apiError{http.StatusForbidden, "file size is smaller than fsizeMin"}
	case p.FsizeLimit > 0 && in.size > p.FsizeLimit:
		return nil, &apiError{http.StatusRequestEntityTooLarge, "file size exceeds fsizeLimit"}
	case !mimeAllowed(p.MimeLimit, detected):
		return nil, &apiError{http.StatusForbidden, "limited mime type"}
	case p.FileType < 0 || p.FileType > maxType:
		return nil, badRequest("invalid fileType %d", p.FileType)
	}
	o := &Object{Hash: in.hash, Size: in.size, MD5: in.md5, Mime: detected, Type: p.FileType,
		EndUser: p.EndUser, Parts: in.parts, content: in.data}
	if o.Mime == "" {
		o.Mime = octetType
	}
	for name, value := range in.fields {
		if name, ok := strings.CutPrefix(name, metaPrefix); ok {
			if o.Meta == nil {
				o.Meta = make(map[string]string)
			}
			o.Meta[name] = value
		}
	}
	if p.DeleteAfterDs > 0 {
		o.Expires = c.opts.Now().Unix() + int64(p.DeleteAfterDs)*daySeconds
	}
	vars := magicVariables(in, o)
	o.Key = chooseKey(in, vars)
	vars["key"] = o.Key
	c.key = o.Key
	if err := c.state.commitUpload(in.bucket, o, p, in.createOnly); err != nil {
		return nil, err
	}
	if p.ReturnBody != "" {
		return rawJSON(expand(p.ReturnBody, vars)), nil
	}
	return map[string]string{"hash": c.spoilHash(o.Hash), "key": o.Key}, nil
}

// commitUpload makes the object visible, unless that would replace one that
// must stay.
func (s *state) commitUpload(bucketName string, o *Object, p *policy, createOnly bool) error {
	if err := checkKey(o.Key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, old, err := s.object(bucketName, o.Key)
	if err == errNoBucket {
		return err
	}
	if old != nil && createOnly {
		if p != nil && p.InsertOnly != 0 || old.Hash != o.Hash {
			return errExists
		}
		o.content.Remove()
		return nil
	}
	o.PutTime = s.now100ns()
	return s.commit(record{Bucket: bucketName, Put: o})
}

// chooseKey returns the key of an upload that may leave it to the server.
func chooseKey(in incoming, vars map[string]any) string {
	if in.policy.SaveKey != "" && (in.key == nil || in.policy.ForceSaveKey) {
		return expandText(in.policy.SaveKey, vars)
	}
	if in.key == nil {
		return in.hash
	}
	return *in.key
}

func magicVariables(in incoming, o *Object) map[string]any {
	now := time.Now()
	vars := map[string]any{
		"bucket": in.bucket, "etag": o.Hash, "fsize": o.Size, "mimeType": o.Mime, "fname": in.fname,
		"fprefix": strings.TrimSuffix(in.fname, path.Ext(in.fname)), "ext": path.Ext(in.fname),
		"endUser": o.EndUser, "year": now.Format("2006"), "mon": now.Format("01"), "day": now.Format("02"),
		"hour": now.Format("15"), "min": now.Format("04"), "sec": now.Format("05"),
	}
	for name, value := range in.fields {
		if strings.HasPrefix(name, varPrefix) {
			vars[name] = value
		}
	}
	return vars
}

// expand replaces $(name) in a return body. Strings become JSON strings unless
// they stand inside quotes already.
func expand(body string, vars map[string]any) string {
	return substitute(body, func(name string, quoted bool) string {
		text, err := json.Marshal(vars[name])
		if err != nil {
			return "null"
		}
		if quoted {
			return strings.Trim(string(text), `"`)
		}
		return string(text)
	})
}

// expandText replaces $(name) in a saveKey.
func expandText(text string, vars map[string]any) string {
	return substitute(text, func(name string, _ bool) string {
		switch v := vars[name].(type) {
		case string:
			return v
		case int64:
			return strconv.FormatInt(v, 10)
		}
		return ""
	})
}

// substitute replaces each $(name) of text by what value says.
func substitute(text string, value func(name string, quoted bool) string) string {
	var out strings.Builder
	for {
		head, rest, found := strings.Cut(text, "$(")
		out.WriteString(head)
		if !found {
			return out.String()
		}
		name, tail, closed := strings.Cut(rest, ")")
		if !closed {
			out.WriteString("$(" + rest)
			return out.String()
		}
		quoted := strings.HasSuffix(head, `"`) && strings.HasPrefix(tail, `"`)
		out.WriteString(value(name, quoted))
		text = tail
	}
}

// mimeType returns the type that an upload gets: as told, or by name, or with
// detect by content first.
func mimeType(told, name string, detect bool, content blob) string {
	if told != "" && told != octetType && !detect {
		return told
	}
	if byName := mime.TypeByExtension(path.Ext(name)); byName != "" && !detect {
		return byName
	}
	r, err := content.Open()
	if err != nil {
		return octetType
	}
	defer r.Close()
	head := make([]byte, 512)
	n, _ := io.ReadFull(r, head)
	if n == 0 || !detect {
		return octetType
	}
	return http.DetectContentType(head[:n])
}

// mimeAllowed checks a type against "image/*;text/plain" or "!text/html".
func mimeAllowed(limit, got string) bool {
	if limit == "" {
		return true
	}
	list, exclude := strings.CutPrefix(limit, "!")
	for _, pattern := range strings.Split(list, ";") {
		if ok, _ := path.Match(strings.TrimSpace(pattern), got); ok {
			return !exclude
		}
	}
	return exclude
}

// decodePath decodes one URL-safe base64 element of a path.
func decodePath(s string) (string, error) {
	text, err := base64.URLEncoding.DecodeString(s)
	if err != nil {
		return "", badRequest("invalid base64 %q in the path", s)
	}
	return string(text), nil
}
