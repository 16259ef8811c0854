package mailworld

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Server says how a scripted SMTP server behaves. The zero value with a Name is a polite server without TLS.
//
// A point is a place in the dialogue at which the server speaks: "connect" (greeting), "tls" (the handshake, after
// STARTTLS or at once), or a command's verb: "EHLO", "HELO", "STARTTLS", "MAIL", "RCPT", "QUIT" and so on. "EHLO_TLS"
// is EHLO under TLS, for servers that answer it otherwise than the first.
type Server struct {
	Name        string           // In greeting and EHLO.
	Certificate *tls.Certificate // nil: no STARTTLS.
	Ciphers     []uint16         // Those that TLS is to be agreed on with, 1.2 then; nil: Go's.
	ImplicitTLS bool
	Extensions  []string          // Beside STARTTLS; e.g. "SIZE 10240000", "AUTH PLAIN LOGIN".
	AuthBefore  bool              // Offers AUTH before TLS too.
	Accounts    map[string]string // User names and their passwords, for AUTH PLAIN and LOGIN; nobody can log in otherwise.
	GreetDelay  time.Duration
	Greylists   bool // Puts the first recipient that it is asked for off, and takes all later ones.
	// Replies overrides what is said at a point. The text is sent as it is, octet for octet; no line end is added.
	// At "tls" it is sent instead of a handshake. A STARTTLS reply that begins with 220 is followed by the handshake.
	Replies map[string]string
	// CloseAfter lists points after whose reply the connection is closed; Reset resets it instead of replying.
	CloseAfter []string
	Reset      []string
	// Silent lists points at which nothing is said and the connection stays open.
	Silent []string
	// Handle, if set, takes the whole connection over (hostile peers). It should return when reading or writing fails.
	Handle func(net.Conn)
}

// maxCommand bounds what a client may send in a line.
const maxCommand = 4096

// The points that are not verbs.
const (
	pointConnect = "connect"
	pointTLS     = "tls"
	pointEHLOTLS = "EHLO_TLS"
)

// A recording is what a client sent in one session.
type recording struct {
	mu   sync.Mutex
	said []string
}

func (r *recording) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, line)
}

func (r *recording) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.said)
}

// A scripted is a Server that serves.
type scripted struct {
	Server
	config *tls.Config
	record func() *recording // Begins the recording of a session.
	asked  atomic.Bool       // For a recipient.
}

func newScripted(s Server, record func() *recording) *scripted {
	out := &scripted{Server: s, record: record}
	if s.Certificate != nil {
		out.config = &tls.Config{Certificates: []tls.Certificate{*s.Certificate}, MinVersion: tls.VersionTLS12}
		if s.Ciphers != nil {
			out.config.MaxVersion, out.config.CipherSuites = tls.VersionTLS12, s.Ciphers
		}
	}
	return out
}

// A dialogue is one session of a server.
type dialogue struct {
	*scripted
	tcp     net.Conn // The connection itself.
	conn    net.Conn // What is spoken over: tcp, or TLS on it.
	secure  bool
	in      *bufio.Reader
	said    *recording
	stopped <-chan struct{}
	mail    bool // MAIL was accepted.
}

// serve holds one session. It is a handler.
func (s *scripted) serve(conn net.Conn, stopped <-chan struct{}) {
	said := s.record()
	if s.Handle != nil {
		s.Handle(conn)
		return
	}
	d := &dialogue{scripted: s, tcp: conn, conn: conn, in: bufio.NewReaderSize(conn, maxCommand), said: said, stopped: stopped}
	if s.ImplicitTLS && !d.handshake() {
		return
	}
	if !d.pause(s.GreetDelay) || !d.say(pointConnect, "220 "+s.Name+" ESMTP\r\n") {
		return
	}
	for d.command() {
	}
}

// command reads a command and answers it. It returns false when the session is over.
func (d *dialogue) command() bool {
	line, err := d.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		if d.say("", "500 5.5.2 Line too long\r\n") {
			d.bye()
		}
		return false
	}
	if err != nil {
		return false
	}
	text := strings.TrimRight(string(line), "\r\n")
	d.said.add(text)
	verb, _, _ := strings.Cut(text, " ")
	verb = strings.ToUpper(verb)
	switch verb {
	case "EHLO":
		d.mail = false
		point := verb
		if d.secure && d.scripts(pointEHLOTLS) {
			point = pointEHLOTLS
		}
		return d.say(point, d.ehlo())
	case "STARTTLS":
		return d.starttls()
	case "QUIT":
		going := d.say(verb, "221 2.0.0 Bye\r\n")
		if going && !slices.Contains(d.Silent, verb) {
			d.bye()
			return false
		}
		return going
	case "MAIL":
		d.mail = true
		return d.say(verb, "250 2.1.0 Sender ok\r\n")
	case "RCPT":
		if !d.mail {
			return d.say(verb, "503 5.5.1 MAIL first\r\n")
		}
		if d.Greylists && !d.asked.Swap(true) {
			return d.say(verb, "450 4.2.0 Greylisted, try again in 300 seconds\r\n")
		}
		return d.say(verb, "250 2.1.5 Recipient ok\r\n")
	case "HELO":
		d.mail = false
		return d.say(verb, "250 "+d.Name+"\r\n")
	case "RSET", "NOOP":
		d.mail = d.mail && verb == "NOOP"
		return d.say(verb, "250 2.0.0 Ok\r\n")
	case "AUTH":
		return d.auth(verb, text)
	case "DATA":
		return d.say(verb, "554 5.7.0 No letters here\r\n")
	}
	return d.say(verb, "500 5.5.1 Command unknown\r\n")
}

// auth lets a client log in (RFC 4954) by PLAIN, with or without an initial response, or by LOGIN. The lines of the exchange
// are recorded as they come.
func (d *dialogue) auth(verb, text string) bool {
	if d.scripts(verb) {
		return d.say(verb, "")
	}
	answer := func(challenge string) string {
		if !d.say("", "334 "+challenge+"\r\n") {
			return ""
		}
		line, err := d.in.ReadString('\n')
		if err != nil {
			return ""
		}
		d.said.add(strings.TrimRight(line, "\r\n"))
		text, _ := base64.StdEncoding.DecodeString(strings.TrimRight(line, "\r\n"))
		return string(text)
	}
	var user, password string
	switch f := strings.Fields(text); {
	case len(f) > 1 && strings.EqualFold(f[1], "PLAIN"):
		var message string
		if len(f) > 2 {
			text, _ := base64.StdEncoding.DecodeString(f[2])
			message = string(text)
		} else {
			message = answer("")
		}
		_, message, _ = strings.Cut(message, "\x00")
		user, password, _ = strings.Cut(message, "\x00")
	case len(f) > 1 && strings.EqualFold(f[1], "LOGIN"):
		user, password = answer("VXNlcm5hbWU6"), answer("UGFzc3dvcmQ6")
	default:
		return d.say(verb, "504 5.5.4 Mechanism unknown\r\n")
	}
	if known, ok := d.Accounts[user]; !ok || known != password {
		return d.say(verb, "535 5.7.8 Authentication failed\r\n")
	}
	return d.say(verb, "235 2.7.0 Authentication successful\r\n")
}

// ehlo is the polite reply to EHLO (RFC 5321 section 4.1.1.1).
func (d *dialogue) ehlo() string {
	lines := []string{d.Name}
	if d.config != nil && !d.secure {
		lines = append(lines, "STARTTLS")
	}
	for _, e := range d.Extensions {
		if keyword, _, _ := strings.Cut(e, " "); d.secure || d.AuthBefore || !strings.EqualFold(keyword, "AUTH") {
			lines = append(lines, e)
		}
	}
	last := len(lines) - 1
	var b strings.Builder
	for _, l := range lines[:last] {
		b.WriteString("250-" + l + "\r\n")
	}
	b.WriteString("250 " + lines[last] + "\r\n")
	return b.String()
}

// starttls answers STARTTLS and, where the answer is yes, makes the handshake.
func (d *dialogue) starttls() bool {
	const verb = "STARTTLS"
	reply := "220 2.0.0 Go ahead\r\n"
	if d.config == nil || d.secure {
		reply = "503 5.5.1 Not now\r\n"
	}
	if own, ok := d.Replies[verb]; ok {
		reply = own
	}
	if !d.say(verb, reply) {
		return false
	}
	if d.config == nil || d.secure || !strings.HasPrefix(reply, "220") || slices.Contains(d.Silent, verb) {
		return true
	}
	// RFC 3207 section 4.2: what was sent before the handshake is forgotten.
	d.mail = false
	return d.in.Buffered() == 0 && d.handshake()
}

// handshake puts TLS on the connection, or does what the script says instead.
func (d *dialogue) handshake() bool {
	if d.config == nil || d.scripts(pointTLS) {
		return d.say(pointTLS, "")
	}
	conn := tls.Server(d.tcp, d.config)
	if conn.Handshake() != nil {
		return false
	}
	d.conn, d.in, d.secure = conn, bufio.NewReaderSize(conn, maxCommand), true
	return true
}

// scripts reports whether the script says anything of a point.
func (d *dialogue) scripts(point string) bool {
	_, replies := d.Replies[point]
	return replies || slices.Contains(d.CloseAfter, point) || slices.Contains(d.Reset, point) || slices.Contains(d.Silent, point)
}

// say replies at a point as the script or, where that is silent about it, the polite server
// says. It returns false when the session is over.
func (d *dialogue) say(point, polite string) bool {
	switch {
	case slices.Contains(d.Reset, point):
		if tcp, ok := d.tcp.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // Closing sends RST.
		}
		d.tcp.Close()
		return false
	case slices.Contains(d.Silent, point):
		return true
	}
	if own, ok := d.Replies[point]; ok {
		polite = own
	}
	if _, err := io.WriteString(d.conn, polite); err != nil {
		return false
	}
	if slices.Contains(d.CloseAfter, point) {
		d.bye()
		return false
	}
	return true
}

// bye closes our half of the connection and waits for the client to close its own. Closing at once would
// reset the connection where the client has sent more, and might take the last reply with it.
func (d *dialogue) bye() {
	if c, ok := d.conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // Under TLS, close_notify.
	}
	if tcp, ok := d.tcp.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, d.tcp)
}

// pause waits, and returns false if the server is stopped meanwhile.
func (d *dialogue) pause(delay time.Duration) bool {
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-d.stopped:
		return false
	}
}
