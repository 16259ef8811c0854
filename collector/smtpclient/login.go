package smtpclient

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Why a session that was to log in did not try.
var (
	ErrNoTLS       = errors.New("no TLS, and a password is sent over nothing else")
	ErrNoMechanism = errors.New("neither AUTH PLAIN nor AUTH LOGIN is offered")
	errNobody      = errors.New("nobody has said that a password may be sent")
)

// A Login is what to log in with. It is tried once, by PLAIN (RFC 4616) where that is offered, otherwise by LOGIN.
type Login struct {
	Username string
	Password func() string // A function, so that nothing that prints Options prints it.
}

// mask stands for what must not be seen.
const mask = "<secret>"

// check refuses what the mechanisms cannot carry. Its errors name no value.
func (l *Login) check() error {
	if l.Password == nil || l.Username == "" || l.Password() == "" {
		return errors.New("hold session: log in: no user name or no password")
	}
	// RFC 4616 section 2: NUL divides the parts of the message.
	if strings.Contains(l.Username, "\x00") || strings.Contains(l.Password(), "\x00") {
		return errors.New("hold session: log in: user name or password contains NUL")
	}
	return nil
}

// plain is the message of PLAIN: RFC 4616 section 2, [authzid] NUL authcid NUL passwd.
func (l *Login) plain() string { return encode("\x00" + l.Username + "\x00" + l.Password()) }

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// secrets lists the forms in which the password crosses the wire, the longest first.
func (l *Login) secrets() []string {
	list := []string{l.plain(), encode(l.Password()), l.Password()}
	for _, s := range list[:2] {
		list = append(list, strings.TrimRight(s, "=")) // Some who repeat it lose the padding.
	}
	slices.SortStableFunc(list, func(a, b string) int { return len(b) - len(a) })
	return list
}

// logIn makes the one attempt, if it may be made. It reports whether the dialogue can go on; Withheld says why no attempt
// was made.
func (d *dialogue) logIn() bool {
	offer := d.s.After
	if d.o.TLS == TLSImplicit {
		offer = d.s.Before
	}
	if d.s.TLS == nil {
		d.s.Withheld = ErrNoTLS
		return true
	}
	if d.o.MayAuth == nil {
		d.s.Withheld = errNobody
		return true
	}
	if err := d.o.MayAuth(d.s); err != nil {
		d.s.Withheld = err
		return true
	}
	if offer == nil { // It knows only HELO.
		offer = &Extensions{}
	}
	l := d.o.Login
	switch {
	case slices.Contains(offer.Auth, "PLAIN"):
		// RFC 4954 section 4: the initial response saves a turn.
		return d.authenticate("AUTH PLAIN "+mask, "AUTH PLAIN "+l.plain())
	case slices.Contains(offer.Auth, "LOGIN"):
		// LOGIN is in no RFC; its server speaks first and asks for the two in this order, in words that differ.
		return d.authenticate("AUTH LOGIN "+mask, "AUTH LOGIN", encode(l.Username), encode(l.Password()))
	}
	d.s.Withheld = ErrNoMechanism
	return true
}

// authenticate sends the command and, as often as the server asks for more, the rest of the lines. The step keeps the
// server's last word only: a challenge is not for other eyes.
func (d *dialogue) authenticate(shown, command string, answers ...string) bool {
	d.hidden = d.o.Login.secrets()
	_, ok := d.stage(Step{Stage: StageAuth, Sent: shown}, d.o.StageTimeout, func() (*Reply, error) {
		reply, err := d.exchange(command)
		for err == nil && reply.Code == 334 && len(answers) > 0 {
			reply, err = d.exchange(answers[0])
			answers = answers[1:]
		}
		if err != nil || reply.Code != 334 {
			return reply, err
		}
		// RFC 4954 section 4: "*" ends an exchange that asks for what we do not have. Without it the next
		// command would be taken for an answer.
		if _, err := d.exchange("*"); err != nil {
			return nil, err
		}
		return &Reply{Code: reply.Code, Lines: []string{"(a challenge, left out)"}}, nil
	})
	return ok
}

// hide takes the password out of a step of a session in which it was sent: servers and boxes between repeat what they got.
func (d *dialogue) hide(step *Step) {
	if len(d.hidden) == 0 {
		return
	}
	step.Said = ""
	if errors.Is(step.Err, errProtocol) {
		step.Err = fmt.Errorf("%w (left out, since a password was sent)", errProtocol)
	}
	if step.Reply == nil {
		return
	}
	for i, line := range step.Reply.Lines {
		for _, s := range d.hidden {
			line = strings.ReplaceAll(line, s, mask)
		}
		step.Reply.Lines[i] = line
	}
}
