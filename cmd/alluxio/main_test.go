package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/journal"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

// installation is a folder with bin/ and conf/ in which commands are run.
type installation struct {
	t    *testing.T
	home string
	env  *Env
	out  bytes.Buffer
	err  bytes.Buffer
}

// newInstallation makes an installation with the lines in its site file.
func newInstallation(t *testing.T, site ...string) *installation {
	t.Helper()
	in := &installation{t: t, home: t.TempDir()}
	in.write("conf/"+config.SiteFile, strings.Join(site, "\n"))
	in.write("conf/masters", "localhost\n")
	in.write("conf/workers", "# this machine\nlocalhost # only\n")
	in.env = &Env{
		Stdin: strings.NewReader(""), Stdout: &in.out, Stderr: &in.err, Getenv: func(string) string { return "" },
		Options: config.Options{Environ: []string{"PATH=" + os.Getenv("PATH")}, Executable: filepath.Join(in.home, "bin", "alluxio")},
	}
	return in
}

func (in *installation) write(name, text string) string {
	in.t.Helper()
	file := filepath.Join(in.home, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		in.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		in.t.Fatal(err)
	}
	return file
}

// run runs a command line and returns its exit code and what it printed.
func (in *installation) run(args ...string) (code int, stdout, stderr string) {
	in.t.Helper()
	in.out.Reset()
	in.err.Reset()
	code = execute(in.t.Context(), in.env, args)
	return code, in.out.String(), in.err.String()
}

// ok runs a command line that must succeed and returns its standard output.
func (in *installation) ok(args ...string) string {
	in.t.Helper()
	code, stdout, stderr := in.run(args...)
	if code != 0 {
		in.t.Fatalf("%q: exit %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

// fails runs a command line that must fail with the code and say the parts on
// standard error.
func (in *installation) fails(code int, args []string, parts ...string) {
	in.t.Helper()
	got, stdout, stderr := in.run(args...)
	if got != code {
		in.t.Errorf("%q: exit %d, want %d\n%s%s", args, got, code, stdout, stderr)
	}
	for _, part := range parts {
		if !strings.Contains(stderr, part) {
			in.t.Errorf("%q: stderr %q does not say %q", args, stderr, part)
		}
	}
}

func TestGetConf(t *testing.T) {
	in := newInstallation(t, "alluxio.user.block.size.bytes.default=3MB", "fs.kodo.secretkey=hunter2")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"alluxio.master.rpc.port"}, "19998\n"},
		{[]string{"alluxio.master.port"}, "19998\n"},
		{[]string{"alluxio.master.hostname"}, "\n"},
		{[]string{"-Dalluxio.master.hostname=h", "alluxio.master.hostname"}, "h\n"},
		{[]string{"alluxio.master.hostname", "-Dalluxio.master.hostname=h", "--source"}, "SYSTEM_PROPERTY\n"},
		{[]string{"--unit", "KB", "alluxio.user.block.size.bytes.default"}, "3072\n"},
		{[]string{"alluxio.user.block.size.bytes.default", "-unit=B"}, "3145728\n"},
		{[]string{"--unit", "m", "alluxio.master.worker.timeout"}, "5\n"},
		{[]string{"--unit", "MS", "alluxio.master.worker.timeout"}, "300000\n"},
		{[]string{"fs.kodo.secretkey"}, "******\n"},
		{[]string{"--source", "fs.kodo.secretkey"}, "SITE_PROPERTY (" + in.home + "/conf/alluxio-site.properties)\n"},
		{[]string{"alluxio.worker.tieredstore.level0.alias"}, "MEM\n"},
	} {
		if got := in.ok(append([]string{"getConf"}, c.args...)...); got != c.want {
			t.Errorf("getConf %q = %q, want %q", c.args, got, c.want)
		}
	}
	all := in.ok("getConf", "--source")
	for _, line := range []string{"alluxio.master.rpc.port=19998 (DEFAULT)\n", "fs.kodo.secretkey=****** (SITE_PROPERTY (" + in.home} {
		if !strings.Contains(all, line) {
			t.Errorf("getConf --source does not print %q", line)
		}
	}
	if strings.Contains(all, "hunter2") {
		t.Error("getConf prints the secret")
	}
	in.fails(exitUsage, []string{"getConf", "alluxio.master.rpc.prt"}, "Did you mean alluxio.master.rpc.port?")
	in.fails(exitUsage, []string{"getConf", "--unit", "XB", "alluxio.master.rpc.port"}, "XB is no unit")
	in.fails(exitUsage, []string{"getConf", "--unit", "KB", "alluxio.master.hostname"}, "is not a size")
	in.fails(exitUsage, []string{"getConf", "a", "b"}, "requires at most 1 arguments (2 provided)", "Usage: alluxio getConf")
	in.fails(exitUsage, []string{"getConf", "--sourc", "--nonsense"}, "Unrecognized option: --nonsense")
	in.fails(exitUsage, []string{"fs", "stat", "--file-id", "x"}, `Option --file-id takes a whole number, not "x"`)
	in.fails(exitUsage, []string{"getConf", "-Dalluxio.debug"}, "has no value")
}

func TestValidateConf(t *testing.T) {
	in := newInstallation(t, "alluxio.master.metastore.rocks.edge.index=x")
	code, stdout, stderr := in.run("validateConf")
	if code != 0 || stdout != "Validating configuration.\nConfiguration is valid.\n" || !strings.Contains(stderr, "rocks.edge.index is a property of Alluxio that has no effect here") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	in = newInstallation(t, "", "alluxio.master.rpc.port=many", "alluxio.zookeeper.enabled=perhaps")
	in.fails(exitUsage, []string{"validateConf"}, "alluxio-site.properties:2: alluxio.master.rpc.port=many", "alluxio-site.properties:3: alluxio.zookeeper.enabled")
	in = newInstallation(t, "alluxio.worker.tieredstore.levels=2")
	in.fails(exitUsage, []string{"validateConf"}, "alluxio.worker.tieredstore.level1.alias")
}

func TestBootstrapConf(t *testing.T) {
	in := newInstallation(t)
	site := filepath.Join(in.home, "conf", config.SiteFile)
	if got := in.ok("bootstrapConf", "m1"); got != site+" already exists\n" {
		t.Errorf("printed %q", got)
	}
	if err := os.Remove(site); err != nil {
		t.Fatal(err)
	}
	if got := in.ok("bootstrapConf", "m1"); got != site+" is created.\n" {
		t.Errorf("printed %q", got)
	}
	if got := in.ok("getConf", "alluxio.master.hostname"); got != "m1\n" {
		t.Errorf("host %q", got)
	}
	in.fails(exitUsage, []string{"bootstrapConf", "a b"}, "is not a host name")
	in.fails(exitUsage, []string{"bootstrapConf"}, "takes 1 arguments, not 0")
}

func TestVersion(t *testing.T) {
	in := newInstallation(t)
	for _, c := range []struct{ args, want string }{
		{"version", "2.9.5\n"}, {"version -r", "2.9.5-unknown\n"}, {"version --revision=3", "2.9.5-unk\n"}, {"version -r 3", "2.9.5-unk\n"},
	} {
		if got := in.ok(strings.Fields(c.args)...); got != c.want {
			t.Errorf("%s = %q, want %q", c.args, got, c.want)
		}
	}
	in.fails(exitUsage, []string{"version", "-r", "x"}, "must be a number")
}

func TestFormat(t *testing.T) {
	in := newInstallation(t, "alluxio.worker.tieredstore.levels=2",
		"alluxio.worker.tieredstore.level0.dirs.path=${alluxio.work.dir}/mem", "alluxio.worker.tieredstore.level1.alias=HDD",
		"alluxio.worker.tieredstore.level1.dirs.path=${alluxio.work.dir}/hdd1,${alluxio.work.dir}/hdd2", "alluxio.worker.tieredstore.level1.dirs.quota=1GB")
	mine := in.write("hdd1/mine", "x")
	out := in.ok("format")
	for _, want := range []string{"Formatting Alluxio Worker @ ", "Formatting Alluxio Master @ ", "Formatted the journal at " + in.home + "/data/journal", in.home + "/hdd2/alluxioworker"} {
		if !strings.Contains(out, want) {
			t.Errorf("format printed %q without %q", out, want)
		}
	}
	block := in.write("mem/alluxioworker/123", "block")
	marker, err := os.ReadFile(filepath.Join(in.home, "data/journal/journal.json"))
	if err != nil {
		t.Fatal(err)
	}
	in.ok("format", "-s")
	if _, err := os.Stat(block); err != nil {
		t.Errorf("format -s removed a block: %v", err)
	}
	if again, _ := os.ReadFile(filepath.Join(in.home, "data/journal/journal.json")); !bytes.Equal(again, marker) {
		t.Error("format -s formatted the journal again")
	}
	in.ok("format")
	if _, err := os.Stat(block); !os.IsNotExist(err) {
		t.Errorf("format left a block: %v", err)
	}
	if again, _ := os.ReadFile(filepath.Join(in.home, "data/journal/journal.json")); bytes.Equal(again, marker) {
		t.Error("format left the journal")
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("format removed what is not its own: %v", err)
	}
	in.fails(exitUsage, []string{"formatWorker", "-Dalluxio.worker.data.folder=/"}, "must name a folder")
	if err := os.WriteFile(filepath.Join(in.home, "conf", "workers"), []byte("# nobody\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	in.fails(exitUsage, []string{"format"}, "names no host")
}

func TestFormatRefusesForeignDirectories(t *testing.T) {
	in := newInstallation(t)
	in.write("data/journal/thesis.txt", "important")
	in.fails(exitConflict, []string{"formatJournal"}, in.home+"/data/journal")
	if _, err := os.Stat(filepath.Join(in.home, "data/journal/thesis.txt")); err != nil {
		t.Error(err)
	}
}

func TestReadJournal(t *testing.T) {
	in := newInstallation(t)
	in.fails(exitNotFound, []string{"readJournal", "-outputDir", "-"})
	in.ok("formatJournal")
	propose(t, filepath.Join(in.home, "data/journal"),
		&journalpb.Record{TimeMs: 7, Changes: []*journalpb.Change{{Change: &journalpb.Change_Mount{Mount: &journalpb.Mount{
			Path: "/kodo", UfsUri: "kodo://b/", Properties: map[string]string{"fs.kodo.secretkey": "hunter2", "alluxio.underfs.kodo.endpoint": "e.example.com"},
		}}}}},
		&journalpb.Record{TimeMs: 8, Changes: []*journalpb.Change{{Change: &journalpb.Change_Unmount{Unmount: "/kodo"}}}})
	out := in.ok("readJournal", "-outputDir", "-")
	for _, want := range []string{"record index=", "kodo://b/", `"fs.kodo.secretkey":"******"`, "e.example.com", `"unmount":"/kodo"`} {
		if !strings.Contains(strings.ReplaceAll(out, ": ", ":"), want) {
			t.Errorf("the dump has no %s:\n%s", want, out)
		}
	}
	if strings.Contains(out, "hunter2") {
		t.Error("the dump shows a secret")
	}
	dir := filepath.Join(in.home, "dump")
	if out := in.ok("readJournal", "-end", "5", "-outputDir", dir); out != "Dumping journal of type EMBEDDED to "+dir+"\n" {
		t.Errorf("printed %q", out)
	}
	if _, err := os.Stat(filepath.Join(dir, "journal.txt")); err != nil {
		t.Error(err)
	}
	in.fails(exitUsage, []string{"readJournal", "-start", "5", "-end", "5"}, "must be greater")
}

// propose writes records to the journal in dir, as a master would.
func propose(t *testing.T, dir string, records ...proto.Message) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	led := make(chan error, 1)
	j, err := journal.Open(journal.Options{Dir: dir, StateMachine: blackHole{}, OnLead: func(ctx context.Context, term *journal.Term) {
		for _, r := range records {
			data, err := proto.Marshal(r)
			if err == nil {
				_, _, err = term.Propose(ctx, data)
			}
			if err != nil {
				led <- err
				return
			}
		}
		led <- nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	if err := <-led; err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// blackHole is a state machine without state.
type blackHole struct{}

func (blackHole) Apply([]byte) any                    { return nil }
func (blackHole) Snapshot() (journal.Snapshot, error) { return blackHole{}, nil }
func (blackHole) Restore(io.Reader) error             { return nil }
func (blackHole) Write(io.Writer) error               { return nil }
func (blackHole) Release()                            {}

func TestUnknownCommands(t *testing.T) {
	in := newInstallation(t)
	in.fails(exitUsage, []string{"getConff"}, "getConff is an unknown command", "getConf")
	in.fails(exitUsage, []string{"fs", "lss"}, "lss is an unknown command")
	in.fails(exitUsage, []string{"fs"}, "Usage:")
	in.fails(exitUsage, nil, "Usage:")
	if out := in.ok("help", "exit-codes"); !strings.Contains(out, "5  master, worker or under store did not answer") {
		t.Errorf("help exit-codes printed %q", out)
	}
	if out := in.ok("completion", "bash"); !strings.Contains(out, "alluxio") {
		t.Error("no completion")
	}
}

func TestInterrupted(t *testing.T) {
	in := newInstallation(t, "alluxio.master.rpc.port=1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := execute(ctx, in.env, []string{"fs", "ls", "/"}); code != exitInterrupted || in.err.String() != "Interrupted.\n" {
		t.Errorf("exit %d, %q", code, in.err.String())
	}
}

// TestDocument also checks what help depends on: every command says what it does
// and shows an example.
func TestDocument(t *testing.T) {
	in := newInstallation(t)
	in.ok("docGen", "--dir", in.home)
	for _, name := range []string{"commands.md", "properties.md"} {
		got, err := os.ReadFile(filepath.Join("../../docs", name))
		want, err2 := os.ReadFile(filepath.Join(in.home, name))
		if err != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Errorf("docs/%s is out of date (%v, %v): run bin/alluxio docGen --dir docs", name, err, err2)
		}
	}
	in.fails(exitNotFound, []string{"docGen", "--dir", in.home + "/missing"}, "missing")
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short help %q", cmd.CommandPath(), cmd.Short)
		}
		if cmd.Runnable() && !cmd.HasSubCommands() && cmd.Name() != "help" && !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s has no example of itself: %q", cmd.CommandPath(), cmd.Example)
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(newRootCmd(newEnv()))
}

// A command whose output did not arrive has failed.
func TestOutputThatDoesNotArrive(t *testing.T) {
	in := newInstallation(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("needs /dev/full: %v", err)
	}
	defer full.Close()
	in.env.Stdout = &checkedWriter{w: full}
	in.fails(exitNoSpace, []string{"version"}, "no space left on device")
}

// Paths may say which masters are meant.
func TestConfigFor(t *testing.T) {
	conf, err := newInstallation(t, "alluxio.master.rpc.port=123").env.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	for paths, want := range map[string]string{
		"/a /b":                             "localhost:123",
		"alluxio:///a":                      "localhost:123",
		"/b alluxio://h:5/a alluxio://h:5/": "h:5",
		"alluxio://h/a":                     "h:123",
		"alluxio://h1:5,h2:6/a":             "h1:5,h2:6",
		"alluxio://h1:5/a alluxio://h2:5/a": "",
		"alluxio://zk@h1:2181/a":            "",
	} {
		got, err := configFor(conf, strings.Fields(paths))
		if (err != nil) != (want == "") {
			t.Errorf("%q: error %v", paths, err)
		} else if err == nil && strings.Join(got.MasterAddresses(), ",") != want {
			t.Errorf("%q: masters %q, want %q", paths, got.MasterAddresses(), want)
		}
	}
}

// Two workers never share a storage folder, whatever logs and ports they have.
func TestStorageInUse(t *testing.T) {
	dir := t.TempDir()
	in := newInstallation(t, "alluxio.worker.tieredstore.level0.dirs.path="+dir, "alluxio.user.conf.cluster.default.enabled=false",
		"alluxio.worker.rpc.port=0", "alluxio.worker.web.port=0")
	folder := filepath.Join(dir, "alluxioworker")
	lock, err := lockStorage([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"worker", "formatWorker"} {
		in.fails(exitConflict, []string{command}, folder+" is in use by another worker", strconv.Itoa(os.Getpid()))
	}
	if err := lock.release(); err != nil {
		t.Fatal(err)
	}
	in.ok("formatWorker")
}
