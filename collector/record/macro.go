package record

import (
	"fmt"
	"strconv"
	"strings"
)

// A Macro is one piece of a macro string (RFC 7208 section 7.1): text that stands for itself, or
// something that is put in when the record is evaluated. The zero value stands for nothing.
type Macro struct {
	Literal string // Text that stands for itself; then all other fields are zero.

	// Letter says what is put in, in lower case: s sender, l local part, o domain of the sender, d
	// domain, i address, p validated name of the address, v "in-addr" or "ip6", h HELO name; c, r and t
	// stand only where an explanation is written. '%', '_' and '-' are the escapes %%, %_ and %-, which put
	// in a percent sign, a space and "%20".
	Letter     byte
	Escape     bool   // The letter was in upper case: what is put in is escaped as in a URL.
	Parts      int    // How many parts are kept, counted from the right; 0: all of them.
	Reverse    bool   // The parts are put in reverse order first.
	Delimiters string // What the value is split at; "": at dots. The parts are joined with dots.
}

// A MacroString is text with macros in it.
type MacroString []Macro

const (
	macroLetters     = "slodiphcrtv"
	macroDelimiters  = ".-+,/_="
	explanationsOnly = "crt"
	// maxParts is more than a name has labels; a greater number means the same.
	maxParts = 128
)

// ParseMacroString reads a macro string. It may be empty. The error is ErrMacro or ErrCharacter.
func ParseMacroString(text string) (MacroString, error) {
	var m MacroString
	for len(text) > 0 {
		if text[0] != '%' {
			literal, _, _ := strings.Cut(text, "%")
			for i, c := range []byte(literal) {
				if c < '!' || c > '~' {
					return nil, fmt.Errorf("%w: %s", ErrCharacter, quote(firstCharacter(literal[i:])))
				}
			}
			m, text = append(m, Macro{Literal: literal}), text[len(literal):]
			continue
		}
		macro, rest, err := cutMacro(text)
		if err != nil {
			return nil, err
		}
		m, text = append(m, macro), rest
	}
	return m, nil
}

// cutMacro reads the macro that text begins with.
func cutMacro(text string) (macro Macro, rest string, err error) {
	if len(text) > 1 && strings.IndexByte("%_-", text[1]) >= 0 {
		return Macro{Letter: text[1]}, text[2:], nil
	}
	if !strings.HasPrefix(text, "%{") {
		return Macro{}, "", fmt.Errorf("%w: %% is followed by none of %% _ - {", ErrMacro)
	}
	body, rest, ok := strings.Cut(text[2:], "}")
	if !ok {
		return Macro{}, "", fmt.Errorf("%w: %%{ without }", ErrMacro)
	}
	bad := func(what string) (Macro, string, error) {
		return Macro{}, "", fmt.Errorf("%w %s: %s", ErrMacro, quote("%{"+body+"}"), what)
	}
	if body == "" {
		return bad("no letter")
	}
	letter := body[0] | 0x20
	if !isAlpha(body[0]) || strings.IndexByte(macroLetters, letter) < 0 {
		return bad("no such letter")
	}
	macro = Macro{Letter: letter, Escape: letter != body[0]}
	tail := strings.TrimLeft(body[1:], "0123456789")
	if digits := body[1 : len(body)-len(tail)]; digits != "" {
		// RFC 7208 section 7.3: the number must not be zero, and 128 labels must be enough.
		if digits = strings.TrimLeft(digits, "0"); digits == "" {
			return bad("no part is kept")
		}
		macro.Parts = maxParts
		if len(digits) <= 3 {
			n, _ := strconv.Atoi(digits)
			macro.Parts = min(n, maxParts)
		}
	}
	if tail != "" && tail[0]|0x20 == 'r' {
		macro.Reverse, tail = true, tail[1:]
	}
	if strings.Trim(tail, macroDelimiters) != "" {
		return bad("only .-+,/_= can divide")
	}
	macro.Delimiters = tail
	return macro, rest, nil
}

// parseDomainSpec reads a domain-spec (RFC 7208 section 7.1): a macro string that ends in a macro or in a
// top-level label after a dot, so that a forgotten or misspelt name is noticed before it is asked for.
func parseDomainSpec(text string) (MacroString, error) {
	m, err := ParseMacroString(text)
	if err != nil {
		return nil, err
	}
	if len(m) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrDomain)
	}
	for _, macro := range m {
		if macro.Letter != 0 && strings.IndexByte(explanationsOnly, macro.Letter) >= 0 {
			return nil, fmt.Errorf("%w %s: only an explanation may hold it", ErrMacro, quote(macro.String()))
		}
	}
	last := m[len(m)-1]
	if last.Letter != 0 {
		return m, nil
	}
	name := strings.TrimSuffix(last.Literal, ".")
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || !topLabel(name[dot+1:]) {
		return nil, fmt.Errorf("%w: %s does not end in a top-level domain", ErrDomain, quote(text))
	}
	return m, nil
}

// topLabel reports whether s can be a top-level domain: letters, digits and inner hyphens, not all digits.
func topLabel(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if !isAlnum(c) && c != '-' {
			return false
		}
	}
	return strings.Trim(s, "0123456789") != ""
}

// Plain returns the text of a string without macros. ok is false if there is one in it.
func (m MacroString) Plain() (text string, ok bool) {
	switch {
	case len(m) == 0:
		return "", true
	case len(m) == 1 && m[0].Letter == 0:
		return m[0].Literal, true
	}
	return "", false
}

// Uses reports whether a macro of this letter (in lower case) is in the string.
func (m MacroString) Uses(letter byte) bool {
	for _, macro := range m {
		if macro.Letter == letter {
			return true
		}
	}
	return false
}

// String writes the string as it stands in a record.
func (m MacroString) String() string {
	var b strings.Builder
	for _, macro := range m {
		b.WriteString(macro.String())
	}
	return b.String()
}

// String writes the macro as it stands in a record.
func (m Macro) String() string {
	switch m.Letter {
	case 0:
		return m.Literal
	case '%', '_', '-':
		return "%" + string(m.Letter)
	}
	b := []byte{'%', '{', m.Letter}
	if m.Escape {
		b[2] -= 0x20
	}
	if m.Parts > 0 {
		b = strconv.AppendInt(b, int64(m.Parts), 10)
	}
	if m.Reverse {
		b = append(b, 'r')
	}
	return string(b) + m.Delimiters + "}"
}
