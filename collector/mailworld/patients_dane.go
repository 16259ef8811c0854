package mailworld

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"net/netip"
)

// dnssecPatients have a zone that is not signed, or signed wrongly.
var dnssecPatients = []patient{
	{"unsigned", "The domain is not signed.", "dnssec_missing", onDomain, func(w *World, h *home) {
		w.Secure(h.domain, false)
	}},
	{"bogus", "The signatures of the domain are wrong, so that who verifies them finds no such domain.", "dnssec_bogus", onDomain, func(w *World, h *home) {
		w.Fault(h.domain, FaultBogus)
	}},
}

// danePatients break a promise that their server's TLSA records make.
var danePatients = []patient{
	{"changed-key", "The TLSA record is that of the key before.", "dane_mismatch", onServer, func(_ *World, h *home) {
		h.hosts[0].tlsa = func([]*x509.Certificate) []string { return []string{tlsa("3 1 1", []byte("the key before"))} }
	}},
	{"other-key", "The server has another key on IPv6 than on IPv4, and the TLSA records do not promise it.", "dane_mismatch", onServer, func(w *World, h *home) {
		mx1 := h.hosts[0].name
		h.hosts[0].tlsa = announced("the key before")
		h.hosts[0].tlsaLater = announced("the next key")
		h.protect("enforce", month, mx1)
		h.add(w, mx1, 25, netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 14: 1, 15: h.n}))
	}},
	{"no-tlsa-answer", "The name server fails when it is asked for TLSA records.", "dane_lookup_failed", onServer, func(w *World, h *home) {
		w.Fault("_25._tcp."+h.hosts[0].name, FaultServFail)
	}},
	{"no-tls", "There are TLSA records, and the server does no TLS.", "dane_no_starttls", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate = nil
		h.hosts[0].tlsa = func([]*x509.Certificate) []string { return []string{tlsa("3 1 1", []byte("a key"))} }
		h.shows("smtp_starttls_missing", h.hosts[0].target())
	}},
	{"web-tlsa", "The TLSA record is of a kind that mail does not use.", "dane_unusable", onServer, func(_ *World, h *home) {
		h.hosts[0].tlsa = func(chain []*x509.Certificate) []string {
			return []string{tlsa("1 1 1", chain[0].RawSubjectPublicKeyInfo)}
		}
	}},
	{"no-rollover", "There is one TLSA record, and it ends with the key.", "dane_no_rollover", onServer, func(_ *World, h *home) {
		h.hosts[0].tlsa = func(chain []*x509.Certificate) []string { return pinned(chain)[:1] }
	}},
}

// pinned makes the TLSA records of the key in use and of the authority, by which the next key will be known too (RFC 7671 section 8.1).
func pinned(chain []*x509.Certificate) []string {
	return []string{tlsa("3 1 1", chain[0].RawSubjectPublicKeyInfo), tlsa("2 1 1", chain[1].RawSubjectPublicKeyInfo)}
}

// announced makes the TLSA records of the key in use and of another.
func announced(other string) func(chain []*x509.Certificate) []string {
	return func(chain []*x509.Certificate) []string {
		return []string{tlsa("3 1 1", chain[0].RawSubjectPublicKeyInfo), tlsa("3 1 1", []byte(other))}
	}
}

// tlsa makes the data of a TLSA record with a digest by SHA-256 (RFC 6698 section 2.1).
func tlsa(kind string, of []byte) string { return fmt.Sprintf("%s %x", kind, sha256.Sum256(of)) }
