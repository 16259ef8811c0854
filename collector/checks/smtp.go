package checks

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// The metrics of the dialogue. All are of the last run that got an answer of the address, and are held for three intervals.
var (
	smtpUp            = &Metric{Name: "smtp_up", Help: "1 if the server greeted with 220 and answered EHLO, or HELO where EHLO was refused, with 250 in the last run; 0 if anything else came of it.", Labels: []string{"address"}}
	smtpReply         = &Metric{Name: "smtp_reply", Help: "1 for the reply that a stage of the dialogue ended with in the last run.", Labels: []string{"address", "stage", "code", "enhanced", "class", "cause"}}
	smtpReplyCode     = &Metric{Name: "smtp_reply_code", Help: "Code of the reply that a stage of the dialogue ended with in the last run.", Labels: []string{"address", "stage"}}
	smtpFailure       = &Metric{Name: "smtp_failure", Help: "1 for the reason for which a stage of the dialogue ended without a reply in the last run.", Labels: []string{"address", "stage", "reason"}}
	smtpStageDuration = &Metric{Name: "smtp_stage_duration_seconds", Help: "How long a stage of the dialogue took in the last run, whether it ended well or not.", Labels: []string{"address", "stage"}}
	smtpExtension     = &Metric{Name: "smtp_extension", Help: "1 for each known extension offered in the last reply to EHLO: after TLS where TLS was reached.", Labels: []string{"address", "extension"}}
	smtpSizeLimit     = &Metric{Name: "smtp_size_limit_bytes", Help: "Largest message that the server takes, as it said in the last run (SIZE); absent if it stated no limit.", Labels: []string{"address"}}
	smtpAuthMechanism = &Metric{Name: "smtp_auth_mechanism", Help: "1 for each way to log in offered in the last run, before TLS (encrypted false) and under it (true); unknown ones are other.", Labels: []string{"address", "mechanism", "encrypted"}}
	smtpStartTLS      = &Metric{Name: "smtp_starttls_offered", Help: "1 if STARTTLS was offered in the last run, 0 if not; absent where TLS begins at once.", Labels: []string{"address"}}
	tlsInfo           = &Metric{Name: "tls_info", Help: "1, with what the TLS handshake of the last run agreed on.", Labels: []string{"address", "version", "cipher"}}
)

// The metrics of the certificate. They are of the last run that saw one, and are held for 24 hours.
var (
	certificateNotAfter     = &Metric{Name: "certificate_not_after_timestamp_seconds", Help: "When the certificate last seen expires, as seconds since 1970: that of the server (leaf) or the first to expire above it (chain).", Labels: []string{"address", "position"}}
	certificateNotBefore    = &Metric{Name: "certificate_not_before_timestamp_seconds", Help: "When the certificate last seen becomes valid, as seconds since 1970: that of the server (leaf) or the first to expire above it (chain).", Labels: []string{"address", "position"}}
	certificateVerification = &Metric{Name: "certificate_verification", Help: "1 for each result of verifying the certificate last seen; ok stands alone.", Labels: []string{"address", "result"}}
	certificateInfo         = &Metric{Name: "certificate_info", Help: "1, with digest and key of the certificate last seen.", Labels: []string{"address", "fingerprint_sha256", "key_type", "key_bits"}}
)

var smtpCheck = &Check{
	Name: "smtp",
	Help: "Does the server talk to us on every address, with which replies, and is its TLS in order?",
	Ref:  "RFC 5321, RFC 3207, RFC 8314",
	Metrics: []*Metric{
		smtpUp, smtpReply, smtpReplyCode, smtpFailure, smtpStageDuration, smtpExtension, smtpSizeLimit, smtpAuthMechanism, smtpStartTLS, tlsInfo,
		certificateNotAfter, certificateNotBefore, certificateVerification, certificateInfo,
	},
	Problems: []string{
		"smtp_no_address", "smtp_not_allowed", "smtp_unreachable", "smtp_refused", "smtp_deferred", "smtp_silent", "smtp_protocol", "smtp_helo_only",
		"smtp_starttls_missing", "smtp_starttls_broken", "smtp_tls_failed", "smtp_tls_no_common_cipher", "smtp_tls_old_cipher", "smtp_injected", "smtp_auth_unencrypted",
		"certificate_expired", "certificate_expires_soon", "certificate_not_yet_valid", "certificate_name_mismatch", "certificate_untrusted",
		"certificate_self_signed",
		"certificate_incomplete_chain", "certificate_weak", "certificate_invalid", "vantage_refused",
	},
	Run: runSMTP,
}

// knownExtensions are the EHLO keywords that become a label: those of the IANA registry that servers offer, and the
// private ones that tell something of the server.
var knownExtensions = []string{
	"8BITMIME", "ATRN", "AUTH", "BINARYMIME", "BURL", "CHUNKING", "DELIVERBY", "DSN", "ENHANCEDSTATUSCODES", "ETRN", "EXPN", "FUTURERELEASE",
	"HELP", "LIMITS", "MT-PRIORITY", "NO-SOLICITING", "PIPELINING", "REQUIRETLS", "RRVS", "SIZE", "SMTPUTF8", "STARTTLS", "VRFY", "XCLIENT", "XFORWARD",
}

// knownMechanisms are the SASL mechanisms that become a label.
var knownMechanisms = map[string]bool{
	"ANONYMOUS": true, "CRAM-MD5": true, "DIGEST-MD5": true, "EXTERNAL": true, "GSSAPI": true, "LOGIN": true, "NTLM": true, "OAUTHBEARER": true, "PLAIN": true,
	"SCRAM-SHA-1": true, "SCRAM-SHA-1-PLUS": true, "SCRAM-SHA-256": true, "SCRAM-SHA-256-PLUS": true, "XOAUTH2": true,
}

// errNoCertificate says why nothing is known of a certificate.
var errNoCertificate = errors.New("the session did not get as far as the certificate")

// runSMTP holds a session with every address, all at once, and reads them one by one.
func runSMTP(ctx context.Context, r *Round) error {
	a := r.Addresses(ctx)
	list := a.All()
	err := a.Err()
	switch {
	case len(list) == 0 && (err == nil || a.NoName):
		r.Part("addresses", HoldRecords).Find("smtp_no_address", "", say("%s has neither an A nor an AAAA record", r.Target.Server.Host))
		return nil
	case len(list) == 0:
		return err
	case err != nil:
		r.Result.KeepOthers = true
		// But that there is no address at all, if that was known, is not true any more.
		p := r.Part("addresses", HoldRecords)
		p.Unknown, p.Withdraw = err, true
	}
	r.tellMore("more addresses", a)

	sessions, errs := make([]*smtpclient.Session, len(list)), make([]error, len(list))
	sideBySide(len(list), func(i int) { sessions[i], errs[i] = r.Session(ctx, list[i]) })
	for i, addr := range list {
		r.Env.Witnesses.sawWay(r, sessions[i])
		r.readSession(addr, sessions[i], errs[i])
	}
	r.tellOnlyIPv6(sessions)
	return nil
}

// readSession says what a session showed, in two parts: what was said goes as soon as something else is said, but
// what is known of the certificate stays when the server cannot be reached.
func (r *Round) readSession(addr netip.Addr, s *smtpclient.Session, err error) {
	name := addr.String()
	p := r.Part(name, HoldReplies)
	hasCertificate := r.Target.Server.TLS != string(smtpclient.TLSNone)
	if err != nil {
		p.unknown(err)
		if s != nil {
			p.Evidence = s.Transcript()
		}
		if hasCertificate {
			r.Part("certificate "+name, HoldRecords).unknown(err)
		}
		return
	}
	d := dialogue{r.Target, s, name, p, r.Env.Config.Catalog()}
	d.emitSteps()
	d.emitExtensions()
	d.findProblems()
	p.Evidence = s.Transcript()
	if hasCertificate {
		r.readCertificate(d)
	}
}

// unknown says that nothing can be told of a thing, on purpose or not.
func (p *Part) unknown(err error) {
	p.Unknown, p.LeftOut = err, errors.Is(err, ErrLeftAlone)
}

// A dialogue is a session being read.
type dialogue struct {
	target  *targets.Target
	s       *smtpclient.Session
	addr    string // As a label.
	p       *Part
	catalog *catalog.Catalog
}

func (d dialogue) implicit() bool { return d.target.Server.TLS == string(smtpclient.TLSImplicit) }

// strict reports whether clients insist on TLS and a certificate that verifies. RFC 8314 section 4.3: mail programs do.
// Between servers TLS is opportunistic (RFC 7435): a certificate at fault is better than clear text.
func (d dialogue) strict() bool {
	return d.implicit() || d.target.Server.Role == targets.RoleSubmission
}

// severity is that of a fault in TLS.
func (d dialogue) severity() catalog.Severity {
	if d.strict() {
		return catalog.SeverityCritical
	}
	return ""
}

// emitSteps says how each stage went.
func (d dialogue) emitSteps() {
	d.p.EmitBool(smtpUp, d.s.Up(), d.addr)
	for i := range d.s.Steps {
		d.emitStep(&d.s.Steps[i])
	}
	if state := d.s.TLS; state != nil {
		d.p.Emit(tlsInfo, 1, d.addr, tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite))
	}
}

// emitStep says how a stage went.
func (d dialogue) emitStep(step *smtpclient.Step) {
	stage := string(step.Stage)
	d.p.Emit(smtpStageDuration, step.Duration.Seconds(), d.addr, stage)
	if step.Failure != "" {
		d.p.Emit(smtpFailure, 1, d.addr, stage, string(step.Failure))
	}
	if reply := step.Reply; reply != nil {
		d.p.Emit(smtpReply, 1, d.addr, stage, strconv.Itoa(reply.Code), d.enhancedLabel(reply.Enhanced), reply.Class(), string(d.cause(step.Stage, reply)))
		d.p.Emit(smtpReplyCode, float64(reply.Code), d.addr, stage)
	}
}

// enhancedLabel is an enhanced status code, if it is one that somebody has defined.
func (d dialogue) enhancedLabel(code string) string {
	if code == "" || d.catalog.KnownEnhanced(code) {
		return code
	}
	return "other"
}

// cause is the catalogue's word for what a reply at a stage is about.
func (d dialogue) cause(stage smtpclient.Stage, reply *smtpclient.Reply) catalog.Cause {
	text := reply.Lines[0]
	if reply.Code >= 400 && len(reply.Lines) > 1 {
		text = strings.Join(reply.Lines, "\n") // Only a refusal is read whole.
	}
	cause := d.catalog.Classify(d.target.Server.Host, reply.Code, reply.Enhanced, text).Cause
	if cause == catalog.CauseUnclassified && stage == smtpclient.StageBanner && (reply.Code == 554 || reply.Code == 521) {
		return catalog.CauseNotAcceptingMail // RFC 5321 section 3.1, RFC 7504 section 3: no reason is said, and none is needed.
	}
	return cause
}

// emitExtensions says what the server can do.
func (d dialogue) emitExtensions() {
	before, after := d.s.Before, d.s.After
	if d.implicit() {
		before, after = nil, d.s.Before
	} else if d.greeted() {
		d.p.EmitBool(smtpStartTLS, before.Offers("STARTTLS"), d.addr)
	}
	d.emitMechanisms(before, "false")
	d.emitMechanisms(after, "true")

	// RFC 3207 section 4.2: what was said before TLS is void under it.
	last := after
	if d.s.TLS == nil {
		last = before
	}
	if last == nil {
		return
	}
	for _, keyword := range knownExtensions {
		if last.Offers(keyword) {
			d.p.Emit(smtpExtension, 1, d.addr, keyword)
		}
	}
	if last.Size > 0 {
		d.p.Emit(smtpSizeLimit, float64(last.Size), d.addr)
	}
}

// greeted reports whether the server answered EHLO or HELO with 250; a server that knows only HELO offers nothing.
func (d dialogue) greeted() bool { return d.s.Before != nil || d.s.Up() }

func (d dialogue) emitMechanisms(e *smtpclient.Extensions, encrypted string) {
	if e == nil {
		return
	}
	others := false
	for _, m := range e.Auth {
		if !knownMechanisms[m] {
			others = true
			continue
		}
		d.p.Emit(smtpAuthMechanism, 1, d.addr, m, encrypted)
	}
	if others {
		d.p.Emit(smtpAuthMechanism, 1, d.addr, "other", encrypted)
	}
}

// findProblems judges the session.
func (d dialogue) findProblems() {
	for i := range d.s.Steps {
		step := &d.s.Steps[i]
		problem := d.problemAt(step)
		switch problem {
		case "":
		case "smtp_tls_failed", "smtp_starttls_broken":
			d.p.Findings = append(d.p.Findings, Finding{Problem: problem, Severity: d.severity(), Evidence: d.told(step), Values: d.values(step), Transient: transient(step)})
		case "smtp_protocol":
			severity := catalog.Severity("")
			if step.Stage == smtpclient.StageQuit {
				severity = catalog.SeverityInfo // All that matters to mail has been said.
			}
			d.p.Find(problem, severity, d.told(step), d.values(step))
		case "vantage_refused":
			d.p.Findings = append(d.p.Findings, Finding{Problem: problem, Evidence: d.told(step), Values: d.values(step), Ours: d.s.Local})
		default:
			d.p.Find(problem, "", d.told(step), d.values(step))
		}
	}
	d.findOldCipher()
	if d.target.Server.TLS == string(smtpclient.TLSStart) && d.greeted() && !d.s.Before.Offers("STARTTLS") {
		d.p.Find("smtp_starttls_missing", d.severity(), say("%s: STARTTLS is not among the extensions", d.addr), d.values(nil))
	}
	if e := d.s.Before; e != nil && len(e.Auth) > 0 && !d.implicit() {
		// RFC 4954 section 4: passwords in the clear MUST NOT be offered by default.
		d.p.Find("smtp_auth_unencrypted", "", say("%s: AUTH is offered in clear: %.200q", d.addr, e.Keywords["AUTH"]), d.values(nil))
	}
}

// transient reports whether a stage that ended badly may end well at the next attempt. RFC 5321 section 4.2.1: a 4yz reply asks to come
// back; section 3.8: so is a lost connection to be taken. What ended in words, an alert for example, is meant.
func transient(step *smtpclient.Step) bool {
	if step.Reply != nil {
		return step.Reply.Code/100 == 4
	}
	return slices.Contains([]smtpclient.Failure{smtpclient.FailureTimeout, smtpclient.FailureReset, smtpclient.FailureClosed, smtpclient.FailureUnreachable}, step.Failure)
}

// problemAt returns the problem that a stage shows, or "".
func (d dialogue) problemAt(step *smtpclient.Step) string {
	switch step.Failure {
	case "":
		return d.problemOfReply(step)
	case smtpclient.FailureNotAllowed:
		return "smtp_not_allowed"
	case smtpclient.FailureInjected:
		return "smtp_injected"
	case smtpclient.FailureProtocol, smtpclient.FailureTooLong:
		return "smtp_protocol"
	}
	switch step.Stage {
	case smtpclient.StageConnect:
		return "smtp_unreachable"
	case smtpclient.StageQuit:
		return "" // All that we wanted has been said.
	case smtpclient.StageTLS:
		if noCommonCipher(d.s, step) {
			return "smtp_tls_no_common_cipher"
		}
		return "smtp_tls_failed"
	case smtpclient.StageHELO:
		return "" // It hung up on EHLO, and that was a refusal: see problemOfReply.
	}
	switch {
	case step.Failure == smtpclient.FailureTLSHandshake:
		return "smtp_tls_failed" // With TLS 1.3 a server may say so late.
	case step.Stage == smtpclient.StageSTARTTLS || step.Stage == smtpclient.StageEHLOTLS:
		return "smtp_starttls_broken"
	}
	return "smtp_silent"
}

// problemOfReply returns the problem that a reply shows, or "".
func (d dialogue) problemOfReply(step *smtpclient.Step) string {
	if step.Reply == nil {
		return ""
	}
	code := step.Reply.Code
	switch step.Stage {
	case smtpclient.StageBanner:
		if code != 220 {
			return d.refusal(step)
		}
	case smtpclient.StageEHLO:
		helo := d.s.Step(smtpclient.StageHELO)
		switch {
		case code == 250:
		case helo == nil || helo.Reply == nil:
			return d.refusal(step)
		case helo.Reply.Code == 250:
			return "smtp_helo_only"
		case d.aboutUs(step):
			return "vantage_refused"
		default:
			return d.refusal(helo)
		}
	case smtpclient.StageSTARTTLS:
		switch {
		case code == 220:
		case d.aboutUs(step), deferred(step.Reply):
			return d.refusal(step)
		default:
			return "smtp_starttls_broken"
		}
	case smtpclient.StageEHLOTLS:
		switch {
		case code == 250:
		case !d.aboutUs(step) && (aboutTLS(step.Reply) || 500 <= code && code <= 504):
			return "smtp_starttls_broken" // It knew the command before TLS.
		default:
			return d.refusal(step)
		}
	}
	return ""
}

// deferred reports whether a reply asks to come back for a reason that has nothing to do with TLS, at whatever stage it comes: 421 that
// the server hangs up (RFC 5321 section 3.8), 450 to 452 that it is busy or has a fault for the moment.
func deferred(reply *smtpclient.Reply) bool { return reply.Code/100 == 4 && !aboutTLS(reply) }

// wordsOfTLS are in replies about TLS.
var wordsOfTLS = regexp.MustCompile(`(?i)\b(?:START)?TLS|\bSSL|certificate|encrypt|cipher|handshake`)

// aboutTLS reports whether a refusal is about TLS by its code (RFC 3207 section 4: 454, and 403 of Sendmail) or by its words.
func aboutTLS(reply *smtpclient.Reply) bool {
	return reply.Code == 454 || reply.Code == 403 || slices.ContainsFunc(reply.Lines, wordsOfTLS.MatchString)
}

// refusal names the problem of a reply other than 220 or 250 to someone who has only come in.
func (d dialogue) refusal(step *smtpclient.Step) string {
	reply := step.Reply
	switch {
	case d.aboutUs(step):
		return "vantage_refused"
	case reply.Code >= 500:
		return "smtp_refused"
	case reply.Code >= 400:
		return "smtp_deferred"
	}
	return "smtp_protocol" // A code that greets nobody.
}

// aboutUs reports whether a reply is about the one who asks: another prober would be let in, so it is no
// fault of the server's.
func (d dialogue) aboutUs(step *smtpclient.Step) bool {
	return step.Reply.Code >= 400 && d.cause(step.Stage, step.Reply).AboutUs()
}

// told is one line on what happened at a stage.
func (d dialogue) told(step *smtpclient.Step) catalog.Text {
	if step.Reply == nil {
		return say("%s: %s at stage %s after %v%s", d.addr, step.Failure, step.Stage, step.Duration.Round(time.Millisecond), peersWord(step))
	}
	return say("%s: at stage %s the server said %d %.200q", d.addr, step.Stage, step.Reply.Code, step.Reply.Lines[0])
}

// readCertificate says what is to be seen of the certificate, verified or not.
func (r *Round) readCertificate(d dialogue) {
	p := r.Part("certificate "+d.addr, HoldRecords)
	chain := d.s.Chain
	if len(chain) == 0 {
		if !d.greeted() || d.s.Before.Offers("STARTTLS") {
			p.unknown(errNoCertificate)
		}
		return // Without STARTTLS there is none, and what was known of it goes.
	}
	leaf := chain[0]
	judgement := r.Env.Verifier.judge(chain, d.target.Server.ServerName, r.Time, neededUsage(d.s.TLS))
	r.Env.Witnesses.sawCertificate(r, d.s, judgement)
	emit := func(c *x509.Certificate, position string) {
		p.Emit(certificateNotAfter, float64(c.NotAfter.Unix()), d.addr, position)
		p.Emit(certificateNotBefore, float64(c.NotBefore.Unix()), d.addr, position)
	}
	emit(leaf, "leaf")
	if judgement.Above != nil {
		emit(judgement.Above, "chain")
	}
	digest := sha256.Sum256(leaf.Raw)
	kind, bits := keyOf(leaf)
	p.Emit(certificateInfo, 1, d.addr, hex.EncodeToString(digest[:]), kind, bits)
	for _, result := range judgement.Results {
		p.Emit(certificateVerification, 1, d.addr, string(result))
		if result != CertificateOK {
			p.Find(certificateProblem(result), d.severity(), say("%s: %s", d.addr, certificateEvidence(result, judgement, leaf, d.target.Server.ServerName)), d.values(nil), certificateValues(leaf))
		}
	}
	r.judgeExpiry(d, p, leaf, say("the certificate"))
	if above := judgement.Above; above != nil {
		r.judgeExpiry(d, p, above, say("the certificate of the authority %s, which the server sends,", quotedName(above.Subject)))
	}
	for _, c := range chain {
		p.Evidence = append(p.Evidence, fmt.Sprintf("%s, issued by %s, valid from %s until %s", quotedName(c.Subject).EN, quotedName(c.Issuer).EN, date(c.NotBefore), date(c.NotAfter)))
	}
}

// judgeExpiry finds that a certificate ends soon: that less of its life is left than a time and than a share of it. One of 90 days is
// renewed when 30 are left, so that with 21 left the renewal has failed; for one that lives a week, days mean nothing. One that has
// ended is another problem.
func (r *Round) judgeExpiry(d dialogue, p *Part, c *x509.Certificate, what catalog.Text) {
	t := r.Env.Config.Certificate
	life, left := c.NotAfter.Sub(c.NotBefore), c.NotAfter.Sub(r.Time)
	within := func(most time.Duration, share float64) bool {
		return left > 0 && left < most && left.Seconds() < share*life.Seconds()
	}
	severity := catalog.SeverityCritical
	switch {
	case within(t.Critical, t.CriticalShare):
	case within(t.Warning, t.WarningShare):
		severity = catalog.SeverityWarning
	default:
		return
	}
	evidence := say("%s: %s ends on %s, in %s", d.addr, what, date(c.NotAfter), roughly(left))
	p.Find("certificate_expires_soon", severity, evidence, d.values(nil))
}

// roughly is a time that is left, in the largest unit of which there are two, rounded down.
func roughly(left time.Duration) catalog.Text {
	switch {
	case left >= 48*time.Hour:
		return say("%d days", int(left.Hours()/24))
	case left >= 2*time.Hour:
		return say("%d hours", int(left.Hours()))
	}
	return count(int(left.Minutes()), "%d minute", "%d minutes")
}

// neededUsage is what a server needs its key for in a session. RFC 5246 section 7.4.2: with RSA key exchange, which only servers with
// old settings choose, to decrypt; otherwise to sign.
func neededUsage(state *tls.ConnectionState) x509.KeyUsage {
	if state != nil && strings.HasPrefix(tls.CipherSuiteName(state.CipherSuite), "TLS_RSA_") {
		return x509.KeyUsageKeyEncipherment
	}
	return x509.KeyUsageDigitalSignature
}

// certificateProblem is the problem that a result shows.
func certificateProblem(result CertificateResult) string {
	if result == CertificateUnknownAuthority {
		return "certificate_untrusted"
	}
	return "certificate_" + string(result)
}

// certificateEvidence is one line on a result.
func certificateEvidence(result CertificateResult, j Judgement, leaf *x509.Certificate, serverName string) catalog.Text {
	switch result {
	case CertificateInvalid:
		return say("the certificate may not be used here: %s", j.Invalid)
	case CertificateExpired, CertificateNotYetValid:
		return say("the certificate is valid from %s until %s", date(leaf.NotBefore), date(leaf.NotAfter))
	case CertificateNameMismatch:
		return say("%s, not for %s", namesOf(leaf), serverName)
	case CertificateWeak:
		kind, bits := keyOf(leaf)
		return say("key %s %s, signature %s", kind, bits, leaf.SignatureAlgorithm)
	}
	return say("the certificate is issued by %s", quotedName(leaf.Issuer))
}

// namesOf says which names a certificate is for: a few of them, for there may be thousands.
func namesOf(leaf *x509.Certificate) catalog.Text {
	names, more := certificateNames(leaf)
	switch {
	case len(names) == 0:
		return count(more, "the certificate is for %d name", "the certificate is for %d names")
	case more > 0:
		return say("the certificate is for %s and %d more", strings.Join(names, ", "), more)
	}
	return say("the certificate is for %s", strings.Join(names, ", "))
}

// quotedName is a short form of a name in a certificate, quoted because a peer wrote it.
func quotedName(n pkix.Name) catalog.Text {
	switch {
	case n.CommonName != "":
		return same(fmt.Sprintf("%.100q", n.CommonName))
	case len(n.Organization) > 0:
		return same(fmt.Sprintf("%.100q", n.Organization[0]))
	}
	return say("no name")
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
