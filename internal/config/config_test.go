package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// of returns a Config of the given values, failing the test otherwise.
func of(t *testing.T, values map[string]string) *Config {
	t.Helper()
	c, err := FromMap(All, values)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantError fails the test unless err is Invalid and holds every part.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if !errors.Is(err, errors.Invalid) {
		t.Fatalf("error %v, want an Invalid one with %q", err, parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func TestDefaults(t *testing.T) {
	c := of(t, nil)
	for _, k := range Keys() {
		if k.DefaultText() != "" && !c.IsSet(k) {
			t.Errorf("%s has the default %s but no value", k.name, k.DefaultText())
		}
	}
	if got := c.Int(MasterRPCPort); got != 19998 {
		t.Errorf("master RPC port %d", got)
	}
	if got := c.Bytes(UserBlockSizeBytesDefault); got != 64<<20 {
		t.Errorf("block size %d", got)
	}
	if got := c.Duration(MasterWorkerTimeout); got != 5*time.Minute {
		t.Errorf("worker timeout %v", got)
	}
	if got := c.String(MasterJournalFolder); got != "/opt/alluxio/data/journal" {
		t.Errorf("journal folder %q", got)
	}
	if got := c.Class(UserBlockWriteLocationPolicyClass); got != "LocalFirstPolicy" {
		t.Errorf("policy %q", got)
	}
	if got := c.String(WorkerTieredstoreLevelAlias.At(0)); got != "MEM" {
		t.Errorf("tier 0 is %q", got)
	}
	if got := c.List(WorkerTieredstoreLevelDirsMediumtype.At(0)); !slices.Equal(got, []string{"MEM"}) {
		t.Errorf("media %q", got)
	}
	if got := c.BytesList(WorkerTieredstoreLevelDirsQuota.At(0)); len(got) != 1 || got[0] != c.Bytes(WorkerRamdiskSize) || got[0] <= 0 {
		t.Errorf("quota %v", got)
	}
	if got := c.List(WorkerTieredstoreLevelDirsPath.At(1)); got != nil {
		t.Errorf("tier 1 has directories %v", got)
	}
	if got := c.String(MasterTieredstoreGlobalLevelAlias.At(2)); got != "HDD" {
		t.Errorf("global tier 2 is %q", got)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("the defaults do not fit together: %v", err)
	}
	if w := c.Warnings(); len(w) != 0 {
		t.Errorf("the defaults warn: %q", w)
	}
}

func TestParseBytes(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "5b": 5, "4096": 4096, "1k": 1 << 10, "1KiB": 1 << 10, "64MB": 64 << 20, "1.5g": 3 << 29, "4.5TB": 9 << 39, "2PB": 2 << 50, "1Gi": 1 << 30, "0.3kb": 307,
	} {
		if got, err := ParseBytes(in); err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "MB", "-1", "1 MB", "1EB", "1e3", "0x10", "1_000", "9223372036854775807k", "nan", "inf", "1..2", "+1", "--1"} {
		if got, err := ParseBytes(in); err == nil {
			t.Errorf("ParseBytes(%q) = %d", in, got)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"0": 0, "-1": -time.Millisecond, "30": 30 * time.Millisecond, "250ms": 250 * time.Millisecond, "5SEC": 5 * time.Second,
		"1m": time.Minute, "2min": 2 * time.Minute, "1hr": time.Hour, "3day": 72 * time.Hour, "9223372036854775807": math.MaxInt64, "-9223372036854775807": math.MinInt64,
	} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "s", "2days", "1.5h", "1 h", "1us", "1w", "+1s", "0x1s"} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %v", in, got)
		}
	}
}

func TestBadValues(t *testing.T) {
	for name, value := range map[string]string{
		"alluxio.master.rpc.port":                                "abc",
		"alluxio.master.web.port":                                "70000",
		"alluxio.user.block.size.bytes.default":                  "0",
		"alluxio.master.worker.timeout":                          "5 minutes",
		"alluxio.user.file.writetype.default":                    "SOMETIMES",
		"alluxio.user.short.circuit.enabled":                     "yes",
		"alluxio.user.block.write.location.policy.class":         "alluxio.client.block.policy.NoSuchPolicy",
		"alluxio.worker.tieredstore.level1.dirs.quota":           "1GB,many",
		"alluxio.security.authorization.permission.umask":        "999",
		"alluxio.master.metastore.inode.inherit.owner.and.group": "1",
	} {
		_, err := FromMap(All, map[string]string{name: value})
		wantError(t, err, name, value)
	}
}

func TestReferences(t *testing.T) {
	c := of(t, map[string]string{
		"alluxio.work.dir":                                         "${alluxio.home}/work",
		"alluxio.master.journal.folder":                            "${ alluxio.work.dir }/j-${alluxio.master.port}",
		"alluxio.master.mount.table.root.ufs":                      "${user.home}/files",
		"alluxio.worker.tieredstore.level0.dirs.path":              "${alluxio.work.dir}/${alluxio.worker.tieredstore.level0.alias}",
		"alluxio.master.mount.table.root.option.fs.kodo.accesskey": "AK",
	})
	if got := c.String(MasterJournalFolder); got != "/opt/alluxio/work/j-19998" {
		t.Errorf("journal folder %q", got)
	}
	if got := c.String(MasterMountTableRootUFS); got != "//files" {
		t.Errorf("root UFS %q", got)
	}
	if got := c.List(WorkerTieredstoreLevelDirsPath.At(0)); !slices.Equal(got, []string{"/opt/alluxio/work/MEM"}) {
		t.Errorf("path %q", got)
	}
	for value, why := range map[string]string{
		"${alluxio.master.journal.folder}/x": "refers to itself",
		"${HOME}/x":                          "Unknown property HOME",
		"${alluxio.master.hostname}/x":       "has no value",
		"${alluxio.logs.dir}/x":              "refers to itself",
	} {
		_, err := FromMap(All, map[string]string{"alluxio.master.journal.folder": value, "alluxio.logs.dir": "${alluxio.master.journal.folder}"})
		wantError(t, err, "alluxio.master.journal.folder", why)
	}
}

func TestNames(t *testing.T) {
	c := of(t, map[string]string{
		"alluxio.underfs.address":                          "/data",
		"aws.accessKeyId":                                  "AK",
		"fs.kodo.accessKey":                                "KODO",
		"alluxio.worker.data.port":                         "1234",
		"alluxio.user.network.reader.chunk.size.bytes":     "2MB",
		"alluxio.master.metastore.rocks.edge.index":        "x",
		"alluxio.master.security.impersonation.yarn.users": "a, b,,",
		"alluxio.locality.zone":                            "z1",
	})
	if got := c.String(MasterMountTableRootUFS); got != "/data" {
		t.Errorf("root UFS %q", got)
	}
	if got := c.Secret(S3AAccessKeyID).Reveal() + c.Secret(FSKodoAccesskey).Reveal(); got != "AKKODO" {
		t.Errorf("keys %q", got)
	}
	if got := c.Int(WorkerRPCPort); got != 1234 {
		t.Errorf("worker port %d", got)
	}
	if got := c.Bytes(UserStreamingReaderChunkSizeBytes); got != 2<<20 {
		t.Errorf("chunk %d", got)
	}
	if got := c.List(MasterSecurityImpersonationUsers.At("yarn")); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("users %q", got)
	}
	if got := c.String(Locality.At("zone")); got != "z1" {
		t.Errorf("zone %q", got)
	}
	if got := len(c.Warnings()); got != 6 {
		t.Errorf("%d warnings: %q", got, c.Warnings())
	}
	_, err := FromMap(All, map[string]string{"alluxio.master.hostnam": "h", "alluxio.worker.tieredstore.level0.dir.path": "/x"})
	wantError(t, err, "Did you mean alluxio.master.hostname?", "Did you mean alluxio.worker.tieredstore.level0.dirs.path?")
	_, err = FromMap(All, map[string]string{"completely.different": "h"})
	wantError(t, err, "completely.different", "getConf")
}

// TestAllNamesOfAlluxio reads the accepted list and the table: each name works
// once, in one of the two.
func TestAllNamesOfAlluxio(t *testing.T) {
	if n := len(registry.byName) + len(accepted); n < 784 {
		t.Errorf("only %d names are known", n)
	}
	for name := range accepted {
		if registry.byName[name] != nil || registry.byAlias[name] != nil {
			t.Errorf("%s is declared and in accepted.txt", name)
		}
		found, err := findName(strings.ReplaceAll(name, "*", "x"))
		if err != nil || found.warning == "" {
			t.Errorf("%s: %+v, %v; want it accepted with a warning", name, found, err)
		}
	}
	for _, k := range Keys() {
		if k.help == "" || !strings.HasSuffix(k.help, ".") {
			t.Errorf("%s: help text %q", k.name, k.help)
		}
	}
	for old, current := range renamed {
		if registry.byName[current] == nil {
			t.Errorf("%s was renamed to %s, which is not declared", old, current)
		}
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	const secret = "hunter2"
	values := map[string]string{
		"fs.kodo.secretkey": secret,
		"s3a.secretKey":     secret,
		"alluxio.master.mount.table.root.option.fs.kodo.secretkey": secret,
		"fs.oss.accessKeySecret":                                   secret,
		"alluxio.master.mount.table.root.option.fs.cos.secret.key": secret,
	}
	c := of(t, values)
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, nil))
	logger.Info("x", "conf", c, "secret", c.Secret(FSKodoSecretkey), "struct", struct{ S Secret }{c.Secret(FSKodoSecretkey)})
	for _, v := range []any{c, *c, c.Secret(FSKodoSecretkey), []Secret{c.Secret(S3ASecretKey)}, struct{ S *Secret }{}, c.All(), c.ClusterDefaults(true), c.ClusterDefaults(false)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		_ = json.NewEncoder(&out).Encode(v)
	}
	for name := range values {
		p, ok, err := c.Lookup(name)
		if !ok || err != nil || p.Value != Masked {
			t.Errorf("Lookup(%s) = %+v, %v, %v", name, p, ok, err)
		}
		fmt.Fprint(&out, p)
	}
	_, err := c.With(SourceRuntime, map[string]string{"fs.kodo.secretkey": "${" + "fs.kodo.secretkey}" + secret})
	fmt.Fprint(&out, err)
	fmt.Fprint(&out, MaskOptions(c.RootMountOptions()), MaskOptions(c.UFSProperties(nil)))
	if strings.Contains(out.String(), secret) || strings.Contains(out.String(), fmt.Sprintf("%x", secret)) {
		at := max(strings.Index(out.String(), secret)-200, 0)
		t.Errorf("the secret is shown: …%.300s", out.String()[at:])
	}
	if got := c.UFSProperties(c.RootMountOptions())["fs.kodo.secretkey"]; got != secret {
		t.Errorf("the store gets %q", got)
	}
}

func TestParseProperties(t *testing.T) {
	text := "\ufeff# comment\n! comment\n\n  a = 1 \r\nb:2\nc 3\nlong = x,\\\n   y,\\\n\tz\n" +
		`path=C:\\dir\ttab` + "\n" + `k\=ey=\u0041\u00e9\uD83D\uDE00` + "\nempty=\nnothing\nd==e\n"
	pairs, err := parseProperties([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []pair{
		{"a", "1 ", 4}, {"b", "2", 5}, {"c", "3", 6}, {"long", "x,y,z", 7}, {"path", "C:\\dir\ttab", 10},
		{"k=ey", "Aé😀", 11}, {"empty", "", 12}, {"nothing", "", 13}, {"d", "=e", 14},
	}
	if !slices.Equal(pairs, want) {
		t.Errorf("got  %+v\nwant %+v", pairs, want)
	}
	if pairs, err := parseProperties([]byte("n=caf\xe9")); err != nil || pairs[0].value != "café" {
		t.Errorf("Latin-1: %+v, %v", pairs, err)
	}
	if _, err := parseProperties([]byte("a=1\nb=\\u12")); !errors.Is(err, errors.Invalid) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v", err)
	}
}

// install makes an installation with a site file and returns Options for it.
func install(t *testing.T, site string, environ ...string) Options {
	t.Helper()
	home := t.TempDir()
	for _, dir := range []string{"bin", "conf"} {
		if err := os.Mkdir(filepath.Join(home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(home, "conf", SiteFile), []byte(site), 0o644); err != nil {
		t.Fatal(err)
	}
	return Options{Environ: append(environ, "PATH="+os.Getenv("PATH")), Executable: filepath.Join(home, "bin", "alluxio")}
}

func TestLoad(t *testing.T) {
	opts := install(t, "alluxio.master.hostname=site\nalluxio.master.rpc.port=1\nalluxio.worker.rpc.port=2\nalluxio.master.web.port=3\nalluxio.worker.web.port=4\n",
		"ALLUXIO_MASTER_HOSTNAME=env", "ALLUXIO_MASTER_RPC_PORT=11", "ALLUXIO_MASTER_PORT=tcp://10.0.0.1:19998", "ALLUXIO_WORKER_RPC_PORT=tcp://10.0.0.1:1",
		`ALLUXIO_JAVA_OPTS=-Xmx4g -Dlog4j.x=y -Dalluxio.master.rpc.port=12 "-Dalluxio.master.mount.table.root.ufs=/a b"`,
		"ALLUXIO_USER_JAVA_OPTS=-Dalluxio.master.web.port=31", "ALLUXIO_MASTER_JAVA_OPTS=-Dalluxio.master.web.port=99",
		"ALLUXIO_WORKER_TIEREDSTORE_LEVEL1_DIRS_QUOTA=7GB", "ALLUXIO_RAM_FOLDER=/ram")
	opts.Defines = []string{"alluxio.worker.web.port=41"}
	c, err := Load(opts)
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Dir(filepath.Dir(opts.Executable))
	for _, want := range []Property{
		{"alluxio.home", home, "DEFAULT"},
		{"alluxio.conf.dir", home + "/conf", "DEFAULT"},
		{"alluxio.master.hostname", "env", "SYSTEM_PROPERTY"},
		{"alluxio.master.rpc.port", "12", "SYSTEM_PROPERTY"},
		{"alluxio.master.mount.table.root.ufs", "/a b", "SYSTEM_PROPERTY"},
		{"alluxio.master.web.port", "31", "SYSTEM_PROPERTY"},
		{"alluxio.worker.web.port", "41", "SYSTEM_PROPERTY"},
		{"alluxio.worker.rpc.port", "2", "SITE_PROPERTY (" + home + "/conf/" + SiteFile + ")"},
		{"alluxio.worker.tieredstore.level1.dirs.quota", "7GB", "SYSTEM_PROPERTY"},
		{"alluxio.worker.tieredstore.level0.dirs.path", "/ram", "SYSTEM_PROPERTY"},
	} {
		if got, ok, err := c.Lookup(want.Name); got != want || !ok || err != nil {
			t.Errorf("got %+v, %v, %v; want %+v", got, ok, err, want)
		}
	}
}

func TestLoadErrorsNameThePlace(t *testing.T) {
	opts := install(t, "# site\nalluxio.master.rpc.port=x\nalluxio.mastr.hostname=h\nalluxio.conf.dir=/c\n", "ALLUXIO_MASTER_WEB_PORT=y")
	_, err := Load(opts)
	wantError(t, err, "environment variable ALLUXIO_MASTER_WEB_PORT: alluxio.master.web.port=y is not a whole number")
	opts.Environ = opts.Environ[1:]
	_, err = Load(opts)
	wantError(t, err, SiteFile+":2: alluxio.master.rpc.port=x is not a whole number", SiteFile+":3: Unknown property alluxio.mastr.hostname", SiteFile+":4: alluxio.conf.dir cannot be set")
	opts.Defines = []string{"alluxio.debug"}
	_, err = Load(opts)
	wantError(t, err, "option -D: -Dalluxio.debug has no value")
}

func TestEnvScript(t *testing.T) {
	opts := install(t, "", "ALLUXIO_BASE=/from/outside")
	script := filepath.Join(filepath.Dir(filepath.Dir(opts.Executable)), "conf", "alluxio-env.sh")
	if err := os.WriteFile(script, []byte("echo noise\nALLUXIO_MASTER_HOSTNAME=scripted\nexport ALLUXIO_LOGS_DIR=\"$ALLUXIO_BASE/logs\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(opts)
	if err != nil {
		t.Fatal(err)
	}
	if c.String(MasterHostname) != "scripted" || c.String(LogsDir) != "/from/outside/logs" {
		t.Errorf("host %q, logs %q", c.String(MasterHostname), c.String(LogsDir))
	}
	for _, broken := range []string{"exit 3\n", "ALLUXIO_MASTER_HOSTNAME=half\nif then (\n"} {
		if err := os.WriteFile(script, []byte(broken), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = Load(opts)
		wantError(t, err, script)
	}
}

func TestSiteSearchPath(t *testing.T) {
	opts := install(t, "alluxio.master.hostname=first\n")
	home := t.TempDir()
	other := filepath.Join(home, ".alluxio")
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, SiteFile), []byte("alluxio.master.hostname=second\nalluxio.debug=true"), 0o644); err != nil {
		t.Fatal(err)
	}
	opts.Environ = append(opts.Environ, "HOME="+home)
	c, err := Load(opts)
	if err != nil {
		t.Fatal(err)
	}
	if c.String(MasterHostname) != "first" || c.Bool(Debug) {
		t.Errorf("files are merged: host %q", c.String(MasterHostname))
	}
	if err := os.Remove(filepath.Join(filepath.Dir(filepath.Dir(opts.Executable)), "conf", SiteFile)); err != nil {
		t.Fatal(err)
	}
	if c, err = Load(opts); err != nil || c.String(MasterHostname) != "second" {
		t.Errorf("the second file is not read: %v", err)
	}
}

func TestClusterDefaults(t *testing.T) {
	master := of(t, map[string]string{
		"alluxio.user.file.writetype.default": "CACHE_THROUGH", "alluxio.worker.ramdisk.size": "1GB", "alluxio.master.ttl.checker.interval": "1s",
		"alluxio.worker.tieredstore.level0.dirs.path": "${alluxio.work.dir}/tmp", "fs.kodo.secretkey": "s", "alluxio.work.dir": "/m", "alluxio.master.hostname": "m",
		"alluxio.master.mount.table.root.option.fs.kodo.accesskey": "a",
	})
	sent := master.ClusterDefaults(true)
	if HashProperties(sent) != HashProperties(master.ClusterDefaults(true)) || HashProperties(sent) == HashProperties(sent[1:]) {
		t.Error("the hash is not one of the properties")
	}
	var names []string
	for _, p := range sent {
		names = append(names, p.Name+"="+p.Value)
	}
	want := []string{
		"alluxio.master.ttl.checker.interval=1s", "alluxio.user.file.writetype.default=CACHE_THROUGH",
		"alluxio.version=2.9.5", "alluxio.worker.ramdisk.size=1GB", "alluxio.worker.tieredstore.level0.dirs.path=${alluxio.work.dir}/tmp", "fs.kodo.secretkey=******",
	}
	if !slices.Equal(names, want) {
		t.Errorf("sent %q, want %q", names, want)
	}

	sent = append(sent, Property{Name: "alluxio.user.block.size.bytes.default", Value: "nonsense"}, Property{Name: "no.such.key", Value: "1"})
	client, err := FromMap(Client, map[string]string{"alluxio.user.file.readtype.default": "NO_CACHE"})
	if err != nil {
		t.Fatal(err)
	}
	if client, err = client.WithClusterDefaults(sent); err != nil {
		t.Fatal(err)
	}
	if client.Enum(UserFileWritetypeDefault) != "CACHE_THROUGH" || client.IsSetByUser(UserFileWritetypeDefault) {
		t.Error("the cluster default does not hold")
	}
	if client.IsSet(FSKodoSecretkey) || client.Bytes(UserBlockSizeBytesDefault) != 64<<20 || len(client.Warnings()) != 1 {
		t.Errorf("bad defaults were taken over; warnings %q", client.Warnings())
	}
	if p, _, _ := client.Lookup("alluxio.worker.ramdisk.size"); p.Source != "DEFAULT" {
		t.Errorf("a client took over %+v", p)
	}
	if client, err = client.WithClusterDefaults(nil); err != nil || client.Enum(UserFileWritetypeDefault) != "ASYNC_THROUGH" {
		t.Errorf("the old cluster default stays: %v", err)
	}

	worker, err := FromMap(Worker, map[string]string{"alluxio.worker.ramdisk.size": "2GB", "alluxio.work.dir": "/w"})
	if err != nil {
		t.Fatal(err)
	}
	if worker, err = worker.WithClusterDefaults(sent); err != nil {
		t.Fatal(err)
	}
	if worker.Bytes(WorkerRamdiskSize) != 2<<30 || worker.List(WorkerTieredstoreLevelDirsPath.At(0))[0] != "/w/tmp" {
		t.Errorf("worker: %d, %q", worker.Bytes(WorkerRamdiskSize), worker.List(WorkerTieredstoreLevelDirsPath.At(0)))
	}
}

func TestMountOptions(t *testing.T) {
	checked, err := CheckMountOptions(map[string]string{"fs.kodo.accessKey": " a ", "alluxio.underfs.s3a.secure.http.enabled": "false"})
	if err != nil || checked["fs.kodo.accesskey"] != "a" || checked["alluxio.underfs.s3.secure.http.enabled"] != "false" {
		t.Errorf("got %v, %v", checked, err)
	}
	for name, value := range map[string]string{"alluxio.master.rpc.port": "1", "fs.kodo.acceskey": "a", "alluxio.underfs.kodo.requests.max": "some", "fs.kodo.secretkey": ""} {
		_, err := CheckMountOptions(map[string]string{name: value})
		wantError(t, err, name)
	}
	c := of(t, map[string]string{"fs.kodo.accesskey": "site", "alluxio.underfs.kodo.endpoint": "e"})
	props := c.UFSProperties(map[string]string{"fs.kodo.accessKey": "mount"})
	if props["fs.kodo.accesskey"] != "mount" || props["alluxio.underfs.kodo.endpoint"] != "e" || props["alluxio.underfs.listing.length"] != "1000" {
		t.Errorf("properties %v", props)
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		values map[string]string
		want   []string
	}{
		{nil, []string{"localhost:19998"}},
		{map[string]string{"alluxio.master.hostname": "m", "alluxio.master.rpc.port": "7"}, []string{"m:7"}},
		{map[string]string{"alluxio.master.bind.host": "10.0.0.9"}, []string{"10.0.0.9:19998"}},
		{map[string]string{"alluxio.master.hostname": "m", "alluxio.master.embedded.journal.addresses": "a:19200,b:19200"}, []string{"a:19998", "b:19998"}},
		{map[string]string{"alluxio.master.rpc.addresses": "x:1,y:2", "alluxio.master.embedded.journal.addresses": "a:1"}, []string{"x:1", "y:2"}},
	} {
		if got := of(t, c.values).MasterAddresses(); !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, want %q", c.values, got, c.want)
		}
	}
	if got := of(t, map[string]string{"alluxio.worker.hostname": "w", "alluxio.user.hostname": "u"}); got.WorkerHost() != "w" || got.ClientHost() != "u" {
		t.Errorf("worker %q, client %q", got.WorkerHost(), got.ClientHost())
	}
}

func TestValidate(t *testing.T) {
	for name, value := range map[string]string{
		"alluxio.master.journal.type":             "UFS",
		"alluxio.zookeeper.enabled":               "true",
		"alluxio.worker.block.heartbeat.interval": "1h",
		"alluxio.worker.tieredstore.levels":       "2",
		"alluxio.worker.tieredstore.level0.alias": "TAPE",
		"alluxio.user.file.replication.max":       "-1",
	} {
		err := of(t, map[string]string{name: value, "alluxio.worker.tieredstore.level1.alias": "SSD"}).Validate()
		if value == "-1" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		wantError(t, err, strings.TrimSuffix(name, "levels"))
	}
}

func TestDocument(t *testing.T) {
	text := Document()
	for _, k := range Keys() {
		if !strings.Contains(text, "| `"+k.name+"` |") {
			t.Errorf("%s is not documented", k.name)
		}
	}
	for _, part := range []string{"| `alluxio.worker.tieredstore.level*n*.alias` |", "Also `alluxio.master.port`.", "Not in the site file."} {
		if !strings.Contains(text, part) {
			t.Errorf("the document has no %q", part)
		}
	}
}

// TestKeysAreRead looks for each declared key in the code and scripts: one that
// nobody reads belongs into accepted.txt, so that whoever sets it is told.
func TestKeysAreRead(t *testing.T) {
	code := sources(t, "../..")
	variable := regexp.MustCompile(`(?m)^\t(\w+) += \w+Key\("([^"]+)"`)
	tables, _ := filepath.Glob("keys_*.go")
	found := 0
	for _, table := range tables {
		data, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range variable.FindAllStringSubmatch(string(data), -1) {
			found++
			if !code[m[1]] && !code[m[2]] {
				t.Errorf("nothing reads %s (config.%s)", m[2], m[1])
			}
		}
	}
	if found != len(registry.keys) {
		t.Errorf("%d declarations seen, %d keys registered", found, len(registry.keys))
	}
}

// sources returns the words and property names in the project's Go code without
// tests and key tables, and in its scripts.
func sources(t *testing.T, root string) map[string]bool {
	t.Helper()
	words := map[string]bool{}
	word := regexp.MustCompile(`[\w.-]*\w`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == "bin" || name == "dist" || name == "proto"):
			return filepath.SkipDir
		case d.IsDir() || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "keys_"):
			return nil
		case !strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, ".sh"):
			return nil
		}
		data, err := os.ReadFile(path)
		for _, w := range word.FindAllString(string(data), -1) {
			words[strings.TrimPrefix(w, "config.")] = true
			base, _, _ := strings.Cut(w, ".")
			words[base] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return words
}

func FuzzParseProperties(f *testing.F) {
	f.Add([]byte("a=b\\\nc\\u0041"))
	f.Fuzz(func(t *testing.T, data []byte) {
		pairs, err := parseProperties(data)
		if err == nil && len(pairs) > bytes.Count(data, []byte("\n"))+bytes.Count(data, []byte("\r"))+1 {
			t.Errorf("%d pairs of %d bytes", len(pairs), len(data))
		}
	})
}
