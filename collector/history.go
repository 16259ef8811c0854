package collector

import (
	"slices"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

// pastRuns is how many runs of its checks are remembered of a target: a few hours of a server's. Ten thousand targets need 4 MB.
const pastRuns = 32

// A history is what came of a target's last runs, the oldest overwritten first. It is guarded by the state's mutex.
type history struct {
	runs [pastRuns]pastRun
	next int
}

// A pastRun is kept small, for there are many.
type pastRun struct {
	at    uint32 // Seconds since 1970; 0: none.
	check uint8  // Its place in the collector's list.
	how   uint8  // Its place in pastOutcomes.
}

// PastOutcomes are what a run can have come to: nothing wrong, a problem by its severity, or that nothing could be told.
var pastOutcomes = []string{"ok", string(catalog.SeverityInfo), string(catalog.SeverityWarning), string(catalog.SeverityCritical), "unknown"}

// A Past is one run of a check in the past.
type Past struct {
	At      time.Time
	Check   string
	Outcome string // "ok", "info", "warning", "critical" or "unknown".
}

// remember adds a run. s is what was known after it.
func (c *Collector) remember(st *state, check *checks.Check, now time.Time, s *Snapshot) {
	how := "ok"
	for _, known := range s.Checks {
		if known.Check == check && !known.Conclusive {
			how = "unknown"
		}
	}
	for _, p := range s.Problems {
		if p.Check == check.Name && p.Ignored == nil && how != "unknown" && slices.Index(pastOutcomes, string(p.Severity)) > slices.Index(pastOutcomes, how) {
			how = string(p.Severity)
		}
	}
	st.history.runs[st.history.next] = pastRun{uint32(now.Unix()), uint8(slices.Index(c.checks, check)), uint8(slices.Index(pastOutcomes, how))}
	st.history.next = (st.history.next + 1) % pastRuns
}

// History returns what came of a target's last runs, the newest first.
func (c *Collector) History(s *Snapshot) (out []Past) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	h := &s.state.history
	for i := range pastRuns {
		run := h.runs[(h.next+pastRuns-1-i)%pastRuns]
		if run.at != 0 {
			out = append(out, Past{time.Unix(int64(run.at), 0), c.checks[run.check].Name, pastOutcomes[run.how]})
		}
	}
	return out
}

// NextRun returns when a target's next round begins; the zero time if one is under way or none is planned.
func (c *Collector) NextRun(s *Snapshot) time.Time {
	c.scheduler.mu.Lock()
	defer c.scheduler.mu.Unlock()
	if s.state.running || s.state.index < 0 {
		return time.Time{}
	}
	return s.state.next
}

// Target returns what is known now of the target of a name; nil if there is none.
func (c *Collector) Target(name string) *Snapshot {
	c.mu.Lock()
	st := c.states[name]
	c.mu.Unlock()
	if st == nil {
		return nil
	}
	return c.snapshotOf(st)
}

// ProbeNow has every check of a target run that is not forbidden so soon: each at most once in its least interval. It does not wait.
// begun is false if it is too soon for all of them.
func (c *Collector) ProbeNow(s *Snapshot) (begun bool) {
	now := time.Now()
	ended, _ := c.scheduler.demand(s.state, now, func(p *plan, began time.Time) bool {
		return began.IsZero() || now.Sub(began) >= p.least || now.Before(began)
	}, noPlace)
	return ended != nil
}
