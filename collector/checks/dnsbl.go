package checks

import (
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Lists knows of every blocklist in use whether it can be believed.
type Lists struct{}

// ListState is the health of one list, for dnsbl_state and dnsbl_queries_total.
type ListState struct {
	ID      string
	State   string            // The label state; "" while not tested.
	Queries map[string]uint64 // By outcome.
}

// States returns the health of every list in use, in the order of the configuration.
func (l *Lists) States() []ListState { return nil }

// NewLists returns the lists of a configuration, none of them tested yet. forResolver makes the client for a list
// that is to be asked through a resolver of its own.
func NewLists(cfg *targets.Config, dns *dnsclient.Client, forResolver func(server string) (*dnsclient.Client, error)) (*Lists, error) {
	return &Lists{}, nil
}
