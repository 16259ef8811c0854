package docs

import (
	"fmt"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// topicsPage is docs/topics.md: a list of all topics, then each one.
func topicsPage(lang catalog.Lang) string {
	return made(lang, func(p *page) {
		c := catalog.Default()
		p.settings = "replies" + p.suffix() + ".md"
		for _, t := range c.Topics() {
			p.f("- [%s](#%s)\n", p.text(t.Title), t.ID)
		}
		p.f("\n")
		for _, t := range c.Topics() {
			p.topic(c, t)
		}
	})
}

func (p *page) topic(c *catalog.Catalog, t *catalog.Topic) {
	p.entry(t.ID, p.text(t.Title))
	p.advice(&t.Advice)
	var related []string
	for _, e := range c.Related(t) {
		related = append(related, p.entryLink(e))
	}
	for _, r := range t.Reasons {
		related = append(related, code(`cause="`+string(r)+`"`))
	}
	if len(related) > 0 {
		p.f("%s: %s\n\n", p.label("belongs"), strings.Join(related, "; "))
	}
	if len(t.See) > 0 {
		see := make([]string, len(t.See))
		for i, id := range t.See {
			see[i] = fmt.Sprintf("[%s](#%s)", p.text(c.TopicByID(id).Title), id)
		}
		p.f("%s: %s\n\n", p.label("see"), strings.Join(see, "; "))
	}
	p.f("%s: %s\n\n", p.label("lookedFor"), codeList(t.Words))
	p.references(t.References)
}

// entryLink leads to an entry on its page.
func (p *page) entryLink(e catalog.Entry) string {
	file := "replies"
	if e.Kind == catalog.KindProblem {
		file = "problems"
	}
	for _, r := range catalog.Default().Replies() {
		if r.ID == e.ID && r.Provider != "" {
			file = "providers"
		}
	}
	return fmt.Sprintf("[%s](%s%s.md#%s)", p.text(e.Title), file, p.suffix(), e.ID)
}

// mailSettingsPage is docs/mail-settings.md: what to enter in mail programs, in one table and by
// provider.
func mailSettingsPage(lang catalog.Lang) string {
	encryptions := map[string]string{"tls": "SSL/TLS", "starttls": "STARTTLS"}
	return made(lang, func(p *page) {
		p.tableHead("provider_", "protocol", "server", "port", "encryption")
		for _, s := range catalog.Default().MailServices() {
			for _, m := range s.Servers {
				p.f("| [%s](#%s) | %s | `%s` | %d | %s |\n", cell(p.text(s.Name)), s.ID, strings.ToUpper(m.Protocol), m.Host, m.Port,
					encryptions[m.Encryption])
			}
		}
		p.f("\n")
		for _, s := range catalog.Default().MailServices() {
			p.f("## <a id=\"%s\"></a>%s\n\n", s.ID, p.text(s.Name))
			for _, line := range []struct {
				label string
				text  catalog.Text
			}{{"user", s.User}, {"password", s.Password}, {"before", s.Before}, {"limits", s.Limits}} {
				if line.text.EN != "" {
					p.f("- %s: %s\n", p.label(line.label), p.text(line.text))
				}
			}
			p.f("\n%s: %s, %s. <%s>\n\n", p.label("checked"), s.Checked.On, p.label("checkedBy_"+s.Checked.By), s.Page)
		}
	})
}
