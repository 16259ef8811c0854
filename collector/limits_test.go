package collector

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

func address(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }

// TestGates: sessions with one address go one by one, those who wait for it hold up nobody else,
// and all together are bounded.
func TestGates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(targets.Limits{Concurrency: 3, PerHost: 1, ConnectsPerSecond: 1000})
		began := map[string]time.Duration{}
		start := time.Now()
		session := func(name string, addr netip.Addr, lasts time.Duration) {
			go func() {
				release, err := l.acquire(t.Context(), addr, "a", paceQuick)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				l.mu.Lock()
				began[name] = time.Since(start).Truncate(time.Second)
				if l.all.used > 3 || l.hosts[addr].used > 1 {
					t.Errorf("%s: %d sessions, %d with this address", name, l.all.used, l.hosts[addr].used)
				}
				l.mu.Unlock()
				time.Sleep(lasts)
				release()
			}()
			synctest.Wait()
		}
		for i := range 5 { // A slow host that is asked for five times.
			session(fmt.Sprint("slow", i), address(1), 10*time.Second)
		}
		session("a", address(2), 5*time.Second)
		session("b", address(3), 5*time.Second)
		session("c", address(4), 5*time.Second) // The fourth address waits for one of three places.
		if n, waited := l.inFlight(time.Now().Add(2 * time.Second)); n != 3 || waited != 2*time.Second {
			t.Errorf("%d in flight, waited %v; want 3 and 2s", n, waited)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for name, at := range map[string]time.Duration{"slow0": 0, "slow1": 10, "slow2": 20, "slow3": 30, "slow4": 40, "a": 0, "b": 0, "c": 5} {
			if got, ok := began[name]; !ok || got != at*time.Second {
				t.Errorf("%s began after %v, want %ds", name, got, at)
			}
		}
		if n, _ := l.inFlight(time.Now()); n != 0 || len(l.hosts) != 0 {
			t.Errorf("%d in flight and %d addresses kept at the end", n, len(l.hosts))
		}
	})
}

// TestGatesCancel: who stops waiting leaves no trace, wherever he waited.
func TestGatesCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(targets.Limits{Concurrency: 1, PerHost: 1, ConnectsPerSecond: 1000})
		release, err := l.acquire(t.Context(), address(1), "a", paceQuick)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for i := range 50 { // Half wait for the address, half for the place.
			go func() {
				if _, err := l.acquire(ctx, address(1+i%2), "a", paceQuick); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("waiter %d: %v", i, err)
				}
			}()
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		release()
		if n, _ := l.inFlight(time.Now()); n != 0 || len(l.hosts) != 0 || l.all.waiting() != 0 {
			t.Errorf("%d in flight, %d addresses, %d waiting", n, len(l.hosts), l.all.waiting())
		}
		if _, err := l.acquire(ctx, address(1), "a", paceQuick); err == nil {
			t.Error("a session began after its context ended")
		}
		if release, err = l.acquire(t.Context(), address(1), "a", paceQuick); err != nil {
			t.Error(err)
		}
		release()
	})
}

// TestConnectsPerSecond bounds the rate of new sessions.
func TestConnectsPerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(targets.Limits{ConnectsPerSecond: 40})
		start := time.Now()
		for i := range 200 {
			release, err := l.acquire(t.Context(), address(i), "a", paceQuick)
			if err != nil {
				t.Fatal(err)
			}
			release()
		}
		if took := time.Since(start); took < 4*time.Second || took > 5*time.Second+time.Millisecond {
			t.Errorf("200 connections at 40 a second took %v", took)
		}
	})
}

// TestLimitsChange: a reload opens or narrows the gates for those who wait.
func TestLimitsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(targets.Limits{Concurrency: 1})
		began := 0
		for i := range 4 {
			go func() {
				release, err := l.acquire(t.Context(), address(i), "a", paceQuick)
				if err != nil {
					t.Error(err)
					return
				}
				l.mu.Lock()
				began++
				l.mu.Unlock()
				time.Sleep(time.Minute)
				release()
			}()
		}
		synctest.Wait()
		if began != 1 {
			t.Errorf("%d began, want 1", began)
		}
		l.set(targets.Limits{Concurrency: 3})
		time.Sleep(time.Second)
		synctest.Wait()
		if began != 3 {
			t.Errorf("%d began after the limit was raised, want 3", began)
		}
		l.set(targets.Limits{Concurrency: 1})
		time.Sleep(10 * time.Minute)
	})
}

func TestBackoffAfter(t *testing.T) {
	for _, c := range []struct {
		n           int
		every, want time.Duration
	}{
		{1, 5 * time.Minute, 7*time.Minute + 30*time.Second},
		{2, 5 * time.Minute, 17*time.Minute + 30*time.Second},
		{3, 5 * time.Minute, 37*time.Minute + 30*time.Second},
		{4, 5 * time.Minute, 57*time.Minute + 30*time.Second},
		{1000, 5 * time.Minute, 57*time.Minute + 30*time.Second},
		{1, 5 * time.Second, 7500 * time.Millisecond},
		{1, time.Hour, 30 * time.Minute},
		{9, 24 * time.Hour, 30 * time.Minute},
	} {
		if got := backoffAfter(c.n, c.every); got != c.want {
			t.Errorf("backoffAfter(%d, %v) = %v, want %v", c.n, c.every, got, c.want)
		}
	}
}

// TestBackoff: a server that says 421 or 554 at the greeting is left alone, visibly, for longer
// each time, and another greeting ends it. What was known holds meanwhile.
func TestBackoff(t *testing.T) {
	j := &journal{}
	const name = "mx.example.org:25"
	var code atomic.Int64
	code.Store(220)
	sessions := &journal{}
	tried := func(since time.Time) (at []time.Time) {
		for _, a := range sessions.of(name, "smtp") {
			if a.After(since) {
				at = append(at, a)
			}
		}
		return at
	}
	smtp := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
		p := r.Part("192.0.2.1", checks.HoldReplies)
		leave, err := r.Env.Enter(ctx, netip.MustParseAddr("192.0.2.1"))
		if errors.Is(err, checks.ErrLeftAlone) {
			p.LeftOut = true
			return nil
		}
		if err != nil {
			return err
		}
		sessions.note(r.Target.Name, "smtp")
		time.Sleep(3 * time.Second)
		p.EmitBool(fakeUp, code.Load() == 220, "192.0.2.1")
		leave(greeting(int(code.Load())))
		return nil
	})
	interval := 5 * time.Minute
	bubble(t, func() *Collector { return collectorOf(t, config(server(name, "smtp", interval)), smtp) }, func(c *Collector, begin time.Time) {
		sleep(time.Until(gridPoint(begin.Add(time.Minute), phase(name), interval)) + 10*time.Second)
		if got := text(t, c, "target_backoff_until_timestamp_seconds"); got != "" {
			t.Errorf("back-off without a reason: %s", got)
		}
		code.Store(554)
		since := time.Now()
		sleep(interval)
		first := tried(since)[0]
		want(t, text(t, c, "target_backoff_until_timestamp_seconds"), fmt.Sprintf(`target_backoff_until_timestamp_seconds{address="192.0.2.1",target="mx.example.org:25"} %v`,
			seconds(first.Add(3*time.Second+backoffAfter(1, interval)))))
		lastRun := text(t, c, "check_last_run_timestamp_seconds")
		sleep(interval) // One round is left out.
		want(t, text(t, c, "check_last_run_timestamp_seconds"), lastRun)
		want(t, text(t, c, "fake_up", "check_conclusive"), `
check_conclusive{check="smtp",target="mx.example.org:25"} 1
fake_up{address="192.0.2.1",target="mx.example.org:25"} 0`)

		sleep(4 * time.Hour)
		var after []time.Duration
		all := tried(since)
		for i, a := range all[1:] {
			after = append(after, a.Sub(all[i]))
		}
		if got := fmt.Sprint(after); got != "[10m0s 20m0s 40m0s 1h0m0s 1h0m0s]" {
			t.Errorf("knocked again after %v", got)
		}
		// The last verdict held all the while, far beyond three intervals.
		want(t, text(t, c, "fake_up"), `fake_up{address="192.0.2.1",target="mx.example.org:25"} 0`)

		code.Store(220)
		sleep(time.Hour)
		if got := text(t, c, "target_backoff_until_timestamp_seconds"); got != "" {
			t.Errorf("back-off after another greeting: %s", got)
		}
		want(t, text(t, c, "fake_up"), `fake_up{address="192.0.2.1",target="mx.example.org:25"} 1`)
		code.Store(421)
		since = time.Now()
		sleep(2 * interval)
		if n := len(tried(since)); n != 1 {
			t.Errorf("%d sessions after a new 421, want 1", n)
		}
		sleep(interval)
		if n := len(tried(since)); n != 2 {
			t.Errorf("%d sessions, want 2: the count did not begin anew", n)
		}
	})
}

// TestBackoffSilence: a server that says nothing neither is left alone for it nor ends a back-off.
func TestBackoffSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{}
		hear := func(code int) { d.heard(address(1), greeting(code), 5*time.Minute, nil) }
		hear(0)
		if _, ok := d.leftAlone(address(1), time.Now()); ok {
			t.Error("left alone for silence")
		}
		d.heard(address(1), nil, 5*time.Minute, nil) // No session came about.
		hear(421)
		hear(421) // A second session at the same time.
		if until, ok := d.leftAlone(address(1), time.Now()); !ok || time.Until(until) != backoffAfter(1, 5*time.Minute) {
			t.Errorf("left alone until %v, %v", until, ok)
		}
		if _, ok := d.leftAlone(address(2), time.Now()); ok {
			t.Error("another address is left alone")
		}
		time.Sleep(10 * time.Minute)
		hear(0)
		hear(421)
		if until, ok := d.leftAlone(address(1), time.Now()); !ok || time.Until(until) != backoffAfter(2, 5*time.Minute) {
			t.Errorf("silence ended the row: left alone until %v, %v", until, ok)
		}
	})
}

// TestLastNames: only a server that answered EHLO has said its names, and they stand until it says others.
func TestLastNames(t *testing.T) {
	d := &door{}
	s := greeting(220)
	s.Steps[1].Reply.Code, s.EHLOName = 451, ""
	d.heard(address(1), s, time.Minute, nil)
	if n := d.lastNames(address(1)); n != (checks.Names{}) {
		t.Errorf("after a session without an answer to EHLO: %+v", n)
	}
	for _, code := range []int{220, 554, 0} {
		d.heard(address(1), greeting(code), time.Minute, nil)
		if n := d.lastNames(address(1)); n != (checks.Names{Banner: "mx.example.org", EHLO: "mx.example.org"}) {
			t.Errorf("after a greeting with %d: %+v", code, n)
		}
	}
}

// TestBackoffForgotten: addresses that a server had once do not pile up, whatever they said.
func TestBackoffForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{}
		for i := range 1000 {
			d.heard(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), greeting(421), 5*time.Minute, nil)
			time.Sleep(time.Hour)
		}
		if n := len(d.left); n > 48 {
			t.Errorf("%d addresses are remembered", n)
		}
	})
}

// TestPlacesComeBack: a check that panics or forgets to leave gives its place back.
func TestPlacesComeBack(t *testing.T) {
	j := &journal{}
	smtp := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
		if _, err := r.Env.Enter(ctx, address(1)); err != nil {
			t.Error(err)
		}
		panic("oops")
	})
	cfg := config(server("a.example.org:25", "smtp", 5*time.Minute), server("b.example.org:25", "smtp", 5*time.Minute))
	bubble(t, func() *Collector { return collectorOf(t, cfg, smtp) }, func(c *Collector, begin time.Time) {
		sleep(time.Hour)
		if n := len(j.of("a.example.org:25", "smtp")); n < 12 {
			t.Errorf("%d rounds in an hour", n)
		}
		want(t, text(t, c, "probes_in_flight"), "probes_in_flight{} 0")
	})
}

// TestBackoffWaiting: a session that waits behind one that is sent away does not begin.
func TestBackoffWaiting(t *testing.T) {
	j := &journal{}
	sessions := &journal{}
	knock := func(ctx context.Context, r *checks.Round) error {
		leave, err := r.Env.Enter(ctx, address(1))
		if err != nil {
			return err
		}
		sessions.note(r.Target.Name, "any")
		time.Sleep(time.Second)
		leave(greeting(554))
		return nil
	}
	cfg := config(server("a.example.org:25", "smtp", time.Hour, "auth", time.Hour))
	bubble(t, func() *Collector { return collectorOf(t, cfg, j.fake("smtp", knock), j.fake("auth", knock)) }, func(c *Collector, begin time.Time) {
		sleep(10 * time.Second)
		if n := len(sessions.of("a.example.org:25", "any")); n != 1 {
			t.Errorf("%d sessions, want 1", n)
		}
		want(t, text(t, c, "probes_in_flight"), "probes_in_flight{} 0")
	})
}
