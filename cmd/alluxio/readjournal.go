package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

type readJournalOptions struct {
	start, end          uint64
	inputDir, outputDir string
	master              string
}

func newReadJournalCmd(env *Env) *cobra.Command {
	var opts readJournalOptions
	cmd := &cobra.Command{
		Use:   "readJournal [-start N] [-end N] [-inputDir DIR] [-outputDir DIR]",
		Short: "Dump the journal as text",
		Long: "Writes the newest checkpoint's description and one line of JSON for each journal entry to OUTPUTDIR/journal.txt, " +
			"with credentials masked. The master must be stopped. An output directory of - writes to standard output.",
		Example: examples("readJournal", "readJournal -start 1000 -end 2000 -outputDir /tmp/dump", "readJournal -outputDir -"),
		Args:    argCount(0, 0),
		RunE:    func(*cobra.Command, []string) error { return runReadJournal(env, opts) },
	}
	f := cmd.Flags()
	f.Uint64Var(&opts.start, "start", 0, "first entry to write")
	f.Uint64Var(&opts.end, "end", 0, "entry to stop before; 0 means the last")
	f.StringVar(&opts.inputDir, "inputDir", "", "journal to read (default: "+config.MasterJournalFolder.Name()+")")
	f.StringVar(&opts.outputDir, "outputDir", "", "where to write (default: journal_dump-<time>)")
	f.StringVar(&opts.master, "master", "FileSystemMaster", "accepted for compatibility: there is one journal")
	return cmd
}

func runReadJournal(env *Env, opts readJournalOptions) error {
	conf, err := env.Config(config.Master)
	if err != nil {
		return err
	}
	if opts.inputDir == "" {
		opts.inputDir = conf.String(config.MasterJournalFolder)
	}
	if opts.end != 0 && opts.end <= opts.start {
		return errors.Errorf(errors.Invalid, "-end %d must be greater than -start %d.", opts.end, opts.start)
	}
	if opts.outputDir == "-" {
		return dumpJournal(env.Stdout, opts)
	}
	if opts.outputDir == "" {
		opts.outputDir = fmt.Sprintf("journal_dump-%d", time.Now().UnixMilli())
	}
	env.printf("Dumping journal of type EMBEDDED to %s", opts.outputDir)
	if err := os.MkdirAll(opts.outputDir, 0o700); err != nil {
		return errors.E("readJournal", opts.outputDir, errors.Other, err)
	}
	file := filepath.Join(opts.outputDir, "journal.txt")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.E("readJournal", opts.outputDir, errors.Other, err)
	}
	err = dumpJournal(f, opts)
	if info, serr := f.Stat(); err != nil && serr == nil && info.Size() == 0 {
		_ = os.Remove(file) // nothing could be read: leave nothing behind
		_ = os.Remove(opts.outputDir)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// dumpJournal writes the journal as text.
func dumpJournal(to io.Writer, opts readJournalOptions) error {
	w := bufio.NewWriterSize(to, 1<<20)
	err := journal.Dump(opts.inputDir, journal.Visitor{
		Checkpoint: func(info journal.CheckpointInfo, _ io.Reader) error {
			_, err := fmt.Fprintf(w, "checkpoint index=%d term=%d taken=%s bytes=%d\n", info.Index, info.Term, info.Taken.UTC().Format(time.RFC3339Nano), info.Bytes)
			return err
		},
		Entry: func(e journal.Entry) error {
			if e.Index < opts.start || opts.end != 0 && e.Index >= opts.end {
				return nil
			}
			return dumpEntry(w, e)
		},
	})
	if ferr := w.Flush(); err == nil {
		err = ferr
	}
	return err
}

func dumpEntry(w io.Writer, e journal.Entry) error {
	fenced := ""
	if e.Fenced {
		fenced = " fenced"
	}
	text := ""
	if e.Kind == journal.KindRecord {
		var err error
		if text, err = recordText(e.Record); err != nil {
			return errors.Errorf(errors.Corrupt, "journal entry %d is no record of this program: %w", e.Index, err)
		}
	}
	_, err := fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%s index=%d term=%d time=%s%s %s",
		e.Kind, e.Index, e.Term, e.Appended.UTC().Format(time.RFC3339Nano), fenced, text), " "))
	return err
}

// recordText returns a record as one line of JSON without credentials.
func recordText(data []byte) (string, error) {
	var r journalpb.Record
	if err := proto.Unmarshal(data, &r); err != nil {
		return "", err
	}
	for _, c := range r.GetChanges() {
		if m := c.GetMount(); m != nil {
			m.Properties = config.MaskOptions(m.GetProperties())
		}
		if p := c.GetPathConfig(); p != nil {
			p.Properties = config.MaskOptions(p.GetProperties())
		}
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(&r)
	return string(text), err
}
