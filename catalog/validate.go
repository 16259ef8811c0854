package catalog

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

var (
	wordForm      = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	hostForm      = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*$`)
	referenceForm = regexp.MustCompile(`^(RFC [1-9][0-9]*( (section|appendix) [0-9A-Z]+(\.[0-9]+)*)?|https?://[^ ]+|draft-[a-z0-9-]+|postconf\(5\) [a-z_]+)$`)
	dateForm      = regexp.MustCompile(`^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$`)
	loopback      = netip.MustParsePrefix("127.0.0.0/8")
	refused       = netip.MustParsePrefix("127.255.255.0/24")
)

// A faults collects what is wrong with entries.
type faults struct{ errs []error }

func (f *faults) add(entry, format string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf("%s: %s", entry, fmt.Sprintf(format, args...)))
}

// validate says of every entry what is wrong with it: a person must be told what it means in both languages, where that stands,
// and what to do, and every word that programs read comes from its closed set.
func (c *Catalog) validate() error {
	f := &faults{}
	for _, p := range c.problems {
		name := "problem " + p.ID
		f.advice(name, &p.Advice)
		if !strings.HasPrefix(p.ID, p.Check+"_") && !(p.Check == "smtp" && strings.HasPrefix(p.ID, "certificate_")) {
			f.add(name, "the id does not begin with the name of its check %s", p.Check)
		}
		f.severity(name, p.Severity)
		if p.Who.Text() == (Text{}) {
			f.add(name, "who is %q, which is nobody that can be", p.Who)
		}
		if p.When != (Text{}) {
			f.text(name, "when", p.When)
		}
	}
	for _, r := range c.replies {
		name := "reply " + r.ID
		f.advice(name, &r.Advice)
		f.verdict(name, r.Verdict, false)
		for _, code := range r.Match.Codes {
			f.code(name, code)
		}
		if r.Sure && (r.Provider == "" || len(r.Match.Enhanced) == 0) {
			f.add(name, "sure needs a provider and an enhanced code")
		}
	}
	for _, e := range c.codes {
		f.advice("code "+threeDigits(e.Code), &e.Advice)
		f.verdict("code "+threeDigits(e.Code), e.Verdict, e.Code < 400)
		f.code(e.ID, e.Code)
	}
	for _, e := range c.enhanced {
		name := "enhanced code " + e.Detail
		f.advice(name, &e.Advice)
		f.verdict(name, e.Verdict, false)
		if e.Transient != nil {
			f.verdict(name+" for now", e.verdict('4'), false)
		}
		if !isEnhanced("5." + e.Detail) {
			f.add(name, "detail is not subject and detail, as 7.26")
		}
	}
	for _, e := range c.conditions {
		f.advice("condition "+e.ID, &e.Advice)
		f.verdict("condition "+e.ID, e.Verdict, false)
		if len(e.Words) == 0 {
			f.add("condition "+e.ID, "there are no words by which to look for it")
		}
	}
	for _, t := range c.topics {
		f.topic(c, t)
	}
	for _, s := range c.services {
		f.mailService(c, s)
	}
	for _, s := range c.settings {
		f.id("setting", s.ID)
		f.text("setting "+s.ID, "title", s.Title)
		for _, w := range s.Where {
			f.text("setting "+s.ID+" in "+w.Program, "path", w.Path)
		}
	}
	for _, p := range c.providers {
		f.id("provider", p.ID)
		f.text("provider "+p.ID, "name", p.Name)
		for _, host := range p.Hosts {
			if !hostForm.MatchString(host) {
				f.add("provider "+p.ID, "host %q is not a name in lower case", host)
			}
		}
	}
	for _, b := range c.lists {
		f.blocklist(c, b)
	}
	for what, programs := range c.programs() {
		for _, id := range programs {
			if c.SettingByID(id) == nil {
				f.add(what, "there is no setting %s", id)
			}
		}
	}
	_, err := newSearchIndex(c)
	return errors.Join(append(f.errs, err)...)
}

// programs gives the settings that each entry speaks of.
func (c *Catalog) programs() map[string][]string {
	out := map[string][]string{}
	for _, p := range c.problems {
		out["problem "+p.ID] = p.Programs
	}
	for _, r := range c.replies {
		out["reply "+r.ID] = r.Programs
	}
	for _, e := range c.codes {
		out["code "+threeDigits(e.Code)] = e.Programs
	}
	for _, e := range c.enhanced {
		out["enhanced code "+e.Detail] = e.Programs
	}
	for _, e := range c.conditions {
		out["condition "+e.ID] = e.Programs
	}
	for _, t := range c.topics {
		out["topic "+t.ID] = t.Programs
	}
	return out
}

func (f *faults) id(what, id string) {
	if !wordForm.MatchString(id) {
		f.add(what+" "+id, "the id is not lower-case words joined by _")
	}
}

func (f *faults) text(name, field string, t Text) {
	for lang, s := range map[Lang]string{English: t.EN, Russian: t.RU} {
		if strings.TrimSpace(s) == "" {
			f.add(name, "%s says nothing in %s", field, lang)
		}
	}
}

func (f *faults) texts(name, field string, list []Text) {
	if len(list) == 0 {
		f.add(name, "%s are missing", field)
	}
	for _, t := range list {
		f.text(name, field, t)
	}
}

func (f *faults) references(name string, list []string) {
	if len(list) == 0 {
		f.add(name, "there is no reference")
	}
	for _, r := range list {
		if !referenceForm.MatchString(r) {
			f.add(name, "reference %q is neither as \"RFC 5321 section 4.2\" nor a web address", r)
		}
	}
}

func (f *faults) advice(name string, a *Advice) {
	f.id(name, a.ID)
	f.text(name, "title", a.Title)
	for _, title := range []string{a.Title.EN, a.Title.RU} {
		if strings.HasSuffix(title, ".") {
			f.add(name, "title %q ends in a full stop", title)
		}
	}
	f.text(name, "meaning", a.Meaning)
	f.texts(name, "causes", a.Causes)
	f.remedies(name, a.Remedies)
	f.meanings(name, a.MeaningIf)
	for value := range a.Example {
		if _, ok := places[value]; !ok {
			f.add(name, "example %s is no value", value)
		}
	}
	f.references(name, a.References)
}

// verdict looks at what an entry concludes. positive says that it is about a reply that begins with 2 or 3.
func (f *faults) verdict(name string, v Verdict, positive bool) {
	if !slices.Contains(Causes(), v.Cause) {
		f.add(name, "cause %q is not one of the closed set", v.Cause)
	}
	if v.Cause == CauseOK && !positive {
		f.add(name, "cause ok is for positive replies only")
	}
	if v.Retry != RetryYes && v.Retry != RetryNo && v.Retry != RetryLater {
		f.add(name, "retry %q is not yes, no or later (in quotes)", v.Retry)
	}
	if !slices.Contains([]Actor{ActorSender, ActorRecipient, ActorProvider, ActorNetwork}, v.Actor) {
		f.add(name, "actor %q is not sender, recipient, provider or network", v.Actor)
	}
}

func (f *faults) code(name string, code int) {
	if code < 200 || code > 599 {
		f.add(name, "code %d is not one from 200 to 599", code)
	}
}

func (f *faults) severity(name string, s Severity) {
	if s != SeverityCritical && s != SeverityWarning && s != SeverityInfo {
		f.add(name, "severity %q is not critical, warning or info", s)
	}
}

func (f *faults) blocklist(c *Catalog, b *Blocklist) {
	name := "blocklist " + b.ID
	f.id("blocklist", b.ID)
	f.text(name, "title", b.Title)
	f.text(name, "lists", b.Lists)
	f.remedies(name, b.Remedies)
	f.references(name, b.References)
	if !slices.Contains([]string{"address", "range", "provider", "domain"}, b.Scope) {
		f.add(name, "scope %q is not address, range, provider or domain", b.Scope)
	}
	if b.Zone != "" && !hostForm.MatchString(strings.ReplaceAll(b.Zone, keyPlace, "key")) {
		f.add(name, "zone %q is not a name", b.Zone)
	}
	if b.Dead != nil {
		f.text(name, "dead", b.Dead.Text)
		if b.Kinds != nil || b.Groups != nil {
			f.add(name, "a dead list is asked about nothing and is in no group")
		}
		return
	}
	f.text(name, "terms", b.Terms)
	f.text(name, "removal", b.Removal.Text)
	if b.Page != "" && (!strings.HasPrefix(b.Page, "https://") || strings.Count(b.Page, "{subject}") != 1) {
		f.add(name, "page %q is no https address with {subject} in it", b.Page)
	}
	f.texts(name, "causes", b.Causes)
	if (b.KeyName == "") != (b.KeyedZone == "") || b.KeyName != "" && !wordForm.MatchString(b.KeyName) {
		f.add(name, "key %q and keyed zone %q do not belong together", b.KeyName, b.KeyedZone)
	}
	if b.KeyedZone != "" && (strings.Count(b.KeyedZone, keyPlace) != 1 || !hostForm.MatchString(strings.ReplaceAll(b.KeyedZone, keyPlace, "key"))) {
		f.add(name, "keyed zone %q does not hold %s once", b.KeyedZone, keyPlace)
	}
	if len(b.Kinds) == 0 {
		f.add(name, "it is about nothing")
	}
	for _, k := range b.Kinds {
		if !slices.Contains([]string{"ipv4", "ipv6", "domain"}, k) {
			f.add(name, "kind %q is not ipv4, ipv6 or domain", k)
		}
	}
	for _, g := range b.Groups {
		if !slices.ContainsFunc(c.groups, func(o Group) bool { return o.ID == g }) {
			f.add(name, "there is no group %s", g)
		}
	}
	if slices.Contains(b.Groups, "default") && (b.NeedsKey() || b.Registration != "") {
		f.add(name, "by default only lists are asked that need neither key nor registration")
	}
	f.answers(name, b)
}

// answers looks at the tables of what a list's answers mean.
func (f *faults) answers(name string, b *Blocklist) {
	if (len(b.Bits) > 0) == (len(b.Codes)+len(b.Good) > 0) {
		f.add(name, "it needs codes or bits, and not both")
	}
	answer := func(code string) {
		if a, err := netip.ParseAddr(code); err != nil || !loopback.Contains(a) || refused.Contains(a) || a.String() != code {
			f.add(name, "answer %q is not an address in %v outside %v", code, loopback, refused)
		}
	}
	meaning := func(c Code) {
		if !wordForm.MatchString(c.Meaning) {
			f.add(name, "meaning %q is not lower-case words joined by _", c.Meaning)
		}
		f.severity(name, c.Severity)
		if c.NonMTA != "" {
			f.severity(name, c.NonMTA)
		}
		f.text(name, "meaning "+c.Meaning, c.Text)
	}
	for code, c := range b.Codes {
		answer(code)
		meaning(c)
		if _, good := b.Good[code]; good || slices.Contains(b.Refusals, code) {
			f.add(name, "%s means several things", code)
		}
	}
	for code := range b.Good {
		answer(code)
	}
	for bit, c := range b.Bits {
		if bit == 0 || bit&(bit-1) != 0 {
			f.add(name, "%d is not one bit", bit)
		}
		meaning(c)
	}
	for _, code := range b.Refusals {
		answer(code)
	}
}
