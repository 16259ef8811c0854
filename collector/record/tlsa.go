package record

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// A TLSA says by which certificate or key a server can be told, at _25._tcp.HOST (RFC 6698 section 2.1, RFC 7671). Where
// the zone is signed, a sender takes it for more than the word of any authority (DANE, RFC 7672).
//
// Its three numbers say what Data is: of which certificate (Usage: the server's own, or one that issued it), of what of
// it (Selector: all of it, or the public key alone), and in what form (MatchingType: as it is, or a digest).
type TLSA struct {
	Usage        uint8
	Selector     uint8
	MatchingType uint8
	Data         []byte // The certificate association data.
}

// The numbers that mean something in mail, by their names in RFC 7218. Usages 0 and 1 want a certificate that a public
// authority issued besides. Senders trust none of them, so that such records are unusable (RFC 7672 section 3.1.3).
const (
	UsageTrustAnchor = 2 // DANE-TA: of a certificate that issued the server's, sent with it in the handshake.
	UsageServer      = 3 // DANE-EE: of the server's own certificate. Its names and dates do not count.

	SelectorCertificate = 0 // The whole certificate.
	SelectorKey         = 1 // The public key (SubjectPublicKeyInfo), which may outlive the certificate.

	MatchingFull   = 0
	MatchingSHA256 = 1
	MatchingSHA512 = 2
)

// Reasons for which senders of mail pass a TLSA record over.
var (
	ErrTLSAUsage    = errors.New("usage is neither 2 nor 3")
	ErrTLSASelector = errors.New("selector is neither 0 nor 1")
	ErrTLSAMatching = errors.New("matching type is neither 0, 1 nor 2")
	ErrTLSADigest   = errors.New("the digest has a wrong length")
	ErrTLSAFull     = errors.New("the data is neither a certificate nor a key")
)

// String is the record as it stands in a zone file, the data cut after 64 octets.
func (t TLSA) String() string {
	if len(t.Data) > sha512.Size {
		return fmt.Sprintf("%d %d %d %x... (%d octets)", t.Usage, t.Selector, t.MatchingType, t.Data[:sha512.Size], len(t.Data))
	}
	return fmt.Sprintf("%d %d %d %x", t.Usage, t.Selector, t.MatchingType, t.Data)
}

// Usable returns nil if senders of mail use the record, or why they do not.
func (t TLSA) Usable() error {
	switch {
	case t.Usage != UsageTrustAnchor && t.Usage != UsageServer:
		return ErrTLSAUsage
	case t.Selector != SelectorCertificate && t.Selector != SelectorKey:
		return ErrTLSASelector
	}
	switch t.MatchingType {
	case MatchingFull:
		if !t.whole() {
			return ErrTLSAFull
		}
	case MatchingSHA256:
		if len(t.Data) != sha256.Size {
			return ErrTLSADigest
		}
	case MatchingSHA512:
		if len(t.Data) != sha512.Size {
			return ErrTLSADigest
		}
	default:
		return ErrTLSAMatching
	}
	return nil
}

// whole reports whether the data is what the selector says it is. A key may be of a kind that we do not know, so that
// of a key only its frame is looked at.
func (t TLSA) whole() bool {
	if t.Selector == SelectorCertificate {
		_, err := x509.ParseCertificate(t.Data)
		return err == nil
	}
	var key struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	rest, err := asn1.Unmarshal(t.Data, &key)
	return err == nil && len(rest) == 0
}

// Matches reports whether the record is about a certificate. Whether the certificate is the server's own or that of an
// issuer, as Usage demands, is for the caller to see. A record that is not Usable matches nothing.
func (t TLSA) Matches(c *x509.Certificate) bool {
	data, ok := Association(c, t.Selector, t.MatchingType)
	return ok && t.Usable() == nil && bytes.Equal(data, t.Data)
}

// Association is the data that a record with these numbers has for a certificate (RFC 6698 section 2.1.4); ok is false
// where the numbers mean nothing. It is not to be changed.
func Association(c *x509.Certificate, selector, matching uint8) (data []byte, ok bool) {
	switch selector {
	case SelectorCertificate:
		data = c.Raw
	case SelectorKey:
		data = c.RawSubjectPublicKeyInfo
	default:
		return nil, false
	}
	switch matching {
	case MatchingFull:
		return data, true
	case MatchingSHA256:
		digest := sha256.Sum256(data)
		return digest[:], true
	case MatchingSHA512:
		digest := sha512.Sum512(data)
		return digest[:], true
	}
	return nil, false
}

// StrongestTLSA returns the usable ones of the records at a name that a sender compares. RFC 7671 section 9: of the
// digests with one usage and one selector only those of the strongest algorithm count, so that a weaker one may go on standing
// beside it; whole certificates and keys always count. Postfix and OpenSSL do so, and fail where SHA2-512 is wrong and
// SHA2-256 right.
func StrongestTLSA(records []TLSA) []TLSA {
	weaker := func(t TLSA) bool {
		return t.MatchingType == MatchingSHA256 && slices.ContainsFunc(records, func(o TLSA) bool {
			return o.Usage == t.Usage && o.Selector == t.Selector && o.MatchingType == MatchingSHA512 && o.Usable() == nil
		})
	}
	return slices.DeleteFunc(slices.Clone(records), func(t TLSA) bool { return t.Usable() != nil || weaker(t) })
}
