package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"text/tabwriter"

	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// runDemo serves a mail world of its own and probes it.
func runDemo(f *flags, stdout io.Writer, logger *slog.Logger) error {
	world, cfg, err := demoWorld()
	if err != nil {
		return err
	}
	defer world.Close()
	c, err := collector.New(collector.Options{
		Config: cfg, Dialer: world.Dialer(), Route: mailworld.Route, Outgoing: mailworld.Outgoing, Roots: world.Roots(), Logger: logger,
	})
	if err != nil {
		return err
	}
	if !f.listenSet {
		*f.web.WebListenAddresses = []string{"127.0.0.1:10587"}
	}
	printDemo(stdout, world, (*f.web.WebListenAddresses)[0])
	return serve(f, c, cfg, nil, nil, logger)
}

// demoWorld starts the demo's mail world and reads its configuration.
func demoWorld() (*mailworld.World, *targets.Config, error) {
	world, err := mailworld.New()
	if err != nil {
		return nil, nil, fmt.Errorf("start the mail world: %w", err)
	}
	text, err := world.Demo()
	if err != nil {
		world.Close()
		return nil, nil, fmt.Errorf("start the mail world: %w", err)
	}
	cfg, err := targets.Parse("demo.yml", text, targets.Options{Metrics: checks.MetricNames(), Getenv: mailworld.DemoEnv})
	if err != nil {
		world.Close()
		return nil, nil, fmt.Errorf("the demo's own configuration: %w", err)
	}
	cfg.Warnings = nil // They are for servers of others, whom short intervals would bother.
	return world, cfg, nil
}

// printDemo says what there is to see and where.
func printDemo(stdout io.Writer, world *mailworld.World, listen string) {
	if host, port, err := net.SplitHostPort(listen); err == nil && host == "" {
		listen = net.JoinHostPort("localhost", port)
	}
	fmt.Fprintf(stdout, "A small mail world is being probed. What is wrong in it:\n\n")
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	for _, s := range world.Sicknesses() {
		what := s.What
		if s.Later {
			what += " It takes up to half an hour to show."
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", s.Target, s.Problem, what)
	}
	w.Flush()
	fmt.Fprintf(stdout, "\nThe rest shows within half a minute.\n")
	fmt.Fprintf(stdout, "\nPages:         http://%[1]s/   (the worst first)\nMetrics:       http://%[1]s/metrics   (look for mailprobe_problem)\nConfiguration: http://%[1]s/config\nEnd it with Ctrl-C.\n\n", listen)
}
