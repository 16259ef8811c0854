package smtpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// How long we wait, unless Options say so.
const (
	defaultStageTimeout = 30 * time.Second // Servers delay their greeting on purpose; RFC 5321 section 4.5.3.2 would grant minutes.
	defaultTimeout      = 60 * time.Second
	quitTimeout         = 2 * time.Second // For the 221: it tells nothing that we need.
	leaveTimeout        = time.Second     // For the 221 of a session that is broken off.
)

// What a peer may make us read and keep under TLS. The limits of replies stand in reply.go.
const (
	maxChain      = 100       // Certificates; three or four are usual, and some servers send a whole bundle.
	maxChainSize  = 100 << 10 // Octets of them; OpenSSL's limit, too.
	maxNames      = 2000      // Names in them; parsed, each takes up to fifty times its size.
	maxHandshake  = 128 << 10 // Octets of a whole handshake, so that a huge certificate is never parsed.
	maxUnderTLS   = 1 << 20   // Octets after the handshake, replies and TLS's own messages.
	maxLeaveLines = 100       // Lines read for the 221 of a session that is broken off.
)

// A dialogue is a session under way.
type dialogue struct {
	ctx      context.Context
	o        Options
	s        *Session
	deadline time.Time // Of the whole session.

	socket  net.Conn    // The TCP connection. Deadlines are set on it.
	conn    net.Conn    // What we speak through: socket, or TLS over it.
	replies replyReader // What the server says through conn.
	unbind  func()      // Makes the end of ctx no longer end reads and writes.

	hidden   []string // What must not be seen of the replies, since a password was sent; longest first.
	open     bool     // The server has greeted and takes commands: it is owed a QUIT.
	quitSent bool
	quitDone bool // QUIT was answered.
}

func newDialogue(ctx context.Context, addr netip.AddrPort, o Options) *dialogue {
	if o.Dialer == nil {
		o.Dialer = NewDialer()
	}
	if o.TLS == "" {
		o.TLS = TLSStart
	}
	if o.Route == nil {
		o.Route = Route
	}
	if o.StageTimeout == 0 {
		o.StageTimeout = defaultStageTimeout
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	s := &Session{Address: addr, Start: time.Now(), Steps: make([]Step, 0, 8)}
	return &dialogue{ctx: ctx, o: o, s: s, deadline: s.Start.Add(o.Timeout)}
}

// check refuses what must not or cannot be sent.
func (d *dialogue) check() error {
	if !d.s.Address.IsValid() {
		return errors.New("hold session: no address")
	}
	unsafe := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	if name := d.o.HeloName; name == "" || len(name) > 255 || strings.ContainsFunc(name, unsafe) {
		return fmt.Errorf("hold session: %.64q is not a name for EHLO", name)
	}
	if v := d.o.ProxyHeader; v != "" && v != ProxyV1 && v != ProxyV2 {
		return fmt.Errorf("hold session: %q is no version of the PROXY protocol", v)
	}
	if d.o.Login != nil {
		if err := d.o.Login.check(); err != nil {
			return err
		}
	}
	if d.o.Envelope != nil {
		return d.o.Envelope.check()
	}
	return nil
}

// NewDialer returns a dialer for short sessions: without keep-alive probes, which would cost
// four system calls a connection.
func NewDialer() *net.Dialer {
	return &net.Dialer{KeepAlive: -1}
}

// connect opens the connection and binds it to the context: when that ends, pending and later
// reads and writes fail at once.
func (d *dialogue) connect() bool {
	start := time.Now()
	ctx, cancel := context.WithDeadline(d.ctx, earlier(start.Add(d.o.StageTimeout), d.deadline))
	socket, err := d.o.Dialer.DialContext(ctx, "tcp", d.s.Address.String())
	cancel()
	if err != nil && contextError(d.ctx) == nil {
		if d.s.NoRoute = d.noRoute(err); d.s.NoRoute != nil {
			return false
		}
		if isLocal(err) {
			d.s.Aborted = fmt.Errorf("open connection: %w", err)
			return false
		}
	}
	if err == nil && d.o.ProxyHeader != "" {
		if err = sendProxyHeader(socket, d.o.ProxyHeader, earlier(start.Add(d.o.StageTimeout), d.deadline)); err != nil {
			_ = socket.Close()
		}
	}
	if !d.record(Step{Stage: StageConnect, Duration: time.Since(start)}, err) {
		return false
	}
	d.socket, d.conn, d.replies = socket, socket, newReplyReader(socket)
	if local, ok := socket.LocalAddr().(*net.TCPAddr); ok {
		d.s.Local = local.AddrPort().Addr().Unmap().WithZone("")
	}

	done := make(chan struct{})
	stop := context.AfterFunc(d.ctx, func() {
		_ = socket.SetDeadline(time.Unix(1, 0))
		close(done)
	})
	d.unbind = func() {
		if !stop() {
			<-done
		}
	}
	return true
}

// noRoute returns an error if a dial failed because this machine has no route.
func (d *dialogue) noRoute(err error) error {
	if !isNoRoute(err) {
		return nil // A router's word that it cannot get there looks the same, hence the question.
	}
	return d.o.Route(d.s.Address.Addr())
}

// stage runs one stage within its limit and records what came of it: the reply, if there is one, and whether the
// dialogue can go on. The deadline is set once: a peer that sends an octet a second does not gain time.
func (d *dialogue) stage(step Step, limit time.Duration, run func() (*Reply, error)) (*Reply, bool) {
	start := time.Now()
	_ = d.socket.SetDeadline(earlier(start.Add(limit), d.deadline))
	// Looked at after the deadline is set: if ctx ends before this line we see it here, if after
	// it, the deadline of connect's AfterFunc comes last and stands.
	err := contextError(d.ctx)
	if err == nil {
		step.Reply, err = run()
	}
	step.Duration = time.Since(start)
	return step.Reply, d.record(step, err)
}

// record keeps a step, with its failure if err is one. What the end of the context brought
// about is nobody's failure.
func (d *dialogue) record(step Step, err error) bool {
	if err != nil {
		if ended := contextError(d.ctx); ended != nil {
			d.s.Aborted = fmt.Errorf("session broken off at stage %s: %w", step.Stage, ended)
			return false
		}
		step.Reply, step.Failure, step.Err = nil, failureOf(step.Stage, d.s.TLS != nil, err), err
		step.Alert, step.Said = alertOf(err), saidOf(err)
	}
	d.hide(&step)
	d.s.Steps = append(d.s.Steps, step)
	return err == nil
}

// listen waits for what the server says unasked: the greeting. It returns nil if none came.
func (d *dialogue) listen(stage Stage) *Reply {
	reply, _ := d.stage(Step{Stage: stage}, d.o.StageTimeout, d.replies.read)
	return reply
}

// say sends a command and returns the reply, or nil if none came.
func (d *dialogue) say(stage Stage, command string) *Reply {
	reply, _ := d.stage(Step{Stage: stage, Sent: command}, d.o.StageTimeout, func() (*Reply, error) {
		return d.exchange(command)
	})
	return reply
}

// starttls asks for TLS. It returns nil if no reply came, or if more than the reply came: RFC 3207
// has the client speak next, so whatever follows the 220 was put there by someone in
// between, to be taken for what the server says under TLS.
func (d *dialogue) starttls() *Reply {
	reply, _ := d.stage(Step{Stage: StageSTARTTLS, Sent: "STARTTLS"}, d.o.StageTimeout, func() (*Reply, error) {
		reply, err := d.exchange("STARTTLS")
		if n := d.replies.Buffered(); err == nil && reply.Code == 220 && n > 0 {
			return nil, fmt.Errorf("%w: %d octets after the reply 220", errInjected, n)
		}
		return reply, err
	})
	return reply
}

// exchange sends one command, in one write, and reads the reply to it.
func (d *dialogue) exchange(command string) (*Reply, error) {
	// A reply to a command not yet sent would be taken for the reply to it, and all later ones
	// would be off by one.
	if n := d.replies.Buffered(); n > 0 {
		return nil, fmt.Errorf("%w: %d octets before the command", errProtocol, n)
	}
	if _, err := d.conn.Write([]byte(command + "\r\n")); err != nil {
		return nil, err
	}
	return d.replies.read()
}

// handshake puts TLS under the dialogue.
func (d *dialogue) handshake() bool {
	d.open = false // No QUIT can be sent until it is done.
	_, ok := d.stage(Step{Stage: StageTLS}, d.o.StageTimeout, func() (*Reply, error) {
		limited := &limitedConn{Conn: d.socket, left: maxHandshake, first: d.o.TLS != TLSImplicit}
		conn := tls.Client(limited, d.tlsConfig())
		// The connection is bound to d.ctx already.
		if err := conn.HandshakeContext(context.WithoutCancel(d.ctx)); err != nil {
			return nil, handshakeError(err, limited.seen)
		}
		limited.left = maxUnderTLS
		state := conn.ConnectionState()
		d.s.TLS = &state
		d.conn = conn
		d.replies.Reset(conn)
		return nil, nil
	})
	return ok
}

// handshakeError shows what came instead of a TLS record, and lets go of the connection, which
// crypto/tls puts into that error. seen is the beginning of what the peer sent.
func handshakeError(err error, seen []byte) error {
	var e tls.RecordHeaderError
	if !errors.As(err, &e) {
		return err
	}
	e.Conn = nil
	return saying(fmt.Errorf("%w: %q", e, e.RecordHeader[:]), seen)
}

// offered are all ciphers that Go has. Mail is sent with OpenSSL and the like, which offer RSA key
// exchange and CBC ciphers that Go by default does not; a server that has no others works for all of
// them, and that its ciphers are old is judged later, as its certificate is. Go sorts them, the good first.
var offered = func() (ids []uint16) {
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		ids = append(ids, suite.ID)
	}
	return ids
}()

// tlsConfig returns what the handshake is made with. Any certificate will do: it is kept and
// judged later, so that the expiry of one that does not verify is still seen. Sessions are not
// resumed: each handshake proves anew that the server has the key.
func (d *dialogue) tlsConfig() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: offered}
	if d.o.TLSConfig != nil {
		c = d.o.TLSConfig.Clone()
	}
	c.ServerName = d.o.ServerName
	c.InsecureSkipVerify = true
	c.ClientSessionCache = nil
	c.VerifyConnection = func(state tls.ConnectionState) (err error) {
		d.s.Chain, err = boundChain(state.PeerCertificates)
		return err
	}
	return c
}

// boundChain returns the first certificates of a chain that are within the limits, and an error
// if that is not all of them.
func boundChain(chain []*x509.Certificate) ([]*x509.Certificate, error) {
	size, names := 0, 0
	for i, c := range chain {
		size += len(c.Raw)
		names += len(c.Subject.Names) + len(c.Issuer.Names) +
			len(c.DNSNames) + len(c.EmailAddresses) + len(c.IPAddresses) + len(c.URIs)
		if i == maxChain || size > maxChainSize || names > maxNames {
			return slices.Clone(chain[:i]), fmt.Errorf("%w of %d certificates, %d octets or %d names in them",
				errTooLong, maxChain, maxChainSize, maxNames)
		}
	}
	return chain, nil
}

// quit ends the dialogue as RFC 5321 section 4.1.1.10 asks: QUIT, then wait for the reply.
func (d *dialogue) quit() {
	last := d.s.Steps[len(d.s.Steps)-1].Reply
	_, d.quitDone = d.stage(Step{Stage: StageQuit, Sent: "QUIT"}, min(quitTimeout, d.o.StageTimeout), func() (*Reply, error) {
		d.quitSent = true
		return d.exchange("QUIT")
	})
	d.open = d.s.Aborted != nil // Else it is over, whatever came.

	// A server that has said that it hangs up may do so before it reads our QUIT.
	if step := d.s.Step(StageQuit); step != nil && last != nil && hangsUp(last.Code) &&
		(step.Failure == FailureClosed || step.Failure == FailureReset) {
		d.s.Steps = d.s.Steps[:len(d.s.Steps)-1]
	}
}

// hangsUp reports whether a server may close the connection after a reply of this code:
// RFC 5321 section 3.8 (421) and 3.1 (554), RFC 7504 section 3 (521).
func hangsUp(code int) bool {
	return code == 421 || code == 521 || code == 554
}

// hangUp closes the connection. Where the dialogue was cut short on our side it takes leave first.
func (d *dialogue) hangUp() {
	d.unbind()
	if d.open && (d.s.Aborted != nil || d.s.Steps[len(d.s.Steps)-1].Failure == FailureTimeout) {
		d.takeLeave()
	}
	if d.quitDone {
		_ = d.conn.Close() // Under TLS this says close_notify.
	}
	_ = d.socket.Close()
}

// takeLeave sends QUIT in the midst of a dialogue and waits a moment for the 221, which comes
// after what is left of the reply we no longer wait for. Servers that see us vanish
// without a QUIT may ban us.
func (d *dialogue) takeLeave() {
	limit := time.Now().Add(leaveTimeout)
	_ = d.socket.SetWriteDeadline(limit)
	_ = d.socket.SetReadDeadline(earlier(limit, d.deadline))
	if !d.quitSent {
		if _, err := d.conn.Write([]byte("QUIT\r\n")); err != nil {
			return
		}
	}
	for range maxLeaveLines {
		line, err := d.replies.ReadSlice('\n')
		if err != nil || strings.HasPrefix(string(line), "221") {
			return
		}
	}
}

// A limitedConn is a connection that gives only so many octets.
type limitedConn struct {
	net.Conn
	left  int
	first bool   // We are to speak next: what the peer says before we do is injected.
	seen  []byte // The first maxSaid octets read.
}

// Write looks whether the peer has spoken at the last moment, since what was injected may come in a segment of its own.
func (c *limitedConn) Write(p []byte) (int, error) {
	if c.first && unread(c.Conn) {
		return 0, fmt.Errorf("%w: octets after the reply 220", errInjected)
	}
	c.first = false
	return c.Conn.Write(p)
}

func (c *limitedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, fmt.Errorf("%w: the peer sends too much under TLS", errTooLong)
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	if room := maxSaid - len(c.seen); room > 0 {
		c.seen = append(c.seen, p[:min(n, room)]...)
	}
	return n, err
}

// contextError is ctx.Err, but does not wait for the context's timer: a dialer that was given the
// deadline may notice it first.
func contextError(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
