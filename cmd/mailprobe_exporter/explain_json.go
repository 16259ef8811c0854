package main

import (
	"encoding/json"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
)

// adviceJSON is an entry's text in one language.
type adviceJSON struct {
	Title      string   `json:"title"`
	Meaning    string   `json:"meaning"`
	Causes     []string `json:"causes"`
	Remedies   []string `json:"remedies"`
	References []string `json:"references"`
}

// replyJSON is a reply with its explanation.
type replyJSON struct {
	Code      *int          `json:"code"` // null where there is none.
	Enhanced  string        `json:"enhanced"`
	Text      string        `json:"text"`
	Provider  string        `json:"provider"`
	Entry     string        `json:"entry"`
	Cause     catalog.Cause `json:"cause"`
	Retry     catalog.Retry `json:"retry"`
	Actor     catalog.Actor `json:"actor"`
	Blocklist string        `json:"blocklist"`
	adviceJSON
}

type problemJSON struct {
	ID       string           `json:"id"`
	Check    string           `json:"check"`
	Severity catalog.Severity `json:"severity"`
	Who      catalog.Who      `json:"who"`
	When     string           `json:"when"`
	adviceJSON
}

type conditionJSON struct {
	ID    string        `json:"id"`
	Cause catalog.Cause `json:"cause"`
	Retry catalog.Retry `json:"retry"`
	Actor catalog.Actor `json:"actor"`
	adviceJSON
}

type blocklistJSON struct {
	ID      string       `json:"id"`
	Zone    string       `json:"zone"`
	Kinds   []string     `json:"kinds"`
	Groups  []string     `json:"groups"`
	Scope   string       `json:"scope"`
	Dead    *deadJSON    `json:"dead"` // null while it lives.
	Answers []answerJSON `json:"answers"`
	Terms   string       `json:"terms"`
	Removal removalJSON  `json:"removal"`
	adviceJSON
}

type deadJSON struct {
	Since string `json:"since"`
	Text  string `json:"text"`
}

type answerJSON struct {
	Answer   string           `json:"answer"`
	Meaning  string           `json:"meaning"`
	Severity catalog.Severity `json:"severity"`
	Text     string           `json:"text"`
}

type removalJSON struct {
	URL  string `json:"url"`
	Text string `json:"text"`
}

type providerJSON struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Hosts   []string `json:"hosts"`
	Entries []string `json:"entries"` // Of its replies.
}

type rowJSON struct {
	Count    int           `json:"count"`
	Codes    []string      `json:"codes"`
	Provider string        `json:"provider"`
	Cause    catalog.Cause `json:"cause"`
	Example  replyJSON     `json:"example"`
}

// write sends a value as indented JSON.
func (e *explainer) write(v any) error {
	enc := json.NewEncoder(e.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// say is a text in the language asked for.
func (e *explainer) say(t catalog.Text) string { return plain(t.In(e.lang)) }

// texts are texts in the language asked for, never nil.
func (e *explainer) texts(in []catalog.Text) []string {
	out := make([]string, len(in))
	for i, t := range in {
		out[i] = e.say(t)
	}
	return out
}

func (e *explainer) adviceJSON(a *catalog.Advice, values catalog.Values) adviceJSON {
	return adviceJSON{e.say(a.Title), plain(a.MeaningFor(e.lang, values)), e.texts(a.Causes), e.remedies(a.Remedies, values), list(a.References)}
}

// remedies are those that apply where these values are known, never nil.
func (e *explainer) remedies(in []catalog.Remedy, values catalog.Values) []string {
	out := []string{}
	for _, s := range catalog.FillRemedies(in, e.lang, values) {
		out = append(out, plain(s))
	}
	return out
}

// list is s, never nil.
func list(s []string) []string { return append([]string{}, s...) }

func (e *explainer) replyJSON(x explained) replyJSON {
	out := replyJSON{
		Enhanced: x.Enhanced, Text: sanitise(x.Text), Provider: x.Provider, Entry: x.advice.ID, Cause: x.Cause, Retry: x.Retry, Actor: x.Actor,
		Blocklist: x.Blocklist, adviceJSON: e.adviceJSON(&x.advice, x.values),
	}
	if x.Code != 0 {
		out.Code = &x.Code
	}
	return out
}

func (e *explainer) repliesJSON(found []explained) []replyJSON {
	out := make([]replyJSON, len(found))
	for i, x := range found {
		out[i] = e.replyJSON(x)
	}
	return out
}

// writeFound writes the replies of a letter and, if that is what it is about, how it arrived.
func (e *explainer) writeFound(found finding) error {
	out := map[string]any{"replies": e.repliesJSON(found.replies)}
	if found.kind != bounce.KindText {
		out["kind"] = found.kind.String()
	}
	if found.complaint != "" {
		out["feedback_type"] = found.complaint
	}
	if found.letter != nil {
		out["letter"] = e.letterJSON(found.letter)
	}
	return e.write(out)
}

// writeAnswer writes what was found, each kind of thing under its name. If nothing was, the list of replies is empty, and nearest
// holds what has a similar name.
func (e *explainer) writeAnswer(a *answer) error {
	out := map[string]any{}
	if len(a.replies) > 0 || a.empty() {
		out["replies"] = e.repliesJSON(a.replies)
	}
	add(out, "problems", a.problems, func(p catalog.Problem) problemJSON {
		return problemJSON{p.ID, p.Check, p.Severity, p.Who, e.say(p.When), e.adviceJSON(&p.Advice, nil)}
	})
	add(out, "conditions", a.conditions, func(c *catalog.Condition) conditionJSON {
		return conditionJSON{c.ID, c.Cause, c.Retry, c.Actor, e.adviceJSON(&c.Advice, nil)}
	})
	add(out, "topics", a.topics, e.topicJSON)
	add(out, "mail_services", a.services, e.mailServiceJSON)
	add(out, "settings", a.settings, e.settingJSON)
	add(out, "nearest", a.near, e.entryJSON)
	add(out, "blocklists", a.lists, e.blocklistJSON)
	add(out, "providers", a.providers, e.providerJSON)
	add(out, "causes", a.causes, e.causeJSON)
	return e.write(out)
}

func add[T, J any](out map[string]any, name string, from []T, as func(T) J) {
	if len(from) == 0 {
		return
	}
	list := make([]J, len(from))
	for i, v := range from {
		list[i] = as(v)
	}
	out[name] = list
}

func (e *explainer) blocklistJSON(b *catalog.Blocklist) blocklistJSON {
	out := blocklistJSON{
		ID: b.ID, Zone: b.Zone, Kinds: list(b.Kinds), Groups: list(b.Groups), Scope: b.Scope, Terms: e.say(b.Terms),
		Removal: removalJSON{b.Removal.URL, e.say(b.Removal.Text)}, Answers: []answerJSON{},
		adviceJSON: adviceJSON{e.say(b.Title), e.say(b.Lists), e.texts(b.Causes), e.remedies(b.Remedies, nil), list(b.References)},
	}
	for _, a := range answersOf(b) {
		out.Answers = append(out.Answers, answerJSON{a.answer, a.Meaning, a.Severity, e.say(a.Text)})
	}
	if b.Dead != nil {
		out.Dead = &deadJSON{b.Dead.Since, e.say(b.Dead.Text)}
	}
	return out
}

func (e *explainer) providerJSON(info *catalog.ProviderInfo) providerJSON {
	out := providerJSON{info.ID, e.say(info.Name), list(info.Hosts), []string{}}
	for _, r := range e.cat.Replies() {
		if r.Provider == info.ID {
			out.Entries = append(out.Entries, r.ID)
		}
	}
	return out
}

// causeJSON is a cause with its most general entry.
func (e *explainer) causeJSON(c catalog.Cause) conditionJSON {
	out := conditionJSON{ID: string(c), Cause: c, adviceJSON: e.adviceJSON(&catalog.Advice{Title: words.causeWords[c]}, nil)}
	if a, v := e.causeEntry(c); a != nil {
		out.Retry, out.Actor, out.adviceJSON = v.Retry, v.Actor, e.adviceJSON(a, nil)
	}
	return out
}

// summaryJSON is what a log holds.
type summaryJSON struct {
	Lines        int         `json:"lines"`
	Known        int         `json:"known_lines"` // Of a form that is known.
	Replies      int         `json:"replies"`
	Accepted     int         `json:"accepted"`
	Inbound      int         `json:"inbound"`
	Rows         []rowJSON   `json:"rows"`
	Unclassified []replyJSON `json:"unclassified"`
}

// writeSummary writes the rows of a log, each with its example explained.
func (e *explainer) writeSummary(s *bounce.Summary) error {
	out := summaryJSON{s.Lines, s.Known, s.Replies, s.Accepted, s.Inbound, make([]rowJSON, len(s.Rows)), make([]replyJSON, len(s.Unclassified))}
	for i, r := range s.Rows {
		out.Rows[i] = rowJSON{r.Count, list(r.Codes), r.Provider, r.Cause, e.replyJSON(e.explain(r.Example))}
	}
	for i, r := range s.Unclassified {
		out.Unclassified[i] = e.replyJSON(e.explain(r))
	}
	return e.write(out)
}
