package collector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A state is one target: what is known of it and when it is due.
type state struct {
	timetable
	name     string
	identity string         // Of the target's configuration; "" where nothing is kept over restarts.
	pair     *dto.LabelPair // The label target, shared by all its series.
	door     *door          // Shared by all who probe the same server.

	mu       sync.Mutex // Held while target changes and while a snapshot is made.
	target   *targets.Target
	snapshot atomic.Pointer[Snapshot]
	history  history
	evidence atomic.Int64 // Bytes of it that are known.
	tried    atomic.Bool  // A round ended.

	// Of one that is probed on demand only, guarded by the collector's mutex.
	asked      time.Time // When it was last asked for.
	askedTimes int

	// Guarded by the collector's mutex.
	exchangers []checks.Exchanger // Of a domain: its MX hosts as last seen.
	follows    map[string]bool    // Of a domain: the names of the servers they lead to.
	refs       map[string]bool    // Of a server: the domains that lead to it.
	sendsFor   map[string]bool    // Of a server: those of them whose SPF record passes it, so that their mail leaves from it.
}

// polite is the least distance between two runs of a check, unless its interval is shorter. Otherwise the first run on the grid
// might follow the one at start by seconds.
const polite = time.Minute

// newState returns the state of a target of which nothing is known yet.
func (c *Collector) newState(t *targets.Target, reg *regime, now time.Time) *state {
	st := &state{name: t.Name, target: t, door: &door{}, pair: newPair(labelPair{"target", t.Name}), refs: map[string]bool{}}
	st.index, st.phase = -1, phase(t.Name)
	if c.store != nil {
		st.identity = t.Identity()
	}
	var known []CheckState
	for _, check := range c.checks {
		if every := t.Every[check.Name]; every > 0 {
			spec, _ := targets.CheckByName(check.Name)
			st.plans = append(st.plans, &plan{check: check, every: every, least: max(spec.Least, min(every, polite))})
			known = append(known, CheckState{Check: check, Every: every})
		}
	}
	for _, p := range st.plans {
		for _, other := range st.plans {
			if other.every == p.every {
				p.least = max(p.least, other.least) // So that checks of one interval stay in one round.
			}
		}
	}
	st.snapshot.Store(reg.builder.build(st, known, now))
	return st
}

// keepShowing has a target whose settings changed show what was known of it until its checks have run. What each asks next
// depends on none of it.
func (c *Collector) keepShowing(st, old *state, reg *regime, now time.Time) {
	if old.target.Kind != st.target.Kind {
		return
	}
	before := old.snapshot.Load().Checks
	known := slices.Clone(st.snapshot.Load().Checks)
	for i := range known {
		j := slices.IndexFunc(before, func(cs CheckState) bool { return cs.Check == known[i].Check && len(cs.Parts) > 0 })
		if j >= 0 {
			every := known[i].Every
			known[i] = before[j]
			known[i].Every, known[i].outdated = every, true
		}
	}
	st.snapshot.Store(reg.builder.build(st, known, now))
}

// rebuild makes a target's snapshot anew from what is known, for the time has come or the
// configuration changed. The regime is looked up under the target's mutex, so that a scrape does not
// undo what a reload at the same time has done.
func (c *Collector) rebuild(st *state, now time.Time) *Snapshot {
	st.mu.Lock()
	defer st.mu.Unlock()
	s := c.regime.Load().builder.build(st, st.snapshot.Load().Checks, now)
	st.snapshot.Store(s)
	return s
}

// round makes one pass over a target: the due checks run side by side and share what they
// look up. Each one's verdict is published as soon as it is reached. What ctx cuts off changes
// nothing.
func (c *Collector) round(ctx context.Context, st *state, due []*plan, now time.Time) {
	if st.unlisted() {
		ctx = dnsclient.Behind(ctx) // Who is configured goes first.
	}
	guarded, cancel := context.WithTimeout(ctx, roundLimit)
	defer cancel()
	st.mu.Lock()
	t := st.target
	st.mu.Unlock()
	known := st.snapshot.Load()
	visit := &visit{c: c, st: st, every: smtpInterval(t), owner: c.ownerOf(st)}
	env := *c.regime.Load().env
	env.DNS, env.Enter, env.Standing, env.Measured = env.Proofs.Believing(env.DNS.ForRound()), visit.enter, c.standing, c.measured
	facts := &checks.Facts{}
	smtpDue := slices.ContainsFunc(due, func(p *plan) bool { return p.check.Name == "smtp" })

	run := func(p *plan) {
		r := &checks.Round{
			Target: t, Env: &env, Time: now, Facts: facts, Every: p.every,
			Last:      func(key string) (time.Time, bool) { return known.reached(p.check, key, now) },
			LastNames: st.door.lastNames,
			SMTPDue:   smtpDue,
		}
		begin := time.Now()
		err := c.runCheck(guarded, p.check, r)
		if ctx.Err() != nil {
			return
		}
		c.present(&r.Result)
		if err != nil && c.regime.Load().secrets.repeats(err.Error()) {
			err = withheldError{err}
		}
		how := outcomeOf(&r.Result, err)
		c.self.observe(p.check.Name, how, time.Since(begin))
		if err != nil {
			c.logger.Debug("A check could not be answered", "target", st.name, "check", p.check.Name, "err", err)
		}
		missed := noDomain(st.snapshot.Load().Checks)
		c.learn(st, p.check, now, &r.Result, err)
		if missed && !noDomain(st.snapshot.Load().Checks) {
			c.askRecords(st)
		}
		if err == nil && r.Result.ExchangersKnown {
			c.follow(st, r.Result.Exchangers)
		}
		c.tell(st, p.check)
	}
	var running sync.WaitGroup
	last := len(due) - 1
	for _, p := range due[:max(0, last)] {
		running.Go(func() { run(p) })
	}
	if last >= 0 {
		run(due[last]) // Here, because most rounds have only one, and to wake a thread is dear.
	}
	running.Wait()
	visit.end()
	if ctx.Err() == nil && !st.tried.Swap(true) && t.Kind == targets.KindServer {
		c.seenFirst(st)
	}
}

// seenFirst has the domains of a server that was seen for the first time ask again what they could not tell for want of it, once all their
// servers have been seen. Otherwise they would wait for their next round, which may be an hour away. What they could not tell for other reasons
// waits for it: a policy that could not be fetched must not be asked for again so soon.
func (c *Collector) seenFirst(server *state) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(server.refs)) {
		domain := c.states[name]
		if domain == nil || slices.ContainsFunc(slices.Collect(maps.Keys(domain.follows)), c.unseen) {
			continue
		}
		for _, known := range domain.snapshot.Load().Checks {
			if known.Check.ReadsServers && slices.ContainsFunc(known.Parts, func(p *PartState) bool { return errors.Is(p.Unknown, checks.ErrServerUnseen) }) {
				c.scheduler.again(time.Now(), known.Check.Name, len(c.states), domain)
			}
		}
	}
}

// unseen reports whether a target is there, and not tried yet. c.mu is held.
func (c *Collector) unseen(name string) bool {
	st := c.states[name]
	return st != nil && len(st.plans) > 0 && !st.tried.Load()
}

// smtpInterval is how often a server is talked to, which back-off is measured by.
func smtpInterval(t *targets.Target) time.Duration {
	if every := t.Every["smtp"]; every > 0 {
		return every
	}
	spec, _ := targets.CheckByName("smtp")
	return spec.Interval
}

// runCheck runs a check and turns its panic into an error, so that a mistake in one check
// costs that check's verdict on one target and nothing else.
func (c *Collector) runCheck(ctx context.Context, check *checks.Check, r *checks.Round) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			if _, told := c.told.LoadOrStore("panic "+check.Name, true); !told {
				c.logger.Error("A check panicked; this is a bug, please report it", "check", check.Name, "target", r.Target.Name, "panic", p, "stack", string(debug.Stack()))
			}
		}
	}()
	return check.Run(ctx, r)
}

// learn puts what a check's run saw into the target's snapshot.
func (c *Collector) learn(st *state, check *checks.Check, now time.Time, result *checks.Result, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	known := slices.Clone(st.snapshot.Load().Checks)
	r := c.expo.renderer(st)
	var fresh, others []*block
	for i := range known {
		if known[i].Check != check {
			for _, p := range known[i].Parts {
				others = append(others, p.block)
			}
			continue
		}
		if known[i].outdated {
			known[i] = CheckState{Check: check, Every: known[i].Every}
		}
		known[i] = known[i].after(now, result, err, func(p *checks.Part) *block {
			b := r.part(p)
			fresh = append(fresh, b)
			return b
		})
		for _, p := range known[i].Parts {
			if !slices.Contains(fresh, p.block) {
				others = append(others, p.block)
			}
		}
	}
	c.expo.keepUnique(fresh, others)
	s := c.regime.Load().builder.build(st, known, time.Now())
	st.snapshot.Store(s)
	c.countEvidence(st, evidenceSize(known))
	if outcomeOf(result, err) != skipped {
		c.remember(st, check, now, s)
	}
	if c.store != nil {
		c.store.news.Store(true)
	}
}

// reached returns when the verdict was reached that is held of a thing.
func (s *Snapshot) reached(check *checks.Check, key string, now time.Time) (time.Time, bool) {
	for _, c := range s.Checks {
		if c.Check != check || c.outdated {
			continue
		}
		for _, p := range c.Parts {
			if p.Key == key {
				p = p.at(now)
				return p.Reached, !p.Reached.IsZero()
			}
		}
	}
	return time.Time{}, false
}

// standing is checks.Env.Standing.
func (c *Collector) standing(name, check string) (*targets.Target, map[string][]checks.Finding) {
	c.mu.Lock()
	st := c.states[name]
	c.mu.Unlock()
	if st == nil {
		return nil, nil
	}
	s := st.snapshot.Load()
	now := time.Now()
	things := map[string][]checks.Finding{}
	for _, known := range s.Checks {
		if known.Check.Name != check {
			continue
		}
		for _, p := range known.Parts {
			if p = p.at(now); !p.Reached.IsZero() {
				things[p.Key] = p.Findings
			}
		}
	}
	return s.Target, things
}

// measured is checks.Env.Measured.
func (c *Collector) measured(name, check string, m *checks.Metric) map[string]float64 {
	c.mu.Lock()
	st := c.states[name]
	c.mu.Unlock()
	if st == nil {
		return nil
	}
	now := time.Now()
	values := map[string]float64{}
	for _, known := range st.snapshot.Load().Checks {
		if known.Check.Name != check {
			continue
		}
		for _, p := range known.Parts {
			if v, ok := c.expo.value(p.at(now).block, m); ok {
				values[p.Key] = v
			}
		}
	}
	return values
}

// ownerOf is the domain whose MX records lead to a server, the first by name; the target itself if none does.
func (c *Collector) ownerOf(st *state) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	owner := ""
	for name := range st.refs {
		if owner == "" || name < owner {
			owner = name
		}
	}
	return cmp.Or(owner, st.name)
}

// A visit is one round's way to the servers: it keeps their wish to be left alone and sees
// to it that every place taken is given back, even by a check that panicked.
type visit struct {
	c     *Collector
	st    *state
	every time.Duration
	owner string // The domain, or the server, that its sessions are counted for.

	mu    sync.Mutex
	taken []func(*smtpclient.Session)
}

// enter is checks.Env.Enter.
func (v *visit) enter(ctx context.Context, addr netip.Addr) (func(*smtpclient.Session), error) {
	addr = addr.Unmap()
	if _, ok := v.st.door.leftAlone(addr, time.Now()); ok {
		return nil, checks.ErrLeftAlone
	}
	release, err := v.c.limits.acquire(ctx, addr, v.owner, v.st.door.pace(addr))
	if err != nil {
		return nil, fmt.Errorf("wait for a session to begin: %w", err)
	}
	begin := time.Now()
	// The session that was waited for may have been sent away.
	if _, ok := v.st.door.leftAlone(addr, time.Now()); ok {
		release()
		return nil, checks.ErrLeftAlone
	}
	var once sync.Once
	leave := func(s *smtpclient.Session) {
		once.Do(func() {
			if ctx.Err() == nil { // Else it was cut off.
				v.st.door.took(addr, time.Since(begin))
			}
			v.st.door.heard(addr, s, v.every, v.c.regime.Load().secrets)
			release()
		})
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.taken = append(v.taken, leave)
	return leave, nil
}

// end gives back what is still taken.
func (v *visit) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, leave := range v.taken {
		leave(nil)
	}
}
