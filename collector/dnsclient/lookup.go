package dnsclient

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	maxAliases     = 8
	maxTTL         = time.Hour
	maxNegativeTTL = 15 * time.Minute
)

// lookup answers the question for k at name, from memory if it can.
func lookup[T any](ctx context.Context, c *Client, k kind[T], name string) (Answer[T], error) {
	asked, err := canonical(name)
	if err != nil {
		return Answer[T]{}, c.tell(k.name, name, err)
	}
	if c.cache == nil {
		a, _, err := resolve(ctx, c.exchanger, k, asked)
		return a, c.tell(k.name, name, err)
	}
	a, err := remembered(ctx, c, k, asked)
	if err == nil && c.doubt != nil {
		addrs, _ := any(a.Records).([]netip.Addr)
		if why := c.doubt(ctx, a.Outcome, addrs); why != nil {
			err = fmt.Errorf("%w: %w", ErrDoubtful, why)
		}
	}
	if err != nil {
		return Answer[T]{}, c.tell(k.name, name, err)
	}
	return a, nil
}

// remembered is lookup with a cache, for a canonical name.
func remembered[T any](ctx context.Context, c *Client, k kind[T], asked string) (Answer[T], error) {
	v, err := c.get(ctx, question{k.rtype, asked}, func(ctx context.Context) (value, error) {
		a, octets, err := resolve(ctx, c.exchanger, k, asked)
		return value{a, octets, a.TTL}, err
	})
	if err != nil {
		return Answer[T]{}, err
	}
	a := v.answer.(Answer[T])
	a.TTL = v.ttl
	a.Records = slices.Clone(a.Records) // Others hold the same answer.
	a.Aliases = slices.Clone(a.Aliases)
	return a, nil
}

// resolve asks for k at name, and goes on asking where aliases lead. It also gives the
// octets of the messages, as a measure of what keeping the answer costs.
func resolve[T any](ctx context.Context, e *exchanger, k kind[T], name string) (a Answer[T], octets int, err error) {
	l := e.newLookup()
	seen := []string{strings.TrimSuffix(name, ".")}
	ttl, secure := maxTTL, e.dnssec
	for {
		part, next, n, err := ask(ctx, l, k, name)
		if err != nil {
			return Answer[T]{}, 0, err
		}
		octets += n
		ttl = min(ttl, part.TTL)
		secure = secure && part.Secure
		for _, alias := range part.Aliases {
			if slices.Contains(seen, alias) {
				return Answer[T]{}, 0, fmt.Errorf("%w: %q leads back to itself", ErrAlias, alias)
			}
			seen = append(seen, alias)
		}
		if len(seen) > maxAliases+1 {
			return Answer[T]{}, 0, fmt.Errorf("%w: over %d aliases", ErrAlias, maxAliases)
		}
		if next == "" {
			part.Aliases = append([]string(nil), seen[1:]...)
			part.TTL, part.Secure = ttl, secure
			return part, octets, nil
		}
		name = next
	}
}

// ask puts one question to the servers until one of them answers it. A server that was silent
// is asked once more after the others, then without EDNS, which some drop queries for.
func ask[T any](ctx context.Context, l *attempt, k kind[T], name string) (a Answer[T], next string, octets int, err error) {
	var failed error
	servers := l.order()
	for _, edns := range []bool{true, false} {
		var unheard []*server
		for _, s := range servers {
			a, next, octets, err = believed(ctx, l, s, k, name, edns)
			if err == nil {
				return a, next, octets, nil
			}
			if ctx.Err() != nil {
				return Answer[T]{}, "", 0, err
			}
			if octets == 0 {
				unheard = append(unheard, s)
			}
			if failed == nil || silent(failed) {
				failed = fmt.Errorf("%s: %w", s.addr, err) // What a server said tells more than silence.
			}
		}
		servers = unheard
	}
	return Answer[T]{}, "", 0, failed
}

// believed puts one question to one server, and takes no denial from it that proves nothing.
func believed[T any](ctx context.Context, l *attempt, s *server, k kind[T], name string, edns bool) (a Answer[T], next string, octets int, err error) {
	a, next, octets, err = consult(ctx, l, s, k, name, edns)
	if errors.Is(err, errUnproven) && (l.proves(s, a.Outcome, a.Secure) || l.believes(ctx, s, a.Outcome)) {
		err = nil
	}
	return a, next, octets, err
}

// consult puts one question to one server, and once more without EDNS where what came back may be
// the fault of EDNS: an error of a server that does not know it (RFC 6891 section 7), a malformed
// answer, or a denial without proof. That one comes with its answer beside errUnproven.
func consult[T any](ctx context.Context, l *attempt, s *server, k kind[T], name string, edns bool) (a Answer[T], next string, octets int, err error) {
	with := edns && s.edns.taken()
	a, next, octets, err = send(ctx, l, s, k, name, with)
	understood := err == nil || errors.Is(err, errUnproven)
	switch {
	case with && understood:
		s.edns.worked()
	case !edns && understood && s.edns.taken():
		s.edns.failed(false)
	}
	if !with || octets == 0 || !mayBeEDNS(err) || understood && l.proves(s, a.Outcome, a.Secure) {
		return a, next, octets, err
	}
	a, next, octets, err = send(ctx, l, s, k, name, false)
	if err == nil || !understood && errors.Is(err, errUnproven) {
		s.edns.failed(true)
	}
	return a, next, octets, err
}

// mayBeEDNS tells whether a server may have more to say without EDNS than the error that it led to.
func mayBeEDNS(err error) bool {
	return notUnderstood(err) || errors.Is(err, ErrBadAnswer) || errors.Is(err, errUnproven)
}

// silent tells whether err is that nothing came back.
func silent(err error) bool {
	return errors.Is(err, ErrTimeout) || errors.Is(err, ErrNetwork)
}

// send puts one question to one server once, and observes what becomes of it.
func send[T any](ctx context.Context, l *attempt, s *server, k kind[T], name string, edns bool) (a Answer[T], next string, octets int, err error) {
	query, err := newQuery(name, k.rtype, edns, l.dnssec)
	if err != nil {
		return a, "", 0, err
	}
	if l.unchecked {
		query[3] |= 0x10 // CD (RFC 4035 section 3.2.2).
	}
	msg, sent, err := l.exchange(ctx, s, query)
	if err == nil {
		a, next, err = parse(k, name, msg)
	}
	if sent {
		s.heard(err)
		l.observe(err, a.Outcome, next)
	}
	return a, next, len(msg), err
}
