package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// nearWords is how many words may lie between the first word of a pattern and each of the others.
const nearWords = 10

// maxPlaces is how many places of words a text is searched for. Servers say what they mean at the beginning.
const maxPlaces = 400

// A pattern is one item of Match.Near made ready: a word of each of its groups stands in one clause, none of them far from one
// of the first group, in whatever order, and no word of the groups that are excluded stands in that clause.
type pattern struct {
	*rule
	need, none []int32
}

// A vocabulary is the groups of words of all patterns.
type vocabulary struct {
	named  map[string][]string // What data/words.yml declares.
	groups map[string]int32    // The number of a group, by how patterns write it.
	words  [][]int32           // The groups that a word is in, by the number of its phrase.
}

// Words that stand for what is no word.
const (
	anyAddress = "@address" // A mail address.
	anyHost    = "@host"    // The name of a host or domain.
	anyIP      = "@ip"      // An IP address.
)

// compile makes a pattern ready. text is written as in Match.Near.
func (v *vocabulary) compile(text string, phrases *phraseSet, r *rule) (pattern, error) {
	p := pattern{rule: r}
	for word := range strings.FieldsSeq(strings.ReplaceAll(text, "| ", "|")) { // A line may end after a bar.
		rest, excluded := strings.CutPrefix(word, "-")
		id, err := v.group(rest, phrases)
		if err != nil {
			return p, err
		}
		if excluded {
			p.none = append(p.none, id)
		} else {
			p.need = append(p.need, id)
		}
	}
	if len(p.need) == 0 {
		return p, fmt.Errorf("near %q asks for no word", text)
	}
	return p, nil
}

// group is the number of a group, which is made where it is new: "full", "block*", "no|not", "no_such" or "$mailbox".
func (v *vocabulary) group(text string, phrases *phraseSet) (int32, error) {
	if id, ok := v.groups[text]; ok {
		return id, nil
	}
	words, err := v.expand(strings.Split(text, "|"), 0)
	if err != nil {
		return 0, err
	}
	id := int32(len(v.groups))
	v.groups[text] = id
	for _, word := range words {
		phrase, ok := phrases.addWord(word)
		if !ok {
			return 0, fmt.Errorf("near: word %q is shorter than %d bytes", word, minPhrase)
		}
		v.words = grow(v.words, phrase)
		if !slices.Contains(v.words[phrase], id) {
			v.words[phrase] = append(v.words[phrase], id)
		}
	}
	return id, nil
}

// maxTries is around how many places of its first word a pattern is looked for in one clause.
const maxTries = 3

// expand writes words out: "over_quota" is two words, "$mailbox" all of that group, which may name others.
func (v *vocabulary) expand(words []string, depth int) (out []string, err error) {
	for _, word := range words {
		name, isName := strings.CutPrefix(word, "$")
		if !isName {
			out = append(out, strings.ReplaceAll(word, "_", " "))
			continue
		}
		if v.named[name] == nil || depth > len(v.named) {
			return nil, fmt.Errorf("near: data/words.yml has no group %s", name)
		}
		more, err := v.expand(v.named[name], depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// An occurrence is where a word of a group stands.
type occurrence struct {
	group int32
	hit   hit
}

// near calls found for each pattern that a text holds. hits are the phrases in the text, in the order of their places.
func (c *classifier) near(hits []hit, found func(*rule, hit)) {
	for len(hits) > 0 {
		end := 1
		for end < len(hits) && hits[end].clause == hits[0].clause {
			end++
		}
		c.nearIn(hits[:end], found)
		hits = hits[end:]
	}
}

// maxGroups is for how many groups of words there is room without asking for memory.
const maxGroups = 1024

// nearIn looks for patterns in one clause. Most have words that are not in it, and of the others alone the words are looked for.
func (c *classifier) nearIn(hits []hit, found func(*rule, hit)) {
	var presentSpace, neededSpace [maxGroups / 64]uint64
	present, needed := marks(presentSpace[:]), marks(neededSpace[:])
	if n := len(c.words.groups)/64 + 1; n > len(present) {
		present, needed = make(marks, n), make(marks, n)
	}
	for _, h := range hits {
		for _, g := range c.groupsOf(h) {
			present.set(g)
		}
	}
	var patternRoom [32]*pattern
	patterns := patternRoom[:0]
	for g := range present.all() {
		for i := range c.byGroup[g] {
			if p := &c.byGroup[g][i]; p.possible(present) {
				patterns = append(patterns, p)
				for _, g := range p.need {
					needed.set(g)
				}
			}
		}
	}
	if len(patterns) == 0 {
		return
	}
	var placeRoom [64]occurrence
	places := placeRoom[:0]
	for _, h := range hits {
		for _, g := range c.groupsOf(h) {
			if needed.has(g) {
				places = append(places, occurrence{g, h})
			}
		}
	}
	for _, p := range patterns {
		p.find(places, found)
	}
}

// groupsOf returns the groups that a word is in.
func (c *classifier) groupsOf(h hit) []int32 {
	if int(h.id) < len(c.words.words) {
		return c.words.words[h.id]
	}
	return nil
}

// find calls found where the words of a pattern stand near one of its first group, of which no more than maxTries are tried.
func (p *pattern) find(places []occurrence, found func(*rule, hit)) {
	tries := 0
	for i := range places {
		if places[i].group != p.need[0] {
			continue
		}
		if h, ok := p.around(places, i); ok {
			found(p.rule, h)
		}
		if tries++; tries == maxTries {
			return
		}
	}
}

// possible reports whether a clause with words of these groups may hold a pattern.
func (p *pattern) possible(present marks) bool {
	for _, g := range p.need {
		if !present.has(g) {
			return false
		}
	}
	return !slices.ContainsFunc(p.none, present.has)
}

// around finds the words of a pattern around its first, at places[i]. The hit that it returns is as long as they are together.
func (p *pattern) around(places []occurrence, i int) (hit, bool) {
	first := places[i].hit
	out := first
	for _, g := range p.need[1:] {
		best := hit{length: -1}
		look := func(o occurrence) (within bool) {
			if max(o.hit.word-first.word, first.word-o.hit.word) > nearWords {
				return false
			}
			if o.group == g && !o.hit.overlaps(first) && o.hit.length > best.length {
				best = o.hit
			}
			return true
		}
		for j := i - 1; j >= 0 && look(places[j]); j-- {
		}
		for j := i + 1; j < len(places) && look(places[j]); j++ {
		}
		if best.length < 0 {
			return out, false
		}
		out.length += 1 + best.length
		out.at = min(out.at, best.at)
	}
	return out, true
}

// overlaps reports whether two hits share a byte.
func (h hit) overlaps(o hit) bool { return h.at < o.at+o.length && o.at < h.at+h.length }
