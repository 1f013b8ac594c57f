package kodotest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Object is one stored object as the server describes it.
type Object struct {
	Key     string            `json:"key"`
	Hash    string            `json:"hash"`
	Size    int64             `json:"fsize"`
	Mime    string            `json:"mimeType"`
	PutTime int64             `json:"putTime"` // 100 ns units since 1970
	Type    int               `json:"type,omitempty"`
	EndUser string            `json:"endUser,omitempty"`
	Status  int               `json:"status,omitempty"` // 1: disabled
	MD5     string            `json:"md5,omitempty"`
	Meta    map[string]string `json:"x-qn-meta,omitempty"` // keys without "x-qn-meta-"
	Parts   []int64           `json:"parts,omitempty"`
	Expires int64             `json:"expiration,omitempty"` // unix seconds
	// Transitions are the lifecycle dates, by the names of a stat response.
	Transitions map[string]int64 `json:"transitions,omitempty"`
	// ThawedAt and FreezesAt bound the time that an archived object can be
	// read, in unix nanoseconds; both 0 when nobody asked to thaw it.
	ThawedAt  int64 `json:"thawedAt,omitempty"`
	FreezesAt int64 `json:"freezesAt,omitempty"`

	content blob
}

// Classes of storage whose objects must be thawed before they can be read.
const (
	typeArchive     = 2
	typeDeepArchive = 3
	maxType         = 5
)

// restoreStatus is 0 for frozen objects, 1 for thawing, 2 for thawed ones.
func (o *Object) restoreStatus(now time.Time) int {
	switch {
	case o.FreezesAt <= now.UnixNano():
		return 0
	case o.ThawedAt > now.UnixNano():
		return 1
	}
	return 2
}

// frozen reports whether the object's bytes cannot be read now.
func (o *Object) frozen(now time.Time) bool {
	return (o.Type == typeArchive || o.Type == typeDeepArchive) && o.restoreStatus(now) != 2
}

// Bucket describes a bucket.
type Bucket struct {
	Name    string `json:"name"`
	Region  string `json:"region"`
	Private bool   `json:"private"`
	Created int64  `json:"created"` // unix seconds
}

// bucket is a Bucket with its objects.
type bucket struct {
	Bucket
	objects map[string]*Object
	keys    []string // sorted
	recent  []change // the last few changes, for stale listings
}

// change is what a key was before it was changed; a nil old did not exist.
type change struct {
	key string
	old *Object
}

const maxRecent = 8

// put installs o, or deletes the key when o is nil.
func (b *bucket) put(key string, o *Object) {
	old := b.objects[key]
	b.recent = append(b.recent, change{key, old})
	if len(b.recent) > maxRecent {
		b.recent = slices.Delete(b.recent, 0, 1)
	}
	at, found := slices.BinarySearch(b.keys, key)
	switch {
	case o == nil:
		delete(b.objects, key)
		if found {
			b.keys = slices.Delete(b.keys, at, at+1)
		}
	case !found:
		b.keys = slices.Insert(b.keys, at, key)
		fallthrough
	default:
		b.objects[key] = o
	}
}

// state is all that the server keeps, in memory and, with a folder, in a state
// file: one JSON record a line, each appended before the request is answered.
//
// The folder holds state.jsonl, blobs/ (the contents by number) and objects/
// (hard links of the contents under readable names, for people to look at).
// Uploads in progress are kept in memory only.
type state struct {
	dir   string
	blobs *blobs
	now   func() time.Time

	mu struct {
		sync.Mutex
		buckets map[string]*bucket
		log     *os.File // nil in memory
		lastPut int64
		refs    map[string]int // blob name -> objects that use it
	}
}

// record is one line of the state file. Exactly one field besides Bucket is set.
type record struct {
	Bucket string  `json:"bucket"`
	Make   *Bucket `json:"make,omitempty"`
	Drop   bool    `json:"drop,omitempty"`
	Put    *Object `json:"put,omitempty"`
	Blob   string  `json:"blob,omitempty"` // content of Put
	Delete *string `json:"delete,omitempty"`
}

const stateFile = "state.jsonl"

func openState(dir string, now func() time.Time) (*state, error) {
	s := &state{dir: dir, blobs: &blobs{}, now: now}
	s.mu.buckets = make(map[string]*bucket)
	s.mu.refs = make(map[string]int)
	if dir == "" {
		return s, nil
	}
	s.blobs.dir = filepath.Join(dir, "blobs")
	if err := os.MkdirAll(s.blobs.dir, 0o755); err != nil {
		return nil, err
	}
	if err := s.replay(); err != nil {
		return nil, err
	}
	if err := s.rewrite(); err != nil {
		return nil, err
	}
	return s, s.sweepBlobs()
}

// replay reads the state file. A last line cut short by a crash is ignored:
// nobody was told that it succeeded.
func (s *state) replay() error {
	f, err := os.Open(filepath.Join(s.dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	for line := 1; ; line++ {
		text, err := in.ReadBytes('\n')
		if err != nil {
			return nil
		}
		var rec record
		if err := json.Unmarshal(text, &rec); err != nil {
			return fmt.Errorf("%s line %d: %w", f.Name(), line, err)
		}
		s.apply(rec)
	}
}

// apply changes the state in memory.
func (s *state) apply(rec record) {
	if rec.Make != nil {
		if b := s.mu.buckets[rec.Bucket]; b != nil {
			b.Bucket = *rec.Make
			return
		}
		s.mu.buckets[rec.Bucket] = &bucket{Bucket: *rec.Make, objects: make(map[string]*Object)}
		return
	}
	b := s.mu.buckets[rec.Bucket]
	switch {
	case b == nil:
	case rec.Drop:
		delete(s.mu.buckets, rec.Bucket)
	case rec.Delete != nil:
		s.release(b.objects[*rec.Delete])
		b.put(*rec.Delete, nil)
	case rec.Put != nil:
		if rec.Put.content == nil {
			rec.Put.content = &fileBlob{dir: s.blobs.dir, name: rec.Blob}
		}
		s.mu.refs[rec.Put.content.Name()]++
		s.release(b.objects[rec.Put.Key])
		b.put(rec.Put.Key, rec.Put)
		s.mu.lastPut = max(s.mu.lastPut, rec.Put.PutTime)
	}
}

// release drops one use of o's content.
func (s *state) release(o *Object) {
	if o == nil {
		return
	}
	name := o.content.Name()
	if s.mu.refs[name]--; s.mu.refs[name] <= 0 {
		delete(s.mu.refs, name)
		o.content.Remove()
	}
}

// rewrite replaces the state file by one without history.
func (s *state) rewrite() error {
	path := filepath.Join(s.dir, stateFile)
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	enc := json.NewEncoder(out)
	for name, b := range s.mu.buckets {
		err = errors.Join(err, enc.Encode(record{Bucket: name, Make: &b.Bucket}))
		for _, key := range b.keys {
			o := b.objects[key]
			err = errors.Join(err, enc.Encode(record{Bucket: name, Put: o, Blob: o.content.Name()}))
		}
	}
	if err = errors.Join(err, out.Flush(), os.Rename(path+".tmp", path)); err != nil {
		f.Close()
		return err
	}
	s.mu.log = f
	return nil
}

// sweepBlobs removes contents that no object uses.
func (s *state) sweepBlobs() error {
	entries, err := os.ReadDir(s.blobs.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if s.mu.refs[e.Name()] == 0 {
			err = errors.Join(err, os.Remove(filepath.Join(s.blobs.dir, e.Name())))
		}
		if n, convErr := strconv.ParseInt(e.Name(), 10, 64); convErr == nil && n > s.blobs.next.Load() {
			s.blobs.next.Store(n)
		}
	}
	return err
}

// commit writes rec down and applies it. The caller holds the lock.
func (s *state) commit(rec record) error {
	if s.mu.log != nil {
		if rec.Put != nil {
			rec.Blob = rec.Put.content.Name()
		}
		line, err := json.Marshal(rec)
		if err != nil {
			return err
		}
		if _, err := s.mu.log.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("state file: %w", err)
		}
	}
	s.apply(rec)
	s.show(rec)
	return nil
}

// show keeps the readable links below objects/ in step, as far as the names
// allow: a key that cannot be a file name is in state.jsonl and blobs/ only.
func (s *state) show(rec record) {
	if s.dir == "" {
		return
	}
	root := filepath.Join(s.dir, "objects", rec.Bucket)
	switch {
	case rec.Make != nil:
		os.MkdirAll(root, 0o755)
	case rec.Drop:
		os.RemoveAll(root)
	case rec.Delete != nil && isFileName(*rec.Delete):
		os.Remove(filepath.Join(root, *rec.Delete))
		s.prune(rec.Bucket, *rec.Delete)
	case rec.Put != nil && isFileName(rec.Put.Key):
		path := filepath.Join(root, rec.Put.Key)
		if strings.HasSuffix(rec.Put.Key, "/") {
			os.MkdirAll(path, 0o755)
			return
		}
		os.MkdirAll(filepath.Dir(path), 0o755)
		os.Remove(path)
		os.Link(rec.Put.content.(*fileBlob).path(), path)
	}
}

// prune removes the folders that the file of a deleted object has left empty,
// except those that are objects themselves. The caller holds the lock.
func (s *state) prune(bucketName, key string) {
	for dir := path.Dir(strings.TrimSuffix(key, "/")); dir != "."; dir = path.Dir(dir) {
		_, marker := s.mu.buckets[bucketName].objects[dir+"/"]
		if marker || os.Remove(filepath.Join(s.dir, "objects", bucketName, dir)) != nil {
			return
		}
	}
}

// isFileName reports whether key, with at most one slash behind it, can be a
// path below a folder.
func isFileName(key string) bool {
	return filepath.IsLocal(key) && strings.TrimSuffix(key, "/") == filepath.Clean(key)
}

// now100ns returns a time in 100 ns units that is later than all before it.
// The caller holds the lock.
func (s *state) now100ns() int64 {
	s.mu.lastPut = max(s.mu.lastPut+1, s.now().UnixNano()/100)
	return s.mu.lastPut
}

// bucket returns the bucket. The caller holds the lock.
func (s *state) bucket(name string) (*bucket, error) {
	b := s.mu.buckets[name]
	if b == nil {
		return nil, errNoBucket
	}
	return b, nil
}

// object returns the live object at key. The caller holds the lock.
func (s *state) object(bucketName, key string) (*bucket, *Object, error) {
	b, err := s.bucket(bucketName)
	if err != nil {
		return nil, nil, err
	}
	o := b.objects[key]
	if o == nil || o.Expires != 0 && o.Expires <= s.now().Unix() {
		return b, nil, errNoObject
	}
	return b, o, nil
}

// makeBucket makes the bucket, or changes its region and privacy.
func (s *state) makeBucket(b Bucket) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.mu.buckets[b.Name]; old != nil {
		b.Created = old.Created
	} else if b.Created == 0 {
		b.Created = s.now().Unix()
	}
	return s.commit(record{Bucket: b.Name, Make: &b})
}

// bucketInfos returns all buckets by name.
func (s *state) bucketInfos() []Bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := make([]Bucket, 0, len(s.mu.buckets))
	for _, b := range s.mu.buckets {
		infos = append(infos, b.Bucket)
	}
	slices.SortFunc(infos, byName)
	return infos
}

// close closes the state file.
func (s *state) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.log == nil {
		return nil
	}
	return s.mu.log.Close()
}
