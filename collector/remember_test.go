package collector

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

// TestDueAfter: a run that began a little after its moment was in time, so that the next one is not left out.
func TestDueAfter(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ ran, want time.Duration }{
		{0, 24 * time.Hour}, {3 * time.Millisecond, 24 * time.Hour}, {2 * time.Second, 2*time.Second + 24*time.Hour + patience(24*time.Hour)}, {-time.Hour, 24 * time.Hour},
	} {
		p := &plan{every: 24 * time.Hour, least: 24 * time.Hour}
		st := &state{timetable: timetable{phase: 12 * time.Hour, plans: []*plan{p}}}
		if got := dueAfter(noon.Add(c.ran), st, p).Sub(noon); got != c.want {
			t.Errorf("%v after noon: due after %v, want %v", c.ran, got, c.want)
		}
	}
}

// unpacked is the text of the file.
func unpacked(t testing.TB, c *Collector) string {
	t.Helper()
	file, err := c.store.dir.Read()
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestClocks: what was known is worth less as time passes, and a clock that was wrong holds nothing for ever.
func TestClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		left := j.fake("recipient", func(_ context.Context, r *checks.Round) error {
			if p := r.Part("left out", checks.HoldReplies); len(j.of(r.Target.Name, "recipient")) == 1 {
				p.EmitBool(fakeUp, true, "192.0.2.9")
			} else {
				p.LeftOut = true
			}
			return nil
		})
		list := []*checks.Check{j.fakes()[0], left}
		cfg := config(server("mx.example.org:25", "smtp", time.Hour, "recipient", time.Hour))
		first := keeping(t, t.TempDir(), nil, cfg, list...)
		runFor(t, first, 12*time.Hour)
		addr := netip.MustParseAddr("192.0.2.1")
		stateOf(first, "mx.example.org:25").door.heard(addr, greeting(554), time.Hour, nil)
		first.saveLast(time.Now())
		file, err := first.store.dir.Read()
		if err != nil {
			t.Fatal(err)
		}
		const smtp, leftOut = `fake_up{address="192.0.2.1",target="mx.example.org:25"} 1` + "\n", `fake_up{address="192.0.2.9",target="mx.example.org:25"} 1` + "\n"
		for _, step := range []struct {
			passed time.Duration
			known  string
		}{
			{0, smtp + leftOut},
			{119 * time.Minute, smtp + leftOut},
			{179 * time.Minute, leftOut}, // The last run was up to an hour before the file was written; what was left out counts from then.
			{181 * time.Minute, ""},
			{1000 * time.Hour, ""},
			{-time.Minute, smtp + leftOut},
			{-1000 * time.Hour, smtp + leftOut},
		} {
			c := collectorOf(t, cfg, list...)
			c.store = first.store
			st := stateOf(c, "mx.example.org:25")
			st.identity = st.target.Identity()
			now := time.Now().Add(step.passed)
			if _, err := restoreFrom(c, file, now); err != nil {
				t.Fatal(err)
			}
			want(t, text(t, c, "fake_up"), step.known)
			for _, known := range st.snapshot.Load().Checks {
				if known.LastRun.After(now) || known.LastConclusive.After(now) {
					t.Errorf("%v later, %s ran at %v", step.passed, known.Check.Name, known.LastRun)
				}
				for _, p := range known.Parts {
					if p.Reached.After(now) {
						t.Errorf("%v later, a verdict was reached at %v", step.passed, p.Reached)
					}
				}
			}
			for _, p := range st.plans {
				if p.due.Sub(now) > p.every+p.least {
					t.Errorf("%v later, %s is due in %v", step.passed, p.check.Name, p.due.Sub(now))
				}
			}
			if until, _ := st.door.leftAlone(addr, now); until.Sub(now) > maxBackoff {
				t.Errorf("%v later, an address is left alone for %v", step.passed, until.Sub(now))
			}
		}
	})
}

// TestUpgrade: what this version does not know is left out, and costs nothing else.
func TestUpgrade(t *testing.T) {
	for name, c := range map[string]struct{ was, is, want string }{
		"a metric":        {`"m":"fake_state"`, `"m":"other"`, `fake_up{address="192.0.2.1",target="mx.example.org:25"} 1 problem smtp_slow`},
		"a label more":    {`"l":["mx.example.org:25"]`, `"l":["mx.example.org:25","x"]`, `fake_up{address="192.0.2.1",target="mx.example.org:25"} 1 problem smtp_slow`},
		"a label less":    {`"l":["192.0.2.1"]`, `"l":[]`, `fake_state{list="mx.example.org:25"} 1.5 problem smtp_slow`},
		"a problem":       {`"problem":"smtp_slow"`, `"problem":"bug_slow"`, `fake_state{list="mx.example.org:25"} 1.5 fake_up{address="192.0.2.1",target="mx.example.org:25"} 1`},
		"a severity":      {`"severity":"critical"`, `"severity":"grave"`, `fake_state{list="mx.example.org:25"} 1.5 fake_up{address="192.0.2.1",target="mx.example.org:25"} 1`},
		"a hold":          {`"key":"192.0.2.1"`, `"key":"192.0.2.1","hold":7`, ""},
		"a check":         {`"name":"smtp"`, `"name":"other"`, ""},
		"a configuration": {`"identity":"`, `"identity":"0`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			j := &journal{}
			cfg := config(server("mx.example.org:25", "smtp", time.Hour))
			first := keeping(t, t.TempDir(), nil, cfg, j.fakes()...)
			st := stateOf(first, "mx.example.org:25")
			first.round(t.Context(), st, st.plans, time.Now())
			first.saveLast(time.Now())
			file := unpacked(t, first)
			if !strings.Contains(file, c.was) {
				t.Fatalf("%s is not in %s", c.was, file)
			}
			second := collectorOf(t, cfg, j.fakes()...)
			stateOf(second, "mx.example.org:25").identity = st.identity
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			_, _ = io.WriteString(w, strings.ReplaceAll(file, c.was, c.is))
			_ = w.Close()
			if _, err := restoreFrom(second, packed.Bytes(), time.Now()); err != nil {
				t.Fatal(err)
			}
			got := strings.Join(strings.Fields(text(t, second, "fake_up", "fake_state")), " ")
			for _, p := range second.Snapshots()[0].Problems {
				got += " problem " + p.ID
			}
			want(t, got, c.want)
			want(t, text(t, second, "series_dropped_total"), "series_dropped_total{} 0")
		})
	}
}

// TestTwice: what stands twice in a file is taken once, and no series is dropped for it.
func TestTwice(t *testing.T) {
	for name, double := range map[string]func(string) string{
		"a line": func(file string) string {
			for l := range strings.Lines(file) {
				if strings.HasPrefix(l, `{"target":`) {
					file += l
				}
			}
			return file
		},
		"a part": func(file string) string {
			return regexp.MustCompile(`(\{"key":"192\.0\.2\.1".*\},)(\{"key":"192\.0\.2\.2")`).ReplaceAllString(file, "$1$1$2")
		},
	} {
		j := &journal{}
		cfg := config(server("mx.example.org:25", "smtp", time.Hour))
		first := keeping(t, t.TempDir(), nil, cfg, j.fakes()...)
		st := stateOf(first, "mx.example.org:25")
		first.round(t.Context(), st, st.plans, time.Now())
		first.saveLast(time.Now())
		once := unpacked(t, first)
		file := double(once)
		if len(file) == len(once) {
			t.Fatalf("%s: nothing is doubled in %s", name, file)
		}
		second := collectorOf(t, cfg, j.fakes()...)
		stateOf(second, "mx.example.org:25").identity = st.identity
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = io.WriteString(w, file)
		_ = w.Close()
		if _, err := restoreFrom(second, packed.Bytes(), time.Now()); err != nil {
			t.Fatalf("%s: %v in %s", name, err, file)
		}
		want(t, text(t, second, "fake_up", "fake_state"), text(t, first, "fake_up", "fake_state"))
		want(t, text(t, second, "series_dropped_total"), "series_dropped_total{} 0")
	}
}

// TestDamaged: a file that is not whole is set aside and said once, and everything is asked anew.
func TestDamaged(t *testing.T) {
	j := &journal{}
	cfg := config(server("mx.example.org:25", "smtp", time.Hour))
	first := keeping(t, t.TempDir(), nil, cfg, j.fakes()...)
	st := stateOf(first, "mx.example.org:25")
	first.round(t.Context(), st, st.plans, time.Now())
	first.saveLast(time.Now())
	path := first.store.dir.Path()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pack := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, text)
		_ = w.Close()
		return b.Bytes()
	}
	const head = `{"format":"mailprobe_exporter state","version":1}` + "\n"
	cases := map[string][]byte{
		"newer": pack(`{"format":"mailprobe_exporter state","version":2}`), "foreign": []byte("hello"),
		"an unknown key":      pack(head + `{"saved":"2026-03-01T12:00:00Z"}` + "\n" + `{"target":{"bogus":1}}`),
		"without a time":      pack(head + `{"target":{"name":"mx.example.org:25"}}`),
		"two values":          pack(head + `{"saved":"2026-03-01T12:00:00Z"} {}`),
		"the time at the end": pack(unpacked(t, first) + `{"saved":"2026-03-01T12:00:00Z"}`),
	}
	for n := 0; n < len(whole); n += 1 + len(whole)/50 {
		cases[fmt.Sprintf("cut off after %d", n)] = whole[:n]
	}
	for name, file := range cases {
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		c := keeping(t, filepath.Dir(path), &log, cfg, j.fakes()...)
		if got := text(t, c, "check_conclusive", "fake_up"); got != "" || stateOf(c, "mx.example.org:25").tried.Load() {
			t.Errorf("%s: known is %s", name, got)
		}
		if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "cannot be used") {
			t.Errorf("%s: the log says %s", name, log.String())
		}
		if aside, err := os.ReadFile(path + ".damaged"); err != nil || !bytes.Equal(aside, file) {
			t.Errorf("%s: it was not set aside: %v", name, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: it is still there", name)
		}
	}
}

// FuzzRestore: whatever a line says, what is known can be exposed and written down again.
func FuzzRestore(f *testing.F) {
	j := &journal{}
	cfg := config(server("mx.example.org:25", "smtp", time.Hour, "auth", time.Hour), domain("example.org", "mx", time.Hour))
	list := append(j.fakes(), checks.ByName("auth"))
	first := keeping(f, f.TempDir(), nil, cfg, list...)
	for _, name := range []string{"mx.example.org:25", "example.org"} {
		st := stateOf(first, name)
		st.door.heard(netip.MustParseAddr("192.0.2.1"), greeting(421), time.Hour, nil)
		first.round(f.Context(), st, st.plans[:1], time.Now())
	}
	first.saveLast(time.Now())
	for l := range strings.Lines(unpacked(f, first)) {
		f.Add(l)
	}
	f.Add(`{"note":{"answer":{"check":"auth","target":"mx.example.org:25","open":"00","at":"2026-03-01T12:00:00Z","part":{"key":"login"}}}}`)
	f.Add(`{"note":{"deferral":{"target":"mx.example.org:25","address":"192.0.2.1","from":"a@example.org","to":"b@example.org","at":"2026-03-01T12:00:00Z"}}}`)
	f.Add(`{"note":{"record":{"target":"example.org","kind":"mx","name":"example.org","digest":"00","text":"","at":"9999-03-01T12:00:00Z"}}}`)
	f.Add(`{"note":{"policy":{"domain":"example.org","id":"1","digest":"00","until":"9999-03-01T12:00:00Z"}}}`)
	f.Add(`{"note":{"list":{"id":"spamhaus_zen","zone":"zen.spamhaus.org","at":"0001-01-01T00:00:00Z","spent":1e308}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseLine([]byte(text))
		if err != nil {
			return
		}
		c := keeping(t, t.TempDir(), nil, cfg, list...)
		r := newRestorer(c, time.Now())
		r.saved = r.now
		r.line(l)
		if _, err := c.Gather(); err != nil {
			t.Error(err)
		}
		c.saveLast(time.Now())
		if c.store.failed {
			t.Error("it cannot be written down again")
		}
	})
}
