package collector

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestHolding looks at what is known after runs five minutes apart, sentence by sentence of
// what is promised about holding. A run is written as words: "a=1" is a verdict on a, "a?" unknown, "a!" unknown and
// what was known is withdrawn, "a-" left out, "+" that the list was not complete, "error" that the run failed, "" that
// it saw nothing, "." that no run took place. The hold is three intervals; with an upper case
// key it is that of records.
func TestHolding(t *testing.T) {
	for _, c := range []struct{ name, runs, known string }{
		{"a verdict", "a=1", "a=1"},
		{"news replace it", "a=1; a=2", "a=2"},
		{"each thing is replaced by itself", "a=1 b=1; a=2 b?", "a=2 b=1 held"},
		{"unknown keeps it", "a=1; a?", "a=1 held"},
		{"two intervals later", "a=1; a?; a?", "a=1 held"},
		{"three intervals later it goes", "a=1; a?; a?; a?", ""},
		{"three intervals after the verdict, not after the first failure", "a=1; a=2; a?; a?", "a=2 held"},
		{"a failed run keeps everything", "a=1 b=2; error", "a=1 held b=2 held"},
		{"and it goes in time", "a=1 b=2; error; error; error", ""},
		{"the hold ends without a run", "a=1; a?; .; .", ""},
		{"not before", "a=1; a?; .", "a=1 held"},
		{"without an inconclusive run it does not end", "a=1; .; .; .; .", "a=1"},
		{"records are held for a day", "A=1; A?; " + strings.Repeat(".; ", 285) + "A?", "A=1 held"},
		{"and no longer", "A=1; A?; " + strings.Repeat(".; ", 286) + ".", ""},
		{"withdrawn at once", "a=1; a!", ""},
		{"what is not mentioned goes", "a=1 b=1; a=1", "a=1"},
		{"an empty run takes all", "a=1 b=1; ", ""},
		{"an incomplete list keeps what it does not mention", "a=1 b=1; a=2 +", "a=2 b=1 held"},
		{"as long as unknown would", "a=1 b=1; a=2 +; a=2 +; a=2 +", "a=2"},
		{"left out keeps it", "a=1; a-", "a=1"},
		{"without limit", "a=1; a-; a-; a-; a-; a-; .", "a=1"},
		{"even when it was held before", "a=1; a?; a-; .; .; .", "a=1"},
		{"a hold that has ended does not begin anew", "a=1; a?; .; .; a-", ""},
		{"until the next run ends: it fails", "a=1; a-; a-; a-; a?", ""},
		{"until the next run ends: a verdict", "a=1; a-; a=0", "a=0"},
		{"left out before anything is known", "a-", ""},
		{"unknown before anything is known", "a?", ""},
		{"what is gone does not come back", "a=1; a!; a?; a-", ""},
		{"unknown then known", "a?; a=1", "a=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			begin := time.Unix(1_800_000_000, 0)
			now := begin
			st := &state{name: "x.example.org:25", pair: newPair(labelPair{"target", "x.example.org:25"}), target: server("x.example.org:25")}
			check := &checks.Check{Name: "smtp", Metrics: []*checks.Metric{fakeUp}}
			b := &builder{cfg: config(), problem: anyProblem, expo: newExposition([]*checks.Check{check}, func(s string) { t.Error(s) }), bug: func(s string) { t.Error(s) }}
			known := CheckState{Check: check, Every: 5 * time.Minute}
			for i, text := range strings.Split(c.runs, "; ") {
				now = begin.Add(time.Duration(i) * known.Every)
				if text == "." {
					continue
				}
				result, err := resultOf(text)
				known = known.after(now, result, err, b.expo.renderer(st).part)
			}
			snapshot := b.build(st, []CheckState{known}, now)
			var got []string
			for _, p := range snapshot.Checks[0].Parts {
				if p.Reached.IsZero() {
					if p.block != nil || len(p.Findings) > 0 {
						t.Errorf("%s: without a verdict there are still series or findings", p.Key)
					}
					continue
				}
				s := fmt.Sprintf("%s=%v", p.Key, p.block.series[0].value)
				if p.Unknown != nil {
					s += " held"
				}
				got = append(got, s)
				if len(p.Findings) != 1 || p.Findings[0].Evidence.EN != s[:3] {
					t.Errorf("%s: findings %v", p.Key, p.Findings)
				}
			}
			want(t, strings.Join(got, " "), c.known)
		})
	}
}

// resultOf makes a run's result of its words.
func resultOf(text string) (*checks.Result, error) {
	r := &checks.Round{}
	for w := range strings.FieldsSeq(text) {
		hold := checks.HoldReplies
		if w < "a" && w != "+" {
			hold = checks.HoldRecords
		}
		switch {
		case w == "error":
			// What was seen before the error does not count.
			r.Part("a", hold).Emit(fakeUp, 7, "192.0.2.1")
			return &r.Result, errors.New("nothing could be told")
		case w == "+":
			r.Result.KeepOthers = true
		case w[1] == '=':
			p := r.Part(w[:1], hold)
			p.Emit(fakeUp, float64(w[2]-'0'), "192.0.2.1")
			p.Find("smtp_refused", "", catalog.Text{EN: w, RU: w})
		case w[1] == '-':
			r.Part(w[:1], hold).LeftOut = true
		default:
			p := r.Part(w[:1], hold)
			p.Unknown = errors.New("could not be told")
			p.Withdraw = w[1] == '!'
			p.Emit(fakeUp, 8, "192.0.2.1") // Does not count.
			p.Find("smtp_silent", "", catalog.Text{EN: "does not count", RU: "does not count"})
		}
	}
	return &r.Result, nil
}

// TestOutcome looks at how runs are counted and what check_* says after them.
func TestOutcome(t *testing.T) {
	for _, c := range []struct {
		run         string
		want        outcome
		runAt       int // Which of the two runs is the last, and the last conclusive.
		conclusive  int
		isConcluded bool
	}{
		{"a=1", conclusive, 2, 2, true},
		{"a=1 b?", conclusive, 2, 2, true},
		{"a=1 b-", conclusive, 2, 2, true},
		{"a?", inconclusive, 2, 1, false},
		{"a! b?", inconclusive, 2, 1, false},
		{"a? b-", inconclusive, 2, 1, false},
		{"error", inconclusive, 2, 1, false},
		{"a-", skipped, 1, 1, true},
		{"a- b-", skipped, 1, 1, true},
	} {
		result, err := resultOf(c.run)
		if got := outcomeOf(result, err); got != c.want {
			t.Errorf("%q: %s, want %s", c.run, got, c.want)
		}
		render := func(*checks.Part) *block { return &block{} }
		at := func(run int) time.Time { return time.Unix(int64(run), 0) }
		first, _ := resultOf("a=1")
		known := CheckState{Every: time.Minute}.after(at(1), first, nil, render).after(at(2), result, err, render)
		if !known.LastRun.Equal(at(c.runAt)) || !known.LastConclusive.Equal(at(c.conclusive)) || known.Conclusive != c.isConcluded || (known.Err != nil) != (err != nil) {
			t.Errorf("%q: last run %v, last conclusive %v, conclusive %v", c.run, known.LastRun.Unix(), known.LastConclusive.Unix(), known.Conclusive)
		}
	}
	// Where there is nothing to ask there is no verdict, and what was asked about earlier is gone.
	if got := outcomeOf(&checks.Result{}, nil); got != skipped {
		t.Errorf("nothing to ask: %s", got)
	}
	first, _ := resultOf("a=1")
	gone := CheckState{Every: time.Minute}.after(time.Unix(1, 0), first, nil, func(*checks.Part) *block { return &block{} }).after(time.Unix(2, 0), &checks.Result{}, nil, nil)
	if !gone.LastRun.IsZero() || !gone.LastConclusive.IsZero() || gone.Conclusive || len(gone.Parts) > 0 || gone.Every != time.Minute {
		t.Errorf("nothing to ask any more: %+v", gone)
	}
	if got := outcomeOf(&checks.Result{KeepOthers: true}, nil); got != inconclusive {
		t.Errorf("whether there is anything to ask is not known: %s", got)
	}
	never := CheckState{}.after(time.Unix(1, 0), &checks.Result{}, errors.New("no"), nil)
	if !never.LastConclusive.IsZero() || never.LastRun.IsZero() {
		t.Errorf("a first run that failed: %+v", never)
	}
}

// TestProblems looks at how findings become problems.
func TestProblems(t *testing.T) {
	var bugs []string
	for _, c := range []struct {
		name     string
		target   func(*targets.Target)
		findings []checks.Finding
		want     string
	}{
		{"the catalogue's severity", nil, []checks.Finding{{Problem: "smtp_refused"}}, "smtp_refused warning"},
		{"the check's", nil, []checks.Finding{{Problem: "smtp_refused", Severity: catalog.SeverityCritical}}, "smtp_refused critical"},
		{"one for all things, the gravest", nil, []checks.Finding{
			{Problem: "dnsbl_listed", Severity: catalog.SeverityInfo, Evidence: catalog.Text{EN: "list a", RU: "list a"}},
			{Problem: "dnsbl_listed", Severity: catalog.SeverityCritical, Evidence: catalog.Text{EN: "list b", RU: "list b"}},
			{Problem: "dnsbl_listed", Severity: catalog.SeverityWarning},
		}, "dnsbl_listed critical (list a, list b)"},
		{"of somebody else's server", func(t *targets.Target) { t.Foreign = true }, []checks.Finding{{Problem: "smtp_refused", Severity: catalog.SeverityCritical}}, "smtp_refused info"},
		{"DANE of our domain on it", func(t *targets.Target) { t.Foreign = true }, []checks.Finding{{Problem: "dane_mismatch", Severity: catalog.SeverityCritical}}, "dane_mismatch critical"},
		{"our own domain is never foreign", func(t *targets.Target) { t.Foreign, t.Kind = true, targets.KindDomain }, []checks.Finding{{Problem: "mx_missing"}}, "mx_missing warning"},
		{"not in the catalogue", nil, []checks.Finding{{Problem: "bug_unknown"}, {Problem: "smtp_refused"}}, "smtp_refused warning"},
	} {
		b := &builder{cfg: config(), problem: anyProblem, expo: newExposition(nil, func(s string) {}), bug: func(s string) { bugs = append(bugs, s) }}
		st := &state{name: "x", pair: newPair(labelPair{"target", "x"}), target: server("x.example.org:25")}
		if c.target != nil {
			c.target(st.target)
		}
		var parts []*PartState
		for _, f := range c.findings {
			parts = append(parts, &PartState{Key: f.Evidence.EN, Findings: []checks.Finding{f}})
		}
		s := b.build(st, []CheckState{{Check: &checks.Check{Name: "smtp"}, Parts: parts}}, time.Now())
		var got []string
		for _, p := range s.Problems {
			line := p.ID + " " + string(p.Severity)
			if len(p.Evidence) > 0 {
				line += " (" + english(p.Evidence, ", ") + ")"
			}
			got = append(got, line)
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if len(bugs) != 1 || !strings.Contains(bugs[0], "bug_unknown") {
		t.Errorf("told as bugs: %q", bugs)
	}
}

// english joins texts.
func english(texts []catalog.Text, separator string) string {
	var out []string
	for _, t := range texts {
		out = append(out, t.EN)
	}
	return strings.Join(out, separator)
}

// TestKeptText: what is the same in both languages takes memory once.
func TestKeptText(t *testing.T) {
	long := strings.Repeat("a reply of a server ", 1000)
	same := ofTarget("mx.example.org:25", catalog.Text{EN: long[:20], RU: long[:20]})
	if want := "mx.example.org:25: " + long[:20]; same.EN != want || same.RU != want {
		t.Errorf("got %q", same)
	}
	for _, kept := range []catalog.Text{same, keptText(catalog.Text{EN: long[:20], RU: long[20:40]})} {
		if unsafe.StringData(kept.EN) != unsafe.StringData(kept.RU) || unsafe.StringData(kept.EN) == unsafe.StringData(long) {
			t.Errorf("%q is there twice, or with all that it was cut from", kept)
		}
	}
	if kept := keptText(catalog.Text{EN: "yes", RU: "да"}); kept != (catalog.Text{EN: "yes", RU: "да"}) {
		t.Errorf("got %q", kept)
	}
}
