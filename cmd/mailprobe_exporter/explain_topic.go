package main

import (
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// topicJSON is a topic with what belongs to it.
type topicJSON struct {
	ID string `json:"id"`
	adviceJSON
	Entries []entryJSON `json:"entries"` // Problems, causes, conditions, replies, settings and other topics.
}

type entryJSON struct {
	Kind  string `json:"kind"`
	ID    string `json:"id"`
	Title string `json:"title"`
}

type settingJSON struct {
	ID    string      `json:"id"`
	Title string      `json:"title"`
	Where []whereJSON `json:"where"`
}

type whereJSON struct {
	Program string `json:"program"`
	Path    string `json:"path"`
}

type mailServiceJSON struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Provider string           `json:"provider"`
	Servers  []mailServerJSON `json:"servers"`
	User     string           `json:"user"`
	Password string           `json:"password"`
	Before   string           `json:"before"`
	Limits   string           `json:"limits"`
	Page     string           `json:"page"`
	Checked  string           `json:"checked"` // A date.
}

type mailServerJSON struct {
	Protocol   string `json:"protocol"`
	Host       string `json:"host"`
	Port       int    `json:"port"`
	Encryption string `json:"encryption"`
}

func (e *explainer) topicJSON(t *catalog.Topic) topicJSON {
	out := topicJSON{ID: t.ID, adviceJSON: e.adviceJSON(&t.Advice, nil), Entries: []entryJSON{}}
	for _, entry := range slices.Concat(
		e.related(t), e.entriesOf(catalog.KindSetting, settingIDs(t)), e.entriesOf(catalog.KindTopic, t.See),
	) {
		out.Entries = append(out.Entries, e.entryJSON(entry))
	}
	return out
}

func (e *explainer) entryJSON(entry catalog.Entry) entryJSON {
	return entryJSON{entry.Kind, entry.ID, e.say(entry.Title)}
}

func (e *explainer) mailServiceJSON(s *catalog.MailService) mailServiceJSON {
	out := mailServiceJSON{
		s.ID, e.say(s.Name), s.Provider, make([]mailServerJSON, len(s.Servers)), e.say(s.User), e.say(s.Password),
		e.say(s.Before), e.say(s.Limits), s.Page, s.Checked.On,
	}
	for i, m := range s.Servers {
		out.Servers[i] = mailServerJSON(m)
	}
	return out
}

func (e *explainer) settingJSON(s *catalog.Setting) settingJSON {
	out := settingJSON{"setting_" + s.ID, e.say(s.Title), make([]whereJSON, len(s.Where))}
	for i, w := range s.Where {
		out.Where[i] = whereJSON{w.Program, e.say(w.Path)}
	}
	return out
}

// related are the problems, conditions and replies that belong to a topic, and the causes of such
// replies.
func (e *explainer) related(t *catalog.Topic) []catalog.Entry {
	out := e.cat.Related(t)
	for _, c := range t.Reasons {
		out = append(out, catalog.Entry{Kind: kindCause, ID: string(c), Title: words.causeWords[c]})
	}
	return out
}

// entriesOf are the entries of a kind with these ids.
func (e *explainer) entriesOf(kind string, ids []string) (out []catalog.Entry) {
	for _, id := range ids {
		if entry, ok := e.cat.Entry(kind, id); ok {
			out = append(out, entry)
		}
	}
	return out
}

// settingIDs are the settings in mail programs of which a topic speaks, as entries are called.
func settingIDs(t *catalog.Topic) []string {
	out := make([]string, len(t.Programs))
	for i, id := range t.Programs {
		out[i] = "setting_" + id
	}
	return out
}

// printTopic says what something is, what to do first, what goes wrong with it, and what belongs to
// it.
func (e *explainer) printTopic(p *page, t *catalog.Topic) {
	p.title(p.say(t.Title))
	p.blank()
	p.text("", p.say(t.Meaning))
	p.heading(p.say(words.topicRemedies))
	p.numbered(t.RemediesFor(p.lang, nil))
	p.heading(p.say(words.topicCauses))
	p.bullets(t.Causes)
	if related := e.related(t); len(related) > 0 {
		p.heading(p.say(words.belongs))
		e.printEntries(p, related)
	}
	if settings := e.entriesOf(catalog.KindSetting, settingIDs(t)); len(settings) > 0 {
		p.heading(p.say(words.programs))
		e.printEntries(p, settings)
	}
	if see := e.entriesOf(catalog.KindTopic, t.See); len(see) > 0 {
		asked := make([]string, len(see))
		for i, entry := range see {
			asked[i] = "explain " + entry.ID
		}
		p.blank()
		p.text("", p.say(words.seeAlso, strings.Join(asked, ", ")))
	}
	e.printReferences(p, t.References)
}

// printEntries names entries, each with what to ask for it.
func (e *explainer) printEntries(p *page, entries []catalog.Entry) {
	for _, entry := range entries {
		p.item("  - ", "explain "+askedFor(entry)+": "+p.say(entry.Title))
	}
}

// askedFor is what to ask for an entry: its id, but codes as people write them.
func askedFor(entry catalog.Entry) string {
	if entry.Kind != catalog.KindReply {
		return entry.ID
	}
	if code, ok := strings.CutPrefix(entry.ID, "code_"); ok {
		return code
	}
	if detail, ok := strings.CutPrefix(entry.ID, "enhanced_"); ok {
		return "5." + strings.ReplaceAll(detail, "_", ".")
	}
	return entry.ID
}

// encryptions are the kinds of encryption as mail programs call them.
var encryptions = map[string]string{"tls": "SSL/TLS", "starttls": "STARTTLS"}

// printMailService says what to enter in a mail program.
func (e *explainer) printMailService(p *page, s *catalog.MailService) {
	p.title(p.say(words.mailService, p.say(s.Name)))
	p.blank()
	protocols := map[string]catalog.Text{"smtp": words.outgoing, "imap": words.incomingIMAP, "pop3": words.incomingPOP3}
	for _, m := range s.Servers {
		p.item("  - ", p.say(words.server, p.say(protocols[m.Protocol]), m.Host, m.Port, encryptions[m.Encryption]))
	}
	for _, line := range []struct{ label, text catalog.Text }{
		{words.user, s.User}, {words.password, s.Password}, {words.before, s.Before}, {words.limits, s.Limits},
	} {
		if line.text.EN != "" {
			p.item("  - ", p.say(line.label, p.say(line.text)))
		}
	}
	checked := words.checkedOthers
	if s.Checked.By == "provider" {
		checked = words.checkedOwn
	}
	p.blank()
	p.text("", p.say(checked, s.Checked.On, s.Page))
	if s.Provider != "" {
		p.text("", p.say(words.serviceReplies, s.Provider))
	}
}
