package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRussianPages compares a page that is written by hand in both languages, section by section. A heading of the Russian one begins with an
// anchor that is the English one's (`## <a id="your-own-domain"></a>Ваш домен`), so that links lead to the same place in both, and this test can say what
// is missing.
func TestRussianPages(t *testing.T) {
	for _, c := range []struct{ english, russian string }{
		{"../README.md", "../README.ru.md"},
		{"letters-come-back.md", "letters-come-back.ru.md"},
		{"many-domains.md", "many-domains.ru.md"},
	} {
		t.Run(c.russian, func(t *testing.T) {
			english, russian := sections(read(t, c.english)), sections(read(t, c.russian))
			in := map[string]section{}
			var order, want []string
			for _, s := range russian {
				in[s.anchor] = s
				order = append(order, s.anchor)
			}
			for _, s := range english {
				want = append(want, s.anchor)
				r, ok := in[s.anchor]
				if !ok {
					t.Errorf("there is no section %q: write it, with the heading `%s <a id=%q></a>...`", s.heading, s.level, s.anchor)
					continue
				}
				if r.level != s.level {
					t.Errorf("the heading %q has level %s, want %s", r.heading, r.level, s.level)
				}
				for what, pair := range map[string][2][]string{
					"command": {s.commands, r.commands}, "block": {s.blocks, r.blocks}, "table": {s.tables, r.tables}, "link to": {s.links, r.links},
				} {
					missing(t, s.heading, what, pair[0], pair[1])
				}
			}
			for _, a := range order {
				if !slices.Contains(want, a) {
					t.Errorf("the section %s is not in %s: take it out, or write it there", in[a].heading, c.english)
				}
			}
			if !t.Failed() && !slices.Equal(order, want) {
				t.Errorf("the sections come in the order\n%s\nwant\n%s", strings.Join(order, "\n"), strings.Join(want, "\n"))
			}
			if len(order) < 6 {
				t.Errorf("only %d sections: the test looks in the wrong place", len(order))
			}
		})
	}
}

// missing tells which things one language has and the other has not, or that they come in another order.
func missing(t *testing.T, heading, what string, english, russian []string) {
	t.Helper()
	for _, x := range english {
		if !slices.Contains(russian, x) {
			t.Errorf("%s: the %s is missing:\n%s", heading, what, x)
		}
	}
	for _, x := range russian {
		if !slices.Contains(english, x) {
			t.Errorf("%s: the %s is not in the English page:\n%s", heading, what, x)
		}
	}
	if !t.Failed() && !slices.Equal(english, russian) {
		t.Errorf("%s: the %ss come in another order", heading, what)
	}
}

// A section is what stands below one heading. What differs with the language is left out: comments, --lang ru and what a cell says.
type section struct {
	level, heading, anchor string
	commands               []string // Lines of indented blocks.
	blocks                 []string // Fenced blocks.
	tables                 []string // First cells, where they are code; how many rows and columns, where they are text.
	links                  []string // Where links lead, in their order of the alphabet and without the language of the page.
}

var (
	titleForm   = regexp.MustCompile(`^(#+) (?:<a id="([^"]+)"></a>)?(.*)$`)
	commentForm = regexp.MustCompile(`(?m)(^|\s+)#( .*)?$`)
	// The Russian pages ask for Russian answers.
	langForm = regexp.MustCompile(` --lang[ =]ru\b`)
)

func sections(text string) []section {
	var out []section
	var fenced []string
	language, within := "", false
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "```") {
			switch {
			case !within:
				language, fenced = line, nil
			case len(out) > 0 && language != "```text": // What a program says, it says in a language.
				last := &out[len(out)-1]
				last.blocks = append(last.blocks, same(strings.Join(fenced, "\n")))
			}
			within = !within
			continue
		}
		if within {
			fenced = append(fenced, line)
			continue
		}
		if m := titleForm.FindStringSubmatch(line); m != nil {
			anchor := m[2]
			if anchor == "" {
				anchor = slug(m[3])
			}
			if len(out) == 0 {
				anchor = "" // The title of the page needs no anchor.
			}
			out = append(out, section{level: m[1], heading: m[3], anchor: anchor})
			continue
		}
		if len(out) == 0 {
			continue
		}
		last := &out[len(out)-1]
		for _, m := range linkForm.FindAllStringSubmatch(line, -1) {
			last.links = append(last.links, strings.Replace(m[1], ".ru.md", ".md", 1))
		}
		if command, ok := strings.CutPrefix(line, "    "); ok {
			last.commands = append(last.commands, same(command))
		}
		if cells := strings.Split(line, "|"); len(cells) > 2 && cells[0] == "" {
			first := strings.TrimSpace(cells[1])
			if !strings.HasPrefix(first, "`") {
				first = "text"
			}
			last.tables = append(last.tables, first+strings.Repeat(" |", len(cells)-2))
		}
	}
	for i := range out {
		slices.Sort(out[i].links)
		out[i].links = slices.Compact(out[i].links)
	}
	return out
}

// same is a text without what differs with the language.
func same(text string) string {
	lines := strings.Split(langForm.ReplaceAllString(commentForm.ReplaceAllString(text, ""), ""), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}
