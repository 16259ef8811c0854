package collector

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

func TestGridPoint(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		t            string
		phase, every time.Duration
		want         string
	}{
		{"2026-03-01T12:00:00Z", 0, 5 * time.Minute, "2026-03-01T12:00:00Z"},
		{"2026-03-01T12:00:00.000000001Z", 0, 5 * time.Minute, "2026-03-01T12:05:00Z"},
		{"2026-03-01T12:04:59.999999999Z", 0, 5 * time.Minute, "2026-03-01T12:05:00Z"},
		{"2026-03-01T12:00:00Z", 70 * time.Second, 5 * time.Minute, "2026-03-01T12:01:10Z"},
		{"2026-03-01T12:01:11Z", 70 * time.Second, 5 * time.Minute, "2026-03-01T12:06:10Z"},
		{"2026-03-01T12:00:00Z", 13 * time.Hour, 24 * time.Hour, "2026-03-01T13:00:00Z"},
		{"2026-03-01T14:00:00Z", 13 * time.Hour, 24 * time.Hour, "2026-03-02T13:00:00Z"},
		{"1970-01-01T00:00:00Z", 13 * time.Hour, 24 * time.Hour, "1970-01-01T13:00:00Z"}, // The remainder is negative here.
		{"2026-03-01T12:00:00Z", 23*time.Hour + time.Second, 5 * time.Second, "2026-03-01T12:00:01Z"},
	} {
		if got := gridPoint(at(c.t), c.phase, c.every); !got.Equal(at(c.want)) {
			t.Errorf("gridPoint(%s, %v, %v) = %v, want %s", c.t, c.phase, c.every, got.UTC(), c.want)
		}
	}
}

func TestNextDue(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name                   string
		ran                    time.Duration // After noon.
		every, least, frequent time.Duration
		want                   time.Duration
	}{
		{"on the grid", 0, 5 * time.Minute, 5 * time.Second, 5 * time.Minute, 5 * time.Minute},
		{"first run between grid points", 2 * time.Minute, 5 * time.Minute, 5 * time.Second, 5 * time.Minute, 5 * time.Minute},
		{"first run just before a grid point", 5*time.Minute - 3*time.Second, 5 * time.Minute, 5 * time.Second, 5 * time.Minute, 10 * time.Minute},
		{"exactly the least before", 5*time.Minute - 5*time.Second, 5 * time.Minute, 5 * time.Second, 5 * time.Minute, 5 * time.Minute},
		{"interval is the least, on the grid", 0, day, day, 5 * time.Minute, day},
		{"interval is the least, between", time.Hour, day, day, 5 * time.Minute, 27*time.Hour + 20*time.Minute},
		{"interval is the least, shortly before", 22 * time.Hour, day, day, 5 * time.Minute, 48 * time.Hour},
		{"nothing to join", time.Hour, day, day, day, 27*time.Hour + 24*time.Minute},
		{"what would be joined comes too late", time.Minute, 15 * time.Minute, 15 * time.Minute, 10 * time.Minute, 17*time.Minute + 30*time.Second},
		{"one to join before the interval is over", 50 * time.Minute, time.Hour, 15 * time.Minute, 15 * time.Minute, 105 * time.Minute},
		{"interval below the least", 0, time.Minute, time.Hour, time.Minute, time.Minute},
	} {
		if got := nextDue(noon.Add(c.ran), 12*time.Hour, c.every, c.least, c.frequent).Sub(noon); got != c.want {
			t.Errorf("%s: after %v, want %v", c.name, got, c.want)
		}
	}
}

// TestPolite: nobody is asked twice within a minute because the first round came shortly before a grid point, unless the
// operator asked for it.
func TestPolite(t *testing.T) {
	j := &journal{}
	var ts []*targets.Target
	for i := range 200 {
		ts = append(ts, server(fmt.Sprintf("mx%d.example.org:25", i), "smtp", 5*time.Minute))
	}
	own := server("own.example.org:25", "smtp", 10*time.Second)
	bubble(t, func() *Collector { return collectorOf(t, config(append(ts, own)...), j.fake("smtp", nil)) }, func(c *Collector, _ time.Time) {
		sleep(20 * time.Minute)
		for _, target := range ts {
			if at := j.of(target.Name, "smtp"); len(at) < 3 || at[1].Sub(at[0]) < time.Minute {
				t.Errorf("%s ran at %v", target.Name, at)
			}
		}
		if n := len(j.of(own.Name, "smtp")); n < 118 {
			t.Errorf("every 10 seconds: %d runs in 20 minutes", n)
		}
	})
}

// TestPhase looks whether similar names are spread evenly, and pins the hash: a new one
// would move every probe at an update.
func TestPhase(t *testing.T) {
	for name, want := range map[string]uint64{"": 0xefd01f60ba992926, "mx1.example.org:25": 0x1ce4d80a5dfa1de5} {
		if got := hash(name); got != want {
			t.Errorf("hash(%q) = %#x, want %#x", name, got, want)
		}
	}
	const n, slots = 24000, 24
	var count [slots]int
	for i := range n {
		count[phase(fmt.Sprintf("mx%d.example.org:25", i))/(day/slots)]++
	}
	for i, c := range count {
		if c < n/slots*8/10 || c > n/slots*12/10 {
			t.Errorf("hour %d has %d of %d targets", i, c, n)
		}
	}
}

// TestStart looks at the first rounds: at once, in the order of the hashes, not too many a second.
func TestStart(t *testing.T) {
	for _, c := range []struct {
		targets int
		pause   time.Duration
	}{{100, time.Second / 20}, {1199, time.Second / 20}, {3000, time.Second / 50}} {
		t.Run(fmt.Sprint(c.targets), func(t *testing.T) {
			j := &journal{}
			var ts []*targets.Target
			for i := range c.targets - 1 { // The vantage is one more.
				ts = append(ts, server(fmt.Sprintf("mx%d.example.org:25", i), "smtp", time.Hour, "rdns", time.Hour))
			}
			bubble(t, func() *Collector { return collectorOf(t, config(ts...), j.fake("smtp", nil), j.fake("rdns", nil)) }, func(c2 *Collector, begin time.Time) {
				if c2.Ready() {
					t.Error("ready before the first rounds")
				}
				sleep(time.Minute)
				if !c2.Ready() {
					t.Error("not ready after a minute")
				}
				slices.SortFunc(ts, func(a, b *targets.Target) int { return int(phase(a.Name)/1000 - phase(b.Name)/1000) })
				for i, target := range ts {
					for _, check := range []string{"smtp", "rdns"} {
						at := j.of(target.Name, check)
						if len(at) == 0 || at[0].Sub(begin) != time.Duration(i)*c.pause {
							t.Fatalf("target %d: %s ran at %v, want after %v", i, check, at, time.Duration(i)*c.pause)
						}
					}
				}
			})
		})
	}
}

// TestRounds looks at the checks of one target over two hours: on their grid points, in common rounds.
func TestRounds(t *testing.T) {
	j := &journal{}
	const name = "mx.example.org:25"
	every := map[string]time.Duration{"smtp": 5 * time.Minute, "rdns": 15 * time.Minute, "dnsbl": time.Hour}
	target := server(name)
	target.Every = every
	bubble(t, func() *Collector {
		return collectorOf(t, config(target), j.fake("smtp", nil), j.fake("rdns", nil), j.fake("dnsbl", nil))
	}, func(c *Collector, begin time.Time) {
		sleep(2*time.Hour + time.Second)
		smtp := j.of(name, "smtp")
		for check, interval := range every {
			at := j.of(name, check)
			if !at[0].Equal(begin) {
				t.Errorf("%s: first run at %v, want at once", check, at[0])
			}
			spec, _ := targets.CheckByName(check)
			if first := at[1].Sub(at[0]); first < spec.Least || first > interval+patience(interval) {
				t.Errorf("%s: second run after %v", check, first)
			}
			for i, a := range at[1:] {
				if !a.Equal(gridPoint(a, phase(name), interval)) {
					t.Errorf("%s: run %d at %v is not on the grid", check, i+1, a)
				}
				if i > 0 && a.Sub(at[i]) != interval {
					t.Errorf("%s: runs %d and %d are %v apart", check, i, i+1, a.Sub(at[i]))
				}
				if !slices.ContainsFunc(smtp, a.Equal) {
					t.Errorf("%s: run at %v is not in a round with smtp", check, a)
				}
			}
			if n := int(2*time.Hour/interval) - 1; len(at)-1 < n {
				t.Errorf("%s: %d runs in two hours, want at least %d", check, len(at)-1, n)
			}
		}
	})
}

// TestSlow looks at a target whose rounds last longer than its interval: they never
// overlap, missed grid points are skipped, what was missed runs in the next round, and no other
// target notices.
func TestSlow(t *testing.T) {
	j := &journal{}
	const slow, quick = "slow.example.org:25", "quick.example.org:25"
	under := 0
	smtp := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
		if r.Target.Name == quick {
			return nil
		}
		if under++; under > 1 {
			t.Error("two rounds of one target at once")
		}
		defer func() { under-- }()
		select {
		case <-ctx.Done():
		case <-time.After(7 * time.Minute):
		}
		return ctx.Err()
	})
	ts := []*targets.Target{
		server(slow, "smtp", 5*time.Minute, "rdns", 15*time.Minute),
		server(quick, "smtp", 5*time.Minute),
	}
	bubble(t, func() *Collector { return collectorOf(t, config(ts...), smtp, j.fake("rdns", nil)) }, func(c *Collector, begin time.Time) {
		sleep(3 * time.Hour)
		at := j.of(slow, "smtp")
		for i, a := range at[1:] {
			if d := a.Sub(at[i]); d < 7*time.Minute || d > 12*time.Minute || !a.Equal(gridPoint(a, phase(slow), 5*time.Minute)) {
				t.Errorf("round %d at %v, %v after the last", i+1, a, d)
			}
		}
		for _, a := range j.of(slow, "rdns") {
			if !slices.ContainsFunc(at, a.Equal) {
				t.Errorf("rdns ran outside a round at %v", a)
			}
		}
		if n := len(j.of(slow, "rdns")); n < 9 || n > 13 {
			t.Errorf("rdns ran %d times in three hours", n)
		}
		others := j.of(quick, "smtp")
		for i, a := range others[2:] {
			if a.Sub(others[i+1]) != 5*time.Minute {
				t.Errorf("another target was delayed: %v after its last round", a.Sub(others[i+1]))
			}
		}
		if len(others) < 36 {
			t.Errorf("another target had %d rounds in three hours", len(others))
		}
	})
}

// TestBacklog: while DNS does not keep up no target begins its first round, unless somebody asks for it; all others go on.
func TestBacklog(t *testing.T) {
	j := &journal{}
	var ts []*targets.Target
	for i := range 50 {
		ts = append(ts, server(fmt.Sprintf("mx%d.example.org:25", i), "smtp", time.Minute))
	}
	begun := func() (names []string) {
		for _, target := range ts {
			if len(j.of(target.Name, "smtp")) > 0 {
				names = append(names, target.Name)
			}
		}
		return names
	}
	var behind atomic.Int64 // Nanoseconds.
	bubble(t, func() *Collector {
		c := collectorOf(t, config(ts...), j.fake("smtp", nil))
		c.scheduler.waiting = func() time.Duration { return time.Duration(behind.Load()) }
		return c
	}, func(c *Collector, _ time.Time) {
		sleep(time.Second)
		behind.Store(int64(backlog + 1))
		first := begun()
		if len(first) == 0 || len(first) == len(ts) {
			t.Fatalf("%d of %d targets began in a second", len(first), len(ts))
		}
		sleep(time.Hour)
		if got := begun(); !slices.Equal(got, first) {
			t.Errorf("in an hour without DNS %d targets began, %d before", len(got), len(first))
		}
		if n := len(j.of(first[0], "smtp")); n < 59 {
			t.Errorf("%s was asked %d times in an hour", first[0], n)
		}
		i := slices.IndexFunc(ts, func(target *targets.Target) bool { return !slices.Contains(first, target.Name) })
		if ended, _ := c.scheduler.demand(c.states[ts[i].Name], time.Now(), func(*plan, time.Time) bool { return true }, noPlace); ended == nil {
			t.Fatal("nothing is demanded")
		}
		sleep(time.Second)
		if len(j.of(ts[i].Name, "smtp")) != 1 || len(begun()) != len(first)+1 {
			t.Errorf("what was asked for was asked %d times, and %d targets began", len(j.of(ts[i].Name, "smtp")), len(begun()))
		}
		behind.Store(int64(backlog))
		sleep(time.Second)
		if got := begun(); len(got) != len(ts) {
			t.Errorf("with DNS %d of %d targets began", len(got), len(ts))
		}
	})
}

// TestEndlessCheck: a check that waits for ever is ended by the guard of the round.
func TestEndlessCheck(t *testing.T) {
	j := &journal{}
	const name = "mx.example.org:25"
	endless := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
		<-ctx.Done()
		return ctx.Err()
	})
	bubble(t, func() *Collector { return collectorOf(t, config(server(name, "smtp", 5*time.Minute)), endless) }, func(c *Collector, begin time.Time) {
		sleep(roundLimit)
		want(t, text(t, c, "check_conclusive"), `check_conclusive{check="smtp",target="mx.example.org:25"} 0`)
		sleep(roundLimit)
		if n := len(j.of(name, "smtp")); n != 2 {
			t.Errorf("%d rounds in twenty minutes, want 2", n)
		}
	})
}

// TestLeast: a check that may hardly run more often than it is to is never late by more than a small share, nor early, comes to
// its place in the day, and does not begin rounds of its own.
func TestLeast(t *testing.T) {
	j := &journal{}
	var ts []*targets.Target
	for i := range 20 {
		ts = append(ts, server(fmt.Sprintf("mx%d.example.org:25", i), "smtp", time.Hour, "relay", day, "recipient", time.Hour))
	}
	bubble(t, func() *Collector {
		return collectorOf(t, config(ts...), j.fake("smtp", nil), j.fake("relay", nil), j.fake("recipient", nil))
	}, func(c *Collector, _ time.Time) {
		sleep(14 * day)
		for _, target := range ts {
			smtp := j.of(target.Name, "smtp")
			for check, every := range target.Every {
				at := j.of(target.Name, check)
				spec, _ := targets.CheckByName(check)
				for i, a := range at[1:] {
					if apart := a.Sub(at[i]); apart < spec.Least || apart > every+every/10 {
						t.Errorf("%s of %s: runs %d and %d are %v apart", check, target.Name, i, i+1, apart)
					}
					if !slices.ContainsFunc(smtp, a.Equal) {
						t.Errorf("%s of %s: run %d is not in a round with smtp", check, target.Name, i+1)
					}
				}
				if last := at[len(at)-1]; !last.Equal(gridPoint(last, phase(target.Name), every)) {
					t.Errorf("%s of %s never came to its place in the day", check, target.Name)
				}
				if n := int(14*day/every) - 1; len(at) < n {
					t.Errorf("%s of %s: %d runs in 14 days, want %d", check, target.Name, len(at), n)
				}
			}
		}
	})
}

// TestClockStep moves appointments with the clock.
func TestClockStep(t *testing.T) {
	s := newScheduler(nil, nil)
	st := &state{name: "a"}
	st.index, st.plans = -1, []*plan{{every: time.Hour}}
	now := time.Now()
	s.add(now, 1, st)
	due := st.next
	s.followClock(now)
	if !st.next.Equal(due) {
		t.Errorf("appointment moved without need to %v", st.next)
	}
	// Clocks that disagree cannot be made in a test, so the move itself is looked at.
	s.shift(2 * time.Hour)
	if !st.next.Equal(due.Add(2*time.Hour)) || !st.plans[0].due.Equal(due.Add(2*time.Hour)) {
		t.Errorf("next %v, due %v, want two hours after %v", st.next, st.plans[0].due, due)
	}
}

// TestLate: a timer that fires a little late moves nothing; a round that begins much too late
// keeps its distance to the next.
func TestLate(t *testing.T) {
	for late, want := range map[time.Duration]time.Duration{0: day, 300 * time.Millisecond: day, time.Minute: day + day/10 + time.Minute} {
		s := newScheduler(func(context.Context, *state, []*plan, time.Time) {}, nil)
		st := &state{name: "a"}
		meant := time.Unix(20000*86400, 0)
		p := &plan{every: day, least: day, due: meant}
		st.plans, st.next, st.index = []*plan{p}, meant, -1
		s.mu.Lock()
		s.start(t.Context(), st, meant.Add(late))
		got := p.due.Sub(meant)
		s.mu.Unlock()
		s.rounds.Wait()
		if got != want {
			t.Errorf("%v late: due again after %v, want %v", late, got, want)
		}
	}
}
