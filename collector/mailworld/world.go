// Package mailworld is a small mail world on loopback: an authoritative name server with
// reverse zones and blocklists, scripted SMTP servers, certificates of an authority of its
// own. It speaks the real protocols over real sockets. Tests and the command demo use it.
//
// Its addresses are those of documentation (RFC 5737, RFC 3849). The servers listen on free
// high ports of loopback; Dialer leads (address, port) to them, so that no privilege is
// needed and labels still say mx1.example.org:25.
package mailworld

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"time"
)

// A World is a running mail world. Close it.
type World struct{}

// New starts a world with a name server and nothing else in it.
func New() (*World, error) { return nil, errors.New("mailworld: not built") }

// Close stops every server and waits for them.
func (w *World) Close() {}

// Resolver is the host:port of the name server, UDP and TCP. It answers with the RA bit, so that it can
// stand for a recursive resolver.
func (w *World) Resolver() string { return "" }

// Zone adds records in master file form (RFC 1035 section 5), all names absolute, replacing the
// RRsets it names. A comment "; fail" is not supported: see Fail.
func (w *World) Zone(text string) error { return nil }

// Remove takes every record of a name away; it is NXDOMAIN afterwards.
func (w *World) Remove(name string) {}

// A DNSFault makes the name server misbehave.
type DNSFault string

// The faults of the name server.
const (
	FaultServFail      DNSFault = "servfail"
	FaultRefused       DNSFault = "refused"
	FaultSilent        DNSFault = "silent"         // No answer.
	FaultTruncated     DNSFault = "truncated"      // TC over UDP, the whole answer over TCP.
	FaultTruncatedTCP  DNSFault = "truncated_tcp"  // TC over TCP too.
	FaultOtherQuestion DNSFault = "other_question" // An answer to another question.
	FaultOtherID       DNSFault = "other_id"
	FaultGarbage       DNSFault = "garbage"
)

// Fault makes questions for name and everything below it fail; "" as fault mends it. The name "." is all names.
func (w *World) Fault(name string, f DNSFault) {}

// Queries returns how many questions of a type ("A", "TXT") were asked for a name so far; type "" counts all.
func (w *World) Queries(name, rrtype string) int { return 0 }

// An Authority issues certificates of the mail world.
type Authority struct{}

// Authority is the one whose root Roots holds; Stranger is one that nobody trusts.
func (w *World) Authority() *Authority { return nil }
func (w *World) Stranger() *Authority  { return nil }

// Roots holds the root certificate of Authority.
func (w *World) Roots() *x509.CertPool { return nil }

// RootPEM is the same as PEM text.
func (w *World) RootPEM() []byte { return nil }

// A CertificateRequest says what certificate to issue. Zero times mean valid from yesterday for 90 days.
type CertificateRequest struct {
	Names               []string
	NotBefore, NotAfter time.Time
	SelfSigned          bool
	OmitIntermediate    bool // Leave the chain incomplete.
	RSABits             int  // 0: ECDSA P-256.
}

// Issue makes a certificate with its chain (leaf, intermediate).
func (a *Authority) Issue(r CertificateRequest) (tls.Certificate, error) {
	return tls.Certificate{}, errors.New("mailworld: not built")
}

// A Server says how a scripted SMTP server behaves. The zero value with a Name is a polite server without TLS.
type Server struct {
	Name        string           // In greeting and EHLO.
	Certificate *tls.Certificate // nil: no STARTTLS.
	ImplicitTLS bool
	Extensions  []string // Beside STARTTLS; e.g. "SIZE 10240000", "AUTH PLAIN LOGIN".
	AuthBefore  bool     // Offers AUTH before TLS too.
	GreetDelay  time.Duration
	// Replies overrides what is said at a point: "connect" (greeting), or a command verb ("EHLO", "HELO", "STARTTLS",
	// "QUIT", "MAIL", "RCPT"). The text is sent as it is, octet for octet; no line end is added.
	Replies map[string]string
	// CloseAfter lists points after whose reply the connection is closed; Reset resets it instead of replying.
	CloseAfter []string
	Reset      []string
	// Silent lists points at which nothing is said and the connection stays open.
	Silent []string
	// Handle, if set, takes the whole connection over (hostile peers).
	Handle func(net.Conn)
}

// Serve starts s at an address of the world ("192.0.2.11:25"), replacing the one that is there.
func (w *World) Serve(addr netip.AddrPort, s Server) error { return nil }

// Stop makes an address refuse connections.
func (w *World) Stop(addr netip.AddrPort) {}

// Blackhole makes connections to an address hang until their context ends, as behind a firewall.
func (w *World) Blackhole(addr netip.AddrPort) {}

// Sessions returns the dialogues an address has had, what the client sent, a line each.
func (w *World) Sessions(addr netip.AddrPort) [][]string { return nil }

// Dialer leads the world's addresses to their servers; every other address is refused.
func (w *World) Dialer() *Dialer { return nil }

// A Dialer is a smtpclient.Dialer.
type Dialer struct{}

// DialContext connects to an address of the world.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return nil, errors.New("mailworld: not built")
}

// Route says that there is a route to every address, whatever the machine has.
func Route(netip.Addr) error { return nil }

// Demo fills the world with healthy and sick domains and returns the exporter.yml that probes them.
func (w *World) Demo() (config []byte, err error) { return nil, nil }
