package main

import (
	"bytes"
	"go/ast"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// logTable is the rows of the table of fields in deploy/README.md: the field, and of what kind it is.
var logTable = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| (text|number|nanoseconds|time|list|true or false) \\|")

// documentedFields are the fields of log entries and their kinds.
func documentedFields(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for _, row := range logTable.FindAllStringSubmatch(string(text), -1) {
		fields[row[1]] = row[2]
	}
	return fields
}

// loggedFields are the fields that entries of level info and above have in a file, with the place of each.
func loggedFields(f sourceFile) map[string]string {
	fields := map[string]string{}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Info", "Warn", "Error", "With"}, method.Sel.Name) || !isLogger(method.X) {
			return true
		}
		first := 1 // after the message
		if method.Sel.Name == "With" {
			first = 0
		}
		for i := first; i < len(call.Args); i += 2 {
			if key, ok := call.Args[i].(*ast.BasicLit); ok && key.Kind == token.STRING {
				if name, err := strconv.Unquote(key.Value); err == nil {
					fields[name] = f.at(key)
				}
			}
		}
		return true
	})
	return fields
}

// isLogger reports whether an expression is named as loggers are.
func isLogger(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return strings.EqualFold(x.Name, "log")
	case *ast.SelectorExpr:
		return strings.EqualFold(x.Sel.Name, "log")
	default:
		return false
	}
}

func TestFieldsOfLogsAreDocumented(t *testing.T) {
	documented, used := documentedFields(t), map[string]bool{"time": true, "level": true, "msg": true}
	for _, f := range sourceFiles(t) {
		if strings.HasPrefix(f.pkg, "cmd/hiroba-load") || f.pkg == "signaling/client" || f.pkg == "web/e2e/peers" {
			continue
		}
		for field, place := range loggedFields(f) {
			used[field] = true
			if documented[field] == "" {
				t.Errorf("%s: deploy/README.md says nothing of the field %q", place, field)
			}
		}
	}
	if len(used) < 20 {
		t.Errorf("found %d fields only", len(used))
	}
	for field := range documented {
		if !used[field] {
			t.Errorf("deploy/README.md says something of the field %q, which nothing logs", field)
		}
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// kindOf is how the table of fields calls a JSON value.
func kindOf(field string, value any) string {
	switch value := value.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339Nano, value); err == nil {
			return "time"
		}
		return "text"
	case float64:
		if field == "took" || field == "next" {
			return "nanoseconds"
		}
		return "number"
	case bool:
		return "true or false"
	default:
		return "list"
	}
}

func TestSystemLogsOfAJoinInJSON(t *testing.T) {
	var log lockedBuffer
	cfg := testConfig()
	cfg.Log = newLogger(&log, logJSON, slog.LevelInfo)
	s := startServer(t, cfg)
	a, b := enter(t, s, "square", 0), enter(t, s, "square", 1)
	a.sees(t, b)
	b.sees(t, a)
	if err := b.Leave(bounded(t)); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}

	documented := documentedFields(t)
	entries := lines(t, log.String())
	for _, e := range entries {
		for field, value := range e {
			if kind := kindOf(field, value); documented[field] != kind {
				t.Errorf("%q is %v, of the kind %q, and documented as %q", field, value, kind, documented[field])
			}
		}
	}
	id := string(b.ID())
	at := -1
	for _, want := range []map[string]any{
		{"level": "INFO", "msg": "participant joined", "room": "square", "participant": id, "participants": 2.0},
		{"level": "INFO", "msg": "participant connected", "room": "square", "participant": id, "transport": "udp"},
		{"level": "INFO", "msg": "participant left", "room": "square", "participant": id, "reason": "left", "transport": "udp"},
	} {
		found := slices.IndexFunc(entries, func(e map[string]any) bool {
			for field, value := range want {
				if e[field] != value {
					return false
				}
			}
			return true
		})
		if found <= at {
			t.Fatalf("no entry %v after entry %d in\n%s", want, at, log.String())
		}
		at = found
	}
	took, _ := entries[slices.IndexFunc(entries, func(e map[string]any) bool {
		return e["msg"] == "participant connected" && e["participant"] == id
	})]["took"].(float64)
	if d := time.Duration(took); d <= 0 || d > systemTimeout {
		t.Errorf("it took %v", d)
	}
}
