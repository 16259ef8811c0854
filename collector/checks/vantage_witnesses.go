package checks

import (
	"crypto/sha256"
	"crypto/x509"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Witnesses are hosts that have nothing to do with one another, with what each showed of the way to it and of
// our clock while it was looked at for reasons of its own: for the vantage's sake nobody is asked. One of
// them may be at fault himself. Several that say the same are believed, and what they say is then not theirs
// but ours. All rounds share it. A nil Witnesses heard nothing.
type Witnesses struct {
	start time.Time

	mu           sync.Mutex
	certificates map[netip.AddrPort]certificateSeen
	clocks       map[string]clockSeen // By whose it is.
	ways         map[netip.Addr]way
}

const (
	// maxWitnesses bounds each kind. More would tell no more.
	maxWitnesses = 512
	// leastWitnesses is how many owners must show the same fault of certificates.
	leastWitnesses = 3
	// clockTolerance is how far clocks may be apart. What is judged by ours, dates of certificates and
	// signatures, bears as much.
	clockTolerance = 5 * time.Minute
	// clockSet is how far our clock and the time that has passed may part before the clock counts as set
	// meanwhile.
	clockSet = time.Minute
)

// NewWitnesses returns witnesses that have seen nothing yet.
func NewWitnesses() *Witnesses {
	return &Witnesses{start: time.Now(), certificates: map[netip.AddrPort]certificateSeen{}, clocks: map[string]clockSeen{}, ways: map[netip.Addr]way{}}
}

// A moment is when something was seen: by our clock, which may be set, and by the time that has passed, which
// cannot.
type moment struct {
	clock  time.Time
	passed time.Duration // Since Witnesses.start.
	hold   time.Duration // How long what was seen counts.
}

func (w *Witnesses) moment(now time.Time, hold time.Duration) moment {
	return moment{now.Round(0), now.Sub(w.start), hold}
}

// counts reports whether what was seen counts still.
func (m moment) counts(now moment) bool { return now.passed-m.passed < m.hold }

// sameClock reports whether our clock has not been set since.
func (m moment) sameClock(now moment) bool {
	return (now.clock.Sub(m.clock) - (now.passed - m.passed)).Abs() < clockSet
}

// A certificateSeen is what the certificate of a server says.
type certificateSeen struct {
	moment
	owner   string
	trusted bool              // Issued by an authority that a trust store knows.
	early   bool              // Trusted, and by our clock not valid yet.
	late    bool              // Trusted, and by our clock expired.
	private [sha256.Size]byte // The issuer that no trust store knows; zero: it is known, or cannot be told from others.
	issuer  string            // Its name, quoted.
}

// A clockSeen is what a web server said of the time.
type clockSeen struct {
	moment
	addr   netip.Addr
	offset time.Duration // Theirs less ours.
}

// Kin returns the registered domains in which the targets of a configuration lie. Their owners may be one and
// the same.
func Kin(cfg *targets.Config) map[string]bool {
	kin := map[string]bool{}
	add := func(name string) {
		if registered, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
			kin[registered] = true
		}
	}
	for _, t := range cfg.Targets {
		switch {
		case t.Domain != nil:
			add(t.Name)
		case t.Server != nil && !t.Server.Addr.IsValid():
			add(t.Server.Host)
		case t.Sender != nil && !t.Sender.Addr.IsValid():
			add(t.Sender.Host)
		}
	}
	return kin
}

// stranger returns who owns the target's server, if he has nothing to do with the operator. An operator may
// run an authority of his own on all his servers, which no trust store knows, and is not to be accused of
// listening in on himself. So nobody counts who stands in own_servers, is named in the configuration, or lies
// in a domain of which the configuration speaks; what is left are hosts of others, to which the MX records of
// domains led us. A provider that the catalogue knows is a stranger even where the configuration names his
// hosts, and one owner under all their names. Any other is one owner under all suffixes, as example.com and
// example.net are.
func (r *Round) stranger(addr netip.Addr) (owner string, ok bool) {
	host := r.Target.Server.Host
	if r.Env.Config.Own(host, addr) {
		return "", false
	}
	if provider, known := catalog.Provider(host); known {
		return "provider " + provider, true
	}
	registered, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil || r.Target.Source != targets.SourceMX || r.Env.Kin[registered] {
		return "", false
	}
	owner, _, _ = strings.Cut(registered, ".")
	return owner, true
}

// sawCertificate notes the certificate of the target's server.
func (w *Witnesses) sawCertificate(r *Round, s *smtpclient.Session, j Judgement) {
	if w == nil {
		return
	}
	owner, ok := r.stranger(s.Address.Addr())
	w.mu.Lock()
	defer w.mu.Unlock()
	if !ok { // Perhaps a reload made it so.
		delete(w.certificates, s.Address)
		return
	}
	seen := certificateSeen{moment: w.moment(time.Now(), HoldReplies.Duration(r.Every)), owner: owner}
	is := func(result CertificateResult) bool { return slices.Contains(j.Results, result) }
	seen.trusted = !slices.ContainsFunc(j.Results, func(result CertificateResult) bool {
		return !slices.Contains([]CertificateResult{CertificateOK, CertificateExpired, CertificateNotYetValid, CertificateNameMismatch}, result)
	})
	seen.early, seen.late = seen.trusted && is(CertificateNotYetValid), seen.trusted && is(CertificateExpired)
	if is(CertificateUnknownAuthority) {
		seen.private = issuerOf(s.Chain)
		seen.issuer = quotedName(s.Chain[0].Issuer).EN
	}
	note(w, w.certificates, s.Address, seen)
}

// issuerOf tells issuers apart: by name and by key, since many appliances give the authority that each of
// them makes for itself the same name. The key is known by its identifier (RFC 5280 section 4.2.1.1) or from
// the issuer's certificate, if it was sent; zero where by neither.
func issuerOf(chain []*x509.Certificate) (digest [sha256.Size]byte) {
	key := chain[0].AuthorityKeyId
	for _, c := range chain[1:] {
		if len(key) == 0 && slices.Equal(c.RawSubject, chain[0].RawIssuer) {
			key = c.RawSubjectPublicKeyInfo
		}
	}
	if len(key) == 0 {
		return digest
	}
	return digestOfTexts(string(chain[0].RawIssuer), string(key))
}

// sawClock notes what the host of the round's policy said of the time.
func (w *Witnesses) sawClock(r *Round, addr netip.Addr, said dated) {
	owner, err := publicsuffix.EffectiveTLDPlusOne(r.Target.Name)
	if w == nil || err != nil || said.date.IsZero() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	note(w, w.clocks, owner, clockSeen{w.moment(time.Now(), HoldReplies.Duration(r.Every)), addr.Unmap(), said.offset()})
}

// note puts what was seen into a map that it keeps within maxWitnesses. w.mu is held.
func note[K comparable, V interface{ counts(moment) bool }](w *Witnesses, m map[K]V, key K, seen V) {
	if _, there := m[key]; !there && len(m) >= maxWitnesses {
		now := w.moment(time.Now(), 0)
		maps.DeleteFunc(m, func(_ K, v V) bool { return !v.counts(now) })
		if len(m) >= maxWitnesses {
			return
		}
	}
	m[key] = seen
}

// A dated answer of an HTTP server: when he says that he made it, in whole seconds, and between which times
// of our clock he did. The zero value says nothing.
type dated struct{ date, asked, answered time.Time }

// httpDate reads the time of an answer. RFC 9110 section 6.6.1: the Date is when it was made, which a cache
// keeps; RFC 9111 section 5.1: an answer that has an Age comes from one, so that its date is of another
// moment. Only the one form that is still written (RFC 9110 section 5.6.7) is read, and only a year in which
// this program may run.
func httpDate(h http.Header) (date time.Time, ok bool) {
	written := h.Values("Date")
	if len(written) != 1 || len(written[0]) != len(http.TimeFormat) || len(h.Values("Age")) > 0 {
		return time.Time{}, false
	}
	date, err := time.Parse(http.TimeFormat, written[0])
	return date, err == nil && 2020 <= date.Year() && date.Year() < 2100
}

// offset is how far the server's clock is before ours at the least: the answer may have been made at any time
// while we waited for it.
func (d dated) offset() time.Duration {
	asked, answered := d.asked.Round(0), d.answered.Round(0)
	switch {
	case d.date.After(answered):
		return d.date.Sub(answered)
	case d.date.Add(time.Second).Before(asked):
		return d.date.Add(time.Second).Sub(asked)
	}
	return 0
}

// A Tested is the outcome of a test of the vantage that what others saw decides.
type Tested struct {
	Test     string // The label.
	Problem  string
	Severity catalog.Severity // "" means the catalogue's.
	Wrong    catalog.Text     // What is wrong, quoted where peers wrote it; "": nothing.
}

// Tests returns the outcome of those tests of which enough is known.
func (w *Witnesses) Tests(now time.Time) []Tested {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.moment(now, 0)
	maps.DeleteFunc(w.certificates, func(_ netip.AddrPort, c certificateSeen) bool { return !c.counts(at) })
	maps.DeleteFunc(w.clocks, func(_ string, c clockSeen) bool { return !c.counts(at) })
	var out []Tested
	if wrong, ok := w.egress(at); ok {
		out = append(out, Tested{"egress_25", "vantage_egress_25", catalog.SeverityWarning, wrong}) // A sign, not a proof.
	}
	if wrong, ok := w.intercepted(); ok {
		out = append(out, Tested{"tls_intercepted", "vantage_tls_intercepted", "", wrong})
	}
	if wrong, ok := w.clockOff(at); ok {
		out = append(out, Tested{"clock", "vantage_clock", "", wrong})
	}
	return out
}

// intercepted looks for one private issuer on the servers of strangers: a device between us and them makes
// their certificates up and signs all of them itself. The two families may go different ways and are judged
// apart. That most strangers have that issuer would not be enough, since there are authorities which only the
// trust stores of one country know, and unrelated hosts use: as long as one stranger shows a certificate of a
// known authority, the way is open and nobody is accused. Such a certificate is also what proves that nothing
// is wrong; ok is false where neither is seen. A device whose authority was put into this machine's trust
// store is not found, and spoils no verdict about certificates that verify.
func (w *Witnesses) intercepted() (wrong catalog.Text, ok bool) {
	for _, is4 := range []bool{true, false} {
		private, names, open := map[[sha256.Size]byte]crowd{}, map[[sha256.Size]byte]string{}, false
		for at, c := range w.certificates {
			switch {
			case at.Addr().Is4() != is4:
			case c.trusted:
				open = true
			case c.private != [sha256.Size]byte{}:
				private[c.private] = private[c.private].with(c.owner, at.Addr())
				names[c.private] = c.issuer
			}
		}
		ok = ok || open
		for issuer, crowd := range private {
			if !open && crowd.size() >= leastWitnesses {
				return say("servers of %d unrelated owners, %s among them, show certificates of one issuer that no trust store knows: %s",
					len(crowd.owners), crowd.first(), names[issuer]), true
			}
		}
	}
	return catalog.Text{}, ok
}

// A crowd is who shows the same. One who has many names at one address is one, and so is one name with many
// addresses.
type crowd struct {
	owners map[string]bool
	addrs  map[netip.Addr]bool
}

func (c crowd) with(owner string, addr netip.Addr) crowd {
	if c.owners == nil {
		c = crowd{map[string]bool{}, map[netip.Addr]bool{}}
	}
	c.owners[owner], c.addrs[addr] = true, true
	return c
}

func (c crowd) size() int { return min(len(c.owners), len(c.addrs)) }

// first is an address for people to look at.
func (c crowd) first() netip.Addr {
	return slices.MinFunc(slices.Collect(maps.Keys(c.addrs)), netip.Addr.Compare)
}

// clockOff compares our clock with those of web servers, and where these say nothing with the dates of
// certificates. No server is trusted to be right: more than half of them must agree with one another. What
// was seen by a clock that has been set since says nothing of ours.
func (w *Witnesses) clockOff(now moment) (wrong catalog.Text, ok bool) {
	var offsets []time.Duration
	asked := map[netip.Addr]bool{} // Two domains on one web server are one clock.
	for _, owner := range slices.Sorted(maps.Keys(w.clocks)) {
		if c := w.clocks[owner]; c.sameClock(now) && !asked[c.addr] {
			asked[c.addr] = true
			offsets = append(offsets, c.offset)
		}
	}
	if len(offsets) > 0 {
		slices.Sort(offsets)
		median := offsets[len(offsets)/2]
		agree := 0
		for _, o := range offsets {
			if (o - median).Abs() <= clockTolerance {
				agree++
			}
		}
		if agree >= 2 && 2*agree > len(offsets) {
			if median.Abs() <= clockTolerance {
				return catalog.Text{}, true
			}
			return say("by the clocks of %d web servers ours is %v %s", agree, median.Abs().Round(time.Second), beside(median)), true
		}
	}
	return w.datesOff(now)
}

// datesOff looks for certificates that are not valid at our time though known authorities issued them. These date
// nothing into the future, so a few early ones are proof. That certificates expire is usual; not that all have.
func (w *Witnesses) datesOff(now moment) (wrong catalog.Text, ok bool) {
	var early, late crowd
	valid := false
	for at, c := range w.certificates {
		switch {
		case !c.trusted || !c.sameClock(now):
		case c.early:
			early = early.with(c.owner, at.Addr())
		case c.late:
			late = late.with(c.owner, at.Addr())
		default:
			valid = true
		}
	}
	switch {
	case early.size() >= leastWitnesses:
		return say("the certificates of %d unrelated owners, %s among them, are not valid yet: ours is behind", len(early.owners), early.first()), true
	case late.size() >= leastWitnesses && !valid && len(early.owners) == 0:
		return say("the certificates of %d unrelated owners, %s among them, have expired, and nobody's is valid: ours is ahead", len(late.owners), late.first()), true
	}
	return catalog.Text{}, false
}

// beside says on which side of the others our clock is.
func beside(offset time.Duration) catalog.Text {
	if offset > 0 {
		return say("behind")
	}
	return say("ahead")
}
