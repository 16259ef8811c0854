package checks

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Receivers ask lists of names about every name that a client shows: the domain of the sender and the hosts
// that take its mail, the name in EHLO and the names of the address. So do we, about the names of each
// target:
//
//   - a domain: itself and its MX hosts that lie in it;
//   - a server: its host name, its names in banner and EHLO where these lead to it, and those of its addresses;
//   - a sender: its host name, helo_name, and the names of its addresses.
//
// Of an address those names count that lead back to it, since anybody can write any name into his reverse
// zone, but none that its provider made for it, whose domain is the provider's. Nothing is asked about a
// target none of whose addresses may be asked about: its names are not the world's either.
//
// A list that holds registered domains alone is asked about these, once for all names below one. A fault is
// told where it can be mended: what a configured domain asks about itself no other target asks, and a name
// that is listed only because the configured domain is in which it lies is no problem of the name's.

// spareNames is how many series all names of a target but the first may add: the budget of a target has room
// for the first on every list, and for so many more. With the three default lists of names it is three more
// names, with all there are it is none. In a site that is in order all of a target's names are one.
const spareNames = 9

// A namedSubject is a name to ask a list about.
type namedSubject struct {
	list  *list
	name  string
	owner string // The domain target in which it lies, "" if there is none or it is the target itself.
	part  *Part
}

// namesToAsk returns the names to ask lists about, none if no list is for names, the most telling first. With an
// error there may be more of them.
func (r *Round) namesToAsk(ctx context.Context) ([]string, error) {
	lists := 0
	for _, l := range r.Env.Lists.lists {
		if slices.Contains(l.Kinds, "domain") {
			lists++
		}
	}
	if lists == 0 || r.Target.Foreign {
		return nil, nil
	}
	all, err := r.shownNames(ctx)
	var names []string
	for _, name := range all {
		if !isHostName(name) || slices.Contains(names, name) {
			continue
		}
		if elsewhere, e := r.askedElsewhere(ctx, name); e != nil || elsewhere {
			err = errors.Join(err, e)
			continue
		}
		names = append(names, name)
	}
	return names[:min(len(names), 1+spareNames/lists)], err
}

// shownNames returns every name that the target shows.
func (r *Round) shownNames(ctx context.Context) ([]string, error) {
	var names []string
	switch t := r.Target; {
	case t.Domain != nil:
		hosts, err := mailHosts(ctx, r, t.Name)
		names = append(names, t.Name)
		for _, host := range hosts {
			if registeredDomain(host) == registeredDomain(t.Name) && !r.provided(host) {
				names = append(names, host)
			}
		}
		return names, err
	case t.Server != nil && !t.Server.Addr.IsValid():
		names = append(names, t.Server.Host)
	case t.Sender != nil:
		if !t.Sender.Addr.IsValid() {
			names = append(names, t.Sender.Host)
		}
		if helo := t.Sender.HeloName; helo != "" {
			names = append(names, strings.ToLower(strings.TrimSuffix(helo, ".")))
		}
	}
	known := r.PublicAddresses(ctx)
	addrs := slices.DeleteFunc(known.All(), func(a netip.Addr) bool { return !r.Env.Config.Askable(a) })
	if len(addrs) == 0 {
		return nil, known.Err()
	}
	seen := make([]reverse, len(addrs))
	sideBySide(len(addrs), func(i int) { seen[i] = r.lookUpReverse(ctx, addrs[i]) })
	err := known.Err()
	for _, v := range seen {
		for _, n := range v.said {
			if n.isHere {
				names = append(names, n.name)
			}
		}
		for _, name := range v.confirmed {
			if !looksGeneric(name, v.addr) {
				names = append(names, name)
			}
		}
		err = errors.Join(err, v.err)
		if r.SMTPDue || !errors.Is(v.saidErr, errNoNames) { // Otherwise it has never said any.
			err = errors.Join(err, v.saidErr)
		}
	}
	return names, err
}

// isHostName reports whether a name is one of a host in a registered domain, and not a literal. Where it
// comes from has had a look at it already; this is for what becomes a label.
func isHostName(name string) bool {
	const signs = "abcdefghijklmnopqrstuvwxyz0123456789-_."
	return !strings.ContainsFunc(name, func(c rune) bool { return !strings.ContainsRune(signs, c) }) && !literal(name) && registeredDomain(name) != ""
}

// provided reports whether a host is a provider's and not in own_servers: such are nobody's here to mend.
func (r *Round) provided(host string) bool {
	_, provider := catalog.Provider(host)
	return provider && !r.Env.Config.Own(host)
}

// registeredDomain returns the domain that was registered of a name, "" if there is none.
func registeredDomain(name string) string {
	registered, _ := publicsuffix.EffectiveTLDPlusOne(name)
	return registered
}

// ownerOf returns the other target that is the registered domain of a name and asks lists about itself, "" if
// none is.
func (r *Round) ownerOf(name string) string {
	registered := registeredDomain(name)
	if registered == "" || registered == r.Target.Name {
		return ""
	}
	if t, _ := r.Env.Standing(registered, dnsblName); t != nil && t.Kind == targets.KindDomain && t.Every[dnsblName] > 0 {
		return registered
	}
	return ""
}

// askedElsewhere reports whether the domain in which a name lies asks about it: it is its own, or that of an
// MX host.
func (r *Round) askedElsewhere(ctx context.Context, name string) (bool, error) {
	owner := r.ownerOf(name)
	if owner == "" || owner == name {
		return owner != "", nil
	}
	hosts, err := mailHosts(ctx, r, owner)
	return slices.Contains(hosts, name), err
}

// subjectsOf pairs lists with what they are asked about of names, each once.
func (r *Round) subjectsOf(names []string) []namedSubject {
	var out []namedSubject
	for _, name := range names {
		owner := r.ownerOf(name)
		for _, l := range r.Env.Lists.lists {
			asked := name
			if l.Registered {
				asked = registeredDomain(name)
			}
			if !slices.Contains(l.Kinds, "domain") || asked == owner {
				continue
			}
			p := r.Part(asked+" "+l.ID, HoldRecords)
			if !slices.ContainsFunc(out, func(s namedSubject) bool { return s.part == p }) {
				out = append(out, namedSubject{l, asked, owner, p})
			}
		}
	}
	return out
}

// askAboutName asks a list about a name. A listing is the domain's own fault if the list has the whole of it, as
// many lists answer for every name below one that they list.
func (r *Round) askAboutName(ctx context.Context, s namedSubject) {
	r.askList(ctx, s.list, s.name, s.part)
	isListing := func(f Finding) bool { return f.Problem == "dnsbl_listed" }
	if s.owner == "" || !slices.ContainsFunc(s.part.Findings, isListing) || !s.list.budget.Allow() {
		return
	}
	a := s.list.ask(ctx, s.list.memory(), s.list.name(s.owner))
	s.list.count(a.outcome())
	if a.refused == nil && a.hijacked == nil && len(a.listings) > 0 {
		s.part.Findings = slices.DeleteFunc(s.part.Findings, isListing)
		s.part.Evidence = append(s.part.Evidence, "-- "+s.list.ID+" lists all of "+s.owner+", and the problem is that target's")
	}
}
