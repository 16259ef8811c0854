package main

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
)

// valuesOf returns what a reply says of this case, for the remedies. Peers wrote it: only a host name or an IP address
// becomes a value.
func (e *explainer) valuesOf(r bounce.Reply) catalog.Values {
	v := catalog.Values{}
	if at := strings.LastIndexByte(r.Recipient, '@'); at >= 0 {
		v[catalog.ValueRecipientDomain] = publicName(r.Recipient[at+1:])
	}
	// A recipient's server reports too, when it took the message first: that is no server of the sender's.
	if host := e.ownDomain(r.Reporter); host != strings.ToLower(r.Server) && !within(host, v[catalog.ValueRecipientDomain]) {
		v[catalog.ValueHost] = host
	}
	if address := addressIn(r); address.IsValid() {
		v[catalog.ValueAddress] = address.String()
		v[catalog.ValueAddressType], v[catalog.ValueSPFTerm] = "A", "ip4:"+address.String()
		if address.Is6() {
			v[catalog.ValueAddressType], v[catalog.ValueSPFTerm] = "AAAA", "ip6:"+address.String()
		}
	}
	return v
}

// ownDomain returns a name that the sender may have records for; "" for what is no public name, for a provider's host, and
// for the domain of a provider's mailboxes.
func (e *explainer) ownDomain(name string) string {
	name = publicName(name)
	_, provided := e.cat.Provider(name)
	provided = provided || slices.ContainsFunc(e.cat.MailServices(), func(s *catalog.MailService) bool {
		return slices.Contains(s.Words, name)
	})
	if provided {
		return ""
	}
	return name
}

// within reports whether a name lies in a domain.
func within(name, domain string) bool {
	return domain != "" && (name == domain || strings.HasSuffix(name, "."+domain))
}

var (
	publicForm = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+([a-z]{2,63}|xn--[a-z0-9-]{1,59})$`)
	// privateForm is what machines call themselves in networks of their own.
	privateForm = regexp.MustCompile(`\.(local|localdomain|localhost|lan|home|internal|intranet|corp|private|arpa)$`)
)

// publicName returns a name of the public DNS in lower case, without a trailing dot; "" for anything else.
func publicName(s string) string {
	s = strings.TrimSuffix(strings.ToLower(s), ".")
	if len(s) > 253 || !publicForm.MatchString(s) || privateForm.MatchString(s) {
		return ""
	}
	return s
}

// addressIn returns the public IP address that the text of a reply names; none if there is no reply of a server, or if the
// text names several. A mail system's own words, without a code, name the server that it could not reach.
func addressIn(r bounce.Reply) (only netip.Addr) {
	if r.Code == 0 {
		return netip.Addr{}
	}
	for field := range strings.FieldsSeq(r.Text) {
		if _, err := netip.ParsePrefix(strings.Trim(field, ".,;:()[]<>\"'")); err == nil {
			continue // A network.
		}
		for _, word := range strings.FieldsFunc(field, func(c rune) bool {
			return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune(".:[]", c)
		}) {
			switch a := addressOf(word); {
			case !a.IsValid() || a == only || a.String() == r.Server:
			case only.IsValid():
				return netip.Addr{}
			default:
				only = a
			}
		}
	}
	return only
}

// addressOf returns the public IP address that a word is: "203.0.113.9.", "[IPv6:2001:db8::9]", "ip=203.0.113.9". That of
// "mx.example.net[192.0.2.80]" and "192.0.2.80:25" is a server's that the message went to.
func addressOf(word string) netip.Addr {
	if strings.IndexByte(word, '[') > 0 || strings.Contains(word, "]:") {
		return netip.Addr{}
	}
	word = strings.TrimRight(strings.Trim(word, "[]"), ".:")
	if len(word) > 5 && strings.EqualFold(word[:5], "ipv6:") {
		word = word[5:]
	}
	a, err := netip.ParseAddr(word)
	if err != nil && strings.Count(word, ".") == 3 {
		a, _ = netip.ParseAddr(word[strings.LastIndexByte(word, ':')+1:]) // "IP:203.0.113.9"
	}
	if a = a.Unmap(); !a.IsGlobalUnicast() || a.IsPrivate() {
		return netip.Addr{}
	}
	return a
}

// commonValues returns the values that are the same in all replies: one explanation is about all of them.
func commonValues(group []explained) catalog.Values {
	out := catalog.Values{}
	for name, value := range group[0].values {
		if !slices.ContainsFunc(group, func(x explained) bool { return x.values[name] != value }) {
			out[name] = value
		}
	}
	return out
}
