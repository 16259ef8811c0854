package record

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// A DKIM is the public key that a domain publishes for a selector, at SELECTOR._domainkey.DOMAIN (RFC
// 6376 section 3.6.1). A receiver verifies with it the signatures that name the selector.
type DKIM struct {
	KeyType  string   // Tag k, "rsa" unless written.
	Hashes   []string // Tag h: the only hash functions allowed; nil: all.
	Services []string // Tag s: what the key is for, "*" for everything; nil: everything.
	Flags    []string // Tag t: "y" the domain tests DKIM, "s" the signature may not be for a subdomain.
	Notes    string   // Tag n, for people, as written.
	Data     []byte   // Tag p, decoded. Empty: the key is revoked.
	Others   TagList  // Tags that the standard does not define, the obsolete g among them. They mean nothing.
}

// A Key is a public key of a DKIM record.
type Key struct {
	Type   string // "rsa" or "ed25519".
	Bits   int    // Length of the modulus of an RSA key; 256 for Ed25519.
	Public crypto.PublicKey
}

// Key types, hash functions and services that mail knows (RFC 6376 section 3.6.1, RFC 8301, RFC 8463).
const (
	KeyRSA     = "rsa"
	KeyEd25519 = "ed25519"
	HashSHA256 = "sha256"

	serviceEmail = "email"
	serviceAny   = "*"
)

// IsDKIM reports whether a TXT record is meant as a DKIM key, well made or not: its first tag is a version that
// begins with DKIM, or it has no version and a tag p or k. A wildcard may put the record of another kind
// at the name of a selector.
func IsDKIM(text string) bool {
	if len(text) > maxText {
		return false
	}
	first := true
	for spec := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(spec, "=")
		name, value = trimFWS(name), trimFWS(value)
		if first && strings.EqualFold(name, "v") {
			return len(value) >= 4 && strings.EqualFold(value[:4], "DKIM")
		}
		if name == "p" || name == "k" {
			return true
		}
		first = false
	}
	return false
}

// ParseDKIM reads the record of a key; DKIM.Key says whether there is a key in it. Errors are those of ParseTagList,
// ErrVersion where a v is not first or not exactly DKIM1, ErrMissing without p, ErrBase64 and ErrSyntax for
// lists that are none.
func ParseDKIM(text string) (DKIM, error) {
	tags, err := ParseTagList(text)
	if err != nil {
		return DKIM{}, err
	}
	d := DKIM{KeyType: KeyRSA}
	found := false
	for i, tag := range tags {
		switch tag.Name {
		case "v":
			if i > 0 {
				return DKIM{}, fmt.Errorf("%w: v is not the first tag", ErrVersion)
			}
			if tag.Value != "DKIM1" {
				return DKIM{}, fmt.Errorf("%w: %s is not DKIM1", ErrVersion, quote(tag.Value))
			}
		case "k":
			if !keyword(tag.Value) {
				return DKIM{}, fmt.Errorf("tag k: %w: %s", ErrSyntax, quote(tag.Value))
			}
			d.KeyType = tag.Value
		case "h":
			d.Hashes, err = colonList(tag, keyword)
		case "s":
			d.Services, err = colonList(tag, func(s string) bool { return s == serviceAny || keyword(s) })
		case "t":
			d.Flags, err = colonList(tag, keyword)
		case "n":
			d.Notes = tag.Value
		case "p":
			found = true
			d.Data, err = decode(tag.Value)
		default:
			d.Others = append(d.Others, tag)
		}
		if err != nil {
			return DKIM{}, err
		}
	}
	if !found {
		return DKIM{}, fmt.Errorf("tag p: %w", ErrMissing)
	}
	return d, nil
}

// colonList reads a list between colons, each word of which is valid.
func colonList(tag Tag, valid func(string) bool) ([]string, error) {
	var words []string
	for word := range strings.SplitSeq(tag.Value, ":") {
		if word = trimFWS(word); !valid(word) {
			return nil, fmt.Errorf("tag %s: %w: %s", tag.Name, ErrSyntax, quote(word))
		}
		words = append(words, word)
	}
	return words, nil
}

// keyword reports whether s is a hyphenated-word (RFC 6376 section 2.10): a letter, then letters, digits and hyphens,
// the last of which is no hyphen.
func keyword(s string) bool {
	if s == "" || !isAlpha(s[0]) || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if !isAlnum(c) && c != '-' {
			return false
		}
	}
	return true
}

// decode reads base64 (RFC 4648 section 4), in which white space may stand anywhere (RFC 6376 section 2.10:
// base64string).
func decode(text string) ([]byte, error) {
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n", r) {
			return -1
		}
		return r
	}, text)
	if text == "" {
		return nil, nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("tag p: %w: %d characters, %s", ErrBase64, len(text), quote(text))
	}
	return data, nil
}

// Key returns the public key. Errors are ErrRevoked where there is none, ErrKeyType for a type that nobody defined,
// ErrKey for data that is no key of its type, and ErrWrapped, with the key, for an Ed25519 key that
// is there and that nobody will find, because it is not the bare 32 octets.
func (d DKIM) Key() (Key, error) {
	if len(d.Data) == 0 {
		return Key{}, ErrRevoked
	}
	// RFC 6376 section 3.2: values are compared with their case, unless said otherwise.
	switch d.KeyType {
	case KeyRSA:
		return rsaKey(d.Data)
	case KeyEd25519:
		return ed25519Key(d.Data)
	}
	note := ""
	if kind := strings.ToLower(d.KeyType); kind == KeyRSA || kind == KeyEd25519 {
		note = "; case counts, and only some receivers, such as OpenDKIM, read it as " + kind
	}
	return Key{}, fmt.Errorf("%w: %s%s", ErrKeyType, quote(d.KeyType), note)
}

// rsaKey reads an RSA key. RFC 6376 section 3.6.1 says that p holds an RSAPublicKey (RFC 8017 appendix A.1.1), and its
// examples hold a SubjectPublicKeyInfo (RFC 5280 section 4.1), which all the world publishes: we take both.
func rsaKey(data []byte) (Key, error) {
	var public any
	public, err := x509.ParsePKIXPublicKey(data)
	if err != nil {
		public, err = x509.ParsePKCS1PublicKey(data)
	}
	if err != nil {
		if len(data) == ed25519.PublicKeySize {
			return Key{}, fmt.Errorf("%w: 32 octets are an Ed25519 key without k=ed25519", ErrKey)
		}
		return Key{}, fmt.Errorf("%w: %d octets are no RSA key", ErrKey, len(data))
	}
	key, ok := public.(*rsa.PublicKey)
	if !ok {
		return Key{}, fmt.Errorf("%w: it is a key, but not of RSA", ErrKey)
	}
	if key.E < 3 || key.E%2 == 0 || key.N.Bit(0) == 0 {
		return Key{}, fmt.Errorf("%w: modulus or exponent cannot be right", ErrKey)
	}
	return Key{KeyRSA, key.N.BitLen(), key}, nil
}

// wrapping is what stands before the 32 octets in the SubjectPublicKeyInfo of an Ed25519 key (RFC 8410
// section 4), which is what tools for keys write and RFC 8463 section 4.2 does not want.
var wrapping = []byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}

// ed25519Key reads the 32 octets of an Ed25519 key (RFC 8463 section 4.2).
func ed25519Key(data []byte) (Key, error) {
	octets, wrapped := bytes.CutPrefix(data, wrapping)
	if len(octets) != ed25519.PublicKeySize {
		return Key{}, fmt.Errorf("%w: an Ed25519 key has 32 octets, not %d", ErrKey, len(data))
	}
	key := Key{KeyEd25519, 8 * len(octets), ed25519.PublicKey(octets)}
	if wrapped {
		return key, ErrWrapped
	}
	return key, nil
}

// Testing reports whether the domain says that it only tests DKIM (t=y), so that receivers treat
// its letters as unsigned.
func (d DKIM) Testing() bool { return slices.Contains(d.Flags, "y") }

// ForEmail reports whether the key is for letters.
func (d DKIM) ForEmail() bool {
	return d.Services == nil || slices.Contains(d.Services, serviceAny) || slices.Contains(d.Services, serviceEmail)
}

// AllowsSHA256 reports whether signatures with the one hash function still in use are allowed. RFC 8301
// section 3.1 ended sha1.
func (d DKIM) AllowsSHA256() bool { return d.Hashes == nil || slices.Contains(d.Hashes, HashSHA256) }

// String writes the record in canonical form, v first and everything that was written.
func (d DKIM) String() string {
	tags := TagList{{"v", "DKIM1"}, {"k", d.KeyType}}
	for _, t := range []struct {
		name  string
		words []string
	}{{"h", d.Hashes}, {"s", d.Services}, {"t", d.Flags}} {
		if t.words != nil {
			tags = append(tags, Tag{t.name, strings.Join(t.words, ":")})
		}
	}
	if d.Notes != "" {
		tags = append(tags, Tag{"n", d.Notes})
	}
	tags = append(tags, Tag{"p", base64.StdEncoding.EncodeToString(d.Data)})
	return append(tags, d.Others...).String()
}
