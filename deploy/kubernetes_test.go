package deploy_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// object is what the test asks of an object of Kubernetes.
type object struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Data     map[string]string
	Spec     struct {
		Type                  string
		Selector              map[string]any
		Replicas              int
		ExternalTrafficPolicy string `yaml:"externalTrafficPolicy"`
		Ports                 []struct {
			Name       string
			Port       int
			TargetPort string `yaml:"targetPort"`
			Protocol   string
		}
		Strategy struct{ Type string }
		TLS      []struct{ Hosts []string }
		Rules    []struct {
			Host string
			HTTP struct {
				Paths []struct {
					Backend struct {
						Service struct {
							Name string
							Port struct{ Name string }
						}
					}
				}
			}
		}
		PodSelector struct {
			MatchLabels map[string]any `yaml:"matchLabels"`
		} `yaml:"podSelector"`
		Ingress []struct {
			Ports []struct{ Port, Protocol string }
		}
		Template struct {
			Metadata struct {
				Labels      map[string]any
				Annotations map[string]string
			}
			Spec struct {
				Grace           int `yaml:"terminationGracePeriodSeconds"`
				SecurityContext struct {
					RunAsNonRoot bool `yaml:"runAsNonRoot"`
					RunAsUser    int  `yaml:"runAsUser"`
				} `yaml:"securityContext"`
				Containers []struct {
					Ports []struct {
						Name          string
						ContainerPort int `yaml:"containerPort"`
						Protocol      string
					}
					EnvFrom []struct {
						ConfigMapRef struct{ Name string } `yaml:"configMapRef"`
					} `yaml:"envFrom"`
					Startup         probe `yaml:"startupProbe"`
					Liveness        probe `yaml:"livenessProbe"`
					Readiness       probe `yaml:"readinessProbe"`
					Resources       struct{ Limits map[string]string }
					SecurityContext struct {
						ReadOnly bool `yaml:"readOnlyRootFilesystem"`
					} `yaml:"securityContext"`
				}
			}
		}
	}
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// manifest are the objects by kind and name. A key that stands twice is an error of the parser.
func manifest(t *testing.T) map[string]object {
	t.Helper()
	objects := map[string]object{}
	for in := yaml.NewDecoder(strings.NewReader(read(t, "kubernetes.yaml"))); ; {
		var o object
		if err := in.Decode(&o); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if o.Kind != "Namespace" && o.Metadata.Namespace != "hiroba" {
			t.Errorf("%s %s is in the namespace %q", o.Kind, o.Metadata.Name, o.Metadata.Namespace)
		}
		name := o.Kind + " " + o.Metadata.Name
		if _, twice := objects[name]; twice || o.Metadata.Name == "" {
			t.Errorf("%q is no name of its own", name)
		}
		objects[name] = o
	}
	return objects
}

func TestKubernetesManifestFitsTheServer(t *testing.T) {
	objects := manifest(t)
	settings := objects["ConfigMap hiroba"].Data
	if settings["HIROBA_LISTEN"] != ":8080" || settings["HIROBA_ADMIN_LISTEN"] != ":8081" || settings["HIROBA_PUBLIC_IP"] == "" {
		t.Errorf("settings are %v", settings)
	}
	media := objects["Service hiroba-media"].Spec
	if media.Type != "LoadBalancer" || media.ExternalTrafficPolicy != "Local" || len(media.Ports) != 2 {
		t.Errorf("media comes in by %+v", media)
	}
	for i, want := range []struct{ protocol, target string }{{"UDP", "media"}, {"TCP", "web"}} {
		if p := media.Ports[i]; p.Protocol != want.protocol || p.TargetPort != want.target || p.Port != 8080 {
			t.Errorf("media comes in by %+v; clients send it to the port that the server listens on", p)
		}
	}
	deployment := objects["Deployment hiroba"].Spec
	pod := deployment.Template.Spec
	if deployment.Replicas != 1 || deployment.Strategy.Type != "Recreate" || pod.Grace < 10 || !pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.RunAsUser != 65532 {
		t.Errorf("%d replicas, %d s grace, %+v", deployment.Replicas, pod.Grace, pod.SecurityContext)
	}
	c := pod.Containers[0]
	ports := map[string]string{}
	for _, p := range c.Ports {
		if p.ContainerPort != map[string]int{"web": 8080, "media": 8080, "admin": 8081}[p.Name] {
			t.Errorf("port %+v", p)
		}
		ports[p.Name] = p.Protocol
	}
	if ports["web"] != "TCP" || ports["media"] != "UDP" || ports["admin"] != "TCP" || !c.SecurityContext.ReadOnly {
		t.Errorf("ports %v, read-only %v", ports, c.SecurityContext.ReadOnly)
	}
	if c.Liveness.HTTPGet != (struct{ Path, Port string }{"/healthz", "admin"}) ||
		c.Readiness.HTTPGet != (struct{ Path, Port string }{"/readyz", "admin"}) || c.Startup.HTTPGet != c.Liveness.HTTPGet {
		t.Errorf("probes are %+v, %+v and %+v", c.Startup, c.Liveness, c.Readiness)
	}
	if _, limited := c.Resources.Limits["cpu"]; limited {
		t.Error("a limit of CPU stops the server for tens of milliseconds at a time")
	}
}

// TestKubernetesObjectsFindEachOther follows every name in the manifest to what it names.
func TestKubernetesObjectsFindEachOther(t *testing.T) {
	objects := manifest(t)
	template := objects["Deployment hiroba"].Spec.Template
	if len(template.Spec.Containers) != 1 || len(template.Metadata.Labels) == 0 {
		t.Fatalf("the pod is %+v", template)
	}
	container := template.Spec.Containers[0]
	open := map[string]string{} // protocol by name
	for _, p := range container.Ports {
		open[p.Name] = p.Protocol
	}
	selects := func(what string, selector map[string]any) {
		if len(selector) == 0 {
			t.Errorf("%s selects nothing", what)
		}
		for label, value := range selector {
			if template.Metadata.Labels[label] != value {
				t.Errorf("%s selects %s=%v, and the pod has %v", what, label, value, template.Metadata.Labels)
			}
		}
	}
	matched, _ := objects["Deployment hiroba"].Spec.Selector["matchLabels"].(map[string]any)
	selects("the deployment", matched)
	for _, from := range container.EnvFrom {
		if objects["ConfigMap "+from.ConfigMapRef.Name].Kind == "" {
			t.Errorf("there are no settings %s", from.ConfigMapRef.Name)
		}
	}
	if port := template.Metadata.Annotations["prometheus.io/port"]; port != "8081" {
		t.Errorf("Prometheus is led to port %s", port)
	}
	for name, o := range objects {
		switch o.Kind {
		case "Service":
			selects(name, o.Spec.Selector)
			names := map[string]bool{}
			for _, p := range o.Spec.Ports {
				if open[p.TargetPort] != p.Protocol || names[p.Name] || p.TargetPort == "admin" {
					t.Errorf("%s: port %+v, of %v", name, p, open)
				}
				names[p.Name] = true
			}
		case "Ingress":
			for i, rule := range o.Spec.Rules {
				if len(o.Spec.TLS) != len(o.Spec.Rules) || len(o.Spec.TLS[i].Hosts) != 1 || o.Spec.TLS[i].Hosts[0] != rule.Host {
					t.Errorf("%s: %s is not among those with a certificate", name, rule.Host)
				}
				for _, path := range rule.HTTP.Paths {
					to := path.Backend.Service
					found := false
					for _, p := range objects["Service "+to.Name].Spec.Ports {
						found = found || p.Name == to.Port.Name
					}
					if !found {
						t.Errorf("%s leads to %+v, which is nowhere", name, to)
					}
				}
			}
		case "NetworkPolicy":
			selects(name, o.Spec.PodSelector.MatchLabels)
			for _, rule := range o.Spec.Ingress {
				for _, p := range rule.Ports {
					if open[p.Port] != p.Protocol {
						t.Errorf("%s: port %+v, of %v", name, p, open)
					}
				}
			}
		}
	}
}

// TestKubernetesSettingsExist looks each variable up in the table of settings.
func TestKubernetesSettingsExist(t *testing.T) {
	known := read(t, "../README.md")
	for name := range manifest(t)["ConfigMap hiroba"].Data {
		flag := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, "HIROBA_"), "_", "-"))
		if !strings.HasPrefix(name, "HIROBA_") || !strings.Contains(known, "`--"+flag+"`") {
			t.Errorf("the server has no setting %s", name)
		}
	}
}
