// Package dnsclient asks DNS the questions that mail depends on and tells four
// outcomes apart: the record was found, the name does not exist, the name
// exists without this type, or nobody could tell. The first three are answers
// (an error is nil); the fourth is an error and never an answer, so that a lost
// packet is never mistaken for a missing record.
//
// # How a question is asked
//
// A stub client such as this one does not walk the tree of DNS itself: it asks a
// recursive resolver (the RD bit) over UDP, with a random id from a random port,
// and waits. Anybody can send a forged packet to that port, so an answer counts only
// if it comes from the server asked, with the id and the question that were sent;
// anything else is passed over and the wait goes on. EDNS0 (RFC 6891) says that we
// take answers of 1232 octets, which fit an unfragmented packet everywhere; a longer
// one arrives cut, with the TC bit, and is asked for again over TCP.
//
// A name may be an alias (CNAME). A resolver follows aliases and puts the whole chain
// into its answer; where it stops half-way, the rest is asked for here, up to 8
// aliases in all. The response code is then about the end of the chain, not about the
// name first asked (RFC 6604 section 3).
//
// # How long it takes
//
// Each query waits Options.Timeout for its answer. A server that is silent or out of reach is asked
// once more after the others, without EDNS; one whose answer is malformed, or a denial that
// proves nothing (denial.go says which is that), is asked without EDNS at once. One that
// answers SERVFAIL or REFUSED, or whose answer is too large even for TCP, is not asked again
// for this name. All queries of one lookup together, aliases and TCP included, spend at most 2 ×
// Timeout × number of servers on the wire; the test of a server whose denials lack their proof may
// take as much again. The wait for Options.QueriesPerSecond comes on top and ends with
// the caller's context only. A server that was silent is asked after the others for 30 s, and one
// that fails at EDNS is asked without it for up to ten minutes.
//
// # What is remembered
//
// Answers are kept for their TTL, at most one hour; "no such name" and "no such type"
// for the negative TTL of RFC 2308 section 5 (the smaller of the SOA's TTL and its
// MINIMUM), at most 15 minutes, and not at all where no SOA came along. There are at
// most 20,000 answers and 16 MiB of them. Errors are never kept: the next caller asks
// again. Callers with equal questions at one time share
// one lookup, which goes on until the last of them has left. A client made by ForRound
// lives as long as one pass over a target, and asks no question twice in that time; one
// made by Apart remembers by itself, at most 256 KiB.
package dnsclient

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// An Outcome says what an answered question was answered with.
type Outcome int

// The outcomes of a question. OutcomeUnknown is the zero value and always comes with
// an error.
const (
	OutcomeUnknown Outcome = iota // Nobody could tell.
	OutcomeFound                  // At least one record of the type asked for.
	OutcomeNoName                 // NXDOMAIN: no such name.
	OutcomeNoData                 // The name exists without this type.
)

// String gives the word that Options.Observe is called with; "error" for OutcomeUnknown.
func (o Outcome) String() string {
	switch o {
	case OutcomeFound:
		return "found"
	case OutcomeNoName:
		return "no_name"
	case OutcomeNoData:
		return "no_data"
	}
	return "error"
}

// Errors that Answer-returning methods wrap. Match them with errors.Is. When the caller's
// context ends, its error is wrapped as well.
var (
	ErrTimeout   = errors.New("no answer in time")
	ErrServFail  = errors.New("server failure")
	ErrRefused   = errors.New("query refused")
	ErrBadAnswer = errors.New("answer cannot be believed: it is malformed or to another question")
	ErrAlias     = errors.New("alias chain is too long or a loop")
	ErrTooLarge  = errors.New("answer exceeds the limit")
	ErrNetwork   = errors.New("resolver cannot be reached")
	ErrBadName   = errors.New("not a name that can be asked for")
	ErrDoubtful  = errors.New("answer cannot be believed")
)

// An Answer is what a name server said to one question, all records after
// following aliases. It belongs to the caller.
type Answer[T any] struct {
	Outcome   Outcome
	Records   []T           // In the order of the answer; empty unless OutcomeFound, and even then if all were Invalid.
	Truncated bool          // There were more records than the 100 kept (of MX: those of lowest preference).
	Invalid   int           // Records that were left out because the name in them is not a host name.
	Aliases   []string      // Names the question was led through by CNAME, the first asked name excluded, the last being the owner of the records. Lower case, no trailing dot.
	Secure    bool          // The AD bit of every answer on the way, and only if Options.ValidatesDNSSEC.
	TTL       time.Duration // How long the answer may still be kept; 0 when unknown. At most an hour.
}

// An MX is one mail exchanger (RFC 5321 section 5). Host is in lower case without
// the trailing dot; it is "" for the root, which is the null MX of RFC 7505.
type MX struct {
	Preference uint16
	Host       string
}

// A TLSA is a promise about the certificate of a server (RFC 6698 section 2.1), as it came: what its numbers mean and
// whether they have a meaning is package record's business.
type TLSA struct {
	Usage        uint8
	Selector     uint8
	MatchingType uint8
	Data         []byte // Never empty.
}

// An SRV says where a service of a domain is (RFC 2782). Host is in lower case without the trailing dot; it is "" for the root, which
// says that there is no such service.
type SRV struct {
	Priority, Weight, Port uint16
	Host                   string
}

// A SOA says that a zone begins at its name (RFC 1035 section 3.3.13). What else is in the record nobody here needs.
type SOA struct{}

// Options configure a Client. The zero value asks the servers of /etc/resolv.conf, on Windows those of the network adapters.
type Options struct {
	// Servers are host:port of recursive resolvers, asked in order. Without any, those of
	// the machine are read once, by New.
	Servers []string
	// Timeout is for one query; it is retried once. 0 means 5 s.
	Timeout time.Duration
	// ValidatesDNSSEC says that the path to the resolvers is trusted and their AD bit believed.
	ValidatesDNSSEC bool
	// QueriesPerSecond bounds what is sent, all servers together; 0 means no bound.
	QueriesPerSecond int
	// Observe, if set, is called once for each question sent with its outcome:
	// "found", "no_name", "no_data", "timeout", "servfail", "refused", "error".
	// A question asked again over TCP because its answer was cut counts once. Observe
	// must not block, and is called from several goroutines.
	Observe func(outcome string)
	// Redact holds strings (keys that are part of a zone) that must not appear in any error,
	// in upper or lower case.
	Redact []string
}

// A Client asks questions. It keeps answers for their TTL and shares equal questions
// that are under way. It is safe for concurrent use. It holds nothing open between
// lookups, so there is nothing to close.
type Client struct {
	exchanger *exchanger
	cache     *cache // Nil in a client that was made by Uncached.
	round     *cache // Only in one that was made by ForRound: what the round was told.
	doubt     Doubt  // Only in one that was made by Doubting.
	redact    func(string) string
}

// New returns a client. It does not touch the network.
func New(o Options) (*Client, error) {
	if o.Timeout < 0 {
		return nil, fmt.Errorf("resolver.timeout: %v is negative", o.Timeout)
	}
	if o.QueriesPerSecond < 0 {
		return nil, fmt.Errorf("limits.dns_queries_per_second: %d is negative", o.QueriesPerSecond)
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if len(o.Servers) == 0 {
		var err error
		if o.Servers, err = systemServers(); err != nil {
			return nil, err
		}
	}
	for _, s := range o.Servers {
		if err := validServer(s); err != nil {
			return nil, err
		}
	}
	return &Client{
		exchanger: newExchanger(o),
		cache:     newCache(time.Now, maxOctets),
		redact:    redactor(o.Redact),
	}, nil
}

// Servers gives the resolvers that are asked, as host:port.
func (c *Client) Servers() []string {
	var names []string
	for _, s := range c.exchanger.servers {
		names = append(names, s.addr)
	}
	return names
}

// Backlog tells in how long all questions that wait will have gone out, no more than QueriesPerSecond; 0 if none waits.
func (c *Client) Backlog() time.Duration {
	l := c.exchanger.limiter
	if l == nil {
		return 0
	}
	return time.Duration(max(0, -l.Tokens()) / float64(l.Limit()) * float64(time.Second))
}

// Uncached gives a client that sends every question, where c would give an answer that
// it remembers or that is under way, and leaves no answer behind. The servers and the
// bound on queries are those of c.
func (c *Client) Uncached() *Client {
	return &Client{exchanger: c.exchanger, redact: c.redact}
}

// Apart gives a client that remembers answers for itself, 256 KiB of them: those to questions that nobody else has, of which there may
// be so many that they would push out what all need.
func (c *Client) Apart() *Client {
	return &Client{exchanger: c.exchanger, cache: newCache(time.Now, maxApartOctets), redact: c.redact}
}

// Unchecked gives a client that asks for answers as they are, validated or not (the CD bit of RFC 4035 section
// 3.2.2), and remembers none. A validating resolver says of a zone with wrong signatures the same as of one whose servers
// are broken, SERVFAIL; only of the first it has an answer for this client. None of its answers is Secure.
func (c *Client) Unchecked() *Client {
	e := *c.exchanger
	e.dnssec, e.unchecked = false, true
	return &Client{exchanger: &e, redact: c.redact}
}

// AcceptUnproven gives a client that takes a denial without the SOA record that proves it, and
// remembers none. It is for servers whose answers are tested by other means: a blocklist denies
// names known not to be listed, and not those that are.
func (c *Client) AcceptUnproven() *Client {
	e := *c.exchanger
	e.unproven = true
	return &Client{exchanger: &e, redact: c.redact}
}

// A Doubt says what speaks against an answer: its outcome and, if these were asked for, the addresses in it. nil: nothing does.
type Doubt func(ctx context.Context, outcome Outcome, addrs []netip.Addr) error

// Doubting gives a client that tells only answers against which nothing speaks; of any other it says ErrDoubtful. Clients that are
// made from it by other methods than ForRound believe everything.
func (c *Client) Doubting(doubt Doubt) *Client {
	d := *c
	d.doubt = doubt
	return &d
}

// Addresses asks for the IPv4 (family 4) or IPv6 (family 6) addresses of name, which is
// absolute: no search list is ever applied.
func (c *Client) Addresses(ctx context.Context, family int, name string) (Answer[netip.Addr], error) {
	switch family {
	case 4:
		return lookup(ctx, c, kindA, name)
	case 6:
		return lookup(ctx, c, kindAAAA, name)
	}
	return Answer[netip.Addr]{}, c.tell("addresses", name, fmt.Errorf("%w: no address family %d", ErrBadName, family))
}

// MX asks for the mail exchangers of name, sorted by preference, then host.
func (c *Client) MX(ctx context.Context, name string) (Answer[MX], error) {
	return lookup(ctx, c, kindMX, name)
}

// TXT asks for the text records of name, the strings of each joined without a space.
// The text is raw octets as the peer sent them. None is left out: together they are bounded
// by the 64 KiB of a DNS message, and an RRset that does not fit is ErrTooLarge.
func (c *Client) TXT(ctx context.Context, name string) (Answer[string], error) {
	return lookup(ctx, c, kindTXT, name)
}

// TLSA asks for the TLSA records of name (_25._tcp.mx.example.org), in the order of the answer. Their Data is shared with
// other callers and not to be changed.
func (c *Client) TLSA(ctx context.Context, name string) (Answer[TLSA], error) {
	return lookup(ctx, c, kindTLSA, name)
}

// PTR asks for the names of an address in in-addr.arpa or ip6.arpa; an IPv4-mapped address
// is asked for as IPv4, and a zone is left out. Names are lower case without the trailing
// dot; one that is not a host name is left out and counted in Invalid.
func (c *Client) PTR(ctx context.Context, addr netip.Addr) (Answer[string], error) {
	if !addr.IsValid() {
		return Answer[string]{}, c.tell("PTR", "", fmt.Errorf("%w: no address", ErrBadName))
	}
	return lookup(ctx, c, kindPTR, ReverseName(addr))
}

// SRV asks for the service records of name (_submission._tcp.example.org), sorted by priority, then host and port. The weight is no
// part of the order.
func (c *Client) SRV(ctx context.Context, name string) (Answer[SRV], error) {
	return lookup(ctx, c, kindSRV, name)
}

// CNAME returns what a name is an alias of: the alias itself, which is not followed. Secure says that it is signed, wherever it leads.
func (c *Client) CNAME(ctx context.Context, name string) (Answer[string], error) {
	return lookup(ctx, c, kindCNAME, name)
}

// SOA asks whether a zone begins at name.
func (c *Client) SOA(ctx context.Context, name string) (Answer[SOA], error) {
	return lookup(ctx, c, kindSOA, name)
}

// ReverseName returns the name that PTR asks for.
func ReverseName(addr netip.Addr) string {
	if addr.Unmap().Is4() {
		return Reverse(addr) + ".in-addr.arpa"
	}
	return Reverse(addr) + ".ip6.arpa"
}
