package mailworld

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// A DNSFault makes the name server misbehave.
type DNSFault string

// The faults of the name server.
const (
	FaultServFail      DNSFault = "servfail"
	FaultRefused       DNSFault = "refused"
	FaultNoName        DNSFault = "no_name"        // NXDOMAIN, whether the name exists or not.
	FaultSilent        DNSFault = "silent"         // No answer.
	FaultTruncated     DNSFault = "truncated"      // TC over UDP, the whole answer over TCP.
	FaultTruncatedTCP  DNSFault = "truncated_tcp"  // TC over TCP too.
	FaultOtherQuestion DNSFault = "other_question" // An answer to another question.
	FaultOtherID       DNSFault = "other_id"
	FaultGarbage       DNSFault = "garbage"
	FaultBogus         DNSFault = "bogus"         // Wrong signatures: SERVFAIL unless validation is not wanted (the CD bit).
	FaultNoData        DNSFault = "no_data"       // NODATA with the SOA record of the root, whether there are records or not.
	FaultEmpty         DNSFault = "empty"         // NOERROR and nothing else.
	FaultBare          DNSFault = "bare"          // Denials without their SOA record.
	FaultOPTMisplaced  DNSFault = "opt_misplaced" // To EDNS: the OPT record first in the answer section, whose last record is among the additional.
	FaultEDNSSilent    DNSFault = "edns_silent"   // No answer to EDNS.
	FaultEDNSEmpty     DNSFault = "edns_empty"    // To EDNS: NOERROR and nothing else.
)

// Zone adds records in master file form (RFC 1035 section 5), all names absolute, replacing the
// RRsets it names. Records live 60 seconds unless they or $TTL say otherwise. Negative answers carry
// the SOA record of the closest name above that has one, or one of the root that lives 60 seconds.
func (w *World) Zone(text string) error { return w.names.zone.add(text) }

// Later adds records as Zone does, but each RRset takes its place only when the one of its name and type that is there now was
// given out: who has asked once sees it change.
func (w *World) Later(text string) error { return w.names.zone.addLater(text) }

// Remove takes every record of a name away; it is NXDOMAIN afterwards unless there are names below it.
func (w *World) Remove(name string) { w.names.zone.remove(name) }

// Fault makes questions for name and everything below it fail; "" as fault mends it. The name "." is all names.
// Of several the one of the closest name counts.
func (w *World) Fault(name string, f DNSFault) {
	n := w.names
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults[dns.CanonicalName(name)] = f
	if f == "" {
		delete(n.faults, dns.CanonicalName(name))
	}
}

// Secure says whether name and everything below it is signed. Where all names of an answer are, it bears the AD bit, as that of
// a validating resolver does, for who asks for it. The closest name said counts; nothing is signed without being said.
func (w *World) Secure(name string, secure bool) {
	n := w.names
	n.mu.Lock()
	defer n.mu.Unlock()
	n.signed[dns.CanonicalName(name)] = secure
}

// Queries returns how many questions of a type ("A", "TXT") were asked for a name so far; type "" counts all.
// A question that is asked again over TCP counts twice.
func (w *World) Queries(name, rrtype string) int {
	n := w.names
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for rtype, asked := range n.asked[dns.CanonicalName(name)] {
		if rrtype == "" || rrtype == dns.TypeToString[rtype] {
			count += asked
		}
	}
	return count
}

// Questions returns how often each question was asked so far, by type and name as in "MX example.org". One that
// is asked again over TCP counts twice.
func (w *World) Questions() map[string]int {
	n := w.names
	n.mu.Lock()
	defer n.mu.Unlock()
	all := map[string]int{}
	for name, types := range n.asked {
		for rtype, asked := range types {
			all[dns.TypeToString[rtype]+" "+strings.TrimSuffix(name, ".")] = asked
		}
	}
	return all
}

// StopNames makes the name server's address refuse questions until StartNames. What it knows stays.
func (w *World) StopNames() { w.names.stop() }

// StartNames has the name server answer again, at the address that it had.
func (w *World) StartNames() error {
	w.serving.Lock()
	defer w.serving.Unlock()
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return net.ErrClosed
	}
	return w.names.start()
}

// A nameServer answers for every name there is.
type nameServer struct {
	zone zone
	at   string // host:port.

	serving sync.Mutex // Held while it is started or stopped.
	tcp     *listener  // nil while it is stopped.
	udp     net.PacketConn
	done    chan struct{} // Closed when the UDP socket is served no more.

	mu     sync.Mutex
	faults map[string]DNSFault       // By canonical name.
	signed map[string]bool           // By canonical name: whether it and what is below it is signed.
	asked  map[string]map[uint16]int // By canonical name and type.
}

// startNameServer starts a name server at an address for TCP and UDP.
func startNameServer(at string) (*nameServer, error) {
	n := &nameServer{
		at:     at,
		faults: map[string]DNSFault{}, signed: map[string]bool{}, asked: map[string]map[uint16]int{},
	}
	return n, n.start()
}

// start opens the port, at first and after stop.
func (n *nameServer) start() error {
	n.serving.Lock()
	defer n.serving.Unlock()
	if n.tcp != nil {
		return nil
	}
	tcp, udp, err := openPort(n.at)
	if err != nil {
		return err
	}
	n.at, n.udp, n.done = udp.LocalAddr().String(), udp, make(chan struct{})
	n.tcp = serve(tcp, n.serveTCP)
	go n.serveUDP(udp, n.done)
	return nil
}

// openPort opens a port for both TCP and UDP; of port 0, one that is free.
func openPort(at string) (tcp net.Listener, udp net.PacketConn, err error) {
	for range 50 {
		if tcp, err = net.Listen("tcp", at); err != nil {
			return nil, nil, err
		}
		if udp, err = net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			return tcp, udp, nil
		}
		tcp.Close()
	}
	return nil, nil, err
}

// address is where it listens, or did before it was stopped.
func (n *nameServer) address() string {
	n.serving.Lock()
	defer n.serving.Unlock()
	return n.at
}

// stop closes the port and waits until nobody is answered any more. To stop it twice is harmless.
func (n *nameServer) stop() {
	n.serving.Lock()
	defer n.serving.Unlock()
	if n.tcp == nil {
		return
	}
	n.udp.Close()
	n.tcp.stop()
	<-n.done
	n.tcp = nil
}

func (n *nameServer) serveUDP(udp net.PacketConn, done chan<- struct{}) {
	defer close(done)
	buf := make([]byte, dns.MaxMsgSize)
	for {
		size, from, err := udp.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // The word of ICMP about an answer nobody waited for.
		}
		if reply := n.reply(buf[:size], true); reply != nil {
			_, _ = udp.WriteTo(reply, from)
		}
	}
}

// serveTCP answers the messages of one connection (RFC 1035 section 4.2.2). It is a handler.
func (n *nameServer) serveTCP(conn net.Conn, _ <-chan struct{}) {
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		reply := n.reply(query, false)
		if reply == nil {
			continue
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

// reply makes the message that answers query, or none.
func (n *nameServer) reply(query []byte, overUDP bool) []byte {
	q := new(dns.Msg)
	if err := q.Unpack(query); err != nil || q.Response {
		return nil
	}
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative, m.RecursionAvailable, m.Compress = true, true, true
	room := dns.MaxMsgSize
	if overUDP {
		room = dns.MinMsgSize
	}
	if opt := q.IsEdns0(); opt != nil {
		m.SetEdns0(dns.DefaultMsgSize, false)
		if overUDP {
			room = max(room, int(opt.UDPSize()))
		}
	}
	switch {
	case q.Opcode != dns.OpcodeQuery:
		m.Rcode = dns.RcodeNotImplemented
	case len(q.Question) != 1:
		m.Rcode = dns.RcodeFormatError
	case q.Question[0].Qclass != dns.ClassINET:
		m.Rcode = dns.RcodeRefused
	default:
		fault := n.hear(q.Question[0])
		if fault == FaultSilent || fault == FaultEDNSSilent && q.IsEdns0() != nil {
			return nil
		}
		if fault == FaultBogus && q.CheckingDisabled {
			fault = ""
		}
		m.Answer, m.Ns, m.Rcode = n.zone.answer(q.Question[0])
		n.zone.turn(q.Question[0])
		m.AuthenticatedData = fault == "" && validated(q) && n.secure(q.Question[0], m.Answer)
		return n.spoil(m, fault, room, overUDP)
	}
	return pack(m, room)
}

// hear counts a question and returns the fault that its name has.
func (n *nameServer) hear(q dns.Question) DNSFault {
	name := dns.CanonicalName(q.Name)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.asked[name] == nil {
		n.asked[name] = map[uint16]int{}
	}
	n.asked[name][q.Qtype]++
	for above := range upwards(name) {
		if fault, ok := n.faults[above]; ok {
			return fault
		}
	}
	return ""
}

// validated reports whether who asks wants to know that an answer was validated (RFC 6840 section 5.7, 5.8).
func validated(q *dns.Msg) bool {
	opt := q.IsEdns0()
	return !q.CheckingDisabled && (q.AuthenticatedData || opt != nil && opt.Do())
}

// secure reports whether the name asked for and all those that aliases in its answer lead to are signed. Where the alias itself is
// asked for, it is not followed.
func (n *nameServer) secure(q dns.Question, answer []dns.RR) bool {
	names := []string{q.Name}
	for _, rr := range answer {
		if alias, ok := rr.(*dns.CNAME); ok && q.Qtype != dns.TypeCNAME {
			names = append(names, alias.Target)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range names {
		if !n.isSigned(dns.CanonicalName(name)) {
			return false
		}
	}
	return true
}

// isSigned is secure for one canonical name. n.mu is held.
func (n *nameServer) isSigned(name string) bool {
	for above := range upwards(name) {
		if signed, said := n.signed[above]; said {
			return signed
		}
	}
	return false
}

// spoil packs an answer with a fault.
func (n *nameServer) spoil(m *dns.Msg, fault DNSFault, room int, overUDP bool) []byte {
	bare := func(rcode int) []byte {
		m.Answer, m.Ns, m.Rcode = nil, nil, rcode
		return pack(m, room)
	}
	switch fault {
	case FaultServFail, FaultBogus:
		return bare(dns.RcodeServerFailure)
	case FaultNoName:
		return bare(dns.RcodeNameError)
	case FaultNoData:
		m.Answer, m.Ns, m.Rcode = nil, []dns.RR{someSOA(".")}, dns.RcodeSuccess
	case FaultEmpty:
		return bare(dns.RcodeSuccess)
	case FaultEDNSEmpty:
		if m.IsEdns0() != nil {
			return bare(dns.RcodeSuccess)
		}
	case FaultBare:
		m.Ns = nil
	case FaultOPTMisplaced:
		if opt := m.IsEdns0(); opt != nil {
			all := slices.Concat([]dns.RR{opt}, m.Answer)
			m.Answer, m.Extra = all[:max(1, len(m.Answer))], all[max(1, len(m.Answer)):]
		}
	case FaultRefused:
		return bare(dns.RcodeRefused)
	case FaultTruncated, FaultTruncatedTCP:
		if overUDP || fault == FaultTruncatedTCP {
			m.Truncated = true
			return bare(dns.RcodeSuccess)
		}
	case FaultOtherQuestion:
		m.Question[0].Name = "another.example."
	case FaultOtherID:
		m.Id++
	case FaultGarbage:
		// The header promises records, and what follows is none.
		b := bare(dns.RcodeSuccess)
		binary.BigEndian.PutUint16(b[6:], 3)
		return append(b, bytes.Repeat([]byte{0xfe}, 40)...)
	}
	return pack(m, room)
}

// pack packs a message, cut to the room there is. What cannot be packed at all is an
// error of the server.
func pack(m *dns.Msg, room int) []byte {
	m.Truncate(room)
	b, err := m.Pack()
	if err != nil {
		m.Answer, m.Ns, m.Rcode = nil, nil, dns.RcodeServerFailure
		b, _ = m.Pack()
	}
	return b
}
