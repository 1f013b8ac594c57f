package kodo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/qiniu/go-sdk/v7/storagev2/region"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// host is a host of the service as a property names it: "iovip.qbox.me",
// "127.0.0.1:9680" or "https://kodo.example.com".
type host struct {
	scheme string // "http", "https" or "" when not written
	name   string // host or host:port; "" when the property is not set
}

// parseHost reads the value of a host property.
func parseHost(text string) (host, error) {
	text = strings.TrimSpace(text)
	h := host{name: text}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		h.scheme, h.name = strings.ToLower(scheme), rest
	}
	h.name = strings.TrimSuffix(h.name, "/")
	switch {
	case h.scheme != "" && h.scheme != "http" && h.scheme != "https":
		return host{}, fmt.Errorf("%q has neither http:// nor https:// before its host", text)
	case h.name == "" && text != "" || strings.ContainsAny(h.name, "/?#@ \t"):
		return host{}, fmt.Errorf("%q is not a host or host:port", text)
	}
	if _, port, err := net.SplitHostPort(h.name); err == nil && port == "" {
		return host{}, fmt.Errorf("%q has no port behind its colon", text)
	}
	return h, nil
}

// private reports whether the host cannot be one of the public service: it has
// a port, is an address or names this machine. Such a host is taken for a whole
// installation (an emulator, a private cloud) that answers region queries.
func (h host) private() bool {
	if _, _, err := net.SplitHostPort(h.name); err == nil {
		return true
	}
	name := strings.Trim(h.name, "[]")
	return net.ParseIP(name) != nil || name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// url returns the host with a scheme.
func (h host) url(https bool) string {
	switch {
	case h.scheme != "":
		return h.scheme + "://" + h.name
	case https:
		return "https://" + h.name
	}
	return "http://" + h.name
}

// address returns host:port to dial.
func (h host) address(https bool) string {
	if _, _, err := net.SplitHostPort(h.name); err == nil {
		return h.name
	}
	if h.scheme == "https" || h.scheme == "" && https {
		return net.JoinHostPort(strings.Trim(h.name, "[]"), "443")
	}
	return net.JoinHostPort(strings.Trim(h.name, "[]"), "80")
}

// publicUC are the hosts of the public service that answer region queries.
var publicUC = []string{"uc.qiniuapi.com", "kodo-config.qiniuapi.com"}

// publicRegions are the regions of the public service.
var publicRegions = []string{"z0", "cn-east-2", "z1", "z2", "cn-northwest-1", "na0", "as0", "ap-southeast-2", "ap-southeast-3"}

// regionOfEndpoint returns the region whose download host name is, "" for any
// other host. The classic guide names them iovip[-region].qbox.me.
func regionOfEndpoint(name string) string {
	for _, domain := range []string{".qbox.me", ".qiniuio.com"} {
		if label, ok := strings.CutSuffix(name, domain); ok {
			if label == "iovip" {
				return "z0"
			}
			if id, ok := strings.CutPrefix(label, "iovip-"); ok && isRegion(id) {
				return id
			}
		}
	}
	return ""
}

func isRegion(id string) bool {
	for _, r := range publicRegions {
		if r == id {
			return true
		}
	}
	return false
}

// hosts are the hosts of each role, best first, with or without a scheme.
type hosts struct {
	region           string
	up, rs, rsf, api []string
	io               []string // of the origin, to download from
}

// publicHosts returns the hosts of a region of the public service. The download
// host of a bucket is not among them: it is the bucket's own.
func publicHosts(id string) hosts {
	return hosts{
		region: id,
		up:     []string{"up-" + id + ".qiniup.com", "upload-" + id + ".qiniup.com"},
		rs:     []string{"rs-" + id + ".qiniuapi.com"},
		rsf:    []string{"rsf-" + id + ".qiniuapi.com"},
		api:    []string{"api-" + id + ".qiniuapi.com"},
	}
}

// route tells where each request goes. It is the SDK's RegionsProvider.
type route struct {
	base string // "scheme://host" of download links
	dial string // host:port that downloads go to; "" for that of the link

	mu struct {
		sync.Mutex
		hosts hosts
	}
}

// GetRegions returns the bucket's region for the SDK.
func (r *route) GetRegions(context.Context) ([]*region.Region, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &r.mu.hosts
	endpoints := func(names []string) region.Endpoints {
		return region.Endpoints{Preferred: append([]string(nil), names...)}
	}
	return []*region.Region{{
		RegionID: h.region, Up: endpoints(h.up), Rs: endpoints(h.rs), Rsf: endpoints(h.rsf),
		Api: endpoints(h.api), Io: endpoints(h.io), IoSrc: endpoints(h.io),
	}}, nil
}

// rotateUp moves the first upload host behind the others, after it failed.
func (r *route) rotateUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if up := r.mu.hosts.up; len(up) > 1 {
		r.mu.hosts.up = append(append([]string(nil), up[1:]...), up[0])
	}
}

// findRoute finds the hosts of the bucket: as the properties say, by the region
// they name or imply, or by asking the service.
func findRoute(ctx context.Context, set settings, client httpDoer) (*route, error) {
	h, err := findHosts(ctx, set, client)
	if err != nil {
		return nil, err
	}
	override := func(list *[]string, by host) {
		if by.name != "" {
			*list = []string{by.url(set.https)}
		}
	}
	override(&h.up, set.up)
	override(&h.rs, set.rs)
	override(&h.rsf, set.rsf)
	r := &route{}
	r.mu.hosts = h
	return r, r.setDownload(set, h.io)
}

// setDownload decides how downloads are addressed. As in the classic
// integration the link is made for downloadhost while endpoint is connected to.
func (r *route) setDownload(set settings, origins []string) error {
	link := set.downloadHost
	if link.name == "" && set.endpoint.private() {
		link = set.endpoint
	}
	if link.name == "" && len(origins) > 0 {
		origin, err := parseHost(origins[0])
		if err != nil {
			return errors.Errorf(errors.Invalid, "The region query named the download host %q: %w.", origins[0], err)
		}
		r.base = origin.url(set.https)
		return nil
	}
	if link.name == "" {
		return errors.Errorf(errors.Invalid, "Property %s is not set; it is the domain bound to the bucket %q.", keyDownloadHost, set.bucket)
	}
	if link.scheme == "" {
		link.scheme = set.endpoint.scheme
	}
	https := link.scheme == "https"
	r.base = link.url(https)
	if set.endpoint.name != "" {
		r.dial = set.endpoint.address(https)
	}
	return nil
}

func findHosts(ctx context.Context, set settings, client httpDoer) (hosts, error) {
	switch {
	case set.up.name != "" && set.rs.name != "" && set.rsf.name != "" && set.downloadHost.name != "":
		return hosts{region: set.region}, nil
	case set.region != "" && set.uc.name == "" && !set.endpoint.private():
		if !isRegion(set.region) {
			return hosts{}, errors.Errorf(errors.Invalid, "Property %s is %q, which is none of %s.", keyRegion, set.region, strings.Join(publicRegions, ", "))
		}
		if set.downloadHost.name != "" {
			return publicHosts(set.region), nil
		}
	case set.uc.name == "" && regionOfEndpoint(set.endpoint.name) != "" && set.downloadHost.name != "":
		return publicHosts(regionOfEndpoint(set.endpoint.name)), nil
	}
	return queryHosts(ctx, set, client)
}

// queryHosts asks for the hosts of the bucket.
func queryHosts(ctx context.Context, set settings, client httpDoer) (hosts, error) {
	var servers []string
	switch {
	case set.uc.name != "":
		servers = []string{set.uc.url(set.https)}
	case set.endpoint.private():
		servers = []string{set.endpoint.url(set.https)}
	default:
		for _, name := range publicUC {
			servers = append(servers, host{name: name}.url(set.https))
		}
	}
	var err error
	for _, server := range servers {
		var h hosts
		if h, err = queryServer(ctx, set, client, server); err == nil {
			return h, nil
		}
		if !errors.Is(err, errors.Unavailable) {
			break
		}
	}
	return hosts{}, err
}

// queryAnswer is the answer of a region query. Several entries are a bucket
// kept in several regions; the first is its home.
type queryAnswer struct {
	Hosts []struct {
		Region               string
		Up, Rs, Rsf, API, IO roleDomains
		IOSrc                roleDomains `json:"io_src"`
		Error                string
	}
	Error string
}

type roleDomains struct {
	Domains    []string
	Old        []string
	AccDomains []string `json:"acc_domains"`
}

// A region query is tried queryAttempts times, for queryTimeout each: somebody
// waits for the mount.
const (
	queryAttempts = 3
	queryTimeout  = 10 * time.Second
)

func queryServer(ctx context.Context, set settings, client httpDoer, server string) (h hosts, err error) {
	link := server + "/v4/query?" + url.Values{"ak": {set.accessKey}, "bucket": {set.bucket}}.Encode()
	for attempt := range queryAttempts {
		if attempt > 0 {
			if err := sleep(ctx, set.backoff<<attempt); err != nil {
				return hosts{}, err
			}
		}
		h, err = queryOnce(ctx, set, client, link)
		if !errors.Is(err, errors.Unavailable) {
			return h, err
		}
	}
	return h, err
}

func queryOnce(ctx context.Context, set settings, client httpDoer, link string) (hosts, error) {
	ctx, cancel := context.WithTimeout(ctx, min(set.timeout, queryTimeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return hosts{}, errors.E("kodo region query", "", errors.Invalid, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return hosts{}, errors.Errorf(errors.Unavailable, "Asking %s for the hosts of bucket %q: %w. "+
			"If it cannot be reached from here, set %s, or %s and %s.", req.URL.Host, set.bucket, unwrapURL(err), keyUCHost, keyRegion, keyDownloadHost)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, mib))
	if err != nil {
		return hosts{}, errors.E("kodo region query", req.URL.Host, errors.Unavailable, err)
	}
	var answer queryAnswer
	jsonErr := json.Unmarshal(body, &answer)
	if resp.StatusCode != http.StatusOK {
		return hosts{}, queryRefused(set, resp, answer.Error)
	}
	if jsonErr != nil || len(answer.Hosts) == 0 {
		return hosts{}, errors.Errorf(errors.Unavailable, "%s answered a region query with something else; "+
			"is %s a Kodo host? Properties %s and %s name others.", req.URL.Host, req.URL.Host, keyUCHost, keyEndpoint)
	}
	home := answer.Hosts[0]
	return hosts{
		region: home.Region,
		up:     append(home.Up.Domains, home.Up.Old...), rs: home.Rs.Domains, rsf: home.Rsf.Domains, api: home.API.Domains,
		io: append(home.IOSrc.Domains, home.IO.Domains...),
	}, nil
}

func queryRefused(set settings, resp *http.Response, text string) error {
	reqid := resp.Header.Get("X-Reqid")
	switch {
	case resp.StatusCode == codeNoBucket || strings.Contains(text, "no such bucket"):
		return errors.Errorf(errors.NotFound, "The bucket %q does not exist, or belongs to another account (%s, X-Reqid %s). "+adviseBucket, set.bucket, text, reqid)
	case strings.Contains(text, "accesskey is not found") || resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return errors.Errorf(errors.Permission, "Kodo does not know the access key in property %s (%s, X-Reqid %s).", keyAccessKey, text, reqid)
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return errors.Errorf(errors.Unavailable, "%s answered a region query with %d %s (X-Reqid %s).", resp.Request.URL.Host, resp.StatusCode, text, reqid)
	}
	return errors.Errorf(errors.Invalid, "%s refused a region query for bucket %q: %d %s (X-Reqid %s).", resp.Request.URL.Host, set.bucket, resp.StatusCode, text, reqid)
}
