// Package deploy checks what is in deploy with the programs and types of those who read it: compose.yml with Compose's own
// loader and schema, the chart with Helm, and every manifest with the API's Go types. It is a module of its own, so that
// none of them is among the exporter's dependencies.
package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

const tree = "../.."

// kinds are the objects that may be in a manifest.
var kinds = map[string]func() any{
	"v1 ConfigMap":                                func() any { return new(core.ConfigMap) },
	"v1 PersistentVolumeClaim":                    func() any { return new(core.PersistentVolumeClaim) },
	"v1 Service":                                  func() any { return new(core.Service) },
	"apps/v1 Deployment":                          func() any { return new(apps.Deployment) },
	"networking.k8s.io/v1 NetworkPolicy":          func() any { return new(networking.NetworkPolicy) },
	"monitoring.coreos.com/v1 Probe":              func() any { return new(monitoring.Probe) },
	"monitoring.coreos.com/v1 PrometheusRule":     func() any { return new(monitoring.PrometheusRule) },
	"monitoring.coreos.com/v1 ServiceMonitor":     func() any { return new(monitoring.ServiceMonitor) },
	"monitoring.coreos.com/v1alpha1 ScrapeConfig": func() any { return new(v1alpha1.ScrapeConfig) },
}

var (
	separator = regexp.MustCompile(`(?m)^---$`)
	nothing   = regexp.MustCompile(`^(\s*(#.*)?\n?)*$`)
)

// decode reads manifests into the API's types: a field that they do not have, or of another type, or twice, is an
// error. Fields that are missing are not seen by it.
func decode(text string) (map[string]any, error) {
	objects := map[string]any{}
	for _, document := range separator.Split(text, -1) {
		if nothing.MatchString(document) {
			continue
		}
		var head struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Metadata   struct {
				Name string `json:"name"`
			} `json:"metadata"`
		}
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			return nil, err
		}
		kind := kinds[head.APIVersion+" "+head.Kind]
		if kind == nil {
			return nil, fmt.Errorf("%s %s is not known to the test", head.APIVersion, head.Kind)
		}
		object := kind()
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			return nil, fmt.Errorf("%s %s: %w", head.Kind, head.Metadata.Name, err)
		}
		name := head.Kind + " " + head.Metadata.Name
		if objects[name] != nil {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		objects[name] = object
	}
	return objects, nil
}

// TestDecode sees that what is wrong is refused.
func TestDecode(t *testing.T) {
	const good = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
	for _, c := range []struct{ name, text, want string }{
		{"two", "# first\n" + good + "---\n\n---\n" + strings.Replace(good, "a}", "b}", 1), ""},
		{"unknown field", good + "spec: {port: 1}\n", "unknown field"},
		{"another type", good + "spec: {ports: 1}\n", "cannot unmarshal number"},
		{"unknown kind", "apiVersion: v1\nkind: Pods\n", "not known"},
		{"twice", good + "---\n" + good, "is there twice"},
		{"key twice", good + "kind: Service\n", "already set"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := decode(c.text)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestKubernetes decodes the examples for the Prometheus Operator.
func TestKubernetes(t *testing.T) {
	paths, err := filepath.Glob(tree + "/deploy/kubernetes/*.yml")
	if err != nil || len(paths) != 4 {
		t.Fatalf("%d manifests: %v", len(paths), err)
	}
	for _, path := range paths {
		objects, err := decode(read(t, path))
		if err != nil || len(objects) != 1 {
			t.Errorf("%s: %d objects: %v", filepath.Base(path), len(objects), err)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// instruction returns what the last stage of the Dockerfile says of one thing.
func instruction(t *testing.T, word string) string {
	t.Helper()
	lines := strings.Split(read(t, tree+"/Dockerfile"), "\n")
	for _, line := range slices.Backward(lines) {
		if value, ok := strings.CutPrefix(line, word+" "); ok {
			return value
		}
	}
	t.Fatalf("the Dockerfile has no %s", word)
	return ""
}

// checkConfiguration has the exporter itself check an exporter.yml.
func checkConfiguration(t *testing.T, path string) {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "./cmd/mailprobe_exporter", "--config.check", "--config.file="+path)
	cmd.Dir = tree
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "warning") {
		t.Errorf("%s: %v\n%s", path, err, out)
	}
}
