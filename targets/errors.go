package targets

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// An Error is one mistake in a configuration file.
type Error struct {
	File   string
	Line   int    // From 1; 0 where the mistake is the file's as a whole.
	Column int    // From 1.
	Path   string // Where in the grammar: servers[0].recipient.address. "" for the file as a whole.
	Text   string // What is wrong and what would be right.
}

// Error says the mistake as file:line:column: path: text.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	if e.Path != "" {
		b.WriteString(e.Path)
		b.WriteString(": ")
	}
	b.WriteString(e.Text)
	return b.String()
}

// Errors are all mistakes of a file, in the order of their places.
type Errors []*Error

// Error says every mistake on a line of its own.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// maxErrors is how many mistakes are told: beyond them the file is something else altogether.
const maxErrors = 500

// sorted returns the mistakes in the order of their places, each once.
func (es Errors) sorted() Errors {
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	es = slices.CompactFunc(es, func(a, b *Error) bool { return *a == *b })
	if more := len(es) - maxErrors; more > 0 {
		last := *es[maxErrors]
		last.Path, last.Text = "", fmt.Sprintf("%d more mistakes from here on", more)
		es = append(es[:maxErrors:maxErrors], &last)
	}
	return es
}

// nearest says which of the known words was probably meant.
func nearest(word string, known []string) string {
	best, distance := "", max(2, len(word)/3)+1
	for _, k := range known {
		if max(len(k)-len(word), len(word)-len(k)) >= distance {
			continue // So many letters have to come or go.
		}
		if d := EditDistance(strings.ToLower(word), k); d < distance {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %s?", best)
	case len(known) == 0:
		return "there is none"
	case len(known) > 24:
		return "it is like none of the known ones"
	}
	return "known are " + strings.Join(known, ", ")
}

// EditDistance counts the insertions, deletions and replacements of octets between two words
// (Levenshtein); words of over 64 octets are not measured, and 64 apart.
func EditDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
