package web

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// windowBytes is how much of a file or log is shown at once.
const windowBytes = 5 << 10

// windowStart is where the window of a request begins in a file of size bytes:
// at offset, or with end=1 (any value) so far before its end.
func windowStart(q url.Values, size int64) (int64, error) {
	offset, err := intParam(q, "offset", 0)
	if err != nil {
		return 0, err
	}
	if q.Get("end") != "" {
		offset = size - offset - windowBytes
		if q.Get("offset") == "" {
			offset = size - windowBytes
		}
	}
	return max(0, min(offset, size)), nil
}

// windowText shows bytes: as text when they are, else in hexadecimal.
func windowText(b []byte, offset int64) string {
	if isText(b) {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	var out strings.Builder
	for i := 0; i < len(b); i += 16 {
		line := b[i:min(i+16, len(b))]
		fmt.Fprintf(&out, "%08x  % -47x  |%s|\n", offset+int64(i), line, printable(line))
	}
	return out.String()
}

// isText allows for a rune cut at either end.
func isText(b []byte) bool {
	for n := 0; n < utf8.UTFMax && len(b) > 0 && !utf8.RuneStart(b[0]); n++ {
		b = b[1:]
	}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return len(b) < utf8.UTFMax && !utf8.FullRune(b)
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\x1b' && r != '\f' {
			return false
		}
		b = b[n:]
	}
	return true
}

func printable(b []byte) string {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = '.'
		if c >= ' ' && c < 0x7f {
			out[i] = c
		}
	}
	return string(out)
}
