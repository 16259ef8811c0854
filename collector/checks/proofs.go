package checks

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Proofs are what the vantage proved of itself that leaves other verdicts unknown. All rounds share it. The zero value
// has nothing to wait for.
type Proofs struct {
	egressBlocked atomic.Bool
	once          sync.Once
	tested        chan struct{} // Closed when the first test of port 25 has ended; nil: there is none.

	denial   sync.Mutex // Held while it is looked whether the resolver denies every name.
	looked   bool
	denies   error                        // Why what the resolver denies may exist; nil: nothing speaks against it.
	invented atomic.Pointer[[]netip.Addr] // What the resolver answers for a name that does not exist; nil: nothing.
}

// NewProofs returns proofs of which none is in yet.
func NewProofs(v targets.Vantage) *Proofs {
	p := &Proofs{}
	if len(v.Egress) > 0 {
		p.tested = make(chan struct{})
	}
	return p
}

// provePatience is how long to wait for the first test of port 25. It has a session in each family, in turn.
const provePatience = 3 * time.Minute

// egress says why a server that is silent on port 25 may be in the best of health: that port is proved to be blocked, or has not
// been tested yet, which is waited for. nil: the silence is the server's.
func (p *Proofs) egress(ctx context.Context) error {
	if p != nil && p.tested != nil {
		patience, cancel := context.WithTimeout(ctx, provePatience)
		defer cancel()
		select {
		case <-p.tested:
		case <-patience.Done():
			return cmp.Or(ctx.Err(), errEgressUntested)
		}
	}
	if p.EgressBlocked() {
		return ErrEgressBlocked
	}
	return nil
}

// proveEgress notes how a test of port 25 ended.
func (p *Proofs) proveEgress(blocked bool) {
	if p == nil {
		return
	}
	p.egressBlocked.Store(blocked)
	if p.tested != nil {
		p.once.Do(func() { close(p.tested) })
	}
}

// EgressBlocked reports whether it is proved that connections to port 25 do not leave this machine's network, so
// that a server which does not answer there may be in the best of health.
func (p *Proofs) EgressBlocked() bool { return p != nil && p.egressBlocked.Load() }

// The resolver's proofs.
var (
	errDenies   = errors.New("the resolver denies in-addr.arpa, which exists, so that it may deny every name")
	errInvented = errors.New("the resolver gives the same address for names that do not exist")
)

// denialPatience is how long the resolver may take to tell that in-addr.arpa is there.
const denialPatience = 3 * time.Second

// proveDenial looks whether the resolver denies what exists, as some do that have no network: in-addr.arpa (RFC 1035 section 3.5) is
// everywhere, and has a SOA record. Only a denial proves it, NXDOMAIN or an empty answer; a resolver that can tell nothing of that
// name may well know others.
func (p *Proofs) proveDenial(ctx context.Context, dns *dnsclient.Client) error {
	if p == nil {
		return nil
	}
	p.denial.Lock()
	defer p.denial.Unlock()
	return p.lookForDenial(ctx, dns)
}

// lookForDenial is proveDenial with p.denial held.
func (p *Proofs) lookForDenial(ctx context.Context, dns *dnsclient.Client) error {
	patience, cancel := context.WithTimeout(ctx, denialPatience)
	defer cancel()
	a, err := dns.Uncached().SOA(patience, "in-addr.arpa")
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.looked, p.denies = true, nil
	if err == nil && a.Outcome != dnsclient.OutcomeFound || errors.Is(err, dnsclient.ErrDoubtful) {
		p.denies = errDenies
	}
	return p.denies
}

// proveInvented notes what the resolver gave for a name that does not exist.
func (p *Proofs) proveInvented(addrs []netip.Addr) {
	if p != nil {
		p.invented.Store(&addrs)
	}
}

// Believing gives a client that does not tell what a resolver says that is proved to be a liar: that a name or its records do not exist, if
// it denies what does, and the address that it gives for those that do not. Until check vantage has looked, the first who needs it does.
func (p *Proofs) Believing(dns *dnsclient.Client) *dnsclient.Client {
	if p == nil {
		return dns
	}
	return dns.Doubting(func(ctx context.Context, outcome dnsclient.Outcome, addrs []netip.Addr) error {
		if invented := p.invented.Load(); invented != nil && slices.ContainsFunc(addrs, func(a netip.Addr) bool { return slices.Contains(*invented, a) }) {
			return errInvented
		}
		if outcome == dnsclient.OutcomeFound {
			return nil
		}
		p.denial.Lock()
		defer p.denial.Unlock()
		if !p.looked {
			return p.lookForDenial(ctx, dns)
		}
		return p.denies
	})
}
