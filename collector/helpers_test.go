package collector

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

func TestMain(m *testing.M) {
	if role := benchRoles[os.Getenv(benchRole)]; role != nil {
		role()
		return
	}
	goleak.VerifyTestMain(m)
}

// A run is one run of a fake check.
type run struct {
	target, check string
	at            time.Time
}

// A journal keeps the runs of fake checks.
type journal struct {
	mu   sync.Mutex
	runs []run
}

func (j *journal) note(target, check string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.runs = append(j.runs, run{target, check, time.Now()})
}

func (j *journal) of(target, check string) (at []time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.runs {
		if r.target == target && r.check == check {
			at = append(at, r.at)
		}
	}
	return at
}

var (
	fakeUp    = &checks.Metric{Name: "fake_up", Help: "1 if it is there.", Labels: []string{"address"}}
	fakeState = &checks.Metric{Name: "fake_state", Help: "A fact about the world.", Labels: []string{"list"}, Global: true}
)

// fake returns a check that writes its runs down and then does what do says, if anything.
func (j *journal) fake(name string, do func(ctx context.Context, r *checks.Round) error) *checks.Check {
	return &checks.Check{Name: name, Metrics: []*checks.Metric{fakeUp, fakeState}, Run: func(ctx context.Context, r *checks.Round) error {
		j.note(r.Target.Name, name)
		if do == nil {
			r.Part("x", checks.HoldReplies).EmitBool(fakeUp, true, "192.0.2.1")
			return nil
		}
		return do(ctx, r)
	}}
}

// server is a server target whose checks run at these intervals: "smtp", 5*time.Minute, ...
func server(name string, every ...any) *targets.Target {
	host, _, _ := strings.Cut(name, ":")
	return &targets.Target{
		Name: name, Kind: targets.KindServer, Source: targets.SourceConfig, Every: intervals(every),
		Module: &targets.Module{Name: "server", Kind: targets.KindServer, Timeout: time.Minute},
		Server: &targets.Server{Host: host, Port: 25, ServerName: host, TLS: "starttls", Role: targets.RoleMX},
	}
}

func domain(name string, every ...any) *targets.Target {
	return &targets.Target{
		Name: name, Kind: targets.KindDomain, Source: targets.SourceConfig, Every: intervals(every),
		Module: &targets.Module{Name: "domain", Kind: targets.KindDomain, Timeout: time.Minute},
		Domain: &targets.Domain{FollowMX: targets.FollowAll},
	}
}

func intervals(every []any) map[string]time.Duration {
	out := map[string]time.Duration{}
	for i := 0; i < len(every); i += 2 {
		out[every[i].(string)] = every[i+1].(time.Duration)
	}
	return out
}

func config(ts ...*targets.Target) *targets.Config {
	return &targets.Config{HeloName: "probe.example.net", Targets: ts, Modules: map[string]*targets.Module{
		"server": {Name: "server", Kind: targets.KindServer, Checks: []string{"smtp"}, Every: map[string]time.Duration{"smtp": 5 * time.Minute}, Timeout: time.Minute},
	}}
}

// anyProblem stands for a catalogue that knows every problem but those called bug_.
func anyProblem(id string) (catalog.Problem, bool) {
	check, _, _ := strings.Cut(id, "_")
	return catalog.Problem{Advice: catalog.Advice{ID: id}, Check: check, Severity: catalog.SeverityWarning}, !strings.HasPrefix(id, "bug_")
}

func collectorOf(t testing.TB, cfg *targets.Config, list ...*checks.Check) *Collector {
	t.Helper()
	return loggedCollector(t, nil, cfg, list...)
}

func loggedCollector(t testing.TB, logger *slog.Logger, cfg *targets.Config, list ...*checks.Check) *Collector {
	t.Helper()
	c, err := newCollector(Options{Config: cfg, Logger: logger, Route: func(netip.Addr) error { return nil }}, list, anyProblem)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bubble runs a collector in a bubble of fake time and calls script in it; the collector
// ends with the script. begin is when its first round could begin.
func bubble(t *testing.T, make func() *Collector, script func(c *Collector, begin time.Time)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := make()
		ctx, cancel := context.WithCancel(t.Context())
		ended := goRun(c, ctx)
		begin := time.Now()
		synctest.Wait()
		script(c, begin)
		cancel()
		before := time.Now()
		<-ended
		if took := time.Since(before); took > 5*time.Second {
			t.Errorf("Run returned %v after its context ended", took)
		}
	})
}

func goRun(c *Collector, ctx context.Context) chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(ctx)
	}()
	return ended
}

// sleep lets fake time pass and everything settle.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// text is what a scrape gives of the families with these names, a line each, without the
// prefix and without the exporter's own.
func text(t testing.TB, c *Collector, names ...string) string {
	t.Helper()
	families, err := c.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, f := range families {
		for _, n := range names {
			if f.GetName() != namespace+n {
				continue
			}
			for _, m := range f.Metric {
				out.WriteString(n + labels(m) + " " + value(m) + "\n")
			}
		}
	}
	return out.String()
}

func labels(m *dto.Metric) string {
	var pairs []string
	for _, l := range m.Label {
		pairs = append(pairs, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

func value(m *dto.Metric) string {
	if m.Counter != nil {
		return fmt.Sprint(m.Counter.GetValue())
	}
	return fmt.Sprint(m.Gauge.GetValue())
}

func want(t testing.TB, got, want string) {
	t.Helper()
	if got = strings.TrimSpace(got); got != strings.TrimSpace(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// greeting is a session that got this far: a greeting with a code, 0 for none; after 220 the reply to EHLO, too.
func greeting(code int) *smtpclient.Session {
	s := &smtpclient.Session{BannerName: "mx.example.org", EHLOName: "mx.example.org"}
	step := smtpclient.Step{Stage: smtpclient.StageBanner}
	if code != 0 {
		step.Reply = &smtpclient.Reply{Code: code}
	} else {
		step.Failure = smtpclient.FailureTimeout
	}
	s.Steps = append(s.Steps, step)
	if code == 220 {
		s.Steps = append(s.Steps, smtpclient.Step{Stage: smtpclient.StageEHLO, Reply: &smtpclient.Reply{Code: 250}})
	}
	return s
}

func stateOf(c *Collector, name string) *state {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.states[name]
}
