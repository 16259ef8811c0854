// Package smtpclient speaks SMTP (RFC 5321) as a careful client does and keeps
// everything the server said: one session from connect to the 221 of QUIT, stage
// by stage. It judges nothing but the protocol.
//
// In SMTP the server speaks first. Then client and server take turns, a line against
// a reply of one or more lines that all begin with the same three digits:
//
//	S: 220 mx.example.org ESMTP          the greeting, or 421, 521, 554: go away
//	C: EHLO probe.example.net            who we are
//	S: 250-mx.example.org                what the server can do, a keyword to a line
//	S: 250-SIZE 52428800
//	S: 250 STARTTLS
//	C: STARTTLS
//	S: 220 go ahead                      and nothing more before the TLS handshake
//	C: EHLO probe.example.net            once more: what was said in clear may be forged
//	S: 250 mx.example.org
//	C: QUIT
//	S: 221 bye
//
// Where the caller asks for it, it also logs in, and asks whether a letter would be taken, both before QUIT. No letter is ever
// sent: there is no DATA in this package.
//
// A server is judged by its replies, and we by our manners: a client that talks before
// the greeting, sends two commands at once or hangs up without QUIT looks like a spammer's,
// and ends on the blocklists that this exporter watches.
//
// The peer is not trusted. Whatever it sends ends within the limits below, in a reply or in
// one word of a closed set that says why there is none.
package smtpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"time"
)

// A Stage is a step of the dialogue.
type Stage string

// The stages of a session, in the order they can happen.
const (
	StageConnect  Stage = "connect"
	StageTLS      Stage = "tls" // The handshake; right after connect where TLS is implicit.
	StageBanner   Stage = "banner"
	StageEHLO     Stage = "ehlo"
	StageHELO     Stage = "helo" // Only where EHLO was refused with 5xx.
	StageSTARTTLS Stage = "starttls"
	StageEHLOTLS  Stage = "ehlo_tls"
	StageAuth     Stage = "auth"
	StageMail     Stage = "mail"
	StageRcpt     Stage = "rcpt"
	StageReset    Stage = "rset" // After rcpt; for transcripts only.
	StageQuit     Stage = "quit"
)

// A Failure says why a stage ended without a reply.
type Failure string

// The closed set of failures.
const (
	FailureTimeout      Failure = "timeout"       // Not done within the stage's limit or the session's.
	FailureRefused      Failure = "refused"       // Nobody listens on the port.
	FailureReset        Failure = "reset"         // The connection was reset.
	FailureUnreachable  Failure = "unreachable"   // The network said that it cannot get there.
	FailureClosed       Failure = "closed"        // The peer hung up instead of replying.
	FailureProtocol     Failure = "protocol"      // Not a reply, or one that nobody asked for.
	FailureTooLong      Failure = "too_long"      // A line or a reply beyond the limits.
	FailureInjected     Failure = "injected"      // Octets between the 220 of STARTTLS and the handshake.
	FailureTLSHandshake Failure = "tls_handshake" // TLS itself failed.
	FailureNotAllowed   Failure = "not_allowed"   // The dialer returned ErrNotAllowed.
)

// A TLSMode says when TLS starts.
type TLSMode string

// The TLS modes, as exporter.yml writes them.
const (
	TLSImplicit TLSMode = "implicit" // At once after connect (RFC 8314).
	TLSStart    TLSMode = "starttls" // By STARTTLS where offered (RFC 3207).
	TLSNone     TLSMode = "none"     // Never.
)

// A Dialer opens connections; *net.Dialer is one. A test's dialer leads addresses of
// the mail world to loopback.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// Options say how to hold one session.
type Options struct {
	Dialer     Dialer  // nil: NewDialer.
	HeloName   string  // Argument of EHLO: an FQDN or an address literal in brackets.
	TLS        TLSMode // "" means TLSStart.
	ServerName string  // Sent as SNI. Verification is the caller's (package checks) business.
	// ProxyHeader is sent before anything else, to a server behind a load balancer; "" sends none.
	ProxyHeader ProxyVersion
	// TLSConfig is what handshakes are made from; it is cloned, so many sessions may share one. nil means TLS 1.2
	// at least and all ciphers that Go has. ServerName is set, verification and resumption are off in any case.
	TLSConfig *tls.Config
	// Route tells whether this machine has a route, asked when a connection failed as it does without. nil: Route.
	Route func(netip.Addr) error
	// Login, if set, is tried once after the last EHLO, under TLS only, and only if MayAuth, which is called with the session as far
	// as it has come, returns nil. The certificates stand in Chain; that they verify is MayAuth's to see to.
	Login   *Login
	MayAuth func(*Session) error
	// Envelope, if set, is asked about after that.
	Envelope *Envelope
	// StageTimeout bounds each stage, Timeout the whole session. 0 means 30 s and 60 s.
	StageTimeout, Timeout time.Duration
}

// A Reply is one reply of a server, all lines of it.
type Reply struct {
	Code     int      // 200 to 599.
	Enhanced string   // "5.7.1" if the text begins with one whose class is the code's; else "".
	Lines    []string // The text of each line as octets, without code and line end.
}

// Class is the word for the reply's first digit: positive, intermediate, transient or permanent.
func (r *Reply) Class() string {
	switch r.Code / 100 {
	case 2:
		return "positive"
	case 3:
		return "intermediate"
	case 4:
		return "transient"
	}
	return "permanent"
}

// A Step is what happened at one stage: Reply or Failure is set, or neither where the
// stage succeeded without a reply (connect, tls).
type Step struct {
	Stage   Stage
	Sent    string // The command as sent, without line end; secrets masked.
	Reply   *Reply
	Failure Failure
	Err     error // Detail of a Failure; for logs and evidence, never a label.
	// Alert is the TLS alert (RFC 8446 section 6) that the server ended the stage with, as in "handshake failure"; "" if none.
	Alert string
	// Said is the beginning of what the server sent where a reply or TLS was expected: at most 100 octets, as they came.
	Said     string
	Duration time.Duration
}

// Extensions is what a reply to EHLO offers (RFC 5321 section 4.1.1.1).
type Extensions struct {
	Keywords map[string]string // Upper-case keyword ([A-Z0-9-]) to its parameters as sent; at most 100.
	Size     uint64            // SIZE; 0 means no stated limit.
	Auth     []string          // Upper-case mechanisms of AUTH ([A-Z0-9-_], at most 20 octets), each once, at most 50.
}

// A Session is the record of one dialogue with one address. It is never changed
// after Probe returned.
type Session struct {
	Address netip.AddrPort
	Local   netip.Addr // Where the connection came from on this machine; the zero Addr without one.
	Start   time.Time
	Steps   []Step
	// NoRoute is set, with no steps, when this machine has no route for the address's
	// family: nothing was tried, so nothing is known.
	NoRoute error
	// Aborted is set when this side ended the session, because the context ended or this machine
	// could not open a socket: what is not in Steps is not known.
	Aborted error

	// Withheld says why the session, though it came as far as EHLO, did not log in as it was to.
	Withheld error

	BannerName string // First word of the greeting if it is a host name or literal.
	EHLOName   string // First word of the reply to the last EHLO or HELO, likewise.
	Before     *Extensions
	After      *Extensions // After TLS; nil where TLS was not reached or TLS is implicit (then Before is after TLS).

	// TLS is the state of a handshake that completed, verified or not; nil otherwise.
	TLS *tls.ConnectionState
	// Chain holds the certificates the server sent, leaf first, also when the handshake
	// failed after they came; bounded in number and size.
	Chain []*x509.Certificate
}

// Step returns the step of a stage, or nil if the session never came to it.
func (s *Session) Step(stage Stage) *Step {
	for i := range s.Steps {
		if s.Steps[i].Stage == stage {
			return &s.Steps[i]
		}
	}
	return nil
}

// Up reports whether the server greeted with 220 and answered EHLO, or HELO where EHLO
// was refused, with 250.
func (s *Session) Up() bool {
	return s.code(StageBanner) == 220 &&
		(s.code(StageEHLO) == 250 || s.code(StageEHLO)/100 == 5 && s.code(StageHELO) == 250)
}

// code returns the code of the reply at a stage, or 0 if there is none.
func (s *Session) code(stage Stage) int {
	if step := s.Step(stage); step != nil && step.Reply != nil {
		return step.Reply.Code
	}
	return 0
}

// Probe holds one session with addr: connect, greeting, EHLO, STARTTLS where offered,
// EHLO again, what Options ask for, QUIT. It always returns a session, within Options.Timeout; when ctx ends
// it sends QUIT where a dialogue is open and returns within two seconds.
func Probe(ctx context.Context, addr netip.AddrPort, o Options) *Session {
	d := newDialogue(ctx, addr, o)
	if err := d.check(); err != nil {
		d.s.Aborted = err
		return d.s
	}
	if d.connect() {
		defer d.hangUp()
		d.converse()
	}
	return d.s
}

// converse speaks from the greeting to QUIT. A stage that failed ends it; a reply never does,
// for a server that refuses us is still owed a QUIT.
func (d *dialogue) converse() {
	if d.o.TLS == TLSImplicit && !d.handshake() {
		return
	}
	banner := d.listen(StageBanner)
	if banner == nil {
		return
	}
	d.open = true
	if banner.Code == 220 {
		d.s.BannerName = hostName(banner)
		if !d.introduce() || !d.proceed() {
			return
		}
	}
	d.quit()
}

// proceed does between EHLO and QUIT what Options ask for, where the server took the EHLO. It reports whether the
// dialogue can go on.
func (d *dialogue) proceed() bool {
	last := d.s.Steps[len(d.s.Steps)-1]
	code := last.Reply.Code
	// Where STARTTLS was refused, what EHLO said in clear still holds, unless the server is hanging up.
	if refused := last.Stage == StageSTARTTLS && code != 421; !refused && code != 250 {
		return true
	}
	if d.o.Login != nil && !d.logIn() {
		return false
	}
	return d.o.Envelope == nil || d.ask()
}

// introduce says EHLO, and once more under TLS if it comes to that. It reports whether the
// dialogue can go on.
func (d *dialogue) introduce() bool {
	ehlo := d.say(StageEHLO, "EHLO "+d.o.HeloName)
	if ehlo == nil {
		return false
	}
	if ehlo.Code/100 == 5 {
		// RFC 5321 section 3.2: a server that knows no EHLO is greeted with HELO. It offers no extensions.
		helo := d.say(StageHELO, "HELO "+d.o.HeloName)
		d.s.EHLOName = hostName(helo)
		return helo != nil
	}
	d.s.Before, d.s.EHLOName = extensions(ehlo), hostName(ehlo)
	if d.o.TLS != TLSStart || !d.s.Before.Offers("STARTTLS") {
		return true
	}

	start := d.starttls()
	if start == nil {
		return false
	}
	if start.Code != 220 {
		return true
	}
	if !d.handshake() {
		return false
	}
	d.open = true

	// RFC 3207 section 4.2: what the server said before TLS is forgotten, and asked anew.
	ehlo = d.say(StageEHLOTLS, "EHLO "+d.o.HeloName)
	if ehlo == nil {
		return false
	}
	d.s.After, d.s.EHLOName = extensions(ehlo), hostName(ehlo)
	return true
}
