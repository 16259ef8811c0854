package record

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"
)

// readLines reads a list of cases and splits each line at the last " # ". Empty lines and those that begin
// with # are left out.
func readLines(t testing.TB, name string, each func(text, comment string)) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	cases := 0
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		text, comment := line, ""
		if i := strings.LastIndex(line, " # "); i >= 0 {
			text, comment = line[:i], line[i+3:]
		}
		each(text, comment)
		cases++
	}
	if lines.Err() != nil || cases == 0 {
		t.Fatalf("%s: %d cases, %v", name, cases, lines.Err())
	}
}

// unquoted gives the octets of a text that is written as a Go string.
func unquoted(t testing.TB, text string) string {
	t.Helper()
	if !strings.HasPrefix(text, `"`) {
		return text
	}
	s, err := strconv.Unquote(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

// good runs parse over a list of good texts. It gives the canonical text and what else is to be compared.
func good(t *testing.T, name string, parse func(string) (text, comment string, err error)) {
	readLines(t, name, func(line, comment string) {
		text, canonical, differs := strings.Cut(line, " => ")
		text, canonical = unquoted(t, text), unquoted(t, canonical)
		if !differs {
			canonical = text
		}
		for _, input := range []string{text, canonical} {
			got, also, err := parse(input)
			if err != nil || got != canonical || also != comment {
				t.Errorf("%q:\n got %q # %s, error %v\nwant %q # %s", input, got, also, err, canonical, comment)
			}
		}
	})
}

// bad runs parse over a list of bad texts and compares the errors.
func bad(t *testing.T, name string, parse func(string) error) {
	readLines(t, name, func(line, comment string) {
		text := unquoted(t, line)
		if err := parse(text); err == nil || err.Error() != comment {
			t.Errorf("%q:\n got %v\nwant %s", text, err, comment)
		}
	})
}

// seed gives a fuzz target the texts of lists.
func seed(f *testing.F, names ...string) {
	for _, name := range names {
		readLines(f, name, func(line, _ string) {
			text, _, _ := strings.Cut(line, " => ")
			f.Add(unquoted(f, text))
		})
	}
}
