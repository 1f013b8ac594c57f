package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseBytes parses a size such as "64MB", "1.5g" or "4096".
func ParseBytes(s string) (int64, error) {
	num := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := strings.ToLower(s[len(num):])
	shift, ok := byteUnits[unit]
	if !ok || num == "" || strings.Trim(num, "0123456789.-") != "" {
		return 0, fmt.Errorf("is not a size (write 64MB, 1.5GB, 4096)")
	}
	if n, err := strconv.ParseInt(num, 10, 64); err == nil {
		if n < 0 || n > math.MaxInt64>>shift {
			return 0, fmt.Errorf("is not a size between 0 and 8EiB")
		}
		return n << shift, nil
	}
	f, err := strconv.ParseFloat(num, 64)
	if err != nil {
		return 0, fmt.Errorf("is not a size (write 64MB, 1.5GB, 4096)")
	}
	f *= float64(int64(1) << shift)
	if f < 0 || f >= math.MaxInt64 {
		return 0, fmt.Errorf("is not a size between 0 and 8EiB")
	}
	// Alluxio adds the same tiny amount, so that 0.1g and the like do not lose a byte.
	return int64(f + 0.0001), nil
}

// byteUnits maps lower-case units to powers of two.
var byteUnits = map[string]uint{
	"": 0, "b": 0,
	"k": 10, "kb": 10, "ki": 10, "kib": 10,
	"m": 20, "mb": 20, "mi": 20, "mib": 20,
	"g": 30, "gb": 30, "gi": 30, "gib": 30,
	"t": 40, "tb": 40, "ti": 40, "tib": 40,
	"p": 50, "pb": 50, "pi": 50, "pib": 50,
}

// ParseDuration parses a duration such as "5min", "-1" or "30" (milliseconds).
// Amounts beyond what time.Duration holds (292 years) become its limits.
func ParseDuration(s string) (time.Duration, error) {
	num := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit, ok := durationUnits[strings.ToLower(s[len(num):])]
	n, err := strconv.ParseInt(num, 10, 64)
	if !ok || err != nil || strings.HasPrefix(num, "+") {
		return 0, fmt.Errorf("is not a duration (write 500ms, 30s, 5min, 2h, 1day; whole numbers only)")
	}
	switch {
	case n > math.MaxInt64/int64(unit):
		return math.MaxInt64, nil
	case n < math.MinInt64/int64(unit):
		return math.MinInt64, nil
	}
	return time.Duration(n) * unit, nil
}

// durationUnits maps lower-case units to their length.
var durationUnits = map[string]time.Duration{
	"": time.Millisecond, "ms": time.Millisecond, "millisecond": time.Millisecond,
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hour": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
}

// SplitList splits a comma-separated value; items are trimmed, empty ones left
// out.
func SplitList(s string) []string {
	var items []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func parseOctal(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o7777 {
		return 0, fmt.Errorf("is not an octal mode (write 022 or 0755)")
	}
	return uint32(n), nil
}

// parse turns the text of a value into its Go form and checks it.
func (k *Key) parse(text string) (any, error) {
	v, err := k.parseKind(text)
	if err == nil && k.check != nil {
		err = k.check(v)
	}
	return v, err
}

func (k *Key) parseKind(text string) (any, error) {
	switch k.kind {
	case KindBool:
		return parseBool(text)
	case KindInt:
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("is not a whole number")
		}
		return n, nil
	case KindFloat:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("is not a number")
		}
		return f, nil
	case KindBytes:
		return ParseBytes(text)
	case KindDuration:
		return ParseDuration(text)
	case KindEnum:
		return k.oneOf(text, strings.ToUpper(text))
	case KindClass:
		return k.oneOf(text, text[strings.LastIndexByte(text, '.')+1:])
	case KindList:
		return SplitList(text), nil
	case KindBytesList:
		return parseBytesList(text)
	case KindSecret:
		return Secret{text}, nil
	}
	return text, nil
}

func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("is neither true nor false")
}

// oneOf returns the allowed value that short is, in its own spelling.
func (k *Key) oneOf(text, short string) (string, error) {
	if k.values == nil {
		return short, nil
	}
	for _, v := range k.values {
		if strings.EqualFold(v, short) {
			return v, nil
		}
	}
	return "", fmt.Errorf("is none of %s", strings.Join(k.values, ", "))
}

func parseBytesList(text string) ([]int64, error) {
	items := SplitList(text)
	sizes := make([]int64, len(items))
	for i, item := range items {
		n, err := ParseBytes(item)
		if err != nil {
			return nil, fmt.Errorf("holds %q, which %w", item, err)
		}
		sizes[i] = n
	}
	return sizes, nil
}

// asInt64 returns the number in v, if it is one.
func asInt64(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case time.Duration:
		return int64(n), true
	}
	return 0, false
}
