package dashboards

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
)

// dashboardFiles are made by dashboards/source.
//
//go:embed grafana/*.json
var dashboardFiles embed.FS

// grafanaNames are the dashboards, in the order in which people open them.
var grafanaNames = []string{"overview", "server", "domain", "reputation", "exporter"}

// grafanaFiles are the dashboards as JSON. They say which version wrote them, offer and ask for what the selector chooses, and lead to the
// exporter's own page of a problem where its address is known.
func (m *maker) grafanaFiles() ([]File, error) {
	var files []File
	for _, name := range grafanaNames {
		f := File{Path: "grafana/" + name + ".json"}
		var err error
		if f.Data, err = dashboardFiles.ReadFile(f.Path); err != nil {
			return nil, err
		}
		if m.version != "" {
			says := fmt.Sprintf("%s dashboards`, version %s, for Grafana 10.0 or later. ", made, m.version)
			f.Data = bytes.Replace(f.Data, []byte(`"description": "`), []byte(`"description": "`+quoted(says)), 1)
		}
		if m.selector != "" {
			f.Data = bytes.ReplaceAll(f.Data, []byte("label_values(mailprobe_target_info, job)"), []byte("label_values(mailprobe_target_info{"+quoted(m.selector)+"}, job)"))
			chosen := []byte(`job=~\"$job\"`)
			f.Data = bytes.ReplaceAll(f.Data, chosen, slices.Concat([]byte(quoted(m.selector)+", "), chosen))
		}
		if m.external != "" {
			f.Data = bytes.ReplaceAll(f.Data, []byte(projectDocs+"problems.md#"), []byte(quoted(m.external)+"/problems/"))
		}
		files = append(files, f)
	}
	return files, nil
}

// quoted is a text as it stands within a string of JSON.
func quoted(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
}
