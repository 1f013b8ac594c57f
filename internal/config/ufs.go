package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// isUFSKey reports whether the property concerns under file systems.
func isUFSKey(name string) bool {
	return strings.HasPrefix(name, "alluxio.underfs.") || !strings.HasPrefix(name, "alluxio.")
}

// UFSProperties returns the properties that a store is opened with: the site's,
// defaults included, and over them a mount's options, by current names. It
// holds credentials in the clear.
func (c *Config) UFSProperties(options map[string]string) map[string]string {
	props := map[string]string{}
	for name, v := range c.values {
		if isUFSKey(name) {
			props[name] = v.text
		}
	}
	for name, text := range options {
		if found, err := findName(name); err == nil {
			name = found.name
		}
		props[name] = text
	}
	return props
}

// RootMountOptions returns the properties set for the root mount alone
// (alluxio.master.mount.table.root.option.*), by their nested names. It holds
// credentials in the clear.
func (c *Config) RootMountOptions() map[string]string {
	options := map[string]string{}
	for name, v := range c.values {
		if nested, ok := strings.CutPrefix(name, RootOptionPrefix); ok {
			options[nested] = v.text
		}
	}
	return options
}

// CheckMountOptions returns a mount's options by their current names. The error,
// of kind Invalid, names what is not a store's property or does not parse.
func CheckMountOptions(options map[string]string) (map[string]string, error) {
	checked := make(map[string]string, len(options))
	for _, name := range slices.Sorted(maps.Keys(options)) {
		value := strings.TrimSpace(options[name])
		found, err := findName(name)
		if err != nil {
			return nil, err
		}
		if !isUFSKey(found.name) && found.name != UserBlockSizeBytesDefault.name {
			return nil, errors.Errorf(errors.Invalid, "%s is not an option of a mount: it is not a property of a store.", name)
		}
		if value == "" {
			return nil, errors.Errorf(errors.Invalid, "The mount option %s has no value.", name)
		}
		if found.key != nil {
			if _, err := found.key.parse(value); err != nil {
				return nil, errors.Errorf(errors.Invalid, "The mount option %s=%s %w.", name, shown(found.key, name, value), err)
			}
		}
		checked[found.name] = value
	}
	return checked, nil
}

// MaskOptions returns options with credentials masked, for listings and logs.
func MaskOptions(options map[string]string) map[string]string {
	masked := maps.Clone(options)
	for name := range masked {
		if IsCredential(name) {
			masked[name] = Masked
		}
	}
	return masked
}
