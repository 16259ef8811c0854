// Package smtpclient speaks SMTP (RFC 5321) as a careful client does and keeps
// everything the server said: one session from connect to the 221 of QUIT, stage
// by stage. It judges nothing but the protocol.
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
	StageQuit     Stage = "quit"
)

// A Failure says why a stage ended without a reply.
type Failure string

// The closed set of failures.
const (
	FailureTimeout      Failure = "timeout"
	FailureRefused      Failure = "refused"
	FailureReset        Failure = "reset"
	FailureUnreachable  Failure = "unreachable"
	FailureClosed       Failure = "closed"
	FailureProtocol     Failure = "protocol"
	FailureTooLong      Failure = "too_long"
	FailureInjected     Failure = "injected"
	FailureTLSHandshake Failure = "tls_handshake"
	FailureNotAllowed   Failure = "not_allowed"
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
	Dialer     Dialer
	HeloName   string  // Argument of EHLO: an FQDN or an address literal in brackets.
	TLS        TLSMode // "" means TLSStart.
	ServerName string  // Sent as SNI. Verification is the caller's (package checks) business.
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
	Stage    Stage
	Sent     string // The command as sent, without line end; secrets masked.
	Reply    *Reply
	Failure  Failure
	Err      error // Detail of a Failure; for logs and evidence, never a label.
	Duration time.Duration
}

// Extensions is what a reply to EHLO offers (RFC 5321 section 4.1.1.1).
type Extensions struct {
	Keywords map[string]string // Upper-case keyword to its parameters as sent; at most 100.
	Size     uint64            // SIZE; 0 means no stated limit.
	Auth     []string          // Upper-case mechanisms of AUTH, each once.
}

// A Session is the record of one dialogue with one address. It is never changed
// after Probe returned.
type Session struct {
	Address netip.AddrPort
	Start   time.Time
	Steps   []Step
	// NoRoute is set, with no steps, when this machine has no route for the address's
	// family: nothing was tried, so nothing is known.
	NoRoute error
	// Aborted is set when the context ended the session: what is not in Steps is not known.
	Aborted error

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
func (s *Session) Up() bool { return false }

// Probe holds one session with addr: connect, greeting, EHLO, STARTTLS where offered,
// EHLO again, QUIT. It always returns a session, within Options.Timeout; when ctx ends
// it sends QUIT where a dialogue is open and returns within two seconds.
func Probe(ctx context.Context, addr netip.AddrPort, o Options) *Session {
	return &Session{Address: addr}
}

// Route reports, without sending anything, whether this machine has a route to addr.
func Route(addr netip.Addr) error { return nil }
