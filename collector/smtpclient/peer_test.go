package smtpclient

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A peer is the server's end of one connection, played by a script.
type peer struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

// send writes octets as they are, in one write. That the client has hung up meanwhile is not
// the peer's business.
func (p *peer) send(text string) { _, _ = io.WriteString(p.Conn, text) }

// expect reads one line and compares it.
func (p *peer) expect(line string) {
	p.t.Helper()
	got, err := p.r.ReadString('\n')
	if err != nil || got != line+"\r\n" {
		p.t.Errorf("peer got %q, %v; want %q and CRLF", got, err, line)
	}
}

// expectEnd reads to the end of the connection and wants nothing before it.
func (p *peer) expectEnd() {
	p.t.Helper()
	if rest, _ := io.ReadAll(p.r); len(rest) > 0 {
		p.t.Errorf("peer got %q, want nothing more", rest)
	}
}

// startTLS makes the handshake, which the client may break off.
func (p *peer) startTLS(c *tls.Config) error {
	conn := tls.Server(p.Conn, c)
	err := conn.Handshake()
	p.Conn, p.r = conn, bufio.NewReader(conn)
	return err
}

// until reads until the client hangs up.
func (p *peer) untilEnd() { _, _ = io.Copy(io.Discard, p.r) }

// play runs a script on a connection that it closes in the end.
func play(t *testing.T, conn net.Conn, script func(*peer)) {
	defer conn.Close()
	script(&peer{Conn: conn, t: t, r: bufio.NewReader(conn)})
}

// serve plays the script to the one client that connects.
func serve(t *testing.T, script func(*peer)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(time.Minute)) // Against a hanging test.
		play(t, conn, script)
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().(*net.TCPAddr).AddrPort()
}

const (
	greet = "220 mx.example.org ESMTP\r\n"
	hello = "EHLO probe.example.net"
)

// probe holds a session with a scripted peer.
func probe(t *testing.T, o Options, script func(*peer)) *Session {
	t.Helper()
	if o.HeloName == "" {
		o.HeloName = "probe.example.net"
	}
	s := Probe(context.Background(), serve(t, script), o)
	if s.Aborted != nil || s.NoRoute != nil {
		t.Fatalf("session was not held: %v, %v", s.Aborted, s.NoRoute)
	}
	return s
}

// summary is the session in one line: "connect banner=220 ehlo=250 quit!timeout".
func summary(s *Session) string {
	var words []string
	for _, step := range s.Steps {
		word := string(step.Stage)
		if step.Reply != nil {
			word += fmt.Sprintf("=%d", step.Reply.Code)
		}
		if step.Failure != "" {
			word += "!" + string(step.Failure)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func wantSummary(t *testing.T, s *Session, want string) {
	t.Helper()
	if got := summary(s); got != want {
		t.Errorf("session is\n     %s\nwant %s\n%s", got, want, strings.Join(s.Transcript(), "\n"))
	}
}

// certificate makes a self-signed certificate; change may alter it before it is signed.
func certificate(t testing.TB, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "mx.example.org"},
		DNSNames:              []string{"mx.example.org"},
		NotBefore:             time.Now().Add(-48 * time.Hour),
		NotAfter:              time.Now().Add(48 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func tlsServer(c tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c}}
}
