package dnsclient

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// # When "no" is believed
//
// RFC 2308 section 2 knows denials with the SOA record of the zone in the authority section
// (NXDOMAIN and NODATA of types 1 and 2) and denials without (types 3 and 4). The first kind is
// proof enough: only who has asked the zone's servers, or remembers what they said, has that
// record. The second proves nothing by itself. An empty message is also what comes of a router
// that drops what it does not understand, of a firewall that strips records, and of a cache whose
// memory of a failure is "nothing". But dnsmasq, systemd-resolved and many routers leave the SOA
// out of each denial that they remember, and are right.
//
// Hence these rules:
//
//   - A message whose sections are not what RFC 1035 and RFC 6891 have them be is malformed, and
//     no answer: an OPT record that is not the only one in the additional section, a denial with
//     the records asked for in another section, with octets after its end, or, without a SOA
//     record, with other records where the answer belongs.
//   - An empty message with NS records and without SOA is a referral (RFC 2308 section 2.2), and
//     no answer.
//   - A denial with SOA, or that a resolver trusted to validate has validated, is believed.
//   - A denial without is believed of a server only that was tested: it gives the SOA record of
//     in-addr.arpa, which exists everywhere (RFC 1035 section 3.5), so it does not deny
//     what is there; and it leaves the SOA out of a denial of the same kind known to be
//     true. A server that proves such a denial has another reason to leave the SOA out elsewhere.
//   - Any other is ErrDoubtful, once the server was asked without EDNS, which the old confuse,
//     and the other servers were asked, too.
//   - A blocklist is tested by its own control names: see AcceptUnproven.
//
// A test costs up to ten queries, and only where a denial came without SOA. Its result holds for
// ten minutes; that nothing came of it, for half a minute.

const (
	styleHolds = 10 * time.Minute
	// alwaysThere is a name that exists, with a SOA record and without an address.
	alwaysThere = "in-addr.arpa."
)

// errUnproven is a denial that proves nothing.
var errUnproven = fmt.Errorf("%w: it denies without the SOA record that a denial is proved by (RFC 2308 section 2)", ErrDoubtful)

// A denialStyle is which denials of a server may lack the SOA record.
type denialStyle struct {
	bareName, bareData bool // NXDOMAIN, NODATA.
	until              time.Time
}

// bare tells whether a denial of this outcome is believed without SOA.
func (d *denialStyle) bare(o Outcome) bool {
	return o == OutcomeNoName && d.bareName || o == OutcomeNoData && d.bareData
}

// A denialTest remembers the style of one server.
type denialTest struct {
	style atomic.Pointer[denialStyle]
	turn  chan struct{} // Holds one element while the server is tested.
}

// known gives the style if it was tested of late, or nil.
func (t *denialTest) known() *denialStyle {
	if d := t.style.Load(); d != nil && time.Now().Before(d.until) {
		return d
	}
	return nil
}

// proves tells whether a denial without SOA from s is known to be believed, without a test.
func (l *attempt) proves(s *server, o Outcome, secure bool) bool {
	d := s.denials.known()
	return l.unproven || l.dnssec && secure || d != nil && d.bare(o)
}

// believes tells whether a denial without SOA from s is believed. It tests the server if that was
// not done of late; callers that come meanwhile wait. The test has its own time, as much as a lookup.
func (l *attempt) believes(ctx context.Context, s *server, o Outcome) bool {
	if d := s.denials.known(); d != nil {
		return d.bare(o)
	}
	select {
	case s.denials.turn <- struct{}{}:
		defer func() { <-s.denials.turn }()
	case <-ctx.Done():
		return false
	}
	d := s.denials.known()
	if d == nil {
		var err error
		if d, err = l.newLookup().testDenials(ctx, s); ctx.Err() != nil {
			return false
		}
		d.until = time.Now().Add(styleHolds)
		if err != nil {
			d.until = time.Now().Add(aside)
		}
		s.denials.style.Store(d)
	}
	return d.bare(o)
}

// testDenials learns which denials of a server lack the SOA record. An error, which comes with a style that believes nothing, means that the server could not be tested.
func (l *attempt) testDenials(ctx context.Context, s *server) (*denialStyle, error) {
	there, _, _, err := consult(ctx, l, s, kindSOA, alwaysThere, true)
	if err != nil || there.Outcome != OutcomeFound {
		if errors.Is(err, errUnproven) {
			err = nil // It denies what exists.
		}
		return &denialStyle{}, err
	}
	d := &denialStyle{}
	if d.bareName, err = l.leavesOut(ctx, s, strings.ToLower(rand.Text())+"."+alwaysThere, OutcomeNoName); err == nil {
		d.bareData, err = l.leavesOut(ctx, s, alwaysThere, OutcomeNoData)
	}
	if err != nil {
		return &denialStyle{}, err
	}
	return d, nil
}

// leavesOut tells whether a server denies addresses of name, which has none, without SOA. A
// forwarder may pass the SOA on at first and deny from memory afterwards, so it is asked twice.
func (l *attempt) leavesOut(ctx context.Context, s *server, name string, want Outcome) (bool, error) {
	for range 2 {
		a, _, _, err := consult(ctx, l, s, kindA, name, true)
		switch {
		case errors.Is(err, errUnproven) && a.Outcome == want:
			return true, nil
		case err != nil && !errors.Is(err, errUnproven):
			return false, err
		}
	}
	return false, nil
}
