package etag_test

import (
	"bytes"
	"testing"

	"github.com/alluxio-go/alluxio/ufs/kodo/etag"
	"pgregory.net/rapid"
)

const mib = 1 << 20

// The vectors were made with Qiniu's own tools.
func TestVectors(t *testing.T) {
	for _, c := range []struct {
		size int
		want string
	}{
		{0, "Fto5o-5ea0sNMlW_75VgGJCv2AcJ"},
		{1, "Fob35Df6paf84V0d3Lnq6uo3dme4"},
		{5, "Ft9R43wmmqlNOPk-U3v24gILIUBs"},
		{4 * mib, "FuwQ-vpd56Izwiom1JHzCIdrQa4_"},
		{4*mib + 1, "lieGn00gWdbfwEIHaUpzu4drHeun"},
		{8 * mib, "lne6DpQaoBdMk9ZF2gyHXgiAM51E"},
	} {
		if got := etag.Of(bytes.Repeat([]byte("a"), c.size)); got != c.want {
			t.Errorf("ETag of %d bytes = %s, want %s", c.size, got, c.want)
		}
	}
}

func TestComposeVectors(t *testing.T) {
	for _, c := range []struct {
		parts []int
		want  string
	}{
		{[]int{1, 2}, "njoE0-wmXdAuUg8x7U8z7vYoGyG0"},
		{[]int{5, 4}, "nj3Jgs80uYf0Wev-CBVNPG87wUaT"},
		{[]int{4, 4, 1}, "lo-Big7b5RTsoCkykeYLTTzo72ZD"},
	} {
		var parts []etag.Part
		for _, n := range c.parts {
			parts = append(parts, etag.Part{Size: int64(n * mib), Etag: etag.Of(bytes.Repeat([]byte("a"), n*mib))})
		}
		got, err := etag.Compose(parts)
		if err != nil || got != c.want {
			t.Errorf("Compose(%v MiB) = %s, %v; want %s", c.parts, got, err, c.want)
		}
		var sizes []int64
		total := 0
		for _, p := range parts {
			sizes = append(sizes, p.Size)
			total += int(p.Size)
		}
		h := etag.NewParts(sizes)
		for data := bytes.Repeat([]byte("a"), total); len(data) > 0; data = data[min(len(data), 700_001):] {
			h.Write(data[:min(len(data), 700_001)])
		}
		if got := h.Sum(); got != c.want {
			t.Errorf("hash of parts of %v MiB = %s, want %s", c.parts, got, c.want)
		}
	}
	if _, err := etag.Compose([]etag.Part{{Size: 1, Etag: "x"}}); err == nil {
		t.Error("Compose accepted a malformed part ETag")
	}
}

func TestIsV1(t *testing.T) {
	for tag, want := range map[string]bool{
		"Fto5o-5ea0sNMlW_75VgGJCv2AcJ": true,
		"lne6DpQaoBdMk9ZF2gyHXgiAM51E": true,
		"njoE0-wmXdAuUg8x7U8z7vYoGyG0": false,
		"":                             false,
		"d41d8cd98f00b204e9800998ecf8": false,
	} {
		if got := etag.IsV1(tag); got != want {
			t.Errorf("IsV1(%q) = %v", tag, got)
		}
	}
}

// However a stream is cut into writes, or an object into 4 MiB parts, its ETag
// stays the same.
func TestChunkingDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := bytes.Repeat([]byte{7, 1, 9}, rapid.IntRange(0, 3*mib).Draw(t, "triples"))
		want := etag.Of(data)
		h := etag.New()
		for rest := data; len(rest) > 0; {
			n := min(len(rest), rapid.IntRange(1, 5*mib).Draw(t, "n"))
			h.Write(rest[:n])
			rest = rest[n:]
		}
		if got := h.Sum(); got != want {
			t.Fatalf("chunked ETag %s, want %s", got, want)
		}
		var parts []etag.Part
		for rest := data; len(rest) > 0; {
			n := min(len(rest), etag.BlockSize)
			parts = append(parts, etag.Part{Size: int64(n), Etag: etag.Of(rest[:n])})
			rest = rest[n:]
		}
		if got, err := etag.Compose(parts); err != nil || got != want {
			t.Fatalf("composed ETag %s, %v; want %s", got, err, want)
		}
	})
}
