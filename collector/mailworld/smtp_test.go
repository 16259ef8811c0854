package mailworld

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A client speaks to the tests' server.
type client struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func newClient(t *testing.T, conn net.Conn) *client {
	return &client{conn, t, bufio.NewReader(conn)}
}

// get reads a whole reply.
func (c *client) get() string {
	c.t.Helper()
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			c.t.Fatalf("after %q: %v", b.String(), err)
		}
		if len(line) > 3 && line[3] == ' ' {
			return b.String()
		}
	}
}

// want sends a line, if there is one, and compares the reply.
func (c *client) want(line, reply string) {
	c.t.Helper()
	if line != "" {
		if _, err := io.WriteString(c, line+"\r\n"); err != nil {
			c.t.Fatal(err)
		}
	}
	if got := c.get(); got != reply {
		c.t.Errorf("%q is answered %q, want %q", line, got, reply)
	}
}

// secure makes the handshake.
func (c *client) secure(w *World) *tls.ConnectionState {
	c.t.Helper()
	conn := tls.Client(c.Conn, &tls.Config{ServerName: "mx.example.org", RootCAs: w.Roots()})
	if err := conn.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.Conn, c.r = conn, bufio.NewReader(conn)
	state := conn.ConnectionState()
	return &state
}

func (c *client) wantEnd() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.t.Errorf("read %q, %v; want the end", rest, err)
	}
}

func certified(t *testing.T, w *World, r CertificateRequest) *tls.Certificate {
	t.Helper()
	cert, err := w.Authority().Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	return &cert
}

func TestPoliteServer(t *testing.T) {
	w := newWorld(t)
	cert := certified(t, w, CertificateRequest{Names: []string{"mx.example.org"}})
	s := Server{Name: "mx.example.org", Certificate: cert, Extensions: []string{"SIZE 1000", "AUTH PLAIN", "PIPELINING"}}
	if err := w.Serve(mx, s); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, dial(t, w))
	c.want("", "220 mx.example.org ESMTP\r\n")
	c.want("ehlo probe.example.net", "250-mx.example.org\r\n250-STARTTLS\r\n250-SIZE 1000\r\n250 PIPELINING\r\n")
	c.want("HELO probe.example.net", "250 mx.example.org\r\n")
	c.want("RCPT TO:<a@example.org>", "503 5.5.1 MAIL first\r\n")
	c.want("STARTTLS", "220 2.0.0 Go ahead\r\n")
	c.secure(w)
	c.want("EHLO probe.example.net", "250-mx.example.org\r\n250-SIZE 1000\r\n250-AUTH PLAIN\r\n250 PIPELINING\r\n")
	c.want("STARTTLS", "503 5.5.1 Not now\r\n")
	c.want("NOOP", "250 2.0.0 Ok\r\n")
	c.want("MAIL FROM:<b@example.net>", "250 2.1.0 Sender ok\r\n")
	c.want("RCPT TO:<a@example.org>", "250 2.1.5 Recipient ok\r\n")
	c.want("DATA", "554 5.7.0 No letters here\r\n")
	c.want("RSET", "250 2.0.0 Ok\r\n")
	c.want("RCPT TO:<a@example.org>", "503 5.5.1 MAIL first\r\n")
	c.want("AUTH PLAIN AGEAYg==", "535 5.7.8 Authentication failed\r\n")
	c.want("WHAT", "500 5.5.1 Command unknown\r\n")
	c.want("QUIT", "221 2.0.0 Bye\r\n")
	c.wantEnd()
}

func TestScript(t *testing.T) {
	for _, test := range []struct {
		name   string
		server Server
		talk   func(*client)
	}{
		{"reply octet for octet", Server{Replies: map[string]string{"connect": "220 a\n220 \xff\x00b\r\n"}}, func(c *client) {
			c.want("", "220 a\n")
			c.want("", "220 \xff\x00b\r\n")
		}},
		{"close after", Server{Replies: map[string]string{"connect": "421 4.3.2 Bye\r\n"}, CloseAfter: []string{"connect"}}, func(c *client) {
			_, _ = io.WriteString(c, "QUIT\r\n") // Sent before the reply is read: it must not cost the reply.
			c.want("", "421 4.3.2 Bye\r\n")
			c.wantEnd()
		}},
		{"reset", Server{Reset: []string{"EHLO"}}, func(c *client) {
			c.get()
			_, _ = io.WriteString(c, "EHLO x\r\n")
			if _, err := io.ReadAll(c.r); !errors.Is(err, syscall.ECONNRESET) {
				c.t.Errorf("read ends with %v, want a reset", err)
			}
		}},
		{"silent, then polite", Server{Name: "mx", Silent: []string{"connect", "EHLO"}}, func(c *client) {
			_, _ = io.WriteString(c, "EHLO x\r\n")
			c.want("QUIT", "221 2.0.0 Bye\r\n")
			c.wantEnd()
		}},
		{"silent at QUIT", Server{Name: "mx", Silent: []string{"QUIT"}}, func(c *client) {
			c.get()
			_, _ = io.WriteString(c, "QUIT\r\n")
			c.want("NOOP", "250 2.0.0 Ok\r\n")
		}},
		{"STARTTLS refused", Server{Replies: map[string]string{"STARTTLS": "454 4.7.0 Later\r\n"}}, func(c *client) {
			c.get()
			c.want("STARTTLS", "454 4.7.0 Later\r\n")
			c.want("NOOP", "250 2.0.0 Ok\r\n")
		}},
		{"no certificate", Server{Name: "mx", Extensions: []string{"AUTH LOGIN"}, AuthBefore: true}, func(c *client) {
			c.get()
			c.want("EHLO x", "250-mx\r\n250 AUTH LOGIN\r\n")
			c.want("STARTTLS", "503 5.5.1 Not now\r\n")
		}},
		{"too long", Server{}, func(c *client) {
			c.get()
			c.want(strings.Repeat("x", 2*maxCommand), "500 5.5.2 Line too long\r\n")
			c.wantEnd()
		}},
		{"handle", Server{Handle: func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0\r\n220 \r\n") }}, func(c *client) {
			c.want("", "SSH-2.0\r\n220 \r\n")
			c.wantEnd()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.talk(newClient(t, dial(t, serving(t, test.server))))
		})
	}
}

func TestTLSPoints(t *testing.T) {
	w := newWorld(t)
	s := Server{Name: "mx", Certificate: certified(t, w, CertificateRequest{Names: []string{"mx.example.org"}})}
	start := func(change func(*Server)) *client {
		s := s
		change(&s)
		if err := w.Serve(mx, s); err != nil {
			t.Fatal(err)
		}
		return newClient(t, dial(t, w))
	}
	c := start(func(s *Server) { s.Replies = map[string]string{"tls": "500 What?\r\n"} })
	c.get()
	c.want("STARTTLS", "220 2.0.0 Go ahead\r\n")
	c.want("", "500 What?\r\n") // Plain text instead of a handshake.

	c = start(func(s *Server) { s.Reset = []string{"tls"} })
	c.get()
	_, _ = io.WriteString(c, "STARTTLS\r\n")
	if _, err := io.ReadAll(c.r); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read ends with %v, want a reset", err)
	}

	c = start(func(s *Server) { s.Replies = map[string]string{"STARTTLS": "220 Go\r\n250 injected\r\n"} })
	c.get()
	c.want("STARTTLS", "220 Go\r\n")
	c.want("", "250 injected\r\n")
	c.secure(w)

	c = start(func(s *Server) { s.Replies = map[string]string{"EHLO_TLS": "451 4.3.0 Not now\r\n"} })
	c.get()
	c.want("EHLO x", "250-mx\r\n250 STARTTLS\r\n")
	c.want("STARTTLS", "220 2.0.0 Go ahead\r\n")
	c.secure(w)
	c.want("EHLO x", "451 4.3.0 Not now\r\n")

	c = start(func(s *Server) { s.ImplicitTLS = true })
	if state := c.secure(w); state.Version != tls.VersionTLS13 || len(state.PeerCertificates) != 2 {
		t.Errorf("version %x with %d certificates", state.Version, len(state.PeerCertificates))
	}
	c.want("", "220 mx ESMTP\r\n")
	c.want("EHLO x", "250 mx\r\n")
	c.want("QUIT", "221 2.0.0 Bye\r\n")
	c.wantEnd()
}

func TestGreylisting(t *testing.T) {
	w := serving(t, Server{Name: "mx", Greylists: true})
	for _, reply := range []string{"450 4.2.0 Greylisted, try again in 300 seconds\r\n", "250 2.1.5 Recipient ok\r\n", "250 2.1.5 Recipient ok\r\n"} {
		c := newClient(t, dial(t, w))
		c.get()
		c.want("MAIL FROM:<b@example.net>", "250 2.1.0 Sender ok\r\n")
		c.want("RCPT TO:<a@example.org>", reply)
	}
}

func TestSessions(t *testing.T) {
	w := serving(t, Server{Name: "mx"})
	for range 2 {
		c := newClient(t, dial(t, w))
		c.get()
		c.want("helo a", "250 mx\r\n")
		c.want("QUIT", "221 2.0.0 Bye\r\n")
		c.wantEnd()
	}
	said := []string{"helo a", "QUIT"}
	if got := w.Sessions(mx); len(got) != 2 || !slices.Equal(got[0], said) || !slices.Equal(got[1], said) {
		t.Errorf("recorded %q", got)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	w := serving(t, Server{Name: "mx"})
	for i := range maxPast + 2 {
		w.recording(mx).add(strconv.Itoa(i))
	}
	if got := w.Sessions(mx); len(got) != maxPast || got[0][0] != "2" || got[maxPast-1][0] != strconv.Itoa(maxPast+1) {
		t.Errorf("%d sessions, of which the first is %q", len(got), got[0])
	}
}

func TestIssue(t *testing.T) {
	w := newWorld(t)
	verify := func(a *Authority, r CertificateRequest) error {
		t.Helper()
		r.Names = append(r.Names, "mx.example.org", "192.0.2.11")
		cert, err := a.Issue(r)
		if err != nil {
			t.Fatal(err)
		}
		chain := x509.NewCertPool()
		for _, der := range cert.Certificate[1:] {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			chain.AddCert(c)
		}
		if err := cert.Leaf.VerifyHostname("192.0.2.11"); err != nil {
			t.Error(err)
		}
		_, err = cert.Leaf.Verify(x509.VerifyOptions{DNSName: "mx.example.org", Roots: w.Roots(), Intermediates: chain})
		return err
	}
	if err := verify(w.Authority(), CertificateRequest{}); err != nil {
		t.Errorf("a good certificate: %v", err)
	}
	if err := verify(w.Authority(), CertificateRequest{RSABits: 2048}); err != nil {
		t.Errorf("a good RSA certificate: %v", err)
	}
	past := w.Authority().root.NotBefore.AddDate(1, 0, 0)
	var invalid x509.CertificateInvalidError
	if err := verify(w.Authority(), CertificateRequest{NotBefore: past}); !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("an expired certificate: %v", err)
	}
	if err := verify(w.Authority(), CertificateRequest{Usage: x509.ExtKeyUsageClientAuth}); !errors.As(err, &invalid) || invalid.Reason != x509.IncompatibleUsage {
		t.Errorf("a certificate for clients: %v", err)
	}
	for name, err := range map[string]error{
		"stranger":    verify(w.Stranger(), CertificateRequest{}),
		"self-signed": verify(w.Authority(), CertificateRequest{SelfSigned: true}),
		"incomplete":  verify(w.Authority(), CertificateRequest{OmitIntermediate: true}),
	} {
		if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); !unknown {
			t.Errorf("%s: %v, want an unknown authority", name, err)
		}
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(w.RootPEM()) || !pool.Equal(w.Roots()) {
		t.Error("RootPEM is not Roots")
	}
	if _, err := w.Authority().Issue(CertificateRequest{Names: []string{"mx.example.org"}, RSABits: 1}); err == nil || !strings.Contains(err.Error(), "mx.example.org") {
		t.Errorf("an impossible key: %v", err)
	}
}
