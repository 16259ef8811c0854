// Package spf says what a receiver of mail concludes from the SPF records of a domain (RFC 7208), and what
// these records cost him.
//
// A receiver knows the address that a connection comes from, the name given in HELO and the address in MAIL
// FROM. He reads the SPF record of the domain of that address (or of the HELO name) from left to right until
// a mechanism matches the connection's address; its qualifier is the result. A mechanism may ask DNS, and
// include and redirect lead to the records of others, so that whoever publishes a record has strangers ask
// questions in his name. Hence the limits of section 4.6.4: ten terms that ask, all records together, ten
// hosts of an mx, ten names of an address, and two terms that DNS has nothing for. Beyond
// them the result is permerror, as with an error of syntax in any record read, also behind a term that matches.
//
// CheckHost gives the result for one address. WorstCase walks all records without one and
// tells how much of the limits is used when nothing matches. Both keep the tree of
// records that they read, as evidence.
//
// DNS that cannot tell is temperror, with one exception: RFC 7208 section 5.5 passes over errors on the way from an address to its
// names. Evaluation.Skipped tells of these, since the result might be another with them.
package spf

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// A Resolver asks DNS, following aliases. An empty list without an error says that the name does not exist or has
// no records of the type; an error, that nobody could tell. Names handed to it have labels of 1 to 63 octets,
// at most 253 in all, no trailing dot, and otherwise any octets.
type Resolver interface {
	// TXT gives the text records of a name, the strings of each joined.
	TXT(ctx context.Context, name string) ([]string, error)
	// Addresses gives the addresses of family 4 or 6.
	Addresses(ctx context.Context, family int, name string) ([]netip.Addr, error)
	// MX gives the mail exchangers in the order of preference; "" for one that is the root or no host name.
	MX(ctx context.Context, name string) ([]string, error)
	// PTR gives the names of an address in any order; "" for one that is no host name.
	PTR(ctx context.Context, addr netip.Addr) ([]string, error)
}

// A Result is what a receiver concludes (RFC 7208 section 2.6).
type Result string

// The results.
const (
	None      Result = "none"      // There is no record, or no name that could have one.
	Neutral   Result = "neutral"   // The domain says nothing about the address.
	Pass      Result = "pass"      // It may send.
	Fail      Result = "fail"      // It may not.
	SoftFail  Result = "softfail"  // It probably may not.
	TempError Result = "temperror" // DNS could not tell.
	PermError Result = "permerror" // The records cannot be interpreted.
)

// Why a record cannot be interpreted, beside the errors of record.ParseSPF.
var (
	ErrNoRecord       = errors.New("no SPF record")
	ErrSeveralRecords = errors.New("more than one SPF record")
	ErrLookups        = fmt.Errorf("more than %d terms that ask DNS", MaxLookups)
	ErrVoids          = fmt.Errorf("more than %d terms that DNS has nothing for", MaxVoids)
	ErrExchangers     = fmt.Errorf("more than %d MX hosts", maxExchangers)
)

// The limits of RFC 7208 section 4.6.4.
const (
	MaxLookups    = 10 // Terms that ask DNS: include, a, mx, ptr, exists and redirect, in all records together.
	MaxVoids      = 2  // Terms of these that DNS has nothing for.
	maxExchangers = 10 // Hosts of one mx.
	maxNames      = 10 // Names of the sending address that are looked at. The sender makes them, so that more of them are no error.

	// maxTime is how long an evaluation may take before it is temperror. Receivers should wait 20 seconds at least; here questions also
	// wait for their turn among those of others.
	maxTime = 2 * time.Minute
)

// An Evaluation is a result and how it came about.
type Evaluation struct {
	Result Result
	Err    error  // Why it is none, temperror or permerror; nil otherwise.
	Term   string // The directive that matched, "" if none did.
	Domain string // Whose record it stands in; where none matched, the last that was read.

	Lookups int // Terms that asked DNS, of MaxLookups.
	Voids   int // Terms that DNS had nothing for, of MaxVoids.
	// HostVoids are questions for MX hosts that DNS has nothing for and that are not in Voids: some receivers count them, too.
	HostVoids int
	Skipped   error // Errors of DNS that RFC 7208 section 5.5 passes over; nil without any.
	// UsedHelo says that a record asked for the HELO name, so that the result depends on it.
	UsedHelo bool

	Tree *Node // The records that were read.

	decider *Node // Whose exp holds.
	checker *checker
}

// A Node is a record that was read.
type Node struct {
	Domain string
	By     string // The term that led here, as "include:_spf.example.org"; "" for the first.
	Text   string // The record; "" without one, and where its name depends on the sender (WorstCase).

	Result Result // Of CheckHost.
	Err    error  // What is wrong with it or below it.
	Term   string // The directive that matched.
	// Lookups and Voids count terms of this record and of those below it.
	Lookups, Voids int

	Below []*Node // In the order in which they were read.

	matched  record.Directive // That of Term.
	exp      record.MacroString
	redirect *Node // The one below that decided instead.
}

// CheckHost evaluates whether a connection from ip may send for domain: check_host of RFC 7208 section 4.
// sender is the address in MAIL FROM; "" stands for the empty one, that is
// postmaster at helo (section 2.4). To check the HELO identity, domain is helo and sender "". An IPv4-mapped
// address is IPv4 (section 5).
func CheckHost(ctx context.Context, resolver Resolver, ip netip.Addr, domain, sender, helo string) *Evaluation {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	c := newChecker(resolver, ip, sender, helo)
	tree := c.check(ctx, strings.TrimSuffix(domain, "."), "")
	decider := tree
	for decider.redirect != nil {
		decider = decider.redirect
	}
	return &Evaluation{
		Result: tree.Result, Err: tree.Err, Term: decider.Term, Domain: decider.Domain,
		Lookups: c.lookups, Voids: c.voids, HostVoids: c.hostVoids, Skipped: errors.Join(c.skipped...), UsedHelo: c.usedHelo,
		Tree: tree, decider: decider, checker: c,
	}
}

// Matched returns the directive that matched the address itself: where that was an include, the one in the included record. ok is
// false if none did.
func (e *Evaluation) Matched() (d record.Directive, ok bool) {
	n := e.decider
	for n.Term != "" && n.matched.Mechanism == record.Include {
		n = n.Below[len(n.Below)-1] // Nothing is read behind a match.
		for n.redirect != nil {
			n = n.redirect
		}
	}
	return n.matched, n.Term != ""
}

// A checker is one evaluation under way.
type checker struct {
	resolver            Resolver
	ip                  netip.Addr
	local, origin, helo string // Of the sender: what stands left and right of the at sign; what he said in HELO.

	lookups, voids, hostVoids int

	skipped  []error
	usedHelo bool
	names    *names // Of ip; nil until a record asks for them.
}

func newChecker(resolver Resolver, ip netip.Addr, sender, helo string) *checker {
	if sender == "" {
		sender = helo
	}
	// RFC 7208 section 4.3: without a local part it is postmaster. A quoted one may hold an at sign.
	local, origin := "", sender
	if at := strings.LastIndexByte(sender, '@'); at >= 0 {
		local, origin = sender[:at], sender[at+1:]
	}
	if local == "" {
		local = "postmaster"
	}
	return &checker{resolver: resolver, ip: ip.Unmap(), local: local, origin: origin, helo: helo}
}

// check evaluates the record of one domain and all that it leads to.
func (c *checker) check(ctx context.Context, domain, by string) *Node {
	n := &Node{Domain: domain, By: by}
	lookups, voids := c.lookups, c.voids
	n.Result, n.Err = c.evaluate(ctx, n)
	n.Lookups, n.Voids = c.lookups-lookups, c.voids-voids
	return n
}

func (c *checker) evaluate(ctx context.Context, n *Node) (Result, error) {
	spf, err := c.read(ctx, n)
	if errors.Is(err, ErrNoRecord) {
		return None, err
	}
	if err != nil {
		return resultOf(err), err
	}
	n.exp = spf.Exp
	for _, d := range spf.Directives {
		matches, err := c.match(ctx, n, d)
		if err != nil {
			return resultOf(err), err
		}
		if matches {
			n.Term, n.matched = d.String(), d
			return meaning[d.Qualifier], nil
		}
	}
	if spf.Redirect == nil {
		return Neutral, nil // RFC 7208 section 4.7.
	}
	return c.followRedirect(ctx, n, spf.Redirect)
}

var meaning = map[record.Qualifier]Result{
	record.Pass: Pass, record.Fail: Fail, record.SoftFail: SoftFail, record.Neutral: Neutral,
}

// read gets the SPF record of a node. The error is ErrNoRecord, ErrSeveralRecords, one of record.ParseSPF or a *lookupError.
func (c *checker) read(ctx context.Context, n *Node) (record.SPF, error) {
	// RFC 7208 section 4.3: a name that cannot be asked for, or is not a fully qualified one, has none.
	if !wellFormed(n.Domain) || !strings.Contains(n.Domain, ".") || strings.HasPrefix(n.Domain, "[") {
		return record.SPF{}, fmt.Errorf("%q is not a domain: %w", shorten(n.Domain), ErrNoRecord)
	}
	texts, err := c.resolver.TXT(ctx, n.Domain)
	if err != nil {
		return record.SPF{}, &lookupError{err}
	}
	found := 0
	for _, text := range texts {
		if record.IsSPF(text) {
			n.Text = text
			found++
		}
	}
	switch {
	case found == 0:
		return record.SPF{}, fmt.Errorf("%s has %w", n.Domain, ErrNoRecord)
	case found > 1:
		return record.SPF{}, fmt.Errorf("%s has %w", n.Domain, ErrSeveralRecords)
	}
	spf, err := record.ParseSPF(n.Text)
	if err != nil {
		return spf, fmt.Errorf("the record of %s: %w", n.Domain, err)
	}
	return spf, nil
}

// followRedirect has another record decide, as if it had been asked for first, except that it must be there
// (RFC 7208 section 6.1).
func (c *checker) followRedirect(ctx context.Context, n *Node, to record.MacroString) (Result, error) {
	if err := c.count(); err != nil {
		return PermError, err
	}
	target, _ := c.target(ctx, n.Domain, to)
	n.redirect = c.check(ctx, target, "redirect="+to.String())
	n.Below = append(n.Below, n.redirect)
	if n.redirect.Result == None {
		return PermError, n.redirect.Err
	}
	return n.redirect.Result, n.redirect.Err
}

// count notes a term that asks DNS.
func (c *checker) count() error {
	c.lookups++
	if c.lookups > MaxLookups {
		return ErrLookups
	}
	return nil
}

// void notes a term that DNS has nothing for.
func (c *checker) void() error {
	c.voids++
	if c.voids > MaxVoids {
		return ErrVoids
	}
	return nil
}

// A lookupError is that DNS could not tell.
type lookupError struct{ err error }

func (e *lookupError) Error() string { return e.err.Error() }
func (e *lookupError) Unwrap() error { return e.err }

// resultOf tells an error of DNS from one of a record.
func resultOf(err error) Result {
	if _, ok := errors.AsType[*lookupError](err); ok {
		return TempError
	}
	return PermError
}

// wellFormed reports whether a name can be asked for (RFC 1035 section 2.3.4).
func wellFormed(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

// shorten keeps the beginning of a name that is none.
func shorten(name string) string { return name[:min(len(name), 60)] }
