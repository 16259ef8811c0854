package targets

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// yaml.v3 says that a text is no YAML, but not where: the line that it names is the one in which
// the list or mapping around the mistake begins, or the one before it, or none. So we look for
// the mistake ourselves: it is in the first line without which all that stands before it is YAML.

// decode reads a document into its node. yaml.v3 is not maintained any more: should it panic
// on some text, that text is not YAML.
func decode(from *yaml.Decoder, node *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("this is not YAML")
		}
	}()
	return from.Decode(node)
}

// syntax reports what yaml.v3 says of text that is no YAML. A name in its words may be a password
// that begins with an asterisk, and is left out.
func (d *document) syntax(text []byte, err error) {
	said := strings.TrimPrefix(err.Error(), "yaml: ")
	at := place{1, 1, ""}
	if m := yamlLine.FindStringSubmatch(said); m != nil {
		at.line, _ = strconv.Atoi(m[1])
		said = strings.TrimPrefix(said, m[0])
	}
	if line := badLine(text); line > 0 {
		at.line = line
	}
	if strings.HasPrefix(said, "unknown anchor") {
		said = "an alias (*name) refers to an anchor (&name) that is not there"
	}
	d.fail(at, "not YAML: "+said+advice(said, lineOf(text, at.line)))
}

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// advice says what is probably wrong with a line, given what yaml.v3 says of it.
func advice(said, line string) string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	switch has := func(part string) bool { return strings.Contains(said, part) }; {
	case strings.Contains(indent, "\t"):
		return "; the line begins with a tab, and YAML is indented with spaces"
	case has("an alias"), has("alphabetic or numeric"):
		return "; text that begins with an asterisk or & needs quotes"
	case has("cannot start any token"):
		return "; text that begins with @, % or ` needs quotes"
	case has("escape"), has("hexdecimal"):
		return "; between double quotes a backslash begins an escape, so use single quotes"
	case has("end of stream"):
		return "; a quote is opened here and not closed"
	case has("expected ',' or"):
		return "; a bracket or brace is opened here and not closed, or a comma is missing"
	case has("did not find expected"), has("mapping values"), has("could not find expected ':'"):
		return "; is the line indented as it should be, with a space after the colon? text that holds [, {, \" or a colon and a space needs quotes"
	}
	return ""
}

// lineOf returns a line of a text, counted from 1.
func lineOf(text []byte, number int) string {
	n := 0
	for line := range bytes.Lines(text) {
		if n++; n == number {
			return string(line)
		}
	}
	return ""
}

// maxLooked bounds the octets that are read again in search of the line with a mistake.
const maxLooked = 1 << 20

// badLine returns the line in which a text that is no YAML stops being some, 0 if it was not found.
func badLine(text []byte) int {
	ends := []int{0} // Of the lines, in octets; the first is that of nothing.
	for line := range bytes.Lines(text) {
		ends = append(ends, ends[len(ends)-1]+len(line))
	}
	reader := &lineReader{text: text, ends: ends[1:]}
	_ = firstMistake(reader)
	looked := 0
	for n := reader.read - 1; n >= 0 && looked < maxLooked; n-- {
		if firstMistake(bytes.NewReader(text[:ends[n]])) == nil {
			return n + 1
		}
		looked += ends[n]
	}
	return 0
}

// firstMistake returns what yaml.v3 says of a text, nil if it is YAML.
func firstMistake(from io.Reader) error {
	decoder := yaml.NewDecoder(from)
	for {
		var node yaml.Node
		switch err := decode(decoder, &node); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// A lineReader hands out a text line by line, so that it shows how far its reader came.
type lineReader struct {
	text []byte
	ends []int // Of the lines, in octets.
	read int   // Lines that were handed out.
	from int
}

func (r *lineReader) Read(p []byte) (int, error) {
	if r.read == len(r.ends) {
		return 0, io.EOF
	}
	n := copy(p, r.text[r.from:r.ends[r.read]])
	if r.from += n; r.from == r.ends[r.read] {
		r.read++
	}
	return n, nil
}

// notUTF8 finds the first octet that is not UTF-8.
func notUTF8(text []byte) (place, bool) {
	if utf8.Valid(text) {
		return place{}, false
	}
	at := place{1, 1, ""}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			break
		}
		at.column++
		if r == '\n' {
			at.line, at.column = at.line+1, 1
		}
		text = text[size:]
	}
	return at, true
}
