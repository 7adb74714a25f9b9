package deploy_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// composeFiles stand by themselves; docker-compose.caddy.yml adds to the first, tlsFile to either.
var composeFiles = []string{"docker-compose.yml", "docker-compose.host.yml"}

const tlsFile = "docker-compose.tls.yml"

// service is one of a compose file.
type service struct {
	Image       string
	NetworkMode string `yaml:"network_mode"`
	Ports       []string
	Environment map[string]string
	Volumes     []string
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	Privileged  bool
	User        string
}

func services(t *testing.T, file string) map[string]service {
	t.Helper()
	var parsed struct {
		Version, Name string
		Services      map[string]service
	}
	parse(t, file, &parsed)
	if parsed.Version != "" || parsed.Name != "" {
		t.Errorf("%s: version and name are not for both docker-compose 1 and 2", file)
	}
	return parsed.Services
}

func TestComposeFilesGiveNoMoreRightsThanNeeded(t *testing.T) {
	for _, file := range append(composeFiles, "docker-compose.caddy.yml") {
		for name, s := range services(t, file) {
			if !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) ||
				s.Privileged || s.User != "" || !s.ReadOnly && name != "grafana" {
				t.Errorf("%s: %s has more rights than it needs: %+v", file, name, s)
			}
			if _, tag, found := strings.Cut(s.Image, ":"); !found || tag == "latest" {
				t.Errorf("%s: %s has the image %s, which may be another tomorrow", file, name, s.Image)
			}
			for _, port := range s.Ports {
				if strings.Contains(port, "8081") || name != "hiroba" && name != "caddy" && !strings.HasPrefix(port, "127.0.0.1:") {
					t.Errorf("%s: %s publishes %s", file, name, port)
				}
			}
		}
		if hiroba := services(t, file)["hiroba"]; len(hiroba.Volumes) > 0 {
			t.Errorf("%s: the server writes no files, but has volumes %v", file, hiroba.Volumes)
		}
	}
}

func TestServerThatEncryptsGetsAVolumeAndNothingElse(t *testing.T) {
	all := services(t, tlsFile)
	hiroba := all["hiroba"]
	if hiroba.Environment["HIROBA_TRUSTED_PROXIES"] != "" {
		t.Error("there is no proxy that could be trusted")
	}
	hiroba.Environment = nil
	if diff := cmp.Diff(service{Volumes: []string{"hiroba:/data"}}, hiroba); diff != "" || len(all) != 1 {
		t.Errorf("%d services; hiroba (-want +got):\n%s", len(all), diff)
	}
	if text := read(t, "Dockerfile"); !strings.Contains(text, "ENV HIROBA_DATA_DIR=/data\n") || !strings.Contains(text, "--chown=65532:65532 /out/data /data\n") {
		t.Error("the image has no folder for the volume")
	}
}

func TestComposeFilesDifferOnlyInTheirNetwork(t *testing.T) {
	bridge, host := services(t, composeFiles[0]), services(t, composeFiles[1])
	aboutNetwork := []string{"HIROBA_ADMIN_LISTEN", "HIROBA_PUBLIC_IP", "HIROBA_TRUSTED_PROXIES", "GF_SERVER_HTTP_ADDR", "GF_SERVER_HTTP_PORT"}
	for name := range bridge {
		b, h := bridge[name], host[name]
		if h.NetworkMode != "host" || len(h.Ports) > 0 {
			t.Errorf("%s is not on the host's network", name)
		}
		h.NetworkMode, b.Ports = "", nil
		for _, s := range []service{b, h} {
			maps.DeleteFunc(s.Environment, func(key, _ string) bool { return slices.Contains(aboutNetwork, key) })
		}
		if diff := cmp.Diff(b, h); diff != "" {
			t.Errorf("%s (-bridge +host):\n%s", name, diff)
		}
	}
}

var (
	// variable is one that a compose file takes from .env, setting one that .env.example has, in a comment or not.
	variable = regexp.MustCompile(`\$\{([A-Z_]+)(?::([-?])([^}]*))?\}`)
	setting  = regexp.MustCompile(`(?m)^#?([A-Z_]+)=(.*)$`)
)

func TestEnvExampleListsEveryVariableWithItsDefault(t *testing.T) {
	listed := map[string]string{}
	for _, m := range setting.FindAllStringSubmatch(read(t, ".env.example"), -1) {
		listed[m[1]] = m[2]
	}
	used := map[string]bool{}
	for _, file := range append(composeFiles, "docker-compose.caddy.yml", tlsFile) {
		for _, m := range variable.FindAllStringSubmatch(read(t, file), -1) {
			used[m[1]] = true
			example, found := listed[m[1]]
			if !found || m[2] == "-" && m[3] != example {
				t.Errorf("%s: %s is %q in .env.example", file, m[0], example)
			}
		}
	}
	for name := range listed {
		if !used[name] {
			t.Errorf(".env.example has %s, which no compose file uses", name)
		}
	}
}

func TestDockerfileKeepsItsPromises(t *testing.T) {
	text := read(t, "Dockerfile")
	for _, want := range []string{
		"FROM scratch\n", "USER 65532:65532\n", "CGO_ENABLED=0", "ARG GO_IMAGE=", "ARG NODE_IMAGE=",
		`CMD ["/usr/bin/hiroba", "health"]`, "EXPOSE 8080/tcp 8080/udp\n", "org.opencontainers.image.licenses",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(text, "--mount") || strings.HasPrefix(text, "# syntax") {
		t.Error("needs BuildKit")
	}
	mod := read(t, "../go.mod")
	language := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(mod)
	if language == nil || !strings.Contains(text, "GO_IMAGE=golang:"+language[1]+"-") {
		t.Errorf("GO_IMAGE is not of the Go that go.mod wants, %v", language)
	}
	for _, ignored := range []string{".git", "**/.env", "**/node_modules", "deploy"} {
		if !slices.Contains(strings.Split(read(t, "../.dockerignore"), "\n"), ignored) {
			t.Errorf("%s gets into the build", ignored)
		}
	}
}
