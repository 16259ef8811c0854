package targets

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// catalogFiles reads the operator's own entries of the catalogue. A mistake in them is one of the configuration: verdicts that
// suddenly mean something else are worse than the old configuration.
func (p *parser) catalogFiles(v value) {
	var own ownEntries
	p.cfg.CatalogFiles = readList(v, func(s string) (string, error) {
		g, err := p.doc.globUnder(s)
		if err != nil {
			return "", err
		}
		for _, file := range expand([]string{g}) {
			text, err := readRegular(file)
			if err != nil {
				return "", fmt.Errorf("%s cannot be read: %s", filepath.Base(file), reason(err))
			}
			doc, err := newDocument(file)
			if err != nil {
				return "", err
			}
			if root, ok := doc.parse(text); ok {
				own.read(root)
			}
			p.doc.errs = append(p.doc.errs, doc.errs...)
		}
		return g, nil
	})
	if len(own.replies)+len(own.lists) == 0 || len(p.doc.errs) > 0 {
		return
	}
	c, err := catalog.Default().With(own.replies, own.lists)
	if err != nil {
		for mistake := range strings.Lines(err.Error()) {
			v.fail("%s", strings.TrimSuffix(mistake, "\n"))
		}
		return
	}
	p.cfg.catalog = c
}

// Catalog is what replies, problems and blocklists mean: the program's own catalogue and before it the entries of
// catalog_files.
func (c *Config) Catalog() *catalog.Catalog {
	if c.catalog == nil {
		return catalog.Default()
	}
	return c.catalog
}

// ownEntries are entries that the operator wrote, in the form of the catalogue's own files.
type ownEntries struct {
	replies []*catalog.Reply
	lists   []*catalog.Blocklist
}

func (o *ownEntries) read(root value) {
	m := root.mapping("replies", "blocklists")
	m.at("replies", func(v value) {
		for _, item := range v.list() {
			o.replies = append(o.replies, readReply(item))
		}
	})
	m.at("blocklists", func(v value) {
		for _, item := range v.list() {
			o.lists = append(o.lists, readBlocklist(item))
		}
	})
}

// readAdvice reads what an entry tells people. keys are those of its mapping beside these.
func readAdvice(v value, a *catalog.Advice, keys ...string) mapping {
	m := v.mapping(append([]string{"id", "title", "meaning", "causes", "remedies", "references", "programs"}, keys...)...)
	m.need("id", "id: our_relay_full", func(v value) { readInto(v, &a.ID, word) })
	m.need("title", `title: {en: "...", ru: "..."}`, func(v value) { a.Title = readText(v) })
	m.need("meaning", `meaning: {en: "...", ru: "..."}`, func(v value) { a.Meaning = readText(v) })
	m.need("causes", `causes: [{en: "...", ru: "..."}]`, func(v value) { a.Causes = readTexts(v) })
	m.need("remedies", `remedies: [{en: "...", ru: "..."}]`, func(v value) { a.Remedies = readRemedies(v) })
	m.need("references", `references: ["RFC 5321 section 4.2"]`, func(v value) { a.References = readList(v, anyText) })
	m.at("programs", func(v value) { a.Programs = readList(v, word) })
	return m
}

func readReply(v value) *catalog.Reply {
	r := &catalog.Reply{}
	m := readAdvice(v, &r.Advice, "provider", "match", "sure", "general", "cause", "retry", "actor")
	m.at("provider", func(v value) { readInto(v, &r.Provider, word) })
	m.at("sure", func(v value) { v.boolean(&r.Sure) })
	m.at("general", func(v value) { v.boolean(&r.General) })
	m.need("cause", "cause: policy", func(v value) { readInto(v, &r.Cause, oneOf(catalog.Causes()...)) })
	m.need("retry", `retry: "no"`, func(v value) {
		readInto(v, &r.Retry, oneOf(catalog.RetryYes, catalog.RetryNo, catalog.RetryLater))
	})
	m.need("actor", "actor: sender", func(v value) {
		readInto(v, &r.Actor, oneOf(catalog.ActorSender, catalog.ActorRecipient, catalog.ActorProvider, catalog.ActorNetwork))
	})
	m.need("match", `match: {codes: [550], text: ["..."]}`, func(v value) {
		m := v.mapping("codes", "enhanced", "text", "near", "also", "not", "blocklist")
		m.at("codes", func(v value) { r.Match.Codes = readList(v, replyCode) })
		m.at("enhanced", func(v value) { r.Match.Enhanced = readList(v, anyText) })
		m.at("text", func(v value) { r.Match.Text = readList(v, anyText) })
		m.at("near", func(v value) { r.Match.Near = readList(v, anyText) })
		m.at("also", func(v value) { r.Match.Also = readList(v, anyText) })
		m.at("not", func(v value) { r.Match.Not = readList(v, anyText) })
		m.at("blocklist", func(v value) { v.boolean(&r.Match.Blocklist) })
	})
	return r
}

// replyCode reads a three-digit code.
func replyCode(s string) (int, error) {
	if n, err := strconv.Atoi(s); err == nil && 200 <= n && n <= 599 {
		return n, nil
	}
	return 0, fmt.Errorf("want a reply code from 200 to 599")
}

func readBlocklist(v value) *catalog.Blocklist {
	b := &catalog.Blocklist{}
	m := v.mapping("id", "zone", "kinds", "registered", "key", "keyed_zone", "codes", "good", "bits", "refusals", "must_list", "must_not_list", "no_test", "groups",
		"registration", "queries_per_day", "names", "scope", "title", "lists", "terms", "removal", "page", "causes", "remedies", "references")
	m.need("id", "id: corporate", func(v value) { readInto(v, &b.ID, word) })
	m.need("zone", "zone: bl.example.net", func(v value) { readInto(v, &b.Zone, customZone) })
	m.need("kinds", "kinds: [ipv4]", func(v value) { b.Kinds = readList(v, oneOf("ipv4", "ipv6", "domain")) })
	m.at("registered", func(v value) { v.boolean(&b.Registered) })
	m.at("key", func(v value) { readInto(v, &b.KeyName, word) })
	m.at("keyed_zone", func(v value) { readInto(v, &b.KeyedZone, customZone) })
	if m.has("bits") {
		m.at("bits", func(v value) { b.Bits = readBits(v) })
	} else {
		readAnswers(m, b)
	}
	m.at("must_list", func(v value) { readInto(v, &b.MustList, hostOnly) })
	m.at("must_not_list", func(v value) { readInto(v, &b.MustNotList, hostOnly) })
	m.at("no_test", func(v value) { v.boolean(&b.NoTest) })
	m.at("groups", func(v value) { b.Groups = readList(v, word) })
	m.at("registration", func(v value) { readInto(v, &b.Registration, webAddress) })
	m.at("queries_per_day", func(v value) { perDay(v, &b.QueriesPerDay) })
	m.at("names", func(v value) { b.Names = readList(v, anyText) })
	m.need("scope", "scope: address", func(v value) { readInto(v, &b.Scope, oneOf("address", "range", "provider", "domain")) })
	m.need("title", `title: {en: "...", ru: "..."}`, func(v value) { b.Title = readText(v) })
	m.need("lists", `lists: {en: "...", ru: "..."}`, func(v value) { b.Lists = readText(v) })
	m.need("terms", `terms: {en: "...", ru: "..."}`, func(v value) { b.Terms = readText(v) })
	m.at("page", func(v value) { readInto(v, &b.Page, listPage) })
	m.need("removal", `removal: {url: "...", en: "...", ru: "..."}`, func(v value) {
		m := v.mapping("url", "en", "ru")
		m.at("url", func(v value) { readInto(v, &b.Removal.URL, webAddress) })
		b.Removal.Text = readLanguages(m)
	})
	m.need("causes", `causes: [{en: "...", ru: "..."}]`, func(v value) { b.Causes = readTexts(v) })
	m.need("remedies", `remedies: [{en: "...", ru: "..."}]`, func(v value) { b.Remedies = readRemedies(v) })
	m.need("references", `references: ["https://bl.example.net/"]`, func(v value) { b.References = readList(v, anyText) })
	return b
}

// readBits reads what the bits of a list's answers mean.
func readBits(v value) map[uint8]catalog.Code {
	out := map[uint8]catalog.Code{}
	for _, pr := range v.pairs() {
		n, err := strconv.ParseUint(pr.name, 10, 8)
		if err != nil || n == 0 || n&(n-1) != 0 {
			pr.key.fail("want one bit: 1, 2, 4, 8, 16, 32, 64 or 128")
			continue
		}
		out[uint8(n)] = readCode(pr.value)
	}
	return out
}

func readTexts(v value) (out []catalog.Text) {
	for _, item := range v.list() {
		out = append(out, readText(item))
	}
	return out
}

func readRemedies(v value) (out []catalog.Remedy) {
	for _, t := range readTexts(v) {
		out = append(out, catalog.Remedy{Text: t})
	}
	return out
}

// readText reads a text in both languages. One that is written once is said in both.
func readText(v value) catalog.Text {
	if v.kind() == "a mapping" {
		return readLanguages(v.mapping("en", "ru"))
	}
	s, _ := read(v, anyText)
	return catalog.Text{EN: s, RU: s}
}

func readLanguages(m mapping) (t catalog.Text) {
	m.need("en", `en: "..."`, func(v value) { readInto(v, &t.EN, anyText) })
	m.need("ru", `ru: "..."`, func(v value) { readInto(v, &t.RU, anyText) })
	return t
}
