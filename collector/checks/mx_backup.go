package checks

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Backup MX hosts. Senders try the hosts of the lowest preference first and come to the others when these do not answer;
// spammers begin at the other end, where they hope for less resistance. So a backup should offer what the first offers:
// without STARTTLS or with a certificate at fault, letters go unprotected just on the days when the first is away, and
// with a smaller limit large ones bounce. What the servers offer is what check smtp last saw of them, so that nobody is
// asked twice.
//
// That a backup does not answer or lets nobody in is its own problem and told there; some are even meant to be like
// that. Then it is not known what it would offer.

// Why a backup could not be compared.
var (
	errBackupUnseen = fmt.Errorf("what this MX host offers is not known: %w", ErrServerUnseen)
	errFirstUnseen  = fmt.Errorf("what the MX host of lowest preference offers is not known: %w", ErrServerUnseen)
)

// An offer is what a server offers to whoever brings mail: the least of its addresses that let us in.
type offer struct {
	starttls    bool
	size        float64      // The smallest limit stated, in octets; 0: none is stated, which does not mean that there is none.
	certificate bool         // It was judged and is good, under the host's name.
	fault       catalog.Text // Why TLS does not verify, as evidence; "": it does, or that is not known.
}

// judgeBackups compares our own MX hosts of higher preference with the first, those of the lowest, if one of these is ours. mxs
// are sorted, and hosts what DNS says of each.
func judgeBackups(r *Round, mxs []dnsclient.MX, hosts []exchanger) {
	if len(mxs) == 0 || mxs[len(mxs)-1].Preference == mxs[0].Preference {
		return
	}
	var first *offer
	ours := false
	for i, mx := range mxs {
		server, followed := r.serverOf(hosts[i])
		if noAddress := len(hosts[i].addrs) == 0 && hosts[i].err == nil; !followed || server.Foreign || noAddress {
			continue
		}
		switch {
		case mx.Preference == mxs[0].Preference:
			first, ours = least(first, r.readOffer(server)), true
		case ours:
			r.judgeBackup(mx, first, r.readOffer(server))
		}
	}
}

// judgeBackup compares what a backup offers with what the first do; nil: that is not known.
func (r *Round) judgeBackup(mx dnsclient.MX, first, backup *offer) {
	p := r.Part(mx.Host+" backup", HoldReplies)
	switch {
	case backup == nil:
		p.Unknown = errBackupUnseen
		return
	case first == nil:
		p.Unknown = errFirstUnseen
		return
	}
	differs := func(how catalog.Text) {
		p.Find("mx_backup_differs", "", each(say("%s, of preference %d, %s", mx.Host, mx.Preference, how), clip),
			mxFound(mx), catalog.Values{catalog.ValueHost: mx.Host})
	}
	switch {
	case first.starttls && !backup.starttls:
		differs(say("does not offer STARTTLS, and the first MX does"))
	case first.certificate && backup.fault.EN != "":
		differs(say("has a fault in TLS that the first MX has not: %s", backup.fault))
	}
	if backup.size > 0 && backup.size < first.size {
		differs(say("takes letters of at most %.0f octets, and the first MX of %.0f", backup.size, first.size))
	}
}

// readOffer returns what a server offers by what check smtp holds of it, nil if that is not known of any address.
func (r *Round) readOffer(server *targets.Target) *offer {
	measured := func(m *Metric) map[string]float64 { return r.Env.Measured(server.Name, smtpCheck.Name, m) }
	up, starttls, size := measured(smtpUp), measured(smtpStartTLS), measured(smtpSizeLimit)
	var all *offer
	for addr := range up {
		if tls, told := starttls[addr]; told && up[addr] == 1 {
			all = least(all, &offer{starttls: tls == 1, size: size[addr]})
		}
	}
	if all != nil && server.Server.ServerName == server.Server.Host { // The operator may have it judged by another name.
		all.certificate, all.fault = r.readFaults(server.Name)
	}
	return all
}

// readFaults returns whether the certificate of a server was judged and is good, and if it is not, or TLS does not come about, why.
func (r *Round) readFaults(server string) (good bool, fault catalog.Text) {
	_, things := r.Env.Standing(server, smtpCheck.Name)
	for _, key := range slices.Sorted(maps.Keys(things)) {
		good = good || strings.HasPrefix(key, "certificate ")
		for _, f := range things[key] {
			if slices.Contains(tlsFaults, f.Problem) {
				return false, f.Evidence
			}
		}
	}
	return good, catalog.Text{}
}

// least returns the least of two offers, of which each may be nil.
func least(a, b *offer) *offer {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	o := &offer{a.starttls && b.starttls, min(a.size, b.size), a.certificate && b.certificate, cmp.Or(a.fault, b.fault)}
	if o.size == 0 {
		o.size = max(a.size, b.size) // One of them states none.
	}
	return o
}
