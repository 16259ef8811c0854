package targets

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
)

// A book puts the targets of all files together, file by file. A file whose targets do not fit to those that
// are there is refused whole.
type book struct {
	entries []entry           // Each target once.
	first   map[string]*claim // By name.
	inline  map[string]bool   // The names that domains have as senders.
}

// A claim is a target's first mention.
type claim struct {
	target *Target
	where  string // file:line.
}

func newBook() *book { return &book{first: map[string]*claim{}, inline: map[string]bool{}} }

// add takes the entries of a file if all of them fit; otherwise it reports in d those that do not.
func (b *book) add(d *document, entries []entry) {
	before := len(d.errs)
	staged := b.stage()
	for _, e := range entries {
		if text := staged.take(d, e); text != "" {
			d.fail(e.at, text)
		}
	}
	for _, e := range entries {
		for i, name := range senders(e) {
			if c := staged.first[name]; c != nil && c.target.Kind == KindDomain {
				d.fail(e.senders[i], nameTaken(name, c.where))
			}
		}
	}
	if len(d.errs) == before {
		*b = *staged
	}
}

// keep takes those entries of a file's last good version that still fit.
func (b *book) keep(d *document, entries []entry) {
	for _, e := range entries {
		clash := slices.ContainsFunc(senders(e), func(name string) bool {
			c := b.first[name]
			return c != nil && c.target.Kind == KindDomain
		})
		if !clash {
			b.take(d, e)
		}
	}
}

// stage returns a copy to try things on.
func (b *book) stage() *book {
	return &book{slices.Clone(b.entries), maps.Clone(b.first), maps.Clone(b.inline)}
}

// take adds an entry, or says why it does not fit. An entry that is there already with equal settings adds nothing.
func (b *book) take(d *document, e entry) (mistake string) {
	t := e.target
	switch c := b.first[t.Name]; {
	case c != nil && c.target.Kind != t.Kind && t.Kind == KindSender:
		return nameTaken(t.Name, c.where)
	case c != nil && c.target.Kind != t.Kind, t.Kind == KindDomain && b.inline[t.Name]:
		return fmt.Sprintf("%q is also a sender, and the name of a target is unique; where it is a sender, write the addresses of %s instead (its A and AAAA records)", t.Name, t.Name)
	case c != nil && !sameSettings(c.target, t):
		return fmt.Sprintf("%s %q stands with other settings in %s; make them equal, or remove one", t.Kind, t.Name, c.where)
	case c != nil:
		return ""
	}
	b.first[t.Name] = &claim{t, fmt.Sprintf("%s:%d", d.file, e.at.line)}
	b.entries = append(b.entries, e)
	for _, name := range senders(e) {
		b.inline[name] = true
	}
	return ""
}

func nameTaken(name, where string) string {
	return fmt.Sprintf("%q is also a domain (%s), and the name of a target is unique; write the addresses that its mail leaves from instead, such as 203.0.113.9 (the A and AAAA records of %s, if it is the host that sends)", name, where, name)
}

// senders are the names of a domain's senders; no other target has any.
func senders(e entry) []string {
	if e.target.Domain == nil {
		return nil
	}
	return e.target.Domain.Senders
}

// sameSettings reports whether two entries for one target say the same, in whatever order their lists say it.
func sameSettings(a, b *Target) bool {
	a, b = inOrder(a), inOrder(b)
	return a.Kind == b.Kind && a.Module.Name == b.Module.Name && maps.Equal(a.Labels, b.Labels) &&
		reflect.DeepEqual(a.Domain, b.Domain) && reflect.DeepEqual(a.Server, b.Server) && reflect.DeepEqual(a.Sender, b.Sender)
}

// inOrder returns a copy of a target whose lists are sorted, with each item once.
func inOrder(t *Target) *Target {
	c := *t
	if t.Domain != nil {
		d := *t.Domain
		d.DKIMSelectors, d.Senders = sortedOnce(d.DKIMSelectors, strings.Compare), sortedOnce(d.Senders, strings.Compare)
		c.Domain = &d
	}
	if t.Server != nil {
		s := *t.Server
		s.PublicAddresses = sortedOnce(s.PublicAddresses, netip.Addr.Compare)
		if s.RoleOpen {
			s.Role = RoleMX
		}
		c.Server = &s
	}
	if t.Sender != nil {
		s := *t.Sender
		s.Domains = sortedOnce(s.Domains, strings.Compare)
		c.Sender = &s
	}
	return &c
}

// sortedOnce returns a sorted copy of a list with each item once; nil if it is empty.
func sortedOnce[T comparable](list []T, compare func(T, T) int) []T {
	return slices.Compact(slices.SortedFunc(slices.Values(list), compare))
}

// link returns the targets with domains and senders joined both ways: a sender is judged for every domain that names it,
// whichever of the two names the other, and one that only domains name becomes a target after the first of them.
func (b *book) link(senderModule *Module) []*Target {
	var out []*Target
	byName := map[string]*Target{}
	for _, e := range b.entries {
		t := *e.target
		if t.Sender != nil {
			s := *t.Sender
			s.Domains = nil
			t.Sender = &s
		}
		if t.Domain != nil {
			d := *t.Domain
			d.Senders = nil
			t.Domain = &d
		}
		out = append(out, &t)
		byName[t.Name] = &t
		for _, name := range senders(e) {
			if b.first[name] == nil && byName[name] == nil {
				s := &Target{Name: name, Kind: KindSender, Source: t.Source, Module: senderModule, Sender: newSender(name)}
				s.Every = senderModule.every(s)
				out = append(out, s)
				byName[name] = s
			}
		}
	}
	joined := map[[2]string]bool{}
	join := func(domain, sender string) {
		if pair := [2]string{domain, sender}; !joined[pair] {
			joined[pair] = true
			if d := byName[domain]; d != nil && d.Domain != nil {
				d.Domain.Senders = append(d.Domain.Senders, sender)
			}
			byName[sender].Sender.Domains = append(byName[sender].Sender.Domains, domain)
		}
	}
	for _, e := range b.entries {
		for _, name := range senders(e) {
			join(e.target.Name, name)
		}
	}
	for _, e := range b.entries {
		if e.target.Sender != nil {
			for _, domain := range e.target.Sender.Domains {
				join(domain, e.target.Name)
			}
		}
	}
	for _, t := range out { // Who named whom does not matter.
		if t.Domain != nil {
			slices.Sort(t.Domain.Senders)
		}
		if t.Sender != nil {
			slices.Sort(t.Sender.Domains)
		}
	}
	return out
}
