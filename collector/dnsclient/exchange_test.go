package dnsclient

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/time/rate"
)

func TestForgedAnswers(t *testing.T) {
	s := serve(t, map[string]reply{"A example.org.": func(_ string, q *dns.Msg) [][]byte {
		forged := say{answer: []string{"example.org. 60 A 192.0.2.66"}}
		otherID := forged.pack(q)
		otherID[0] ^= 0xff
		otherType := q.Copy()
		otherType.Question[0].Qtype = dns.TypeAAAA
		query := forged.pack(q)
		query[2] &^= 0x80
		noQuestion := forged.pack(q)[:12]
		noQuestion[5], noQuestion[7] = 0, 0
		forged.mismatch = true
		upper := q.Copy()
		upper.Question[0].Name = "EXAMPLE.org."
		return [][]byte{
			otherID, forged.pack(q), forged.pack(otherType), query, noQuestion,
			{},
			{1, 2, 3},
			say{answer: []string{"example.org. 60 A 192.0.2.1"}}.pack(upper),
		}
	}})
	a, err := newClient(t, Options{Servers: []string{s.addr}}).Addresses(t.Context(), 4, "example.org")
	if err != nil || !slices.Equal(a.Records, []netip.Addr{netip.MustParseAddr("192.0.2.1")}) {
		t.Errorf("got %+v, %v", a, err)
	}
	if n := len(s.questions()); n != 1 {
		t.Errorf("%d questions", n)
	}
}

func TestCancel(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		for _, cached := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s cached=%t", network, cached), func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				s := serve(t, map[string]reply{"A example.org.": func(n string, q *dns.Msg) [][]byte {
					if n == network {
						cancel()
						return nil
					}
					return say{cut: true}.reply(n, q)
				}})
				var seen observed
				c := newClient(t, Options{Servers: []string{s.addr}, Timeout: time.Hour, Observe: seen.add})
				if !cached {
					c = c.Uncached()
				}
				_, err := c.Addresses(ctx, 4, "example.org")
				wantError(t, err, context.Canceled)
				if !cached && !slices.Equal(seen.list(), []string{"error"}) {
					t.Errorf("observed %q", seen.list())
				}
			})
		}
	}
}

func TestDeadlineOfTheCaller(t *testing.T) {
	s := serve(t, map[string]reply{"A example.org.": silence})
	c := newClient(t, Options{Servers: []string{s.addr}, Timeout: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), brief)
	defer cancel()
	_, err := c.Addresses(ctx, 4, "example.org")
	wantError(t, err, context.DeadlineExceeded)
	wantError(t, err, ErrTimeout)
	if Reason(err) != "timeout" {
		t.Errorf("reason %q", Reason(err))
	}
}

func TestAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExchanger(Options{Servers: []string{"192.0.2.1:53", "192.0.2.2:53"}, Timeout: time.Second})
		l := e.newLookup()
		a, b := e.servers[0], e.servers[1]
		check := func(when string, want ...*server) {
			t.Helper()
			if got := l.order(); !slices.Equal(got, want) {
				t.Errorf("%s: %s is first", when, got[0].addr)
			}
		}
		check("at first", a, b)
		a.heard(ErrTimeout)
		check("after silence", b, a)
		a.heard(ErrServFail)
		check("after a failure", b, a)
		time.Sleep(aside)
		check("later", a, b)
		a.heard(ErrNetwork)
		b.heard(ErrTimeout)
		check("when both are silent", a, b)
		b.heard(nil)
		check("when one spoke", b, a)
	})
}

func TestTimeOfALookup(t *testing.T) {
	e := newExchanger(Options{Servers: []string{"127.0.0.1:1", "127.0.0.1:2"}, Timeout: 5 * time.Second})
	l := e.newLookup()
	if l.left != 20*time.Second {
		t.Errorf("a lookup has %v", l.left)
	}
	l.left = 0
	_, sent, err := l.once(t.Context(), "udp", "127.0.0.1:1", nil)
	wantError(t, err, ErrTimeout)
	if sent {
		t.Error("something was sent when the time was over")
	}
	l.left = time.Nanosecond // Over while it dials.
	_, _, err = l.once(t.Context(), "tcp", "127.0.0.1:1", []byte{0, 0})
	wantError(t, err, ErrTimeout)
}

func TestQueriesPerSecond(t *testing.T) {
	s := serve(t, map[string]reply{"A example.org.": yes})
	c := newClient(t, Options{Servers: []string{s.addr}, QueriesPerSecond: 5}).Uncached()
	if l := c.exchanger.limiter; l.Limit() != 5 || l.Burst() != 5 {
		t.Errorf("limit %v, burst %d", l.Limit(), l.Burst())
	}
	c.exchanger.limiter = rate.NewLimiter(rate.Every(time.Hour), 1)
	if _, err := c.Addresses(t.Context(), 4, "example.org"); err != nil {
		t.Fatal(err)
	}

	// The next has its turn in an hour: a caller with less time is told at once.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := c.Addresses(ctx, 4, "example.org")
	wantError(t, err, context.DeadlineExceeded)

	// And one that waits can leave.
	ctx, leave := context.WithCancel(t.Context())
	time.AfterFunc(brief, leave)
	_, err = c.Addresses(ctx, 4, "example.org")
	wantError(t, err, context.Canceled)
	if n := len(s.questions()); n != 1 {
		t.Errorf("%d questions were sent", n)
	}
}

func TestBacklog(t *testing.T) {
	if got := newClient(t, Options{Servers: []string{"192.0.2.1:53"}}).Backlog(); got != 0 {
		t.Errorf("without a bound %v", got)
	}
	synctest.Test(t, func(t *testing.T) {
		c := &Client{exchanger: &exchanger{limiter: rate.NewLimiter(5, 5)}}
		for n, want := range map[int]time.Duration{0: 0, 5: 0, 6: time.Second / 5, 20: 3 * time.Second} {
			c.exchanger.limiter = rate.NewLimiter(5, 5)
			for range n {
				c.exchanger.limiter.Reserve()
			}
			if got := c.Uncached().Backlog().Round(time.Millisecond); got != want {
				t.Errorf("%d questions at once take %v, want %v", n, got, want)
			}
		}
	})
}

// TestBehind: questions that stand behind others leave a fifth of a second's share to them, and make none of them wait.
func TestBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &exchanger{limiter: rate.NewLimiter(10, 10), last: make(chan struct{}, 1)}
		behind := Behind(t.Context())
		var sent atomic.Int64
		for range 1000 {
			go func() {
				if e.turn(behind) == nil {
					sent.Add(1)
				}
			}()
		}
		synctest.Wait()
		if n := sent.Load(); n != 9 {
			t.Errorf("%d questions took of 10, want 9: one goes when two are left", n)
		}
		for range 100 { // As many as may be sent: nothing is left over.
			start := time.Now()
			if err := e.turn(t.Context()); err != nil || time.Since(start) > time.Second/10 {
				t.Errorf("one that goes first waited %v: %v", time.Since(start), err)
			}
			time.Sleep(time.Second / 10)
		}
		if n := sent.Load(); n > 10 {
			t.Errorf("%d questions went although others took all", n-9)
		}
		time.Sleep(10 * time.Second)
		if n := sent.Load(); n < 90 || n > 120 {
			t.Errorf("%d questions went in ten seconds in which nobody else asked", n-9)
		}
		ctx, cancel := context.WithCancel(behind)
		cancel()
		wantError(t, e.turn(ctx), context.Canceled)
		time.Sleep(2 * time.Minute) // The rest.
		if n := sent.Load(); n != 1000 {
			t.Errorf("%d of 1000 were ever sent", n)
		}
	})
}

// TestBehindApart: one that goes first does not wait with an equal question that stands behind others.
func TestBehindApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(time.Now, 1<<20)
		var asked atomic.Int64
		ask := func(ctx context.Context) (value, error) {
			if asked.Add(1); isBehind(ctx) {
				time.Sleep(time.Hour)
			}
			time.Sleep(time.Second)
			return value{octets: int(asked.Load())}, ctx.Err()
		}
		q := question{name: "example.org"}
		took := func(ctx context.Context) time.Duration {
			start := time.Now()
			if _, err := c.get(ctx, q, ask); err != nil {
				t.Error(err)
			}
			return time.Since(start)
		}
		go took(Behind(t.Context()))
		synctest.Wait()
		if d := took(t.Context()); d != time.Second || asked.Load() != 2 {
			t.Errorf("it took %v, and %d were asked", d, asked.Load())
		}
		go took(t.Context())
		synctest.Wait()
		if d := took(Behind(t.Context())); d != time.Second || asked.Load() != 3 {
			t.Errorf("one behind, which may join the other, took %v, and %d were asked", d, asked.Load())
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestWaitingForATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &attempt{&exchanger{timeout: time.Second, limiter: rate.NewLimiter(rate.Every(time.Hour), 1)}, 2 * time.Second}
		l.limiter.Allow()
		start := time.Now()
		_, sent, err := l.once(t.Context(), "udp", "127.0.0.1", nil) // Without a port, there is nothing to dial.
		wantError(t, err, ErrNetwork)
		if waited := time.Since(start); !sent || waited != time.Hour || l.left != 2*time.Second {
			t.Errorf("sent %t, waited %v, %v are left", sent, waited, l.left)
		}
	})
}
