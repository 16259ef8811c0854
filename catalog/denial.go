package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// denialWords are what data/words.yml says of words that count for nothing where a text denies them.
type denialWords struct {
	Aside   []string `yaml:"aside"`   // What is beside the point: "on this host".
	Speaker []string `yaml:"speaker"` // Who says something, if a name and one of Said follow: "host mx.example.org said".
	Said    []string `yaml:"said"`
	Fault   []string `yaml:"fault"`   // What may be denied.
	Thing   []string `yaml:"thing"`   // What may be in order.
	Not     []string `yaml:"not"`     // What denies a fault behind it.
	Between []string `yaml:"between"` // What may stand between the two.
	About   []string `yaml:"about"`   // What a fault may be said of: "not a blacklisted sender".
	None    []string `yaml:"none"`    // What denies a fault before it.
	Fine    []string `yaml:"fine"`    // What says that a thing before it is in order.
	If      []string `yaml:"if"`      // What turns a denial into a condition or a demand.
}

// A denial finds what a text says is not so: "not on a blacklist", "SPF: pass".
type denial struct {
	aside, speaker, fault, thing                   marks
	any                                            marks // All of these.
	said, not, between, about, none, fine, ifWords map[string]bool
}

// newDenial makes the words ready.
func newDenial(words denialWords, v *vocabulary, phrases *phraseSet) (*denial, error) {
	d := &denial{
		said: setOf(words.Said), not: setOf(words.Not), between: setOf(words.Between), about: setOf(words.About),
		none: setOf(words.None), fine: setOf(words.Fine), ifWords: setOf(words.If),
	}
	var errs [4]error
	d.aside, errs[0] = marksOf(words.Aside, v, phrases)
	d.speaker, errs[1] = marksOf(words.Speaker, v, phrases)
	d.fault, errs[2] = marksOf(words.Fault, v, phrases)
	d.thing, errs[3] = marksOf(words.Thing, v, phrases)
	for _, some := range []marks{d.aside, d.speaker, d.fault, d.thing} {
		for id := range some.all() {
			d.any = grow(d.any, id/64)
			d.any.set(id)
		}
	}
	return d, errors.Join(errs[:]...)
}

// marksOf makes words known and returns their numbers.
func marksOf(words []string, v *vocabulary, phrases *phraseSet) (out marks, err error) {
	all, err := v.expand(words, 0)
	for _, word := range all {
		id, ok := phrases.addWord(word)
		if !ok {
			return nil, fmt.Errorf("denial: word %q is shorter than %d bytes", word, minPhrase)
		}
		out = grow(out, id/64)
		out.set(id)
	}
	return out, err
}

func setOf(words []string) map[string]bool {
	out := map[string]bool{}
	for _, w := range words {
		out[fold(w)] = true
	}
	return out
}

// A span is a part of a folded text.
type span struct{ begin, end int }

// maxDenials is how many words of a text are looked at that may be denied.
const maxDenials = 32

// drop removes what the text denies from hits and found.
func (d *denial) drop(hits []hit, found marks, text []byte) []hit {
	var room [maxDenials]span
	denied, looked := room[:0], 0
	for _, h := range hits {
		if !d.any.holds(h.id) {
			continue
		}
		if s, ok := d.denies(h, text); ok {
			denied = append(denied, s)
		}
		if looked++; looked == maxDenials {
			break
		}
	}
	if len(denied) == 0 {
		return hits
	}
	return slices.DeleteFunc(hits, func(h hit) bool {
		drop := slices.ContainsFunc(denied, func(s span) bool { return s.begin <= int(h.at) && int(h.at+h.length) <= s.end })
		if drop {
			found.clear(h.id)
		}
		return drop
	})
}

// denies returns the part of a text that denies a hit.
func (d *denial) denies(h hit, text []byte) (s span, denied bool) {
	begin, end := int(h.at), int(h.at+h.length)
	for end < len(text) && isWord(text[end]) { // A phrase may end within a word.
		end++
	}
	if d.aside.holds(h.id) {
		return span{begin, end}, true
	}
	if d.speaker.holds(h.id) {
		return span{begin, end}, d.saysAfter(text[end:])
	}
	at, condition := d.deniedBefore(text[:begin])
	if condition {
		return span{}, false
	}
	if d.fault.holds(h.id) {
		if at >= 0 {
			if word, rest := firstWord(text[end:]); d.about[string(word)] {
				end = len(text) - len(rest)
			}
			return span{at, end}, true
		}
		n := d.follows(d.none, text[end:])
		more, _ := firstWord(text[end+n:])
		return span{begin, end + n}, n > 0 && len(more) == 0 // "Blacklisted: no" denies it, "blacklisted: no PTR record" does not.
	}
	n := d.follows(d.fine, text[end:])
	return span{begin, end + n}, n > 0 && at < 0 // Neither SPF nor DKIM passes.
}

// saysAfter reports whether a text begins with a name and one of the words of who says something.
func (d *denial) saysAfter(text []byte) bool {
	_, text, _ = bytes.Cut(bytes.TrimLeft(text, " "), []byte(" "))
	said, _ := firstWord(text)
	return d.said[string(said)]
}

// lookBack is how many words before a fault are searched for what denies it or turns the denial into a condition.
const lookBack = 6

// deniedBefore returns where the denial begins that a text ends in, -1 if it ends in none, and whether it is a condition.
func (d *denial) deniedBefore(text []byte) (begin int, condition bool) {
	begin = -1
	for range lookBack {
		word, rest := lastWord(text)
		switch {
		case d.ifWords[string(word)]:
			return begin, true
		case d.not[string(word)]:
			begin = len(rest)
		case len(word) == 0 || begin < 0 && !d.between[string(word)]:
			return begin, false
		}
		text = rest
	}
	return begin, false
}

// follows returns how far into a text one of some words ends that it begins with, behind those that may stand between. 0 if it
// does not.
func (d *denial) follows(words map[string]bool, text []byte) (length int) {
	for rest := text; ; {
		var word []byte
		word, rest = firstWord(rest)
		if words[string(word)] {
			return len(text) - len(rest)
		}
		if !d.between[string(word)] {
			return 0
		}
	}
}

// lastWord cuts the last word off a part of a folded text; empty where a clause ends before it.
func lastWord(text []byte) (word, rest []byte) {
	end := len(text)
	for end > 0 && strings.IndexByte(` "'(`, text[end-1]) >= 0 {
		end--
	}
	begin := end
	for begin > 0 && (isWord(text[begin-1]) || text[begin-1] == '\'') {
		begin--
	}
	return text[begin:end], text[:begin]
}

// firstWord cuts the first word off a part of a folded text; empty where a clause ends before it.
func firstWord(text []byte) (word, rest []byte) {
	begin := 0
	for begin < len(text) && strings.IndexByte(` "'(:=-`, text[begin]) >= 0 {
		begin++
	}
	end := begin
	for end < len(text) && isWord(text[end]) {
		end++
	}
	return text[begin:end], text[end:]
}
