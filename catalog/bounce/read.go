package bounce

import (
	"bytes"
	"io"
	"strings"
)

// The limits within a letter. Together with MaxLetter they bound the work on whatever is read.
const (
	maxDepth    = 12       // Parts within parts.
	maxParts    = 500      // Parts looked at.
	maxLine     = 64 << 10 // Octets of a line that are looked at.
	maxLines    = 200_000  // Lines of a part that are looked at.
	maxTried    = 64       // Numbers in one line that are looked at.
	maxJoined   = 60       // Lines of a reply.
	maxAccepted = 20_000   // Replies found, with those found before.
	maxWork     = 96 << 20 // Octets looked at in all, counted each time.
)

// Read finds every reply in a letter (an RFC 5322 message of whatever MIME) or in a piece of text, in the order found and
// each once. It reads at most MaxLetter octets of r. Positive replies are left out unless there are no others. An error
// says that reading r failed; what had been read until then is searched all the same.
func Read(r io.Reader) ([]Reply, error) {
	m, err := ReadMessage(r)
	return m.Replies, err
}

// ReadMessage is Read, and says what kind of a message it was.
func ReadMessage(r io.Reader) (Message, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxLetter))
	f := &finder{}
	f.letterOrText(data)
	m := Message{Kind: f.kind, Replies: f.found.result(), Complaint: f.complaint, Sender: f.sender.domain()}
	switch {
	case m.Kind == KindAuto && len(m.Replies) > 0:
		m.Kind = KindBounce
	case m.Kind == KindMessage && f.reports: // The header does not say it, the parts do.
		m.Kind = KindBounce
	}
	return m, err
}

// A finder goes through one letter.
type finder struct {
	found     collection
	origin    origin
	kind      Kind   // Of the message, not of those in it.
	reports   bool   // It has a part that is a delivery status.
	complaint string // Message.Complaint.
	sender    sender
	parts     int
	work      int // Octets looked at.
	meant     int // Texts that the catalogue was asked about.
}

// An origin is what the letter says of itself and holds for all replies in it.
type origin struct {
	kind      Kind
	bounce    bool   // A mail system wrote the letter, not a person.
	answer    bool   // A program answered a message that arrived.
	reporter  string // That mail system.
	recipient string // The only recipient whom the letter is about.
}

// spend counts work; false says that there was enough of it.
func (f *finder) spend(octets int) bool {
	f.work += octets + 1
	return f.work <= maxWork && f.found.accepted < maxAccepted
}

// letterOrText searches what might be either.
func (f *finder) letterOrText(data []byte) {
	data = decodeBOM(data)
	if e, ok := parseLetter(data); ok {
		f.kind = e.kind()
		f.letter(e, 0)
		return
	}
	if b := guessBoundary(data); b != "" {
		// The header of the letter was not copied along.
		f.multipart(entity{body: data}, "mixed", b, 0)
		return
	}
	head := strings.ToLower(string(bytes.TrimSpace(data[:min(len(data), 512)])))
	text := toUTF8(data, "")
	if strings.HasPrefix(head, "<html") || strings.HasPrefix(head, "<!doctype html") {
		text = htmlText(text)
	}
	if r, ok := alone(text); ok {
		f.found.failure = TellsOfFailure(text)
		f.found.add(r, anchored)
		return
	}
	f.text(text, true)
}

// letter searches a message with its header.
func (f *finder) letter(e entity, depth int) {
	before := f.origin
	f.origin = e.origin()
	f.origin.recipient = cmpOr(f.origin.recipient, before.recipient)
	f.part(e, depth)
	if strings.HasSuffix(lower(f.origin.recipient), "@googlegroups.com") && f.found.wordless() {
		f.found.add(Reply{Text: closedGroup, Server: "googlegroups.com", Recipient: f.origin.recipient}, placed)
	}
	f.origin = before
}

// closedGroup is what Google Groups says, in the language of the sender and without a code, of each message that a group does not take.
const closedGroup = "The group may not exist, or the sender does not have permission to send to it."

// part searches one part of a letter, or the letter.
func (f *finder) part(e entity, depth int) {
	if f.parts++; f.parts > maxParts || depth > maxDepth || !f.spend(0) {
		return
	}
	kind, params := e.contentType()
	major, minor, _ := strings.Cut(kind, "/")
	switch {
	case major == "multipart":
		boundary := params["boundary"]
		if boundary == "" || !hasBoundary(e.body, boundary) {
			boundary = guessBoundary(e.body)
		}
		if boundary == "" {
			f.text(toUTF8(e.decoded(), ""), false) // Broken: what can be read is read.
			return
		}
		f.multipart(e, minor, boundary, depth)
	case minor == "feedback-report":
		f.feedback(e)
	case f.origin.kind == KindFeedback, f.origin.kind == KindReceipt:
		// Their text is for people, and tells of no reply.
	case strings.HasSuffix(minor, "delivery-status"):
		f.reports = true
		f.status(toUTF8(e.decoded(), params["charset"]))
	case f.origin.answer:
		// What its text says is about the message that it answers, or quoted from it.
	case kind == "message/rfc822", kind == "message/global", strings.HasSuffix(e.fileName(), ".eml"):
		// Forwarded by a person: a bounce, or what the person wants to show with it.
		if inner, ok := parseLetter(e.decoded()); ok && inner.origin().bounce {
			f.letter(inner, depth+1)
		}
	case kind == "text/html":
		f.text(htmlText(toUTF8(e.decoded(), cmpOr(params["charset"], metaCharset(e)))), false)
	case kind == "text/rfc822-headers", kind == "text/calendar", kind == "text/vcard", kind == "text/css":
	case major == "text", major == "", strings.HasSuffix(e.fileName(), ".txt"), strings.HasSuffix(e.fileName(), ".log"):
		text := toUTF8(e.decoded(), params["charset"])
		f.text(text, depth == 0)
	}
}

// feedback takes note of a feedback report (RFC 5965 section 3.1).
func (f *finder) feedback(e entity) {
	if f.kind == KindMessage || f.kind == KindBounce || f.kind == KindAuto {
		f.kind = KindFeedback
	}
	f.complaint = text(lower(parseEntity(e.decoded()).get("feedback-type")))
}

// multipart searches the parts of a letter. Of a report (RFC 6522) the last part is what was returned.
func (f *finder) multipart(e entity, minor, boundary string, depth int) {
	var parts []entity
	report := minor == "report"
	for part := range e.split(boundary) {
		if len(parts) >= maxParts || !f.spend(0) {
			break
		}
		kind, _ := part.contentType()
		report = report || strings.HasSuffix(kind, "delivery-status")
		parts = append(parts, part)
		switch {
		case kind == "message/feedback-report":
			f.origin.kind = KindFeedback
		case strings.HasSuffix(kind, "delivery-status") && f.origin.kind == KindReceipt:
			f.origin.kind = KindBounce
		}
	}
	if report {
		f.origin.bounce, f.origin.answer = true, false
	}
	for _, part := range parts {
		kind, _ := part.contentType()
		if report && returned[kind] {
			f.sender.returned(parseEntity(part.decoded()))
		}
		if report && (kind == "message/rfc822" || kind == "message/global") {
			continue
		}
		f.part(part, depth+1)
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
