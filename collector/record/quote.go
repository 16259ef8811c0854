package record

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Records are made of ASCII. Word processors, web pages and forms put other characters in the place of hyphens, spaces and quotes,
// and letters of other alphabets look like Latin ones. Receivers compare bytes, so that such a record does not say what its
// owner sees in it.

// Quote shows a stranger's text to people between quotes, cut after so many bytes. Characters that can be seen stand there as
// they are, and after the quotes those are named that look like others: which it is, where, and what it is not.
func Quote(text string, most int) string {
	shown, dots := text, ""
	if len(text) > most {
		for most > 0 && !utf8.RuneStart(text[most]) {
			most--
		}
		shown, dots = text[:most], "..."
	}
	quoted := visible(strconv.Quote(shown)) + dots
	notes := lookalikes(text)
	if notes == "" {
		return quoted
	}
	if alone := firstCharacter(text) == text; alone {
		notes = strings.TrimPrefix(notes, "character 1 is ")
	}
	return quoted + " (" + notes + ")"
}

// firstCharacter returns the first character of a text that is not empty, or a byte of it that is none.
func firstCharacter(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return text[:size]
}

// visible writes the names of characters that cannot be seen in place of the escapes of strconv.Quote.
func visible(quoted string) string {
	var b strings.Builder
	for i := 0; i < len(quoted); i++ {
		if quoted[i] != '\\' {
			b.WriteByte(quoted[i])
			continue
		}
		code, err := strconv.ParseUint(quoted[min(i+2, len(quoted)):min(i+6, len(quoted))], 16, 32)
		if p, ok := pretenders[rune(code)]; ok && err == nil && quoted[i+1] == 'u' {
			_, name, _ := strings.Cut(p.name, " ")
			b.WriteString("[" + name + "]")
			i += 5
			continue
		}
		b.WriteString(quoted[i : i+2])
		i++
	}
	return b.String()
}

// maxNotes is how many characters are described of one text.
const maxNotes = 3

// lookalikes describes the characters of a text that look like others, "" if there are none.
func lookalikes(text string) string {
	if isASCII(text) {
		return ""
	}
	var notes []string
	place, more := 0, 0
	word := "" // What is left of the word that the character stands in.
	mixed := false
	for i, r := range text {
		place++
		if len(word) == 0 {
			word = text[i:letters(text, i)]
			mixed = inDisguise(word)
		}
		size := max(1, utf8.RuneLen(r))
		if r == utf8.RuneError {
			_, size = utf8.DecodeRuneInString(text[i:])
		}
		word = word[min(size, len(word)):]
		note := describe(text[i:i+size], r, mixed)
		switch {
		case note == "":
		case len(notes) == maxNotes:
			more++
		default:
			notes = append(notes, fmt.Sprintf("character %d %s", place, note))
		}
	}
	if more > 0 {
		notes = append(notes, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(notes, "; ")
}

// letters returns the end of the word of letters that begins at a place.
func letters(text string, from int) int {
	n := strings.IndexFunc(text[from:], func(r rune) bool { return !unicode.IsLetter(r) })
	if n < 0 {
		return len(text)
	}
	return from + n
}

// inDisguise reports whether a word is meant to be Latin: it has letters of ASCII, or every letter looks like one. Words that are
// truly of another alphabet have a letter that does not.
func inDisguise(word string) bool {
	return strings.ContainsFunc(word, func(r rune) bool { return r < utf8.RuneSelf }) ||
		!strings.ContainsFunc(word, func(r rune) bool { _, ok := latin[r]; return !ok })
}

// describe says what a character is and what it is not; "" if it is what it looks like.
func describe(bytes string, r rune, mixed bool) string {
	switch {
	case r < utf8.RuneSelf:
		return ""
	case r == utf8.RuneError && len(bytes) == 1:
		if meant, ok := windows[bytes[0]]; ok {
			p := pretenders[meant]
			return fmt.Sprintf("is the byte %02x, which is %s in the encodings of Windows, %s", bytes[0], p.name, not(p.instead))
		}
		return ""
	case 0xff01 <= r && r <= 0xff5e:
		return fmt.Sprintf("is a fullwidth form (%U), not %c", r, r-0xfee0)
	}
	if p, ok := pretenders[r]; ok {
		return fmt.Sprintf("is %s (%U), %s", p.name, r, not(p.instead))
	}
	if l, ok := latin[r]; ok && mixed {
		return fmt.Sprintf("is the %s letter %c (%U), not the Latin %c", alphabet(r), r, r, l)
	}
	return ""
}

func alphabet(r rune) string {
	if unicode.Is(unicode.Greek, r) {
		return "Greek"
	}
	return "Cyrillic"
}

// not says what a character is not.
func not(what string) string {
	switch what {
	case "":
		return "which cannot be seen"
	case "-":
		return "not a hyphen"
	case " ":
		return "not a space"
	}
	return "not " + what
}

// A pretender is a character that is taken for another.
type pretender struct{ name, instead string }

var pretenders = map[rune]pretender{
	0x2010: {"a typographic hyphen", "-"}, 0x2011: {"a non-breaking hyphen", "-"}, 0x2012: {"a figure dash", "-"},
	0x2013: {"an en dash", "-"}, 0x2014: {"an em dash", "-"}, 0x2015: {"a horizontal bar", "-"}, 0x2043: {"a hyphen bullet", "-"},
	0x2212: {"a minus sign", "-"}, 0xfe58: {"a small em dash", "-"}, 0xfe63: {"a small hyphen", "-"},

	0x00a0: {"a no-break space", " "}, 0x1680: {"an Ogham space", " "}, 0x2000: {"an en quad", " "}, 0x2001: {"an em quad", " "},
	0x2002: {"an en space", " "}, 0x2003: {"an em space", " "}, 0x2004: {"a three-per-em space", " "},
	0x2005: {"a four-per-em space", " "}, 0x2006: {"a six-per-em space", " "}, 0x2007: {"a figure space", " "},
	0x2008: {"a punctuation space", " "}, 0x2009: {"a thin space", " "}, 0x200a: {"a hair space", " "},
	0x202f: {"a narrow no-break space", " "}, 0x205f: {"a mathematical space", " "}, 0x3000: {"an ideographic space", " "},
	0x2028: {"a line separator", " "}, 0x2029: {"a paragraph separator", " "}, 0x0085: {"a next-line control", " "},

	0x00ad: {"a soft hyphen", ""}, 0x034f: {"a grapheme joiner", ""}, 0x061c: {"an Arabic letter mark", ""},
	0x180e: {"a Mongolian vowel separator", ""}, 0x200b: {"a zero-width space", ""}, 0x200c: {"a zero-width non-joiner", ""},
	0x200d: {"a zero-width joiner", ""}, 0x200e: {"a left-to-right mark", ""}, 0x200f: {"a right-to-left mark", ""},
	0x202a: {"a left-to-right embedding", ""}, 0x202b: {"a right-to-left embedding", ""}, 0x202c: {"an end of embedding", ""},
	0x202d: {"a left-to-right override", ""}, 0x202e: {"a right-to-left override", ""}, 0x2060: {"a word joiner", ""},
	0x2066: {"a left-to-right isolate", ""}, 0x2067: {"a right-to-left isolate", ""}, 0x2068: {"a first strong isolate", ""},
	0x2069: {"an end of isolate", ""}, 0xfe0f: {"a variation selector", ""}, 0xfeff: {"a byte order mark", ""},

	0x201c: {"a curly quote", `"`}, 0x201d: {"a curly quote", `"`}, 0x201e: {"a low quote", `"`}, 0x201f: {"a curly quote", `"`},
	0x2033: {"a double prime", `"`}, 0x00ab: {"an angle quote", `"`}, 0x00bb: {"an angle quote", `"`}, 0x301d: {"a double prime quote", `"`},
	0x301e: {"a double prime quote", `"`}, 0x2018: {"a curly quote", "'"}, 0x2019: {"a curly quote", "'"}, 0x201a: {"a low quote", "'"},
	0x201b: {"a curly quote", "'"}, 0x2032: {"a prime", "'"}, 0x2039: {"an angle quote", "'"}, 0x203a: {"an angle quote", "'"},
	0x00b4: {"an acute accent", "'"}, 0x02bc: {"a modifier apostrophe", "'"},

	0x037e: {"a Greek question mark", ";"}, 0x2236: {"a ratio sign", ":"}, 0xa789: {"a modifier colon", ":"}, 0xfe55: {"a small colon", ":"},
	0xfe54: {"a small semicolon", ";"}, 0x2024: {"a one dot leader", "."}, 0x3002: {"an ideographic full stop", "."},
	0x00b7: {"a middle dot", "."}, 0x2022: {"a bullet", "."}, 0x2026: {"an ellipsis", "..."},
	0x2044: {"a fraction slash", "/"}, 0x2215: {"a division slash", "/"}, 0x223c: {"a tilde operator", "~"}, 0x02dc: {"a small tilde", "~"},
	0x301c: {"a wave dash", "~"}, 0x2217: {"an asterisk operator", "*"}, 0x00d7: {"a multiplication sign", "x"},
	0xfe66: {"a small equals sign", "="}, 0x203c: {"a double exclamation mark", "!!"}, 0xfe6b: {"a small commercial at", "@"},
	0x3001: {"an ideographic comma", ","}, 0x060c: {"an Arabic comma", ","},
}

// latin are letters of other alphabets by the Latin ones that they look like.
var latin = map[rune]rune{
	'а': 'a', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'һ': 'h', 'і': 'i', 'ј': 'j', 'к': 'k', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'ѕ': 's', 'ѵ': 'v',
	'ԝ': 'w', 'х': 'x', 'у': 'y', 'м': 'm', 'т': 't',
	'А': 'A', 'В': 'B', 'С': 'C', 'Е': 'E', 'Н': 'H', 'І': 'I', 'Ј': 'J', 'К': 'K', 'М': 'M', 'О': 'O', 'Р': 'P', 'Ѕ': 'S', 'Т': 'T',
	'Ѵ': 'V', 'Ԝ': 'W', 'Х': 'X', 'У': 'Y',
	'ο': 'o', 'ν': 'v', 'ι': 'i', 'α': 'a', 'ρ': 'p', 'Α': 'A', 'Β': 'B', 'Ε': 'E', 'Ζ': 'Z', 'Η': 'H', 'Ι': 'I', 'Κ': 'K', 'Μ': 'M',
	'Ν': 'N', 'Ο': 'O', 'Ρ': 'P', 'Τ': 'T', 'Υ': 'Y', 'Χ': 'X',
}

// windows are the same characters in Windows-1251 and Windows-1252, for a record that was never UTF-8.
var windows = map[byte]rune{
	0x91: 0x2018, 0x92: 0x2019, 0x93: 0x201c, 0x94: 0x201d, 0x95: 0x2022, 0x96: 0x2013, 0x97: 0x2014, 0xa0: 0x00a0, 0xad: 0x00ad,
	0xab: 0x00ab, 0xbb: 0x00bb, 0x84: 0x201e, 0x82: 0x201a, 0x85: 0x2026,
}

// Plain is a text as its owner sees it: what looks like a character of ASCII is replaced with that, and what cannot be seen is left out. It
// is for finding out what a text is meant to be, never for what it says.
func Plain(text string) string {
	if isASCII(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		if r == utf8.RuneError {
			if meant, ok := windows[text[i]]; ok {
				r = meant
			}
		}
		p, pretends := pretenders[r]
		l, looks := latin[r]
		switch {
		case pretends:
			b.WriteString(p.instead)
		case looks:
			b.WriteRune(l)
		case 0xff01 <= r && r <= 0xff5e:
			b.WriteRune(r - 0xfee0)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isASCII(text string) bool {
	return !slices.ContainsFunc([]byte(text), func(c byte) bool { return c >= utf8.RuneSelf })
}
