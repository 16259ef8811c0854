package record

import (
	"fmt"
	"strings"
)

// A Tag is one name=value of a tag list.
type Tag struct {
	Name  string // As written: names are compared with their case.
	Value string // Without white space around it; what is inside stays. May be empty.
}

// A TagList is a list of tags in the order of the text, each name once.
type TagList []Tag

// ParseTagList reads a tag list (RFC 6376 section 3.2): tag=value, separated by semicolons, with one more
// allowed at the end. Names and values that are not known are no error here. Errors are ErrTooLong, ErrSyntax,
// ErrCharacter and ErrDuplicate; the list then holds the tags before the mistake.
//
// RFC 6376 has no white space after the last semicolon, but it is everywhere and everybody
// accepts it, and so do we.
func ParseTagList(text string) (TagList, error) {
	if len(text) > maxText {
		return nil, ErrTooLong
	}
	var list TagList
	seen := map[string]bool{}
	for rest, more := text, true; more; {
		var spec string
		spec, rest, more = strings.Cut(rest, ";")
		spec = trimFWS(spec)
		if spec == "" && !more && len(list) > 0 {
			break
		}
		tag, err := parseTag(spec)
		if err != nil {
			return list, err
		}
		if seen[tag.Name] {
			return list, fmt.Errorf("tag %s: %w", quote(tag.Name), ErrDuplicate)
		}
		seen[tag.Name] = true
		list = append(list, tag)
	}
	return list, nil
}

// parseTag reads what stands between two semicolons, without the white space around it.
func parseTag(spec string) (Tag, error) {
	if spec == "" {
		return Tag{}, fmt.Errorf("%w: nothing between semicolons", ErrSyntax)
	}
	name, value, ok := strings.Cut(spec, "=")
	if !ok {
		return Tag{}, fmt.Errorf("%w: %s has no =", ErrSyntax, quote(spec))
	}
	name, value = trimFWS(name), trimFWS(value)
	if !tagName(name) {
		return Tag{}, fmt.Errorf("%w: %s is not a tag name", ErrSyntax, quote(name))
	}
	if c, ok := badOctet(value); ok {
		return Tag{}, fmt.Errorf("tag %s: %w: %s", quote(name), ErrCharacter, quote(c))
	}
	return Tag{name, value}, nil
}

// tagName reports whether s is a letter followed by letters, digits and underscores.
func tagName(s string) bool {
	if s == "" || !isAlpha(s[0]) {
		return false
	}
	for _, c := range []byte(s) {
		if !isAlnum(c) && c != '_' {
			return false
		}
	}
	return true
}

// badOctet finds a character that a value may not hold: that is made of visible ASCII, spaces and
// tabs, and of line ends that are followed by white space.
func badOctet(value string) (string, bool) {
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case '!' <= c && c <= '~', c == ' ', c == '\t':
		case c == '\r' && i+2 < len(value) && value[i+1] == '\n' && (value[i+2] == ' ' || value[i+2] == '\t'):
			i += 2
		default:
			return firstCharacter(value[i:]), true
		}
	}
	return "", false
}

// trimFWS takes folding white space (RFC 6376 section 2.8) off both ends.
func trimFWS(s string) string { return strings.Trim(s, " \t\r\n") }

// Get returns the value of a tag, and whether it is there.
func (l TagList) Get(name string) (value string, ok bool) {
	for _, t := range l {
		if t.Name == name {
			return t.Value, true
		}
	}
	return "", false
}

// String writes the list as "name=value; name=value".
func (l TagList) String() string {
	var b strings.Builder
	for i, t := range l {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(t.Name + "=" + t.Value)
	}
	return b.String()
}
