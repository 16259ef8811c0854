package dnsclient

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"
)

// The bounds of what is remembered. Of answers that cost more than maxEntryOctets there
// are few in honest DNS, and none is worth what it would push out.
const (
	maxEntries     = 20_000
	maxOctets      = 16 << 20
	maxApartOctets = 256 << 10
	maxEntryOctets = 16 << 10
	entryOverhead  = 400 // Of map, list and structures, roughly.
)

// A question is what answers are remembered and shared by. Its name is canonical.
type question struct {
	rtype uint16
	name  string
}

// A value is an answer, what it costs to keep it, and how long that is right.
type value struct {
	answer any
	octets int
	ttl    time.Duration
}

// A cache remembers answers, the ones not used for longest being forgotten first, and lets
// callers with equal questions share one flight.
type cache struct {
	now     func() time.Time
	limit   int // Octets of all entries.
	mu      sync.Mutex
	entries map[question]*list.Element // Of *entry.
	used    *list.List                 // The latest used in front.
	octets  int
	flights map[flightKey]*flight
}

// A flightKey is a question under way. One whose turn comes behind others (see Behind) is a flight of its own, so that nobody who
// goes first waits with it.
type flightKey struct {
	question
	behind bool
}

// An entry is a remembered answer.
type entry struct {
	question
	value
	octets  int // With all that keeping it costs.
	expires time.Time
}

// A flight is a question under way. Its fields beside waiting are final once done is closed.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int // Callers; guarded by the cache's mutex.
	value   value
	err     error
}

func newCache(now func() time.Time, limit int) *cache {
	return &cache{
		now:     now,
		limit:   limit,
		entries: map[question]*list.Element{},
		used:    list.New(),
		flights: map[flightKey]*flight{},
	}
}

// get gives the answer to q and how much longer it holds: from memory, or from the flight that is
// under way, or from ask, run in a flight of its own. The flight is not bound to ctx: a
// caller whose ctx ends returns at once, and the flight ends when the last has left.
func (c *cache) get(ctx context.Context, q question, ask func(context.Context) (value, error)) (value, error) {
	if err := ctx.Err(); err != nil {
		return value{}, err
	}
	c.mu.Lock()
	if e := c.find(q); e != nil {
		defer c.mu.Unlock()
		v := e.value
		v.ttl = e.expires.Sub(c.now())
		return v, nil
	}
	key := flightKey{q, false}
	f := c.flights[key]
	if f == nil && isBehind(ctx) {
		key.behind = true
		f = c.flights[key]
	}
	if f == nil {
		f = c.start(context.WithoutCancel(ctx), key, ask)
	}
	f.waiting++
	c.mu.Unlock()

	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		c.leave(key, f)
		return value{}, ctx.Err()
	}
}

// start begins a flight. The mutex is held.
func (c *cache) start(ctx context.Context, key flightKey, ask func(context.Context) (value, error)) *flight {
	ctx, cancel := context.WithCancel(ctx)
	f := &flight{done: make(chan struct{}), cancel: cancel}
	c.flights[key] = f
	go func() {
		defer cancel()
		f.value, f.err = guarded(ctx, ask)
		c.mu.Lock()
		if c.flights[key] == f {
			delete(c.flights, key)
		}
		if f.err == nil {
			c.put(key.question, f.value)
		}
		c.mu.Unlock()
		close(f.done)
	}()
	return f
}

// guarded makes an error of a panic, which in a goroutine of ours no caller could catch.
func guarded(ctx context.Context, ask func(context.Context) (value, error)) (v value, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = value{}, fmt.Errorf("%w: internal error: %q", ErrBadAnswer, fmt.Sprint(p))
		}
	}()
	return ask(ctx)
}

// leave takes one caller off a flight, and ends a flight that nobody waits for.
func (c *cache) leave(key flightKey, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiting--; f.waiting > 0 {
		return
	}
	f.cancel()
	if c.flights[key] == f {
		delete(c.flights, key) // The next caller must not join what is ending.
	}
}

// find gives the entry of q that still holds, or nil. The mutex is held.
func (c *cache) find(q question) *entry {
	el := c.entries[q]
	if el == nil {
		return nil
	}
	e := el.Value.(*entry)
	if !c.now().Before(e.expires) {
		c.drop(el)
		return nil
	}
	c.used.MoveToFront(el)
	return e
}

// put remembers an answer. The mutex is held.
func (c *cache) put(q question, v value) {
	if v.ttl <= 0 || v.octets > maxEntryOctets {
		return
	}
	if old := c.entries[q]; old != nil {
		c.drop(old)
	}
	e := &entry{q, v, v.octets + len(q.name) + entryOverhead, c.now().Add(v.ttl)}
	c.entries[q] = c.used.PushFront(e)
	c.octets += e.octets
	for len(c.entries) > maxEntries || c.octets > c.limit {
		c.drop(c.used.Back())
	}
}

// drop forgets an entry. The mutex is held.
func (c *cache) drop(el *list.Element) {
	e := c.used.Remove(el).(*entry)
	delete(c.entries, e.question)
	c.octets -= e.octets
}
