package collector

import (
	"container/list"
	"context"
	"time"
)

// A pace says how long a server held its place the last time.
type pace uint8

const (
	paceNew   pace = iota // It has not been asked yet.
	paceQuick             // No longer than quick.
	paceSlow              // Longer: it is silent, or says a word a minute.
)

// quick is what a session takes at most that counts as quick.
const quick = 5 * time.Second

// paceOf is the pace of a session that took so long.
func paceOf(took time.Duration) pace {
	if took <= quick {
		return paceQuick
	}
	return paceSlow
}

// Places are those of all sessions together, limits.concurrency of them. Servers that were quick the last time go first, but
// for an eighth of the places. Those that are new or were slow hold at most three quarters of the places, the slow ones at most
// half; among them the next place goes to the domain that holds the fewest.
//
// So whatever is silent, and however much of it one domain leads to, waits for itself, and is asked all the same.
type places struct {
	limit, used int
	held        [paceSlow + 1]int
	owners      map[string]*owner // By name; those that hold places or wait for one.
	quick       list.List         // Of *placeWaiter: whoever came first goes first.
}

// An owner is a domain, or a server that belongs to none.
type owner struct {
	used    int
	waiting [paceSlow + 1]list.List // Of *placeWaiter.
}

type placeWaiter struct {
	waiter
	owner string
	pace  pace
}

// admit gives the places that are free to those who are next.
func (p *places) admit() {
	for p.used < p.limit {
		queue := p.next()
		if queue == nil {
			return
		}
		w := queue.Remove(queue.Front()).(*placeWaiter)
		p.used++
		p.held[w.pace]++
		p.owner(w.owner).used++
		close(w.open)
	}
}

// next is the queue whose first may go; nil: none may.
func (p *places) next() *list.List {
	others := p.held[paceNew] + p.held[paceSlow]
	if others < p.limit/8 {
		if queue := p.nextOther(); queue != nil {
			return queue
		}
	}
	if p.quick.Len() > 0 {
		return &p.quick
	}
	if others < max(1, p.limit*3/4) {
		return p.nextOther()
	}
	return nil
}

// nextOther is next among those that are new or were slow.
func (p *places) nextOther() (best *list.List) {
	used, since := 0, time.Time{}
	for _, o := range p.owners {
		for of := range o.waiting {
			front := o.waiting[of].Front()
			if front == nil || pace(of) == paceSlow && p.held[paceSlow] >= max(1, p.limit/2) {
				continue
			}
			at := front.Value.(*placeWaiter).since
			if best == nil || o.used < used || o.used == used && at.Before(since) {
				best, used, since = &o.waiting[of], o.used, at
			}
		}
	}
	return best
}

// owner returns the owner of a name.
func (p *places) owner(name string) *owner {
	o := p.owners[name]
	if o == nil {
		o = &owner{}
		p.owners[name] = o
	}
	return o
}

// wait puts one in its queue. cancel takes it out again.
func (p *places) wait(name string, of pace) (w *placeWaiter, cancel func()) {
	w = &placeWaiter{waiter{make(chan struct{}), time.Now()}, name, of}
	queue := &p.quick
	if of != paceQuick {
		queue = &p.owner(name).waiting[of]
	}
	e := queue.PushBack(w)
	return w, func() { queue.Remove(e) }
}

// leave gives a place back.
func (p *places) leave(w *placeWaiter) {
	p.used--
	p.held[w.pace]--
	p.owner(w.owner).used--
	p.forget(w.owner)
	p.admit()
}

// forget drops an owner that has and wants nothing.
func (p *places) forget(name string) {
	if o := p.owner(name); o.used == 0 && o.waiting[paceNew].Len() == 0 && o.waiting[paceSlow].Len() == 0 {
		delete(p.owners, name)
	}
}

// longest is how long the one has waited that has waited longest.
func (p *places) longest(now time.Time) (waited time.Duration) {
	look := func(queue *list.List) {
		if e := queue.Front(); e != nil {
			waited = max(waited, now.Sub(e.Value.(*placeWaiter).since))
		}
	}
	look(&p.quick)
	for _, o := range p.owners {
		look(&o.waiting[paceNew])
		look(&o.waiting[paceSlow])
	}
	return waited
}

// waiting is how many wait.
func (p *places) waiting() int {
	n := p.quick.Len()
	for _, o := range p.owners {
		n += o.waiting[paceNew].Len() + o.waiting[paceSlow].Len()
	}
	return n
}

// enter waits for a place. l.mu is held on entry and on return.
func (l *limits) enter(ctx context.Context, name string, of pace) (*placeWaiter, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, cancel := l.all.wait(name, of)
	l.all.admit()
	l.mu.Unlock()
	select {
	case <-w.open:
		l.mu.Lock()
		return w, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	select {
	case <-w.open: // Both at once: what was got is given back.
		l.all.leave(w)
	default:
		cancel()
		l.all.forget(name)
	}
	return nil, ctx.Err()
}
