package record

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An MTASTS is the record by which a domain says that it has a policy for MTA-STS, at _mta-sts.DOMAIN (RFC 8461
// section 3.1). The policy itself is a file that is fetched over HTTPS; see STSPolicy.
type MTASTS struct {
	ID     string  // Names the policy's edition: senders fetch the file again when it changes. 1 to 32 letters and digits.
	Others TagList // Fields that the standard does not define. They mean nothing.
}

// The version that begins a record, and its parts where there is only one version.
const (
	stsVersion = "STSv1"
	maxSTSID   = 32
)

// IsMTASTS reports whether a TXT record counts as one of MTA-STS. RFC 8461 section 3.1: records that do not begin with
// "v=STSv1;" are discarded before they are counted. The grammar allows white space before the semicolon.
func IsMTASTS(text string) bool { return begins(text, stsVersion) }

// begins reports whether a record begins with a version and a semicolon.
func begins(text, version string) bool {
	rest, ok := strings.CutPrefix(text, "v="+version)
	return ok && strings.HasPrefix(strings.TrimLeft(rest, " \t"), ";")
}

// ParseMTASTS reads the record. Errors are ErrVersion, ErrMissing without id, and ErrSyntax, ErrDuplicate and ErrTooLong.
// The grammar has no white space around the equals sign, and senders take none.
func ParseMTASTS(text string) (MTASTS, error) {
	fields, err := parseFields(text, stsVersion)
	if err != nil {
		return MTASTS{}, err
	}
	r := MTASTS{}
	for _, f := range fields {
		if f.Name != "id" {
			r.Others = append(r.Others, f)
			continue
		}
		if len(f.Value) > maxSTSID || !isAll(f.Value, isAlnum) {
			return MTASTS{}, fmt.Errorf("field id: %w: %s is not 1 to %d letters and digits", ErrSyntax, quote(f.Value), maxSTSID)
		}
		r.ID = f.Value
	}
	if r.ID == "" {
		return MTASTS{}, fmt.Errorf("field id: %w", ErrMissing)
	}
	return r, nil
}

// String writes the record, id first.
func (r MTASTS) String() string {
	return append(TagList{{"v", stsVersion}, {"id", r.ID}}, r.Others...).String()
}

// parseFields reads a record of the family that RFC 8460 section 3 and RFC 8461 section 3.1 share: a version, then
// name=value between semicolons. It is like a tag list, with other names and without white space inside.
func parseFields(text, version string) (TagList, error) {
	if len(text) > maxText {
		return nil, ErrTooLong
	}
	if !begins(text, version) && text != "v="+version {
		return nil, fmt.Errorf("%w: it does not begin with v=%s;", ErrVersion, version)
	}
	_, rest, _ := strings.Cut(text, ";")
	var fields TagList
	seen := map[string]bool{}
	for more := true; more; {
		var field string
		field, rest, more = strings.Cut(rest, ";")
		field = strings.Trim(field, " \t")
		if field == "" && !more {
			break
		}
		name, value, ok := strings.Cut(field, "=")
		switch {
		case !ok:
			return nil, fmt.Errorf("%w: %s has no =", ErrSyntax, quote(field))
		case !fieldName(name):
			return nil, fmt.Errorf("%w: %s is not the name of a field", ErrSyntax, quote(name))
		case value == "" || !isAll(value, fieldOctet(name)):
			return nil, fmt.Errorf("field %s: %w: %s", name, ErrSyntax, quote(value))
		case seen[name]:
			if name == "rua" {
				return nil, fmt.Errorf("field rua: %w; the grammar of RFC 8460 allows that, and only some senders read it: "+
					"one rua may hold several addresses, with commas between", ErrDuplicate)
			}
			return nil, fmt.Errorf("field %s: %w", name, ErrDuplicate)
		}
		seen[name] = true
		fields = append(fields, Tag{name, value})
	}
	return fields, nil
}

// fieldName reports whether s is a letter or digit and at most 31 more of them, underscores, hyphens and dots.
func fieldName(s string) bool {
	return s != "" && len(s) <= 32 && isAlnum(s[0]) && isAll(s, func(c byte) bool { return isAlnum(c) || c == '_' || c == '-' || c == '.' })
}

// fieldOctet returns what the value of a field may hold. That is visible ASCII without the equals sign; rua holds URIs, which may have
// one, and white space around the commas between them.
func fieldOctet(name string) func(byte) bool {
	if name == "rua" {
		return func(c byte) bool { return '!' <= c && c <= '~' || c == ' ' || c == '\t' }
	}
	return func(c byte) bool { return '!' <= c && c <= '~' && c != '=' }
}

// isAll reports whether s is not empty and made of such octets.
func isAll(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return s != ""
}

// An STSMode says what a sender does where a server does not satisfy the policy.
type STSMode string

// The modes (RFC 8461 section 5).
const (
	STSEnforce STSMode = "enforce" // Do not deliver there.
	STSTesting STSMode = "testing" // Deliver, and report.
	STSNone    STSMode = "none"    // As if there were no policy.
)

// MaxSTSPolicy is how long a policy file may be, in octets. RFC 8461 section 3.3: senders may set a limit, such as 64 kilobytes.
const MaxSTSPolicy = 64 << 10

// maxSTSAge is one year of 365.25 days, the most that max_age may be (RFC 8461 section 3.2).
const maxSTSAge = 31557600

// An STSPolicy is the file at https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461 section 3.2): which servers take
// mail for the domain over TLS with a certificate that verifies, and for how long that may be relied on.
type STSPolicy struct {
	Mode   STSMode
	MX     []string      // Patterns in lower case: a host name, or one whose first label is * and stands for any one label.
	MaxAge time.Duration // In whole seconds.
	Others TagList       // Fields that the standard does not define. They mean nothing.
}

// ParseSTSPolicy reads a policy file. Errors are ErrTooLarge, ErrSyntax for a line that is no "name: value" and for values that cannot be, ErrVersion,
// ErrMissing without version, mode or max_age, or without mx unless the mode is none, and ErrDomain for a pattern of mx.
//
// RFC 8461 section 3.2: of a field that stands several times the first counts, except mx. Lines end in LF or CRLF. The grammar
// has no empty lines. Some senders pass over them (postfix-mta-sts-resolver), others refuse the policy (mox, go-mtasts): it
// is no error here, and EmptySTSLine finds them.
func ParseSTSPolicy(text string) (STSPolicy, error) {
	if len(text) > MaxSTSPolicy {
		return STSPolicy{}, fmt.Errorf("%w: more than %d octets", ErrTooLarge, MaxSTSPolicy)
	}
	p := STSPolicy{}
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), " \t")
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !fieldName(name) {
			return STSPolicy{}, fmt.Errorf("%w: %s is not a name, a colon and a value", ErrSyntax, quote(line))
		}
		value = strings.TrimLeft(value, " \t")
		if seen[name] && name != "mx" {
			continue
		}
		seen[name] = true
		if err := p.add(name, value); err != nil {
			return STSPolicy{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, name := range []string{"version", "mode", "max_age"} {
		if !seen[name] {
			return STSPolicy{}, fmt.Errorf("%s: %w", name, ErrMissing)
		}
	}
	if len(p.MX) == 0 && p.Mode != STSNone {
		return STSPolicy{}, fmt.Errorf("mx: %w", ErrMissing)
	}
	return p, nil
}

// EmptySTSLine returns the number of the first line of a policy file that has nothing in it, or nothing but white space; 0 if there is
// none.
func EmptySTSLine(text string) int {
	n := 0
	for line := range strings.Lines(text) {
		n++
		if strings.Trim(line, " \t\r\n") == "" {
			return n
		}
	}
	return 0
}

// add takes one field in.
func (p *STSPolicy) add(name, value string) error {
	switch name {
	case "version":
		if value != stsVersion {
			return fmt.Errorf("%w: %s is not %s", ErrVersion, quote(value), stsVersion)
		}
	case "mode":
		p.Mode = STSMode(value)
		if !slices.Contains([]STSMode{STSEnforce, STSTesting, STSNone}, p.Mode) {
			return fmt.Errorf("%w: %s is not enforce, testing or none", ErrSyntax, quote(value))
		}
	case "max_age":
		seconds, err := strconv.ParseUint(value, 10, 64)
		if err != nil || len(value) > 10 || !isAll(value, isDigit) || seconds > maxSTSAge {
			return fmt.Errorf("%w: %s is not a number from 0 to %d", ErrSyntax, quote(value), maxSTSAge)
		}
		p.MaxAge = time.Duration(seconds) * time.Second
	case "mx":
		pattern := strings.ToLower(value)
		if !plainHost(strings.TrimPrefix(pattern, "*.")) {
			return fmt.Errorf("%w: %s", ErrDomain, quote(value))
		}
		p.MX = append(p.MX, pattern)
	default:
		if c, ok := badPolicyOctet(value); ok || value == "" {
			return fmt.Errorf("%w: %s", ErrCharacter, quote(c))
		}
		p.Others = append(p.Others, Tag{name, value})
	}
	return nil
}

// badPolicyOctet finds an octet that the value of an unknown field may not hold. It may be UTF-8, which we do
// not look into, for nobody reads it.
func badPolicyOctet(value string) (string, bool) {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c == 0x7f {
			return value[i : i+1], true
		}
	}
	return "", false
}

// plainHost reports whether s, in lower case, is a host name of letters, digits and hyphens (RFC 5321 section 4.1.2), of A-labels
// where it is international. A dot at the end is none of it, and senders compare it as it stands.
func plainHost(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) > 63 || !isAll(label, func(c byte) bool { return isAlnum(c) || c == '-' }) || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// Covers reports whether one of the patterns matches the name of an MX record, in lower case without a dot at the end.
// RFC 8461 section 4.1: a * stands for exactly one label.
func (p STSPolicy) Covers(host string) bool {
	return slices.ContainsFunc(p.MX, func(pattern string) bool {
		if suffix, ok := strings.CutPrefix(pattern, "*."); ok {
			label, rest, found := strings.Cut(host, ".")
			return found && label != "" && rest == suffix
		}
		return pattern == host
	})
}

// String writes the file, with LF at the end of each line.
func (p STSPolicy) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: %s\nmode: %s\n", stsVersion, p.Mode)
	for _, pattern := range p.MX {
		fmt.Fprintf(&b, "mx: %s\n", pattern)
	}
	fmt.Fprintf(&b, "max_age: %d\n", p.MaxAge/time.Second)
	for _, f := range p.Others {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	return b.String()
}
