package docs

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// repliesPage is docs/replies.md.
func repliesPage(lang catalog.Lang) string {
	return made(lang, func(p *page) {
		c := catalog.Default()
		p.replyContents(c)
		p.reading(c.Reading())
		p.replyCodes(c)
		p.enhancedCodes(c)
		p.section("generic")
		for _, r := range c.Replies() {
			if r.Provider == "" {
				p.replyEntry(r)
			}
		}
		p.f("## [%s](providers%s.md)\n\n", p.label("providers"), p.suffix())
		p.section("conditions")
		for _, w := range c.Conditions() {
			p.entry(w.ID, p.text(w.Title))
			p.advice(&w.Advice)
			p.verdict(w.Verdict)
			p.f("%s: %s\n\n", p.label("lookedFor"), codeList(w.Words))
			p.references(w.References)
		}
		p.mailPrograms(c)
	})
}

// providersPage is docs/providers.md: what each provider means by its replies.
func providersPage(lang catalog.Lang) string {
	return made(lang, func(p *page) {
		p.settings = "replies" + p.suffix() + ".md"
		p.ofProviders(catalog.Default())
	})
}

// replyContents leads to everything on the page.
func (p *page) replyContents(c *catalog.Catalog) {
	p.f("**%s**\n\n", p.label("contents"))
	for _, name := range []string{"reading", "codes", "enhanced", "generic", "conditions", "settings"} {
		p.f("- [%s](#%s)\n", p.label(name), name)
	}
	p.f("- [%s](providers%s.md)\n", p.label("providers"), p.suffix())
	p.f("\n")
	p.tableHead("code", "says")
	for _, e := range c.ReplyCodes() {
		p.f("| [%d](#%s) | %s |\n", e.Code, e.ID, cell(p.text(e.Title)))
	}
	p.f("\n")
}

func (p *page) reading(r *catalog.Reading) {
	p.section("reading")
	p.f("%s\n\n", p.text(r.Code))
	table := func(name string, rows map[string]catalog.Text, form string) {
		p.tableHead(name, "means")
		for _, k := range sorted(rows) {
			p.f("| "+form+" | %s |\n", k, cell(p.text(rows[k])))
		}
		p.f("\n")
	}
	table("first", r.Digits.First, "%sxx")
	table("second", r.Digits.Second, "x%sx")
	p.f("%s\n\n%s\n\n", p.text(r.Unknown), p.text(r.Enhanced))
	table("subject", r.Subjects, "x.%s.x")
	p.f("%s\n\n%s\n\n%s\n\n", p.text(r.Provider), p.text(r.Positive), p.text(r.Lost))
	p.references(r.References)
}

func (p *page) replyCodes(c *catalog.Catalog) {
	p.section("codes")
	for _, e := range c.ReplyCodes() {
		p.entry(e.ID, fmt.Sprintf("%d: %s", e.Code, p.text(e.Title)))
		p.advice(&e.Advice)
		p.verdict(e.Verdict)
		p.references(e.References)
	}
}

func (p *page) enhancedCodes(c *catalog.Catalog) {
	p.section("enhanced")
	p.tableHead("code", "says")
	for _, e := range c.EnhancedCodes() {
		p.f("| [x.%s](#%s) | %s |\n", e.Detail, e.ID, cell(p.text(e.Title)))
	}
	p.f("\n")
	for _, e := range c.EnhancedCodes() {
		p.entry(e.ID, fmt.Sprintf("x.%s: %s", e.Detail, p.text(e.Title)))
		p.advice(&e.Advice)
		p.verdict(e.Verdict)
		p.references(e.References)
	}
}

// ofProviders writes what each provider means by its replies.
func (p *page) ofProviders(c *catalog.Catalog) {
	of := map[string][]*catalog.Reply{}
	for _, r := range c.Replies() {
		of[r.Provider] = append(of[r.Provider], r)
	}
	for _, info := range c.Providers() {
		if len(of[info.ID]) > 0 {
			p.f("- [%s](#provider_%s)\n", p.text(info.Name), info.ID)
		}
	}
	p.f("\n")
	for _, info := range c.Providers() {
		if len(of[info.ID]) == 0 {
			continue
		}
		p.f("## <a id=\"provider_%s\"></a>%s\n\n", info.ID, p.text(info.Name))
		for _, r := range of[info.ID] {
			p.replyEntry(r)
		}
	}
}

// maxPhrases is how many of the phrases by which a reply is known are shown.
const maxPhrases = 3

func (p *page) replyEntry(r *catalog.Reply) {
	p.entry(r.ID, p.text(r.Title))
	p.f("%s: %s\n\n", p.label("matches"), p.matched(&r.Match))
	p.advice(&r.Advice)
	p.verdict(r.Verdict)
	p.references(r.References)
}

// matched says in short which replies an entry is about.
func (p *page) matched(m *catalog.Match) string {
	var parts, codes []string
	for _, c := range m.Codes {
		codes = append(codes, strconv.Itoa(c))
	}
	for _, list := range [][]string{codes, ranges(m.Enhanced)} {
		if len(list) > 0 {
			parts = append(parts, codeList(list))
		}
	}
	if len(m.Text) > 0 {
		words := codeList(m.Text[:min(len(m.Text), maxPhrases)])
		if len(m.Text) > maxPhrases {
			words += " " + p.label("andMore")
		}
		parts = append(parts, p.label("words")+" "+words)
	}
	return strings.Join(parts, "; ")
}

// ranges writes runs of enhanced codes short: 4.7.500, 4.7.501, 4.7.502 is 4.7.500-4.7.502.
func ranges(codes []string) (out []string) {
	last := func(code string) (string, int) {
		i := strings.LastIndexByte(code, '.')
		n, _ := strconv.Atoi(code[i+1:])
		return code[:i], n
	}
	for i := 0; i < len(codes); {
		prefix, n := last(codes[i])
		j := i + 1
		for ; j < len(codes); j++ {
			if next, m := last(codes[j]); next != prefix || m != n+j-i {
				break
			}
		}
		if j-i > 2 {
			out = append(out, codes[i]+"-"+codes[j-1])
		} else {
			out = append(out, codes[i:j]...)
		}
		i = j
	}
	return out
}

// mailPrograms says where settings are.
func (p *page) mailPrograms(c *catalog.Catalog) {
	p.section("settings")
	for _, id := range settingIDs(c) {
		s := c.SettingByID(id)
		p.entry("setting_"+id, p.text(s.Title))
		for _, w := range s.Where {
			p.f("- %s: %s\n", w.Program, p.text(w.Path))
		}
		p.f("\n")
	}
}

// settingIDs are the settings of which entries speak, in the order of the page.
func settingIDs(c *catalog.Catalog) (out []string) {
	seen := map[string]bool{}
	add := func(a *catalog.Advice) {
		for _, id := range a.Programs {
			if !seen[id] && c.SettingByID(id) != nil {
				seen[id] = true
				out = append(out, id)
			}
		}
	}
	for _, e := range c.ReplyCodes() {
		add(&e.Advice)
	}
	for _, e := range c.EnhancedCodes() {
		add(&e.Advice)
	}
	for _, r := range c.Replies() {
		add(&r.Advice)
	}
	for _, w := range c.Conditions() {
		add(&w.Advice)
	}
	return out
}
