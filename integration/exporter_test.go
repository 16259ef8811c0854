//go:build integration

package integration

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// An exporter is the built program, running with a configuration.
type exporter struct {
	*program
	config string // Its exporter.yml.
	url    string
}

// preamble begins a configuration: who we are, whom we ask and whom we trust.
func preamble() string {
	return fmt.Sprintf(`
helo_name: probe.example.net
resolver: {servers: ["%s:53"], timeout: 2s}
tls: {ca_file: %q}
`, resolver, world.caFile())
}

// startExporter starts the exporter with a configuration until the test ends, which fails if a data race was
// seen or it did not end well.
func startExporter(t *testing.T, config string) *exporter {
	t.Helper()
	return startExporterAt(t, config, freePort())
}

// startExporterAt is startExporter with an address to listen at and a command that starts it, as `ip netns
// exec`.
func startExporterAt(t *testing.T, config, address string, command ...string) *exporter {
	t.Helper()
	return startBinaryAt(t, config, address, append(command, exporterBinary)...)
}

// startBinaryAt is startExporterAt for a program that was built in another way, which ends the command.
func startBinaryAt(t *testing.T, config, address string, command ...string) *exporter {
	t.Helper()
	dir := directory(t, "exporter")
	e := &exporter{config: filepath.Join(dir, "exporter.yml"), url: "http://" + address}
	write(t, e.config, config)
	command = append(command,
		"--config.file", e.config, "--web.listen-address", address, "--log.level", "debug")
	var err error
	ready := func() error {
		_, err := e.get("/-/healthy")
		return err
	}
	if e.program, err = startProgram(filepath.Join(dir, "log"), ready, command[0], command[1:]...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.stop(syscall.SIGTERM); err != nil {
			t.Errorf("stop the exporter: %v", err)
		}
		if t.Failed() {
			t.Logf("the exporter's log:\n%s", tail(e.output(), 60))
		}
	})
	return e
}

// reconfigure replaces the configuration and has it read, as an operator does: by SIGHUP.
func (e *exporter) reconfigure(t *testing.T, config string) {
	t.Helper()
	e.reconfigureBy(t, config, func() error { return e.cmd.Process.Signal(syscall.SIGHUP) })
}

// reconfigureBy is reconfigure with another way to have the configuration read.
func (e *exporter) reconfigureBy(t *testing.T, config string, reload func() error) {
	t.Helper()
	const loaded = "config_last_reload_success_timestamp_seconds"
	before := e.must(t).find(loaded).String()
	write(t, e.config, config)
	if err := reload(); err != nil {
		t.Fatal(err)
	}
	err := eventually(patience, func() error {
		s, err := e.scrape()
		if err != nil {
			return finalError{err}
		}
		if s.find(loaded).String() == before {
			return errors.New("the configuration was not reloaded")
		}
		return s.check("config_last_reload_successful 1")
	})
	if err != nil {
		t.Fatal(err)
	}
}

// address is where it listens.
func (e *exporter) address() string { return strings.TrimPrefix(e.url, "http://") }

// get reads a page.
func (e *exporter) get(path string) (string, error) {
	client := http.Client{Timeout: patience}
	resp, err := client.Get(e.url + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s\n%s", path, resp.Status, text)
	}
	return string(text), err
}

// scrape reads /metrics.
func (e *exporter) scrape() (scrape, error) {
	text, err := e.get("/metrics")
	if err != nil {
		return nil, err
	}
	return parse(text)
}

// must scrapes and fails the test where that is not possible.
func (e *exporter) must(t *testing.T) scrape {
	t.Helper()
	s, err := e.scrape()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// expect waits until the metrics are as described, a line each, and fails the test when the time is over:
//
//	smtp_up{target="mx.example.org:25"} 1     there is such a series, and all of them have this value
//	no smtp_failure{target="mx.example.org:25"}   there is none
//
// Labels that are not named may be any.
func (e *exporter) expect(t *testing.T, within time.Duration, lines string) scrape {
	t.Helper()
	var last scrape
	err := eventually(within, func() (err error) {
		if last, err = e.scrape(); err != nil {
			return finalError{err}
		}
		return last.check(lines)
	})
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// A series is one line of a scrape; its name is without the prefix of the exporter.
type series struct {
	name    string
	foreign bool // It had no such prefix.
	labels  map[string]string
	value   float64
}

func (s series) String() string {
	var b strings.Builder
	b.WriteString(s.name)
	sep := "{"
	for _, label := range slices.Sorted(maps.Keys(s.labels)) {
		fmt.Fprintf(&b, "%s%s=%q", sep, label, s.labels[label])
		sep = ","
	}
	if sep == "," {
		b.WriteString("}")
	}
	fmt.Fprintf(&b, " %g", s.value)
	return b.String()
}

// A scrape is everything that was known at one time.
type scrape []series

// parse reads the text format. Histograms are left out.
func parse(text string) (scrape, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	var all scrape
	for name, family := range families {
		for _, m := range family.Metric {
			s := series{labels: map[string]string{}}
			var own bool
			s.name, own = strings.CutPrefix(name, "mailprobe_")
			s.foreign = !own
			for _, l := range m.Label {
				s.labels[l.GetName()] = l.GetValue()
			}
			switch family.GetType() {
			case dto.MetricType_GAUGE:
				s.value = m.GetGauge().GetValue()
			case dto.MetricType_COUNTER:
				s.value = m.GetCounter().GetValue()
			case dto.MetricType_UNTYPED:
				s.value = m.GetUntyped().GetValue()
			default:
				continue
			}
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b series) int { return cmp.Compare(a.String(), b.String()) })
	return all, nil
}

// find returns the series that match `name` or `name{label="value",...}`.
func (s scrape) find(selector string) scrape {
	name, rest, _ := strings.Cut(strings.TrimSuffix(selector, "}"), "{")
	want := map[string]string{}
	for pair := range strings.SplitSeq(rest, `",`) {
		if label, value, ok := strings.Cut(pair, `="`); ok {
			want[label] = strings.TrimSuffix(value, `"`)
		}
	}
	var found scrape
	for _, x := range s {
		if x.name != name {
			continue
		}
		matches := true
		for label, value := range want {
			matches = matches && x.labels[label] == value
		}
		if matches {
			found = append(found, x)
		}
	}
	return found
}

// about returns the series of a target, without those of names that are left out.
func (s scrape) about(target string, without ...string) scrape {
	return slices.DeleteFunc(slices.Clone(s), func(x series) bool {
		return x.labels["target"] != target || slices.Contains(without, x.name)
	})
}

// String writes a series to a line.
func (s scrape) String() string {
	var b strings.Builder
	for _, x := range s {
		fmt.Fprintln(&b, x)
	}
	return b.String()
}

// check compares the scrape with lines as expect has them.
func (s scrape) check(lines string) error {
	var errs []error
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if selector, ok := strings.CutPrefix(line, "no "); ok {
			if found := s.find(selector); len(found) > 0 {
				errs = append(errs, fmt.Errorf("want %s, there is\n%s", line, found))
			}
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		found := s.find(line[:i])
		if len(found) == 0 {
			name, _, _ := strings.Cut(line, "{")
			errs = append(errs, fmt.Errorf("want %s, there is no such series, but\n%s", line, s.find(name)))
		}
		for _, x := range found {
			if fmt.Sprintf("%g", x.value) != line[i+1:] {
				errs = append(errs, fmt.Errorf("want %s, got %s", line, x))
			}
		}
	}
	return errors.Join(errs...)
}

// ports counts those given out. The namespace has them to itself, below those of outgoing connections.
var ports atomic.Int32

// freePort returns an address on loopback where nobody listens.
func freePort() string { return fmt.Sprintf("127.0.0.1:%d", 20000+ports.Add(1)) }

// tail returns the last lines of a text.
func tail(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
