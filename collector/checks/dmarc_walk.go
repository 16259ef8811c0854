package checks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// The DMARC tree walk (RFC 9989 section 4.10) asks for a record at a domain, then at the name above it, and so on up to
// the top-level domain, until a record says that it is the top of an organisation (psd=n) or a public suffix (psd=y). Of
// a long name the middle is left out, so that nobody has to ask more than eight times.

// maxWalkLabels is how long the second name may be that the walk asks about (RFC 9989 section 4.10).
const maxWalkLabels = 7

// A dmarcStep is what one question of the walk brought.
type dmarcStep struct {
	name    string   // The domain; the record stands below it.
	aliases []string // Where the name below it leads, the last one last.
	texts   []string // DMARC records. Receivers discard all if there are several.
	others  []string // TXT records of other kinds.
	err     error    // It could not be told.

	// Of the only record:
	record   record.DMARC
	mistakes record.DMARCErrors
}

// walkTree asks at the domain and, if it has no record that counts, above it. The first step is always that of the domain itself,
// which goes before everything that is above. The error says that a step, the last one, could not be told: then nobody knows
// where the walk would have ended.
func walkTree(ctx context.Context, r *Round) ([]*dmarcStep, error) {
	var walk []*dmarcStep
	for i, name := range walkNames(r.Target.Name) {
		step := askDMARC(ctx, r, name)
		walk = append(walk, step)
		if step.err != nil {
			return walk, fmt.Errorf("look up DMARC record: %w", step.err)
		}
		if len(step.texts) == 1 && (i == 0 || step.record.PSD == record.PSDNo || step.record.PSD == record.PSDYes) {
			break
		}
	}
	return walk, nil
}

// walkNames lists the names that the walk may ask about.
func walkNames(domain string) []string {
	names := []string{domain}
	labels := strings.Split(domain, ".")
	for i := max(1, len(labels)-maxWalkLabels); i < len(labels); i++ {
		names = append(names, strings.Join(labels[i:], "."))
	}
	return names
}

// askDMARC asks for the record of one name.
func askDMARC(ctx context.Context, r *Round, name string) *dmarcStep {
	s := &dmarcStep{name: name}
	var answer dnsclient.Answer[string]
	if answer, s.err = askTexts(ctx, r, s.owner()); s.err != nil {
		return s
	}
	s.aliases = answer.Aliases
	for _, text := range answer.Records {
		if record.IsDMARC(text) {
			s.texts = append(s.texts, text)
		} else {
			s.others = append(s.others, text)
		}
	}
	if len(s.texts) == 1 {
		var err error
		s.record, err = record.ParseDMARC(s.texts[0])
		errors.As(err, &s.mistakes)
	}
	return s
}

// askTexts asks for the TXT records of a name that was put together; one too long for DNS has none.
func askTexts(ctx context.Context, r *Round, name string) (dnsclient.Answer[string], error) {
	answer, err := r.Env.DNS.TXT(ctx, name)
	if errors.Is(err, dnsclient.ErrBadName) {
		return dnsclient.Answer[string]{}, nil
	}
	return answer, err
}

// owner is the name that the record stands at.
func (s *dmarcStep) owner() string { return "_dmarc." + s.name }

// place is the same for people, with the name that it is an alias of.
func (s *dmarcStep) place() catalog.Text { return alsoKnown(s.owner(), s.aliases) }

// evidence says what the step brought.
func (s *dmarcStep) evidence() []string {
	if len(s.texts) == 0 {
		return []string{s.place().EN + " has no DMARC record"}
	}
	var lines []string
	for _, text := range s.texts {
		lines = append(lines, s.place().EN+" "+quoteRecord(text))
	}
	return lines
}

// choose picks the record that counts for the domain where the walk began, nil if none does. RFC 9989 section 4.10.1: its own;
// without one, that of the organisation; without that, that of the public suffix. Section 4.10.2: the organisation is
// where psd=n stands, one label below psd=y, otherwise where the highest record is.
func choose(walk []*dmarcStep) *dmarcStep {
	if len(walk[0].texts) == 1 {
		return walk[0]
	}
	for i := len(walk) - 1; i > 0; i-- {
		s := walk[i]
		if len(s.texts) != 1 {
			continue
		}
		if below := walk[i-1]; s.record.PSD == record.PSDYes && len(below.texts) == 1 {
			return below // One label below: the walk leaves names out only above its first, which has no record that counts.
		}
		return s
	}
	return nil
}

// policies returns what the record asks for the domain that it stands at, and for names below it that exist and
// that do not. RFC 9989 section 4.10.1: without a good p, or with a bad sp or np, it counts as p=none if somebody is to get reports,
// and otherwise (not ok) as if there were none.
func (s *dmarcStep) policies() (own, sub, nonexistent record.Disposition, ok bool) {
	d := s.record
	if d.Policy == "" || s.mistakes.Has("sp", "np") {
		none := record.DispositionNone
		return none, none, none, len(d.Aggregate) > 0
	}
	own, sub, nonexistent = d.Effective()
	return own, sub, nonexistent, true
}

// strictDMARC reports whether a message of the domain that fails DMARC is quarantined or rejected, every one, and not as a test: t=y, or
// a pct below 100, which older receivers obey.
func strictDMARC(walk []*dmarcStep) bool {
	s := choose(walk)
	if s == nil {
		return false
	}
	policy, sub, _, ok := s.policies()
	if s != walk[0] {
		policy = sub
	}
	pct, partly := s.record.Old.Get("pct")
	return ok && policy != record.DispositionNone && !s.record.Testing && (!partly || pct == "100")
}
