package bounce

import (
	"slices"
	"strings"
)

// A Kind says what a message is.
type Kind int

// The kinds of messages.
const (
	KindText     Kind = iota // No message, but a text or a piece of a log.
	KindMessage              // Written to be read: by a person, a shop, a mailing list.
	KindBounce               // A mail system reports on the delivery of another message (RFC 3464).
	KindFeedback             // A recipient complained: the provider passes it on as a feedback report (RFC 5965).
	KindReceipt              // A mail program reports that a message was displayed or deleted (RFC 8098).
	KindAuto                 // An automatic reply, as of somebody on holiday (RFC 3834).
)

// String is how a kind is written for programs.
func (k Kind) String() string {
	return [...]string{"text", "message", "bounce", "feedback_report", "receipt", "automatic"}[k]
}

// kind says what a message is by its header. KindAuto may turn out to be a bounce: a program wrote the message, and what it
// reports stands in the text only.
func (e entity) kind() Kind {
	from, subject := lower(e.get("from")), lower(decodeWords(e.get("subject")))
	auto := lower(strings.TrimSpace(e.get("auto-submitted")))
	if kind, params := e.contentType(); kind == "multipart/report" {
		return kindOfReport[lower(params["report-type"])]
	}
	switch {
	case e.get("x-failed-recipients") != "", e.daemon(from), startsWithAny(subject, bounceSubjects):
		return KindBounce
	case slices.ContainsFunc(e.fields, func(f field) bool { return autoFields[f.name] }), startsWithAny(subject, autoSubjects),
		auto != "" && auto != "no" && !strings.HasPrefix(auto, "auto-generated"), e.emptyPath():
		return KindAuto
	}
	return KindMessage
}

// answers reports whether a message of KindAuto is an answer to a message that arrived (somebody is on holiday, a ticket was
// opened), so that a reply in its text is only quoted. Where a mail system may have written it to report a failure, it is not.
func (e entity) answers() bool {
	subject, auto := lower(decodeWords(e.get("subject"))), lower(strings.TrimSpace(e.get("auto-submitted")))
	marked := slices.ContainsFunc(e.fields, func(f field) bool { return autoFields[f.name] }) || startsWithAny(subject, autoSubjects) ||
		strings.HasPrefix(auto, "auto-replied") || e.get("in-reply-to") != ""
	if !marked || startsWithAny(subject, answerSubjects) || containsAny(subject, ticketWords) {
		return marked
	}
	return !containsAny(subject, failureWords)
}

// kindOfReport is what a multipart/report (RFC 6522) is by its parameter report-type; a bounce unless it says otherwise.
var kindOfReport = func() map[string]Kind {
	m := map[string]Kind{"": KindBounce, "delivery-status": KindBounce, "feedback-report": KindFeedback}
	m["disposition-notification"] = KindReceipt
	return m
}()

// daemon reports whether a mail system wrote the message. from is its field From in lower case.
func (e entity) daemon(from string) bool {
	for _, v := range []string{from, lower(e.get("sender")), lower(e.get("return-path"))} {
		if containsAny(v, daemons) {
			return true
		}
	}
	return from == "<>" || from != "" && strings.HasSuffix(from, " <>")
}

// daemons stand in the From of bounces.
var daemons = []string{
	"mailer-daemon", "mailer_daemon", "maildaemon", "daemon@", "postmaster@", "mail delivery", "mail-admin@", "delivery subsystem",
	"mail system", "system administrator", "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e", "mdaemon@",
}

// emptyPath reports whether the message was sent with an empty MAIL FROM (RFC 5321 section 4.5.5).
func (e entity) emptyPath() bool {
	for _, f := range e.fields {
		if f.name == "return-path" {
			path := strings.TrimSpace(f.value)
			return path == "<>" || path == ""
		}
	}
	return false
}

// bounceSubjects are beginnings of the subjects of bounces, autoSubjects of automatic replies.
var (
	bounceSubjects = []string{
		"undelivered mail", "undeliverable", "undeliverable:", "delivery status notification", "delivery failure", "delivery report",
		"mail delivery failed", "mail delivery failure", "mail delivery system", "mail system error", "failure notice", "returned mail",
		"mail failure", "message undeliverable", "message delivery failure", "warning: message", "delayed mail", "delivery delayed",
		"permanent delivery failure", "could not send message", "non recapitabile", "mancata consegna", "unzustellbar",
		"fehler bei der nachrichtenzustellung", "non remis", "message non remis", "échec de la remise", "no se puede entregar",
		"недоставлен", "не удается доставить", "не удаётся доставить", "не доставлено", "сообщение не доставлено", "уведомление о недоставке",
	}
	autoSubjects = []string{
		"out of office", "out of the office", "automatic reply", "auto reply", "autoreply", "auto-reply", "auto:", "vacation", "away from ",
		"automatische antwort", "abwesenheit", "réponse automatique", "respuesta automática", "risposta automatica", "автоматический ответ",
		"автоответ",
	}
	answerSubjects = slices.Concat(autoSubjects, []string{"re:", "aw:", "sv:", "odp:", "ответ:", "rv:"})
	// ticketWords stand in the subjects of programs that keep requests, failureWords in those of mail systems.
	ticketWords = []string{
		"ticket", "request received", "your request", "case #", "[case", "anfrage", "vorgang", "demande", "solicitud", "заявк", "обращени",
	}
	failureWords = []string{
		"deliver", "return", "fail", "bounce", "reject", "refus", "daemon", "mail system", "mail error", "problem with", "достав", "возврат",
		"отклонен", "zustell", "remis", "entrega", "entreg", "consegna", "recapit", "doręcz",
	}
	// autoFields are fields that automatic replies have.
	autoFields = map[string]bool{
		"x-autoreply": true, "x-autorespond": true, "x-autoresponder": true, "x-auto-response": true, "x-vacation": true,
		"x-ms-exchange-inbox-rules-loop": true, "x-autogenerated": true,
	}
)

func startsWithAny(s string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(s, w) })
}

// origin says who wrote a message.
func (e entity) origin() origin {
	o := origin{kind: e.kind()}
	o.answer = o.kind == KindAuto && e.answers()
	o.bounce = o.kind == KindBounce || o.kind == KindAuto && !o.answer
	from := lower(e.get("from"))
	if a := findAddress(from); a != "" && o.bounce && e.daemon(from) {
		o.reporter = hostName(a[strings.LastIndexByte(a, '@')+1:])
	}
	failed := e.get("x-failed-recipients")
	if a := findAddress(failed); a != "" && !strings.Contains(failed, ",") {
		o.recipient = a
	}
	return o
}
