//go:build integration

package integration

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPrometheus has Prometheus scrape the exporter, and compares what it stored with what is in /metrics.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	world.knot.change(t, `
		+ stored.example.org. MX 10 mx.stored.example.org.
		+ mx.stored.example.org. A 192.0.2.87
		+ 87.2.0.192.bl.example.net. A 127.0.0.2
	`)
	startPostfix(t, "mx.stored.example.org", world.certificate(t, "mx.stored.example.org"),
		"192.0.2.87:25")
	e := startExporter(t, preamble()+`
blocklists: {use: [], custom: [{id: ours, zone: bl.example.net}]}
alert_labels: [team]
domains: [{name: stored.example.org, labels: {team: "post & mail"}}]
`)
	p := startPrometheus(t, e)
	e.expect(t, patience, `
		check_conclusive{target="stored.example.org"} 1
		check_conclusive{target="mx.stored.example.org:25"} 1
		dnsbl_listed{target="mx.stored.example.org:25"} 1
		target_info{target="stored.example.org",team="post & mail"} 1
	`)
	err := eventually(patience, func() error {
		stored, err := p.query(`{__name__=~"mailprobe_.+", __name__!~"mailprobe_probe_duration_seconds_.+"}`)
		if err != nil {
			return finalError{err}
		}
		return difference(e.must(t), stored)
	})
	if err != nil {
		t.Error(err)
	}
	if err := eventually(patience, func() error {
		stored, err := p.query(`mailprobe_probe_duration_seconds_count{check="smtp"} == bool 1 and on() up == 1`)
		if err != nil {
			return finalError{err}
		}
		return stored.check("{check=\"smtp\"} 1")
	}); err != nil {
		t.Error(err)
	}
}

// difference tells what only one of two scrapes has of the exporter's series.
func difference(exposed, stored scrape) error {
	lines := map[string]bool{}
	for _, x := range stored {
		lines[x.String()] = true
	}
	var errs []error
	for _, x := range exposed {
		if x.foreign {
			continue
		}
		// To Prometheus an empty label is one that is not there.
		maps.DeleteFunc(x.labels, func(_, value string) bool { return value == "" })
		if line := x.String(); lines[line] {
			delete(lines, line)
		} else {
			errs = append(errs, fmt.Errorf("not stored: %s", line))
		}
	}
	for line := range lines {
		errs = append(errs, fmt.Errorf("stored and not exposed: %s", line))
	}
	if len(stored) == 0 {
		errs = append(errs, errors.New("nothing was stored"))
	}
	return errors.Join(errs...)
}

// TestExposition asks for the formats that Prometheus asks for, and has promtool read them.
func TestExposition(t *testing.T) {
	t.Parallel()
	world.knot.change(t, "+ 88.2.0.192.bl.example.net. A 127.0.0.2")
	startPostfix(t, "mx.example.org", world.certificate(t, "mx.example.org"), "192.0.2.88:25")
	e := startExporter(t, preamble()+`
blocklists: {use: [], custom: [{id: ours, zone: bl.example.net}]}
servers: [{address: "192.0.2.88:25", server_name: mx.example.org}]
`)
	e.expect(t, patience, `
		check_conclusive{target="192.0.2.88:25"} 1
		smtp_up{target="192.0.2.88:25"} 1
	`)
	const text = "text/plain;version=0.0.4"
	const open = "application/openmetrics-text;version=1.0.0," + text + ";q=0.5"
	for name, c := range map[string]struct {
		accept, encoding, contentType string
		openMetrics                   bool
	}{
		"text":              {text, "", "text/plain; version=0.0.4", false},
		"gzip":              {text, "gzip", "text/plain; version=0.0.4", false},
		"OpenMetrics":       {open, "", "application/openmetrics-text; version=1.0.0", true},
		"OpenMetrics, gzip": {open, "gzip", "application/openmetrics-text; version=1.0.0", true},
	} {
		t.Run(name, func(t *testing.T) {
			body := e.negotiate(t, c.accept, c.encoding, c.contentType)
			if !strings.Contains(body, `mailprobe_smtp_up{`) {
				t.Errorf("no metrics in\n%.2000s", body)
			}
			if strings.HasSuffix(body, "# EOF\n") != c.openMetrics {
				t.Errorf("how it ends: %q", body[max(0, len(body)-100):])
			}
			if c.openMetrics {
				return // promtool 2.42 reads the older format.
			}
			promtool := exec.Command("promtool", "check", "metrics")
			promtool.Stdin = strings.NewReader(body)
			if out, err := promtool.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("promtool: %v\n%s", err, out)
			}
		})
	}
}

// negotiate asks for /metrics in a format and returns it decompressed.
func (e *exporter) negotiate(t *testing.T, accept, encoding, contentType string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	if encoding != "" {
		req.Header.Set("Accept-Encoding", encoding)
	}
	resp, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, contentType) {
		t.Errorf("Content-Type: %s, want %s", got, contentType)
	}
	if got := resp.Header.Get("Content-Encoding"); got != encoding {
		t.Errorf("Content-Encoding: %q, want %q", got, encoding)
	}
	var body io.Reader = resp.Body
	if encoding == "gzip" {
		if body, err = gzip.NewReader(resp.Body); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A prometheus is Prometheus, scraping every second.
type prometheus struct {
	*program
	url string
}

func startPrometheus(t *testing.T, e *exporter) *prometheus {
	t.Helper()
	return startPrometheusWith(t, fmt.Sprintf(`
  - job_name: mailprobe
    static_configs:
      - targets: [%q]
`, e.address()))
}

// startPrometheusWith starts it with other jobs.
func startPrometheusWith(t *testing.T, jobs string) *prometheus {
	t.Helper()
	dir := directory(t, "prometheus")
	config := filepath.Join(dir, "prometheus.yml")
	write(t, config, "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:"+jobs)
	return startPrometheusAt(t, dir, config)
}

// startPrometheusAt starts it with a whole configuration; its data are kept in dir.
func startPrometheusAt(t testing.TB, dir, config string) *prometheus {
	t.Helper()
	address := freePort()
	p := &prometheus{url: "http://" + address}
	ready := func() error {
		resp, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", resp.Status)
		}
		return nil
	}
	var err error
	p.program, err = startProgram(filepath.Join(dir, "prometheus.log"), ready, "prometheus",
		"--config.file", config, "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.stop(syscall.SIGTERM) })
	return p
}

// query asks Prometheus for what an expression gives now.
func (p *prometheus) query(expression string) (scrape, error) {
	resp, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(expression))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		Status string
		Error  string
		Data   struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("query %s: %s", expression, answer.Error)
	}
	var all scrape
	for _, r := range answer.Data.Result {
		s := series{name: strings.TrimPrefix(r.Metric["__name__"], "mailprobe_"), labels: r.Metric}
		for _, own := range []string{"__name__", "job", "instance"} {
			delete(s.labels, own)
		}
		if _, err := fmt.Sscan(fmt.Sprint(r.Value[1]), &s.value); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}
