package collector

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

// A redactor finds texts of peers that repeat a secret of the configuration: a server that was given a password once may
// show it in any later session, in another case, split, or encoded. Such a text is left out as a whole, for what is left of
// it would still say where the secret is.
type redactor struct {
	secrets []string
	forms   [numViews]map[string][]string // By their first bytes: one look-up a place, however many secrets there are.
}

// A view is a way to look at a text.
type view int

const (
	letters view = iota // Letters and digits, in lower case: split and in any case, and hexadecimal.
	decoded             // The same after %41, =41, \x41 and \u0041 were decoded.
	base64s             // What may be Base64, of either alphabet.
	numViews
)

const (
	// leastForm is how much of a secret has to be seen: fewer letters stand in texts by chance.
	leastForm = 6
	// maxSecrets is how many secrets are looked for, those of the present configuration first.
	maxSecrets = 20_000
)

// newRedactor returns a redactor for these secrets, and for those of an earlier configuration: a peer may remember them.
// nil: there is none.
func newRedactor(secrets []string, earlier *redactor) *redactor {
	r := &redactor{secrets: slices.Clone(secrets)}
	if earlier != nil {
		present := map[string]bool{}
		for _, s := range secrets {
			present[s] = true
		}
		for _, s := range earlier.secrets {
			if !present[s] {
				r.secrets = append(r.secrets, s)
			}
		}
	}
	if r.secrets = r.secrets[:min(len(r.secrets), maxSecrets)]; len(r.secrets) == 0 {
		return nil
	}
	for v := range r.forms {
		r.forms[v] = map[string][]string{}
	}
	for _, s := range r.secrets {
		r.add(letters, onlyLetters(s))
		r.add(letters, hex.EncodeToString([]byte(s)))
		r.add(letters, onlyLetters(strconv.QuoteToASCII(s)))
		r.add(decoded, onlyLetters(s))
		for offset := range 3 {
			r.add(base64s, base64Inside(s, offset))
		}
	}
	return r
}

func (r *redactor) add(v view, form string) {
	if len(form) >= leastForm {
		r.forms[v][form[:leastForm]] = append(r.forms[v][form[:leastForm]], form)
	}
}

// base64Inside is what stands of s in the Base64 of any text that has s at an offset, modulo 3, whatever is around it.
func base64Inside(s string, offset int) string {
	text := base64.RawStdEncoding.EncodeToString(append(make([]byte, offset), s...))
	begin := (offset*8 + 5) / 6
	end := (offset + len(s)) * 8 / 6
	return text[min(begin, end):end]
}

// repeats reports whether a text holds a secret in any form.
func (r *redactor) repeats(text string) bool {
	if r == nil || len(text) < leastForm {
		return false
	}
	return r.find(letters, onlyLetters(text)) || r.find(base64s, onlyBase64(text)) ||
		strings.ContainsAny(text, `%=\`) && r.find(decoded, onlyLetters(unescape(text)))
}

func (r *redactor) find(v view, text string) bool {
	forms := r.forms[v]
	for i := 0; i+leastForm <= len(text); i++ {
		for _, form := range forms[text[i:i+leastForm]] {
			if strings.HasPrefix(text[i:], form) {
				return true
			}
		}
	}
	return false
}

func onlyLetters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

func onlyBase64(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '+', r == '/':
			return r
		case r == '-':
			return '+'
		case r == '_':
			return '/'
		}
		return -1
	}, text)
}

// unescape decodes the hexadecimal escapes of URLs, quoted-printable and our own quoting. What is no escape stays.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		digits := 0
		switch {
		case text[i] == '%' || text[i] == '=':
			digits = 2
		case strings.HasPrefix(text[i:], `\x`):
			digits, i = 2, i+1
		case strings.HasPrefix(text[i:], `\u`):
			digits, i = 4, i+1
		}
		if n, err := strconv.ParseUint(text[min(i+1, len(text)):min(i+1+digits, len(text))], 16, 32); err == nil && digits > 0 {
			if digits == 2 {
				b.WriteByte(byte(n))
			} else {
				b.WriteRune(rune(n))
			}
			i += 1 + digits
			continue
		}
		b.WriteByte(text[i])
		i++
	}
	return b.String()
}

const withheld = "(left out: it repeats a secret of the configuration)"

var withheldText = catalog.Text{EN: withheld, RU: "(не показано: здесь повторяется секрет из конфигурации)"}

// A withheldError is an error whose text repeats a secret.
type withheldError struct{ err error }

func (withheldError) Error() string   { return withheld }
func (e withheldError) Unwrap() error { return e.err }

// clean takes out of what a check saw all that repeats a secret.
func (r *redactor) clean(result *checks.Result) {
	if r == nil {
		return
	}
	for _, p := range result.Parts {
		if slices.ContainsFunc(p.Evidence, r.repeats) {
			p.Evidence = slices.Clone(p.Evidence) // The check may still have it.
			for i, line := range p.Evidence {
				if r.repeats(line) {
					p.Evidence[i] = withheld
				}
			}
		}
		// A secret may be split over lines, too.
		if r.repeats(strings.Join(p.Evidence, "\n")) {
			p.Evidence = []string{withheld}
		}
		if p.Unknown != nil && r.repeats(p.Unknown.Error()) {
			p.Unknown = withheldError{p.Unknown}
		}
		if r.repeats(p.Name) {
			p.Name = ""
		}
		for i := range p.Findings {
			f := &p.Findings[i]
			if r.repeats(f.Evidence.EN) || r.repeats(f.Evidence.RU) {
				f.Evidence = withheldText
			}
			for name, value := range f.Values {
				if r.repeats(value) {
					f.Values = f.Values.With(nil)
					delete(f.Values, name)
				}
			}
		}
	}
}
