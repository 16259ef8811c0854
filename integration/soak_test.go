//go:build integration

package integration

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// soakTime names how long TestSoak plants faults, as Go writes durations; `make soak` sets it.
const soakTime = "SOAK"

// shortSoak is how long it is in a run of all tests.
const shortSoak = 2 * time.Minute

// soakLook is how often the exporter is scraped, as by a hasty Prometheus.
const soakLook = time.Second

// TestSoak runs exporters in a mail world in which everything breaks, is mended and breaks again, while they are
// reloaded every three seconds. One exporter lasts for the whole run: it must see every fault and every recovery, and at the
// end need no more than in the first part of the run. Another is killed again and again while its disk fills up: it must
// know after each start what the last whole file said.
func TestSoak(t *testing.T) {
	t.Parallel()
	duration := shortSoak
	if text := os.Getenv(soakTime); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil || duration < shortSoak {
			t.Fatalf("%s=%s: want a duration of at least %v: %v", soakTime, text, shortSoak, err)
		}
	}
	w := startSoakWorld(t)
	var traveller *traveller
	if duration > shortSoak { // It takes a minute to build.
		traveller = startTraveller(t, w.config("5s"))
	}
	records := w.records()
	for _, p := range records { // They are looked at once a minute, and the short form has no more than two.
		p.change(t, p.spoil)
	}
	begin := time.Now()
	lasting := &soaker{t: t, config: w.config("5s")}
	lasting.exporter = startExporter(t, lasting.config)
	mortal := startMortal(t, w.config("1m"))
	patients := slices.Concat(w.servers(), records, []*patient{w.names(), lasting.badConfig(), lasting.crowd()})

	end := begin.Add(duration)
	pace := time.NewTicker(soakLook)
	defer pace.Stop()
	busy := true
	for tick := 0; busy || time.Now().Before(end); tick++ {
		s := lasting.look()
		busy = false
		for _, p := range patients {
			busy = p.step(t, s, end) || busy
		}
		mortal.step()
		if traveller != nil {
			busy = traveller.jumps.step(t, traveller.must(t), end) || busy
		}
		if tick%3 == 2 {
			lasting.reload(tick%2 == 0)
		}
		<-pace.C
	}

	for _, p := range patients {
		t.Log(p)
		if p.seen == 0 {
			t.Errorf("%s: never planted", p.name)
		}
	}
	if traveller != nil {
		t.Log(traveller.jumps)
	}
	t.Logf("killed %d times; the disk was full %d times and had room again %d times", mortal.kills, mortal.full, mortal.saved)
	if mortal.full == 0 || mortal.saved < 2 {
		t.Error("the disk was not both full and mended")
	}
	lasting.everybodyIsAsked()
	lasting.flat(begin, time.Now())
}

// A soaker is the exporter that lasts.
type soaker struct {
	*exporter
	t       *testing.T
	config  string
	extra   bool // The configuration has a server more.
	bad     bool // It has a mistake.
	last    scrape
	samples []sample
	clients []net.Conn
	crowded bool
}

// A sample is what the exporter needs at one time.
type sample struct {
	at                         time.Time
	goroutines, files          float64
	heap, resident, processors float64 // Octets, octets, seconds.
}

// look scrapes the exporter and notes what it needs. No counter may ever fall.
func (l *soaker) look() scrape {
	l.t.Helper()
	s := l.must(l.t)
	now := map[string]float64{}
	for _, x := range s {
		now[labelled(x)] = x.value
	}
	for _, x := range l.last {
		// What a blocklist was asked and what a page was asked for are counted for ever, too.
		if strings.HasSuffix(x.name, "_total") && now[labelled(x)] < x.value {
			l.t.Errorf("a counter fell: %s is now %g", x, now[labelled(x)])
		}
	}
	l.last = s
	value := func(name string) float64 {
		found := s.find(name)
		if len(found) != 1 {
			l.t.Fatalf("%s: %v", name, found)
		}
		return found[0].value
	}
	l.samples = append(l.samples, sample{
		at: time.Now(), goroutines: value("go_goroutines"), files: value("process_open_fds"), heap: value("go_memstats_heap_alloc_bytes"),
		resident: value("process_resident_memory_bytes"), processors: value("process_cpu_seconds_total"),
	})
	if err := s.check("series_dropped_total 0"); err != nil {
		l.t.Error(err)
	}
	return s
}

// labelled is a series without its value.
func labelled(x series) string { x.value = 0; return x.String() }

// reload has the configuration read again, as often as not with a server more or less.
func (l *soaker) reload(change bool) {
	l.t.Helper()
	l.extra = l.extra != change
	text := l.config
	if l.extra {
		text += "senders: [{address: 203.0.113.130}]\n"
	}
	if l.bad {
		text += "nonsense: true\n"
	}
	write(l.t, l.exporter.config, text)
	if err := l.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		l.t.Fatal(err)
	}
}

// badConfig is a configuration with a mistake, which must not replace the good one.
func (l *soaker) badConfig() *patient {
	const name = "bad configuration"
	return &patient{
		name: name, every: 6 * time.Second,
		spoil: func() error { l.bad = true; return nil }, // The next reload reads it.
		mend:  func() error { l.bad = false; return nil },
		sick:  lines("config_last_reload_successful 0"),
		well:  lines("config_last_reload_successful 1"),
	}
}

// everybodyIsAsked wants every check of every target to run again.
func (l *soaker) everybodyIsAsked() {
	l.t.Helper()
	const ran = `check_last_run_timestamp_seconds{check="smtp"}`
	before := map[string]float64{}
	for _, x := range l.must(l.t).find(ran) {
		before[x.labels["target"]] = x.value
	}
	if len(before) < 10 {
		l.t.Fatalf("only %d servers are left", len(before))
	}
	err := eventually(patience, func() error {
		for _, x := range l.must(l.t).find(ran) {
			if x.value <= before[x.labels["target"]] {
				return fmt.Errorf("%s is not asked any more", x.labels["target"])
			}
		}
		return nil
	})
	if err != nil {
		l.t.Error(err)
	}
}

// flat compares what the exporter needed in the last third of the run with the third before its middle, when everything has been seen once. The least of each is what it needs
// while nobody comes, after the garbage was collected; a leak raises it. Resident memory is what the kernel gave at most.
func (l *soaker) flat(begin, end time.Time) {
	l.t.Helper()
	sixth := end.Sub(begin) / 6
	between := func(from, to time.Time) []sample {
		return slices.DeleteFunc(slices.Clone(l.samples), func(s sample) bool { return s.at.Before(from) || s.at.After(to) })
	}
	first, last := between(begin.Add(sixth), begin.Add(3*sixth)), between(end.Add(-2*sixth), end)
	least := func(of []sample, get func(sample) float64) float64 {
		return get(slices.MinFunc(of, func(a, b sample) int { return cmp.Compare(get(a), get(b)) }))
	}
	most := func(of []sample, get func(sample) float64) float64 {
		return get(slices.MaxFunc(of, func(a, b sample) int { return cmp.Compare(get(a), get(b)) }))
	}
	const mib = 1 << 20
	for _, b := range []struct {
		name  string
		get   func(sample) float64
		of    func([]sample, func(sample) float64) float64
		unit  float64
		bound func(first float64) float64
	}{
		{"goroutines, at least", func(s sample) float64 { return s.goroutines }, least, 1, func(f float64) float64 { return f + 8 }},
		{"descriptors, at least", func(s sample) float64 { return s.files }, least, 1, func(f float64) float64 { return f + 8 }},
		{"MiB of heap, at least", func(s sample) float64 { return s.heap }, least, mib, func(f float64) float64 { return 1.2*f + 2*mib }},
		{"MiB resident, at most", func(s sample) float64 { return s.resident }, most, mib, func(f float64) float64 { return 1.2*f + 16*mib }},
	} {
		was, is := b.of(first, b.get), b.of(last, b.get)
		l.t.Logf("%-22s %6.1f at first, %6.1f at last", b.name, was/b.unit, is/b.unit)
		if is > b.bound(was) {
			l.t.Errorf("%s: %.1f is more than %.1f allows", b.name, is/b.unit, was/b.unit)
		}
	}
	l.t.Logf("processor: %.2f s a minute", most(last, func(s sample) float64 { return s.processors })/end.Sub(begin).Minutes())
}

// A mortal is an exporter that keeps what it knows on a small disk and is killed when it has written it down, and when it could not.
type mortal struct {
	*exporter
	t       *testing.T
	disk    string
	args    []string
	stuffed bool
	started time.Time
	kills   int
	full    int                // How often it said that it cannot write.
	saved   int                // How often it said that it has written.
	written map[string]float64 // When each check had last run, of what is in the last whole file.
}

// startMortal starts it with a disk of half a megabyte.
func startMortal(t *testing.T, config string) *mortal {
	t.Helper()
	dir := directory(t, "mortal")
	m := &mortal{exporter: &exporter{config: filepath.Join(dir, "exporter.yml")}, t: t, disk: filepath.Join(dir, "disk")}
	if err := os.Mkdir(m.disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", m.disk, "tmpfs", 0, "size=512k"); err != nil {
		t.Fatalf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(m.disk, 0); err != nil {
			t.Errorf("unmount the small disk: %v", err)
		}
	})
	write(t, m.config, config)
	address := freePort()
	m.url = "http://" + address
	m.args = []string{"--config.file", m.config, "--web.listen-address", address, "--storage.path", filepath.Join(m.disk, "state")}
	m.start()
	t.Cleanup(func() {
		if err := m.stop(syscall.SIGTERM); err != nil {
			t.Errorf("stop the exporter that was killed so often: %v", err)
		}
		if t.Failed() {
			t.Logf("its log:\n%s", tail(m.output(), 40))
		}
	})
	return m
}

func (m *mortal) start() {
	m.t.Helper()
	ready := func() error {
		_, err := m.get("/-/healthy")
		return err
	}
	var err error
	log := filepath.Join(filepath.Dir(m.config), fmt.Sprintf("log%d", m.kills))
	if m.program, err = startProgram(log, ready, exporterBinary, m.args...); err != nil {
		m.t.Fatal(err)
	}
	m.started = time.Now()
}

// step looks whether what was waited for has come: the disk can be written to, or it cannot. Then the disk becomes what it was not, and
// the exporter is killed and started again.
func (m *mortal) step() {
	m.t.Helper()
	s := m.must(m.t)
	want := "storage_last_save_successful 1"
	if m.stuffed {
		want = "storage_last_save_successful 0"
	}
	if err := s.check(want); err != nil {
		// The first attempt is ten seconds after the start.
		if waited := time.Since(m.started); waited > 2*patience {
			m.t.Fatalf("the small disk, %v after the start: %v", waited, err)
		}
		return
	}
	var err error
	ballast := filepath.Join(m.disk, "ballast")
	if m.stuffed {
		m.full++
		err = os.Remove(ballast)
	} else {
		m.saved++
		m.note(s)
		err = fillUp(ballast)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.stuffed = !m.stuffed
	m.kill()
}

// soakTimeout is how long a round of a target may take.
const soakTimeout = 4 * time.Second

// note notes what must be in the file that was just written: rounds that had ended before. A check's last run is when its round began.
func (m *mortal) note(s scrape) {
	m.t.Helper()
	at := s.find("storage_last_save_success_timestamp_seconds")
	if len(at) != 1 {
		m.t.Fatalf("when it was written: %v", at)
	}
	m.written = map[string]float64{}
	for _, x := range s.find("check_last_run_timestamp_seconds") {
		if x.value < at[0].value-(soakTimeout+time.Second).Seconds() {
			m.written[labelled(x)] = x.value
		}
	}
	if len(m.written) < len(soakServers) {
		m.t.Fatalf("only %d checks were written down", len(m.written))
	}
}

// kill kills the exporter and starts it again. What is in its last whole file must be known at once.
func (m *mortal) kill() {
	m.t.Helper()
	_ = m.stop(syscall.SIGKILL)
	m.kills++
	m.start()
	if log := m.output(); !strings.Contains(log, "What was known before the restart is known again") {
		m.t.Errorf("after kill %d nothing is known:\n%s", m.kills, log)
	}
	known := map[string]float64{}
	for _, x := range m.must(m.t).find("check_last_run_timestamp_seconds") {
		known[labelled(x)] = x.value
	}
	for check, at := range m.written {
		if known[check] < at {
			m.t.Errorf("after kill %d it is not known that %s ran at %.1f", m.kills, check, at)
		}
	}
}

// fillUp writes a file until its disk is full.
func fillUp(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 4096; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			return err
		}
	}
	return nil
}
