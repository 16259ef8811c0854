package bounce

import (
	"net/netip"
	"strings"
)

// A Result is what the receiver found by one method (RFC 8601 section 2.7).
type Result struct {
	Method string // In lower case: spf, dkim, dmarc, arc, ...
	Value  string // In lower case: pass, fail, none, ...
	Reason string // What is in parentheses behind it, or behind reason=.
	// What was tested, as far as it is said.
	MailFrom   string // smtp.mailfrom, of SPF.
	HeaderFrom string // header.from, of DMARC.
	Domain     string // header.d, or what stands behind the @ of header.i, of DKIM; in lower case.
	Selector   string // header.s, of DKIM; in lower case.
}

// results reads the topmost Authentication-Results and, of the same author, those with it. RFC 8601 section 5 lets a reader believe only
// what a server wrote that it trusts, and has the receiver remove forgeries of its own name. Not all do so, and what a sender puts in
// lies below the receiver's Received line: the fields end for us with the next one.
func (l *Letter) results(e entity) {
	seen, over := false, false
	for _, f := range e.fields {
		if f.name == "received" && seen {
			over = true
		}
		if f.name != "authentication-results" {
			continue
		}
		author, results := readResults(f.value)
		switch {
		case !seen && len(results) > 0:
			seen, l.AuthServer = true, author
			l.Results = results
		case !seen:
		case over || author != l.AuthServer:
			l.Foreign++
		default:
			l.Results = append(l.Results, results...)
		}
	}
	l.Results = l.Results[:min(len(l.Results), MaxResults)]
}

// client returns the address whose right to send the receiver says it tested ("domain of example.org designates 203.0.113.9 as permitted
// sender"); invalid where it does not say.
func (l *Letter) client() netip.Addr {
	for _, r := range l.Results {
		if r.Method == "spf" {
			return addressIn(r.Reason)
		}
	}
	return netip.Addr{}
}

// maxResultField is how many octets of an Authentication-Results field are looked at.
const maxResultField = 16 << 10

// readResults reads one field. Exchange Online leaves the author out.
func readResults(field string) (author string, results []Result) {
	field = toUTF8([]byte(field[:min(len(field), maxResultField)]), "")
	for i, part := range splitTop(field, ';') {
		words := splitTop(strings.TrimSpace(part), ' ')
		if i == 0 && !strings.Contains(words[0], "=") {
			if author = hostName(words[0]); author == "" {
				author = text(lower(words[0]))
			}
			continue
		}
		if r, ok := readResult(words); ok && len(results) < MaxResults {
			results = append(results, r)
		}
	}
	return author, results
}

// readResult reads "spf=pass (reason) smtp.mailfrom=example.org".
func readResult(words []string) (r Result, ok bool) {
	for _, w := range words {
		if strings.HasPrefix(w, "(") {
			if r.Reason == "" && r.Method != "" {
				r.Reason = text(strings.Trim(w, "()"))
			}
			continue
		}
		name, value, found := strings.Cut(w, "=")
		if !found {
			continue
		}
		name, value = lower(name), text(strings.Trim(value, `"`))
		if r.Method == "" {
			name, _, _ = strings.Cut(name, "/") // A version.
			r.Method, r.Value = text(name), lower(value)
			if !isWord(r.Method) || !isWord(r.Value) {
				return Result{}, false
			}
			continue
		}
		switch name {
		case "reason":
			r.Reason = cmpOr(r.Reason, value)
		case "smtp.mailfrom", "smtp.mail":
			r.MailFrom = value
		case "header.from":
			r.HeaderFrom = lower(value)
		case "header.d":
			r.Domain = lower(value)
		case "header.i":
			r.Domain = cmpOr(r.Domain, DomainOf(value))
		case "header.s":
			r.Selector = lower(value)
		}
	}
	return r, r.Method != ""
}

// isWord reports whether s is a keyword of RFC 8601 section 2.2.
func isWord(s string) bool {
	if s == "" || len(s) > 30 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// splitTop splits at a separator that is neither within parentheses nor within quotes. A comment is a word of its own; a space separates
// as any white space does. There is at least one part.
func splitTop(s string, sep byte) (parts []string) {
	depth, quoted, start := 0, false, 0
	cut := func(to int) {
		if part := s[start:to]; sep != ' ' || part != "" {
			parts = append(parts, part)
		}
	}
	for i := 0; i < len(s) && len(parts) < 200; i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			if depth == 0 && sep == ' ' {
				cut(i)
				start = i
			}
			depth++
		case c == ')' && depth > 0:
			if depth--; depth == 0 && sep == ' ' {
				cut(i + 1)
				start = i + 1
			}
		case depth > 0:
		case c == sep, sep == ' ' && (c == '\t' || c == '\r' || c == '\n'):
			cut(i)
			start = i + 1
		}
	}
	cut(len(s))
	if len(parts) == 0 {
		parts = []string{""}
	}
	return parts
}
