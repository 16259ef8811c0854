package bounce

import (
	"strings"
	"testing"
)

// TestAnswers: a reply that an automatic answer only quotes is no refusal; where a mail system may have written the message, it is.
func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		header string
		want   Kind
	}{
		{"From: Anna <anna@example.com>\nSubject: Out of office\nAuto-Submitted: auto-replied\n", KindAuto},
		{"From: Anna <anna@example.com>\nSubject: Re: mail delivery fails\nAuto-Submitted: auto-replied (vacation)\n", KindAuto},
		{"From: Anna <anna@example.com>\nSubject: Re: your mail\nX-Autoreply: yes\n", KindAuto},
		{"Return-Path: <>\nFrom: Anna <anna@example.com>\nSubject: Abwesenheit: Rechnung\n", KindAuto},
		{"From: support@example.com\nSubject: [Ticket#4711] returned mail\nAuto-Submitted: auto-replied\n", KindAuto},
		{"From: support@example.com\nSubject: We have got your message\nAuto-Submitted: auto-replied\n", KindAuto},
		{"Return-Path: <>\nFrom: support@example.com\nSubject: Ваше обращение принято\nIn-Reply-To: <1@example.org>\n", KindAuto},
		{"From: MAILER-DAEMON@example.com\nSubject: Re: hello\nAuto-Submitted: auto-replied\n", KindBounce},
		{"From: noreply@example.com\nSubject: Your message was not delivered\nAuto-Submitted: auto-replied\n", KindBounce},
		{"Return-Path: <>\nFrom: gateway@example.com\nSubject: hello\n", KindBounce},
	} {
		m, err := ReadMessage(strings.NewReader(test.header + `To: carol@example.org
MIME-Version: 1.0
Content-Type: text/plain

We have read what you wrote:

<boris@example.net>: host mx.example.net[192.0.2.25] said: 550 5.1.1 User unknown (in reply to RCPT TO command)
`))
		if err != nil || m.Kind != test.want || len(m.Replies) > 0 != (test.want == KindBounce) {
			t.Errorf("%q: %v with %d replies (%v), want %v", test.header, m.Kind, len(m.Replies), err, test.want)
		}
	}
}
