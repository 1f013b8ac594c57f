package kodotest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/client"
	"github.com/qiniu/go-sdk/v7/storage"
	"github.com/qiniu/go-sdk/v7/storagev2/credentials"
	"github.com/qiniu/go-sdk/v7/storagev2/downloader"
	"github.com/qiniu/go-sdk/v7/storagev2/http_client"
	"github.com/qiniu/go-sdk/v7/storagev2/objects"
	"github.com/qiniu/go-sdk/v7/storagev2/region"
	"github.com/qiniu/go-sdk/v7/storagev2/resolver"
	"github.com/qiniu/go-sdk/v7/storagev2/uploader"
	"github.com/qiniu/go-sdk/v7/storagev2/uplog"

	"github.com/alluxio-go/alluxio/ufs/kodo/etag"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

func TestMain(m *testing.M) {
	uplog.DisableUplog() // the SDK would send logs to its maker
	tmp, err := os.MkdirTemp("", "kodotest")
	if err != nil {
		panic(err)
	}
	os.Setenv("TMPDIR", tmp) // the SDK's caches
	code := m.Run()
	os.RemoveAll(tmp)
	os.Exit(code)
}

func start(t *testing.T) *kodotest.Instance {
	t.Helper()
	return kodotest.Start(t, kodotest.Options{
		Dir:     t.TempDir(),
		Buckets: []kodotest.Bucket{{Name: "bucket", Private: true}},
	})
}

// sdkOptions point the second-generation SDK at the server.
func sdkOptions(srv *kodotest.Instance) http_client.Options {
	here := region.Endpoints{Preferred: []string{srv.URL()}}
	return http_client.Options{
		Credentials:         credentials.NewCredentials("ak", "sk"),
		Regions:             &region.Region{RegionID: "z0", Up: here, Io: here, IoSrc: here, Rs: here, Rsf: here, Api: here, Bucket: here},
		UseInsecureProtocol: true,
		Resolver:            resolver.NewEmptyResolver(),
	}
}

// The unmodified Go SDK: upload by form and by parts, stat, list, copy, move,
// delete, batch.
func TestGoSDK(t *testing.T) {
	srv, ctx := start(t), context.Background()
	opts := sdkOptions(srv)
	up := uploader.NewUploadManager(&uploader.UploadManagerOptions{Options: opts, PartSize: 4 << 20, MultiPartsThreshold: 4 << 20})
	for key, size := range map[string]int{"small": 1000, "dir/large": 9 << 20} {
		data := bytes.Repeat([]byte("abcdefg"), size/7+1)[:size]
		file := filepath.Join(t.TempDir(), "data")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var ret struct{ Hash, Key string }
		err := up.UploadFile(ctx, file, &uploader.ObjectOptions{BucketName: "bucket", ObjectName: &key, FileName: "data"}, &ret)
		if err != nil || ret.Key != key || ret.Hash != etag.Of(data) {
			t.Fatalf("upload of %s: %+v, %v", key, ret, err)
		}
		if got, err := srv.Get("bucket", key); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%s is stored as %d bytes, %v", key, len(got), err)
		}
	}
	bucket := objects.NewObjectsManager(&objects.ObjectsManagerOptions{Options: opts}).Bucket("bucket")
	st, err := bucket.Object("dir/large").Stat().NeedParts(true).Call(ctx)
	if err != nil || st.Size != 9<<20 || !slices.Equal(st.Parts, []int64{4 << 20, 4 << 20, 1 << 20}) {
		t.Errorf("stat: %+v, %v", st, err)
	}
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	must("copy", bucket.Object("small").CopyTo("bucket", "copy 中").Call(ctx))
	must("move", bucket.Object("copy 中").MoveTo("bucket", "moved").Call(ctx))
	if code := codeOf(bucket.Object("small").CopyTo("bucket", "moved").Call(ctx)); code != 614 {
		t.Errorf("copy over an object: %d", code)
	}
	must("delete", bucket.Object("moved").Delete().Call(ctx))
	if code := codeOf(bucket.Object("moved").Delete().Call(ctx)); code != 612 {
		t.Errorf("second delete: %d", code)
	}
	var keys []string
	list := bucket.List(ctx, nil)
	for o := (objects.ObjectDetails{}); list.Next(&o); {
		keys = append(keys, o.Name)
	}
	must("list", list.Error())
	if !slices.Equal(keys, []string{"dir/large", "small"}) {
		t.Errorf("list: %q", keys)
	}
}

func codeOf(err error) int {
	if info, ok := err.(*client.ErrorInfo); ok {
		return info.Code
	}
	return 0
}

func TestGoSDKDownload(t *testing.T) {
	srv, ctx := start(t), context.Background()
	data := bytes.Repeat([]byte("0123456789"), 1<<20)
	key := "dir/a b&+中?.bin"
	if err := srv.Put("bucket", key, data); err != nil {
		t.Fatal(err)
	}
	opts := sdkOptions(srv)
	creds := credentials.NewCredentials("ak", "sk")
	urls := downloader.SignURLsProvider(downloader.NewStaticDomainBasedURLsProvider([]string{srv.URL()}),
		downloader.NewCredentialsSigner(creds), &downloader.SignOptions{TTL: time.Minute})
	mgr := downloader.NewDownloadManager(&downloader.DownloadManagerOptions{Options: opts})
	var got bytes.Buffer
	n, err := mgr.DownloadToWriter(ctx, key, &got, &downloader.ObjectOptions{
		GenerateOptions:      downloader.GenerateOptions{BucketName: "bucket", UseInsecureProtocol: true},
		DownloadURLsProvider: urls,
	})
	if err != nil || n != uint64(len(data)) || !bytes.Equal(got.Bytes(), data) {
		t.Errorf("download: %d bytes, %v", n, err)
	}
	mac := auth.New("ak", "sk")
	link := storage.MakePrivateURLv2(mac, srv.URL(), key, time.Now().Add(time.Hour).Unix())
	resp, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(body, data) {
		t.Errorf("private link: %d, %d bytes, %v", resp.StatusCode, len(body), err)
	}
}

// The first-generation SDK: block upload, region query, listing, batch.
func TestGoSDKv1(t *testing.T) {
	srv, ctx := start(t), context.Background()
	mac := auth.New("ak", "sk")
	storage.SetUcHosts(srv.URL())
	defer storage.SetUcHosts()
	if _, err := storage.GetRegion("ak", "bucket"); err != nil {
		t.Fatalf("region query: %v", err)
	}
	cfg := &storage.Config{Region: &storage.Region{
		SrcUpHosts: []string{srv.Addr}, CdnUpHosts: []string{srv.Addr},
		RsHost: srv.Addr, RsfHost: srv.Addr, ApiHost: srv.Addr, IovipHost: srv.Addr,
	}}
	data := bytes.Repeat([]byte{7}, 9<<20)
	var ret storage.PutRet
	token := (&storage.PutPolicy{Scope: "bucket:blocks"}).UploadToken(mac)
	if err := storage.NewResumeUploader(cfg).Put(ctx, &ret, token, "blocks", bytes.NewReader(data), int64(len(data)), nil); err != nil {
		t.Fatalf("block upload: %v", err)
	}
	if ret.Hash != etag.Of(data) {
		t.Errorf("block upload has hash %s", ret.Hash)
	}
	token = (&storage.PutPolicy{Scope: "bucket:form"}).UploadToken(mac)
	if err := storage.NewFormUploader(cfg).Put(ctx, &ret, token, "form", bytes.NewReader(data[:100]), 100, nil); err != nil {
		t.Fatalf("form upload: %v", err)
	}
	mgr := storage.NewBucketManager(mac, cfg)
	items, _, _, more, err := mgr.ListFiles("bucket", "", "", "", 10)
	if err != nil || more || len(items) != 2 || items[0].Key != "blocks" || items[1].Key != "form" {
		t.Errorf("list: %v, %v, %v", items, more, err)
	}
	rets, err := mgr.Batch([]string{
		storage.URICopy("bucket", "form", "bucket", "c", true), storage.URIStat("bucket", "form"), storage.URIDelete("bucket", "none"),
	})
	if err != nil || len(rets) != 3 || rets[0].Code != 200 || rets[1].Data.Fsize != 100 || rets[2].Code != 612 {
		t.Errorf("batch: %+v, %v", rets, err)
	}
	if info, err := mgr.Stat("bucket", "c"); err != nil || info.Fsize != 100 {
		t.Errorf("stat: %+v, %v", info, err)
	}
	names, err := mgr.Buckets(true)
	if err != nil || !slices.Equal(names, []string{"bucket"}) {
		t.Errorf("buckets: %q, %v", names, err)
	}
	if _, err := storage.NewBucketManager(auth.New("ak", "other"), cfg).Stat("bucket", "c"); codeOf(err) != 401 {
		t.Errorf("wrong secret: %v", err)
	}
}

// Hostile keys reach the object that they name, on their own, unclean paths.
func TestHostileKeys(t *testing.T) {
	srv := start(t)
	mac := auth.New("ak", "sk")
	for _, key := range []string{"/lead", "a//b", "a/../b", "../x", ".", "a?b#c%41", "list", "stat/x", "v4/query", "buckets", "tab\tnl\n", "ü 中", "+&=;,"} {
		if err := srv.Put("bucket", key, []byte(key)); err != nil {
			t.Fatal(err)
		}
		link := fmt.Sprintf("%s/%s", srv.URL(), escape(key))
		link = fmt.Sprintf("%s?e=%d", link, time.Now().Add(time.Hour).Unix())
		resp, err := http.Get(link + "&token=" + mac.Sign([]byte(link)))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || string(body) != key {
			t.Errorf("%q: %d %q", key, resp.StatusCode, body)
		}
	}
}

// escape escapes every byte of a key.
func escape(key string) string {
	var b bytes.Buffer
	for i := range len(key) {
		if key[i] == '/' {
			b.WriteByte('/')
		} else {
			fmt.Fprintf(&b, "%%%02X", key[i])
		}
	}
	return b.String()
}

// State survives the server, and its folder shows the objects as files.
func TestStateFolder(t *testing.T) {
	dir := t.TempDir()
	opts := kodotest.Options{AccessKey: "ak", SecretKey: "sk", Dir: dir, Buckets: []kodotest.Bucket{{Name: "bucket"}}}
	first, err := kodotest.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	long := base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{1}, 400))
	for _, key := range []string{"a/b/c.txt", "a/b", "gone", "..", long, "dir/"} {
		if err := first.Put("bucket", key, []byte("1"+key)); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Put("bucket", "a/b/c.txt", []byte("new")); err != nil {
		t.Fatal(err)
	}
	shown, err := os.ReadFile(filepath.Join(dir, "objects/bucket/a/b/c.txt"))
	if err != nil || string(shown) != "new" {
		t.Errorf("the folder shows %q, %v", shown, err)
	}
	if err := deleteObject(first, "a/b/c.txt"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "objects/bucket/a")); err == nil {
		t.Error("the folder keeps empty folders")
	}
	// No Close: a killed server has not closed anything either.
	f, err := os.OpenFile(filepath.Join(dir, "state.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"bucket":"bucket","delete":"a/`)
	f.Close()
	second, err := kodotest.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if got, want := second.Keys("bucket"), []string{"..", long, "a/b", "dir/", "gone"}; !sameSet(got, want) {
		t.Errorf("keys %q", got)
	}
	if got, err := second.Get("bucket", long); err != nil || string(got) != "1"+long {
		t.Errorf("got %q, %v", got, err)
	}
}

// deleteObject deletes an object by a request.
func deleteObject(s *kodotest.Server, key string) error {
	r := httptest.NewRequest(http.MethodPost, "http://kodo.test/delete/"+base64.URLEncoding.EncodeToString([]byte("bucket:"+key)), nil)
	token, err := auth.New("ak", "sk").SignRequestV2(r)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Qiniu "+token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return fmt.Errorf("%d %s", w.Code, w.Body)
	}
	return nil
}

func sameSet(a, b []string) bool {
	slices.Sort(b)
	return slices.Equal(a, b)
}
