package bounce

import "strings"

// The log of message tracking of Exchange is CSV. Its columns are named by a line "#Fields: date-time,client-ip,..."; exports
// name them in their first line. Without either, columns are told by what is in them.

// A tracking reads lines of such a log.
type tracking struct {
	columns map[string]int
}

// header looks whether a line names the columns.
func (t *tracking) header(text string) bool {
	names, ok := strings.CutPrefix(text, "#Fields: ")
	if !ok {
		low := lower(text[:min(len(text), 4<<10)])
		if !strings.Contains(low, ",") || !containsAny(low, []string{"recipient-status", "recipientstatus", "recipient_status", "dsnstatus"}) {
			return false
		}
		names = text
	}
	t.columns = map[string]int{}
	for i, name := range splitCSV(names) {
		name = lower(strings.TrimSpace(name))
		t.columns[strings.NewReplacer("-", "", "_", "", " ", "").Replace(name)] = i
	}
	return true
}

// line reads a line; ok is false if it is none of such a log.
func (t *tracking) line(text string) (e Event, ok bool) {
	if len(t.columns) == 0 {
		return trackingLine(text)
	}
	cells := splitCSV(text)
	get := func(name string) string {
		if i, ok := t.columns[name]; ok && i < len(cells) {
			return cells[i]
		}
		return ""
	}
	event := cmpOr(get("eventid"), cmpOr(get("event"), get("status")))
	status := cmpOr(get("recipientstatus"), get("detail"))
	if kind := get("type"); len(kind) <= 2 && get("dsnstatus") != "" {
		return accounted(kind, cmpOr(get("dsndiag"), get("dsnstatus")), get("rcpt"), get("dsnmta"))
	}
	if event == "" || status == "" && get("recipientaddress") == "" {
		return Event{}, false
	}
	return trackingEvent(event, status, get("recipientaddress"), cmpOr(get("serverhostname"), get("serverip")), get("sourcecontext"))
}

// trackingLine reads a line of which the columns are not known.
func trackingLine(text string) (Event, bool) {
	for _, event := range []string{
		"FAIL", "DEFER", "DSN", "SEND", "SENDEXTERNAL", "DELIVER", "HAREDIRECTFAIL", "BADMAIL", "RECEIVE", "SUBMIT", "EXPAND",
		"TRANSFER", "RESOLVE", "HAREDIRECT", "HADISCARD", "AGENTINFO", "NOTIFYMAPI",
	} {
		if strings.Count(text, ",") < 8 || !strings.Contains(text, ","+event+",") && !strings.Contains(text, `,"`+event+`",`) {
			continue
		}
		cells := splitCSV(text)
		if len(cells) < 8 {
			return Event{}, false
		}
		status, recipient := "", ""
		for i, cell := range cells {
			if _, ok := replyIn(statusOf(cell)); ok && status == "" && i > 3 {
				status = cell
			}
			if a := findAddress(cell); recipient == "" && a != "" && !strings.ContainsAny(cell, "<") {
				recipient = cell
			}
		}
		server := ""
		if len(cells) > 4 {
			server = cells[4]
		}
		return trackingEvent(event, status, recipient, server, "")
	}
	return Event{}, false
}

// accounted makes an event of a record of PowerMTA: d is a delivery, b a bounce, rb one that came back, t an attempt.
func accounted(kind, diagnostic, recipient, server string) (Event, bool) {
	e := Event{Kind: EventDelivery, System: "powermta", Tried: true}
	e.Recipient, e.Server = findAddress(recipient), hostName(server)
	switch kind {
	case "d":
		e.Outcome = Delivered
		return e, true
	case "b", "rb":
		e.Outcome = Bounced
	case "t", "tq":
		e.Outcome = Deferred
	default:
		return Event{System: "powermta"}, true
	}
	e.Code, e.Enhanced, e.Text = diagnosis(diagnostic)
	return e, true
}

// trackingEvent makes a reply of an event. FAIL and DEFER are about our mail; DSN repeats what FAIL has told.
func trackingEvent(event, status, recipients, server, context string) (Event, bool) {
	e := Event{Kind: EventDelivery, System: "exchange", Tried: true}
	switch strings.ToUpper(event) {
	case "FAIL", "FAILED", "BADMAIL":
		e.Outcome = Bounced
	case "DEFER":
		e.Outcome = Deferred
	case "DSN", "HAREDIRECTFAIL":
		e.Kind, e.Outcome = EventAttempt, Bounced
	case "SEND", "SENDEXTERNAL", "DELIVER", "DELIVERED":
		e.Outcome, e.Recipient = Delivered, findAddress(recipients)
		return e, true
	default:
		return Event{System: "exchange"}, true
	}
	r, ok := replyIn(statusOf(status))
	if !ok {
		if r, ok = replyIn(statusOf(context)); !ok {
			r = Reply{Text: clean(cmpOr(status, context))}
		}
	}
	if r.Text == "" && r.Code == 0 && r.Enhanced == "" {
		return Event{System: "exchange"}, true
	}
	r.Recipient = findAddress(recipients)
	r.Server = cmpOr(hostName(after(status, "FQDN=", "}")), cmpOr(r.Server, hostName(server)))
	e.Reply = r
	return e, true
}

// statusOf takes a recipient's status as Exchange writes it: "[{LRT=...};{LED=550 5.1.1 ...};{FQDN=...};{IP=...}]", or as it was
// said.
func statusOf(cell string) string {
	if at := strings.Index(cell, "LED="); at >= 0 {
		return cell[at-min(at, 1):]
	}
	return strings.Trim(cell, `'"`)
}

// splitCSV splits a line (RFC 4180). Quotes that are wrong cost what stands in them, no more. At most 64 cells are taken.
func splitCSV(text string) []string {
	var cells []string
	for len(cells) < 64 {
		var cell string
		if strings.HasPrefix(text, `"`) {
			var b strings.Builder
			rest := text[1:]
			for {
				inside, more, closed := strings.Cut(rest, `"`)
				b.WriteString(inside)
				rest = more
				if !closed || !strings.HasPrefix(rest, `"`) {
					break
				}
				b.WriteByte('"')
				rest = rest[1:]
			}
			cell = b.String()
			_, after, found := strings.Cut(rest, ",")
			cells = append(cells, cell)
			if !found {
				return cells
			}
			text = after
			continue
		}
		cell, after, found := strings.Cut(text, ",")
		cells = append(cells, cell)
		if !found {
			return cells
		}
		text = after
	}
	return cells
}
