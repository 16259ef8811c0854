package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// printAnswer writes everything that was found, one thing after the other.
func (e *explainer) printAnswer(p *page, a *answer) {
	if a.empty() {
		e.printNothing(p, a)
		return
	}
	first := true
	next := func() {
		if !first {
			p.blank()
			p.rule()
		}
		first = false
	}
	for _, x := range a.replies {
		next()
		e.printReply(p, x)
	}
	for i := range a.problems {
		next()
		e.printProblem(p, &a.problems[i])
	}
	for _, b := range a.lists {
		next()
		e.printBlocklist(p, b)
	}
	for _, t := range a.topics {
		next()
		e.printTopic(p, t)
	}
	for _, s := range a.services {
		next()
		e.printMailService(p, s)
	}
	for _, s := range a.settings {
		next()
		p.title(p.say(s.Title))
		for _, w := range s.Where {
			p.item("  - ", w.Program+": "+p.say(w.Path))
		}
	}
	for _, c := range a.conditions {
		next()
		p.title(p.say(c.Title))
		e.printAdvice(p, &c.Advice, nil, func() { e.printVerdict(p, c.Verdict, words.retries[c.Retry]) }, true)
		e.printEnd(p, c.Cause, c.References)
	}
	for _, c := range a.causes {
		next()
		e.printCause(p, c)
	}
	for _, c := range a.providers {
		next()
		e.printProvider(p, c)
	}
}

// printNothing says that nothing was found, and what would have been.
func (e *explainer) printNothing(p *page, a *answer) {
	asked := p.quote(clip(a.asked, 80))
	if a.badCode {
		p.text("", p.say(words.notReply, asked))
	} else {
		p.text("", p.say(words.notKnown, asked))
	}
	if len(a.near) > 0 {
		p.heading(p.say(words.nearest))
		e.printEntries(p, a.near)
	}
	p.blank()
	p.text("", p.say(words.whatItTakes))
}

// printAdvice writes meaning, what verdict says, remedies, causes and, if asked for, where the settings are. Somebody with a
// letter that came back wants to know first whose turn it is and what to do; why it came to that is the second question.
func (e *explainer) printAdvice(p *page, a *catalog.Advice, values catalog.Values, verdict func(), settings bool) {
	p.blank()
	p.text("", p.say(a.Meaning))
	verdict()
	e.printHelp(p, a.Causes, a.RemediesFor(p.lang, values))
	if settings {
		e.printPrograms(p, a)
	}
}

func (e *explainer) printHelp(p *page, causes []catalog.Text, remedies []string) {
	if len(remedies) > 0 {
		p.heading(p.say(words.remedies))
		p.numbered(remedies)
	}
	if len(causes) > 0 {
		p.heading(p.say(words.causes))
		p.bullets(causes)
	}
}

// printPrograms says where settings are that the remedies speak of. What is about "the program 1C" needs no other.
func (e *explainer) printPrograms(p *page, a *catalog.Advice) {
	if len(a.Programs) == 0 {
		return
	}
	p.heading(p.say(words.programs))
	for _, id := range a.Programs {
		s := e.cat.SettingByID(id)
		if s == nil {
			continue
		}
		p.text("  ", p.say(s.Title)+":")
		only := ""
		for _, w := range s.Where {
			if contains(folded(a.Title.EN), "program "+folded(w.Program)) {
				only = w.Program
			}
		}
		for _, w := range s.Where {
			if only == "" || w.Program == only {
				p.hanging("    ", "      ", w.Program+": "+p.say(w.Path))
			}
		}
	}
}

// retryWords says whether sending again helps. After a reply that begins with 5 no server tries again by itself (RFC 5321 section
// 4.2.1); after others it is as later says.
func retryWords(x explained, later catalog.Text) catalog.Text {
	if x.Retry == catalog.RetryLater && (x.Code/100 == 5 || x.Code == 0 && strings.HasPrefix(x.Enhanced, "5.")) {
		return words.retryExpired
	}
	return later
}

// printVerdict says who can act and, in the words given, whether trying again helps.
func (e *explainer) printVerdict(p *page, v catalog.Verdict, again catalog.Text) {
	if v.Cause == catalog.CauseOK {
		return // Nothing to act on.
	}
	if v.Cause == catalog.CauseDeliveryExpired {
		again = words.retryExpired
	}
	actor := words.actors[v.Actor]
	if v.Cause == catalog.CauseUnclassified {
		actor = words.anyActor // The remedies begin with how to tell.
	}
	p.blank()
	p.item("", p.say(words.actor, p.say(actor)))
	p.item("", p.say(words.retry, p.say(again)))
}

// printEnd writes what people look for last: by which word metrics and alert rules know this, and where it is written.
func (e *explainer) printEnd(p *page, c catalog.Cause, refs []string) {
	p.blank()
	p.text("", p.say(words.cause, c, p.say(words.causeWords[c])))
	e.printReferences(p, refs)
}

func (e *explainer) printReferences(p *page, refs []string) {
	if len(refs) == 0 {
		return
	}
	p.heading(p.say(words.references))
	for _, r := range refs {
		p.text("  ", r)
	}
}

// codes is a reply's codes as one says them; "" without any.
func codes(x explained) string {
	if x.Code == 0 {
		return x.Enhanced
	}
	return strings.TrimSpace(strconv.Itoa(x.Code) + " " + x.Enhanced)
}

// headline is an explanation's first line: codes, what they say, at whom.
func (e *explainer) headline(p *page, x explained) string {
	title := p.say(x.advice.Title)
	// Most titles of providers' entries begin with a name by which people know the provider.
	if name := e.providerName(p, x.Provider); name != "" && !strings.Contains(title, ": ") && !strings.Contains(title, name) {
		title += " (" + name + ")"
	}
	if c := codes(x); c != "" {
		return c + ": " + title
	}
	return title
}

func (e *explainer) providerName(p *page, id string) string {
	if info := e.cat.ProviderByID(id); info != nil {
		return p.say(info.Name)
	}
	return ""
}

// printReply explains one reply that somebody typed.
func (e *explainer) printReply(p *page, x explained) {
	p.title(e.headline(p, x))
	if x.Text != "" {
		p.text("  ", p.quote(x.Text))
	}
	e.printAdvice(p, &x.advice, x.values, func() { e.printReplyVerdict(p, x, retryWords(x, words.retries[x.Retry])) }, true)
	if x.asked {
		e.printElsewhere(p, x)
		e.printReading(p, x)
	}
	e.printEnd(p, x.Cause, x.advice.References)
}

// printReplyVerdict says also which blocklist is named.
func (e *explainer) printReplyVerdict(p *page, x explained, again catalog.Text) {
	e.printVerdict(p, x.Verdict, again)
	if b, ok := e.cat.BlocklistByID(x.Blocklist); ok {
		p.item("", p.say(words.blocklist, p.say(b.Title), b.ID))
	}
}

// maxElsewhere is how many providers' meanings of a code are shown.
const maxElsewhere = 12

// printElsewhere says what providers mean by an enhanced code, or the named one by any code, where no text tells what this one
// means. Three digits alone mean too many things to too many.
func (e *explainer) printElsewhere(p *page, x explained) {
	others := slices.DeleteFunc(e.atProviders(x.Reply), func(r *catalog.Reply) bool { return r.ID == x.advice.ID })
	if x.Text != "" || len(others) == 0 || x.Enhanced == "" && e.server == "" {
		return
	}
	p.heading(p.say(words.elsewhere))
	for _, r := range others[:min(len(others), maxElsewhere)] {
		p.item("  - ", e.entryTitle(p, r))
	}
	if n := len(others) - maxElsewhere; n > 0 {
		p.item("  - ", p.say(words.andMore, n))
	}
	if e.server != "" {
		p.text("  ", p.say(words.allKnown, others[0].Provider))
		return
	}
	p.text("  ", p.say(words.moreAt, others[0].Provider, codes(x)))
}

// entryTitle is the title of a provider's entry. Most begin with a name by which people know the provider.
func (e *explainer) entryTitle(p *page, r *catalog.Reply) string {
	title, name := p.say(r.Title), e.providerName(p, r.Provider)
	if strings.Contains(title, ": ") || strings.Contains(title, name) {
		return title
	}
	return name + ": " + title
}

// printReading says how the codes are read, part by part.
func (e *explainer) printReading(p *page, x explained) {
	lines := e.digits(x.Reply)
	lines = slices.DeleteFunc(lines, func(l digitLine) bool { return l.text == sentence(x.advice.Title) }) // Said above.
	if len(lines) == 0 {
		return
	}
	p.heading(p.say(words.reading))
	width := 0
	for _, l := range lines {
		width = max(width, len(l.part))
	}
	for _, l := range lines {
		p.item(fmt.Sprintf("  %-*s  ", width, l.part), p.say(l.text))
	}
	reading := e.cat.Reading()
	switch {
	case x.Code/100 == 2 || x.Code == 0 && strings.HasPrefix(x.Enhanced, "2"):
		p.text("  ", p.say(reading.Positive))
	case x.Code != 0 && e.cat.ReplyCode(x.Code) == nil:
		p.text("  ", p.say(reading.Unknown))
	case x.Code == 0, x.Enhanced != "" && x.Text == "":
		p.text("  ", p.say(reading.Provider))
	}
}

// printProblem explains a fault that a check finds.
func (e *explainer) printProblem(p *page, problem *catalog.Problem) {
	p.title(problem.ID + ": " + p.say(problem.Title))
	p.text("  ", p.say(words.check, problem.Check, p.say(words.severities[problem.Severity])))
	if problem.When.EN != "" {
		p.text("  ", p.say(words.when, p.say(problem.When)))
	}
	e.printAdvice(p, &problem.Advice, nil, func() {
		p.blank()
		p.item("", p.say(words.actor, p.say(problem.Who.Text())))
	}, true)
	e.printReferences(p, problem.References)
}

// printBlocklist explains a list: what it lists, what its answers mean and how to get off it.
func (e *explainer) printBlocklist(p *page, b *catalog.Blocklist) {
	p.title(b.ID + ": " + p.say(b.Title))
	if d := b.Dead; d != nil {
		if d.Since != "" {
			p.text("  ", p.say(words.deadSince, d.Since, p.say(d.Text)))
		} else {
			p.text("  ", p.say(words.dead, p.say(d.Text)))
		}
	}
	fact := func(t catalog.Text, value string, more ...any) {
		if value != "" {
			p.text("  ", p.say(t, append([]any{value}, more...)...))
		}
	}
	fact(words.zone, b.Zone)
	if b.KeyedZone != "" {
		fact(words.keyedZone, b.KeyedZone, b.KeyName)
	}
	if b.Dead == nil {
		kinds := make([]string, len(b.Kinds))
		for i, k := range b.Kinds {
			kinds[i] = p.say(words.kindWords[k])
		}
		fact(words.kinds, strings.Join(kinds, ", "))
		fact(words.groups, strings.Join(b.Groups, ", "))
		fact(words.scope, p.say(words.scopes[b.Scope]))
	}
	p.blank()
	p.text("", p.say(b.Lists))
	e.printHelp(p, b.Causes, catalog.FillRemedies(b.Remedies, p.lang, nil))
	if b.Removal.EN != "" {
		p.heading(p.say(words.removal))
		if b.Removal.URL != "" {
			p.text("  ", b.Removal.URL)
		}
		p.text("  ", p.say(b.Removal.Text))
	}
	e.printAnswers(p, b)
	if b.Terms.EN != "" {
		p.heading(p.say(words.terms))
		p.text("  ", p.say(b.Terms))
	}
	e.printReferences(p, b.References)
}

func (e *explainer) printAnswers(p *page, b *catalog.Blocklist) {
	if len(b.Codes)+len(b.Bits)+len(b.Good) == 0 || b.Dead != nil {
		return
	}
	p.heading(p.say(words.answers))
	all := answersOf(b)
	width := 0
	for _, a := range all {
		width = max(width, len(a.answer))
	}
	for _, a := range all {
		p.item(fmt.Sprintf("  %-*s  ", width, a.answer), fmt.Sprintf("%s [%s, %s]", p.say(a.Text), a.Meaning, a.Severity))
	}
}

// An answerOf is one answer of a list with its meaning.
type answerOf struct {
	answer string
	catalog.Code
}

// answersOf are the answers of a list in the order of the addresses: listings, bits of a mask, good words.
func answersOf(b *catalog.Blocklist) (out []answerOf) {
	byAddress := func(codes map[string]catalog.Code) {
		for _, k := range slices.SortedFunc(maps.Keys(codes), func(a, b string) int {
			x, _ := netip.ParseAddr(a)
			y, _ := netip.ParseAddr(b)
			return cmp.Or(x.Compare(y), cmp.Compare(a, b))
		}) {
			out = append(out, answerOf{k, codes[k]})
		}
	}
	byAddress(b.Codes)
	for _, bit := range slices.Sorted(maps.Keys(b.Bits)) {
		out = append(out, answerOf{fmt.Sprintf("& %d", bit), b.Bits[bit]})
	}
	byAddress(b.Good)
	return out
}

// printCause explains a word that metrics and alert rules use, by the entry that speaks of nothing else.
func (e *explainer) printCause(p *page, c catalog.Cause) {
	p.title(fmt.Sprintf("%s: %s", c, p.say(words.causeWords[c])))
	a, v := e.causeEntry(c)
	if a == nil {
		e.printVerdict(p, catalog.Verdict{Cause: c, Actor: catalog.ActorSender}, words.retries[catalog.RetryNo])
		return
	}
	e.printAdvice(p, a, nil, func() { e.printVerdict(p, v, words.retries[v.Retry]) }, true)
	e.printReferences(p, a.References)
}

// causeEntry is the catalogue's most general entry for a cause; nil if there is none.
func (e *explainer) causeEntry(c catalog.Cause) (*catalog.Advice, catalog.Verdict) {
	var best *catalog.Reply
	for _, r := range e.cat.Replies() {
		if r.Cause == c && r.Provider == "" && (best == nil || r.ID == "reply_"+string(c)) {
			best = r
		}
	}
	if best != nil {
		return &best.Advice, best.Verdict
	}
	for _, code := range e.cat.ReplyCodes() {
		if code.Cause == c {
			return &code.Advice, code.Verdict
		}
	}
	for _, code := range e.cat.EnhancedCodes() {
		if code.Cause == c {
			return &code.Advice, code.Verdict
		}
	}
	return nil, catalog.Verdict{}
}

// printProvider says by what one knows a provider and which replies of it are known.
func (e *explainer) printProvider(p *page, info *catalog.ProviderInfo) {
	p.title(info.ID + ": " + p.say(info.Name))
	p.text("  ", p.say(words.hosts, strings.Join(info.Hosts, ", ")))
	var titles []string
	of := map[string][]string{} // Codes by title: one meaning may have several entries.
	for _, r := range e.cat.Replies() {
		if r.Provider != info.ID {
			continue
		}
		title := p.say(r.Title)
		if of[title] == nil {
			titles = append(titles, title)
			of[title] = []string{}
		}
		if m := matched(r); m != "" && !slices.Contains(of[title], m) {
			of[title] = append(of[title], m)
		}
	}
	if len(titles) == 0 {
		return
	}
	p.heading(p.say(words.knownReplies))
	example := "550"
	for _, title := range slices.Backward(titles) {
		if len(of[title]) > 0 {
			example = of[title][0]
		}
	}
	for _, title := range titles {
		if len(of[title]) > 0 {
			title += " (" + strings.Join(of[title], ", ") + ")"
		}
		p.item("  - ", title)
	}
	p.blank()
	p.text("  ", p.say(words.moreAt, info.ID, example))
}

// matched is the code by which an entry is found: the enhanced one, or the first of three digits.
func matched(r *catalog.Reply) string {
	codes := make([]string, len(r.Match.Codes))
	for i, code := range r.Match.Codes {
		codes[i] = strconv.Itoa(code)
	}
	code := ""
	if len(codes) > 0 {
		code = codes[0]
	}
	if len(r.Match.Enhanced) > 0 {
		code = strings.TrimSpace(code + " " + r.Match.Enhanced[0])
	}
	return code
}
