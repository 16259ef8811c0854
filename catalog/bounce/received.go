package bounce

import (
	"net/mail"
	"net/netip"
	"strings"
	"time"
)

// An Answer is yes, no, or not said.
type Answer string

// The answers. Unsaid is the zero value.
const (
	Unsaid Answer = ""
	Yes    Answer = "yes"
	No     Answer = "no"
)

// A Hop is what one Received line tells: a server took the letter from somebody.
type Hop struct {
	Helo     string     // The name by which the other called itself (EHLO), in lower case, or the address that it gave for one; "" if it is not said.
	PTR      string     // The name that the server found for the other's address, in lower case; "" if it is not said.
	Address  netip.Addr // From where the other connected; invalid if it is not said.
	NoPTR    Answer     // Yes: the server says that it found no name for the address.
	By       string     // The server, which wrote the line, in lower case; an address where it gives no name.
	Protocol string     // As RFC 3848 calls it, in upper case: ESMTPS; "" for others.
	TLS      Answer     // Was the connection encrypted?
	Login    bool       // The other had logged in: a mail program, not another mail system.
	Time     time.Time  // When the server took the letter; zero if it cannot be read.
}

// A clause is a word of a Received line and what follows it until the next (RFC 5321 section 4.4).
type clause struct {
	value    string // Outside of parentheses.
	comments string // Within parentheses, which are where servers write what they know.
}

// maxReceived is how many octets of a Received line are looked at.
const maxReceived = 8 << 10

// readReceived reads a line of whatever server. What is not said stays empty.
func readReceived(line string) Hop {
	line = toUTF8([]byte(line[:min(len(line), maxReceived)]), "")
	clauses, comments, date := splitReceived(line)
	var h Hop
	from, by, with := clauses["from"], clauses["by"], clauses["with"]
	h.Helo = heloOf(from)
	h.Address = addressIn(from.comments)
	if !h.Address.IsValid() {
		h.Address = addressIn(from.value)
	}
	h.PTR, h.NoPTR = ptrOf(from)
	if h.NoPTR == Yes && h.Helo == "unknown" {
		h.Helo = ""
	}
	h.By = limited(hostName(by.value))
	if h.PTR == "" && strings.HasPrefix(from.comments, "[") && sameOperator(h.By, "mx.google.com") {
		h.NoPTR = Yes
	}
	h.protocol(with, lower(comments))
	if t, err := mail.ParseDate(date); err == nil && t.Year() > 1980 && t.Year() < 2200 {
		h.Time = t.UTC()
	}
	return h
}

// splitReceived cuts a line into its clauses. comments are all that is in parentheses, date is what stands behind the last semicolon.
func splitReceived(line string) (clauses map[string]clause, comments, date string) {
	clauses = map[string]clause{}
	var all, value, inside strings.Builder
	word := "" // Of the clause that is read.
	end := func() {
		if _, twice := clauses[word]; !twice && word != "" {
			clauses[word] = clause{strings.TrimSpace(value.String()), inside.String()}
		}
		value.Reset()
		inside.Reset()
	}
	depth, start := 0, 0
	flush := func(to int) { // A word outside of parentheses.
		w := line[start:to]
		switch l := lower(w); l {
		case "from", "by", "via", "with", "id", "for":
			if _, twice := clauses[l]; !twice && l != word {
				end()
				word = l
				return
			}
		}
		value.WriteString(w + " ")
	}
	for i := range len(line) {
		switch c := line[i]; {
		case c == '(':
			if depth == 0 {
				flush(i)
			} else {
				inside.WriteByte(' ')
			}
			depth++
			start = i + 1
		case c == ')' && depth > 0:
			if depth--; depth == 0 {
				inside.WriteByte('\n')
				all.WriteByte('\n')
			}
			start = i + 1
		case depth > 0:
			inside.WriteByte(c)
			all.WriteByte(c)
		case c == ';':
			flush(i)
			start, date = i+1, line[i+1:]
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if i > start {
				flush(i)
			}
			start = i + 1
		}
	}
	if depth == 0 && start < len(line) {
		flush(len(line))
	}
	end()
	return clauses, all.String(), strings.TrimSpace(date)
}

// heloOf returns how the other called itself: the word behind from, but where the server says it in a comment, as qmail and Exim do.
func heloOf(from clause) string {
	low := lower(from.comments)
	for _, mark := range []string{"helo ", "helo=", "ehlo ", "ehlo="} {
		if i := strings.Index(low, mark); i >= 0 {
			if name := hostName(from.comments[i+len(mark):]); name != "" {
				return limited(name)
			}
		}
	}
	first, _, _ := strings.Cut(from.value, " ")
	if name := hostName(first); name != "" {
		return limited(name)
	}
	return limited(text(lower(first)))
}

// limited leaves out what is longer than any name.
func limited(s string) string {
	if len(s) > 253 {
		return ""
	}
	return s
}

// ptrOf returns the name that a server found for an address. Postfix, Gmail, Yandex and sendmail write it before the address in a comment:
// (out.example.org [203.0.113.9]); Postfix writes unknown, Gmail nothing where there is none.
func ptrOf(from clause) (name string, none Answer) {
	for comment := range strings.SplitSeq(from.comments, "\n") {
		before, _, bracketed := strings.Cut(comment, "[")
		if before = strings.TrimSpace(before); !bracketed {
			continue
		}
		if i := strings.LastIndexAny(before, " @"); i >= 0 {
			before = before[i+1:]
		}
		switch {
		case lower(before) == "unknown":
			return "", Yes
		case before != "" && !isAddress(before):
			return limited(hostName(before)), Unsaid
		}
	}
	return "", Unsaid
}

// addressIn finds an address in a text: in brackets, or alone.
func addressIn(s string) netip.Addr {
	s = s[:min(len(s), 1000)]
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(" \t\n[](),;<>", r) }) {
		if len(word) > 7 && strings.EqualFold(word[:5], "ipv6:") {
			word = word[5:]
		}
		if a, err := netip.ParseAddr(word); err == nil {
			return a.Unmap().WithZone("")
		}
		if at, err := netip.ParseAddrPort(word); err == nil {
			return at.Addr().Unmap().WithZone("")
		}
	}
	return netip.Addr{}
}

// protocol reads how the letter came. RFC 3848: a final S says that there was TLS, an A that the other had logged in. Servers that do not
// know the register say it in a comment.
func (h *Hop) protocol(with clause, comments string) {
	word, _, _ := strings.Cut(with.value, " ")
	word = strings.ToUpper(word)
	told := containsAny(comments, []string{"version=tls", "using tls", "tls1", "tlsv1", "cipher=", "tls cipher"}) && !containsAny(comments, []string{"version=none", "tls=none"})
	switch word {
	case "ESMTPS", "ESMTPSA", "LMTPS", "LMTPSA", "UTF8SMTPS", "UTF8SMTPSA", "UTF8LMTPS", "UTF8LMTPSA", "HTTPS":
		h.Protocol, h.TLS = word, Yes
	case "SMTP", "ESMTP", "ESMTPA", "LMTP", "LMTPA", "UTF8SMTP", "UTF8SMTPA", "UTF8LMTP", "UTF8LMTPA":
		h.Protocol = word
		if h.Address.IsValid() {
			h.TLS = No
		}
	}
	if told {
		h.TLS = Yes
	}
	h.Login = strings.HasSuffix(h.Protocol, "A") || containsAny(comments, []string{"authenticated sender", "authenticated-user", "authenticated as"})
}

// entry finds, in the lines from the last to the first, the one in which the receiver's first server tells who connected to it. client is
// the address that the receiver says it tested, and finds it where it is known. Otherwise it is the first line with a public
// address that is not of the receiver's own, or, where all are of one operator, as for a letter between two mailboxes of one provider, the
// first with a public address. -1: there is none.
func entry(hops []Hop, client netip.Addr) int {
	first, foreign, receiver := -1, -1, ""
	for i, h := range hops {
		named := h.By != "" && !isAddress(h.By)
		if receiver == "" && named {
			receiver = h.By
		}
		if named && !sameOperator(h.By, receiver) {
			break // Of somebody before the receiver, and not to be believed.
		}
		if h.Login || !public(h.Address) {
			continue
		}
		if h.Address == client {
			return i
		}
		if first < 0 {
			first = i
		}
		// The name that the receiver found outweighs the one that the other gave.
		if foreign < 0 && !sameOperator(cmpOr(h.PTR, h.Helo), receiver) {
			foreign = i
		}
	}
	if foreign >= 0 {
		return foreign
	}
	return first
}

// public reports whether an address may be one of the world's: what is private or shared is inside somebody's network.
func public(a netip.Addr) bool {
	return a.IsValid() && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsUnspecified() && !a.IsMulticast() && !shared.Contains(a)
}

// shared is the range of RFC 6598 between a provider and its customers.
var shared = netip.MustParsePrefix("100.64.0.0/10")
