package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// A page is text for people in one language: in a terminal or a pipe, wrapped to a width, or in a browser.
type page struct {
	html   *htmlText // For a browser; nil: w is written to.
	w      io.Writer
	lang   catalog.Lang
	width  int  // In characters.
	styled bool // Headings may be marked with escape sequences.
	err    error
}

// The widths of a page: without a terminal, and what is still comfortable to read.
const (
	usualWidth = 80
	leastWidth = 40
	mostWidth  = 110
)

// newPage prepares a page for w. A terminal gives its width, and marks unless NO_COLOR (https://no-color.org) forbids them.
func newPage(w io.Writer, lang catalog.Lang) *page {
	p := &page{w: w, lang: lang, width: usualWidth}
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return p
	}
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
		p.width = min(max(width, leastWidth), mostWidth)
	}
	p.styled = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return p
}

// say is a text in the page's language, with the arguments of its verbs.
func (p *page) say(t catalog.Text, args ...any) string {
	s := t.In(p.lang)
	if p.html == nil {
		s = plain(s)
	}
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// plain is a text of the catalogue without the marks that Markdown has for what is typed as it stands. A full stop behind a
// domain's own is left out with them.
func plain(s string) string { return unmarked.Replace(s) }

var unmarked = strings.NewReplacer(".`.", ".", "`", "")

func (p *page) line(s string) {
	if p.html != nil {
		return // Blank lines and rules are the browser's affair.
	}
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, s)
	}
}

func (p *page) blank() { p.line("") }

// rule parts one explanation from the next.
func (p *page) rule() {
	p.line(strings.Repeat("─", usualWidth/2))
	p.blank()
}

// title begins an explanation.
func (p *page) title(s string) {
	if p.html != nil {
		p.html.heading(0, s)
		return
	}
	for _, l := range wrap(s, p.width, "", "") {
		p.line(p.style("1", l))
	}
}

// heading begins a part of it, after a blank line.
func (p *page) heading(s string) {
	if p.html != nil {
		p.html.heading(1, s)
		return
	}
	p.blank()
	p.line(p.style("1;36", s))
}

// style marks s, where the page may.
func (p *page) style(code, s string) string {
	if !p.styled {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// text writes s wrapped, every line behind indent.
func (p *page) text(indent, s string) { p.hanging(indent, indent, s) }

// item writes s behind a mark; lines that follow begin below the first one's text.
func (p *page) item(mark, s string) {
	p.hanging(mark, strings.Repeat(" ", utf8.RuneCountInString(mark)), s)
}

// hanging writes s behind first, the lines that follow behind rest.
func (p *page) hanging(first, rest, s string) {
	if p.html != nil {
		p.html.hanging(first, s)
		return
	}
	for _, l := range wrap(s, p.width, first, rest) {
		p.line(l)
	}
}

// bullets writes items behind dashes.
func (p *page) bullets(items []catalog.Text) {
	for _, t := range items {
		p.item("  - ", p.say(t))
	}
}

// numbered writes items behind numbers.
func (p *page) numbered(items []string) {
	width := len(strconv.Itoa(len(items)))
	for i, s := range items {
		if p.html != nil {
			p.html.entry("ol", s)
			continue
		}
		p.item(fmt.Sprintf("  %*d. ", width, i+1), plain(s))
	}
}

// wrap breaks s into lines of at most width characters where it has spaces. A longer word, as an address of a
// page, stays whole, so that it can be copied.
func wrap(s string, width int, first, rest string) (lines []string) {
	line, empty := first, true
	length := utf8.RuneCountInString(first)
	for _, word := range unbroken(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case empty:
		case length+1+n > width:
			lines = append(lines, line)
			line, length = rest, utf8.RuneCountInString(rest)
		default:
			line, length = line+" ", length+1
		}
		line, length, empty = line+word, length+n, false
	}
	if empty {
		line = strings.TrimRight(line, " ")
	}
	return append(lines, line)
}

// unbroken returns the words of s. A dash stays with the word before it, and the groups of a number together: "300 000".
func unbroken(s string) (words []string) {
	for word := range strings.FieldsSeq(s) {
		last := len(words) - 1
		if last >= 0 && (word == "—" || word == "–" || threeDigitGroup(word) && endsInDigit(words[last])) {
			words[last] += " " + word
			continue
		}
		words = append(words, word)
	}
	return words
}

// threeDigitGroup reports whether a word may go on a number: "000", "500,".
func threeDigitGroup(word string) bool {
	digits := strings.TrimRight(word, ".,;:)")
	return len(digits) == 3 && strings.Trim(digits, "0123456789") == ""
}

func endsInDigit(word string) bool {
	return word[len(word)-1] >= '0' && word[len(word)-1] <= '9' && len(word) <= 3
}

// maxQuote is how much of a peer's text people are shown, in characters.
const maxQuote = 700

// quote is a peer's text made fit for a terminal, in quotation marks. Escape sequences and characters that turn the
// direction of writing lose their power, and what is too long is cut.
func (p *page) quote(s string) string {
	if p.html != nil {
		return peerBegins + clip(sanitise(s), maxQuote) + peerEnds
	}
	return p.say(catalog.Text{EN: "“%s”", RU: "«%s»"}, clip(sanitise(s), maxQuote))
}

// maxName is how much of a name people are shown, in characters.
const maxName = 100

// theirs is a name that a peer gave, as that of a server or a recipient.
func (p *page) theirs(s string) string {
	s = clip(sanitise(s), maxName)
	if p.html != nil && s != "" {
		return peerBegins + s + peerEnds
	}
	return s
}

// sanitise leaves of a peer's text what can be printed, on one line.
func sanitise(s string) string {
	var b strings.Builder
	for word := range strings.FieldsSeq(strings.ToValidUTF8(s, "\ufffd")) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(visible(word))
	}
	return b.String()
}

// visible is a line of text in which nothing but its characters has an effect: what cannot be printed, as escape sequences and
// characters that turn the direction of writing, is replaced.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// clip cuts s to n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
