package record

import (
	"net/netip"
	"slices"
	"strings"
)

// NewSPF returns a record that authorises addresses, and calls all others suspicious.
func NewSPF(addrs []netip.Addr) string {
	return AuthoriseSPF(spfVersion+" ~all", addrs)
}

// AuthoriseSPF returns an SPF record with addresses in front of its terms, where nothing can match before them. An address that
// stands there already is not added again.
func AuthoriseSPF(text string, addrs []netip.Addr) string {
	terms := strings.Fields(text)
	var added []string
	for _, addr := range addrs {
		d := Directive{Qualifier: Pass, Mechanism: IP4, Network: netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())}
		if addr.Unmap().Is6() {
			d.Mechanism = IP6
		}
		if term := d.String(); !slices.Contains(added, term) && (len(terms) < 2 || terms[1] != term) {
			added = append(added, term)
		}
	}
	return strings.Join(slices.Insert(terms, 1, added...), " ")
}

// SoftenSPF returns an SPF record that ends in ~all, in place of an all that passes everybody, of ?all, or of nothing. A
// record that ends in ~all, in -all, or in a redirect, which decides then, comes back as it is, and so does what is no valid SPF record.
func SoftenSPF(text string) string {
	spf, err := ParseSPF(text)
	if err != nil {
		return text
	}
	all, _, found := spf.All()
	switch {
	case !found && spf.Redirect != nil, found && (all.Qualifier == SoftFail || all.Qualifier == Fail):
		return text
	case !found:
		return strings.Join(append(strings.Fields(text), "~all"), " ")
	}
	terms := strings.Fields(text)
	i := slices.IndexFunc(terms, endsAll)
	terms[i] = "~all"
	return strings.Join(terms, " ")
}

// endsAll reports whether a term is the mechanism all.
func endsAll(term string) bool { return strings.EqualFold(strings.TrimLeft(term, "+-~?"), string(All)) }

// MergeSPF makes one record of several at the same name, which receivers take for an error (RFC 7208 section 4.5): all their
// mechanisms in their order, each once, then the mildest of their ends. The record of a redirect is included in place of it, so that
// the addresses that it passes still pass. The result is "" if one of the texts is no valid SPF record.
func MergeSPF(texts []string) string {
	terms := []string{spfVersion}
	var modifiers []string
	end := Fail
	for _, text := range texts {
		spf, err := ParseSPF(text)
		if err != nil {
			return ""
		}
		all, place, found := spf.All()
		for _, d := range spf.Directives[:place] {
			terms = addTerm(terms, d.String())
		}
		if !found && spf.Redirect != nil {
			terms = addTerm(terms, string(Include)+":"+spf.Redirect.String())
			all.Qualifier = SoftFail // What the other record says of everybody else is not known here.
		}
		end = mildestEnd(end, all.Qualifier)
		if spf.Exp != nil && modifiers == nil {
			modifiers = append(modifiers, "exp="+spf.Exp.String())
		}
	}
	return strings.Join(append(append(terms, string(rune(end))+string(All)), modifiers...), " ")
}

func addTerm(terms []string, term string) []string {
	if slices.Contains(terms, term) {
		return terms
	}
	return append(terms, term)
}

// mildestEnd returns what two ends together say of everybody else. One that passes everybody is no reason to go on doing so: it
// counts as the mildest that does not. One that is missing is neutral (RFC 7208 section 4.7).
func mildestEnd(a, b Qualifier) Qualifier {
	order := []Qualifier{Neutral, SoftFail, Fail} // A Pass, and 0 for none, are not in it and count as Neutral.
	return order[min(max(slices.Index(order, a), 0), max(slices.Index(order, b), 0))]
}
