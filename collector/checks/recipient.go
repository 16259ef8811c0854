package checks

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
)

var recipientCheck = &Check{
	Name:    "recipient",
	Help:    "Would the server take a letter for the configured recipient? It is asked with MAIL and RCPT, and no letter is sent.",
	Ref:     "RFC 5321 section 3.3, RFC 6647",
	Metrics: []*Metric{smtpReply, smtpReplyCode, smtpFailure, smtpStageDuration},
	Problems: []string{
		"recipient_refused", "recipient_deferred", "recipient_greylisted", "recipient_sender_refused",
	},
	Run: runRecipient,
}

// Why a question could not be put to a server.
var (
	// errNoHeloName: a server that looks our name up would refuse us for that, and the reply would say nothing of the recipient.
	errNoHeloName = errors.New("MAIL and RCPT are said only under a name that DNS knows; set helo_name")
	errNoAddress  = errors.New("the server has no address")
	errNotLetIn   = errors.New("the session did not get so far; check smtp says how far")
)

// runRecipient asks the first address that lets us in, as a sender would.
func runRecipient(ctx context.Context, r *Round) error {
	asked := r.Target.Server.Recipient
	if asked == nil {
		return nil
	}
	from := asked.From
	if from == "" {
		from = "postmaster@" + r.Env.HeloName
	}
	p := r.Part("recipient", HoldReplies)
	d, ok := r.askAbout(ctx, p, smtpclient.Envelope{From: from, To: asked.Address})
	if !ok {
		return nil
	}
	step := d.s.Step(smtpclient.StageMail)
	d.emitStep(step)
	if rcpt := d.s.Step(smtpclient.StageRcpt); rcpt != nil {
		step = rcpt
		d.emitStep(step)
	}
	p.Evidence = d.s.Transcript()
	r.judgeRecipient(d, step, attempt{r.Target.Name, d.s.Address.Addr(), from, asked.Address})
	return nil
}

// askAbout puts an envelope to the server. It returns false if the question could not be put or was broken off, and has said so in
// the part.
func (r *Round) askAbout(ctx context.Context, p *Part, e smtpclient.Envelope) (dialogue, bool) {
	if !r.Env.HeloResolves {
		p.Unknown = errors.Join(errNoHeloName, r.Env.HeloErr)
		return dialogue{}, false
	}
	o := r.sessionOptions(r.Target.Server)
	o.Envelope = &e
	s, err := r.firstSession(ctx, o, func(s *smtpclient.Session) bool { return s.Step(smtpclient.StageMail) != nil })
	if err != nil {
		p.unknown(err)
		if s != nil {
			p.Evidence = s.Transcript()
		}
		return dialogue{}, false
	}
	return dialogue{r.Target, s, s.Address.Addr().String(), p, r.Env.Config.Catalog()}, true
}

// firstSession holds sessions with the server's addresses, one after the other, until one of them got far enough. With an error
// comes the last session held, if there was one.
func (r *Round) firstSession(ctx context.Context, o smtpclient.Options, enough func(*smtpclient.Session) bool) (*smtpclient.Session, error) {
	a := r.Addresses(ctx)
	list, err := a.All(), a.Err()
	if len(list) == 0 {
		if err == nil || a.NoName {
			err = errNoAddress
		}
		return nil, err
	}
	var last *smtpclient.Session
	left := false
	for _, addr := range list {
		s, sessionErr := r.holdSessionWith(ctx, addr, o)
		switch {
		case s != nil && enough(s):
			return s, sessionErr
		case errors.Is(sessionErr, ErrLeftAlone):
			left = true
		case sessionErr != nil:
			err = errors.Join(err, fmt.Errorf("%s: %w", addr, sessionErr))
		default:
			err = errors.Join(err, fmt.Errorf("%s: %w", addr, errNotLetIn))
		}
		if s != nil {
			last = s
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err == nil && left {
		err = ErrLeftAlone
	}
	return last, err
}

// judgeRecipient finds what the last reply, to MAIL or to RCPT, shows.
func (r *Round) judgeRecipient(d dialogue, step *smtpclient.Step, a attempt) {
	values := d.values(step).With(catalog.Values{catalog.ValueRecipient: a.to, catalog.ValueFrom: a.from})
	if step.Reply == nil || step.Reply.Class() == "intermediate" {
		// RFC 5321 section 3.8: to a sender a lost connection is as good as a 451; and a 3yz here is no answer.
		d.p.Find("recipient_deferred", "", d.told(step), values)
		return
	}
	reply := step.Reply
	cause := d.cause(step.Stage, reply)
	evidence := say("%s (cause %s)", d.told(step), cause)
	switch {
	case reply.Code < 300:
		r.accepted(d, a, values)
	case reply.Code < 500:
		r.putOff(d, a, cause, evidence, values)
	case step.Stage == smtpclient.StageMail || aboutSender(cause):
		r.Env.Memory.forget(a)
		d.p.Find("recipient_sender_refused", "", evidence, values)
	default:
		r.Env.Memory.forget(a)
		d.p.Find("recipient_refused", "", evidence, values)
	}
}

// aboutSender reports whether a cause speaks of the address or domain in MAIL: many servers say so only at RCPT.
func aboutSender(c catalog.Cause) bool {
	switch c {
	case catalog.CauseSenderRejected, catalog.CauseSPFFailed, catalog.CauseDMARCFailed, catalog.CauseUnauthenticated:
		return true
	}
	return false
}

// Greylisting (RFC 6647) is that a server puts the first attempt of a sender that it does not know off and takes a later one. No single
// reply proves it, not even one that says so, and asking again at once would only prove that we are not a mail server. So each
// probe is compared with the one before it.

// accepted ends what was known of an attempt; where that was only a suspicion, this is its proof.
func (r *Round) accepted(d dialogue, a attempt, values catalog.Values) {
	before, put := r.Env.Memory.deferral(a, r.Time)
	if !put || before.told {
		return // What is known stays: a server that has forgotten us will do it again.
	}
	r.Env.Memory.putOff(a, deferral{at: r.Time, told: true})
	d.p.Find("recipient_greylisted", "", say("%s: put off at %s, and taken now", d.addr, date(before.at)), values)
}

// putOff says what a 4yz reply shows.
func (r *Round) putOff(d dialogue, a attempt, cause catalog.Cause, evidence catalog.Text, values catalog.Values) {
	before, put := r.Env.Memory.deferral(a, r.Time)
	switch cause {
	case catalog.CauseGreylisted:
		r.Env.Memory.putOff(a, deferral{at: r.Time, told: put})
		if put {
			d.p.Find("recipient_greylisted", "", say("%s; put off before at %s", evidence, date(before.at)), values)
			return
		}
		// It says itself that a proper sender need only try again.
		d.p.Find("recipient_deferred", catalog.SeverityInfo, evidence, values)
		return
	case catalog.CauseUnclassified:
		r.Env.Memory.putOff(a, deferral{at: r.Time}) // Greylisting servers often give no reason.
	default:
		r.Env.Memory.forget(a)
	}
	d.p.Find("recipient_deferred", "", evidence, values)
}
