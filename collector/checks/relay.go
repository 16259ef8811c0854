package checks

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
)

// smtpRelay is about the server as a whole; address is the one that was asked.
var smtpRelay = &Metric{Name: "smtp_relay", Help: "1 for what came of asking the server, without a letter, to take one for a recipient outside its domains, in the last run.", Labels: []string{"address", "result"}}

var relayCheck = &Check{
	Name:     "relay",
	Help:     "Would the server take a letter from anybody to anywhere? Asked once a day, where the operator declares server and both addresses his own.",
	Ref:      "RFC 2505, RFC 5321 section 3.6.2, RFC 6471 section 3.6",
	Metrics:  []*Metric{smtpRelay},
	Problems: []string{"relay_suspected"},
	Run:      runRelay,
}

// A RelayResult is what came of the question.
type RelayResult string

// The results. None of them proves that the server relays: some take every recipient and refuse the letter.
const (
	RelayRefused  RelayResult = "refused"
	RelayAccepted RelayResult = "accepted_at_rcpt"
	RelayTempFail RelayResult = "tempfail"
	RelayUnknown  RelayResult = "unknown" // The server answered, but not the question: it refused who we are, or the sender.
)

// relayEvery is the least time between two tests of a server, less a little, so that a round that begins early is not lost.
const relayEvery = 24*time.Hour - time.Minute

// errTested is why a test is not made.
var errTested = errors.New("tested less than a day ago")

// runRelay asks the first address that lets us in. RFC 6471 section 3.6 grants one test a day at most, so a new configuration does not
// bring a new one.
func runRelay(ctx context.Context, r *Round) error {
	server := r.Target.Server
	test := server.RelayTest
	if test == nil {
		return nil
	}
	p := r.Part("relay", HoldReplies)
	q := question{"relay", r.Target.Name}
	on := basis{open: digestOfTexts(server.Host, strconv.Itoa(int(server.Port)), server.TLS, test.From, test.To)}
	if a, ok := r.Env.Memory.answer(q, on); ok && r.Time.Sub(a.at) < relayEvery {
		r.standIn(p, a, errTested)
		return nil
	}
	d, ok := r.askAbout(ctx, p, smtpclient.Envelope{From: test.From, To: test.To})
	if !ok {
		return nil
	}
	p.Evidence = d.s.Transcript()
	result, step := d.relayResult()
	p.Emit(smtpRelay, 1, d.addr, string(result))
	if result == RelayAccepted {
		evidence := d.told(step)
		if local := d.s.Local; local.IsPrivate() {
			evidence = say("%s; asked from %s, which the server may trust as its own network", evidence, local)
		}
		p.Find("relay_suspected", "", evidence, d.values(step), catalog.Values{catalog.ValueRecipient: test.To, catalog.ValueFrom: test.From})
	}
	r.Env.Memory.keep(q, answer{on, r.Time, *p})
	return nil
}

// relayResult reads the session, and returns the step that decided.
func (d dialogue) relayResult() (RelayResult, *smtpclient.Step) {
	step := d.s.Step(smtpclient.StageRcpt)
	if step == nil {
		step = d.s.Step(smtpclient.StageMail)
	}
	if step.Reply == nil {
		return RelayUnknown, step
	}
	atRcpt := step.Stage == smtpclient.StageRcpt
	cause := d.cause(step.Stage, step.Reply)
	switch code := step.Reply.Code; {
	case code < 300 && atRcpt:
		return RelayAccepted, step
	case code < 400:
		return RelayUnknown, step // No answer to either command.
	case code < 500:
		return RelayTempFail, step
	case cause == catalog.CauseRelayDenied || cause == catalog.CauseAuthRequired:
		return RelayRefused, step
	case atRcpt && !cause.AboutUs() && !aboutSender(cause):
		return RelayRefused, step
	}
	// Another client or sender might have been taken.
	return RelayUnknown, step
}
