package config

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// variables are the environment variables with a meaning of their own. Later
// ones win.
var variables = []struct{ variable, key string }{
	{"ALLUXIO_UNDERFS_ADDRESS", MasterMountTableRootUFS.name},
	{"ALLUXIO_MASTER_MOUNT_TABLE_ROOT_UFS", MasterMountTableRootUFS.name},
	{"ALLUXIO_MASTER_HOSTNAME", MasterHostname.name},
	{"ALLUXIO_WORKER_MEMORY_SIZE", WorkerRamdiskSize.name},
	{"ALLUXIO_WORKER_RAMDISK_SIZE", WorkerRamdiskSize.name},
	{"ALLUXIO_CONF_DIR", ConfDir.name},
	{"ALLUXIO_LOGS_DIR", LogsDir.name},
}

// setEnviron sets what the environment says. Besides the variables above,
// ALLUXIO_FOO_BAR sets the declared key alluxio.foo.bar. Old names do not work
// so: Kubernetes sets variables such as ALLUXIO_MASTER_PORT by itself.
func (b *builder) setEnviron(env map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value := env[name]
		if key := keyOfVariable(name); key != "" && value != "" && !strings.HasPrefix(value, "tcp://") {
			b.set(key, value, variableEntry(name))
		}
	}
	for _, v := range variables {
		if value := env[v.variable]; value != "" {
			b.set(v.key, value, variableEntry(v.variable))
		}
	}
	if dir := env["ALLUXIO_RAM_FOLDER"]; dir != "" {
		b.set(WorkerTieredstoreLevelAlias.At(0).name, "MEM", variableEntry("ALLUXIO_RAM_FOLDER"))
		b.set(WorkerTieredstoreLevelDirsPath.At(0).name, dir, variableEntry("ALLUXIO_RAM_FOLDER"))
	}
}

func variableEntry(name string) entry {
	return entry{source: SourceSystem, place: "environment variable " + name}
}

// keyOfVariable returns the declared key that ALLUXIO_FOO_BAR spells, "" when
// there is none.
func keyOfVariable(variable string) string {
	if !strings.HasPrefix(variable, "ALLUXIO_") || variable == "ALLUXIO_HOME" {
		return ""
	}
	name := strings.ToLower(strings.ReplaceAll(variable, "_", "."))
	if registry.byName[name] != nil {
		return name
	}
	for _, t := range registry.templates {
		if !strings.Contains(t.key.name, "%s") && t.match(name) != nil {
			return name
		}
	}
	return ""
}

func environMap(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok {
			env[name] = value
		}
	}
	return env
}

// envScriptTimeout bounds the run of alluxio-env.sh, a file of assignments.
const envScriptTimeout = 10 * time.Second

// addEnvScript adds the ALLUXIO_* variables that conf/alluxio-env.sh sets, so
// that `alluxio` started by hand and by the scripts see the same. The file is a
// shell script: bash runs it, unless all its lines are comments.
func addEnvScript(env map[string]string, confDir string) error {
	script := filepath.Join(confDir, "alluxio-env.sh")
	data, err := os.ReadFile(script)
	if errors.Is(err, errors.NotFound) || err == nil && onlyComments(data) {
		return nil
	}
	if err != nil {
		return errors.E("config.load", script, errors.Other, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), envScriptTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", `bash -n "$1" && set -a && { source "$1" >&2; env -0; }`, "alluxio-env", script)
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return errors.Errorf(errors.Invalid, "%s cannot be run: %v %s", script, err, bytes.TrimSpace(stderr.Bytes()))
	}
	for line := range bytes.SplitSeq(out, []byte{0}) {
		if name, value, ok := strings.Cut(string(line), "="); ok && strings.HasPrefix(name, "ALLUXIO_") {
			env[name] = value
		}
	}
	return nil
}

func onlyComments(script []byte) bool {
	for line := range bytes.Lines(script) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}
