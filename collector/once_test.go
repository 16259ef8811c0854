package collector

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

// TestOnce: everything is asked once, what is found on the way too, and what could not be told once more, but no server is bothered twice.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		untold := func(_ context.Context, r *checks.Round) error {
			r.Part("x", checks.HoldRecords).Unknown = errors.New("not yet")
			return nil
		}
		smtp, rdns := j.fake("smtp", untold), j.fake("rdns", untold)
		spf := j.fake("spf", func(context.Context, *checks.Round) error { return nil })
		mx := j.fake("mx", func(_ context.Context, r *checks.Round) error {
			time.Sleep(5 * time.Second)
			r.Part("x", checks.HoldRecords).EmitBool(fakeUp, true, "192.0.2.1")
			r.Result.Exchangers, r.Result.ExchangersKnown = []checks.Exchanger{{Host: "mx.example.org"}}, true
			return nil
		})
		cfg := open(domain("example.org", "mx", time.Hour, "spf", time.Hour))
		c := collectorOf(t, cfg, smtp, rdns, mx, spf)
		var mu sync.Mutex
		seen := map[string]int{}
		c.Once(context.Background(), func(s *Snapshot, check string) {
			mu.Lock()
			defer mu.Unlock()
			seen[s.Target.Name+" "+check]++
		})
		for what, want := range map[string]int{
			"example.org mx": 1, "example.org spf": 1, "mx.example.org:25 smtp": 1, "mx.example.org:25 rdns": 2,
		} {
			if seen[what] != want {
				t.Errorf("%s: told %d times, want %d", what, seen[what], want)
			}
		}
		if n := len(j.of("mx.example.org:25", "smtp")); n != 1 {
			t.Errorf("%d dialogues", n)
		}
	})
}

// TestOnceEnds: a check that hangs costs no more than the time given.
func TestOnceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := (&journal{}).fake("smtp", func(ctx context.Context, _ *checks.Round) error {
			<-ctx.Done()
			return ctx.Err()
		})
		c := collectorOf(t, open(server("a.example.org:25", "smtp", time.Hour)), hangs)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		c.Once(ctx, nil)
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
