package targets

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// The files are decoded from YAML's nodes and not by yaml.v3's reflection, so that every
// value knows its place and path, no mistake hides the next, and no value of the wrong type
// is converted silently.

const (
	// maxFile is the size of the largest file that is read: some 100,000 targets.
	maxFile = 16 << 20
	// maxValues is how many values a file may hold once its aliases are followed. A file of a
	// few lines can stand for billions of them.
	maxValues = 1_000_000
	// maxText is the longest text, in octets.
	maxText = 4096
)

// A document is a file that is being read.
type document struct {
	file     string // As the operator named it; stands in messages.
	dir      string // Absolute; paths in the file are relative to it.
	errs     Errors
	warnings []string
	values   int // How many have been looked at.
}

// A place is where something stands in a file.
type place struct {
	line, column int
	path         string
}

func (d *document) fail(at place, text string) {
	d.errs = append(d.errs, &Error{File: d.file, Line: at.line, Column: at.column, Path: at.path, Text: text})
}

func (d *document) warn(at place, format string, args ...any) {
	e := Error{File: d.file, Line: at.line, Column: at.column, Path: at.path, Text: fmt.Sprintf(format, args...)}
	d.warnings = append(d.warnings, e.Error())
}

// parse reads a file's only YAML document. ok is false if it cannot be read as YAML at all.
func (d *document) parse(text []byte) (root value, ok bool) {
	if at, bad := notUTF8(text); bad {
		d.fail(at, "the file is not UTF-8 text; save it as UTF-8")
		return value{}, false
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var node, second yaml.Node
	switch err := decode(decoder, &node); {
	case errors.Is(err, io.EOF):
		return value{doc: d, node: nothing(1, 1)}, true
	case err != nil:
		d.syntax(text, err)
		return value{}, false
	}
	switch err := decode(decoder, &second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.syntax(text, err)
	default:
		d.fail(place{second.Line, second.Column, ""}, "a second YAML document begins here; a file holds one, so remove the line ---")
	}
	root = value{doc: d, node: &node}
	if node.Kind == yaml.DocumentNode && len(node.Content) == 1 {
		root = root.child(node.Content[0], "")
	}
	return root, true
}

// A value is a node with its place in the grammar.
type value struct {
	doc    *document
	node   *yaml.Node
	path   string
	secret bool // Neither it nor what is in it is ever repeated in a message.
}

func (v value) place() place { return place{v.node.Line, v.node.Column, v.path} }

// fail reports a mistake in the value.
func (v value) fail(format string, args ...any) { v.doc.fail(v.place(), fmt.Sprintf(format, args...)) }

func (v value) warn(format string, args ...any) { v.doc.warn(v.place(), format, args...) }

// bad reports that the text of the value is not what is wanted.
func (v value) bad(text, wanted string) {
	if v.secret {
		v.fail("%s", wanted)
		return
	}
	v.fail("%s: %s", quote(text), wanted)
}

// quote repeats what the operator wrote, shortened.
func quote(text string) string {
	if r := []rune(text); len(r) > 80 {
		text = string(r[:80]) + "..."
	}
	return strconv.Quote(text)
}

// child is a value in v; aliases are followed.
func (v value) child(node *yaml.Node, path string) value {
	if node.Kind == yaml.AliasNode && node.Alias != nil {
		node = node.Alias
	}
	if v.doc.values++; v.doc.values > maxValues {
		if v.doc.values == maxValues+1 {
			v.fail("the file holds more than %d values once its aliases are followed; write fewer", maxValues)
		}
		node = nothing(node.Line, node.Column)
	}
	return value{v.doc, node, path, v.secret}
}

// nothing is the node of an empty value.
func nothing(line, column int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: line, Column: column}
}

func (v value) isNull() bool { return v.node.Kind == yaml.ScalarNode && v.node.ShortTag() == "!!null" }

// empty reports whether a list or mapping is there and nothing is in it.
func (v value) empty() bool {
	return v.isNull() || v.node.Kind != yaml.ScalarNode && len(v.node.Content) == 0
}

// kind says for people what was found.
func (v value) kind() string {
	switch v.node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		switch v.node.ShortTag() {
		case "!!null":
			return "nothing"
		case "!!bool":
			return "true or false"
		case "!!int", "!!float":
			return "a number"
		case "!!str", "!!timestamp":
			return "text"
		}
		return "a value with a tag (!...)" // The tag itself may be a password.
	}
	return "something else"
}

// A pair is a key of a mapping with its value.
type pair struct {
	name  string
	key   value
	value value
}

// pairs returns a mapping's keys in their order. A key that stands there twice is a mistake; those of
// a merge (<<) give way to the mapping's own.
func (v value) pairs() []pair { return v.mergedPairs(0) }

func (v value) mergedPairs(depth int) []pair {
	if v.isNull() {
		return nil
	}
	if v.node.Kind != yaml.MappingNode {
		v.fail("want a mapping (key: value), not %s", v.kind())
		return nil
	}
	var out []pair
	var merges []value
	seen := map[string]int{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := v.child(v.node.Content[i], v.path)
		switch {
		case key.node.ShortTag() == "!!merge":
			merges = append(merges, v.child(v.node.Content[i+1], v.path))
			continue
		case key.node.Kind != yaml.ScalarNode || key.isNull():
			key.fail("a key must be a word, not %s", key.kind())
			continue
		}
		name := key.node.Value
		key.path = v.in(name)
		if line, twice := seen[name]; twice {
			key.fail("the key stands here twice; the first is in line %d", line)
			continue
		}
		seen[name] = key.node.Line
		out = append(out, pair{name, key, v.child(v.node.Content[i+1], key.path)})
	}
	for _, m := range merges {
		for _, p := range m.merge(depth) {
			if _, own := seen[p.name]; !own {
				seen[p.name] = p.key.node.Line
				out = append(out, p)
			}
		}
	}
	return out
}

// merge returns the pairs of a merge's value: a mapping or a list of mappings.
func (v value) merge(depth int) []pair {
	if depth >= 10 {
		v.fail("merges (<<) in merges, ten deep; write the keys out")
		return nil
	}
	if v.node.Kind != yaml.SequenceNode {
		return v.mergedPairs(depth + 1)
	}
	var out []pair
	for _, n := range v.node.Content {
		out = append(out, v.child(n, v.path).mergedPairs(depth+1)...)
	}
	return out
}

// in is the path of a key in v. A key in a secret place may be the secret itself.
func (v value) in(key string) string {
	if v.secret {
		return v.path
	}
	if r := []rune(key); len(r) > 64 {
		key = string(r[:64]) + "..."
	}
	key = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, key)
	if v.path == "" {
		return key
	}
	return v.path + "." + key
}

// A mapping is one whose keys are known beforehand.
type mapping struct {
	value
	values map[string]value
}

// mapping reads a mapping with the keys that may stand in it; any other is a mistake.
func (v value) mapping(known ...string) mapping {
	m := mapping{v, map[string]value{}}
	for _, p := range v.pairs() {
		if !slices.Contains(known, p.name) {
			if v.secret {
				p.key.fail("unknown key; known are %s", strings.Join(known, ", "))
			} else {
				p.key.fail("unknown key; %s", nearest(p.name, known))
			}
			continue
		}
		p.value.path = value{path: v.path}.in(p.name) // A known key is no secret.
		m.values[p.name] = p.value
	}
	return m
}

// has reports whether a key is there.
func (m mapping) has(key string) bool { _, ok := m.values[key]; return ok }

// at hands a key's value to read, if the key is there.
func (m mapping) at(key string, read func(value)) {
	if v, ok := m.values[key]; ok {
		read(v)
	}
}

// need is at for a key that must be there.
func (m mapping) need(key, example string, read func(value)) {
	if v, ok := m.values[key]; ok {
		read(v)
		return
	}
	if m.node.Kind == yaml.MappingNode || m.isNull() {
		m.fail("%s is missing; write for example %s", key, example)
	}
}

// list returns the values of a list.
func (v value) list() []value {
	if v.isNull() {
		return nil
	}
	if v.node.Kind != yaml.SequenceNode {
		v.fail("want a list such as [a, b], not %s", v.kind())
		return nil
	}
	out := make([]value, 0, min(len(v.node.Content), 1024))
	for i, n := range v.node.Content {
		out = append(out, v.child(n, fmt.Sprintf("%s[%d]", v.path, i)))
		if v.doc.values > maxValues {
			break
		}
	}
	return out
}

// text returns a text. Numbers and dates are texts too, as they are written: selectors and
// labels look like them.
func (v value) text() (string, bool) {
	if v.doc.values > maxValues {
		return "", false
	}
	tag := ""
	if v.node.Kind == yaml.ScalarNode {
		tag = v.node.ShortTag()
	}
	switch tag {
	case "!!str", "!!int", "!!float", "!!timestamp":
	case "!!bool":
		v.fail("want text, not true or false; if it is meant as text, put it in quotes")
		return "", false
	default:
		v.fail("want text, not %s", v.kind())
		return "", false
	}
	s := v.node.Value
	switch {
	case len(s) > maxText:
		v.fail("the text is longer than %d octets", maxText)
		return "", false
	case strings.ContainsFunc(s, unicode.IsControl):
		v.fail("the text holds a control character or a line break")
		return "", false
	}
	return s, true
}

// boolean reads true or false into to.
func (v value) boolean(to *bool) {
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!bool" {
		v.fail("want true or false, not %s", v.kind())
		return
	}
	*to = strings.EqualFold(v.node.Value, "true")
}

// count reads a whole number from 1 to most into to.
func (v value) count(to *int, most int) {
	n, err := strconv.Atoi(v.node.Value)
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!int" || err != nil || n < 1 || n > most {
		v.fail("want a whole number from 1 to %d", most)
		return
	}
	*to = n
}

// read reads a text by means of parse, whose error says what would be right.
func read[T any](v value, parse func(string) (T, error)) (T, bool) {
	var none T
	s, ok := v.text()
	if !ok {
		return none, false
	}
	t, err := parse(s)
	if err != nil {
		v.bad(s, err.Error())
		return none, false
	}
	return t, true
}

// readInto is read for a value that has its place already.
func readInto[T any](v value, to *T, parse func(string) (T, error)) {
	if t, ok := read(v, parse); ok {
		*to = t
	}
}

// readList reads a list of texts; each is kept once.
func readList[T comparable](v value, parse func(string) (T, error)) []T {
	var out []T
	seen := map[T]bool{}
	for _, item := range v.list() {
		if t, ok := read(item, parse); ok && !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}
