package bounce

import "strings"

// reply finds a reply that begins in line i, at a place in it. next is the line after the reply.
func (s *scanner) reply(i int) (r Reply, at, next int, ok bool) {
	l := &s.lines[i]
	tried := 0
	var first place // Of a reply in which there is no word.
	for at = 0; at < len(l.text) && tried < maxTried; at++ {
		if !codeAt(l.text, at) {
			continue
		}
		tried++
		joined, to := s.joined(i, at)
		if !s.spend(len(joined) * (to - i)) {
			return Reply{}, 0, 0, false
		}
		left := evidence{before: l.lower()[:at], lineStart: s.startsLine(i, at), above: s.above(i)}
		c, ok := readCode(joined)
		c.listed = listedAt(l.text, at)
		if !ok || !left.allows(c, joined, s.short) {
			continue
		}
		if first.ok && c.code != first.code {
			continue
		}
		r = Reply{Code: c.code, Enhanced: c.enhanced}
		r.Text = clean(cutText(l.text[:at], joined[c.end:], c))
		if r.Enhanced == "" {
			r.Enhanced = laterEnhanced(r.Code, joined[min(c.end, len(joined)):])
		}
		if r.Text = worded(r.Text); r.Text == "" {
			if !first.ok {
				r.Text = leadingText(l.text[:at], c)
				first = place{true, c.code, r, at, max(to, i+1)}
			}
			continue
		} else if c.quoted {
			r.Text += summed(l.text[:at])
		}
		r.Server = spokenServer(l.text, l.lower(), at)
		r.Recipient = cmpOr(spokenRecipient(l.text[:at], l.lower()[:at]), recipientOf(r.Text))
		return r, at, max(to, i+1), true
	}
	if first.ok {
		first.reply.Server = spokenServer(l.text, l.lower(), first.at)
		first.reply.Recipient = spokenRecipient(l.text[:first.at], l.lower()[:first.at])
		return first.reply, first.at, first.next, true
	}
	if at, c, ok := loneEnhanced(l.text, l.lower()); ok {
		joined, to := s.joined(i, at)
		text := l.text
		if c.end > 0 && at+c.end < len(l.text) && c.leads {
			text = cutText(l.text[:at], joined[c.end:], c)
		} else {
			to = i + 1
		}
		r = Reply{Enhanced: c.enhanced, Text: clean(afterAddress(text))}
		return r, at, max(to, i+1), true
	}
	return Reply{}, 0, 0, false
}

// A place is where a reply was found.
type place struct {
	ok    bool
	code  int
	reply Reply
	at    int
	next  int
}

// worded returns the text of a reply; "" where there are only words that programs put between a code and its text or behind
// it: `code "550", with message "550 5.1.1 ..."`, "SMTP code: 550 Additional SMTP info: 5.7.1".
func worded(text string) string {
	rest := lower(text)
	for _, w := range []string{"with message", "additional smtp info", "error number", "command:", "'rcpt to'", "'auth plain'", "'auth login'"} {
		rest = strings.ReplaceAll(rest, w, "")
	}
	if letters(rest) < 2 {
		return ""
	}
	return text
}

// codeLabels stand before a code that comes behind its words, and take no words behind it.
var codeLabels = []string{
	"smtp code", "smtp error code", "error code", "server error", "response code", "reply code", "status code", "status", "code",
	"код ошибки", "код ответа", "код", "fehlercode", "code d'erreur", "smtp",
}

// leadingText returns the words of a reply whose code stands behind them: "mailbox unavailable [SMTP Error Code 550]". before
// ends where the code begins.
func leadingText(before string, c code) string {
	const around = " \t[({:=,;\"'"
	rest := strings.TrimRight(before, around)
	if c.listed {
		rest = before[:len(before)-1] // "words,553,5.7.1"
	} else {
		low := lower(rest)
		label := ""
		for _, w := range codeLabels {
			if len(w) > len(label) && hasAnySuffix(low, w) {
				label = w
			}
		}
		switch {
		case label != "":
			rest = strings.TrimRight(rest[:len(rest)-len(label)], around)
		case !strings.HasSuffix(before, "(") && !strings.HasSuffix(before, "["):
			return ""
		}
	}
	if _, words, ok := strings.Cut(rest, "Detail: "); ok {
		rest = words
	}
	rest = afterAddress(rest)
	if at := strings.LastIndex(rest, " failed,"); c.listed && at >= 0 {
		rest = rest[at+len(" failed,"):]
	}
	if rest = clean(rest); strings.Count(rest, " ") == 0 {
		return "" // The name of something, and no words.
	}
	return rest
}

// summed returns what a gateway made of a reply that it quotes: "5.1.0 - Unknown address error 550-'no such user'".
func summed(before string) string {
	at := strings.LastIndex(before, " - ")
	if at < 0 || enhancedEnd(before[max(0, at-5):at]) == 0 {
		return ""
	}
	return " (" + clean(before[at+3:]) + ")"
}

// joined returns what stands from place at of line i on, with the lines that continue it, and the line after those.
func (s *scanner) joined(i, at int) (text string, next int) {
	l := &s.lines[i]
	text = l.text[at:min(len(l.text), at+2*MaxText)]
	code := text[:min(3, len(text))]
	more := continues(text)
	j := i + 1
	prev := l
	for ; j < len(s.lines) && j-i < maxJoined && len(text) < 2*MaxText; j++ {
		n := &s.lines[j]
		if n.blank() {
			// Some put an empty line between the lines of one reply.
			if more && j+1 < len(s.lines) && strings.HasPrefix(s.lines[j+1].text, code) {
				continue
			}
			break
		}
		plain := strings.TrimLeft(n.text, "<*~- ")
		switch {
		case strings.HasPrefix(plain, code) && len(plain) > 3 && (plain[3] == '-' || plain[3] == ' '):
			if !more {
				return text, j
			}
			more = plain[3] == '-'
			text += "\n" + plain
			prev = n
			continue
		case closed(l.text[:at], text):
			return text, j
		case structural(n) && !(n.indent > l.indent && n.text[0] == '<') && !(len(text) < 14 && n.text[0] == '<'):
			return text, j
		case codeAt(plain, 0) && !wrapped(l, prev, n):
			return text, j
		case len(text) > 3 && !wrapped(l, prev, n) && !open(l.text[:at], text) && !strings.HasSuffix(text, ":"):
			return text, j
		}
		text += " " + n.text
		prev = n
	}
	return text, j
}

// continues reports whether the last line of a reply that begins with text says that there are more (RFC 5321 section 4.2.1).
func continues(text string) bool { return len(text) > 3 && text[3] == '-' }

// wrapped reports whether n is the rest of prev, which became too long: n is indented below the first line, or prev
// had no place for the first word of n.
func wrapped(first, prev, n *line) bool {
	if prev.soft || n.indent > first.indent {
		return true
	}
	word := strings.IndexByte(n.text, ' ')
	if word < 0 {
		word = len(n.text)
	}
	width := prev.indent + len(prev.text)
	return width <= 84 && width+1+word >= 66
}

// closed reports whether the end of the reply is marked and reached.
func closed(before, text string) bool {
	before = strings.TrimRight(before, " \t#<")
	return strings.HasSuffix(before, "'") && closingQuote(text) >= 0 || strings.Contains(text, "##") ||
		strings.Contains(text, "(in reply to ") && strings.HasSuffix(text, ")")
}

// open reports whether a quotation that began before the reply, or with it, is not closed in text.
func open(before, text string) bool {
	before = strings.TrimRight(before, " \t#<")
	if before == "" {
		return false
	}
	switch before[len(before)-1] {
	case '\'':
		return closingQuote(text) < 0
	case '(':
		return strings.Count(text, "(") >= strings.Count(text, ")") && strings.Contains(before, "status=")
	}
	return false
}

// structural reports whether a line begins something else than the rest of a reply.
func structural(l *line) bool {
	if a, _ := leadingAddress(l.text); a != "" {
		return true
	}
	low := l.lower()
	for _, p := range []string{
		"<<<", ">>>", "<--", "-->", "<-", "->", "<**", "---", "___", "***", "===", "...", "giving up", "generating server",
		"reporting-mta", "received:", "content-", "original message",
		"--", "received-from", "remote server", "remote system", "message rejected by", "warning:", "will keep trying", "message hops",
		"dsn generated", "rcpt to", "mail from", "data", "quit", "from:", "to:", "subject:", "date:", "diagnostic", "failed after",
		"i'm not going", "unable to deliver",
	} {
		if strings.HasPrefix(low, p) {
			return true
		}
	}
	return isStatusField(low)
}

// startsLine reports whether there is nothing before place at but marks of a list, and the line is not the middle of a sentence
// that was broken for its length.
func (s *scanner) startsLine(i, at int) bool {
	l := &s.lines[i]
	if strings.Trim(l.text[:at], " \t*•-\"'«“([#") != "" {
		return false
	}
	if i == 0 || s.lines[i-1].blank() {
		return true
	}
	prev := &s.lines[i-1]
	last := prev.text[len(prev.text)-1]
	return strings.IndexByte(":.!?>]);", last) >= 0 || strings.HasPrefix(prev.text, "--") || prev.indent != l.indent || codeAt(prev.text, 0) || isCommand(prev.lower())
}

// above returns the end of the text before line i, in lower case, if it ends near.
func (s *scanner) above(i int) string {
	for j := i - 1; j >= 0 && j >= i-3; j-- {
		if low := s.lines[j].lower(); low != "" {
			return low[max(0, len(low)-300):]
		}
	}
	return ""
}

// A code is what a reply begins with.
type code struct {
	code     int
	enhanced string
	end      int  // Where its text begins.
	dash     bool // The line says that more follow.
	leads    bool // For an enhanced code alone: the text stands behind it.
	quoted   bool // The text stands in single quotes: 550-'no such user'.
	listed   bool // Words, code and enhanced code are a list with commas between.
}

// codeAt reports whether three digits of a reply stand at a place, and are no part of something longer.
func codeAt(s string, at int) bool {
	if at+3 > len(s) || s[at] < '2' || s[at] > '5' || !isDigit(s[at+1]) || !isDigit(s[at+2]) {
		return false
	}
	if at > 0 {
		if b := s[at-1]; isWordByte(b) || strings.IndexByte(".,/-@+$%&~\\", b) >= 0 && !(at == 1 && b == '-') && !listedAt(s, at) || b >= 0x80 {
			// A non-breaking space or a quotation mark ends with such an octet too.
			if b < 0x80 || !hasAnySuffix(s[:at], "\u00a0", "«", "“", "‘", "：") {
				return false
			}
		}
	}
	if at+3 == len(s) {
		return true
	}
	switch b := s[at+3]; b {
	case ' ', '\t', '\'', '"', ')', ']', '>', ';', '#':
		return true
	case '-', ':', ',', '.':
		return at+4 == len(s) || !isDigit(s[at+4]) || enhancedEnd(s[at+4:]) > 0 || b == '-' && addressAt(s[at+4:])
	}
	return strings.HasPrefix(s[at+3:], "\u00a0")
}

// listedAt reports whether words, a code and an enhanced code stand with commas between: "no such user,550,5.1.1".
func listedAt(s string, at int) bool {
	return at > 1 && s[at-1] == ',' && at+4 < len(s) && s[at+3] == ',' && isLetter(s[at-2]) && enhancedEnd(s[at+4:]) > 0
}

// addressAt reports whether a text begins with an IP address: a reply may begin so, "550-192.0.2.1 is blocked".
func addressAt(s string) bool {
	word, _, _ := strings.Cut(s[:min(len(s), 64)], " ")
	return strings.ContainsAny(word, ".:") && isAddress(strings.TrimRight(word, ":;,."))
}

// readCode reads a code and what stands between it and the text.
func readCode(s string) (c code, ok bool) {
	c.code = int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0')
	c.end = 3
	c.dash = continues(s)
	rest := strings.TrimLeft(s[3:], " \t-\u00a0)],:")
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "b'"), `b"`) // Python shows octets so.
	if strings.HasPrefix(rest, s[:3]+" ") || strings.HasPrefix(rest, s[:3]+"-") {
		rest = strings.TrimLeft(rest[3:], " \t-") // "550 550 5.1.1": one server quotes another.
	}
	if strings.HasPrefix(s[3:], "-'") {
		c.quoted = true
		rest = strings.TrimPrefix(rest, "'")
	}
	bracket := strings.TrimLeft(rest, "#([")
	if n := enhancedEnd(bracket); n > 0 {
		c.enhanced = bracket[:n]
		rest = strings.TrimLeft(bracket[n:], ")]")
	}
	c.end = len(s) - len(strings.TrimLeft(rest, " \t:;,-"))
	return c, true
}

// enhancedEnd returns how long the enhanced status code is that s begins with (RFC 3463 section 2); 0 if there is none.
func enhancedEnd(s string) int {
	if len(s) < 5 || s[0] != '2' && s[0] != '4' && s[0] != '5' || s[1] != '.' {
		return 0
	}
	at := 2
	for part := range 2 {
		digits := 0
		for at < len(s) && isDigit(s[at]) {
			at++
			digits++
		}
		if digits == 0 || digits > 3 {
			return 0
		}
		if part == 0 {
			if at >= len(s) || s[at] != '.' {
				return 0
			}
			at++
		}
	}
	if at == len(s) {
		return at
	}
	// No part of an address, a date, a version.
	more := at+1 < len(s) && isDigit(s[at+1])
	if isWordByte(s[at]) || s[at] == '/' || more && (s[at] == '.' || s[at] == '-') {
		return 0
	}
	return at
}

// cutText returns the text of a reply: rest without what belongs to those who tell of it, and without the codes
// at the beginning of its further lines.
func cutText(before, rest string, c code) string {
	rest = withoutCodes(rest, c)
	if end := closingQuote(rest); c.quoted && end >= 0 {
		rest = rest[:end]
	}
	before = strings.TrimRight(before, " \t#<")
	if before != "" {
		switch before[len(before)-1] {
		case '\'':
			if end := closingQuote(rest); end >= 0 {
				rest = rest[:end]
			}
		case '"', '(', '[', '{', '=':
			closing := map[byte]string{'"': `"`, '(': ")", '[': "]", '{': "}", '=': "}"}[before[len(before)-1]]
			if end := strings.LastIndex(rest, closing); closing == `"` || closing == "}" {
				if end = strings.Index(rest, closing); end >= 0 {
					rest = rest[:end]
				}
			} else if end >= 0 && strings.Count(rest, closing) > strings.Count(rest, string(before[len(before)-1])) {
				rest = rest[:end]
			}
		}
	}
	for _, end := range []string{" (in reply to", "\n(in reply to", "##", "/Giving up on", " Giving up on", " (state ", "};{", "; from=<", "> #SMTP#"} {
		if at := strings.Index(rest, end); at >= 0 {
			rest = rest[:at]
		}
	}
	rest = strings.TrimSpace(rest)
	for _, pair := range []string{"<>", "()", "[]"} {
		if strings.HasSuffix(rest, pair[1:]) && strings.Count(rest, pair[1:]) > strings.Count(rest, pair[:1]) {
			rest = strings.TrimSpace(rest[:len(rest)-1])
		}
	}
	if strings.HasSuffix(rest, `'`) && strings.Count(rest, `'`) == 1 || strings.HasSuffix(rest, `"`) && strings.Count(rest, `"`) == 1 {
		rest = rest[:len(rest)-1]
	}
	return rest
}

// closingQuote returns the place of a single quote that ends a quotation, and is none within a word; -1 if there is none.
func closingQuote(s string) int {
	for from := 0; ; {
		at := strings.IndexByte(s[from:], '\'')
		if at < 0 {
			return -1
		}
		at += from
		if at+1 == len(s) || !isWordByte(s[at+1]) && s[at+1] < 0x80 && (at == 0 || s[at-1] != ' ') {
			return at
		}
		from = at + 1
	}
}

// withoutCodes takes the codes away that the lines of a reply begin with, wherever those lines were joined.
func withoutCodes(s string, c code) string {
	if c.code == 0 {
		return s
	}
	digits := digitsOf(c.code)
	var out strings.Builder
	for {
		at := strings.Index(s, digits)
		if at < 0 {
			out.WriteString(s)
			return out.String()
		}
		end := at + 3
		again := codeAt(s, at) && (at == 0 || s[at-1] == '\n' || s[at-1] == ' ') && end < len(s) && (s[end] == '-' || s[end] == ' ')
		if again {
			n := enhancedEnd(s[end+1:])
			switch {
			case n > 0 && s[end+1:end+1+n] == c.enhanced:
				end += 1 + n
			case c.dash && (at == 0 || s[at-1] == '\n' || s[end] == '-'):
			default:
				again = false
			}
		}
		if again {
			out.WriteString(s[:at])
			out.WriteByte(' ')
		} else {
			out.WriteString(s[:end])
		}
		s = s[end:]
		if again {
			s = strings.TrimLeft(s, " -")
		}
	}
}

// laterEnhanced returns the enhanced code that a mail program puts behind the words: "550: Failed to add recipient (5.1.1 User
// unknown)"; "" if there is none.
func laterEnhanced(code int, text string) string {
	for _, mark := range []string{"(", "(#", "info: "} {
		if _, rest, ok := strings.Cut(text, mark); ok {
			if n := enhancedEnd(rest); n > 0 && rest[0] == byte('0'+code/100) {
				return rest[:n]
			}
		}
	}
	return ""
}

// digitsOf writes a code.
func digitsOf(code int) string {
	return string([]byte{byte('0' + code/100), byte('0' + code/10%10), byte('0' + code%10)})
}

// recipientOf returns the recipient that a reply begins with: "<a@example.org>: Recipient address rejected".
func recipientOf(text string) string {
	if !strings.HasPrefix(text, "<") {
		return ""
	}
	n := addressEnd(text[1:])
	if n == 0 || !strings.HasPrefix(text[1+n:], ">") {
		return ""
	}
	rest := lower(text[2+n : min(len(text), 2+n+40)])
	if strings.HasPrefix(rest, ": sender") {
		return ""
	}
	return text[1 : 1+n]
}

// afterAddress takes an address away that a line begins with.
func afterAddress(text string) string {
	a, _ := leadingAddress(text)
	if a == "" {
		return text
	}
	_, rest, _ := strings.Cut(text, a)
	return strings.TrimLeft(rest, "> :\t.,")
}
