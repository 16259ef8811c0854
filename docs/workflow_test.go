package docs

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestWorkflow holds the workflow of the public host to what SECURITY.md and CONTRIBUTING.md say of it.
func TestWorkflow(t *testing.T) {
	var flow struct {
		Permissions map[string]string
		Jobs        map[string]struct {
			Container struct{ Image string }
			Steps     []struct{ Uses, Run string }
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "../.github/workflows/ci.yml")), &flow); err != nil {
		t.Fatal(err)
	}
	if len(flow.Permissions) != 1 || flow.Permissions["contents"] != "read" {
		t.Errorf("permissions are %v, want contents: read", flow.Permissions)
	}
	m := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "../go.mod"))
	image, pinned := regexp.MustCompile(`^golang:`+regexp.QuoteMeta(m[1])+`[.\d]*-bookworm(@sha256:[0-9a-f]{64})?$`), regexp.MustCompile(`@(v\d+|[0-9a-f]{40})$`)
	runs := ""
	for name, job := range flow.Jobs {
		if !image.MatchString(job.Container.Image) {
			t.Errorf("job %s runs in %s; go.mod wants Go %s", name, job.Container.Image, m[1])
		}
		for _, step := range job.Steps {
			runs += step.Run
			if step.Uses != "" && !pinned.MatchString(step.Uses) {
				t.Errorf("job %s uses %s, which is neither a version nor a digest", name, step.Uses)
			}
		}
	}
	for _, command := range []string{"\n.ci/run\n", "govulncheck@v"} {
		if !strings.Contains(runs, command) {
			t.Errorf("no job runs %s", strings.TrimSpace(command))
		}
	}
	if !json.Valid([]byte(read(t, "../.github/renovate.json"))) {
		t.Error(".github/renovate.json is no JSON")
	}
}
