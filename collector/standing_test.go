package collector

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

// TestStanding: one target's check reads what another's holds, as long as it is held.
func TestStanding(t *testing.T) {
	var blind atomic.Bool
	j := &journal{}
	smtp := j.fake("smtp", func(_ context.Context, r *checks.Round) error {
		if blind.Load() {
			return errors.New("nothing can be told")
		}
		r.Part("192.0.2.1", checks.HoldReplies).EmitBool(fakeUp, true, "192.0.2.1")
		r.Part("certificate 192.0.2.1", checks.HoldRecords).Find("certificate_expired", "", catalog.Text{EN: "it is", RU: "it is"})
		return nil
	})
	bubble(t, func() *Collector {
		return collectorOf(t, config(server("mx.example.org:25", "smtp", 5*time.Minute)), smtp)
	}, func(c *Collector, _ time.Time) {
		sees := func(when string, things ...string) {
			t.Helper()
			target, got := c.standing("mx.example.org:25", "smtp")
			if target == nil || target.Server.ServerName != "mx.example.org" || len(got) != len(things) {
				t.Fatalf("%s: got %v, %v", when, target, got)
			}
			for _, key := range things {
				if _, ok := got[key]; !ok {
					t.Errorf("%s: nothing of %s in %v", when, key, got)
				}
			}
		}
		up := func(when string, want ...float64) {
			t.Helper()
			got := c.measured("mx.example.org:25", "smtp", fakeUp)
			if v, ok := got["192.0.2.1"]; len(got) != len(want) || len(want) == 1 && (!ok || v != want[0]) {
				t.Errorf("%s: measured %v, want %v", when, got, want)
			}
		}
		sleep(time.Minute)
		up("first", 1)
		if got := c.measured("mx.example.org:25", "smtp", fakeState); len(got) != 0 {
			t.Errorf("of a metric that was not measured: %v", got)
		}
		if got := c.measured("gone.example.org:25", "smtp", fakeUp); len(got) != 0 {
			t.Errorf("of a target that there is not: %v", got)
		}
		sees("first", "192.0.2.1", "certificate 192.0.2.1")
		if _, got := c.standing("mx.example.org:25", "smtp"); got["certificate 192.0.2.1"][0].Problem != "certificate_expired" {
			t.Errorf("findings are %v", got)
		}
		blind.Store(true)
		sleep(20 * time.Minute)
		sees("the reply is held no more", "certificate 192.0.2.1")
		up("the reply is held no more")
		sleep(25 * time.Hour)
		sees("nothing is held any more")
		if target, got := c.standing("gone.example.org:25", "smtp"); target != nil || got != nil {
			t.Errorf("of a target that there is not: %v, %v", target, got)
		}
		if _, got := c.standing("mx.example.org:25", "rdns"); len(got) != 0 {
			t.Errorf("of a check that is not asked: %v", got)
		}
	})
}
