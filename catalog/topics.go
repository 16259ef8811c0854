package catalog

import "slices"

// A Topic is what people look for by a word of the field or by their own words: a technique, a
// port, a class of codes, a symptom. Its causes say what goes wrong with it, its remedies what to
// do first.
type Topic struct {
	Advice  `yaml:",inline"`
	Words   []string `yaml:"words"`   // Phrases by which it is looked for, in both languages.
	General bool     `yaml:"general"` // Its words stand in many questions: only a whole question is its name.

	// What belongs to it, by id. Codes and enhanced codes stand under replies.
	Problems   []string `yaml:"problems"`
	Reasons    []Cause  `yaml:"reasons"` // The causes of replies about it.
	Replies    []string `yaml:"replies"`
	Conditions []string `yaml:"conditions"`
	See        []string `yaml:"see"` // Other topics.
}

// A MailService is what somebody enters in a mail program for a mailbox at a provider.
type MailService struct {
	ID       string        `yaml:"id"`
	Name     Text          `yaml:"name"`
	Provider string        `yaml:"provider"` // Its id among the providers.
	Words    []string      `yaml:"words"`    // Names by which it is looked for, also domains of its addresses.
	Servers  []MailServer  `yaml:"servers"`  // The one to take first for each protocol stands first.
	User     Text          `yaml:"user"`     // What to enter as user name.
	Password Text          `yaml:"password"` // Which password it wants.
	Before   Text          `yaml:"before"`   // What has to be switched on first; empty: nothing.
	Limits   Text          `yaml:"limits"`   // Empty where no figure is sure.
	Page     string        `yaml:"page"`     // The provider's own page about it.
	Checked  SettingsCheck `yaml:"checked"`
}

// A MailServer is a server for mail programs.
type MailServer struct {
	Protocol   string `yaml:"protocol"` // smtp, imap or pop3.
	Host       string `yaml:"host"`
	Port       int    `yaml:"port"`
	Encryption string `yaml:"encryption"` // tls: from the first byte; starttls.
}

// A SettingsCheck says when settings were compared with what is published, and by what.
type SettingsCheck struct {
	On string `yaml:"on"` // 2026-12-01
	By string `yaml:"by"` // provider: its own page or announcement; others: what others publish.
}

// Topics returns all topics in the order of the documentation.
func (c *Catalog) Topics() []*Topic { return slices.Clone(c.topics) }

// TopicByID looks a topic up; nil if there is none.
func (c *Catalog) TopicByID(id string) *Topic { return c.topicByID[id] }

// MailServices returns the settings of all providers in the order of the documentation.
func (c *Catalog) MailServices() []*MailService { return slices.Clone(c.services) }

// The kinds of entries.
const (
	KindTopic       = "topic"
	KindProblem     = "problem"
	KindReply       = "reply"
	KindCondition   = "condition"
	KindBlocklist   = "blocklist"
	KindProvider    = "provider"
	KindMailService = "mail_service"
	KindSetting     = "setting"
)

// settingPrefix is before the id of a setting where it stands beside ids of other kinds.
const settingPrefix = "setting_"

// An Entry is the name of something in the catalogue, for lists.
type Entry struct {
	Kind  string
	ID    string
	Title Text
}

// Entries returns the names of everything that can be explained.
func (c *Catalog) Entries() (out []Entry) {
	add := func(kind, id string, title Text) { out = append(out, Entry{kind, id, title}) }
	for _, t := range c.topics {
		add(KindTopic, t.ID, t.Title)
	}
	for _, s := range c.services {
		add(KindMailService, s.ID, s.Name)
	}
	for _, p := range c.problems {
		add(KindProblem, p.ID, p.Title)
	}
	for _, e := range c.conditions {
		add(KindCondition, e.ID, e.Title)
	}
	for _, e := range c.codes {
		add(KindReply, e.ID, e.Title)
	}
	for _, e := range c.enhanced {
		add(KindReply, e.ID, e.Title)
	}
	for _, r := range c.replies {
		add(KindReply, r.ID, r.Title)
	}
	for _, b := range c.lists {
		add(KindBlocklist, b.ID, b.Title)
	}
	for _, p := range c.providers {
		add(KindProvider, p.ID, p.Name)
	}
	for _, s := range c.settings {
		add(KindSetting, settingPrefix+s.ID, s.Title)
	}
	return out
}

// Entry looks up what an id of a kind names.
func (c *Catalog) Entry(kind, id string) (Entry, bool) {
	e, ok := c.entries[[2]string{kind, id}]
	return e, ok
}

// Related returns what belongs to a topic but causes and other topics: problems, conditions, then
// replies.
func (c *Catalog) Related(t *Topic) (out []Entry) {
	for _, of := range []struct {
		kind string
		ids  []string
	}{{KindProblem, t.Problems}, {KindCondition, t.Conditions}, {KindReply, t.Replies}} {
		for _, id := range of.ids {
			if e, ok := c.Entry(of.kind, id); ok {
				out = append(out, e)
			}
		}
	}
	return out
}

// topic says what is wrong with a topic: its texts, and ids that lead nowhere.
func (f *faults) topic(c *Catalog, t *Topic) {
	name := "topic " + t.ID
	f.advice(name, &t.Advice)
	if len(t.Words) == 0 {
		f.add(name, "there are no words by which to look for it")
	}
	known := func(kind string, ids []string) {
		for _, id := range ids {
			if _, ok := c.Entry(kind, id); !ok {
				f.add(name, "there is no %s %s", kind, id)
			}
		}
	}
	known(KindProblem, t.Problems)
	known(KindReply, t.Replies)
	known(KindCondition, t.Conditions)
	known(KindTopic, t.See)
	for _, r := range t.Reasons {
		if !slices.Contains(Causes(), r) {
			f.add(name, "there is no cause %s", r)
		}
	}
}

// mailService says what is wrong with the settings of a provider.
func (f *faults) mailService(c *Catalog, s *MailService) {
	name := "mail service " + s.ID
	f.id("mail service", s.ID)
	f.text(name, "name", s.Name)
	f.text(name, "user", s.User)
	f.text(name, "password", s.Password)
	for field, t := range map[string]Text{"before": s.Before, "limits": s.Limits} {
		if t != (Text{}) {
			f.text(name, field, t)
		}
	}
	if len(s.Words) == 0 {
		f.add(name, "there are no words by which to look for it")
	}
	if s.Provider != "" && c.providerByID[s.Provider] == nil {
		f.add(name, "there is no provider %s", s.Provider)
	}
	f.references(name, []string{s.Page})
	if !dateForm.MatchString(s.Checked.On) || s.Checked.By != "provider" && s.Checked.By != "others" {
		f.add(name, "checked %q by %q does not say when and by what", s.Checked.On, s.Checked.By)
	}
	f.mailServers(name, s.Servers)
}

// mailServers looks at the servers of a service. What is wrong in a table that people copy from
// costs them a password.
func (f *faults) mailServers(name string, servers []MailServer) {
	usual := map[string]map[int]string{
		"smtp": {465: "tls", 587: "starttls"},
		"imap": {993: "tls"},
		"pop3": {995: "tls"},
	}
	protocols := map[string]bool{}
	for _, m := range servers {
		protocols[m.Protocol] = true
		if !hostForm.MatchString(m.Host) {
			f.add(name, "host %q is not a name in lower case", m.Host)
		}
		if want := usual[m.Protocol][m.Port]; want == "" || m.Encryption != want {
			f.add(name, "%s port %d with %q is no encrypted access of mail programs", m.Protocol, m.Port, m.Encryption)
		}
	}
	if !protocols["smtp"] || !protocols["imap"] {
		f.add(name, "there is no server for smtp, or none for imap")
	}
}
