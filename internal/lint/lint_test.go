// Package lint holds the architecture as tests: who may import whom (the table
// of docs/architecture.md), and that every package states its contract.
package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/alluxio-go/alluxio/"

// leaf packages may import each other (the table below cannot hide a cycle: the
// compiler refuses those) and nothing else of the project.
var leaves = []string{"internal/errors", "internal/fspath", "internal/blockid", "internal/config", "internal/version", "internal/ticket"}

// layers is the import table: a package below the path (longest match) may
// import the listed parts of the project, besides itself and the leaves.
// Each line only reaches downward.
var layers = map[string][]string{
	"internal/errors":      {},
	"internal/fspath":      {},
	"internal/blockid":     {},
	"internal/version":     {},
	"internal/ticket":      {},
	"internal/config":      {},
	"internal/daemon":      {},
	"internal/lint":        {},
	"proto":                {"proto"},
	"internal/rpc":         {"proto"},
	"ufs":                  {"ufs"},
	"journal":              {},
	"master/inode":         {},
	"master/mount":         {},
	"master/blockmap":      {},
	"worker/store":         {},
	"client":               {"proto", "internal/rpc", "worker/store"},
	"master":               {"proto", "internal/rpc", "ufs", "journal", "master"},
	"worker":               {"proto", "internal/rpc", "ufs", "worker/store"},
	"web":                  {"proto", "internal/rpc", "client", "master", "worker"},
	"job":                  {"proto", "internal/rpc", "client"},
	"internal/testcluster": anything,
	"cmd":                  anything,
	"test":                 anything,
}

var anything = []string{""}

func TestImportTable(t *testing.T) {
	for dir, files := range packages(t) {
		rule, allowed := ruleFor(dir)
		if allowed == nil {
			t.Errorf("%s is in no layer: add it to the table", dir)
			continue
		}
		for _, file := range files {
			for _, imp := range file.syntax.Imports {
				name, _ := strconv.Unquote(imp.Path.Value)
				name, ours := strings.CutPrefix(name, module)
				if !ours || file.test && isTestSupport(name) {
					continue
				}
				if !within(name, rule) && !anyWithin(name, allowed) && !anyWithin(name, leafImports(dir)) {
					if !file.test || !testMayImport(dir, name) {
						t.Errorf("%s imports %s: layer %s may import only %v and the leaves", file.name, name, rule, allowed)
					}
				}
			}
		}
	}
}

// leafImports returns the leaves that a package of the directory may import.
func leafImports(dir string) []string {
	if dir == "internal/errors" {
		return nil
	}
	return leaves
}

// testMayImport loosens the table for tests: an integration test of client may
// start a cluster.
func testMayImport(dir, imported string) bool {
	return (within(dir, "client") || within(dir, "web") || within(dir, "master") || within(dir, "worker")) &&
		(imported == "internal/testcluster" || within(imported, "ufs") || within(imported, "journal") || within(imported, "internal/rpc"))
}

func isTestSupport(name string) bool {
	return name == "ufs/ufstest" || name == "ufs/kodo/kodotest"
}

func TestEveryPackageHasADoc(t *testing.T) {
	for dir, files := range packages(t) {
		if strings.HasPrefix(dir, "proto/") {
			continue
		}
		documented := false
		for _, f := range files {
			documented = documented || f.syntax.Doc != nil
		}
		if !documented {
			t.Errorf("%s has no package comment: state its contract", dir)
		}
	}
}

type source struct {
	name   string
	test   bool
	syntax *ast.File
}

// packages parses the tree: directory relative to the module → its files.
func packages(t *testing.T) map[string][]source {
	t.Helper()
	root := filepath.Join("..", "..")
	found := map[string][]source{}
	fset := token.NewFileSet()
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || hasModule(root, p)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, filepath.Join(root, p), nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := path.Dir(p)
		found[dir] = append(found[dir], source{name: p, test: strings.HasSuffix(p, "_test.go"), syntax: f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("only %d packages found: wrong root?", len(found))
	}
	return found
}

func hasModule(root, dir string) bool {
	_, err := os.Stat(filepath.Join(root, dir, "go.mod"))
	return err == nil
}

// ruleFor returns the longest layer that contains dir, and what it may import.
func ruleFor(dir string) (rule string, allowed []string) {
	for layer, imports := range layers {
		if within(dir, layer) && len(layer) > len(rule) {
			rule, allowed = layer, imports
		}
	}
	return rule, allowed
}

func within(dir, layer string) bool {
	return layer == "" || dir == layer || strings.HasPrefix(dir, layer+"/")
}

func anyWithin(dir string, layers []string) bool {
	for _, l := range layers {
		if within(dir, l) {
			return true
		}
	}
	return false
}
