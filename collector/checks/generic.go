package checks

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Names of pools. Receivers refuse mail from addresses that look as if they belonged to somebody's home line. Each has rules of
// its own; what they have in common is that the name is made from the address, or says by a word what kind
// of line it is. So we look for the address in the name, and for such words in the part of the
// name that the provider chose for the line.

// poolWords say what a line is. They count as whole words: "pool-12" has one, "liverpool" has none.
var poolWords = map[string]bool{
	"adsl": true, "broadband": true, "cable": true, "catv": true, "cust": true, "dhcp": true, "dial": true, "dialin": true, "dialup": true,
	"docsis": true, "dsl": true, "dyn": true, "dynamic": true, "dynip": true, "fiber": true, "ftth": true, "gprs": true, "lte": true, "peer": true,
	"pool": true, "ppp": true, "pppoe": true, "pptp": true, "rev": true, "unallocated": true, "unassigned": true, "unused": true, "vdsl": true,
	"vpn": true, "wimax": true, "wlan": true, "xdsl": true,
}

// lineWords are good names for a mail server as well ("client.example.org"), unless a number makes them one of many.
var lineWords = map[string]bool{
	"client": true, "customer": true, "home": true, "host": true, "ip": true, "mobile": true, "node": true, "public": true, "res": true,
	"static": true, "user": true, "vps": true,
}

// looksGeneric reports whether a name looks as if it was made for an address by a machine. It is a guess.
func looksGeneric(name string, addr netip.Addr) bool {
	// In the whole of it: where customers have names below the provider's own, the public suffix list takes these for
	// domains that were registered, as all of ec2-203-0-113-9.compute-1.amazonaws.com.
	if holdsAddress(name, addr) {
		return true
	}
	own := hostPart(name)
	numbered := strings.ContainsAny(own, "0123456789")
	for word := range strings.FieldsFuncSeq(own, func(c rune) bool { return c < 'a' || c > 'z' }) {
		if poolWords[word] || numbered && lineWords[word] && hasNumberAt(own, word) {
			return true
		}
	}
	return false
}

// hostPart returns what stands in a name below the domain that was registered.
func hostPart(name string) string {
	registered, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimSuffix(name, registered), ".")
}

// hasNumberAt reports whether a number of two digits or two numbers follow a word, at once or after a hyphen:
// "client12", "host-7-3". A small office has a host1.
func hasNumberAt(own, word string) bool {
	for rest := own; ; {
		i := strings.Index(rest, word)
		if i < 0 {
			return false
		}
		rest = rest[i+len(word):]
		digits := strings.ReplaceAll(rest, "-", "")
		if len(digits) > 1 && isDigit(digits[0]) && isDigit(digits[1]) {
			return true
		}
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// holdsAddress reports whether a name holds an address: its four octets or their reverse between other signs or padded
// with zeroes, three of them in a row, the whole address in hexadecimal; of IPv6 the last 64 bits or four groups in a row.
func holdsAddress(name string, addr netip.Addr) bool {
	if addr.Is4() {
		return holdsIPv4(name, addr.As4())
	}
	return holdsIPv6(name, addr.As16())
}

func holdsIPv4(name string, octets [4]byte) bool {
	var there, hex, padded string
	var back []string
	for _, o := range octets {
		hex += hexOctet(o)
		padded += strings.Repeat("0", 3-len(strconv.Itoa(int(o)))) + strconv.Itoa(int(o))
		back = append(back, strconv.Itoa(int(o)))
	}
	there = strings.Join(back, " ")
	slices.Reverse(back)
	if strings.Contains(name, hex) || strings.Contains(name, padded) {
		return true
	}
	var numbers []string
	for n := range strings.FieldsFuncSeq(name, func(c rune) bool { return c < '0' || c > '9' }) {
		numbers = append(numbers, strings.TrimLeft(n[:len(n)-1], "0")+n[len(n)-1:])
	}
	for i := range len(numbers) - 2 {
		three := strings.Join(numbers[i:i+3], " ")
		if inOrder(there, three) || inOrder(strings.Join(back, " "), three) {
			return true
		}
	}
	return false
}

// inOrder reports whether three numbers stand side by side in a list.
func inOrder(list, three string) bool { return strings.Contains(" "+list+" ", " "+three+" ") }

func holdsIPv6(name string, octets [16]byte) bool {
	var nibbles strings.Builder
	for _, o := range octets {
		nibbles.WriteString(hexOctet(o))
	}
	whole := nibbles.String()
	plain := strings.Map(func(c rune) rune {
		if c == '-' || c == '.' {
			return -1
		}
		return c
	}, name)
	if strings.Contains(plain, whole[16:]) || strings.Contains(plain, reversed(whole)[:16]) {
		return true
	}
	var groups []string
	for i := 0; i < len(whole); i += 4 {
		groups = append(groups, strings.TrimLeft(whole[i:i+3], "0")+whole[i+3:i+4])
	}
	said := strings.FieldsFunc(name, func(c rune) bool { return c == '-' || c == '.' })
	for i, word := range said {
		said[i] = strings.TrimLeft(word[:len(word)-1], "0") + word[len(word)-1:]
	}
	for i := range len(said) - 3 {
		if inOrder(strings.Join(groups, " "), strings.Join(said[i:i+4], " ")) {
			return true
		}
	}
	return false
}

func hexOctet(o byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[o>>4], digits[o&15]})
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
