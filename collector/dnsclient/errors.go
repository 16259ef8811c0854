package dnsclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Reason names the fault in err in the words of Options.Observe: "timeout", "servfail",
// "refused", or "error" for any other. It is "" for nil.
func Reason(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrBadAnswer):
		return "error" // Even if time ran out while a better one was waited for.
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, ErrServFail):
		return "servfail"
	case errors.Is(err, ErrRefused):
		return "refused"
	}
	return "error"
}

// A responseCodeError is the code of a message that is not an answer (RFC 1035 section 4.1.1).
type responseCodeError int

// rcodeError is the error of a response code, nil if it is that of an answer.
func rcodeError(rcode int) error {
	if rcode == dns.RcodeSuccess || rcode == dns.RcodeNameError {
		return nil
	}
	return responseCodeError(rcode)
}

// String gives its name, as in "NOTIMP".
func (r responseCodeError) String() string {
	if name, ok := dns.RcodeToString[int(r)]; ok {
		return name
	}
	return fmt.Sprintf("response code %d", int(r))
}

func (r responseCodeError) Error() string {
	switch r {
	case dns.RcodeServerFailure, dns.RcodeRefused:
		return r.Unwrap().Error()
	}
	return fmt.Sprintf("%v: %v", r.Unwrap(), r.String())
}

// Unwrap gives the error of this package that stands for it.
func (r responseCodeError) Unwrap() error {
	if r == dns.RcodeRefused {
		return ErrRefused
	}
	return ErrServFail
}

// notUnderstood tells whether err is FORMERR or NOTIMP, which a server gives that does not know EDNS.
func notUnderstood(err error) bool {
	var r responseCodeError
	return errors.As(err, &r) && (r == dns.RcodeFormatError || r == dns.RcodeNotImplemented)
}

// ResponseCode names the response code that led to err, as in "SERVFAIL" or "NOTIMP"; "" if none did.
func ResponseCode(err error) string {
	var r responseCodeError
	if !errors.As(err, &r) {
		return ""
	}
	return r.String()
}

// A failure is an error as callers get it. Its text is redacted, and beneath it are only
// errors whose text cannot hold a key: the sentinels and those of a context.
type failure struct {
	text  string
	kinds []error
}

func (f *failure) Error() string   { return f.text }
func (f *failure) Unwrap() []error { return f.kinds }

// tell makes the error that a caller gets of one that happened while he asked for name.
func (c *Client) tell(what, name string, err error) error {
	if err == nil {
		return nil
	}
	subject := fmt.Sprintf("%q", c.redact(name)) // Before it is quoted, too: quotes may disguise a key.
	if len(name) > 255 {
		subject = "a name"
	}
	f := &failure{text: c.redact(fmt.Sprintf("look up %s of %s: %v", what, subject, err))}
	for _, kind := range []error{
		ErrTimeout, ErrServFail, ErrRefused, ErrBadAnswer, ErrAlias, ErrTooLarge, ErrNetwork, ErrBadName, ErrDoubtful,
		context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, kind) {
			f.kinds = append(f.kinds, kind)
		}
	}
	if code, ok := errors.AsType[responseCodeError](err); ok {
		f.kinds = append(f.kinds, code)
	}
	if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrBadAnswer) {
		f.kinds = append(f.kinds, ErrTimeout)
	}
	return f
}

// redactor returns a function that replaces every one of secrets in a text, in whatever
// case it stands there.
func redactor(secrets []string) func(string) string {
	var words []string
	for _, s := range secrets {
		if s = strings.TrimSpace(s); s != "" {
			words = append(words, s)
		}
	}
	if len(words) == 0 {
		return func(text string) string { return text }
	}
	// The longest first, lest a secret that begins like another leave its end behind.
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return func(text string) string {
		var b strings.Builder
		for len(text) > 0 {
			n := secretAt(text, words)
			if n > 0 {
				b.WriteString("***")
			} else {
				n = 1
				b.WriteByte(text[0])
			}
			text = text[n:]
		}
		return b.String()
	}
}

// secretAt gives the length of the word that text begins with, or 0.
func secretAt(text string, words []string) int {
	for _, w := range words {
		if len(w) <= len(text) && strings.EqualFold(text[:len(w)], w) {
			return len(w)
		}
	}
	return 0
}
