package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// sizeText writes bytes as Alluxio does: the unit changes beyond 5 × 1024.
func sizeText(n int64) string {
	const many = 5 * 1024
	if n <= many {
		return strconv.FormatInt(n, 10) + "B"
	}
	f := float64(n)
	for _, unit := range []string{"KB", "MB", "GB", "TB"} {
		if f /= 1024; f <= many {
			return fmt.Sprintf("%.2f%s", f, unit)
		}
	}
	return fmt.Sprintf("%.2fPB", f/1024)
}

// knownSize is sizeText, or "UNKNOWN" for a negative size.
func knownSize(n int64) string {
	if n < 0 {
		return "UNKNOWN"
	}
	return sizeText(n)
}

// clockText writes a duration as Alluxio does.
func clockText(d time.Duration) string {
	s := int64(d / time.Second)
	return fmt.Sprintf("%d day(s), %d hour(s), %d minute(s), and %d second(s)", s/86400, s/3600%24, s/60%60, s%60)
}

// percentOf is part of whole in percent, 0 of nothing.
func percentOf(part, whole int64) int {
	if whole <= 0 {
		return 0
	}
	return min(100, max(0, int(float64(part)/float64(whole)*100)))
}

// modeText writes permission bits as ls does.
func modeText(dir bool, mode uint16, extended bool) string {
	b := []byte("----------")
	if dir {
		b[0] = 'd'
	}
	for i := range 9 {
		if mode>>(8-i)&1 != 0 {
			b[i+1] = "rwx"[i%3]
		}
	}
	if extended {
		b = append(b, '+')
	}
	return string(b)
}

// dates writes times by a pattern of Java's SimpleDateFormat
// (alluxio.user.date.format.pattern); of its letters those that make sense
// here: y M d H h m s S a E.
type dates struct{ pattern string }

func (d dates) text(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	var b strings.Builder
	for rest := d.pattern; rest != ""; {
		c := rest[0]
		n := 1
		for n < len(rest) && rest[n] == c {
			n++
		}
		if c == '\'' {
			literal, after, _ := strings.Cut(rest[1:], "'")
			b.WriteString(literal)
			rest = after
			continue
		}
		b.WriteString(dateField(t, c, n))
		rest = rest[n:]
	}
	return b.String()
}

func (d dates) ms(ms int64) string { return d.text(time.UnixMilli(ms)) }

func dateField(t time.Time, c byte, n int) string {
	pad := func(v int) string { return fmt.Sprintf("%0*d", n, v) }
	switch c {
	case 'y':
		if n == 2 {
			return fmt.Sprintf("%02d", t.Year()%100)
		}
		return pad(t.Year())
	case 'M':
		if n > 2 {
			return t.Format([]string{"Jan", "January"}[min(n-3, 1)])
		}
		return pad(int(t.Month()))
	case 'd':
		return pad(t.Day())
	case 'H':
		return pad(t.Hour())
	case 'h':
		return pad((t.Hour()+11)%12 + 1)
	case 'm':
		return pad(t.Minute())
	case 's':
		return pad(t.Second())
	case 'S':
		return pad(t.Nanosecond() / 1e6)
	case 'a':
		return t.Format("PM")
	case 'E':
		return t.Format("Mon")
	}
	return strings.Repeat(string(c), n)
}

// intParam reads a number from the query, fallback when it is absent.
func intParam(q url.Values, name string, fallback int64) (int64, error) {
	text := q.Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, errors.Errorf(errors.Invalid, "%s=%q is not a number from 0 on.", name, text)
	}
	return n, nil
}

// paging is the part of a list that a request asks for.
type paging struct{ offset, limit int }

const (
	defaultLimit = 20
	maxLimit     = 1000
)

func pagingOf(q url.Values) (paging, error) {
	offset, err := intParam(q, "offset", 0)
	if err != nil {
		return paging{}, err
	}
	limit, err := intParam(q, "limit", defaultLimit)
	return paging{int(min(offset, 1<<31)), int(min(max(1, limit), maxLimit))}, err
}

// pageOf cuts the page out of a whole list.
func pageOf[T any](all []T, p paging) []T {
	from := min(p.offset, len(all))
	return slices.Clip(all[from:min(from+p.limit, len(all))])
}
