package bounce

import (
	"encoding/json"
	"strings"
)

// journalLine takes the line of another log out of an object of journald (journalctl -o json).
func journalLine(text string) (inner string, ok bool) {
	if !strings.HasPrefix(text, "{") || !strings.Contains(text, `"MESSAGE"`) {
		return "", false
	}
	fields := jsonFields(text)
	return cmpOr(fields["SYSLOG_IDENTIFIER"], fields["_COMM"]) + ": " + fields["MESSAGE"], fields["MESSAGE"] != ""
}

// jsonFields returns the texts and numbers of an object; nothing for what is none.
func jsonFields(text string) map[string]string {
	var raw map[string]json.RawMessage
	if len(text) > maxLine || json.Unmarshal([]byte(text), &raw) != nil {
		return nil
	}
	fields := make(map[string]string, len(raw))
	for name, value := range raw {
		var s string
		if json.Unmarshal(value, &s) != nil {
			s = string(value)
		}
		fields[name] = s
	}
	return fields
}

// maddyLine reads what maddy logs: words, a tab, and an object of JSON.
func maddyLine(text string) (Event, bool) {
	head, object, ok := strings.Cut(text, "\t{")
	if !ok {
		if head, object, ok = strings.Cut(text, " {"); !ok {
			return Event{}, false
		}
	}
	where, _, ok := strings.Cut(head, ": ")
	where = lastWord(strings.TrimSpace(where))
	if !ok || !oneOf(where, "queue", "smtp", "submission", "remote", "lmtp", "target.remote", "target.queue", "imap") {
		return Event{}, false
	}
	fields := jsonFields("{" + object)
	if fields == nil {
		return Event{}, false
	}
	r := Reply{Code: number(fields["smtp_code"]), Enhanced: fields["smtp_enchcode"], Text: clean(cmpOr(fields["smtp_msg"], fields["reason"]))}
	if r.Code > 599 || r.Code < 200 {
		r.Code = 0
	}
	if enhancedEnd(r.Enhanced) != len(r.Enhanced) {
		r.Enhanced = ""
	}
	r.Recipient, r.Server = clean(fields["rcpt"]), hostName(fields["remote_server"])
	e := Event{System: "maddy", QueueID: clean(fields["msg_id"]), Sender: clean(fields["sender"]), Reply: r, Tried: true}
	switch {
	case oneOf(where, "smtp", "submission", "lmtp"):
		if r.Code < 400 {
			return Event{System: "maddy"}, true
		}
		return rejected("maddy", r), true
	case strings.Contains(head, "delivered"):
		e.Kind, e.Outcome = EventDelivery, Delivered
	case strings.HasSuffix(where, "queue") && strings.Contains(head, "attempt failed"):
		e.Kind, e.Outcome = EventDelivery, r.outcome()
	case r.Code >= 400:
		e.Kind, e.Outcome = EventAttempt, r.outcome()
	}
	return e, true
}

// stalwartLine reads what Stalwart logs: words, the event in parentheses, and fields.
//
//	INFO Message rejected by remote server (delivery.rcpt-to-rejected) queueId = 1, to = "a@example.org", code = 550, details = "..."
func stalwartLine(text string) (Event, bool) {
	_, event, _ := strings.Cut(text, " (")
	name, fields, ok := strings.Cut(event, ")")
	area, what, dotted := strings.Cut(name, ".")
	if !ok || !dotted || len(name) > 60 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-.0123456789") != "" {
		return Event{}, false
	}
	field := func(name string) string {
		value := after(" "+fields, " "+name+" = ", "")
		if strings.HasPrefix(value, `"`) {
			value, _, _ = strings.Cut(value[1:], `"`)
			return value
		}
		value, _, _ = strings.Cut(value, ",")
		return strings.TrimSpace(value)
	}
	e := Event{System: "stalwart", QueueID: field("queueId"), Sender: findAddress(field("from")), Tried: true}
	r := said(strings.TrimSpace(field("code") + " " + cmpOr(field("details"), field("reason"))))
	r.Recipient, r.Server = findAddress(field("to")), hostName(field("hostname"))
	switch {
	case area == "delivery" && what == "delivered":
		r = Reply{Recipient: r.Recipient, Server: r.Server}
		e.Kind, e.Outcome = EventDelivery, Delivered
	case area == "delivery" && strings.HasPrefix(what, "dsn"):
		return e, true // Says again what became of it.
	case area == "delivery" && containsAny(what, []string{"rejected", "failed", "error"}):
		e.Kind, e.Outcome = EventDelivery, r.outcome()
	case area == "smtp" && containsAny(what, []string{"reject", "not-exist", "failed", "limit", "denied", "not-allowed", "blocked"}):
		return rejected("stalwart", r), true
	default:
		return e, oneOf(area, "delivery", "smtp", "queue", "network", "auth", "imap", "dns", "spf", "dkim", "dmarc", "tls", "server", "message-ingest")
	}
	e.Reply = r
	return e, true
}

// harakaLine reads what Haraka logs. Each side of a dialogue is logged, and what became of the message after it.
func harakaLine(text string) (Event, bool) {
	_, rest, ok := strings.Cut(text, "] [outbound] ")
	if !ok {
		if _, rest, ok = strings.Cut(text, "] [core] "); !ok {
			return Event{}, false
		}
		if reply, ours := strings.CutPrefix(rest, "S: "); ours && codeAt(reply, 0) && reply[0] >= '4' {
			return rejected("haraka", said("said: "+reply)), true
		}
		return Event{System: "haraka"}, true
	}
	e := Event{System: "haraka", Tried: true}
	low := lower(rest[:min(len(rest), 200)])
	switch {
	case strings.HasPrefix(rest, "S: "):
		if r := said("said: " + strings.ReplaceAll(rest[3:], `\r\n`, "")); r.Code >= 400 {
			e.Kind, e.Outcome, e.Reply = EventAttempt, r.outcome(), r
		}
		return e, true
	case strings.HasPrefix(low, "delivered "):
		e.Kind, e.Outcome = EventDelivery, Delivered
		e.Server = hostName(after(rest, " host=", " "))
	case strings.HasPrefix(low, "bouncing mail: "), strings.HasPrefix(low, "temp failing "), strings.HasPrefix(low, "temp fail "):
		_, why, _ := strings.Cut(rest, ": ")
		e.Kind, e.Reply = EventDelivery, said("said: "+why)
		e.Outcome = e.outcome()
		if strings.HasPrefix(low, "bouncing") {
			e.Outcome = Bounced
		}
	}
	return e, true
}

// kerioLine reads what Kerio Connect logs: "Sent: Queue-ID: 1, Recipient: <a@example.org>, Result: failed, Status: 5.1.1 ...".
func kerioLine(text string) (Event, bool) {
	if strings.Contains(text, "] Recv: Queue-ID: ") {
		return Event{System: "kerio"}, true
	}
	_, rest, ok := strings.Cut(text, "] Sent: Queue-ID: ")
	if !ok {
		return Event{}, false
	}
	e := Event{Kind: EventDelivery, System: "kerio", Tried: true}
	e.QueueID, _, _ = strings.Cut(rest, ",")
	if result := after(rest, " Result: ", ","); result == "delivered" || result == "relayed" {
		e.Outcome = Delivered
	} else {
		e.Reply = said("status: " + after(rest, " Status: ", ", Remote-Host:"))
		e.Outcome = e.outcome()
	}
	e.Recipient, e.Server = findAddress(after(rest, " Recipient: ", ",")), hostName(after(rest, " Remote-Host: ", ","))
	return e, true
}
