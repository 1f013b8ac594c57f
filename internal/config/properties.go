package config

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// pair is one line (with its continuations) of a properties file.
type pair struct {
	name, value string
	line        int // where it begins, from 1
}

// parseProperties reads a Java .properties file: "#" and "!" begin comments, the
// name ends at "=", ":" or a blank, a backslash at the end continues a line and
// otherwise escapes (\t \n \r \f \uXXXX). The text is UTF-8, or Latin-1 when it
// is not valid UTF-8, as Java wrote it once.
func parseProperties(data []byte) ([]pair, error) {
	text := string(data)
	if !utf8.Valid(data) {
		text = fromLatin1(data)
	}
	text = strings.TrimPrefix(text, "\ufeff")
	var pairs []pair
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	for i := 0; i < len(lines); i++ {
		line, first := trimBlanks(lines[i]), i+1
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		for continues(line) && i+1 < len(lines) {
			i++
			line = line[:len(line)-1] + trimBlanks(lines[i])
		}
		name, value := splitPair(line)
		p := pair{line: first}
		var err1, err2 error
		p.name, err1 = unescape(name)
		p.value, err2 = unescape(value)
		if err1 != nil || err2 != nil {
			return nil, errors.Errorf(errors.Invalid, "line %d: \\u must be followed by four hexadecimal digits", first)
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

func fromLatin1(data []byte) string {
	runes := make([]rune, len(data))
	for i, b := range data {
		runes[i] = rune(b)
	}
	return string(runes)
}

// trimBlanks removes what Java counts as blank from the beginning of a line.
func trimBlanks(s string) string { return strings.TrimLeft(s, " \t\f") }

// continues reports whether the line ends in an odd number of backslashes.
func continues(line string) bool {
	n := len(line) - len(strings.TrimRight(line, `\`))
	return n%2 == 1
}

// splitPair cuts a line at the first unescaped separator.
func splitPair(line string) (name, value string) {
	end := len(line)
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
		} else if strings.IndexByte("=: \t\f", line[i]) >= 0 {
			end = i
			break
		}
	}
	rest := trimBlanks(line[end:])
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = trimBlanks(rest[1:])
	}
	return line[:end], rest
}

// unescape replaces backslash escapes; a lone backslash at the end is dropped.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			break
		}
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			r, n, err := unicodeEscape(s[i+1:])
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			i += n
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

// unicodeEscape reads the four digits after \u, and those of the second half of
// a surrogate pair if there is one. n is the number of bytes read.
func unicodeEscape(s string) (r rune, n int, err error) {
	r, err = hex4(s)
	if err != nil {
		return 0, 0, err
	}
	if utf16.IsSurrogate(r) && strings.HasPrefix(s[4:], `\u`) {
		if low, err := hex4(s[6:]); err == nil {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 10, nil
			}
		}
	}
	return r, 4, nil
}

func hex4(s string) (rune, error) {
	if len(s) < 4 {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(n), err
}
