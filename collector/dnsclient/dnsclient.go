// Package dnsclient asks DNS the questions that mail depends on and tells four
// outcomes apart: the record was found, the name does not exist, the name
// exists without this type, or nobody could tell. The first three are answers
// (an error is nil); the fourth is an error and never an answer, so that a lost
// packet is never mistaken for a missing record.
package dnsclient

import (
	"context"
	"errors"
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

// Errors that Answer-returning methods wrap. Match them with errors.Is.
var (
	ErrTimeout   = errors.New("no answer in time")
	ErrServFail  = errors.New("server failure")
	ErrRefused   = errors.New("query refused")
	ErrBadAnswer = errors.New("answer does not match the question or is malformed")
	ErrAlias     = errors.New("alias chain is too long or a loop")
	ErrTooLarge  = errors.New("answer exceeds the limit")
	ErrNetwork   = errors.New("resolver cannot be reached")
	ErrBadName   = errors.New("not a name that can be asked for")
)

// An Answer is what a name server said to one question, all records after
// following aliases.
type Answer[T any] struct {
	Outcome Outcome
	Records []T           // In the order of the answer; empty unless OutcomeFound.
	Aliases []string      // Names the question was led through by CNAME, the first asked name excluded, the last being the owner of the records. Lower case, no trailing dot.
	Secure  bool          // The AD bit, and only if Options.ValidatesDNSSEC.
	TTL     time.Duration // How long the answer may be kept; 0 when unknown.
}

// An MX is one mail exchanger (RFC 5321 section 5). Host is in lower case without
// the trailing dot; it is "" for the root, which is the null MX of RFC 7505.
type MX struct {
	Preference uint16
	Host       string
}

// Options configure a Client. The zero value asks the servers of /etc/resolv.conf.
type Options struct {
	// Servers are host:port of recursive resolvers, asked in order.
	Servers []string
	// Timeout is for one query; it is retried once. 0 means 5 s.
	Timeout time.Duration
	// ValidatesDNSSEC says that the path to the resolvers is trusted and their AD bit believed.
	ValidatesDNSSEC bool
	// QueriesPerSecond bounds what is sent, all servers together; 0 means no bound.
	QueriesPerSecond int
	// Observe, if set, is called once for each question sent with its outcome:
	// "found", "no_name", "no_data", "timeout", "servfail", "refused", "error".
	// It must not block.
	Observe func(outcome string)
	// Redact holds strings (keys that are part of a zone) that must not appear in any error.
	Redact []string
}

// A Client asks questions. It keeps answers for their TTL and shares equal questions
// that are under way. It is safe for concurrent use.
type Client struct {
	opts Options
}

// New returns a client. It does not touch the network.
func New(o Options) (*Client, error) {
	return &Client{opts: o}, nil
}

var errNotBuilt = errors.New("dnsclient: not built")

// Addresses asks for the IPv4 (family 4) or IPv6 (family 6) addresses of name, which is
// absolute: no search list is ever applied.
func (c *Client) Addresses(ctx context.Context, family int, name string) (Answer[netip.Addr], error) {
	return Answer[netip.Addr]{}, errNotBuilt
}

// MX asks for the mail exchangers of name, sorted by preference, then host.
func (c *Client) MX(ctx context.Context, name string) (Answer[MX], error) {
	return Answer[MX]{}, errNotBuilt
}

// TXT asks for the text records of name, the strings of each joined without a space.
// The text is raw octets as the peer sent them.
func (c *Client) TXT(ctx context.Context, name string) (Answer[string], error) {
	return Answer[string]{}, errNotBuilt
}

// PTR asks for the names of an address in in-addr.arpa or ip6.arpa. Names are lower
// case without the trailing dot; one that is not a host name is left out and counted in
// nothing else than Records being shorter.
func (c *Client) PTR(ctx context.Context, addr netip.Addr) (Answer[string], error) {
	return Answer[string]{}, errNotBuilt
}
