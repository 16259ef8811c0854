package smtpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// Whatever a peer sends for a greeting, there is a verdict at once, without waiting for more.
func TestHostileGreetings(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"endless line":           {strings.Repeat("220 endless ", 1000), "banner!too_long"},
		"line too long":          {"220 " + strings.Repeat("a", maxLine-5) + "\r\n", "banner!too_long"},
		"reply too long":         {strings.Repeat("220-"+strings.Repeat("a", 1000)+"\r\n", 70), "banner!too_long"},
		"too many lines":         {strings.Repeat("220-\r\n", maxLines+1), "banner!too_long"},
		"code changes":           {"220-mx.example.org\r\n550 no\r\n", "banner!protocol"},
		"code changes to bare":   {"220-mx.example.org\r\n221\r\n", "banner!protocol"},
		"code 999":               {"999 mx.example.org\r\n", "banner!protocol"},
		"code 100":               {"100 mx.example.org\r\n", "banner!protocol"},
		"code 199":               {"199-mx.example.org\r\n", "banner!protocol"},
		"code 600":               {"600 mx.example.org\r\n", "banner!protocol"},
		"letters":                {"abc\r\n", "banner!protocol"},
		"a letter":               {"550Z no\r\n", "banner!protocol"},
		"two digits":             {"22 mx.example.org\r\n", "banner!protocol"},
		"four digits":            {"2200 mx.example.org\r\n", "banner!protocol"},
		"tab":                    {"220\tmx.example.org\r\n", "banner!protocol"},
		"underscore":             {"220_mx.example.org\r\n", "banner!protocol"},
		"no code":                {"\r\n", "banner!protocol"},
		"another protocol":       {"SSH-2.0-OpenSSH_9.2\r\n", "banner!protocol"},
		"NUL before the code":    {"\x00220 mx.example.org\r\n", "banner!protocol"},
		"NUL after the code":     {"220\x00\r\n", "banner!protocol"},
		"carriage return":        {"220\rmx.example.org\r\n", "banner!protocol"},
		"two carriage returns":   {"220\r\r\n", "banner!protocol"},
		"UTF-16":                 {"\xff\xfe2\x002\x000\x00 \x00\r\x00\n\x00", "banner!protocol"},
		"byte order mark":        {"\xef\xbb\xbf220 mx.example.org\r\n", "banner!protocol"},
		"ANSI escape":            {"\x1b[2J220 mx.example.org\r\n", "banner!protocol"},
		"digits of other people": {"٢٢٠ mx.example.org\r\n", "banner!protocol"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := probe(t, Options{}, func(p *peer) {
				p.send(tt.text)
				p.untilEnd()
			})
			wantSummary(t, s, "connect "+tt.want)
			if s.Up() || s.Steps[1].Err == nil || s.Steps[1].Duration >= defaultStageTimeout {
				t.Errorf("up %t, step %+v", s.Up(), s.Steps[1])
			}
		})
	}
}

// What is odd but a reply is taken as one, its text octet by octet.
func TestOddTexts(t *testing.T) {
	longest := strings.Repeat("a", maxLine-len("220 \r\n"))
	for _, text := range []string{"", " ", "\x00", "a\rb", "a\r", "\xff\xfe", "\x1b[31mred", "пример", "-", "2.0.0", longest} {
		s := probe(t, Options{}, func(p *peer) {
			p.send("220 " + text + "\r\n")
			p.expect(hello)
			p.send("250 mx.example.org\r\n")
			p.expect("QUIT")
			p.send("221 bye\r\n")
		})
		wantSummary(t, s, "connect banner=220 ehlo=250 quit=221")
		if got := s.Steps[1].Reply.Lines; len(got) != 1 || got[0] != text {
			t.Errorf("text is %.60q, want %.60q", got, text)
		}
	}
}

func TestHostileDialogues(t *testing.T) {
	ehlo := func(p *peer, reply string) {
		p.send(greet)
		p.expect(hello)
		p.send(reply)
	}
	tests := []struct {
		name   string
		script func(*peer)
		want   string
	}{
		{"end before the greeting", func(*peer) {}, "connect banner!closed"},
		{"end within the greeting", func(p *peer) { p.send("220 mx.exam") }, "connect banner!closed"},
		{"end within a reply", func(p *peer) { p.send("220-mx.example.org\r\n") }, "connect banner!closed"},
		{"end instead of a reply", func(p *peer) { ehlo(p, "") }, "connect banner=220 ehlo!closed"},
		{"reset instead of a reply", func(p *peer) { ehlo(p, ""); reset(p) }, "connect banner=220 ehlo!reset"},
		{"reply before command", func(p *peer) {
			p.send(greet + "250 mx.example.org\r\n")
			p.expectEnd()
		}, "connect banner=220 ehlo!protocol"},
		{"one reply too many", func(p *peer) {
			ehlo(p, "250 mx.example.org\r\n250 and again\r\n")
			p.expectEnd()
		}, "connect banner=220 ehlo=250 quit!protocol"},
		{"flood after the greeting", func(p *peer) {
			p.send(greet + strings.Repeat("220 x\r\n", 10000))
		}, "connect banner=220 ehlo!protocol"},
		{"injected reply", func(p *peer) {
			ehlo(p, "250-mx.example.org\r\n250 STARTTLS\r\n")
			p.expect("STARTTLS")
			p.send("220 go ahead\r\n250 mx.example.org\r\n")
			p.expectEnd()
		}, "connect banner=220 ehlo=250 starttls!injected"},
		{"a single injected octet", func(p *peer) {
			ehlo(p, "250-mx.example.org\r\n250 STARTTLS\r\n")
			p.expect("STARTTLS")
			p.send("220 go ahead\r\n\x16")
			p.expectEnd()
		}, "connect banner=220 ehlo=250 starttls!injected"},
		{"octets after a refused STARTTLS", func(p *peer) {
			ehlo(p, "250-mx.example.org\r\n250 STARTTLS\r\n")
			p.expect("STARTTLS")
			p.send("454 no\r\n250 mx.example.org\r\n")
			p.expectEnd()
		}, "connect banner=220 ehlo=250 starttls=454 quit!protocol"},
		{"plaintext instead of TLS", func(p *peer) {
			ehlo(p, "250-mx.example.org\r\n250 STARTTLS\r\n")
			p.expect("STARTTLS")
			p.send("220 go ahead\r\n")
			_, _ = p.r.Peek(1)
			p.send("500 5.5.1 command not recognized\r\n")
			p.untilEnd()
		}, "connect banner=220 ehlo=250 starttls=220 tls!tls_handshake"},
		{"reset in the handshake", func(p *peer) {
			ehlo(p, "250-mx.example.org\r\n250 STARTTLS\r\n")
			p.expect("STARTTLS")
			p.send("220 go ahead\r\n")
			_, _ = p.r.Peek(1)
			reset(p)
		}, "connect banner=220 ehlo=250 starttls=220 tls!reset"},
		{"end in the handshake", func(p *peer) {
			ehlo(p, "250-mx.example.org\r\n250 STARTTLS\r\n")
			p.expect("STARTTLS")
			p.send("220 go ahead\r\n")
			hello := make([]byte, 5)
			_, _ = p.r.Read(hello)
			_, _ = p.r.Discard(int(hello[3])<<8 | int(hello[4])) // All of it, lest the end be a reset.
		}, "connect banner=220 ehlo=250 starttls=220 tls!closed"},
		{"alert in the handshake", func(p *peer) {
			ehlo(p, "250-mx.example.org\r\n250 STARTTLS\r\n")
			p.expect("STARTTLS")
			p.send("220 go ahead\r\n")
			_ = p.startTLS(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				return nil, errors.New("none")
			}})
			p.untilEnd()
		}, "connect banner=220 ehlo=250 starttls=220 tls!tls_handshake"},
		{"TLS 1.1", func(p *peer) {
			config := tlsServer(certificate(t, nil))
			config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			toTLS(p, config)
		}, "connect banner=220 ehlo=250 starttls=220 tls!tls_handshake"},
		{"garbage under TLS", func(p *peer) {
			toTLS(p, tlsServer(certificate(t, nil)))
			p.expect(hello)
			p.send("<html>\r\n")
			p.expectEnd()
		}, "connect banner=220 ehlo=250 starttls=220 tls ehlo_tls!protocol"},
		// Each record costs 22 octets more than what is in it, so that a reply which is not too long comes to more than a megabyte.
		{"a record for each octet", func(p *peer) {
			toTLS(p, tlsServer(certificate(t, nil)))
			p.expect(hello)
			for _, octet := range []byte(strings.Repeat("250-"+strings.Repeat("a", 1000)+"\r\n", 60)) {
				if _, err := p.Write([]byte{octet}); err != nil {
					return
				}
			}
			p.send("250 end\r\n")
		}, "connect banner=220 ehlo=250 starttls=220 tls ehlo_tls!too_long"},
		{"greeting again under TLS", func(p *peer) {
			toTLS(p, tlsServer(certificate(t, nil)))
			p.expect(hello)
			p.send("250 mx.example.org\r\n220 mx.example.org\r\n")
			p.expectEnd()
		}, "connect banner=220 ehlo=250 starttls=220 tls ehlo_tls=250 quit!protocol"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantSummary(t, probe(t, Options{}, tt.script), tt.want)
		})
	}
}

// reset ends the connection with an RST.
func reset(p *peer) {
	_ = p.Conn.(*net.TCPConn).SetLinger(0)
	_ = p.Conn.Close()
}

func TestPlaintextInsteadOfTLS(t *testing.T) {
	s := probe(t, Options{TLS: TLSImplicit}, func(p *peer) {
		p.send(greet)
		p.untilEnd()
	})
	wantSummary(t, s, "connect tls!tls_handshake")
	if err := s.Steps[1].Err; !strings.Contains(err.Error(), `"220 m"`) {
		t.Errorf("error is %q", err)
	}
	var header tls.RecordHeaderError
	if !errors.As(s.Steps[1].Err, &header) || header.Conn != nil {
		t.Error("the error holds the connection")
	}
}

// A thousand keywords are a reply; a hundred of them are kept.
func TestThousandKeywords(t *testing.T) {
	var reply strings.Builder
	reply.WriteString("250-mx.example.org\r\n")
	for i := range 1000 {
		fmt.Fprintf(&reply, "250-X-%d a\r\n", i)
	}
	reply.WriteString("250 SIZE " + strings.Repeat("9", 40) + "\r\n")
	s := probe(t, Options{}, func(p *peer) {
		p.send(greet)
		p.expect(hello)
		p.send(reply.String())
		p.expect("QUIT")
		p.send("221 bye\r\n")
	})
	wantSummary(t, s, "connect banner=220 ehlo=250 quit=221")
	if len(s.Before.Keywords) != maxKeywords || !s.Before.Offers("X-99") || s.Before.Offers("X-100") || s.Before.Size != 0 {
		t.Errorf("%d keywords, size %d", len(s.Before.Keywords), s.Before.Size)
	}
}

// chain returns a certificate with n copies of itself behind it.
func chain(c tls.Certificate, n int) tls.Certificate {
	for range n {
		c.Certificate = append(c.Certificate, c.Certificate[0])
	}
	return c
}

func TestHostileCertificates(t *testing.T) {
	names := func(n int, format string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			for i := range n {
				c.DNSNames = append(c.DNSNames, fmt.Sprintf(format, i))
			}
		}
	}
	tests := []struct {
		name string
		cert tls.Certificate
		want string
		kept int
	}{
		{"as long as may be", chain(certificate(t, nil), maxChain-1), "tls banner=554 quit=221", maxChain},
		{"one too many", chain(certificate(t, nil), maxChain), "tls!tls_handshake", maxChain},
		{"a chain of 200", chain(certificate(t, nil), 199), "tls!tls_handshake", maxChain},
		{"a large chain", chain(certificate(t, names(170, strings.Repeat("host.", 30)+"%d.example.org")), 3), "tls!tls_handshake", 3},
		{"many names", certificate(t, names(1900, "host-%d.example.org")), "tls banner=554 quit=221", 1},
		{"too many names", certificate(t, names(2000, "host-%d.example.org")), "tls!tls_handshake", 0},
		{"10,000 short names", certificate(t, names(10000, "%x")), "tls!tls_handshake", 0},
		{"10,000 long names", certificate(t, names(10000, "host-%d.example.org")), "tls!tls_handshake", 0},
		{"30,000 addresses of pages", certificate(t, func(c *x509.Certificate) {
			c.URIs = slices.Repeat([]*url.URL{{Path: "a"}}, 30000)
		}), "tls!tls_handshake", 0},
	}
	for _, tt := range tests {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("%s/%s", tt.name, tls.VersionName(version)), func(t *testing.T) {
				config := tlsServer(tt.cert)
				config.MinVersion, config.MaxVersion = version, version
				s := probe(t, Options{TLS: TLSImplicit}, func(p *peer) {
					if p.startTLS(config) == nil {
						p.send("554 no\r\n")
						p.untilQuit()
					}
				})
				wantSummary(t, s, "connect "+tt.want)
				if len(s.Chain) != tt.kept {
					t.Errorf("%d certificates kept, want %d", len(s.Chain), tt.kept)
				}
				if failed := s.Steps[1].Failure != ""; failed != (s.TLS == nil) {
					t.Errorf("TLS state is %v", s.TLS)
				}
			})
		}
	}
}

// untilQuit answers a QUIT if one comes.
func (p *peer) untilQuit() {
	if line, _ := p.r.ReadString('\n'); line == "QUIT\r\n" {
		p.send("221 bye\r\n")
	}
}

// The chain is kept when the handshake fails after it came: here the server cannot prove that
// it has the key.
func TestChainOfFailedHandshake(t *testing.T) {
	cert := certificate(t, nil)
	cert.PrivateKey = certificate(t, nil).PrivateKey
	s := probe(t, Options{TLS: TLSImplicit}, func(p *peer) {
		_ = p.startTLS(tlsServer(cert))
	})
	wantSummary(t, s, "connect tls!tls_handshake")
	if len(s.Chain) != 1 || s.TLS != nil {
		t.Errorf("chain %v, state %v", s.Chain, s.TLS)
	}
}

// An endless peer may cost us a connection and some kilobytes, no more. What the peer itself allocates
// is counted with it, so it allocates before.
func TestMemory(t *testing.T) {
	flood := func(p *peer, text []byte) {
		for {
			if _, err := p.Write(text); err != nil {
				return
			}
		}
	}
	empty := []byte(strings.Repeat("220-\r\n", 10000))
	long := []byte(strings.Repeat("220-"+strings.Repeat("a", 1000)+"\r\n", 100))
	hello := []byte(strings.Repeat("250-X\r\n", 10000))
	tests := map[string]func(*peer){
		"endless banner lines": func(p *peer) { flood(p, empty) },
		"endless long lines":   func(p *peer) { flood(p, long) },
		"endless line":         func(p *peer) { flood(p, long[:1000]) },
		"endless after EHLO": func(p *peer) {
			p.send(greet)
			_, _ = p.r.ReadString('\n')
			flood(p, hello)
		},
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			addr := serve(t, script)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s := Probe(context.Background(), addr, Options{HeloName: "probe.example.net"})
			runtime.ReadMemStats(&after)
			if last := s.Steps[len(s.Steps)-1]; last.Failure != FailureTooLong || last.Duration > 20*time.Second {
				t.Errorf("session is %s", summary(s))
			}
			if cost := after.TotalAlloc - before.TotalAlloc; cost > 1<<20 {
				t.Errorf("%d octets were allocated", cost)
			}
		})
	}
}
