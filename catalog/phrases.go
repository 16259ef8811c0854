package catalog

import (
	"bytes"
	"iter"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxText is how much of a reply is looked at, in octets. Servers say what they mean at the beginning.
const maxText = 4 << 10

// minPhrase is the length of the shortest phrase, in bytes. A phrase is found by its first two.
const minPhrase = 2

// A phrase is a piece of text that entries of the catalogue look for, and its number.
type phrase struct {
	text  string
	id    int32
	whole bool // It ends where a word does.
}

// A phraseSet finds all of many phrases in one pass over a text. Where a word begins, it goes down a tree of which each node
// is what some phrases begin with.
type phraseSet struct {
	ids   map[phrase]int32 // By text and whole; the number in the key is 0.
	nodes []node           // The children of a node stand together, in the order of their labels; the first node is the root.
	pairs []int32          // By two bytes with which a word begins: the node that they lead to. Most words go no further.
	names marks            // Phrases that count within addresses too.
	words marks            // Words of patterns. They are looked for at all places.
	host  int32            // The word @host.
	mail  int32            // The word @address.
	ip    int32            // The word @ip.
}

// A node is what some phrases begin with.
type node struct {
	label       byte // What leads to it.
	count       uint16
	children    int32 // The first of them.
	open, whole int32 // The phrases that end here, -1 where there is none; open ones may end within a word of the text.
}

func newPhraseSet() *phraseSet {
	return &phraseSet{ids: map[phrase]int32{}, host: -1, mail: -1, ip: -1}
}

// add makes a phrase known and returns its number, the same for the same phrase. name says that it is the name of somebody;
// a phrase that looks like a piece of an address counts as one. ok is false for one that is too short once it is folded.
func (s *phraseSet) add(text string, name bool) (id int32, ok bool) {
	text = fold(text)
	if len(text) <= minPhrase {
		return 0, false
	}
	id = s.insert(phrase{text: text})
	if name || strings.ContainsAny(text, "./=") && !strings.Contains(text, " ") {
		s.names.set(id)
	}
	return id, true
}

// addWord makes a word of a pattern known. It ends where a word of the text does, unless it ends in an asterisk.
func (s *phraseSet) addWord(text string) (id int32, ok bool) {
	switch text {
	case anyHost:
		s.host = s.insert(phrase{text: text, whole: true})
		return s.host, true
	case anyAddress:
		s.mail = s.insert(phrase{text: text, whole: true})
		return s.mail, true
	}
	if text == anyIP {
		s.ip = s.insert(phrase{text: text, whole: true})
		return s.ip, true
	}
	text, open := strings.CutSuffix(text, "*")
	text = fold(text)
	if len(text) < minPhrase {
		return 0, false
	}
	id = s.insert(phrase{text: text, whole: !open})
	s.words.set(id)
	return id, true
}

// insert returns the number of a phrase, which may be new.
func (s *phraseSet) insert(p phrase) int32 {
	id, known := s.ids[p]
	if known {
		return id
	}
	id = int32(len(s.ids))
	s.ids[p] = id
	for len(s.names) <= int(id)/64 {
		s.names, s.words = append(s.names, 0), append(s.words, 0)
	}
	return id
}

// build makes the tree from the phrases that were added.
func (s *phraseSet) build() {
	type part struct {
		sorted []phrase // All begin with the same depth bytes.
		depth  int
	}
	var all []phrase
	for p, id := range s.ids {
		all = append(all, phrase{p.text, id, p.whole})
	}
	slices.SortFunc(all, func(a, b phrase) int { return strings.Compare(a.text, b.text) })
	queue := []part{{all, 0}}
	for len(s.nodes) < len(queue) {
		p := queue[len(s.nodes)]
		n := node{children: int32(len(queue)), open: -1, whole: -1}
		if p.depth > 0 {
			n.label = p.sorted[0].text[p.depth-1]
		}
		for ; len(p.sorted) > 0 && len(p.sorted[0].text) == p.depth; p.sorted = p.sorted[1:] {
			if p.sorted[0].whole {
				n.whole = p.sorted[0].id
			} else {
				n.open = p.sorted[0].id
			}
		}
		for len(p.sorted) > 0 {
			label := p.sorted[0].text[p.depth]
			end := 1
			for end < len(p.sorted) && p.sorted[end].text[p.depth] == label {
				end++
			}
			queue = append(queue, part{p.sorted[:end], p.depth + 1})
			p.sorted = p.sorted[end:]
			n.count++
		}
		s.nodes = append(s.nodes, n)
	}
	s.pairs = make([]int32, 1<<16)
	root := s.nodes[0]
	for i := range int32(root.count) {
		first := s.nodes[root.children+i]
		for k := range int32(first.count) {
			second := first.children + k
			s.pairs[pair(first.label, s.nodes[second].label)] = second
		}
	}
}

// pair makes a number of two bytes.
func pair(a, b byte) int { return int(a)<<8 | int(b) }

// next is the child of a node to which a byte leads, 0 if there is none.
func (s *phraseSet) next(n *node, c byte) int32 {
	children := s.nodes[n.children : n.children+int32(n.count)]
	for i := range children {
		if children[i].label == c {
			return n.children + int32(i)
		}
	}
	return 0
}

// none returns a set of phrases that has none of s.
func (s *phraseSet) none() marks { return make(marks, len(s.ids)/64+1) }

// marks is a set of numbers.
type marks []uint64

func (m marks) set(id int32)      { m[id/64] |= 1 << (id % 64) }
func (m marks) has(id int32) bool { return m[id/64]&(1<<(id%64)) != 0 }
func (m marks) clear(id int32)    { m[id/64] &^= 1 << (id % 64) }

// all gives the numbers in a set.
func (m marks) all() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for i, some := range m {
			for ; some != 0; some &= some - 1 {
				if !yield(int32(i*64 + bits.TrailingZeros64(some))) {
					return
				}
			}
		}
	}
}

// holds is has for a set that may end before id.
func (m marks) holds(id int32) bool { return int(id/64) < len(m) && m.has(id) }

// A hit is a phrase that was found.
type hit struct {
	id     int32
	at     int32 // Where it begins in the folded text.
	length int32
	word   int32 // How many words stand before it.
	clause int32 // How many clauses stand before its own.
}

// find appends every phrase in a folded text to hits and marks it as found: a word of a pattern at each of its places, another
// phrase at its first only. A phrase begins where a word does: "blocked" is not found in "unblocked". It may end within
// one: "greylist" is found in "greylisted". Within addresses only names are looked for: who writes to spam@example.org is not
// told that the message is spam. ips are the places of IP addresses that fold left out.
func (s *phraseSet) find(hits []hit, found marks, text []byte, ips []int) []hit {
	inside := nextAddress(text, 0)
	inWord, word, clause := false, int32(0), int32(0)
	add := func(id int32, begin, end int) {
		again := found.has(id) && (!s.words.has(id) || len(hits) >= maxPlaces)
		if !again && (begin < inside.begin || s.names.has(id)) {
			found.set(id)
			hits = append(hits, hit{id, int32(begin), int32(end - begin), word, clause})
		}
	}
	for i := 0; i+minPhrase <= len(text); i++ {
		begins := !inWord || isWide(text[i])
		inWord = isWord(text[i])
		if !begins && inWord {
			continue
		}
		for ; len(ips) > 0 && ips[0] <= i; ips = ips[1:] {
			if s.ip >= 0 && len(hits) < maxPlaces {
				hits = append(hits, hit{s.ip, int32(ips[0]), 0, word, clause})
			}
		}
		if inWord {
			word++
		} else if endsClause(text, i) {
			clause++
		}
		if i >= inside.end {
			inside = nextAddress(text, inside.end)
		}
		if i == inside.begin && inside.kind != filePath {
			id := s.host
			if inside.kind == mailAddress {
				id = s.mail
			}
			if id >= 0 && len(hits) < maxPlaces {
				hits = append(hits, hit{id, int32(i), 1, word, clause})
			}
		}
		for n, at := s.pairs[pair(text[i], text[i+1])], i+minPhrase; n != 0; at++ {
			here := &s.nodes[n]
			if id := here.open; id >= 0 {
				add(id, i, at)
			}
			if id := here.whole; id >= 0 && (at == len(text) || !isWord(text[at])) {
				add(id, i, at)
			}
			if at == len(text) {
				break
			}
			n = s.next(here, text[at])
		}
	}
	if len(ips) > 0 && s.ip >= 0 {
		hits = append(hits, hit{s.ip, int32(ips[0]), 0, word, clause})
	}
	return hits
}

// endsClause reports whether a sentence, or a part of one that stands for itself, ends at a place of a folded text.
func endsClause(text []byte, i int) bool {
	return kindOf[text[i]]&kindEnd != 0 && (i+1 == len(text) || text[i+1] == ' ')
}

// An address is a piece of a text that is no words.
type address struct {
	kind       addressKind
	begin, end int
}

type addressKind int

const (
	noAddress addressKind = iota
	mailAddress
	webAddress
	hostAddress
	filePath
)

// nextAddress finds the first mail or web address, name of a host or path of a file at or after from in a folded text. It is
// behind the end if there is none.
func nextAddress(text []byte, from int) address {
	for at := from; at < len(text); at++ {
		end, dotted := at, false
		for end < len(text) && kindOf[text[end]]&kindBetween == 0 {
			dotted = dotted || kindOf[text[end]]&kindAddress != 0
			end++
		}
		if !dotted {
			at = end
			continue
		}
		if kind, begin, length := addressIn(text[at:end]); kind != noAddress {
			return address{kind, at + begin, at + begin + length}
		}
		at = end
	}
	return address{noAddress, len(text), len(text)}
}

// betweenTokens is what parts addresses from words.
const betweenTokens = " <>\"'()[],;|`"

// What a byte may be in a folded text.
const (
	kindWord    = 1 << iota // A piece of a word.
	kindBetween             // One of betweenTokens.
	kindEnd                 // The end of a clause, where a space follows.
	kindAddress             // A sign that every address has.
)

// kindOf says what each byte may be.
var kindOf = func() (kinds [256]uint8) {
	for i := range kinds {
		c := byte(i)
		if 'a' <= c && c <= 'z' || isDigit(c) || c >= utf8.RuneSelf {
			kinds[i] |= kindWord
		}
		for kind, all := range map[uint8]string{kindBetween: betweenTokens, kindEnd: ".;!?", kindAddress: ".@/"} {
			if strings.IndexByte(all, c) >= 0 {
				kinds[i] |= kind
			}
		}
	}
	return kinds
}()

// addressIn finds an address in a token, which holds nothing of betweenTokens.
func addressIn(token []byte) (kind addressKind, begin, length int) {
	if at := bytes.IndexByte(token, '@'); at >= 0 {
		begin, end := at, at+1
		for begin > 0 && (isWord(token[begin-1]) || strings.IndexByte("._%+-=", token[begin-1]) >= 0) {
			begin--
		}
		for end < len(token) && (isWord(token[end]) || token[end] == '.' || token[end] == '-') {
			end++
		}
		return mailAddress, begin, end - begin
	}
	if at := bytes.Index(token, []byte("://")); at >= 0 {
		for at > 0 && isWord(token[at-1]) {
			at--
		}
		return webAddress, at, len(token) - at
	}
	if len(token) > 1 && token[0] == '/' && isWord(token[1]) {
		return filePath, 0, len(token)
	}
	for begin < len(token) {
		end := begin
		for end < len(token) && (isWord(token[end]) || token[end] == '.' || token[end] == '-' || token[end] == '_') {
			end++
		}
		if name := bytes.TrimRight(token[begin:end], ".-_"); isHostName(name) {
			return hostAddress, begin, len(name)
		}
		begin = end + 1
	}
	return noAddress, 0, 0
}

// isHostName reports whether a piece of a folded text is the name of a host. Of two labels the second has to be one under which
// hosts are found: "rejected.please" is two words without a space.
func isHostName(name []byte) bool {
	dot := bytes.LastIndexByte(name, '.')
	if dot <= 0 || len(name)-dot < 3 || bytes.Contains(name, []byte("..")) {
		return false
	}
	if !isWord(name[0]) {
		return false
	}
	top, rest := name[dot+1:], name[:dot]
	for _, c := range top {
		if isDigit(c) && !bytes.HasPrefix(top, []byte("xn--")) {
			return false
		}
	}
	if bytes.IndexByte(rest, '.') >= 0 {
		return true
	}
	return len(top) == 2 && !shortWords[string(top)] || topDomains[string(top)]
}

// topDomains are the domains of more than two letters that are taken for such in a name of two labels.
var topDomains = map[string]bool{
	"com": true, "net": true, "org": true, "edu": true, "gov": true, "mil": true, "info": true, "biz": true, "name": true, "pro": true,
	"mobi": true, "asia": true, "cloud": true, "online": true, "site": true, "email": true, "host": true, "shop": true, "tech": true,
	"example": true, "test": true, "invalid": true, "localhost": true, "local": true, "localdomain": true, "internal": true, "lan": true,
	"home": true, "corp": true, "intranet": true, "arpa": true,
}

// isWord reports whether an octet of a folded text is part of a word. All octets of letters beyond ASCII are.
func isWord(c byte) bool {
	return kindOf[c]&kindWord != 0
}

// shortWords are words of two letters with which a sentence begins, and under which few hosts are found.
var shortWords = map[string]bool{
	"an": true, "as": true, "do": true, "go": true, "if": true, "my": true, "of": true, "on": true, "or": true, "so": true, "up": true, "we": true,
}

// fold returns text as phrases are compared: in lower case, every run of white space and control
// characters one space, none at the ends. Left out is what may stand in the midst of a sentence and
// would tear it apart: codes, which every line of a reply repeats ("550-5.7.26 blocked because 550-5.7.26 the sender"), and
// the numbers of addresses ("host [192.0.2.1] is blocked").
func fold(text string) string {
	out, _ := foldAddresses(nil, nil, text)
	return string(out)
}

// foldAddresses appends to out what fold returns, and to ips where in the folded text IP addresses were left out.
func foldAddresses(out []byte, ips []int, text string) ([]byte, []int) {
	begin, ascii, atWord := len(out), true, true
	tokenEnd, plain := 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if 'a' <= c && c <= 'z' { // Most are.
			out, atWord = append(out, c), false
			continue
		}
		switch {
		case c <= ' ' || c == 0x7f:
			if !atWord {
				out, atWord = append(out, ' '), true
			}
			continue
		case atWord && (isDigit(c) || c == '[' || c == '('):
			if n := statusLength(text[i:]); n > 0 {
				i += n - 1
				continue
			}
			if n := addressLength(text[i:]); n > 0 {
				ips = append(ips, len(out)-begin)
				i += n - 1
				continue
			}
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case (c == '-' || c == '_') && i > 0 && i+1 < len(text) && isLetter(text[i-1]) && isLetter(text[i+1]):
			if i >= tokenEnd {
				plain, tokenEnd = plainToken(text, i)
			}
			if plain {
				c = ' ' // "over-quota" and "over quota" are the same words.
			}
		case c >= utf8.RuneSelf:
			ascii = false
		}
		out, atWord = append(out, c), c == ' '
	}
	if len(out) > begin && out[len(out)-1] == ' ' {
		out = out[:len(out)-1]
	}
	if !ascii {
		// Rare: mail servers answer in ASCII, people's notes of what they answered need not be.
		out = append(out[:begin], plainLetters.Replace(strings.ToLower(string(out[begin:])))...)
	}
	return out, ips
}

// plainLetters writes letters that people and servers leave the accents of as they do, and typographic characters as ASCII.
var plainLetters = strings.NewReplacer(
	"à", "a", "á", "a", "â", "a", "ã", "a", "å", "a", "ą", "a", "ä", "a", "ç", "c", "ć", "c", "č", "c", "ď", "d", "è", "e", "é", "e", "ê", "e", "ë", "e",
	"ę", "e", "ě", "e", "ğ", "g", "ì", "i", "í", "i", "î", "i", "ï", "i", "ı", "i", "ł", "l", "ñ", "n", "ń", "n", "ň", "n", "ò", "o", "ó", "o", "ô", "o",
	"õ", "o", "ö", "o", "ø", "o", "ř", "r", "ś", "s", "š", "s", "ş", "s", "ß", "ss", "ť", "t", "ù", "u", "ú", "u", "û", "u", "ü", "u", "ů", "u", "ý", "y",
	"ź", "z", "ż", "z", "ž", "z", "ё", "е", "’", "'", "‘", "'", "“", `"`, "”", `"`, "«", `"`, "»", `"`, "–", "-", "—", "-", "\u00a0", " ",
	"。", ". ", "，", ", ", "！", "! ",
)

// plainToken reports whether the token around text[i] is no piece of an address, and where it ends.
func plainToken(text string, i int) (plain bool, end int) {
	begin := i
	for begin > 0 && strings.IndexByte(betweenTokens, text[begin-1]) < 0 && text[begin-1] > ' ' {
		begin--
	}
	for end = i; end < len(text) && strings.IndexByte(betweenTokens, text[end]) < 0 && text[end] > ' '; end++ {
	}
	return !strings.ContainsAny(strings.TrimRight(text[begin:end], ".:"), ".:/=@"), end
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

// isWide reports whether a byte begins a letter of a script that puts no space between words: Chinese, Japanese, Korean.
func isWide(c byte) bool { return 0xe3 <= c && c <= 0xed }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
