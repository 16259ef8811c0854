package bounce_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
)

var update = flag.Bool("update", false, "write what is found beside the letters")

// TestRead reads every letter and text in testdata. What has to be found stands beside it, one reply after another; a file that
// says nothing means that there is nothing to be found.
func TestRead(t *testing.T) {
	names, err := filepath.Glob("testdata/*.eml")
	if err != nil {
		t.Fatal(err)
	}
	texts, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 45 {
		t.Errorf("only %d letters: the test looks in the wrong place", len(names))
	}
	for _, name := range append(names, texts...) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			replies, err := bounce.Read(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			compare(t, name, show(replies))
		})
	}
}

// compare compares what was found with the file beside.
func compare(t *testing.T, name, got string) {
	t.Helper()
	file := strings.TrimSuffix(name, filepath.Ext(name)) + ".want"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// show writes replies as the files do.
func show(replies []bounce.Reply) string {
	var out strings.Builder
	for _, r := range replies {
		fmt.Fprintf(&out, "reply: %s\n", strings.TrimSpace(fmt.Sprintf("%03d %s", r.Code, r.Enhanced)))
		for _, f := range []struct{ name, value string }{{"text", r.Text}, {"server", r.Server}, {"recipient", r.Recipient}, {"reporter", r.Reporter}} {
			if f.value != "" {
				fmt.Fprintf(&out, "%s: %s\n", f.name, f.value)
			}
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// TestLogs reads every log in testdata. What each line says, and how many of them count, stands beside it.
func TestLogs(t *testing.T) {
	names, err := filepath.Glob("testdata/*.log")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 5 {
		t.Errorf("only %d logs: the test looks in the wrong place", len(names))
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s, err := bounce.Summarise(bytes.NewReader(data), catalog.Default())
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			fmt.Fprintf(&out, "lines %d, replies %d, accepted %d, inbound %d\n\n", s.Lines, s.Replies, s.Accepted, s.Inbound)
			for line := range strings.Lines(string(data)) {
				if r, ok := bounce.Line(line); ok {
					out.WriteString(show([]bounce.Reply{r}))
				}
			}
			compare(t, name, out.String())
		})
	}
}

// TestLine reads lines as people paste them from mail programs, scripts and logs. Lines without a reply give "".
func TestLine(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{`SMTP Error (550): Failed to add recipient "anna@example.com" (5.1.1 User unknown).`, `550 5.1.1 Failed to add recipient "anna@example.com" (5.1.1 User unknown).`},
		{`Server error: '554 5.2.252 SendAsDenied; carol@example.org not allowed to send as bert@example.org'`, `554 5.2.252 SendAsDenied; carol@example.org not allowed to send as bert@example.org`},
		{`Почтовый сервер ответил: 5.7.1 <anna@example.com>: Relay access denied.`, `000 5.7.1 Relay access denied.`},
		{`!05.10.2026, 10:12:44: SEND - Сервер сообщил об ошибке. Ответ сервера: 550 5.7.1 Message rejected`, `550 5.7.1 Message rejected`},
		{`Ошибка при отправке письма по причине: 535 5.7.8 Error: authentication failed`, `535 5.7.8 Error: authentication failed`},
		{`DATA END command failed Detail: spam message rejected SMTP code: 550 Additional SMTP info: 5.7.1`, `550 5.7.1 spam message rejected`},
		{`smtplib.SMTPRecipientsRefused: {'anna@example.com': (550, b'5.1.1 <anna@example.com>: User unknown')}`, `550 5.1.1 <anna@example.com>: User unknown`},
		{`smtplib.SMTPAuthenticationError: (535, b'5.7.8 Error: authentication failed')`, `535 5.7.8 Error: authentication failed`},
		{`com.sun.mail.smtp.SMTPSendFailedException: 550 5.7.1 Client does not have permissions`, `550 5.7.1 Client does not have permissions`},
		{`Mailbox unavailable. The server response was: 5.7.1 Unable to relay`, `000 5.7.1 Unable to relay`},
		{`{"event":"bounce","email":"anna@example.com","reason":"550 5.1.1 No such user","status":"5.1.1","time":1759650000}`, `550 5.1.1 No such user`},
		{`Error: Message failed: 550 Too many recipients`, `550 Too many recipients`},
		{`mx.example.com gave this error: Recipient address rejected: Access denied`, `000 Recipient address rejected: Access denied`},
		{`#< #5.1.1 smtp;550 5.1.1 Unknown user> #SMTP#`, `550 5.1.1 Unknown user`},
		{`host mx.example.com [192.0.2.1]: 421 Too many concurrent connections`, `421 Too many concurrent connections`},
		{`550-5.7.26`, `550 5.7.26`},
		{`SMTP error 550`, `550`},
		{`код 550`, `550`},
		{`[550] no such user`, `550 no such user`},
		{`550:5.7.1 no`, `550 5.7.1 no`},
		{"550\t5.7.1\tNo", `550 5.7.1 No`},
		{`Remote host closed connection`, `000 Remote host closed connection`},

		{`250 2.0.0 Ok: queued as 550AB`, ``},
		{`2026-10-05 10:12:43 SMTP connection from [198.51.100.77]:550 lost`, ``},
		{`Oct  5 10:12:44 mail kernel: usb 550-1: new device 421`, ``},
		{`Oct  5 x amavis[1]: (550-1) Blocked SPAM, [198.51.100.77]:550 <x@example.net> -> <carol@example.org>, Hits: 42.1, size: 2550`, ``},
		{`192.0.2.55 - - "GET /mail HTTP/1.1" 502 552 "-" "curl/8.5.0"`, ``},
		{`curl: (22) The requested URL returned error: HTTP status 503 Service Unavailable`, ``},
		{`order 450 of 2026 took 552 ms on port 587`, ``},
		{`Call +1 550 555 0100 or 550-1234`, ``},
		{`postfix/smtp[1]: Q: to=<a@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=550, dsn=2.0.0, status=sent (250 ok 421 x)`, ``},
		{``, ``},
	} {
		r, ok := bounce.Line(test.line)
		got := ""
		if ok {
			got = strings.TrimSpace(fmt.Sprintf("%03d", r.Code) + strings.TrimRight(" "+r.Enhanced, " ") + " " + r.Text)
		}
		if got != test.want {
			t.Errorf("Line(%q):\n got %q\nwant %q", test.line, got, test.want)
		}
	}
}
