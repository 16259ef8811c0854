package record

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"testing"
)

// newCertificate makes a certificate with a key of its own.
func newCertificate(t testing.TB) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTLSAMatches(t *testing.T) {
	ours, other := newCertificate(t), newCertificate(t)
	sum := func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
	long := func(b []byte) []byte { s := sha512.Sum512(b); return s[:] }
	whole, key := ours.Raw, ours.RawSubjectPublicKeyInfo
	for _, usage := range []uint8{UsageTrustAnchor, UsageServer} {
		for _, r := range []TLSA{
			{usage, 0, 0, whole},
			{usage, 0, 1, sum(whole)},
			{usage, 0, 2, long(whole)},
			{usage, 1, 0, key},
			{usage, 1, 1, sum(key)},
			{usage, 1, 2, long(key)},
		} {
			if err := r.Usable(); err != nil || !r.Matches(ours) || r.Matches(other) {
				t.Errorf("%d %d %d: %v, matches ours %t, another %t", r.Usage, r.Selector, r.MatchingType, err, r.Matches(ours), r.Matches(other))
			}
		}
	}
	for _, r := range []TLSA{
		{3, 0, 1, sum(key)}, {3, 1, 1, sum(whole)}, {3, 1, 2, sum(key)}, {1, 1, 1, sum(key)}, {3, 1, 0, sum(key)}, {3, 1, 1, nil},
	} {
		if r.Matches(ours) {
			t.Errorf("%v matches", r)
		}
	}
}

func TestTLSAUsable(t *testing.T) {
	c := newCertificate(t)
	digest := make([]byte, 32)
	for _, test := range []struct {
		record TLSA
		want   error
	}{
		{TLSA{0, 0, 1, digest}, ErrTLSAUsage},
		{TLSA{1, 0, 1, digest}, ErrTLSAUsage},
		{TLSA{4, 0, 1, digest}, ErrTLSAUsage},
		{TLSA{255, 0, 1, digest}, ErrTLSAUsage},
		{TLSA{3, 2, 1, digest}, ErrTLSASelector},
		{TLSA{3, 1, 3, digest}, ErrTLSAMatching},
		{TLSA{3, 1, 1, digest[:31]}, ErrTLSADigest},
		{TLSA{3, 1, 2, digest}, ErrTLSADigest},
		{TLSA{3, 1, 2, nil}, ErrTLSADigest},
		{TLSA{3, 0, 0, digest}, ErrTLSAFull},
		{TLSA{3, 0, 0, nil}, ErrTLSAFull},
		{TLSA{3, 0, 0, c.RawSubjectPublicKeyInfo}, ErrTLSAFull},
		{TLSA{2, 1, 0, digest}, ErrTLSAFull},
		{TLSA{2, 1, 0, append(bytes.Clone(c.RawSubjectPublicKeyInfo), 0)}, ErrTLSAFull},
		{TLSA{3, 1, 1, digest}, nil},
	} {
		if err := test.record.Usable(); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%v: %v, want %v", test.record, err, test.want)
		}
	}
}

// TestStrongestTLSA: of the digests with one usage and one selector those of the strongest algorithm count.
func TestStrongestTLSA(t *testing.T) {
	key := newCertificate(t).RawSubjectPublicKeyInfo
	short, long := make([]byte, 32), make([]byte, 64)
	in := []TLSA{
		{3, 1, 1, short}, {3, 1, 2, long}, {3, 1, 0, key}, // The digest 1 is weaker.
		{3, 0, 1, short},                   // Another selector.
		{2, 1, 1, short}, {2, 1, 2, short}, // The stronger one is unusable.
		{1, 1, 1, short},
	}
	var got string
	for _, r := range StrongestTLSA(in) {
		got += fmt.Sprintf("%d%d%d ", r.Usage, r.Selector, r.MatchingType)
	}
	if want := "312 310 301 211 "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if StrongestTLSA(nil) != nil {
		t.Error("of no records some are left")
	}
}

func TestTLSAString(t *testing.T) {
	for want, r := range map[string]TLSA{
		"3 1 1 0aff":                   {3, 1, 1, []byte{10, 255}},
		"255 255 255 ":                 {255, 255, 255, nil},
		fmt.Sprintf("3 1 2 %0128x", 0): {3, 1, 2, make([]byte, 64)},
		fmt.Sprintf("3 0 0 %0128x... (65535 octets)", 0): {3, 0, 0, make([]byte, 65535)},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzTLSA takes any octets for a record, as a peer may send them.
func FuzzTLSA(f *testing.F) {
	c := newCertificate(f)
	f.Add(uint8(3), uint8(1), uint8(0), c.RawSubjectPublicKeyInfo)
	f.Add(uint8(2), uint8(0), uint8(0), c.Raw)
	f.Add(uint8(3), uint8(1), uint8(1), make([]byte, 32))
	f.Fuzz(func(t *testing.T, usage, selector, matching uint8, data []byte) {
		r := TLSA{usage, selector, matching, data}
		if r.Usable() != nil && r.Matches(c) {
			t.Errorf("%v is not usable and matches", r)
		}
		if len(StrongestTLSA([]TLSA{r})) > 0 != (r.Usable() == nil) {
			t.Errorf("%v alone is not its own choice", r)
		}
		if len(r.String()) > 200 {
			t.Errorf("%d octets of text", len(r.String()))
		}
	})
}
