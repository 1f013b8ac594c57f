package s3

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// The properties.
const (
	keyAccess         = "s3a.accessKeyId"
	keySecret         = "s3a.secretKey"
	keyEndpoint       = "alluxio.underfs.s3.endpoint"
	keyEndpointRegion = "alluxio.underfs.s3.endpoint.region"
	keyRegion         = "alluxio.underfs.s3.region"
	keyPathStyle      = "alluxio.underfs.s3.disable.dns.buckets"
	keySecure         = "alluxio.underfs.s3.secure.http.enabled"
	keyEncrypt        = "alluxio.underfs.s3.server.side.encryption.enabled"
	keySigner         = "alluxio.underfs.s3.signer.algorithm"
	keyListV1         = "alluxio.underfs.s3.list.objects.v1"
	keyBulkDelete     = "alluxio.underfs.s3.bulk.delete.enabled"
	keyPartBytes      = "alluxio.underfs.s3.streaming.upload.partition.size"
	keyConnections    = "alluxio.underfs.s3.threads.max"
	keyRequestTimeout = "alluxio.underfs.s3.request.timeout"
	keySocketTimeout  = "alluxio.underfs.s3.socket.timeout"
	keySuffix         = "alluxio.underfs.s3.directory.suffix"
	keyProxyHost      = "alluxio.underfs.s3.proxy.host"
	keyProxyPort      = "alluxio.underfs.s3.proxy.port"
)

// S3's bounds for parts, and what is chosen without a property.
const (
	minPartBytes     = 5 << 20
	maxPartBytes     = 1 << 30 // S3 allows 5 GiB, memory does not
	firstPartBytes   = 8 << 20
	defaultPartBytes = 64 << 20
	parallelParts    = 3
)

// settings are the properties of a mount.
type settings struct {
	endpoint       string // host, or host:port
	secure         bool
	region         string // "": to be asked for
	pathStyle      bool
	creds          *credentials.Credentials
	encrypt        bool
	listV1         bool
	bulkDelete     bool
	partBytes      int
	connections    int
	requestTimeout time.Duration // of requests without a body; 0 is without
	socketTimeout  time.Duration // between two signs of life; 0 is without
	proxy          string        // "host:port" or ""
}

func newSettings(opts ufs.Options) (set settings, err error) {
	p := &props{opts: opts}
	set = settings{
		secure:         p.bool(keySecure, false),
		pathStyle:      p.bool(keyPathStyle, false),
		encrypt:        p.bool(keyEncrypt, false),
		listV1:         p.bool(keyListV1, false),
		bulkDelete:     p.bool(keyBulkDelete, true),
		partBytes:      int(p.bytes(keyPartBytes, defaultPartBytes)),
		connections:    p.int(keyConnections, 40),
		requestTimeout: p.duration(keyRequestTimeout, time.Minute),
		socketTimeout:  p.duration(keySocketTimeout, 50*time.Second),
	}
	set.secure = set.secure || set.encrypt
	if p.err != nil {
		return set, p.err
	}
	if set.connections < 1 {
		return set, errors.Errorf(errors.Invalid, "Property %s is %d; it must be at least 1.", keyConnections, set.connections)
	}
	if suffix := opts.String(keySuffix, "/"); suffix != "/" {
		return set, errors.Errorf(errors.Invalid, "Property %s is %q; only / is supported.", keySuffix, suffix)
	}
	set.partBytes = min(max(set.partBytes, minPartBytes), maxPartBytes)
	if err := set.setEndpoint(opts); err != nil {
		return set, err
	}
	if set.proxy, err = proxyOf(opts); err != nil {
		return set, err
	}
	set.creds, err = credentialsOf(opts, opts.String(keySigner, ""))
	return set, err
}

// props reads properties until one is wrong.
type props struct {
	opts ufs.Options
	err  error
}

func prop[T any](p *props, get func(string, T) (T, error), key string, def T) T {
	v, err := get(key, def)
	if err != nil && p.err == nil {
		p.err = err
	}
	return v
}

func (p *props) bool(key string, def bool) bool    { return prop(p, p.opts.Bool, key, def) }
func (p *props) int(key string, def int) int       { return prop(p, p.opts.Int, key, def) }
func (p *props) bytes(key string, def int64) int64 { return prop(p, p.opts.Bytes, key, def) }
func (p *props) duration(key string, def time.Duration) time.Duration {
	return prop(p, p.opts.Duration, key, def)
}

// setEndpoint decides where requests go and which region they are signed for. A
// scheme in the endpoint wins over the property that asks for HTTPS.
func (set *settings) setEndpoint(opts ufs.Options) error {
	endpoint := opts.String(keyEndpoint, "")
	if endpoint == "" {
		set.region = opts.String(keyRegion, opts.String(keyEndpointRegion, ""))
		set.endpoint = "s3.amazonaws.com"
		if set.region != "" {
			set.endpoint = "s3." + set.region + ".amazonaws.com"
		}
		return nil
	}
	raw := endpoint
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	} else {
		set.secure = strings.HasPrefix(raw, "https://")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return errors.Errorf(errors.Invalid, "Property %s is %q; write https://host:port.", keyEndpoint, endpoint)
	}
	set.endpoint = u.Host
	set.region = opts.String(keyEndpointRegion, s3utils.GetRegionFromURL(*u))
	if set.region == "" && u.Hostname() != "s3.amazonaws.com" {
		set.region = "us-east-1"
	}
	// A bucket cannot be a subdomain of a number.
	set.pathStyle = set.pathStyle || net.ParseIP(u.Hostname()) != nil || u.Hostname() == "localhost"
	return nil
}

func proxyOf(opts ufs.Options) (string, error) {
	host := opts.String(keyProxyHost, "")
	port, err := opts.Int(keyProxyPort, 0)
	switch {
	case err != nil:
		return "", err
	case (host == "") != (port == 0):
		return "", errors.Errorf(errors.Invalid, "Properties %s and %s must be set together.", keyProxyHost, keyProxyPort)
	case host == "":
		return "", nil
	case port < 1 || port > 65535:
		return "", errors.Errorf(errors.Invalid, "Property %s is %d, which is no port.", keyProxyPort, port)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}
