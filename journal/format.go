package journal

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// The names in a journal directory.
const (
	markerName     = "journal.json"
	lockName       = "lock"
	logName        = "log.db"
	checkpointsDir = "checkpoints"
)

const (
	markerFormat  = "alluxio-go journal"
	markerVersion = 1
)

// marker says that a directory is a journal, and whose.
type marker struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	ID      string `json:"id"`
	Created string `json:"created"`
	Sum     string `json:"crc32c"`
}

func (m *marker) sum() string {
	text := fmt.Sprintf("%s\n%d\n%s\n%s\n", m.Format, m.Version, m.ID, m.Created)
	return fmt.Sprintf("%08x", crc32.Checksum([]byte(text), castagnoli))
}

// FormatOptions configure Format.
type FormatOptions struct {
	// ID names the journal. "": a random one.
	ID string
	// Force wipes a journal that is there already. Directories that hold
	// anything else are refused all the same.
	Force bool
}

// Format makes dir an empty journal, creating it if needed. Exists: it is a
// journal already (and Force is not set). FailedPrecondition: it holds
// something else, or a running master has it open.
func Format(dir string, opts FormatOptions) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return errors.E("formatting the journal", dir, errors.Other, err)
	}
	formatted, err := Formatted(dir)
	if formatted && !opts.Force {
		return errors.Errorf(errors.Exists, "The journal at %s is formatted already.", dir)
	}
	if err != nil && !(opts.Force && errors.Is(err, errors.Corrupt)) {
		return err
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer unlock()
	return errors.E("formatting the journal", dir, errors.Other, format(dir, opts.ID))
}

func format(dir, id string) error {
	for _, name := range []string{markerName, logName, checkpointsDir} { // the marker first
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, checkpointsDir), 0o700); err != nil {
		return err
	}
	if err := createLog(filepath.Join(dir, logName)); err != nil {
		return err
	}
	if id == "" {
		id = strings.ToLower(rand.Text())
	}
	return writeMarker(dir, marker{Format: markerFormat, Version: markerVersion, ID: id,
		Created: time.Now().UTC().Format(time.RFC3339)})
}

func writeMarker(dir string, m marker) error {
	m.Sum = m.sum()
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, markerName)
	f, err := os.OpenFile(path+tmpSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(append(b, '\n')); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return replacePath(path+tmpSuffix, path, dir)
}

// Formatted reports whether dir is a journal. A missing or empty directory is
// not, without an error. FailedPrecondition: it holds something else, or a
// journal of a newer program. Corrupt: its marker is damaged.
func Formatted(dir string) (bool, error) {
	_, err := readMarker(dir)
	if errors.Is(err, errors.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// readMarker reads the marker of dir. NotFound: there is none, and nothing
// that says that dir is in other use.
func readMarker(dir string) (marker, error) {
	var m marker
	path := filepath.Join(dir, markerName)
	b, err := os.ReadFile(path)
	if errors.Is(err, errors.NotFound) {
		return m, foreign(dir)
	}
	if err != nil {
		return m, errors.E("reading the journal's marker", path, errors.Other, err)
	}
	damage := errors.E("reading the journal's marker", path, errors.Corrupt, corrupt("the file is damaged"))
	if json.Unmarshal(b, &m) != nil || m.Format != markerFormat {
		return m, damage
	}
	if m.Version > markerVersion { // whose checksum may be another
		return m, errors.Errorf(errors.FailedPrecondition,
			"The journal at %s has format version %d; this program knows version %d. Use the program that wrote it.", dir, m.Version, markerVersion)
	}
	if m.Sum != m.sum() {
		return m, damage
	}
	return m, nil
}

// foreign tells a directory that may become a journal (NotFound) from one that
// holds something else (FailedPrecondition).
func foreign(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, errors.NotFound) {
		return errors.E("reading the journal's directory", dir, errors.Other, err)
	}
	for _, e := range entries {
		switch e.Name() {
		case lockName, logName, checkpointsDir, markerName + tmpSuffix: // a format that was cut short
		case "lost+found":
		case "raft", "v0", "v1", "_format_":
			return errors.Errorf(errors.FailedPrecondition,
				"%s holds a journal of the Java master (%s), which this program cannot read. Set alluxio.master.journal.folder to another directory.", dir, e.Name())
		default:
			return errors.Errorf(errors.FailedPrecondition,
				"%s is not a journal: it holds %q. Set alluxio.master.journal.folder to an empty directory.", dir, e.Name())
		}
	}
	return errors.Errorf(errors.NotFound, "The journal at %s has not been formatted. Run \"alluxio formatMasters\" first.", dir)
}

// lockDir takes the lock of a journal directory for this process.
func lockDir(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errors.E("locking the journal", path, errors.Other, err)
	}
	if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		owner, _ := fs.ReadFile(os.DirFS(dir), lockName)
		f.Close()
		if err != unix.EWOULDBLOCK {
			return nil, errors.E("locking the journal", path, errors.Other, err)
		}
		return nil, errors.Errorf(errors.FailedPrecondition,
			"The journal at %s is in use by another process (pid %s). Only one master may use a journal directory.", dir, strings.TrimSpace(string(owner)))
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	}
	if err != nil && !errors.Is(err, errors.NoSpace) { // the pid is for people only
		f.Close()
		return nil, errors.E("locking the journal", path, errors.Other, err)
	}
	return func() { f.Close() }, nil
}
