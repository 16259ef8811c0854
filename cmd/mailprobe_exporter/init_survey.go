package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A survey is what is found out about a domain before it is configured. Every name and address in it that becomes part of the
// configuration has passed the rules of exporter.yml; all other text is for comments.
type survey struct {
	cfg       *targets.Config
	dns       *dnsclient.Client
	domain    string
	resolvers []string // Named by the operator.

	// From DNS.
	exchangers  []exchanger
	nullMX      bool // It says that it takes no mail (RFC 7505).
	noMX        bool // It has no MX record.
	spf         spfFacts
	submission  []service
	noneToHand  bool // An SRV record says that there is no submission server.
	mtaSTS      bool
	dane        []string // MX hosts with TLSA records.
	asked, told int      // Questions, and those of them that were answered.
	untold      []unanswered

	letter *letterFacts // nil without a letter.
}

// An unanswered is a question that nobody answered.
type unanswered struct {
	what catalog.Text
	name string
	err  error
}

// An exchanger is a host of the domain's MX records.
type exchanger struct {
	host       string
	preference uint16
	provider   string // Who runs it, by id; "" for nobody the catalogue knows.
	own        bool   // Its name lies in the domain.
}

// A service is a server at which people hand in mail (RFC 6186, RFC 8314).
type service struct {
	address  string // host:port.
	provider string // As in exchanger.
}

// spfFacts are what the SPF record says of who sends.
type spfFacts struct {
	records   int
	broken    bool
	sendsNone bool // "v=spf1 -all".
	hosts     []suggestion
	networks  []string // Terms for more than one address.
	others    []string // Terms that lead to the records of others, or whose addresses cannot be told.
}

// A suggestion is a single address that the SPF record names.
type suggestion struct {
	address netip.Addr
	term    string
}

// The limits of what becomes part of a file.
const (
	maxInitHosts    = 20
	maxInitSenders  = 20
	maxInitServices = 10
)

// answered notes a question and whether it was answered.
func (s *survey) answered(what catalog.Text, name string, err error) bool {
	s.asked++
	if err == nil {
		s.told++
		return true
	}
	s.untold = append(s.untold, unanswered{what, name, err})
	return false
}

// look asks DNS everything. The error is that there is nothing to write a configuration for.
func (s *survey) look(ctx context.Context) error {
	if err := s.lookMX(ctx); err != nil {
		return err
	}
	s.lookSPF(ctx)
	s.lookSubmission(ctx)
	s.lookPolicies(ctx)
	if s.told == 0 && s.letter == nil {
		return fmt.Errorf("%w: DNS told nothing of %s; --resolver asks another resolver: %w", errInit, s.domain, s.untold[0].err)
	}
	return nil
}

func (s *survey) lookMX(ctx context.Context) error {
	mx, err := s.dns.MX(ctx, s.domain)
	if !s.answered(initWords.recordsMX, s.domain, err) {
		return nil
	}
	switch mx.Outcome {
	case dnsclient.OutcomeNoName:
		return fmt.Errorf("%w: %s does not exist (NXDOMAIN)", errInit, s.domain)
	case dnsclient.OutcomeNoData:
		s.noMX = true
		return nil
	}
	s.nullMX = len(mx.Records) == 1 && mx.Records[0].Host == ""
	for _, r := range mx.Records {
		t, err := s.cfg.TargetOf(net.JoinHostPort(r.Host, "25"), targets.KindServer)
		if r.Host == "" || err != nil || t.Server.Addr.IsValid() || len(s.exchangers) == maxInitHosts {
			continue // No host of anybody's; the check mx will say so.
		}
		provider, _ := catalog.Provider(t.Server.Host)
		s.exchangers = append(s.exchangers, exchanger{t.Server.Host, r.Preference, provider, provider == "" && bounce.Aligned(t.Server.Host, s.domain)})
	}
	return nil
}

func (s *survey) lookSPF(ctx context.Context) {
	answer, err := s.dns.TXT(ctx, s.domain)
	if !s.answered(initWords.recordSPF, s.domain, err) {
		return
	}
	texts := slices.DeleteFunc(slices.Clone(answer.Records), func(t string) bool { return !record.IsSPF(t) })
	if s.spf.records = len(texts); s.spf.records != 1 {
		return
	}
	parsed, err := record.ParseSPF(texts[0])
	s.spf.broken = err != nil
	passes := len(parsed.Redirect) > 0
	for _, d := range parsed.Directives {
		if d.Qualifier == record.Pass {
			passes = true
			s.lookDirective(ctx, d)
		}
	}
	if len(parsed.Redirect) > 0 {
		s.spf.others = append(s.spf.others, "redirect="+parsed.Redirect.String())
	}
	all, _, ends := parsed.All()
	s.spf.sendsNone = !passes && !s.spf.broken && ends && all.Qualifier == record.Fail
}

// lookDirective sorts what a term of an SPF record passes: single addresses may be machines that send, networks and the records of others
// say nothing of which address does.
func (s *survey) lookDirective(ctx context.Context, d record.Directive) {
	term := strings.TrimPrefix(d.String(), "+")
	switch d.Mechanism {
	case record.IP4, record.IP6:
		if d.Network.IsSingleIP() {
			s.suggest(d.Network.Addr(), term)
		} else {
			s.spf.networks = append(s.spf.networks, term)
		}
	case record.A, record.MX:
		name, ok := d.Domain.Plain()
		if len(d.Domain) == 0 {
			name, ok = s.domain, true
		}
		if !ok || d.Bits4 != 32 || d.Bits6 != 128 {
			s.spf.networks = append(s.spf.networks, term)
			return
		}
		s.lookHosts(ctx, d.Mechanism == record.MX, name, term)
	default:
		s.spf.others = append(s.spf.others, term)
	}
}

// lookHosts suggests the addresses of a name, or of its MX hosts.
func (s *survey) lookHosts(ctx context.Context, exchangers bool, name, term string) {
	hosts := []string{name}
	if exchangers {
		mx, err := s.dns.MX(ctx, name)
		if !s.answered(initWords.recordsMX, name, err) {
			return
		}
		hosts = nil
		for _, r := range mx.Records[:min(len(mx.Records), 10)] { // RFC 7208 section 4.6.4: no more than ten.
			if r.Host != "" {
				hosts = append(hosts, r.Host)
			}
		}
	}
	for _, host := range hosts {
		if _, known := catalog.Provider(host); known {
			s.spf.others = append(s.spf.others, term)
			return
		}
		for _, family := range []int{4, 6} {
			answer, err := s.dns.Addresses(ctx, family, host)
			if s.answered(initWords.addresses, host, err) {
				for _, a := range answer.Records {
					s.suggest(a, term)
				}
			}
		}
	}
}

// suggest keeps an address that exporter.yml would take, once.
func (s *survey) suggest(a netip.Addr, term string) {
	t, err := s.cfg.TargetOf(a.String(), targets.KindSender)
	if err != nil || len(s.spf.hosts) == maxInitSenders || slices.ContainsFunc(s.spf.hosts, func(h suggestion) bool { return h.address == t.Sender.Addr }) {
		return
	}
	s.spf.hosts = append(s.spf.hosts, suggestion{t.Sender.Addr, term})
}

// lookSubmission asks where people hand in mail. RFC 8314 section 5.1: TLS from the start, then RFC 6186 section 3.1. The root as the
// host says that there is none.
func (s *survey) lookSubmission(ctx context.Context) {
	for _, name := range []string{"_submissions._tcp." + s.domain, "_submission._tcp." + s.domain} {
		answer, err := s.dns.SRV(ctx, name)
		if !s.answered(initWords.recordsSRV, name, err) {
			continue
		}
		for _, r := range answer.Records {
			if r.Host == "" {
				s.noneToHand = true
				continue
			}
			t, err := s.cfg.TargetOf(net.JoinHostPort(r.Host, strconv.Itoa(int(r.Port))), targets.KindServer)
			if err != nil || len(s.submission) == maxInitServices || slices.ContainsFunc(s.submission, func(v service) bool { return v.address == t.Name }) {
				continue
			}
			provider, _ := catalog.Provider(t.Server.Host)
			s.submission = append(s.submission, service{t.Name, provider})
		}
	}
}

// lookPolicies asks whether the domain tells others to use TLS: MTA-STS (RFC 8461 section 3.1) and DANE (RFC 7672).
func (s *survey) lookPolicies(ctx context.Context) {
	name := "_mta-sts." + s.domain
	if sts, err := s.dns.TXT(ctx, name); s.answered(initWords.recordSTS, name, err) {
		s.mtaSTS = slices.ContainsFunc(sts.Records, record.IsMTASTS)
	}
	for _, e := range s.exchangers {
		if e.provider != "" {
			continue
		}
		name := "_25._tcp." + e.host
		if tlsa, err := s.dns.TLSA(ctx, name); s.answered(initWords.recordsTLSA, name, err) && tlsa.Outcome == dnsclient.OutcomeFound {
			s.dane = append(s.dane, e.host)
		}
	}
}

// parked reports whether the domain says by DNS that it neither sends nor receives. A letter that it sent says otherwise.
func (s *survey) parked() bool {
	return s.nullMX && s.spf.sendsNone && s.letter == nil
}

// A letterFacts is what a letter tells of its sender.
type letterFacts struct {
	selectors []string   // Of the domain's own signatures.
	signers   []string   // Other domains that signed.
	sender    string     // The target of the address that it left from; "" if no line tells, or it is a provider's.
	address   netip.Addr // That address; invalid if no line tells.
	provider  string     // Who runs the machine, by id; "" for nobody the catalogue knows.
	vouched   bool       // The machine has a name in the domain, or the receiver found that SPF passes it.
	helo      string     // The name by which it called itself; "" if it is none that exporter.yml takes.
	by        string     // Who tells.
	domains   []string   // Those that SPF is evaluated for.
	mailFrom  string     // The domain of MAIL FROM where it is somebody else's; "" if it is not.
	byMailer  bool       // Somebody had logged in, and no line tells of another mail system.
}

// learn takes what a letter tells. The error is that it is not of this domain.
func (s *survey) learn(l *bounce.Letter) error {
	f := &letterFacts{domains: []string{s.domain}}
	author, mailFrom := bounce.DomainOf(l.From), bounce.DomainOf(l.MailFrom)
	ours := s.within(author) || s.within(mailFrom)
	for _, g := range l.Signatures {
		switch d, err := s.cfg.TargetOf(g.Domain, targets.KindDomain); {
		case err != nil:
		case d.Name != s.domain:
			ours = ours || s.within(d.Name)
			if !slices.Contains(f.signers, d.Name) {
				f.signers = append(f.signers, d.Name)
			}
		default:
			ours = true
			if with, err := targets.WithDomain(d, append(f.selectors, g.Selector), nil); err == nil {
				f.selectors = with.Domain.DKIMSelectors
			}
		}
	}
	if !ours {
		return fmt.Errorf("%w: the letter of --from is not of %s: neither From (%s) nor MAIL FROM (%s) nor a DKIM signature has that domain",
			errInit, s.domain, clip(sanitise(author), 100), clip(sanitise(mailFrom), 100))
	}
	if d, err := s.cfg.TargetOf(mailFrom, targets.KindDomain); err == nil && d.Name != s.domain {
		if f.mailFrom = d.Name; s.within(d.Name) {
			f.domains, f.mailFrom = append(f.domains, d.Name), ""
		}
	}
	s.learnSender(f, l)
	s.letter = f
	return nil
}

// learnSender takes the address from the line that the receiver's first server wrote.
func (s *survey) learnSender(f *letterFacts, l *bounce.Letter) {
	hop := l.Sender()
	if hop == nil {
		f.byMailer = slices.ContainsFunc(l.Hops, func(h bounce.Hop) bool { return h.Login })
		return
	}
	t, err := s.cfg.TargetOf(hop.Address.String(), targets.KindSender)
	if err != nil {
		return
	}
	f.address, f.by = t.Sender.Addr, hop.By
	f.vouched = s.within(hop.PTR) || s.within(hop.Helo) || slices.ContainsFunc(l.Results, func(r bounce.Result) bool { return r.Method == "spf" && r.Value == "pass" })
	for _, name := range []string{hop.PTR, hop.Helo} {
		if id, ok := catalog.Provider(name); ok && f.provider == "" && !s.within(name) {
			f.provider = id
		}
	}
	if f.provider == "" {
		f.sender = t.Name
	}
	if h, err := s.cfg.TargetOf(hop.Helo, targets.KindSender); err == nil && !h.Sender.Addr.IsValid() {
		f.helo = h.Name
	}
}

// sender is the address that the letter left from, if it is the domain's own beyond doubt: a filter or a forwarder before the receiver would
// be named in its place. doubtful is it otherwise.
func (s *survey) sender() (sure, doubtful string) {
	l := s.letter
	switch {
	case l == nil || l.sender == "":
		return "", ""
	case l.vouched || slices.ContainsFunc(s.spf.hosts, func(h suggestion) bool { return h.address == l.address }):
		return l.sender, ""
	}
	return "", l.sender
}

// within reports whether a name is the domain or lies in it.
func (s *survey) within(name string) bool {
	return name == s.domain || strings.HasSuffix(name, "."+s.domain)
}
