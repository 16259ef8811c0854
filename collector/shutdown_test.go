package collector

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

// TestShutdown: rounds are told to end, what they were cut off from changes nothing, and Run
// does not wait for one that does not listen.
func TestShutdown(t *testing.T) {
	for _, c := range []struct {
		name    string
		ends    time.Duration // How long the check goes on after its context ended.
		returns time.Duration
	}{
		{"at once", 0, 0},
		{"politely", 2 * time.Second, 2 * time.Second},
		{"stubborn", time.Minute, grace},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &journal{}
				smtp := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
					p := r.Part("x", checks.HoldReplies)
					if len(j.of(r.Target.Name, "smtp")) == 1 {
						p.EmitBool(fakeUp, true, "192.0.2.1")
						return nil
					}
					<-ctx.Done()
					time.Sleep(c.ends)
					p.EmitBool(fakeUp, false, "192.0.2.1")
					return nil
				})
				col := collectorOf(t, config(server("a.example.org:25", "smtp", 5*time.Minute)), smtp)
				ctx, cancel := context.WithCancel(t.Context())
				ended := goRun(col, ctx)
				sleep(10 * time.Minute)
				if n := len(j.of("a.example.org:25", "smtp")); n != 2 {
					t.Fatalf("%d rounds, want a second one under way", n)
				}
				before := text(t, col, "fake_up", "check_last_run_timestamp_seconds", "probes_total")
				stop := time.Now()
				cancel()
				<-ended
				if took := time.Since(stop); took != c.returns {
					t.Errorf("Run returned after %v, want %v", took, c.returns)
				}
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				want(t, text(t, col, "fake_up", "check_last_run_timestamp_seconds", "probes_total"), before)
			})
		})
	}
}

// TestRunBeforeStart: a collector whose context ended already does nothing and returns.
func TestRunBeforeStart(t *testing.T) {
	j := &journal{}
	c := collectorOf(t, config(server("a.example.org:25", "smtp", time.Hour)), j.fake("smtp", nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	<-goRun(c, ctx)
	if len(j.runs) != 0 {
		t.Errorf("%d runs", len(j.runs))
	}
}

// TestRemovedWhileRunning: a target that goes while a round is under way is cut off and leaves nothing.
func TestRemovedWhileRunning(t *testing.T) {
	j := &journal{}
	smtp := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
		<-ctx.Done()
		r.Part("x", checks.HoldReplies).EmitBool(fakeUp, false, "192.0.2.1")
		return nil
	})
	bubble(t, func() *Collector { return collectorOf(t, config(server("a.example.org:25", "smtp", time.Hour)), smtp) }, func(c *Collector, begin time.Time) {
		if err := c.Apply(config()); err != nil {
			t.Fatal(err)
		}
		sleep(3 * time.Hour)
		if n := len(j.of("a.example.org:25", "smtp")); n != 1 {
			t.Errorf("%d runs, want 1", n)
		}
		if got := text(t, c, "fake_up", "target_info", "probes_total"); strings.Contains(got, "a.example.org") || strings.Contains(got, `"conclusive"} 1`) {
			t.Errorf("left behind:\n%s", got)
		}
	})
}
