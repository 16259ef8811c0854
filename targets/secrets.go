package targets

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// A Secret is a password or key. It prints as "<secret>" however it is printed, is never marshalled, and is
// empty where none is configured.
type Secret struct {
	value *string // A pointer, so that fmt shows an address where it cannot call methods.
}

const hidden = "<secret>"

// NewSecret makes a secret of a value.
func NewSecret(v string) Secret {
	if v == "" {
		return Secret{}
	}
	return Secret{&v}
}

// Value reveals the secret to the one who sends it.
func (s Secret) Value() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Mark tells a secret from most others: from 255 of 256. It is all of a secret that may be written to a disk.
//
// After a restart it must be seen that a password was changed, and any digest by which that is seen for certain lets who reads the
// disk try passwords until one fits; salt and slow functions only make him wait. One octet fits every 256th password, so
// that nothing is found by it. There is no salt for the same reason: with a new one in every file, each file would give
// away eight bits more. The price is that one change in 256 is not seen.
func (s Secret) Mark() byte { return sha256.Sum256([]byte("mark of a secret: " + s.Value()))[0] }

// Format prints "<secret>" for every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// String returns "<secret>".
func (s Secret) String() string { return hidden }

// LogValue is "<secret>" for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText is "<secret>" for encoding/json and its like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalYAML is "<secret>" for YAML.
func (s Secret) MarshalYAML() (any, error) { return hidden, nil }

// Secrets returns every password and key in the configuration, each once, for those who must keep them out of
// what they write.
func (c *Config) Secrets() []string {
	var out []string
	seen := map[string]bool{}
	add := func(s Secret) {
		if v := s.Value(); v != "" && !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	for _, l := range c.Blocklists.Lists {
		add(l.Key)
	}
	for _, t := range c.Targets {
		if t.Server != nil && t.Server.Credentials != nil {
			add(t.Server.Credentials.Password)
		}
	}
	return out
}

// maxSecret is the longest secret, in octets; some keys are whole tokens.
const maxSecret = 8192

// secret reads the value that a mapping names by one of two keys: a file or an environment variable. Neither
// name is repeated in a message, since people put the secret itself there.
func (p *parser) secret(m mapping, fileKey, envKey string) (s Secret, file, env string) {
	switch {
	case m.has(fileKey) && m.has(envKey):
		m.fail("want %s or %s, not both", fileKey, envKey)
		return
	case !m.has(fileKey) && !m.has(envKey):
		if len(m.node.Content) > 0 || m.isNull() {
			m.fail("want %s, the path of a file, or %s, the name of an environment variable", fileKey, envKey)
		}
		return
	}
	m.at(fileKey, func(v value) {
		v.secret = true
		if name, ok := read(v, anyText); ok {
			file = m.doc.under(name)
			s = p.secretFile(v, file)
		}
	})
	m.at(envKey, func(v value) {
		v.secret = true
		name, ok := read(v, anyText)
		if !ok {
			return
		}
		env = name
		text := p.getenv(name)
		if text == "" {
			v.fail("the environment variable that is named here is not set, or empty")
			return
		}
		s = v.oneLine(text)
	})
	return s, file, env
}

// secretFile reads a secret from a file of its own.
func (p *parser) secretFile(v value, file string) Secret {
	p.cfg.inputs = append(p.cfg.inputs, escape(file))
	text, err := readRegular(file)
	if err != nil {
		v.fail("the file that is named here cannot be read: %s", reason(err))
		return Secret{}
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o004 != 0 {
		v.warn("the file can be read by everybody on this machine; take that right away (chmod o-r)")
	}
	return v.oneLine(string(text))
}

// oneLine makes a secret of text that is one line, whose end does not count.
func (v value) oneLine(text string) Secret {
	s, err := secretLine(text)
	if err != nil {
		v.fail("%s", err)
	}
	return s
}

// secretLine is oneLine without a place for the error.
func secretLine(text string) (Secret, error) {
	text = strings.TrimPrefix(text, "\ufeff") // The mark that editors of Windows put before a text.
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	switch {
	case text == "":
		return Secret{}, errors.New("the secret is empty")
	case len(text) > maxSecret || strings.ContainsAny(text, "\x00\r\n"):
		return Secret{}, fmt.Errorf("the secret must be one line of at most %d octets", maxSecret)
	}
	return NewSecret(text), nil
}
