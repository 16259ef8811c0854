package bounce

import (
	"strings"
	"testing"
	"time"
)

// TestParserLine: one line of each form, and all that an event says of it.
func TestParserLine(t *testing.T) {
	for _, c := range []struct {
		line string
		want Event
	}{
		{
			`Oct  5 10:00:00 mx postfix/smtp[1]: 4F7A1: to=<anna@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1.5, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 User unknown (in reply to RCPT TO command))`,
			Event{EventDelivery, Bounced, "postfix", "4F7A1", "", Reply{550, "5.1.1", "User unknown", "mx.example.org", "anna@example.org", ""}, true, 1500 * time.Millisecond},
		},
		{
			`Oct  5 10:00:00 mx mailout/error[1]: 4F7A1: to=<anna@example.org>, relay=none, delay=86400, dsn=4.4.1, status=deferred (delivery temporarily suspended: connect to mx.example.org[192.0.2.1]:25: Connection timed out)`,
			Event{EventDelivery, Deferred, "postfix", "4F7A1", "", Reply{0, "4.4.1", "delivery temporarily suspended: connect to mx.example.org[192.0.2.1]:25: Connection timed out", "mx.example.org", "anna@example.org", ""}, false, 24 * time.Hour},
		},
		{
			`Oct  5 10:00:00 mx postfix/smtp[1]: 4F7A1: to=<anna@example.com>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, dsn=2.0.0, status=sent (250 2.0.0 from MTA)`,
			Event{EventInternal, Delivered, "postfix", "4F7A1", "", Reply{Server: "127.0.0.1", Recipient: "anna@example.com"}, true, time.Second},
		},
		{
			`Oct  5 10:00:00 mx postfix/qmgr[1]: 4F7A1: from=<carol@example.com>, status=expired, returned to sender`,
			Event{EventDelivery, Expired, "postfix", "4F7A1", "carol@example.com", Reply{Text: "delivery expired, returned to sender"}, true, 0},
		},
		{
			`Oct  5 10:00:00 mx inbound/smtpd[1]: NOQUEUE: reject: RCPT from unknown[198.51.100.4]: 550 5.1.1 <anna@example.com>: Recipient address rejected: User unknown; from=<x@example.net> to=<anna@example.com> proto=ESMTP`,
			Event{EventReject, "", "postfix", "", "x@example.net", Reply{550, "5.1.1", "<anna@example.com>: Recipient address rejected: User unknown", "", "anna@example.com", ""}, false, 0},
		},
		{
			`Oct  5 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject_warning: RCPT from unknown[198.51.100.4]: 553 5.7.1 x; from=<x@example.net> to=<anna@example.com>`,
			Event{System: "postfix"},
		},
		{`Oct  5 10:00:00 mx postfix/qmgr[1]: 4F7A1: removed`, Event{System: "postfix"}},
		{
			`2026-10-05 10:00:01 1tXyZa-0000Ab-CD == bert@example.net R=dnslookup T=remote_smtp defer (-53): retry time not reached for any host`,
			Event{EventDelivery, Deferred, "exim", "1tXyZa-0000Ab-CD", "", Reply{0, "", "retry time not reached for any host", "", "bert@example.net", ""}, false, 0},
		},
		{`2026-10-05 10:00:01 1tXyZa-0000Ab-CD Completed`, Event{System: "exim", QueueID: "1tXyZa-0000Ab-CD"}},
		{
			`Oct  5 10:00:01 mx sm-mta[2]: 495A0002: to=<bert@example.net>, delay=1+00:10:00, mailer=esmtp, relay=mx.example.net., dsn=4.0.0, stat=Deferred: Connection refused by mx.example.net.`,
			Event{EventDelivery, Deferred, "sendmail", "495A0002", "", Reply{0, "4.0.0", "Deferred: Connection refused by mx.example.net.", "mx.example.net", "bert@example.net", ""}, true, 24*time.Hour + 10*time.Minute},
		},
		{
			`Oct  5 10:00:00 mx smtpd[4]: 00 mta delivery evpid=8f26ea98359eccea from=<carol@example.com> to=<anna@slow.example> rcpt=<-> source="-" relay="slow.example" delay=4d1h result="Expired" stat="Envelope expired"`,
			Event{EventDelivery, Expired, "opensmtpd", "8f26ea98359eccea", "carol@example.com", Reply{0, "", "Envelope expired", "slow.example", "anna@slow.example", ""}, true, 97 * time.Hour},
		},
		{
			`{"SYSLOG_IDENTIFIER":"postfix/smtp","MESSAGE":"4F7A1: to=<anna@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 Ok)"}`,
			Event{EventDelivery, Delivered, "postfix", "4F7A1", "", Reply{Server: "mx.example.org", Recipient: "anna@example.org"}, true, time.Second},
		},
	} {
		e, known := (&Parser{}).Line(c.line)
		if !known || e != c.want {
			t.Errorf("%s\n got %+v, %t\nwant %+v", c.line, e, known, c.want)
		}
	}
}

// TestUnknownLog: a line of an unknown form is not taken for a known one, and a program that takes mail refuses others.
func TestUnknownLog(t *testing.T) {
	for line, kind := range map[string]EventKind{
		"10:00:00 app: the server said: 550 5.1.1 no such user":    EventDelivery,
		"Oct  5 10:00:00 mx my-smtpd[4]: error: 550 5.1.1 no user": EventReject,
		"10:00:00 worker started, 421 tasks":                       EventOther,
	} {
		if e, known := (&Parser{}).Line(line); known || e.Kind != kind {
			t.Errorf("%s: %+v, %t", line, e, known)
		}
	}
}

// BenchmarkParserLine: a Postfix log of which a quarter is deliveries.
func BenchmarkParserLine(b *testing.B) {
	lines := strings.Split(`Oct  5 10:00:00 mx postfix/smtpd[1]: connect from unknown[198.51.100.4]
Oct  5 10:00:00 mx postfix/qmgr[1]: 4F7A1: from=<carol@example.com>, size=1550, nrcpt=1 (queue active)
Oct  5 10:00:00 mx postfix/smtp[1]: 4F7A1: to=<anna@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1.5, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 5501)
Oct  5 10:00:00 mx postfix/qmgr[1]: 4F7A1: removed`, "\n")
	var p Parser
	b.ReportAllocs()
	for i := range b.N {
		p.Line(lines[i%len(lines)])
	}
}
