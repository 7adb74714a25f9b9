package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers is the house of ARCHITECTURE.md: a package imports only packages with a lower number. The tens are the layer;
// the ones order the few packages of a layer that build on each other. A new package gets its line here and in
// ARCHITECTURE.md in the same change.
var layers = map[string]int{
	"sfu/media":          0,
	"sfu/seqnum":         0,
	"sfu/rtptime":        1,
	"sfu/mailbox":        0,
	"signaling/protocol": 0,
	"web":                0,

	"sfu/codec":                  10,
	"sfu/packet":                 11,
	"sfu/srtp":                   10,
	"signaling/client":           11,
	"signaling/client/synthetic": 10,

	"sfu/layer":    20,
	"sfu/rewrite":  20,
	"sfu/history":  20,
	"sfu/keyframe": 20,
	"sfu/bwe":      20,
	"sfu/alloc":    20,
	"sfu/pacer":    20,
	"sfu/stats":    20,
	"sfu/flight":   21,

	"sfu/transportcc": 20,

	"sfu/ingress": 30,
	"sfu/egress":  30,
	"sfu/trace":   31,
	"sfu/sim":     32,

	"sfu/keying": 40,
	"sfu/udp":    40,
	"sfu/tcp":    40,
	"sfu/turn":   41,

	"sfu": 50,

	"sfu/record":    60,
	"sfu/relay":     60,
	"room/speaker":  60,
	"room/seating":  60,
	"room/headroom": 60,
	"room/cluster":  60,

	"room": 80,

	"signaling":           90,
	"signaling/auth":      90,
	"signaling/certs":     90,
	"signaling/forwarded": 90,

	"signaling/ws":    100,
	"signaling/whip":  100,
	"signaling/admin": 100,

	"metrics":         110,
	"metrics/tracing": 110,

	"cmd/hiroba-load/tap": 115,
	"cmd/hiroba/doctor":   115,

	"cmd/hiroba":      120,
	"cmd/hiroba-load": 120,
	"web/e2e/peers":   120,
}

// highestPure is the last layer whose packages only decide: no sockets, files, logs, goroutines or clocks.
const highestPure = 3

// layerOf is the layer of a package as ARCHITECTURE.md numbers it.
func layerOf(pkg string) int { return layers[pkg] / 10 }

// rims are low by what they import, but not pure by what they do.
var rims = []string{"signaling/client", "web"}

// impureImports are closed to pure packages, with everything below them. net/netip is open: it only names addresses.
var impureImports = []string{"net", "os", "syscall", "log", "github.com/pion/webrtc", "github.com/pion/ice"}

// impureCalls read a clock or wait for it.
var impureCalls = map[string][]string{
	"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
}

// onlyIn names the packages that may import a module: behind them it can be exchanged.
var onlyIn = map[string][]string{
	"nhooyr.io/websocket":             {"signaling/ws", "signaling/client"},
	"github.com/prometheus":           {"metrics"},
	"golang.org/x/crypto/acme":        {"signaling/certs"},
	"go.opentelemetry.io/otel":        {"metrics/tracing"},
	"rsc.io/qr":                       {"cmd/hiroba"},
	"github.com/pion/webrtc":          {"sfu", "signaling/client"},
	"github.com/alecthomas/kong":      {"cmd/hiroba", "cmd/hiroba-load"},
	"github.com/alecthomas/kong-yaml": {"cmd/hiroba", "cmd/hiroba-load"},
}

// module is the path that our own imports begin with.
const module = "hiroba/"

// sourceFile is one Go file of the project that is no test.
type sourceFile struct {
	pkg, name string
	ast       *ast.File
	positions *token.FileSet
}

func (f sourceFile) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, f.positions.Position(n.Pos()).Line)
}

// imports are the import paths of the file with the place of each.
func (f sourceFile) imports(t *testing.T) map[string]string {
	t.Helper()
	places := map[string]string{}
	for _, spec := range f.ast.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", f.at(spec), err)
		}
		places[imported] = f.at(spec)
	}
	return places
}

// sourceFiles parses every Go file of the project but tests, for all systems: build constraints are not looked at.
func sourceFiles(t *testing.T) []sourceFile {
	t.Helper()
	root := filepath.Join("..", "..")
	var files []sourceFile
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			skip := slices.Contains([]string{"node_modules", "testdata", "bin", "dist"}, entry.Name()) ||
				(strings.HasPrefix(entry.Name(), ".") && name != root)
			if skip {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(name) //nolint:gosec // our own tree
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f := sourceFile{name: filepath.ToSlash(relative), positions: token.NewFileSet()}
		f.pkg = path.Dir(f.name)
		f.ast, err = parser.ParseFile(f.positions, f.name, source, parser.SkipObjectResolution)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no Go files found")
	}
	return files
}

// within reports whether an import path is that of a module, or below it.
func within(imported, module string) bool {
	return imported == module || strings.HasPrefix(imported, module+"/")
}

func TestEveryPackageHasALayer(t *testing.T) {
	told := map[string]bool{}
	for _, f := range sourceFiles(t) {
		if _, ok := layers[f.pkg]; !ok && !told[f.pkg] {
			told[f.pkg] = true
			t.Errorf("%s: package %s has no layer; add it to 'layers' in cmd/hiroba/layers_test.go and to the "+
				"table in ARCHITECTURE.md", f.name, f.pkg)
		}
	}
}

func TestImportsGoDownOnly(t *testing.T) {
	for _, f := range sourceFiles(t) {
		for imported, place := range f.imports(t) {
			pkg, ours := strings.CutPrefix(imported, module)
			if ours && layers[pkg] >= layers[f.pkg] {
				t.Errorf("%s: %s (layer %d) imports %s (layer %d); imports go down only",
					place, f.pkg, layerOf(f.pkg), pkg, layerOf(pkg))
			}
		}
	}
}

func TestModulesStayBehindTheirPackages(t *testing.T) {
	for _, f := range sourceFiles(t) {
		for imported, place := range f.imports(t) {
			for module, packages := range onlyIn {
				if within(imported, module) && !slices.Contains(packages, f.pkg) {
					t.Errorf("%s: only %s may import %s", place, strings.Join(packages, " and "), module)
				}
			}
		}
	}
}

func TestCoreIsPure(t *testing.T) {
	for _, f := range sourceFiles(t) {
		if _, ok := layers[f.pkg]; !ok || layerOf(f.pkg) > highestPure || slices.Contains(rims, f.pkg) {
			continue
		}
		for imported, place := range f.imports(t) {
			for _, impure := range impureImports {
				if within(imported, impure) && imported != "net/netip" {
					t.Errorf("%s: %s only decides (layer %d); it must not import %s", place, f.pkg, layerOf(f.pkg), imported)
				}
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: %s only decides; it must not start a goroutine", f.at(n), f.pkg)
			case *ast.SelectorExpr:
				if pkg, ok := n.X.(*ast.Ident); ok && slices.Contains(impureCalls[pkg.Name], n.Sel.Name) {
					t.Errorf("%s: %s only decides; it must not use %s.%s: take 'now time.Time' instead",
						f.at(n), f.pkg, pkg.Name, n.Sel.Name)
				}
			}
			return true
		})
	}
}
