package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// sizeText returns a size as Alluxio prints it: a unit is used from five times
// the next larger one on ("5120B", "5.01KB", "3072.00KB").
func sizeText(n int64) string {
	if n < 0 {
		return "-1B"
	}
	units := [...]string{"B", "KB", "MB", "GB", "TB"}
	value := float64(n)
	for i, unit := range units {
		if value <= 5*1024 {
			if i == 0 {
				return strconv.FormatInt(n, 10) + unit
			}
			return fmt.Sprintf("%.2f%s", value, unit)
		}
		value /= 1024
	}
	return fmt.Sprintf("%.2fPB", value)
}

// bytesText returns a size as a plain number, or for people.
func bytesText(n int64, human bool) string {
	if human {
		return sizeText(n)
	}
	return strconv.FormatInt(n, 10)
}

// visible returns text with the characters escaped that would not be seen, or
// that a terminal would obey, except those to keep. A shell reads the escapes
// back in $'…'.
func visible(text, keep string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, "\\x%02x", text[i])
		case unicode.IsGraphic(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		default:
			escaped := strconv.QuoteRuneToASCII(r)
			b.WriteString(escaped[1 : len(escaped)-1])
		}
	}
	return b.String()
}

// modeText returns "drwxr-xr-x" for a mode; extended adds the "+" of an ACL.
func modeText(mode uint32, dir, extended bool) string {
	text := []byte("-rwxrwxrwx")
	if dir {
		text[0] = 'd'
	}
	for i := range 9 {
		if mode&(1<<(8-i)) == 0 {
			text[1+i] = '-'
		}
	}
	if extended {
		return string(text) + "+"
	}
	return string(text)
}

// percentText returns part of whole in whole percent, 0 for a whole of nothing.
func percentText(part, whole int64) string {
	if whole <= 0 {
		return "0%"
	}
	return strconv.FormatInt(int64(math.Floor(float64(part)/float64(whole)*100)), 10) + "%"
}

// uptimeText returns "0 day(s), 0 hour(s), 3 minute(s), and 12 second(s)".
func uptimeText(d time.Duration) string {
	s := int64(d / time.Second)
	return fmt.Sprintf("%d day(s), %d hour(s), %d minute(s), and %d second(s)", s/86400, s/3600%24, s/60%60, s%60)
}

// formatJava formats with the letters of Java's date patterns that have a
// meaning for a point in time; text in quotes and other characters are copied.
func formatJava(pattern string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(pattern); {
		c := pattern[i]
		if c == '\'' {
			end := strings.IndexByte(pattern[i+1:], '\'')
			if end < 0 {
				end = len(pattern) - i - 1
			}
			if end == 0 {
				b.WriteByte('\'')
			}
			b.WriteString(pattern[i+1 : i+1+end])
			i += end + 2
			continue
		}
		n := 1
		for i+n < len(pattern) && pattern[i+n] == c {
			n++
		}
		b.WriteString(javaField(c, n, t))
		i += n
	}
	return b.String()
}

// javaField formats n letters c of a Java date pattern.
func javaField(c byte, n int, t time.Time) string {
	number := func(v int) string { return fmt.Sprintf("%0*d", n, v) }
	switch c {
	case 'y':
		if n == 2 {
			return fmt.Sprintf("%02d", t.Year()%100)
		}
		return number(t.Year())
	case 'M':
		switch {
		case n >= 4:
			return t.Month().String()
		case n == 3:
			return t.Month().String()[:3]
		}
		return number(int(t.Month()))
	case 'd':
		return number(t.Day())
	case 'H':
		return number(t.Hour())
	case 'h':
		return number((t.Hour()+11)%12 + 1)
	case 'm':
		return number(t.Minute())
	case 's':
		return number(t.Second())
	case 'S':
		return number(t.Nanosecond() / 1e6)
	case 'a':
		return t.Format("PM")
	case 'E':
		if n >= 4 {
			return t.Weekday().String()
		}
		return t.Weekday().String()[:3]
	case 'z':
		return t.Format("MST")
	case 'Z':
		return t.Format("-0700")
	case 'X':
		return t.Format("Z07:00")
	}
	return strings.Repeat(string(c), n)
}
