package cachesim

import (
	"bufio"
	"encoding/csv"
	stderrors "errors"
	"io"
	"strconv"
	"strings"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// csvColumns says what a line must have; part of every error.
const csvColumns = `expected "key,size": what was read, and its size in bytes or like 64MB`

// ReadCSV is the trace in r, whose name is for errors: one access a line, the key
// in the first column and its size in the second. A header that names columns "key"
// and "size" may put them elsewhere; other columns, empty lines and lines that
// begin with # are ignored. A line that is none of that is Invalid, and so is a
// trace without an access.
func ReadCSV(r io.Reader, name string) Trace {
	return func(visit func(Access) error) error {
		c := csv.NewReader(bufio.NewReaderSize(r, 1<<18))
		c.Comment, c.FieldsPerRecord, c.ReuseRecord, c.TrimLeadingSpace = '#', -1, true, true
		t := csvTrace{csv: c, name: name, size: 1}
		return t.each(visit)
	}
}

type csvTrace struct {
	csv       *csv.Reader
	name      string
	key, size int // columns
}

func (t *csvTrace) each(visit func(Access) error) error {
	for n := 0; ; n++ {
		record, err := t.csv.Read()
		if err == io.EOF {
			if n == 0 {
				return errors.Errorf(errors.Invalid, "%s holds no reads: %s on each line.", t.name, csvColumns)
			}
			return nil
		}
		if err != nil {
			return t.readError(err)
		}
		if n == 0 {
			record[0] = strings.TrimPrefix(record[0], "\ufeff")
		}
		a, err := t.access(record)
		if err != nil {
			if !t.header(record) {
				return err
			}
			n-- // and go on: traces that were put together have more than one header
			continue
		}
		if err := visit(a); err != nil {
			return err
		}
	}
}

// header takes the columns from a line that names them.
func (t *csvTrace) header(record []string) bool {
	key, size := -1, -1
	for i, column := range record {
		switch strings.ToLower(strings.TrimSpace(column)) {
		case "key":
			key = i
		case "size":
			size = i
		}
	}
	if key < 0 || size < 0 {
		return false
	}
	t.key, t.size = key, size
	return true
}

func (t *csvTrace) access(record []string) (Access, error) {
	if len(record) <= max(t.key, t.size) {
		return Access{}, t.errorf("%d columns; %s", len(record), csvColumns)
	}
	key, size := record[t.key], strings.TrimSpace(record[t.size])
	if key == "" {
		return Access{}, t.errorf("the key is empty; %s", csvColumns)
	}
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 0 {
		if n, err = config.ParseBytes(size); err != nil {
			return Access{}, t.errorf("%q %v; %s", size, err, csvColumns)
		}
	}
	return Access{Key: hashKey(key), Size: n}, nil
}

func (t *csvTrace) errorf(format string, args ...any) error {
	line, _ := t.csv.FieldPos(0)
	return errors.Errorf(errors.Invalid, "%s:%d: "+format+".", append([]any{t.name, line}, args...)...)
}

// readError names the place of what csv found, and leaves errors of reading alone.
func (t *csvTrace) readError(err error) error {
	if bad := (*csv.ParseError)(nil); stderrors.As(err, &bad) {
		return errors.Errorf(errors.Invalid, "%s:%d: %v; %s.", t.name, bad.Line, bad.Err, csvColumns)
	}
	return errors.E("cache-sim", t.name, errors.KindOf(err), err)
}

// hashKey stands for a key: two of 100 million keys are the same with a
// probability of 1 in 4000.
func hashKey(key string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return mix(h)
}
