package mailworld

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"
)

// dkimPatients have a DKIM key that receivers cannot use, or will not for long.
var dkimPatients = []patient{
	{"no-key", "The DKIM key is not there.", "dkim_missing", onDomain, func(_ *World, h *home) {
		h.dkim = nil
	}},
	{"revoked-key", "The DKIM key is revoked.", "dkim_revoked", onDomain, func(_ *World, h *home) {
		h.dkim = []string{"v=DKIM1; k=rsa; p="}
	}},
	{"torn-key", "The DKIM key was cut off when it was copied.", "dkim_invalid", onDomain, func(_ *World, h *home) {
		h.dkim[0] = h.dkim[0][:len(h.dkim[0])-80]
	}},
	{"two-keys", "The selector has two DKIM records.", "dkim_multiple", onDomain, func(_ *World, h *home) {
		h.dkim = append(h.dkim, rsaRecord(2048))
	}},
	{"weak-key", "The DKIM key has 768 bits, which receivers do not accept.", "dkim_weak", onDomain, func(_ *World, h *home) {
		h.dkim[0] = rsaRecord(768)
	}},
	{"old-key", "The DKIM key has 1024 bits.", "dkim_short", onDomain, func(_ *World, h *home) {
		h.dkim[0] = rsaRecord(1024)
	}},
	{"huge-key", "The DKIM key has 5120 bits.", "dkim_long", onDomain, func(_ *World, h *home) {
		h.dkim[0] = rsaRecord(5120)
	}},
	{"test-key", "The DKIM key says that it is a test.", "dkim_testing", onDomain, func(_ *World, h *home) {
		h.dkim[0] = strings.Replace(h.dkim[0], "k=rsa", "k=rsa; t=y", 1)
	}},
	{"other-service", "The DKIM key is for something else than mail.", "dkim_wrong_service", onDomain, func(_ *World, h *home) {
		h.dkim[0] = strings.Replace(h.dkim[0], "k=rsa", "k=rsa; s=tlsrpt", 1)
	}},
	{"old-hash", "The DKIM key allows SHA-1 only.", "dkim_hash_unusable", onDomain, func(_ *World, h *home) {
		h.dkim[0] = strings.Replace(h.dkim[0], "k=rsa", "k=rsa; h=sha1", 1)
	}},
	{"wrapped-key", "The Ed25519 key is written as OpenSSL prints it.", "dkim_ed25519_wrapped", onDomain, func(_ *World, h *home) {
		h.dkim[0] = "v=DKIM1; k=ed25519; p=" + spki(ed25519Key())
	}},
	{"new-key", "The only DKIM key is Ed25519, which many receivers do not verify.", "dkim_ed25519_only", onDomain, func(_ *World, h *home) {
		h.dkim[0] = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(ed25519Key())
	}},
}

// dkimRecord makes a key and the record of its public half (RFC 6376 section 3.6.1).
func dkimRecord() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	return "v=DKIM1; k=rsa; p=" + spki(key.Public()), nil
}

// rsaRecord makes the record of a public key that has no private half: a number of so many bits looks the same.
func rsaRecord(bits int) string {
	octets := make([]byte, bits/8)
	_, _ = rand.Read(octets) // Never fails.
	octets[0] |= 0x80
	octets[len(octets)-1] |= 1
	return "v=DKIM1; k=rsa; p=" + spki(&rsa.PublicKey{N: new(big.Int).SetBytes(octets), E: 65537})
}

// ed25519Key makes a public key in the 32 octets that RFC 8463 section 4 wants.
func ed25519Key() ed25519.PublicKey {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed)
	return ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
}

// spki writes a public key as a SubjectPublicKeyInfo in base64.
func spki(public any) string {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "" // Only for kinds of keys that are not used here.
	}
	return base64.StdEncoding.EncodeToString(der)
}
