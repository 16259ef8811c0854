package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWords is how many words of a question are looked at. Whoever writes more has pasted a text.
const maxWords = 40

// A searchIndex finds topics, services and conditions by what people call them. Words are compared
// by their stems, so that case and inflection do not matter, and words that carry no meaning are
// left out.
type searchIndex struct {
	whole   map[string][]named // By all stems of a phrase, together and in the order of the alphabet.
	phrases []named            // Of topics and services.
}

// A named is a topic, a service or a condition with one of its phrases.
type named struct {
	topic     *Topic
	service   *MailService
	condition *Condition
	host      bool // The phrase is the name of a server, which several services may share.
	stems     []string
}

// Found is what a question names.
type Found struct {
	Topics     []*Topic
	Services   []*MailService
	Conditions []*Condition
}

// Empty reports whether nothing was found.
func (f Found) Empty() bool { return len(f.Topics)+len(f.Services)+len(f.Conditions) == 0 }

func (f *Found) add(n named) {
	if n.topic != nil && !slices.Contains(f.Topics, n.topic) {
		f.Topics = append(f.Topics, n.topic)
	}
	if n.service != nil && !slices.Contains(f.Services, n.service) {
		f.Services = append(f.Services, n.service)
	}
	if n.condition != nil && !slices.Contains(f.Conditions, n.condition) {
		f.Conditions = append(f.Conditions, n.condition)
	}
}

// newSearchIndex indexes what a catalogue has. The error tells of phrases that lead to two things.
func newSearchIndex(c *Catalog) (*searchIndex, error) {
	x := &searchIndex{whole: map[string][]named{}}
	var errs []error
	add := func(n named, phrase string) {
		words := wordsOf(phrase)
		if n.stems = stems(words); len(words) == 0 {
			errs = append(errs, fmt.Errorf("%s: %q holds no word that means something", n.owner(), phrase))
			return
		}
		for _, key := range keys(words) {
			for _, other := range x.whole[key] {
				if other.owner() != n.owner() && !(n.host && other.host) {
					errs = append(errs, fmt.Errorf("%s: %q leads to %s, too", n.owner(), phrase, other.owner()))
				}
			}
			x.whole[key] = append(x.whole[key], n)
		}
		if n.condition == nil {
			x.phrases = append(x.phrases, n)
		}
	}
	for _, t := range c.topics {
		for _, phrase := range t.Words {
			add(named{topic: t}, phrase)
		}
	}
	for _, s := range c.services {
		for _, phrase := range s.Words {
			add(named{service: s}, phrase)
		}
		for _, m := range s.Servers {
			add(named{service: s, host: true}, m.Host)
		}
	}
	for _, e := range c.conditions {
		for _, phrase := range e.Words {
			add(named{condition: e}, phrase)
		}
	}
	return x, errors.Join(errs...)
}

func (n named) owner() string {
	switch {
	case n.topic != nil:
		return "topic " + n.topic.ID
	case n.service != nil:
		return "mail service " + n.service.ID
	}
	return "condition " + n.condition.ID
}

// keys are the forms under which words are found as a whole: written together ("start tls" is
// "starttls"), and in any order.
func keys(words []string) []string {
	sorted := slices.Sorted(slices.Values(stems(words)))
	return []string{stem(strings.Join(words, "")), strings.Join(sorted, " ")}
}

// Named finds the topic, the service or the condition that a question is the name of, as a whole.
func (c *Catalog) Named(question string) (f Found) {
	asked := wordsOf(question)
	if len(asked) == 0 || len(asked) > maxWords {
		return f
	}
	for _, key := range keys(asked) {
		for _, n := range c.search().whole[key] {
			f.add(n)
		}
	}
	return f
}

// Mentioned finds the topics and services that a question speaks of: those with the phrase of the
// most words, all of which stand in the question in any order. General topics are not looked for:
// "mail" stands in questions about anything.
func (c *Catalog) Mentioned(question string) (f Found) {
	asked := stems(wordsOf(question))
	if len(asked) > maxWords {
		return f
	}
	var best []named
	for _, n := range c.search().phrases {
		if n.topic != nil && n.topic.General || !n.within(asked) {
			continue
		}
		if len(best) > 0 && len(n.stems) > len(best[0].stems) {
			best = best[:0]
		}
		if len(best) == 0 || len(n.stems) == len(best[0].stems) {
			best = append(best, n)
		}
	}
	for _, n := range best {
		f.add(n)
	}
	return f
}

// within reports whether all words of a phrase are among those asked. A small number alone is a
// name only by itself: "25" is a port, "25 messages" speaks of none.
func (n named) within(asked []string) bool {
	if len(n.stems) == 1 && strings.Trim(n.stems[0], "0123456789.x") == "" {
		if port, err := strconv.Atoi(n.stems[0]); err != nil || port < 400 {
			return false
		}
	}
	for _, s := range n.stems {
		if !slices.Contains(asked, s) {
			return false
		}
	}
	return true
}

// idle are words that a question may have or lack without asking something else, as stems.
var idle = func() map[string]bool {
	out := map[string]bool{}
	for _, text := range []string{
		"a an the is are was be been do does did to of in on at for from with and or",
		"my our your i we you it its this that there",
		"what why how when where which who s e please help explain about mean means meaning fix",
		"get getting got go goes keep",
		"что это такое как почему зачем где когда какой какая какие какую ли",
		"для в во на по с со и или из от у о об к ко за до мой моя мои моё мне",
		"наш наша наши ваш меня нас мы вы я он она они его её их нужно надо можно",
		"делать сделать исправить узнать объяснить значит означает через при й",
	} {
		for word := range strings.FieldsSeq(text) {
			out[stem(strings.ReplaceAll(word, "ё", "е"))] = true
		}
	}
	return out
}()

// wordsOf are the words of a text, but for idle ones if there are others.
func wordsOf(text string) []string {
	var all, some []string
	for _, word := range splitWords(text) {
		if all = append(all, word); !idle[stem(word)] {
			some = append(some, word)
		}
	}
	if len(some) == 0 {
		return all
	}
	return some
}

func stems(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = stem(w)
	}
	return out
}

// maxAsked is how much of a question is split into words, in bytes. It is more than maxWords of
// them need.
const maxAsked = 4 << 10

// splitWords are the words of a text in lower case. A dot within a Latin word stays: "mail.ru",
// "5.7.x".
func splitWords(text string) (out []string) {
	text = strings.ReplaceAll(strings.ToLower(text[:min(len(text), maxAsked)]), "ё", "е")
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r != '.' && !partOfWord(r) }) {
		parts := []string{strings.Trim(word, ".")}
		if strings.ContainsFunc(word, func(r rune) bool { return r > unicode.MaxASCII }) {
			parts = strings.Split(word, ".")
		}
		for _, part := range parts {
			if part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// partOfWord reports whether a character is part of a word.
func partOfWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// The endings that stem takes off, longest first.
var (
	englishEndings = []string{"ings", "ing", "ies", "ied", "ed", "es", "s", "y", "e"}
	russianEndings = func() []string {
		out := strings.Fields(`
			иями ями ами иях ях ах иям ям ам ией ей ой ий ый ого его ому ему ыми ими
			ешь ете ает ают яет яют ует уют ить ать ять еть
			ил ила или ило ал ала али ало ел ела ели ело ял яла яли яло
			ут ют ат ят ит ет ия ие ии ая яя ое ее ые ую юю ых их ым им ом ем ов ев ью ию а я о е и ы у ю ь й`)
		slices.SortStableFunc(out, func(a, b string) int { return len(b) - len(a) })
		return out
	}()
)

// leastStem is the length of the shortest stem, in characters.
const leastStem = 3

// stem cuts the usual endings off a word in lower case, so that its forms become the same. It need
// not be a word's true stem.
func stem(word string) string {
	first, _ := utf8.DecodeRuneInString(word)
	switch {
	case strings.ContainsFunc(word, func(r rune) bool { return r == '.' || unicode.IsDigit(r) }):
		return word // A host, a code, a number.
	case unicode.Is(unicode.Cyrillic, first):
		return russianStem(word)
	}
	return englishStem(word)
}

func englishStem(word string) string {
	for _, end := range englishEndings {
		rest, ok := strings.CutSuffix(word, end)
		if !ok || len(rest) < leastStem || strings.HasSuffix(word, "ss") || end == "s" && strings.HasSuffix(rest, "p") ||
			end == "y" && strings.HasSuffix(rest, "a") {
			continue // "address", "imaps", "relay".
		}
		if n := len(rest); n > leastStem && rest[n-1] == rest[n-2] && strings.HasSuffix(end, "ing") {
			rest = rest[:n-1] // "spamming".
		}
		if end != "y" && end != "e" && len(rest) > leastStem {
			rest = strings.TrimSuffix(rest, "e")
		}
		return rest
	}
	return word
}

func russianStem(word string) string {
	if n := utf8.RuneCountInString(word); n > 4 && (strings.HasSuffix(word, "ок") || strings.HasSuffix(word, "ек")) {
		return strings.TrimSuffix(strings.TrimSuffix(word, "ок"), "ек") + "к" // "список", "рассылок".
	}
	if strings.HasPrefix(word, "писем") {
		return "письм"
	}
	if rest, ok := strings.CutSuffix(word, "ся"); ok && utf8.RuneCountInString(rest) > leastStem {
		word = rest
	}
	for range 2 { // "сертификаты", "сертификат" and "сертификата" lose the same in the end.
		for _, end := range russianEndings {
			if rest, ok := strings.CutSuffix(word, end); ok && utf8.RuneCountInString(rest) >= leastStem {
				word = rest
				break
			}
		}
	}
	return word
}

// maxNear is how many nearest entries are returned, and maxQuestion how many bytes of a question
// are compared.
const (
	maxNear     = 8
	maxQuestion = 300
)

// leastNear is how similar an entry has to be to be named at all, of 1; enoughNear how similar to
// the best, of 1.
const (
	leastNear  = 0.4
	enoughNear = 0.6
)

// Nearest returns the entries whose names are most like a question, the most similar first, few or
// none. None of them is the answer.
func (c *Catalog) Nearest(question string) (out []Entry) {
	question = question[:min(len(question), maxQuestion)]
	asked, askedStems := trigramSet(question), stems(wordsOf(question))
	if len(asked) == 0 {
		return nil
	}
	type scored struct {
		Entry
		score float64
	}
	var near []scored
	for _, e := range c.entryList {
		score := 0.0
		for _, name := range c.namesOf(e) {
			if like := similarity(asked, name); like >= leastNear/2 { // Words in common have trigrams in common.
				score = max(score, like, overlap(askedStems, stems(wordsOf(name))))
			}
		}
		if score >= leastNear {
			near = append(near, scored{e, score})
		}
	}
	slices.SortStableFunc(near, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	for _, n := range near {
		if len(out) < maxNear && n.score >= enoughNear*near[0].score {
			out = append(out, n.Entry)
		}
	}
	return out
}

// namesOf are the names by which an entry is near a question.
func (c *Catalog) namesOf(e Entry) []string {
	names := []string{e.ID, e.Title.EN, e.Title.RU}
	if e.Kind == KindTopic {
		names = append(names, c.topicByID[e.ID].Words...)
	}
	return names
}

// A trigram is three characters in a row of a text in lower case, whose words have a space before
// and behind them.
type trigram [3]rune

// trigrams gives those of a text; a word at an end of the text counts as between spaces.
func trigrams(text string) iter.Seq[trigram] {
	return func(yield func(trigram) bool) {
		t := trigram{0, 0, ' '}
		for _, r := range text + " " {
			switch r = unicode.ToLower(r); {
			case r == 'ё':
				r = 'е'
			case r != '.' && !partOfWord(r):
				r = ' '
			}
			if r == ' ' && t[2] == ' ' {
				continue
			}
			if t = (trigram{t[1], t[2], r}); t[0] != 0 && t[1] != ' ' && !yield(t) {
				return
			}
		}
	}
}

// trigramSet is those of a question, but for words that mean nothing.
func trigramSet(question string) map[trigram]bool {
	out := map[trigram]bool{}
	for _, word := range splitWords(question) {
		if !idle[stem(word)] {
			for t := range trigrams(word) {
				out[t] = true
			}
		}
	}
	return out
}

// similarity is how many of the trigrams of a question and a name are in both, of 1.
func similarity(asked map[trigram]bool, name string) float64 {
	common, all := 0, 0
	for t := range trigrams(name) {
		all++
		if asked[t] {
			common++
		}
	}
	if common == 0 {
		return 0
	}
	return 2 * float64(common) / float64(len(asked)+all)
}

// overlap is how many of the words asked are in a name, of 1, where there are at least two.
func overlap(asked, name []string) float64 {
	common := 0
	for _, s := range asked {
		if len(s) >= leastStem && slices.Contains(name, s) {
			common++
		}
	}
	if common < 2 {
		return 0
	}
	return float64(common) / float64(max(len(asked), len(name)))
}
