package docs

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
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

// TestModulesVerified: .ci/run compares every module's dependencies, those of the tools too, with their digests.
func TestModulesVerified(t *testing.T) {
	commands, modules := read(t, "../.ci/run"), 0
	err := fs.WalkDir(os.DirFS(".."), ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if d.Name() != "go.mod" {
			return nil
		}
		modules++
		for _, command := range []string{"go mod tidy -diff", "go mod verify"} {
			line := "\n" + command + "\n"
			if dir := path.Dir(file); dir != "." {
				line = "\n(cd " + dir + " && " + command + ")\n"
			}
			if !strings.Contains(commands, line) {
				t.Errorf(".ci/run lacks %s", strings.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil || modules < 2 {
		t.Errorf("%d modules, %v: the test looks in the wrong place", modules, err)
	}
}
