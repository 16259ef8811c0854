package bounce

import (
	"strings"
)

// A kind says what a line of a mail log tells.
type kind int

const (
	nothing  kind = iota // No reply.
	refused              // Our mail was refused or put off.
	accepted             // Our mail was taken.
	inbound              // We refused mail of others.
	attempt              // One host refused; the line that tells what became of the letter is to come.
	silent               // A line of a log that is known, which tells of no reply.
)

// Line finds the reply in a line of a mail log, or in one that was pasted. ok is false where there is none, and where it says
// that a letter was delivered.
func Line(text string) (reply Reply, ok bool) {
	text = strings.ToValidUTF8(text[:min(len(text), maxLine)], "\uFFFD")
	if r, kind := logLine(strings.TrimSpace(text)); kind != nothing {
		return r, kind != accepted && kind != silent && (r.Code >= 400 || r.Code == 0 && r.Enhanced+r.Text != "")
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

// logged looks whether line i is one of a log, with the lines that continue it where it was wrapped by who pasted it.
func (s *scanner) logged(i int) (r Reply, k kind, next int) {
	text := s.lines[i].text
	if strings.Contains(text, "status=") && strings.Contains(text, "dsn=") && !strings.Contains(text, "to=<") {
		for j := i - 1; j >= 0 && j >= i-3 && !s.lines[j].blank() && !strings.Contains(text, "to=<"); j-- {
			text = s.lines[j].text + " " + text
		}
	}
	if r, k = logLine(text); k == nothing {
		return r, k, i + 1
	}
	next = i + 1
	for next < len(s.lines) && next-i < 12 && unfinished(text) && !s.lines[next].blank() {
		if _, k := logLine(s.lines[next].text); k != nothing {
			break
		}
		text += " " + s.lines[next].text
		s.spend(len(text))
		next++
	}
	if next > i+1 {
		r, k = logLine(text)
	}
	return r, k, next
}

// unfinished reports whether a line of a log goes on: a bracket is open, or it breaks off where a reply is announced.
func unfinished(text string) bool {
	if at := strings.Index(text, " status="); at >= 0 {
		return strings.Count(text[at:], "(") > strings.Count(text[at:], ")")
	}
	return strings.HasSuffix(text, ":")
}

// logLine reads a line of the logs whose form is known.
func logLine(text string) (Reply, kind) {
	for _, form := range []func(string) (Reply, kind){postfixLine, eximLine, openSMTPDLine, sendmailLine, qmailLine, sessionLine, trackingLine} {
		if r, k := form(text); k != nothing {
			return r, k
		}
	}
	return Reply{}, nothing
}

// postfixLine reads what Postfix logs:
//
//	postfix/smtp[12]: 4F7: to=<a@example.org>, relay=mx.example.org[192.0.2.1]:25, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 ...)
//	postfix/smtpd[12]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 ...
func postfixLine(text string) (Reply, kind) {
	text = " " + text
	if at := strings.Index(text, "reject: "); at >= 0 && containsAny(text[:at], []string{"NOQUEUE: ", "postfix/"}) {
		r, ok := replyIn(text[at:])
		if !ok {
			// A milter gives an enhanced code only.
			why, _, _ := strings.Cut(text[strings.LastIndex(text, "]: ")+len("]: "):], "; from=<")
			if r, ok = replyIn(why); !ok {
				r = Reply{Text: clean(why)}
			}
		}
		r.Recipient = loggedAddress(text)
		r.Server = ""
		return r, inbound
	}
	at := strings.Index(text, " status=")
	if at < 0 {
		for _, word := range []string{": host ", ": connect to ", ": lost connection with ", ": conversation with "} {
			if at := strings.Index(text, word); at >= 0 && strings.Contains(text[:at], "postfix") {
				if r, ok := replyIn(text[at+len(": "):]); ok {
					return r, attempt
				}
			}
		}
		return Reply{}, nothing
	}
	word, detail, _ := strings.Cut(text[at+len(" status="):], " ")
	word = strings.Trim(word, ",")
	recipient := loggedAddress(text)
	if recipient == "" && !strings.Contains(text, " from=<") {
		return Reply{}, nothing
	}
	detail = strings.TrimSpace(detail)
	if strings.HasPrefix(detail, "(") {
		detail = strings.TrimSuffix(detail[1:], ")")
	}
	switch word {
	case "sent", "deliverable":
		return Reply{}, accepted
	case "bounced", "deferred", "undeliverable", "softbounce", "SOFTBOUNCE":
	case "expired":
		return Reply{Text: clean("delivery expired, " + detail), Reporter: ""}, refused
	default:
		return Reply{}, nothing
	}
	r := Reply{}
	if found, ok := replyIn(detail); ok {
		r = found
	} else {
		r.Text = clean(detail)
	}
	r.Recipient = recipient
	if dsn := after(text, " dsn=", ","); r.Code == 0 && r.Enhanced == "" && enhancedEnd(dsn) == len(dsn) {
		r.Enhanced = dsn
	}
	if r.Server == "" {
		r.Server = hostName(after(text, " relay=", ","))
	}
	return r, refused
}

// loggedAddress returns the recipient that Postfix logs, which may be a name without a domain.
func loggedAddress(text string) string {
	to := after(text, " to=<", ">")
	if len(to) > 320 {
		return ""
	}
	return clean(to)
}

// eximLine reads what Exim logs: "** address" is a failure, "== address" a deferral, "=>" and "->" deliveries.
func eximLine(text string) (Reply, kind) {
	at := -1
	mark := ""
	for _, m := range []string{" ** ", " == ", " => ", " -> "} {
		if i := strings.Index(text, m); i >= 0 && (at < 0 || i < at) && eximID(text[:i]) {
			at, mark = i, m
		}
	}
	if at < 0 {
		if i := strings.Index(text, " rejected "); i >= 0 && containsAny(" "+text[:i], []string{" H=", " F=<"}) {
			if r, ok := replyIn(text[i:]); ok {
				return r, inbound
			}
			_, why, _ := strings.Cut(text[i:], ": ")
			return Reply{Text: clean(why)}, inbound
		}
		if before := wordsBefore(text, 3); eximID(before) {
			rest := strings.TrimSpace(text[len(before):])
			if r, ok := replyIn(rest); ok && strings.HasPrefix(rest, "H=") {
				if _, why, _ := strings.Cut(rest, "] "); r.Code == 0 && why != "" {
					r.Text = clean(why)
				}
				return r, attempt
			}
		}
		return Reply{}, nothing
	}
	if mark == " => " || mark == " -> " {
		return Reply{}, accepted
	}
	rest := text[at+len(mark):]
	r, ok := replyIn(rest)
	if !ok || r.Code == 0 {
		_, why, _ := strings.Cut(rest, ": ")
		r = Reply{Text: clean(why), Enhanced: r.Enhanced, Server: r.Server}
	}
	r.Recipient = cmpOr(findAddress(rest[:min(len(rest), 400)]), r.Recipient)
	r.Server = cmpOr(hostName(after(rest, " H=", "")), r.Server)
	return r, refused
}

// wordsBefore returns the first words of a line.
func wordsBefore(text string, n int) string {
	at := 0
	for range n {
		i := strings.IndexByte(text[at:], ' ')
		if i < 0 {
			return text
		}
		at += i + 1
	}
	return strings.TrimRight(text[:at], " ")
}

// eximID reports whether a text ends in the identifier of a message of Exim: 1tXyZa-0000Ab-CD, or 1tXyZa-00000000Abc-1DeF.
func eximID(text string) bool {
	id := text[strings.LastIndexByte(text, ' ')+1:]
	if len(id) != 16 && len(id) != 23 {
		return false
	}
	for i := range len(id) {
		dash := i == 6 || i == len(id)-3 && len(id) == 16 || i == len(id)-5 && len(id) == 23
		if dash != (id[i] == '-') || !dash && !isWordByte(id[i]) {
			return false
		}
	}
	return true
}

// sendmailLine reads what Sendmail logs: "to=<a@example.org>, ..., dsn=5.1.1, stat=User unknown".
func sendmailLine(text string) (Reply, kind) {
	at := strings.Index(text, " stat=")
	if at < 0 || !strings.Contains(text[:at], " to=") {
		if at := strings.Index(text, " reject="); at >= 0 && strings.Contains(text, "ruleset=") || at >= 0 && strings.Contains(text, "Milter:") {
			r, ok := replyIn(text[at+1:])
			if ok {
				r.Server = ""
			}
			return r, inbound
		}
		return Reply{}, nothing
	}
	stat := text[at+len(" stat="):]
	low := lower(stat[:min(len(stat), 20)])
	if strings.HasPrefix(low, "sent") || strings.HasPrefix(low, "queued") {
		return Reply{}, accepted
	}
	r, ok := replyIn(text[at+1:])
	if ok && r.Code != 0 {
		r.Server = ""
	} else {
		r = Reply{Text: clean(stat)}
		if dsn := after(text, " dsn=", ","); enhancedEnd(dsn) == len(dsn) {
			r.Enhanced = dsn
		}
		if said, ok := replyIn(after(text, " reply=", ", stat=")); ok {
			r = said
		}
	}
	r.Recipient = findAddress(after(text, " to=", ","))
	r.Server = cmpOr(r.Server, hostName(after(text, " relay=", ",")))
	return r, refused
}

// openSMTPDLine reads what OpenSMTPD logs: result="PermFail" stat="550 5.1.1 ...".
func openSMTPDLine(text string) (Reply, kind) {
	result := after(text, ` result="`, `"`)
	stat := after(text, ` stat="`, `"`)
	if result == "" || stat == "" {
		return Reply{}, nothing
	}
	if lower(result) == "ok" {
		return Reply{}, accepted
	}
	r, ok := replyIn(`stat="` + stat + `"`)
	if !ok {
		r = Reply{Text: clean(stat)}
	}
	r.Recipient = findAddress(after(text, " to=", " "))
	relay := after(text, ` relay="`, `"`)
	r.Server = cmpOr(hostName(after(relay, "(", ")")), hostName(relay))
	return r, refused
}

// qmailLine reads what qmail logs: "delivery 7: failure: 192.0.2.1_does_not_like_recipient./Remote_host_said:_550_.../".
func qmailLine(text string) (Reply, kind) {
	_, rest, ok := strings.Cut(text, "delivery ")
	if !ok {
		return Reply{}, nothing
	}
	_, rest, _ = strings.Cut(rest, ": ")
	word, why, _ := strings.Cut(rest, ": ")
	switch word {
	case "success":
		return Reply{}, accepted
	case "failure", "deferral":
	default:
		return Reply{}, nothing
	}
	why = strings.ReplaceAll(why, "_", " ")
	lines := strings.ReplaceAll(strings.TrimSuffix(why, "/"), "./", ".\n")
	lines = strings.ReplaceAll(lines, "/Giving up", "\nGiving up")
	r, ok := replyIn(lines)
	if !ok {
		r = Reply{Text: clean(why)}
	}
	return r, refused
}

// sessionLine reads dialogues of servers that log both sides: "<--" is what the other side says, "-->" is ours.
func sessionLine(text string) (Reply, kind) {
	for _, form := range []struct {
		mark string
		kind kind
	}{
		{",<,", attempt},
		{`"RECEIVED: `, refused},
		{" <-- ", refused},
		{",>,", inbound},
		{`"SENT: `, inbound},
		{" --> ", inbound},
	} {
		at := strings.Index(text, form.mark)
		if at < 0 {
			continue
		}
		rest := strings.TrimLeft(text[at+len(form.mark):], `" `)
		if !codeAt(rest, 0) || rest[0] < '4' {
			return Reply{}, nothing
		}
		c, _ := readCode(rest)
		if !knownCodes[c.code] && c.enhanced == "" {
			return Reply{}, nothing
		}
		r := Reply{Code: c.code, Enhanced: c.enhanced, Text: clean(cutText("", strings.TrimRight(rest[c.end:], `",`), c))}
		r.Recipient = recipientOf(r.Text)
		k := form.kind
		if k == attempt {
			k = refused
		}
		return r, k
	}
	return Reply{}, nothing
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
