package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	anchorForm  = regexp.MustCompile(`<a id="([^"]+)"></a>`)
	headingForm = regexp.MustCompile(`(?m)^#+ (.+)$`)
	linkForm    = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	codeBlock   = regexp.MustCompile("(?s)```.*?```")
)

// TestLinks follows every link between the documents, and finds anchors that stand twice on a page: runbook_url and people
// lead there.
func TestLinks(t *testing.T) {
	anchors, links := map[string][]string{}, 0
	pages := append(documents(t), "../SECURITY.md", "../CONTRIBUTING.md")
	text := map[string]string{}
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text[page] = codeBlock.ReplaceAllString(string(b), "")
		for _, m := range anchorForm.FindAllStringSubmatch(text[page], -1) {
			if slices.Contains(anchors[page], m[1]) {
				t.Errorf("%s: the anchor %s stands twice", page, m[1])
			}
			anchors[page] = append(anchors[page], m[1])
		}
		for _, m := range headingForm.FindAllStringSubmatch(text[page], -1) {
			anchors[page] = append(anchors[page], slug(m[1]))
		}
	}
	for _, page := range pages {
		for _, m := range linkForm.FindAllStringSubmatch(text[page], -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			target := filepath.Join(filepath.Dir(page), file)
			if file == "" {
				target = page
			} else if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			if known, read := anchors[target]; anchor != "" && read && !slices.Contains(known, anchor) {
				t.Errorf("%s leads to %s, where there is no %s", page, target, anchor)
			}
		}
	}
	if links < 500 {
		t.Errorf("only %d links seen: the test looks in the wrong place", links)
	}
}

// slug is the anchor that is made of a heading.
func slug(heading string) string {
	return regexp.MustCompile(`[^\pL\pN_-]`).ReplaceAllString(strings.ReplaceAll(strings.ToLower(heading), " ", "-"), "")
}
