package bounce

import (
	"fmt"
	"strings"
	"testing"
)

// TestSender: the domain of a returned message is known if all that is said of it agrees.
func TestSender(t *testing.T) {
	for _, test := range []struct{ status, header, want string }{
		{"X-Postfix-Sender: rfc822; anna@Example.org\n", "", "example.org"},
		{"", "Return-Path: <anna@example.org>\n", "example.org"},
		{"", "Return-Path: <>\nFrom: Anna <anna@example.org>\n", "example.org"},
		{"X-Postfix-Sender: rfc822; anna@example.org\n", "Return-Path: <b@example.org>\nFrom: a@example.org\n", "example.org"},
		{"", "Return-Path: <bounces@example.com>\nFrom: Anna <anna@example.org>\n", ""},
		{"X-Postfix-Sender: rfc822; \n", "Subject: hello\n", ""},
		{"", "From: `id`@`host`\n", ""},
	} {
		for _, kind := range []string{"text/rfc822-headers", "message/rfc822"} {
			m, err := ReadMessage(strings.NewReader(fmt.Sprintf(`From: MAILER-DAEMON@mail.example.net
To: somebody@example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.net
%s
Final-Recipient: rfc822; boris@example.net
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user

--b
Content-Type: %s

%sTo: boris@example.net
X-Other: x

text
--b--
`, test.status, kind, test.header)))
			if err != nil || len(m.Replies) != 1 || m.Sender != test.want {
				t.Errorf("%q %q as %s: %q of %d replies (%v), want %q", test.status, test.header, kind, m.Sender, len(m.Replies), err, test.want)
			}
		}
	}
}
