package checks

import (
	"maps"
	"net/netip"

	"golang.org/x/net/publicsuffix"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
)

// A way is what became of the last sessions with one address: whether port 25 let us through, and whether another port did.
// Networks of homes, offices and clouds often close port 25 outwards by dropping what is sent there, and every server then seems dead.
type way struct {
	at25, atOther  moment
	open25, silent bool // On port 25: it greeted, or nothing at all came back.
	openOther      bool
	owner          string
}

// counts reports whether anything that was seen counts still.
func (v way) counts(now moment) bool { return v.at25.counts(now) || v.atOther.counts(now) }

// sawWay notes what became of a session. Where servers are named to tell a blocked port by, they tell it, and this is not needed.
func (w *Witnesses) sawWay(r *Round, s *smtpclient.Session) {
	if w == nil || s == nil || len(r.Env.Config.Vantage.Egress) > 0 {
		return
	}
	banner := s.Step(smtpclient.StageBanner)
	open, silent := banner != nil && banner.Reply != nil, neverConnected(s)
	w.mu.Lock()
	defer w.mu.Unlock()
	addr, at := s.Address.Addr(), w.moment(r.Time, HoldReplies.Duration(r.Every))
	v := w.ways[addr]
	v.owner = ownerOf(r.Target.Server.Host)
	if s.Address.Port() == 25 {
		v.at25, v.open25, v.silent = at, open, silent
	} else {
		v.atOther, v.openOther = at, open
	}
	note(w, w.ways, addr, v)
}

// ownerOf is the registered domain of a host, or the host where there is none.
func ownerOf(host string) string {
	if registered, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return registered
	}
	return host
}

// egress looks whether port 25 leads out of this network. A greeting from anybody there proves that it does. Silence from several owners and
// from nobody else anything better, or from a host whose other port greets us, is a sign that it does not, and no proof: it informs,
// and leaves every verdict as it is. ok is false where neither is seen.
func (w *Witnesses) egress(now moment) (wrong catalog.Text, ok bool) {
	maps.DeleteFunc(w.ways, func(_ netip.Addr, v way) bool { return !v.counts(now) })
	var silent, halves crowd
	for addr, v := range w.ways {
		switch {
		case !v.at25.counts(now):
		case v.open25:
			return catalog.Text{}, true
		case v.silent:
			silent = silent.with(v.owner, addr)
			if v.openOther && v.atOther.counts(now) {
				halves = halves.with(v.owner, addr)
			}
		}
	}
	switch {
	case halves.size() > 0:
		return say("nothing comes back from port 25 of %s, while another of its ports answers, and no server answers on port 25", halves.first()), true
	case silent.size() >= leastWitnesses:
		return say("nothing comes back from port 25 of any server, %s among them; vantage.egress can name servers that are known to answer", silent.first()), true
	}
	return catalog.Text{}, false
}
