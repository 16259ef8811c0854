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

import (
	"net/netip"
	"slices"
)

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
	ID       string   `yaml:"id"`       // Public name: begins with its check's name, or certificate_.
	Check    string   `yaml:"check"`    // The check that finds it.
	Severity Severity `yaml:"severity"` // Unless the check says otherwise for this target.
	Title    string   `yaml:"title"`
}

// Problems returns all problems in the order of the documentation.
func Problems() []Problem { return slices.Clone(builtin().problems) }

// ProblemByID looks a problem up.
func ProblemByID(id string) (Problem, bool) {
	p, ok := builtin().problemByID[id]
	return p, ok
}

// Provider names the provider that runs the mail host ("google", "microsoft", ...), by the
// names that providers give to the hosts in their customers' MX records. ok is false for a
// host of nobody the catalogue knows.
func Provider(host string) (id string, ok bool) {
	for name := range parents(host) {
		if id, ok = builtin().providers[name]; ok {
			return id, true
		}
	}
	return "", false
}

// PublicResolver names the operator of a resolver that anybody may ask ("google", "quad9", ...). ok is false
// for an address at which the catalogue knows of none.
func PublicResolver(addr netip.Addr) (id string, ok bool) {
	for _, r := range builtin().resolvers {
		for _, p := range r.Prefixes {
			if p.Contains(addr.Unmap().WithZone("")) {
				return r.ID, true
			}
		}
	}
	return "", false
}

// A Classification says what one reply is about.
type Classification struct {
	Cause string // One of the closed set of causes.
}

// Classify says what a reply of server means. It takes any octets and never fails:
// what it does not know is "unclassified".
func Classify(server string, code int, enhanced, text string) Classification {
	if code >= 200 && code < 400 {
		return Classification{Cause: "ok"}
	}
	return Classification{Cause: "unclassified"}
}
