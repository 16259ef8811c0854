package checks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/spf"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A spfQuestion is whether one address of a sender may send for a domain.
type spfQuestion struct {
	sender   *targets.Target
	addr     netip.Addr
	domain   string // For identity helo: the HELO name.
	identity string // The label.
}

// A spfVerdict is what receivers conclude, or why it is not known.
type spfVerdict struct {
	*spf.Evaluation
	unknown error
}

// errHeloUnknown says why a record that asks for the HELO name has no verdict.
var errHeloUnknown = errors.New("the SPF record asks for the HELO name of the sender, and none is configured")

// A sendersSPF is what receivers conclude of every address of a domain's senders for MAIL FROM.
type sendersSPF struct {
	senders   []*targets.Target
	addresses []Addresses   // Of each sender.
	questions []spfQuestion // One for each address of them all.
	verdicts  []spfVerdict  // Of each question.
}

// evaluateSenders evaluates the record of a domain for every address of each of the round's senders.
func (r *Round) evaluateSenders(ctx context.Context, domain string) sendersSPF {
	var s sendersSPF
	if d := r.Target.Domain; d != nil && len(d.Senders) > 0 {
		for _, t := range r.Env.Config.Targets {
			if t.Sender != nil && slices.Contains(d.Senders, t.Name) {
				s.senders = append(s.senders, t)
			}
		}
	}
	s.addresses = make([]Addresses, len(s.senders))
	sideBySide(len(s.senders), func(i int) {
		if sender := s.senders[i].Sender; sender.Addr.IsValid() {
			s.addresses[i] = byFamily([]netip.Addr{sender.Addr})
		} else {
			s.addresses[i] = r.lookUpAddresses(ctx, sender.Host)
		}
	})
	for i, t := range s.senders {
		for _, addr := range s.addresses[i].All() {
			s.questions = append(s.questions, spfQuestion{t, addr, domain, "mailfrom"})
		}
	}
	s.verdicts = askSPF(ctx, spfResolver{r.Env.DNS}, s.questions)
	return s
}

// passes reports whether an address passes, whether that was told of any, and why it cannot be told of others.
func (s sendersSPF) passes() (passes, told bool, unknown error) {
	unknown = s.addressesErr()
	for _, v := range s.verdicts {
		unknown = errors.Join(unknown, v.unknown)
		told = told || v.unknown == nil
		passes = passes || v.unknown == nil && v.Result == spf.Pass
	}
	return passes, told, unknown
}

// addressesErr says why it cannot be told which addresses there are; nil if all are known.
func (s sendersSPF) addressesErr() error {
	var errs []error
	for _, a := range s.addresses {
		errs = append(errs, a.Err(), a.More)
	}
	return errors.Join(errs...)
}

// askSPF evaluates all questions side by side.
func askSPF(ctx context.Context, resolver spf.Resolver, questions []spfQuestion) []spfVerdict {
	verdicts := make([]spfVerdict, len(questions))
	sideBySide(len(questions), func(i int) { verdicts[i] = questions[i].ask(ctx, resolver) })
	return verdicts
}

// ask evaluates a question as for a letter from the postmaster of the domain. A record may make differences
// between persons; hardly any does.
func (q spfQuestion) ask(ctx context.Context, resolver spf.Resolver) spfVerdict {
	helo := q.sender.Sender.HeloName
	v := spfVerdict{Evaluation: spf.CheckHost(ctx, resolver, q.addr, q.domain, "postmaster@"+q.domain, helo)}
	switch {
	case v.Result == spf.TempError:
		v.unknown = v.Err
	case v.UsedHelo && helo == "":
		v.unknown = errHeloUnknown
	case v.Result != spf.Pass:
		v.unknown = v.Skipped // With these answers the sender might pass.
	}
	return v
}

// report says a verdict. A part may get several of them, of a sender's domains; their results count together.
func (v spfVerdict) report(p *Part, q spfQuestion) {
	p.Evidence = append(p.Evidence, v.evidence(q).EN)
	if v.unknown != nil {
		p.unknown(v.unknown)
		return
	}
	labels := []string{q.sender.Name, q.addr.String(), q.identity, string(v.Result)}
	if !slices.ContainsFunc(p.Samples, func(s Sample) bool { return slices.Equal(s.Labels, labels) }) {
		p.Emit(spfResult, 1, labels...)
	}
}

// judge finds the problem if the sender does not pass.
func (v spfVerdict) judge(p *Part, q spfQuestion, problem string) {
	if v.unknown == nil && v.Result != spf.Pass {
		p.Find(problem, "", v.evidence(q), q.values())
	}
}

// values are what remedies may name of a question.
func (q spfQuestion) values() catalog.Values {
	return catalog.Values{
		catalog.ValueDomain: q.domain, catalog.ValueSender: q.sender.Name, catalog.ValueAddress: q.addr.String(),
		catalog.ValueHelo: q.sender.Sender.HeloName,
	}
}

// evidence says what the verdict is and what decided.
func (v spfVerdict) evidence(q spfQuestion) catalog.Text {
	text := say("%s for %s: %s", q.addr, q.domain, v.Result)
	if name := q.sender.Name; name != q.addr.String() {
		text = say("%s %s", name, text)
	}
	switch {
	case v.Err != nil:
		text = say("%s, because %s", text, v.Err)
	case v.Term != "":
		text = say("%s by %s in the record of %s", text, v.Term, v.Domain)
	default:
		text = say("%s, since nothing in the record of %s matches", text, v.Domain)
	}
	text = say("%s (%s, %d void)", text, count(v.Lookups, "%d lookup", "%d lookups"), v.Voids)
	if all := v.Voids + v.HostVoids; v.Voids <= spf.MaxVoids && all > spf.MaxVoids && v.Result != spf.PermError {
		text = say("%s; receivers that count the question for each MX host, as pyspf does, find %d void, and give permerror", text, all)
	}
	return each(text, clip)
}

// clip keeps the beginning of a line that holds a stranger's words, which are quoted.
func clip(line string) string {
	if len(line) > 2*maxQuotedRecord {
		return strings.ToValidUTF8(line[:2*maxQuotedRecord], "") + "..."
	}
	return line
}

// errCut says that an answer was too long to be kept whole.
var errCut = errors.New("DNS has too many addresses for a name")

// A spfResolver asks DNS for package spf. A name that holds an octet which cannot be asked for, a space for instance, does not
// exist.
type spfResolver struct{ dns *dnsclient.Client }

func (s spfResolver) TXT(ctx context.Context, name string) ([]string, error) {
	a, err := s.dns.TXT(ctx, name)
	return a.Records, noName(err)
}

func (s spfResolver) Addresses(ctx context.Context, family int, name string) ([]netip.Addr, error) {
	a, err := s.dns.Addresses(ctx, family, name)
	if a.Truncated {
		err = fmt.Errorf("look up addresses of %q: %w", name, errCut)
	}
	return a.Records, noName(err)
}

func (s spfResolver) MX(ctx context.Context, name string) ([]string, error) {
	a, err := s.dns.MX(ctx, name)
	hosts := make([]string, a.Invalid)
	for _, mx := range a.Records {
		hosts = append(hosts, mx.Host)
	}
	return hosts, noName(err)
}

func (s spfResolver) PTR(ctx context.Context, addr netip.Addr) ([]string, error) {
	a, err := s.dns.PTR(ctx, addr)
	return append(a.Records, make([]string, a.Invalid)...), noName(err)
}

func noName(err error) error {
	if errors.Is(err, dnsclient.ErrBadName) {
		return nil
	}
	return err
}
