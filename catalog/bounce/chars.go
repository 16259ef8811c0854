package bounce

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

func isDigit(b byte) bool    { return b >= '0' && b <= '9' }
func isLetter(b byte) bool   { return b|0x20 >= 'a' && b|0x20 <= 'z' }
func isWordByte(b byte) bool { return isLetter(b) || isDigit(b) || b == '_' }

// lower makes small letters of those of ASCII and Russian, so that the length in octets stays the same and places in one are
// places in the other.
func lower(s string) string {
	change := false
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' || s[i] == 0xd0 {
			change = true
			break
		}
	}
	if !change {
		return s
	}
	out := []byte(s)
	for i := 0; i < len(out); i++ {
		switch b := out[i]; {
		case b >= 'A' && b <= 'Z':
			out[i] = b | 0x20
		case b == 0xd0 && i+1 < len(out):
			switch next := out[i+1]; {
			case next >= 0x90 && next <= 0x9f:
				out[i+1] = next + 0x20
			case next >= 0xa0 && next <= 0xaf:
				out[i], out[i+1] = 0xd1, next-0x20
			case next == 0x81:
				out[i], out[i+1] = 0xd1, 0x91
			}
			i++
		}
	}
	return string(out)
}

// clean folds white space, makes valid UTF-8 without control characters, and cuts at MaxText.
func clean(s string) string {
	var out strings.Builder
	space := false
	for _, r := range s {
		switch {
		case r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\u00a0':
			space = out.Len() > 0
			continue
		case r < ' ' || r == 0x7f:
			r = utf8.RuneError
		}
		if out.Len()+utf8.RuneLen(r)+1 > MaxText {
			break
		}
		if space {
			out.WriteByte(' ')
			space = false
		}
		out.WriteRune(r)
	}
	return out.String()
}

// hostName returns the name of a host or its address if s begins with one, in lower case; "" otherwise.
func hostName(s string) string {
	s = strings.TrimLeft(s, " \t<\"'(")
	if strings.HasPrefix(s, "[") {
		inside, _, _ := strings.Cut(s[1:], "]")
		inside = strings.TrimPrefix(lower(inside), "ipv6:")
		if isAddress(inside) {
			return inside
		}
		return ""
	}
	end := 0
	for end < len(s) && end < 254 && (isWordByte(s[end]) || s[end] == '.' || s[end] == '-' || s[end] >= 0x80) {
		end++
	}
	if end < len(s) && s[end] == ':' {
		// An IPv6 address, or a name with a port.
		to := end
		for to < len(s) && to < 46 && (isWordByte(s[to]) || s[to] == '.' || s[to] == ':') {
			to++
		}
		if a, err := netip.ParseAddr(strings.TrimRight(s[:to], ":.")); err == nil {
			return a.String()
		}
	}
	name := lower(strings.TrimRight(s[:end], "."))
	if !strings.Contains(name, ".") || strings.Contains(name, "..") || !utf8.ValidString(name) || strings.HasPrefix(name, ".") {
		return ""
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if isDigit(last[0]) && !isAddress(name) {
		return ""
	}
	return name
}

// addressEnd returns how long the mail address is that s begins with; 0 if it does not.
func addressEnd(s string) int {
	at := 0
	for at < len(s) && at <= 256 && (isWordByte(s[at]) || s[at] >= 0x80 || strings.IndexByte(".!#$%&*+/=?^{|}~'-", s[at]) >= 0) {
		at++
	}
	if at == 0 || at >= len(s) || s[at] != '@' {
		return 0
	}
	end := at + 1
	for end < len(s) && end-at < 255 && (isWordByte(s[end]) || s[end] >= 0x80 || s[end] == '.' || s[end] == '-') {
		end++
	}
	for end > at && (s[end-1] == '.' || s[end-1] == '-') {
		end--
	}
	if end-at < 2 || !utf8.ValidString(s[:end]) {
		return 0
	}
	return end
}

// findAddress returns the first mail address in a text; "" if there is none.
func findAddress(s string) string {
	s = s[:min(len(s), 4<<10)]
	at := strings.IndexByte(s, '@')
	if at <= 0 {
		return ""
	}
	start := at
	for start > 0 && at-start <= 256 && addressEnd(s[start-1:at+1]+"x") > 0 {
		start--
	}
	return s[start : start+addressEnd(s[start:])]
}
