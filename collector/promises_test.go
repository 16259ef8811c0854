package collector

import (
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestChecks holds the checks to what they promise: their problems are in the catalogue, and
// metrics of one name are the same everywhere.
func TestChecks(t *testing.T) {
	type metric struct {
		labels string
		global bool
	}
	declared := map[string]metric{}
	for _, m := range snapshotMetrics {
		declared[m.Name] = metric{strings.Join(m.Labels, ","), m.Global}
	}
	for _, m := range selfMetrics {
		declared[m.Name] = metric{strings.Join(m.Labels, ","), m.Global}
	}
	for _, c := range checks.All {
		if _, ok := targets.CheckByName(c.Name); !ok {
			t.Errorf("%s: exporter.yml does not know this check", c.Name)
		}
		for _, id := range c.Problems {
			if p, ok := catalog.ProblemByID(id); !ok || p.Check != c.Name && p.Check != vantageName {
				t.Errorf("%s: problem %s is not in the catalogue as its", c.Name, id)
			}
		}
		for _, m := range c.Metrics {
			is := metric{strings.Join(m.Labels, ","), m.Global}
			if was, ok := declared[m.Name]; ok && was != is {
				t.Errorf("%s: metric %s has labels %q and elsewhere %q", c.Name, m.Name, is.labels, was.labels)
			}
			declared[m.Name] = is
			if m.Help == "" {
				t.Errorf("%s: metric %s has no help", c.Name, m.Name)
			}
		}
	}
}

// TestNoIdleProblems: what the catalogue explains is found by somebody.
func TestNoIdleProblems(t *testing.T) {
	found := map[string]bool{}
	built := map[string]bool{}
	for _, c := range checks.All {
		built[c.Name] = true
		for _, id := range c.Problems {
			found[id] = true
		}
	}
	for _, p := range catalog.Problems() {
		if built[p.Check] && !found[p.ID] {
			t.Errorf("problem %s is found by no check", p.ID)
		}
	}
}
