package bounce

import "strings"

// sendmailLine reads what Sendmail logs: "to=<a@example.org>, ..., dsn=5.1.1, stat=User unknown".
func sendmailLine(text string) (Event, bool) {
	at := strings.Index(text, " stat=")
	if at < 0 || !strings.Contains(text[:at], " to=") {
		if at := strings.Index(text, " reject="); at >= 0 && (strings.Contains(text, "ruleset=") || strings.Contains(text, "Milter:")) {
			return rejected("sendmail", said(text[at+1:])), true
		}
		name, _, ok := program(text)
		return Event{System: "sendmail"}, ok && oneOf(name, "sendmail", "sm-mta", "sm-msp", "sm-msp-queue", "sm-que")
	}
	e := Event{Kind: EventDelivery, System: "sendmail", Tried: true, Delay: span(after(text, " delay=", ","))}
	if _, rest, ok := program(text); ok {
		e.QueueID, _, _ = strings.Cut(rest, ":")
	}
	e.Sender = findAddress(after(text, " ctladdr=", ","))
	recipient, relay := findAddress(after(text, " to=", ",")), hostName(after(text, " relay=", ","))
	stat := text[at+len(" stat="):]
	low := lower(stat[:min(len(stat), 20)])
	if strings.HasPrefix(low, "sent") || strings.HasPrefix(low, "queued") {
		e.Outcome, e.Recipient, e.Server = Delivered, recipient, relay
		return e, true
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
	r.Recipient, r.Server = recipient, cmpOr(r.Server, relay)
	e.Reply, e.Outcome = r, r.outcome()
	if strings.HasPrefix(low, "deferred") {
		e.Outcome = Deferred
	}
	return e, true
}

// openSMTPDLine reads what OpenSMTPD logs: result="PermFail" stat="550 5.1.1 ...".
func openSMTPDLine(text string) (Event, bool) {
	result := after(text, ` result="`, `"`)
	if strings.Contains(text, " failed-command ") && result != "" {
		return rejected("opensmtpd", said("stat="+result)), true
	}
	stat := after(text, ` stat="`, `"`)
	if result == "" || stat == "" {
		return Event{}, false
	}
	e := Event{Kind: EventDelivery, System: "opensmtpd", QueueID: after(text, " evpid=", " "), Delay: span(after(text, " delay=", " ")), Tried: true}
	relay := after(text, ` relay="`, `"`)
	e.Server = cmpOr(hostName(after(relay, "(", ")")), hostName(relay))
	e.Recipient, e.Sender = findAddress(after(text, " to=", " ")), findAddress(after(text, " from=", " "))
	switch result = lower(result); result {
	case "ok":
		e.Outcome = Delivered
		return e, true
	case "expired":
		e.Outcome = Expired
	case "tempfail":
		e.Outcome = Deferred
	default:
		e.Outcome = Bounced
	}
	r, ok := replyIn(`stat="` + stat + `"`)
	if !ok {
		r = Reply{Text: clean(stat)}
	}
	r.Recipient, r.Server = e.Recipient, e.Server
	e.Reply = r
	return e, true
}

// qmailLine reads what qmail logs: "delivery 7: failure: 192.0.2.1_does_not_like_recipient./Remote_host_said:_550_.../".
func qmailLine(text string) (Event, bool) {
	e := Event{Kind: EventDelivery, System: "qmail", Tried: true}
	_, rest, ok := strings.Cut(text, "delivery ")
	if !ok {
		return Event{System: "qmail"}, containsAny(text, []string{" end msg ", " new msg ", " info msg ", "status: local ", " bounce msg "})
	}
	_, rest, _ = strings.Cut(rest, ": ")
	word, why, _ := strings.Cut(rest, ": ")
	switch word {
	case "success":
		e.Outcome = Delivered
		return e, true
	case "failure":
		e.Outcome = Bounced
	case "deferral":
		e.Outcome = Deferred
	default:
		return Event{System: "qmail"}, strings.Contains(text, "starting delivery ")
	}
	why = strings.ReplaceAll(why, "_", " ")
	lines := strings.ReplaceAll(strings.TrimSuffix(why, "/"), "./", ".\n")
	lines = strings.ReplaceAll(lines, "/Giving up", "\nGiving up")
	if e.Reply, ok = replyIn(lines); !ok {
		e.Reply = Reply{Text: clean(why)}
	}
	return e, true
}

// courierLine reads what Courier logs: "courieresmtp: id=1,from=<a@example.org>,addr=<b@example.com>: 550 User unknown".
func courierLine(text string) (Event, bool) {
	name, rest, ok := program(text)
	switch {
	case !ok || !strings.HasPrefix(name, "courier"):
		return Event{}, false
	case strings.HasPrefix(name, "courieresmtpd"):
		if !strings.HasPrefix(rest, "error,") {
			return Event{System: "courier"}, true
		}
		_, why, _ := strings.Cut(rest, ">: ")
		return rejected("courier", said(cmpOr(why, rest))), true
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(rest, "id="), ",")
	e := Event{System: "courier", QueueID: id, Sender: after(rest, "from=<", ">"), Tried: true}
	e.Recipient = after(rest, "addr=<", ">")
	if strings.Contains(rest, ",success: ") {
		e.Kind, e.Outcome = EventDelivery, Delivered
		e.Server = hostName(after(rest, "delivered: ", ""))
		return e, true
	}
	if _, why, ok := strings.Cut(rest, ">: "); ok && !strings.Contains(rest, ",status: ") {
		to := e.Recipient
		e.Kind, e.Reply = EventDelivery, said("said: "+why)
		e.Outcome, e.Recipient = e.outcome(), cmpOr(to, e.Recipient)
	}
	return e, true
}

// filterLine reads what stands before a mail server and refuses others: rblsmtpd, ASSP, rspamd, amavis, and milters.
func filterLine(text string) (Event, bool) {
	name, _, _ := program(text)
	switch {
	case strings.Contains(text, "rblsmtpd: "), strings.Contains(text, "qmail-smtpd") && containsAny(lower(text), []string{"reject", "rbl", "denied"}):
		return rejected("qmail", said(after(text, ": ", ""))), true
	case strings.Contains(text, "[Worker_"):
		if r, ok := replyIn(text); ok && r.Code >= 400 || strings.Contains(text, "[spam found]") {
			return rejected("assp", r), true
		}
		return Event{System: "assp"}, true
	case strings.Contains(text, "rspamd_task_write_log") || strings.Contains(text, "rspamd_proxy") || name == "rspamd":
		if containsAny(text, []string{"(reject)", "(soft reject)", "(greylist)"}) {
			return rejected("rspamd", Reply{Text: clean(after(text, "(default: ", ")]"))}), true
		}
		return Event{System: "rspamd"}, true
	case oneOf(name, "amavis", "amavisd", "amavisd-new", "opendkim", "opendmarc", "spamd", "postgrey", "clamav-milter", "policyd-spf", "dovecot"):
		return Event{System: name}, true
	}
	return Event{}, false
}

// sessionLine reads dialogues of servers that log both sides: "<--" is what the other side says, "-->" is ours.
func sessionLine(text string) (Event, bool) {
	for _, form := range []struct {
		mark string
		ours bool
	}{{",<,", false}, {`"RECEIVED: `, false}, {" <-- ", false}, {",>,", true}, {`"SENT: `, true}, {" --> ", true}} {
		at := strings.Index(text, form.mark)
		if at < 0 {
			continue
		}
		rest := strings.TrimLeft(text[at+len(form.mark):], `" `)
		if !codeAt(rest, 0) {
			return Event{System: "session"}, stamped(text) || strings.HasPrefix(text, `"SMTP`) || strings.Contains(text[:at], "[")
		}
		c, _ := readCode(rest)
		if !knownCodes[c.code] && c.enhanced == "" {
			return Event{}, false
		}
		if c.code < 400 {
			return Event{System: "session"}, true
		}
		r := Reply{Code: c.code, Enhanced: c.enhanced, Text: clean(cutText("", strings.TrimRight(rest[c.end:], `",`), c))}
		r.Recipient = recipientOf(r.Text)
		if form.ours {
			return rejected("session", r), true
		}
		return refused("session", r), true
	}
	return Event{}, false
}
