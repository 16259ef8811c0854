package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A loader reads the configuration anew; previous is the one in force.
type loader func(previous *targets.Config) (*targets.Config, error)

// errNoReload is the answer where there is nothing to read again.
var errNoReload = errors.New("the demo's configuration cannot be reloaded")

// A reloader puts a changed configuration in force: on SIGHUP, on POST /-/reload and when
// a watched file changes. A bad one changes nothing that runs.
type reloader struct {
	flags     *flags
	collector *collector.Collector
	load      loader
	logger    *slog.Logger

	mu     sync.Mutex
	config *targets.Config
	seen   string // The fingerprint of what was last read.
}

// current returns the configuration in force.
func (r *reloader) current() *targets.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.config
}

// reload reads the configuration and puts it in force, or says why not.
func (r *reloader) reload() error {
	if r.load == nil {
		return errNoReload
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = r.fingerprint(r.config) // Before it is read: what changes meanwhile will be noticed.
	cfg, err := r.load(r.config)
	if err == nil {
		err = r.collector.Apply(cfg)
	}
	r.collector.Reloaded(err)
	if err != nil {
		r.logger.Error("The configuration was not reloaded, the old one stays in force", "file", r.flags.configFile, "err", err)
		return err
	}
	if !slices.Equal(r.watched(cfg), r.watched(r.config)) {
		r.seen = r.fingerprint(cfg)
	}
	r.logWarnings(cfg, r.config.Warnings)
	r.config = cfg
	r.logger.Info("The configuration was reloaded", "file", r.flags.configFile, "targets", len(cfg.Targets))
	return nil
}

// logWarnings tells what is probably not meant, and was not told before.
func (r *reloader) logWarnings(cfg *targets.Config, told []string) {
	for _, w := range cfg.Warnings {
		if slices.Contains(told, w) {
			continue
		}
		r.logger.Warn("Configuration", "warning", w)
	}
}

// run reloads on SIGHUP, which comes through hup, and when a watched file's content changes, until ctx ends. Content
// is compared, not times, because Kubernetes swaps symbolic links.
func (r *reloader) run(ctx context.Context, hup <-chan os.Signal) {
	if r.load == nil {
		return
	}
	ticker := time.NewTicker(r.flags.autoReloadInterval)
	defer ticker.Stop()

	r.changed()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		case <-ticker.C:
			if !r.changed() {
				continue
			}
		}
		_ = r.reload() // It has said what is wrong.
	}
}

// changed reports whether what is watched has changed since it was last read, or last asked about.
func (r *reloader) changed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.seen
	r.seen = r.fingerprint(r.config)
	return r.seen != before
}

func (r *reloader) fingerprint(cfg *targets.Config) string {
	return targets.Fingerprint(r.watched(cfg))
}

// watched are the files whose changes count: target files always, all other files the
// configuration was read from only with --config.enable-auto-reload.
func (r *reloader) watched(cfg *targets.Config) []string {
	if r.flags.autoReload {
		return cfg.Inputs()
	}
	return cfg.TargetInputs()
}
