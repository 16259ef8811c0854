package smtpclient

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// rsaCertificate makes a self-signed certificate with an RSA key, which RSA key exchange needs.
func rsaCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx.example.org"}, DNSNames: []string{"mx.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestOldCiphers: a server that has only one cipher, old as it may be, is spoken to, and its certificate seen.
func TestOldCiphers(t *testing.T) {
	byRSA, byECDSA := rsaCertificate(t), certificate(t, nil)
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if !slices.Contains(suite.SupportedVersions, tls.VersionTLS12) {
			continue
		}
		t.Run(suite.Name, func(t *testing.T) {
			cert := byRSA
			if strings.Contains(suite.Name, "ECDSA") {
				cert = byECDSA
			}
			config := tlsServer(cert)
			config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{suite.ID}
			s := probe(t, Options{TLS: TLSImplicit}, func(p *peer) {
				if err := p.startTLS(config); err != nil {
					t.Error(err)
				}
				p.send("554 no\r\n")
				p.expect("QUIT")
				p.send("221 bye\r\n")
			})
			wantSummary(t, s, "connect tls banner=554 quit=221")
			if s.TLS == nil || s.TLS.CipherSuite != suite.ID || len(s.Chain) != 1 {
				t.Errorf("TLS %+v, %d certificates", s.TLS, len(s.Chain))
			}
		})
	}
}

// TestGoodCiphersFirst: to offer old ciphers does not lead to them.
func TestGoodCiphersFirst(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := tlsServer(rsaCertificate(t))
		config.MaxVersion, config.CipherSuites = version, offered
		s := probe(t, Options{TLS: TLSImplicit}, func(p *peer) {
			_ = p.startTLS(config)
			p.send("554 no\r\n")
			p.expect("QUIT")
			p.send("221 bye\r\n")
		})
		if s.TLS == nil || s.TLS.Version != version || slices.ContainsFunc(tls.InsecureCipherSuites(), func(c *tls.CipherSuite) bool { return c.ID == s.TLS.CipherSuite }) {
			t.Errorf("TLS %+v", s.TLS)
		}
	}
}

// TestPeersWord: what the peer says in place of a reply or of TLS, and the alert that it ends TLS with, is kept.
func TestPeersWord(t *testing.T) {
	long := "* OK " + strings.Repeat("A", 500) + "\r\n"
	speaks := func(text string) func(*peer) {
		return func(p *peer) { p.send(text); p.untilEnd() }
	}
	under := func(change func(*tls.Config)) func(*peer) {
		return func(p *peer) {
			config := tlsServer(rsaCertificate(t))
			change(config)
			if p.startTLS(config) == nil {
				p.send(greet)
			}
			p.untilEnd()
		}
	}
	for _, test := range []struct {
		name   string
		mode   TLSMode
		script func(*peer)
		want   string
		alert  string
		said   string
	}{
		{"SMTP where TLS is to begin", TLSImplicit, speaks(greet), "connect tls!tls_handshake", "", greet},
		{"HTTP where TLS is to begin", TLSImplicit, speaks("HTTP/1.1 400 Bad Request\r\n\r\n"), "connect tls!tls_handshake", "", "HTTP/1.1 400 Bad Request\r\n\r\n"},
		{"IMAP", TLSStart, speaks("* OK IMAP4rev1 ready\r\n"), "connect banner!protocol", "", "* OK IMAP4rev1 ready"},
		{"SSH", TLSStart, speaks("SSH-2.0-x\r\n"), "connect banner!protocol", "", "SSH-2.0-x"},
		{"a long line", TLSStart, speaks(long), "connect banner!protocol", "", long[:maxSaid]},
		{"an endless line", TLSStart, speaks(strings.Repeat("A", 9000)), "connect banner!too_long", "", strings.Repeat("A", maxSaid)},
		{"half a line", TLSStart, func(p *peer) { p.send("\x15\x03\x01\x00\x02\x02\x46") }, "connect banner!closed", "", "\x15\x03\x01\x00\x02\x02\x46"},
		{"nothing", TLSStart, func(*peer) {}, "connect banner!closed", "", ""},
		{"an old version", TLSImplicit, under(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), "connect tls!tls_handshake", "protocol version not supported", ""},
		{"a certificate of ours, TLS 1.3", TLSImplicit, under(func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), "connect tls banner!tls_handshake", "certificate required", ""},
		{"a certificate of ours, TLS 1.2", TLSImplicit, under(func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12 }), "connect tls!tls_handshake", "handshake failure", ""},
		{"no cipher", TLSImplicit, speaks("\x15\x03\x03\x00\x02\x02\x28"), "connect tls!tls_handshake", "handshake failure", ""},
		{"no such name", TLSImplicit, speaks("\x15\x03\x03\x00\x02\x02\x70"), "connect tls!tls_handshake", "unrecognized name", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := probe(t, Options{TLS: test.mode}, test.script)
			step := s.Steps[len(s.Steps)-1]
			if got := summary(s); got != test.want {
				t.Errorf("session %s, want %s: %v", got, test.want, step.Err)
			}
			if step.Alert != test.alert || step.Said != test.said {
				t.Errorf("alert %q, said %q; want %q and %q", step.Alert, step.Said, test.alert, test.said)
			}
		})
	}
}
