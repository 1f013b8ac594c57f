package kodo

import (
	"bytes"
	"context"
	stderrors "errors"
	"hash/crc32"
	"time"

	"github.com/qiniu/go-sdk/v7/client"
	"github.com/qiniu/go-sdk/v7/storagev2/apis"
	complete "github.com/qiniu/go-sdk/v7/storagev2/apis/resumable_upload_v2_complete_multipart_upload"
	"github.com/qiniu/go-sdk/v7/storagev2/http_client"
	"github.com/qiniu/go-sdk/v7/storagev2/uptoken"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs/kodo/etag"
	"github.com/alluxio-go/alluxio/ufs/object"
)

// Put starts writing the object at key. An object of one part goes up in one
// request; a larger one in parallel parts.
func (s *Store) Put(ctx context.Context, key string, opts object.PutOptions) (object.Upload, error) {
	return object.NewUpload(ctx, parts{s}, key, object.UploadOptions{
		PutOptions: opts,
		PartSize:   partSizes(int64(s.set.partBytes), opts.SizeHint),
		Parallel:   s.set.uploadThreads,
	}), nil
}

// partSizes returns the size of each part of an upload. Parts of 4 MiB give an
// object the hash that can be computed from its bytes alone. There can be only
// 10000 parts: a large expected size makes all of them larger, an unexpected
// one the last tenth.
func partSizes(size, hint int64) func(n int) int {
	if hint > size*maxParts {
		size = (hint/(maxParts*9/10)/mib + 1) * mib
	}
	expected := hint > 0
	return func(n int) int {
		grown := size
		switch {
		case expected && int64(n)*size <= hint+size: // as planned
		case n > maxParts*95/100:
			grown = 64 * size
		case n > maxParts*9/10:
			grown = 16 * size
		}
		return int(min(grown, maxPart))
	}
}

// tokenLife is how long an upload token is good for. Each request gets a new
// one, so an upload may last longer.
const tokenLife = time.Hour

// token makes upload tokens for one key. It is the SDK's token provider.
type token struct {
	s    *Store
	key  string
	opts object.PutOptions
}

func (t *token) policy() uptoken.PutPolicy {
	p := make(uptoken.PutPolicy).SetScope(t.s.set.bucket + ":" + t.key).
		SetDeadline(t.s.run.clock.now().Add(tokenLife).Unix())
	if t.opts.Exclusive {
		p = p.SetInsertOnly(1)
	}
	if t.s.set.storageClass != 0 {
		p = p.SetFileType(int64(t.s.set.storageClass))
	}
	return p
}

// GetPutPolicy returns the policy of the tokens.
func (t *token) GetPutPolicy(context.Context) (uptoken.PutPolicy, error) { return t.policy(), nil }

// GetAccessKey returns the access key of the tokens.
func (t *token) GetAccessKey(context.Context) (string, error) { return t.s.set.accessKey, nil }

// GetUpToken returns a new token.
func (t *token) GetUpToken(ctx context.Context) (string, error) {
	return t.s.signPolicy(t.policy())
}

// parts implements object.Parts.
type parts struct{ s *Store }

// uploaded is the answer to a finished upload.
type uploaded struct {
	Hash string `json:"hash"`
	Key  string `json:"key"`
}

// memory is a body that the SDK can rewind.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// send runs one upload request. After a failure without an answer the next
// attempt goes to another host, if there is one.
func (p parts) send(ctx context.Context, q request) (unclear bool, err error) {
	try := q.try
	q.try = func(ctx context.Context) error {
		p.s.metrics.sent(int64(q.size))
		err := try(ctx)
		var answer *client.ErrorInfo
		if err != nil && !stderrors.As(err, &answer) {
			p.s.route.rotateUp()
		}
		return err
	}
	return p.s.run.do(ctx, q)
}

// PutWhole stores an object by one form upload.
func (p parts) PutWhole(ctx context.Context, key string, data []byte, opts object.PutOptions) (object.Object, error) {
	want := etag.Of(data)
	begun := p.s.run.clock.now()
	unclear, err := p.send(ctx, request{op: "kodo.put", key: key, size: len(data), try: func(ctx context.Context) error {
		var answer uploaded
		_, err := p.s.sdk.PostObject(ctx, &apis.PostObjectRequest{
			ObjectName:   &key,
			UploadToken:  &token{p.s, key, opts},
			Crc32:        int64(crc32.ChecksumIEEE(data)),
			File:         http_client.MultipartFormBinaryData{Data: memory{bytes.NewReader(data)}, Name: "file"},
			ResponseBody: &answer,
		}, nil)
		if err == nil && answer.Hash != want {
			err = badAnswerf("it stored an object of hash %q instead of %s", answer.Hash, want)
		}
		return err
	}})
	return p.settle(ctx, key, want, int64(len(data)), begun, unclear, err)
}

// settle finds out, after the last request of an upload failed although an
// attempt may have made the object, whether it is there.
func (p parts) settle(ctx context.Context, key, want string, size int64, begun time.Time, unclear bool, err error) (object.Object, error) {
	made := object.Object{Key: key, Size: size, ModTime: p.s.run.clock.now().Truncate(time.Second), Version: want}
	if err == nil || !unclear {
		return made, err
	}
	st, statErr := p.s.stat(ctx, key)
	if statErr == nil && st.Hash == want && st.Size == size && !st.object(key).ModTime.Before(begun.Add(-clockSlack)) {
		return st.object(key), nil
	}
	if errors.Is(err, errors.NotFound) { // "no such upload", but no such object either
		err = errors.E("kodo.put", key, errors.Unavailable, err)
	}
	return object.Object{}, err
}

// clockSlack is how much the service's clock may seem to go back.
const clockSlack = 3 * time.Second

// Begin starts a multipart upload.
func (p parts) Begin(ctx context.Context, key string, opts object.PutOptions) (id string, err error) {
	_, err = p.send(ctx, request{op: "kodo.begin", key: key, try: func(ctx context.Context) error {
		answer, err := p.s.sdk.ResumableUploadV2InitiateMultipartUpload(ctx, &apis.ResumableUploadV2InitiateMultipartUploadRequest{
			BucketName: p.s.set.bucket, ObjectName: &key, UpToken: &token{p.s, key, opts},
		}, nil)
		if err == nil {
			id = answer.UploadId
		}
		return err
	}})
	return id, err
}

// PutPart uploads one part and compares the service's hash of it.
func (p parts) PutPart(ctx context.Context, key, id string, number int, data []byte) (tag string, err error) {
	want := etag.Of(data)
	_, err = p.send(ctx, request{op: "kodo.part", key: key, size: len(data), try: func(ctx context.Context) error {
		answer, err := p.s.sdk.ResumableUploadV2UploadPart(ctx, &apis.ResumableUploadV2UploadPartRequest{
			BucketName: p.s.set.bucket, ObjectName: &key, UploadId: id, PartNumber: int64(number),
			UpToken: &token{p.s, key, object.PutOptions{}}, Body: memory{bytes.NewReader(data)},
		}, nil)
		if err == nil && answer.Etag != want {
			err = badAnswerf("it stored part %d with hash %q instead of %s", number, answer.Etag, want)
		}
		return err
	}})
	if errors.Is(err, errors.NotFound) {
		err = errors.E("kodo.part", key, errors.Unavailable, err)
	}
	return want, err
}

// Complete makes the object of its parts. An upload that is unknown after an
// attempt without an answer has been completed by that, if the object is there.
func (p parts) Complete(ctx context.Context, key, id string, list []object.Part, opts object.PutOptions) (object.Object, error) {
	tags := make([]etag.Part, len(list))
	infos := make(complete.Parts, len(list))
	var size int64
	for i, part := range list {
		tags[i] = etag.Part{Size: part.Size, Etag: part.Tag}
		infos[i].PartNumber, infos[i].Etag = int64(part.Number), part.Tag
		size += part.Size
	}
	want, err := etag.Compose(tags)
	if err != nil {
		return object.Object{}, errors.E("kodo.complete", key, errors.Internal, err)
	}
	begun := p.s.run.clock.now()
	unclear, err := p.send(ctx, request{op: "kodo.complete", key: key, try: func(ctx context.Context) error {
		var answer uploaded
		_, err := p.s.sdk.ResumableUploadV2CompleteMultipartUpload(ctx, &apis.ResumableUploadV2CompleteMultipartUploadRequest{
			BucketName: p.s.set.bucket, ObjectName: &key, UploadId: id, Parts: infos,
			UpToken: &token{p.s, key, opts}, ResponseBody: &answer,
		}, nil)
		if err == nil && answer.Hash != want {
			err = badAnswerf("it made an object of hash %q instead of %s", answer.Hash, want)
		}
		return err
	}})
	if errors.Is(err, errors.NotFound) {
		unclear = true
	}
	return p.settle(ctx, key, want, size, begun, unclear, err)
}

// AbortParts drops an upload.
func (p parts) AbortParts(ctx context.Context, key, id string) error {
	_, err := p.send(ctx, request{op: "kodo.abort", key: key, try: func(ctx context.Context) error {
		_, err := p.s.sdk.ResumableUploadV2AbortMultipartUpload(ctx, &apis.ResumableUploadV2AbortMultipartUploadRequest{
			BucketName: p.s.set.bucket, ObjectName: &key, UploadId: id, UpToken: &token{p.s, key, object.PutOptions{}},
		}, nil)
		return err
	}})
	if errors.Is(err, errors.NotFound) {
		return nil
	}
	return err
}
