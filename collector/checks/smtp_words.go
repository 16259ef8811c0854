package checks

import (
	"crypto/tls"
	"regexp"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
)

// peersWord says what the server said in place of a reply or of TLS, in evidence; "" if it said nothing.
func peersWord(step *smtpclient.Step) catalog.Text {
	switch {
	case step.Alert != "":
		return say(": the server ended TLS with the alert %q", step.Alert)
	case step.Said != "":
		return say(": the server said %q%s", strings.TrimRight(step.Said, "\r\n"), speaker(step))
	case step.Failure == smtpclient.FailureTLSHandshake:
		return say(": %s", step.Detail())
	}
	return catalog.Text{}
}

// speakers are the protocols that show in the first octets of a server.
var speakers = []struct {
	first *regexp.Regexp
	as    catalog.Text
}{
	{regexp.MustCompile(`^\* (?:OK|PREAUTH|BYE|BAD)`), say(", as an IMAP server does")},
	{regexp.MustCompile(`^(?:\+OK|-ERR)`), say(", as a POP3 server does")},
	{regexp.MustCompile(`(?i)^(?:HTTP/|<!doctype|<html)`), say(", as a web server does")},
	{regexp.MustCompile(`^SSH-`), say(", as an SSH server does")},
	{regexp.MustCompile(`^[\x14-\x17]\x03[\x00-\x04]`), say(", as a server that wants TLS at once does")},
}

// plainReply is a reply in clear.
var plainReply = regexp.MustCompile(`^[2-5][0-9]{2}[ -]`)

// speaker says what kind of server speaks like this, where it can be told.
func speaker(step *smtpclient.Step) catalog.Text {
	for _, s := range speakers {
		if s.first.MatchString(step.Said) {
			return s.as
		}
	}
	if step.Stage == smtpclient.StageTLS && plainReply.MatchString(step.Said) {
		return say(", in plain text where TLS should begin")
	}
	return catalog.Text{}
}

// noCommonCipher reports whether a server ended the handshake for want of a cipher that both sides have, before it showed a certificate. Go has
// no Diffie-Hellman key exchange without elliptic curves (DHE), which OpenSSL has, so the want may be ours. After the certificate
// the same alert is about something else, a certificate of ours for example.
func noCommonCipher(s *smtpclient.Session, step *smtpclient.Step) bool {
	return len(s.Chain) == 0 && (step.Alert == "handshake failure" || step.Alert == "insufficient security level")
}

// findOldCipher finds that TLS was agreed on with a cipher that today's clients do not offer or are about to drop: RSA key exchange without forward
// secrecy, CBC with SHA-2, 3DES, RC4 (RFC 9325 section 4.1, RFC 7465, RFC 8429). It was offered after all others.
func (d dialogue) findOldCipher() {
	state := d.s.TLS
	if state == nil || !slices.ContainsFunc(tls.InsecureCipherSuites(), func(c *tls.CipherSuite) bool { return c.ID == state.CipherSuite }) {
		return
	}
	d.p.Find("smtp_tls_old_cipher", "", say("%s: the server chose %s with %s, though better ciphers were offered",
		d.addr, tls.CipherSuiteName(state.CipherSuite), tls.VersionName(state.Version)))
}
