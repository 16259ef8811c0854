package main

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// outcomes are how a target can stand, the worst first.
var outcomes = []string{string(catalog.SeverityCritical), string(catalog.SeverityWarning), "unknown", string(catalog.SeverityInfo), "ok", "none"}

// outcomeOf is how a target stands: its worst problem that nobody accepts; otherwise unknown if nothing could be told or the server does not let us in, "none" if nothing
// has been asked yet, and "ok".
func outcomeOf(s *collector.Snapshot) (outcome string, worst *collector.Problem, problems int) {
	for i := range s.Problems {
		p := &s.Problems[i]
		if p.Ignored != nil {
			continue
		}
		problems++
		if worst == nil || gravity(p.Severity) < gravity(worst.Severity) {
			worst = p
		}
	}
	if worst != nil {
		return string(worst.Severity), worst, problems
	}
	asked, told := false, false
	for _, c := range s.Checks {
		asked = asked || !c.LastRun.IsZero()
		told = told || c.Conclusive
	}
	switch {
	case !asked:
		return "none", nil, 0
	case !told, s.RefusedUs():
		return "unknown", nil, 0
	}
	return "ok", nil, 0
}

type statusRow struct {
	State              state
	Name, Kind         string
	Foreign            bool
	Problem, ProblemID string
	More               int // Problems beside the worst.
	Last, Next, Text   string
	rank               int
}

type choice struct {
	Value, Word string
	Selected    bool
}

type count struct {
	Outcome, Word string
	Number        int
}

type statusPage struct {
	frame
	Q             string
	Kinds, States []choice
	Counts        []count
	Rows          []statusRow
	Hidden        int
}

// HiddenSays says how many targets are not shown.
func (s statusPage) HiddenSays() string { return fmt.Sprintf(pageWords["hidden"].In(s.Lang), s.Hidden) }

const (
	// maxRows is how many targets are shown; more are found by the filter.
	maxRows = 500
	// refreshEvery is how often the status page looks again, in seconds.
	refreshEvery = 30
)

// status shows all targets, the worst first.
func (p *pages) status(w http.ResponseWriter, r *http.Request) {
	f := p.frame(w, r)
	f.Title, f.Refresh = pageWords["targets"].In(f.Lang), refreshEvery
	query := r.URL.Query()
	data := statusPage{frame: f, Q: clip(query.Get("q"), 200)}
	kind, wanted, words := query.Get("kind"), query.Get("state"), strings.ToLower(strings.TrimSpace(data.Q))
	numbers := map[string]int{}
	for _, s := range p.collector.Snapshots() {
		row, outcome := p.row(f, s)
		numbers[outcome]++
		if kind != "" && kind != string(s.Target.Kind) || wanted != "" && wanted != outcome || !strings.Contains(row.Text, words) {
			continue
		}
		data.Rows = append(data.Rows, row)
	}
	slices.SortStableFunc(data.Rows, func(a, b statusRow) int { return cmp.Compare(a.rank, b.rank) })
	if data.Hidden = max(0, len(data.Rows)-maxRows); data.Hidden > 0 {
		data.Rows = data.Rows[:maxRows]
	}
	for _, o := range outcomes {
		data.States = append(data.States, choice{o, pageStates[o].In(f.Lang), o == wanted})
		if numbers[o] > 0 {
			data.Counts = append(data.Counts, count{o, pageStates[o].In(f.Lang), numbers[o]})
		}
	}
	for _, k := range []targets.Kind{targets.KindDomain, targets.KindServer, targets.KindSender, targets.KindVantage} {
		data.Kinds = append(data.Kinds, choice{string(k), pageKinds[k].In(f.Lang), string(k) == kind})
	}
	p.show(w, http.StatusOK, "status.html", data)
}

func (p *pages) row(f frame, s *collector.Snapshot) (row statusRow, outcome string) {
	outcome, worst, problems := outcomeOf(s)
	row = statusRow{
		State: f.stateOf(outcome), Name: s.Target.Name, Kind: pageKinds[s.Target.Kind].In(f.Lang), Foreign: s.Target.Foreign,
		Last: f.ago(lastRun(s)), Next: p.nextRun(f, s), rank: slices.Index(outcomes, outcome),
	}
	if worst != nil {
		row.ProblemID, row.More = worst.ID, problems-1
		row.Problem = worst.ID
		if problem, ok := catalog.ProblemByID(worst.ID); ok {
			row.Problem = plain(problem.Title.In(f.Lang))
		}
	}
	row.Text = strings.ToLower(strings.Join([]string{readable(row.Name), row.Kind, row.State.Word, row.Problem, row.ProblemID}, " "))
	return row, outcome
}

// nextRun says when a target is asked again.
func (p *pages) nextRun(f frame, s *collector.Snapshot) string {
	next := p.collector.NextRun(s)
	if next.IsZero() || next.Before(f.Now) {
		return pageWords["now"].In(f.Lang)
	}
	return f.ago(next)
}
