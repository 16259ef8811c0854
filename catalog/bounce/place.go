package bounce

import (
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// A bounce says why in words, often without a code, and in words of its own. But there are places where nothing else stands:
// below the address that it is about, behind that address, and below a line that announces a reason. What stands there is the
// reason, whatever its words; what they mean the catalogue knows, or nobody does.

// The limits of what the catalogue is asked about one message.
const (
	maxMeant     = 400  // Texts.
	maxParagraph = 1000 // Octets of a paragraph.
)

// announced are ends of lines below or behind which a mail system says why.
var announced = []string{
	"response was:", "response from the remote server was:", "returned was:", "gave this error:", "because:", "reason:", "reasons:",
	"error:", "error was:", "error message:", "error was given:", "following error:", "following reason:", "following reasons:",
	"following reason(s):", "the problem:", "failure reasons", "details:", "was automatically rejected:", "issue:",
	"failure reason:", "delay reason:", "server message", "said:",
	"причина:", "причине:", "текст ошибки:", "ошибка:", "причины:", "grund:", "fehler:", "raison :", "raison:", "motivo:", "powód:",
}

// notReasons are beginnings of lines that stand where a reason does, and are none.
var notReasons = []string{
	"host ", "(generated from", "(expanded from", "(ultimately generated", "transport:", "smtp error from", "generating server",
	"remote server", "please ", "if you ", "for more ", "learn more", "see ", "http", "your message", "the original message", "subject:",
	"message id", "on 2", "sent:", "error type:", "tried ", "this is ", "diagnostic information", "diagnos", "original ", "possibly truncated",
	"диагност", "исходн", "hello", "hi", "thank", "original-recipient", "regards", "best ", "server:", "id:",
}

// place finds the reason in line i where one of those places is. next is the line after it.
func (s *scanner) place(i int) (r Reply, next int, w weight, ok bool) {
	if s.pasted || s.origin.kind == KindMessage {
		return Reply{}, 0, 0, false
	}
	l := &s.lines[i]
	text, here := s.behindAddress(l)
	if !here && s.spot {
		text, here = l.text, true
	}
	if !here {
		text, here = behindWord(l)
	}
	if !here {
		text, here = beforeAddress(l)
	}
	if !here {
		s.spot = hasAnySuffix(strings.TrimRight(l.lower(), " -*"), announced...) && len(l.text) < 300
		return Reply{}, 0, 0, false
	}
	if low := lower(text); startsWithAny(low, notReasons) || strings.HasSuffix(low, ":") || letters(text) < 4 || structural(&line{text: text, low: low}) {
		return Reply{}, 0, 0, false
	}
	next = i + 1
	for ; next < len(s.lines) && next-i < maxJoined && len(text) < MaxText; next++ {
		n := &s.lines[next]
		if n.blank() || structural(n) || codeAt(n.text, 0) || isCommand(n.lower()) || startsWithAny(n.lower(), notReasons) || headless(n.text) {
			break
		}
		if _, _, _, ok := s.reply(next); ok {
			s.spot = false // A server's own words are in this paragraph.
			return Reply{}, 0, 0, false
		}
		text += " " + n.text
	}
	s.spot = false
	s.spend(len(text))
	w = unknown
	switch s.means(text) {
	case catalog.CauseUnclassified, catalog.CauseBadSequence, catalog.CauseSyntaxError, catalog.CauseNotImplemented:
	default: // The three are about a dialogue; in a sentence without a code they would be guessed.
		w = placed
	}
	return Reply{Text: clean(cutText("", text, code{})), Recipient: s.recipient}, next, w, true
}

// behindAddress returns what stands behind the address that a line begins with.
func (s *scanner) behindAddress(l *line) (text string, ok bool) {
	a, only := leadingAddress(l.text)
	if a == "" {
		if n := addressEnd(l.text); n > 0 && strings.HasPrefix(l.text[n:], " ") { // "a@example.org Invalid Address, ..."
			return strings.TrimSpace(l.text[n:]), len(l.text)-n < 300 && s.origin.kind == KindBounce
		}
		return "", false
	}
	_, text, _ = strings.Cut(l.text, a)
	text = strings.TrimLeft(text, "> :\t.,")
	if s.spot = only || strings.HasPrefix(text, "on "); s.spot {
		return "", false
	}
	if strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")") {
		text = text[1 : len(text)-1]
	}
	return text, letters(text) >= 4
}

// behindWord returns what stands behind a word that announces a reason: "Reason: no such mailbox".
func behindWord(l *line) (text string, ok bool) {
	low := l.lower()
	for _, word := range announced {
		if strings.HasPrefix(low, word) && strings.HasSuffix(word, ":") && len(low) > len(word) {
			return strings.TrimSpace(l.text[len(word):]), true
		}
	}
	return "", false
}

// beforeAddress returns what a line says before the address that it ends with: "Unknown user: a@example.org".
func beforeAddress(l *line) (text string, ok bool) {
	before, a, ok := strings.Cut(l.text, ": ")
	if !ok || strings.Count(before, " ") == 0 || addressEnd(strings.Trim(a, "<>")) != len(strings.Trim(a, "<>")) {
		return "", false
	}
	return before, !containsAny(l.lower(), []string{"recipient", "address", "addressed", "deliver to", "delivered to", "following", "to:", "from:"})
}

// headless reports whether a line is drawn and not written.
func headless(text string) bool { return strings.Trim(text, "-=_*~#|+ ") == "" }

// means asks the catalogue what words mean; unclassified where they mean nothing in particular.
func (f *finder) means(text string) catalog.Cause {
	if f.meant++; f.meant > maxMeant {
		return catalog.CauseUnclassified
	}
	return catalog.Default().Classify("", 0, "", text).Cause
}

// letters counts them.
func letters(s string) (n int) {
	for _, r := range s {
		if r >= 0x80 || r < 0x80 && isLetter(byte(r)) {
			n++
		}
	}
	return n
}

// telling are the causes that words may tell wherever in a bounce, or in an error that somebody pasted, they stand: boilerplate
// does not speak of them.
var telling = map[catalog.Cause]bool{
	catalog.CauseUserUnknown: true, catalog.CauseMailboxFull: true, catalog.CauseMailboxDisabled: true, catalog.CauseMailboxMoved: true,
	catalog.CauseRecipientRestricted: true, catalog.CauseHostUnknown: true, catalog.CauseNotAcceptingMail: true,
	catalog.CauseRateLimited: true, catalog.CauseMessageTooBig: true, catalog.CauseSpamContent: true, catalog.CauseVirus: true,
	catalog.CauseMailLoop: true, catalog.CauseDeliveryExpired: true, catalog.CauseNetwork: true, catalog.CauseBlocklisted: true,
	catalog.CauseContentRestricted: true, catalog.CauseAuthFailed: true, catalog.CauseAuthRequired: true, catalog.CauseTLSFailed: true,
	catalog.CauseEncryptionRequired: true, catalog.CauseRelayDenied: true,
}

// anywhere searches a text in which nothing was found for a paragraph whose meaning the catalogue knows. Where two mean two
// things, nothing is said.
func (s *scanner) anywhere() {
	var found Reply
	var cause catalog.Cause
	for i := 0; i < len(s.lines) && s.meant < maxMeant; {
		var paragraph strings.Builder
		for ; i < len(s.lines) && !s.lines[i].blank() && paragraph.Len() < maxParagraph; i++ {
			if next, end := s.returned(i); end || next > i {
				i = len(s.lines)
				break
			}
			paragraph.WriteString(afterAddress(s.lines[i].text) + " ")
		}
		for i < len(s.lines) && s.lines[i].blank() {
			i++
		}
		text := paragraph.String()
		if letters(text) < 8 || !s.spend(len(text)) {
			continue
		}
		switch c := s.means(text); {
		case !telling[c] || c == cause:
		case cause != "":
			return
		default:
			found, cause = Reply{Text: clean(text), Recipient: s.recipient, Reporter: s.reporter}, c
		}
	}
	if cause != "" {
		s.found.add(found, loose)
	}
}
