package ufs

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
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
	return property(o, key, def, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			err = fmt.Errorf("is not a whole number")
		}
		return n, err
	})
}

// Bool returns the property as true or false, or def when it is not set.
func (o Options) Bool(key string, def bool) (bool, error) {
	return property(o, key, def, func(s string) (bool, error) {
		if strings.EqualFold(s, "true") || strings.EqualFold(s, "false") {
			return strings.EqualFold(s, "true"), nil
		}
		return false, fmt.Errorf("is neither true nor false")
	})
}

// Bytes returns the property as a number of bytes ("64MB"), or def when it is
// not set.
func (o Options) Bytes(key string, def int64) (int64, error) {
	return property(o, key, def, config.ParseBytes)
}

// Duration returns the property as a duration ("30sec", "500ms"; a bare number
// is milliseconds), or def when it is not set.
func (o Options) Duration(key string, def time.Duration) (time.Duration, error) {
	return property(o, key, def, config.ParseDuration)
}

func property[T any](o Options, key string, def T, parse func(string) (T, error)) (T, error) {
	s := strings.TrimSpace(o.Properties[key])
	if s == "" {
		return def, nil
	}
	v, err := parse(s)
	if err != nil {
		return def, errors.Errorf(errors.Invalid, "Property %s has the value %q, which %w.", key, s, err)
	}
	return v, nil
}
