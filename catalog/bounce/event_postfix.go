package bounce

import (
	"strings"
)

// postfixLine reads what Postfix logs, whatever its instances and services are called:
//
//	postfix/smtp[12]: 4F7: to=<a@example.org>, relay=mx.example.org[192.0.2.1]:25, dsn=5.1.1, status=bounced (host ... said: 550 5.1.1 ...)
//	postfix/smtpd[12]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 ...
func postfixLine(text string) (Event, bool) {
	if at := strings.Index(text, " status="); at >= 0 {
		if e, ok := postfixDelivery(text, at); ok {
			return e, true
		}
	}
	name, rest, ok := program(text)
	id, action, withID := postfixID(rest)
	if !ok || !withID && !strings.HasPrefix(name, "postfix/") {
		if e, ok := postfixReject("", text); ok { // Its beginning was not pasted.
			return e, true
		}
		return Event{}, false
	}
	if e, ok := postfixReject(id, action); ok {
		return e, true
	}
	if _, why, found := strings.Cut(rest, ": "); found && strings.HasPrefix(name, "postfix") && withID {
		rest = why
	}
	if startsWithAny(rest, []string{"host ", "connect to ", "lost connection with ", "conversation with "}) && strings.HasPrefix(name, "postfix") {
		if r, ok := replyIn(rest); ok {
			return Event{Kind: EventAttempt, Outcome: r.outcome(), System: "postfix", QueueID: id, Reply: r, Tried: true}, true
		}
	}
	return Event{System: "postfix"}, strings.HasPrefix(name, "postfix")
}

// postfixID takes the queue identifier that most lines begin with, or the word that stands where there is none yet.
func postfixID(rest string) (id, action string, ok bool) {
	id, action, ok = strings.Cut(rest, ": ")
	if !ok || len(id) < 5 || len(id) > 20 {
		return "", rest, false
	}
	for i := range len(id) {
		if !isWordByte(id[i]) {
			return "", rest, false
		}
	}
	if id == "NOQUEUE" {
		id = ""
	}
	return id, action, true
}

// postfixReject reads what our own server did to others: only "reject" refuses.
func postfixReject(id, action string) (Event, bool) {
	if at := strings.Index(action, "NOQUEUE: "); at >= 0 && id == "" {
		action = action[at+len("NOQUEUE: "):]
	}
	verb, what, ok := strings.Cut(action, ": ")
	if !ok {
		return Event{}, false
	}
	switch verb {
	case "reject", "milter-reject":
	case "reject_warning", "warn", "hold", "discard", "redirect", "prepend", "filter", "milter-hold", "milter-discard", "replace", "bcc":
		return Event{System: "postfix", QueueID: id}, true
	default:
		return Event{}, false
	}
	r, ok := replyIn(action)
	if !ok {
		// A milter, or a table for headers, gives an enhanced code only.
		why := what
		if at := strings.LastIndex(what, "]: "); at >= 0 {
			why, _, _ = strings.Cut(what[at+len("]: "):], "; from=<")
		}
		r = said(why)
	}
	r.Recipient = loggedAddress(" " + what)
	e := rejected("postfix", r)
	e.QueueID, e.Sender = id, after(what, " from=<", ">")
	return e, true
}

// postfixDelivery reads a line that says what became of a message. at is the place of its status.
func postfixDelivery(text string, at int) (Event, bool) {
	text = " " + text
	at++
	word, detail, _ := strings.Cut(text[at+len(" status="):], " ")
	word = strings.Trim(word, ",")
	recipient := loggedAddress(text)
	if recipient == "" && !strings.Contains(text, " from=<") {
		return Event{}, false
	}
	detail = strings.TrimSpace(detail)
	if strings.HasPrefix(detail, "(") {
		detail = strings.TrimSuffix(detail[1:], ")")
	}
	relay := after(text, " relay=", ",")
	e := Event{Kind: EventDelivery, System: "postfix", Delay: span(after(text, " delay=", ",")), Tried: relay != "none"}
	e.QueueID, e.Sender = postfixQueue(text[:at]), after(text, " from=<", ">")
	e.Recipient, e.Server = recipient, hostName(relay)
	switch word {
	case "sent":
		e.Outcome = Delivered
		if handedOn(relay, detail) {
			e.Kind = EventInternal
		}
		return e, true
	case "deliverable", "undeliverable": // Address verification sends nothing.
		e.Kind = EventInternal
		return e, true
	case "bounced":
		e.Outcome = Bounced
	case "deferred", "softbounce", "SOFTBOUNCE":
		e.Outcome = Deferred
	case "expired", "force-expired":
		e.Outcome, e.Text = Expired, clean("delivery expired, "+detail)
		return e, true
	default:
		return Event{}, false
	}
	r := said(detail)
	r.Recipient = recipient
	if dsn := after(text, " dsn=", ","); r.Code == 0 && r.Enhanced == "" && enhancedEnd(dsn) == len(dsn) {
		r.Enhanced = dsn
	}
	r.Server = cmpOr(r.Server, e.Server)
	e.Reply = r
	return e, true
}

// postfixQueue returns the queue identifier before the fields of a line.
func postfixQueue(head string) string {
	_, rest, ok := program(strings.TrimSpace(head))
	if !ok {
		return ""
	}
	id, _, _ := postfixID(rest)
	return id
}

// handedOn reports whether a message went to a filter on this machine, or to another of its queues, and not to anybody's server.
func handedOn(relay, detail string) bool {
	host := hostName(relay)
	if _, address, ok := strings.Cut(relay, "["); ok {
		host, _, _ = strings.Cut(address, "]")
	}
	port := relay[strings.LastIndexByte(relay, ':')+1:]
	loopback := strings.HasPrefix(host, "127.") || host == "::1"
	return loopback && port != "24" || strings.HasPrefix(detail, "forwarded as ") || strings.HasPrefix(detail, "discarded")
}

// loggedAddress returns the recipient that Postfix logs, which may be a name without a domain.
func loggedAddress(text string) string {
	to := after(text, " to=<", ">")
	if len(to) > 320 {
		return ""
	}
	return clean(to)
}
