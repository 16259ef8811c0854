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
	out := c.classifier.classify(provider, code, enhanced, text)
	if out.Entry == nil {
		c.byCodes(&out, code, enhanced, len(fold(make([]byte, 0, len(text)), text)) > 0)
	}
	if (code/100 == 4 || code == 0 && strings.HasPrefix(enhanced, "4")) && out.Retry == RetryNo && out.Cause != CauseUnclassified {
		out.Retry = RetryLater // A server that says 4 wants to be asked again, whatever its reason.
	}
	return out
}

// byCodes fills a classification in from what the codes mean by themselves: the enhanced code, which is more exact, unless it is
// vague and the three digits are not. Where there are words too and nobody understood them, a vague code does not decide: "policy" for
// every 5.7.1 would be wrong more often than right.
func (c *Catalog) byCodes(out *Classification, code int, enhanced string, words bool) {
	basic, exact := c.ReplyCode(code), c.EnhancedCode(enhanced)
	vague := false
	if exact != nil {
		vague = exact.vague(enhanced[0])
		out.Verdict, out.Entry = exact.verdict(enhanced[0]), &exact.Advice
	}
	if basic != nil && (exact == nil || basic.Cause != CauseUnclassified && (out.Cause == CauseUnclassified || vague && plain(code))) {
		vague = code == 421 || code == 541 || code == 571 // Servers send these for any reason.
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
	rankText         // A phrase, whoever answers.
	rankSure         // Provider and an enhanced code that decides by itself.
	rankProviderText // Provider and a phrase.
	rankOwn          // What the operator wrote himself.
)

// rankOf is the rank of a rule.
func rankOf(r *rule) int {
	if r.own {
		return rankOwn
	}
	text := len(r.Match.Text) > 0 || r.Match.Blocklist
	switch {
	case r.Provider != "" && text:
		return rankProviderText
	case r.Provider != "" && r.Sure:
		return rankSure
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

// classify finds the reply entry that knows best what a reply means, if there is one.
func (c *classifier) classify(provider string, code int, enhanced, text string) Classification {
	var space [maxText]byte
	var room [64]hit
	found := c.phrases.none()
	hits := c.phrases.find(room[:0], found, fold(space[:0], text))

	out := Classification{Verdict: Verdict{Cause: CauseUnclassified}, Provider: provider}
	listAt := hit{}
	for _, h := range hits {
		if id, ok := c.providerOf[h.id]; ok && out.Provider == "" {
			out.Provider = id
		}
		if id, ok := c.listOf[h.id]; ok && h.length > listAt.length {
			out.Blocklist, listAt = id, h
		}
	}

	var best candidate
	consider := func(rules []*rule, h hit) {
		for _, r := range rules {
			next := candidate{r, h}
			if r.holds(out.Provider, code, enhanced, found) && (best.rule == nil || best.compare(next) < 0) {
				best = next
			}
		}
	}
	for _, h := range hits {
		consider(c.byPhrase[h.id], h)
	}
	if out.Blocklist != "" {
		consider(c.listed, listAt)
	}
	if enhanced != "" {
		consider(c.byCode[enhanced], hit{})
	}
	if code != 0 {
		consider(c.byCode[threeDigits(code)], hit{})
	}
	if best.rule == nil {
		return out
	}
	out.Verdict, out.Entry = best.Verdict, &best.Advice
	return out
}

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
