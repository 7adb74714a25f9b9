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
		Replicas              int
		ExternalTrafficPolicy string `yaml:"externalTrafficPolicy"`
		Ports                 []struct {
			Port       int
			TargetPort string `yaml:"targetPort"`
			Protocol   string
		}
		Template struct {
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

func TestKubernetesManifestFitsTheServer(t *testing.T) {
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
		objects[o.Kind+" "+o.Metadata.Name] = o
	}
	settings := objects["ConfigMap hiroba"].Data
	if settings["HIROBA_LISTEN"] != ":8080" || settings["HIROBA_ADMIN_LISTEN"] != ":8081" || settings["HIROBA_PUBLIC_IP"] == "" {
		t.Errorf("settings are %v", settings)
	}
	media := objects["Service hiroba-media"].Spec
	if media.Type != "LoadBalancer" || media.ExternalTrafficPolicy != "Local" || len(media.Ports) != 1 ||
		media.Ports[0].Protocol != "UDP" || media.Ports[0].Port != 8080 || media.Ports[0].TargetPort != "media" {
		t.Errorf("media comes in by %+v; clients send it to the port that the server listens on", media)
	}
	deployment := objects["Deployment hiroba"].Spec
	pod := deployment.Template.Spec
	if deployment.Replicas != 1 || pod.Grace < 10 || !pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.RunAsUser != 65532 {
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
		c.Readiness.HTTPGet != (struct{ Path, Port string }{"/readyz", "admin"}) {
		t.Errorf("probes are %+v and %+v", c.Liveness, c.Readiness)
	}
	if _, limited := c.Resources.Limits["cpu"]; limited {
		t.Error("a limit of CPU stops the server for tens of milliseconds at a time")
	}
}
