package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

// handlers are both processes' routes and handlers.
func handlers(t *testing.T, more ...string) map[string]struct {
	routes  []route
	handler http.Handler
} {
	t.Helper()
	m := &fakeMaster{}
	mh := masterHandler(t, m, more...)
	w := newFakeWorker()
	out := map[string]struct {
		routes  []route
		handler http.Handler
	}{}
	out["master"] = struct {
		routes  []route
		handler http.Handler
	}{newMasterPages(m, m.options()).routes(), mh}
	out["worker"] = struct {
		routes  []route
		handler http.Handler
	}{newWorkerPages(w, WorkerOptions{Options: Options{Config: testConfig(t, more...)}, Names: w}).routes(), workerHandler(t, w, more...)}
	return out
}

// target is a path that the route serves.
func target(r route) string {
	return strings.NewReplacer("{$}", "", "{file}", "style.css").Replace(r.path)
}

// TestEveryRouteDeclaresWhoMayCall: each route has a policy, and the handler
// enforces it.
func TestEveryRouteDeclaresWhoMayCall(t *testing.T) {
	for process, p := range handlers(t, "alluxio.web.file.info.enabled", "false") {
		seen := map[Access]int{}
		for _, r := range p.routes {
			seen[r.access]++
			if r.access < Everyone || r.access > Local {
				t.Errorf("%s: %s %s has no policy", process, r.method, r.path)
			}
			if r.method != http.MethodGet && r.access != Local {
				t.Errorf("%s: %s %s changes something and is open to other machines", process, r.method, r.path)
			}
			got := do(p.handler, r.method, target(r), "remote", "192.0.2.7:1234").Code
			if denied := r.access != Everyone; denied != (got == http.StatusForbidden) {
				t.Errorf("%s: %s %s answers a stranger with %d", process, r.method, r.path, got)
			}
		}
		if seen[Everyone] < 10 || seen[Files] < 4 || seen[Local] != 1 {
			t.Errorf("%s: policies %v", process, seen)
		}
	}
}

func TestRouteWithoutPolicyIsRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a route without a policy was accepted")
		}
	}()
	newRouter([]route{{method: http.MethodGet, path: "/x", handle: threadDump}}, routerOptions{notFound: threadDump})
}

// TestNothingLeaks reads every route and looks for the secret; and checks the
// headers on the way.
func TestNothingLeaks(t *testing.T) {
	for process, p := range handlers(t) {
		for _, r := range p.routes {
			w := do(p.handler, r.method, target(r)+"?logName=root")
			if w.Code != http.StatusOK && w.Code != http.StatusNotImplemented {
				t.Errorf("%s: %s %s: %d %s", process, r.method, r.path, w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), secret) {
				t.Errorf("%s: %s serves the secret", process, r.path)
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Content-Security-Policy": "default-src 'none'"} {
				if got := w.Header().Get(name); !strings.HasPrefix(got, want) {
					t.Errorf("%s: %s has %s: %q", process, r.path, name, got)
				}
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: %s may be read by other origins", process, r.path)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	m := masterHandler(t, &fakeMaster{})
	for _, c := range []struct {
		name, method, target string
		header               []string
		want                 int
	}{
		{"unknown endpoint", "GET", "/api/v1/master/nothing", nil, 404},
		{"unknown page", "GET", "/nothing", nil, 404},
		{"write to a page", "POST", "/overview", nil, 405},
		{"trace", "TRACE", "/api/v1/master/info", nil, 405},
		{"level by GET", "GET", "/api/v1/master/logLevel?logName=x&level=DEBUG", nil, 405},
		{"level from afar", "POST", "/api/v1/master/logLevel?logName=x&level=DEBUG", []string{"remote", "192.0.2.7:5"}, 403},
		{"level by a page", "POST", "/api/v1/master/logLevel?logName=x&level=DEBUG", []string{"Origin", "http://m:19999"}, 403},
		{"level by a browser", "POST", "/api/v1/master/logLevel?logName=x&level=DEBUG", []string{"Sec-Fetch-Site", "same-origin"}, 403},
		{"long address", "GET", "/browse?path=/" + strings.Repeat("x", 9000), nil, 414},
		{"bad number", "GET", "/api/v1/master/webui_browse?path=/&offset=x", nil, 400},
		{"negative number", "GET", "/api/v1/master/webui_data?limit=-1", nil, 400},
		{"asset outside", "GET", "/static/..%2flayout.html", nil, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			if w := do(m, c.method, c.target, c.header...); w.Code != c.want {
				t.Errorf("%d, want %d: %s", w.Code, c.want, w.Body)
			}
		})
	}
}

func TestLogLevel(t *testing.T) {
	level := new(slog.LevelVar)
	f := &fakeMaster{conf: testConfig(t)}
	o := f.options()
	o.Level = level
	h := NewMasterHandler(f, o)
	for _, c := range []struct {
		query string
		code  int
		want  slog.Level
	}{
		{"logName=a.b&level=debug", 200, slog.LevelDebug},
		{"logName=a.b", 200, slog.LevelDebug},
		{"logName=a.b&level=LOUD", 400, slog.LevelDebug},
		{"level=WARN", 400, slog.LevelDebug},
		{"logName=a.b&level=ERROR", 200, slog.LevelError},
	} {
		w := do(h, "POST", "/api/v1/master/logLevel?"+c.query)
		if w.Code != c.code || level.Level() != c.want {
			t.Errorf("%s: %d, level %v: %s", c.query, w.Code, level, w.Body)
		}
		var got LogLevel
		if w.Code == 200 && (json.Unmarshal(w.Body.Bytes(), &got) != nil || got.LogName != "a.b" || got.Level != c.want.String()) {
			t.Errorf("%s: %s", c.query, w.Body)
		}
	}
}

func TestUIDisabled(t *testing.T) {
	for process, p := range handlers(t, "alluxio.web.ui.enabled", "false") {
		if w := do(p.handler, "GET", "/"); w.Code != 404 || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: / is %d %s", process, w.Code, w.Body)
		}
		if w := do(p.handler, "GET", "/api/v1/"+process+"/info"); w.Code != 200 {
			t.Errorf("%s: info is %d", process, w.Code)
		}
	}
}

func TestCORS(t *testing.T) {
	h := masterHandler(t, &fakeMaster{}, "alluxio.web.cors.enabled", "true")
	if got := do(h, "GET", "/api/v1/master/info").Header().Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("endpoint: %q", got)
	}
	if got := do(h, "GET", "/overview").Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("page: %q", got)
	}
}
