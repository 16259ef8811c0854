package dnsclient

import (
	"cmp"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// maxRecords is how many records of one name are kept, of the kinds that have a limit.
const maxRecords = 100

// A kind is a type of record that can be asked for. To add one: a kind here, and a method
// of Client that hands it to lookup. There is one kind for a type, since answers are remembered
// by type.
type kind[T any] struct {
	name  string // As in a zone file.
	rtype uint16
	// read takes out what is asked for. errInvalid leaves the record out, errMalformed
	// condemns the whole answer.
	read func(dns.RR) (T, error)
	// compare orders the records; without it they stay in the order of the answer.
	compare func(a, b T) int
	// all says that every record counts, and none is left out for their number.
	all bool
}

var (
	errInvalid   = errors.New("not a host name")
	errMalformed = errors.New("malformed record")
)

// The kinds that mail needs.
var (
	kindA    = kind[netip.Addr]{name: "A", rtype: dns.TypeA, read: readA}
	kindAAAA = kind[netip.Addr]{name: "AAAA", rtype: dns.TypeAAAA, read: readAAAA}
	kindMX   = kind[MX]{name: "MX", rtype: dns.TypeMX, read: readMX, compare: compareMX}
	kindTXT  = kind[string]{name: "TXT", rtype: dns.TypeTXT, read: readTXT, all: true}
	kindTLSA = kind[TLSA]{name: "TLSA", rtype: dns.TypeTLSA, read: readTLSA}
	kindSRV  = kind[SRV]{name: "SRV", rtype: dns.TypeSRV, read: readSRV, compare: compareSRV}
	kindPTR  = kind[string]{name: "PTR", rtype: dns.TypePTR, read: readPTR}
	// kindCNAME is an alias itself, for who wants to know whether that is signed; it is not followed.
	kindCNAME = kind[string]{name: "CNAME", rtype: dns.TypeCNAME, read: readCNAME}
	kindSOA   = kind[SOA]{name: "SOA", rtype: dns.TypeSOA, read: readZone}
)

// A record without data (RDLENGTH 0, as in RFC 2136 updates) unpacks to an empty value, and an
// MX may end after its preference. Neither must pass for an address or for the null MX.

func readA(rr dns.RR) (netip.Addr, error) {
	a, ok := rr.(*dns.A)
	if !ok || len(a.A) != 4 {
		return netip.Addr{}, errMalformed
	}
	return netip.AddrFrom4([4]byte(a.A)), nil
}

func readAAAA(rr dns.RR) (netip.Addr, error) {
	a, ok := rr.(*dns.AAAA)
	if !ok || len(a.AAAA) != 16 {
		return netip.Addr{}, errMalformed
	}
	return netip.AddrFrom16([16]byte(a.AAAA)), nil
}

func readMX(rr dns.RR) (MX, error) {
	mx, ok := rr.(*dns.MX)
	if !ok || mx.Mx == "" {
		return MX{}, errMalformed
	}
	if mx.Mx == "." {
		return MX{Preference: mx.Preference}, nil
	}
	host, ok := hostName(mx.Mx)
	if !ok {
		return MX{}, errInvalid
	}
	return MX{mx.Preference, host}, nil
}

func compareMX(a, b MX) int {
	return cmp.Or(cmp.Compare(a.Preference, b.Preference), cmp.Compare(a.Host, b.Host))
}

func readTXT(rr dns.RR) (string, error) {
	txt, ok := rr.(*dns.TXT)
	if !ok || len(txt.Txt) == 0 {
		return "", errMalformed
	}
	var b strings.Builder
	for _, s := range txt.Txt {
		unescape(&b, s)
	}
	return b.String(), nil
}

// readTLSA reads the octets of a record, of which the message parser made hexadecimal digits. A record that ends before
// its data associates nothing.
func readTLSA(rr dns.RR) (TLSA, error) {
	tlsa, ok := rr.(*dns.TLSA)
	if !ok || tlsa.Certificate == "" {
		return TLSA{}, errMalformed
	}
	data, err := hex.DecodeString(tlsa.Certificate)
	if err != nil {
		return TLSA{}, errMalformed
	}
	return TLSA{tlsa.Usage, tlsa.Selector, tlsa.MatchingType, data}, nil
}

func readSRV(rr dns.RR) (SRV, error) {
	srv, ok := rr.(*dns.SRV)
	if !ok || srv.Target == "" {
		return SRV{}, errMalformed
	}
	out := SRV{Priority: srv.Priority, Weight: srv.Weight, Port: srv.Port}
	if srv.Target == "." {
		return out, nil
	}
	if out.Host, ok = hostName(srv.Target); !ok {
		return SRV{}, errInvalid
	}
	return out, nil
}

func compareSRV(a, b SRV) int {
	return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port))
}

func readPTR(rr dns.RR) (string, error) {
	ptr, ok := rr.(*dns.PTR)
	if !ok || ptr.Ptr == "" {
		return "", errMalformed
	}
	host, ok := hostName(ptr.Ptr)
	if !ok {
		return "", errInvalid
	}
	return host, nil
}

func readCNAME(rr dns.RR) (string, error) {
	cname, ok := rr.(*dns.CNAME)
	if !ok || cname.Target == "" {
		return "", errMalformed
	}
	target, ok := aliasName(cname.Target)
	if !ok {
		return "", errInvalid
	}
	return target, nil
}

// readZone reads that a zone begins. The record's numbers are for the servers of the zone alone.
func readZone(rr dns.RR) (SOA, error) {
	if soa, ok := rr.(*dns.SOA); !ok || soa.Ns == "" {
		return SOA{}, errMalformed
	}
	return SOA{}, nil
}

// unescape writes the octets of a character string, of which the message parser made
// \" and \\ of those two and \DDD of what is not visible ASCII.
func unescape(b *strings.Builder, s string) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
		case i+3 < len(s) && '0' <= s[i+1] && s[i+1] <= '2':
			b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + s[i+3] - '0')
			i += 3
		default:
			i++
			b.WriteByte(s[i])
		}
	}
}
