package mailworld

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

const (
	// defaultTTL is that of records whose zone text names none, in seconds.
	defaultTTL = 60
	// maxAliases is how many CNAMEs an answer follows.
	maxAliases = 16
	// reverseZone is a zone that every resolver has (RFC 1035 section 3.5).
	reverseZone = "in-addr.arpa."
)

// A zone is every record of the world: one zone that begins at the root. The zero value is empty.
type zone struct {
	mu    sync.RWMutex
	names map[string]rrsets // By canonical name.
	below map[string]int    // How many names with records are at or below a name.
	later map[rrsetKey][]dns.RR
}

// An rrsetKey says which RRset is meant.
type rrsetKey struct {
	name  string // Canonical.
	rtype uint16
}

// rrsets are the records of one name by type.
type rrsets map[uint16][]dns.RR

// readZone reads records in master file form: RRsets, and their order in the text.
func readZone(text string) (order []rrsetKey, sets map[rrsetKey][]dns.RR, err error) {
	parser := dns.NewZoneParser(strings.NewReader(text), "", "")
	parser.SetDefaultTTL(defaultTTL)
	sets = map[rrsetKey][]dns.RR{}
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		k := rrsetKey{dns.CanonicalName(rr.Header().Name), rr.Header().Rrtype}
		if sets[k] == nil {
			order = append(order, k)
		}
		// RFC 2181 section 5: an RRset holds no record twice.
		if !slices.ContainsFunc(sets[k], func(o dns.RR) bool { return dns.IsDuplicate(o, rr) }) {
			sets[k] = append(sets[k], rr)
		}
	}
	if err := parser.Err(); err != nil {
		return nil, nil, fmt.Errorf("read zone: %w", err)
	}
	return order, sets, nil
}

// add puts records in, replacing the RRsets it names.
func (z *zone) add(text string) error {
	order, sets, err := readZone(text)
	if err != nil {
		return err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.names == nil {
		z.names, z.below = map[string]rrsets{}, map[string]int{}
	}
	for _, k := range order {
		if z.names[k.name] == nil {
			z.names[k.name] = rrsets{}
			for name := range upwards(k.name) {
				z.below[name]++
			}
		}
		z.names[k.name][k.rtype] = sets[k]
	}
	return nil
}

// addLater keeps RRsets until those that they replace were given out.
func (z *zone) addLater(text string) error {
	_, sets, err := readZone(text)
	if err != nil {
		return err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.later == nil {
		z.later = map[rrsetKey][]dns.RR{}
	}
	maps.Copy(z.later, sets)
	return nil
}

// turn puts the RRset in whose turn has come now that the one before was given out.
func (z *zone) turn(q dns.Question) {
	k := rrsetKey{dns.CanonicalName(q.Name), q.Qtype}
	z.mu.Lock()
	defer z.mu.Unlock()
	if rrs, waiting := z.later[k]; waiting && len(z.names[k.name][k.rtype]) > 0 {
		z.names[k.name][k.rtype] = rrs
		delete(z.later, k)
	}
}

// remove takes every record of a name away.
func (z *zone) remove(name string) {
	name = dns.CanonicalName(name)
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.names[name] == nil {
		return
	}
	delete(z.names, name)
	for above := range upwards(name) {
		if z.below[above]--; z.below[above] == 0 {
			delete(z.below, above)
		}
	}
}

// upwards yields a canonical name, its parent and so on, the root last.
func upwards(name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for yield(name) && name != "." {
			if _, name, _ = strings.Cut(name, "."); name == "" {
				name = "."
			}
		}
	}
}

// answer answers a question as an authoritative server does (RFC 1034 section 4.3.2), following
// aliases as a recursive one. RFC 2308 section 3: the SOA record with a negative answer says how long it holds.
func (z *zone) answer(q dns.Question) (answer, authority []dns.RR, rcode int) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	owner := q.Name
	seen := map[string]bool{}
	for range maxAliases {
		name := dns.CanonicalName(owner)
		sets, exists := z.find(name)
		switch {
		case !exists:
			return answer, z.soa(name), dns.RcodeNameError
		case q.Qtype == dns.TypeANY && len(sets) > 0:
			for _, rrs := range sets {
				answer = append(answer, ownedBy(owner, rrs)...)
			}
			return answer, nil, dns.RcodeSuccess
		case len(sets[q.Qtype]) > 0:
			return append(answer, ownedBy(owner, sets[q.Qtype])...), nil, dns.RcodeSuccess
		case len(sets[dns.TypeCNAME]) == 0:
			return answer, z.soa(name), dns.RcodeSuccess
		}
		answer = append(answer, ownedBy(owner, sets[dns.TypeCNAME])...)
		seen[name] = true
		owner = sets[dns.TypeCNAME][0].(*dns.CNAME).Target
		if seen[dns.CanonicalName(owner)] {
			break // A loop: the client shall notice.
		}
	}
	return answer, nil, dns.RcodeSuccess
}

// find returns the records of a name and whether it exists, be it only because there are names below
// it or by a wildcard (RFC 4592 section 3.3.1: the one directly below the closest ancestor that exists).
func (z *zone) find(name string) (rrsets, bool) {
	sets := z.names[name]
	if name == reverseZone && sets[dns.TypeSOA] == nil {
		sets = maps.Clone(sets)
		if sets == nil {
			sets = rrsets{}
		}
		sets[dns.TypeSOA] = []dns.RR{someSOA(reverseZone)}
	}
	if sets != nil || z.below[name] > 0 {
		return sets, true
	}
	for above := range upwards(name) {
		if z.below[above] > 0 || above == "." {
			sets := z.names["*."+strings.TrimPrefix(above, ".")]
			return sets, sets != nil
		}
	}
	return nil, false
}

// soa is the SOA record above a name, with the time to live of a negative answer (RFC 2308 section 5), or one of the
// root if there is none.
func (z *zone) soa(name string) []dns.RR {
	for above := range upwards(name) {
		for _, rr := range z.names[above][dns.TypeSOA] {
			soa := dns.Copy(rr).(*dns.SOA)
			soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
			return []dns.RR{soa}
		}
	}
	return []dns.RR{someSOA(".")}
}

// someSOA is the SOA record of a zone that nobody has written one for.
func someSOA(zone string) dns.RR {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: defaultTTL},
		Ns:  "ns.example.", Mbox: "hostmaster.example.",
		Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: defaultTTL,
	}
}

// ownedBy copies records under the name that was asked for.
func ownedBy(owner string, rrs []dns.RR) []dns.RR {
	out := make([]dns.RR, len(rrs))
	for i, rr := range rrs {
		out[i] = dns.Copy(rr)
		out[i].Header().Name = owner
	}
	return out
}
