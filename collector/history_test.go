package collector

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

// TestHistory: the last runs are kept in order with what came of each, and no more of them than there is room for.
func TestHistory(t *testing.T) {
	j := &journal{}
	n := 0
	smtp := j.fake("smtp", func(_ context.Context, r *checks.Round) error {
		n++
		p := r.Part("x", checks.HoldReplies)
		switch n % 3 {
		case 1:
			p.Find("smtp_silent", "critical", catalog.Text{})
		case 2:
			p.Unknown = errors.New("no answer")
		}
		return nil
	})
	bubble(t, func() *Collector {
		return collectorOf(t, config(server("a.example.org:25", "smtp", time.Minute)), smtp)
	}, func(c *Collector, begin time.Time) {
		sleep(4*time.Minute + time.Second)
		var got []string
		for _, p := range c.History(c.Target("a.example.org:25")) {
			got = append(got, p.Check+" "+p.Outcome)
		}
		// The problem is held over the run that could not tell, and is not that run's.
		if want := []string{"smtp ok", "smtp unknown", "smtp critical"}; fmt.Sprint(got[len(got)-3:]) != fmt.Sprint(want) {
			t.Errorf("got %q, want to end with %q", got, want)
		}
		sleep(2 * time.Hour)
		past := c.History(c.Target("a.example.org:25"))
		if len(past) != pastRuns || !past[0].At.After(past[1].At) || past[pastRuns-1].At.Before(begin) {
			t.Errorf("%d runs, from %v to %v", len(past), past[len(past)-1].At, past[0].At)
		}
		if c.Target("b.example.org:25") != nil {
			t.Error("a target that is not there")
		}
	})
}

// TestProbeNow: pressed as often as one likes, a server is not talked to more than once a minute.
func TestProbeNow(t *testing.T) {
	j := &journal{}
	smtp := j.fake("smtp", nil)
	bubble(t, func() *Collector { return collectorOf(t, config(server("a.example.org:25", "smtp", time.Hour)), smtp) }, func(c *Collector, _ time.Time) {
		s := c.Target("a.example.org:25")
		if next := c.NextRun(s); next.IsZero() {
			t.Error("no next run is planned")
		}
		begun := 0
		for range 150 {
			if c.ProbeNow(s) {
				begun++
			}
			sleep(time.Second)
		}
		if n := len(j.of("a.example.org:25", "smtp")); n != 3 || begun != 2 {
			t.Errorf("%d runs in two and a half minutes, %d of them asked for", n, begun)
		}
	})
}
