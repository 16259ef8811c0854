package record

import (
	"crypto/x509"
	"slices"
)

// TLSAFor returns the TLSA record to publish for a server's certificate: of its key, which may outlive it, with usage 3 (RFC 7671
// section 5.1, RFC 7672 section 3.1.1). beside are the records that are published already and stay. The digest is SHA2-256, or
// SHA2-512 where one with SHA2-512 of another key stands there: senders pass SHA2-256 over beside it (RFC 7671 section 9).
func TLSAFor(leaf *x509.Certificate, beside []TLSA) TLSA {
	t := TLSA{Usage: UsageServer, Selector: SelectorKey, MatchingType: MatchingSHA256}
	if slices.ContainsFunc(beside, func(o TLSA) bool {
		return o.Usage == UsageServer && o.Selector == SelectorKey && o.MatchingType == MatchingSHA512 && o.Usable() == nil
	}) {
		t.MatchingType = MatchingSHA512
	}
	t.Data, _ = Association(leaf, t.Selector, t.MatchingType)
	return t
}
