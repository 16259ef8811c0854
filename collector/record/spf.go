package record

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// An SPF is a domain's list of who may send in its name (RFC 7208). It is read from left to
// right: the first directive whose mechanism matches the sending address decides, with its
// qualifier; if none does, redirect leads to another record, and without it the result is neutral.
type SPF struct {
	Directives []Directive
	Redirect   MacroString // Domain whose record decides instead; nil without one. Ignored if there is an all.
	Exp        MacroString // Domain whose TXT record explains a fail; nil without one.
	Unknown    []Modifier  // Modifiers that RFC 7208 does not define. They mean nothing.
}

// A Qualifier is what a match of a mechanism means.
type Qualifier byte

// The qualifiers.
const (
	Pass     Qualifier = '+' // May send.
	Fail     Qualifier = '-' // May not.
	SoftFail Qualifier = '~' // Probably may not.
	Neutral  Qualifier = '?' // Nothing is said.
)

// A Mechanism is a way to match the sending address.
type Mechanism string

// The mechanisms (RFC 7208 section 5).
const (
	All     Mechanism = "all"     // Every address.
	Include Mechanism = "include" // Those that the record of Domain passes.
	A       Mechanism = "a"       // Those of Domain.
	MX      Mechanism = "mx"      // Those of the MX hosts of Domain.
	PTR     Mechanism = "ptr"     // Those whose confirmed name lies in Domain. Deprecated.
	IP4     Mechanism = "ip4"     // Those in Network.
	IP6     Mechanism = "ip6"     // Those in Network.
	Exists  Mechanism = "exists"  // Any, if Domain has an A record.
)

// A Directive is a mechanism with its qualifier and arguments.
type Directive struct {
	Qualifier Qualifier
	Mechanism Mechanism
	// Domain is the name to ask for, of include, a, mx, ptr and exists. Empty, of a, mx and ptr: the
	// domain that is being evaluated.
	Domain  MacroString
	Network netip.Prefix // Of ip4 and ip6, with the host bits as written.
	// Bits4 and Bits6 are the prefix lengths of a and mx, 32 and 128 unless written; 0 for all others.
	Bits4, Bits6 int
}

// A Modifier is a name=value that is not a mechanism.
type Modifier struct {
	Name  string // In lower case.
	Value MacroString
}

// A TermError says what is wrong with one term of an SPF record.
type TermError struct {
	Term string // As written.
	Err  error  // Wraps one of the kinds of errors.
}

func (e *TermError) Error() string { return quote(e.Term) + ": " + e.Err.Error() }
func (e *TermError) Unwrap() error { return e.Err }

// SPFErrors are the mistakes of a record in the order of its text, at most 20 of them.
type SPFErrors []*TermError

func (e SPFErrors) Error() string {
	var texts []string
	for _, t := range e {
		texts = append(texts, t.Error())
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns every mistake.
func (e SPFErrors) Unwrap() []error {
	var all []error
	for _, t := range e {
		all = append(all, t)
	}
	return all
}

const (
	spfVersion = "v=spf1"
	maxErrors  = 20
)

// IsSPF reports whether a TXT record is an SPF record. RFC 7208 section 4.5: it begins with exactly
// v=spf1, in either case, and then there is a space or nothing; v=spf10 is something else.
func IsSPF(text string) bool {
	n := len(spfVersion)
	return len(text) >= n && strings.EqualFold(text[:n], spfVersion) && (len(text) == n || text[n] == ' ')
}

// ParseSPF reads an SPF record. The error is ErrVersion if it is none (IsSPF), ErrTooLong, or SPFErrors with every
// mistake: RFC 7208 section 4.6 has one anywhere spoil the whole record, even behind a term that matches.
// The record then holds the terms that are right.
func ParseSPF(text string) (SPF, error) {
	if len(text) > maxText {
		return SPF{}, ErrTooLong
	}
	if !IsSPF(text) {
		return SPF{}, fmt.Errorf("%w: %s does not begin with v=spf1 and a space", ErrVersion, quote(text))
	}
	var spf SPF
	var mistakes SPFErrors
	for term := range strings.SplitSeq(text[len(spfVersion):], " ") {
		if term == "" {
			continue
		}
		if err := spf.add(term); err != nil {
			mistakes = append(mistakes, &TermError{term, err})
			if len(mistakes) == maxErrors {
				break
			}
		}
	}
	if mistakes != nil {
		return spf, mistakes
	}
	return spf, nil
}

// add reads one term. What has a name and an equals sign is a modifier (RFC 7208 section 4.6.1).
func (s *SPF) add(term string) error {
	n := nameLength(term)
	if n > 0 && n < len(term) && term[n] == '=' {
		return s.addModifier(strings.ToLower(term[:n]), term[n+1:])
	}
	d := Directive{Qualifier: Pass}
	rest := term
	if strings.IndexByte("+-~?", term[0]) >= 0 {
		d.Qualifier, rest = Qualifier(term[0]), term[1:]
	}
	n = nameLength(rest)
	d.Mechanism = Mechanism(strings.ToLower(rest[:n]))
	if err := d.arguments(rest[n:]); err != nil {
		return err
	}
	s.Directives = append(s.Directives, d)
	return nil
}

// nameLength returns how many octets at the beginning of s are a name: a letter, then letters, digits,
// hyphens, underscores and dots.
func nameLength(s string) int {
	n := 0
	for n < len(s) && (isAlpha(s[n]) || n > 0 && (isDigit(s[n]) || s[n] == '-' || s[n] == '_' || s[n] == '.')) {
		n++
	}
	return n
}

// addModifier reads a modifier. RFC 7208 section 6: redirect and exp may each be there once.
func (s *SPF) addModifier(name, text string) error {
	var known *MacroString
	switch name {
	case "redirect":
		known = &s.Redirect
	case "exp":
		known = &s.Exp
	default:
		value, err := ParseMacroString(text)
		if err != nil {
			return err
		}
		s.Unknown = append(s.Unknown, Modifier{name, value})
		return nil
	}
	value, err := parseDomainSpec(text)
	if err != nil {
		return err
	}
	if *known != nil {
		return fmt.Errorf("%s %w", name, ErrDuplicate)
	}
	*known = value
	return nil
}

// arguments reads what follows the name of a mechanism, that is nothing, ":" and a value, or a
// prefix length.
func (d *Directive) arguments(text string) error {
	value, given := strings.CutPrefix(text, ":")
	switch d.Mechanism {
	case All:
		if text != "" {
			return fmt.Errorf("%w: all has none", ErrArgument)
		}
		return nil
	case IP4, IP6:
		if !given {
			return fmt.Errorf("%w: %s needs an address", ErrArgument, d.Mechanism)
		}
		return d.network(value)
	case A, MX:
		var err error
		if text, err = d.cutLengths(text); err != nil {
			return err
		}
		value, given = strings.CutPrefix(text, ":")
		fallthrough
	case PTR:
		if text == "" {
			return nil
		}
		fallthrough
	case Include, Exists:
		if text == "" {
			return fmt.Errorf("%w: %s needs a name", ErrArgument, d.Mechanism)
		}
		if !given {
			return fmt.Errorf("%w: %s is followed by %s", ErrArgument, d.Mechanism, quote(text))
		}
		var err error
		d.Domain, err = parseDomainSpec(value)
		return err
	}
	return fmt.Errorf("%w: %s", ErrMechanism, quote(string(d.Mechanism)))
}

// cutLengths takes the prefix lengths ("/24", "//64", "/24//64") off the end of an argument. A slash
// may be part of a name too, but not after its last dot, so that what looks like a length there is one.
func (d *Directive) cutLengths(text string) (rest string, err error) {
	d.Bits4, d.Bits6 = 32, 128
	if before, number, ok := cutLength(text, "//"); ok {
		if d.Bits6, err = prefixLength(number, 128); err != nil {
			return "", err
		}
		text = before
	}
	if before, number, ok := cutLength(text, "/"); ok {
		if d.Bits4, err = prefixLength(number, 32); err != nil {
			return "", err
		}
		text = before
	}
	return text, nil
}

// cutLength splits text at the last separator if there are only digits after it.
func cutLength(text, separator string) (before, number string, ok bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 || strings.Trim(text[i+len(separator):], "0123456789") != "" {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

// prefixLength reads a prefix length: a decimal number without leading zeros.
func prefixLength(number string, most int) (int, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > most || !isDigit(number[0]) || number[0] == '0' && len(number) > 1 {
		return 0, fmt.Errorf("%w: %s is not a number from 0 to %d", ErrPrefix, quote(number), most)
	}
	return n, nil
}

// network reads the argument of ip4 and ip6.
func (d *Directive) network(text string) error {
	address, number, given := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Is4() != (d.Mechanism == IP4) || addr.Zone() != "" {
		return fmt.Errorf("%w: %s is not one of IPv%s", ErrAddress, quote(address), d.Mechanism[2:])
	}
	bits := addr.BitLen()
	if given {
		if bits, err = prefixLength(number, bits); err != nil {
			return err
		}
	}
	d.Network = netip.PrefixFrom(addr, bits)
	return nil
}

// All returns the first directive all, which is the last that counts, and its place among the directives.
// ok is false if there is none.
func (s SPF) All() (d Directive, place int, ok bool) {
	for i, d := range s.Directives {
		if d.Mechanism == All {
			return d, i, true
		}
	}
	return Directive{}, len(s.Directives), false
}

// String writes the record in canonical form: directives in their order, then redirect, exp and
// the other modifiers; no plus sign, no prefix length that says nothing.
func (s SPF) String() string {
	var b strings.Builder
	b.WriteString(spfVersion)
	for _, d := range s.Directives {
		b.WriteString(" " + d.String())
	}
	if s.Redirect != nil {
		b.WriteString(" redirect=" + s.Redirect.String())
	}
	if s.Exp != nil {
		b.WriteString(" exp=" + s.Exp.String())
	}
	for _, m := range s.Unknown {
		b.WriteString(" " + m.Name + "=" + m.Value.String())
	}
	return b.String()
}

// String writes the directive as it stands in a record, without a plus sign.
func (d Directive) String() string {
	text := string(d.Mechanism)
	if d.Qualifier != Pass {
		text = string(rune(d.Qualifier)) + text
	}
	switch d.Mechanism {
	case IP4, IP6:
		text += ":" + d.Network.Addr().String()
		if !d.Network.IsSingleIP() {
			text += "/" + strconv.Itoa(d.Network.Bits())
		}
		return text
	}
	if len(d.Domain) > 0 {
		text += ":" + d.Domain.String()
	}
	if d.Mechanism == A || d.Mechanism == MX {
		if d.Bits4 != 32 {
			text += "/" + strconv.Itoa(d.Bits4)
		}
		if d.Bits6 != 128 {
			text += "//" + strconv.Itoa(d.Bits6)
		}
	}
	return text
}

// Mistakes returns the mistakes in an error of ParseSPF, nil if it holds none.
func Mistakes(err error) SPFErrors {
	var mistakes SPFErrors
	errors.As(err, &mistakes)
	return mistakes
}
