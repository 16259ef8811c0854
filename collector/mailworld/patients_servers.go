package mailworld

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// cipherPatients have a server with which TLS is hard to agree on.
var cipherPatients = []patient{
	{"old-ciphers", "The server has old TLS ciphers only.", "smtp_tls_old_cipher", onServer, func(_ *World, h *home) {
		h.hosts[0].server.Ciphers = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}
	}},
	{"no-common-cipher", "The server ends the handshake: it has no TLS cipher that we offer.", "smtp_tls_no_common_cipher", onServer, func(_ *World, h *home) {
		h.hosts[0].server.Ciphers = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256} // Which its ECDSA key cannot do.
	}},
}

// serverPatients have a server that does not talk as it should.
var serverPatients = []patient{
	{"no-starttls", "The server does not offer STARTTLS.", "smtp_starttls_missing", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate = nil
	}},
	{"broken-starttls", "The server offers STARTTLS and then refuses it.", "smtp_starttls_broken", onServer, func(_ *World, h *home) {
		h.hosts[0].says("STARTTLS", "454 4.7.0 TLS not available due to local problem\r\n")
	}},
	{"no-handshake", "The server hangs up in the TLS handshake.", "smtp_tls_failed", onServer, func(_ *World, h *home) {
		h.hosts[0].server.Reset = []string{"tls"}
	}},
	{"injected", "Somebody puts a reply between STARTTLS and the handshake.", "smtp_injected", onServer, func(_ *World, h *home) {
		h.hosts[0].says("STARTTLS", "220 2.0.0 Go ahead\r\n250 2.0.0 Ok\r\n")
	}},
	{"open-passwords", "The submission server takes passwords in the clear.", "smtp_auth_unencrypted", onServer, func(w *World, h *home) {
		s := h.submission(w, 587)
		s.server.AuthBefore = true
		s.server.Accounts = map[string]string{demoUser: demoPassword}
	}},
	{"shutting-down", "The server greets with 421 and hangs up.", "smtp_deferred", onServer, func(_ *World, h *home) {
		h.hosts[0].says("connect", "421 4.3.2 "+h.hosts[0].name+" Service shutting down and closing transmission channel\r\n")
		h.hosts[0].server.CloseAfter = []string{"connect"}
	}},
	{"no-service", "The server greets with 554 and takes mail from nobody.", "smtp_refused", onServer, func(_ *World, h *home) {
		h.hosts[0].says("connect", "554 "+h.hosts[0].name+" No SMTP service here\r\n")
	}},
	{"greylisting", "The server puts off whom it does not know yet.", "smtp_deferred", onServer, func(_ *World, h *home) {
		h.hosts[0].says("connect", "450 4.7.1 Greylisted, please try again in 300 seconds\r\n")
	}},
	{"blocking", "The server of blocking.example refuses us because of a blocklist, and lets others in.", "vantage_refused", onVantage, func(_ *World, h *home) {
		h.hosts[0].says("connect", "554 5.7.1 Service unavailable; client host ["+demoAddress+"] blocked using "+honestZone+"\r\n")
	}},
	{"unreachable", "Nothing comes back from the server's address.", "smtp_unreachable", onServer, func(_ *World, h *home) {
		h.hosts[0].silent = true
	}},
	{"closed", "Nothing listens on port 25 of the server.", "smtp_unreachable", onServer, func(_ *World, h *home) {
		h.hosts[0].closed = true
	}},
	{"tarpit", "The server says one octet a second.", "smtp_silent", onServer, func(_ *World, h *home) {
		h.hosts[0].server.Handle = tarpit
	}},
	{"not-smtp", "Something else than a mail server listens on port 25.", "smtp_protocol", onServer, func(_ *World, h *home) {
		h.hosts[0].says("connect", "SSH-2.0-OpenSSH_9.2\r\n")
		h.hosts[0].server.CloseAfter = []string{"connect"}
	}},
	{"old-server", "The server knows HELO only, and so no TLS either.", "smtp_helo_only", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate = nil
		h.hosts[0].says("EHLO", "502 5.5.1 Command not implemented\r\n")
		h.shows("smtp_starttls_missing", h.hosts[0].target())
	}},
	{"other-name", "The server calls itself by a name that is known inside only.", "rdns_helo_mismatch", onServer, func(_ *World, h *home) {
		h.hosts[0].server.Name = "mail.inside." + h.domain
	}},
}

// certificatePatients have a server with a bad certificate.
var certificatePatients = []patient{
	{"expired-certificate", "The certificate expired a month ago.", "certificate_expired", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate.NotBefore, h.hosts[0].certificate.NotAfter = time.Now().AddDate(0, 0, -120), time.Now().AddDate(0, 0, -30)
	}},
	{"early-certificate", "The certificate is valid from next month on.", "certificate_not_yet_valid", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate.NotBefore = time.Now().AddDate(0, 0, 30)
	}},
	{"wrong-name", "The certificate is for another name.", "certificate_name_mismatch", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate.Names = []string{"www." + h.domain}
	}},
	{"strange-authority", "The certificate comes from an authority that nobody trusts.", "certificate_untrusted", onServer, func(w *World, h *home) {
		h.hosts[0].authority = w.Stranger()
	}},
	{"self-signed", "The certificate is signed by itself.", "certificate_self_signed", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate.SelfSigned = true
	}},
	{"incomplete-chain", "The server does not send the intermediate certificate.", "certificate_incomplete_chain", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate.OmitIntermediate = true
	}},
	{"short-key", "The key of the certificate has 1024 bits.", "certificate_weak", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate.RSABits = 1024
	}},
	{"client-certificate", "The certificate is one for clients.", "certificate_invalid", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate.Usage = x509.ExtKeyUsageClientAuth
	}},
}

// tarpit begins a greeting and goes on, an octet a second, until the client goes.
func tarpit(conn net.Conn) {
	heard := make([]byte, 512)
	for i := 0; ; i++ {
		if _, err := io.WriteString(conn, "220-"[min(i, 3):][:1]); err != nil {
			return
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		for {
			_, err := conn.Read(heard)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return
			}
		}
	}
}

// latestPatients came last, so that the addresses of the others stay.
var latestPatients = []patient{
	{"ending-certificate", "The certificate ends in three days and was not renewed.", "certificate_expires_soon", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate.NotBefore, h.hosts[0].certificate.NotAfter = time.Now().AddDate(0, 0, -87), time.Now().AddDate(0, 0, 3)
	}},
}
