//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	documentedBlock = regexp.MustCompile("(?s)```(yaml|promql)\n(.*?)```")
	topKey          = regexp.MustCompile(`(?m)^(scrape_configs|groups|route):`)
	promqlComment   = regexp.MustCompile(`(?m)\s+#.*$`)
)

// TestDocumentedFiles gives what the documents show of files for Prometheus and Alertmanager to their own tools, and every query to promtool.
func TestDocumentedFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, seen := directory(t, "documents"), 0
	for _, file := range append(files, "../README.md", "../README.ru.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range documentedBlock.FindAllStringSubmatch(string(text), -1) {
			language, block := m[1], m[2]
			name := fmt.Sprintf("%s-%d.yml", filepath.Base(file), i)
			kind := topKey.FindStringSubmatch(block)
			var tool []string
			switch {
			case language == "promql":
				tool, block = []string{"promtool", "check", "rules", name}, asRules(block)
			case kind == nil:
				continue // A file of the exporter's, which the tests of targets read.
			case kind[1] == "scrape_configs":
				tool = []string{"promtool", "check", "config", name}
			case kind[1] == "groups":
				tool = []string{"promtool", "check", "rules", name}
			case kind[1] == "route":
				tool = []string{"amtool", "check-config", name}
			}
			seen++
			write(t, filepath.Join(dir, name), block)
			succeed(t, dir, tool[0], tool[1:]...)
		}
	}
	if seen < 6 {
		t.Errorf("only %d blocks: the test looks in the wrong place", seen)
	}
}

// asRules makes a file of rules of queries, one to a line.
func asRules(queries string) string {
	var b strings.Builder
	b.WriteString("groups:\n  - name: documented\n    rules:\n")
	for line := range strings.SplitSeq(promqlComment.ReplaceAllString(queries, ""), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			fmt.Fprintf(&b, "      - {alert: documented%d, expr: '%s'}\n", b.Len(), strings.ReplaceAll(line, "'", "''"))
		}
	}
	return b.String()
}
