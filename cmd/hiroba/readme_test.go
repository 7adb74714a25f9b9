package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestReadmeListsTheSettings keeps the table in README.md true. When it fails it prints the table to put there.
func TestReadmeListsTheSettings(t *testing.T) {
	var c Config
	parser := kong.Must(&c, kong.DefaultEnvars(envPrefix))
	var table strings.Builder
	for _, flag := range parser.Model.Flags {
		if flag.Name == "help" {
			continue
		}
		usual := "none"
		if flag.Default != "" {
			usual = "`" + flag.Default + "`"
		}
		fmt.Fprintf(&table, "| `--%s` | `%s` | %s | %s |\n", flag.Name, flag.Envs[0], usual, flag.Help)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "| --- | --- | --- | --- |\n"+table.String()+"\n") {
		t.Errorf("the settings in README.md are not those of the server, which are:\n%s", &table)
	}
}
