package dnsclient

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// TestForRound asks one question twice in one round and then in another.
func TestForRound(t *testing.T) {
	for name, test := range map[string]struct {
		says       reply
		outcome    Outcome
		err        error
		inOne, all int // How often the server is asked in the first round, and in both.
	}{
		"a time to live":         {say{answer: []string{"example.org. 60 TXT x"}}.reply, OutcomeFound, nil, 1, 1},
		"none":                   {say{answer: []string{"example.org. 0 TXT x"}}.reply, OutcomeFound, nil, 1, 2},
		"no such name":           {say{rcode: dns.RcodeNameError, ns: []string{soa}}.reply, OutcomeNoName, nil, 1, 1},
		"no such type":           {say{ns: []string{soa}}.reply, OutcomeNoData, nil, 1, 1},
		"no such name, for ever": {say{rcode: dns.RcodeNameError, ns: []string{strings.TrimSuffix(soa, "60") + "0"}}.reply, OutcomeNoName, nil, 1, 2},
		"a failure":              {say{rcode: dns.RcodeServerFailure}.reply, OutcomeUnknown, ErrServFail, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string]reply{"TXT example.org.": test.says})
			c := newClient(t, Options{Servers: []string{s.addr}})
			ask := func(c *Client) {
				a, err := c.TXT(t.Context(), "example.org")
				wantError(t, err, test.err)
				if a.Outcome != test.outcome || test.outcome == OutcomeFound && a.Records[0] != "x" {
					t.Errorf("%v, %q", a.Outcome, a.Records)
				}
			}
			one := c.ForRound()
			ask(one)
			ask(one)
			inOne := len(s.questions())
			ask(c.ForRound())
			if all := len(s.questions()); inOne != test.inOne || all != test.all {
				t.Errorf("asked %d times in one round and %d times in two, want %d and %d", inOne, all, test.inOne, test.all)
			}
		})
	}
}

// TestApart: what is remembered apart neither comes from what all remember nor goes there, and takes little room.
func TestApart(t *testing.T) {
	s := serve(t, map[string]reply{"TXT example.org.": say{answer: []string{"example.org. 60 TXT x"}}.reply})
	c := newClient(t, Options{Servers: []string{s.addr}})
	apart := c.Apart()
	for _, step := range []struct {
		client *Client
		asked  int
	}{{apart, 1}, {apart, 1}, {c, 2}, {c, 2}, {c.Apart(), 3}} {
		if _, err := step.client.TXT(t.Context(), "example.org"); err != nil {
			t.Fatal(err)
		}
		if n := len(s.questions()); n != step.asked {
			t.Errorf("asked %d times, want %d", n, step.asked)
		}
	}
	if apart.cache.limit != maxApartOctets {
		t.Errorf("the limit is %d", apart.cache.limit)
	}
}

// TestRoundTTL: within a round an answer outlives its time, and does not say that it had more of it.
func TestRoundTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := (&Client{cache: newCache(time.Now, maxOctets)}).ForRound()
		a := &counter{ttl: time.Minute}
		for _, step := range []struct{ forward, left time.Duration }{{0, time.Minute}, {50 * time.Second, 10 * time.Second}, {time.Hour, 0}} {
			time.Sleep(step.forward)
			got, err := c.get(t.Context(), question{1, "example.org."}, a.ask)
			if err != nil || got.answer != 1 || got.ttl != step.left {
				t.Errorf("%v later: %v for %v, %v; want 1 for %v", step.forward, got.answer, got.ttl, err, step.left)
			}
		}
	})
}

// TestRoundForgets: that a caller left is no answer for the next.
func TestRoundForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := (&Client{cache: newCache(time.Now, maxOctets)}).ForRound()
		q := question{1, "example.org."}
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		_, err := c.get(ctx, q, func(ctx context.Context) (value, error) {
			<-ctx.Done()
			return value{}, ctx.Err()
		})
		wantError(t, err, context.DeadlineExceeded)
		synctest.Wait()
		got, err := c.get(t.Context(), q, (&counter{}).ask)
		if err != nil || got.answer != 1 {
			t.Errorf("got %v, %v", got.answer, err)
		}
	})
}

// TestRoundBounds: a round remembers a megabyte.
func TestRoundBounds(t *testing.T) {
	c := (&Client{cache: newCache(time.Now, maxOctets)}).ForRound()
	for i := range 200 {
		big := func(context.Context) (value, error) { return value{i, maxEntryOctets, 0}, nil }
		if _, err := c.get(t.Context(), question{uint16(i), "example.org."}, big); err != nil {
			t.Fatal(err)
		}
	}
	if n := c.round.octets; n > maxRoundOctets || n < maxRoundOctets-2*maxEntryOctets {
		t.Errorf("it remembers %d octets", n)
	}
}
