package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestReloadWarnings: what is probably not meant is logged when it is new, and not again as long as it stands.
func TestReloadWarnings(t *testing.T) {
	cfg, err := targets.Parse("exporter.yml", []byte("resolver: {servers: [\"127.0.0.1:1\"]}\n"), targets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	warned := func(warnings ...string) *targets.Config {
		with := *cfg
		with.Warnings = warnings
		return &with
	}
	c, err := collector.New(collector.Options{Config: cfg, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	var next *targets.Config
	r := &reloader{
		flags: &flags{}, collector: c, config: warned("short"), logger: slog.New(slog.NewTextHandler(&log, nil)),
		load: func(*targets.Config) (*targets.Config, error) { return next, nil },
	}
	for _, step := range []struct {
		warnings []string
		want     string // Those logged.
	}{
		{[]string{"short"}, ""},
		{[]string{"short", "other"}, "other"},
		{nil, ""},
		{[]string{"short"}, "short"},
	} {
		log.Reset()
		next = warned(step.warnings...)
		if err := r.reload(); err != nil {
			t.Fatal(err)
		}
		_, said, _ := strings.Cut(log.String(), "warning=")
		said, _, _ = strings.Cut(said, "\n")
		if said != step.want || strings.Count(log.String(), "warning=") != min(1, len(step.want)) {
			t.Errorf("warnings %q: logged %q", step.warnings, log.String())
		}
	}
}
