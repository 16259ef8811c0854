package collector

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/netip"

	dto "github.com/prometheus/client_model/go"

	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Options say how to make a Collector.
type Options struct {
	Config *targets.Config
	Dialer smtpclient.Dialer      // nil: a net.Dialer.
	Route  func(netip.Addr) error // nil: smtpclient.Route.
	Roots  *x509.CertPool         // nil: the system's. tls.ca_file of the configuration is added.
	Logger *slog.Logger           // nil: nothing is logged.
}

// A Collector probes targets on schedule, keeps what is known of them and exposes it.
type Collector struct{}

// New returns a collector that does nothing until Run.
func New(o Options) (*Collector, error) { return nil, errors.New("collector: not built") }

// Run probes until ctx ends, then ends every session politely and returns within five seconds.
func (c *Collector) Run(ctx context.Context) error { return nil }

// Apply puts a configuration in force. Targets that did not change keep what is known of them. On an error nothing changes.
func (c *Collector) Apply(cfg *targets.Config) error { return nil }

// Reloaded records the outcome of a reload for config_last_reload_successful.
func (c *Collector) Reloaded(err error) {}

// Ready reports whether every configured target has been tried once.
func (c *Collector) Ready() bool { return false }

// Gather returns all families, sorted, from memory. It implements prometheus.Gatherer.
func (c *Collector) Gather() ([]*dto.MetricFamily, error) { return nil, nil }
