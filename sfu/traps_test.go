package sfu_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// traps is how many rows TRAPS.md has.
const traps = 34

var (
	trapRow  = regexp.MustCompile(`^\| T(\d+) \|`)
	trapTest = regexp.MustCompile("\\[`((?:Test|Fuzz)\\w+)`\\]\\(([^)]+_test\\.go)\\)")
)

// TestTrapsAreTested checks that TRAPS.md has each trap, and that each test that it names is where it says.
func TestTrapsAreTested(t *testing.T) {
	text, err := os.ReadFile("TRAPS.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]string{}
	next, named := 1, ""
	for line := range strings.Lines(string(text)) {
		tests := trapTest.FindAllStringSubmatch(line, -1)
		if row := trapRow.FindStringSubmatch(line); row != nil {
			if row[1] != strconv.Itoa(next) {
				t.Errorf("T%s follows T%d", row[1], next-1)
			}
			if len(tests) == 0 {
				t.Errorf("T%d names no test", next)
			}
			next++
		}
		for _, test := range tests {
			name, file := test[1], test[2]
			if files[file] == nil {
				files[file] = functions(t, file)
			}
			if !slices.Contains(files[file], name) {
				t.Errorf("%s has no %s", file, name)
			}
			named += name + " "
		}
	}
	if next != traps+1 {
		t.Errorf("the last row is T%d, want T%d", next-1, traps)
	}
	for file, all := range files { // a new test of a trap is not forgotten
		for _, name := range all {
			if strings.HasPrefix(name, "TestT") && len(name) > 7 && name[5] >= '0' && name[5] <= '9' && !strings.Contains(named, name+" ") {
				t.Errorf("%s in %s is not in TRAPS.md", name, file)
			}
		}
	}
}

// functions are the names of those in a Go file.
func functions(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return []string{}
	}
	names := []string{}
	for _, d := range parsed.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
			names = append(names, f.Name.Name)
		}
	}
	return names
}
