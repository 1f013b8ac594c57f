package kodo

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/qiniu/go-sdk/v7/storagev2/region"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs/object"
)

// maxBatch is the most operations of one batch.
const maxBatch = 1000

// MaxBatch returns the most keys of one DeleteBatch or MoveBatch.
func (s *Store) MaxBatch() int { return maxBatch }

// DeleteBatch deletes the keys in one request, and a few more if some fail in a
// way that another attempt may mend.
func (s *Store) DeleteBatch(ctx context.Context, keys []string) []error {
	ops := make([]string, len(keys))
	for i, key := range keys {
		ops[i] = "/delete/" + s.entry(key)
	}
	errs, _ := s.batch(ctx, "kodo.delete", ops, func(i int) string { return keys[i] })
	for i, err := range errs {
		if errors.Is(err, errors.NotFound) {
			errs[i] = nil
		}
	}
	return errs
}

// MoveBatch moves each pair's source over its destination, likewise.
func (s *Store) MoveBatch(ctx context.Context, pairs []object.Pair) []error {
	ops := make([]string, len(pairs))
	for i, p := range pairs {
		ops[i] = "/move/" + s.entry(p.Src) + "/" + s.entry(p.Dst) + "/force/true"
	}
	errs, unclear := s.batch(ctx, "kodo.move", ops, func(i int) string { return pairs[i].Src })
	var doubtful []int
	for i, err := range errs {
		if unclear[i] && errors.Is(err, errors.NotFound) {
			doubtful = append(doubtful, i)
		}
	}
	if len(doubtful) > 0 {
		s.settleMoves(ctx, pairs, errs, doubtful)
	}
	return errs
}

// settleMoves finds out for the moves whose sources are absent, after an answer
// was lost, whether they were carried out, and changes errs.
func (s *Store) settleMoves(ctx context.Context, pairs []object.Pair, errs []error, doubtful []int) {
	ops := make([]string, len(doubtful))
	for i, at := range doubtful {
		ops[i] = "/stat/" + s.entry(pairs[at].Dst)
	}
	found, _ := s.batch(ctx, "kodo.stat", ops, func(i int) string { return pairs[doubtful[i]].Dst })
	for i, at := range doubtful {
		if !errors.Is(found[i], errors.NotFound) {
			errs[at] = found[i]
		}
	}
}

// batchItem is the answer to one operation of a batch.
type batchItem struct {
	Code int             `json:"code"`
	Data json.RawMessage `json:"data"`
}

func (b *batchItem) text() string {
	var data struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(b.Data, &data) // without a text the code says enough
	return data.Error
}

// batch runs operations that do not depend on each other. Those that failed in
// a way that may pass are sent again, without the others. unclear tells for
// each whether an attempt without an answer may have carried it out.
func (s *Store) batch(ctx context.Context, op string, ops []string, key func(int) string) (errs []error, unclear []bool) {
	errs, unclear = make([]error, len(ops)), make([]bool, len(ops))
	left := make([]int, len(ops)) // indexes of what is still to be done
	for i := range left {
		left[i] = i
	}
	_, err := s.run.do(ctx, request{op: op, key: "", try: func(ctx context.Context) error {
		items, err := s.sendBatch(ctx, ops, left)
		if err != nil {
			if judge(ctx, op, "", err, 0).unclear {
				for _, i := range left {
					unclear[i] = true
				}
			}
			return err
		}
		left, err = s.sortOut(ctx, op, key, items, left, errs, unclear)
		return err
	}})
	if err != nil {
		for _, i := range left {
			if errs[i] == nil {
				errs[i] = errors.E(op, key(i), errors.Other, err)
			}
		}
	}
	return errs, unclear
}

// sendBatch sends the operations that are left.
func (s *Store) sendBatch(ctx context.Context, ops []string, left []int) ([]batchItem, error) {
	send := make([]string, len(left))
	for i, at := range left {
		send[i] = ops[at]
	}
	var items []batchItem
	err := s.send(ctx, call{service: region.ServiceRs, method: http.MethodPost, path: "/batch", ops: send}, &items)
	if err == nil && len(items) != len(send) {
		err = badAnswerf("it has %d results for %d operations", len(items), len(send))
	}
	return items, err
}

// sortOut notes the result of each operation and returns those to send again,
// with the error of one of them.
func (s *Store) sortOut(ctx context.Context, op string, key func(int) string, items []batchItem, left []int, errs []error, unclear []bool) (again []int, err error) {
	for i, at := range left {
		item := &items[i]
		errs[at] = nil
		if item.Code == http.StatusOK {
			continue
		}
		answer := &answerError{code: item.Code, text: item.text()}
		v := judge(ctx, op, key(at), answer, s.run.clock.skew())
		errs[at] = v.err
		unclear[at] = unclear[at] || v.unclear
		if errors.Is(v.err, errors.Unavailable) {
			again = append(again, at)
			err = answer
		}
	}
	return again, err
}
