package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
)

// slowHop is how long a server may take before it is called slow: mail is usually passed on within seconds.
const slowHop = time.Minute

// printArrived tells of a letter that arrived: the way it took, from where it came in, what the receiver found, and what is missing.
func (e *explainer) printArrived(p *page, l *bounce.Letter) {
	w := &arrivedWords
	p.title(p.say(w.title, p.peer(l.From)))
	if l.Subject != "" {
		p.text("  ", p.say(w.subject, p.quote(l.Subject)))
	}
	if l.MailFrom != "" {
		p.text("  ", p.say(w.mailFrom, p.peer(l.MailFrom)))
	}
	e.printWay(p, l)
	e.printSender(p, l)
	e.printResults(p, l)
	e.printMarks(p, l)
	p.heading(p.say(w.missing))
	missing := missingIn(l)
	if len(missing) == 0 {
		p.text("  ", p.say(w.nothingMissing))
	}
	for _, m := range missing {
		p.item("  - ", m.say(p))
	}
}

var plainPeer = regexp.MustCompile(`^[A-Za-z0-9_.@+=:-]+$`)

// peer is a name or an address of a peer's: as it stands where it looks like one, quoted where it does not.
func (p *page) peer(s string) string {
	switch {
	case s == "":
		return "?"
	case len(s) <= 253 && plainPeer.MatchString(s):
		return s
	}
	return p.quote(s)
}

// server is the name of a server that wrote a line, or that it does not say it.
func (p *page) server(name string) string {
	if name == "" {
		return p.say(arrivedWords.someServer)
	}
	return p.peer(name)
}

// printWay writes one entry for each Received line, the first server first.
func (e *explainer) printWay(p *page, l *bounce.Letter) {
	w := &arrivedWords
	p.heading(p.say(w.way))
	if len(l.Hops) == 0 {
		p.text("  ", p.say(w.noWay))
		return
	}
	if l.Left > 0 {
		p.text("  ", p.say(w.left, l.Left))
	}
	slowest := slowestHop(l)
	for i := range l.Hops {
		text := hopText(p, &l.Hops[i])
		if d, ok := l.Delay(i); ok {
			text += ", " + p.say(w.after, p.duration(d))
		}
		text += "."
		if i == slowest {
			text += " " + p.say(w.slow)
		}
		if i == l.Entry {
			text += " " + p.say(w.entry)
		}
		p.item(fmt.Sprintf("  %*d. ", len(fmt.Sprint(len(l.Hops))), i+1), text)
	}
	if l.Entry > 0 {
		p.text("  ", p.say(w.belief, l.Entry+1))
	}
	if n := len(l.Hops) - 1; n > 0 && !l.Hops[0].Time.IsZero() && !l.Hops[n].Time.IsZero() {
		p.text("  ", p.say(w.whole, p.duration(l.Hops[n].Time.Sub(l.Hops[0].Time))))
	}
}

// slowestHop is the index of the server that took longest to get the letter, if that is long; -1 otherwise.
func slowestHop(l *bounce.Letter) int {
	slowest, most := -1, slowHop
	for i := range l.Hops {
		if d, ok := l.Delay(i); ok && d >= most {
			slowest, most = i, d
		}
	}
	return slowest
}

// hopText says who took the letter from whom, how and when.
func hopText(p *page, h *bounce.Hop) string {
	w := &arrivedWords
	var text string
	if from := origin(p, h); from != "" {
		text = p.say(w.took, p.server(h.By), from)
	} else {
		text = p.say(w.tookItself, p.server(h.By))
	}
	if h.Login {
		text += ", " + p.say(w.login)
	}
	if h.Protocol != "" {
		text += ", " + h.Protocol
	}
	if t, ok := w.tls[h.TLS]; ok && (h.TLS == bounce.Yes || !inside(h.Address)) {
		text += ", " + p.say(t)
	}
	if !h.Time.IsZero() {
		text += ", " + h.Time.Format("2006-01-02 15:04:05") + " UTC"
	}
	return text
}

// inside reports whether an address is one within a machine or a network of somebody's own, where nobody encrypts.
func inside(a netip.Addr) bool { return a.IsLoopback() || a.IsPrivate() }

// origin is whom a server took the letter from: names and address as far as they are told.
func origin(p *page, h *bounce.Hop) string {
	name := h.Helo
	if h.PTR != "" {
		name = h.PTR
	}
	switch {
	case h.Address.IsValid() && name != "" && name != h.Address.String():
		return p.peer(name) + " [" + h.Address.String() + "]"
	case h.Address.IsValid():
		return "[" + h.Address.String() + "]"
	case name != "":
		return p.peer(name)
	}
	return ""
}

// duration is a time as people say it.
func (p *page) duration(d time.Duration) string {
	w := &arrivedWords
	if d < 0 {
		return p.say(w.clocks, p.duration(-d))
	}
	d = d.Truncate(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0:
		return p.say(w.hours, h, m)
	case m > 0:
		return p.say(w.minutes, m, s)
	}
	return p.say(w.seconds, s)
}

func (e *explainer) printSender(p *page, l *bounce.Letter) {
	w := &arrivedWords
	p.heading(p.say(w.sender))
	h := l.Sender()
	if h == nil {
		p.text("  ", p.say(w.noSender))
		return
	}
	p.text("  ", p.say(w.address, h.Address.String(), p.server(h.By)))
	if h.Helo != "" {
		p.text("  ", p.say(w.helo, p.peer(h.Helo)))
	}
	if h.PTR != "" {
		p.text("  ", p.say(w.ptr, p.peer(h.PTR)))
	}
}

// printResults explains what the receiver found.
func (e *explainer) printResults(p *page, l *bounce.Letter) {
	w := &arrivedWords
	if l.AuthServer == "" {
		p.heading(p.say(w.results))
	} else {
		p.heading(p.say(w.resultsOf, p.peer(l.AuthServer)))
	}
	if len(l.Results) == 0 {
		p.text("  ", p.say(w.noResults))
	}
	for _, r := range l.Results {
		p.item("  - ", resultText(p, l, r))
	}
	if l.Foreign > 0 {
		p.text("  ", p.say(w.foreign, l.Foreign))
	}
}

// resultText is a result in plain words, with what was tested and, quoted, the reason given.
func resultText(p *page, l *bounce.Letter, r bounce.Result) string {
	text := fmt.Sprintf("%s: %s", methodName(r.Method), r.Value)
	if about := aboutResult(p, l, r); about != "" {
		text += " (" + about + ")"
	}
	if t, ok := arrivedWords.meaning[r.Method][r.Value]; ok {
		text += ". " + p.say(t)
	}
	if r.Reason != "" {
		text += " " + p.quote(clip(sanitise(r.Reason), 200))
	}
	return text
}

// methodName is a method as people write it.
func methodName(m string) string {
	switch m {
	case "spf", "dkim", "dmarc", "arc":
		return strings.ToUpper(m)
	}
	return m
}

// aboutResult is what was tested: the domain of MAIL FROM, the domain and selector of the signature, the domain of From.
func aboutResult(p *page, l *bounce.Letter, r bounce.Result) string {
	switch {
	case r.Method == "spf" && r.MailFrom != "":
		return p.peer(r.MailFrom)
	case r.Method == "dkim" && r.Domain != "" && r.Domain != "none":
		about := "d=" + p.peer(r.Domain)
		if s := selectorOf(l, r); s != "" {
			about += ", s=" + p.peer(s)
		}
		return about
	case r.Method == "dmarc" && r.HeaderFrom != "":
		return p.peer(r.HeaderFrom)
	}
	return ""
}

// selectorOf is the selector of a signature; where the receiver does not say it, the one of the only signature of that domain.
func selectorOf(l *bounce.Letter, r bounce.Result) string {
	if r.Selector != "" {
		return r.Selector
	}
	found := ""
	for _, s := range l.Signatures {
		if s.Domain == r.Domain {
			if found != "" {
				return ""
			}
			found = s.Selector
		}
	}
	return found
}

// A missed is what a letter lacks that receivers look for.
type missed struct {
	id   string
	text catalog.Text
	args []string
}

func (m missed) say(p *page) string {
	args := make([]any, len(m.args))
	for i, a := range m.args {
		args[i] = p.peer(a)
	}
	return p.say(m.text, args...)
}

// missingIn lists what a letter lacks, as far as its header tells.
func missingIn(l *bounce.Letter) (out []missed) {
	w := &arrivedWords
	add := func(id string, t catalog.Text, args ...string) { out = append(out, missed{id, t, args}) }
	domain := ""
	if l.From != "" {
		domain = bounce.DomainOf(l.From)
	}
	switch aligned, signed := alignedSignature(l, domain); {
	case !signed && sawSignature(l): // The field was not pasted with the rest.
	case !signed:
		add("dkim_missing", w.dkimMissing)
	case !aligned && domain != "":
		add("dkim_not_aligned", w.dkimUnaligned, l.Signatures[0].Domain, domain)
	}
	if h := l.Sender(); h != nil {
		if h.TLS == bounce.No {
			add("tls_missing", w.tlsMissing, h.Protocol)
		}
		if h.NoPTR == bounce.Yes {
			add("ptr_missing", w.ptrMissing, h.Address.String())
		}
	}
	switch {
	case l.Bulk && !l.ListUnsubscribe:
		add("list_unsubscribe_missing", w.unsubscribeMissing)
	case l.Bulk && !l.OneClick:
		add("one_click_missing", w.oneClickMissing)
	}
	return out
}

// alignedSignature reports whether the letter is signed, and by a domain of the organisation in From.
func alignedSignature(l *bounce.Letter, domain string) (aligned, signed bool) {
	for _, s := range l.Signatures {
		signed = true
		aligned = aligned || bounce.Aligned(s.Domain, domain)
	}
	return aligned, signed
}

// sawSignature reports whether the receiver tested a DKIM signature. RFC 8601 section 2.7.1: without one its result is none.
func sawSignature(l *bounce.Letter) bool {
	return slices.ContainsFunc(l.Results, func(r bounce.Result) bool { return r.Method == "dkim" && r.Value != "none" })
}

// printMarks quotes what spam filters wrote, and says what is published of its meaning.
func (e *explainer) printMarks(p *page, l *bounce.Letter) {
	if len(l.Marks) == 0 {
		return
	}
	p.heading(p.say(arrivedWords.marks))
	for _, m := range l.Marks {
		parts := []string{p.peer(m.Name) + ": " + p.quote(clip(sanitise(m.Value), 200))}
		for _, t := range meaningsOf(m) {
			parts = append(parts, t.say(p))
		}
		p.item("  - ", strings.Join(parts, " "))
	}
	p.text("  ", p.say(arrivedWords.marksBelief))
}
