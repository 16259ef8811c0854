package dnsclient

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	headerSize = 12   // RFC 1035 section 4.1.1.
	udpSize    = 1232 // What fits an IPv6 packet on every path, less a tunnel or two.
)

// newQuery makes the message that asks for the records of one type at name.
func newQuery(name string, rtype uint16, edns, dnssec bool) ([]byte, error) {
	var m dns.Msg
	m.SetQuestion(name, rtype)
	m.AuthenticatedData = dnssec // RFC 6840 section 5.7: asks for the AD bit where DO cannot be set.
	if edns {
		m.SetEdns0(udpSize, dnssec)
	}
	query, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrBadName, err.Error())
	}
	_, _ = rand.Read(query[:2]) // The id. crypto/rand never returns an error.
	return query, nil
}

// A header is the fixed beginning of a message.
type header struct {
	response, authoritative, truncated, recursion, authentic bool
	rcode                                                    int
	counts                                                   [4]int // Questions, answers, authorities, additionals.
}

func readHeader(msg []byte) (h header, ok bool) {
	if len(msg) < headerSize {
		return h, false
	}
	bits := binary.BigEndian.Uint16(msg[2:])
	h = header{
		response:      bits&0xf800 == 0x8000, // And the opcode is that of a query.
		authoritative: bits&0x0400 != 0,
		truncated:     bits&0x0200 != 0,
		recursion:     bits&0x0080 != 0,
		authentic:     bits&0x0020 != 0,
		rcode:         int(bits & 15),
	}
	for i := range h.counts {
		h.counts[i] = int(binary.BigEndian.Uint16(msg[4+2*i:]))
	}
	return h, true
}

// answers tells whether msg is an answer to query, with the same id and the same question
// (RFC 5452 section 9.1). In an error the question may be missing, since a server that
// cannot read a query cannot repeat it.
func answers(query, msg []byte) bool {
	h, ok := readHeader(msg)
	if !ok || !h.response || !bytes.Equal(query[:2], msg[:2]) {
		return false
	}
	switch h.counts[0] {
	case 0:
		return h.rcode == dns.RcodeFormatError || h.rcode == dns.RcodeServerFailure ||
			h.rcode == dns.RcodeNotImplemented || h.rcode == dns.RcodeRefused
	case 1:
		end := questionEnd(query)
		return end <= len(msg) && equalQuestions(query[headerSize:end], msg[headerSize:end])
	}
	return false
}

// questionEnd gives the offset after the question of a query that we made.
func questionEnd(query []byte) int {
	off := headerSize
	for query[off] != 0 {
		off += 1 + int(query[off])
	}
	return off + 1 + 4 // Type and class.
}

// equalQuestions compares two questions in wire form, the names in any case. Length
// octets are below 64 and so never taken for letters; nor are type and class, compared as they are.
func equalQuestions(a, b []byte) bool {
	name := len(a) - 4
	for i := range name {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return bytes.Equal(a[name:], b[name:])
}

// A rawRecord is a record that has been located but not yet read.
type rawRecord struct {
	rtype, class uint16
	ttl          uint32
	off          int // Of the owner's name.
}

// locate finds the records of a message by section, answers, authorities, additionals, and where
// they end. What it does not ask for, nobody reads: rubbish in a record of another type harms no answer.
func locate(msg []byte, h header) (sections [3][]rawRecord, off int, err error) {
	off = headerSize
	for range h.counts[0] {
		if off = skipName(msg, off); off < 0 || off+4 > len(msg) {
			return sections, 0, errShort
		}
		off += 4
	}
	for s := range sections {
		for range h.counts[s+1] {
			r := rawRecord{off: off}
			if off = skipName(msg, off); off < 0 || off+10 > len(msg) {
				return sections, 0, errShort
			}
			r.rtype = binary.BigEndian.Uint16(msg[off:])
			r.class = binary.BigEndian.Uint16(msg[off+2:])
			r.ttl = binary.BigEndian.Uint32(msg[off+4:])
			off += 10 + int(binary.BigEndian.Uint16(msg[off+8:]))
			if off > len(msg) {
				return sections, 0, errShort
			}
			sections[s] = append(sections[s], r)
		}
	}
	return sections, off, nil
}

var errShort = errors.New("the message ends within a record")

// skipName gives the offset after the name at off, or -1.
func skipName(msg []byte, off int) int {
	for off < len(msg) {
		c := int(msg[off])
		switch {
		case c == 0:
			return off + 1
		case c >= 0xc0: // A pointer ends the name.
			return off + 2
		case c > 63:
			return -1
		}
		off += 1 + c
	}
	return -1
}

// parse reads what msg says to the question for k at name, which is canonical. Where the
// answer stops at an alias without telling about its end, next is the name to ask for.
// With errUnproven comes the answer that is not proved.
func parse[T any](k kind[T], name string, msg []byte) (a Answer[T], next string, err error) {
	h, ok := readHeader(msg)
	if !ok {
		return a, "", fmt.Errorf("%w: %d octets", ErrBadAnswer, len(msg))
	}
	sections, size, err := locate(msg, h)
	if err != nil {
		return a, "", fmt.Errorf("%w: %w", ErrBadAnswer, err)
	}
	rcode, err := readRcode(h, sections)
	if err != nil {
		return a, "", err
	}

	keep := maxTTL
	end := name
	if k.rtype != dns.TypeCNAME {
		if end, err = follow(msg, sections[0], name, &a.Aliases, &keep); err != nil {
			return a, "", err
		}
	}
	found, err := collect(k, msg, sections[0], end, &a, &keep)
	if err != nil {
		return a, "", err
	}
	a.Secure = h.authentic
	soa, negative := readSOA(msg, sections[1], end)
	switch {
	case found && rcode == dns.RcodeNameError:
		return a, "", fmt.Errorf("%w: records of a name that does not exist", ErrBadAnswer)
	case found:
		a.Outcome, a.TTL = OutcomeFound, keep
		return a, "", nil
	case len(a.Aliases) > 0 && !soa:
		a.TTL = keep
		return a, end, nil
	case rcode == dns.RcodeNameError:
		a.Outcome = OutcomeNoName
	case !soa && (has(sections[1], dns.TypeNS) || !h.authoritative && !h.recursion):
		// RFC 2308 section 2.2: the server refers us to others, and says nothing about the name.
		return a, "", fmt.Errorf("%w: a referral; the server does not recurse for us", ErrRefused)
	default:
		a.Outcome = OutcomeNoData
	}
	a.TTL = min(keep, negative)
	if err := wellDenied(k.rtype, end, msg[:size], len(msg), sections, soa); err != nil {
		return a, "", err
	}
	return a, "", nil
}

// readRcode gives the response code, with the upper bits that an OPT record has (RFC 6891 section
// 6.1.3), if it is that of an answer. Section 6.1.1: there is one OPT record at most, and in the
// additional section. A resolver that has it elsewhere has moved other records as well.
func readRcode(h header, sections [3][]rawRecord) (int, error) {
	if has(sections[0], dns.TypeOPT) || has(sections[1], dns.TypeOPT) {
		return 0, fmt.Errorf("%w: an OPT record outside the additional section", ErrBadAnswer)
	}
	rcode, seen := h.rcode, false
	for _, r := range sections[2] {
		if r.rtype != dns.TypeOPT {
			continue
		}
		if seen {
			return 0, fmt.Errorf("%w: two OPT records", ErrBadAnswer)
		}
		seen = true
		rcode |= int(r.ttl>>24) << 4
	}
	return rcode, rcodeError(rcode)
}

// wellDenied says why a denial of the records of one type at name is not one: it is malformed,
// or errUnproven. Of its total octets, msg are those up to the end of the last record.
func wellDenied(rtype uint16, name string, msg []byte, total int, sections [3][]rawRecord, soa bool) error {
	for _, r := range slices.Concat(sections[1], sections[2]) {
		if r.rtype != rtype || r.class != dns.ClassINET {
			continue
		}
		if owner, _, err := dns.UnpackDomainName(msg, r.off); err == nil && strings.EqualFold(owner, name) {
			return fmt.Errorf("%w: the records asked for are not in the answer section", ErrBadAnswer)
		}
	}
	if len(msg) != total {
		return fmt.Errorf("%w: %d octets after the last record", ErrBadAnswer, total-len(msg))
	}
	if soa {
		return nil
	}
	for _, r := range sections[0] {
		if r.rtype != dns.TypeCNAME && r.rtype != dns.TypeDNAME && r.rtype != dns.TypeRRSIG {
			return fmt.Errorf("%w: records that nobody asked for in place of the answer", ErrBadAnswer)
		}
	}
	return errUnproven
}

// has tells whether there is a record of a type.
func has(records []rawRecord, rtype uint16) bool {
	return slices.ContainsFunc(records, func(r rawRecord) bool { return r.rtype == rtype })
}

// follow goes along the aliases in records from name to the end that they lead to, adds
// them to aliases, and lowers keep to their TTL.
func follow(msg []byte, records []rawRecord, name string, aliases *[]string, keep *time.Duration) (string, error) {
	targets := map[string]string{}
	for _, r := range records {
		if r.rtype != dns.TypeCNAME || r.class != dns.ClassINET {
			continue
		}
		rr, _, err := dns.UnpackRR(msg, r.off)
		cname, ok := rr.(*dns.CNAME)
		if err != nil || !ok || cname.Target == "" {
			return "", fmt.Errorf("%w: %w", ErrBadAnswer, errMalformed)
		}
		owner := strings.ToLower(cname.Hdr.Name)
		if old, ok := targets[owner]; ok && !strings.EqualFold(old, cname.Target) {
			return "", fmt.Errorf("%w: two aliases at one name", ErrBadAnswer)
		}
		if targets[owner] = cname.Target; len(targets) > maxRecords {
			return "", fmt.Errorf("%w: over %d aliases in one answer", ErrAlias, maxRecords)
		}
		*keep = min(*keep, recordTTL(r.ttl))
	}
	for {
		target, ok := targets[name]
		if !ok {
			return name, nil
		}
		plain, ok := aliasName(target)
		if !ok {
			return "", fmt.Errorf("%w: an alias to %q", ErrBadAnswer, target)
		}
		if *aliases = append(*aliases, plain); len(*aliases) > maxAliases {
			return "", fmt.Errorf("%w: over %d aliases", ErrAlias, maxAliases)
		}
		name = plain + "."
	}
}

// collect reads the records of kind k at name into a, and tells whether there were any.
func collect[T any](k kind[T], msg []byte, records []rawRecord, name string, a *Answer[T], keep *time.Duration) (found bool, err error) {
	for _, r := range records {
		if r.rtype != k.rtype || r.class != dns.ClassINET {
			continue
		}
		rr, _, err := dns.UnpackRR(msg, r.off)
		if err != nil {
			return false, fmt.Errorf("%w: %q", ErrBadAnswer, err.Error())
		}
		if !strings.EqualFold(rr.Header().Name, name) {
			continue // Nobody asked.
		}
		v, err := k.read(rr)
		if errors.Is(err, errMalformed) {
			return false, fmt.Errorf("%w: %w", ErrBadAnswer, err)
		}
		found = true
		*keep = min(*keep, recordTTL(r.ttl))
		if err != nil {
			a.Invalid++
			continue
		}
		a.Records = append(a.Records, v)
		if len(a.Records) >= 2*maxRecords {
			cut(k, a) // Now and then, so that no message makes us hold thousands.
		}
	}
	cut(k, a)
	return found, nil
}

// cut orders the records and drops those beyond the limit.
func cut[T any](k kind[T], a *Answer[T]) {
	if k.compare != nil {
		slices.SortStableFunc(a.Records, k.compare)
	}
	if !k.all && len(a.Records) > maxRecords {
		a.Records, a.Truncated = a.Records[:maxRecords], true
	}
}

// readSOA tells whether the authority section has the SOA of a zone that name is in, which
// makes the message the last word on name (RFC 2308 section 2), and how long "no" may be kept.
func readSOA(msg []byte, records []rawRecord, name string) (found bool, keep time.Duration) {
	for _, r := range records {
		if r.rtype != dns.TypeSOA || r.class != dns.ClassINET {
			continue
		}
		rr, _, err := dns.UnpackRR(msg, r.off)
		soa, ok := rr.(*dns.SOA)
		if err != nil || !ok || !inZone(name, soa.Hdr.Name) {
			continue
		}
		return true, min(recordTTL(r.ttl), recordTTL(soa.Minttl), maxNegativeTTL)
	}
	return false, 0
}

func inZone(name, zone string) bool {
	zone = strings.ToLower(zone)
	return zone == "." || name == zone || strings.HasSuffix(name, "."+zone)
}

// recordTTL is a TTL in messages. RFC 2181 section 8: with the highest bit set, it is zero.
func recordTTL(seconds uint32) time.Duration {
	if seconds > 1<<31-1 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
