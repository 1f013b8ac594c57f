package kodotest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	formType  = "application/x-www-form-urlencoded"
	octetType = "application/octet-stream"
	// maxSkew is how far X-Qiniu-Date may be from the server's clock.
	maxSkew = 15 * time.Minute
)

// mac returns the signature of data as it appears in tokens.
func mac(secretKey, data string) string {
	h := hmac.New(sha1.New, []byte(secretKey))
	h.Write([]byte(data))
	return base64.URLEncoding.EncodeToString(h.Sum(nil))
}

// tok returns "accessKey:signature", the primitive of every Kodo token.
func tok(accessKey, secretKey, data string) string {
	return accessKey + ":" + mac(secretKey, data)
}

// qboxData is what an Authorization of scheme QBox signs.
func qboxData(uri, contentType string, body []byte) string {
	data := uri + "\n"
	if contentType == formType {
		data += string(body)
	}
	return data
}

// qiniuData is what an Authorization of scheme Qiniu signs.
func qiniuData(method, uri, host string, header http.Header, body []byte) string {
	var b strings.Builder
	b.WriteString(method + " " + uri + "\nHost: " + host)
	contentType := header.Get("Content-Type")
	if contentType != "" {
		b.WriteString("\nContent-Type: " + contentType)
	}
	for _, line := range qiniuHeaders(header) {
		b.WriteString("\n" + line)
	}
	b.WriteString("\n\n")
	if contentType != "" && contentType != octetType {
		b.Write(body)
	}
	return b.String()
}

// qiniuHeaders returns the "X-Qiniu-…: value" lines in signing order.
func qiniuHeaders(header http.Header) []string {
	const prefix = "X-Qiniu-"
	var lines []string
	for name, values := range header {
		name = textproto.CanonicalMIMEHeaderKey(name)
		if len(name) > len(prefix) && strings.HasPrefix(name, prefix) {
			for _, v := range values {
				lines = append(lines, name+": "+v)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// verifier checks credentials.
type verifier struct {
	keys map[string]string // access key -> secret key
	now  func() time.Time
}

var (
	errBadToken    = &apiError{http.StatusUnauthorized, "bad token"}
	errNoToken     = &apiError{http.StatusUnauthorized, "token not specified"}
	errExpired     = &apiError{http.StatusUnauthorized, "expired token"}
	errSkewed      = &apiError{http.StatusForbidden, "request time too skewed"}
	errScope       = &apiError{http.StatusForbidden, "key doesn't match with scope"}
	errWrongBucket = &apiError{http.StatusForbidden, "bucket doesn't match with scope"}
)

// check reports whether sign is the signature of any of the candidates.
func (v *verifier) check(accessKey, sign string, candidates ...string) bool {
	secret, known := v.keys[accessKey]
	if !known {
		return false
	}
	for _, data := range candidates {
		if subtle.ConstantTimeCompare([]byte(mac(secret, data)), []byte(sign)) == 1 {
			return true
		}
	}
	return false
}

// management checks the Authorization header of a management request and
// returns the scheme that was used.
func (v *verifier) management(r *http.Request, body []byte) (scheme string, err error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	accessKey, sign, _ := strings.Cut(token, ":")
	switch scheme {
	case "":
		return "", errNoToken
	case "QBox":
		var candidates []string
		for _, uri := range uriForms(r) {
			candidates = append(candidates, qboxData(uri, r.Header.Get("Content-Type"), body))
		}
		if !v.check(accessKey, sign, candidates...) {
			return scheme, errBadToken
		}
		return scheme, nil
	case "Qiniu":
		var candidates []string
		for _, uri := range uriForms(r) {
			for _, host := range hostForms(r) {
				candidates = append(candidates, qiniuData(r.Method, uri, host, r.Header, body))
			}
		}
		if !v.check(accessKey, sign, candidates...) {
			return scheme, errBadToken
		}
		return scheme, v.checkDate(r.Header.Get("X-Qiniu-Date"))
	}
	return scheme, errBadToken
}

// checkDate refuses a request made too long ago or in the future.
func (v *verifier) checkDate(date string) error {
	if date == "" {
		return nil
	}
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil {
		return &apiError{http.StatusBadRequest, "bad X-Qiniu-Date"}
	}
	if v.now().Sub(at).Abs() > maxSkew {
		return errSkewed
	}
	return nil
}

// uriForms returns the path and query of r as clients may have signed it: as
// sent, and with the path decoded.
func uriForms(r *http.Request) []string {
	query := ""
	if r.URL.RawQuery != "" {
		query = "?" + r.URL.RawQuery
	}
	forms := []string{r.URL.EscapedPath() + query}
	if r.URL.Path != r.URL.EscapedPath() {
		forms = append(forms, r.URL.Path+query)
	}
	return forms
}

// hostForms returns the host that r was sent to as clients may have signed it:
// as received; with the server's port, by clients which leave that out of the
// Host header (Java); and with the port twice (Node.js). The service itself has
// default ports, where all are the same.
func hostForms(r *http.Request) []string {
	forms := []string{r.Host}
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		return append(forms, r.Host+":"+port)
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if _, port, err := net.SplitHostPort(local.String()); err == nil {
			forms = append(forms, net.JoinHostPort(strings.Trim(r.Host, "[]"), port))
		}
	}
	return forms
}

// download checks the signed download link that r was sent with.
func (v *verifier) download(r *http.Request) error {
	cut := strings.LastIndex(r.RequestURI, "&token=")
	if cut < 0 {
		return errNoToken
	}
	signed, token := r.RequestURI[:cut], r.RequestURI[cut+len("&token="):]
	accessKey, sign, _ := strings.Cut(token, ":")
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	if !v.check(accessKey, sign, scheme+r.Host+signed, scheme+publicHost(r)+signed) {
		return errBadToken
	}
	expiry, err := strconv.ParseInt(r.URL.Query().Get("e"), 10, 64)
	if err != nil {
		return errBadToken
	}
	if v.now().Unix() > expiry {
		return errExpired
	}
	return nil
}

// policy is the part of an upload policy that the server acts on.
type policy struct {
	Scope         string `json:"scope"`
	Prefixal      int    `json:"isPrefixalScope"`
	Deadline      int64  `json:"deadline"`
	InsertOnly    int    `json:"insertOnly"`
	EndUser       string `json:"endUser"`
	ReturnBody    string `json:"returnBody"`
	ReturnURL     string `json:"returnUrl"`
	CallbackURL   string `json:"callbackUrl"`
	ForceSaveKey  bool   `json:"forceSaveKey"`
	SaveKey       string `json:"saveKey"`
	FsizeMin      int64  `json:"fsizeMin"`
	FsizeLimit    int64  `json:"fsizeLimit"`
	DetectMime    int    `json:"detectMime"`
	MimeLimit     string `json:"mimeLimit"`
	FileType      int    `json:"fileType"`
	DeleteAfterDs int    `json:"deleteAfterDays"`
}

// bucket returns the bucket of the scope; key and keyed are its key, if any.
func (p *policy) scope() (bucket, key string, keyed bool) {
	return cutEntry(p.Scope)
}

// createOnly reports whether the policy forbids replacing an object.
func (p *policy) createOnly() bool {
	_, _, keyed := p.scope()
	return p.InsertOnly != 0 || !keyed || p.Prefixal != 0
}

// upload checks an upload token and returns its policy. The deadline is judged
// by whoever commits the object (see policy.expired).
func (v *verifier) upload(token string) (*policy, error) {
	if token == "" {
		return nil, errNoToken
	}
	fields := strings.Split(token, ":")
	if len(fields) == 5 && fields[0] == "" {
		fields = fields[2:]
	}
	if len(fields) != 3 || !v.check(fields[0], fields[1], fields[2]) {
		return nil, errBadToken
	}
	text, err := base64.URLEncoding.DecodeString(fields[2])
	if err != nil {
		return nil, errBadToken
	}
	p := new(policy)
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(p); err != nil {
		return nil, &apiError{http.StatusBadRequest, "invalid put policy: " + err.Error()}
	}
	if p.CallbackURL != "" || p.ReturnURL != "" {
		return nil, &apiError{http.StatusBadRequest, "callbackUrl and returnUrl are not supported by this server"}
	}
	return p, nil
}

func (p *policy) expired(now time.Time) bool { return now.Unix() > p.Deadline }

// admits checks that the policy allows an upload to the key of the bucket. A
// nil key is one that the server is to choose.
func (p *policy) admits(bucket string, key *string) error {
	scopeBucket, scopeKey, keyed := p.scope()
	switch {
	case bucket != scopeBucket:
		return errWrongBucket
	case !keyed || key == nil:
		return nil
	case p.Prefixal != 0 && strings.HasPrefix(*key, scopeKey):
		return nil
	case p.Prefixal == 0 && *key == scopeKey:
		return nil
	}
	return errScope
}

// cutEntry splits "bucket:key" at the first colon.
func cutEntry(entry string) (bucket, key string, keyed bool) {
	return strings.Cut(entry, ":")
}

// decodeEntry decodes the URL-safe base64 of "bucket:key".
func decodeEntry(s string) (bucket, key string, err error) {
	raw, err := base64.URLEncoding.DecodeString(s)
	if err != nil {
		return "", "", &apiError{http.StatusBadRequest, "invalid entry: " + err.Error()}
	}
	bucket, key, keyed := cutEntry(string(raw))
	if !keyed {
		return "", "", &apiError{http.StatusBadRequest, "invalid entry: no key"}
	}
	return bucket, key, nil
}
