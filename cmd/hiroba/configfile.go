package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// configFile is the flag that names a YAML file with settings. Its keys are the names of the flags.
type configFile string

// BeforeResolve is called by kong when the flags and the environment have been read: it lets the file fill in what
// they left open.
func (f configFile) BeforeResolve(ctx *kong.Context, trace *kong.Path, origins settingOrigins) error {
	path := string(ctx.FlagValue(trace.Flag).(configFile)) //nolint:forcetypeassert,errcheck // the flag is of this type
	file, err := os.Open(path)                             //nolint:gosec // whoever starts the server chooses the file
	if err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	defer file.Close()
	settings, err := readSettings(path, file, origins)
	if err != nil {
		return err
	}
	ctx.AddResolver(settings)
	return nil
}

// fileSettings are the settings of one YAML file.
type fileSettings struct {
	path    string
	values  map[string]any
	lines   map[string]int
	origins settingOrigins
}

func readSettings(path string, r io.Reader, origins settingOrigins) (*fileSettings, error) {
	var document yaml.Node
	s := &fileSettings{path: path, values: map[string]any{}, lines: map[string]int{}, origins: origins}
	if err := yaml.NewDecoder(r).Decode(&document); errors.Is(err, io.EOF) {
		return s, nil // empty
	} else if err != nil {
		return nil, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: want settings, each as 'name: value'", path, root.Line)
	}
	for i := 0; i < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if _, twice := s.values[key.Value]; twice {
			return nil, fmt.Errorf("%s:%d: %q is set twice", path, key.Line, key.Value)
		}
		text, err := settingText(value)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %q: %w", path, key.Line, key.Value, err)
		}
		s.values[key.Value], s.lines[key.Value] = text, key.Line
	}
	return s, nil
}

// settingText is a value as it would be written behind the flag, so that a file obeys the same rules.
func settingText(value *yaml.Node) (any, error) {
	switch value.Kind {
	case yaml.ScalarNode:
		return value.Value, nil
	case yaml.SequenceNode:
		var items []string
		for _, item := range value.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, errors.New("want a list of plain values")
			}
			items = append(items, item.Value)
		}
		return strings.Join(items, ","), nil
	default:
		return nil, errors.New("want a plain value or a list of them")
	}
}

// Validate refuses names that are no settings, so that a mistyped one does not go unnoticed.
func (s *fileSettings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, command := range app.Children {
		for _, flag := range command.Flags {
			known[flag.Name] = true
		}
	}
	delete(known, "config")
	for name, line := range s.lines {
		if !known[name] {
			return fmt.Errorf("%s:%d: there is no setting %q; see 'hiroba serve --help' for their names", s.path, line, name)
		}
	}
	return nil
}

// Resolve is the file's value of a flag that the command line does not set; nil when the environment does.
func (s *fileSettings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, env := range flag.Tag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil //nolint:nilnil // kong's way to say: not from here
		}
	}
	if value, found := s.values[flag.Name]; found {
		s.origins[flag.Name] = fmt.Sprintf("%s:%d", s.path, s.lines[flag.Name])
		return value, nil
	}
	return nil, nil //nolint:nilnil // likewise
}

// settingOrigins remembers for each flag that a file set, where: "hiroba.yaml:3".
type settingOrigins map[string]string

// flagInError finds the flag that an error of kong or check begins with.
var flagInError = regexp.MustCompile(`^--([a-z-]+)`)

// explain adds to an error about a setting where its value came from, when that is a file.
func (o settingOrigins) explain(err error) error {
	flag := flagInError.FindStringSubmatch(err.Error())
	if len(flag) < 2 || o[flag[1]] == "" {
		return err
	}
	return fmt.Errorf("%w (from %s)", err, o[flag[1]])
}
