package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
)

type reportOptions struct {
	live, lost bool
	workers    []string
}

func newReportCmd(env *Env) *cobra.Command {
	var opts reportOptions
	cmd := &cobra.Command{
		Use:   "report [summary|capacity|metrics|ufs] [-live|-lost|-workers HOST,HOST]",
		Short: "Report on the cluster",
		Long:  "Reports a summary of the cluster, the capacity of its workers, its metrics, or what is mounted.",
		Example: examples("fsadmin report", "fsadmin report capacity", "fsadmin report capacity -lost",
			"fsadmin report capacity -workers worker-1,worker-2", "fsadmin report ufs", "fsadmin report metrics"),
		Args:      argCount(0, 1),
		ValidArgs: []string{"summary", "capacity", "metrics", "ufs"},
		RunE: func(cmd *cobra.Command, args []string) error {
			category := "summary"
			if len(args) == 1 {
				category = args[0]
			}
			if !slices.Contains(cmd.ValidArgs, category) {
				return usagef(cmd, "report category is invalid.")
			}
			given := givenFlags(cmd)
			if category != "capacity" && len(given) > 0 {
				return usagef(cmd, "report %s does not support arguments: %s", category, strings.Join(given, ", "))
			}
			if len(given) > 1 {
				return usagef(cmd, "report capacity takes one of -live, -lost and -workers.")
			}
			return withShell(env, func(ctx context.Context, sh *shell, _ []string) error { return runReport(ctx, sh, category, opts) })(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&opts.live, "live", false, "only workers that report to the master")
	cmd.Flags().BoolVar(&opts.lost, "lost", false, "only workers that no longer do")
	cmd.Flags().StringSliceVar(&opts.workers, "workers", nil, "only workers on these hosts")
	return cmd
}

// givenFlags returns the names of the options on the command line.
func givenFlags(cmd *cobra.Command) []string {
	var names []string
	for _, name := range []string{"live", "lost", "workers"} {
		if cmd.Flags().Changed(name) {
			names = append(names, name)
		}
	}
	return names
}

func runReport(ctx context.Context, sh *shell, category string, opts reportOptions) error {
	switch category {
	case "capacity":
		return runCapacityReport(ctx, sh, opts)
	case "metrics":
		metrics, err := sh.fs.Metrics(ctx)
		if err == nil {
			writeMetrics(sh.Stdout, metrics)
		}
		return err
	case "ufs":
		mounts, err := sh.fs.MountTable(ctx, true)
		if err == nil {
			sh.printf("Alluxio under storage system information:")
			writeMounts(sh.Stdout, mounts)
		}
		return err
	}
	master, err := sh.fs.MasterInfo(ctx)
	if err != nil {
		return err
	}
	capacity, err := sh.fs.Capacity(ctx)
	if err != nil {
		return err
	}
	writeSummary(sh.Stdout, master, capacity, sh.date(master.Started))
	return nil
}

// writeSummary prints the report on the whole cluster.
func writeSummary(w io.Writer, master client.MasterInfo, capacity client.Capacity, started string) {
	line := indented(w)
	fmt.Fprintln(w, "Alluxio cluster summary: ")
	line("Master Address: %s", master.Leader)
	line("Web Port: %d", master.WebPort)
	line("Rpc Port: %d", master.RPCPort)
	line("Started: %s", started)
	line("Uptime: %s", uptimeText(master.Uptime))
	line("Version: %s", master.Version)
	line("Safe Mode: %t", master.SafeMode)
	line("Zookeeper Enabled: %t", len(master.Zookeeper) > 0)
	line("Raft-based Journal: %t", master.RaftJournal)
	if master.RaftJournal {
		line("Raft Journal Addresses: ")
		for _, a := range master.RaftAddresses {
			line("    %s", a)
		}
	}
	line("Live Workers: %d", capacity.LiveWorkers)
	line("Lost Workers: %d", capacity.LostWorkers)
	line("Total Capacity: %s", sizeText(capacity.CapacityBytes))
	writeTiers(line, capacity.CapacityOnTiers)
	line("Used Capacity: %s", sizeText(capacity.UsedBytes))
	writeTiers(line, capacity.UsedOnTiers)
	line("Free Capacity: %s", sizeText(capacity.CapacityBytes-capacity.UsedBytes))
}

// indented returns a function that prints an indented line.
func indented(w io.Writer) func(format string, args ...any) {
	return func(format string, args ...any) { fmt.Fprintf(w, "    "+format+"\n", args...) }
}

func writeTiers(line func(string, ...any), bytes map[string]int64) {
	for _, tier := range sortTiers(slices.Collect(maps.Keys(bytes))) {
		line("    Tier: %s  Size: %s", tier, sizeText(bytes[tier]))
	}
}

// sortTiers sorts tier names, the fastest first.
func sortTiers(tiers []string) []string {
	rank := func(tier string) int {
		if i := slices.Index([]string{"MEM", "SSD", "HDD"}, tier); i >= 0 {
			return i
		}
		return 3
	}
	slices.SortFunc(tiers, func(a, b string) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a, b)) })
	return tiers
}

func runCapacityReport(ctx context.Context, sh *shell, opts reportOptions) error {
	title, rng := "all", client.AllWorkers
	switch {
	case opts.live:
		title, rng = "live", client.LiveWorkers
	case opts.lost:
		title, rng = "lost", client.LostWorkers
	case len(opts.workers) > 0:
		title, rng = "specified", client.SpecifiedWorkers
	}
	workers, err := sh.fs.WorkerReport(ctx, rng, opts.workers...)
	if err != nil {
		return err
	}
	writeCapacity(sh.Stdout, title, workers)
	lost, err := sh.fs.LostStorage(ctx)
	if err != nil || len(lost) == 0 {
		return err
	}
	fmt.Fprintln(sh.Stdout)
	writeLostStorage(sh.Stdout, lost)
	return nil
}

// writeCapacity prints the capacity of workers, together and one by one.
func writeCapacity(w io.Writer, title string, workers []client.WorkerInfo) {
	if len(workers) == 0 {
		fmt.Fprintln(w, "No workers found.")
		return
	}
	capacity, used := map[string]int64{}, map[string]int64{}
	var totalCapacity, totalUsed int64
	for _, worker := range workers {
		totalCapacity += worker.CapacityBytes
		totalUsed += worker.UsedBytes
		for tier, n := range worker.CapacityOnTiers {
			capacity[tier] += n
		}
		for tier, n := range worker.UsedOnTiers {
			used[tier] += n
		}
	}
	line := indented(w)
	fmt.Fprintf(w, "Capacity information for %s workers: \n", title)
	line("Total Capacity: %s", sizeText(totalCapacity))
	writeTiers(line, capacity)
	line("Used Capacity: %s", sizeText(totalUsed))
	writeTiers(line, used)
	percent := int64(0)
	if totalCapacity > 0 {
		percent = totalUsed * 100 / totalCapacity
	}
	line("Used Percentage: %d%%", percent)
	line("Free Percentage: %d%%", 100-percent)
	fmt.Fprintln(w)
	writeWorkers(w, workers, sortTiers(slices.Collect(maps.Keys(capacity))))
}

// writeWorkers prints two rows for each worker: what it has and what it uses.
func writeWorkers(w io.Writer, workers []client.WorkerInfo, tiers []string) {
	name := len("Worker Name")
	for _, worker := range workers {
		name = max(name, len(worker.Address.Host))
	}
	row := func(cells ...string) {
		widths := []int{name + 5, 15, 16, 13}
		if len(tiers) > 1 {
			widths = append(widths, 14)
		}
		for range tiers {
			widths = append(widths, 16)
		}
		widths = append(widths, 16, 40)
		var b strings.Builder
		for i, cell := range cells {
			fmt.Fprintf(&b, "%-*s ", widths[i], cell)
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
	header := []string{"Worker Name", "State", "Last Heartbeat", "Storage"}
	if len(tiers) > 1 {
		header = append(header, "Total")
	}
	row(append(append(header, tiers...), "Version", "Revision")...)
	for _, worker := range workers {
		first := []string{worker.Address.Host, stateText(worker.State), strconv.Itoa(int(worker.LastContact.Seconds())), "capacity"}
		second := []string{"", "", "", "used"}
		if len(tiers) > 1 {
			first = append(first, sizeText(worker.CapacityBytes))
			second = append(second, usedText(worker.UsedBytes, worker.CapacityBytes))
		}
		for _, tier := range tiers {
			has, uses := worker.CapacityOnTiers[tier], worker.UsedOnTiers[tier]
			first = append(first, sizeText(has))
			second = append(second, usedText(uses, has))
		}
		row(append(first, worker.Version, worker.Revision)...)
		row(second...)
	}
}

// stateText returns a worker's state in the words of this report.
func stateText(state string) string {
	switch state {
	case "In Service", "LIVE":
		return "ACTIVE"
	case "Out of Service":
		return "LOST"
	}
	return state
}

func usedText(used, capacity int64) string {
	return sizeText(used) + " (" + percentText(used, capacity) + ")"
}

// metricInstances are the beginnings of metric names that the report shows.
var metricInstances = []string{"Cluster.", "Master.", "Worker.", "Client.", "Process.", "Server.", "Fuse."}

// writeMetrics prints metrics, sorted by name.
func writeMetrics(w io.Writer, metrics map[string]client.Metric) {
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		if !slices.ContainsFunc(metricInstances, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		m := metrics[name]
		fmt.Fprintf(w, "%s  (Type: %s, Value: %s)\n", name, m.Type, metricText(name, m))
	}
}

// metricText returns a value: bytes for people, counts with separators.
func metricText(name string, m client.Metric) string {
	if m.Text != "" {
		return m.Text
	}
	v := m.Number
	if strings.Contains(name, "Bytes") {
		text := sizeText(int64(v))
		if strings.Contains(name, "Throughput") {
			text += "/MIN"
		}
		return text
	}
	if v == float64(int64(v)) {
		return thousands(int64(v))
	}
	return strconv.FormatFloat(v, 'g', 5, 64)
}

// thousands writes a number with commas between groups of three digits.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

// writeMounts prints the mount table, sorted by mount point.
func writeMounts(w io.Writer, mounts map[string]client.MountPoint) {
	uri, point := 0, 0
	for path, m := range mounts {
		uri, point = max(uri, len(m.UFSURI)), max(point, len(path))
	}
	for _, path := range slices.Sorted(maps.Keys(mounts)) {
		m := mounts[path]
		fmt.Fprintf(w, "%-*s  on  %-*s  (%s, capacity=%s, used=%s, %sread-only, %sshared, properties={%s})\n",
			uri, m.UFSURI, point, path, m.UFSType, sizeText(m.CapacityBytes), mountUsed(m),
			unless(m.ReadOnly), unless(m.Shared), mountProperties(m.Properties))
	}
}

func unless(is bool) string {
	if is {
		return ""
	}
	return "not "
}

func mountUsed(m client.MountPoint) string {
	if m.CapacityBytes <= 0 || m.UsedBytes < 0 {
		return sizeText(m.UsedBytes)
	}
	return sizeText(m.UsedBytes) + "(" + percentText(m.UsedBytes, m.CapacityBytes) + ")"
}

// mountProperties prints options, with credentials masked once more.
func mountProperties(props map[string]string) string {
	props = config.MaskOptions(props)
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(props)) {
		parts = append(parts, name+"="+props[name])
	}
	return strings.Join(parts, ", ")
}
