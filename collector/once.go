package collector

import (
	"context"
	"slices"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

// settlePoll is how often Once looks whether all has been asked. What it waits for takes seconds.
const settlePoll = 20 * time.Millisecond

// Once runs every check of every target one time, those of servers found by MX included, and then once more those that could not tell, for
// what they depend on may be known by now; the dialogue with a server, which takes long and bothers somebody, is not held
// again. seen is called after each run of a check, from several goroutines, with what is known of its target then. It is done when ctx ends, too.
// A collector that ran Once is done.
func (c *Collector) Once(ctx context.Context, seen func(s *Snapshot, check string)) {
	c.watch = seen
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(running)
	}()
	defer func() {
		stop()
		<-ended
	}()
	if c.settle(ctx) {
		c.askAgain()
		c.settle(ctx)
	}
}

// settle waits until every target has been tried and no round is under way, and reports whether that came to pass.
func (c *Collector) settle(ctx context.Context) bool {
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		if c.settled() {
			return true
		}
	}
}

func (c *Collector) settled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running {
		return false
	}
	c.scheduler.mu.Lock()
	defer c.scheduler.mu.Unlock()
	for _, st := range c.states {
		if len(st.plans) > 0 && (!st.tried.Load() || st.running || st.ended != nil) {
			return false
		}
	}
	return true
}

// askAgain makes the checks that could not tell something due once more.
func (c *Collector) askAgain() {
	c.mu.Lock()
	sts := slices.Clone(c.inOrder())
	c.mu.Unlock()
	dialogue := []string{"smtp", "recipient", "auth", "relay"}
	for _, st := range sts {
		known := st.snapshot.Load()
		c.scheduler.demand(st, time.Now(), func(p *plan, _ time.Time) bool {
			return !slices.Contains(dialogue, p.check.Name) && slices.ContainsFunc(known.Checks, func(cs CheckState) bool {
				return cs.Check == p.check && (cs.Err != nil || slices.ContainsFunc(cs.Parts, func(part *PartState) bool { return part.Unknown != nil }))
			})
		}, noPlace)
	}
}

// tell tells who watches that a check has run.
func (c *Collector) tell(st *state, check *checks.Check) {
	if c.watch != nil {
		c.watch(st.snapshot.Load(), check.Name)
	}
}

// With returns what is known of a target with what other checks, which s does not have, know of it.
func (s *Snapshot) With(other *Snapshot) *Snapshot {
	n := *s
	n.Checks, n.Problems = slices.Clone(s.Checks), slices.Clone(s.Problems)
	has := func(check string) bool {
		return slices.ContainsFunc(s.Checks, func(c CheckState) bool { return c.Check.Name == check })
	}
	for _, c := range other.Checks {
		if !has(c.Check.Name) {
			n.Checks = append(n.Checks, c)
		}
	}
	for _, p := range other.Problems {
		if !has(p.Check) {
			n.Problems = append(n.Problems, p)
		}
	}
	return &n
}

// Heard reports whether a server spoke to us in its last sessions.
func (s *Snapshot) Heard() bool { return s.heard }

// RefusedUs reports whether a server refuses us for who we are. That says nothing of how it treats others, good or bad.
func (s *Snapshot) RefusedUs() bool {
	return slices.ContainsFunc(s.aboutUs, func(f checks.Finding) bool { return f.Problem == "vantage_refused" })
}

// A Value is one series of what is known of a target, without the label target.
type Value struct {
	Check  string // The check that saw it.
	Labels map[string]string
	Value  float64
}

// Values returns the series of a metric that checks saw, in the order of the checks and of what they looked at.
func (c *Collector) Values(s *Snapshot, m *checks.Metric) (out []Value) {
	family, ok := c.expo.byName[m.Name]
	if !ok {
		return nil
	}
	for _, known := range s.Checks {
		for _, p := range known.Parts {
			if p.block != nil {
				out = p.block.values(out, family, known.Check.Name)
			}
		}
	}
	return out
}

// values appends the series of one family.
func (b *block) values(out []Value, family int32, check string) []Value {
	begin := int32(0)
	for _, x := range b.series {
		pairs := b.pairs[begin:x.end]
		begin = x.end
		if x.family != family {
			continue
		}
		labels := map[string]string{}
		for _, p := range pairs {
			if p.GetName() != "target" {
				labels[p.GetName()] = p.GetValue()
			}
		}
		out = append(out, Value{check, labels, x.value})
	}
	return out
}
