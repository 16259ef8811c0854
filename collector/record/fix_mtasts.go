package record

import (
	"slices"
	"strings"
	"time"
)

// FixMTASTS returns the MTA-STS record with a new id (RFC 8461 section 3.1), and with the fields of the present one that mean nothing to
// the standard, so far as they are well formed. text may be empty or broken.
func FixMTASTS(text, id string) string {
	return MTASTS{ID: id, Others: looseFields([]string{text}, "id")}.String()
}

// FixTLSRPT returns one TLS-RPT record (RFC 8460 section 3) for those at a name, of which senders use none if there are several or the one
// is broken. Reports go to every address among them that senders can use; to reports, such as "mailto:postmaster@example.org", if there is none.
func FixTLSRPT(texts []string, reports string) string {
	var r TLSRPT
	for _, text := range texts {
		for field := range strings.SplitSeq(text, ";") {
			name, value, _ := strings.Cut(field, "=")
			if !strings.EqualFold(strings.Trim(name, " \t"), "rua") {
				continue
			}
			for uri := range strings.SplitSeq(value, ",") {
				uri = unbracketed.Replace(strings.Trim(uri, " \t'"))
				if !reportURI(uri) && strings.Contains(uri, "@") {
					uri = "mailto:" + uri
				}
				if reportURI(uri) && isAll(uri, visibleASCII) && len(r.Reports) < maxFixed && !slices.Contains(r.Reports, uri) {
					r.Reports = append(r.Reports, uri)
				}
			}
		}
	}
	if r.Reports == nil {
		r.Reports = []string{reports}
	}
	r.Others = looseFields(texts, "rua")
	return r.String()
}

// maxFixed is how many fields, report addresses and patterns of a stranger's text are taken into a record to publish: more than any has.
const maxFixed = 20

// unbracketed takes away what people put around addresses.
var unbracketed = strings.NewReplacer("<", "", ">", "", `"`, "")

func visibleASCII(c byte) bool { return '!' <= c && c <= '~' }

// looseFields returns the well-formed fields of texts that may be broken, each name once, but for the version and one field.
func looseFields(texts []string, except string) TagList {
	var out TagList
	for _, text := range texts {
		for field := range strings.SplitSeq(text, ";") {
			name, value, _ := strings.Cut(strings.Trim(field, " \t"), "=")
			_, twice := out.Get(name)
			if !twice && len(out) < maxFixed && !strings.EqualFold(name, except) && !strings.EqualFold(name, "v") && fieldName(name) &&
				isAll(value, fieldOctet(name)) {
				out = append(out, Tag{name, value})
			}
		}
	}
	return out
}

// STSAge is the max_age of a policy to publish that has none that can be used.
const STSAge = 7 * 24 * time.Hour

// FixSTSPolicy returns a policy for a domain with these MX hosts whose file cannot be used (RFC 8461 section 3.2), with what can be read of
// the file. The mode is testing: senders do not heed the broken policy, and where it said enforce, mail that comes
// in today could be refused by a good one.
func FixSTSPolicy(text string, hosts []string) STSPolicy {
	var read STSPolicy
	for line := range strings.Lines(text[:min(len(text), MaxSTSPolicy)]) {
		name, value, _ := strings.Cut(strings.Trim(line, " \t\r\n"), ":")
		name = strings.ToLower(strings.TrimSpace(name))
		if full := len(read.MX) >= maxFixed; name == "max_age" || name == "mx" && !full {
			_ = read.add(name, strings.Trim(value, " \t")) // What cannot be read is left out.
		}
	}
	if read.MaxAge == 0 {
		read.MaxAge = STSAge
	}
	return STSPolicy{Mode: STSTesting, MX: slices.Compact(read.MX), MaxAge: read.MaxAge}.Cover(hosts)
}

// Cover returns the policy with a pattern for each of these hosts, in lower case, that has none.
func (p STSPolicy) Cover(hosts []string) STSPolicy {
	p.MX = slices.Clip(p.MX)
	for _, host := range hosts {
		if !p.Covers(host) {
			p.MX = append(p.MX, host)
		}
	}
	return p
}
