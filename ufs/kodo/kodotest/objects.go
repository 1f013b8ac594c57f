package kodotest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

const maxKeyBytes = 750

// apiError is an answer other than success.
type apiError struct {
	code int
	text string
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

var (
	errNoObject  = &apiError{612, "no such file or directory"}
	errExists    = &apiError{614, "file exists"}
	errNoBucket  = &apiError{631, "no such bucket"}
	errFrozen    = &apiError{http.StatusForbidden, "archive unrestored"}
	errBadMarker = &apiError{640, "invalid list marker"}
)

// errGone means that the client went away in the middle of its request.
var errGone = errors.New("the client is gone")

// bodyError is what an error while reading a request's body is answered with.
func bodyError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return errGone
	}
	return badRequest("reading the body: %v", err)
}

func badRequest(format string, args ...any) error {
	return &apiError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// checkKey refuses keys that the service does not store.
func checkKey(key string) error {
	switch {
	case !utf8.ValidString(key):
		return badRequest("key must be utf8 encoding")
	case len(key) > maxKeyBytes:
		return badRequest("key is longer than %d bytes", maxKeyBytes)
	}
	return nil
}

// operation runs one rs operation ("stat/<entry>", "move/<entry>/<entry>" …),
// alone or as a part of a batch.
func (s *state) operation(path string, needParts bool) (any, error) {
	fields := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(fields) < 2 {
		return nil, badRequest("invalid operation %q", path)
	}
	bucket, key, err := decodeEntry(fields[1])
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.bucket(bucket); err != nil {
		return nil, err
	}
	switch op, args := fields[0], fields[2:]; op {
	case "stat":
		if len(args) == 2 && args[0] == "needparts" {
			needParts, _ = strconv.ParseBool(args[1])
		}
		_, o, err := s.object(bucket, key)
		if err != nil {
			return nil, err
		}
		return s.describe(o, needParts), nil
	case "delete":
		return nil, s.deleteObject(bucket, key)
	case "copy", "move":
		return nil, s.transfer(op, bucket, key, args)
	default:
		return nil, s.change(op, bucket, key, args)
	}
}

// describe returns o as stat and list show it. The caller holds the lock.
func (s *state) describe(o *Object, needParts bool) map[string]any {
	m := map[string]any{"fsize": o.Size, "hash": o.Hash, "mimeType": o.Mime, "type": o.Type, "putTime": o.PutTime}
	set := func(name string, value any, on bool) {
		if on {
			m[name] = value
		}
	}
	set("endUser", o.EndUser, o.EndUser != "")
	set("status", o.Status, o.Status != 0)
	set("md5", o.MD5, o.MD5 != "")
	set("x-qn-meta", o.Meta, len(o.Meta) > 0)
	set("parts", o.Parts, needParts && len(o.Parts) > 0)
	set("expiration", o.Expires, o.Expires != 0)
	restore := o.restoreStatus(s.now())
	set("restoreStatus", restore, restore != 0)
	for name, at := range o.Transitions {
		m[name] = at
	}
	return m
}

func (s *state) deleteObject(bucket, key string) error {
	if _, _, err := s.object(bucket, key); err != nil {
		return err
	}
	return s.commit(record{Bucket: bucket, Delete: &key})
}

// transfer copies or moves an object.
func (s *state) transfer(op, bucket, key string, args []string) error {
	if len(args) == 0 {
		return badRequest("%s without destination", op)
	}
	dstBucket, dstKey, err := decodeEntry(args[0])
	if err != nil {
		return err
	}
	if err := checkKey(dstKey); err != nil {
		return err
	}
	force := len(args) == 3 && args[1] == "force" && args[2] == "true"
	_, o, err := s.object(bucket, key)
	if err != nil {
		return err
	}
	if o.frozen(s.now()) {
		return errFrozen
	}
	if _, _, err := s.object(dstBucket, dstKey); err == nil && !force {
		return errExists
	} else if err == errNoBucket {
		return err
	}
	if bucket == dstBucket && key == dstKey {
		return nil
	}
	moved := *o
	moved.Key = dstKey
	moved.Meta, moved.Transitions = maps.Clone(o.Meta), maps.Clone(o.Transitions)
	if op == "copy" {
		moved.PutTime = s.now100ns()
		moved.ThawedAt, moved.FreezesAt = 0, 0
	}
	if err := s.commit(record{Bucket: dstBucket, Put: &moved}); err != nil || op == "copy" {
		return err
	}
	return s.commit(record{Bucket: bucket, Delete: &key})
}

// change runs the operations that change an object in place.
func (s *state) change(op, bucket, key string, args []string) error {
	_, o, err := s.object(bucket, key)
	if err != nil {
		return err
	}
	changed := *o
	changed.Meta, changed.Transitions = maps.Clone(o.Meta), maps.Clone(o.Transitions)
	args, err = checkCondition(o, args)
	if err != nil {
		return err
	}
	switch op {
	case "chgm":
		err = changeMime(&changed, args)
	case "chtype":
		err = changeNumber(&changed.Type, "type", args, maxType)
	case "chstatus":
		err = changeNumber(&changed.Status, "status", args, 1)
	case "deleteAfterDays":
		err = s.setExpiry(&changed, args)
	case "lifecycle":
		err = s.setLifecycle(&changed, args)
	case "restoreAr":
		err = s.thaw(&changed, args)
	default:
		return badRequest("unknown operation %q", op)
	}
	if err != nil {
		return err
	}
	return s.commit(record{Bucket: bucket, Put: &changed})
}

// checkCondition takes "cond/<b64>" out of args and compares it with o.
func checkCondition(o *Object, args []string) ([]string, error) {
	at := slices.Index(args, "cond")
	if at < 0 || at+1 >= len(args) {
		return args, nil
	}
	text, err := base64.URLEncoding.DecodeString(args[at+1])
	if err != nil {
		return nil, badRequest("invalid cond")
	}
	have := map[string]string{"hash": o.Hash, "mime": o.Mime,
		"fsize": strconv.FormatInt(o.Size, 10), "putTime": strconv.FormatInt(o.PutTime, 10)}
	for _, pair := range strings.Split(string(text), "&") {
		name, want, _ := strings.Cut(pair, "=")
		if have[name] != want {
			return nil, &apiError{608, "condition failed"}
		}
	}
	return slices.Delete(slices.Clone(args), at, at+2), nil
}

func changeMime(o *Object, args []string) error {
	for i := 0; i+1 < len(args); i += 2 {
		value, err := base64.URLEncoding.DecodeString(args[i+1])
		if err != nil {
			return badRequest("invalid %s", args[i])
		}
		if args[i] == "mime" {
			o.Mime = string(value)
		} else if name, ok := strings.CutPrefix(args[i], metaPrefix); ok {
			if o.Meta == nil {
				o.Meta = make(map[string]string)
			}
			o.Meta[name] = string(value)
		}
	}
	return nil
}

func changeNumber(field *int, name string, args []string, most int) error {
	if len(args) != 2 || args[0] != name {
		return badRequest("no %s", name)
	}
	n, err := strconv.Atoi(args[1])
	switch {
	case err != nil || n < 0 || n > most:
		return badRequest("invalid %s %q", name, args[1])
	case n == *field:
		return badRequest("%s is %d already", name, n)
	}
	*field = n
	return nil
}

const daySeconds = 24 * 60 * 60

func (s *state) setExpiry(o *Object, args []string) error {
	if len(args) != 1 {
		return badRequest("no day count")
	}
	days, err := strconv.Atoi(args[0])
	if err != nil || days < 0 {
		return badRequest("invalid day count %q", args[0])
	}
	o.Expires = 0
	if days > 0 {
		o.Expires = s.now().Unix() + int64(days)*daySeconds
	}
	return nil
}

// lifecycleNames maps the words of a lifecycle request to those of stat.
var lifecycleNames = map[string]string{
	"toIAAfterDays": "transitionToIA", "toArchiveIRAfterDays": "transitionToArchiveIR",
	"toArchiveAfterDays": "transitionToARCHIVE", "toDeepArchiveAfterDays": "transitionToDeepArchive",
	"toIntelligentTieringAfterDays": "transitionToIntelligentTiering",
}

func (s *state) setLifecycle(o *Object, args []string) error {
	if o.Transitions == nil {
		o.Transitions = make(map[string]int64)
	}
	for i := 0; i+1 < len(args); i += 2 {
		days, err := strconv.Atoi(args[i+1])
		if err != nil {
			return badRequest("invalid %s", args[i])
		}
		at := s.now().Unix() + int64(days)*daySeconds
		name := lifecycleNames[args[i]]
		switch {
		case days == 0:
		case args[i] == "deleteAfterDays":
			o.Expires = at
			if days < 0 {
				o.Expires = 0
			}
		case name == "":
			return badRequest("unknown lifecycle rule %q", args[i])
		case days < 0:
			delete(o.Transitions, name)
		default:
			o.Transitions[name] = at
		}
	}
	return nil
}

// thawTime is how long the server takes to thaw an archived object.
const thawTime = 500 * time.Millisecond

func (s *state) thaw(o *Object, args []string) error {
	if o.Type != typeArchive && o.Type != typeDeepArchive {
		return &apiError{http.StatusForbidden, "not an archive object"}
	}
	if len(args) != 2 || args[0] != "freezeAfterDays" {
		return badRequest("no freezeAfterDays")
	}
	days, err := strconv.Atoi(args[1])
	if err != nil || days < 1 || days > 7 {
		return badRequest("invalid freezeAfterDays %q", args[1])
	}
	now := s.now()
	switch o.restoreStatus(now) {
	case 1:
		return nil
	case 2:
		return badRequest("archive already restored")
	}
	o.ThawedAt = now.Add(thawTime).UnixNano()
	o.FreezesAt = now.AddDate(0, 0, days).UnixNano()
	return nil
}

// listing is a request for one page of a list.
type listing struct {
	bucket, prefix, delimiter, marker string
	limit                             int
	needParts                         bool
	stale                             bool // answer as before the last changes
}

// page is the answer to a listing.
type page struct {
	Marker   string           `json:"marker,omitempty"`
	Prefixes []string         `json:"commonPrefixes,omitempty"`
	Items    []map[string]any `json:"items"`
}

// marker is the decoded position of a listing: the last key or common prefix.
type marker struct {
	Class int    `json:"c"`
	Key   string `json:"k"`
}

func encodeMarker(key string) string {
	text, err := json.Marshal(marker{Key: key})
	if err != nil {
		panic(err) // a struct of an int and a string
	}
	return base64.URLEncoding.EncodeToString(text)
}

func decodeMarker(s string) (string, error) {
	text, err := base64.URLEncoding.DecodeString(s)
	if err != nil {
		return "", errBadMarker
	}
	var m marker
	if err := json.Unmarshal(text, &m); err != nil {
		return "", errBadMarker
	}
	return m.Key, nil
}

// list returns one page.
func (s *state) list(q listing) (*page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bucket(q.bucket)
	if err != nil {
		return nil, err
	}
	after := ""
	if q.marker != "" {
		if after, err = decodeMarker(q.marker); err != nil {
			return nil, err
		}
	}
	if q.stale {
		b = b.before()
	}
	return s.listFrom(b, q, after), nil
}

// listFrom collects the page behind the position after.
func (s *state) listFrom(b *bucket, q listing, after string) *page {
	p := &page{Items: []map[string]any{}}
	for at, count := b.seek(q, after), 0; at < len(b.keys); count++ {
		key := b.keys[at]
		if !strings.HasPrefix(key, q.prefix) {
			break
		}
		if count == q.limit {
			p.Marker = encodeMarker(after)
			break
		}
		if common := commonPrefix(key, q.prefix, q.delimiter); common != "" {
			p.Prefixes = append(p.Prefixes, common)
			after, at = common, b.pastPrefix(common)
			continue
		}
		item := s.describe(b.objects[key], q.needParts)
		item["key"] = key
		p.Items = append(p.Items, item)
		after = key
		at++
	}
	return p
}

// seek returns the index of the first key to list behind the position after.
func (b *bucket) seek(q listing, after string) int {
	if q.marker == "" {
		at, _ := slices.BinarySearch(b.keys, q.prefix)
		return at
	}
	if q.delimiter != "" && strings.HasSuffix(after, q.delimiter) && len(after) > len(q.prefix) {
		return b.pastPrefix(after)
	}
	at, found := slices.BinarySearch(b.keys, max(q.prefix, after))
	if found && b.keys[at] == after {
		at++
	}
	return at
}

// pastPrefix returns the index of the first key behind all that start with
// prefix.
func (b *bucket) pastPrefix(prefix string) int {
	return sort.Search(len(b.keys), func(i int) bool {
		return b.keys[i] > prefix && !strings.HasPrefix(b.keys[i], prefix)
	})
}

// commonPrefix returns what key rolls up into, or "".
func commonPrefix(key, prefix, delimiter string) string {
	if delimiter == "" {
		return ""
	}
	head, _, found := strings.Cut(key[len(prefix):], delimiter)
	if !found {
		return ""
	}
	return key[:len(prefix)+len(head)+len(delimiter)]
}

// before returns b as it was before its last changes.
func (b *bucket) before() *bucket {
	old := &bucket{Bucket: b.Bucket, objects: maps.Clone(b.objects), keys: slices.Clone(b.keys)}
	for _, c := range slices.Backward(b.recent) {
		old.put(c.key, c.old)
	}
	return old
}

// batch runs up to maxBatch operations and reports whether all succeeded.
func (s *state) batch(ops []string) (results []batchResult, allGood bool) {
	allGood = true
	for _, op := range ops {
		value, err := s.operation(op, false)
		res := batchResult{Code: http.StatusOK, Data: value}
		if err != nil {
			allGood = false
			e := asAPIError(err)
			res = batchResult{e.code, map[string]string{"error": e.text}}
		}
		results = append(results, res)
	}
	return results, allGood
}

const maxBatch = 1000

type batchResult struct {
	Code int `json:"code"`
	Data any `json:"data,omitempty"`
}

// byName orders buckets.
func byName(a, b Bucket) int { return cmp.Compare(a.Name, b.Name) }
