package bounce

import (
	"strings"
)

// eximMarks are what stands behind the identifier of a message: "** address" is a failure, "== address" a deferral, "=>" and "->"
// are deliveries.
var eximMarks = []string{" ** ", " == ", " => ", " -> ", " *> ", " <= "}

// eximLine reads what Exim logs.
func eximLine(text string) (Event, bool) {
	at, mark := -1, ""
	for _, m := range eximMarks {
		if i := strings.Index(text, m); i >= 0 && (at < 0 || i < at) && eximID(text[:i]) {
			at, mark = i, m
		}
	}
	if at < 0 {
		return eximRemark(text)
	}
	e := Event{System: "exim", QueueID: lastWord(text[:at])}
	rest := text[at+len(mark):]
	e.Recipient = findAddress(rest[:min(len(rest), 400)])
	e.Server = hostName(after(rest, " H=", ""))
	switch mark {
	case " => ", " -> ":
		e.Kind, e.Outcome, e.Tried = EventDelivery, Delivered, true
		return e, true
	case " *> ", " <= ": // Not sent, and received.
		return e, true
	}
	rest = strings.ReplaceAll(rest, `\n`, "\n")
	r, ok := replyIn(rest)
	if !ok || r.Code == 0 {
		_, why, _ := strings.Cut(rest, ": ")
		r = Reply{Text: clean(why), Enhanced: r.Enhanced, Server: r.Server}
	}
	r.Recipient, r.Server = cmpOr(e.Recipient, r.Recipient), cmpOr(e.Server, r.Server)
	e.Kind, e.Reply, e.Outcome = EventDelivery, r, Bounced
	e.Tried = !strings.Contains(rest, "retry time not reached")
	switch {
	case mark == " == ":
		e.Outcome = Deferred
	case strings.Contains(rest, "retry timeout exceeded"):
		e.Outcome = Expired
	}
	return e, true
}

// eximRemark reads lines about connections and about single hosts.
func eximRemark(text string) (Event, bool) {
	e := Event{System: "exim"}
	before := leadingWords(text, 3)
	if eximID(before) {
		e.QueueID = lastWord(before)
	}
	switch {
	case strings.Contains(text, " authenticator failed for "):
		return rejected("exim", said(after(text, ": ", ""))), true
	case strings.Contains(text, " sender verify fail for "), strings.Contains(text, " sender verify defer for "):
		return e, true // Our server asked the sender's, before it decides.
	}
	if i := strings.Index(text, "rejected "); i > 0 && containsAny(" "+text, []string{" H=", " F=<"}) && stamped(text) {
		r, ok := replyIn(text[i:])
		if !ok {
			_, why, _ := strings.Cut(text[i:], ": ")
			r = Reply{Text: clean(why)}
		}
		out := rejected("exim", r)
		out.QueueID, out.Sender = e.QueueID, after(text, " F=<", ">")
		return out, true
	}
	if e.QueueID != "" {
		rest := strings.ReplaceAll(strings.TrimSpace(text[len(before):]), `\n`, "\n")
		if r, ok := replyIn(rest); ok && strings.HasPrefix(rest, "H=") {
			if _, why, _ := strings.Cut(rest, "] "); r.Code == 0 && why != "" {
				r.Text = clean(why)
			}
			e.Kind, e.Outcome, e.Reply, e.Tried = EventAttempt, r.outcome(), r, true
		}
		return e, true
	}
	known := stamped(text) && (strings.Contains(text, " H=") || strings.Contains(text, "SMTP ") || strings.Contains(text, "exim "))
	return e, known
}

// stamped reports whether a line begins with a date and a time as Exim writes them, or with a part of such a line.
func stamped(text string) bool {
	return len(text) > 20 && text[4] == '-' && text[7] == '-' && text[10] == ' ' && text[13] == ':' && isDigit(text[0]) ||
		startsWithAny(text, []string{"H=", "F=<"}) || strings.Contains(text[:min(len(text), 80)], "exim[")
}

// leadingWords returns the first words of a line.
func leadingWords(text string, n int) string {
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

func lastWord(text string) string { return text[strings.LastIndexByte(text, ' ')+1:] }

// eximID reports whether a text ends in the identifier of a message of Exim: 1tXyZa-0000Ab-CD, or 1tXyZa-00000000Abc-1DeF.
func eximID(text string) bool {
	id := lastWord(text)
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
