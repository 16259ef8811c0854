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
	data, err := io.ReadAll(io.LimitReader(r, MaxLetter))
	f := &finder{}
	f.letterOrText(data)
	return f.found.result(), err
}

// A finder goes through one letter.
type finder struct {
	found  collection
	origin origin
	parts  int
	work   int // Octets looked at.
}

// An origin is what the letter says of itself and holds for all replies in it.
type origin struct {
	bounce    bool   // A mail system wrote the letter, not a person.
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
		f.found.add(r, anchored)
		return
	}
	f.text(text, true)
}

// letter searches a message with its header.
func (f *finder) letter(e entity, depth int) {
	before := f.origin
	f.origin = e.origin()
	f.part(e, depth)
	f.origin = before
}

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
	case strings.HasSuffix(minor, "delivery-status"):
		f.status(toUTF8(e.decoded(), params["charset"]))
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
	}
	if report {
		f.origin.bounce = true
	}
	for _, part := range parts {
		kind, _ := part.contentType()
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
