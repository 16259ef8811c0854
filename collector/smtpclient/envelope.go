package smtpclient

import (
	"fmt"
	"strings"
)

// An Envelope is a letter's outside: from whom and to whom. A session with one asks whether the server would take such a
// letter, and never sends one: after the reply to RCPT it takes the question back by RSET.
type Envelope struct {
	From, To string // Mail addresses without brackets; neither is empty.
}

// check refuses what would not be one address in one command.
func (e *Envelope) check() error {
	for _, address := range []string{e.From, e.To} {
		unsafe := func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '>' }
		if local, domain, ok := strings.Cut(address, "@"); !ok || local == "" || domain == "" || len(address) > 320 || strings.ContainsFunc(address, unsafe) {
			return fmt.Errorf("hold session: %.64q is not a mail address", address)
		}
	}
	return nil
}

// ask says MAIL and, where that is taken, RCPT, one after the other: RFC 5321 section 3.3. Both are without parameters, which
// need nothing of the server. It reports whether the dialogue can go on.
func (d *dialogue) ask() bool {
	reply := d.say(StageMail, "MAIL FROM:<"+d.o.Envelope.From+">")
	if reply == nil {
		return false
	}
	if reply.Code/100 != 2 {
		return true
	}
	if reply = d.say(StageRcpt, "RCPT TO:<"+d.o.Envelope.To+">"); reply == nil {
		return false
	}
	if reply.Code == 421 {
		return true // RFC 5321 section 3.8: it is hanging up.
	}
	return d.say(StageReset, "RSET") != nil
}
