package checks

import (
	"context"
	"sync"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
)

// A control tells whether a resolver invents answers. Lists that are tested at the same time share it. A list whose resolver has only just
// begun to is found out by its own control name, which has the invented address, too.
type control struct {
	dns *dnsclient.Client // Asks every time.

	mu    sync.Mutex // Held while it is asked.
	at    time.Time  // When it was asked last; zero: never.
	found error
}

// controlGood is for how long the resolver is not asked again.
const controlGood = time.Minute

// invents says what the resolver answers for a name that does not exist; nil: nothing, or that could not be told.
func (c *control) invents(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < controlGood {
		return c.found
	}
	a, err := c.dns.Addresses(ctx, 4, randomLabel()+".invalid")
	if ctx.Err() != nil {
		return nil
	}
	c.at, c.found = time.Now(), nil
	if err == nil && len(a.Records) > 0 {
		c.found = worded{Text: say("the resolver answers %v for a name that does not exist", a.Records[0])}
	}
	return c.found
}
