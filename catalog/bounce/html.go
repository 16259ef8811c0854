package bounce

import (
	"html"
	"strings"
)

// htmlText takes the text out of HTML, so far as replies need: blocks and rows on lines of their own, no scripts and styles. It
// is no parser of HTML and takes whatever it gets.
func htmlText(s string) string {
	var out strings.Builder
	pre, closing := 0, 0
	for at := 0; at < len(s); {
		open := strings.IndexByte(s[at:], '<')
		if open < 0 {
			open = len(s) - at
		}
		text := s[at : at+open]
		if pre == 0 {
			text = sourceSpace.Replace(text)
		}
		out.WriteString(html.UnescapeString(text))
		if at += open; at == len(s) {
			break
		}
		if strings.HasPrefix(s[at:], "<!--") {
			at += len(s[at:]) - len(skipPast(s[at:], "-->"))
			continue
		}
		if closing <= at { // Looked for once, however many "<" stand before it.
			if closing = strings.IndexByte(s[at:], '>'); closing < 0 {
				closing = len(s)
			} else {
				closing += at
			}
		}
		if closing == len(s) || !isTag(s[at+1:closing]) {
			out.WriteByte('<')
			at++
			continue
		}
		name := tagName(s[at+1 : closing])
		at = closing + 1
		switch name {
		case "script", "style", "title":
			at += len(s[at:]) - len(skipPast(s[at:], "</"+name))
		case "pre":
			pre++
			out.WriteByte('\n')
		case "/pre":
			pre = max(pre-1, 0)
			out.WriteByte('\n')
		case "br", "tr", "/tr", "li", "/li", "hr":
			out.WriteByte('\n')
		case "p", "/p", "div", "/div", "h1", "h2", "h3", "h4", "/h1", "/h2", "/h3", "/h4", "table", "/table", "ul", "/ul", "blockquote", "/blockquote":
			out.WriteString("\n\n")
		case "td", "th":
			out.WriteByte(' ')
		}
	}
	return out.String()
}

// sourceSpace makes one of all white space, as HTML does outside of pre.
var sourceSpace = strings.NewReplacer("\r", " ", "\n", " ", "\t", " ")

// isTag reports whether what stands between "<" and ">" is a tag, and not an address or a host.
func isTag(inside string) bool {
	name := strings.TrimPrefix(inside, "/")
	if name == "" || !isLetter(name[0]) && name[0] != '!' && name[0] != '?' {
		return false
	}
	word, _, _ := strings.Cut(name[:min(len(name), 100)], " ")
	return !strings.ContainsAny(word, "@.")
}

// tagName returns the name of a tag in lower case, with the slash of an end tag.
func tagName(tag string) string {
	end := strings.IndexFunc(strings.TrimPrefix(tag, "/"), func(r rune) bool { return !(r < 0x80 && isWordByte(byte(r))) })
	if end < 0 {
		end = len(strings.TrimPrefix(tag, "/"))
	}
	if strings.HasPrefix(tag, "/") {
		end++
	}
	return strings.ToLower(tag[:end])
}

// skipPast returns what follows an end tag or the end of a comment; "" if there is none.
func skipPast(s, end string) string {
	for i := 0; i+len(end) <= len(s); i++ {
		if s[i] == end[0] && strings.EqualFold(s[i:i+len(end)], end) {
			_, rest, _ := strings.Cut(s[i:], ">")
			return rest
		}
	}
	return ""
}

// metaCharset returns the charset that HTML says of itself.
func metaCharset(e entity) string {
	head := strings.ToLower(string(e.body[:min(len(e.body), 2048)]))
	_, rest, ok := strings.Cut(head, "charset=")
	if !ok {
		return ""
	}
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "3d"), `"'`)
	end := strings.IndexFunc(rest, func(r rune) bool { return !(r < 0x80 && (isWordByte(byte(r)) || r == '-')) })
	if end < 0 {
		end = len(rest)
	}
	return rest[:end]
}
