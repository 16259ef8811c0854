package collector

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// open is a configuration with these targets that lets /probe ask about everything.
func open(ts ...*targets.Target) *targets.Config {
	cfg := config(ts...)
	cfg.ProbeAllow, cfg.ProbeCache = []targets.Pattern{{Glob: "*"}}, time.Minute
	cfg.Modules["server"].Checks = []string{"smtp", "rdns"}
	cfg.Modules["server"].Every = map[string]time.Duration{"smtp": 5 * time.Minute, "rdns": 15 * time.Minute}
	cfg.Modules["quick"] = &targets.Module{Name: "quick", Kind: targets.KindServer, Checks: []string{"smtp"}, Every: map[string]time.Duration{"smtp": time.Minute}, Timeout: time.Minute}
	return cfg
}

// mustProbe probes and returns what a scrape of it gives, a line a series.
func mustProbe(t *testing.T, c *Collector, name, module string) string {
	t.Helper()
	s, complete, err := c.Probe(context.Background(), name, module)
	if err != nil || !complete {
		t.Fatalf("probe %s: complete %t, %v", name, complete, err)
	}
	var out strings.Builder
	for _, f := range c.Families(s) {
		for _, m := range f.Metric {
			out.WriteString(strings.TrimPrefix(f.GetName(), namespace) + labels(m) + "\n")
		}
	}
	return out.String()
}

// TestProbeOfConfigured: what the schedule knows is given, and only what is too old is asked again.
func TestProbeOfConfigured(t *testing.T) {
	j := &journal{}
	smtp, rdns := j.fake("smtp", nil), j.fake("rdns", func(context.Context, *checks.Round) error { return nil })
	bubble(t, func() *Collector {
		return collectorOf(t, open(server("a.example.org:25", "smtp", time.Hour, "rdns", time.Hour)), smtp, rdns)
	}, func(c *Collector, _ time.Time) {
		sleep(time.Second)
		if got := mustProbe(t, c, "A.example.org:25", ""); !strings.Contains(got, `fake_up{address="192.0.2.1",target="a.example.org:25"}`) {
			t.Errorf("got:\n%s", got)
		}
		if n := len(j.of("a.example.org:25", "smtp")); n != 1 {
			t.Errorf("%d runs although the first is a second old", n)
		}
		sleep(2 * time.Minute)
		mustProbe(t, c, "a.example.org:25", "server")
		if n, m := len(j.of("a.example.org:25", "smtp")), len(j.of("a.example.org:25", "rdns")); n != 2 || m != 1 {
			t.Errorf("%d runs of smtp, older than probe_cache, and %d of rdns, which is not due", n, m)
		}
		sleep(30 * time.Second)
		mustProbe(t, c, "a.example.org:25", "")
		if n := len(j.of("a.example.org:25", "smtp")); n != 2 {
			t.Errorf("%d runs of smtp within probe_cache", n)
		}
	})
}

// TestProbeOfOther: a target that is not configured is probed when asked for, by its own intervals, and is no part of /metrics.
func TestProbeOfOther(t *testing.T) {
	j := &journal{}
	smtp, rdns := j.fake("smtp", nil), j.fake("rdns", func(context.Context, *checks.Round) error { return nil })
	bubble(t, func() *Collector { return collectorOf(t, open(), smtp, rdns) }, func(c *Collector, _ time.Time) {
		const name = "b.example.org:25"
		got := mustProbe(t, c, name, "")
		for _, series := range []string{`fake_up{address="192.0.2.1",target="b.example.org:25"}`, `kind="server"`, `source="probe"`} {
			if !strings.Contains(got, series) {
				t.Errorf("no %s in:\n%s", series, got)
			}
		}
		if got := text(t, c, "fake_up", "target_info"); strings.Contains(got, name) {
			t.Errorf("a scrape of everything has it too:\n%s", got)
		}
		sleep(4 * time.Minute)
		mustProbe(t, c, name, "")
		if n := len(j.of(name, "smtp")); n != 1 {
			t.Errorf("%d runs of smtp within its interval", n)
		}
		sleep(2 * time.Minute)
		mustProbe(t, c, name, "")
		if n, m := len(j.of(name, "smtp")), len(j.of(name, "rdns")); n != 2 || m != 1 {
			t.Errorf("%d runs of smtp, %d of rdns after 6 minutes", n, m)
		}
		sleep(24 * time.Hour)
		if n := len(j.of(name, "smtp")); n != 2 {
			t.Errorf("%d runs of smtp although nobody asked again", n)
		}
	})
}

// slowly is a check that takes ten seconds, unless it is cut off.
func slowly(ctx context.Context, r *checks.Round) error {
	select {
	case <-time.After(10 * time.Second):
	case <-ctx.Done():
	}
	r.Part("x", checks.HoldReplies).EmitBool(fakeUp, true, "192.0.2.1")
	return nil
}

// impatient asks for a probe and leaves after a second with what is known.
func impatient(t *testing.T, c *Collector, name string) {
	t.Helper()
	short, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, complete, err := c.Probe(short, name, "")
	if err != nil || complete || len(c.Families(s)) == 0 {
		t.Errorf("an impatient one: complete %t, %v", complete, err)
	}
}

// TestProbeShared: who asks while a round is under way waits for it. The round of a target that is not configured ends with the
// last who waits for it, and counts for nothing; that of a configured one goes on for the next who asks.
func TestProbeShared(t *testing.T) {
	for name, runs := range map[string]int{"b.example.org:25": 2, "a.example.org:25": 1} {
		j := &journal{}
		cfg := open(server("a.example.org:25", "smtp", time.Hour))
		bubble(t, func() *Collector {
			c, err := newCollector(Options{Config: cfg, OnDemand: true, Route: func(netip.Addr) error { return nil }}, []*checks.Check{j.fake("smtp", slowly)}, anyProblem)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}, func(c *Collector, _ time.Time) {
			impatient(t, c, name)
			var asking sync.WaitGroup
			for range 20 {
				asking.Go(func() {
					if got := mustProbe(t, c, name, ""); !strings.Contains(got, "fake_up") {
						t.Errorf("%s: got:\n%s", name, got)
					}
				})
			}
			asking.Go(func() { impatient(t, c, name) }) // Others still wait for it.
			asking.Wait()
			if n := len(j.of(name, "smtp")); n != runs {
				t.Errorf("%s: %d runs for 22 who asked, want %d", name, n, runs)
			}
			placesAreBack(t, c)
		})
	}
}

// placesAreBack wants no round on demand to hold a place any more.
func placesAreBack(t *testing.T, c *Collector) {
	t.Helper()
	synctest.Wait()
	c.limits.mu.Lock()
	defer c.limits.mu.Unlock()
	if d, u := &c.limits.demanded, &c.limits.unlisted; d.used != 0 || u.used != 0 || d.waiting.Len() != 0 || u.waiting.Len() != 0 || c.askers.Load() != 0 {
		t.Errorf("%d and %d places are held, %d and %d wait, %d ask", d.used, u.used, d.waiting.Len(), u.waiting.Len(), c.askers.Load())
	}
}

// TestProbeFlood: thousands of requests for names that nobody configured are a few rounds and a short queue, and refusals beyond. Nothing
// is left of them when those who asked have gone, and what is configured is probed in time.
func TestProbeFlood(t *testing.T) {
	j := &journal{}
	var running, most atomic.Int64
	smtp := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
		if r.Target.Source == targets.SourceProbe {
			n := running.Add(1)
			defer running.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			<-ctx.Done()
		}
		return nil
	})
	cfg := open(server("a.example.org:25", "smtp", time.Minute))
	cfg.Limits.Concurrency = 40
	bubble(t, func() *Collector { return collectorOf(t, cfg, smtp) }, func(c *Collector, _ time.Time) {
		sleep(time.Second)
		before := len(j.of("a.example.org:25", "smtp"))
		var asking sync.WaitGroup
		var busy, waiting atomic.Int64
		for i := range 4000 {
			asking.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 150*time.Second)
				defer cancel()
				switch _, complete, err := c.Probe(ctx, fmt.Sprintf("h%d.example.net:25", i), ""); {
				case errors.Is(err, ErrBusy):
					busy.Add(1)
				case err == nil && !complete:
					waiting.Add(1)
				default:
					t.Errorf("request %d: complete %t, %v", i, complete, err)
				}
			})
		}
		sleep(time.Second)
		want(t, text(t, c, "probe_queue_length"), fmt.Sprintf("probe_queue_length{} %d", maxUnlistedQueue))
		sleep(149 * time.Second)
		if n := len(j.of("a.example.org:25", "smtp")) - before; n < 2 {
			t.Errorf("the configured target was asked %d times in 150 s", n)
		}
		asking.Wait()
		if most.Load() != 10 || waiting.Load() != 10+maxUnlistedQueue || busy.Load() != 4000-waiting.Load() {
			t.Errorf("%d rounds at once, %d waited, %d were refused", most.Load(), waiting.Load(), busy.Load())
		}
		placesAreBack(t, c)
		if running.Load() != 0 || len(c.demanded) > 2*(10+maxUnlistedQueue) { // Some came at once for the last place.
			t.Errorf("%d rounds go on, %d targets are known", running.Load(), len(c.demanded))
		}
	})
}

// TestProbeAskers: as many may wait for a configured target as there are clients, up to a bound.
func TestProbeAskers(t *testing.T) {
	const name = "a.example.org:25"
	j := &journal{}
	bubble(t, func() *Collector {
		return collectorOf(t, open(server(name, "smtp", time.Hour)), j.fake("smtp", slowly))
	}, func(c *Collector, _ time.Time) {
		sleep(20 * time.Minute)
		var asking sync.WaitGroup
		var busy, complete atomic.Int64
		for range maxAskers + 100 {
			asking.Go(func() {
				switch _, all, err := c.Probe(context.Background(), name, ""); {
				case errors.Is(err, ErrBusy):
					busy.Add(1)
				case err == nil && all:
					complete.Add(1)
				}
			})
		}
		asking.Wait()
		if busy.Load() != 100 || complete.Load() != maxAskers {
			t.Errorf("%d were refused, %d answered", busy.Load(), complete.Load())
		}
		if n := len(j.of(name, "smtp")); n != 2 {
			t.Errorf("%d runs, one of them on demand", n)
		}
		placesAreBack(t, c)
	})
}

// TestProbeForgotten: what was asked for once is forgotten in an hour, what was asked for again in a day.
func TestProbeForgotten(t *testing.T) {
	j := &journal{}
	bubble(t, func() *Collector { return collectorOf(t, open(), j.fake("smtp", nil)) }, func(c *Collector, _ time.Time) {
		known := func(name string) bool { return c.demanded[demandKey{name, "server"}] != nil }
		mustProbe(t, c, "once.example.org:25", "")
		mustProbe(t, c, "twice.example.org:25", "")
		mustProbe(t, c, "twice.example.org:25", "")
		sleep(forgetAskedOnce - time.Minute)
		mustProbe(t, c, "other.example.org:25", "")
		if !known("once.example.org:25") {
			t.Error("it was forgotten too soon")
		}
		sleep(2 * time.Minute)
		mustProbe(t, c, "another.example.org:25", "")
		if known("once.example.org:25") || !known("twice.example.org:25") {
			t.Errorf("what was asked for once is known: %t, twice: %t", known("once.example.org:25"), known("twice.example.org:25"))
		}
		sleep(forgetDemanded)
		mustProbe(t, c, "last.example.org:25", "")
		if len(c.demanded) != 1 {
			t.Errorf("%d are known", len(c.demanded))
		}
	})
}

// TestProbeRefused: what is not let in is not asked, and what a reload shuts out is forgotten.
func TestProbeRefused(t *testing.T) {
	j := &journal{}
	smtp := j.fake("smtp", nil)
	bubble(t, func() *Collector { return collectorOf(t, open(), smtp) }, func(c *Collector, _ time.Time) {
		mustProbe(t, c, "b.example.org:25", "quick")
		_, _, err := c.Probe(context.Background(), "b.example.org:25", "none")
		if !errors.Is(err, targets.ErrBadModule) {
			t.Errorf("an unknown module: %v", err)
		}
		shut := open(server("c.example.org:25", "smtp", time.Hour))
		shut.ProbeAllow = nil
		if err := c.Apply(shut); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, _, err := c.Probe(context.Background(), "b.example.org:25", "quick"); !errors.Is(err, targets.ErrNotAllowed) {
			t.Errorf("after a reload that shuts it out: %v", err)
		}
		if len(c.demanded) != 0 {
			t.Errorf("kept: %v", c.demanded)
		}
		mustProbe(t, c, "c.example.org:25", "quick")
		if err := c.Apply(shut); err != nil {
			t.Fatal(err)
		}
		if len(c.demanded) != 1 {
			t.Error("what a configured target's other module knows went with a reload that changed nothing")
		}
	})
}

// TestProbeNotRunning: before the schedule runs nothing would ever answer.
func TestProbeNotRunning(t *testing.T) {
	c := collectorOf(t, open(), (&journal{}).fake("smtp", nil))
	if _, _, err := c.Probe(context.Background(), "b.example.org:25", ""); !errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v", err)
	}
}

// TestProbeBounded: however many are asked for, only so many are kept, and the one asked for last is.
func TestProbeBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := collectorOf(t, open(), (&journal{}).fake("smtp", nil))
		c.running = true // Without rounds: what is kept matters, not what is found.
		for i := range maxDemanded + 10 {
			if _, err := c.demandedState("h"+strings.Repeat("x", i%60)+"."+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676%26))+string(rune('a'+i/17576%26))+".example.org:25", ""); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if _, err := c.demandedState("last.example.org:25", ""); err != nil || len(c.demanded) != maxDemanded {
			t.Errorf("%d are kept, %v", len(c.demanded), err)
		}
		if c.demanded[demandKey{"last.example.org:25", "server"}] == nil {
			t.Error("the last one is not kept")
		}
	})
}

// TestOnDemandOnly: nothing is probed by itself, and what is configured is probed as configured.
func TestOnDemandOnly(t *testing.T) {
	j := &journal{}
	smtp, rdns := j.fake("smtp", nil), j.fake("rdns", func(context.Context, *checks.Round) error { return nil })
	const name = "a.example.org:25"
	cfg := open(server("b.example.org:25", "smtp", time.Hour), server(name, "smtp", 5*time.Minute, "rdns", 15*time.Minute))
	bubble(t, func() *Collector {
		c, err := newCollector(Options{Config: cfg, OnDemand: true, Route: func(netip.Addr) error { return nil }}, []*checks.Check{smtp, rdns}, anyProblem)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}, func(c *Collector, _ time.Time) {
		sleep(24 * time.Hour)
		if !c.Ready() {
			t.Error("it waits for probes that nobody makes")
		}
		if n := len(j.of(name, "smtp")) + len(j.of("b.example.org:25", "smtp")); n != 0 {
			t.Errorf("%d runs that nobody asked for", n)
		}
		var listed []string
		for _, t := range c.Targets() {
			listed = append(listed, t.Name)
		}
		if want := []string{name, "b.example.org:25"}; !slices.Equal(listed, want) {
			t.Errorf("targets %v, want %v", listed, want)
		}
		for range 2 { // The second time under another configuration with the same target.
			if got := mustProbe(t, c, name, ""); !strings.Contains(got, `fake_up{address="192.0.2.1",target="a.example.org:25"}`) || !strings.Contains(got, `source="config"`) {
				t.Errorf("got:\n%s", got)
			}
			if got := text(t, c, "fake_up", "target_info"); strings.Contains(got, name) {
				t.Errorf("a scrape of everything has it too:\n%s", got)
			}
			if err := c.Apply(open(server(name, "smtp", 5*time.Minute, "rdns", 15*time.Minute))); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(j.of(name, "smtp")); n != 1 {
			t.Errorf("%d runs of smtp within probe_cache", n)
		}
		sleep(24 * time.Hour)
		if n := len(j.of(name, "smtp")); n != 1 {
			t.Errorf("%d runs of smtp although nobody asked again", n)
		}
	})
}
