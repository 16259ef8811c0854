// Package catalog says what replies, problems, providers and blocklists mean. All of it is
// data: files in data/ that a mail administrator can edit, compiled into the program. This
// package loads them, strictly, and looks things up.
//
// # What a blocklist is
//
// A DNS blocklist (RFC 5782) is a zone. To ask whether 192.0.2.1 is on the list bl.example, a
// receiving mail server looks up the A record of 1.2.0.192.bl.example: no such name means "not
// listed", an address in 127.0.0.0/8 means "listed", and which address it is says why. Lists for
// domains are asked with the domain's name in front. So a list is described by its zone, by the
// kinds of things it can be asked about, and by a table of what each answer means.
//
// That much is the standard. In practice an answer may also mean that the list refuses to serve
// us, in codes that each operator chose, and a list whose operator gave up may answer that
// everybody is listed, or nobody. The description therefore holds the refusals too, and what to
// ask to see whether the list is alive.
package catalog

import "slices"

// A Severity says how grave a problem or a listing is.
type Severity string

// The severities, gravest first. SeverityOff is only for exporter.yml: the problem is not raised.
const (
	SeverityCritical Severity = "critical"
	SeverityWarning  Severity = "warning"
	SeverityInfo     Severity = "info"
	SeverityOff      Severity = "off"
)

// A Problem is a fault that a check can find.
type Problem struct {
	Advice   `yaml:",inline"`
	Check    string   `yaml:"check"`    // The check that finds it; the id begins with its name, or with certificate_.
	Severity Severity `yaml:"severity"` // Unless the check says otherwise for this target.
	Who      Who      `yaml:"who"`      // Who can mend it.
	When     Text     `yaml:"when"`     // When it is graver or lighter; empty where it never is.
}

// Problems returns all problems in the order of the documentation.
func Problems() []Problem { return slices.Clone(Default().problems) }

// ProblemByID looks a problem up.
func ProblemByID(id string) (Problem, bool) {
	p, ok := Default().problemByID[id]
	return p, ok
}

// Replies returns all entries for replies in the order of the documentation.
func (c *Catalog) Replies() []*Reply { return slices.Clone(c.replies) }

// ReplyCodes returns what the three-digit codes mean, in their order.
func (c *Catalog) ReplyCodes() []*ReplyCode { return slices.Clone(c.codes) }

// EnhancedCodes returns what the enhanced status codes mean in the registry, in their order.
func (c *Catalog) EnhancedCodes() []*EnhancedCode { return slices.Clone(c.enhanced) }

// Conditions returns what people look for and that is no reply.
func (c *Catalog) Conditions() []*Condition { return slices.Clone(c.conditions) }

// Reading says how a reply is read.
func (c *Catalog) Reading() *Reading { return &c.reading }

// SettingByID says where mail programs keep a setting that remedies speak of; nil if there is none of that id.
func (c *Catalog) SettingByID(id string) *Setting {
	for _, s := range c.settings {
		if s.ID == id {
			return s
		}
	}
	return nil
}
