// Package record says what the records mean that a mail domain publishes in DNS. It turns
// text into a struct and a struct into text, and does nothing else: no network, no
// judgement, no clock. What a record should say is for the checks to decide.
//
// The text of a record is what a TXT record holds once its strings are joined without a
// space between them (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2). A string of DNS has 255
// octets at most, so that a 2048-bit key never fits into one; a zone in which the strings
// were joined with a space, or a quote was left inside, is a usual mistake and shows here
// as an error of syntax.
//
// There are two families of syntax. SPF (spf.go) is a list of terms between spaces, read
// from left to right until one matches, whose names may hold macros (macro.go). DKIM keys
// (dkim.go) and most later records are tag lists (taglist.go): name=value between
// semicolons, in any order. The record of MTA-STS (mtasts.go) and that of TLS-RPT (tlsrpt.go) are stricter cousins of
// these; the policy of MTA-STS is a file of lines.
//
// # Text to struct to text
//
// Every parser comes with a String that writes the canonical text: what it writes parses
// to an equal struct, and that struct is written in the same way again. Octets come from
// strangers: a parser takes any of them, in time that grows with the length of the text
// and no faster, and quotes what it shows of them in an error.
//
// # Errors
//
// The kinds of errors below are matched with errors.Is. A record that is not meant to be
// one of its kind (IsSPF, IsDKIM) is no error of the domain: a name may hold TXT records for
// many purposes.
package record

import "errors"

// Kinds of errors in a record.
var (
	ErrTooLong   = errors.New("longer than 65535 octets")
	ErrCharacter = errors.New("character that may not stand here")
	ErrSyntax    = errors.New("syntax error")
	ErrDuplicate = errors.New("stands twice")
	ErrVersion   = errors.New("wrong version")
	ErrMissing   = errors.New("missing")

	// Of SPF.
	ErrMechanism = errors.New("no such mechanism")
	ErrArgument  = errors.New("argument missing or not allowed")
	ErrDomain    = errors.New("not a domain name")
	ErrMacro     = errors.New("bad macro")
	ErrAddress   = errors.New("not an address")
	ErrPrefix    = errors.New("bad prefix length")

	// Of DKIM keys.
	ErrBase64  = errors.New("not base64")
	ErrRevoked = errors.New("key is revoked")
	ErrKeyType = errors.New("unknown key type")
	ErrKey     = errors.New("not a key of its type")
	ErrWrapped = errors.New("key is wrapped in SubjectPublicKeyInfo")

	// Of MTA-STS, TLS-RPT and BIMI.
	ErrTooLarge = errors.New("longer than a policy may be")
	ErrURI      = errors.New("bad URI")
)

const (
	// maxText is what DNS can carry: RDLENGTH has 16 bits (RFC 1035 section 3.2.1).
	maxText = 65535
	// maxQuoted is how much of a stranger's text an error shows, in bytes.
	maxQuoted = 60
)

// quote gives the beginning of a stranger's text for an error.
func quote(text string) string { return Quote(text, maxQuoted) }

// Octet classes of RFC 5234 appendix B.1.

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlnum(c byte) bool { return isAlpha(c) || isDigit(c) }
