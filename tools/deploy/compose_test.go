package deploy

import (
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"sigs.k8s.io/yaml"
)

// loadCompose loads compose.yml as `docker compose` does: against the schema of the Compose specification, with what
// services say of networks, volumes and each other resolved.
func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{tree + "/deploy/compose.yml"})
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// TestCompose looks at every service: what it may do, where it is reached, what is mounted.
func TestCompose(t *testing.T) {
	project := loadCompose(t)
	if got := strings.Join(project.ServiceNames(), " "); got != "alertmanager exporter grafana prometheus unbound" {
		t.Errorf("services: %s", got)
	}
	used := map[string]bool{}
	for name, s := range project.Services {
		if !s.ReadOnly || s.Privileged || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s may do more than it should", name)
		}
		if _, version, _ := strings.Cut(s.Image, ":"); version == "" || version == "latest" {
			t.Errorf("%s: the version of %s is left open", name, s.Image)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is published at %q", name, p.Published, p.HostIP)
			}
		}
		for _, v := range s.Volumes {
			switch v.Type {
			case types.VolumeTypeVolume:
				if used[v.Source] {
					t.Errorf("volume %s belongs to two", v.Source)
				}
				used[v.Source] = true
			case types.VolumeTypeBind:
				if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
					t.Errorf("%s: %s: %v, read-only %t", name, v.Source, err, v.ReadOnly)
				}
			}
		}
	}
	for name := range project.Volumes {
		if !used[name] {
			t.Errorf("nobody has the volume %s", name)
		}
	}
}

// example is a line of exporter.yml that is not in use: behind its # there is no space, or more than one.
var example = regexp.MustCompile(`(?m)^#(  +\S|\S)`)

// TestComposeExporter compares what is said in several places, and has the exporter read its configuration.
func TestComposeExporter(t *testing.T) {
	project := loadCompose(t)
	exporter := project.Services["exporter"]
	if command := instruction(t, "CMD"); !strings.Contains(command, exporter.Command[0]) || !strings.Contains(command, exporter.Command[2]) {
		t.Errorf("the exporter is started by %v, which is not what the image says: %s", exporter.Command, command)
	}
	config := mounted(t, exporter, instruction(t, "WORKDIR")) + "/exporter.yml"
	checkConfiguration(t, config)
	all := example.ReplaceAllString(read(t, config), "$1")
	if strings.Count(all, "#helo_name") > 0 {
		t.Errorf("lines that are examples are left:\n%s", all)
	}
	whole := filepath.Join(t.TempDir(), "exporter.yml")
	if err := os.WriteFile(whole, []byte(all), 0o644); err != nil {
		t.Fatal(err)
	}
	checkConfiguration(t, whole)
	if mounted(t, exporter, instruction(t, "VOLUME")) == "" {
		t.Error("the exporter's directory is no volume")
	}
	address := project.Services["unbound"].Networks["mailprobe"].Ipv4Address
	subnet, err := netip.ParsePrefix(project.Networks["mailprobe"].Ipam.Config[0].Subnet)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := netip.ParseAddr(address); err != nil || !subnet.Contains(a) {
		t.Errorf("the resolver's address %s is not in %v", address, subnet)
	}
	if !strings.Contains(read(t, config), `servers: ["`+address+`:53"]`) {
		t.Errorf("exporter.yml does not ask %s", address)
	}
	if !strings.Contains(read(t, tree+"/deploy/compose/unbound/unbound.conf"), "access-control: "+subnet.String()+" allow") {
		t.Errorf("unbound.conf does not let %v in", subnet)
	}
}

// mounted is where a directory or file of a service comes from.
func mounted(t *testing.T, s types.ServiceConfig, target string) string {
	t.Helper()
	for _, v := range s.Volumes {
		if v.Target == target {
			return v.Source
		}
	}
	t.Fatalf("nothing is mounted at %s", target)
	return ""
}

// TestGrafanaProvisioning reads Grafana's files, of whose fields these are known, and follows what they say.
func TestGrafanaProvisioning(t *testing.T) {
	project := loadCompose(t)
	grafana := project.Services["grafana"]
	var sources struct {
		APIVersion  int `json:"apiVersion"`
		Datasources []struct {
			Name, UID, Type, Access, URL string
			IsDefault                    bool `json:"isDefault"`
			JSONData                     struct {
				TimeInterval string `json:"timeInterval"`
			} `json:"jsonData"`
		}
	}
	var boards struct {
		APIVersion int `json:"apiVersion"`
		Providers  []struct {
			Name, Folder, Type string
			DisableDeletion    bool `json:"disableDeletion"`
			Options            struct{ Path string }
		}
	}
	for target, into := range map[string]any{
		"/etc/grafana/provisioning/datasources/mailprobe.yml": &sources,
		"/etc/grafana/provisioning/dashboards/mailprobe.yml":  &boards,
	} {
		if err := yaml.UnmarshalStrict([]byte(read(t, mounted(t, grafana, target))), into); err != nil {
			t.Errorf("%s: %v", target, err)
		}
	}
	if sources.APIVersion != 1 || boards.APIVersion != 1 || len(sources.Datasources) != 1 || len(boards.Providers) != 1 {
		t.Fatalf("data sources %+v, dashboards %+v", sources, boards)
	}
	source := sources.Datasources[0]
	where, err := url.Parse(source.URL)
	if err != nil || where.Host != "prometheus:9090" || source.Type != "prometheus" || !source.IsDefault {
		t.Errorf("the data source is %+v", source)
	}
	path := boards.Providers[0].Options.Path
	for _, file := range []string{"overview", "server", "domain", "reputation", "exporter"} {
		if _, err := os.Stat(filepath.Join(mounted(t, grafana, path), file+".json")); err != nil {
			t.Error(err)
		}
	}
	if home := *grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]; home != path+"/overview.json" {
		t.Errorf("Grafana begins with %s", home)
	}
}
