package smtpclient

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// What is kept of a reply to EHLO.
const (
	maxKeywords   = 100
	maxMechanisms = 50
)

// Offers reports whether a keyword, in upper case, is among the extensions. A nil Extensions offers nothing.
func (e *Extensions) Offers(keyword string) bool {
	if e == nil {
		return false
	}
	_, ok := e.Keywords[keyword]
	return ok
}

// extensions reads a reply to EHLO: RFC 5321 section 4.1.1.1, the first line is the server's name,
// each other a keyword and its parameters. It returns nil unless the reply is a 250. A keyword said
// twice counts once, as first said. What is not a keyword is left out.
func extensions(reply *Reply) *Extensions {
	if reply == nil || reply.Code != 250 {
		return nil
	}
	e := &Extensions{Keywords: make(map[string]string)}
	for _, line := range reply.Lines[1:] {
		keyword, parameters, _ := strings.Cut(strings.TrimRight(line, " "), " ")
		// Before RFC 2554 a server wrote AUTH=LOGIN for AUTH LOGIN; some still say both, for old clients.
		if name, mechanism, ok := strings.Cut(keyword, "="); ok && strings.EqualFold(name, "AUTH") {
			keyword, parameters = name, strings.TrimRight(mechanism+" "+parameters, " ")
		}
		if !isKeyword(keyword) {
			continue
		}
		keyword = strings.ToUpper(keyword)
		if keyword == "AUTH" {
			e.addMechanisms(parameters)
		}
		if _, said := e.Keywords[keyword]; !said && len(e.Keywords) < maxKeywords {
			e.Keywords[keyword] = parameters
		}
	}
	// RFC 1870 section 4: 1 to 20 digits; none, or 0, state no limit. Nor does a number beyond all bounds.
	if size, err := strconv.ParseUint(e.Keywords["SIZE"], 10, 64); err == nil {
		e.Size = size
	}
	return e
}

// addMechanisms adds SASL mechanisms (RFC 4422 section 3.1) that are not there yet.
func (e *Extensions) addMechanisms(list string) {
	for m := range strings.FieldsSeq(list) {
		if len(e.Auth) == maxMechanisms {
			return
		}
		if len(m) > 20 || !isKeyword(strings.ReplaceAll(m, "_", "-")) {
			continue
		}
		if m = strings.ToUpper(m); !slices.Contains(e.Auth, m) {
			e.Auth = append(e.Auth, m)
		}
	}
}

// isKeyword reports whether s is an EHLO keyword: ASCII letters and digits, then also hyphens.
func isKeyword(s string) bool {
	for i := range len(s) {
		if !isLetterDigit(s[i]) && (s[i] != '-' || i == 0) {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

// hostName returns the first word of a greeting or of a reply to EHLO or HELO, in lower case, if it is
// what RFC 5321 section 4.3.1 has there, a host name or an address literal. Else it returns "".
func hostName(reply *Reply) string {
	if reply == nil || reply.Code != 220 && reply.Code != 250 {
		return ""
	}
	word, _, _ := strings.Cut(reply.Lines[0], " ")
	if isHostName(word) || isAddressLiteral(word) {
		return strings.ToLower(word)
	}
	return ""
}

// isHostName reports whether s is a host name: labels of ASCII letters, digits and inner hyphens
// (RFC 1123 section 2.1), the last of them not a number, or it would be an address.
func isHostName(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	number := false
	for label := range strings.SplitSeq(s, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		number = true
		for i := range len(label) {
			if !isLetterDigit(label[i]) && label[i] != '-' {
				return false
			}
			number = number && isDigit(label[i])
		}
	}
	return !number
}

// isLetterDigit reports whether c is an ASCII letter or digit. The functions of package strings would
// take the Kelvin sign for a K.
func isLetterDigit(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || isDigit(c)
}

// isAddressLiteral reports whether s is an address literal of RFC 5321 section 4.1.3:
// [192.0.2.1] or [IPv6:2001:db8::1].
func isAddressLiteral(s string) bool {
	inner, ok := strings.CutPrefix(s, "[")
	if !ok {
		return false
	}
	if inner, ok = strings.CutSuffix(inner, "]"); !ok {
		return false
	}
	const tag = "IPv6:"
	tagged := len(inner) > len(tag) && strings.EqualFold(inner[:len(tag)], tag)
	if tagged {
		inner = inner[len(tag):]
	}
	addr, err := netip.ParseAddr(inner)
	return err == nil && addr.Zone() == "" && addr.Is6() == tagged
}
