package checks

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// certificate issues one for mx.example.org.
func (s *scene) certificate(r mailworld.CertificateRequest) *tls.Certificate {
	s.t.Helper()
	if r.Names == nil {
		r.Names = []string{"mx.example.org"}
	}
	c, err := s.Authority().Issue(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return &c
}

// only keeps the lines that begin with one of some words, for a test of these.
func only(text string, words ...string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for _, w := range words {
			if strings.HasPrefix(strings.TrimSpace(line), w) {
				b.WriteString(line)
				break
			}
		}
	}
	return b.String()
}

func TestSMTP(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	begin := time.Unix(time.Now().Unix()-86400, 0)
	s.serve(mailworld.Server{
		Name: "mx.example.org", Certificate: s.certificate(mailworld.CertificateRequest{NotBefore: begin, NotAfter: begin.AddDate(0, 0, 90)}),
		Extensions: []string{"SIZE 10240000", "PIPELINING", "AUTH PLAIN LOGIN X-OWN", "X-PRIVATE", "DSN"},
	}, "192.0.2.1:25")
	r := s.round(serverAt("mx.example.org", 25))
	if err := runSMTP(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	text := sawText(t, smtpCheck, r)
	wantLines(t, only(text, "192", "smtp", "tls", "!", "certificate 192", "certificate_verification"), `
192.0.2.1
  smtp_up[192.0.2.1] 1
  smtp_reply[192.0.2.1 banner 220  positive ok] 1
  smtp_reply_code[192.0.2.1 banner] 220
  smtp_reply[192.0.2.1 ehlo 250  positive ok] 1
  smtp_reply_code[192.0.2.1 ehlo] 250
  smtp_reply[192.0.2.1 starttls 220 2.0.0 positive ok] 1
  smtp_reply_code[192.0.2.1 starttls] 220
  smtp_reply[192.0.2.1 ehlo_tls 250  positive ok] 1
  smtp_reply_code[192.0.2.1 ehlo_tls] 250
  smtp_reply[192.0.2.1 quit 221 2.0.0 positive ok] 1
  smtp_reply_code[192.0.2.1 quit] 221
  tls_info[192.0.2.1 TLS 1.3 TLS_AES_128_GCM_SHA256] 1
  smtp_starttls_offered[192.0.2.1] 1
  smtp_auth_mechanism[192.0.2.1 PLAIN true] 1
  smtp_auth_mechanism[192.0.2.1 LOGIN true] 1
  smtp_auth_mechanism[192.0.2.1 other true] 1
  smtp_extension[192.0.2.1 AUTH] 1
  smtp_extension[192.0.2.1 DSN] 1
  smtp_extension[192.0.2.1 PIPELINING] 1
  smtp_extension[192.0.2.1 SIZE] 1
  smtp_size_limit_bytes[192.0.2.1] 10240000
certificate 192.0.2.1
  certificate_verification[192.0.2.1 ok] 1
`)
	wantNumbers := map[string]float64{"not_after leaf": float64(begin.AddDate(0, 0, 90).Unix()), "not_before leaf": float64(begin.Unix())}
	stages := map[string]bool{}
	infos, chain := 0, 0
	for _, p := range r.Result.Parts {
		for _, m := range p.Samples {
			switch m.Metric {
			case smtpStageDuration:
				stages[m.Labels[1]] = m.Value > 0
			case certificateInfo:
				infos++
				if len(m.Labels[1]) != 64 || m.Labels[2] != "ecdsa" || m.Labels[3] != "256" {
					t.Errorf("certificate_info %q", m.Labels)
				}
			case certificateNotAfter, certificateNotBefore:
				word := strings.TrimSuffix(strings.TrimPrefix(m.Metric.Name, "certificate_"), "_timestamp_seconds") + " " + m.Labels[1]
				if m.Labels[1] == "chain" {
					chain++
				} else if m.Value != wantNumbers[word] {
					t.Errorf("%s is %v, want %v", word, m.Value, wantNumbers[word])
				}
			}
		}
	}
	if len(stages) != 7 || !stages["connect"] || !stages["tls"] || infos != 1 || chain != 2 {
		t.Errorf("stages %v, certificate_info %d times, position chain %d times", stages, infos, chain)
	}
	if e := r.Result.Parts[0].Evidence; len(e) < 10 || !strings.HasPrefix(e[1], "S: 220 mx.example.org") {
		t.Errorf("evidence %q", e)
	}
	if e := r.Result.Parts[1].Evidence; len(e) != 2 || !strings.HasPrefix(e[0], `"mx.example.org", issued by`) {
		t.Errorf("evidence of the certificate %q", e)
	}
}

// TestServerBudget counts the series of a server that offers what Postfix does. The limit is 60 for an address, and
// with these two checks the target itself has seven.
func TestServerBudget(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1\n1.2.0.192.in-addr.arpa. 60 IN PTR mx.example.org.")
	s.serve(mailworld.Server{Name: "mx.example.org", Certificate: s.certificate(mailworld.CertificateRequest{}), Extensions: []string{
		"PIPELINING", "SIZE 10240000", "VRFY", "ETRN", "AUTH PLAIN LOGIN CRAM-MD5", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING",
	}}, "192.0.2.1:25")
	r := s.round(serverAt("mx.example.org", 25))
	r.SMTPDue = true
	if err := errors.Join(runSMTP(t.Context(), r), runRDNS(t.Context(), r)); err != nil {
		t.Fatal(err)
	}
	n := 7
	for _, p := range r.Result.Parts {
		n += len(p.Samples)
	}
	if n < 50 || n > 60 {
		t.Errorf("%d series, want 50 to 60", n)
	}
}

// TestSMTPAnswers goes through what a server can say, and what is to be said of it. Only findings, verdict and what
// is special are compared.
func TestSMTPAnswers(t *testing.T) {
	s := newScene(t, "")
	good := s.certificate(mailworld.CertificateRequest{})
	at := func(point, reply string) mailworld.Server {
		return mailworld.Server{Name: "mx.example.org", Certificate: good, Replies: map[string]string{point: reply}}
	}
	for _, c := range []struct {
		name   string
		server mailworld.Server
		want   string
	}{
		{"421 greeting", at("connect", "421 4.7.0 too busy\r\n"), `
			smtp_up[A] 0
			smtp_reply[A banner 421 4.7.0 transient server_closing] 1
			!smtp_deferred`},
		{"450 greeting", at("connect", "450 4.7.25 no name\r\n"), `
			smtp_up[A] 0
			smtp_reply[A banner 450 4.7.25 transient no_rdns] 1
			!vantage_refused`},
		{"521 greeting", at("connect", "521 5.3.2 no mail here\r\n"), `
			smtp_up[A] 0
			smtp_reply[A banner 521 5.3.2 permanent not_accepting_mail] 1
			!smtp_refused`},
		{"554 greeting of several lines", at("connect", "554-No\r\n554 service\r\n"), `
			smtp_up[A] 0
			smtp_reply[A banner 554  permanent not_accepting_mail] 1
			!smtp_refused`},
		{"unregistered enhanced code", at("connect", "554 5.99.999 no\r\n"), `
			smtp_up[A] 0
			smtp_reply[A banner 554 other permanent not_accepting_mail] 1
			!smtp_refused`},
		{"enhanced code of another class", at("connect", "554 4.7.1 no\r\n"), `
			smtp_up[A] 0
			smtp_reply[A banner 554  permanent not_accepting_mail] 1
			!smtp_refused`},
		{"250 greeting", at("connect", "250 hello\r\n"), `
			smtp_up[A] 0
			!smtp_protocol`},
		{"not SMTP", at("connect", "SSH-2.0-OpenSSH_9.2\r\n"), `
			smtp_up[A] 0
			smtp_failure[A banner protocol] 1
			!smtp_protocol`},
		{"greeting too long", at("connect", "220 "+strings.Repeat("x", 9000)+"\r\n"), `
			smtp_up[A] 0
			smtp_failure[A banner too_long] 1
			!smtp_protocol`},
		{"EHLO deferred", at("EHLO", "451 4.3.0 later\r\n"), `
			smtp_up[A] 0
			smtp_reply[A ehlo 451 4.3.0 transient server_error] 1
			!smtp_deferred`},
		{"EHLO unknown", at("EHLO", "502 5.5.1 what?\r\n"), `
			smtp_up[A] 1
			smtp_reply[A ehlo 502 5.5.1 permanent not_implemented] 1
			smtp_starttls_offered[A] 0
			!smtp_helo_only
			!smtp_starttls_missing`},
		{"EHLO and HELO refused", mailworld.Server{Name: "mx.example.org", Replies: map[string]string{"EHLO": "550 no\r\n", "HELO": "550 no\r\n"}}, `
			smtp_up[A] 0
			smtp_reply[A ehlo 550  permanent unclassified] 1
			smtp_reply[A helo 550  permanent unclassified] 1
			!smtp_refused`},
		{"EHLO refused and hung up", mailworld.Server{Name: "mx.example.org", Replies: map[string]string{"EHLO": "550 no\r\n"}, CloseAfter: []string{"EHLO"}}, `
			smtp_up[A] 0
			smtp_reply[A ehlo 550  permanent unclassified] 1
			!smtp_refused`},
		{"closed after the greeting", mailworld.Server{Name: "mx.example.org", CloseAfter: []string{"connect"}}, `
			smtp_up[A] 0
			!smtp_silent`},
		{"reset instead of EHLO", mailworld.Server{Name: "mx.example.org", Reset: []string{"EHLO"}}, `
			smtp_up[A] 0
			smtp_failure[A ehlo reset] 1
			!smtp_silent`},
		{"no STARTTLS", mailworld.Server{Name: "mx.example.org"}, `
			smtp_up[A] 1
			smtp_starttls_offered[A] 0
			!smtp_starttls_missing`},
		{"STARTTLS refused", at("STARTTLS", "454 4.7.0 no key\r\n"), `
			smtp_up[A] 1
			smtp_reply[A starttls 454 4.7.0 transient server_error] 1
			smtp_starttls_offered[A] 1
			!smtp_starttls_broken`},
		{"plain text after STARTTLS", at("STARTTLS", "220 go\r\n250 injected\r\n"), `
			smtp_up[A] 1
			smtp_failure[A starttls injected] 1
			smtp_starttls_offered[A] 1
			!smtp_injected`},
		{"plain text instead of TLS", mailworld.Server{Handle: plainInsteadOfTLS}, `
			smtp_up[A] 1
			smtp_failure[A tls tls_handshake] 1
			smtp_starttls_offered[A] 1
			!smtp_tls_failed`},
		{"EHLO refused under TLS", mailworld.Server{Name: "mx.example.org", Certificate: good, Extensions: []string{"SIZE 5"}, Replies: map[string]string{"EHLO_TLS": "502 no\r\n"}}, `
			smtp_up[A] 1
			smtp_reply[A ehlo_tls 502  permanent not_implemented] 1
			smtp_starttls_offered[A] 1
			!smtp_starttls_broken`},
		{"QUIT ignored", mailworld.Server{Name: "mx.example.org", Certificate: good, CloseAfter: []string{"EHLO_TLS"}}, `
			smtp_up[A] 1
			smtp_failure[A quit closed] 1
			smtp_starttls_offered[A] 1`},
		{"nonsense after QUIT", mailworld.Server{Name: "mx.example.org", Certificate: good, Replies: map[string]string{"QUIT": "bye\r\n"}}, `
			smtp_up[A] 1
			smtp_failure[A quit protocol] 1
			smtp_starttls_offered[A] 1
			!smtp_protocol info`},
		{"AUTH before TLS", mailworld.Server{Name: "mx.example.org", Certificate: good, AuthBefore: true, Extensions: []string{"AUTH LOGIN"}}, `
			smtp_up[A] 1
			smtp_starttls_offered[A] 1
			smtp_auth_mechanism[A LOGIN false] 1
			smtp_auth_mechanism[A LOGIN true] 1
			!smtp_auth_unencrypted`},
		{"SIZE without a limit", mailworld.Server{Name: "mx.example.org", Certificate: good, Extensions: []string{"SIZE 0"}}, `
			smtp_up[A] 1
			smtp_starttls_offered[A] 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.serve(c.server, "192.0.2.1:25")
			target := serverAt("192.0.2.1", 25)
			target.Server.ServerName = "mx.example.org"
			text := only(s.run(smtpCheck, target), "smtp_up", "smtp_reply[", "smtp_failure", "smtp_starttls", "smtp_auth", "smtp_size", "!")
			var lines []string
			for line := range strings.Lines(text) {
				// Of failures after the one asked about, and of replies that are well, there is enough elsewhere.
				if !strings.Contains(line, "positive ok") && !(strings.Contains(line, "smtp_failure") && !strings.Contains(c.want, "smtp_failure")) {
					lines = append(lines, line)
				}
			}
			wantLines(t, strings.Join(lines, ""), strings.ReplaceAll(c.want, "[A", "[192.0.2.1"))
		})
	}
}

// plainInsteadOfTLS offers STARTTLS and answers the client's first TLS record in SMTP.
func plainInsteadOfTLS(conn net.Conn) {
	line := bufio.NewReader(conn)
	for _, reply := range []string{"220 mx.example.org\r\n", "250-mx.example.org\r\n250 STARTTLS\r\n"} {
		_, _ = io.WriteString(conn, reply)
		_, _ = line.ReadString('\n')
	}
	_, _ = io.WriteString(conn, "220 go\r\n")
	_, _ = line.ReadByte()
	_, _ = io.WriteString(conn, "502 what?\r\n")
	_, _ = io.Copy(io.Discard, line)
}

// TestSMTPConnect looks at what comes of an address that does not let us in.
func TestSMTPConnect(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 10.0.0.1")
	for _, c := range []struct {
		name   string
		target func() *targets.Target
		want   string
	}{
		{"refused", func() *targets.Target { return serverAt("192.0.2.1", 25) }, `
			192.0.2.1
			smtp_up[192.0.2.1] 0
			smtp_failure[192.0.2.1 connect refused] 1
			!smtp_unreachable
			certificate 192.0.2.1
			?the session did not get as far as the certificate`},
		{"timeout", func() *targets.Target {
			s.Blackhole(netip.MustParseAddrPort("192.0.2.2:25"))
			target := serverAt("192.0.2.2", 25)
			target.Module = &targets.Module{Timeout: time.Millisecond}
			return target
		}, `
			192.0.2.2
			smtp_up[192.0.2.2] 0
			smtp_failure[192.0.2.2 connect timeout] 1
			!smtp_unreachable
			certificate 192.0.2.2
			?the session did not get as far as the certificate`},
		{"not allowed, without TLS", func() *targets.Target {
			target := serverAt("mx.example.org", 25)
			target.Source, target.Server.TLS = targets.SourceMX, "none"
			return target
		}, `
			10.0.0.1
			smtp_up[10.0.0.1] 0
			smtp_failure[10.0.0.1 connect not_allowed] 1
			!smtp_not_allowed`},
		{"no address", func() *targets.Target { return serverAt("nobody.example.org", 25) }, `
			addresses
			!smtp_no_address`},
	} {
		t.Run(c.name, func(t *testing.T) { wantLines(t, s.run(smtpCheck, c.target()), c.want) })
	}
}

// TestSMTPUnknown tells what cannot be told from what is wrong: nothing is said of the server.
func TestSMTPUnknown(t *testing.T) {
	t.Run("DNS", func(t *testing.T) {
		s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
		s.Fault("mx.example.org", mailworld.FaultServFail)
		if got := s.run(smtpCheck, serverAt("mx.example.org", 25)); !strings.HasPrefix(got, "error: ") {
			t.Errorf("got %s, want an error", got)
		}
	})
	t.Run("left alone", func(t *testing.T) {
		s := newScene(t, "")
		s.env.Enter = func(context.Context, netip.Addr) (func(*smtpclient.Session), error) { return nil, ErrLeftAlone }
		r := s.round(serverAt("192.0.2.1", 25))
		if err := runSMTP(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Result.Parts {
			if !p.LeftOut || !errors.Is(p.Unknown, ErrLeftAlone) {
				t.Errorf("part %s: left out %v, unknown %v", p.Key, p.LeftOut, p.Unknown)
			}
		}
		if len(r.Result.Parts) != 2 {
			t.Errorf("%d parts, want 2", len(r.Result.Parts))
		}
	})
	t.Run("no route", func(t *testing.T) {
		s := newScene(t, "")
		s.env.Dialer, s.env.Route = unroutable{}, func(netip.Addr) error { return errors.New("none") }
		r := s.round(serverAt("2001:db8::1", 25))
		if err := runSMTP(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Result.Parts {
			if p.LeftOut || !errors.Is(p.Unknown, ErrNoRoute) {
				t.Errorf("part %s: left out %v, unknown %v", p.Key, p.LeftOut, p.Unknown)
			}
		}
	})
}

// TestSMTPPanic: a panic in a session comes to whoever runs the check, wherever the session was held, so that a mistake of
// ours ends no more than this run.
func TestSMTPPanic(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1\nmx.example.org. 60 IN A 192.0.2.2")
	s.env.Dialer = broken{}
	defer func() {
		if p := recover(); p != "a mistake of ours" {
			t.Errorf("panic %v", p)
		}
	}()
	s.run(smtpCheck, serverAt("mx.example.org", 25))
}

// A broken dialer has a mistake in it.
type broken struct{}

func (broken) DialContext(context.Context, string, string) (net.Conn, error) {
	panic("a mistake of ours")
}

// TestSMTPFamilies looks at the families apart. What cannot be told of one is no news of its addresses.
func TestSMTPFamilies(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1\nmx.example.org. 60 IN A 192.0.2.2\nmx.example.org. 60 IN AAAA 2001:db8::1")
	s.serve(mailworld.Server{Name: "mx.example.org"}, "192.0.2.1:25", "[2001:db8::1]:25")
	wantLines(t, only(s.run(smtpCheck, serverAt("mx.example.org", 25)), "smtp_up"), `
		smtp_up[192.0.2.1] 1
		smtp_up[192.0.2.2] 0
		smtp_up[2001:db8::1] 1`)

	r := s.round(serverAt("mx.example.org", 25))
	r.Facts.addresses = &once[Addresses]{done: make(chan struct{}), value: Addresses{V4: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Err6: errors.New("lost")}}
	close(r.Facts.addresses.done)
	if err := runSMTP(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if p := r.Part("addresses", HoldRecords); !r.Result.KeepOthers || p.Unknown == nil || !p.Withdraw {
		t.Errorf("KeepOthers %v, part %+v", r.Result.KeepOthers, p)
	}
}

// TestAboutUs keeps apart what a reply says of the server and what it says of us. A reply says what it is about
// in its last line here, and the catalogue reads it.
func TestAboutUs(t *testing.T) {
	texts := map[string]string{
		"blocklisted": "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "rate_limited": "rate limit exceeded, try again later",
		"too_many_connections": "too many connections from your IP", "no_rdns": "Client host rejected: cannot find your reverse hostname",
		"dynamic_address": "mail from dynamic IP addresses is not accepted", "poor_reputation": "rejected because of the poor reputation of your IP",
		"not_accepting_mail": "no", "server_closing": "Service shutting down", "ok": "ok", "bad_helo": "Helo command rejected: need fully-qualified hostname",
		"syntax_error": "Syntax error in parameters or arguments", "not_implemented": "Command not implemented", "server_error": "Internal server error", "tls": "TLS engine failed",
	}
	for _, c := range []struct{ steps, want string }{
		{"banner 554 blocklisted", "vantage_refused"},
		{"banner 421 rate_limited", "vantage_refused"},
		{"banner 421 too_many_connections", "vantage_refused"},
		{"banner 450 no_rdns", "vantage_refused"},
		{"banner 550 dynamic_address", "vantage_refused"},
		{"banner 550 poor_reputation", "vantage_refused"},
		{"banner 554 not_accepting_mail", "smtp_refused"},
		{"banner 421 server_closing", "smtp_deferred"},
		{"banner 250 blocklisted", "smtp_protocol"},
		{"banner 354 ok", "smtp_protocol"},
		{"banner 220 ok, ehlo 501 bad_helo", "vantage_refused"},
		{"banner 220 ok, ehlo 501 bad_helo, helo 501 syntax_error", "vantage_refused"},
		{"banner 220 ok, ehlo 502 not_implemented, helo 550 blocklisted", "vantage_refused"},
		{"banner 220 ok, ehlo 502 not_implemented, helo 550 server_error", "smtp_refused"},
		{"banner 220 ok, ehlo 502 not_implemented, helo 250 ok", "smtp_helo_only"},
		{"banner 220 ok, ehlo 421 server_closing", "smtp_deferred"},
		{"banner 220 ok, ehlo 250 ok, starttls 220 ok, ehlo_tls 421 rate_limited", "vantage_refused"},
		{"banner 220 ok, ehlo 250 ok, starttls 220 ok, ehlo_tls 421 server_error", "smtp_deferred"},
		{"banner 220 ok, ehlo 250 ok, starttls 220 ok, ehlo_tls 450 server_error", "smtp_deferred"},
		{"banner 220 ok, ehlo 250 ok, starttls 220 ok, ehlo_tls 451 server_closing", "smtp_deferred"},
		{"banner 220 ok, ehlo 250 ok, starttls 220 ok, ehlo_tls 421 tls", "smtp_starttls_broken"},
		{"banner 220 ok, ehlo 250 ok, starttls 220 ok, ehlo_tls 503 syntax_error", "smtp_starttls_broken"},
		{"banner 220 ok, ehlo 250 ok, starttls 220 ok, ehlo_tls 554 not_accepting_mail", "smtp_refused"},
		{"banner 220 ok, ehlo 250 ok, starttls 220 ok, ehlo_tls 550 blocklisted", "vantage_refused"},
		{"banner 220 ok, ehlo 250 ok, starttls 220 ok, ehlo_tls 354 ok", "smtp_protocol"},
		{"banner 220 ok, ehlo 250 ok, starttls 421 server_closing", "smtp_deferred"},
		{"banner 220 ok, ehlo 250 ok, starttls 451 server_error", "smtp_deferred"},
		{"banner 220 ok, ehlo 250 ok, starttls 421 too_many_connections", "vantage_refused"},
		{"banner 220 ok, ehlo 250 ok, starttls 454 server_error", "smtp_starttls_broken"},
		{"banner 220 ok, ehlo 250 ok, starttls 403 server_error", "smtp_starttls_broken"},
		{"banner 220 ok, ehlo 250 ok, starttls 451 tls", "smtp_starttls_broken"},
		{"banner 220 ok, ehlo 250 ok, starttls 502 not_implemented", "smtp_starttls_broken"},
	} {
		session := &smtpclient.Session{}
		for step := range strings.SplitSeq(c.steps, ", ") {
			f := strings.Fields(step)
			code, _ := strconv.Atoi(f[1])
			session.Steps = append(session.Steps, smtpclient.Step{Stage: smtpclient.Stage(f[0]), Reply: &smtpclient.Reply{Code: code, Lines: []string{"first", texts[f[2]]}}})
		}
		target := serverAt("mx.example.org", 25)
		target.Server.TLS = "none"
		d := dialogue{target, session, "192.0.2.1", &Part{}, catalog.Default()}
		d.findProblems()
		if len(d.p.Findings) != 1 || d.p.Findings[0].Problem != c.want {
			t.Errorf("%s: findings %v, want %s", c.steps, d.p.Findings, c.want)
		}
	}
}

// TestExpiry: a certificate ends soon if less than a time and than a share of its life is left, be it the server's or one that it sends
// along, and not any more once it has ended.
func TestExpiry(t *testing.T) {
	hours := func(n float64) time.Duration { return time.Duration(n * float64(time.Hour)) }
	days := func(n float64) time.Duration { return hours(24 * n) }
	limits := targets.Certificate{Warning: days(21), WarningShare: 0.25, Critical: days(7), CriticalShare: 0.1}
	for _, c := range []struct {
		life, left time.Duration
		limits     targets.Certificate
		want       string
	}{
		{days(90), days(30), limits, ""},
		{days(90), days(21), limits, ""},
		{days(90), days(20.9), limits, "warning the certificate ends on 2026-06-22 09:36 UTC, in 20 days"},
		{days(90), days(7.5), limits, "warning the certificate ends on 2026-06-09 00:00 UTC, in 7 days"},
		{days(90), days(6.9), limits, "critical the certificate ends on 2026-06-08 09:36 UTC, in 6 days"},
		{days(365), days(22), limits, ""},
		{days(6), days(4), limits, ""},
		{days(6), hours(35), limits, "warning the certificate ends on 2026-06-02 23:00 UTC, in 35 hours"},
		{days(6), hours(14), limits, "critical the certificate ends on 2026-06-02 02:00 UTC, in 14 hours"},
		{days(90), time.Minute, limits, "critical the certificate ends on 2026-06-01 12:01 UTC, in 1 minute"},
		{days(90), 0, limits, ""},
		{days(90), -days(1), limits, ""},
		{days(90), days(1), targets.Certificate{}, ""},
		{days(90), days(40), targets.Certificate{Warning: days(60), WarningShare: 0.5}, "warning the certificate ends on 2026-07-11 12:00 UTC, in 40 days"},
	} {
		leaf := &x509.Certificate{NotBefore: certNow.Add(c.left - c.life), NotAfter: certNow.Add(c.left)}
		r := &Round{Env: &Env{Config: &targets.Config{Certificate: c.limits}}, Time: certNow}
		p := r.Part("certificate", HoldRecords)
		d := dialogue{
			addr:   "192.0.2.1",
			target: &targets.Target{Server: &targets.Server{Host: "mx.example.org", Port: 25, TLS: "starttls"}},
			s:      &smtpclient.Session{Address: netip.MustParseAddrPort("192.0.2.1:25")},
		}
		r.judgeExpiry(d, p, leaf, same("the certificate"))
		got := ""
		for _, f := range p.Findings {
			if f.Problem != "certificate_expires_soon" || f.Values[catalog.ValueAddress] != "192.0.2.1" {
				t.Errorf("found %+v", f)
			}
			got += string(f.Severity) + " " + strings.TrimPrefix(f.Evidence.EN, "192.0.2.1: ")
		}
		if got != c.want {
			t.Errorf("%v left of %v: got %q, want %q", c.left, c.life, got, c.want)
		}
	}
}

// TestExpiryAbove: an authority's certificate that the server sends and that ends in ten days.
func TestExpiryAbove(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	middle := issue(t, root, "Middle", andThen(asCA, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = certNow.Add(-300*aDay), certNow.Add(10*aDay) }))
	leaf := issue(t, middle, "", asMX)
	r := &Round{
		Target: serverAt("mx.example.org", 25),
		Env:    &Env{Config: &targets.Config{Certificate: targets.Certificate{Warning: 21 * aDay, WarningShare: 0.25}}, Verifier: NewVerifier(poolOf(root))},
		Time:   certNow,
	}
	s := &smtpclient.Session{Chain: chainOf(leaf, middle)}
	r.readCertificate(dialogue{target: r.Target, s: s, addr: "192.0.2.1"})
	found := r.Result.Parts[0].Findings
	const want = `192.0.2.1: the certificate of the authority "Middle", which the server sends, ends on 2026-06-11 12:00 UTC, in 10 days`
	if len(found) != 1 || found[0].Problem != "certificate_expires_soon" || found[0].Evidence.EN != want {
		t.Errorf("found %+v, want %s", found, want)
	}
}
