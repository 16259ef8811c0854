package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
)

// maxSame is how many recipients are named for whom an explanation holds.
const maxSame = 20

// notBounces say what a message is that is no bounce, and may be taken for one.
var notBounces = map[bounce.Kind]catalog.Text{
	bounce.KindFeedback: {
		EN: "This is a feedback report (RFC 5965): a recipient complained about a message of yours, and the provider passes the complaint " +
			"on. The message had been delivered. Do not write to this recipient again, and look where the address came from.",
		RU: "Это отчёт о жалобе (feedback report, RFC 5965): получатель пожаловался на ваше письмо, и провайдер передаёт жалобу вам. " +
			"Само письмо было доставлено. Больше не пишите этому получателю и выясните, откуда у вас его адрес.",
	},
	bounce.KindReceipt: {
		EN: "This is a receipt (RFC 8098): the recipient's mail program reports that a message was displayed, deleted or handled. " +
			"No server refused anything.",
		RU: "Это уведомление о прочтении (RFC 8098): почтовая программа получателя сообщает, что письмо показано, удалено или обработано. " +
			"Ни один сервер ничего не отклонял.",
	},
	bounce.KindAuto: {
		EN: "This is an automatic message, for example the reply of somebody who is away. It holds no reply of a mail server.",
		RU: "Это автоматическое сообщение, например автоответ того, кто в отъезде. Ответа почтового сервера в нём нет.",
	},
}

// printNoReply says what a message or a text is in which there is no reply.
func (e *explainer) printNoReply(p *page, found finding) {
	what, told := notBounces[found.kind]
	if told {
		p.text("", p.say(what))
	}
	if found.complaint != "" {
		p.text("", "Feedback-Type: "+p.theirs(found.complaint))
	}
	switch {
	case found.letter != nil:
		if told {
			p.blank()
		}
		e.printArrived(p, found.letter)
	case !told:
		p.text("", p.say(words.noReply))
		p.text("", p.say(words.noReplyHint))
	}
}

// printLetter explains the replies of a letter. A letter to many people may come back with one reply for each: what they
// mean is said once.
func (e *explainer) printLetter(p *page, found []explained) {
	type same struct {
		entry, provider, list string
		cause                 catalog.Cause
		codes                 string
	}
	var order []same
	groups := map[same][]explained{}
	for _, x := range found {
		k := same{x.advice.ID, x.Provider, x.Blocklist, x.Cause, ""}
		if !x.known {
			k.codes = codes(x)
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], x)
	}
	p.text("", p.say(words.letterReplies, len(found)))
	for i, k := range order {
		p.blank()
		if i > 0 {
			p.rule()
		}
		e.printGroup(p, groups[k])
	}
}

// printGroup explains replies that mean the same.
func (e *explainer) printGroup(p *page, group []explained) {
	x := group[0]
	p.title(e.headline(p, x))
	e.printReport(p, x)
	if len(group) > 1 {
		p.text("  ", p.say(words.sameReplies))
		for _, o := range group[1:min(len(group), maxSame)] {
			p.text("    ", strings.Join(slices.DeleteFunc([]string{p.theirs(o.Recipient), codes(o), p.theirs(o.Server)}, func(s string) bool { return s == "" }), ", "))
		}
		if n := len(group) - maxSame; n > 0 {
			p.text("    ", p.say(words.andMore, n))
		}
	}
	again := words.retries[x.Retry]
	if x.Retry == catalog.RetryLater {
		again = retryWords(x, words.retryReturned)
	}
	// Who got a letter back could send it. Only a reply that is about the login, the port or the size needs the settings.
	e.printAdvice(p, &x.advice, commonValues(group), func() { e.printReplyVerdict(p, x, again) }, aboutSettings[x.Cause])
	e.printEnd(p, x.Cause, x.advice.References)
}

// aboutSettings are the causes whose remedy may be a setting of the sender's mail program.
var aboutSettings = map[catalog.Cause]bool{
	catalog.CauseAuthRequired: true, catalog.CauseAuthFailed: true, catalog.CauseEncryptionRequired: true, catalog.CauseRelayDenied: true,
	catalog.CauseMessageTooBig: true, catalog.CauseTLSFailed: true, catalog.CauseSenderRejected: true,
}

// printReport says who answered what to whose delivery.
func (e *explainer) printReport(p *page, x explained) {
	if x.Text != "" {
		p.text("  ", p.quote(x.Text))
	}
	name := e.providerName(p, x.Provider)
	switch server := p.theirs(x.Server); {
	case server != "" && name != "":
		p.text("  ", p.say(words.answered, p.say(words.answeredBy, server, name)))
	case server != "" || name != "":
		p.text("  ", p.say(words.answered, cmp.Or(server, name)))
	}
	if x.Recipient != "" {
		p.text("  ", p.say(words.delivery, p.theirs(x.Recipient)))
	}
	if x.Reporter != "" {
		p.text("  ", p.say(words.reporter, p.theirs(x.Reporter)))
	}
}

// printSummary writes what a log holds: a table, then each row with an example and what helps.
func (e *explainer) printSummary(p *page, s *bounce.Summary) {
	p.text("", p.say(words.logLines, s.Lines, s.Accepted, s.Replies))
	if s.Inbound > 0 {
		p.text("", p.say(words.logInbound, s.Inbound))
	}
	switch {
	case s.Known == 0 && s.Replies == 0:
		p.text("", p.say(words.logUnknown))
		return
	case s.Known == 0:
		p.text("", p.say(words.logGuessed))
	case s.Replies == 0 && s.Accepted == 0:
		p.text("", p.say(words.logNoDelivery))
		return
	case s.Replies == 0:
		p.text("", p.say(words.logNothing))
		return
	}
	p.blank()
	e.printTable(p, s.Rows)
	if len(s.Rows) > 0 {
		p.heading(p.say(words.logRefused))
	}
	for i := range s.Rows {
		e.printRow(p, &s.Rows[i])
	}
	if len(s.Unclassified) > 0 {
		p.heading(p.say(words.logUnclassified))
		for _, r := range s.Unclassified {
			p.item("  - ", e.printed(p, r))
		}
	}
}

// printTable writes a line for each row, the columns below each other.
func (e *explainer) printTable(p *page, rows []bounce.Row) {
	table := [][]string{{p.say(words.count), p.say(words.provider), "cause", p.say(words.retryShort), p.say(words.codes)}}
	for _, r := range rows {
		table = append(table, []string{
			fmt.Sprint(r.Count), e.rowProvider(p, r), string(r.Cause), p.say(words.retryWords[r.Retry]), strings.Join(r.Codes[:min(len(r.Codes), 3)], ", "),
		})
	}
	widths := make([]int, len(table[0]))
	for _, line := range table {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for i, line := range table {
		var b strings.Builder
		for j, cell := range line {
			pad := strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell))
			if j == 0 {
				b.WriteString("  " + pad + cell)
			} else {
				b.WriteString("  " + cell + pad)
			}
		}
		text := strings.TrimRight(b.String(), " ")
		if i == 0 {
			text = p.style("1", text)
		}
		p.line(text)
	}
}

func (e *explainer) rowProvider(p *page, r bounce.Row) string {
	return cmp.Or(e.providerName(p, r.Provider), p.say(words.anybody))
}

// printed is a reply in a line: codes, text, who answered.
func (e *explainer) printed(p *page, r bounce.Reply) string {
	text := strings.TrimSpace(codes(explained{Reply: r}) + " " + sanitise(r.Text))
	out := p.quote(clip(text, 300))
	if r.Server != "" {
		out += " (" + p.theirs(r.Server) + ")"
	}
	return out
}

// printRow writes an example of what a row counts and what helps.
func (e *explainer) printRow(p *page, r *bounce.Row) {
	p.blank()
	title := p.say(words.causeWords[r.Cause])
	if r.Entry != nil && r.Cause != catalog.CauseUnclassified {
		title = p.say(r.Entry.Title)
	}
	p.item("  ", p.style("1", fmt.Sprintf("%d × %s, %s: %s", r.Count, e.rowProvider(p, *r), r.Cause, title)))
	p.text("    ", p.say(words.example, e.printed(p, r.Example)))
	if r.Cause == catalog.CauseUnclassified {
		p.text("    ", p.say(words.readThem)) // Of many replies the catalogue knows no more than that each has its own reason.
		return
	}
	p.text("    ", p.say(words.actor, p.say(words.actors[r.Actor])))
	advice := e.explain(r.Example).advice
	for i, s := range advice.RemediesFor(p.lang, nil) { // Of many replies: what one says need not hold for the others.
		p.item(fmt.Sprintf("    %d. ", i+1), plain(s))
	}
}
