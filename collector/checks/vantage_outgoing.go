package checks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// An outgoingTest looks at one public address that our connections come from. Servers judge us by it, so what is wrong
// with it makes them refuse us. It tells what is wrong, "" if nothing is; an error means that this cannot be told.
type outgoingTest struct {
	name    string // The label test.
	problem string
	run     func(ctx context.Context, r *Round, addr netip.Addr) outgoingVerdict
}

// An outgoingVerdict is what a test says of one address.
type outgoingVerdict struct {
	wrong    catalog.Text // "": nothing.
	values   catalog.Values
	err      error // It cannot be told.
	withdraw bool  // With err: the verdict that is held is not believed any more either.
}

var outgoingTests = []outgoingTest{
	{"ptr", "vantage_ptr", testPTR},
	{"listed", "vantage_listed", testListed},
}

// listedEvery is how often a list is asked about our own address, if it may be asked as often as that.
const listedEvery = time.Hour

// outgoing returns the addresses that our connections come from, one of each family at most, as far as the world sees
// them: behind NAT it sees another one, of which nothing is known here. That a private range is in allow_addresses
// does not make it the world's, so the configuration is not asked.
func (r *Round) outgoing() []netip.Addr {
	if r.Env.Outgoing == nil {
		return nil
	}
	var out []netip.Addr
	for _, family := range []int{4, 6} {
		addr := r.Env.Outgoing(family).Unmap().WithZone("")
		if public(addr) && !slices.Contains(out, addr) {
			out = append(out, addr)
		}
	}
	return out
}

// lookAtOutgoing makes every test with every address, all at once.
func (r *Round) lookAtOutgoing(ctx context.Context, addrs []netip.Addr) [][]outgoingVerdict {
	out := make([][]outgoingVerdict, len(outgoingTests))
	for i := range out {
		out[i] = make([]outgoingVerdict, len(addrs))
	}
	sideBySide(len(outgoingTests)*len(addrs), func(n int) {
		i, k := n/len(addrs), n%len(addrs)
		out[i][k] = outgoingTests[i].run(ctx, r, addrs[k])
	})
	return out
}

// tellOutgoing says what a test made of all addresses. One at fault is enough. The problem is not the vantage's where
// the address is a configured sender's or server's: their own checks find it.
func (r *Round) tellOutgoing(test outgoingTest, addrs []netip.Addr, verdicts []outgoingVerdict) {
	var errs []error
	wrong, withdraw, nothing := false, false, true
	for _, v := range verdicts {
		wrong, withdraw = wrong || v.wrong.EN != "", withdraw || v.withdraw
		nothing = nothing && errors.Is(v.err, errNothingToTell)
		if v.err != nil {
			errs = append(errs, v.err)
		}
	}
	if nothing {
		return
	}
	p := r.Part(test.name, HoldRecords)
	if !wrong && len(errs) > 0 {
		p.Unknown, p.Withdraw = errors.Join(errs...), withdraw
		return
	}
	p.EmitBool(VantageOK, !wrong, test.name)
	for i, v := range verdicts {
		if v.wrong.EN == "" {
			continue
		}
		p.Evidence = append(p.Evidence, v.wrong.EN)
		if r.Env.Ours[addrs[i]] == "" {
			p.Find(test.problem, "", v.wrong, v.values, proberValues(addrs[i]))
		}
	}
}

// testPTR looks whether an address of ours has a name that leads back to it, as check rdns does for others.
func testPTR(ctx context.Context, r *Round, addr netip.Addr) outgoingVerdict {
	v := r.lookUpReverse(ctx, addr)
	switch {
	case v.err != nil:
		return outgoingVerdict{err: v.err}
	case v.count == 0:
		return outgoingVerdict{wrong: say("%s has no PTR record", addr), values: v.values()}
	case len(v.confirmed) == 0:
		return outgoingVerdict{wrong: say("%s: none of its names leads back to it: %s", addr, strings.Join(v.names, ", ")), values: v.values()}
	}
	return outgoingVerdict{}
}

// testListed asks the blocklists about an address of ours, as check dnsbl does for others. Only where every one of them
// says no is nothing wrong.
func testListed(ctx context.Context, r *Round, addr netip.Addr) outgoingVerdict {
	kind := "ipv6"
	if addr.Is4() {
		kind = "ipv4"
	}
	var lists []*list
	for _, l := range r.Env.Lists.lists {
		if slices.Contains(l.Kinds, kind) {
			lists = append(lists, l)
		}
	}
	if len(lists) == 0 {
		return outgoingVerdict{err: errNothingToTell}
	}
	parts := make([]Part, len(lists))
	sideBySide(len(lists), func(i int) { parts[i] = r.listedOn(ctx, lists[i], addr.String()) })

	var listings []catalog.Text
	var values catalog.Values // What remedies may name of the first list.
	var v outgoingVerdict
	reached, held := r.Last("listed")
	for i, p := range parts {
		for _, f := range p.Findings {
			switch f.Problem {
			case "dnsbl_listed":
				listings = append(listings, f.Evidence)
				if values == nil {
					values = lists[i].values().With(catalog.Values{catalog.ValueSubject: addr.String()}).With(f.Values)
				}
			default: // A code that nobody knows: it is no listing, and no "not listed".
				v.err = errors.Join(v.err, errors.New(f.Evidence.EN))
			}
		}
		if p.Unknown != nil {
			v.err = errors.Join(v.err, fmt.Errorf("%s: %w", lists[i].ID, p.Unknown))
			v.withdraw = v.withdraw || held && reached.After(lists[i].lastGood())
		}
	}
	if len(listings) > 0 {
		return outgoingVerdict{wrong: listed(listings, "; "), values: values}
	}
	return v
}

// listedOn asks one list about an address of ours, or tells what it said within the last hour, an answer or none:
// this check runs more often than lists like to be asked.
func (r *Round) listedOn(ctx context.Context, l *list, subject string) Part {
	q := question{"vantage", subject + " " + l.ID}
	on := basis{open: digestOfTexts(l.publicZone()), secret: digestOfTexts(l.zone), mark: l.Key.Mark()}
	if a, ok := r.Env.Memory.answer(q, on); ok && r.Time.Sub(a.at)+r.Every/10 < max(listedEvery, l.Interval) {
		return a.part
	}
	var p Part
	r.askList(ctx, l, subject, &p)
	if ctx.Err() == nil {
		r.Env.Memory.keep(q, answer{on, r.Time, p})
	}
	return p
}
