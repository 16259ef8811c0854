package bounce

import (
	"bytes"
	"slices"
	"strings"
)

// A line is one of a text, without quote marks.
type line struct {
	text   string // Without white space around it.
	low    string // The same by lower; made when first needed.
	indent int    // Columns before it, those of quote marks too.
	quotes int    // How many marks of quoting stood before it.
	soft   bool   // It ended in a space: format=flowed (RFC 3676) breaks lines so.
}

func (l *line) blank() bool { return l.text == "" }

func (l *line) lower() string {
	if l.low == "" {
		l.low = lower(l.text)
	}
	return l.low
}

// splitLines takes a text apart. Lines end with CRLF, LF or CR.
func splitLines(text string) []line {
	var lines []line
	for rest := []byte(text); len(rest) > 0 && len(lines) < maxLines; {
		var raw []byte
		raw, rest = cutLine(rest)
		raw = raw[:min(len(raw), maxLine)]
		body, quotes := unquote(raw)
		l := line{indent: len(raw) - len(body), quotes: quotes, soft: len(raw) > 40 && raw[len(raw)-1] == ' '}
		l.text = strings.ToValidUTF8(string(bytes.TrimSpace(body)), "\uFFFD")
		lines = append(lines, l)
	}
	return lines
}

// unquote takes away what programs put before the lines of a text they quote: "> ", "| ". The marks of a dialogue ("<<< 550")
// stay. quotes is how many marks there were.
func unquote(raw []byte) (rest []byte, quotes int) {
	for {
		rest = bytes.TrimLeft(raw, " \t\u00a0")
		if len(rest) == 0 || rest[0] != '>' && rest[0] != '|' {
			return rest, quotes
		}
		raw = rest[1:]
		quotes++
	}
}

// A scanner goes through the lines of one text and remembers what the lines before said.
type scanner struct {
	*finder
	lines     []line
	pasted    bool   // Nobody says that a mail system wrote this.
	short     bool   // It has only a few lines, or is a dialogue: whoever pasted it means each line.
	server    string // Spoken of in this paragraph or the one before.
	recipient string
	reporter  string
	since     int  // Lines since server was said.
	last      int  // Index in found.all of the reply found last; -1 if there is none.
	atStart   int  // Calls of found.add before this text.
	spot      bool // The line before says that a reason follows.
}

// text searches a text. pasted says that it is the whole of what there is, or a letter that a person may have written.
func (f *finder) text(text string, pasted bool) {
	s := &scanner{finder: f, lines: splitLines(text), pasted: pasted && !f.origin.bounce, last: -1, atStart: f.found.accepted}
	saved := f.origin
	defer func() { f.origin = saved }()
	if s.pasted && s.speaksOfReturn() {
		s.pasted, f.origin.bounce, f.origin.kind = false, true, KindBounce
	}
	s.recipient, s.reporter = f.origin.recipient, f.origin.reporter
	s.found.failure = s.found.failure || failing(s.lines)
	full, dialogue := 0, false
	for i := range s.lines {
		if l := &s.lines[i]; !l.blank() {
			full++
			dialogue = dialogue || i < 500 && isCommand(l.lower())
		}
	}
	s.short = pasted && !saved.bounce && (full <= 5 && f.kind == KindText || dialogue)
	for i := 0; i >= 0 && i < len(s.lines); {
		if next := s.line(i); next >= 0 {
			i = max(next, i+1)
		} else {
			i = next
		}
	}
	if f.found.wordless() && (f.origin.bounce || s.short && f.found.failure) {
		s.anywhere()
	}
}

// speaksOfReturn reports whether a text without a header is that of a bounce, or has one in it. What somebody copied is as good
// evidence as the file would be; in a message of a person only the words of mail systems count.
func (s *scanner) speaksOfReturn() bool {
	for i := range s.lines[:min(len(s.lines), 200)] {
		low := s.lines[i].lower()
		if containsAny(low, systemWords) || s.kind == KindText && containsAny(low, returnWords) {
			return true
		}
	}
	return false
}

var (
	// systemWords are in bounces, and in nothing that a person writes.
	systemWords = []string{
		"this is the mail system at host", "created automatically by mail delivery software", "this is the qmail-send program",
		"mailer-daemon@", "undelivered mail returned to sender", "delivery has failed to these recipients", "mail delivery subsystem",
		"did not reach the following recipient", "did not reach some or all of the intended recipients", "generating server:",
		"diagnostic information for administrators", "transcript of session follows", "delivered to one or more of its recipients",
		"had permanent fatal errors", "had delivery problems", "while attempting to deliver a message", "has failed delivery and",
		"original message follows", "automatisch vom mailsystem", "fehler bei der nachrichtenzustellung", "не удалось выполнить доставку следующим",
		"диагностические сведения для администраторов",
	}
	// returnWords are in bounces, and in what is said of other things.
	returnWords = []string{
		"could not be delivered", "couldn't be delivered", "wasn't delivered", "was not delivered", "not able to deliver",
		"unable to deliver", "could not deliver", "cannot be delivered", "undeliverable", "failed recipient", "delivery failed",
		"was automatically rejected", "не доставлено", "не может быть доставлено", "не могло быть доставлено", "nicht zugestellt",
		"n'a pas pu être", "no se pudo entregar", "non può essere consegnato", "não pôde ser entregue", "nie została dostarczona",
	}
)

// failing reports whether a text speaks of something that failed.
func failing(lines []line) bool {
	return slices.ContainsFunc(lines[:min(len(lines), 500)], func(l line) bool { return containsAny(l.lower(), failures) })
}

// TellsOfFailure reports whether a text speaks of something that failed. A code below 400 in it is not what it is about.
func TellsOfFailure(text string) bool { return failing(splitLines(text[:min(len(text), MaxText)])) }

// failures are in texts about something that failed.
var failures = []string{
	"error", "exception", "failed", "failure", "could not", "couldn't", "cannot", "can't", "unable", "not delivered", "undeliver",
	"did not receive", "exit status", "exit code", "x-unix;", "rejected", "refused", "unexpected", "but got", "timed out", "ошибк", "не удалось", "невозможно", "не доставлен",
	"не отправл", "fehler", "fehlgeschlagen", "erreur", "échec",
}

// line looks at a line and returns the next one to be looked at; -1 if the rest is not to be searched.
func (s *scanner) line(i int) int {
	l := &s.lines[i]
	if l.blank() {
		return i + 1
	}
	if strings.Contains(l.text, "ERROR_CODE :") { // Zoho: "ERROR_CODE :550, ERROR_CODE :5.1.1 text".
		l.text, l.low = strings.ReplaceAll(l.text, ", ERROR_CODE :", ", "), ""
		l.text = strings.Replace(l.text, ", ", ", ERROR_CODE :", 1)
	}
	if !s.spend(len(l.text)) {
		return -1
	}
	if s.since++; s.since > 30 {
		s.server = ""
	}
	if i > 0 && l.quotes != s.lines[i-1].quotes && !s.lines[i-1].blank() {
		s.server, s.recipient = "", s.origin.recipient // Somebody else is quoted.
	}
	if next, end := s.returned(i); end {
		return -1
	} else if next > i {
		return next
	}
	if isStatusField(l.lower()) {
		return s.fields(i)
	}
	if e, next, ok := s.logged(i); ok {
		if e.tells() {
			s.take(e.Reply, anchored)
		}
		return next
	}
	if r, at, next, ok := s.reply(i); ok {
		s.notice(i, at)
		s.spot = false
		if at == 0 && i > 0 && strings.HasPrefix(s.lines[i-1].text, "<<<") {
			s.take(r, unknown) // Sendmail says again what it made of the reply above.
			return next
		}
		s.take(r, anchored)
		if h := hostName(r.Text); r.Code == 220 && h != "" {
			s.server, s.since = h, 0 // RFC 5321 section 4.2: who greets says its name first.
		}
		return next
	}
	s.notice(i, len(l.text))
	r, next, w, ok := s.words(i)
	if !ok || w != anchored {
		if r2, next2, w2, ok2 := s.place(i); ok2 {
			r, next, w, ok = r2, next2, w2, ok2
		}
	}
	if ok {
		s.spot = false
		s.take(r, w)
		return next
	}
	return i + 1
}

// take adds a reply with what the lines around it say.
func (s *scanner) take(r Reply, w weight) {
	r.Server = cmpOr(r.Server, s.server)
	r.Recipient = cmpOr(r.Recipient, s.recipient)
	r.Reporter = cmpOr(r.Reporter, s.reporter)
	s.found.add(r, w)
	s.last = len(s.found.all) - 1
}

// fields reads the fields of a delivery status that stand in the text.
func (s *scanner) fields(i int) int {
	end := i
	for end < len(s.lines) && end-i < 200 {
		l := &s.lines[end]
		if !l.blank() && l.indent <= s.lines[i].indent && !isStatusField(l.lower()) && !strings.HasPrefix(l.lower(), "x-") {
			break
		}
		if l.blank() && (end+1 == len(s.lines) || !isStatusField(s.lines[end+1].lower())) {
			break
		}
		end++
	}
	var block strings.Builder
	for _, l := range s.lines[i:end] {
		if l.indent > s.lines[i].indent {
			block.WriteByte(' ')
		}
		block.WriteString(l.text)
		block.WriteByte('\n')
	}
	s.spend(block.Len())
	saved := s.origin
	s.origin.reporter = cmpOr(s.reporter, saved.reporter)
	s.status(block.String())
	s.origin = saved
	return end
}

// copies are what mail systems write above the letter that they return.
var copies = []string{
	"this is a copy of", "line is a copy of", "copy of the original message", "copy of the message", "copy of your message",
	"original message headers", "message headers follow", "message header follows", "header of the original message",
	"headers of the original message",
	"unsent message follows", "original message follows", "returned message -", "message follows ---", "original message is attached",
	"копия письма", "исходного сообщения", "исходное письмо", "заголовки письма", "копия вашего письма", "заголовки сообщения",
}

// returned looks whether the returned letter begins here. end says that it goes on to the end of the text; otherwise next is
// the line after a header that stands in the text, if one does.
func (s *scanner) returned(i int) (next int, end bool) {
	l := &s.lines[i]
	low := l.lower()
	if len(low) <= 160 {
		for _, c := range copies {
			if strings.Contains(low, c) && (headless(l.text[:min(2, len(l.text))]) || s.headerBelow(i)) {
				return 0, s.found.accepted > s.atStart || !s.pasted
			}
		}
		if strings.HasPrefix(low, "--") && strings.Contains(low, "original message") {
			return i + 1, s.found.accepted > s.atStart
		}
		if strings.HasPrefix(low, "content-type:") && (strings.Contains(low, "message/rfc822") || strings.Contains(low, "text/rfc822-headers")) {
			return i + 1, s.found.accepted > s.atStart
		}
	}
	fields, transport := 0, false
	j := i
	for ; j < len(s.lines) && j-i < 500; j++ {
		h := &s.lines[j]
		if h.blank() {
			break
		}
		name, _, ok := cutField([]byte(h.lower()[:min(len(h.text), 100)]))
		switch {
		case ok && (letterFields[name] || fields > 0 && strings.HasPrefix(name, "x-")):
			fields++
			transport = transport || name == "received" || name == "return-path" || name == "dkim-signature"
			continue
		case fields > 0 && h.indent > l.indent:
			continue // Folded.
		}
		break
	}
	if fields < 2 && !transport {
		return i, false
	}
	return j, transport && s.found.accepted > s.atStart
}

// headerBelow reports whether a header begins within a few lines below line i.
func (s *scanner) headerBelow(i int) bool {
	seen := 0
	for j := i + 1; j < len(s.lines) && j <= i+8 && seen < 3; j++ {
		if s.lines[j].blank() {
			continue
		}
		seen++
		if name, _, ok := cutField([]byte(s.lines[j].lower()[:min(len(s.lines[j].text), 100)])); ok && letterFields[name] {
			return true
		}
	}
	return seen == 0
}

// notice remembers of whom and of which host a line speaks up to place end.
func (s *scanner) notice(i, end int) {
	text, low := s.lines[i].text[:end], s.lines[i].lower()[:end]
	if a, only := leadingAddress(text); a != "" && (end == len(s.lines[i].text) || !only || strings.HasSuffix(text, ": ")) {
		if !strings.EqualFold(a, s.recipient) {
			s.server = ""
		}
		s.recipient = a
		if only {
			return
		}
	}
	if a := spokenRecipient(text, low); a != "" {
		s.recipient = a
	}
	if h := spokenReporter(text, low); h != "" {
		s.reporter = h
		if s.last >= 0 && strings.HasPrefix(low, "dsn generated by:") {
			s.found.all[s.last].Reporter = h // Exchange says it below the reply.
		}
		return
	}
	for _, label := range []string{"remote server:", "message rejected by:", "remote system: dns;"} {
		if rest, ok := strings.CutPrefix(low, label); ok {
			h := hostName(rest)
			if h != "" && s.last >= 0 && s.found.all[s.last].Server == "" {
				s.found.all[s.last].Server = h
			}
			s.server, s.since = h, 0
			return
		}
	}
	if h := spokenServer(text, low, end); h != "" {
		s.server, s.since = h, 0
	}
}

// isCommand reports whether a line in lower case is one of a client (RFC 5321 section 4.1.1).
func isCommand(low string) bool {
	low = strings.TrimLeft(low, "<>-~= ")
	for _, c := range []string{"ehlo ", "helo ", "mail from:", "rcpt to:", "starttls"} {
		if strings.HasPrefix(low, c) {
			return true
		}
	}
	return low == "quit" || low == "data"
}

// leadingAddress returns the address that a line begins with: "<a@example.org>:", "a@example.org" alone, "a@example.org: 550". only
// says that there is nothing behind it.
func leadingAddress(text string) (address string, only bool) {
	rest := strings.TrimLeft(text, "<*-• \t")
	n := addressEnd(strings.TrimPrefix(rest, "mailto:"))
	if n == 0 {
		return "", false
	}
	rest = strings.TrimPrefix(rest, "mailto:")
	address, rest = rest[:n], strings.TrimLeft(rest[n:], ">")
	trimmed := strings.TrimSpace(rest)
	switch {
	case trimmed == "" || trimmed == ":":
		return address, true
	case rest[0] == ':' || rest[0] == '(' || rest[0] == ',':
		return address, false
	case strings.HasPrefix(trimmed, "(") || strings.HasPrefix(trimmed, "on ") || strings.HasPrefix(trimmed, "..."):
		return address, false
	}
	return "", false
}

// spokenRecipient returns the recipient whom a line names behind one of the words for it.
func spokenRecipient(text, low string) string {
	for _, word := range []string{
		"rcpt to:", "final-recipient:", "recipient address:", "recipient:", "delivered to ", "delivery to ", "your mail to ", "your message to ",
		"получатель:", "получателю ", "адресату ", "доставить письмо ", "доставлено ", "not listed in", "failed address:", "empfänger:",
		"destinataire:", "destinatario:",
		"收件人", "宛先",
	} {
		at := strings.Index(low, word)
		if at < 0 {
			continue
		}
		rest := strings.TrimLeft(text[at+len(word):], " <\t:'\"：")
		if word == "not listed in" {
			rest = text[:at]
			if a := findAddress(rest); a != "" {
				return a
			}
			continue
		}
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "rfc822;"), " ")
		if n := addressEnd(rest); n > 0 {
			return rest[:n]
		}
	}
	return ""
}

// spokenReporter returns the mail system that says in a line that it writes this.
func spokenReporter(text, low string) string {
	for _, word := range []string{
		"generating server:", "dsn generated by:", "mail system at host ", "send program at ", "mail agent at ", "reporting-mta: dns;",
		"mailer-daemon at ",
		"создавший отчет сервер:", "формирующий сервер:", "this is the mail delivery agent at ", "reported by:", "на хосте ",
	} {
		if at := strings.Index(low, word); at >= 0 {
			return hostName(text[at+len(word):])
		}
	}
	if strings.HasPrefix(low, "this is the ") {
		if at := strings.LastIndex(low, " at "); at >= 0 {
			return hostName(text[at+len(" at "):])
		}
	}
	if strings.HasPrefix(text, "<") && strings.Contains(text, " #") {
		// "<ex.example.org #5.5.0 smtp;554 5.7.1 ...>": so Exchange signs what another server said.
		before, _, _ := strings.Cut(text[1:], " #")
		if h := hostName(before); len(h) == len(before) {
			return h
		}
	}
	return ""
}

// beforeHost are words that the name of the answering host follows, afterHost those it stands before.
var (
	beforeHost = []string{
		"host ", "connect to ", "connection with ", "connection to ", "conversation with ", "talking to ", "server at ",
		"connected to ", "delivered to ", "relay=", "relay=\"",
		"remote-mta: dns;", "remote host: ", "remote mta ", "fqdn=", "response from ", "reply from ", " by ", "h=", "via ",
		"giving up on ", "server for ", "mx ", "сервер ", "сервером ",
		"remote system: dns;", "remote server ", "rejected by ", "remote host ", "refused by ", "server: ",
	}
	afterHost = []string{
		" gave this error", " rejected your message", " did not like our", " does not like", " failed after", " said:", " replied",
		" responded", " #", " returned ", " refused", ": 5", ": 4",
		" ответил", " вернул", " отклонил", " antwortete",
	}
)

// spokenServer returns the host that a line says has answered, looking at what stands before place end; "" if it says none. The
// last one counts.
func spokenServer(text, low string, end int) string {
	if strings.IndexByte(low[:end], '.') < 0 {
		return ""
	}
	start := max(0, end-1024)
	text, low = text[start:end], low[start:end]
	best, host := -1, ""
	for _, word := range beforeHost {
		at := strings.LastIndex(low, word)
		if at < 0 || at <= best || at > 0 && isWordByte(low[at-1]) && isWordByte(word[0]) || strings.HasSuffix(low[:at], "client ") {
			continue
		}
		if h := hostName(text[at+len(word):]); h != "" {
			best, host = at, h
		}
	}
	for _, word := range afterHost {
		at := strings.LastIndex(low, word)
		if at <= best {
			continue
		}
		if h := hostBefore(text[:at]); h != "" {
			best, host = at, h
		}
	}
	return host
}

// hostBefore returns the host that a text ends with: "mx.example.org", "mx.example.org [192.0.2.1]", "(192.0.2.1)".
func hostBefore(text string) string {
	text = strings.TrimRight(text, " \t:")
	address := ""
	if open := strings.LastIndexAny(text, "[("); open >= 0 && len(text)-open < 50 && strings.ContainsAny(text[len(text)-1:], "])") {
		address = hostName(text[open+1:])
		text = strings.TrimRight(text[:open], " \t")
	}
	from := strings.LastIndexAny(text, " \t(<") + 1
	if h := hostName(text[from:]); h != "" && len(h) >= len(text[from:])-1 && (from == 0 || text[from-1] != '<') {
		return h
	}
	return address
}
