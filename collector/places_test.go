package collector

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// talking is a check that opens a session with each address of a target, all at once: silent ones take half a minute, others a tenth of a
// second, at the end of which they are noted.
func talking(j *journal, addresses map[string][]netip.Addr, silent func(name string) bool) func(context.Context, *checks.Round) error {
	return func(ctx context.Context, r *checks.Round) error {
		ended := make(chan error, len(addresses[r.Target.Name]))
		wait := func(d time.Duration) {
			select {
			case <-time.After(d):
			case <-ctx.Done():
			}
		}
		for _, addr := range addresses[r.Target.Name] {
			go func() {
				leave, err := r.Env.Enter(ctx, addr)
				if err == nil {
					if silent(r.Target.Name) {
						wait(30 * time.Second)
						leave(nil)
					} else {
						wait(100 * time.Millisecond)
						leave(greeting(220))
						j.note(r.Target.Name, "seen")
					}
				}
				ended <- err
			}()
		}
		for range addresses[r.Target.Name] {
			if err := <-ended; err != nil {
				return err
			}
		}
		return nil
	}
}

// TestFairShares: silent servers, however many there are and whoever leads to them, delay none that answers.
func TestFairShares(t *testing.T) {
	good := func(i int) string { return fmt.Sprintf("good%d.example.org:25", i) }
	for name, tarpits := range map[string]func() (ts []*targets.Target, addresses int){
		"800 silent servers": func() (ts []*targets.Target, addresses int) {
			for i := range 800 {
				ts = append(ts, server(fmt.Sprintf("silent%d.example.net:25", i), "smtp", time.Minute))
			}
			return ts, 1
		},
		"120 silent servers of 16 addresses": func() (ts []*targets.Target, addresses int) {
			for i := range 120 {
				ts = append(ts, server(fmt.Sprintf("silent%d.example.net:25", i), "smtp", time.Minute))
			}
			return ts, 16
		},
	} {
		t.Run(name, func(t *testing.T) {
			ts, each := tarpits()
			addresses := map[string][]netip.Addr{}
			n := 0
			next := func() netip.Addr { n++; return netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n)}) }
			for _, target := range ts {
				for range each {
					addresses[target.Name] = append(addresses[target.Name], next())
				}
			}
			for i := range 10 {
				ts = append(ts, server(good(i), "smtp", 10*time.Second))
				addresses[good(i)] = []netip.Addr{next()}
			}
			j := &journal{}
			smtp := j.fake("smtp", talking(j, addresses, func(name string) bool { return strings.HasPrefix(name, "silent") }))
			bubble(t, func() *Collector { return collectorOf(t, config(ts...), smtp) }, func(c *Collector, begin time.Time) {
				sleep(15 * time.Minute)
				for i := range 10 {
					seen := j.of(good(i), "seen")
					if len(seen) == 0 || seen[0].Sub(begin) > 3*time.Minute {
						t.Fatalf("%s was first seen after %v", good(i), seen)
					}
					for k, at := range append(seen[1:], begin.Add(15*time.Minute)) {
						if age := at.Sub(seen[k]); age > 30*time.Second {
							t.Errorf("what was known of %s was %v old", good(i), age)
						}
					}
				}
				asked := 0
				for _, target := range ts {
					if len(j.of(target.Name, "smtp")) > 1 {
						asked++
					}
				}
				if asked < len(ts) {
					t.Errorf("%d of %d targets were asked a second time in 15 minutes", asked, len(ts))
				}
			})
		})
	}
}

// TestSharesOfDomains: of those that wait, the one goes next whose domain holds the fewest places.
func TestSharesOfDomains(t *testing.T) {
	l := newLimits(targets.Limits{Concurrency: 8, ConnectsPerSecond: 1000})
	l.mu.Lock()
	defer l.mu.Unlock()
	var waiting []*placeWaiter
	for range 100 {
		w, _ := l.all.wait("many.example", paceSlow)
		waiting = append(waiting, w)
	}
	l.all.admit()
	few, _ := l.all.wait("few.example", paceSlow)
	unknown, _ := l.all.wait("new.example", paceNew)
	known, _ := l.all.wait("many.example", paceQuick)
	l.all.admit()
	open := func(w *placeWaiter) bool {
		select {
		case <-w.open:
			return true
		default:
			return false
		}
	}
	if held := l.all.held; held[paceSlow] != 4 || !open(waiting[3]) || open(waiting[4]) || open(few) || !open(unknown) || !open(known) {
		t.Errorf("held by pace %v, few %t, new %t, quick %t", held, open(few), open(unknown), open(known))
	}
	l.all.leave(waiting[0])
	if !open(few) || open(waiting[4]) {
		t.Error("the next place did not go to the domain that holds none")
	}
	l.all.leave(waiting[1])
	if !open(waiting[4]) {
		t.Error("a free place was given to nobody")
	}
}

// TestSharesOfTheSlow: where quick servers alone would take every place, an eighth of them goes to the others.
func TestSharesOfTheSlow(t *testing.T) {
	l := newLimits(targets.Limits{Concurrency: 16, ConnectsPerSecond: 1000})
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range 100 {
		l.all.wait("quick.example", paceQuick)
		l.all.wait(fmt.Sprintf("slow%d.example", i), paceSlow)
		l.all.wait(fmt.Sprintf("new%d.example", i), paceNew)
	}
	l.all.admit()
	if held := l.all.held; held[paceQuick] != 14 || held[paceNew]+held[paceSlow] != 2 {
		t.Errorf("held by pace %v", held)
	}
}
