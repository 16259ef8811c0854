package spf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// MaxWalk is where WorstCase stops counting: records may include each other without end.
const MaxWalk = 50

// A Worst is what evaluating the record of a domain costs when nothing matches before the end, so that every
// term is looked at.
type Worst struct {
	Lookups int // Terms that ask DNS, of MaxLookups; MaxWalk if there are at least as many.
	// Voids are terms of these that DNS has nothing for, of MaxVoids. A name without addresses of one family only
	// does not count: it is there. Nor does one that is made from what a sender says or where he comes from, for
	// many records ask in this way whether there is such a name. They are looked for among the first MaxLookups terms.
	Voids     int
	VoidTerms []string // These terms, with the domain whose record each stands in.
	VoidsErr  error    // DNS could not tell of some term, so that Voids may be too low.
	// Broken are errors in records that are included or redirected to, and more than ten MX hosts (ErrExchangers): all of these
	// end in permerror where an evaluation comes to them.
	Broken []error // Each once.
	Tree   *Node   // Without results.
}

// WorstCase walks the record of a domain and all that it leads to. The error is that DNS could not tell the text of one of
// these records, or that domain itself has not one valid record (see CheckHost); the Worst then holds what was seen.
func WorstCase(ctx context.Context, resolver Resolver, domain string) (*Worst, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	domain = strings.TrimSuffix(domain, ".")
	w := &walker{checker: checker{resolver: resolver, origin: domain}, worst: &Worst{Tree: &Node{Domain: domain}}}
	err := w.walk(ctx, w.worst.Tree)
	w.worst.Lookups, w.worst.Voids = w.worst.Tree.Lookups, len(w.worst.VoidTerms)
	return w.worst, err
}

// A walker is a walk under way. Of the checker it has what does not depend on a sender.
type walker struct {
	checker
	worst *Worst
	count int
}

// walk reads one record and those below it.
func (w *walker) walk(ctx context.Context, n *Node) error {
	before, voids := w.count, len(w.worst.VoidTerms)
	defer func() { n.Lookups, n.Voids = w.count-before, len(w.worst.VoidTerms)-voids }()
	spf, err := w.read(ctx, n)
	if err != nil {
		n.Err = err
		return err
	}
	_, end, all := spf.All()
	for _, d := range spf.Directives[:end] { // RFC 7208 section 5.1: what is behind all is never looked at.
		if d.Mechanism == record.IP4 || d.Mechanism == record.IP6 {
			continue
		}
		if w.count == MaxWalk {
			return nil
		}
		w.count++
		if d.Mechanism == record.Include {
			err = w.descend(ctx, n, d.String(), d.Domain)
		} else {
			w.look(ctx, n, d)
		}
		if err != nil {
			return err
		}
	}
	if all || spf.Redirect == nil || w.count == MaxWalk {
		return nil
	}
	w.count++
	return w.descend(ctx, n, "redirect="+spf.Redirect.String(), spf.Redirect)
}

// descend walks the record that a term leads to. Where its name depends on the sender, it is noted and not followed.
func (w *walker) descend(ctx context.Context, n *Node, by string, spec record.MacroString) error {
	below := &Node{By: by}
	n.Below = append(n.Below, below)
	if !fixed(spec) {
		return nil
	}
	below.Domain, _ = w.target(ctx, n.Domain, spec)
	err := w.walk(ctx, below)
	if err != nil && resultOf(err) != TempError {
		w.breaks(fmt.Errorf("%s in the record of %s: %w", by, n.Domain, err))
		return nil
	}
	return err
}

// breaks notes an error that ends an evaluation.
func (w *walker) breaks(err error) {
	same := func(known error) bool { return known.Error() == err.Error() }
	if !slices.ContainsFunc(w.worst.Broken, same) {
		w.worst.Broken = append(w.worst.Broken, err)
	}
}

// look asks whether DNS has anything for a term, with as few questions as will do.
func (w *walker) look(ctx context.Context, n *Node, d record.Directive) {
	if w.count > MaxLookups || d.Mechanism == record.PTR || !fixed(d.Domain) {
		return
	}
	name, ok := w.target(ctx, n.Domain, d.Domain)
	if !ok {
		return
	}
	var empty bool
	var err error
	switch d.Mechanism {
	case record.A:
		empty, err = w.noAddress(ctx, name)
	case record.MX:
		empty, err = w.noExchanger(ctx, n, d, name)
	default: // record.Exists.
		addrs, lookupErr := w.resolver.Addresses(ctx, 4, name)
		empty, err = len(addrs) == 0, lookupErr
	}
	if err != nil {
		w.worst.VoidsErr = errors.Join(w.worst.VoidsErr, err)
	} else if empty {
		w.worst.VoidTerms = append(w.worst.VoidTerms, fmt.Sprintf("%s in the record of %s", d, n.Domain))
	}
}

// noAddress reports whether a name has neither an A nor an AAAA record.
func (w *walker) noAddress(ctx context.Context, name string) (bool, error) {
	addrs, err := w.resolver.Addresses(ctx, 4, name)
	if err == nil && len(addrs) == 0 {
		addrs, err = w.resolver.Addresses(ctx, 6, name)
	}
	return len(addrs) == 0, err
}

// noExchanger reports whether a name has no MX record, or only hosts without addresses.
func (w *walker) noExchanger(ctx context.Context, n *Node, d record.Directive, name string) (bool, error) {
	hosts, err := w.resolver.MX(ctx, name)
	if err != nil {
		return false, err
	}
	if len(hosts) > maxExchangers {
		w.breaks(fmt.Errorf("%s in the record of %s: %w", d, n.Domain, ErrExchangers))
		return false, nil
	}
	var failed error
	for _, host := range hosts {
		if host == "" { // The null MX of RFC 7505 is an answer.
			return false, nil
		}
		empty, err := w.noAddress(ctx, host)
		if err == nil && !empty {
			return false, nil
		}
		failed = errors.Join(failed, err)
	}
	return failed == nil, failed
}

// fixed reports whether a name is the same for every sender.
func fixed(spec record.MacroString) bool {
	return !slices.ContainsFunc([]byte("slihpv"), spec.Uses)
}
