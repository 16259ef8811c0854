package checks

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestPeersWord: evidence has what the server said, by which an operator knows what is wrong.
func TestPeersWord(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	good := s.certificate(mailworld.CertificateRequest{})
	old := s.certificate(mailworld.CertificateRequest{RSABits: 2048})
	says := func(text string) mailworld.Server {
		return mailworld.Server{Handle: func(c net.Conn) {
			_, _ = io.WriteString(c, text)
			_, _ = io.Copy(io.Discard, c)
		}}
	}
	alert := func(code string) mailworld.Server {
		return mailworld.Server{Name: "mx.example.org", Certificate: good, ImplicitTLS: true, Replies: map[string]string{"tls": "\x15\x03\x03\x00\x02\x02" + code}}
	}
	clientCertificate := mailworld.Server{Handle: func(c net.Conn) {
		conn := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*good}, ClientAuth: tls.RequireAnyClientCert})
		_, _ = io.Copy(io.Discard, conn)
	}}
	for name, c := range map[string]struct {
		port    uint16
		server  mailworld.Server
		problem string
		want    string
	}{
		"a greeting where TLS should begin": {465, says("220 mx.example.org ESMTP\r\n"), "smtp_tls_failed", `the server said "220 mx.example.org ESMTP", in plain text where TLS should begin`},
		"a web server on 465":               {465, says("HTTP/1.1 400 Bad Request\r\n\r\n"), "smtp_tls_failed", `the server said "HTTP/1.1 400 Bad Request", as a web server does`},
		"IMAP":                              {25, says("* OK [CAPABILITY IMAP4rev1] ready\r\n"), "smtp_protocol", `the server said "* OK [CAPABILITY IMAP4rev1] ready", as an IMAP server does`},
		"POP3":                              {25, says("+OK POP3 ready\r\n"), "smtp_protocol", `"+OK POP3 ready", as a POP3 server does`},
		"SSH":                               {25, says("SSH-2.0-x\r\n"), "smtp_protocol", `"SSH-2.0-x", as an SSH server does`},
		"TLS":                               {25, says("\x15\x03\x01\x00\x02\x02\n"), "smtp_protocol", `as a server that wants TLS at once does`},
		"control characters":                {25, says("\x1b[31m\xff\x00\r\n"), "smtp_protocol", `"\x1b[31m\xff\x00"`},
		"no such name":                      {465, alert("\x70"), "smtp_tls_failed", `the server ended TLS with the alert "unrecognized name"`},
		"no cipher":                         {465, alert("\x28"), "smtp_tls_no_common_cipher", `the alert "handshake failure"`},
		"version":                           {465, alert("\x46"), "smtp_tls_failed", `the alert "protocol version not supported"`},
		"a certificate of ours":             {465, clientCertificate, "smtp_tls_failed", `the alert "certificate required"`},
		"old ciphers": {
			465,
			mailworld.Server{Name: "mx.example.org", Certificate: old, ImplicitTLS: true, Ciphers: []uint16{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA}},
			"smtp_tls_old_cipher", "the server chose TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA with TLS 1.2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := map[uint16]string{25: "192.0.2.1:25", 465: "192.0.2.1:465"}[c.port]
			s.serve(c.server, at)
			r := s.round(serverAt("mx.example.org", c.port))
			if err := runSMTP(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			findings := r.Result.Parts[0].Findings
			if len(findings) != 1 || findings[0].Problem != c.problem || !strings.Contains(findings[0].Evidence.EN, c.want) {
				t.Errorf("findings %+v, want %s with %q", findings, c.problem, c.want)
			}
			if strings.ContainsAny(findings[0].Evidence.EN, "\x1b\x00\r\n") {
				t.Errorf("evidence has control characters: %q", findings[0].Evidence.EN)
			}
			certificates := only(sawText(t, smtpCheck, r), "certificate_verification")
			if seen := strings.Contains(certificates, "ok"); seen != (c.problem == "smtp_tls_old_cipher" || name == "a certificate of ours") {
				t.Errorf("certificate seen: %t", seen)
			}
		})
	}
}

// TestProxyProtocol: a server behind a load balancer hangs up on us without a header, and is well with one.
func TestProxyProtocol(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	s.serve(mailworld.Server{Handle: func(c net.Conn) {
		in := bufio.NewReader(c)
		if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "PROXY TCP4 127.0.0.1 127.0.0.1 ") {
			return
		}
		_, _ = io.WriteString(c, "220 mx.example.org ESMTP\r\n")
		for {
			line, err := in.ReadString('\n')
			switch {
			case err != nil:
				return
			case strings.HasPrefix(line, "EHLO"):
				_, _ = io.WriteString(c, "250 mx.example.org\r\n")
			default:
				_, _ = io.WriteString(c, "221 bye\r\n")
			}
		}
	}}, "192.0.2.1:25")
	target := serverAt("mx.example.org", 25)
	target.Server.TLS = "none"
	target.Module = &targets.Module{Timeout: 500e6}
	wantLines(t, only(s.run(smtpCheck, target), "smtp_up", "!"), "smtp_up[192.0.2.1] 0\n!smtp_silent")
	target.Server.ProxyProtocol = "v1"
	wantLines(t, only(s.run(smtpCheck, target), "smtp_up", "!"), "smtp_up[192.0.2.1] 1")
}
