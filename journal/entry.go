package journal

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/hashicorp/raft"

	"github.com/alluxio-go/alluxio/internal/errors"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Layout of a log entry and of the vote; see docs/journal-format.md.
const (
	entryLayout = 1
	entryHeader = 32
	keyBytes    = 8
	voteHeader  = 20
)

func putKey(b []byte, index uint64) { binary.BigEndian.PutUint64(b, index) }

func key(index uint64) []byte {
	var b [keyBytes]byte
	putKey(b[:], index)
	return b[:]
}

// putEntry encodes l into b, which is entryHeader+len(l.Data) bytes long.
func putEntry(b []byte, l *raft.Log) {
	b[4], b[5], b[6], b[7] = entryLayout, byte(l.Type), 0, 0
	binary.LittleEndian.PutUint64(b[8:], l.Index)
	binary.LittleEndian.PutUint64(b[16:], l.Term)
	binary.LittleEndian.PutUint64(b[24:], uint64(l.AppendedAt.UnixNano()))
	copy(b[entryHeader:], l.Data)
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
}

// decodeEntry verifies the entry stored under index and decodes it into l,
// whose Data points into b.
func decodeEntry(index uint64, b []byte, l *raft.Log) error {
	switch {
	case len(b) < entryHeader:
		return corrupt("entry %d is %d bytes long, at least %d are needed", index, len(b), entryHeader)
	case crc32.Checksum(b[4:], castagnoli) != binary.LittleEndian.Uint32(b):
		return corrupt("entry %d does not match its checksum", index)
	case b[4] != entryLayout:
		return corrupt("entry %d has layout %d, this program knows %d", index, b[4], entryLayout)
	case binary.LittleEndian.Uint64(b[8:]) != index:
		return corrupt("entry %d is stored in the place of entry %d", binary.LittleEndian.Uint64(b[8:]), index)
	}
	*l = raft.Log{
		Index:      index,
		Term:       binary.LittleEndian.Uint64(b[16:]),
		Type:       raft.LogType(b[5]),
		Data:       b[entryHeader:],
		AppendedAt: time.Unix(0, int64(binary.LittleEndian.Uint64(b[24:]))),
	}
	return nil
}

// vote is what raft must remember to never vote twice.
type vote struct {
	term      uint64
	votedTerm uint64
	candidate []byte
}

func (v *vote) encode() []byte {
	b := make([]byte, voteHeader, voteHeader+len(v.candidate))
	binary.LittleEndian.PutUint64(b[4:], v.term)
	binary.LittleEndian.PutUint64(b[12:], v.votedTerm)
	b = append(b, v.candidate...)
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

func decodeVote(b []byte) (vote, error) {
	if len(b) < voteHeader || crc32.Checksum(b[4:], castagnoli) != binary.LittleEndian.Uint32(b) {
		return vote{}, corrupt("the vote does not match its checksum")
	}
	return vote{
		term:      binary.LittleEndian.Uint64(b[4:]),
		votedTerm: binary.LittleEndian.Uint64(b[12:]),
		candidate: append([]byte(nil), b[voteHeader:]...),
	}, nil
}

// wrapRecord puts the proposer's term before a record.
func wrapRecord(term uint64, record []byte) []byte {
	b := make([]byte, 0, binary.MaxVarintLen64+len(record))
	return append(binary.AppendUvarint(b, term), record...)
}

// unwrapRecord is the inverse of wrapRecord.
func unwrapRecord(index uint64, data []byte) (term uint64, record []byte, err error) {
	term, n := binary.Uvarint(data)
	if n <= 0 {
		return 0, nil, corrupt("entry %d has no proposer", index)
	}
	return term, data[n:], nil
}

// corrupt is an error about damaged bytes; callers add the file.
func corrupt(format string, args ...any) error {
	return errors.Errorf(errors.Corrupt, format, args...)
}
