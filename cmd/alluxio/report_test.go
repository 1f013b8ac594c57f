package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/proto/journalmasterpb"
)

// wantText compares what a report prints, without trailing blanks.
func wantText(t *testing.T, got *bytes.Buffer, want string) {
	t.Helper()
	var lines []string
	for line := range strings.SplitSeq(got.String(), "\n") {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	if text := strings.Join(lines, "\n"); text != strings.TrimLeft(want, "\n") {
		t.Errorf("got:\n%s\nwant:%s", text, want)
	}
}

func TestWriteSummary(t *testing.T) {
	var out bytes.Buffer
	writeSummary(&out, client.MasterInfo{
		Leader: "m1:19998", WebPort: 19999, RPCPort: 19998, Uptime: 192 * time.Second, Version: "2.9.5", RaftJournal: true, RaftAddresses: []string{"m1:19200", "m2:19200"},
	}, client.Capacity{
		CapacityBytes: 30 << 30, UsedBytes: 10 << 30, LiveWorkers: 2, LostWorkers: 1,
		CapacityOnTiers: map[string]int64{"HDD": 20 << 30, "MEM": 10 << 30}, UsedOnTiers: map[string]int64{"HDD": 10 << 30, "MEM": 0},
	}, "06-14-2023 07:02:45:248")
	wantText(t, &out, `
Alluxio cluster summary:
    Master Address: m1:19998
    Web Port: 19999
    Rpc Port: 19998
    Started: 06-14-2023 07:02:45:248
    Uptime: 0 day(s), 0 hour(s), 3 minute(s), and 12 second(s)
    Version: 2.9.5
    Safe Mode: false
    Zookeeper Enabled: false
    Raft-based Journal: true
    Raft Journal Addresses:
        m1:19200
        m2:19200
    Live Workers: 2
    Lost Workers: 1
    Total Capacity: 30.00GB
        Tier: MEM  Size: 10.00GB
        Tier: HDD  Size: 20.00GB
    Used Capacity: 10.00GB
        Tier: MEM  Size: 0B
        Tier: HDD  Size: 10.00GB
    Free Capacity: 20.00GB
`)
}

func TestWriteCapacity(t *testing.T) {
	var out bytes.Buffer
	writeCapacity(&out, "live", []client.WorkerInfo{{
		Address: client.WorkerAddress{Host: "data-worker-1"}, State: "In Service", LastContact: 1500 * time.Millisecond, Version: "2.9.0", Revision: "ffcb7064",
		CapacityBytes: 8 << 30, UsedBytes: 2 << 30, CapacityOnTiers: map[string]int64{"MEM": 8 << 30}, UsedOnTiers: map[string]int64{"MEM": 2 << 30},
	}})
	wantText(t, &out, `
Capacity information for live workers:
    Total Capacity: 8.00GB
        Tier: MEM  Size: 8.00GB
    Used Capacity: 2048.00MB
        Tier: MEM  Size: 2048.00MB
    Used Percentage: 25%
    Free Percentage: 75%

Worker Name        State           Last Heartbeat   Storage       MEM              Version          Revision
data-worker-1      ACTIVE          1                capacity      8.00GB           2.9.0            ffcb7064
                                                    used          2048.00MB (25%)
`)
	out.Reset()
	tiers := map[string]int64{"SSD": 3 << 40, "MEM": 1 << 40}
	writeCapacity(&out, "all", []client.WorkerInfo{{Address: client.WorkerAddress{Host: "w"}, State: "Out of Service", CapacityBytes: 4 << 40, CapacityOnTiers: tiers}})
	wantText(t, &out, `
Capacity information for all workers:
    Total Capacity: 4096.00GB
        Tier: MEM  Size: 1024.00GB
        Tier: SSD  Size: 3072.00GB
    Used Capacity: 0B
    Used Percentage: 0%
    Free Percentage: 100%

Worker Name      State           Last Heartbeat   Storage       Total          MEM              SSD              Version          Revision
w                LOST            0                capacity      4096.00GB      1024.00GB        3072.00GB
                                                  used          0B (0%)        0B (0%)          0B (0%)
`)
	out.Reset()
	writeCapacity(&out, "lost", nil)
	wantText(t, &out, "No workers found.\n")
}

func TestWriteMetrics(t *testing.T) {
	var out bytes.Buffer
	writeMetrics(&out, map[string]client.Metric{
		"Master.PathsDeleted":              {Number: 1234567, Type: "COUNTER"},
		"Cluster.BytesReadLocal":           {Number: 3 << 20, Type: "COUNTER"},
		"Cluster.BytesReadLocalThroughput": {Number: 10, Type: "GAUGE"},
		"Cluster.CacheHitRate":             {Number: 0.25, Type: "GAUGE"},
		"Cluster.LeaderId":                 {Text: "m1", Type: "GAUGE"},
		"go_goroutines":                    {Number: 7},
		"Worker.BlocksLost":                {Number: -1000, Type: "COUNTER"},
	})
	wantText(t, &out, `
Cluster.BytesReadLocal  (Type: COUNTER, Value: 3072.00KB)
Cluster.BytesReadLocalThroughput  (Type: GAUGE, Value: 10B/MIN)
Cluster.CacheHitRate  (Type: GAUGE, Value: 0.25)
Cluster.LeaderId  (Type: GAUGE, Value: m1)
Master.PathsDeleted  (Type: COUNTER, Value: 1,234,567)
Worker.BlocksLost  (Type: COUNTER, Value: -1,000)
`)
}

func TestWriteMounts(t *testing.T) {
	var out bytes.Buffer
	writeMounts(&out, map[string]client.MountPoint{
		"/mnt/s3": {UFSURI: "s3://bucket/data", UFSType: "s3", CapacityBytes: -1, UsedBytes: -1, ReadOnly: true, Shared: true, Properties: map[string]string{"s3a.secretKey": "hunter2", "a": "b"}},
		"/":       {UFSURI: "/opt/alluxio/underFSStorage", UFSType: "local", CapacityBytes: 100 << 30, UsedBytes: 10 << 30},
	})
	wantText(t, &out, `
/opt/alluxio/underFSStorage  on  /        (local, capacity=100.00GB, used=10.00GB(10%), not read-only, not shared, properties={})
s3://bucket/data             on  /mnt/s3  (s3, capacity=-1B, used=-1B, read-only, shared, properties={a=b, s3a.secretKey=******})
`)
}

func TestWriteDoctor(t *testing.T) {
	var out bytes.Buffer
	writeConfigReport(&out, client.ConfigReport{})
	writeConfigReport(&out, client.ConfigReport{
		Errors:   map[string]map[string][]string{"alluxio.security.authentication.type": {"SIMPLE": {"w2:29999", "m1:19998"}, "": {"w1:29999"}}},
		Warnings: map[string]map[string][]string{"alluxio.worker.ramdisk.size": {"1GB": {"w1:29999"}, "2GB": {"w2:29999"}}},
	})
	writeLostStorage(&out, nil)
	writeLostStorage(&out, map[string]map[string][]string{"w1": {"SSD": {"/mnt/ssd1"}, "MEM": {"/mnt/ramdisk"}}})
	wantText(t, &out, `
No server-side configuration errors or warnings.
Server-side configuration errors (those properties are required to be identical):
key: alluxio.security.authentication.type
    value: no value set (w1:29999)
    value: SIMPLE (m1:19998, w2:29999)
Server-side configuration warnings (those properties are recommended to be identical):
key: alluxio.worker.ramdisk.size
    value: 1GB (w1:29999)
    value: 2GB (w2:29999)
All worker storage paths are in working state.
The following storage paths are lost in worker w1:
/mnt/ramdisk (MEM)
/mnt/ssd1 (SSD)
`)
}

func TestWriteQuorum(t *testing.T) {
	var out bytes.Buffer
	server := func(host string, leads bool, state journalmasterpb.QuorumServerState) *journalmasterpb.QuorumServerInfo {
		return &journalmasterpb.QuorumServerInfo{ServerAddress: &grpcpb.NetAddress{Host: &host, RpcPort: new(int32(19200))}, IsLeader: &leads, ServerState: &state, Priority: new(int32(1))}
	}
	writeQuorum(&out, &journalmasterpb.GetQuorumInfoPResponse{
		Domain:     journalmasterpb.JournalDomain_MASTER.Enum(),
		ServerInfo: []*journalmasterpb.QuorumServerInfo{server("m1", false, journalmasterpb.QuorumServerState_AVAILABLE), server("m2", true, journalmasterpb.QuorumServerState_UNAVAILABLE)},
	})
	wantText(t, &out, "Journal domain\t: MASTER\nQuorum size\t: 2\nQuorum leader\t: m2:19200\n\n"+
		"STATE       | PRIORITY | SERVER ADDRESS\nAVAILABLE   | 1        | m1:19200\nUNAVAILABLE | 1        | m2:19200\n")
}

func TestParseMode(t *testing.T) {
	for text, want := range map[string]client.Mode{
		"755": 0o755, "0640": 0o640, "u=rwx,go=rx": 0o755, "a+x": 0o755, "+x": 0o755, "go-rwx": 0o600, "u-w,o=": 0o440, "g+rw": 0o664, "a=": 0,
	} {
		change, err := parseMode(text)
		if err != nil || change.apply(0o644) != want {
			t.Errorf("%s = %o, %v; want %o", text, change.apply(0o644), err, want)
		}
	}
	for _, text := range []string{"", "8", "1000", "u", "u+s", "x+r", "u=r,,g=w"} {
		if _, err := parseMode(text); err == nil {
			t.Errorf("%q is a mode", text)
		}
	}
}

func TestParseACL(t *testing.T) {
	entries, err := parseACL("user::rwx, user:bob:r-x,default:group:staff:rw,mask::r--,other::", false, true)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range entries {
		texts = append(texts, e.String())
	}
	if got := strings.Join(texts, " "); got != "user::rwx user:bob:r-x default:group:staff:rw- mask::r-- other::---" {
		t.Errorf("parsed %s", got)
	}
	if entries, err := parseACL("user:bob,group:staff", true, false); err != nil || len(entries) != 2 || !entries[0].Default || entries[1].Type != client.ACLNamedGroup {
		t.Errorf("without rights: %v, %v", entries, err)
	}
	for _, text := range []string{"bob:rwx", "user:bob", "user:bob:rwxx", "user:bob:rwz", "mask:bob:r--", "user:a:b:c", "nobody::r"} {
		if entries, err := parseACL(text, false, true); err == nil {
			t.Errorf("%q is %v", text, entries)
		}
	}
}
