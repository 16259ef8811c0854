package record

import (
	"slices"
	"strings"
)

// FixDMARC returns a DMARC record without what is wrong with it or missing from it, changed as little as that takes. reports is a
// report address such as "mailto:postmaster@example.org", added where the record asks for no reports; "" adds none.
//
// The policy is never stricter than what receivers make of the record today (RFC 9989 section 4.10.1): where they take it
// for none, or pass over the record, it becomes p=none. A pct below 100 stays, since without it older receivers
// would apply the policy to more messages.
//
// The result is "" if the text is no DMARC record.
func FixDMARC(text, reports string) string {
	if !IsDMARC(text) || len(text) > maxText {
		return ""
	}
	_, rest, _ := strings.Cut(text, ";")
	var tags TagList
	invalid := false // p, sp or np is, or p is missing.
	for spec := range strings.SplitSeq(rest, ";") {
		tag, err := parseTag(trimFWS(spec))
		name := strings.ToLower(tag.Name)
		if err != nil || tag.Value == "" {
			tag.Name, _, _ = strings.Cut(trimFWS(spec), "=")
			name = strings.ToLower(trimFWS(tag.Name))
			invalid = invalid || name == "p" || name == "sp" || name == "np"
			continue
		}
		if _, twice := tags.getFold(name); twice || outdated(name, tag.Value) {
			continue
		}
		switch err := new(DMARC).setTag(name, tag.Value); {
		case name == "rua" || name == "ruf":
			if tag.Value = fixURIs(tag.Value); tag.Value == "" {
				continue
			}
		case err != nil && dmarcTags[name]:
			invalid = invalid || name == "p" || name == "sp" || name == "np"
			continue
		}
		tags = append(tags, tag)
	}
	return withPolicyAndReports(tags, invalid, reports).String()
}

// withPolicyAndReports puts the version and the policy first, and adds an address for reports if there is none. mild says that receivers
// take the policy for none today.
func withPolicyAndReports(tags TagList, mild bool, reports string) TagList {
	policy, ok := tags.getFold("p")
	tags = slices.DeleteFunc(tags, func(t Tag) bool {
		name := strings.ToLower(t.Name)
		return name == "p" || (mild || !ok) && (name == "sp" || name == "np")
	})
	if mild || !ok {
		policy = string(DispositionNone)
	}
	if _, there := tags.getFold("rua"); !there && reports != "" {
		tags = append(tags, Tag{"rua", reports})
	}
	return append(TagList{{"v", dmarcVersion}, {"p", policy}}, tags...)
}

// getFold is Get with the name in either case.
func (l TagList) getFold(name string) (value string, ok bool) {
	for _, t := range l {
		if strings.EqualFold(t.Name, name) {
			return t.Value, true
		}
	}
	return "", false
}

// outdated reports whether a tag of RFC 7489 can go without a change for anybody.
func outdated(name, value string) bool {
	return name == "rf" || name == "ri" || name == "pct" && value == "100"
}

// fixURIs keeps the report addresses that can be used, and puts mailto: before those that lack nothing else.
func fixURIs(value string) string {
	var good []string
	for text := range strings.SplitSeq(value, ",") {
		text = trimFWS(text)
		uri, err := dmarcURI(text)
		if err != nil {
			text = "mailto:" + text
			uri, err = dmarcURI(text)
		}
		if err == nil && uri.Host != "" && !slices.Contains(good, text) {
			good = append(good, text)
		}
	}
	return strings.Join(good, ",")
}

// MergeDMARC makes one record of several at the same name, of which receivers use none (RFC 9989 section 4.10). The mildest policy
// among them is kept, for the domain and for the names below it, and so is the looser alignment; reports go to
// the addresses of all. reports is as for FixDMARC. The result is "" if none of the texts is a DMARC record.
func MergeDMARC(texts []string, reports string) string {
	var merged DMARC
	var sub, nonexistent Disposition
	n := 0
	for _, text := range texts {
		d, err := ParseDMARC(FixDMARC(text, ""))
		if err != nil {
			continue
		}
		own, below, missing := d.Effective()
		if _, partly := d.Old.Get("pct"); partly { // Older receivers apply the next milder policy to the rest.
			own, below, missing = own.Milder(), below.Milder(), missing.Milder()
		}
		if n++; n == 1 {
			merged, sub, nonexistent = d, below, missing
			merged.Policy, merged.Testing = own, false
			continue
		}
		merged.Policy, sub, nonexistent = MilderOf(merged.Policy, own), MilderOf(sub, below), MilderOf(nonexistent, missing)
		merged.StrictDKIM, merged.StrictSPF = merged.StrictDKIM && d.StrictDKIM, merged.StrictSPF && d.StrictSPF
		merged.Aggregate, merged.Failure = addURIs(merged.Aggregate, d.Aggregate), addURIs(merged.Failure, d.Failure)
		if merged.PSD != d.PSD {
			merged.PSD = ""
		}
	}
	if n == 0 {
		return ""
	}
	merged.Subdomains, merged.Nonexistent, merged.Old = "", "", nil
	if sub != merged.Policy {
		merged.Subdomains = sub
	}
	if nonexistent != sub {
		merged.Nonexistent = nonexistent
	}
	return FixDMARC(merged.String(), reports)
}

// Effective returns what a record without errors asks for: for the domain that it stands at, and for names below it that exist and
// that do not.
func (d DMARC) Effective() (own, sub, nonexistent Disposition) {
	own, sub, nonexistent = d.Policy, d.Subdomains, d.Nonexistent
	if sub == "" {
		sub = own
	}
	if nonexistent == "" {
		nonexistent = sub
	}
	if d.Testing {
		own, sub, nonexistent = own.Milder(), sub.Milder(), nonexistent.Milder()
	}
	return own, sub, nonexistent
}

// MilderOf returns the milder of two dispositions.
func MilderOf(a, b Disposition) Disposition {
	order := []Disposition{DispositionNone, DispositionQuarantine, DispositionReject}
	return order[min(slices.Index(order, a), slices.Index(order, b))]
}

func addURIs(to, uris []ReportURI) []ReportURI {
	for _, u := range uris {
		if !slices.Contains(to, u) {
			to = append(slices.Clip(to), u)
		}
	}
	return to
}
