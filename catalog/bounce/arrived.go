package bounce

import (
	"bytes"
	"fmt"
	"io"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// A letter that arrived carries the story of its way. Every server that takes it puts fields on top of its header, so that the header
// is read from below: the lowest Received line (RFC 5321 section 4.4) is of the first server, the topmost of the last. A server can
// vouch only for what it wrote itself. Whoever hands a letter in can have written everything below, Received lines and
// Authentication-Results included. So the line that counts is the one in which the receiver's first server tells who connected to it.

// The limits of what is kept of a letter that arrived.
const (
	MaxHops    = 50  // Received lines, the topmost.
	MaxResults = 40  // Results of the receiver's tests.
	MaxMarks   = 40  // Fields of spam filters.
	MaxValue   = 500 // Octets of any text in it.
	maxSigns   = 20  // DKIM signatures.
)

// A Letter is what the header of a letter that arrived says.
type Letter struct {
	From       string      // Address of the author, as written; "" if there is none.
	MailFrom   string      // Address in Return-Path, which is that of MAIL FROM; "" if there is none, or it was empty.
	Subject    string      // Decoded (RFC 2047).
	Hops       []Hop       // From the first server to the last.
	Left       int         // Received lines beyond MaxHops, the lowest, which were left out.
	Entry      int         // Index in Hops of the line in which the receiver's first server tells who connected; -1: not found.
	Signatures []Signature // DKIM-Signature fields, the topmost first.
	AuthServer string      // Who wrote Results (RFC 8601 section 2.2: authserv-id); "" if it does not say.
	Results    []Result    // What the receiver found out, of the topmost Authentication-Results only.
	Foreign    int         // Authentication-Results fields that are not believed.
	Marks      []Mark      // What spam filters wrote.

	ListUnsubscribe bool // Header field List-Unsubscribe (RFC 2369) is there.
	OneClick        bool // And List-Unsubscribe-Post with it (RFC 8058).
	Bulk            bool // A field says that the letter went to many: Precedence, List-Id, Feedback-ID.
}

// A Signature is one DKIM-Signature field (RFC 6376 section 3.5), which is not verified here.
type Signature struct {
	Domain, Selector, Algorithm string // The tags d, s and a; domain and selector in lower case.
}

// A Mark is a field that a spam filter wrote.
type Mark struct{ Name, Value string }

// ReadArrived reads the header of a letter that arrived, or of its copy from "show original". ok is false for what is none: text, a
// returned letter, or one that no server has seen. It reads at most MaxLetter octets of r.
func ReadArrived(r io.Reader) (l Letter, ok bool, err error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxLetter))
	e, found := findLetter(decodeBOM(data))
	if kind := e.kind(); !found || kind != KindMessage && kind != KindAuto {
		return Letter{Entry: -1}, false, err
	}
	l = e.arrived()
	return l, len(l.Hops)+len(l.Results)+len(l.Signatures) > 0, err
}

// maxPreface is how many octets people may have copied above a letter, as the table above Gmail's original.
const maxPreface = 8 << 10

// findLetter takes a letter, above which something else may stand.
func findLetter(data []byte) (entity, bool) {
	if e, ok := parseLetter(data); ok {
		return e, true
	}
	for rest := data; len(rest) > 0 && len(data)-len(rest) < maxPreface; {
		line, after := cutLine(rest)
		if name, _, ok := cutField(line); ok && beginnings[name] {
			return parseLetter(rest)
		}
		rest = after
	}
	return entity{}, false
}

// beginnings are the fields that are topmost in letters that arrived, and in nothing else.
var beginnings = map[string]bool{
	"delivered-to": true, "received": true, "return-path": true, "x-received": true, "authentication-results": true, "envelope-to": true,
	"x-original-to": true, "x-mozilla-status": true, "x-yandex-fid": true,
}

// arrived reads the header.
func (e entity) arrived() Letter {
	l := Letter{From: mailbox(e.get("from")), MailFrom: mailbox(e.get("return-path")), Subject: text(decodeWords(e.get("subject"))), Entry: -1}
	for _, f := range e.fields {
		switch f.name {
		case "received":
			if len(l.Hops) == MaxHops {
				l.Left++
				continue
			}
			l.Hops = append(l.Hops, readReceived(f.value))
		case "dkim-signature":
			if s, ok := readSignature(f.value); ok && len(l.Signatures) < maxSigns {
				l.Signatures = append(l.Signatures, s)
			}
		case "list-unsubscribe":
			l.ListUnsubscribe = true
		case "list-unsubscribe-post":
			l.OneClick = true
		case "list-id", "feedback-id":
			l.Bulk = true
		case "precedence":
			l.Bulk = l.Bulk || containsAny(lower(f.value), []string{"bulk", "list"})
		default:
			if isMark(f.name) && len(l.Marks) < MaxMarks {
				l.Marks = append(l.Marks, Mark{f.name, text(f.value)})
			}
		}
	}
	l.results(e)
	if l.Entry = entry(l.Hops, l.client()); l.Entry >= 0 {
		l.Entry = len(l.Hops) - 1 - l.Entry
	}
	slices.Reverse(l.Hops)
	return l
}

// Sender returns the hop by which the letter came in from outside; nil if no line tells.
func (l *Letter) Sender() *Hop {
	if l.Entry < 0 {
		return nil
	}
	return &l.Hops[l.Entry]
}

// Receiver names who wrote the topmost line: the host; "" if it is not said.
func (l *Letter) Receiver() string {
	if s := l.Sender(); s != nil && s.By != "" {
		return s.By
	}
	return l.AuthServer
}

// Delay returns how long a letter was under way from one hop to the next; ok is false where one of them does not say when. Clocks
// differ, so it may be negative.
func (l *Letter) Delay(hop int) (d time.Duration, ok bool) {
	if hop <= 0 || hop >= len(l.Hops) || l.Hops[hop].Time.IsZero() || l.Hops[hop-1].Time.IsZero() {
		return 0, false
	}
	return l.Hops[hop].Time.Sub(l.Hops[hop-1].Time), true
}

// Aligned reports whether two domains belong to one organisation, which is what DMARC calls relaxed alignment (RFC 7489 section 3.1).
func Aligned(a, b string) bool {
	a, b = strings.TrimSuffix(lower(a), "."), strings.TrimSuffix(lower(b), ".")
	return a != "" && (a == b || organisation(a) == organisation(b))
}

// organisation is the domain that was registered; the name itself where there is none such.
func organisation(name string) string {
	registered, err := publicsuffix.EffectiveTLDPlusOne(name)
	switch {
	case err != nil:
		return name
	case registered == "exchangelabs.com": // Servers of Exchange Online have names in both.
		return "outlook.com"
	}
	return registered
}

// sameOperator reports whether two hosts are run by one organisation, as far as their names tell.
func sameOperator(a, b string) bool {
	if a == "" || b == "" || isAddress(a) || isAddress(b) {
		return false
	}
	if p, ok := catalog.Provider(a); ok {
		q, ok := catalog.Provider(b)
		return ok && p == q || Aligned(a, b)
	}
	return Aligned(a, b)
}

// mailbox returns the address in a field like From or Return-Path; "" if there is none.
func mailbox(value string) string {
	if parsed, err := mail.ParseAddress(value[:min(len(value), MaxText)]); err == nil {
		value = parsed.Address
	}
	if i := strings.LastIndexByte(value, '<'); i >= 0 {
		value = value[i+1:]
	}
	if a := findAddress(value); len(a) <= MaxValue {
		return a
	}
	return ""
}

// DomainOf returns what stands behind the @ of an address, in lower case.
func DomainOf(address string) string { return lower(address[strings.LastIndexByte(address, '@')+1:]) }

// text makes a value of a header fit to be kept: one line, valid UTF-8, at most MaxValue octets.
func text(s string) string {
	s = clean(toUTF8([]byte(s[:min(len(s), MaxText)]), ""))
	if len(s) > MaxValue {
		s = strings.ToValidUTF8(s[:MaxValue-3], "") + "…"
	}
	return s
}

// readSignature reads a DKIM-Signature. RFC 6376 section 3.2: tags, of which white space is no part.
func readSignature(value string) (s Signature, ok bool) {
	for part := range strings.SplitSeq(value[:min(len(value), 16<<10)], ";") {
		name, tag, _ := strings.Cut(part, "=")
		tag = strings.Join(strings.Fields(tag), "")
		switch strings.TrimSpace(name) {
		case "d":
			s.Domain = text(lower(strings.TrimSuffix(tag, ".")))
		case "s":
			s.Selector = text(lower(tag))
		case "a":
			s.Algorithm = text(lower(tag))
		}
	}
	return s, s.Domain != "" && s.Selector != ""
}

// markNames are the fields, or beginnings of fields, in which spam filters say what they think.
var markNames = []string{
	"x-spam-", "x-spamd-", "x-rspamd-", "x-yandex-spam", "x-mras", "x-mailru-", "x-forefront-antispam-report", "x-microsoft-antispam",
	"x-ms-exchange-organization-scl", "x-ms-exchange-organization-pcl", "x-ms-exchange-organization-antispam-report",
}

func isMark(name string) bool {
	if name == "x-spam" {
		return true
	}
	if strings.HasPrefix(name, "x-microsoft-antispam-m") || strings.HasSuffix(name, "-untrusted") || strings.HasPrefix(name, "x-spam-checker") {
		return false // Coded, of others, or no verdict.
	}
	for _, m := range markNames {
		if strings.HasPrefix(name, m) {
			return true
		}
	}
	return false
}

// String is how a hop is told in a test or a log.
func (h Hop) String() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s", h.Helo)
	if h.PTR != "" && h.PTR != h.Helo {
		fmt.Fprintf(&b, " (%s)", h.PTR)
	}
	if h.Address != (netip.Addr{}) {
		fmt.Fprintf(&b, " [%s]", h.Address)
	}
	fmt.Fprintf(&b, " -> %s", h.By)
	return b.String()
}
