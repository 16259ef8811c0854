package bounce

import "strings"

// A sender collects the domains that returned messages were sent from. They may differ: that of MAIL FROM and that in From,
// or those of several bounces in one message.
type sender struct {
	only    string // The domain, while there is only one.
	several bool
}

// returned are the parts of a report that hold the returned message or its header (RFC 6522 section 3).
var returned = map[string]bool{
	"message/rfc822": true, "message/global": true, "text/rfc822-headers": true, "message/global-headers": true,
}

// add takes a sender's address; "" says nothing.
func (s *sender) add(address string) {
	domain := hostName(address[strings.LastIndexByte(address, '@')+1:])
	switch {
	case domain == "" || domain == s.only:
	case s.only == "":
		s.only = domain
	default:
		s.several = true
	}
}

// returned takes the addresses of a returned message. Its empty Return-Path says nothing.
func (s *sender) returned(e entity) {
	s.add(mailbox(e.get("return-path")))
	s.add(mailbox(e.get("from")))
}

// domain is the one that all addresses have; "" if there is no such.
func (s *sender) domain() string {
	if s.several {
		return ""
	}
	return s.only
}
