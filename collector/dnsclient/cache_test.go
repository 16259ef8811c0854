package dnsclient

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// A counter answers with the number of times it was asked.
type counter struct {
	n   int
	ttl time.Duration
	err error
}

func (c *counter) ask(context.Context) (value, error) {
	c.n++
	return value{answer: c.n, octets: 100, ttl: c.ttl}, c.err
}

func TestCacheTTL(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	c := newCache(func() time.Time { return now }, maxOctets)
	q := question{1, "example.org."}
	a := &counter{ttl: time.Minute}
	for _, step := range []struct {
		forward time.Duration
		want    int
		left    time.Duration
	}{
		{0, 1, time.Minute},
		{59 * time.Second, 1, time.Second},
		{time.Second, 2, time.Minute},
		{-time.Hour, 2, time.Hour + time.Minute},
		{time.Hour + time.Minute, 3, time.Minute},
	} {
		now = now.Add(step.forward)
		got, err := c.get(t.Context(), q, a.ask)
		if err != nil || got.answer != step.want || got.ttl != step.left {
			t.Errorf("%v later: %v for %v, %v; want %d for %v", step.forward, got.answer, got.ttl, err, step.want, step.left)
		}
	}
	if got, _ := c.get(t.Context(), question{2, q.name}, a.ask); got.answer != 4 {
		t.Errorf("another type: %v", got.answer)
	}
}

func TestCacheForgets(t *testing.T) {
	c := newCache(time.Now, maxOctets)
	for name, a := range map[string]*counter{"no TTL": {}, "an error": {ttl: time.Hour, err: ErrServFail}} {
		for i := range 3 {
			got, err := c.get(t.Context(), question{1, name}, a.ask)
			if !errors.Is(err, a.err) || got.answer != i+1 {
				t.Errorf("%s is remembered: %v, %v", name, got.answer, err)
			}
		}
	}
	if len(c.entries) != 0 || len(c.flights) != 0 {
		t.Errorf("%d entries, %d flights", len(c.entries), len(c.flights))
	}
}

func TestCacheBounds(t *testing.T) {
	c := newCache(time.Now, maxOctets)
	put := func(name string, octets int) { c.put(question{1, name}, value{name, octets, time.Hour}) }
	for i := range maxEntries + 10 {
		put(fmt.Sprint(i), 10)
		if i == maxEntries-1 && c.find(question{1, "0"}) == nil { // Used, so forgotten last.
			t.Error("the first is gone too early")
		}
	}
	if len(c.entries) != maxEntries || c.used.Len() != maxEntries {
		t.Errorf("%d entries", len(c.entries))
	}
	if c.find(question{1, "0"}) == nil || c.find(question{1, "1"}) != nil || c.find(question{1, "10"}) != nil || c.find(question{1, "11"}) == nil {
		t.Error("not the ones that were used longest ago are forgotten")
	}
	for i := range 3000 {
		put(fmt.Sprint("big", i), maxEntryOctets)
		put("big0", maxEntryOctets) // Replacing counts once.
	}
	sum := 0
	for el := c.used.Front(); el != nil; el = el.Next() {
		sum += el.Value.(*entry).octets
	}
	if c.octets != sum || sum > maxOctets || len(c.entries) != c.used.Len() {
		t.Errorf("%d octets are counted, %d there; %d entries, %d in the list", c.octets, sum, len(c.entries), c.used.Len())
	}
	put("huge", maxEntryOctets+1)
	if c.find(question{1, "huge"}) != nil {
		t.Error("an answer above the limit is remembered")
	}
}

// TestSharedFlight: many callers, one question; one that leaves takes nobody along.
func TestSharedFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(time.Now, maxOctets)
		q := question{1, "example.org."}
		asked := 0
		release := make(chan struct{})
		ask := func(ctx context.Context) (value, error) {
			asked++
			select {
			case <-release:
				return value{"answer", 1, 0}, nil
			case <-ctx.Done():
				return value{}, ctx.Err()
			}
		}
		impatient, leave := context.WithCancel(t.Context())
		gone, stayed := make(chan error, 1), make(chan any, 10)
		go func() { // The first caller, whose context the flight must not depend on.
			_, err := c.get(impatient, q, ask)
			gone <- err
		}()
		synctest.Wait()
		for range 10 {
			go func() {
				v, _ := c.get(t.Context(), q, ask)
				stayed <- v.answer
			}()
		}
		synctest.Wait()
		leave()
		wantError(t, <-gone, context.Canceled)
		synctest.Wait()
		close(release)
		for range 10 {
			if v := <-stayed; v != "answer" {
				t.Errorf("got %v", v)
			}
		}
		if asked != 1 || len(c.flights) != 0 {
			t.Errorf("asked %d times, %d flights", asked, len(c.flights))
		}
	})
}

// TestAbandonedFlight: it is cancelled when the last caller leaves, and the next caller gets
// a flight of his own.
func TestAbandonedFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(time.Now, maxOctets)
		q := question{1, "example.org."}
		cancelled := false
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		_, err := c.get(ctx, q, func(ctx context.Context) (value, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // Takes its time to end.
			cancelled = true
			return value{}, ctx.Err()
		})
		wantError(t, err, context.DeadlineExceeded)
		v, err := c.get(t.Context(), q, func(context.Context) (value, error) { return value{"new", 1, time.Hour}, nil })
		if err != nil || v.answer != "new" {
			t.Errorf("got %v, %v", v.answer, err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !cancelled || len(c.flights) != 0 || c.find(q) == nil {
			t.Errorf("cancelled %t, %d flights", cancelled, len(c.flights))
		}
		_, err = c.get(ctx, question{1, "other."}, func(context.Context) (value, error) {
			t.Error("asked for a caller that has left")
			return value{}, nil
		})
		wantError(t, err, context.DeadlineExceeded)
	})
}

func TestPanicInFlight(t *testing.T) {
	c := newCache(time.Now, maxOctets)
	_, err := c.get(t.Context(), question{1, "example.org."}, func(context.Context) (value, error) { panic("\x00oops") })
	wantError(t, err, ErrBadAnswer)
	if len(c.flights) != 0 {
		t.Error("the flight is still there")
	}
}
