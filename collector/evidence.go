package collector

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

const (
	// maxRunEvidence bounds what a run of a check keeps of what it saw, in bytes; its things share it evenly, and each has at
	// least leastEvidence of it. One target has at most 32 addresses.
	maxRunEvidence = 64 << 10
	leastEvidence  = 1 << 10
	// maxAllEvidence bounds that of all targets: above it a run keeps leastEvidence of each thing.
	maxAllEvidence = 100 << 20
)

// boundEvidence cuts what a run saw to so many bytes.
func boundEvidence(result *checks.Result, most int) {
	each := max(leastEvidence, most/max(1, len(result.Parts)))
	for _, p := range result.Parts {
		left := each
		for i, line := range p.Evidence {
			if len(line) <= left {
				left -= len(line)
				continue
			}
			more := len(p.Evidence) - i - 1
			p.Evidence = append(slices.Clone(p.Evidence[:i]), cutText(line, left)) // The check may still have it.
			if more > 0 {
				p.Evidence = append(p.Evidence, fmt.Sprintf("(%d more lines are left out)", more))
			}
			break
		}
		left = each
		for i := range p.Findings {
			t := &p.Findings[i].Evidence
			*t = catalog.Text{EN: cutText(t.EN, left), RU: cutText(t.RU, left)}
			left = max(leastEvidence/8, left-len(t.EN))
		}
	}
}

// cutText cuts a text after so many bytes, and says so.
func cutText(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + fmt.Sprintf(" ... (%d bytes more)", len(text)-most)
}

// evidenceSize is how many bytes of evidence are known of a target.
func evidenceSize(known []CheckState) (size int) {
	for _, c := range known {
		for _, p := range c.Parts {
			for _, line := range p.Evidence {
				size += len(line)
			}
			for _, f := range p.Findings {
				size += len(f.Evidence.EN) + len(f.Evidence.RU)
			}
		}
	}
	return size
}

// present makes fit to be shown and kept what a check saw: without secrets, and bounded.
func (c *Collector) present(result *checks.Result) {
	c.regime.Load().secrets.clean(result)
	most := maxRunEvidence
	if c.evidence.Load() > maxAllEvidence {
		most = 0
	}
	boundEvidence(result, most)
}

// countEvidence takes note of how much evidence is known of a target; of one that has gone, that there is none.
func (c *Collector) countEvidence(st *state, size int) {
	c.evidence.Add(int64(size) - st.evidence.Swap(int64(size)))
}
