package spf

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// Explain gives the text by which the domain explains a fail to the sender (RFC 7208 section 6.2), "" without one and for any
// other result. It asks DNS once. receiver is the name of the host that checks, at the time. The text is the domain's: visible
// ASCII and spaces, not to be trusted.
func (e *Evaluation) Explain(ctx context.Context, receiver string, at time.Time) string {
	if e.Result != Fail || e.decider.exp == nil {
		return ""
	}
	c, domain := e.checker, e.decider.Domain
	name, ok := c.target(ctx, domain, e.decider.exp)
	if !ok {
		return ""
	}
	// RFC 7208 section 6.2: whatever is wrong from here on, it is as if there were no exp.
	texts, err := c.resolver.TXT(ctx, name)
	if err != nil || len(texts) != 1 {
		return ""
	}
	known := map[byte]string{'c': c.ip.String(), 'r': receiver, 't': strconv.FormatInt(at.Unix(), 10)}
	var words []string
	for word := range strings.SplitSeq(texts[0], " ") { // A macro string has no spaces, an explanation may.
		m, err := record.ParseMacroString(word)
		if err != nil {
			return ""
		}
		words = append(words, c.expand(ctx, domain, m, known))
	}
	return strings.Join(words, " ")
}
