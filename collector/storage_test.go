package collector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// keeping returns a collector that keeps what it knows in a directory.
func keeping(t testing.TB, dir string, log io.Writer, cfg *targets.Config, list ...*checks.Check) *Collector {
	t.Helper()
	o := Options{Config: cfg, Route: func(netip.Addr) error { return nil }, Storage: dir}
	if log != nil {
		o.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	c, err := newCollector(o, list, anyProblem)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// restart writes down what a collector that does not run knows, and returns one that is started anew.
func restart(t testing.TB, c *Collector, cfg *targets.Config, list ...*checks.Check) *Collector {
	t.Helper()
	c.saveLast(time.Now())
	return keeping(t, filepath.Dir(c.store.dir.Path()), nil, cfg, list...)
}

// everything is what a scrape says of targets.
func everything(t testing.TB, c *Collector) string {
	t.Helper()
	return text(t, c, "target_info", "check_conclusive", "check_last_run_timestamp_seconds", "check_last_conclusive_timestamp_seconds",
		"problem", "fake_up", "fake_state", "target_backoff_until_timestamp_seconds", "series")
}

// runFor lets a collector run for so long, and end.
func runFor(t *testing.T, c *Collector, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := goRun(c, ctx)
	synctest.Wait()
	sleep(d)
	cancel()
	<-ended
}

// fakes are checks of which each finds something else.
func (j *journal) fakes() []*checks.Check {
	return []*checks.Check{
		j.fake("smtp", func(_ context.Context, r *checks.Round) error {
			p := r.Part("192.0.2.1", checks.HoldReplies)
			p.EmitBool(fakeUp, true, "192.0.2.1")
			p.Emit(fakeState, 1.5, r.Target.Name)
			p.Find("smtp_slow", "critical", catalog.Text{EN: "it took long", RU: "it took long"})
			p.Evidence = []string{"S: 220 mx"}
			r.Part("192.0.2.2", checks.HoldReplies).Unknown = errors.New("no route")
			return nil
		}),
		j.fake("mx", func(_ context.Context, r *checks.Round) error {
			r.Part("mx", checks.HoldRecords)
			r.Result.ExchangersKnown, r.Result.Exchangers = true, []checks.Exchanger{{Host: "mx.example.net"}}
			return nil
		}),
		j.fake("dnsbl", func(context.Context, *checks.Round) error { return errors.New("lost") }),
	}
}

// TestRestart: what was known is exposed at once, and nobody is asked before his time, however often the exporter is started anew.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, j := t.TempDir(), &journal{}
		cfg := config(server("a.example.org:25", "smtp", 5*time.Minute, "dnsbl", time.Hour), domain("example.org", "mx", 15*time.Minute))
		every := map[run]time.Duration{
			{target: "a.example.org:25", check: "smtp"}: 5 * time.Minute, {target: "a.example.org:25", check: "dnsbl"}: time.Hour,
			{target: "example.org", check: "mx"}: 15 * time.Minute, {target: "mx.example.net:25", check: "smtp"}: 5 * time.Minute,
		}
		c := keeping(t, dir, nil, cfg, j.fakes()...)
		runFor(t, c, 20*time.Minute)
		began := time.Now()
		for range 30 {
			sleep(7 * time.Second)
			known := everything(t, c)
			c = keeping(t, dir, nil, cfg, j.fakes()...)
			want(t, everything(t, c), known)
			if !c.Ready() {
				t.Error("not ready, though every target was tried")
			}
			runFor(t, c, 4*time.Minute)
		}
		for r, every := range every {
			asked := j.of(r.target, r.check)
			for i, at := range asked[1:] {
				// It may have been due while the exporter was away.
				if d := at.Sub(asked[i]); d < min(every, time.Minute) || at.After(began) && d > every+patience(every)+8*time.Second {
					t.Errorf("%s of %s ran after %v", r.check, r.target, d)
				}
			}
			if n := int(time.Since(began) / every); len(asked) < n {
				t.Errorf("%s of %s ran %d times, want %d", r.check, r.target, len(asked), n)
			}
		}
		want(t, text(t, c, "storage_last_save_successful"), "storage_last_save_successful{} 1")
	})
}

// TestRestartWithOtherConfiguration: the present one counts. What is new or changed is asked at once, and what is gone is
// not known any more.
func TestRestartWithOtherConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, j := t.TempDir(), &journal{}
		first := config(
			server("same.example.org:25", "smtp", time.Hour, "dnsbl", time.Hour), server("changed.example.org:25", "smtp", time.Hour),
			server("gone.example.org:25", "smtp", time.Hour), domain("example.org", "mx", time.Hour), domain("example.net", "mx", time.Hour),
		)
		runFor(t, keeping(t, dir, nil, first, j.fakes()...), time.Minute)
		changed := server("changed.example.org:25", "smtp", time.Hour)
		changed.Server.TLS = "none"
		alone := domain("example.net", "mx", time.Hour)
		alone.Domain.FollowMX = targets.FollowNone
		second := config(
			server("same.example.org:25", "smtp", 2*time.Hour, "dnsbl", time.Hour, "mx", time.Hour), changed, server("new.example.org:25", "smtp", time.Hour),
			alone, domain("example.org", "mx", time.Hour),
		)
		second.Blocklists.Lists = []targets.List{{Blocklist: &catalog.Blocklist{ID: "new", Zone: "bl.example"}}}
		c := keeping(t, dir, nil, second, j.fakes()...)
		want(t, text(t, c, "fake_up", "check_conclusive"), `
check_conclusive{check="mx",target="example.org"} 1
check_conclusive{check="smtp",target="mx.example.net:25"} 1
check_conclusive{check="smtp",target="same.example.org:25"} 1
check_conclusive{check="dnsbl",target="same.example.org:25"} 0
fake_up{address="192.0.2.1",target="mx.example.net:25"} 1
fake_up{address="192.0.2.1",target="same.example.org:25"} 1
`)
		runFor(t, c, 10*time.Second)
		for r, n := range map[run]int{
			{target: "same.example.org:25", check: "smtp"}: 1, {target: "same.example.org:25", check: "mx"}: 1,
			{target: "same.example.org:25", check: "dnsbl"}: 2, {target: "new.example.org:25", check: "smtp"}: 1,
			{target: "changed.example.org:25", check: "smtp"}: 2, {target: "gone.example.org:25", check: "smtp"}: 1, {target: "mx.example.net:25", check: "smtp"}: 1,
			{target: "example.org", check: "mx"}: 1, {target: "example.net", check: "mx"}: 2,
		} {
			if got := len(j.of(r.target, r.check)); got != n {
				t.Errorf("%s of %s ran %d times, want %d", r.check, r.target, got, n)
			}
		}
	})
}

// TestBackoffOverRestart: who sent us away is left alone, and his patience is not new, even where the target has another configuration.
func TestBackoffOverRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		addr, j := netip.MustParseAddr("192.0.2.1"), &journal{}
		cfg := func(tls string) *targets.Config {
			s := server("mx.example.org:25", "smtp", 5*time.Minute)
			s.Server.TLS = tls
			return config(s)
		}
		c := keeping(t, t.TempDir(), nil, cfg("starttls"), j.fakes()...)
		door := func() *door { return stateOf(c, "mx.example.org:25").door }
		door().heard(addr, greeting(220), 5*time.Minute, nil)
		door().heard(addr, greeting(421), 5*time.Minute, nil)
		until, _ := door().leftAlone(addr, time.Now())
		for _, tls := range []string{"starttls", "none"} {
			c = restart(t, c, cfg(tls), j.fakes()...)
			if got, ok := door().leftAlone(addr, time.Now()); !ok || !got.Equal(until) {
				t.Errorf("left alone until %v, want %v", got, until)
			}
			if got := door().lastNames(addr); got.EHLO != "mx.example.org" {
				t.Errorf("the names are %+v", got)
			}
		}
		time.Sleep(time.Until(until))
		c = restart(t, c, cfg("none"), j.fakes()...)
		door().heard(addr, greeting(421), 5*time.Minute, nil)
		if got, _ := door().leftAlone(addr, time.Now()); time.Until(got) != backoffAfter(2, 5*time.Minute) {
			t.Errorf("sent away twice, left alone for %v", time.Until(got))
		}
	})
}

// TestDiskFails: it is said once, shown, and stops nothing; when the disk is well again, what is known is written.
func TestDiskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, j := filepath.Join(t.TempDir(), "state"), &journal{}
		var log strings.Builder
		c := keeping(t, dir, &log, config(server("mx.example.org:25", "smtp", time.Minute)), j.fakes()...)
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		runFor(t, c, 5*time.Minute)
		if n := len(j.of("mx.example.org:25", "smtp")); n < 5 {
			t.Errorf("asked %d times in five minutes", n)
		}
		want(t, text(t, c, "storage_last_save_successful", "storage_last_save_success_timestamp_seconds"), "storage_last_save_successful{} 0")
		if n := strings.Count(log.String(), "cannot be written down"); n != 1 {
			t.Errorf("it was said %d times: %s", n, log.String())
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		c.saveLast(time.Now())
		want(t, text(t, c, "storage_last_save_successful", "storage_last_save_success_timestamp_seconds"),
			fmt.Sprintf("storage_last_save_success_timestamp_seconds{} %v\nstorage_last_save_successful{} 1", seconds(time.Now())))
		if n := strings.Count(log.String(), "written down again"); n != 1 {
			t.Errorf("it was said %d times: %s", n, log.String())
		}
	})
}

// TestStoragePath: a file cannot be a directory. A directory that cannot be made is said once, and without any there is nothing to tell of.
// TestSavesAtOnce: the last save may begin before a slow disk is done with the one before.
func TestSavesAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	var log strings.Builder
	c := keeping(t, dir, &log, config())
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // The disk fails now.
		t.Fatal(err)
	}
	var saves sync.WaitGroup
	for range 20 {
		c.store.news.Store(true)
		saves.Go(func() { c.save(t.Context()) })
	}
	saves.Wait()
	if n := strings.Count(log.String(), "cannot be written down"); n != 1 {
		t.Errorf("it was said %d times: %s", n, log.String())
	}
}

func TestStoragePath(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Config: config(), Storage: file}); err == nil || !strings.Contains(err.Error(), file+" is not a directory") {
		t.Error(err)
	}
	var log strings.Builder
	c := keeping(t, filepath.Join(file, "state"), &log, config())
	c.saveLast(time.Now())
	want(t, text(t, c, "storage_last_save_successful"), "storage_last_save_successful{} 0")
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("it was said %d times: %s", n, log.String())
	}
	want(t, text(t, collectorOf(t, config()), "storage_last_save_successful", "storage_last_save_success_timestamp_seconds"), "")
}

// TestRecordChangeOverRestart: a record that was changed while the exporter did not run has changed.
func TestRecordChangeOverRestart(t *testing.T) {
	dir, dmarc := t.TempDir(), checks.ByName("dmarc")
	at := time.Now().Add(-3 * time.Hour)
	for i, policy := range []string{"reject", "none", "none"} {
		world, err := mailworld.New()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(world.Close)
		if err := world.Zone(fmt.Sprintf("_dmarc.example.org. TXT \"v=DMARC1; p=%s\"", policy)); err != nil {
			t.Fatal(err)
		}
		cfg := config(domain("example.org", "dmarc", time.Hour))
		cfg.Resolver.Servers = []string{world.Resolver()}
		c := keeping(t, dir, nil, cfg, dmarc)
		st := stateOf(c, "example.org")
		c.round(t.Context(), st, st.plans, at.Add(time.Duration(i)*time.Hour))
		expected := ""
		if i > 0 {
			expected = fmt.Sprintf(`record_change_timestamp_seconds{name="_dmarc.example.org",record="dmarc",target="example.org"} %v`, float64(at.Add(time.Hour).Unix()))
		}
		want(t, text(t, c, "record_change_timestamp_seconds"), expected)
		c.saveLast(time.Now())
	}
}
