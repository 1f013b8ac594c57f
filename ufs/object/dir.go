package object

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// DeleteFiles deletes objects in batches.
func (u *UFS) DeleteFiles(ctx context.Context, paths []string) []error {
	errs := make([]error, len(paths))
	keys := make([]string, 0, len(paths))
	index := make([]int, 0, len(paths))
	for i, path := range paths {
		errs[i] = ufs.CheckFile("delete", path)
		if errs[i] == nil && len(u.fileKey(path)) <= u.opts.MaxKeyBytes { // a longer one is absent
			keys = append(keys, u.fileKey(path))
			index = append(index, i)
		}
	}
	for i, err := range u.deleteKeys(ctx, keys) {
		errs[index[i]] = errors.E("delete", paths[index[i]], errors.Other, err)
	}
	return errs
}

// DeleteDir deletes all keys below the directory, hidden ones and its marker
// included.
func (u *UFS) DeleteDir(ctx context.Context, path string) error {
	const op = "delete directory"
	if err := ufs.CheckFile(op, path); err != nil {
		return err
	}
	found := false
	err := u.pages(ctx, u.dirKey(path), func(objects []Object) error {
		found = true
		keys := make([]string, len(objects))
		for i := range objects {
			keys[i] = objects[i].Key
		}
		return firstOf(u.deleteKeys(ctx, keys))
	})
	if err == nil && !found {
		_, err = u.Stat(ctx, path)
		if err == nil {
			err = errors.Errorf(errors.Invalid, "not a directory")
		} else {
			err = absentIsGone(err)
		}
	}
	return errors.E(op, path, errors.Other, err)
}

// RenameDir moves all keys below src, hidden ones and the marker included.
//
// While it goes on, an empty object below dst, which listings leave out, names
// src: by it a repetition after a crash is told from a dst that was there
// before, which is refused with Exists. It also allows to take an interrupted
// move back, by the opposite move.
func (u *UFS) RenameDir(ctx context.Context, src, dst string) error {
	const op = "rename directory"
	for _, path := range []string{src, dst} {
		if err := ufs.CheckFile(op, path); err != nil {
			return err
		}
	}
	if src == dst || strings.HasPrefix(dst, src+"/") {
		return errors.E(op, src, errors.Invalid, errors.Errorf(errors.Invalid, "a directory cannot be moved into itself (%q)", dst))
	}
	if err := u.renameDir(ctx, src, dst); err != nil {
		return errors.E(op, src, errors.Other, err)
	}
	return nil
}

func (u *UFS) renameDir(ctx context.Context, src, dst string) error {
	from, to := u.dirKey(src), u.dirKey(dst)
	intent := to + intentName(from)
	opposite := from + intentName(to) // of the move that this one takes back
	resumed, err := u.has(ctx, intent)
	if err != nil {
		return err
	}
	if !resumed {
		if err := u.mayRenameDir(ctx, src, dst, opposite); err != nil {
			return err
		}
		if err := u.putEmpty(ctx, intent, PutOptions{}); err != nil {
			return err
		}
	}
	done := []string{intent}
	err = u.pages(ctx, from, func(objects []Object) error {
		pairs := make([]Pair, 0, len(objects))
		for _, o := range objects {
			if o.Key == opposite {
				done = []string{intent, opposite} // in this order: a repetition needs the latter
				continue
			}
			pairs = append(pairs, Pair{Src: o.Key, Dst: to + o.Key[len(from):]})
		}
		return u.movePairs(ctx, pairs)
	})
	for _, key := range done {
		if err == nil {
			err = u.forget(ctx, key)
		}
	}
	return err
}

// forget deletes an object that remembers a move. Whether it is gone decides
// whether the move has ended, so a delete that seems to have failed is looked
// after: otherwise a repetition might find nothing to move.
func (u *UFS) forget(ctx context.Context, key string) error {
	err := u.opts.Retry(ctx, func(ctx context.Context) error { return absentIsGone(u.store.Delete(ctx, key)) })
	if err == nil {
		return nil
	}
	if there, lookErr := u.has(ctx, key); lookErr == nil && !there {
		return nil
	}
	return err
}

// has reports whether there is an object at key.
func (u *UFS) has(ctx context.Context, key string) (bool, error) {
	if len(key) > u.opts.MaxKeyBytes {
		return false, nil
	}
	_, err := u.store.Head(ctx, key)
	if errors.Is(err, errors.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// mayRenameDir checks that src is a directory, that nothing is at dst (unless
// the object opposite tells that a move from there is to be taken back), and
// that no key becomes too long on the way.
func (u *UFS) mayRenameDir(ctx context.Context, src, dst, opposite string) error {
	info, err := u.Stat(ctx, src)
	switch {
	case err != nil:
		return err
	case !info.Dir:
		return errors.Errorf(errors.Invalid, "not a directory")
	}
	if info, err := u.Stat(ctx, dst); err == nil {
		back, err := u.has(ctx, opposite)
		if err != nil {
			return err
		}
		if !back || !info.Dir {
			return errors.Errorf(errors.Exists, "the destination %q exists already", dst)
		}
	} else if !errors.Is(err, errors.NotFound) {
		return err
	}
	from, to := u.dirKey(src), u.dirKey(dst)
	if err := u.newKey("rename directory", dst, to+intentName(from)); err != nil || len(to) <= len(from) {
		return err
	}
	return u.pages(ctx, from, func(objects []Object) error {
		for _, o := range objects {
			if err := u.newKey("rename directory", o.Key, to+o.Key[len(from):]); err != nil {
				return err
			}
		}
		return nil
	})
}

// The name of the object that remembers a directory move.
const intentPrefix = ".alluxio_ufs_moving_"

func intentName(from string) string {
	sum := sha256.Sum256([]byte(from))
	return intentPrefix + hex.EncodeToString(sum[:8])
}

func isIntent(name string) bool {
	return strings.HasPrefix(name, intentPrefix) && len(name) == len(intentPrefix)+16
}

// pages calls do for each page of the objects with the prefix.
func (u *UFS) pages(ctx context.Context, prefix string, do func([]Object) error) error {
	if len(prefix) > u.opts.MaxKeyBytes {
		return nil
	}
	req := ListRequest{Prefix: prefix, Limit: u.opts.PageSize}
	for {
		var page Page
		err := u.opts.Retry(ctx, func(ctx context.Context) (err error) {
			page, err = u.store.List(ctx, req)
			return err
		})
		if err != nil {
			return err
		}
		if len(page.Objects) > 0 {
			if err := do(page.Objects); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		req.Marker = page.Next
	}
}

// movePairs moves objects with bounded parallelism. A source that is gone has
// been moved by an earlier, unclear attempt or deleted by somebody else.
func (u *UFS) movePairs(ctx context.Context, pairs []Pair) error {
	batch, ok := u.store.(BatchMover)
	if !ok {
		return firstOf(u.each(ctx, len(pairs), func(ctx context.Context, i int) error {
			return absentIsGone(u.move(ctx, pairs[i]))
		}))
	}
	chunks := slices.Collect(slices.Chunk(pairs, batch.MaxBatch()))
	return firstOf(u.each(ctx, len(chunks), func(ctx context.Context, i int) error {
		errs := batch.MoveBatch(ctx, chunks[i])
		for i := range errs {
			errs[i] = absentIsGone(errs[i])
		}
		return firstOf(errs)
	}))
}

// deleteKeys deletes objects, in batches where the store can; the result has
// an entry a key, nil when it is gone.
func (u *UFS) deleteKeys(ctx context.Context, keys []string) []error {
	batch, ok := u.store.(BatchDeleter)
	if !ok {
		return u.each(ctx, len(keys), func(ctx context.Context, i int) error {
			return absentIsGone(u.store.Delete(ctx, keys[i]))
		})
	}
	chunks := slices.Collect(slices.Chunk(keys, batch.MaxBatch()))
	answers := make([][]error, len(chunks))
	failed := u.each(ctx, len(chunks), func(ctx context.Context, i int) error {
		answers[i] = batch.DeleteBatch(ctx, chunks[i])
		return firstOf(answers[i])
	})
	var errs []error
	for i, chunk := range chunks {
		if answers[i] == nil { // never asked
			answers[i] = slices.Repeat(failed[i:i+1], len(chunk))
		}
		errs = append(errs, answers[i]...)
	}
	return errs
}

// each calls do for 0 to n-1, at most Parallel at a time and each again as
// Retry sees fit. A failed call does not keep the others from being made; the
// end of ctx does.
func (u *UFS) each(ctx context.Context, n int, do func(ctx context.Context, i int) error) []error {
	errs := make([]error, n)
	var group errgroup.Group
	group.SetLimit(u.opts.Parallel)
	for i := range n {
		group.Go(func() error {
			if errs[i] = ctx.Err(); errs[i] == nil {
				errs[i] = u.opts.Retry(ctx, func(ctx context.Context) error { return do(ctx, i) })
			}
			return nil
		})
	}
	_ = group.Wait() // the calls leave their errors in errs
	return errs
}

// firstOf returns the first error there is.
func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func absentIsGone(err error) error {
	if errors.Is(err, errors.NotFound) {
		return nil
	}
	return err
}
