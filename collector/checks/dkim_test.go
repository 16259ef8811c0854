package checks

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Public keys, as they stand in p. One that is longer than a string of DNS stands in two.
var dkimKeys = strings.NewReplacer(
	"{rsa2048}", `MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvGGBrWnlClYtsK/SkTjh2o+wG2pzMT2hHbk1T9PtkfPCjdxzMcLymDUR85ukDCDl3zR67UkhYeTv9jhhrCqBZ2FM0A3UOi+GMFLoxFyymw6cfzFjm83vgmEk5F5+eJGVqul0cTeJLEe1xovXuvEqGKNJ5lGG" "`+
		`Z6FKlFvOHB+MTvUq3dSz0UL6C2Y0Q3w9aa34TTmCRPNi2d8tMujI2msampZhIKqt4MoX7MeSofAvkeQypiZSmrRhgj1joNsDpGjP/EVeVWhTxzjkxbMIxdxNCqOgEfklcOSSQwIVaSIsWh9l7h2AEqupP+X7po+iDJGi+uHBthD1F6Ym8Pxv05cuMwIDAQAB`,
	"{rsa1024}", `MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDWbswt+yaJqVmEnE04DLdnQFB0+jisX3x0IRBmSJNRhh004o+MZYI0L1hkGdmQacWTwomyF1/GQxwQI0QamKDmPkfAwdi5XGY8qcAu2uxd6wBQ35HSSz6WZ7JEsCLOisPJd1GF6JktmXcO5+qG2vcRN170pLJFiWWJ" "`+
		`CbyXXyxBrwIDAQAB`,
	"{rsa512}", `MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAONk0Tr+Q4oTXgVb9ft/BAaoErZ77QcUF1MSkDxobB2lQJKJj7WytBAt+YJftWdybU4kWyJA3YYKxOO5SMX5bQUCAwEAAQ==`,
	"{pkcs1}", `MIIBCgKCAQEAvGGBrWnlClYtsK/SkTjh2o+wG2pzMT2hHbk1T9PtkfPCjdxzMcLymDUR85ukDCDl3zR67UkhYeTv9jhhrCqBZ2FM0A3UOi+GMFLoxFyymw6cfzFjm83vgmEk5F5+eJGVqul0cTeJLEe1xovXuvEqGKNJ5lGGZ6FKlFvOHB+MTvUq3dSz0UL6C2Y0Q3w9" "`+
		`aa34TTmCRPNi2d8tMujI2msampZhIKqt4MoX7MeSofAvkeQypiZSmrRhgj1joNsDpGjP/EVeVWhTxzjkxbMIxdxNCqOgEfklcOSSQwIVaSIsWh9l7h2AEqupP+X7po+iDJGi+uHBthD1F6Ym8Pxv05cuMwIDAQAB`,
	"{ed25519}", `NsAiBMbF6VdKZczT64fkPxAgsLGZrXpvqBuC9K1FFao=`,
	"{rsa4096}", longKey(4096),
	"{rsa5120}", longKey(5120),
	"{rsa8448}", longKey(8448),
	"{wrapped}", `MCowBQYDK2VwAyEANsAiBMbF6VdKZczT64fkPxAgsLGZrXpvqBuC9K1FFao=`,
)

// longKey is what looks like an RSA key of so many bits, in strings of DNS.
func longKey(bits int) string {
	octets := bytes.Repeat([]byte{0xff}, bits/8)
	der, _ := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).SetBytes(octets), E: 65537}) // Never fails for RSA.
	var pieces []string
	for piece := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(der)), 200) {
		pieces = append(pieces, string(piece))
	}
	return strings.Join(pieces, `" "`)
}

func TestDKIM(t *testing.T) {
	selectors := func(names ...string) targets.Domain { return targets.Domain{DKIMSelectors: names} }
	cases := []recordCase{
		{name: "healthy", domain: selectors("s1", "s2"), zone: `
s1._domainkey.%s TXT "v=DKIM1; k=rsa; p={rsa2048}"
s2._domainkey.%s TXT "v=DKIM1; k=ed25519; p={ed25519}"`, want: `
dkim_key_bits selector=s1 key_type=rsa 2048
dkim_key_valid selector=s1 1
dkim_key_bits selector=s2 key_type=ed25519 256
dkim_key_valid selector=s2 1`},
		{name: "alias", domain: selectors("s1"), zone: `
s1._domainkey.%s CNAME s1.provider.example.
s1.provider.example. TXT "p={rsa2048}"`, want: `
dkim_key_bits selector=s1 key_type=rsa 2048
dkim_key_valid selector=s1 1`},
		{name: "pkcs1", domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "p={pkcs1}"`, want: `
dkim_key_bits selector=s1 key_type=rsa 2048
dkim_key_valid selector=s1 1`},
		{name: "nxdomain", values: `dkim_missing selector=s1
dkim_missing alias=
dkim_missing record=`, domain: selectors("s1"), zone: `%s A 192.0.2.1`, want: `
dkim_key_valid selector=s1 0
! dkim_missing`},
		{name: "nodata", domain: selectors("s1"), zone: `
s1._domainkey.%s A 192.0.2.1`, want: `
dkim_key_valid selector=s1 0
! dkim_missing`},
		{name: "dangling", values: `dkim_missing alias=gone.example`, domain: selectors("s1"), zone: `
s1._domainkey.%s CNAME gone.example.`, want: `
dkim_key_valid selector=s1 0
! dkim_missing`},
		{name: "wildcard", domain: selectors("s1"), zone: `
*.%s TXT "v=spf1 -all"`, want: `
dkim_key_valid selector=s1 0
! dkim_missing`},
		{name: "revoked", values: `dkim_revoked selector=s1
dkim_revoked record=`, domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "v=DKIM1; p="`, want: `
dkim_key_valid selector=s1 0
! dkim_revoked`},
		{name: "revoked-all", domain: selectors("s1"), zone: `
*._domainkey.%s TXT "v=DKIM1; p="`, want: `
dkim_key_valid selector=s1 0
! dkim_missing`},
		{name: "revoked-one", domain: selectors("s1"), zone: `
*._domainkey.%s TXT "p={rsa2048}"
s1._domainkey.%s TXT "v=DKIM1; p="`, want: `
dkim_key_valid selector=s1 0
! dkim_revoked`},
		{name: "revoked-unknown", fails: "mailprobe-unused-selector._domainkey.%s", domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "v=DKIM1; p="`, want: `
? s1
? key types`},
		{name: "empty", domain: selectors("s1"), zone: `
s1._domainkey.%s TXT ""`, want: `
dkim_key_valid selector=s1 0
! dkim_missing`},
		{name: "multiple", values: `dkim_multiple record=`, domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "p={rsa2048}"
s1._domainkey.%s TXT "v=DKIM1; p="`, want: `
dkim_key_valid selector=s1 0
! dkim_multiple`},
		{name: "beside", values: `dkim_multiple record=p={rsa2048}
dkim_multiple record_name=s1._domainkey.%s
dkim_multiple record_type=TXT`, domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "p={rsa2048}"
s1._domainkey.%s TXT "v=spf1 -all"`, want: `
dkim_key_valid selector=s1 0
! dkim_multiple`},
		{name: "no-p", domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "v=DKIM1; k=rsa"`, want: `
dkim_key_valid selector=s1 0
! dkim_invalid`},
		{name: "not-first", values: `dkim_invalid record=v=DKIM1; k=rsa; p={rsa2048}`, domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "k=rsa; v=DKIM1; p={rsa2048}"`, want: `
dkim_key_valid selector=s1 0
! dkim_invalid`},
		{name: "bare-t", values: `dkim_invalid record=v=DKIM1; p={rsa2048}`, domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "v=DKIM1; t; p={rsa2048}"`, want: `
dkim_key_valid selector=s1 0
! dkim_invalid`},
		{name: "no-key", values: `dkim_invalid record=`, domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "v=DKIM1; k=rsa; p=AAAA"`, want: `
dkim_key_valid selector=s1 0
! dkim_invalid`},
		{name: "unknown-type", domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "v=DKIM1; k=dsa; p=AAAA"`, want: `
dkim_key_valid selector=s1 0
! dkim_invalid`},
		{name: "weak", domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "p={rsa512}"`, want: `
dkim_key_bits selector=s1 key_type=rsa 512
dkim_key_valid selector=s1 0
! dkim_weak`},
		{name: "short", values: `dkim_short selector=s1
dkim_short record=`, domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "p={rsa1024}"`, want: `
dkim_key_bits selector=s1 key_type=rsa 1024
dkim_key_valid selector=s1 1
! dkim_short`},
		{name: "long", domain: selectors("s1", "s2"), zone: `
s1._domainkey.%s TXT "p={rsa5120}"
s2._domainkey.%s TXT "p={rsa4096}"`, want: `
dkim_key_bits selector=s1 key_type=rsa 5120
dkim_key_valid selector=s1 1
! dkim_long
dkim_key_bits selector=s2 key_type=rsa 4096
dkim_key_valid selector=s2 1`},
		{name: "far-too-long", domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "p={rsa8448}"`, want: `
dkim_key_bits selector=s1 key_type=rsa 8448
dkim_key_valid selector=s1 0
! dkim_long`},
		{name: "testing", values: `dkim_testing record=t=s; p={rsa2048}`, domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "t=s:y; p={rsa2048}"`, want: `
dkim_key_bits selector=s1 key_type=rsa 2048
dkim_key_valid selector=s1 1
! dkim_testing`},
		{name: "testing-alias", domain: selectors("s1"), values: "dkim_testing alias=s1.provider.example\ndkim_testing record_name=s1.provider.example", zone: `
s1._domainkey.%s CNAME s1.provider.example.
s1.provider.example. TXT "t=y; p={rsa2048}"`, want: `
dkim_key_bits selector=s1 key_type=rsa 2048
dkim_key_valid selector=s1 1
! dkim_testing`},
		{name: "wrong-service", values: `dkim_wrong_service record=p={rsa2048}`, domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "s=tlsrpt; p={rsa2048}"`, want: `
dkim_key_bits selector=s1 key_type=rsa 2048
dkim_key_valid selector=s1 0
! dkim_wrong_service`},
		{name: "wrong-hash", values: `dkim_hash_unusable record=p={rsa2048}`, domain: selectors("s1"), zone: `
s1._domainkey.%s TXT "h=sha1; p={rsa2048}"`, want: `
dkim_key_bits selector=s1 key_type=rsa 2048
dkim_key_valid selector=s1 0
! dkim_hash_unusable`},
		{name: "wrapped", values: `dkim_ed25519_wrapped record=k=ed25519; p={ed25519}`, domain: selectors("s1", "s2"), zone: `
s1._domainkey.%s TXT "k=ed25519; p=MCowBQYDK2VwAyEA{ed25519}"
s2._domainkey.%s TXT "p={rsa2048}"`, want: `
dkim_key_bits selector=s1 key_type=ed25519 256
dkim_key_valid selector=s1 0
! dkim_ed25519_wrapped
dkim_key_bits selector=s2 key_type=rsa 2048
dkim_key_valid selector=s2 1`},
		{name: "ed25519-only", domain: selectors("s1", "s2"), zone: `
s1._domainkey.%s TXT "k=ed25519; p={ed25519}"
s2._domainkey.%s TXT "k=rsa; p="`, want: `
dkim_key_bits selector=s1 key_type=ed25519 256
dkim_key_valid selector=s1 1
dkim_key_valid selector=s2 0
! dkim_revoked
! dkim_ed25519_only`},
		{name: "one-unknown", fails: "s2._domainkey.%s", domain: selectors("s1", "s2"), zone: `
s1._domainkey.%s TXT "k=ed25519; p={ed25519}"`, want: `
dkim_key_bits selector=s1 key_type=ed25519 256
dkim_key_valid selector=s1 1
? s2
? key types`},
		{name: "no-selectors", want: ""},
	}
	for i := range cases {
		cases[i].zone = dkimKeys.Replace(cases[i].zone)
		cases[i].values = strings.ReplaceAll(dkimKeys.Replace(cases[i].values), `" "`, "") // As it is without strings.
	}
	testRecords(t, dkimCheck, cases)
}
