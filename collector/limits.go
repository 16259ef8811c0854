package collector

import (
	"container/list"
	"context"
	"maps"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Limits are the gates a session passes before it begins: first that of its address, so
// that those who wait for one slow host hold nothing that others need, then that of all
// sessions, then the rate of new connections. They outlive a reload, because the
// sessions under way do.
type limits struct {
	mu       sync.Mutex
	all      places
	hosts    map[netip.Addr]*gate // Only addresses with a session under way or waiting.
	perHost  int
	connects *rate.Limiter

	// Rounds on demand: of targets that are configured, and of those that only probe_allow lets in.
	demanded, unlisted gate
}

// A gate lets a number of sessions in at once and the others wait in order.
type gate struct {
	limit, used int
	waiting     list.List // Of *waiter.
}

type waiter struct {
	open  chan struct{}
	since time.Time
}

func newLimits(l targets.Limits) *limits {
	ls := &limits{all: places{owners: map[string]*owner{}}, hosts: map[netip.Addr]*gate{}, connects: rate.NewLimiter(rate.Inf, 1)}
	ls.set(l)
	return ls
}

// set puts other limits in force. Sessions above a lowered limit go on to their end.
func (l *limits) set(n targets.Limits) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.limit = orDefault(n.Concurrency, 200)
	l.perHost = orDefault(n.PerHost, 1)
	for _, g := range l.hosts {
		g.limit = l.perHost
		g.admit()
	}
	l.all.admit()
	l.demanded.limit, l.unlisted.limit = l.all.limit, max(1, l.all.limit/unlistedShare)
	l.demanded.admit()
	l.unlisted.admit()
	perSecond := orDefault(n.ConnectsPerSecond, 200)
	l.connects.SetLimit(rate.Limit(perSecond))
	l.connects.SetBurst(max(1, perSecond/20))
}

func orDefault(n, def int) int {
	if n > 0 {
		return n
	}
	return def
}

// admit opens the gate for those in front as far as the limit allows.
func (g *gate) admit() {
	for g.used < g.limit && g.waiting.Len() > 0 {
		w := g.waiting.Remove(g.waiting.Front()).(*waiter)
		g.used++
		close(w.open)
	}
}

// pass waits until the gate lets one more in. l.mu is held on entry and on return.
func (l *limits) pass(ctx context.Context, g *gate) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &waiter{open: make(chan struct{}), since: time.Now()}
	e := g.waiting.PushBack(w)
	g.admit()
	l.mu.Unlock()
	select {
	case <-w.open:
		l.mu.Lock()
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	select {
	case <-w.open: // Both at once: what was got is given back.
		g.used--
		g.admit()
	default:
		g.waiting.Remove(e)
	}
	return ctx.Err()
}

// acquire waits until a session with addr may begin; release ends it. name is the domain that the server belongs to, or the
// server, and of is how quick it was the last time.
func (l *limits) acquire(ctx context.Context, addr netip.Addr, name string, of pace) (release func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	host := l.hosts[addr]
	if host == nil {
		host = &gate{limit: l.perHost}
		l.hosts[addr] = host
	}
	if err := l.pass(ctx, host); err != nil {
		l.forget(addr, host)
		return nil, err
	}
	place, err := l.enter(ctx, name, of)
	if err != nil {
		l.leave(addr, host)
		return nil, err
	}
	l.mu.Unlock()
	err = l.connects.Wait(ctx)
	l.mu.Lock()
	if err != nil {
		l.all.leave(place)
		l.leave(addr, host)
		return nil, err
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all.leave(place)
		l.leave(addr, host)
	}, nil
}

const (
	// unlistedShare is the part of limits.concurrency that rounds of targets may be which only probe_allow lets in.
	unlistedShare = 4
	// maxUnlistedQueue is how many may wait for a place among those rounds.
	maxUnlistedQueue = 200
)

// acquireRound waits until a round on demand may begin; release is called at its end. ErrBusy: too many wait already.
func (l *limits) acquireRound(ctx context.Context, unlisted bool) (release func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := &l.demanded
	if unlisted {
		if g = &l.unlisted; g.used >= g.limit && g.waiting.Len() >= maxUnlistedQueue {
			return nil, ErrBusy
		}
	}
	if err := l.pass(ctx, g); err != nil {
		return nil, err
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		g.used--
		g.admit()
	}, nil
}

// unlistedFull reports whether no more may wait for a round of a target that only probe_allow lets in.
func (l *limits) unlistedFull() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unlisted.used >= l.unlisted.limit && l.unlisted.waiting.Len() >= maxUnlistedQueue
}

// roundsWaiting is the number of those who wait for a round on demand to begin.
func (l *limits) roundsWaiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.demanded.waiting.Len() + l.unlisted.waiting.Len()
}

// leave gives the place at an address back. l.mu is held.
func (l *limits) leave(addr netip.Addr, host *gate) {
	host.used--
	host.admit()
	l.forget(addr, host)
}

// forget drops the gate of an address that nobody uses or waits for. l.mu is held.
func (l *limits) forget(addr netip.Addr, host *gate) {
	if host.used == 0 && host.waiting.Len() == 0 {
		delete(l.hosts, addr)
	}
}

// inFlight is the number of sessions under way; waited is how long the one that has waited longest for a place among
// them, or for its host, has done so.
func (l *limits) inFlight(now time.Time) (sessions int, waited time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waited = l.all.longest(now)
	for _, host := range l.hosts {
		if e := host.waiting.Front(); e != nil {
			waited = max(waited, now.Sub(e.Value.(*waiter).since))
		}
	}
	return l.all.used, waited
}

// A door is what one target's sessions leave behind for the next: which addresses asked
// to be left alone, and what the servers called themselves.
type door struct {
	mu    sync.Mutex
	left  map[netip.Addr]*backoff
	names map[netip.Addr]checks.Names
	paces map[netip.Addr]pace
}

// A backoff is the patience with one address that greeted us with 421 or 554.
type backoff struct {
	times int // In a row.
	until time.Time
}

// maxBackoff is how long an address is left alone at most.
const maxBackoff = time.Hour

// leftAlone reports until when an address is left alone, if it is.
func (d *door) leftAlone(addr netip.Addr, now time.Time) (until time.Time, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.left[addr]
	if b == nil || !now.Before(b.until) {
		return time.Time{}, false
	}
	return b.until, true
}

// pace is how quick the server at an address was the last time.
func (d *door) pace(addr netip.Addr) pace {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.paces[addr]
}

// took takes note of how long a session with an address held its place.
func (d *door) took(addr netip.Addr, t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.paces == nil || len(d.paces) > 64 {
		d.paces = map[netip.Addr]pace{}
	}
	d.paces[addr] = paceOf(t)
}

// lastNames is what the server at an address called itself last.
func (d *door) lastNames(addr netip.Addr) checks.Names {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[addr.Unmap()]
}

// heard takes note of how a session went. every is the target's interval of the check smtp. A name that repeats a secret is none.
func (d *door) heard(addr netip.Addr, s *smtpclient.Session, every time.Duration, secrets *redactor) {
	if s == nil {
		return
	}
	banner := s.Step(smtpclient.StageBanner)
	if banner == nil || banner.Reply == nil {
		return // It said nothing: neither patience lost nor won.
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.names == nil || len(d.names) > 64 { // Addresses come and go; what they said is learnt again.
		d.names = map[netip.Addr]checks.Names{}
	}
	if s.Up() && !secrets.repeats(s.BannerName) && !secrets.repeats(s.EHLOName) { // Else it has not said both names, and what is missing is not known to be none.
		d.names[addr] = checks.Names{Banner: s.BannerName, EHLO: s.EHLOName}
	}

	// RFC 5321 section 3.8: 421 means that the service is closing, come back later; section 3.1: 554 in the
	// greeting means no service for this client. Knocking on at the usual rate makes reputation worse.
	if code := banner.Reply.Code; code != 421 && code != 554 {
		delete(d.left, addr)
		return
	}
	now := time.Now()
	b := d.left[addr]
	if b == nil {
		b = &backoff{}
		if d.left == nil {
			d.left = map[netip.Addr]*backoff{}
		}
		maps.DeleteFunc(d.left, func(_ netip.Addr, o *backoff) bool { return now.Sub(o.until) > day }) // It has moved.
		d.left[addr] = b
	}
	if now.Before(b.until) {
		return // Two sessions at once count once.
	}
	b.times++
	b.until = now.Add(backoffAfter(b.times, every))
}

// backoffAfter is how long an address is left alone that sent us away n times in a row:
// twice the interval, then four times and so on up to an hour, less half an interval, so
// that the end lies between two grid points and the next one is not missed by seconds.
func backoffAfter(n int, every time.Duration) time.Duration {
	d := min(every, maxBackoff)
	for range n {
		d = min(2*d, maxBackoff)
	}
	return d - min(every, maxBackoff)/2
}

// leftAddresses lists the addresses left alone now.
func (d *door) leftAddresses(now time.Time) map[netip.Addr]time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out map[netip.Addr]time.Time
	for addr, b := range d.left {
		if now.Before(b.until) {
			if out == nil {
				out = map[netip.Addr]time.Time{}
			}
			out[addr] = b.until
		}
	}
	return out
}
