package checks

import (
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestSMTPCertificate looks at certificates of all kinds, and at how grave it is for whom.
func TestSMTPCertificate(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	past := time.Now().Add(-time.Hour)
	stranger, err := s.Stranger().Issue(mailworld.CertificateRequest{Names: []string{"mx.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		cert *tls.Certificate
		want string // Results; problems are named after them.
	}{
		{"expired", s.certificate(mailworld.CertificateRequest{NotAfter: past}), "expired"},
		{"not yet valid", s.certificate(mailworld.CertificateRequest{NotBefore: time.Now().Add(time.Hour)}), "not_yet_valid"},
		{"wrong name", s.certificate(mailworld.CertificateRequest{Names: []string{"other.example.org"}}), "name_mismatch"},
		{"self-signed", s.certificate(mailworld.CertificateRequest{SelfSigned: true}), "self_signed"},
		{"incomplete", s.certificate(mailworld.CertificateRequest{OmitIntermediate: true}), "incomplete_chain"},
		{"short key, expired", s.certificate(mailworld.CertificateRequest{RSABits: 1024, NotAfter: past}), "expired weak"},
		{"untrusted", &stranger, "untrusted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for port, severity := range map[string]string{"25": "", "587": " critical", "465": " critical"} {
				s.serve(mailworld.Server{Name: "mx.example.org", Certificate: c.cert, ImplicitTLS: port == "465"}, "192.0.2.1:"+port)
				target := serverAt("mx.example.org", netip.MustParseAddrPort("192.0.2.1:"+port).Port())
				var want strings.Builder
				for word := range strings.FieldsSeq(c.want) {
					result := strings.Replace(word, "untrusted", "unknown_authority", 1)
					want.WriteString("certificate_verification[192.0.2.1 " + result + "] 1\n")
				}
				for word := range strings.FieldsSeq(c.want) {
					want.WriteString("!certificate_" + word + severity + "\n")
				}
				wantLines(t, only(s.run(smtpCheck, target), "certificate_verification", "!"), want.String())
			}
		})
	}
}

// TestSMTPImplicit has TLS from the start: STARTTLS is out of place there, and AUTH is not in clear.
func TestSMTPImplicit(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	s.serve(mailworld.Server{Name: "mx.example.org", Certificate: s.certificate(mailworld.CertificateRequest{}), ImplicitTLS: true, AuthBefore: true, Extensions: []string{"AUTH PLAIN", "SIZE 7"}}, "192.0.2.1:465")
	wantLines(t, only(s.run(smtpCheck, serverAt("mx.example.org", 465)), "smtp_starttls", "smtp_auth", "smtp_size", "certificate_verification", "!"), `
		smtp_auth_mechanism[192.0.2.1 PLAIN true] 1
		smtp_size_limit_bytes[192.0.2.1] 7
		certificate_verification[192.0.2.1 ok] 1`)

	s.serve(mailworld.Server{Name: "mx.example.org"}, "192.0.2.1:465")
	target := serverAt("mx.example.org", 465)
	target.Server.Role = targets.RoleMX // TLS from the start is not opportunistic, whatever the role.
	wantLines(t, only(s.run(smtpCheck, target), "smtp_up", "smtp_failure", "certificate", "!"), `
		smtp_up[192.0.2.1] 0
		smtp_failure[192.0.2.1 tls tls_handshake] 1
		!smtp_tls_failed critical
		certificate 192.0.2.1`)
}

// TestSMTPWithoutTLS is told not to use TLS: that there is none is no fault.
func TestSMTPWithoutTLS(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	s.serve(mailworld.Server{Name: "mx.example.org"}, "192.0.2.1:25")
	target := serverAt("mx.example.org", 25)
	target.Server.TLS = "none"
	wantLines(t, only(s.run(smtpCheck, target), "smtp_up", "smtp_starttls", "certificate", "!"), `
		smtp_up[192.0.2.1] 1
		smtp_starttls_offered[192.0.2.1] 0`)
	// Where TLS is wanted and gone, so is the certificate: a verdict, with nothing in it.
	target.Server.TLS, target.Server.Role = "starttls", targets.RoleSubmission
	wantLines(t, only(s.run(smtpCheck, target), "certificate", "?", "!"), `
		!smtp_starttls_missing critical
		certificate 192.0.2.1`)
}

// TestSMTPHostile has a certificate too large to keep, and replies made to be shown.
func TestSMTPHostile(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	var many []string
	for i := range 10_000 {
		many = append(many, "mx"+strings.Repeat("x", i%7)+".example.org")
	}
	s.serve(mailworld.Server{Name: "mx.example.org", Certificate: s.certificate(mailworld.CertificateRequest{Names: many})}, "192.0.2.1:25")
	wantLines(t, only(s.run(smtpCheck, serverAt("mx.example.org", 25)), "smtp_failure", "certificate", "?", "!"), `
		smtp_failure[192.0.2.1 tls tls_handshake] 1
		!smtp_tls_failed
		certificate 192.0.2.1
		?the session did not get as far as the certificate`)

	s.serve(mailworld.Server{Replies: map[string]string{"connect": "554 \x1b[31m\xff\x00\"<script>" + strings.Repeat("A", 5000) + "\r\n"}}, "192.0.2.1:25")
	r := s.round(serverAt("mx.example.org", 25))
	if err := runSMTP(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if len(r.Result.Parts[0].Findings) != 1 {
		t.Fatalf("findings %v, want one", r.Result.Parts[0].Findings)
	}
	for _, f := range r.Result.Parts[0].Findings {
		if !utf8.ValidString(f.Evidence.EN) || strings.ContainsAny(f.Evidence.EN, "\x1b\x00") || len(f.Evidence.EN) > 1000 {
			t.Errorf("evidence shows the peer's octets: %.100q", f.Evidence.EN)
		}
	}
}

// TestTransient tells a fault in TLS that is meant from one that may be gone at the next attempt.
func TestTransient(t *testing.T) {
	reply := func(code int) *smtpclient.Reply {
		return &smtpclient.Reply{Code: code, Lines: []string{"TLS not available"}}
	}
	for _, c := range []struct {
		step smtpclient.Step
		want bool
	}{
		{smtpclient.Step{Stage: smtpclient.StageSTARTTLS, Reply: reply(454)}, true},
		{smtpclient.Step{Stage: smtpclient.StageSTARTTLS, Reply: reply(502)}, false},
		{smtpclient.Step{Stage: smtpclient.StageEHLOTLS, Reply: reply(421)}, true},
		{smtpclient.Step{Stage: smtpclient.StageSTARTTLS, Failure: smtpclient.FailureClosed}, true},
		{smtpclient.Step{Stage: smtpclient.StageTLS, Failure: smtpclient.FailureTimeout}, true},
		{smtpclient.Step{Stage: smtpclient.StageTLS, Failure: smtpclient.FailureReset}, true},
		{smtpclient.Step{Stage: smtpclient.StageTLS, Failure: smtpclient.FailureTLSHandshake}, false},
	} {
		d := dialogue{serverAt("mx.example.org", 25), &smtpclient.Session{Steps: []smtpclient.Step{c.step}}, "192.0.2.1", &Part{}, catalog.Default()}
		d.findProblems()
		if len(d.p.Findings) != 1 || d.p.Findings[0].Transient != c.want {
			t.Errorf("%s %v %s: findings %v, want transient %v", c.step.Stage, c.step.Reply, c.step.Failure, d.p.Findings, c.want)
		}
	}
}
