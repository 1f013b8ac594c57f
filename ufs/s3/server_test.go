package s3

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testAccess = "AKIDTEST"
	testSecret = "a-very-secret-key"
	testBucket = "bucket"
	testRegion = "us-east-1"
)

// server is a small S3: one bucket, path style, version 4 signatures.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	objects  map[string]stored
	uploads  map[string]*multipart
	requests map[string]int
	lastID   int
	// fault may answer a request instead of the server, which it tells by
	// returning true. after may do so once the request has been carried out.
	fault, after func(op string, w http.ResponseWriter) bool
}

type stored struct {
	data []byte
	etag string
	at   time.Time
}

type multipart struct {
	key   string
	begun time.Time
	parts map[int]stored
}

func newServer(t testing.TB) *server {
	s := &server{objects: map[string]stored{}, uploads: map[string]*multipart{}, requests: map[string]int{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// properties are those of a mount of the server's bucket.
func (s *server) properties() map[string]string {
	return map[string]string{
		keyAccess: testAccess, keySecret: testSecret, keyEndpoint: s.URL, keyPathStyle: "true",
		keyPartBytes: "5MB",
	}
}

type s3Error struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(s3Error{Code: code, Message: "about " + code, RequestID: "req-1"})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/xml")
	_, _ = io.WriteString(w, xml.Header)
	_ = xml.NewEncoder(w).Encode(v)
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if code := checkSignature(r, body); code != "" {
		refuse(w, http.StatusForbidden, code)
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket != testBucket {
		refuse(w, http.StatusNotFound, "NoSuchBucket")
		return
	}
	op := opOf(r, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[op]++
	if s.fault != nil && s.fault(op, w) {
		return
	}
	if s.after != nil {
		rec := httptest.NewRecorder()
		s.serve(rec, r, op, key, body)
		if s.after(op, w) {
			return
		}
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		s.mu.Unlock() // as in get
		defer s.mu.Lock()
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
		return
	}
	s.serve(w, r, op, key, body)
}

// opOf names what a request asks for.
func opOf(r *http.Request, key string) string {
	q := r.URL.Query()
	switch {
	case key == "" && q.Has("delete"):
		return "delete batch"
	case key == "" && q.Has("uploads"):
		return "list uploads"
	case key == "" && q.Has("location"):
		return "location"
	case key == "":
		return "list"
	case r.Method == http.MethodPost && q.Has("uploads"):
		return "begin"
	case r.Method == http.MethodPost:
		return "complete"
	case r.Method == http.MethodPut && q.Has("uploadId"):
		return "part"
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") != "":
		return "copy"
	case r.Method == http.MethodPut:
		return "put"
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		return "abort"
	}
	return strings.ToLower(r.Method)
}

func (s *server) serve(w http.ResponseWriter, r *http.Request, op, key string, body []byte) {
	q := r.URL.Query()
	switch op {
	case "location":
		answer(w, struct {
			XMLName xml.Name `xml:"LocationConstraint"`
			Region  string   `xml:",chardata"`
		}{Region: testRegion})
	case "list":
		s.list(w, q)
	case "head", "get":
		s.get(w, r, key)
	case "put":
		s.put(w, r, key, body)
	case "copy":
		s.copy(w, r, key)
	case "delete":
		delete(s.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case "delete batch":
		s.deleteBatch(w, r, body)
	case "begin":
		s.lastID++
		id := fmt.Sprintf("upload-%d", s.lastID)
		s.uploads[id] = &multipart{key: key, begun: time.Now(), parts: map[int]stored{}}
		answer(w, struct {
			XMLName xml.Name `xml:"InitiateMultipartUploadResult"`
			ID      string   `xml:"UploadId"`
		}{ID: id})
	case "part":
		s.putPart(w, q, body)
	case "complete":
		s.complete(w, r, key, body)
	case "abort":
		if _, ok := s.uploads[q.Get("uploadId")]; !ok {
			refuse(w, http.StatusNotFound, "NoSuchUpload")
			return
		}
		delete(s.uploads, q.Get("uploadId"))
		w.WriteHeader(http.StatusNoContent)
	case "list uploads":
		s.listUploads(w, q)
	default:
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
}

func etag(data []byte) string { return fmt.Sprintf("%x", md5.Sum(data)) }

func (s *server) store(key string, data []byte, tag string) {
	s.objects[key] = stored{data: data, etag: tag, at: time.Now().UTC()}
}

// conditional checks If-None-Match of a write.
func (s *server) conditional(w http.ResponseWriter, r *http.Request, key string) bool {
	if _, ok := s.objects[key]; ok && r.Header.Get("If-None-Match") == "*" {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return false
	}
	return true
}

func (s *server) put(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	if s.conditional(w, r, key) {
		s.store(key, body, etag(body))
		w.Header().Set("ETag", `"`+etag(body)+`"`)
	}
}

func (s *server) get(w http.ResponseWriter, r *http.Request, key string) {
	o, ok := s.objects[key]
	if !ok {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	if match := r.Header.Get("If-Match"); match != "" && match != `"`+o.etag+`"` {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	w.Header().Set("ETag", `"`+o.etag+`"`)
	if rng := r.Header.Get("Range"); rng != "" && r.Method == http.MethodGet {
		var from int
		if _, err := fmt.Sscanf(rng, "bytes=%d-", &from); err != nil || from >= len(o.data) {
			refuse(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return
		}
	}
	s.mu.Unlock() // the client may take its time, and make other requests
	defer s.mu.Lock()
	http.ServeContent(w, r, "", o.at, bytes.NewReader(o.data))
}

func (s *server) copy(w http.ResponseWriter, r *http.Request, key string) {
	src, err := url.PathUnescape(r.Header.Get("X-Amz-Copy-Source"))
	src, inBucket := strings.CutPrefix(strings.TrimPrefix(src, "/"), testBucket+"/")
	o, ok := s.objects[src]
	if err != nil || !inBucket || !ok {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	s.store(key, o.data, etag(o.data))
	answer(w, struct {
		XMLName      xml.Name `xml:"CopyObjectResult"`
		ETag         string
		LastModified string
	}{ETag: `"` + etag(o.data) + `"`, LastModified: time.Now().UTC().Format(time.RFC3339)})
}

func (s *server) putPart(w http.ResponseWriter, q url.Values, body []byte) {
	up, ok := s.uploads[q.Get("uploadId")]
	number, err := strconv.Atoi(q.Get("partNumber"))
	if !ok || err != nil {
		refuse(w, http.StatusNotFound, "NoSuchUpload")
		return
	}
	up.parts[number] = stored{data: body, etag: etag(body)}
	w.Header().Set("ETag", `"`+etag(body)+`"`)
}

func (s *server) complete(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	id := r.URL.Query().Get("uploadId")
	up, ok := s.uploads[id]
	if !ok {
		refuse(w, http.StatusNotFound, "NoSuchUpload")
		return
	}
	var req struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.Unmarshal(body, &req); err != nil {
		refuse(w, http.StatusBadRequest, "MalformedXML")
		return
	}
	var data []byte
	sum := md5.New()
	for i, p := range req.Part {
		part, ok := up.parts[p.PartNumber]
		switch {
		case !ok || strings.Trim(p.ETag, `"`) != part.etag || i > 0 && req.Part[i-1].PartNumber >= p.PartNumber:
			refuse(w, http.StatusBadRequest, "InvalidPart")
			return
		case i < len(req.Part)-1 && len(part.data) < 5<<20:
			refuse(w, http.StatusBadRequest, "EntityTooSmall")
			return
		}
		data = append(data, part.data...)
		raw := md5.Sum(part.data)
		sum.Write(raw[:])
	}
	if !s.conditional(w, r, key) {
		return
	}
	tag := fmt.Sprintf("%x-%d", sum.Sum(nil), len(req.Part))
	s.store(key, data, tag)
	delete(s.uploads, id)
	answer(w, struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket  string
		Key     string
		ETag    string
	}{Bucket: testBucket, Key: key, ETag: `"` + tag + `"`})
}

func (s *server) deleteBatch(w http.ResponseWriter, r *http.Request, body []byte) {
	var req struct {
		Object []struct{ Key string }
	}
	sum := md5.Sum(body)
	if err := xml.Unmarshal(body, &req); err != nil || len(req.Object) > 1000 || r.Header.Get("Content-Md5") != base64(sum[:]) {
		refuse(w, http.StatusBadRequest, "MalformedXML")
		return
	}
	type deleted struct{ Key string }
	var res struct {
		XMLName xml.Name  `xml:"DeleteResult"`
		Deleted []deleted `xml:"Deleted"`
	}
	for _, o := range req.Object {
		delete(s.objects, o.Key)
		res.Deleted = append(res.Deleted, deleted{o.Key})
	}
	answer(w, res)
}

func (s *server) listUploads(w http.ResponseWriter, q url.Values) {
	type upload struct {
		Key       string
		UploadID  string `xml:"UploadId"`
		Initiated string
	}
	var res struct {
		XMLName xml.Name `xml:"ListMultipartUploadsResult"`
		Upload  []upload
	}
	for id, up := range s.uploads {
		if strings.HasPrefix(up.key, q.Get("prefix")) {
			res.Upload = append(res.Upload, upload{up.key, id, up.begun.UTC().Format(time.RFC3339)})
		}
	}
	answer(w, res)
}

// list answers both versions of the listing, with names escaped as asked.
func (s *server) list(w http.ResponseWriter, q url.Values) {
	type content struct {
		Key, ETag, LastModified string
		Size                    int
	}
	type common struct{ Prefix string }
	var res struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		EncodingType          string `xml:",omitempty"`
		NextContinuationToken string `xml:",omitempty"`
		NextMarker            string `xml:",omitempty"`
		Contents              []content
		CommonPrefixes        []common
	}
	res.EncodingType = q.Get("encoding-type")
	escape := func(name string) string {
		if res.EncodingType == "url" {
			return url.QueryEscape(name)
		}
		return name
	}
	after := max(q.Get("start-after"), q.Get("marker"))
	if token := q.Get("continuation-token"); token != "" {
		raw, err := hex.DecodeString(token)
		if err != nil {
			refuse(w, http.StatusBadRequest, "InvalidArgument")
			return
		}
		after = string(raw)
	}
	limit, err := strconv.Atoi(q.Get("max-keys"))
	if err != nil || limit > 1000 {
		limit = 1000
	}
	var keys []string
	for key := range s.objects {
		if strings.HasPrefix(key, q.Get("prefix")) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	n, last := 0, ""
	for _, key := range keys {
		prefix := ""
		if rest := key[len(q.Get("prefix")):]; q.Get("delimiter") != "" {
			if i := strings.Index(rest, q.Get("delimiter")); i >= 0 {
				prefix = key[:len(key)-len(rest)+i+1]
			}
		}
		if key <= after || prefix != "" && (prefix == last || prefix == after) {
			continue
		}
		if n == limit {
			res.IsTruncated = true
			res.NextContinuationToken, res.NextMarker = hex.EncodeToString([]byte(last)), escape(last)
			break
		}
		n++
		if last = key; prefix != "" {
			last = prefix
			res.CommonPrefixes = append(res.CommonPrefixes, common{escape(prefix)})
			continue
		}
		o := s.objects[key]
		res.Contents = append(res.Contents, content{escape(key), `"` + o.etag + `"`, o.at.Format("2006-01-02T15:04:05.000Z"), len(o.data)})
	}
	answer(w, res)
}

// checkSignature verifies a request signed with Signature Version 4 and returns
// the code of the refusal, or "".
func checkSignature(r *http.Request, body []byte) string {
	auth, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return "AccessDenied"
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(auth, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	scope := strings.SplitN(fields["Credential"], "/", 2)
	if len(scope) != 2 || scope[0] != testAccess {
		return "InvalidAccessKeyId"
	}
	payload := r.Header.Get("X-Amz-Content-Sha256")
	if sum := sha256.Sum256(body); payload != "UNSIGNED-PAYLOAD" && payload != hex.EncodeToString(sum[:]) {
		return "XAmzContentSHA256Mismatch"
	}
	var headers strings.Builder
	for name := range strings.SplitSeq(fields["SignedHeaders"], ";") {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, strings.Join(strings.Fields(value), " "))
	}
	canonical := strings.Join([]string{
		r.Method, r.URL.EscapedPath(), strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20"),
		headers.String(), fields["SignedHeaders"], payload,
	}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), scope[1], hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + testSecret)
	for part := range strings.SplitSeq(scope[1], "/") {
		key = mac(key, part)
	}
	if !hmac.Equal([]byte(fields["Signature"]), []byte(hex.EncodeToString(mac(key, toSign)))) {
		return "SignatureDoesNotMatch"
	}
	return ""
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
