package record

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// A DMARC is what a domain asks of those who receive letters with its name in From, at _dmarc.DOMAIN (RFC 9989
// section 4.7). It holds what is right in a record; the rest, and tags that nobody defined, mean nothing.
type DMARC struct {
	Policy      Disposition // Tag p, for the domain itself. "" if it is missing or wrong.
	Subdomains  Disposition // Tag sp, for names below it that exist. "": as Policy.
	Nonexistent Disposition // Tag np, for names below it that do not exist. "": as Subdomains.
	Testing     bool        // Tag t=y: the next milder policy is to be applied.
	StrictDKIM  bool        // Tag adkim=s: the domain that signed must be that of From, a relative will not do.
	StrictSPF   bool        // Tag aspf=s: the same of the envelope's sender.
	PSD         PSD         // Tag psd.
	Aggregate   []ReportURI // Tag rua: where daily reports go.
	Failure     []ReportURI // Tag ruf: where reports on single letters go.
	Options     []string    // Tag fo: when those are wanted: "0", "1", "d", "s". nil: "0".
	Old         TagList     // Tags pct, rf and ri, in lower case: RFC 9989 ended them, and older receivers obey.
	Others      TagList     // Tags that nobody defined, as written.
}

// A Disposition is what is to be done with a letter that fails DMARC.
type Disposition string

// The dispositions, from the mildest to the strictest.
const (
	DispositionNone       Disposition = "none"       // Nothing but a report.
	DispositionQuarantine Disposition = "quarantine" // To treat it as suspicious, mostly as spam.
	DispositionReject     Disposition = "reject"     // To refuse it.
)

// Milder returns the next milder disposition, which t=y asks for (RFC 9989 section 4.7).
func (d Disposition) Milder() Disposition {
	if d == DispositionReject {
		return DispositionQuarantine
	}
	return DispositionNone
}

// A PSD says what a domain is in the tree of names.
type PSD string

// What a domain may be. Most do not say, and their place in the tree decides.
const (
	PSDYes     PSD = "y" // A public suffix, below which everybody registers names.
	PSDNo      PSD = "n" // The top of an organisation.
	PSDUnknown PSD = "u" // As if nothing were said.
)

// A ReportURI is an address for reports.
type ReportURI struct {
	URI   string // As written, without the limit.
	Host  string // In lower case: the domain of a mailto address; "" of another scheme, to which nobody reports.
	Limit string // How long a report may be, "10m", as written after an exclamation mark. RFC 9989 ended it. Mostly "".
}

// Mail reports whether reports are sent there. RFC 9989 section 4.7: mailto is the one scheme that has a meaning.
func (u ReportURI) Mail() bool { return u.Host != "" }

// String writes the address as it stands in a record.
func (u ReportURI) String() string {
	if u.Limit == "" {
		return u.URI
	}
	return u.URI + "!" + u.Limit
}

// A TagError is a mistake in a tag.
type TagError struct {
	Tag string // Its name in lower case; "" if what is there has no name.
	Err error  // Wraps one of the kinds of errors.
}

func (e *TagError) Error() string {
	switch {
	case e.Tag == "":
		return e.Err.Error()
	case dmarcTags[e.Tag]:
		return "tag " + e.Tag + ": " + e.Err.Error()
	}
	return "tag " + quote(e.Tag) + ": " + e.Err.Error()
}

func (e *TagError) Unwrap() error { return e.Err }

// DMARCErrors are the mistakes of a record in the order of its text, at most 20 of them.
type DMARCErrors []*TagError

func (e DMARCErrors) Error() string {
	var texts []string
	for _, t := range e {
		texts = append(texts, t.Error())
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns every mistake.
func (e DMARCErrors) Unwrap() []error {
	var all []error
	for _, t := range e {
		all = append(all, t)
	}
	return all
}

// Has reports whether there is a mistake in the value of one of the tags, or it is missing. A tag that stands twice
// still has its first value.
func (e DMARCErrors) Has(tags ...string) bool {
	return slices.ContainsFunc(e, func(t *TagError) bool {
		return slices.Contains(tags, t.Tag) && !errors.Is(t.Err, ErrDuplicate)
	})
}

const dmarcVersion = "DMARC1"

// IsDMARC reports whether a TXT record counts as one of DMARC. RFC 9989 section 4.10: those whose first tag is not v with
// exactly the value DMARC1 are discarded before they are counted. The grammar (section 4.8) has white space around the
// equals sign and before the semicolon, and none before the v. Receivers differ there: rspamd and mox discard
// such a record, OpenDMARC takes it. What only some take does not count here.
func IsDMARC(text string) bool {
	spec, _, _ := strings.Cut(text, ";")
	name, value, ok := strings.Cut(spec, "=")
	return ok && len(text) <= maxText && strings.EqualFold(strings.TrimRight(name, " \t\r\n"), "v") && trimFWS(value) == dmarcVersion
}

// ParseDMARC reads a DMARC record. The error is ErrVersion if it is none (IsDMARC), ErrTooLong, or DMARCErrors with every
// mistake, and the record then holds what is right: RFC 9989 section 4.7 has receivers go on without what they
// cannot read. A p that is missing is a mistake, since older receivers do nothing without it (RFC 7489 section
// 6.3). The names and the words of tags may be in either case (section 4.8).
func ParseDMARC(text string) (DMARC, error) {
	if len(text) > maxText {
		return DMARC{}, ErrTooLong
	}
	if !IsDMARC(text) {
		return DMARC{}, fmt.Errorf("%w: %s does not begin with v=DMARC1 and a semicolon", ErrVersion, quote(text))
	}
	var d DMARC
	var mistakes DMARCErrors
	mistake := func(tag string, err error) {
		if len(mistakes) < maxErrors {
			mistakes = append(mistakes, &TagError{tag, err})
		}
	}
	seen := map[string]bool{"v": true}
	_, rest, more := strings.Cut(text, ";")
	for more {
		var spec string
		spec, rest, more = strings.Cut(rest, ";")
		if spec = trimFWS(spec); spec == "" && !more {
			break
		}
		name, err := d.readTag(spec, seen)
		if err != nil {
			mistake(name, err)
		}
	}
	if !seen["p"] {
		mistake("p", ErrMissing)
	}
	if mistakes == nil {
		return d, nil
	}
	return d, mistakes
}

// readTag reads what stands between two semicolons. It returns the name of the tag in lower case, if it has one.
func (d *DMARC) readTag(spec string, seen map[string]bool) (name string, err error) {
	tag, err := parseTag(spec)
	if err != nil {
		// The name counts for a mistake in the value, so that a p that cannot be read is not a p that is missing.
		name, _, _ = strings.Cut(spec, "=")
		if name = strings.ToLower(trimFWS(name)); !dmarcTags[name] {
			return "", err
		}
		seen[name] = true
		kind := ErrSyntax
		if errors.Is(err, ErrCharacter) {
			kind = ErrCharacter
		}
		return name, fmt.Errorf("%w: %s", kind, quote(spec))
	}
	name = strings.ToLower(tag.Name)
	if !dmarcTags[name] {
		if seen[name] {
			return name, ErrDuplicate
		}
		seen[name] = true
		d.Others = append(d.Others, tag)
		return name, nil
	}
	if seen[name] {
		return name, ErrDuplicate
	}
	seen[name] = true
	if tag.Value == "" {
		return name, fmt.Errorf("%w: it has no value", ErrSyntax)
	}
	return name, d.setTag(name, tag.Value)
}

// dmarcTags are the tags that mean something, or did.
var dmarcTags = map[string]bool{
	"v": true, "p": true, "sp": true, "np": true, "t": true, "adkim": true, "aspf": true, "psd": true, "rua": true, "ruf": true,
	"fo": true, "pct": true, "rf": true, "ri": true,
}

// setTag takes over the value of a tag that means something.
func (d *DMARC) setTag(name, value string) (err error) {
	word := strings.ToLower(value)
	switch name {
	case "p":
		d.Policy, err = oneOf(value, DispositionNone, DispositionQuarantine, DispositionReject)
	case "sp":
		d.Subdomains, err = oneOf(value, DispositionNone, DispositionQuarantine, DispositionReject)
	case "np":
		d.Nonexistent, err = oneOf(value, DispositionNone, DispositionQuarantine, DispositionReject)
	case "psd":
		d.PSD, err = oneOf(value, PSDYes, PSDNo, PSDUnknown)
	case "t":
		_, err = oneOf(value, "y", "n")
		d.Testing = word == "y"
	case "adkim":
		_, err = oneOf(value, "r", "s")
		d.StrictDKIM = word == "s"
	case "aspf":
		_, err = oneOf(value, "r", "s")
		d.StrictSPF = word == "s"
	case "rua":
		d.Aggregate, err = reportURIs(value)
	case "ruf":
		d.Failure, err = reportURIs(value)
	case "fo":
		d.Options, err = failureOptions(word)
	default:
		d.Old = append(d.Old, Tag{name, value})
	}
	return err
}

// oneOf reads a word in either case.
func oneOf[T ~string](value string, words ...T) (T, error) {
	for _, w := range words {
		if strings.EqualFold(value, string(w)) {
			return w, nil
		}
	}
	return "", fmt.Errorf("%w: %s is not one of %v", ErrSyntax, quote(value), words)
}

// failureOptions reads the words of fo.
func failureOptions(value string) ([]string, error) {
	var options []string
	for word := range strings.SplitSeq(value, ":") {
		word, err := oneOf(trimFWS(word), "0", "1", "d", "s")
		if err != nil {
			return nil, err
		}
		options = append(options, word)
	}
	return options, nil
}

// reportURIs reads addresses between commas. It returns the good ones and the first mistake.
func reportURIs(value string) (uris []ReportURI, first error) {
	for text := range strings.SplitSeq(value, ",") {
		uri, err := dmarcURI(trimFWS(text))
		if err == nil {
			uris = append(uris, uri)
		} else if first == nil {
			first = err
		}
	}
	return uris, first
}

// dmarcURI reads an address for reports. RFC 9989 section 4.8: commas, semicolons and exclamation marks within it are written
// as %2C, %3B and %21. The one scheme that reports are sent by is mailto.
func dmarcURI(text string) (ReportURI, error) {
	uri, limit, limited := strings.Cut(text, "!")
	if limited && !reportLimit(limit) {
		return ReportURI{}, fmt.Errorf("%w: %s has no number after the exclamation mark", ErrSyntax, quote(text))
	}
	if strings.ContainsAny(uri, " \t\r\n") {
		return ReportURI{}, fmt.Errorf("%w: %s has a space in it", ErrSyntax, quote(text))
	}
	parsed, err := url.Parse(uri)
	switch {
	case err != nil:
		return ReportURI{}, fmt.Errorf("%w: %s is not a URI", ErrSyntax, quote(text))
	case parsed.Scheme == "":
		return ReportURI{}, fmt.Errorf("%w: %s has no mailto: before it", ErrSyntax, quote(text))
	case parsed.Scheme != "mailto":
		return ReportURI{URI: uri, Limit: limit}, nil
	}
	address, err := url.PathUnescape(parsed.Opaque)
	at := strings.LastIndexByte(address, '@')
	if err != nil || at < 1 {
		return ReportURI{}, fmt.Errorf("%w: %s has no mail address", ErrSyntax, quote(text))
	}
	host := strings.ToLower(address[at+1:])
	if !dmarcHost(host) {
		return ReportURI{}, fmt.Errorf("%w: %s in %s", ErrDomain, quote(host), quote(text))
	}
	return ReportURI{uri, host, limit}, nil
}

// reportLimit reports whether s is the longest that a report may be (RFC 7489 section 6.4): a number, and k, m, g or t.
func reportLimit(s string) bool {
	digits := strings.TrimRight(s, "0123456789kKmMgGtT")
	number := strings.TrimRight(s, "kKmMgGtT")
	return digits == "" && number != "" && len(s)-len(number) <= 1 && strings.Trim(number, "0123456789") == ""
}

// dmarcHost reports whether s is a domain of mail, in lower case and A-labels.
func dmarcHost(s string) bool {
	labels := strings.Split(s, ".")
	return len(s) <= 253 && len(labels) > 1 && !slices.ContainsFunc(labels, func(label string) bool {
		bad := func(c rune) bool { return c > '~' || !isAlnum(byte(c)) && c != '-' && c != '_' }
		return label == "" || len(label) > 63 || label[0] == '-' || strings.ContainsFunc(label, bad)
	})
}

// String writes the record in canonical form, v and p first, without what is the default.
func (d DMARC) String() string {
	tags := TagList{{"v", dmarcVersion}}
	add := func(name, value string) {
		if value != "" {
			tags = append(tags, Tag{name, value})
		}
	}
	set := func(name string, is bool, value string) {
		if is {
			add(name, value)
		}
	}
	add("p", string(d.Policy))
	add("sp", string(d.Subdomains))
	add("np", string(d.Nonexistent))
	set("t", d.Testing, "y")
	set("adkim", d.StrictDKIM, "s")
	set("aspf", d.StrictSPF, "s")
	add("psd", string(d.PSD))
	add("rua", joinURIs(d.Aggregate))
	add("ruf", joinURIs(d.Failure))
	add("fo", strings.Join(d.Options, ":"))
	return append(append(tags, d.Old...), d.Others...).String()
}

func joinURIs(uris []ReportURI) string {
	var texts []string
	for _, u := range uris {
		texts = append(texts, u.String())
	}
	return strings.Join(texts, ",")
}
