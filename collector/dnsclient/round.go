package dnsclient

import (
	"context"
	"time"
)

const (
	// maxRoundOctets bounds what a round remembers; of more, it asks again.
	maxRoundOctets = 1 << 20
	// wholeRound is longer than any round.
	wholeRound = 24 * time.Hour
)

// ForRound gives a client for one pass over a target, in which several checks need the same records. What it was told once holds for the
// whole pass, whatever its time to live, so that all checks judge by the same answers: records with a TTL of 0, which are for
// "the transaction in progress" (RFC 1035 section 3.2.1), and failures too, so that a name server that is silent is waited
// for once (RFC 9520 section 3.2 asks the same of resolvers). What c remembers it has as well, and c what it learns.
func (c *Client) ForRound() *Client {
	round := *c
	round.round = newCache(time.Now, maxRoundOctets)
	return &round
}

// told is what a round was told to a question.
type told struct {
	value
	expires time.Time
	err     error
}

// get answers q from what the round knows, from what all know, or by ask.
func (c *Client) get(ctx context.Context, q question, ask func(context.Context) (value, error)) (value, error) {
	if c.round == nil {
		return c.cache.get(ctx, q, ask)
	}
	v, err := c.round.get(ctx, q, func(ctx context.Context) (value, error) {
		v, err := c.cache.get(ctx, q, ask)
		if ctx.Err() != nil {
			return value{}, err // Nobody waits any more; that it was broken off says nothing of the name.
		}
		return value{told{v, time.Now().Add(v.ttl), err}, v.octets, wholeRound}, nil
	})
	if err != nil {
		return value{}, err
	}
	t := v.answer.(told)
	t.ttl = max(0, time.Until(t.expires))
	return t.value, t.err
}
