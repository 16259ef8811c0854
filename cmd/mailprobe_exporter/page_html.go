package main

import (
	"html"
	"html/template"
	"regexp"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// An htmlText collects what a page says as HTML, for the same explanations in a browser.
type htmlText struct {
	out  strings.Builder
	list string // The list that is open, "ul" or "ol"; "" if none is.
}

// newHTMLPage returns a page for a browser.
func newHTMLPage(lang catalog.Lang) *page { return &page{lang: lang, html: &htmlText{}} }

// body is what was said.
func (h *htmlText) body() template.HTML {
	h.close()
	return template.HTML(h.out.String()) //nolint:gosec // Every text in it went through markUp.
}

// Marks around the words of a peer. They are private characters, which sanitise lets nobody else use.
const (
	peerBegins = "\uf8f0"
	peerEnds   = "\uf8f1"
)

var (
	pageAddress = regexp.MustCompile(`https?://[^\s<>"“”«»]+[^\s<>"“”«».,;:)]`)
	rfcSection  = regexp.MustCompile(`RFC ([0-9]+)(?: section ([0-9A-Z.]*[0-9A-Z]))?`)
	tick        = regexp.MustCompile("`([^`]+)`")
)

// markUp makes HTML of a text: addresses of pages and RFCs become links and what is typed as it stands code. A peer's words are marked as
// theirs, and nothing in them is a link.
func markUp(s string) template.HTML {
	var out strings.Builder
	for s != "" {
		ours, rest, _ := strings.Cut(s, peerBegins)
		out.WriteString(markUpOurs(ours))
		var theirs string
		theirs, s, _ = strings.Cut(rest, peerEnds)
		if theirs != "" {
			out.WriteString(`<q class="peer">` + html.EscapeString(theirs) + "</q>")
		}
	}
	return template.HTML(out.String()) //nolint:gosec // Escaped, piece by piece.
}

func markUpOurs(s string) string {
	s = html.EscapeString(s)
	s = pageAddress.ReplaceAllStringFunc(s, func(u string) string { return `<a href="` + u + `" rel="noreferrer">` + u + `</a>` })
	s = rfcSection.ReplaceAllStringFunc(s, func(r string) string {
		m := rfcSection.FindStringSubmatch(r)
		to := "https://www.rfc-editor.org/rfc/rfc" + m[1]
		if m[2] != "" {
			to += "#section-" + m[2]
		}
		return `<a href="` + to + `" rel="noreferrer">` + r + `</a>`
	})
	return tick.ReplaceAllString(s, "<code>$1</code>")
}

// element writes a text in an element, which ends a list.
func (h *htmlText) element(open, name, s string) {
	h.close()
	h.out.WriteString("<" + open + ">" + string(markUp(s)) + "</" + name + ">\n")
}

// entry writes an entry of a list, which it begins if need be.
func (h *htmlText) entry(list, s string) {
	if h.list != list {
		h.close()
		h.out.WriteString("<" + list + ">\n")
		h.list = list
	}
	h.out.WriteString("<li>" + string(markUp(s)) + "</li>\n")
}

// hanging writes a text behind a mark, which is only blanks where it is an indent.
func (h *htmlText) hanging(mark, s string) {
	switch strings.TrimSpace(mark) {
	case "-":
		h.entry("ul", s)
	case "":
		if mark == "" {
			h.element("p", "p", s)
			return
		}
		h.element(`p class="in"`, "p", s)
	default:
		h.close()
		h.out.WriteString(`<div class="hang"><b>` + string(markUp(strings.TrimSpace(mark))) + `</b><span>` + string(markUp(s)) + "</span></div>\n")
	}
}

func (h *htmlText) close() {
	if h.list != "" {
		h.out.WriteString("</" + h.list + ">\n")
		h.list = ""
	}
}
