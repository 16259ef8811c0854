package targets

import (
	"fmt"
	"slices"
	"time"
)

// warnBusyLists tells of blocklists that would be asked more often than they allow, or less often than configured: a
// list that is asked too much refuses to answer, and some bill. Servers are counted with one address and one name, those found by MX not at all.
func (p *parser) warnBusyLists() {
	for _, l := range p.cfg.Blocklists.Lists {
		asked, subjects, perDay, often := 0, 0, 0.0, maxInterval
		for _, t := range p.cfg.Targets {
			if every, n := t.Every["dnsbl"], l.subjects(t); every > 0 && n > 0 {
				asked++
				subjects += n
				often = min(often, every)
				perDay += float64(n) * float64(24*time.Hour) / float64(max(every, l.Interval))
			}
		}
		if subjects > 0 && 0 < l.Interval && l.Interval < often {
			p.warnOfList("%s is asked when the check dnsbl runs, every %s, and not every %s; shorten the interval of dnsbl in a module",
				l.ID, durationText(often), durationText(l.Interval))
		}
		most := l.MaxQueriesPerDay
		if most == 0 {
			most = l.QueriesPerDay
		}
		if most == 0 || perDay <= float64(most) {
			continue
		}
		advice := "ask a list that allows more, or pay for this one"
		if every := time.Duration(subjects) * 24 * time.Hour / time.Duration(most); every < maxInterval {
			advice = fmt.Sprintf("set blocklists.overrides.%s.interval to %s or more", l.ID, durationText(every.Truncate(time.Minute)+time.Minute))
		}
		p.warnOfList("%s would be asked %.0f times a day about %d targets, and %d are allowed; %s", l.ID, perDay, asked, most, advice)
	}
}

func (p *parser) warnOfList(format string, args ...any) {
	p.cfg.Warnings = append(p.cfg.Warnings, p.doc.file+": blocklists: "+fmt.Sprintf(format, args...))
}

// subjects returns how many things of a target a list can be asked about: its address, its name.
func (l List) subjects(t *Target) int {
	kinds := []string{"ipv4", "domain"}
	switch {
	case t.Domain != nil:
		kinds = []string{"domain"}
	case t.Sender != nil && t.Sender.Addr.Is6(), t.Server != nil && t.Server.Addr.Is6() && len(t.Server.PublicAddresses) == 0:
		kinds[0] = "ipv6"
	}
	n := 0
	for _, kind := range kinds {
		if slices.Contains(l.Kinds, kind) {
			n++
		}
	}
	return n
}
