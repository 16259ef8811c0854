package collector

import (
	"cmp"
	"container/heap"
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

const (
	// day is what phases are spread over: every usual interval divides it.
	day = 24 * time.Hour
	// startsPerSecond is how many targets begin their first round in a second, or a
	// sixtieth of all, whichever is more, so that all have begun within a minute.
	startsPerSecond = 20
	// backlog is how long a question may wait for those before it while further targets begin their first round. More who
	// wait would get no answer sooner, but need memory: at 200 questions a second, thousands of domains are asked for minutes.
	backlog = 2 * time.Second
	// roundLimit guards against a round that never ends.
	roundLimit = 10 * time.Minute
	// punctual is the lateness that counts as in time.
	punctual = time.Second
)

// hash spreads names evenly and always in the same way (FNV-1a with its bits mixed
// once more, because similar names leave its upper bits alike).
func hash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// phase is a target's place in the day. All its checks share it, so that they fall into
// common rounds, and it stays the same over restarts.
func phase(target string) time.Duration {
	return time.Duration(hash(target) % uint64(day))
}

// gridPoint returns the first moment at or after t at which a check with this phase and
// interval is due: (unix time - phase) is a multiple of the interval.
func gridPoint(t time.Time, phase, every time.Duration) time.Time {
	past := (time.Duration(t.UnixNano()) - phase) % every
	if past < 0 {
		past += every
	}
	if past == 0 {
		return t.Round(0)
	}
	return t.Round(0).Add(every - past)
}

// nextDue returns when a check is due again that ran at t: at the first grid point that is
// not too soon after it. Where that would be late, since the least distance is a large part of the
// interval, the check comes nearer to its grid with each run, no later than patience allows. On the way it
// joins the last round in that time of the target's most frequent check, if there is one.
func nextDue(t time.Time, phase, every, least, frequent time.Duration) time.Time {
	soonest, latest := t.Round(0).Add(min(least, every)), t.Round(0).Add(every+patience(every))
	if due := gridPoint(soonest, phase, every); !due.After(latest) {
		return due
	}
	if due := gridPoint(latest.Add(1-frequent), phase, frequent); !due.Before(soonest) {
		return due
	}
	return latest
}

// patience is by how much the second run of a check may miss its interval: a tenth, and of short ones a fifth
// up to a minute.
func patience(every time.Duration) time.Duration {
	return max(every/10, min(every/5, time.Minute))
}

// A plan says when one check of a target is due.
type plan struct {
	check        *checks.Check
	every, least time.Duration
	due          time.Time
	again        bool      // Asked for at due; if that is missed, right after.
	began        time.Time // When its last run began; zero: it has not run.
	before       time.Time // began before the round under way.
}

// A timetable is the part of a target's state that the scheduler owns, guarded by its mutex.
type timetable struct {
	phase   time.Duration
	plans   []*plan
	next    time.Time // When the next round begins.
	index   int       // In the queue; -1 while a round is under way or where there is nothing to do.
	running bool
	gone    bool          // Removed: never scheduled again.
	idle    bool          // Probed on demand only.
	ended   chan struct{} // Closed when the round ends that is under way or was demanded; nil if nobody waits and none is.
	asking  int           // How many wait for that.
	place   func()        // Gives back the place of a round on demand; nil if it has none.
	given   bool          // The round was given up, because nobody waits for it any more.
	started time.Time     // When the round under way began.
	slot    time.Time     // Its place in the starting order, until a round begins; zero: none.
	cancel  context.CancelFunc
}

// A scheduler starts each target's rounds when they are due, never two of one target at
// once. Rounds are goroutines and not bounded in number; what is bounded is sessions
// (limits.go), so that a slow target delays no other. Only first rounds wait until DNS keeps up.
type scheduler struct {
	run     func(ctx context.Context, st *state, due []*plan, now time.Time)
	waiting func() time.Duration // How long a question to DNS waits for those before it.

	mu     sync.Mutex
	queue  queue
	starts time.Time   // When the next new target may begin.
	free   []time.Time // Places in the starting order before that, of targets that went; sorted.
	wake   chan struct{}
	rounds sync.WaitGroup
	late   atomic.Int64 // How late the last round began, in nanoseconds.
}

func newScheduler(run func(context.Context, *state, []*plan, time.Time), waiting func() time.Duration) *scheduler {
	return &scheduler{run: run, waiting: waiting, wake: make(chan struct{}, 1)}
}

// add schedules the first rounds of new targets, in their order, with all their checks but those that are due later, because they
// ran before the exporter was started anew. all is the number of targets there are.
func (s *scheduler) add(now time.Time, all int, sts ...*state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range sts {
		if len(st.plans) == 0 || st.gone {
			continue
		}
		var first time.Time
		st.next = time.Time{}
		for _, p := range st.plans {
			if !p.due.After(now) {
				if first.IsZero() {
					if st.slot.IsZero() {
						st.slot = s.slot(now, all)
					}
					first = maxTime(st.slot, now)
				}
				p.due = first
			}
			if st.next.IsZero() || p.due.Before(st.next) {
				st.next = p.due
			}
		}
		heap.Push(&s.queue, st)
	}
	s.nudge()
}

// slot returns when the next target may begin out of turn. s.mu is held.
func (s *scheduler) slot(now time.Time, all int) time.Time {
	for len(s.free) > 0 {
		at := s.free[0]
		if s.free = s.free[1:]; !at.Before(now) {
			return at
		}
	}
	if s.starts.Before(now) {
		s.starts = now.Round(0)
	}
	at := s.starts
	s.starts = at.Add(time.Second / time.Duration(max(startsPerSecond, (all+59)/60)))
	return at
}

// inherit gives a target the place in the starting order of the one whose settings were changed into its own, so that a reload
// puts nobody back.
func (s *scheduler) inherit(st, old *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.slot, old.slot = old.slot, time.Time{}
}

// again makes a check due on the targets that run it, in their order and as spread out as first rounds are.
func (s *scheduler) again(now time.Time, check string, all int, sts ...*state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range sts {
		i := slices.IndexFunc(st.plans, func(p *plan) bool { return p.check.Name == check })
		if i < 0 || st.gone {
			continue
		}
		p, at := st.plans[i], s.slot(now, all)
		p.due, p.again = minTime(p.due, at), true
		if st.index >= 0 && at.Before(st.next) {
			st.next = at
			heap.Fix(&s.queue, st.index)
		}
	}
	s.nudge()
}

// noPlace is the place of a round that is not one of many that anybody may have begun.
func noPlace() {}

// demand makes those checks of a target due at once that are stale, and returns what is closed when a round has ended
// that may have run them: the one under way, after which they are to be asked for again, or the next. A check's age counts
// from when it last began, in a round under way from when it last ended. A round begins only with a place, which demand takes
// over: without one it returns nil and true where one is needed, nil and false where nothing is stale. Who is given a channel
// calls leave.
func (s *scheduler) demand(st *state, now time.Time, stale func(p *plan, began time.Time) bool, place func()) (ended <-chan struct{}, needed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if place != nil {
			place() // It was not needed.
		}
	}()
	wanted := func(p *plan) bool { return stale(p, p.began) }
	if st.running {
		wanted = func(p *plan) bool { return stale(p, time.Time{}) }
	}
	if st.gone || !slices.ContainsFunc(st.plans, wanted) {
		return nil, false
	}
	if !st.running && st.ended == nil && place == nil {
		return nil, true
	}
	if st.ended == nil {
		st.ended = make(chan struct{})
	}
	st.asking++
	if st.running {
		return st.ended, true
	}
	if st.place == nil {
		st.place, place = place, nil
	}
	for _, p := range st.plans {
		switch {
		case wanted(p):
			p.due, p.again = minTime(p.due, now), true
		case st.idle:
			p.due = now.Add(day) // Until it is stale.
		}
	}
	if st.index < 0 {
		st.next = now
		heap.Push(&s.queue, st)
	} else if now.Before(st.next) {
		st.next = now
		heap.Fix(&s.queue, st.index)
	}
	s.nudge()
	return st.ended, true
}

// leave takes one off those who wait for a round. If nobody is left and the round is for nobody else (alone), it is given up:
// what it has not answered yet counts as not asked.
func (s *scheduler) leave(st *state, ended <-chan struct{}, alone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.ended == nil || st.ended != ended {
		return // It has ended.
	}
	if st.asking--; st.asking > 0 || !alone {
		return
	}
	if st.running {
		st.given = true
		st.cancel()
		return
	}
	if st.index >= 0 {
		heap.Remove(&s.queue, st.index)
	}
	s.release(st)
}

// release lets those go on who wait for a round, and gives its place back. s.mu is held.
func (s *scheduler) release(st *state) {
	if st.ended != nil {
		close(st.ended)
	}
	if st.place != nil {
		st.place()
	}
	st.ended, st.asking, st.place = nil, 0, nil
}

// remove ends the rounds of a target. One under way is cut off.
func (s *scheduler) remove(st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.gone = true
	if st.slot.After(time.Now()) {
		i, _ := slices.BinarySearchFunc(s.free, st.slot, time.Time.Compare)
		s.free = slices.Insert(s.free, i, st.slot)
	}
	st.slot = time.Time{}
	if !st.running {
		s.release(st) // It never begins.
	}
	if st.index >= 0 {
		heap.Remove(&s.queue, st.index)
	}
	if st.cancel != nil {
		st.cancel()
	}
}

// loop starts rounds until ctx ends.
func (s *scheduler) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	last := time.Now()
	for ctx.Err() == nil {
		last = s.followClock(last)
		timer.Reset(s.startDue(ctx))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-s.wake:
		}
	}
}

// followClock moves all appointments when the clock was set or the machine slept, so that neither
// silence nor a stampede follows. Rounds fall back onto the grid one by one.
func (s *scheduler) followClock(last time.Time) (now time.Time) {
	now = time.Now()
	step := now.Round(0).Sub(last.Round(0)) - now.Sub(last) // Wall clock less monotonic clock.
	if step.Abs() > time.Minute {
		s.shift(step)
	}
	return now
}

// shift moves all appointments.
func (s *scheduler) shift(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starts = s.starts.Add(by)
	for i := range s.free {
		s.free[i] = s.free[i].Add(by)
	}
	for _, st := range s.queue {
		st.next = st.next.Add(by)
		if !st.slot.IsZero() {
			st.slot = st.slot.Add(by)
		}
		for _, p := range st.plans {
			p.due = p.due.Add(by)
		}
	}
}

// startDue starts the rounds that are due and returns how long there is nothing to do.
func (s *scheduler) startDue(ctx context.Context) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.queue.Len() > 0 {
		st, now := s.queue[0], time.Now()
		if wait := st.next.Sub(now); wait > 0 {
			return min(wait, time.Minute)
		}
		if st.begins(now) && s.waiting() > backlog {
			st.next = st.next.Add(time.Second)
			heap.Fix(&s.queue, 0)
			continue
		}
		heap.Pop(&s.queue)
		s.late.Store(int64(now.Sub(st.next)))
		s.start(ctx, st, now)
	}
	return time.Minute
}

// begins tells whether all that is due of a target is due for the first time, and nobody waits for it.
func (st *state) begins(now time.Time) bool {
	return st.ended == nil && !slices.ContainsFunc(st.plans, func(p *plan) bool { return !p.due.After(now) && !p.began.IsZero() })
}

// start begins a target's round with the checks that are due. s.mu is held.
func (s *scheduler) start(ctx context.Context, st *state, now time.Time) {
	var due []*plan
	frequent := mostFrequent(st.plans)
	for _, p := range st.plans {
		if p.due.After(now) {
			continue
		}
		due = append(due, p)
		// A timer is never quite in time: the distance to the next grid point is counted from the moment meant.
		ran := now
		if now.Sub(st.next) < punctual {
			ran = st.next
		}
		p.due, p.again, p.before, p.began = nextDue(ran, st.phase, p.every, p.least, frequent), false, p.began, now
	}
	st.started, st.given, st.slot = now, false, time.Time{}
	ctx, st.cancel = context.WithCancel(ctx)
	st.running = true
	s.rounds.Go(func() {
		defer s.ended(st)
		s.run(ctx, st, due, now)
	})
}

// mostFrequent is the least interval of all plans.
func mostFrequent(plans []*plan) time.Duration {
	return slices.MinFunc(plans, func(a, b *plan) int { return cmp.Compare(a.every, b.every) }).every
}

// ended schedules the round after the one that ended. Grid points that passed meanwhile
// are missed; a check that was due at one of them runs in the next round.
func (s *scheduler) ended(st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.cancel()
	st.cancel, st.running = nil, false
	s.release(st)
	if st.given {
		for _, p := range st.plans {
			if p.began.Equal(st.started) {
				p.began = p.before // What has ended is known by its result.
			}
		}
	}
	if st.gone || st.idle {
		return
	}
	now := time.Now()
	st.next = time.Time{}
	for _, p := range st.plans {
		at := p.due
		if p.again {
			at = maxTime(at, now)
		} else if !at.After(now) || at.Sub(now) > 2*p.every+p.least { // Missed, or the clock was set back.
			at = gridPoint(now, st.phase, p.every)
			p.due = minTime(p.due, at)
		}
		if st.next.IsZero() || at.Before(st.next) {
			st.next = at
		}
	}
	heap.Push(&s.queue, st)
	s.nudge()
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func maxTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// nudge makes the loop look at the queue again.
func (s *scheduler) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// A queue is a heap of the targets that wait for their next round, the earliest first.
type queue []*state

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].next.Before(q[j].next) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	st := x.(*state)
	st.index = len(*q)
	*q = append(*q, st)
}

func (q *queue) Pop() any {
	old := *q
	st := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	st.index = -1
	return st
}
