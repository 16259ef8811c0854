package collector

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

// TestRound looks at what a check is handed.
func TestRound(t *testing.T) {
	j := &journal{}
	var seen []string
	smtp := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
		_, ok := r.Last("x")
		seen = append(seen, fmt.Sprintf("every %v, due %v, last %v, helo %s, banner %q, in time %v", r.Every, r.SMTPDue, ok, r.Env.HeloName,
			r.LastNames(netip.MustParseAddr("192.0.2.1")).Banner, r.Time.Equal(time.Now())))
		leave, err := r.Env.Enter(ctx, netip.MustParseAddr("::ffff:192.0.2.1"))
		if err != nil {
			return err
		}
		leave(greeting(220))
		leave(greeting(421)) // A second time does nothing.
		r.Part("x", checks.HoldReplies)
		return nil
	})
	bubble(t, func() *Collector {
		return collectorOf(t, config(server("a.example.org:25", "smtp", 5*time.Minute)), smtp)
	}, func(c *Collector, begin time.Time) {
		sleep(10 * time.Minute)
		if len(seen) < 2 {
			t.Fatal("no second round")
		}
		want(t, strings.Join(slices.Clone(seen[:2]), "\n"), `
every 5m0s, due true, last false, helo probe.example.net, banner "", in time true
every 5m0s, due true, last true, helo probe.example.net, banner "mx.example.org", in time true`)
	})
}

// TestPanic: a panic in a check is that check's error, told once, and nobody else's.
func TestPanic(t *testing.T) {
	j := &journal{}
	var log bytes.Buffer
	smtp := j.fake("smtp", func(context.Context, *checks.Round) error {
		var none *checks.Part
		none.Key = "x"
		return nil
	})
	cfg := config(server("a.example.org:25", "smtp", 5*time.Minute, "rdns", 5*time.Minute))
	bubble(t, func() *Collector {
		return loggedCollector(t, slog.New(slog.NewTextHandler(&log, nil)), cfg, smtp, j.fake("rdns", nil))
	}, func(c *Collector, begin time.Time) {
		sleep(15 * time.Minute)
		want(t, text(t, c, "fake_up", "check_conclusive"), `
check_conclusive{check="smtp",target="a.example.org:25"} 0
check_conclusive{check="rdns",target="a.example.org:25"} 1
fake_up{address="192.0.2.1",target="a.example.org:25"} 1`)
		runs := len(j.of("a.example.org:25", "smtp"))
		want(t, text(t, c, "probes_total"), fmt.Sprintf(`
probes_total{check="rdns",outcome="conclusive"} %[1]d
probes_total{check="rdns",outcome="inconclusive"} 0
probes_total{check="rdns",outcome="skipped"} 0
probes_total{check="smtp",outcome="conclusive"} 0
probes_total{check="smtp",outcome="inconclusive"} %[1]d
probes_total{check="smtp",outcome="skipped"} 0`, runs))
		if runs < 3 {
			t.Errorf("%d runs", runs)
		}
	})
	if n := strings.Count(log.String(), "A check panicked"); n != 1 || !strings.Contains(log.String(), "round_test.go") {
		t.Errorf("logged %d times:\n%s", n, log.String())
	}
}
