package checks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Reasons for which nothing was tried, so that nothing is known.
var (
	ErrLeftAlone = errors.New("left alone because it said so")
	ErrNoRoute   = errors.New("no route from here")
	// ErrEgressBlocked: it was tried, and proves nothing, since check vantage proved that no connection gets through.
	ErrEgressBlocked  = errors.New("connections to port 25 do not leave this network")
	errEgressUntested = errors.New("whether connections to port 25 leave this network is not known yet")
)

// An Env is what all rounds under one configuration share. It is made once for each
// configuration and not changed.
type Env struct {
	Config   *targets.Config
	DNS      *dnsclient.Client // In a round, one made for it: its checks ask no question twice.
	Lists    *Lists
	Proofs   *Proofs // What check vantage proved; nil: nothing.
	Memory   *Memory // What outlives rounds and configurations; nil: nothing does.
	Policies *Policies
	// Witnesses note what hosts show of the vantage; nil: nothing is noted.
	Witnesses *Witnesses
	Kin       map[string]bool // The registered domains of which the configuration speaks: see the function.
	Verifier  *Verifier
	Dialer    smtpclient.Dialer
	Route     func(netip.Addr) error // smtpclient.Route, or the mail world's.
	// Outgoing returns the address of ours that connections of a family, 4 or 6, come from, as this machine sees it; an
	// invalid one if there is none. nil: nothing is known of them.
	Outgoing func(family int) netip.Addr
	// Ours has the targets that stand for addresses this machine may send from: what is held against such an address is
	// that target's problem rather than the vantage's.
	Ours     map[netip.Addr]string
	HeloName string // Never empty.
	// HeloResolves is false where HeloName is an address literal for want of a name; HeloErr then says why it cannot be
	// told whether DNS knows one, nil if it knows none.
	HeloResolves bool
	HeloErr      error

	// Standing returns another target by name, nil if there is none, and what a check holds of it: the findings on each
	// thing of which it has a verdict, by the thing's key.
	Standing func(name, check string) (*targets.Target, map[string][]Finding)
	// Measured returns the values of a metric that a check holds of another target, by the thing's key; of a thing that
	// has several, the first.
	Measured func(name, check string, m *Metric) map[string]float64

	// Enter waits until one more session with an address may begin, and returns what ends it.
	// A session never begins while ErrLeftAlone is returned.
	Enter func(ctx context.Context, addr netip.Addr) (leave func(*smtpclient.Session), err error)
}

// Facts are what one round over one target found out, each once and shared by its checks.
// The zero value is ready.
type Facts struct {
	mu        sync.Mutex
	addresses *once[Addresses]
	sessions  map[netip.Addr]*once[*smtpclient.Session]
}

// A once is a fact that is being found out or known.
type once[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// get returns the fact. The one whose fact it is finds it out; the others wait for him, at most until
// their context ends.
func (o *once[T]) get(ctx context.Context, mine bool, find func() (T, error)) (T, error) {
	if mine {
		o.err = errNotFoundOut // Stands only if find panics.
		defer close(o.done)
		o.value, o.err = find()
		return o.value, o.err
	}
	select {
	case <-o.done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

var errNotFoundOut = errors.New("another check of this round failed to find it out")

// Names are what a server calls itself.
type Names struct{ Banner, EHLO string }

// Addresses are the addresses of a server or sender. A family whose error is set could not
// be told; one that is empty without an error has none.
type Addresses struct {
	V4, V6     []netip.Addr // Sorted, each once.
	Err4, Err6 error
	NoName     bool  // The host name does not exist.
	More       error // There are more than these: they are not looked at, and nothing is known of them.
}

// All returns the addresses of both families, IPv4 first.
func (a Addresses) All() []netip.Addr { return slices.Concat(a.V4, a.V6) }

// Err joins the errors of both families; nil if all addresses are known.
func (a Addresses) Err() error { return errors.Join(a.Err4, a.Err6) }

// A Round is one pass of one check over one target.
type Round struct {
	Target *targets.Target
	Env    *Env
	Time   time.Time // When the round began; dates are judged by it.
	Facts  *Facts

	// Every is the interval of this check for this target.
	Every time.Duration
	// Last returns when the verdict of a part was reached that is held now.
	Last func(key string) (time.Time, bool)
	// LastNames returns what a server's last session said, for rounds in which smtp does not run.
	LastNames func(addr netip.Addr) Names
	// SMTPDue says that the check smtp runs in this round too, so that its session can be shared.
	SMTPDue bool

	Result Result
}

// A Result is what a check's run saw.
type Result struct {
	Parts []*Part
	// KeepOthers says that the list of things was not complete (one family's addresses
	// could not be told): parts of earlier runs that this one does not have are held, not dropped.
	KeepOthers bool
	// Exchangers are the hosts that the check mx found, for the collector to follow.
	// Valid if ExchangersKnown.
	Exchangers      []Exchanger
	ExchangersKnown bool
}

// An Exchanger is a host that takes mail for a domain.
type Exchanger struct {
	Host      string       // In lower case without a trailing dot.
	Addresses []netip.Addr // As far as they could be told.
	Sends     bool         // The domain's SPF record passes one of them: mail leaves from here, too.
	SendsErr  error        // Why Sends could not be told; it does not count then.
}

// A Part is what a run saw of one thing. Part by part, what is seen replaces what was
// known, and what is unknown leaves it until its hold ends.
type Part struct {
	Key      string // Unique within the check and target.
	Hold     Hold
	Samples  []Sample
	Findings []Finding
	Unknown  error    // Nothing could be told of this thing; Samples and Findings do not count.
	Withdraw bool     // With Unknown: what was known is not believed any more either.
	LeftOut  bool     // Left out on purpose (back-off): what was known stays until the next run.
	Evidence []string // What was seen, for people; octets of peers are quoted.
	Name     string   // The host name that it is known by, for people; "" unless it was found and is one. No label has it.
}

// A Sample is one gauge's value.
type Sample struct {
	Metric *Metric
	Labels []string // Values for Metric.Labels, in their order.
	Value  float64
}

// A Finding is a problem that stands.
type Finding struct {
	Problem  string           // Id in the catalogue.
	Severity catalog.Severity // "" means the catalogue's.
	// Receiving is the severity on a server that is not known to send mail, while Severity is that on one that does. ""
	// means that there is no difference.
	Receiving catalog.Severity
	Evidence  catalog.Text // One line for people; octets of peers are quoted.
	// Values are what remedies may name of what was seen, beside what is known of the target. The check does not change them later.
	Values catalog.Values
	Ours   netip.Addr // Of a problem of the vantage: the address of ours that it is about, where known.
	// Transient says that it may be gone at the next attempt: the server asked to come back (a reply 4yz), or the connection was lost.
	Transient bool
}

// On returns the severity of the finding on a target, "" for the catalogue's.
func (f Finding) On(t *targets.Target) catalog.Severity {
	if f.Receiving != "" && !t.Sends() {
		return f.Receiving
	}
	return f.Severity
}

// Addresses returns the addresses of the target's server or sender: the literal it is named by, or what DNS
// says of its host name, A and AAAA asked at the same time. Of a foreign server it is one address of
// each family, always the same one, for nobody here can mend the others; of any other at most 16, the lowest.
func (r *Round) Addresses(ctx context.Context) Addresses {
	host, literal := r.host()
	switch {
	case literal.IsValid():
		return byFamily([]netip.Addr{literal})
	case host == "":
		return Addresses{}
	}
	f := r.Facts
	f.mu.Lock()
	mine := f.addresses == nil
	if mine {
		f.addresses = &once[Addresses]{done: make(chan struct{})}
	}
	fact := f.addresses
	f.mu.Unlock()

	a, err := fact.get(ctx, mine, func() (Addresses, error) { return r.lookUpAddresses(ctx, host), nil })
	if err != nil {
		err = fmt.Errorf("look up addresses of %s: %w", host, err)
		return Addresses{Err4: err, Err6: err}
	}
	if r.Target.Foreign {
		a.More = nil
		a.V4, a.V6 = a.V4[:min(1, len(a.V4))], a.V6[:min(1, len(a.V6))]
	}
	return a
}

// PublicAddresses returns the addresses that the world knows the target by: the configured ones of a server
// that is probed inside and judged outside, as behind NAT, otherwise Addresses.
func (r *Round) PublicAddresses(ctx context.Context) Addresses {
	if s := r.Target.Server; s != nil && len(s.PublicAddresses) > 0 {
		return byFamily(s.PublicAddresses)
	}
	return r.Addresses(ctx)
}

// Session returns the SMTP session with one address of the target's server, held once a round and shared. An error
// says that nothing is known: ErrLeftAlone, ErrNoRoute, or what broke the session off on our side. The session that
// comes with such an error, if there is one, is for evidence only.
func (r *Round) Session(ctx context.Context, addr netip.Addr) (*smtpclient.Session, error) {
	addr = addr.Unmap()
	f := r.Facts
	f.mu.Lock()
	fact, held := f.sessions[addr]
	if !held {
		if f.sessions == nil {
			f.sessions = map[netip.Addr]*once[*smtpclient.Session]{}
		}
		fact = &once[*smtpclient.Session]{done: make(chan struct{})}
		f.sessions[addr] = fact
	}
	f.mu.Unlock()
	return fact.get(ctx, !held, func() (*smtpclient.Session, error) { return r.holdSession(ctx, addr) })
}

// host is what the target's addresses are those of: a name, or a literal.
func (r *Round) host() (string, netip.Addr) {
	switch t := r.Target; {
	case t.Server != nil:
		return t.Server.Host, t.Server.Addr.Unmap()
	case t.Sender != nil:
		return t.Sender.Host, t.Sender.Addr.Unmap()
	}
	return "", netip.Addr{}
}

// maxAddresses is how many addresses of one family a name may have us look at. Servers that send mail try five or ten;
// whoever owns the name could otherwise have us knock at a hundred doors of others.
const maxAddresses = 16

// errManyAddresses says why nothing is known of some addresses.
var errManyAddresses = fmt.Errorf("there are more addresses than are looked at, which are the lowest %d of each family", maxAddresses)

// tellMore says that nothing is known of the addresses beyond those that are looked at, if there are any.
func (r *Round) tellMore(key string, a Addresses) {
	if a.More != nil {
		r.Part(key, HoldRecords).Unknown = a.More
	}
}

// lookUpAddresses asks DNS for both families side by side; each may fail by itself.
func (r *Round) lookUpAddresses(ctx context.Context, host string) Addresses {
	var v4, v6 dnsclient.Answer[netip.Addr]
	var err4, err6 error
	sideBySide(2, func(i int) {
		if i == 0 {
			v4, err4 = r.Env.DNS.Addresses(ctx, 4, host)
		} else {
			v6, err6 = r.Env.DNS.Addresses(ctx, 6, host)
		}
	})

	a := byFamily(v4.Records)
	for _, addr := range v6.Records {
		// RFC 4291 section 2.5.5.2: a mapped address is IPv4 in disguise and not for the wire.
		if !addr.Is4In6() {
			a.V6 = append(a.V6, addr)
		}
	}
	a.V6 = sorted(a.V6)
	if len(a.V4) > maxAddresses || len(a.V6) > maxAddresses {
		a.More = fmt.Errorf("%w: %s has %d of IPv4 and %d of IPv6", errManyAddresses, host, len(a.V4), len(a.V6))
	}
	a.V4, a.V6 = a.V4[:min(maxAddresses, len(a.V4))], a.V6[:min(maxAddresses, len(a.V6))]
	a.Err4, a.Err6 = err4, err6
	// RFC 8020: a name that does not exist has no records of any type.
	a.NoName = v4.Outcome == dnsclient.OutcomeNoName || v6.Outcome == dnsclient.OutcomeNoName
	return a
}

// byFamily sorts addresses into the two families.
func byFamily(list []netip.Addr) (a Addresses) {
	for _, addr := range list {
		if addr = addr.Unmap(); addr.Is4() {
			a.V4 = append(a.V4, addr)
		} else {
			a.V6 = append(a.V6, addr)
		}
	}
	a.V4, a.V6 = sorted(a.V4), sorted(a.V6)
	return a
}

func sorted(list []netip.Addr) []netip.Addr {
	slices.SortFunc(list, netip.Addr.Compare)
	return slices.Compact(list)
}

// holdSession is Session without sharing.
func (r *Round) holdSession(ctx context.Context, addr netip.Addr) (*smtpclient.Session, error) {
	if r.Target.Server == nil {
		return nil, fmt.Errorf("hold session: %s is not a server", r.Target.Name)
	}
	return r.holdSessionWith(ctx, addr, r.sessionOptions(r.Target.Server))
}

// holdSessionWith is holdSession for one that is to do more, with options made from sessionOptions.
func (r *Round) holdSessionWith(ctx context.Context, addr netip.Addr, o smtpclient.Options) (*smtpclient.Session, error) {
	server := r.Target.Server
	to := netip.AddrPortFrom(addr, server.Port)
	if r.led() && !r.Env.Config.Allowed(addr) {
		return &smtpclient.Session{Address: to, Start: time.Now(), Steps: []smtpclient.Step{
			{Stage: smtpclient.StageConnect, Failure: smtpclient.FailureNotAllowed, Err: smtpclient.ErrNotAllowed},
		}}, nil
	}
	leave, err := r.Env.Enter(ctx, addr)
	if err != nil {
		return nil, err
	}
	s := smtpclient.Probe(ctx, to, o)
	leave(s)
	switch {
	case s.NoRoute != nil:
		return s, fmt.Errorf("%w: %w", ErrNoRoute, s.NoRoute)
	case s.Aborted != nil:
		return s, s.Aborted
	case server.Port == 25 && neverConnected(s):
		return s, r.Env.Proofs.egress(ctx)
	}
	return s, nil
}

// neverConnected reports whether nothing came back from the address, not even a refusal.
func neverConnected(s *smtpclient.Session) bool {
	step := s.Step(smtpclient.StageConnect)
	return step != nil && step.Failure == smtpclient.FailureTimeout
}

// led reports whether somebody else's DNS led us to the target, not the operator. Only then may its
// addresses not lie in our own network: whoever can write an MX record could otherwise have us knock there.
func (r *Round) led() bool {
	return r.Target.Source != targets.SourceConfig && r.Target.Source != targets.SourceFile
}

func (r *Round) sessionOptions(server *targets.Server) smtpclient.Options {
	o := smtpclient.Options{
		Dialer:     r.Env.Dialer,
		Route:      r.Env.Route,
		HeloName:   r.Env.HeloName,
		TLS:        smtpclient.TLSMode(server.TLS),
		ServerName: server.ServerName, ProxyHeader: smtpclient.ProxyVersion(server.ProxyProtocol),
	}
	if r.Target.Module != nil {
		o.Timeout = r.Target.Module.Timeout
	}
	return o
}

// Part returns the part of a key, made with the hold if the run has none of it yet.
func (r *Round) Part(key string, hold Hold) *Part {
	for _, p := range r.Result.Parts {
		if p.Key == key {
			return p
		}
	}
	p := &Part{Key: key, Hold: hold}
	r.Result.Parts = append(r.Result.Parts, p)
	return p
}

// Emit adds a sample. The number of values must be that of the metric's labels.
func (p *Part) Emit(m *Metric, value float64, labels ...string) {
	if len(labels) != len(m.Labels) {
		panic("checks: " + m.Name + ": wrong number of labels")
	}
	p.Samples = append(p.Samples, Sample{m, labels, value})
}

// EmitBool adds a sample of 1 or 0.
func (p *Part) EmitBool(m *Metric, value bool, labels ...string) {
	v := 0.0
	if value {
		v = 1
	}
	p.Emit(m, v, labels...)
}

// Find adds a problem. severity "" leaves it to the catalogue. values are what remedies may name of what was seen.
func (p *Part) Find(problem string, severity catalog.Severity, evidence catalog.Text, values ...catalog.Values) {
	f := Finding{Problem: problem, Severity: severity, Evidence: evidence}
	for _, v := range values {
		f.Values = f.Values.With(v)
	}
	p.Findings = append(p.Findings, f)
}
