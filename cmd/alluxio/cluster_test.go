package main

import (
	"crypto/md5"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/testcluster"
)

// clusterShell is a folder in which commands run against a cluster.
type clusterShell struct {
	*installation
	cluster *testcluster.Cluster
}

// startCluster starts a cluster and returns a shell for it.
func startCluster(t *testing.T, opts testcluster.Options, properties ...string) *clusterShell {
	t.Helper()
	c := testcluster.Start(t, opts)
	_, port, _ := strings.Cut(c.MasterAddr(), ":")
	in := newInstallation(t, append([]string{"alluxio.master.hostname=localhost", "alluxio.master.rpc.port=" + port,
		"alluxio.user.hostname=localhost", "alluxio.user.block.size.bytes.default=1MB", "alluxio.worker.block.heartbeat.interval=100ms"}, properties...)...)
	return &clusterShell{in, c}
}

// step is a command line with what it must do. In expected output {…} stands for
// what differs from run to run: see placeholders.
type step struct {
	args   string
	code   int
	stdout string
	stderr string
}

// sortLines sorts the lines of commands that work on several files at a time.
func sortLines(args, text string) string {
	if !strings.Contains(args, "copy") && !strings.Contains(args, " cp ") {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// placeholders replace what differs from run to run.
var placeholders = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\d\d-\d\d-\d{4} \d\d:\d\d:\d\d:\d{3}`), "{date}"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`), "{time}"},
	{regexp.MustCompile(`\b1[6-9]\d{11}\b`), "{ms}"},
	{regexp.MustCompile(`workerId=\d+`), "workerId={worker}"},
	{regexp.MustCompile(`(Port|node)=[^,)]*`), "$1={n}"},
	{regexp.MustCompile(`\d+\.\d\d[GT]B`), "{size}"},
	{regexp.MustCompile(`\(\d+%\)`), "({percent})"},
}

// run runs the steps in order and compares. "HOME" in them is the shell's folder,
// "ROOT" the cluster's under store.
func (s *clusterShell) steps(steps []step) {
	s.t.Helper()
	me, err := user.Current()
	if err != nil {
		s.t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		s.t.Fatal(err)
	}
	names := strings.NewReplacer("HOME", s.home, "ROOT", s.cluster.Root(), "{user}", fmt.Sprintf("%-14s", me.Username), "{group}", fmt.Sprintf("%-14s", group.Name))
	for _, step := range steps {
		args := strings.Fields(names.Replace(step.args))
		code, stdout, stderr := s.run(args...)
		for _, p := range placeholders {
			stdout = p.re.ReplaceAllString(stdout, p.with)
		}
		stdout = sortLines(step.args, stdout)
		if code != step.code || stdout != sortLines(step.args, names.Replace(step.stdout)) || stderr != names.Replace(step.stderr) {
			s.t.Errorf("$ alluxio %s\nexit %d, want %d\nstdout:\n%swant:\n%sstderr:\n%swant:\n%s", step.args, code, step.code, stdout, names.Replace(step.stdout), stderr, names.Replace(step.stderr))
		}
	}
}

func TestFilesAndDirectories(t *testing.T) {
	s := startCluster(t, testcluster.Options{})
	s.write("src/a.txt", "hello\n")
	s.write("src/sub/b.txt", "world\n")
	s.write("one", "1")
	s.steps([]step{
		{"fs mkdir /data /data/deep/er", 0, "Successfully created directory /data\nSuccessfully created directory /data/deep/er\n", ""},
		{"fs mkdir /data", exitConflict, "", "Not allowed to create directory because path already exists: /data\n"},
		{"fs copyFromLocal HOME/one /data", 0, "Copied file://HOME/one to /data/one\n", ""},
		{"fs copyFromLocal HOME/src /data/src", 0,
			"Copied file://HOME/src/a.txt to /data/src/a.txt\nCopied file://HOME/src/sub/b.txt to /data/src/sub/b.txt\nCopied file://HOME/src to /data/src\n", ""},
		{"fs copyFromLocal HOME/nothing /data", exitNotFound, "", "Local path \"HOME/nothing\" does not exist.\n"},
		{"fs copyFromLocal HOME/src /data/one", exitConflict, "", "The destination cannot be an existing file when the source is a directory or a list of files.\n"},
		{"fs cat /data/src/a.txt /data/*/sub/b*", 0, "hello\nworld\n", ""},
		{"fs cat /data", exitUsage, "", "Path \"/data\" must be a file.\n"},
		{"fs cat /nope /data/one", exitNotFound, "1", "Path \"/nope\" does not exist.\n"},
		{"fs cat /nope*", exitNotFound, "", "/nope* does not exist.\n"},
		{"fs head -c 2 /data/src/a.txt", 0, "he", ""},
		{"fs tail -c 3 /data/src/a.txt", 0, "lo\n", ""},
		{"fs tail -c 0 /data/src/a.txt", exitUsage, "", "Option -c: \"0\" is not a size greater than 0 (write 512, 4KB, 8MB).\n"},
		{"fs checksum /data/src/a.txt", 0, fmt.Sprintf("md5sum: %x\n\n", md5.Sum([]byte("hello\n"))), ""},
		{"fs touch /data/empty", 0, "/data/empty has been created\n", ""},
		{"fs count /data", 0, "File Count               Folder Count             Folder Size\n4                        4                        13\n", ""},
		{"fs du -s /data", 0, "File Size     In Alluxio       Path\n13            13 ({percent})        /data\n", ""},
		{"fs du -h -m -g /data/one", 0, "File Size     In Alluxio       In Memory        Worker Host Name          Path\n" +
			"1B            1B ({percent})        1B ({percent})        total                     /data/one\n              1B ({percent})                         localhost\n", ""},
		{"fs mv /data/one /data/uno", 0, "Renamed /data/one to /data/uno\n", ""},
		{"fs mv /data/uno /data/empty", exitConflict, "", "Cannot rename because destination already exists. src: /data/uno dst: /data/empty\n"},
		{"fs cp /data/uno /data/deep", 0, "Copied /data/uno to /data/deep/uno\n", ""},
		{"fs cp /data/deep /copy", exitUsage, "", "/data/deep is a directory, to copy it please use \"cp -R/-r/--recursive <src> <dst>\"\n"},
		{"fs cp -r /data/deep /copy", 0, "Created directory: /copy\nCreated directory: /copy/er\nCopied /data/deep/uno to /copy/uno\n", ""},
		{"fs cp -R /data /data/deep", exitUsage, "", "Cannot copy because /data is a prefix of /data/deep/data\n"},
		{"fs copyToLocal /data/src HOME/out", 0, "Create directory: file://HOME/out\nCreate directory: file://HOME/out/sub\n" +
			"Copied /data/src/a.txt to file://HOME/out/a.txt\nCopied /data/src/sub/b.txt to file://HOME/out/sub/b.txt\n", ""},
		{"fs rm /data/src", exitUsage, "", "/data/src is a directory, to remove it, please use \"rm -R/-r/--recursive <path>\"\n"},
		{"fs rm -r /data/src /nope", exitNotFound, "/data/src has been removed\n", "Path \"/nope\" does not exist.\n"},
		{"fs rm -q /data", exitUsage, "", "Failed to parse args for rm: Unrecognized option: -q\nUsage: alluxio fs rm [-R] [-U] [--alluxioOnly] [-m] PATH...\n"},
		{"fs test -d /data", 0, "", ""},
		{"fs test -f /data", 1, "", ""},
		{"fs test -e /nope", 1, "", ""},
		{"fs test -z /data/empty", 0, "", ""},
		{"fs test -s /data/empty", 1, "", ""},
		{"fs test /data", exitUsage, "", "Command test takes exactly one of -d, -e, -f, -s and -z\nUsage: alluxio fs test -d|-e|-f|-s|-z PATH\n"},
	})
	if data, err := os.ReadFile(filepath.Join(s.home, "out", "sub", "b.txt")); string(data) != "world\n" {
		t.Errorf("copied out %q, %v", data, err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.home, "out", "*_copyToLocal_")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestListing(t *testing.T) {
	s := startCluster(t, testcluster.Options{}, "alluxio.user.file.writetype.default=CACHE_THROUGH")
	s.write("ten", "0123456789")
	s.ok("fs", "mkdir", "/d/sub")
	s.ok("fs", "copyFromLocal", s.home+"/ten", "/d/b")
	s.ok("fs", "-Dalluxio.user.file.writetype.default=MUST_CACHE", "touch", "/d/a")
	s.ok("fs", "chmod", "640", "/d/b")
	const (
		a   = "-rw-r--r--  {user} {group}               0   NOT_PERSISTED {date} 100% /d/a\n"
		b   = "-rw-r-----  {user} {group}              10       PERSISTED {date} 100% /d/b\n"
		sub = "drwxr-xr-x  {user} {group}               0       PERSISTED {date}  DIR /d/sub\n"
	)
	s.steps([]step{
		{"fs ls /d", 0, a + b + sub, ""},
		{"fs ls -R /", 0, "drwxr-xr-x  {user} {group}               3       PERSISTED {date}  DIR /d\n" + a + b + sub, ""},
		{"fs ls --sort size -r /d/*", 0, a + b, ""},
		{"fs ls -sort=name -reverse /d", 0, sub + b + a, ""},
		{"fs ls -d /d/sub", 0, sub, ""},
		{"fs ls -h /d/b", 0, strings.Replace(b, " 10 ", "10B ", 1), ""},
		{"fs ls --sort color /d", exitUsage, "", "Invalid sort option `color` for --sort\nUsage: alluxio fs ls [-d] [-f] [-h] [-p] [-R] [-m] [--sort FIELD] [-r] [--timestamp FIELD] PATH...\n"},
		{"fs ls --timestamp noon /d", exitUsage, "", "Unrecognized timestamp option noon\nUsage: alluxio fs ls [-d] [-f] [-h] [-p] [-R] [-m] [--sort FIELD] [-r] [--timestamp FIELD] PATH...\n"},
		{"fs ls /nope", exitNotFound, "", "Path \"/nope\" does not exist.\n"},
		{"fs stat -f %N,%z,%y,%Y,%b,%% /d/b", 0, "b,10,{time},{ms},1,%\n", ""},
		{"fs stat -f %N,%z,%b /d", 0, "d,NA,NA\n", ""},
		{"fs stat", exitUsage, "", "Command stat takes paths, or --file-id alone\nUsage: alluxio fs stat [-f FORMAT] PATH... | stat --file-id ID\n"},
		{"fs pin /d/b MEM", 0, "File '/d/b' was successfully pinned.\n", ""},
		{"fs pin /d/b TAPE", exitUsage, "", "TAPE is no medium of this cluster. They are MEM, SSD, HDD.\n"},
		{"fs ls -p /d", 0, b, ""},
		{"fs unpin /d/b", 0, "File '/d/b' was successfully unpinned.\n", ""},
		{"fs ls -p /d", 0, "", ""},
	})
	out := s.ok("fs", "stat", "/d/b")
	for _, part := range []string{"/d/b is a file path.\nURIStatus{info=FileInfo{fileId=", "name=b, path=/d/b, ufsPath=", "length=10", "mode=0640", "persistenceState=PERSISTED", "Containing the following blocks: \nBlockInfo{id=", "host=localhost"} {
		if !strings.Contains(out, part) {
			t.Errorf("stat does not print %q:\n%s", part, out)
		}
	}
	id := regexp.MustCompile(`fileId=(\d+)`).FindStringSubmatch(out)[1]
	if got := s.ok("fs", "stat", "--file-id", id, "-f", "%N"); got != "The specified file ID "+id+" is /d/b\nb\n" {
		t.Errorf("stat --file-id printed %q", got)
	}
}

func TestPermissions(t *testing.T) {
	s := startCluster(t, testcluster.Options{})
	s.ok("fs", "mkdir", "/d/x")
	s.steps([]step{
		{"fs chmod 750 /d", 0, "Changed permission of /d to 750\n", ""},
		{"fs chmod -R g+w,o=r /d", 0, "Changed permission of /d to 774\n", ""},
		{"fs chmod u+z /d", exitUsage, "", "Invalid mode u+z - contains invalid segment u+z\nUsage: alluxio fs chmod [-R] MODE PATH...\n"},
		{"fs chmod 1777 /d", exitUsage, "", "Invalid mode 1777: it must be between 0 and 777\nUsage: alluxio fs chmod [-R] MODE PATH...\n"},
		{"fs chown -R alice /d", 0, "Changed owner of /d to alice\n", ""},
		{"fs chgrp staff /d/*", 0, "Changed group of /d/x to staff\n", ""},
		{"fs chown a:b:c /d", exitUsage, "", "Failed to parse a:b:c as user or user:group\nUsage: alluxio fs chown [-R] OWNER[:GROUP] PATH...\n"},
		{"fs getfacl /d/x", 0, "# file: /d/x\n# owner: alice\n# group: staff\nuser::rwx\ngroup::rwx\nother::r--\n", ""},
		{"fs setfacl /d", exitUsage, "", "No actions specified.\nUsage: alluxio fs setfacl [-d] [-R] (--set ENTRIES | -m ENTRIES | -x ENTRIES | -b | -k) PATH...\n"},
		{"fs setfacl --set user:bob:r-x /d", exitUsage, "", "Replacing ACL entries must include the base entries for 'user', 'group', and 'other'. missing: group, other, user\n" +
			"Usage: alluxio fs setfacl [-d] [-R] (--set ENTRIES | -m ENTRIES | -x ENTRIES | -b | -k) PATH...\n"},
		{"fs setTtl --action free /d 1day", 0, "TTL of path '/d' was successfully set to 86400000 milliseconds, with expiry action set to FREE\n", ""},
		{"fs setTtl /d -1", 0, "TTL of path '/d' was successfully set to -1 milliseconds, with expiry action set to DELETE\n", ""},
		{"fs setTtl /d soon", exitUsage, "", "soon is not valid time\nUsage: alluxio fs setTtl [--action delete|free|delete_alluxio] PATH TIME\n"},
		{"fs unsetTtl /d", 0, "TTL of file '/d' was successfully removed.\n", ""},
		{"fs setReplication --min 2 --max 1 /d/x", exitUsage, "", "Invalid values for '--max' and '--min' options\nUsage: alluxio fs setReplication [-R] [--max N] [--min N] PATH\n"},
	})
}

func TestCacheCommands(t *testing.T) {
	s := startCluster(t, testcluster.Options{}, "alluxio.user.file.writetype.default=MUST_CACHE")
	s.write("big", strings.Repeat("x", 3<<20))
	s.steps([]step{
		{"fs copyFromLocal HOME/big /big", 0, "Copied file://HOME/big to /big\n", ""},
		{"fs free /big", exitFailed, "", "Cannot free file /big which is not persisted\n"},
		{"fs persist /big", 0, "Found 1 files to persist.\n(1/1) Successfully persisted file: /big\n", ""},
		{"fs persist -p 0 /big", exitUsage, "", "Command persist: -p must be a number greater than 0, -t and -w times such as 30s or milliseconds\nUsage: alluxio fs persist [-p N] [-t TIME] [-w TIME] PATH...\n"},
		{"fs persist /big", 0, "Found 0 files to persist.\n", ""},
		{"fs checkConsistency /", 0, "/ is consistent with the under storage system.\n", ""},
		{"fs free /big", 0, "/big was successfully freed from Alluxio space.\n", ""},
		{"fs ls /big", 0, "-rw-r--r--  {user} {group}         3145728       PERSISTED {date}   0% /big\n", ""},
		{"fs load /", 0, "/big loaded\n/ loaded\n", ""},
		{"fs ls /big", 0, "-rw-r--r--  {user} {group}         3145728       PERSISTED {date} 100% /big\n", ""},
		{"fs load /big", 0, "/big already in Alluxio fully\n", ""},
		{"fs distributedCp /big /copy", 0, "Copied /big to /copy\n", ""},
		{"fs distributedMv /copy /moved", 0, "Copied /copy to /moved\nDeleting /copy\n", ""},
		{"fs test -e /copy", 1, "", ""},
		{"fs getCapacityBytes", 0, "Capacity Bytes: 268435456\n", ""},
		{"fs leader", 0, "localhost\n", ""},
	})
	if out := s.ok("fs", "location", "/big"); !strings.HasPrefix(out, "/big with file id ") || !strings.HasSuffix(out, " is on nodes: \nlocalhost\n") {
		t.Errorf("location printed %q", out)
	}
}

func TestMounts(t *testing.T) {
	s := startCluster(t, testcluster.Options{})
	s.write("store/f", "stored")
	s.write("more/g", "more")
	const usage = "Usage: alluxio fs mount [--readonly] [--shared] [--option KEY=VALUE]... [PATH UFS_URI]\n"
	s.steps([]step{
		{"fs mount /m HOME/store", 0, "Mounted HOME/store at /m\n", ""},
		{"fs mount --readonly --option fs.kodo.secretkey=hunter2 /r HOME/more", 0, "Mounted HOME/more at /r\n", ""},
		{"fs cat /m/f", 0, "stored", ""},
		{"fs mount /m", exitUsage, "", "Command mount takes 0 or 2 arguments, not 1\n" + usage},
		{"fs mount --option secret /x HOME/more", exitUsage, "", "The value of --option must be key=value (given for \"secret\").\n" + usage},
		{"fs mount --option fs.kodo.acceskey=hunter2 /x HOME/more", exitUsage, "", "Unknown property fs.kodo.acceskey. Did you mean fs.kodo.accesskey?\n"},
		{"fs mount --option alluxio.master.rpc.port=1 /x HOME/more", exitUsage, "", "alluxio.master.rpc.port is not an option of a mount: it is not a property of a store.\n"},
		{"fs unmount /m", 0, "Unmounted /m\n", ""},
		{"fs umount /nope", exitNotFound, "", "Failed to unmount: Path /nope does not exist\n"},
	})
	out := s.ok("fs", "mount")
	if !strings.Contains(out, s.home+"/more") || !strings.Contains(out, "read-only, not shared, properties={fs.kodo.secretkey=******})") || strings.Contains(out, "hunter2") {
		t.Errorf("mount printed %q", out)
	}
	if report := s.ok("fsadmin", "report", "ufs"); !strings.HasPrefix(report, "Alluxio under storage system information:\n") {
		t.Errorf("report ufs printed %q", report)
	}
}

func TestSmokeSuite(t *testing.T) {
	s := startCluster(t, testcluster.Options{})
	out := s.ok("runTests")
	if n := strings.Count(out, "Passed the test!\n"); n != 24 || !strings.HasSuffix(out, "\n24 passed, 0 failed\n") || strings.Contains(out, "\033") {
		t.Errorf("%d passed:\n%s", n, out)
	}
	for _, op := range operations {
		for _, read := range smokeReads {
			for _, write := range smokeWrites {
				file := filepath.Join(s.cluster.Root(), testDirectory, fmt.Sprintf("%s_%s_%s", op.file, read, write))
				if data, err := os.ReadFile(file); string(data) != string(op.content()) {
					t.Errorf("%s: %x, %v", file, data, err)
				}
			}
		}
	}
	s.env.IsTerminal = true
	out = s.ok("runTests", "--directory", "/sub", "--operation", "basic", "--readType", "CACHE", "--writeType", "THROUGH")
	if !strings.HasSuffix(out, green+"Passed the test!\033[0m\n1 passed, 0 failed\n") {
		t.Errorf("printed %q", out)
	}
	s.env.IsTerminal = false
	s.fails(exitUsage, []string{"runTests", "--readType", "SLOW"}, "--readType must be one of CACHE_PROMOTE, CACHE, NO_CACHE, not SLOW.")

	s.cluster.StopWorker(0)
	s.fails(2, []string{"runTests", "--readType", "CACHE", "--writeType", "MUST_CACHE"}, "BasicFile_CACHE_MUST_CACHE: writeFile to file: ")
}

func TestReports(t *testing.T) {
	s := startCluster(t, testcluster.Options{})
	out := s.ok("fsadmin", "report")
	for _, line := range []string{"Alluxio cluster summary: \n    Master Address: localhost:", "\n    Version: 2.9.5\n", "\n    Raft Journal Addresses: \n        localhost:", "\n    Live Workers: 1\n    Lost Workers: 0\n    Total Capacity: 256.00MB\n        Tier: MEM  Size: 256.00MB\n    Used Capacity: 0B\n"} {
		if !strings.Contains(out, line) {
			t.Errorf("report does not print %q:\n%s", line, out)
		}
	}
	s.steps([]step{
		{"fsadmin report capacity -lost", 0, "No workers found.\n", ""},
		{"fsadmin report capacity -live -lost", exitUsage, "", "report capacity takes one of -live, -lost and -workers.\n" + reportUsage},
		{"fsadmin report ufs -live", exitUsage, "", "report ufs does not support arguments: live\n" + reportUsage},
		{"fsadmin report everything", exitUsage, "", "report category is invalid.\n" + reportUsage},
		{"fsadmin doctor storage", 0, "All worker storage paths are in working state.\n", ""},
		{"fsadmin getBlockInfo x", exitUsage, "", "x is not a valid block id.\n"},
		{"fsadmin journal quorum info -domain JOB_MASTER", exitUsage, "", "Invalid value provided for option: domain. Supported values: [MASTER]\nUsage: alluxio fsadmin journal quorum info -domain MASTER\n"},
	})
	if out := s.ok("fsadmin", "report", "capacity"); !strings.Contains(out, "256.00MB         2.9.5            unknown\n") {
		t.Errorf("the version of the worker is missing:\n%s", out)
	}
	s.fails(exitUsage, []string{"fsadmin", "journal", "quorum", "elect"}, "Option -address takes the journal address of a master, HOST:PORT.")
	s.fails(exitNotFound, []string{"fsadmin", "journal", "quorum", "elect", "-address", "nobody:1"}, "No master has the journal address nobody:1;")
	if out := s.ok("fsadmin", "journal", "quorum", "info", "-domain", "MASTER"); !strings.Contains(out, "| localhost:") {
		t.Errorf("the address of the only voter is missing:\n%s", out)
	}
	if out := s.ok("getConf", "--master", "alluxio.version"); out != "2.9.5\n" {
		t.Errorf("getConf --master printed %q", out)
	}
	if out := s.ok("fsadmin", "report", "metrics"); !strings.Contains(out, "Cluster.Workers  (Type: ") {
		t.Errorf("report metrics printed %q", out)
	}
}

const reportUsage = "Usage: alluxio fsadmin report [summary|capacity|metrics|ufs] [-live|-lost|-workers HOST,HOST]\n"

func TestPathDefaults(t *testing.T) {
	s := startCluster(t, testcluster.Options{})
	const add = "Usage: alluxio fsadmin pathConf add --property KEY=VALUE... PATH\n"
	s.steps([]step{
		{"fsadmin pathConf list", 0, "", ""},
		{"fsadmin pathConf add --property alluxio.user.file.writetype.default=THROUGH /a", 0, "", ""},
		{"fsadmin pathConf add --property alluxio.user.file.writetype.default=MUST_CACHE --property alluxio.user.file.create.ttl=1day /a/b", 0, "", ""},
		{"fsadmin pathConf list", 0, "/a\n/a/b\n", ""},
		{"fsadmin pathConf show /a/b/c", 0, "", ""},
		{"fsadmin pathConf show --all /a/b/c", 0, "alluxio.user.file.create.ttl=1day\nalluxio.user.file.writetype.default=MUST_CACHE\n", ""},
		{"fsadmin pathConf add /a", exitUsage, "", "Command add needs at least one --property\n" + add},
		{"fsadmin pathConf add --property alluxio.master.worker.timeout=1s /a", exitUsage, "", "alluxio.master.worker.timeout is not a property of clients: it cannot differ by path\n" + add},
		{"fsadmin pathConf add --property alluxio.user.file.writetype.defalt=THROUGH /a", exitUsage, "", "Unknown property alluxio.user.file.writetype.defalt. Did you mean alluxio.user.file.writetype.default?\n"},
		{"fs touch /a/x", 0, "/a/x has been created\n", ""},
		{"fs touch /a/b/x", 0, "/a/b/x has been created\n", ""},
		{"fs test -e /a/b/x", 0, "", ""},
		{"fsadmin pathConf remove --keys alluxio.user.file.create.ttl /a/b", 0, "", ""},
		{"fsadmin pathConf show /a/b", 0, "alluxio.user.file.writetype.default=MUST_CACHE\n", ""},
		{"fsadmin pathConf remove /a/b", 0, "", ""},
		{"fsadmin pathConf list", 0, "/a\n", ""},
		{"fsadmin updateConf alluxio.master.worker.timeout=4min", exitConflict, "", "The configuration cannot be changed at run time. Set alluxio.conf.dynamic.update.enabled=true to allow it.\n"},
		{"fsadmin updateConf nonsense", exitUsage, "", "nonsense is not of the form key=value\nUsage: alluxio fsadmin updateConf KEY=VALUE...\n"},
		{"fsadmin ufs --mode readonly kodo://bucket/dir", exitUsage, "", "The ufs path should have only scheme and authority but no path.\nUsage: alluxio fsadmin ufs --mode noAccess|readOnly|readWrite UFS_URI\n"},
	})
	for path, want := range map[string]string{"/a/x": "PERSISTED", "/a/b/x": "NOT_PERSISTED"} {
		if out := s.ok("fs", "stat", path); !strings.Contains(out, "persistenceState="+want+",") {
			t.Errorf("%s is not %s: %s", path, want, out)
		}
	}
}

func TestCompletion(t *testing.T) {
	s := startCluster(t, testcluster.Options{Workers: -1})
	s.ok("fs", "mkdir", "/data/sub")
	for args, want := range map[string]string{
		"fs ls /": "/data/\n", "fs rm /data/s": "/data/sub/\n", "fs ls /x": "", "fs ls x": "", "getConf alluxio.master.rpc.p": "alluxio.master.rpc.port\n", "fsadmin report u": "ufs\n",
	} {
		out, _, _ := strings.Cut(s.ok(append([]string{"__complete"}, strings.Fields(args)...)...), ":")
		if out != want {
			t.Errorf("%q completes to %q, want %q", args, out, want)
		}
	}
}

// A path may name its cluster.
func TestAuthority(t *testing.T) {
	s := startCluster(t, testcluster.Options{Workers: -1})
	at := "alluxio://" + s.cluster.MasterAddr()
	s.ok("fs", "mkdir", at+"/d/sub")
	elsewhere := "-Dalluxio.master.rpc.port=1"
	if out := s.ok("fs", elsewhere, "ls", "-R", at+"/*"); !strings.HasSuffix(out, " /d/sub\n") {
		t.Errorf("ls printed %q", out)
	}
	s.ok("fs", elsewhere, "mv", "alluxio://localhost:2,"+s.cluster.MasterAddr()+"/d/sub", "/d/moved")
	s.ok("fs", "test", "-d", "alluxio:///d/moved")
	s.fails(exitUsage, []string{"fs", "mv", at + "/d", "alluxio://other:1/d"}, "different masters")
	s.fails(exitUsage, []string{"fs", "ls", "alluxio://zk@zk1:2181/d"}, "write the masters as host:port")
}

func TestMasterDown(t *testing.T) {
	in := newInstallation(t, "alluxio.master.hostname=localhost", "alluxio.master.rpc.port=1", "alluxio.user.rpc.retry.max.duration=100ms")
	in.fails(exitUnavailable, []string{"fs", "ls", "/"}, "localhost:1")
	in.fails(2, []string{"fs", "test", "-e", "/"}, "localhost:1")
	in.fails(exitUsage, []string{"fs", "ls", "/", "-D" + config.MasterRPCPort.Name() + "=x"}, "option -D: alluxio.master.rpc.port=x is not a whole number")
}
