package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// An answer is what the catalogue knows of something that was asked. One word may name several things: a cause and a
// problem share some names.
type answer struct {
	asked      string
	replies    []explained
	problems   []catalog.Problem
	lists      []*catalog.Blocklist
	conditions []*catalog.Condition
	topics     []*catalog.Topic
	services   []*catalog.MailService
	settings   []*catalog.Setting
	providers  []*catalog.ProviderInfo
	causes     []catalog.Cause
	near       []catalog.Entry // Those with the most similar names, where nothing was found. They are no answer.
	badCode    bool            // It looks like a code and cannot be one.
}

func (a *answer) empty() bool {
	return len(a.replies)+len(a.problems)+len(a.lists)+len(a.conditions)+len(a.topics)+len(a.services)+
		len(a.settings)+len(a.providers)+len(a.causes) == 0
}

// addFound adds what a question names or mentions.
func (a *answer) addFound(f catalog.Found) {
	a.topics = append(a.topics, f.Topics...)
	a.services = append(a.services, f.Services...)
	a.conditions = append(a.conditions, f.Conditions...)
}

// An explained reply has what there is to tell of it.
type explained struct {
	bounce.Reply
	catalog.Classification
	advice catalog.Advice // Of the entry, or put together from the digits.
	known  bool           // An entry of the catalogue explains it.
	asked  bool           // Its digits are explained too: somebody typed it.
	values catalog.Values // What the reply says of this case: for the remedies.
}

// explain classifies a reply and says what it means, by its digits if the catalogue knows nothing better.
func (e *explainer) explain(r bounce.Reply) explained {
	x := explained{Reply: r, values: e.valuesOf(r)}
	server := cmp.Or(e.server, r.Server)
	x.Classification = e.cat.Classify(server, r.Code, r.Enhanced, r.Text)
	code := r.Code
	if code == 0 && strings.HasPrefix(r.Enhanced, "2.") {
		code, x.Entry = 250, nil // RFC 3463 section 3.1: class 2 is success, whatever the subject is.
	}
	if x.Entry == nil && code/100 < 4 && code != 0 {
		if c := e.cat.ReplyCode(code); c != nil {
			x.Verdict, x.Entry = c.Verdict, &c.Advice
		}
	}
	if x.Entry != nil {
		x.advice, x.known = *x.Entry, true
	} else {
		x.advice = e.byDigits(r)
	}
	if x.Retry == "" {
		x.Retry = catalog.RetryNo
		if r.Code/100 == 4 || r.Code == 0 && strings.HasPrefix(r.Enhanced, "4") {
			x.Retry = catalog.RetryLater
		}
	}
	x.Actor = cmp.Or(x.Actor, catalog.ActorSender)
	if b, ok := e.cat.BlocklistByID(x.Blocklist); ok && x.Provider == "" {
		onList(&x.advice, b)
		if b.Dead != nil {
			x.Actor = catalog.ActorProvider
		}
	}
	return x
}

// onList makes of the general advice about blocklists that about the one which a reply names.
func onList(a *catalog.Advice, b *catalog.Blocklist) {
	name := catalog.Text{}
	name.EN, _, _ = strings.Cut(b.Title.EN, ":")
	name.RU, _, _ = strings.Cut(b.Title.RU, ":")
	if b.Dead != nil { // The receiver has to take it out.
		a.Meaning = filled(words.listedDead, name)
		a.Causes, a.Remedies, a.References = b.Causes, b.Remedies, b.References
		return
	}
	id := catalog.Text{EN: b.ID, RU: b.ID}
	removal := catalog.Text{EN: strings.TrimSpace(b.Removal.URL + " " + b.Removal.EN), RU: strings.TrimSpace(b.Removal.URL + " " + b.Removal.RU)}
	if !slices.ContainsFunc(b.Kinds, func(k string) bool { return k != "domain" }) {
		a.Meaning = filled(words.listedDomain, name)
		a.Remedies = remedies(filled(words.listedOwnDomain, id, removal), words.listedMeanwhile)
		return
	}
	a.Meaning = filled(words.listed, name)
	a.Remedies = remedies(words.listedAtProvider, filled(words.listedOwnServer, id, removal), words.listedMeanwhile)
}

func remedies(list ...catalog.Text) (out []catalog.Remedy) {
	for _, t := range list {
		out = append(out, catalog.Remedy{Text: t})
	}
	return out
}

// filled is a text with others in the place of its verbs.
func filled(t catalog.Text, with ...catalog.Text) catalog.Text {
	var en, ru []any
	for _, w := range with {
		en, ru = append(en, w.EN), append(ru, w.RU)
	}
	return catalog.Text{EN: fmt.Sprintf(t.EN, en...), RU: fmt.Sprintf(t.RU, ru...)}
}

// byDigits says what a reply means that the catalogue does not know.
func (e *explainer) byDigits(r bounce.Reply) catalog.Advice {
	a := catalog.Advice{Remedies: remedies(words.giveText, words.askAdmin), References: e.cat.Reading().References}
	switch {
	case r.Code != 0:
		a.Title = words.unknownCode
	case r.Enhanced != "":
		a.Title = words.unknownEnhanced
	default:
		a.Title, a.Meaning, a.Remedies, a.References = words.unknownText, words.unknownMeaning, remedies(words.giveText), nil
		return a
	}
	var en, ru []string
	for _, line := range e.digits(r) {
		en, ru = append(en, line.text.EN), append(ru, line.text.RU)
	}
	a.Meaning = catalog.Text{EN: strings.Join(en, " "), RU: strings.Join(ru, " ")}
	return a
}

// A digitLine explains a part of a code.
type digitLine struct {
	part string
	text catalog.Text
}

// digits reads a reply's codes part by part.
func (e *explainer) digits(r bounce.Reply) (out []digitLine) {
	reading := e.cat.Reading()
	add := func(part string, t catalog.Text) {
		if t.EN != "" {
			out = append(out, digitLine{part, t})
		}
	}
	if r.Code != 0 {
		code := strconv.Itoa(r.Code)
		add(code[:1]+"xx", reading.Digits.First[code[:1]])
		add("x"+code[1:2]+"x", reading.Digits.Second[code[1:2]])
		if c := e.cat.ReplyCode(r.Code); c != nil {
			add(code, sentence(c.Title))
		}
	} else if r.Enhanced != "" {
		add(r.Enhanced[:1]+".x.x", reading.Digits.First[r.Enhanced[:1]])
	}
	if r.Enhanced != "" {
		f := strings.Split(r.Enhanced, ".")
		add("x."+f[1]+".x", reading.Subjects[f[1]])
		if c := e.cat.EnhancedCode(r.Enhanced); c != nil && f[0] != "2" { // Its title says what went wrong.
			add(r.Enhanced, sentence(c.Title))
		}
	}
	return out
}

// sentence makes a title one.
func sentence(t catalog.Text) catalog.Text { return catalog.Text{EN: t.EN + ".", RU: t.RU + "."} }

// atProviders are the entries in which providers give a code a meaning of their own: of the provider that was named, or of all.
func (e *explainer) atProviders(r bounce.Reply) (out []*catalog.Reply) {
	asked := e.server
	if id, ok := e.cat.Provider(e.server); ok {
		asked = id
	}
	for _, c := range e.cat.Replies() {
		m := c.Match
		switch {
		case c.Provider == "", asked != "" && c.Provider != asked:
		case len(m.Codes) > 0 && r.Code != 0 && !slices.Contains(m.Codes, r.Code):
		case r.Enhanced != "" && slices.Contains(m.Enhanced, r.Enhanced), r.Enhanced == "" && slices.Contains(m.Codes, r.Code):
			out = append(out, c)
		}
	}
	return out
}

var (
	startsWithCode = regexp.MustCompile(`(?is)^["'<(\[«“]*(?:smtp[;:]\s*)?([2-5]\d\d)(?:[-\s:;,.]+\(?#?([245]\.\d{1,3}\.\d{1,3})\b)?(?:$|[-\s:;,.)\]]+(.*))$`)
	enhancedAlone  = regexp.MustCompile(`(?s)^["'<(\[#]*([245]\.\d{1,3}\.\d{1,3})(?:$|[-\s:;,)\]]+(.*))$`)
	threeDigits    = regexp.MustCompile(`^\d{3}$`)
	// An enhanced code among words, and no piece of an IP address.
	enhancedAnywhere = regexp.MustCompile(`(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:$|[^\d.]|\.(?:\s|$))`)
	codeAnywhere     = regexp.MustCompile(`(?:^|\D)([245]\d\d)(?:$|\D)`)
)

// asksAbout recognises a question, which no server's reply is.
var asksAbout = regexp.MustCompile(`(?i)^(how|what|why|where|which|when|как|что|почему|зачем|где|куда|какой|какие)\s|\?$`)

// fewWords are too few for a server's reply: "spf record syntax".
const fewWords = 3

// answer looks up what was asked: names first, then replies, then words that speak of something.
func (e *explainer) answer(asked string) *answer {
	a := &answer{asked: asked}
	a.addFound(e.cat.Named(asked))
	if word := strings.ToLower(asked); !strings.ContainsAny(word, " \n") {
		e.lookUp(a, word)
	}
	if !a.empty() {
		return a
	}
	if r, ok := parseReply(asked); ok && !e.isPort(r) {
		a.replies = e.asked(r)
		return a
	}
	if replies, err := bounce.Read(strings.NewReader(asked)); err == nil && strings.ContainsAny(asked, " \n") {
		// Words without a code are looked for below.
		replies = slices.DeleteFunc(replies, func(r bounce.Reply) bool { return r.Code == 0 && r.Enhanced == "" || e.isPort(r) })
		a.replies = e.asked(replies...)
	}
	if !a.empty() {
		return a
	}
	if m := enhancedAnywhere.FindStringSubmatch(asked); m != nil { // "ndr 5.1.1"
		a.replies = e.asked(bounce.Reply{Enhanced: m[1], Text: joinLines(enhancedAnywhere.ReplaceAllString(asked, " "), "")})
		return a
	}
	if c := e.condition(asked); c != nil {
		a.conditions = append(a.conditions, c)
		return a
	}
	mentioned := e.cat.Mentioned(asked)
	if !mentioned.Empty() && (len(strings.Fields(asked)) <= fewWords || asksAbout.MatchString(asked)) {
		a.addFound(mentioned)
		return a
	}
	if x := e.explain(bounce.Reply{Text: asked}); x.known && strings.Contains(asked, " ") {
		a.replies = append(a.replies, x)
		return a
	}
	if m := codeAnywhere.FindStringSubmatch(asked); m != nil { // "SMTP error 550"
		code, _ := strconv.Atoi(m[1])
		if r := (bounce.Reply{Code: code}); !e.isPort(r) && (code >= 400 || !bounce.TellsOfFailure(asked)) {
			a.replies = e.asked(r)
			return a
		}
	}
	if a.addFound(mentioned); !a.empty() {
		return a
	}
	first, _, _ := strings.Cut(asked, " ")
	a.badCode = threeDigits.MatchString(first)
	a.near = e.nearestEntries(asked)
	return a
}

// isPort reports whether the code of a reply is none and the number of a port: 465, 587.
func (e *explainer) isPort(r bounce.Reply) bool {
	return r.Enhanced == "" && e.cat.ReplyCode(r.Code) == nil && len(e.cat.Named(strconv.Itoa(r.Code)).Topics) > 0
}

// asked explains replies that somebody typed.
func (e *explainer) asked(replies ...bounce.Reply) (out []explained) {
	for _, r := range replies {
		x := e.explain(r)
		x.asked = true
		out = append(out, x)
	}
	return out
}

// parseReply reads what begins as a reply does: "550 5.7.26 text", "550-5.7.26", "5.7.26".
func parseReply(s string) (bounce.Reply, bool) {
	if m := startsWithCode.FindStringSubmatch(s); m != nil {
		code, _ := strconv.Atoi(m[1])
		return bounce.Reply{Code: code, Enhanced: m[2], Text: joinLines(m[3], m[1])}, true
	}
	if m := enhancedAlone.FindStringSubmatch(s); m != nil {
		return bounce.Reply{Enhanced: m[1], Text: joinLines(m[2], "")}, true
	}
	return bounce.Reply{}, false
}

// joinLines takes the codes out of a text with which the further lines of a reply began.
func joinLines(text, code string) string {
	if code != "" {
		text = regexp.MustCompile(`(^|\s)`+code+`[- ]([245]\.\d{1,3}\.\d{1,3}\s)?`).ReplaceAllString(text, "$1")
	}
	return strings.Trim(strings.Join(strings.Fields(text), " "), `"»”`)
}

// lookUp finds everything that a word names.
func (e *explainer) lookUp(a *answer, word string) {
	if p, ok := catalog.ProblemByID(word); ok {
		a.problems = append(a.problems, p)
	}
	zone := strings.TrimSuffix(word, ".")
	for _, b := range e.cat.Blocklists() {
		if b.ID == word || b.Zone != "" && (b.Zone == zone || strings.HasSuffix(zone, "."+b.Zone)) {
			a.lists = append(a.lists, b)
		}
	}
	for _, c := range e.cat.Conditions() {
		if c.ID == word && !slices.Contains(a.conditions, c) {
			a.conditions = append(a.conditions, c)
		}
	}
	if t := e.cat.TopicByID(word); t != nil && !slices.Contains(a.topics, t) {
		a.topics = append(a.topics, t)
	}
	if id, ok := strings.CutPrefix(word, "setting_"); ok && e.cat.SettingByID(id) != nil {
		a.settings = append(a.settings, e.cat.SettingByID(id))
	}
	for _, s := range e.cat.MailServices() {
		if (s.ID == word || s.Provider == word) && !slices.Contains(a.services, s) {
			a.services = append(a.services, s)
		}
	}
	if p := e.cat.ProviderByID(word); p != nil {
		a.providers = append(a.providers, p)
	} else if id, ok := e.cat.Provider(zone); ok && strings.Contains(zone, ".") {
		a.providers = append(a.providers, e.cat.ProviderByID(id))
	} else if len(a.topics) == 0 {
		a.providers = append(a.providers, e.providersCalled(word)...)
	}
	if slices.Contains(catalog.Causes(), catalog.Cause(word)) {
		a.causes = append(a.causes, catalog.Cause(word))
	}
	e.lookUpEntry(a, word)
}

// providersCalled are the providers in whose name a word stands: "gmail", "hotmail", "яндекс".
func (e *explainer) providersCalled(word string) (out []*catalog.ProviderInfo) {
	for _, p := range e.cat.Providers() {
		if len(word) > 2 && (contains(folded(p.Name.EN), word) || contains(folded(p.Name.RU), word)) {
			out = append(out, p)
		}
	}
	return out
}

// lookUpEntry finds what an id names under which documents and JSON speak of a reply: "code_550", "reply_greylisted".
func (e *explainer) lookUpEntry(a *answer, word string) {
	for _, c := range e.cat.ReplyCodes() {
		if c.ID == word {
			a.replies = append(a.replies, e.asked(bounce.Reply{Code: c.Code})...)
		}
	}
	for _, c := range e.cat.EnhancedCodes() {
		if c.ID == word {
			a.replies = append(a.replies, e.asked(bounce.Reply{Enhanced: "5." + c.Detail})...)
		}
	}
	for _, c := range e.cat.Replies() {
		if c.ID == word {
			class := catalog.Classification{Verdict: c.Verdict, Entry: &c.Advice, Provider: c.Provider}
			a.replies = append(a.replies, explained{Classification: class, advice: c.Advice, known: true})
		}
	}
}

// condition finds what people look for that is no reply; nil if nothing of that name is known. The longest phrase decides.
func (e *explainer) condition(asked string) *catalog.Condition {
	asked = folded(asked)
	var best *catalog.Condition
	longest := 0
	for _, c := range e.cat.Conditions() {
		for _, phrase := range c.Words {
			phrase = folded(phrase)
			length := 0
			switch {
			case contains(asked, phrase):
				length = len(phrase)
			case strings.Contains(asked, " ") && contains(phrase, asked):
				length = len(asked)
			}
			if length > longest {
				best, longest = c, length
			}
		}
	}
	return best
}

// folded is s in lower case, its punctuation spaces.
func folded(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return strings.ContainsRune(" \t\r\n:;,.!?\"'«»“”()[]<>", r)
	}), " ")
}

// contains reports whether whole words of s are those of part.
func contains(s, part string) bool {
	return part != "" && strings.Contains(" "+s+" ", " "+part+" ")
}

// maxNear is how many nearest entries are shown.
const maxNear = 8

// nearestEntries are the entries whose names are most like what was asked: for a word those whose id differs by few letters, then
// those whose title or name shares the most with it.
func (e *explainer) nearestEntries(asked string) (out []catalog.Entry) {
	entries := e.cat.Entries()
	for _, c := range catalog.Causes() {
		entries = append(entries, catalog.Entry{Kind: kindCause, ID: string(c), Title: words.causeWords[c]})
	}
	var near []catalog.Entry
	if word := strings.ToLower(asked); !strings.ContainsAny(word, " \n") {
		ids := make([]string, len(entries))
		for i, entry := range entries {
			ids[i] = entry.ID
		}
		for _, id := range nearest(word, ids) {
			near = append(near, entries[slices.Index(ids, id)])
		}
	}
	for _, entry := range append(near, e.cat.Nearest(asked)...) {
		if len(out) < maxNear && !slices.Contains(out, entry) {
			out = append(out, entry)
		}
	}
	return out
}

// kindCause is the kind of an entry that is a cause; the others are the catalogue's.
const kindCause = "cause"

// nearest returns up to ten ids that may have been meant: the most similar first, then those that the word is a part of.
func nearest(word string, ids []string) []string {
	if len(word) < 3 || len(word) > 64 {
		return nil
	}
	far := max(1, len(word)/3)
	distance := func(id string) int {
		d := targets.EditDistance(word, id)
		if strings.Contains(id, word) {
			d = min(d, 2+strings.Index(id, word))
		}
		return d
	}
	near := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return distance(id) > far && !strings.Contains(id, word) })
	slices.SortStableFunc(near, func(a, b string) int { return cmp.Compare(distance(a), distance(b)) })
	return near[:min(len(near), 10)]
}
