package checks

import (
	"context"
	"errors"
	"strconv"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
)

var authCheck = &Check{
	Name:     "auth",
	Help:     "Can the configured user log in? Tried over TLS whose certificate verified, and not again once refused.",
	Ref:      "RFC 4954, RFC 8314",
	Metrics:  []*Metric{smtpReply, smtpReplyCode, smtpFailure, smtpStageDuration},
	Problems: []string{"auth_failed", "auth_deferred", "auth_missing", "auth_withheld"},
	Run:      runAuth,
}

var (
	errNotVerified = errors.New("the certificate does not verify")
	errRefused     = errors.New("not tried again until configuration or password changes, because repeated attempts lock accounts")
	errNoEnd       = errors.New("the login ended in a reply that says neither yes nor no")
)

// runAuth logs in at the first address that lets us in, once.
func runAuth(ctx context.Context, r *Round) error {
	server := r.Target.Server
	c := server.Credentials
	if c == nil {
		return nil
	}
	p := r.Part("login", HoldReplies)
	q := question{"auth", r.Target.Name}
	on := basis{
		open:   digestOfTexts(server.Host, strconv.Itoa(int(server.Port)), server.TLS, server.ServerName, c.Username),
		secret: digestOfTexts(c.Password.Value()), mark: c.Password.Mark(),
	}
	if a, ok := r.Env.Memory.answer(q, on); ok {
		r.standIn(p, a, errRefused)
		return nil
	}

	o := r.sessionOptions(server)
	o.Login = &smtpclient.Login{Username: c.Username, Password: c.Password.Value}
	o.MayAuth = r.verified
	s, err := r.firstSession(ctx, o, func(s *smtpclient.Session) bool {
		return s.Withheld != nil || s.Step(smtpclient.StageAuth) != nil
	})
	if s == nil {
		p.unknown(err)
		return nil
	}
	p.Evidence = s.Transcript()
	d := dialogue{r.Target, s, s.Address.Addr().String(), p, r.Env.Config.Catalog()}
	step := s.Step(smtpclient.StageAuth)
	// What was answered before the session was broken off counts: it must not be asked again.
	if err != nil && (step == nil || step.Reply == nil) {
		p.unknown(err)
		return nil
	}
	if d.judgeLogin(step) {
		r.Env.Memory.keep(q, answer{on, r.Time, *p})
	}
	return nil
}

// verified says whether a password may be sent in a session: only to a server whose certificate a mail program would take.
func (r *Round) verified(s *smtpclient.Session) error {
	if len(s.Chain) == 0 {
		return errNotVerified
	}
	if j := r.Env.Verifier.Judge(s.Chain, r.Target.Server.ServerName, r.Time); !j.OK() {
		return worded{say("%s for %s: %v", wordsOf(errNotVerified), r.Target.Server.ServerName, j.Results), errNotVerified}
	}
	return nil
}

// judgeLogin finds what came of the attempt; step is nil if none was made. It reports whether none like it may be made again.
func (d dialogue) judgeLogin(step *smtpclient.Step) (final bool) {
	values := d.values(step).With(catalog.Values{catalog.ValueUser: d.target.Server.Credentials.Username})
	if len(d.s.Chain) > 0 {
		values = values.With(certificateValues(d.s.Chain[0]))
	}
	if step == nil {
		problem := "auth_withheld"
		if errors.Is(d.s.Withheld, smtpclient.ErrNoMechanism) {
			problem = "auth_missing"
		}
		d.p.Find(problem, "", say("%s: %s", d.addr, wordsOf(d.s.Withheld)), values)
		return false
	}
	d.emitStep(step)
	if step.Reply == nil {
		d.p.Find("auth_deferred", "", d.told(step), values) // As a sender reads a lost connection: RFC 5321 section 3.8.
		return false
	}
	switch code := step.Reply.Code; {
	case code == 235:
	case code < 400:
		d.p.Unknown = errNoEnd
	case code < 500:
		d.p.Find("auth_deferred", "", d.told(step), values)
	case code == 500 || code >= 502 && code <= 504:
		// RFC 5321 section 4.2.4, RFC 4954 section 4: the command or the mechanism is not to be had, whatever EHLO
		// said. The password was not looked at.
		d.p.Find("auth_missing", "", d.told(step), values)
	default:
		// RFC 4954 section 6: 535, and 530, 534, 538. Servers also say 550 or 554.
		d.p.Find("auth_failed", "", d.told(step), values)
		return true
	}
	return false
}
