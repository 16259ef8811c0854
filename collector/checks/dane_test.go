package checks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// newSignedScene is newScene with a resolver that validates, and example.org signed.
func newSignedScene(t *testing.T, zone string) *scene {
	t.Helper()
	s := newScene(t, zone)
	dns, err := dnsclient.New(dnsclient.Options{Servers: []string{s.Resolver()}, ValidatesDNSSEC: true})
	if err != nil {
		t.Fatal(err)
	}
	s.env.DNS = dns.Uncached()
	s.env.Config = &targets.Config{Resolver: targets.Resolver{ValidatesDNSSEC: true}}
	s.Secure("example.org", true)
	return s
}

// tlsa is a line of a zone for each of some records, as in "3 1 1 leaf": of the certificate of a chain, of "root", of
// "other", or of nothing ("short").
func (s *scene) tlsa(name string, chain tls.Certificate, records string) string {
	s.t.Helper()
	block, _ := pem.Decode(s.RootPEM())
	of := map[string][]byte{"leaf": chain.Certificate[0], "root": block.Bytes, "other": s.certificate(mailworld.CertificateRequest{}).Certificate[0]}
	if len(chain.Certificate) > 1 {
		of["issuer"] = chain.Certificate[1]
	} else {
		of["issuer"] = s.certificate(mailworld.CertificateRequest{}).Certificate[1]
	}
	var b strings.Builder
	for text := range strings.SplitSeq(records, ", ") {
		var usage, selector, matching uint8
		var whose string
		if _, err := fmt.Sscan(text, &usage, &selector, &matching, &whose); err != nil {
			s.t.Fatalf("%s: %v", text, err)
		}
		data := []byte{1, 2, 3}
		if whose != "short" {
			c, err := x509.ParseCertificate(of[whose])
			if err != nil {
				s.t.Fatalf("%s: %v", text, err)
			}
			// Numbers that mean nothing have data that would match if they meant the usual.
			data, _ = record.Association(c, min(selector, 1), min(matching, 2))
		}
		fmt.Fprintf(&b, "%s. TLSA %d %d %d %x\n", name, usage, selector, matching, data)
	}
	return b.String()
}

// TestDANE compares certificates of all kinds with TLSA records of all kinds.
func TestDANE(t *testing.T) {
	const (
		yes       = "192.0.2.1\n dane_match[192.0.2.1] 1\n"
		no        = "192.0.2.1\n dane_match[192.0.2.1] 0\n !dane_mismatch\n"
		unusable  = "records\n !dane_unusable\n 192.0.2.1\n"
		lastChain = "192.0.2.1\n dane_match[192.0.2.1] 1\n !dane_no_rollover\n"
	)
	request := func(names ...string) mailworld.CertificateRequest { return mailworld.CertificateRequest{Names: names} }
	good := request("mx.example.org")
	expired := good
	expired.NotBefore, expired.NotAfter = time.Now().AddDate(0, 0, -20), time.Now().AddDate(0, 0, -10)
	incomplete := good
	incomplete.OmitIntermediate = true
	selfSigned := request("localhost")
	selfSigned.SelfSigned = true

	for _, c := range []struct {
		name    string
		request mailworld.CertificateRequest
		records string
		want    string
	}{
		{"certificate in full", good, "3 0 0 leaf", lastChain},
		{"certificate, SHA2-256", good, "3 0 1 leaf", lastChain},
		{"certificate, SHA2-512", good, "3 0 2 leaf", lastChain},
		{"key in full", good, "3 1 0 leaf", lastChain},
		{"key, SHA2-256", good, "3 1 1 leaf", lastChain},
		{"key, SHA2-512", good, "3 1 2 leaf", lastChain},
		{"other key", good, "3 1 1 other", no},
		{"issuer's key as the server's", good, "3 1 1 issuer", no},
		{"dates do not count for the server's key", expired, "3 1 1 leaf", lastChain},
		{"names do not count for the server's key", request("other.example.net"), "3 1 1 leaf", lastChain},
		{"self-signed", selfSigned, "3 1 1 leaf", lastChain},

		{"issuer in full", good, "2 0 0 issuer", yes},
		{"issuer, SHA2-256", good, "2 0 1 issuer", yes},
		{"issuer's key, SHA2-256", good, "2 1 1 issuer", yes},
		{"issuer's key, SHA2-512", good, "2 1 2 issuer", yes},
		{"issuer, wildcard", request("*.example.org"), "2 1 1 issuer", yes},
		{"root that is not sent", good, "2 1 1 root", no},
		{"issuer that is not sent", incomplete, "2 1 1 issuer", no},
		{"other issuer", good, "2 1 1 other", no},
		{"server's key as an issuer's", good, "2 1 1 leaf", no},
		{"dates count under an issuer", expired, "2 1 1 issuer", no},
		{"names count under an issuer", request("other.example.net"), "2 1 1 issuer", no},
		{"name of a domain", request("example.org"), "2 1 1 issuer", "192.0.2.1\n ?" + errNextHop.Error()},

		{"next key published", good, "3 1 1 leaf, 3 1 1 other", yes},
		{"former key still there", good, "3 1 1 other, 3 1 1 leaf", yes},
		{"issuer beside", good, "3 1 1 leaf, 2 1 1 issuer", yes},
		{"key changed, issuer beside", good, "3 1 1 other, 2 1 1 issuer", yes},
		{"two digests of one key", good, "3 1 1 leaf, 3 1 2 leaf", lastChain},
		{"the server's key as an issuer's beside", good, "3 1 1 leaf, 2 1 1 leaf", lastChain},
		{"certificate and key", good, "3 0 1 leaf, 3 1 1 leaf", lastChain},
		{"two keys, none the server's", good, "3 1 1 other, 3 1 1 issuer", no},
		{"the stronger digest counts", good, "3 1 1 leaf, 3 1 2 other", no},
		{"the stronger digest counts for its selector only", good, "3 1 1 leaf, 3 0 2 other", yes},
		{"an unusable stronger digest does not count", good, "3 1 1 leaf, 3 1 2 short", lastChain},

		{"usage 0", good, "0 0 1 issuer", unusable},
		{"usage 1", good, "1 1 1 leaf", unusable},
		{"usage 255", good, "255 1 1 leaf", unusable},
		{"selector 2", good, "3 2 1 leaf", unusable},
		{"matching type 3", good, "3 1 3 leaf", unusable},
		{"short digest", good, "3 1 1 short", unusable},
		{"not a certificate", good, "3 0 0 short", unusable},
		{"not a key", good, "2 1 0 short", unusable},
		{"usable beside unusable", good, "1 1 1 leaf, 3 1 1 leaf", lastChain},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSignedScene(t, "mx.example.org. A 192.0.2.1")
			s.env.Config.Targets = []*targets.Target{{Name: "example.org", Kind: targets.KindDomain}, {Name: "other.example.net", Kind: targets.KindSender}}
			cert := s.certificate(c.request)
			s.serve(mailworld.Server{Certificate: cert}, "192.0.2.1:25")
			s.zone(s.tlsa("_25._tcp.mx.example.org", *cert, c.records))
			wantLines(t, s.run(daneCheck, serverAt("mx.example.org", 25)), c.want)
		})
	}
}

// TestDANERoot: an authority's root is compared if the server sends it, and only if it vouches for the server.
func TestDANERoot(t *testing.T) {
	s := newSignedScene(t, "mx.example.org. A 192.0.2.1\nmx.example.org. AAAA 2001:db8::1")
	block, _ := pem.Decode(s.RootPEM())
	cert := s.certificate(mailworld.CertificateRequest{Names: []string{"mx.example.org"}})
	with := *cert
	with.Certificate = append(with.Certificate[:2:2], block.Bytes)
	s.serve(mailworld.Server{Certificate: &with}, "192.0.2.1:25")
	forged, err := s.Stranger().Issue(mailworld.CertificateRequest{Names: []string{"mx.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	forged.Certificate = append(forged.Certificate[:1:1], with.Certificate[1:]...)
	s.serve(mailworld.Server{Certificate: &forged}, "[2001:db8::1]:25")
	s.zone(s.tlsa("_25._tcp.mx.example.org", *cert, "2 1 1 root"))
	wantLines(t, s.run(daneCheck, serverAt("mx.example.org", 25)), `
		192.0.2.1
		dane_match[192.0.2.1] 1
		2001:db8::1
		dane_match[2001:db8::1] 0
		!dane_mismatch`)
}

// TestDANEQuestions: who asks what, in which order, and what its failure means.
func TestDANEQuestions(t *testing.T) {
	const zone = `
mx.example.org. A 192.0.2.1
alias.example.org. CNAME mx.example.org.
away.example.org. CNAME mx.example.net.
plain.example.net. CNAME mx.example.org.
mx.example.net. A 192.0.2.1
dead.example.org. MX 10 mx.example.org.`
	for _, c := range []struct {
		name    string
		host    string
		records string // The name that a matching record of the issuer is at.
		set     func(*scene)
		asked   string // Names asked for TLSA.
		want    string
	}{
		{name: "none", host: "mx.example.org", asked: "_25._tcp.mx.example.org", want: "records"},
		{
			name: "alias, records at its end", host: "alias.example.org", records: "_25._tcp.mx.example.org", asked: "_25._tcp.mx.example.org",
			want: "192.0.2.1\n dane_match[192.0.2.1] 1",
		},
		{
			name: "alias, records at its beginning", host: "alias.example.org", records: "_25._tcp.alias.example.org",
			asked: "_25._tcp.mx.example.org _25._tcp.alias.example.org", want: "192.0.2.1\n dane_match[192.0.2.1] 0\n !dane_mismatch",
		},
		{
			name: "alias, unsigned end", host: "away.example.org", records: "_25._tcp.mx.example.net",
			asked: "_25._tcp.away.example.org", want: "records",
		},
		{
			name: "alias, unsigned end, records at its beginning", host: "away.example.org", records: "_25._tcp.away.example.org",
			asked: "_25._tcp.away.example.org", want: "192.0.2.1\n dane_match[192.0.2.1] 0\n !dane_mismatch",
		},
		{
			name: "alias, unsigned beginning", host: "plain.example.net", records: "_25._tcp.mx.example.org", want: "records",
		},
		{name: "unsigned", host: "mx.example.net", records: "_25._tcp.mx.example.net", want: "records"},
		{
			name: "unsigned records", host: "mx.example.org", records: "_25._tcp.mx.example.org", set: func(s *scene) { s.Secure("_tcp.mx.example.org", false) },
			asked: "_25._tcp.mx.example.org", want: "records",
		},
		{name: "no address", host: "dead.example.org", want: ""},
		{name: "literal", host: "192.0.2.1", want: ""},
		{name: "not validating", host: "mx.example.org", records: "_25._tcp.mx.example.org", set: func(s *scene) { s.env.Config.Resolver.ValidatesDNSSEC = false }, want: ""},
		{
			name: "servfail", host: "mx.example.org", set: func(s *scene) { s.Fault("_tcp.mx.example.org", mailworld.FaultServFail) },
			asked: "_25._tcp.mx.example.org", want: "records\n !dane_lookup_failed",
		},
		{
			name: "bogus", host: "mx.example.org", set: func(s *scene) { s.Fault("_tcp.mx.example.org", mailworld.FaultBogus) },
			asked: "_25._tcp.mx.example.org", want: "records\n !dane_lookup_failed",
		},
		{
			name: "refused by the resolver", host: "mx.example.org", set: func(s *scene) { s.Fault("_tcp.mx.example.org", mailworld.FaultRefused) },
			asked: "_25._tcp.mx.example.org", want: "error",
		},
		{name: "bogus addresses", host: "mx.example.org", set: func(s *scene) { s.Fault("mx.example.org", mailworld.FaultBogus) }, want: "error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSignedScene(t, zone)
			cert := s.certificate(mailworld.CertificateRequest{Names: []string{"mx.example.org"}})
			s.serve(mailworld.Server{Certificate: cert}, "192.0.2.1:25")
			if c.records != "" {
				s.zone(s.tlsa(c.records, *cert, "2 1 1 issuer"))
			}
			if c.set != nil {
				c.set(s)
			}
			got := s.run(daneCheck, serverAt(c.host, 25))
			if strings.HasPrefix(got, "error: ") {
				got = "error"
			}
			wantLines(t, got, c.want)
			for _, host := range []string{"mx.example.org", "alias.example.org", "away.example.org", "mx.example.net", "plain.example.net", "dead.example.org"} {
				name := "_25._tcp." + host
				if asked := s.Queries(name, "TLSA") > 0; asked != strings.Contains(c.asked, name) {
					t.Errorf("TLSA records of %s asked for: %t", name, asked)
				}
			}
		})
	}
}

// TestDANEUnsentAuthority: an authority whose whole key is in DNS need not be sent for some senders. The verdict is that of the
// standard, and people are told.
func TestDANEUnsentAuthority(t *testing.T) {
	for records, said := range map[string]bool{"2 1 0 issuer": true, "2 0 0 issuer": true, "2 1 0 other": false, "2 1 1 issuer": false} {
		s := newSignedScene(t, "mx.example.org. A 192.0.2.1")
		cert := s.certificate(mailworld.CertificateRequest{Names: []string{"mx.example.org"}, OmitIntermediate: true})
		s.serve(mailworld.Server{Certificate: cert}, "192.0.2.1:25")
		s.zone(s.tlsa("_25._tcp.mx.example.org", *cert, records))
		r := s.round(serverAt("mx.example.org", 25))
		if err := daneCheck.Run(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, p := range r.Result.Parts {
			for _, f := range p.Findings {
				got += f.Problem + " " + f.Evidence.EN
			}
		}
		if !strings.HasPrefix(got, "dane_mismatch") || strings.Contains(got, "Postfix takes it from the record") != said {
			t.Errorf("%s: got %s", records, got)
		}
	}
}

// TestDANEManyRecords: of more records than are kept one may match all the same.
func TestDANEManyRecords(t *testing.T) {
	var others strings.Builder
	for i := range 100 {
		fmt.Fprintf(&others, "_25._tcp.mx.example.org. TLSA 3 1 1 %064x\n", i)
	}
	for _, c := range []struct{ name, first, want string }{
		{"none matches", "3 1 1 other", "192.0.2.1\n?" + errManyTLSA.Error()},
		{"one matches", "3 1 1 leaf", "192.0.2.1\ndane_match[192.0.2.1] 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSignedScene(t, "mx.example.org. A 192.0.2.1")
			cert := s.certificate(mailworld.CertificateRequest{Names: []string{"mx.example.org"}})
			s.serve(mailworld.Server{Certificate: cert}, "192.0.2.1:25")
			s.zone(s.tlsa("_25._tcp.mx.example.org", *cert, c.first) + others.String())
			wantLines(t, s.run(daneCheck, serverAt("mx.example.org", 25)), c.want)
		})
	}
}

// TestDANEWithoutCertificate: there must be TLS where there are records, and a server that says nothing about it is unknown.
func TestDANEWithoutCertificate(t *testing.T) {
	offered := *newScene(t, "").certificate(mailworld.CertificateRequest{})
	for _, c := range []struct {
		name   string
		port   uint16
		server mailworld.Server
		want   string
	}{
		{"not offered", 25, mailworld.Server{}, "dane_match[192.0.2.1] 0\n !dane_no_starttls"},
		{"HELO only", 25, mailworld.Server{Replies: map[string]string{"EHLO": "502 what?\r\n"}}, "dane_match[192.0.2.1] 0\n !dane_no_starttls"},
		{"refused", 25, mailworld.Server{Certificate: &offered, Replies: map[string]string{"STARTTLS": "454 TLS not available\r\n"}}, "dane_match[192.0.2.1] 0\n !dane_no_starttls"},
		{"submission", 587, mailworld.Server{}, "dane_match[192.0.2.1] 0\n !dane_no_starttls warning"},
		{"hung up on", 25, mailworld.Server{Certificate: &offered, CloseAfter: []string{"STARTTLS"}}, "?" + errNoCertificate.Error()},
		{"sent away", 25, mailworld.Server{Replies: map[string]string{"connect": "421 busy\r\n"}}, "?" + errNoCertificate.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSignedScene(t, "mx.example.org. A 192.0.2.1")
			s.serve(c.server, fmt.Sprintf("192.0.2.1:%d", c.port))
			cert := s.certificate(mailworld.CertificateRequest{})
			s.zone(s.tlsa(fmt.Sprintf("_%d._tcp.mx.example.org", c.port), *cert, "3 1 1 other"))
			wantLines(t, s.run(daneCheck, serverAt("mx.example.org", c.port)), "192.0.2.1\n"+c.want)
		})
	}
}

// TestDANESession: the certificate is that of the session of the check smtp, and none is held for it besides.
func TestDANESession(t *testing.T) {
	s := newSignedScene(t, "mx.example.org. A 192.0.2.1")
	cert := s.certificate(mailworld.CertificateRequest{Names: []string{"mx.example.org"}})
	at := netip.MustParseAddrPort("192.0.2.1:25")
	s.serve(mailworld.Server{Certificate: cert}, at.String())
	s.zone(s.tlsa("_25._tcp.mx.example.org", *cert, "2 1 1 issuer"))
	target := serverAt("mx.example.org", 25)
	target.Every = map[string]time.Duration{"smtp": time.Minute}

	round := func(smtpDue bool) *Round {
		r := s.round(target)
		r.SMTPDue = smtpDue
		if smtpDue {
			if err := runSMTP(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		r.Result = Result{}
		if err := runDANE(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	wantLines(t, sawText(t, daneCheck, round(true)), "192.0.2.1\n dane_match[192.0.2.1] 1")
	if n := len(s.Sessions(at)); n != 1 {
		t.Errorf("%d sessions in a round with smtp, want 1", n)
	}
	r := round(false)
	wantLines(t, sawText(t, daneCheck, r), "192.0.2.1\n ?"+errNoSessionDue.Error())
	if n := len(s.Sessions(at)); n != 1 || !r.Result.Parts[0].LeftOut {
		t.Errorf("%d sessions after a round without smtp, want 1; left out %t", n, r.Result.Parts[0].LeftOut)
	}
	target.Every = map[string]time.Duration{"dane": time.Minute}
	wantLines(t, sawText(t, daneCheck, round(false)), "192.0.2.1\n dane_match[192.0.2.1] 1")
}

// TestDANEFamily: of a family that cannot be told, earlier verdicts stay; a server that wants us gone is left alone.
func TestDANEFamily(t *testing.T) {
	s := newSignedScene(t, "mx.example.org. A 192.0.2.1")
	cert := s.certificate(mailworld.CertificateRequest{Names: []string{"mx.example.org"}})
	s.zone(s.tlsa("_25._tcp.mx.example.org", *cert, "2 1 1 issuer"))
	s.env.Enter = func(_ context.Context, _ netip.Addr) (func(*smtpclient.Session), error) { return nil, ErrLeftAlone }
	r := s.round(serverAt("mx.example.org", 25))
	r.Facts.addresses = &once[Addresses]{done: make(chan struct{}), value: Addresses{V4: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Err6: errors.New("lost")}}
	close(r.Facts.addresses.done)
	if err := runDANE(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	wantLines(t, sawText(t, daneCheck, r), "192.0.2.1\n ?"+ErrLeftAlone.Error())
	if !r.Result.KeepOthers || !r.Result.Parts[0].LeftOut {
		t.Errorf("keep others %t, left out %t", r.Result.KeepOthers, r.Result.Parts[0].LeftOut)
	}
}

// TestWhyServFail: only a resolver that has answers to other questions proves anything by having none to this one.
func TestWhyServFail(t *testing.T) {
	servFail, refused, late := dnsclient.ErrServFail, dnsclient.ErrRefused, errors.New("late")
	for _, c := range []struct {
		name             string
		failed           error
		unchecked, again error
		other            error // late: there is no other question.
		bogus            bool
		known            bool
	}{
		{"wrong signatures", servFail, nil, servFail, late, true, true},
		{"servers fail for this question", servFail, servFail, servFail, nil, false, true},
		{"servers fail for any question", servFail, servFail, servFail, servFail, false, false},
		{"servers fail, no other question", servFail, servFail, servFail, late, false, false},
		{"answer that only came late", servFail, nil, nil, late, false, false},
		{"other failure in the end", servFail, nil, refused, late, false, false},
		{"refused", refused, nil, refused, nil, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSignedScene(t, "")
			asked := 0
			ask := func(*dnsclient.Client) error {
				asked++
				return []error{c.unchecked, c.again}[asked-1]
			}
			other := func(*dnsclient.Client) error { return c.other }
			if c.other == late {
				other = nil
			}
			bogus, err := s.round(serverAt("mx.example.org", 25)).whyServFail(c.failed, ask, other)
			if bogus != c.bogus || (err == nil) != c.known {
				t.Errorf("bogus %t, %v", bogus, err)
			}
		})
	}
}

// TestDANERecords: with the proposed record beside the others no address fails that does not fail now, and the one that it is for
// matches. Where addresses show different keys, and none of the records is usable, none is proposed: it would stop the others.
func TestDANERecords(t *testing.T) {
	for _, c := range []struct {
		name, records string
		keys          int // That the two addresses show.
		want          bool
	}{
		{"key changed", "3 1 1 other", 1, true},
		{"key changed, SHA2-512", "3 1 2 other", 1, true},
		{"key changed, both digests", "3 1 1 other, 3 1 2 other", 1, true},
		{"one address has another key", "3 1 1 leaf", 2, true},
		{"one address has another key, SHA2-512", "3 1 2 leaf", 2, true},
		{"unusable", "1 1 1 leaf", 1, true},
		{"unusable, and two keys", "1 1 1 leaf", 2, false},
		{"in order", "3 1 1 leaf, 3 1 1 other", 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSignedScene(t, "mx.example.org. A 192.0.2.1\nmx.example.org. AAAA 2001:db8::1")
			request := mailworld.CertificateRequest{Names: []string{"mx.example.org"}}
			first := s.certificate(request)
			second := first
			if c.keys == 2 {
				second = s.certificate(request)
			}
			s.serve(mailworld.Server{Certificate: first}, "192.0.2.1:25")
			s.serve(mailworld.Server{Certificate: second}, "[2001:db8::1]:25")
			published := s.tlsa("_25._tcp.mx.example.org", *first, c.records)
			s.zone(published)
			r := s.round(serverAt("mx.example.org", 25))
			r.SMTPDue = true
			if err := runDANE(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			proposed := map[string]bool{}
			for _, p := range r.Result.Parts {
				for _, f := range p.Findings {
					if record, ok := f.Values.Record(); ok {
						proposed[record.Name+". "+record.Type+" "+record.Data] = true
					}
				}
			}
			if (len(proposed) == 1) != c.want || len(proposed) > 1 {
				t.Fatalf("proposed is %v", proposed)
			}
			for record := range proposed {
				s.zone(published + "\n" + record)
				if got := s.run(daneCheck, serverAt("mx.example.org", 25)); strings.Contains(got, "dane_mismatch") || strings.Contains(got, "dane_unusable") {
					t.Errorf("with %s it still says\n%s", record, got)
				}
			}
		})
	}
}
