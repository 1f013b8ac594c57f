package kodo

import (
	"crypto/x509"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// The properties. The first four are those of the classic integration; all
// others may be left out.
const (
	keyAccessKey    = "fs.kodo.accesskey"
	keySecretKey    = "fs.kodo.secretkey"
	keyDownloadHost = "alluxio.underfs.kodo.downloadhost"
	keyEndpoint     = "alluxio.underfs.kodo.endpoint"

	keyConnectTimeout = "alluxio.underfs.kodo.connect.timeout"
	keyRequestsMax    = "alluxio.underfs.kodo.requests.max"

	keyRegion   = "alluxio.underfs.kodo.region"
	keyUCHost   = "alluxio.underfs.kodo.uc.host"
	keyUpHost   = "alluxio.underfs.kodo.up.host"
	keyRSHost   = "alluxio.underfs.kodo.rs.host"
	keyRSFHost  = "alluxio.underfs.kodo.rsf.host"
	keyHTTPS    = "alluxio.underfs.kodo.https.enabled"
	keyTimeout  = "alluxio.underfs.kodo.request.timeout"
	keyRetryMax = "alluxio.underfs.kodo.retry.max"
	keyBackoff  = "alluxio.underfs.kodo.retry.base.sleep"

	keyPartBytes       = "alluxio.underfs.kodo.upload.part.size"
	keyUploadThreads   = "alluxio.underfs.kodo.upload.threads"
	keyRangeBytes      = "alluxio.underfs.kodo.download.range.size"
	keyDownloadThreads = "alluxio.underfs.kodo.download.threads"
	keyBufferBytes     = "alluxio.underfs.kodo.download.buffer.size"
	keyStorageClass    = "alluxio.underfs.kodo.storage.class"
	keyThaw            = "alluxio.underfs.kodo.thaw.enabled"
	keyThawDays        = "alluxio.underfs.kodo.thaw.days"
	keyVerify          = "alluxio.underfs.kodo.verify.reads"
)

// settings are a mount's properties, parsed.
type settings struct {
	bucket, prefix       string
	accessKey, secretKey string
	downloadHost         host
	endpoint             host
	region               string
	uc, up, rs, rsf      host
	https                bool // of the management and upload hosts

	connectTimeout time.Duration
	timeout        time.Duration // of one request without a large body, and between the bytes of one
	retryMax       int
	backoff        time.Duration
	requestsMax    int

	partBytes       int
	uploadThreads   int
	rangeBytes      int64
	downloadThreads int
	bufferBytes     int64 // read-ahead of all readers together
	storageClass    int
	thaw            bool
	thawDays        int
	verify          bool

	roots *x509.CertPool // who may vouch for https hosts; nil is the system's
}

const (
	mib         = 1 << 20
	minPart     = 1 * mib
	maxPart     = 1 << 30
	maxParts    = 10000
	defaultPart = 4 * mib
)

// newSettings reads the properties of a mount.
func newSettings(opts ufs.Options) (settings, error) {
	p := properties{opts: opts}
	set := settings{
		accessKey:       p.credential(keyAccessKey, "fs.kodo.accessKey"),
		secretKey:       p.credential(keySecretKey, "fs.kodo.secretKey"),
		downloadHost:    p.host(keyDownloadHost),
		endpoint:        p.host(keyEndpoint),
		region:          strings.TrimSpace(opts.String(keyRegion, "")),
		uc:              p.host(keyUCHost),
		up:              p.host(keyUpHost),
		rs:              p.host(keyRSHost),
		rsf:             p.host(keyRSFHost),
		connectTimeout:  p.duration(keyConnectTimeout, 50*time.Second),
		timeout:         p.duration(keyTimeout, time.Minute),
		retryMax:        p.number(keyRetryMax, 6, 0, 100),
		backoff:         p.duration(keyBackoff, 50*time.Millisecond),
		requestsMax:     p.number(keyRequestsMax, 64, 1, 10000),
		partBytes:       int(p.bytes(keyPartBytes, defaultPart, minPart, maxPart)),
		uploadThreads:   p.number(keyUploadThreads, 8, 1, 64),
		rangeBytes:      p.bytes(keyRangeBytes, 8*mib, 64<<10, maxPart),
		downloadThreads: p.number(keyDownloadThreads, 6, 1, 64),
		bufferBytes:     p.bytes(keyBufferBytes, 256*mib, 0, 1<<40),
		storageClass:    p.number(keyStorageClass, 0, 0, 5),
		thaw:            p.bool(keyThaw, false),
		thawDays:        p.number(keyThawDays, 1, 1, 7),
		verify:          p.bool(keyVerify, true),
	}
	set.https = p.bool(keyHTTPS, set.defaultHTTPS())
	return set, p.err
}

// defaultHTTPS tells whether management and uploads are encrypted unless a
// property says so: on the public service they are, in a private installation
// or with the emulator as its endpoint is written.
func (set *settings) defaultHTTPS() bool {
	switch {
	case set.uc.scheme != "":
		return set.uc.scheme == "https"
	case set.endpoint.private():
		return set.endpoint.scheme == "https"
	}
	return true
}

// properties reads typed values and keeps the first error.
type properties struct {
	opts ufs.Options
	err  error
}

func (p *properties) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// credential reads a required secret; other is a spelling seen in old guides.
func (p *properties) credential(key, other string) string {
	v := strings.TrimSpace(p.opts.String(key, p.opts.String(other, "")))
	if v == "" {
		p.fail(errors.Errorf(errors.Invalid,
			"Property %s is not set; mounting Kodo needs %s and %s.", key, keyAccessKey, keySecretKey))
	}
	return v
}

func (p *properties) host(key string) host {
	h, err := parseHost(p.opts.String(key, ""))
	if err != nil {
		p.fail(errors.Errorf(errors.Invalid, "Property %s: %w.", key, err))
	}
	return h
}

func (p *properties) duration(key string, def time.Duration) time.Duration {
	d, err := p.opts.Duration(key, def)
	if err == nil && d <= 0 {
		err = errors.Errorf(errors.Invalid, "Property %s must be longer than nothing.", key)
	}
	if err != nil {
		p.fail(err)
	}
	return d
}

func (p *properties) number(key string, def, least, most int) int {
	n, err := p.opts.Int(key, def)
	if err == nil && (n < least || n > most) {
		err = errors.Errorf(errors.Invalid, "Property %s is %d; it must be between %d and %d.", key, n, least, most)
	}
	if err != nil {
		p.fail(err)
	}
	return n
}

func (p *properties) bytes(key string, def, least, most int64) int64 {
	n, err := p.opts.Bytes(key, def)
	if err == nil && (n < least || n > most) {
		err = errors.Errorf(errors.Invalid, "Property %s is %d bytes; it must be between %d and %d.", key, n, least, most)
	}
	if err != nil {
		p.fail(err)
	}
	return n
}

func (p *properties) bool(key string, def bool) bool {
	b, err := p.opts.Bool(key, def)
	if err != nil {
		p.fail(err)
	}
	return b
}
