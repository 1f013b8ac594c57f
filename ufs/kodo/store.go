package kodo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/client"
	"github.com/qiniu/go-sdk/v7/storagev2/http_client"
	"github.com/qiniu/go-sdk/v7/storagev2/region"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs/object"
)

// entry names an object in the path of a request.
func (s *Store) entry(key string) string {
	return base64.URLEncoding.EncodeToString([]byte(s.set.bucket + ":" + key))
}

// call is a request that is signed by header, once.
type call struct {
	service region.ServiceName
	method  string
	path    string
	query   url.Values
	ops     []string // of a batch
}

// maxAnswer bounds what is read of an answer: a full page of a listing has
// less than 3 MB.
const maxAnswer = 32 << 20

// send sends c and decodes the answer into out, unless that is nil. The SDK
// signs it; its own decoding is not used, for it takes fields for mandatory
// that the service leaves out.
func (s *Store) send(ctx context.Context, c call, out any) error {
	req := &http_client.Request{
		Method: c.method, ServiceNames: []region.ServiceName{c.service}, Path: c.path,
		Query: c.query, AuthType: auth.TokenQiniu, Header: http.Header{},
	}
	if c.ops != nil {
		req.RequestBody = http_client.GetFormRequestBody(map[string][]string{"op": c.ops})
	}
	resp, err := s.manage.Do(ctx, req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return client.ResponseError(resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	s.metrics.received(int64(len(body)))
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return &badAnswer{err}
	}
	return nil
}

// stat is an object as the service describes it.
type stat struct {
	Key     string  `json:"key"` // of listings only
	Size    int64   `json:"fsize"`
	Hash    string  `json:"hash"`
	PutTime int64   `json:"putTime"` // 100 ns since 1970
	Parts   []int64 `json:"parts"`   // sizes, when asked for
}

func (st *stat) object(key string) object.Object {
	return object.Object{Key: key, Size: st.Size, ModTime: time.Unix(0, st.PutTime*100), Version: st.Hash}
}

// Head describes the object at key.
func (s *Store) Head(ctx context.Context, key string) (object.Object, error) {
	st, err := s.stat(ctx, key)
	return st.object(key), err
}

func (s *Store) stat(ctx context.Context, key string) (stat, error) {
	return s.statWith(ctx, key, nil)
}

// statParts is stat with the sizes of the parts that the object was made of.
func (s *Store) statParts(ctx context.Context, key string) (stat, error) {
	return s.statWith(ctx, key, url.Values{"needparts": {"true"}})
}

func (s *Store) statWith(ctx context.Context, key string, query url.Values) (stat, error) {
	var st stat
	_, err := s.run.do(ctx, request{op: "kodo.stat", key: key, try: func(ctx context.Context) error {
		st = stat{}
		err := s.send(ctx, call{service: region.ServiceRs, method: http.MethodGet, path: "/stat/" + s.entry(key), query: query}, &st)
		if err == nil && st.Hash == "" {
			err = badAnswerf("it has no hash")
		}
		return err
	}})
	return st, err
}

// listAnswer is one page of a listing.
type listAnswer struct {
	Marker   string   `json:"marker"`
	Prefixes []string `json:"commonPrefixes"`
	Items    []stat   `json:"items"`
}

// List returns one page. A page that the service cannot produce in time is
// asked for again with a smaller limit: below prefixes where much was deleted
// it has to walk far for each key. Markers are the service's secret; one made
// here to begin behind q.After is tried, and done without if it is refused.
func (s *Store) List(ctx context.Context, q object.ListRequest) (object.Page, error) {
	if q.Marker == "" && q.After != "" {
		p, err := s.listFrom(ctx, q, markerAt(q.After))
		if !isCode(err, codeBadMarker) {
			return p, err
		}
	}
	return s.listFrom(ctx, q, q.Marker)
}

func (s *Store) listFrom(ctx context.Context, q object.ListRequest, marker string) (object.Page, error) {
	limit := max(1, min(q.Limit, 1000))
	var answer listAnswer
	_, err := s.run.do(ctx, request{op: "kodo.list", key: q.Prefix, try: func(ctx context.Context) error {
		answer = listAnswer{}
		query := url.Values{"bucket": {s.set.bucket}, "prefix": {q.Prefix}, "limit": {strconv.Itoa(limit)}}
		if q.Delimiter != "" {
			query.Set("delimiter", q.Delimiter)
		}
		if marker != "" {
			query.Set("marker", marker)
		}
		err := s.send(ctx, call{service: region.ServiceRsf, method: http.MethodGet, path: "/list", query: query}, &answer)
		if err != nil {
			limit = max(limit/2, min(limit, 50))
		}
		return err
	}})
	if err != nil {
		return object.Page{}, err
	}
	return answer.page(), nil
}

func (a *listAnswer) page() object.Page {
	p := object.Page{Prefixes: a.Prefixes, Next: a.Marker, Objects: make([]object.Object, 0, len(a.Items))}
	for i := range a.Items {
		p.Objects = append(p.Objects, a.Items[i].object(a.Items[i].Key))
	}
	return p
}

// markerAt returns the marker of a listing that goes on behind key.
func markerAt(key string) string {
	text, err := json.Marshal(map[string]any{"c": 0, "k": key})
	if err != nil {
		return "" // no marker lists from the start
	}
	return base64.URLEncoding.EncodeToString(text)
}

// Delete removes the object. It is gone as well when an attempt whose answer
// was lost has removed it.
func (s *Store) Delete(ctx context.Context, key string) error {
	unclear, err := s.mutate(ctx, "kodo.delete", key, "/delete/"+s.entry(key))
	if unclear && errors.Is(err, errors.NotFound) {
		return nil
	}
	return err
}

// Copy copies src over dst.
func (s *Store) Copy(ctx context.Context, src, dst string) error {
	_, err := s.mutate(ctx, "kodo.copy", src, "/copy/"+s.entry(src)+"/"+s.entry(dst)+"/force/true")
	return err
}

// Move moves src over dst.
func (s *Store) Move(ctx context.Context, src, dst string) error {
	unclear, err := s.mutate(ctx, "kodo.move", src, "/move/"+s.entry(src)+"/"+s.entry(dst)+"/force/true")
	if unclear && errors.Is(err, errors.NotFound) {
		return s.moved(ctx, dst, err)
	}
	return err
}

// moved tells how a move ended whose source is absent after an attempt without
// an answer: well when there is an object at dst.
func (s *Store) moved(ctx context.Context, dst string, absent error) error {
	_, err := s.stat(ctx, dst)
	if errors.Is(err, errors.NotFound) {
		return absent
	}
	return err
}

func (s *Store) mutate(ctx context.Context, op, key, path string) (unclear bool, err error) {
	return s.run.do(ctx, request{op: op, key: key, try: func(ctx context.Context) error {
		return s.send(ctx, call{service: region.ServiceRs, method: http.MethodPost, path: path}, nil)
	}})
}

// thawObject asks for an archived object to become readable.
func (s *Store) thawObject(ctx context.Context, key string) error {
	path := fmt.Sprintf("/restoreAr/%s/freezeAfterDays/%d", s.entry(key), s.set.thawDays)
	_, err := s.mutate(ctx, "kodo.thaw", key, path)
	var a *answerError
	if stderrors.As(err, &a) && a.code == http.StatusBadRequest && strings.Contains(a.text, "already") {
		return nil
	}
	return err
}
