package smtpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A whole session as with Postfix: several lines, STARTTLS, extensions that change under TLS.
func TestSTARTTLS(t *testing.T) {
	cert := certificate(t, nil)
	var sni string
	config := tlsServer(cert)
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		sni = hello.ServerName
		return nil, nil
	}
	s := probe(t, Options{ServerName: "mx.example.org"}, func(p *peer) {
		p.send("220-MX.example.org ESMTP\r\n220 be patient\r\n")
		p.expect(hello)
		p.send("250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250 DSN\r\n")
		p.expect("STARTTLS")
		p.send("220 2.0.0 Ready to start TLS\r\n")
		if err := p.startTLS(config); err != nil {
			t.Error(err)
		}
		p.expect(hello)
		p.send("250-mx2.example.org\r\n250-SIZE 20480000\r\n250 AUTH PLAIN LOGIN\r\n")
		p.expect("QUIT")
		p.send("221 2.0.0 Bye\r\n")
		p.expectEnd()
	})
	wantSummary(t, s, "connect banner=220 ehlo=250 starttls=220 tls ehlo_tls=250 quit=221")
	if !s.Up() {
		t.Error("is not up")
	}
	if s.BannerName != "mx.example.org" || s.EHLOName != "mx2.example.org" {
		t.Errorf("names are %q and %q", s.BannerName, s.EHLOName)
	}
	if got := s.Step(StageBanner).Reply.Lines; !slices.Equal(got, []string{"MX.example.org ESMTP", "be patient"}) {
		t.Errorf("banner is %q", got)
	}
	if s.Before.Size != 10240000 || !s.Before.Offers("DSN") || s.Before.Auth != nil {
		t.Errorf("before TLS: %+v", s.Before)
	}
	if s.After.Size != 20480000 || s.After.Offers("STARTTLS") || !slices.Equal(s.After.Auth, []string{"PLAIN", "LOGIN"}) {
		t.Errorf("after TLS: %+v", s.After)
	}
	if s.TLS == nil || s.TLS.Version != tls.VersionTLS13 || s.TLS.DidResume {
		t.Errorf("TLS state is %+v", s.TLS)
	}
	if len(s.Chain) != 1 || !slices.Equal(s.Chain[0].Raw, cert.Certificate[0]) {
		t.Errorf("chain is %v", s.Chain)
	}
	if sni != "mx.example.org" {
		t.Errorf("SNI is %q", sni)
	}
	if got := s.Step(StageSTARTTLS).Reply.Enhanced; got != "2.0.0" {
		t.Errorf("enhanced code is %q", got)
	}
	for _, step := range s.Steps {
		if step.Duration <= 0 {
			t.Errorf("stage %s took %s", step.Stage, step.Duration)
		}
	}
}

func TestDialogues(t *testing.T) {
	bye := func(p *peer) {
		p.expect("QUIT")
		p.send("221 bye\r\n")
		p.expectEnd()
	}
	tests := []struct {
		name   string
		o      Options
		script func(*peer)
		want   string
		up     bool
	}{
		{"line feeds alone", Options{}, func(p *peer) {
			p.send("220 mx.example.org\n")
			p.expect(hello)
			p.send("250-mx.example.org\n250 SIZE\n")
			p.expect("QUIT")
			p.send("221 bye\n")
			p.expectEnd()
		}, "connect banner=220 ehlo=250 quit=221", true},
		{"bare codes", Options{}, func(p *peer) {
			p.send("220\r\n")
			p.expect(hello)
			p.send("250\r\n")
			p.expect("QUIT")
			p.send("221\r\n")
			p.expectEnd()
		}, "connect banner=220 ehlo=250 quit=221", true},
		{"replies in pieces", Options{}, func(p *peer) {
			for i := range greet {
				p.send(greet[i : i+1])
			}
			p.expect(hello)
			p.send("250-mx.exam")
			p.send("ple.org\r")
			p.send("\n250 SIZE\r\n")
			bye(p)
		}, "connect banner=220 ehlo=250 quit=221", true},
		{"greeting 421", Options{}, func(p *peer) { p.send("421 4.7.0 too many connections\r\n"); bye(p) }, "connect banner=421 quit=221", false},
		{"greeting 450", Options{}, func(p *peer) { p.send("450 4.7.25 no PTR\r\n"); bye(p) }, "connect banner=450 quit=221", false},
		{"greeting 521", Options{}, func(p *peer) { p.send("521 no mail here\r\n"); bye(p) }, "connect banner=521 quit=221", false},
		{"greeting 554", Options{}, func(p *peer) { p.send("554 no SMTP service here\r\n"); bye(p) }, "connect banner=554 quit=221", false},
		{"greeting 250", Options{}, func(p *peer) { p.send("250 hello\r\n"); bye(p) }, "connect banner=250 quit=221", false},
		{"greeting 421 and end", Options{}, func(p *peer) { p.send("421 closing\r\n") }, "connect banner=421", false},
		{"greeting 554, QUIT read, end", Options{}, func(p *peer) { p.send("554 no\r\n"); p.expect("QUIT") }, "connect banner=554", false},
		{"greeting 450 and end", Options{}, func(p *peer) { p.send("450 later\r\n"); p.expect("QUIT") }, "connect banner=450 quit!closed", false},
		{"EHLO refused, HELO taken", Options{}, func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("502 5.5.1 not implemented\r\n")
			p.expect("HELO probe.example.net")
			p.send("250 old.example.org\r\n")
			bye(p)
		}, "connect banner=220 ehlo=502 helo=250 quit=221", true},
		{"EHLO and HELO refused", Options{}, func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("550 5.7.1 no\r\n")
			p.expect("HELO probe.example.net")
			p.send("550 5.7.1 no\r\n")
			bye(p)
		}, "connect banner=220 ehlo=550 helo=550 quit=221", false},
		{"EHLO put off", Options{}, func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("450 4.7.1 later\r\n")
			bye(p)
		}, "connect banner=220 ehlo=450 quit=221", false},
		{"EHLO 421 and end", Options{}, func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("421 4.3.2 shutting down\r\n")
		}, "connect banner=220 ehlo=421", false},
		{"EHLO answered 220", Options{}, func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("220 what\r\n")
			bye(p)
		}, "connect banner=220 ehlo=220 quit=221", false},
		{"STARTTLS refused", Options{}, func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("250-mx.example.org\r\n250 starttls\r\n")
			p.expect("STARTTLS")
			p.send("454 4.7.0 TLS not available\r\n")
			bye(p)
		}, "connect banner=220 ehlo=250 starttls=454 quit=221", true},
		{"no TLS wanted", Options{TLS: TLSNone}, func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("250-mx.example.org\r\n250 STARTTLS\r\n")
			bye(p)
		}, "connect banner=220 ehlo=250 quit=221", true},
		{"implicit TLS", Options{TLS: TLSImplicit}, func(p *peer) {
			if err := p.startTLS(tlsServer(certificate(t, nil))); err != nil {
				t.Error(err)
			}
			p.send(greet)
			p.expect(hello)
			p.send("250-mx.example.org\r\n250 STARTTLS\r\n")
			bye(p)
		}, "connect tls banner=220 ehlo=250 quit=221", true},
		{"TLS 1.2", Options{TLS: TLSImplicit}, func(p *peer) {
			config := tlsServer(certificate(t, nil))
			config.MaxVersion = tls.VersionTLS12
			if err := p.startTLS(config); err != nil {
				t.Error(err)
			}
			p.send(greet)
			p.expect(hello)
			p.send("250 mx.example.org\r\n")
			bye(p)
		}, "connect tls banner=220 ehlo=250 quit=221", true},
		{"EHLO refused under TLS", Options{}, func(p *peer) {
			toTLS(p, tlsServer(certificate(t, nil)))
			p.expect(hello)
			p.send("503 5.5.1 once is enough\r\n")
			bye(p)
		}, "connect banner=220 ehlo=250 starttls=220 tls ehlo_tls=503 quit=221", true},
		{"no reply to QUIT", Options{}, func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("250 mx.example.org\r\n")
			p.expect("QUIT")
		}, "connect banner=220 ehlo=250 quit!closed", true},
		{"a certificate is wanted of us", Options{}, func(p *peer) {
			config := tlsServer(certificate(t, nil))
			config.ClientAuth = tls.RequireAnyClientCert
			toTLS(p, config)
			p.untilEnd()
		}, "connect banner=220 ehlo=250 starttls=220 tls ehlo_tls!tls_handshake", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := probe(t, tt.o, tt.script)
			wantSummary(t, s, tt.want)
			if s.Up() != tt.up {
				t.Errorf("up is %t", s.Up())
			}
		})
	}
}

// toTLS plays a session up to and with the handshake.
func toTLS(p *peer, c *tls.Config) {
	p.t.Helper()
	p.send(greet)
	p.expect(hello)
	p.send("250-mx.example.org\r\n250 STARTTLS\r\n")
	p.expect("STARTTLS")
	p.send("220 go ahead\r\n")
	_ = p.startTLS(c)
}

// Certificates are not judged here: the session goes on, and the chain is kept.
func TestCertificatesAreKept(t *testing.T) {
	tests := map[string]func(*x509.Certificate){
		"self-signed":     nil,
		"expired":         func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) },
		"not yet valid":   func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) },
		"for other names": func(c *x509.Certificate) { c.DNSNames = []string{"other.example.net"} },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			cert := certificate(t, change)
			s := probe(t, Options{ServerName: "mx.example.org"}, func(p *peer) {
				toTLS(p, tlsServer(cert))
				p.expect(hello)
				p.send("250 mx.example.org\r\n")
				p.expect("QUIT")
				p.send("221 bye\r\n")
			})
			wantSummary(t, s, "connect banner=220 ehlo=250 starttls=220 tls ehlo_tls=250 quit=221")
			if len(s.Chain) != 1 || !slices.Equal(s.Chain[0].Raw, cert.Certificate[0]) {
				t.Errorf("chain is %v", s.Chain)
			}
		})
	}
}

// A shared TLS configuration is neither changed nor able to turn on what must be off.
func TestTLSConfigIsShared(t *testing.T) {
	config := &tls.Config{
		ServerName:         "other.example.net",
		MaxVersion:         tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(10),
	}
	before := config.Clone()
	server := tlsServer(certificate(t, nil))
	for range 2 {
		s := probe(t, Options{TLS: TLSImplicit, TLSConfig: config, ServerName: "mx.example.org"}, func(p *peer) {
			_ = p.startTLS(server)
			p.send("554 no\r\n")
			p.expect("QUIT")
			p.send("221 bye\r\n")
		})
		wantSummary(t, s, "connect tls banner=554 quit=221")
		if s.TLS == nil || s.TLS.Version != tls.VersionTLS12 || s.TLS.DidResume {
			t.Errorf("TLS state is %+v", s.TLS)
		}
	}
	if !reflect.DeepEqual(config, before) {
		t.Error("the shared configuration was changed")
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"mx.example.org ESMTP":          "mx.example.org",
		"MX.Example.ORG":                "mx.example.org",
		"[192.0.2.1] hello":             "[192.0.2.1]",
		"[IPv6:2001:DB8::1]":            "[ipv6:2001:db8::1]",
		"localhost":                     "localhost",
		"":                              "",
		" mx.example.org":               "",
		"mx_1.example.org":              "",
		"mx..example.org":               "",
		"mx.example.org.":               "",
		"mx.example.\u212aom":           "", // The Kelvin sign.
		"-mx.example.org":               "",
		"192.0.2.1":                     "",
		"5.7.1 hello":                   "",
		"[192.0.2.1":                    "",
		"[2001:db8::1]":                 "",
		"[IPv6:192.0.2.1]":              "",
		"[IPv6:fe80::1%eth0]":           "",
		"\x1b[31mmx":                    "",
		"\xff\xfe":                      "",
		strings.Repeat("a", 64):         "",
		strings.Repeat("a.", 126) + "a": strings.Repeat("a.", 126) + "a",
		strings.Repeat("a.", 127) + "a": "",
	} {
		if got := hostName(&Reply{Code: 250, Lines: []string{text}}); got != want {
			t.Errorf("hostName(%q) = %q, want %q", text, got, want)
		}
	}
	if got := hostName(&Reply{Code: 554, Lines: []string{"no SMTP service here"}}); got != "" {
		t.Errorf("a refusal has the name %q", got)
	}
}

// dialerFunc is a Dialer made of a function.
type dialerFunc func(ctx context.Context, network, address string) (net.Conn, error)

func (f dialerFunc) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f(ctx, network, address)
}

func TestConnectFails(t *testing.T) {
	dialError := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	noRoute := errors.New("no route")
	tests := []struct {
		name           string
		err, route     error
		want           string
		noRoute, ended bool
	}{
		{name: "refused", err: dialError(syscall.ECONNREFUSED), want: "connect!refused"},
		{name: "reset", err: dialError(syscall.ECONNRESET), want: "connect!reset"},
		{name: "timed out", err: dialError(syscall.ETIMEDOUT), want: "connect!timeout"},
		{name: "not allowed", err: fmt.Errorf("dial: %w", ErrNotAllowed), want: "connect!not_allowed"},
		{name: "network unreachable from afar", err: dialError(syscall.ENETUNREACH), want: "connect!unreachable"},
		{name: "host unreachable from afar", err: dialError(syscall.EHOSTUNREACH), want: "connect!unreachable"},
		{name: "protocol unreachable", err: dialError(syscall.ENOPROTOOPT), want: "connect!unreachable"},
		{name: "network unreachable from here", err: dialError(syscall.ENETUNREACH), route: noRoute, noRoute: true},
		{name: "no address", err: dialError(syscall.EADDRNOTAVAIL), route: noRoute, noRoute: true},
		{name: "no family", err: dialError(syscall.EAFNOSUPPORT), route: noRoute, noRoute: true},
		{name: "no port left", err: dialError(syscall.EADDRNOTAVAIL), ended: true},
		{name: "our interface is down", err: dialError(syscall.ENETDOWN), ended: true},
		{name: "no file left", err: dialError(syscall.EMFILE), ended: true},
		{name: "not permitted", err: dialError(syscall.EPERM), ended: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr := netip.MustParseAddrPort("192.0.2.1:25")
			s := Probe(context.Background(), addr, Options{
				HeloName: "probe.example.net",
				Route:    func(netip.Addr) error { return tt.route },
				Dialer: dialerFunc(func(_ context.Context, network, address string) (net.Conn, error) {
					if network != "tcp" || address != addr.String() {
						t.Errorf("dialled %s %s", network, address)
					}
					return nil, tt.err
				}),
			})
			wantSummary(t, s, tt.want)
			if (s.NoRoute != nil) != tt.noRoute || (s.Aborted != nil) != tt.ended {
				t.Errorf("no route: %v, aborted: %v", s.NoRoute, s.Aborted)
			}
			if s.Up() || s.Address != addr {
				t.Errorf("up %t, address %s", s.Up(), s.Address)
			}
		})
	}
}

// A port where nobody listens, by the dialer that is the default.
func TestRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	_ = l.Close()
	s := Probe(context.Background(), addr, Options{HeloName: "probe.example.net"})
	wantSummary(t, s, "connect!refused")
}

func TestBadOptions(t *testing.T) {
	addr := netip.MustParseAddrPort("192.0.2.1:25")
	dialer := dialerFunc(func(context.Context, string, string) (net.Conn, error) {
		t.Error("dialled")
		return nil, ErrNotAllowed
	})
	for _, name := range []string{"", "a b", "a\r\nMAIL FROM:<>", "пример.рф", "a\x00", strings.Repeat("a", 256)} {
		if s := Probe(context.Background(), addr, Options{HeloName: name, Dialer: dialer}); s.Aborted == nil || len(s.Steps) > 0 {
			t.Errorf("EHLO name %q was taken", name)
		}
	}
	if s := Probe(context.Background(), netip.AddrPort{}, Options{HeloName: "a.example", Dialer: dialer}); s.Aborted == nil {
		t.Error("no address was taken")
	}
}

func TestRoute(t *testing.T) {
	if err := Route(netip.MustParseAddr("127.0.0.1")); err != nil {
		t.Errorf("no route to loopback: %v", err)
	}
	if err := Route(netip.MustParseAddr("::ffff:127.0.0.1")); err != nil {
		t.Errorf("no route to loopback, mapped: %v", err)
	}
	if err := Route(netip.Addr{}); err == nil {
		t.Error("a route to nowhere")
	}
}

func TestTranscript(t *testing.T) {
	s := probe(t, Options{StageTimeout: time.Minute}, func(p *peer) {
		p.send("220-mx.example.org \x1b[31mred\x1b[0m\r\n220 \xff\xfe" + strings.Repeat("x", 300) + "\r\n")
		p.expect(hello)
		p.send("250-mx.example.org\r\n" + strings.Repeat("250-X-A\r\n", 150) + "250 X-B\r\n")
		p.expect("QUIT")
		p.send("2\x002 bye\r\n")
	})
	got := s.Transcript()
	want := []string{
		`S: 220-mx.example.org \x1b[31mred\x1b[0m`,
		`S: 220 \xff\xfe` + strings.Repeat("x", 198) + `...`,
		`C: EHLO probe.example.net`,
		`-- and 52 more`,
		`C: QUIT`,
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("no line %q in\n%s", line, strings.Join(got, "\n"))
		}
	}
	last := got[len(got)-1]
	if !strings.HasPrefix(last, "-- quit: protocol after ") || !strings.HasSuffix(last, `: "2\x002 bye"`) {
		t.Errorf("last line is %q", last)
	}
	s = &Session{NoRoute: errors.New("no\x1broute"), Aborted: errors.New("end\r\n")}
	if got := s.Transcript(); !slices.Equal(got, []string{`-- not tried: no\x1broute`, `-- end\r\n`}) {
		t.Errorf("transcript is %q", got)
	}
}
