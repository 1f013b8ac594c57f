package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLogLevel(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Method + " " + r.URL.Path + "?" + r.URL.RawQuery
		if r.URL.Query().Get("level") == "LOUD" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"statusCode":"INVALID_ARGUMENT","message":"no such level"}`)
			return
		}
		_, _ = fmt.Fprint(w, `{"level":"WARN","logName":"alluxio","message":"done"}`)
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	_, port, _ := strings.Cut(address, ":")
	in := newInstallation(t, "alluxio.worker.web.port="+port)
	if out := in.ok("logLevel", "--target", address, "--level", "warn"); out != address+"[worker]LogInfo{WARN, alluxio, done}\n" {
		t.Errorf("printed %q", out)
	}
	if got != "POST /api/v1/worker/logLevel?level=WARN&logName=alluxio" {
		t.Errorf("asked %q", got)
	}
	if out := in.ok("logLevel", "--target="+address+":master"); !strings.HasPrefix(out, address+"[master]LogInfo{") || !strings.HasPrefix(got, "POST /api/v1/master/logLevel?logName=") {
		t.Errorf("asked %q, printed %q", got, out)
	}
	in.fails(exitFailed, []string{"logLevel", "--target", address, "--level", "loud"}, "no such level", "Failed for 1 of 1 processes.")
	in.fails(exitUsage, []string{"logLevel", "--target", "nobody"}, "Unrecognized target")
	in.fails(exitUsage, []string{"logLevel", "--target", "host:4711"}, "neither a master's nor a worker's web port")
}
