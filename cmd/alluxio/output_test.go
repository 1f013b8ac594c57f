package main

import (
	"testing"
	"time"
)

func TestSizeText(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "-1B", 0: "0B", 5120: "5120B", 5121: "5.00KB", 5130: "5.01KB", 3 << 20: "3072.00KB", 5 << 30: "5120.00MB", 11456000000: "10.67GB", 9 << 50: "9.00PB",
	} {
		if got := sizeText(n); got != want {
			t.Errorf("sizeText(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestModeText(t *testing.T) {
	for _, c := range []struct {
		mode          uint32
		dir, extended bool
		want          string
	}{{0o755, true, false, "drwxr-xr-x"}, {0o640, false, true, "-rw-r-----+"}, {0, false, false, "----------"}} {
		if got := modeText(c.mode, c.dir, c.extended); got != c.want {
			t.Errorf("%o = %s, want %s", c.mode, got, c.want)
		}
	}
}

func TestFormatJava(t *testing.T) {
	at := time.Date(2019, 6, 4, 15, 2, 45, 248e6, time.FixedZone("CET", 3600))
	for pattern, want := range map[string]string{
		"MM-dd-yyyy HH:mm:ss:SSS":        "06-04-2019 15:02:45:248",
		"yyyy-MM-dd'T'HH:mm:ssXXX":       "2019-06-04T15:02:45+01:00",
		"EEE, d MMM yy h:mm a 'o''clock": "Tue, 4 Jun 19 3:02 PM oclock",
		"EEEE MMMM Z":                    "Tuesday June +0100",
		"''":                             "'",
	} {
		if got := formatJava(pattern, at); got != want {
			t.Errorf("%q = %q, want %q", pattern, got, want)
		}
	}
}

func TestUptimeText(t *testing.T) {
	if got := uptimeText(26*time.Hour + 3*time.Minute + 12*time.Second); got != "1 day(s), 2 hour(s), 3 minute(s), and 12 second(s)" {
		t.Error(got)
	}
}

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"/plain 名字 é %+":      "/plain 名字 é %+",
		"a\x1b[31mred\nnl\t":  `a\x1b[31mred\nnl\t`,
		"\u009b31m\u202e\x7f": `\u009b31m\u202e\x7f`,
		"bad\xff\ufffd":       `bad\xff` + "\ufffd",
	} {
		if got := visible(text, ""); got != want {
			t.Errorf("visible(%q) = %q, want %q", text, got, want)
		}
	}
	if got := visible("a\nb\r", "\n"); got != "a\nb\\r" {
		t.Errorf("kept %q", got)
	}
}
