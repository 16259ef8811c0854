package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// A Classification says what one reply is about.
type Classification struct {
	Verdict
	Entry     *Advice // What to tell people; nil where the catalogue has nothing to say.
	Provider  string  // Who answered, by id; "" where nobody the catalogue knows.
	Blocklist string  // The list that the reply names, by id; "" where it names none.
}

// Classify says what a reply means. server is the name of the host that answered, a provider's id, or ""; code is the
// three digits, 0 where a mail system says in its own words what went wrong; enhanced is the enhanced status code ("5.7.1") or
// "", then one that stands in the text counts; text is what came behind them, of any octets and any length. It never fails: what it
// does not know is CauseUnclassified.
func (c *Catalog) Classify(server string, code int, enhanced, text string) Classification {
	if code >= 200 && code < 400 {
		return Classification{Verdict: Verdict{Cause: CauseOK}}
	}
	text = text[:min(len(text), maxText)]
	provider := ""
	if c.providerByID[server] != nil {
		provider = server
	} else if server != "" {
		provider, _ = c.Provider(server)
	}
	if enhanced == "" {
		enhanced = writtenStatus(text)
	}
	if code != 0 && !strings.HasPrefix(enhanced, threeDigits(code)[:1]) {
		enhanced = "" // RFC 3463 section 2: the class repeats that of the code, or it counts for nothing.
	}
	if provider == "" {
		provider = c.providerOfCode[enhanced]
	}
	var coded Classification
	c.byCodes(&coded, code, enhanced, true)
	out, undecided, words := c.classifier.classify(provider, code, enhanced, text, coded.Cause)
	if out.Entry == nil && !undecided {
		c.byCodes(&out, code, enhanced, words)
	}
	if (code/100 == 4 || code == 0 && strings.HasPrefix(enhanced, "4")) && out.Retry == RetryNo && out.Cause != CauseUnclassified {
		out.Retry = RetryLater // A server that says 4 wants to be asked again, whatever its reason.
	}
	return out
}

// byCodes fills a classification without an entry in from what the codes mean by themselves: the enhanced code, which is more exact, unless it is
// vague and the three digits are not. Where there are words too and nobody understood them, a vague code does not decide: "policy" for
// every 5.7.1 would be wrong more often than right.
func (c *Catalog) byCodes(out *Classification, code int, enhanced string, words bool) {
	out.Cause = CauseUnclassified
	basic, exact := c.ReplyCode(code), c.EnhancedCode(enhanced)
	vague := false
	if exact != nil {
		vague = exact.vague(enhanced[0])
		out.Verdict, out.Entry = exact.verdict(enhanced[0]), &exact.Advice
	}
	if basic != nil && (exact == nil || basic.Cause != CauseUnclassified && (out.Cause == CauseUnclassified || vague && plain(code))) {
		// Servers send these for any reason, and many send 500 or 501 for want of a better one.
		vague = code == 421 || code == 541 || code == 571 || code == 500 || code == 501
		out.Verdict, out.Entry = basic.Verdict, &basic.Advice
	}
	if vague && words {
		out.Cause = CauseUnclassified
	}
}

// vague reports whether an enhanced code of this class tells hardly more than its subject. Beside "other" these are what servers
// write for want of a better one: about the dialogue, no route, and 7.1, under which every refusal may come. 4.3.0 is not: a server
// that speaks of its own system and says "for now" has a fault.
func (e *EnhancedCode) vague(class byte) bool {
	switch e.Detail {
	case "0.0", "1.0", "2.0", "4.0", "4.4", "5.0", "5.1", "5.2", "5.4", "5.5", "7.0", "7.1":
		return true
	}
	return e.Detail == "3.0" && class == '5'
}

// plain reports whether three digits mean one thing wherever they come: syntax and dialogue (RFC 5321 section 4.2.1), TLS and
// authentication (RFC 3207, RFC 4954).
func plain(code int) bool {
	switch code {
	case 454, 500, 501, 502, 503, 504, 523, 530, 534, 535, 538:
		return true
	}
	return false
}

// ReplyCode returns what three digits mean by themselves; nil if the catalogue does not say.
func (c *Catalog) ReplyCode(code int) *ReplyCode {
	for _, e := range c.codes {
		if e.Code == code {
			return e
		}
	}
	return nil
}

// A classifier finds the entry for a reply. It is made once from a catalogue and never changed.
type classifier struct {
	phrases    *phraseSet
	byPhrase   [][]*rule // Rules that have a phrase in Match.Text, by its number.
	listOf     map[int32]string
	providerOf map[int32]string
	byCode     map[string][]*rule // Rules without text: by enhanced code, or by code as three digits.
	listed     []*rule            // Rules with Match.Blocklist and no text.
	words      vocabulary
	denial     *denial
	wins       map[Cause][]Cause
	byGroup    [][]pattern // Patterns of Match.Near, by the group of their first word.
}

// A rule is a reply entry made ready.
type rule struct {
	*Reply
	own       bool // The operator wrote it.
	order     int
	rank      int
	also, not []int32
}

// The ranks of rules that match the same reply: what looks closer at the reply knows better.
const (
	rankCode = iota + 1
	rankEnhanced
	rankProvider     // Provider and a code.
	rankGeneral      // A phrase that says little.
	rankHouse        // Provider and a phrase that says little.
	rankText         // A phrase, whoever answers.
	rankListed       // A blocklist that is named.
	rankSure         // Provider and an enhanced code that decides by itself.
	rankProviderText // Provider and a phrase.
	rankOwn          // What the operator wrote himself.
)

// rankOf is the rank of a rule.
func rankOf(r *rule) int {
	if r.own {
		return rankOwn
	}
	text := len(r.Match.Text)+len(r.Match.Near) > 0
	switch {
	case r.Provider != "" && text && r.General:
		return rankHouse
	case r.Provider != "" && (text || r.Match.Blocklist):
		return rankProviderText
	case r.Provider != "" && r.Sure:
		return rankSure
	case r.Match.Blocklist:
		return rankListed
	case text && r.General:
		return rankGeneral
	case text:
		return rankText
	case r.Provider != "":
		return rankProvider
	case len(r.Match.Enhanced) > 0:
		return rankEnhanced
	}
	return rankCode
}

// conditions counts what a rule asks beside a phrase.
func (r *rule) conditions() int {
	n := 0
	for _, has := range []bool{len(r.Match.Enhanced) > 0, len(r.Match.Codes) > 0, len(r.also) > 0} {
		if has {
			n++
		}
	}
	return n
}

// A candidate is a rule that matches, with the phrase by which it was found.
type candidate struct {
	*rule
	phrase hit
}

// compare orders candidates, the best one last: by rank, then by the longer phrase, then by the number of conditions, then
// by the earlier place in the text, then by the order of the catalogue.
func (c candidate) compare(o candidate) int {
	return cmp.Or(
		cmp.Compare(c.rank, o.rank),
		cmp.Compare(c.phrase.length, o.phrase.length),
		cmp.Compare(c.conditions(), o.conditions()),
		cmp.Compare(o.phrase.at, c.phrase.at),
		cmp.Compare(o.order, c.order),
	)
}

// classify finds the reply entry that knows best what a reply means, if there is one. coded is what its codes mean by themselves.
// undecided says that the words speak of several causes, words that there are any.
func (c *classifier) classify(provider string, code int, enhanced, text string, coded Cause) (out Classification, undecided, words bool) {
	var space [maxText]byte
	var room [64]hit
	found := c.phrases.none()
	var ipSpace [8]int
	folded, ips := foldAddresses(space[:0], ipSpace[:0], text)
	hits := c.denial.drop(c.phrases.find(room[:0], found, folded, ips), found, folded)

	out = Classification{Verdict: Verdict{Cause: CauseUnclassified}, Provider: provider}
	listAt := hit{}
	for _, h := range hits {
		if !c.phrases.names.has(h.id) {
			continue
		}
		if id, ok := c.providerOf[h.id]; ok && out.Provider == "" {
			out.Provider = id
		}
		if id, ok := c.listOf[h.id]; ok && h.length > listAt.length {
			out.Blocklist, listAt = id, h
		}
	}

	var some [64]candidate
	candidates := some[:0]
	consider := func(r *rule, h hit) {
		known := slices.ContainsFunc(candidates, func(o candidate) bool { return o.rule == r && o.phrase.length >= h.length })
		if !known && r.holds(out.Provider, code, enhanced, found) {
			candidates = append(candidates, candidate{r, h})
		}
	}
	considerAll := func(rules []*rule, h hit) {
		for _, r := range rules {
			consider(r, h)
		}
	}
	for _, h := range hits {
		considerAll(c.byPhrase[h.id], h)
	}
	c.near(hits, consider)
	if out.Blocklist != "" {
		considerAll(c.listed, listAt)
	}
	if enhanced != "" {
		considerAll(c.byCode[enhanced], hit{})
	}
	if code != 0 {
		considerAll(c.byCode[threeDigits(code)], hit{})
	}
	best, undecided := c.best(candidates, coded)
	if best != nil {
		out.Verdict, out.Entry = best.Verdict, &best.Advice
	}
	return out, undecided, len(folded) > 0
}

// closeCall is how long in tenths of the deciding words those of another cause may be before neither decides.
const closeCall = 8

// best is the candidate that knows best, nil if there is none. Of rules that matched by words, those lose whose cause another's
// wins over, unless their own words are more than twice as long. Where causes are left that are about as clear, the codes
// decide between them, or nothing does: a wrong cause is worse than none.
func (c *classifier) best(candidates []candidate, coded Cause) (best *rule, undecided bool) {
	var first candidate
	for _, n := range candidates {
		if (first.rule == nil || first.compare(n) < 0) && !c.beaten(n, candidates) {
			first = n
		}
	}
	if first.rule == nil || !first.byWords() || first.Cause == coded {
		return first.rule, false
	}
	for _, n := range candidates {
		switch {
		case !n.rivals(first):
		case n.Cause == coded && (n.Cause == CauseUserUnknown || !c.beaten(n, candidates)):
			return n.rule, false // "no such mailbox, or disabled" with 5.1.1 is no such mailbox.
		case !c.beaten(n, candidates):
			undecided = true
		}
	}
	if undecided {
		return nil, true
	}
	return first.rule, false
}

// rivals reports whether a candidate speaks of another cause than the best one and about as clearly.
func (c candidate) rivals(best candidate) bool {
	return c.rank == best.rank && c.conditions() >= best.conditions() && c.Cause != best.Cause && 10*c.phrase.length >= closeCall*best.phrase.length
}

// beaten reports whether the cause of any other candidate wins over that of n.
func (c *classifier) beaten(n candidate, candidates []candidate) bool {
	return slices.ContainsFunc(candidates, func(o candidate) bool { return c.beats(o, n) })
}

// beats reports whether the cause of one candidate wins over that of another.
func (c *classifier) beats(o, n candidate) bool {
	return n.byWords() && o.byWords() && o.rank != rankGeneral && (2*o.phrase.length >= n.phrase.length || o.rank == rankListed) &&
		slices.Contains(c.wins[o.Cause], n.Cause)
}

// byWords reports whether a rule is about replies of anybody, known by their words.
func (r *rule) byWords() bool { return rankGeneral <= r.rank && r.rank <= rankListed }

// holds reports whether all conditions of a rule but its phrases hold.
func (r *rule) holds(provider string, code int, enhanced string, found marks) bool {
	return (r.Provider == "" || r.Provider == provider) &&
		(len(r.Match.Codes) == 0 || slices.Contains(r.Match.Codes, code)) &&
		(len(r.Match.Enhanced) == 0 || enhanced != "" && slices.Contains(r.Match.Enhanced, enhanced)) &&
		(len(r.also) == 0 || slices.ContainsFunc(r.also, found.has)) && !slices.ContainsFunc(r.not, found.has)
}

// threeDigits writes a code.
func threeDigits(code int) string {
	return string([]byte{byte('0' + code/100%10), byte('0' + code/10%10), byte('0' + code%10)})
}
