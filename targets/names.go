package targets

import (
	"errors"
	"net/netip"
	"regexp"
	"strings"

	"golang.org/x/net/idna"
)

// international turns names with letters beyond ASCII into the form that DNS holds (RFC 5891:
// A-labels), lower case and with full-width dots as dots. Which ASCII is good is decided here,
// since hosts with an underscore or with hyphens in odd places exist and answer.
var international = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false),
	idna.StrictDomainName(false), idna.CheckHyphens(false), idna.VerifyDNSLength(true))

var (
	labelForm   = regexp.MustCompile(`^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$`)
	allDigits   = regexp.MustCompile(`^[0-9]+$`)
	errHostName = errors.New("want a host name such as mx.example.org")
)

// parseName reads a DNS name in either form, A-labels or letters of any script, and returns it in A-labels and
// lower case, without a dot at the end.
func parseName(s string) (string, error) {
	name, err := international.ToASCII(strings.TrimSuffix(s, "."))
	if err != nil || name == "" || len(name) > 253 {
		return "", errHostName
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if !labelForm.MatchString(label) {
			return "", errHostName
		}
		last = label
	}
	if allDigits.MatchString(last) {
		return "", errors.New("want an IP address or a name; this is neither")
	}
	return name, nil
}

// parseHost reads a name or an address; a is valid for an address. An IPv6 address may stand in brackets.
func parseHost(s string) (name string, a netip.Addr, err error) {
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	if _, e := netip.ParseAddr(bare); e == nil {
		if a, err = parseAddr(bare); err != nil {
			return "", a, err
		}
		return a.String(), a, nil
	}
	name, err = parseName(s)
	return name, netip.Addr{}, err
}

// hostOnly is parseHost for readers that need the text alone.
func hostOnly(s string) (string, error) {
	name, _, err := parseHost(s)
	return name, err
}

// parseDomain reads a mail domain.
func parseDomain(s string) (string, error) {
	if strings.Contains(s, "@") {
		return "", errors.New("want a mail domain such as example.org, without what stands before the @")
	}
	name, err := parseName(s)
	if err != nil || !strings.Contains(name, ".") {
		return "", errors.New("want a mail domain such as example.org")
	}
	return name, nil
}

// parseHeloName reads the name for EHLO. RFC 5321 section 4.1.1.1: a fully qualified domain name. A name that
// means something only on this machine or in its cluster is refused by many servers.
func parseHeloName(s string) (string, error) {
	wanted := errors.New("want the fully qualified name of this machine as DNS knows it, such as probe.example.net")
	name, err := parseName(s)
	if err != nil || !strings.Contains(name, ".") || strings.Contains(name, "_") || strings.HasPrefix(name, "localhost.") {
		return "", wanted
	}
	for _, suffix := range []string{".localhost", ".localdomain", ".cluster.local"} {
		if strings.HasSuffix(name, suffix) {
			return "", wanted
		}
	}
	return name, nil
}

var (
	selectorForm  = regexp.MustCompile(`^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$`)
	localPartForm = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$")
)

// parseSelector reads a DKIM selector (RFC 6376 section 3.1: one label or several).
func parseSelector(s string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if strings.HasSuffix(name, "._domainkey") || strings.Contains(name, "._domainkey.") {
		return "", errors.New("want the selector alone, the s= of a DKIM-Signature")
	}
	if len(name) > 200 || !selectorForm.MatchString(name) {
		return "", errors.New("want a selector such as s2026a, the s= of a DKIM-Signature")
	}
	for label := range strings.SplitSeq(name, ".") {
		if !labelForm.MatchString(label) {
			return "", errors.New("want a selector such as s2026a, the s= of a DKIM-Signature")
		}
	}
	return name, nil
}

// parseMailbox reads a mail address (RFC 5321 section 4.1.2, without quoted local parts).
func parseMailbox(s string) (string, error) {
	wanted := errors.New("want a mail address such as postmaster@example.org")
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || !localPartForm.MatchString(s[:at]) {
		return "", wanted
	}
	domain, err := parseName(s[at+1:])
	if err != nil {
		return "", wanted
	}
	return s[:at] + "@" + domain, nil
}

// reservedLabels stand on mailprobe_target_info or mailprobe_problem already, or are set by Prometheus itself.
var reservedLabels = map[string]string{
	"target": "", "kind": "", "source": "", "module": "", "role": "", "owner": "",
	"check": "", "problem": "", "severity": "",
	"job": "Prometheus", "instance": "Prometheus",
}

var labelNameForm = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// parseLabelName reads the name of a label that the operator adds.
func parseLabelName(s string) (string, error) {
	by, reserved := reservedLabels[s]
	switch {
	case !labelNameForm.MatchString(s) || len(s) > 128:
		return "", errors.New("want a label name of letters, digits and underscores that does not begin with a digit")
	case strings.HasPrefix(s, "__"):
		return "", errors.New("label names that begin with __ are Prometheus' own; want another")
	case by != "":
		return "", errors.New("the label is one that Prometheus sets itself; want another name")
	case reserved:
		return "", errors.New("the label is one that the exporter sets itself; want another name")
	}
	return s, nil
}
