// Package checks holds what we ask: one file per check, and in this file what a check
// is and the list of all of them.
//
// A check is handed a Round and says what it saw of each thing it looked at (an address,
// a list, a selector) in a Part. It knows neither Prometheus nor HTTP, and the time only
// as the Round tells it.
package checks

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A Check asks one question about a target. Its name, kinds and interval stand in
// targets.Checks, because exporter.yml speaks of them.
type Check struct {
	Name     string
	Help     string    // One sentence, shown in the docs.
	Ref      string    // Where the question comes from: "RFC 7208".
	Metrics  []*Metric // Every family it may emit.
	Problems []string  // Every problem it may find, by id.

	ReadsServers bool // Of a domain: it reads what is known of the servers, and where that is nothing says ErrServerUnseen.

	// Run answers the question. An error means that it could not be answered at all; a bad
	// answer is not an error. What was put into parts before an error is discarded.
	Run func(ctx context.Context, r *Round) error
}

// ErrServerUnseen is why a domain's check could not tell something that it reads from what is known of a server.
var ErrServerUnseen = errors.New("it was not probed yet, or did not let us in")

// A Metric is a family of gauges that a check may emit.
type Metric struct {
	Name   string   // Without the prefix mailprobe_.
	Help   string   // Says what a value means, its unit, and that it is as old as the last run.
	Labels []string // Beside target.
	Global bool     // Without the label target: a fact about a list or the vantage.
}

// All lists the checks in the order of the documentation.
var All = []*Check{
	smtpCheck,
	recipientCheck,
	authCheck,
	relayCheck,
	daneCheck,
	rdnsCheck,
	mxCheck,
	spfCheck,
	dkimCheck,
	dmarcCheck,
	dnssecCheck,
	mtaSTSCheck,
	tlsRPTCheck,
	bimiCheck,
	bulkCheck,
	dnsblCheck,
	vantageCheck,
}

// ByName returns the check of a name, or nil if this version does not have it.
func ByName(name string) *Check {
	for _, c := range All {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// MetricNames lists the families of all checks without the prefix, each once, for metrics.exclude.
func MetricNames() []string {
	var names []string
	for _, c := range All {
		for _, m := range c.Metrics {
			if !slices.Contains(names, m.Name) {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

// A Hold says how long a verdict outlives the last run that reached it.
type Hold int

// The holds.
const (
	HoldReplies Hold = iota // Three intervals: what a server said.
	HoldRecords             // 24 hours or three intervals, whichever is longer: records, certificates, listings.
)

// Duration returns how long a verdict is held for a check that runs every interval.
func (h Hold) Duration(interval time.Duration) time.Duration {
	if h == HoldRecords {
		return max(24*time.Hour, 3*interval)
	}
	return 3 * interval
}

// DefaultInterval returns how often the check runs unless configured.
func (c *Check) DefaultInterval() time.Duration {
	s, _ := targets.CheckByName(c.Name)
	return s.Interval
}

// counted writes a number with what is counted.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
