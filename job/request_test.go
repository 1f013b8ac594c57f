package job

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// The files of testdata were written by java.io.ObjectOutputStream from the
// classes of Alluxio 2.9.3.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReadJava(t *testing.T) {
	o, err := readJava(sample(t, "load-workers.bin"))
	if err != nil {
		t.Fatal(err)
	}
	if o.class != loadClass || o.fields["mFilePath"] != "/数据/\x00x😀" || o.fields["mReplication"] != int32(3) ||
		o.fields["mBatchSize"] != int32(20) || o.fields["mDirectCache"] != false {
		t.Errorf("read %+v", o)
	}
	for field, want := range map[string][]string{
		"mWorkerSet": {"worker1", "worker2"}, "mExcludedWorkerSet": {"worker3"},
		"mLocalityIds": {"rack1"}, "mExcludedLocalityIds": nil, // the last is Collections.emptySet()
	} {
		if got, err := texts(field, o.fields[field]); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %q, %v; want %q", field, got, err, want)
		}
	}
	o, err = readJava(sample(t, "migrate.bin"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"mSource": "/from", "mDestination": "/to", "mOverwrite": true, "mBatchSize": int32(20),
		"mWriteType": javaEnum{"alluxio.client.WriteType", "CACHE_THROUGH"},
	}
	if o.class != migrateClass || !reflect.DeepEqual(o.fields, want) {
		t.Errorf("read %+v", o)
	}
}

func TestParseRequest(t *testing.T) {
	got, err := parseRequest(sample(t, "load.bin"))
	if want := (loadRequest{path: "/data/a", replicas: 1}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("parsed %+v, %v; want %+v", got, err, want)
	}
	load := string(sample(t, "load.bin"))
	for _, test := range []struct {
		name, stream, text string
		kind               errors.Kind
	}{
		{"copies and hosts", string(sample(t, "load-workers.bin")), "setReplication --min 3", errors.Unsupported},
		{"a copy", string(sample(t, "migrate.bin")), "distributedCp", errors.Unsupported},
		{"a list", string(sample(t, "other.bin")), "is not one of Alluxio 2.9's requests", errors.Invalid},
		{"nothing", "", "not a serialized Java object", errors.Invalid},
		{"text", "hello, world", "not a serialized Java object", errors.Invalid},
		{"half", load[:len(load)/2], "cut off", errors.Invalid},
		{"more behind it", load + "x", "not a single Java object", errors.Invalid},
		{"another version", strings.Replace(load, "\xb6\xe1\xe0\x47", "\xb6\xe1\xe0\x48", 1), "is not one of Alluxio 2.9's requests", errors.Invalid},
		{"another field type", strings.Replace(load, "I\x00\x0amBatchSize", "J\x00\x0amBatchSize", 1), "of kind 'J'", errors.Invalid},
		{"no path", strings.Replace(load, "t\x00\x07/data/a", "p", 1), "lacks its path", errors.Invalid},
		{"a set in place of the path", strings.Replace(load, "t\x00\x07/data/a", "q\x00\x7e\x00\x05", 1), "lacks its path", errors.Invalid},
		{"a text in place of a set", strings.Replace(load, "t\x00\x07/data/asq\x00\x7e\x00\x04w\x0c\x00\x00\x00\x10?@\x00\x00\x00\x00\x00\x00x", "t\x00\x07/data/aq\x00\x7e\x00\x01", 1), "not a set", errors.Invalid},
		{"a far reference", strings.Replace(load, "t\x00\x07/data/a", "q\x00\x7f\x00\x05", 1), "not in it", errors.Invalid},
		{"too long", load + strings.Repeat("x", maxStreamBytes), "are the limit", errors.Invalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseRequest([]byte(test.stream))
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v (%v), want %v with %q", err, errors.KindOf(err), test.kind, test.text)
			}
		})
	}
}

// A class that names itself as its super class does not make the reader run in
// circles.
func TestClassIsItsOwnSuper(t *testing.T) {
	load := string(sample(t, "load.bin"))
	looped := strings.Replace(load, "q\x00\x7e\x00\x01xp\x00\x00\x00\x14", "q\x00\x7e\x00\x01xq\x00\x7e\x00\x00\x00\x00\x00\x14", 1)
	if looped == load {
		t.Fatal("the sample has another form")
	}
	if _, err := readJava([]byte(looped)); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Errorf("got %v", err)
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, name := range []string{"load.bin", "load-workers.bin", "migrate.bin", "migrate-must.bin", "other.bin"} {
		f.Add(sample(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		req, err := parseRequest(b)
		if err == nil && req.replicas > 1 {
			t.Errorf("accepted %+v", req)
		}
		if kind := errors.KindOf(err); err != nil && kind != errors.Invalid && kind != errors.Unsupported {
			t.Errorf("refused with %v: %v", kind, err)
		}
	})
}
