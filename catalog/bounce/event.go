package bounce

import (
	"slices"
	"strings"
	"time"
)

// An Event is what one line of a mail log tells.
type Event struct {
	Kind    EventKind
	Outcome Outcome       // What became of the delivery, or of the attempt; "" for other kinds.
	System  string        // Which program wrote the line: "postfix", "exim", ...; "" where only the reply in it was recognised.
	QueueID string        // Of the message; "" if it is not said.
	Sender  string        // MAIL FROM, if it is said.
	Reply                 // Codes, words, the host that answered, and the recipient.
	Tried   bool          // A host was asked: not so where a queue held the message back.
	Delay   time.Duration // How long the message had been in the queue; 0 if it is not said.
}

// An EventKind says what a line is about.
type EventKind int

// The kinds of events.
const (
	EventOther    EventKind = iota // A line of a known log that tells of no delivery.
	EventDelivery                  // What became of our message to one recipient.
	EventAttempt                   // What one host said. Another line tells what became of the message.
	EventInternal                  // A message was handed to a filter or another part of the same system.
	EventReject                    // Our server refused somebody else.
)

// An Outcome is what became of a delivery.
type Outcome string

// The outcomes.
const (
	Delivered Outcome = "delivered"
	Deferred  Outcome = "deferred" // It will be tried again.
	Bounced   Outcome = "bounced"  // It was given up because of a reply.
	Expired   Outcome = "expired"  // It was given up because of its age.
)

// refuses reports whether an event is about our mail that was not delivered.
func (e *Event) refuses() bool { return e.Kind == EventDelivery && e.Outcome != Delivered }

// outcome tells from the codes what becomes of a message that was refused.
func (r *Reply) outcome() Outcome {
	if r.Code/100 == 4 || r.Code == 0 && !strings.HasPrefix(r.Enhanced, "5") {
		return Deferred
	}
	return Bounced
}

// A Parser reads the lines of one log, one after the other. The zero value is ready to be used.
type Parser struct {
	csv   tracking
	lines int
}

// parsers read the forms that are known, one mail system each. Those that know their lines by their first words come first.
var parsers = []func(string) (Event, bool){
	postfixLine, eximLine, openSMTPDLine, sendmailLine, qmailLine, courierLine, harakaLine, stalwartLine, maddyLine, kerioLine,
	filterLine, sessionLine,
}

// Line reads one line. known is false where the form of the line is none of those that are known; a reply in it is found all the
// same, and the event then has no System.
func (p *Parser) Line(text string) (e Event, known bool) {
	p.lines++
	if text = strings.TrimSpace(text); text == "" || (p.lines < 10 || text[0] == '#') && p.csv.header(text) {
		return Event{}, text != ""
	}
	if e, ok := p.csv.line(text); ok {
		return e, true
	}
	if e, ok := parseLine(text); ok {
		return e, true
	}
	s := &scanner{finder: &finder{}, lines: []line{{text: text}}, last: -1}
	if r, _, _, ok := s.reply(0); ok && (r.Code >= 400 || r.Code == 0 && r.Enhanced != "") {
		e := Event{Kind: EventDelivery, Outcome: r.outcome(), Reply: r, Tried: true}
		if server(text) {
			e.Kind, e.Outcome, e.Server = EventReject, "", ""
		}
		return e, false
	}
	return Event{}, false
}

// parseLine reads a line of the logs whose form is known.
func parseLine(text string) (Event, bool) {
	if inner, ok := journalLine(text); ok {
		text = inner
	}
	for _, parse := range parsers {
		if e, ok := parse(text); ok {
			return e, true
		}
	}
	return Event{}, false
}

// server reports whether a program wrote a line that takes mail from others. Its name then ends so.
func server(text string) bool {
	head := text[:min(len(text), 120)]
	return strings.Contains(head, "smtpd[") || strings.Contains(head, "smtpd:") || strings.Contains(head, "rblsmtpd")
}

// Line finds the reply in a line of a mail log, or in one that was pasted. ok is false where there is none, and where it says
// that a message was delivered.
func Line(text string) (reply Reply, ok bool) {
	text = strings.ToValidUTF8(text[:min(len(text), maxLine)], "\uFFFD")
	if e, ok := (&Parser{}).csv.line(strings.TrimSpace(text)); ok {
		return e.Reply, e.tells()
	}
	if e, ok := parseLine(strings.TrimSpace(text)); ok && (e.Kind != EventOther || e.tells()) {
		return e.Reply, e.tells()
	}
	f := &finder{}
	if r, ok := alone(text); ok {
		return r, r.Code == 0 || r.Code >= 400
	}
	f.text(text, true)
	if all := f.found.result(); len(all) > 0 && (all[0].Code == 0 || all[0].Code >= 400) {
		return all[0], true
	}
	return Reply{}, false
}

// tells reports whether an event holds a reply that refuses, or words of the kind.
func (e *Event) tells() bool {
	return e.Outcome != Delivered && (e.Code >= 400 || e.Code == 0 && e.Enhanced+e.Text != "")
}

// logged looks whether line i is one of a log, with the lines that continue it where it was wrapped by who pasted it.
func (s *scanner) logged(i int) (e Event, next int, ok bool) {
	text := s.lines[i].text
	if strings.Contains(text, "status=") && strings.Contains(text, "dsn=") && !strings.Contains(text, "to=<") {
		for j := i - 1; j >= 0 && j >= i-3 && !s.lines[j].blank() && !strings.Contains(text, "to=<"); j-- {
			text = s.lines[j].text + " " + text
		}
	}
	if e, ok = s.event(text); !ok {
		return e, i + 1, false
	}
	next = i + 1
	for next < len(s.lines) && next-i < 12 && unfinished(text) && !s.lines[next].blank() {
		if _, ok := s.event(s.lines[next].text); ok {
			break
		}
		text += " " + s.lines[next].text
		s.spend(len(text))
		next++
	}
	if next > i+1 {
		e, ok = s.event(text)
	}
	return e, next, ok
}

// event reads a line of a text that may be of a log: it counts where it tells of a delivery or of a refusal. Where only parts of
// lines were pasted, columns of CSV are not known.
func (s *scanner) event(text string) (Event, bool) {
	e, ok := (&tracking{}).line(text)
	if !ok {
		e, ok = parseLine(text)
	}
	return e, ok && (e.Kind != EventOther || e.tells())
}

// unfinished reports whether a line of a log goes on: a bracket is open, or it breaks off where a reply is announced.
func unfinished(text string) bool {
	if at := strings.Index(text, " status="); at >= 0 {
		return strings.Count(text[at:], "(") > strings.Count(text[at:], ")")
	}
	return strings.HasSuffix(text, ":")
}

// replyIn finds the reply in a piece of a line that is known to hold one if there is one.
func replyIn(text string) (Reply, bool) {
	f := &finder{}
	s := &scanner{finder: f, lines: splitLines(text), short: true, pasted: true, last: -1}
	var words Reply
	found := false
	for i := range s.lines {
		if s.lines[i].blank() {
			continue
		}
		r, at, _, ok := s.reply(i)
		if !ok {
			at = len(s.lines[i].text)
		}
		s.notice(i, at)
		if ok {
			r.Server = cmpOr(r.Server, s.server)
			r.Recipient = cmpOr(r.Recipient, s.recipient)
			return r, true
		}
		if r, _, _, ok := s.words(i); ok && !found {
			r.Server = cmpOr(r.Server, s.server)
			r.Recipient = cmpOr(r.Recipient, s.recipient)
			words, found = r, true
		}
	}
	return words, found
}

// after returns what stands between two marks; to the end if the second is "" or missing.
func after(text, mark, end string) string {
	_, rest, ok := strings.Cut(text, mark)
	if !ok {
		return ""
	}
	if end != "" {
		rest, _, _ = strings.Cut(rest, end)
	}
	return rest
}

// program returns the name of the program that wrote a line of syslog and what it wrote: "postfix/smtp" of
// "Oct  5 10:00:00 mx postfix/smtp[123]: text".
func program(text string) (name, rest string, ok bool) {
	head := text[:min(len(text), 160)]
	end := strings.Index(head, ": ")
	if end < 0 {
		return "", "", false
	}
	tag := head[strings.LastIndexByte(head[:end], ' ')+1 : end]
	name, pid, numbered := strings.Cut(tag, "[")
	if numbered && strings.Trim(pid, "0123456789]") != "" || name == "" {
		return "", "", false
	}
	return lower(name), text[end+2:], true
}

// span reads how long something took: "1.2" seconds, "2s", "4d3h", "00:10:00", "1+02:00:00"; 0 if it is none of them.
func span(s string) time.Duration {
	days, rest, _ := strings.Cut(s, "+")
	if rest == "" {
		days, rest = "", s
	}
	if strings.Count(rest, ":") == 2 {
		t, err := time.Parse("15:04:05", rest)
		if err != nil {
			return 0
		}
		d := t.Sub(t.Truncate(24 * time.Hour))
		for range min(number(days), 100) {
			d += 24 * time.Hour
		}
		return d
	}
	if s != "" && isDigit(s[len(s)-1]) {
		s += "s"
	}
	total := time.Duration(0)
	if before, rest, ok := strings.Cut(s, "d"); ok {
		if s = rest; len(before) < 5 {
			total = time.Duration(number(before)) * 24 * time.Hour
		}
	}
	d, err := time.ParseDuration(cmpOr(s, "0s"))
	if err != nil || d < 0 {
		return 0
	}
	return total + d
}

// number reads a small number; 0 for what is none.
func number(s string) (n int) {
	if len(s) > 6 || strings.Trim(s, "0123456789") != "" {
		return 0
	}
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// refused completes an event about a message that was refused.
func refused(system string, r Reply) Event {
	return Event{Kind: EventDelivery, Outcome: r.outcome(), System: system, Reply: r, Tried: true}
}

// rejected makes an event of a reply that our own server gave.
func rejected(system string, r Reply) Event {
	r.Server = ""
	return Event{Kind: EventReject, System: system, Reply: r}
}

// said finds the reply in words that are known to say why; they are its text where no code is among them.
func said(words string) Reply {
	r, ok := replyIn(words)
	if !ok {
		r = Reply{Text: clean(words)}
	}
	return r
}

// oneOf reports whether a word is one of some.
func oneOf(word string, words ...string) bool { return slices.Contains(words, word) }
