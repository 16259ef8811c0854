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
		keyword = strings.ToUpper(keyword)
		// Before RFC 2554 a server wrote AUTH=LOGIN for AUTH LOGIN; some still say both, for old clients.
		if mechanism, ok := strings.CutPrefix(keyword, "AUTH="); ok {
			keyword, parameters = "AUTH", strings.TrimRight(mechanism+" "+parameters, " ")
		}
		if !isKeyword(keyword) {
			continue
		}
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
	for m := range strings.FieldsSeq(strings.ToUpper(list)) {
		if len(e.Auth) == maxMechanisms {
			return
		}
		if len(m) <= 20 && isKeyword(strings.ReplaceAll(m, "_", "-")) && !slices.Contains(e.Auth, m) {
			e.Auth = append(e.Auth, m)
		}
	}
}

// isKeyword reports whether s is an EHLO keyword in upper case: letters and digits, then also hyphens.
func isKeyword(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'A' || c > 'Z') && !isDigit(c) && (c != '-' || i == 0) {
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
	word = strings.ToLower(word)
	if isHostName(word) || isAddressLiteral(word) {
		return word
	}
	return ""
}

// isHostName reports whether s, in lower case, is a host name: labels of letters, digits and inner hyphens
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
			c := label[i]
			if c != '-' && !isDigit(c) && (c < 'a' || c > 'z') {
				return false
			}
			number = number && isDigit(c)
		}
	}
	return !number
}

// isAddressLiteral reports whether s, in lower case, is an address literal of RFC 5321 section 4.1.3:
// [192.0.2.1] or [IPv6:2001:db8::1].
func isAddressLiteral(s string) bool {
	inner, ok := strings.CutPrefix(s, "[")
	if !ok {
		return false
	}
	if inner, ok = strings.CutSuffix(inner, "]"); !ok {
		return false
	}
	v6, tagged := strings.CutPrefix(inner, "ipv6:")
	addr, err := netip.ParseAddr(v6)
	return err == nil && addr.Zone() == "" && addr.Is6() == tagged
}
