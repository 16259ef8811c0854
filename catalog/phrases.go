package catalog

import (
	"bytes"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// maxText is how much of a reply is looked at, in octets. Servers say what they mean at the beginning.
const maxText = 4 << 10

// minPhrase is the length of the shortest phrase, in octets. A phrase is found by its first three.
const minPhrase = 3

// A phrase is a piece of text that entries of the catalogue look for, and its number.
type phrase struct {
	text string
	id   int32
}

// A phraseSet finds all of many phrases in one pass over a text. Phrases that begin with the same three octets stand
// together, in order; at each place where a word begins, that row is narrowed octet by octet until nothing is left.
type phraseSet struct {
	ids   map[string]int32
	first map[[minPhrase]byte][]phrase // Each row in the order of its texts.
	names marks                        // Phrases that count within addresses too.
}

func newPhraseSet() *phraseSet {
	return &phraseSet{ids: map[string]int32{}, first: map[[minPhrase]byte][]phrase{}}
}

// add makes a phrase known and returns its number, the same for the same phrase. name says that it is the name of somebody;
// a phrase that looks like a piece of an address counts as one. ok is false for one that is too short once it is folded.
func (s *phraseSet) add(text string, name bool) (id int32, ok bool) {
	text = string(fold(nil, text))
	if len(text) < minPhrase {
		return 0, false
	}
	id, known := s.ids[text]
	if !known {
		id = int32(len(s.ids))
		s.ids[text] = id
		key := [minPhrase]byte([]byte(text))
		row := s.first[key]
		i, _ := slices.BinarySearchFunc(row, text, func(p phrase, t string) int { return strings.Compare(p.text, t) })
		s.first[key] = slices.Insert(row, i, phrase{text, id})
		s.names = append(s.names, make(marks, len(s.none())-len(s.names))...)
	}
	if name || strings.ContainsAny(text, "./=") && !strings.Contains(text, " ") {
		s.names.set(id)
	}
	return id, true
}

// none returns a set of phrases that has none of s.
func (s *phraseSet) none() marks { return make(marks, len(s.ids)/64+1) }

// marks is a set of phrases by their numbers.
type marks []uint64

func (m marks) set(id int32)      { m[id/64] |= 1 << (id % 64) }
func (m marks) has(id int32) bool { return m[id/64]&(1<<(id%64)) != 0 }

// A hit is a phrase that was found.
type hit struct {
	id     int32
	at     int // Where it begins in the folded text.
	length int
}

// find appends every phrase in a folded text to hits, each at its first place only, and marks it as found. A phrase begins
// where a word does: "blocked" is not found in "unblocked". It may end within one: "greylist" is found in "greylisted". Within
// addresses only names are looked for: who writes to spam@example.org is not told that he sent spam.
func (s *phraseSet) find(hits []hit, found marks, text []byte) []hit {
	begin, end := nextAddress(text, 0)
	inWord := false
	for i := 0; i+minPhrase <= len(text); i++ {
		begins := !inWord
		inWord = isWord(text[i])
		if !begins && inWord {
			continue
		}
		if i >= end {
			begin, end = nextAddress(text, end)
		}
		row := s.first[[minPhrase]byte(text[i:i+minPhrase])]
		for n := minPhrase; len(row) > 0; n++ {
			// All of row begins with the n octets at i. The one that is no longer comes first.
			if p := row[0]; len(p.text) == n {
				if !found.has(p.id) && (i < begin || s.names.has(p.id)) {
					found.set(p.id)
					hits = append(hits, hit{p.id, i, n})
				}
				row = row[1:]
			}
			if i+n >= len(text) {
				break
			}
			row = narrow(row, n, text[i+n])
		}
	}
	return hits
}

// narrow returns the part of a row whose octet at n is c.
func narrow(row []phrase, n int, c byte) []phrase {
	if len(row) < 8 { // Most rows are short, and then a look at each is faster than halving.
		for len(row) > 0 && row[0].text[n] < c {
			row = row[1:]
		}
		for len(row) > 0 && row[len(row)-1].text[n] > c {
			row = row[:len(row)-1]
		}
		return row
	}
	begin := sort.Search(len(row), func(i int) bool { return row[i].text[n] >= c })
	end := begin + sort.Search(len(row)-begin, func(i int) bool { return row[begin+i].text[n] > c })
	return row[begin:end]
}

// nextAddress says where the first mail or web address at or after from begins and ends in a folded text. It is
// behind the end if there is none.
func nextAddress(text []byte, from int) (begin, end int) {
	for at := from; at < len(text); at++ {
		switch {
		case text[at] == '@':
			begin, end = at, at+1
			for begin > from && (isWord(text[begin-1]) || strings.IndexByte("._%+-=", text[begin-1]) >= 0) {
				begin--
			}
			for end < len(text) && (isWord(text[end]) || text[end] == '.' || text[end] == '-') {
				end++
			}
			return begin, end
		case text[at] == ':' && bytes.HasPrefix(text[at:], []byte("://")):
			begin, end = at, at
			for begin > from && isWord(text[begin-1]) {
				begin--
			}
			for end < len(text) && strings.IndexByte(" <>\"()[]", text[end]) < 0 {
				end++
			}
			return begin, end
		}
	}
	return len(text), len(text)
}

// isWord reports whether an octet of a folded text is part of a word. All octets of letters beyond ASCII are.
func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c >= utf8.RuneSelf
}

// fold appends text to out as phrases are compared: in lower case, every run of white space and control
// characters one space, none at the ends. Left out is what may stand in the midst of a sentence and
// would tear it apart: codes, which every line of a reply repeats ("550-5.7.26 blocked because 550-5.7.26 the sender"), and
// the numbers of addresses ("host [192.0.2.1] is blocked").
func fold(out []byte, text string) []byte {
	begin, ascii := len(out), true
	for i := 0; i < len(text); i++ {
		c := text[i]
		atWord := len(out) == begin || out[len(out)-1] == ' '
		switch {
		case c <= ' ' || c == 0x7f:
			if !atWord {
				out = append(out, ' ')
			}
			continue
		case atWord && (isDigit(c) || c == '[' || c == '('):
			if n := max(statusLength(text[i:]), addressLength(text[i:])); n > 0 {
				i += n - 1
				continue
			}
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c >= utf8.RuneSelf:
			ascii = false
		}
		out = append(out, c)
	}
	if len(out) > begin && out[len(out)-1] == ' ' {
		out = out[:len(out)-1]
	}
	if !ascii {
		// Rare: mail servers answer in ASCII, people's notes of what they answered need not be.
		out = append(out[:begin], bytes.ToLower(out[begin:])...)
	}
	return out
}

// statusLength is the length of what a text begins with if that is a code of a continued line, an enhanced code or
// both ("550-", "5.7.1", "550-5.7.1", "550 5.7.1"), else 0. A bare "550" may be a number of anything.
func statusLength(s string) int {
	n, behind := 0, 0
	if len(s) > 3 && '2' <= s[0] && s[0] <= '5' && isDigit(s[1]) && isDigit(s[2]) && (s[3] == '-' || s[3] == ' ') {
		behind = 4
		if s[3] == '-' {
			n = 4
		}
	}
	end := behind + leading(s[behind:])
	if rest := s[end:]; isEnhanced(s[behind:end]) && (rest == "" || strings.IndexByte(" \t\r\n:,", rest[0]) >= 0) {
		return end + len(rest) - len(strings.TrimLeft(rest, ":,"))
	}
	return n
}

// addressLength is the length of what a text begins with if that is an IP address, with or without brackets, else 0.
func addressLength(s string) int {
	bracket := s[0] == '[' || s[0] == '('
	rest := strings.TrimLeft(s, "[(")
	if tag := "ipv6:"; len(rest) > len(tag) && strings.EqualFold(rest[:len(tag)], tag) {
		rest = rest[len(tag):] // RFC 5321 section 4.1.3.
	}
	end := 0
	for end < len(rest) && end < len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255") && (isHex(rest[end]) || rest[end] == '.' || rest[end] == ':') {
		end++
	}
	for end > 0 && (rest[end-1] == '.' || rest[end-1] == ':') {
		end--
	}
	if strings.Count(rest[:end], ".") != 3 && strings.Count(rest[:end], ":") < 2 {
		return 0 // Seen here, because an error of ParseAddr costs much.
	}
	if _, err := netip.ParseAddr(rest[:end]); err != nil {
		return 0
	}
	n := len(s) - len(rest) + end
	if bracket && n < len(s) && (s[n] == ']' || s[n] == ')') {
		n++
	}
	return n
}

// leading counts the digits and dots that s begins with.
func leading(s string) int {
	n := 0
	for n < len(s) && (isDigit(s[n]) || s[n] == '.') {
		n++
	}
	return n
}

// writtenStatus finds the enhanced status code that a server wrote into the text of its reply: at the beginning, or behind a # as
// qmail does ("no mailbox here by that name. (#5.1.1)"). "" if there is none.
func writtenStatus(text string) string {
	text = strings.TrimLeft(text, " -(#")
	for more := true; more; _, text, more = strings.Cut(text, "#") {
		if code := strings.TrimRight(text[:leading(text)], "."); isEnhanced(code) {
			return code
		}
	}
	return ""
}

// isEnhanced reports whether s has the form of an enhanced status code (RFC 3463 section 2).
func isEnhanced(s string) bool {
	dots, digits := 0, 0
	for i := range len(s) {
		switch {
		case isDigit(s[i]) && digits < 3:
			digits++
		case s[i] == '.' && digits > 0 && dots < 2:
			dots, digits = dots+1, 0
		default:
			return false
		}
	}
	return dots == 2 && digits > 0 && s[1] == '.' && '2' <= s[0] && s[0] <= '5'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
