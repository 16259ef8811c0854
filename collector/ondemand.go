package collector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Reasons for which nothing is probed on demand now.
var (
	ErrNotRunning = errors.New("probes are not running yet")
	ErrBusy       = errors.New("too many wait for a probe on demand; try again in some seconds")
)

const (
	// maxDemanded bounds the targets that are known only because somebody asks for them, beside as many as are configured. Those that
	// nobody has asked for for longest go first.
	maxDemanded = 20_000
	// forgetDemanded is how long what is known of such a target is kept: as long as any check's interval, so that
	// coming back does not make its servers be asked before their time.
	forgetDemanded = 25 * time.Hour
	// forgetAskedOnce is how long it is kept of one that nobody has asked for a second time.
	forgetAskedOnce = time.Hour
	// maxAskers is how many may wait for probes on demand, whichever.
	maxAskers = 5_000
)

// A demandKey is one way to probe a target that is not the schedule's.
type demandKey struct{ target, module string }

// Probe returns what is known of a target after those of its checks have run that are due: the SMTP dialogue if it is older than
// probe_cache, any other check if its interval has passed. Who asks at the same time shares one round, and what is
// known is the schedule's too. module is "" for the target's own. When ctx ends first, what is known now is returned with
// complete false. The round of a configured target goes on for the next who asks; that of another ends with the last who
// waits for it.
//
// Errors are those of targets.Config.OnDemand, ErrNotRunning and ErrBusy.
func (c *Collector) Probe(ctx context.Context, name, module string) (s *Snapshot, complete bool, err error) {
	if c.askers.Add(1) > maxAskers {
		c.askers.Add(-1)
		return nil, false, ErrBusy
	}
	defer c.askers.Add(-1)
	st, err := c.demandedState(name, module)
	if err != nil {
		return nil, false, err
	}
	unlisted := st.unlisted()
	// A round that was under way may have lacked what is stale now; the next one does not.
	for range 2 {
		ended, err := c.demand(ctx, st, unlisted)
		switch {
		case errors.Is(err, ErrBusy):
			return nil, false, err
		case err != nil:
			return c.snapshotOf(st), false, nil
		case ended == nil:
			return c.snapshotOf(st), true, nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			c.scheduler.leave(st, ended, unlisted)
			return c.snapshotOf(st), false, nil
		}
	}
	return c.snapshotOf(st), true, nil
}

// unlisted reports whether only probe_allow lets a target in.
func (st *state) unlisted() bool { return st.snapshot.Load().Target.Source == targets.SourceProbe }

// demand waits until a round of a target may begin that runs what is stale, and returns what is closed at its end; nil: nothing
// is stale. It is an error if ctx ends, and ErrBusy if too many wait.
func (c *Collector) demand(ctx context.Context, st *state, unlisted bool) (<-chan struct{}, error) {
	now := time.Now()
	if ended, needed := c.scheduler.demand(st, now, c.staleness(st, now), nil); ended != nil || !needed {
		return ended, nil
	}
	place, err := c.limits.acquireRound(ctx, unlisted)
	if err != nil {
		return nil, err
	}
	now = time.Now()
	ended, _ := c.scheduler.demand(st, now, c.staleness(st, now), place)
	return ended, nil
}

// staleness says which checks are to run for somebody who asks now.
func (c *Collector) staleness(st *state, now time.Time) func(p *plan, began time.Time) bool {
	cache := max(c.regime.Load().cfg.ProbeCache, time.Second)
	known := st.snapshot.Load()
	return func(p *plan, last time.Time) bool {
		fresh := p.every
		if p.check.Name == "smtp" && !known.Target.Foreign {
			fresh = cache
			if known.Target.Source == targets.SourceProbe {
				fresh = max(fresh, p.every) // Not configured, so that nobody vouched for more.
			}
		}
		for _, cs := range known.Checks {
			if cs.Check == p.check && !cs.outdated && cs.LastRun.After(last) {
				last = cs.LastRun
			}
		}
		age := now.Sub(last)
		return last.IsZero() || age >= fresh || age < 0
	}
}

// demandedState returns the target to probe: one that is there already, or one that is made for it.
func (c *Collector) demandedState(name, module string) (*state, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running {
		return nil, ErrNotRunning
	}
	reg, now := c.regime.Load(), time.Now()
	// A server found by MX is probed anyway, and so may be asked for by its name.
	if st := c.states[strings.ToLower(name)]; st != nil && st.target.Kind != targets.KindVantage && (module == "" || module == st.target.Module.Name) {
		return st, nil
	}
	t, err := reg.cfg.OnDemand(name, module)
	if err != nil {
		return nil, err
	}
	if st := c.states[t.Name]; st != nil && st.target.Module.Name == t.Module.Name {
		return st, nil
	}
	key := demandKey{t.Name, t.Module.Name}
	st := c.demanded[key]
	if st == nil {
		if t.Source == targets.SourceProbe && c.limits.unlistedFull() {
			return nil, ErrBusy // Before anything is kept of it.
		}
		c.forgetDemanded(maxDemanded+len(reg.cfg.Targets), now)
		st = c.newState(t, reg, now)
		st.idle = true
		if other := c.states[t.Name]; other != nil {
			st.door = other.door
		}
		c.demanded[key] = st
	}
	st.asked = now
	st.askedTimes++
	return st, nil
}

// forgetDemanded makes room for one more where there are most, and looks every minute for what may be forgotten. c.mu is held.
func (c *Collector) forgetDemanded(most int, now time.Time) {
	if len(c.demanded) < most && now.Sub(c.forgot) < time.Minute {
		return
	}
	c.forgot = now
	var oldest demandKey
	for key, st := range c.demanded {
		keep := forgetDemanded
		if st.askedTimes == 1 {
			keep = forgetAskedOnce
		}
		if now.Sub(st.asked) > keep {
			c.remove(st)
			delete(c.demanded, key)
		} else if first := c.demanded[oldest]; first == nil || st.asked.Before(first.asked) {
			oldest = key
		}
	}
	if len(c.demanded) >= most {
		c.remove(c.demanded[oldest])
		delete(c.demanded, oldest)
	}
}

// keepDemanded puts targets that are probed on demand only under a new configuration; those that it does not let in, or lets in with
// other settings, go. c.mu is held.
func (c *Collector) keepDemanded(reg *regime, now time.Time) {
	for key, st := range c.demanded {
		t, err := reg.cfg.OnDemand(key.target, key.module)
		if err != nil || !same(st.target, t) || c.states[t.Name] != nil && c.states[t.Name].target.Module.Name == key.module {
			c.remove(st)
			delete(c.demanded, key)
			continue
		}
		st.mu.Lock()
		st.target = t
		st.mu.Unlock()
		c.rebuild(st, now)
	}
}

// snapshotOf returns what is known now of one target.
func (c *Collector) snapshotOf(st *state) *Snapshot {
	for _, name := range c.regime.Load().env.Ours {
		if name == st.name { // What others say of it has to be looked for everywhere.
			for _, s := range c.Snapshots() {
				if s.state == st {
					return s
				}
			}
		}
	}
	now := time.Now()
	s := st.snapshot.Load()
	if !s.expires.IsZero() && !now.Before(s.expires) {
		s = c.rebuild(st, now)
	}
	return s
}

// Families returns the series of one target, sorted, as a scrape of everything has them.
func (c *Collector) Families(s *Snapshot) []*dto.MetricFamily {
	excluded := c.regime.Load().excluded
	families, _ := c.expo.gather([]*Snapshot{s}, excluded)
	if left := s.state.door.leftAddresses(time.Now()); len(left) > 0 && !excluded[backoffUntil.Name] {
		name := namespace + backoffUntil.Name
		f := &dto.MetricFamily{Name: &name, Help: &backoffUntil.Help, Type: dto.MetricType_GAUGE.Enum()}
		for addr, until := range left {
			f.Metric = append(f.Metric, &dto.Metric{
				Label: []*dto.LabelPair{newPair(labelPair{"address", addr.String()}), s.state.pair},
				Gauge: &dto.Gauge{Value: new(seconds(until))},
			})
		}
		families = append(families, f)
	}
	slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return families
}

// Dialogue returns what was seen of a target, as text for people: of each check when it ran, and of each thing it looks at the evidence, in
// which octets of peers are quoted.
func (s *Snapshot) Dialogue() string {
	var out strings.Builder
	for _, c := range s.Checks {
		fmt.Fprintf(&out, "check %s: ", c.Check.Name)
		switch {
		case c.LastRun.IsZero():
			out.WriteString("has not run\n")
		case c.Err != nil:
			fmt.Fprintf(&out, "ran at %s and could not be answered: %s\n", c.LastRun.UTC().Format(time.RFC3339), c.Err)
		default:
			fmt.Fprintf(&out, "ran at %s\n", c.LastRun.UTC().Format(time.RFC3339))
		}
		for _, p := range c.Parts {
			fmt.Fprintf(&out, "  %s\n", p.Key)
			for _, line := range p.Evidence {
				fmt.Fprintf(&out, "    %s\n", line)
			}
			if p.Unknown != nil {
				fmt.Fprintf(&out, "    unknown: %s\n", p.Unknown)
			}
		}
	}
	for _, p := range s.Problems {
		fmt.Fprintf(&out, "problem %s (%s)\n", p.ID, p.Severity)
		for _, line := range p.Evidence {
			fmt.Fprintf(&out, "    %s\n", line.EN)
		}
	}
	return out.String()
}

// Well reports whether every check of a target reached a verdict in its last run and nothing critical stands that is not accepted.
func (s *Snapshot) Well() bool {
	for _, c := range s.Checks {
		if !c.Conclusive && !c.LastRun.IsZero() {
			return false
		}
	}
	return !slices.ContainsFunc(s.Problems, func(p Problem) bool { return p.Severity == catalog.SeverityCritical && p.Ignored == nil })
}
