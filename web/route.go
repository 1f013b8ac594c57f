package web

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Access says who may call a route.
type Access uint8

// The policies. The zero value is none: a route must choose.
const (
	// Everyone may call it: it shows nothing of files or logs.
	Everyone Access = iota + 1
	// Files may be called by everyone unless
	// alluxio.web.file.info.enabled=false: it shows names or contents of files
	// or logs.
	Files
	// Local may be called by programs on this machine, not by browsers.
	Local
)

const (
	requestTimeout  = 30 * time.Second
	maxRequestBytes = 64 << 10
	maxPathBytes    = 8 << 10
)

// route is one method and path of a handler.
type route struct {
	method string
	path   string // of http.ServeMux, without the method
	access Access
	handle http.HandlerFunc
}

// routerOptions are what every route goes through.
type routerOptions struct {
	fileInfo bool
	cors     bool
	logger   *slog.Logger
	notFound http.HandlerFunc
}

// newRouter serves routes. A route without a policy is a bug, and a panic.
func newRouter(routes []route, o routerOptions) http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		if r.access < Everyone || r.access > Local {
			panic(fmt.Sprintf("web: %s %s does not say who may call it", r.method, r.path))
		}
		mux.HandleFunc(r.method+" "+r.path, o.guard(r))
	}
	return o.wrap(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		var refusal statusOnly
		h.ServeHTTP(&refusal, r)
		if refusal.code != http.StatusMethodNotAllowed {
			o.notFound(w, r)
			return
		}
		w.Header().Set("Allow", refusal.Header().Get("Allow"))
		writeJSON(w, refusal.code, &Failure{"UNIMPLEMENTED", r.Method + " is not possible here."})
	})
}

// statusOnly takes the status and the headers of an answer.
type statusOnly struct {
	code   int
	header http.Header
}

func (s *statusOnly) Header() http.Header {
	if s.header == nil {
		s.header = http.Header{}
	}
	return s.header
}
func (s *statusOnly) WriteHeader(code int)        { s.code = code }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

// guard enforces a route's policy.
func (o *routerOptions) guard(r route) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		var err error
		switch r.access {
		case Files:
			if !o.fileInfo {
				err = errors.Errorf(errors.Permission, "Files and logs are not shown here (alluxio.web.file.info.enabled=false).")
			}
		case Local:
			err = checkLocal(req)
		}
		if err != nil {
			writeJSON(w, httpStatus(err), failureOf(err))
			return
		}
		r.handle(w, req)
	}
}

// checkLocal refuses callers on other machines, and browsers: a page that the
// administrator looks at could otherwise act in his place.
func checkLocal(r *http.Request) error {
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		return errors.Errorf(errors.Permission, "This address does not answer browsers. Use \"alluxio logLevel\".")
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return errors.Errorf(errors.Permission, "The caller's address %q is not understood.", r.RemoteAddr)
	}
	if ip := net.ParseIP(host); ip != nil && (ip.IsLoopback() || isOwn(ip)) {
		return nil
	}
	return errors.Errorf(errors.Permission, "Only programs on this machine may do this; the request came from %s.", host)
}

// isOwn reports whether ip is an address of this machine.
func isOwn(ip net.IP) bool {
	addrs, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(addrs, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(ip)
	})
}

const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// wrap sets the headers and limits of all answers.
func (o *routerOptions) wrap(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if o.cors && strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Access-Control-Allow-Origin", "*")
		}
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				o.logger.Error("a web request failed", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				writeJSON(w, http.StatusInternalServerError, &Failure{"INTERNAL", "The server failed; its log says how."})
			}
		}()
		if len(r.URL.RequestURI()) > maxPathBytes {
			writeJSON(w, http.StatusRequestURITooLong, &Failure{"INVALID_ARGUMENT", "The address is too long."})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		r.Body = http.MaxBytesReader(w, r.Body, maxRequestBytes)
		next(w, r.WithContext(ctx))
	})
}

// view makes the value that an endpoint encodes and a page shows. It may
// return a value with an error: then both are shown, under the error's status.
type view func(r *http.Request) (any, error)

// api answers with a view as JSON.
func api(v view) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		data, err := v(r)
		if err != nil && data == nil {
			data = failureOf(err)
		}
		writeJSON(w, httpStatus(err), data)
	}
}
