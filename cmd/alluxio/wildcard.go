package main

import (
	"context"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
)

// entry is a child of a directory, as far as wildcards need to know it.
type entry struct {
	name string
	dir  bool
}

// expand returns the paths that a pattern with "*" matches, sorted. A path
// without "*" is returned clean, existing or not. "*" matches within one
// component; a directory that matches is returned itself. NotFound when nothing
// matches.
func expand(ctx context.Context, pattern string, list func(ctx context.Context, dir string) ([]entry, error)) ([]string, error) {
	clean, err := fspath.Clean(pattern)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(clean, "*") {
		return []string{clean}, nil
	}
	matches := []string{fspath.Root}
	components := fspath.Components(clean)
	for i, component := range components {
		last := i == len(components)-1
		if matches, err = expandComponent(ctx, matches, component, last, list); err != nil {
			return nil, err
		}
	}
	if len(matches) == 0 {
		return nil, errors.Errorf(errors.NotFound, "%s does not exist.", clean)
	}
	slices.Sort(matches)
	return matches, nil
}

// expandComponent returns the children of the directories that match one
// component of a pattern. Literal components are not looked up; a parent that
// turns out not to exist, or to be a file, has no children.
func expandComponent(ctx context.Context, dirs []string, component string, last bool, list func(context.Context, string) ([]entry, error)) ([]string, error) {
	var found []string
	for _, dir := range dirs {
		if !strings.Contains(component, "*") && !last {
			found = append(found, fspath.Join(dir, component))
			continue
		}
		children, err := list(ctx, dir)
		if errors.Is(err, errors.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, child := range children {
			if (child.dir || last) && matchStars(component, child.name) {
				found = append(found, fspath.Join(dir, child.name))
			}
		}
	}
	return found, nil
}

// matchStars reports whether name matches a pattern in which "*" stands for any
// characters.
func matchStars(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(name, first) || !strings.HasSuffix(name[len(first):], last) {
		return false
	}
	name = name[len(first) : len(name)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return true
}
