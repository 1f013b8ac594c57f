package journal

import (
	"encoding/binary"
	"io"
	"os"

	"github.com/hashicorp/raft"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// logSummary is what verifyLog has found.
type logSummary struct {
	first, last uint64
	vote        vote
	members     []byte // data of the last membership entry, nil if none
	membersAt   uint64
}

// verifyLog reads the whole log file without trusting it and calls fn, if not
// nil, for every entry. The log's Data is valid during the call.
func verifyLog(path string, fn func(*raft.Log) error) (logSummary, error) {
	sum, err := readLogFile(path, fn)
	if os.IsNotExist(err) {
		err = corrupt("the journal's log is missing")
	}
	return sum, errors.E("reading the journal's log", path, errors.Other, err)
}

func readLogFile(path string, fn func(*raft.Log) error) (logSummary, error) {
	f, err := os.Open(path)
	if err != nil {
		return logSummary{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return logSummary{}, err
	}
	return readLog(f, st.Size(), fn)
}

func readLog(r io.ReaderAt, size int64, fn func(*raft.Log) error) (sum logSummary, err error) {
	pages, err := openPages(r, size)
	if err != nil {
		return sum, err
	}
	buckets, err := pages.buckets()
	if err != nil {
		return sum, err
	}
	logs, ok := buckets[string(logBucket)]
	votes, ok2 := buckets[string(voteBucket)]
	if !ok || !ok2 || len(buckets) != 2 {
		return sum, corrupt("the buckets of the file are damaged")
	}
	if err := readVote(pages, votes, &sum); err != nil {
		return sum, err
	}
	var term uint64
	err = pages.each(logs, func(k, v []byte) error {
		var l raft.Log
		if len(k) != keyBytes {
			return corrupt("an entry has a key of %d bytes", len(k))
		}
		index := binary.BigEndian.Uint64(k)
		if sum.last != 0 && index != sum.last+1 {
			return corrupt("entry %d follows entry %d", index, sum.last)
		}
		if err := decodeEntry(index, v, &l); err != nil {
			return err
		}
		if l.Term < term {
			return corrupt("entry %d is of term %d after an entry of term %d", index, l.Term, term)
		}
		if sum.first == 0 {
			sum.first = index
		}
		if l.Type == raft.LogConfiguration {
			sum.members, sum.membersAt = append([]byte(nil), l.Data...), index
		}
		sum.last, term = index, l.Term
		if fn == nil {
			return nil
		}
		return fn(&l)
	})
	switch {
	case err != nil:
		return sum, err
	case sum.last != logs.sequence:
		return sum, corrupt("the log ends with entry %d, entry %d was the last one written", sum.last, logs.sequence)
	case sum.vote.term < term:
		return sum, corrupt("the log has entries of term %d, the vote knows of %d terms", term, sum.vote.term)
	}
	return sum, nil
}

func readVote(pages *pageFile, b bucket, sum *logSummary) error {
	seen := 0
	err := pages.each(b, func(k, v []byte) (err error) {
		if seen++; string(k) != string(voteKey) {
			return corrupt("the vote is damaged: unknown key %q", k)
		}
		sum.vote, err = decodeVote(v)
		return err
	})
	if err == nil && seen != 1 {
		err = corrupt("the vote is missing")
	}
	return err
}
