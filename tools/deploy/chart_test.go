package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

const chart = tree + "/deploy/helm/mailprobe-exporter"

// least is what the README says has to be told.
var least = []string{"--set", "image=registry.example.org/mailprobe_exporter:1.2.3", "--set", "config.domains[0].name=example.org"}

// helmBinary is Helm, of the version in go.mod; it is built once.
var helmBinary = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "tool", "-n", "helm").Output()
	return strings.TrimSpace(string(out)), err
})

// helm runs Helm and returns its output; what it complains of is in the error.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	binary, err := helmBinary()
	if err != nil {
		t.Fatalf("build Helm: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), binary, args...)
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("helm %s: %w\n%s%s", strings.Join(args, " "), err, out, complaint.String())
	}
	return string(out), err
}

// render is what Helm would give the API, decoded.
func render(t *testing.T, args ...string) map[string]any {
	t.Helper()
	text, err := helm(t, append([]string{"template", "mailprobe-exporter", chart, "--namespace", "mail"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := decode(text)
	if err != nil {
		t.Fatalf("%v in\n%.3000s", err, text)
	}
	return objects
}

// TestChart renders the chart with the least that it wants and with everything.
func TestChart(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		objects string
	}{
		{"least", least, "ConfigMap mailprobe-exporter, Deployment mailprobe-exporter, Service mailprobe-exporter"},
		{"everything", []string{"--values", "testdata/everything.yml"}, "ConfigMap mailprobe-exporter, ConfigMap mailprobe-exporter-dashboards, Deployment mailprobe-exporter, " +
			"NetworkPolicy mailprobe-exporter, PersistentVolumeClaim mailprobe-exporter, PrometheusRule mailprobe-exporter, Service mailprobe-exporter, ServiceMonitor mailprobe-exporter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out, err := helm(t, append([]string{"lint", "--strict", chart}, c.args...)...); err != nil || !strings.Contains(out, "0 chart(s) failed") {
				t.Errorf("%v\n%s", err, out)
			}
			objects := render(t, c.args...)
			if got := strings.Join(slices.Sorted(maps.Keys(objects)), ", "); got != c.objects {
				t.Errorf("objects: %s\nwant: %s", got, c.objects)
			}
			checkDeployment(t, objects)
			checkSelectors(t, objects)
			config := filepath.Join(t.TempDir(), "exporter.yml")
			if err := os.WriteFile(config, []byte(objects["ConfigMap mailprobe-exporter"].(*core.ConfigMap).Data["exporter.yml"]), 0o644); err != nil {
				t.Fatal(err)
			}
			checkConfiguration(t, config)
		})
	}
}

// checkDeployment holds the pod against the image, and against what a namespace of the restricted kind demands
// (Kubernetes' Pod Security Standards).
func checkDeployment(t *testing.T, objects map[string]any) {
	t.Helper()
	pod := objects["Deployment mailprobe-exporter"].(*apps.Deployment).Spec.Template.Spec
	if len(pod.Containers) != 1 {
		t.Fatalf("%d containers", len(pod.Containers))
	}
	c := pod.Containers[0]
	whole, own := pod.SecurityContext, c.SecurityContext
	if user := fmt.Sprintf("%d:%d", *whole.RunAsUser, *whole.RunAsGroup); user != instruction(t, "USER") || !*whole.RunAsNonRoot {
		t.Errorf("the pod runs as %s, the image as %s", user, instruction(t, "USER"))
	}
	if whole.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault || *own.AllowPrivilegeEscalation || !*own.ReadOnlyRootFilesystem ||
		!reflect.DeepEqual(own.Capabilities, &core.Capabilities{Drop: []core.Capability{"ALL"}}) {
		t.Errorf("the pod is not restricted: %+v, %+v", whole, own)
	}
	if *pod.AutomountServiceAccountToken {
		t.Error("the pod is given a way to the API")
	}
	var command []string
	if err := json.Unmarshal([]byte(instruction(t, "CMD")), &command); err != nil || !slices.Equal(c.Args[:len(command)], command) {
		t.Errorf("arguments %v, of the image %v: %v", c.Args, command, err)
	}
	if port := fmt.Sprint(c.Ports[0].ContainerPort); port != instruction(t, "EXPOSE") {
		t.Errorf("port %s", port)
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	paths := map[string]bool{}
	for _, m := range c.VolumeMounts {
		paths[m.MountPath] = true
		if !volumes[m.Name] {
			t.Errorf("there is no volume %s", m.Name)
		}
	}
	if len(paths) != len(volumes) || !paths[instruction(t, "WORKDIR")] || !paths[instruction(t, "VOLUME")] {
		t.Errorf("mounted are %v of volumes %v", paths, volumes)
	}
}

// checkSelectors sees that whoever looks for the pods or the Service finds them.
func checkSelectors(t *testing.T, objects map[string]any) {
	t.Helper()
	deployment := objects["Deployment mailprobe-exporter"].(*apps.Deployment)
	service := objects["Service mailprobe-exporter"].(*core.Service)
	finds := func(who string, selector map[string]string, found map[string]string) {
		t.Helper()
		if len(selector) == 0 || !labels.SelectorFromSet(selector).Matches(labels.Set(found)) {
			t.Errorf("%s looks for %v, there is %v", who, selector, found)
		}
	}
	finds("the Deployment", deployment.Spec.Selector.MatchLabels, deployment.Spec.Template.Labels)
	finds("the Service", service.Spec.Selector, deployment.Spec.Template.Labels)
	if policy, ok := objects["NetworkPolicy mailprobe-exporter"].(*networking.NetworkPolicy); ok {
		finds("the NetworkPolicy", policy.Spec.PodSelector.MatchLabels, deployment.Spec.Template.Labels)
	}
	monitors := []*monitoring.ServiceMonitor{}
	if own, ok := objects["ServiceMonitor mailprobe-exporter"].(*monitoring.ServiceMonitor); ok {
		monitors = append(monitors, own)
	}
	// The examples beside the chart find it, too.
	examples, err := decode(read(t, tree+"/deploy/kubernetes/servicemonitor.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append(monitors, examples["ServiceMonitor mailprobe"].(*monitoring.ServiceMonitor)) {
		finds("ServiceMonitor "+m.Name, m.Spec.Selector.MatchLabels, service.Labels)
		if m.Spec.Endpoints[0].Port != service.Spec.Ports[0].Name {
			t.Errorf("ServiceMonitor %s wants port %s", m.Name, m.Spec.Endpoints[0].Port)
		}
	}
}

// TestChartFiles compares rules and dashboards with those of dashboards/.
func TestChartFiles(t *testing.T) {
	objects := render(t, "--values", "testdata/everything.yml")
	var want monitoring.PrometheusRuleSpec
	if err := yaml.UnmarshalStrict([]byte(read(t, tree+"/dashboards/alerts.yml")), &want); err != nil {
		t.Fatal(err)
	}
	if got := objects["PrometheusRule mailprobe-exporter"].(*monitoring.PrometheusRule).Spec; len(got.Groups) == 0 || !reflect.DeepEqual(got, want) {
		t.Error("the PrometheusRule is not dashboards/alerts.yml")
	}
	boards := objects["ConfigMap mailprobe-exporter-dashboards"].(*core.ConfigMap).Data
	paths, err := filepath.Glob(tree + "/dashboards/grafana/*.json")
	if err != nil || len(paths) == 0 || len(paths) != len(boards) {
		t.Fatalf("%d dashboards in the chart, %d in dashboards/grafana: %v", len(boards), len(paths), err)
	}
	for _, path := range paths {
		if got := boards["mailprobe-"+filepath.Base(path)]; strings.TrimSpace(got) != strings.TrimSpace(read(t, path)) {
			t.Errorf("%s is another in the chart", filepath.Base(path))
		}
	}
}

// TestChartChanges sees the pod change with its configuration, and with nothing else.
func TestChartChanges(t *testing.T) {
	sum := func(args ...string) string {
		t.Helper()
		objects := render(t, append(slices.Clone(least), args...)...)
		return objects["Deployment mailprobe-exporter"].(*apps.Deployment).Spec.Template.Annotations["checksum/config"]
	}
	first := sum()
	if first == "" || sum("--set", "config.helo_name=probe.example.net") == first {
		t.Error("another configuration does not start the pod anew")
	}
	if sum("--set", "serviceMonitor.enabled=true") != first {
		t.Error("a ServiceMonitor starts the pod anew")
	}
}

// TestChartRefuses gives the chart what it cannot use.
func TestChartRefuses(t *testing.T) {
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"nothing", "say whom to probe", nil},
		{"no image", "name the image", least[2:]},
		{"no configuration", "say whom to probe", least[:2]},
		{"unknown key", "storage", append(slices.Clone(least), "--set", "persistence.storage=1Gi")},
		{"no replica", "replicas", append(slices.Clone(least), "--set", "replicas=0")},
		{"one volume for two", "volume of its own", append(slices.Clone(least), "--set", "replicas=2", "--set", "persistence.enabled=true")},
		{"no flag", "extraArgs", append(slices.Clone(least), "--set", "extraArgs[0]=demo")},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := helm(t, append([]string{"template", "mailprobe-exporter", chart}, c.args...)...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q\n%.500s", err, c.want, out)
			}
		})
	}
}
