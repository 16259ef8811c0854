package checks

import (
	"context"
	"errors"
	"net/netip"
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
)

// An Env is what all rounds under one configuration share. It is made once for each
// configuration and not changed.
type Env struct {
	Config   *targets.Config
	DNS      *dnsclient.Client
	Lists    *Lists
	Verifier *Verifier
	Dialer   smtpclient.Dialer
	Route    func(netip.Addr) error // smtpclient.Route, or the mail world's.
	HeloName string                 // Never empty.
	// HeloResolves is false where HeloName is an address literal for want of a name.
	HeloResolves bool

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

// Names are what a server calls itself.
type Names struct{ Banner, EHLO string }

// Addresses are the addresses of a server or sender. A family whose error is set could not
// be told; one that is empty without an error has none.
type Addresses struct {
	V4, V6     []netip.Addr
	Err4, Err6 error
	NoName     bool // The host name does not exist.
}

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
	Exchangers      []dnsclient.MX
	ExchangersKnown bool
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
	Evidence string           // One line for people; octets of peers are quoted.
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

// Find adds a problem. severity "" leaves it to the catalogue.
func (p *Part) Find(problem string, severity catalog.Severity, evidence string) {
	p.Findings = append(p.Findings, Finding{problem, severity, evidence})
}
