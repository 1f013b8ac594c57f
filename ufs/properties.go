package ufs

import (
	"strconv"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// String returns the property, or def when it is not set or empty.
func (o Options) String(key, def string) string {
	if v := o.Properties[key]; v != "" {
		return v
	}
	return def
}

// Int returns the property as a number, or def when it is not set. Errors, as
// with the other getters, are Invalid and name the key and its value.
func (o Options) Int(key string, def int) (int, error) {
	return property(o, key, def, "a whole number", strconv.Atoi)
}

// Bool returns the property as true or false, or def when it is not set.
func (o Options) Bool(key string, def bool) (bool, error) {
	return property(o, key, def, "true or false", func(s string) (bool, error) {
		return strconv.ParseBool(strings.ToLower(s))
	})
}

// Bytes returns the property as a number of bytes ("64MB"), or def when it is
// not set.
func (o Options) Bytes(key string, def int64) (int64, error) {
	return property(o, key, def, `a size such as "64MB"`, parseBytes)
}

// Duration returns the property as a duration ("30sec", "500ms"; a bare number
// is milliseconds), or def when it is not set.
func (o Options) Duration(key string, def time.Duration) (time.Duration, error) {
	return property(o, key, def, `a duration such as "30sec"`, parseDuration)
}

func property[T any](o Options, key string, def T, want string, parse func(string) (T, error)) (T, error) {
	s := strings.TrimSpace(o.Properties[key])
	if s == "" {
		return def, nil
	}
	v, err := parse(s)
	if err != nil {
		return def, errors.Errorf(errors.Invalid, "Property %s has the value %q, which is not %s.", key, s, want)
	}
	return v, nil
}

// unit splits "<number><letters>" and returns the two halves, the letters in
// lower case.
func unit(s string) (number, letters string) {
	i := strings.IndexFunc(s, func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' })
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.ToLower(s[i:])
}

func parseBytes(s string) (int64, error) {
	number, letters := unit(s)
	shift, ok := map[string]uint{
		"": 0, "b": 0, "k": 10, "kb": 10, "ki": 10, "kib": 10, "m": 20, "mb": 20, "mi": 20, "mib": 20,
		"g": 30, "gb": 30, "gi": 30, "gib": 30, "t": 40, "tb": 40, "ti": 40, "tib": 40, "p": 50, "pb": 50, "pi": 50, "pib": 50,
	}[letters]
	v, err := strconv.ParseFloat(number, 64)
	if bytes := v * float64(int64(1)<<shift); err == nil && ok && bytes >= 0 && bytes < 1<<62 {
		return int64(bytes + 0.0001), nil
	}
	return 0, strconv.ErrSyntax
}

func parseDuration(s string) (time.Duration, error) {
	number, letters := unit(s)
	scale, ok := map[string]time.Duration{
		"": time.Millisecond, "ms": time.Millisecond, "millisecond": time.Millisecond,
		"s": time.Second, "sec": time.Second, "second": time.Second, "m": time.Minute, "min": time.Minute, "minute": time.Minute,
		"h": time.Hour, "hr": time.Hour, "hour": time.Hour, "d": 24 * time.Hour, "day": 24 * time.Hour,
	}[letters]
	v, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !ok {
		return 0, strconv.ErrSyntax
	}
	d := time.Duration(v) * scale
	if d/scale != time.Duration(v) {
		return 0, strconv.ErrRange
	}
	return d, nil
}
