package targets

import (
	"net"
	"strings"
	"unicode"
)

// InScript returns a name or a target in A-labels, with its port if it has one, as people write it: пример.рф. ok is false where it has
// no A-label, and where the other form could be taken for another name: it does not lead back to the same
// A-labels, a label has letters of several scripts, is written from right to left, or is of letters that all look Latin.
func InScript(name string) (written string, ok bool) {
	if !strings.Contains(name, "xn--") {
		return "", false
	}
	host, port := name, ""
	if h, p, err := net.SplitHostPort(name); err == nil {
		host, port = h, p
	}
	written, err := international.ToUnicode(host)
	if err != nil || written == host {
		return "", false
	}
	if back, err := international.ToASCII(written); err != nil || back != host {
		return "", false
	}
	labels := strings.Split(written, ".")
	for _, label := range labels {
		// Below an end in the same script nobody expects Latin letters.
		if !plainScript(label) || onlyLookAlikes(label) && isLatin(labels[len(labels)-1]) {
			return "", false
		}
	}
	if port != "" {
		written += ":" + port
	}
	return written, true
}

// scripts are those whose letters stand in one label. Chinese and Japanese names mix some.
var scripts = [][]*unicode.RangeTable{
	{unicode.Latin},
	{unicode.Cyrillic},
	{unicode.Greek},
	{unicode.Armenian},
	{unicode.Georgian},
	{unicode.Devanagari},
	{unicode.Bengali},
	{unicode.Tamil},
	{unicode.Thai},
	{unicode.Hangul},
	{unicode.Han, unicode.Hiragana, unicode.Katakana},
}

// plainScript reports whether a label has nothing but letters and marks of one script, digits and hyphens.
func plainScript(label string) bool {
	for _, script := range scripts {
		if !strings.ContainsFunc(label, func(r rune) bool {
			return !(r >= '0' && r <= '9') && r != '-' && r != '_' && !unicode.In(r, script...) && r != 'ー'
		}) {
			return true
		}
	}
	return false
}

func isLatin(label string) bool {
	return !strings.ContainsFunc(label, func(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) })
}

// lookAlikes are letters that are drawn as Latin ones.
var lookAlikes = map[rune]rune{
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'һ': 'h', 'і': 'i', 'ј': 'j', 'к': 'k', 'ӏ': 'l', 'м': 'm', 'н': 'h', 'о': 'o', 'р': 'p',
	'ԛ': 'q', 'ѕ': 's', 'т': 't', 'у': 'y', 'ѵ': 'v', 'ԝ': 'w', 'х': 'x', 'ь': 'b', 'г': 'r', 'п': 'n',
	'ο': 'o', 'α': 'a', 'ν': 'v', 'ρ': 'p', 'υ': 'u', 'ι': 'i', 'κ': 'k', 'τ': 't', 'χ': 'x',
}

// onlyLookAlikes reports whether a label has letters, and all of them look like Latin ones and are not.
func onlyLookAlikes(label string) bool {
	letters := false
	for _, r := range label {
		if !unicode.IsLetter(r) {
			continue
		}
		if letters = true; lookAlikes[r] == 0 {
			return false
		}
	}
	return letters
}

// Latin returns a name as it was meant where Latin letters stand beside letters of another script that look like them in one label, as
// from another keyboard. ok is false where there is nothing of the kind.
func Latin(name string) (meant string, ok bool) {
	labels := strings.Split(name, ".")
	for i, label := range labels {
		if plainScript(label) || !strings.ContainsFunc(label, func(r rune) bool { return r >= 'a' && r <= 'z' }) {
			continue
		}
		latin := strings.Map(func(r rune) rune {
			if l := lookAlikes[r]; l != 0 {
				return l
			}
			return r
		}, label)
		if plainScript(latin) && latin != label {
			labels[i], ok = latin, true
		}
	}
	return strings.Join(labels, "."), ok
}
