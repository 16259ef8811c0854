package main

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// TestScrapePatience: a scraper's word is honoured as far as it makes sense.
func TestScrapePatience(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": probePatience, "10": 9500 * time.Millisecond, "0.5": 100 * time.Millisecond, "0.01": 10 * time.Millisecond,
		"NaN": probePatience, "-1": probePatience, "0": probePatience, "1e308": probePatience - 500*time.Millisecond,
		"+Inf": probePatience - 500*time.Millisecond, "a": probePatience, "10s": probePatience,
	} {
		h := http.Header{}
		h.Set("X-Prometheus-Scrape-Timeout-Seconds", header)
		if got := scrapePatience(h, 500*time.Millisecond); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

// TestProbe asks the demo for single targets, and compares with what a scrape of everything has.
func TestProbe(t *testing.T) {
	d := startProgram(t, &http.Transport{}, "demo")
	defer d.stop(os.Interrupt)
	d.until("ready", func() bool {
		status, _, _ := d.get("/-/ready", "")
		return status == http.StatusOK
	})

	status, body, contentType := d.get("/sd?kind=domain&kind=server", "")
	var groups []sdGroup
	if err := json.Unmarshal([]byte(body), &groups); err != nil || status != http.StatusOK || contentType != "application/json" {
		t.Fatalf("/sd: status %d, %s, %v", status, contentType, err)
	}
	var names []string
	for _, g := range groups {
		names = append(names, g.Targets...)
		if kind := g.Labels["__meta_mailprobe_kind"]; kind != "domain" && kind != "server" || g.Labels["__meta_mailprobe_module"] == "" {
			t.Errorf("%v has labels %v", g.Targets, g.Labels)
		}
	}
	i := slices.IndexFunc(names, func(n string) bool { return n == "healthy.example" })
	j := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, "mx") && strings.HasSuffix(n, "healthy.example:25") })
	if i < 0 || j < 0 {
		t.Fatalf("/sd lists %v", names)
	}
	for _, name := range []string{names[i], names[j]} {
		status, body, _ := d.get("/probe?target="+name, "text/plain")
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(body))
		if err != nil || status != http.StatusOK {
			t.Fatalf("/probe: status %d, %v\n%s", status, err, body)
		}
		for _, own := range []string{"probe_success", "probe_duration_seconds", "probe_timeout_seconds"} {
			if families[own] == nil {
				t.Errorf("%s: no %s", name, own)
			}
		}
		if got := families["probe_success"].GetMetric()[0].GetGauge().GetValue(); got != 1 {
			t.Errorf("%s: probe_success %g", name, got)
		}
		if got := families["probe_ssl_earliest_cert_expiry"] != nil; got != strings.Contains(name, ":") {
			t.Errorf("%s: probe_ssl_earliest_cert_expiry there: %t", name, got)
		}
		for family, f := range families {
			if strings.HasPrefix(family, "go_") || strings.HasPrefix(family, "process_") {
				t.Errorf("%s: %s is not about the target", name, family)
			}
			for _, m := range f.Metric {
				if got := labelsOf(m)["target"]; strings.HasPrefix(family, "mailprobe_") && got != name {
					t.Errorf("%s has a series of target %q", name, got)
				}
			}
		}
	}
	_, dialogue, _ := d.get("/probe?debug=true&target="+names[j], "")
	if !strings.Contains(dialogue, "check smtp: ran at") || !strings.Contains(dialogue, "220 ") {
		t.Errorf("the dialogue:\n%s", dialogue)
	}
	for path, want := range map[string]int{
		"/probe": 400, "/probe?target=a%20b": 400, "/probe?target=healthy.example&module=none": 400,
		"/probe?target=elsewhere.example": 403, "/probe?target=127.0.0.1:25": 403, "/sd?kind=none": 400,
	} {
		if status, body, _ := d.get(path, ""); status != want {
			t.Errorf("%s: status %d, want %d: %s", path, status, want, body)
		}
	}
}
