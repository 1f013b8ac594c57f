package web

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPages(t *testing.T) {
	all := handlers(t)
	for _, c := range []struct {
		process, target string
		status          int
		want            []string
	}{
		{"master", "/", 200, []string{"Alluxio Summary", "m:19998", "Storage Usage Summary", "MEM", "alluxio.x", "journal disk"}},
		{"master", "/overview", 200, []string{`aria-current="page">Overview`}},
		{"master", "/browse", 200, []string{"Enter a Path", "&lt;script&gt;alert(1)", "Next ›", "-rw-r--r--"}},
		{"master", "/browse?path=/dir&offset=20", 200, []string{"file020", "‹ Previous", "<span>2</span>"}},
		{"master", "/browse?path=/f", 200, []string{"abcdefghij", "Detailed blocks information", "Next 5 KB"}},
		{"master", "/browse?path=/f0640", 200, []string{"only its owner and group"}},
		{"master", "/browse?path=/missing", 404, []string{"NOT_FOUND", "does not exist", "Enter a Path"}},
		{"master", "/data", 200, []string{"/cached0"}},
		{"master", "/logs", 200, []string{"master.log"}},
		{"master", "/logs?path=master.log", 200, []string{"a line of the log", "18000 bytes"}},
		{"master", "/logs?path=nothing.log", 404, []string{"NOT_FOUND"}},
		{"master", "/config", 200, []string{"fs.kodo.secretkey", "******", "White List"}},
		{"master", "/masters", 200, []string{"Primary Master", "n"}},
		{"master", "/workers", 200, []string{`href="http://w1:30000/"`, "gone", "/broken", `<tr class="tier"><td colspan="4">SSD</td><td class="num">3072.00MB</td>`}},
		{"master", "/metrics", 200, []string{"60.00%", "FilesCreated", "kodo://b", "Cache hit ratio", "80.0%", "Fetch amplification", "1.00", "Writes of the journal", "500 ms"}},
		{"master", "/stacks", 200, []string{"goroutine profile"}},
		{"master", "/mounttable", 200, []string{"kodo://b/d", "fs.kodo.secretkey=******", "refused", "UNKNOWN"}},
		{"master", "/nothing", 404, []string{"There is nothing at /nothing"}},
		{"worker", "/", 200, []string{"Worker Summary", "w1:29999", "<td>HDD</td><td>SSD</td><td>/hdd", "input/output error", `href="http://m:19999/"`}},
		{"worker", "/blockInfo", 200, []string{"/named", "In HDD"}},
		{"worker", "/blockInfo?path=/named", 200, []string{"MEM", "HDD"}},
		{"worker", "/blockInfo?path=/unknown", 404, []string{"NOT_FOUND"}},
		{"worker", "/metrics", 200, []string{"Cache hit ratio", "Blocks evicted", "No data yet"}},
		{"worker", "/config", 200, []string{"alluxio.logs.dir"}},
		{"worker", "/logs", 200, []string{"master.log"}},
		{"worker", "/static/style.css", 200, []string{"body"}},
		{"worker", "/static/app.js", 200, []string{"refresh"}},
	} {
		w := do(all[c.process].handler, http.MethodGet, c.target)
		body := w.Body.String()
		if w.Code != c.status {
			t.Errorf("%s %s: %d, want %d", c.process, c.target, w.Code, c.status)
		}
		for _, want := range c.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s %s does not show %q", c.process, c.target, want)
			}
		}
		if strings.Contains(body, "<script>alert") || strings.Contains(body, " style=") || strings.Contains(body, "ZgotmplZ") {
			t.Errorf("%s %s: unescaped or inline content", c.process, c.target)
		}
		if !strings.HasPrefix(c.target, "/static") && !strings.Contains(body, "</html>") {
			t.Errorf("%s %s: the page is not whole", c.process, c.target)
		}
	}
}

func TestSizeText(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 5120: "5120B", 5130: "5.01KB", 3 << 20: "3072.00KB", 5 << 30: "5120.00MB", 1 << 60: "1024.00PB", 12 << 40: "12.00TB"} {
		if got := sizeText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestDates(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 6e6, time.UTC)
	for pattern, want := range map[string]string{
		"MM-dd-yyyy HH:mm:ss:SSS": "01-02-2026 15:04:05:006",
		"yyyy-MM-dd'T'HH:mm":      "2026-01-02T15:04",
		"d MMM yy, h:mm a":        "2 Jan 26, 3:04 PM",
		"EEE 'unclosed":           "Fri unclosed",
	} {
		if got := (dates{pattern}).text(at); got != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
	if got := (dates{"yyyy"}).text(time.Time{}); got != "" {
		t.Errorf("no time: %q", got)
	}
}

func TestModeText(t *testing.T) {
	for _, c := range []struct {
		dir      bool
		mode     uint16
		extended bool
		want     string
	}{
		{true, 0o755, false, "drwxr-xr-x"}, {false, 0o640, true, "-rw-r-----+"}, {false, 0, false, "----------"},
	} {
		if got := modeText(c.dir, c.mode, c.extended); got != c.want {
			t.Errorf("%o: %s, want %s", c.mode, got, c.want)
		}
	}
}

func TestWindowText(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ntext":                 "plain\ntext",
		"caf\xc3\xa9":                 "café",
		"cut \xe2\x82":                "cut \uFFFD",
		"\x82\xac after a cut":        "\uFFFD after a cut",
		"\x00\x01bin\xffary and more": "00000100  00 01 62 69 6e ff 61 72 79 20 61 6e 64 20 6d 6f  |..bin.ary and mo|\n00000110  72 65                                            |re|\n",
	} {
		if got := windowText([]byte(in), 256); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestPager(t *testing.T) {
	text := func(total int, offset, limit string) string {
		var out []string
		for _, l := range pager(total, map[string][]string{"offset": {offset}, "limit": {limit}}) {
			if l.Query == "" {
				l.Text = "[" + l.Text + "]"
			}
			out = append(out, l.Text)
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct{ got, want string }{
		{text(20, "0", "20"), ""},
		{text(21, "0", "20"), "[1] 2 Next ›"},
		{text(200, "100", "20"), "‹ Previous 1 […] 4 5 [6] 7 8 […] 10 Next ›"},
		{text(200, "180", "20"), "‹ Previous 1 […] 8 9 [10]"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
