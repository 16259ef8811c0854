package bounce

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// statusFields are the fields of a delivery status (RFC 3464 sections 2.2 and 2.3).
var statusFields = []string{
	"reporting-mta:", "final-recipient:", "original-recipient:", "diagnostic-code:", "remote-mta:", "received-from-mta:", "arrival-date:",
	"last-attempt-date:", "will-retry-until:", "original-envelope-id:", "dsn-gateway:", "final-log-id:", "x-actual-recipient:",
}

// isStatusField reports whether a line in lower case is a field of a delivery status, and no sentence that begins alike.
func isStatusField(low string) bool {
	if value, ok := strings.CutPrefix(low, "status:"); ok {
		return enhancedEnd(strings.TrimSpace(value)) > 0
	}
	if value, ok := strings.CutPrefix(low, "action:"); ok {
		value, _, _ = strings.Cut(strings.TrimSpace(value), " ")
		return value == "failed" || value == "delayed" || value == "delivered" || value == "relayed" || value == "expanded"
	}
	for _, p := range statusFields {
		if strings.HasPrefix(low, p) {
			return true
		}
	}
	return false
}

// A recipientStatus is the group of fields about one recipient (RFC 3464 section 2.3).
type recipientStatus struct {
	original, final string
	action          string
	status          string
	diagnostic      string
	remote          string
}

// A statusReader goes through the lines of a delivery status.
type statusReader struct {
	*finder
	reporter string
	group    recipientStatus
	name     string // Of the field that is being read; "" if there is none.
	value    []byte // Its value so far.
}

// status reads a delivery status. Groups are separated by empty lines; some systems forget them, others put them where none
// belong, so a group ends where the next recipient begins too.
func (f *finder) status(text string) {
	if !f.spend(len(text)) {
		return
	}
	s := &statusReader{finder: f, reporter: f.origin.reporter}
	for rest := []byte(text); len(rest) > 0 && f.found.accepted < maxAccepted; {
		var raw []byte
		raw, rest = cutLine(rest)
		s.line(raw[:min(len(raw), maxLine)])
	}
	s.field()
	s.flush()
}

// line takes one line.
func (s *statusReader) line(raw []byte) {
	if len(bytes.TrimSpace(raw)) == 0 {
		s.field()
		if s.group.status != "" || s.group.diagnostic != "" || s.group.action != "" {
			s.flush()
		}
		return
	}
	body, _ := unquote(raw)
	name, value, ok := cutField(body)
	folds := (raw[0] == ' ' || raw[0] == '\t') && s.name != ""
	switch {
	case folds, !ok && s.name == "diagnostic-code": // Some do not fold what they should.
		if len(s.value) < 2*MaxText {
			s.value = append(append(s.value, ' '), bytes.TrimSpace(raw)...)
		}
	case ok:
		s.field()
		s.name, s.value = name, append(s.value[:0], value...)
	}
}

// field takes the field that was read.
func (s *statusReader) field() {
	g, value := &s.group, string(s.value)
	switch s.name {
	case "reporting-mta":
		s.reporter = cmpOr(mtaName(value), s.reporter)
	case "final-recipient":
		if g.final != "" {
			s.flush()
		}
		g.final = typedAddress(value)
	case "original-recipient":
		if g.original != "" && g.final != "" {
			s.flush()
		}
		g.original = typedAddress(value)
	case "action":
		g.action = lower(value)
	case "status":
		g.status = value
	case "diagnostic-code":
		g.diagnostic = cmpOr(g.diagnostic, decodeWords(value))
	case "x-postfix-sender":
		s.sender.add(typedAddress(value))
	case "remote-mta":
		g.remote = mtaName(value)
	}
	s.name, s.value = "", s.value[:0]
}

// flush ends the group about a recipient.
func (s *statusReader) flush() {
	s.recipient(s.group, s.reporter)
	s.group = recipientStatus{}
}

// recipient makes a reply of a group.
func (f *finder) recipient(g recipientStatus, reporter string) {
	if g.diagnostic == "" && g.status == "" {
		return
	}
	r := Reply{Server: g.remote, Recipient: cmpOr(cmpOr(g.final, g.original), f.origin.recipient), Reporter: reporter}
	f.found.failure = f.found.failure || g.action == "failed" || g.action == "delayed"
	good := g.action == "delivered" || g.action == "relayed" || g.action == "expanded"
	enhanced := g.status[:enhancedEnd(g.status)]
	if g.diagnostic == "" {
		r.Enhanced = enhanced
		_, comment, _ := strings.Cut(g.status, "(")
		r.Text = clean(strings.TrimSuffix(comment, ")"))
		w := bare
		if good || strings.HasPrefix(enhanced, "2") {
			w = positive
		}
		if enhanced != "" {
			f.found.add(r, w)
		}
		return
	}
	r.Code, r.Enhanced, r.Text = diagnosis(g.diagnostic)
	if r.Code == 0 && r.Text == "" {
		f.found.add(Reply{Enhanced: cmpOr(r.Enhanced, enhanced), Server: r.Server, Recipient: r.Recipient, Reporter: reporter}, bare)
		return
	}
	if r.Server == "" {
		r.Server = spokenServer(g.diagnostic, lower(g.diagnostic), len(g.diagnostic))
	}
	if r.Code == 0 && r.Enhanced == "" {
		r.Enhanced = enhanced // Where a server replied, its own code counts, and not what a reporter made of it.
	}
	w := anchored
	if good {
		w = positive
	}
	f.found.add(r, w)
}

// diagnosis reads a Diagnostic-Code: "smtp; 550 5.1.1 no such user", or words.
func diagnosis(value string) (codeOf int, enhanced, text string) {
	words := value
	if kind, rest, ok := strings.Cut(value, ";"); ok && !strings.Contains(strings.TrimSpace(kind), " ") && len(kind) < 40 {
		words = strings.TrimSpace(rest)
	}
	if n := len(strings.TrimLeft(words, "0123456789")); n == 0 && strings.HasPrefix(lower(value), "x-unix") {
		return 0, "", "" // The exit status of a program.
	}
	s := &scanner{finder: &finder{}, lines: []line{{text: words}}, short: true, pasted: true, last: -1}
	if codeAt(words, 0) {
		c, _ := readCode(words)
		return c.code, c.enhanced, clean(cutText("", words[c.end:], c))
	}
	if n := enhancedEnd(words); n > 0 && strings.HasPrefix(words[n:], " ") && strings.Contains(words, " (delivery attempts: ") {
		words, _, _ = strings.Cut(words, " (delivery attempts: ") // Cisco's gateways count them.
		s.lines[0] = line{text: words}
	}
	if r, _, _, ok := s.reply(0); ok {
		return r.Code, r.Enhanced, r.Text
	}
	return 0, "", clean(words)
}

// mtaName returns the host of "dns; mx.example.org" (RFC 3464 section 2.1.2), whatever stands behind it.
func mtaName(value string) string {
	_, rest, ok := strings.Cut(value, ";")
	if !ok {
		rest = value
	}
	rest = strings.TrimSpace(rest)
	if h := hostName(rest); h != "" {
		return h
	}
	// A bare name is one too where a field says so.
	name, _, _ := strings.Cut(rest, " ")
	if len(name) > 0 && len(name) < 64 && strings.Trim(lower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" {
		return lower(name)
	}
	return ""
}

// typedAddress returns the address of "rfc822; a@example.org". An address of type utf-8 may have characters as \x{430}
// (RFC 6533 section 3).
func typedAddress(value string) string {
	kind, rest, ok := strings.Cut(value, ";")
	if !ok {
		rest = value
	}
	rest = strings.Trim(strings.TrimSpace(rest), "<>")
	if strings.EqualFold(strings.TrimSpace(kind), "utf-8") {
		rest = unescape(rest)
	}
	if n := addressEnd(rest); n > 0 {
		return rest[:n]
	}
	if a := findAddress(rest); a != "" {
		return a
	}
	if rest = clean(rest); len(rest) < 256 && !strings.Contains(rest, " ") {
		return rest
	}
	return ""
}

// unescape decodes \x{430}.
func unescape(s string) string {
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(s, `\x{`)
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		digits, after, closed := strings.Cut(rest, "}")
		n, err := strconv.ParseUint(digits, 16, 32)
		if !closed || err != nil || !utf8.ValidRune(rune(n)) {
			return s
		}
		out.WriteRune(rune(n))
		s = after
	}
}
