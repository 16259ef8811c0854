package docs

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// blocklistsPage is docs/blocklists.md: a table of the lists that live, then each one, then the dead ones.
func blocklistsPage(lang catalog.Lang) string {
	var living, good, dead []*catalog.Blocklist
	for _, b := range catalog.Default().Blocklists() {
		switch {
		case b.Dead != nil:
			dead = append(dead, b)
		case slices.Contains(b.Groups, "whitelists"):
			good = append(good, b)
		default:
			living = append(living, b)
		}
	}
	return made(lang, func(p *page) {
		p.f("**%s**\n\n", p.label("contents"))
		for _, name := range []string{"living", "whitelists", "dead"} {
			p.f("- [%s](#%s)\n", p.label(name), name)
		}
		p.f("\n")
		p.listTable(slices.Concat(living, good))
		p.section("living")
		for _, b := range living {
			p.blocklist(b)
		}
		p.section("whitelists")
		for _, b := range good {
			p.blocklist(b)
		}
		p.section("dead")
		for _, b := range dead {
			p.deadList(b)
		}
	})
}

// listTable is a table of lists that leads to their sections.
func (p *page) listTable(lists []*catalog.Blocklist) {
	p.tableHead("zone", "kinds", "groups", "needs")
	for _, b := range lists {
		p.f("| [`%s`](#%s) %s | %s | %s | %s |\n", b.ID, b.ID, b.Zone, strings.Join(b.Kinds, ", "), strings.Join(b.Groups, ", "), p.needs(b))
	}
	p.f("\n")
}

// needs is what a list wants before it can be asked.
func (p *page) needs(b *catalog.Blocklist) string {
	switch {
	case b.NeedsKey():
		return p.label("key")
	case b.Registration != "":
		return p.label("registration")
	}
	return ""
}

func (p *page) blocklist(b *catalog.Blocklist) {
	p.entry(b.ID, code(b.ID)+": "+p.text(b.Title))
	p.f("%s\n\n", p.text(b.Lists))
	fact := func(label, value string) {
		if value != "" {
			p.f("- %s: %s\n", p.label(label), value)
		}
	}
	fact("zoneLabel", code(b.Zone))
	if b.KeyedZone != "" {
		fact("keyed", code(b.KeyedZone)+" (`blocklists.keys."+b.KeyName+"`)")
	}
	fact("kindsLabel", strings.Join(b.Kinds, ", "))
	fact("groupsLabel", strings.Join(b.Groups, ", "))
	fact("scope", p.scope(b.Scope))
	if b.Registration != "" {
		fact("registerAt", "<"+b.Registration+">")
	}
	if b.QueriesPerDay > 0 {
		fact("queries", strconv.Itoa(b.QueriesPerDay))
	}
	fact("testPoints", p.testPoints(b))
	fact("refusals", codeList(b.Refusals))
	p.f("\n")
	p.answers(b)
	p.help(b.Causes, p.examples(b.Remedies, nil))
	if text := p.text(b.Removal.Text); text != "" {
		p.f("**%s**\n\n", p.label("removal"))
		if b.Removal.URL != "" {
			text = "<" + b.Removal.URL + "> " + text
		}
		p.f("%s\n\n", text)
	}
	if text := p.text(b.Terms); text != "" {
		p.f("**%s**\n\n%s\n\n", p.label("terms"), text)
	}
	p.references(b.References)
}

func (p *page) scope(s string) string {
	switch s {
	case "":
		return ""
	case "provider":
		return p.label("scopeProvider")
	}
	return p.label(s)
}

// testPoints says by what one sees that a list is alive.
func (p *page) testPoints(b *catalog.Blocklist) string {
	if b.NoTest {
		return p.label("none")
	}
	var parts []string
	if b.MustList != "" {
		parts = append(parts, code(b.MustList)+" "+p.label("mustList"))
	}
	if b.MustNotList != "" {
		parts = append(parts, code(b.MustNotList)+" "+p.label("mustNotList"))
	}
	return cmp.Or(strings.Join(parts, ", "), p.label("usual"))
}

// answers is the table of what a list's answers mean.
func (p *page) answers(b *catalog.Blocklist) {
	if len(b.Codes)+len(b.Bits)+len(b.Good) == 0 {
		return
	}
	p.tableHead("answer", "meaning", "severity", "says")
	row := func(answer string, c catalog.Code, severity string) {
		p.f("| %s | `%s` | %s | %s |\n", answer, c.Meaning, severity, cell(p.text(c.Text)))
	}
	severity := func(c catalog.Code) string {
		if c.NonMTA != "" && c.NonMTA != c.Severity {
			return string(c.Severity) + "; " + string(c.NonMTA) + " " + p.label("nonMTA")
		}
		return string(c.Severity)
	}
	for _, a := range addresses(b.Codes) {
		row(a, b.Codes[a], severity(b.Codes[a]))
	}
	for _, bit := range slices.Sorted(maps.Keys(b.Bits)) {
		row(p.label("bit")+" "+strconv.Itoa(int(bit)), b.Bits[bit], severity(b.Bits[bit]))
	}
	for _, a := range addresses(b.Good) {
		row(a, b.Good[a], p.label("good"))
	}
	p.f("\n")
}

// addresses are the answers of a list in their order.
func addresses(codes map[string]catalog.Code) []string {
	return slices.SortedFunc(maps.Keys(codes), func(a, b string) int {
		x, _ := netip.ParseAddr(a)
		y, _ := netip.ParseAddr(b)
		return cmp.Or(x.Compare(y), cmp.Compare(a, b))
	})
}

func (p *page) deadList(b *catalog.Blocklist) {
	p.entry(b.ID, code(b.ID)+": "+p.text(b.Title))
	since := p.label("gone")
	if b.Dead.Since != "" {
		since = p.label("since") + " " + b.Dead.Since
	}
	p.f("%s, %s. %s\n\n%s\n\n", code(b.Zone), since, p.text(b.Dead.Text), p.text(b.Lists))
	p.help(b.Causes, p.examples(b.Remedies, nil))
	p.references(b.References)
}
