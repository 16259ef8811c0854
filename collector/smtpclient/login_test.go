package smtpclient

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const (
	testUser     = "monitor"
	testPassword = "correct horse"
)

// testPlain is RFC 4616's message for the two.
var testPlain = base64.StdEncoding.EncodeToString([]byte("\x00" + testUser + "\x00" + testPassword))

// loginOptions log in wherever TLS is.
func loginOptions() Options {
	return Options{
		Login:   &Login{Username: testUser, Password: func() string { return testPassword }},
		MayAuth: func(*Session) error { return nil },
	}
}

// wantNoSecret looks for the password in everything that a session may show, in the forms in which it crosses the wire.
func wantNoSecret(t *testing.T, s *Session, o Options) {
	t.Helper()
	seen := strings.Join(s.Transcript(), "\n") + fmt.Sprintf("%v %+v %#v %v %v", o, *o.Login, o, s.Withheld, s.Aborted)
	for _, step := range s.Steps {
		seen += fmt.Sprintf("\n%s %v", step.Sent, step.Err)
		if step.Reply != nil {
			seen += fmt.Sprintf(" %q", step.Reply.Lines)
		}
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(testPassword))
	for _, secret := range []string{testPassword, testPlain, testPlain[:20], encoded, encoded[:12]} {
		if strings.Contains(seen, secret) {
			t.Errorf("%q is to be seen in\n%s", secret, seen)
		}
	}
}

func TestLogin(t *testing.T) {
	const tlsDone = "connect banner=220 ehlo=250 starttls=220 tls ehlo_tls=250"
	bye := func(p *peer) {
		p.expect("QUIT")
		p.send("221 bye " + testPassword + "\r\n")
		p.expectEnd()
	}
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	tests := []struct {
		name, offer string
		script      func(*peer)
		want        string
	}{
		{"PLAIN", "AUTH LOGIN PLAIN", func(p *peer) {
			p.expect("AUTH PLAIN " + testPlain)
			p.send("235 2.7.0 welcome\r\n")
			bye(p)
		}, " auth=235 quit=221"},
		{"LOGIN", "AUTH LOGIN CRAM-MD5", func(p *peer) {
			p.expect("AUTH LOGIN")
			p.send("334 VXNlcm5hbWU6\r\n")
			p.expect(encode(testUser))
			p.send("334 UGFzc3dvcmQ6\r\n")
			p.expect(encode(testPassword))
			p.send("235 2.7.0 welcome\r\n")
			bye(p)
		}, " auth=235 quit=221"},
		{"refused, and the password repeated", "AUTH PLAIN", func(p *peer) {
			p.expect("AUTH PLAIN " + testPlain)
			p.send("535-5.7.8 " + testPassword + " is wrong\r\n535 5.7.8 " + strings.TrimRight(testPlain, "=") + "\r\n")
			bye(p)
		}, " auth=535 quit=221"},
		{"LOGIN refused at the name", "AUTH LOGIN", func(p *peer) {
			p.expect("AUTH LOGIN")
			p.send("334 VXNlcm5hbWU6\r\n")
			p.expect(encode(testUser))
			p.send("535 5.7.8 nobody\r\n")
			bye(p)
		}, " auth=535 quit=221"},
		{"a question too many is ended", "AUTH PLAIN", func(p *peer) {
			p.expect("AUTH PLAIN " + testPlain)
			p.send("334 " + testPlain + "\r\n")
			p.expect("*")
			p.send("501 5.7.0 ended\r\n")
			bye(p)
		}, " auth=334 quit=221"},
		{"deferred", "AUTH PLAIN", func(p *peer) {
			p.expect("AUTH PLAIN " + testPlain)
			p.send("454 4.7.0 later\r\n")
			bye(p)
		}, " auth=454 quit=221"},
		{"the command comes back", "AUTH PLAIN", func(p *peer) {
			p.expect("AUTH PLAIN " + testPlain)
			p.send("AUTH PLAIN " + testPlain + "\r\n")
			p.expectEnd()
		}, " auth!protocol"},
		{"hung up", "AUTH PLAIN", func(p *peer) { p.expect("AUTH PLAIN " + testPlain) }, " auth!closed"},
		{"no way that we know", "AUTH GSSAPI XOAUTH2", bye, " quit=221"},
		{"none", "SIZE", bye, " quit=221"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := loginOptions()
			s := probe(t, o, func(p *peer) {
				toTLS(p, tlsServer(certificate(t, nil)))
				p.expect(hello)
				p.send("250-mx.example.org\r\n250 " + tt.offer + "\r\n")
				tt.script(p)
			})
			wantSummary(t, s, tlsDone+tt.want)
			if tried := s.Step(StageAuth) != nil; tried == errors.Is(s.Withheld, ErrNoMechanism) {
				t.Errorf("withheld: %v", s.Withheld)
			}
			if step := s.Step(StageAuth); step != nil && step.Sent != "AUTH PLAIN <secret>" && step.Sent != "AUTH LOGIN <secret>" {
				t.Errorf("sent %q", step.Sent)
			}
			if tt.want != " quit=221" {
				wantNoSecret(t, s, o)
			}
		})
	}
}

// A password is never sent without TLS, nor where the caller does not want it.
func TestLoginWithheld(t *testing.T) {
	errNo := errors.New("no")
	offer := "250-mx.example.org\r\n250 AUTH PLAIN LOGIN\r\n"
	clear := func(p *peer) {
		p.send(greet)
		p.expect(hello)
		p.send(offer)
		p.untilQuit()
	}
	secure := func(p *peer) {
		_ = p.startTLS(tlsServer(certificate(t, nil)))
		clear(p)
	}
	tests := []struct {
		name    string
		tls     TLSMode
		mayAuth func(*Session) error
		script  func(*peer)
		want    error
	}{
		{"no STARTTLS", TLSStart, func(*Session) error { return nil }, clear, ErrNoTLS},
		{"STARTTLS refused", TLSStart, func(*Session) error { return nil }, func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("250-mx.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
			p.expect("STARTTLS")
			p.send("454 4.7.0 no\r\n")
			p.untilQuit()
		}, ErrNoTLS},
		{"TLS off", TLSNone, func(*Session) error { return nil }, clear, ErrNoTLS},
		{"not wanted", TLSImplicit, func(s *Session) error {
			if len(s.Chain) != 1 || s.TLS == nil {
				t.Error("asked before the handshake")
			}
			return errNo
		}, secure, errNo},
		{"nobody to ask", TLSImplicit, nil, secure, errNobody},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := loginOptions()
			o.TLS, o.MayAuth = tt.tls, tt.mayAuth
			s := probe(t, o, tt.script)
			if s.Step(StageAuth) != nil || s.code(StageQuit) != 221 {
				t.Errorf("session is %s", summary(s))
			}
			if !errors.Is(s.Withheld, tt.want) {
				t.Errorf("withheld: %v, want %v", s.Withheld, tt.want)
			}
		})
	}
}

func TestLoginRefusedInput(t *testing.T) {
	for _, l := range []*Login{
		{Username: "a", Password: nil},
		{Username: "", Password: func() string { return testPassword }},
		{Username: "a", Password: func() string { return "" }},
		{Username: "a\x00b", Password: func() string { return testPassword }},
		{Username: "a", Password: func() string { return testPassword + "\x00" }},
	} {
		if err := l.check(); err == nil || strings.Contains(err.Error(), testPassword) {
			t.Errorf("%q: error %v", l.Username, err)
		}
	}
}

func TestEnvelope(t *testing.T) {
	const mail, rcpt = "MAIL FROM:<probe@example.net>", "RCPT TO:<postmaster@example.org>"
	said := func(pairs ...string) func(*peer) {
		return func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("250-mx.example.org\r\n250-SIZE 1000\r\n250 PIPELINING\r\n")
			for i := 0; i < len(pairs); i += 2 {
				p.expect(pairs[i])
				p.send(pairs[i+1])
				if last := pairs[i+1]; last == "" || strings.HasPrefix(last, "421") {
					return // It hangs up.
				}
			}
			p.expectEnd()
		}
	}
	tests := []struct {
		name   string
		script func(*peer)
		want   string
	}{
		{"taken", said(mail, "250 ok\r\n", rcpt, "250 ok\r\n", "RSET", "250 ok\r\n", "QUIT", "221 bye\r\n"), "ehlo=250 mail=250 rcpt=250 rset=250 quit=221"},
		{"recipient refused", said(mail, "250 ok\r\n", rcpt, "550 5.1.1 nobody\r\n", "RSET", "250 ok\r\n", "QUIT", "221 bye\r\n"), "ehlo=250 mail=250 rcpt=550 rset=250 quit=221"},
		{"sender refused", said(mail, "550 5.7.1 no\r\n", "QUIT", "221 bye\r\n"), "ehlo=250 mail=550 quit=221"},
		{"sent away at RCPT", said(mail, "250 ok\r\n", rcpt, "421 4.7.0 bye\r\n"), "ehlo=250 mail=250 rcpt=421"},
		{"hung up at RCPT", said(mail, "250 ok\r\n", rcpt, ""), "ehlo=250 mail=250 rcpt!closed"},
		{"two replies to one command", said(mail, "250 ok\r\n250 ok\r\n"), "ehlo=250 mail=250 rcpt!protocol"},
		{"not let in", func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("451 4.3.0 later\r\n")
			p.untilQuit()
		}, "ehlo=451 quit=221"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := probe(t, Options{Envelope: &Envelope{"probe@example.net", "postmaster@example.org"}}, tt.script)
			wantSummary(t, s, "connect banner=220 "+tt.want)
		})
	}
}

// After a login the same session asks about the envelope.
func TestLoginThenEnvelope(t *testing.T) {
	o := loginOptions()
	o.Envelope = &Envelope{"probe@example.net", "postmaster@example.org"}
	s := probe(t, o, func(p *peer) {
		toTLS(p, tlsServer(certificate(t, nil)))
		p.expect(hello)
		p.send("250-mx.example.org\r\n250 AUTH PLAIN\r\n")
		p.expect("AUTH PLAIN " + testPlain)
		p.send("235 ok\r\n")
		p.expect("MAIL FROM:<probe@example.net>")
		p.send("250 " + testPassword + "\r\n")
		p.expect("RCPT TO:<postmaster@example.org>")
		p.send(testPlain + "\r\n")
		p.expectEnd()
	})
	wantSummary(t, s, "connect banner=220 ehlo=250 starttls=220 tls ehlo_tls=250 auth=235 mail=250 rcpt!protocol")
	wantNoSecret(t, s, o)
}

func TestEnvelopeRefusedInput(t *testing.T) {
	for _, address := range []string{"", "a", "@example.org", "a@", "a@example.org>\r\nDATA", "a b@example.org", "<a@example.org>", "ä@example.org", strings.Repeat("a", 321) + "@example.org"} {
		for _, e := range []Envelope{{address, "a@example.org"}, {"a@example.org", address}} {
			if e.check() == nil {
				t.Errorf("%+v is taken", e)
			}
		}
	}
	if err := (&Envelope{"probe@example.net", "postmaster@example.org"}).check(); err != nil {
		t.Error(err)
	}
}
