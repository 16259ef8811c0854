package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/exporter-toolkit/web"

	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// runServe loads the configuration and serves until it is told to stop.
func runServe(f *flags, stdout io.Writer, logger *slog.Logger) error {
	// From the first moment to the last: a service manager may start us and ask for a reload at once, and SIGHUP would end us.
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	load := func(previous *targets.Config) (*targets.Config, error) {
		return targets.Load(f.configFile, targets.Options{Metrics: checks.MetricNames(), Previous: previous})
	}
	cfg, err := load(nil)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%w\nWrite one (exporter.yml in the release is an example), name it with --config.file, or try: mailprobe_exporter demo", err)
		}
		return err
	}
	if f.configCheck {
		for _, w := range cfg.Warnings {
			fmt.Fprintf(stdout, "warning: %s\n", w)
		}
		noun := "targets"
		if len(cfg.Targets) == 1 {
			noun = "target"
		}
		fmt.Fprintf(stdout, "%s: good, %d %s\n", f.configFile, len(cfg.Targets), noun)
		return badFiles(cfg)
	}
	logStart(logger)
	c, err := collector.New(collector.Options{Config: cfg, Logger: logger, Storage: f.storagePath, OnDemand: !f.schedule})
	if err != nil {
		return err
	}
	return serve(f, c, cfg, load, hup, logger)
}

// badFiles is the error of --config.check for target files that cannot be used. A running
// exporter goes on without them.
func badFiles(cfg *targets.Config) error {
	var errs []error
	for _, file := range cfg.Files {
		if !file.OK {
			errs = append(errs, fmt.Errorf("%s cannot be used", file.Path))
		}
	}
	return errors.Join(errs...)
}

// stopPatience is how long pages under way have to end; with the collector's own patience it is less
// than the five seconds in which the exporter promises to stop.
const stopPatience = 400 * time.Millisecond

// serve runs a collector and its web server until a signal ends them. load reads the
// configuration anew for a reload, which hup asks for; nil: there is nothing to reload.
func serve(f *flags, c *collector.Collector, cfg *targets.Config, load loader, hup <-chan os.Signal, logger *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	r := &reloader{flags: f, collector: c, config: cfg, load: load, logger: logger}
	r.logWarnings(cfg, nil)
	handler, err := newHandler(f, c, r, logger)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	listening := make(chan struct{})
	var once sync.Once
	server.BaseContext = func(net.Listener) context.Context {
		once.Do(func() { close(listening) }) // Every listener is open before the first is served.
		return context.Background()
	}

	failed := make(chan error, 1)
	go func() {
		err := web.ListenAndServe(server, f.web, logger)
		if err != nil && !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("web server: %w", err)
			stop()
		}
	}()
	// Who finds the port taken, most likely by himself, has bothered nobody yet.
	select {
	case <-listening:
	case err := <-failed:
		return err
	}
	go r.run(ctx, hup)

	err = c.Run(ctx)
	logger.Info("Stopping")
	stopping, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	if server.Shutdown(stopping) != nil {
		server.Close()
	}
	select {
	case err = <-failed:
	default:
	}
	return err
}
