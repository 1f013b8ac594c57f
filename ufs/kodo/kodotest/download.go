package kodotest

import (
	"net/http"
	"time"
)

var errNoDocument = &apiError{http.StatusNotFound, "Document not found"}

// download answers with an object's bytes.
func (c *call) download() (any, error) {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return nil, &apiError{http.StatusMethodNotAllowed, "method not allowed"}
	}
	c.state.mu.Lock()
	b, err := c.state.bucket(c.bucket)
	private := b != nil && b.Private
	c.state.mu.Unlock()
	if err != nil {
		return nil, errNoDocument
	}
	c.verdict = "public"
	if private {
		if err := c.judge("URL", c.verifier.download(c.r)); err != nil {
			return nil, err
		}
	}
	c.state.mu.Lock()
	_, o, err := c.state.object(c.bucket, c.key)
	c.state.mu.Unlock()
	switch {
	case err != nil:
		return nil, errNoDocument
	case o.frozen(c.opts.Now()):
		return nil, errFrozen
	case o.Status == 1:
		return nil, &apiError{http.StatusForbidden, "file is disabled"}
	}
	return c.send(o)
}

// send writes o, whole or the range asked for.
func (c *call) send(o *Object) (any, error) {
	content, err := o.content.Open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	h := c.w.Header()
	h.Set("ETag", `"`+c.spoilETag(o.Hash)+`"`)
	h.Set("Content-Type", o.Mime)
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Transfer-Encoding", "binary")
	if name := c.r.URL.Query().Get("attname"); name != "" {
		h.Set("Content-Disposition", "attachment; filename*=utf-8''"+name)
	}
	for name, value := range o.Meta {
		h.Set(metaPrefix+name, value)
	}
	out, r := c.spoilBody(o.Size)
	http.ServeContent(out, r, "", time.Unix(0, o.PutTime*100), content)
	if s, ok := out.(*spoiler); ok {
		s.end()
	}
	return done{}, nil
}
