package main

import (
	"fmt"
	"html"
	"html/template"
	"regexp"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// An htmlText collects what a page says as HTML, for the same explanations in a browser.
type htmlText struct {
	out   strings.Builder
	list  string // The list that is open, "ul" or "ol"; "" if none is.
	level int    // Of the headings that begin an explanation. 1: the page has that heading already.
}

// newHTMLPage returns a page for a browser, whose headings begin at a level.
func newHTMLPage(lang catalog.Lang, level int) *page {
	return &page{lang: lang, html: &htmlText{level: level}}
}

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

// marked is what stands out in a text of ours: what is typed as it stands, the address of a page, a section of an RFC.
var marked = regexp.MustCompile("`([^`]+)`" + `|(https?://[^\s<>"“”«»` + "`" + `]*[^\s<>"“”«»` + "`" + `.,;:)])|RFC ([0-9]+)(?: section ([0-9A-Z.]*[0-9A-Z]))?`)

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
	var out strings.Builder
	link := func(to, text string) {
		out.WriteString(`<a href="` + html.EscapeString(to) + `" rel="noreferrer">` + html.EscapeString(text) + "</a>")
	}
	end := 0
	for _, at := range marked.FindAllStringSubmatchIndex(s, -1) {
		group := func(n int) string { return s[max(at[2*n], 0):max(at[2*n+1], 0)] }
		out.WriteString(html.EscapeString(s[end:at[0]]))
		end = at[1]
		switch code, address, rfc, section := group(1), group(2), group(3), group(4); {
		case code != "":
			out.WriteString("<code>" + html.EscapeString(code) + "</code>")
		case address != "":
			link(address, address)
		case section != "":
			link("https://www.rfc-editor.org/rfc/rfc"+rfc+"#section-"+section, s[at[0]:at[1]])
		default:
			link("https://www.rfc-editor.org/rfc/rfc"+rfc, s[at[0]:at[1]])
		}
	}
	out.WriteString(html.EscapeString(s[end:]))
	return out.String()
}

// element writes a text in an element, which ends a list.
func (h *htmlText) element(open, name, s string) {
	h.close()
	h.out.WriteString("<" + open + ">" + string(markUp(s)) + "</" + name + ">\n")
}

// heading writes a heading that many levels below those which begin an explanation.
func (h *htmlText) heading(below int, s string) {
	if h.level+below > 1 {
		name := fmt.Sprintf("h%d", h.level+below)
		h.element(name, name, s)
	}
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
