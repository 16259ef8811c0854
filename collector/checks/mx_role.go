package checks

import (
	"context"
	"errors"

	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/collector/spf"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// What an MX host is besides. An MX record only says that it takes mail. In most small places the same machine sends it too, and
// then its reverse DNS and its standing with blocklists decide whether letters arrive. The domain's SPF record tells:
// it passes the addresses that mail leaves from. So the check mx evaluates it for the addresses of the hosts it found, with answers that
// check spf asks for as well, and the collector takes those that pass for servers of role mta.

// maxRoleAddresses is how many addresses of one host SPF is evaluated for: a record may have us ask DNS anew for each.
const maxRoleAddresses = 5

// askRoles returns the hosts for the collector to follow, and says of each whether mail for the domain leaves from it, too. It is not asked where the
// role is configured, or nobody's here to know.
func askRoles(ctx context.Context, r *Round, hosts []exchanger) []Exchanger {
	out, seen := make([]Exchanger, len(hosts)), make([][]string, len(hosts))
	open := make([]bool, len(hosts))
	sideBySide(len(hosts), func(i int) {
		e := hosts[i]
		out[i] = Exchanger{Host: e.host, Addresses: e.addrs, SendsErr: e.err} // Without its addresses it may look like somebody else's.
		t, followed := r.serverOf(e)
		if open[i] = followed && t.Server.RoleOpen; open[i] {
			out[i].Sends, seen[i], out[i].SendsErr = r.sends(ctx, t.Server, e)
		}
	})
	for i, e := range hosts {
		if !open[i] {
			continue
		}
		p := r.Part(e.host+" role", HoldRecords)
		p.Unknown, p.Evidence = out[i].SendsErr, seen[i]
		if out[i].Sends {
			p.Evidence = append(p.Evidence, e.host+" is taken for a server that sends, too (mta)")
		}
	}
	return out
}

// serverOf returns the target that an MX host is, if the domain's are followed to it.
func (r *Round) serverOf(e exchanger) (t *targets.Target, followed bool) {
	return r.Env.Config.DiscoveredServer(r.Target, e.host, e.addrs...)
}

// sends reports whether the domain's SPF record passes an address of a host. The error is that it could not be told of some and
// passes none of the others.
func (r *Round) sends(ctx context.Context, s *targets.Server, e exchanger) (yes bool, seen []string, untold error) {
	addrs, untold := e.addrs, e.err
	if len(s.PublicAddresses) > 0 {
		addrs, untold = s.PublicAddresses, nil // The world knows it by these.
	}
	for _, addr := range addrs[:min(maxRoleAddresses, len(addrs))] {
		// As for a sender of which no HELO name is known.
		sender := &targets.Target{Name: addr.String(), Kind: targets.KindSender, Sender: &targets.Sender{Addr: addr}}
		q := spfQuestion{sender, addr, r.Target.Name, "mailfrom"}
		v := q.ask(ctx, spfResolver{r.Env.DNS})
		seen = append(seen, v.evidence(q).EN)
		switch {
		case v.unknown != nil:
			untold = errors.Join(untold, v.unknown)
		case v.Result == spf.Pass && !passesAnybody(v.Evaluation):
			return true, seen, nil
		}
	}
	return false, seen, untold
}

// passesAnybody reports whether a pass says nothing of the address, because what matched would match every other as well: +all, a
// network of all addresses, a name that exists whoever sends. It is no proof that the server sends.
func passesAnybody(e *spf.Evaluation) bool {
	d, _ := e.Matched()
	switch d.Mechanism {
	case record.All:
		return true
	case record.Exists:
		return !d.Domain.Uses('i') && !d.Domain.Uses('p')
	}
	return passesAny(d)
}
