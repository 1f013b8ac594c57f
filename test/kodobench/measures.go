package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/qiniu/go-sdk/v7/storagev2/credentials"
	"github.com/qiniu/go-sdk/v7/storagev2/downloader"
	"github.com/qiniu/go-sdk/v7/storagev2/http_client"
	"github.com/qiniu/go-sdk/v7/storagev2/region"
	"github.com/qiniu/go-sdk/v7/storagev2/resolver"
	"github.com/qiniu/go-sdk/v7/storagev2/uploader"

	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/kodo"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

// measures are the figures by name.
var measures = map[string]func(ctx context.Context, size int64) (figure, error){
	"read": measureRead, "upload": measureUpload, "list": measureList, "rename": measureRename,
}

const (
	bucket  = "bench"
	latency = 20 * time.Millisecond
	perConn = 100e6 // bytes per second
)

// bench is an emulator with a store opened on it.
type bench struct {
	srv      *kodotest.Server
	addr     string
	u        ufs.UFS
	requests requestCounter
	stop     func()
}

// requestCounter counts the lines of the request log.
type requestCounter struct{ n atomic.Int64 }

func (c *requestCounter) Write(p []byte) (int, error) {
	c.n.Add(int64(bytes.Count(p, []byte{'\n'})))
	return len(p), nil
}

func newBench(ctx context.Context) (*bench, error) {
	b := &bench{}
	var err error
	b.srv, err = kodotest.New(kodotest.Options{
		AccessKey: "ak", SecretKey: "sk", RequestLog: &b.requests,
		Buckets: []kodotest.Bucket{{Name: bucket, Private: true}},
		Limits:  kodotest.Limits{Latency: latency, PerConnBytesPerSec: perConn},
	})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- b.srv.Serve(ctx, l) }()
	b.u, err = kodo.Open(ctx, "kodo://"+bucket+"/root", ufs.Options{Properties: map[string]string{
		"fs.kodo.accesskey": "ak", "fs.kodo.secretkey": "sk",
		"alluxio.underfs.kodo.endpoint": b.addr, "alluxio.underfs.kodo.downloadhost": b.addr,
	}})
	b.stop = func() {
		if b.u != nil {
			b.u.Close()
		}
		cancel()
		<-served
	}
	if err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

// sdk are the options of the SDK on its own.
func (b *bench) sdk() http_client.Options {
	here := region.Endpoints{Preferred: []string{"http://" + b.addr}}
	return http_client.Options{
		Credentials:         credentials.NewCredentials("ak", "sk"),
		Regions:             &region.Region{RegionID: "z0", Up: here, Io: here, IoSrc: here, Rs: here, Rsf: here, Api: here, Bucket: here},
		UseInsecureProtocol: true,
		Resolver:            resolver.NewEmptyResolver(),
	}
}

// zeros reads n zero bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// write writes size bytes through the store.
func (b *bench) write(ctx context.Context, path string, size int64) error {
	w, err := b.u.Create(ctx, path, ufs.CreateOptions{SizeHint: size})
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(w, zeros(size), make([]byte, 1<<20)); err != nil {
		return errors.Join(err, w.Abort(ctx))
	}
	_, err = w.Commit(ctx)
	return err
}

// timed returns how long do took.
func timed(do func() error) (time.Duration, error) {
	started := time.Now()
	err := do()
	return time.Since(started), err
}

// compare makes a figure of two times for the same bytes.
func compare(name string, size int64, ours, theirs time.Duration) figure {
	ratio := theirs.Seconds() / ours.Seconds()
	return figure{
		name: name, goal: "3 x the SDK's", met: ratio >= 3,
		value: fmt.Sprintf("%d bytes: %s, one stream of the SDK %s: %.2f x", size, rate(size, ours), rate(size, theirs), ratio),
	}
}

// measureRead reads one object from its first to its last byte.
func measureRead(ctx context.Context, size int64) (figure, error) {
	b, err := newBench(ctx)
	if err != nil {
		return figure{}, err
	}
	defer b.stop()
	if err := b.write(ctx, "object", size); err != nil {
		return figure{}, err
	}
	ours, err := timed(func() error {
		r, err := b.u.Open(ctx, "object", ufs.OpenOptions{Length: -1})
		if err != nil {
			return err
		}
		defer r.Close()
		return drain(r, size)
	})
	if err != nil {
		return figure{}, err
	}
	theirs, err := timed(func() error { return b.sdkDownload(ctx, "root/object", size) })
	return compare("read", size, ours, theirs), err
}

// drain reads size bytes.
func drain(r io.Reader, size int64) error {
	buf := make([]byte, 1<<20)
	var got int64
	for {
		n, err := r.Read(buf)
		got += int64(n)
		if err == io.EOF && got == size {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d bytes: %w", got, err)
		}
	}
}

func (b *bench) sdkDownload(ctx context.Context, key string, size int64) error {
	urls := downloader.SignURLsProvider(downloader.NewStaticDomainBasedURLsProvider([]string{"http://" + b.addr}),
		downloader.NewCredentialsSigner(credentials.NewCredentials("ak", "sk")), &downloader.SignOptions{TTL: time.Hour})
	mgr := downloader.NewDownloadManager(&downloader.DownloadManagerOptions{Options: b.sdk()})
	n, err := mgr.DownloadToWriter(ctx, key, io.Discard, &downloader.ObjectOptions{
		GenerateOptions:      downloader.GenerateOptions{BucketName: bucket, UseInsecureProtocol: true},
		DownloadURLsProvider: urls,
	})
	if err == nil && n != uint64(size) {
		err = fmt.Errorf("the SDK read %d bytes", n)
	}
	return err
}

// measureUpload writes one object.
func measureUpload(ctx context.Context, size int64) (figure, error) {
	b, err := newBench(ctx)
	if err != nil {
		return figure{}, err
	}
	defer b.stop()
	ours, err := timed(func() error { return b.write(ctx, "object", size) })
	if err != nil {
		return figure{}, err
	}
	up := uploader.NewUploadManager(&uploader.UploadManagerOptions{Options: b.sdk(), Concurrency: 1})
	key := "sdk"
	theirs, err := timed(func() error {
		return up.UploadReader(ctx, zeros(size), &uploader.ObjectOptions{BucketName: bucket, ObjectName: &key, FileName: key}, nil)
	})
	return compare("upload", size, ours, theirs), err
}

// put puts n objects below dir into the bucket, without requests.
func (b *bench) put(dir string, n int) error {
	for i := range n {
		if err := b.srv.Put(bucket, fmt.Sprintf("root/%s/%06d", dir, i), []byte("x")); err != nil {
			return err
		}
	}
	b.requests.n.Store(0)
	return nil
}

// measureList lists a directory of many objects.
func measureList(ctx context.Context, _ int64) (figure, error) {
	const keys, pages = 100_000, 100
	b, err := newBench(ctx)
	if err != nil {
		return figure{}, err
	}
	defer b.stop()
	if err := b.put("dir", keys); err != nil {
		return figure{}, err
	}
	found := 0
	took, err := timed(func() error {
		for _, err := range b.u.List(ctx, "dir", ufs.ListOptions{}) {
			if err != nil {
				return err
			}
			found++
		}
		return nil
	})
	sent := b.requests.n.Load()
	if err == nil && found != keys {
		err = fmt.Errorf("found %d keys", found)
	}
	return figure{
		name: "list", goal: fmt.Sprintf("%d requests", pages*105/100), met: sent <= pages*105/100,
		value: fmt.Sprintf("%d keys by %d requests in %v", found, sent, took.Round(time.Millisecond)),
	}, err
}

// measureRename moves a directory of many objects.
func measureRename(ctx context.Context, _ int64) (figure, error) {
	const objects, most = 10_000, 40
	b, err := newBench(ctx)
	if err != nil {
		return figure{}, err
	}
	defer b.stop()
	if err := b.put("src", objects); err != nil {
		return figure{}, err
	}
	mover, ok := ufs.As[ufs.DirRenamer](b.u)
	if !ok {
		return figure{}, errors.New("the store does not move directories")
	}
	took, err := timed(func() error { return mover.RenameDir(ctx, "src", "to/dst") })
	sent := b.requests.n.Load()
	moved := 0
	for _, key := range b.srv.Keys(bucket) {
		if strings.HasPrefix(key, "root/to/dst/") {
			moved++
		}
	}
	if err == nil && moved != objects {
		err = fmt.Errorf("%d objects have arrived", moved)
	}
	return figure{
		name: "rename", goal: fmt.Sprintf("%d requests", most), met: sent <= most,
		value: fmt.Sprintf("a directory of %d objects by %d requests in %v", objects, sent, took.Round(time.Millisecond)),
	}, err
}
