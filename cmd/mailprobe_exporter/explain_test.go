package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// explain runs the command with a standard input, nil for none, in English unless args say otherwise.
func explain(t *testing.T, stdin io.Reader, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	t.Setenv("LC_ALL", "C")
	var out, err bytes.Buffer
	status = run(append([]string{"explain"}, args...), stdin, &out, &err)
	return status, out.String(), err.String()
}

// explainedCodes are the codes that people look for.
var explainedCodes = strings.Fields("421 450 451 452 454 500 501 502 503 504 512 513 521 523 525 530 534 535 538 541 550 551 552 553 554 555 556 571")

// TestExplainCodes: whoever types a code is told what it means, what causes it and what to do, in his language and
// within the width of a terminal.
func TestExplainCodes(t *testing.T) {
	for _, lang := range []catalog.Lang{catalog.English, catalog.Russian} {
		for _, code := range explainedCodes {
			status, out, _ := explain(t, nil, "--lang", string(lang), code)
			first, _, _ := strings.Cut(out, "\n")
			if status != 0 || !strings.HasPrefix(first, code+": ") {
				t.Errorf("%s in %s: status %d, begins %q", code, lang, status, first)
			}
			at := -1
			begin := func(t catalog.Text) string { s, _, _ := strings.Cut(t.In(lang), "%"); return "\n" + s }
			whole := func(t catalog.Text) string { return "\n" + t.In(lang) + "\n" }
			for _, part := range []string{
				begin(words.actor), begin(words.retry), whole(words.remedies), whole(words.causes), whole(words.reading), begin(words.cause), whole(words.references),
			} {
				next := strings.Index(out, part)
				if next <= at {
					t.Errorf("%s in %s: %q is missing or out of place", code, lang, part)
				}
				at = next
			}
			if !strings.Contains(out, "\n  - ") || !strings.Contains(out, "\n  2. ") {
				t.Errorf("%s in %s: no cause, or fewer than two remedies", code, lang)
			}
			for line := range strings.Lines(out) {
				if line = strings.TrimRight(line, "\n"); utf8.RuneCountInString(line) > usualWidth && len(strings.Fields(line)) > 1 {
					t.Errorf("%s in %s: the line is too long: %s", code, lang, line)
				}
			}
			if cyrillic := strings.ContainsFunc(out, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }); cyrillic != (lang == catalog.Russian) {
				t.Errorf("%s in %s: Cyrillic %v", code, lang, cyrillic)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		want   []string // In this order.
	}{
		// Replies, however they are written.
		{[]string{"550", "5.7.26", "mail", "from", "this", "domain"}, 0, []string{"550 5.7.26: ", "“mail from this domain”"}},
		{[]string{"550 5.1.1 <anna@example.org>: User unknown"}, 0, []string{"550 5.1.1: ", "x.1.x", `cause="user_unknown"`}},
		{[]string{"550-5.1.1 no such 550 5.1.1 user"}, 0, []string{"550 5.1.1: ", "“no such user”", `cause="user_unknown"`}},
		{[]string{"smtp; 452 4.2.2 The mailbox is full"}, 0, []string{"452 4.2.2: ", `cause="mailbox_full"`}},
		{[]string{"4.7.28"}, 0, []string{"4.7.28: ", "4.x.x", "x.7.x"}},
		{[]string{"550", "5.7.26"}, 0, []string{"What providers mean by it", "Gmail", "explain --provider google 550 5.7.26"}},
		{[]string{"--provider", "google", "550", "5.7.26"}, 0, []string{"550 5.7.26: Gmail"}},
		{[]string{"--provider", "aspmx.l.google.com", "550", "5.7.26"}, 0, []string{"550 5.7.26: Gmail"}},
		{[]string{"SMTP error 550"}, 0, []string{"550: "}},
		{[]string{"User unknown in virtual mailbox table"}, 0, []string{"no such mailbox", `cause="user_unknown"`}},
		{[]string{"554 5.7.1 blocked using zen.spamhaus.org"}, 0, []string{"Blocklist named: Spamhaus ZEN", "explain spamhaus_zen", "What to do", "1. If your mailbox is at", "2. If the server is your own", "https://check.spamhaus.org/ ", `cause="blocklisted"`}},
		{[]string{"550 5.7.1 listed at dnsbl.sorbs.net"}, 0, []string{"which no longer exists", "the operator of the mail server that answered", "Blocklist named: SORBS", "1. If a rejection names this list"}},
		{[]string{"550 5.7.1 link listed in dbl.spamhaus.org"}, 0, []string{"every domain of a message", "1. Find out which domain", "https://check.spamhaus.org/"}},
		{[]string{"4.4.7"}, 0, []string{"Send again? Yes, by yourself", "What to do"}},
		{[]string{"--provider", "google", "421"}, 0, []string{"What providers mean by it", "Gmail", "explain google"}},
		{[]string{"250"}, 0, []string{"250: ", "does not say that the mail reached the inbox", `cause="ok"`}},
		// Codes that nobody defined.
		{[]string{"577"}, 0, []string{"577: No code of any standard", "Refused for good", "How the code is read", "Servers invent codes"}},
		{[]string{"5.99.99"}, 0, []string{"5.99.99: Not in the registry", "Refused for good"}},
		{[]string{"999"}, 2, []string{"“999” is no reply of a mail server"}},
		// Everything else that has a name.
		{[]string{"smtp_deferred"}, 0, []string{"smtp_deferred: ", "found by the check smtp", "Severity: warning", "What to do"}},
		{[]string{"spamhaus_zen"}, 0, []string{"spamhaus_zen: ", "zen.spamhaus.org", "What to do", "How to get off it", "https://check.spamhaus.org/", "127.0.0.2 ", "[sbl, critical]"}},
		{[]string{"ZEN.spamhaus.org."}, 0, []string{"spamhaus_zen: "}},
		{[]string{"2.0.0.127.zen.spamhaus.org"}, 0, []string{"spamhaus_zen: "}},
		{[]string{"sorbs"}, 0, []string{"This list is dead since 2024-06-05"}},
		{[]string{"google"}, 0, []string{"google: ", "google.com", "Gmail", "explain --provider google"}},
		{[]string{"mx.yandex.ru"}, 0, []string{"yandex: "}},
		{[]string{"Hotmail"}, 0, []string{"outlook: "}},
		{[]string{"rdns_missing"}, 0, []string{"1. Choose a name of your own domain for the machine, and publish its IP address"}},
		{[]string{"greylisted"}, 0, []string{"greylisted: ", "What to do"}},
		{[]string{"auth_failed"}, 0, []string{"Problem, found by the check auth", "────", "auth_failed: user name or password not accepted"}},
		{[]string{"SMTP error code 3"}, 0, []string{`"SMTP error code 3" in the accounting program 1C`, "What to do", "Where these settings are in mail programs", "1C: "}},
		{[]string{"Код ошибки SMTP: 3", "--lang", "ru"}, 0, []string{"«Код ошибки SMTP: 3» в 1С", "Что делать"}},
		{[]string{"code_550"}, 0, []string{"550: "}},
		{[]string{"reply_user_unknown"}, 0, []string{"There is no such mailbox"}},
		// Nothing.
		{[]string{"smtp_defered"}, 2, []string{"There is no entry for “smtp_defered”", "Nearest entries, by their names", "explain smtp_deferred: "}},
		{[]string{"greylistng"}, 2, []string{"There is no entry for", "Nearest entries", "explain greylisting: "}},
		{[]string{"quetzalcoatl"}, 2, []string{"There is no entry for", "explain takes a reply"}},
		{[]string{"neither", "here", "nor", "there"}, 2, []string{"There is no entry for", "explain takes a reply"}},
		// Words, ports, settings.
		{[]string{"dkim"}, 0, []string{"DKIM: a signature in the message", "What to do first", "What goes wrong with it", "explain dkim_missing: ", "explain 5.7.20: ", "explain dkim_failed: ", "See also: explain sender_authentication"}},
		{[]string{"ndr 5.1.1"}, 0, []string{"5.1.1: "}},
		{[]string{"ошибка 5.7.26 от gmail"}, 0, []string{"5.7.26: "}},
		{[]string{"timeout at 192.0.2.5"}, 0, []string{"Timeout: "}},
		{[]string{"what", "is", "dkim?"}, 0, []string{"DKIM: a signature"}},
		{[]string{"465"}, 0, []string{"Port 465: ", "not a reply code", "explain setting_port: "}},
		{[]string{"587"}, 0, []string{"Port 587: "}},
		{[]string{"465 does not work"}, 0, []string{"Port 465: "}},
		{[]string{"порт 587", "--lang", "ru"}, 0, []string{"Порт 587: ", "Что сделать сначала", "Что с этим бывает не так"}},
		{[]string{"spf", "record", "syntax"}, 0, []string{"SPF: which servers"}},
		{[]string{"sender", "address", "rejected"}, 0, []string{`cause="sender_rejected"`}},
		{[]string{"smtp.mail.ru"}, 0, []string{"settings for mail programs", "Outgoing mail (SMTP): smtp.mail.ru, port 465, SSL/TLS", "imap.mail.ru, port 993", "password for external applications", "2026-12-01", "mail_ru: "}},
		{[]string{"google"}, 0, []string{"smtp.gmail.com", "2-Step Verification", "500 recipients a day", "google: "}},
		{[]string{"setting_port"}, 0, []string{"Port and encryption", "Thunderbird: ", "Apple Mail: ", "SeaMonkey: "}},
		{[]string{"out of memory"}, 0, []string{"the sender's own mail server", "you, the sender"}},
		{[]string{"Outlook: 0x800CCC0E"}, 0, []string{"cannot find or reach its server"}},
		{[]string{"The server you are connected to is using a security certificate that cannot be verified. A certificate chain processed"}, 0, []string{"cannot verify the certificate"}},
		{[]string{"The target principal name is incorrect"}, 0, []string{"for another name"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			status, out, stderr := explain(t, nil, c.args...)
			if status != c.status || stderr != "" {
				t.Errorf("status %d, standard error %q", status, stderr)
			}
			inOrder(t, out, c.want)
		})
	}
}

// inOrder looks for each of want behind the one before. Where text is broken into lines does not matter.
func inOrder(t *testing.T, text string, want []string) {
	t.Helper()
	rest := strings.Join(strings.Fields(text), " ")
	for _, w := range want {
		_, after, ok := strings.Cut(rest, strings.Join(strings.Fields(w), " "))
		if !ok {
			t.Errorf("%q is missing or out of place in:\n%s", w, text)
			return
		}
		rest = after
	}
}

func TestExplainUsage(t *testing.T) {
	letter := write(t, t.TempDir(), "letter.eml", "550 5.1.1 User unknown\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "nothing to explain"},
		{[]string{"--summary"}, "nothing to explain"},
		{[]string{"--lang", "de", "550"}, "one of en,ru"},
		{[]string{"--format", "xml", "550"}, "one of text,json"},
		{[]string{"--provider", "gogle", "550"}, "known are google"},
		{[]string{"--file", letter, "550"}, "either a reply or a file"},
		{[]string{"--file", filepath.Join(filepath.Dir(letter), "missing.eml")}, "missing.eml"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			status, out, stderr := explain(t, nil, c.args...)
			if status != 2 || out != "" || !strings.Contains(stderr, c.want) {
				t.Errorf("status %d, %q, %q", status, out, stderr)
			}
		})
	}
}

// TestExplainJSON holds the form to the contract: these keys, no others, in this order.
func TestExplainJSON(t *testing.T) {
	status, out, _ := explain(t, nil, "--format", "json", "--provider", "google", "550 5.7.26 \x1b[31mno\u202e")
	if status != 0 {
		t.Fatalf("status %d", status)
	}
	var got struct{ Replies []map[string]any }
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Replies) != 1 {
		t.Fatalf("%v in %s", err, out)
	}
	r := got.Replies[0]
	keys := []string{"code", "enhanced", "text", "provider", "entry", "cause", "retry", "actor", "blocklist", "title", "meaning", "causes", "remedies", "references"}
	if len(r) != len(keys) {
		t.Errorf("%d keys in %s", len(r), out)
	}
	for i, k := range keys {
		keys[i] = `"` + k + `": `
	}
	inOrder(t, out, keys)
	if r["code"] != 550. || r["enhanced"] != "5.7.26" || r["provider"] != "google" || r["text"] != "\ufffd[31mno\ufffd" {
		t.Errorf("%v", r)
	}
}

func TestExplainJSONOfOthers(t *testing.T) {
	for _, c := range []struct {
		asked  string
		status int
		want   []string
	}{
		{"quetzalcoatl", 2, []string{`{ "replies": [] }`}},
		{"greylistng", 2, []string{`"nearest": [`, `"kind": "topic"`, `"id": "greylisting"`, `"title": "Greylisting`, `"replies": []`}},
		{"порт 587", 0, []string{`"topics": [`, `"id": "port_587"`, `"remedies": [`, `"entries": [`, `"kind": "problem"`, `"id": "smtp_unreachable"`, `"kind": "cause"`, `"kind": "setting"`, `"kind": "topic"`}},
		{"gmail", 0, []string{`"mail_services": [`, `"protocol": "smtp"`, `"host": "smtp.gmail.com"`, `"port": 465`, `"encryption": "tls"`}},
		{"setting_port", 0, []string{`"settings": [`, `"program": "Outlook"`}},
		{"5.1.1", 0, []string{`"code": null`, `"enhanced": "5.1.1"`}},
		{"smtp_deferred", 0, []string{`"problems": [`, `"id": "smtp_deferred"`, `"severity": "warning"`, `"remedies": [`}},
		{"sorbs", 0, []string{`"blocklists": [`, `"id": "sorbs"`, `"since": "2024-06-05"`}},
		{"greylisted", 0, []string{`"causes": [ {`, `"cause": "greylisted"`}},
		{"google", 0, []string{`"providers": [`, `"google.com"`}},
		{"SMTP error code 3", 0, []string{`"conditions": [`, `"cause": "network"`}},
	} {
		t.Run(c.asked, func(t *testing.T) {
			status, out, _ := explain(t, nil, "--format", "json", c.asked)
			if status != c.status || !json.Valid([]byte(out)) {
				t.Errorf("status %d, %s", status, out)
			}
			inOrder(t, out, c.want)
		})
	}
}

// TestExplainOwnEntries: what the operator wrote in catalog_files is explained too.
func TestExplainOwnEntries(t *testing.T) {
	dir := t.TempDir()
	config := write(t, dir, "exporter.yml", "helo_name: probe.example.net\ndomains: [{name: example.org}]\ncatalog_files: [own.yml]\n")
	write(t, dir, "own.yml", `replies:
  - id: own_gate
    match: {text: ["the gate of example.org is shut"]}
    cause: policy
    retry: "later"
    actor: recipient
    title: {en: "Our gate is shut", ru: "Наши ворота закрыты"}
    meaning: {en: "It is night.", ru: "Ночь."}
    causes: [{en: "It is late.", ru: "Уже поздно."}]
    remedies: [{en: "Wait for the morning.", ru: "Дождитесь утра."}]
    references: ["RFC 5321 section 4.2"]
`)
	reply := "450 4.7.1 the gate of example.org is shut"
	status, out, stderr := explain(t, nil, reply, "--config.file", config)
	if status != 0 || stderr != "" {
		t.Errorf("status %d, standard error %q", status, stderr)
	}
	inOrder(t, out, []string{"450 4.7.1: Our gate is shut", "Wait for the morning."})
	if _, out, _ := explain(t, nil, reply); strings.Contains(out, "Our gate") {
		t.Error("it is known without the file")
	}
	if status, _, stderr := explain(t, nil, reply, "--config.file", config+".missing"); status != 2 || !strings.Contains(stderr, "missing") {
		t.Errorf("status %d, standard error %q", status, stderr)
	}
}

const returnedLetter = `From: MAILER-DAEMON@mail.example.org
To: boris@example.org
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org

Final-Recipient: rfc822; anna@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.yandex.ru
Diagnostic-Code: smtp; 550 5.1.1 No such user

Final-Recipient: rfc822; olga@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.yandex.ru
Diagnostic-Code: smtp; 550 5.1.1 No such user

--b--
`

func TestExplainLetter(t *testing.T) {
	path := write(t, t.TempDir(), "letter.eml", returnedLetter)
	want := []string{"Replies found: 2", "550 5.1.1: ", "“No such user”", "Answered: mx.yandex.ru (Yandex", "Message to: anna@example.com", "Reported by: mail.example.org", "Same explanation for:", "olga@example.com", "What to do", "References"}
	for _, c := range []struct {
		stdin io.Reader
		args  []string
	}{
		{nil, []string{"--file", path}},
		{strings.NewReader(returnedLetter), []string{"--file", "-"}},
		{strings.NewReader(returnedLetter), []string{"-"}},
		{strings.NewReader(returnedLetter), nil},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			status, out, stderr := explain(t, c.stdin, c.args...)
			if status != 0 || stderr != "" {
				t.Errorf("status %d, standard error %q", status, stderr)
			}
			inOrder(t, out, want)
			if n := strings.Count(out, "What to do"); n != 1 {
				t.Errorf("the same is explained %d times", n)
			}
		})
	}

	// Who got a letter back needs no settings of his mail program, unless the reply is about them.
	if _, out, _ := explain(t, nil, "--file", path); strings.Contains(out, words.programs.EN) {
		t.Errorf("settings for a mailbox that does not exist:\n%s", out)
	}
	if _, out, _ := explain(t, strings.NewReader("530 5.7.0 Authentication required\n")); !strings.Contains(out, words.programs.EN) {
		t.Errorf("no settings for a login that is missing:\n%s", out)
	}

	status, out, _ := explain(t, strings.NewReader(returnedLetter), "--format", "json")
	if n := strings.Count(out, `"cause": "user_unknown"`); status != 0 || n != 2 {
		t.Errorf("status %d, %d replies in %s", status, n, out)
	}
}

// TestExplainWithoutReply: a letter in which there is no reply gets a clear answer and an empty list.
func TestExplainWithoutReply(t *testing.T) {
	status, out, _ := explain(t, strings.NewReader("Dear Anna,\n\nsee you at 12.\n"))
	if status != 2 {
		t.Errorf("status %d", status)
	}
	inOrder(t, out, []string{"No reply of a mail server was found", "delivery status"})
	status, out, _ = explain(t, strings.NewReader("The letter was not sent.\nSMTP error code 3\n"))
	if status != 0 {
		t.Errorf("a question: status %d", status)
	}
	inOrder(t, out, []string{"in the accounting program 1C", "What to do"})
	if status, out, _ := explain(t, strings.NewReader(""), "--format", "json"); status != 2 || strings.Join(strings.Fields(out), "") != `{"replies":[]}` {
		t.Errorf("status %d, %s", status, out)
	}
}

const mailLog = `Nov 24 10:00:01 mail postfix/smtp[100]: 4Abc1: to=<anna@example.com>, relay=mx.yandex.ru[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced (host mx.yandex.ru[192.0.2.1] said: 550 5.1.1 No such user (in reply to RCPT TO command))
Nov 24 10:00:02 mail postfix/smtp[100]: 4Abc2: to=<olga@example.com>, relay=mx.yandex.ru[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced (host mx.yandex.ru[192.0.2.1] said: 550 5.1.1 No such user (in reply to RCPT TO command))
Nov 24 10:00:03 mail postfix/smtp[100]: 4Abc3: to=<ivan@example.net>, relay=mx.example.net[192.0.2.2]:25, delay=1, dsn=2.0.0, status=sent (250 2.0.0 OK)
`

func TestExplainSummary(t *testing.T) {
	path := write(t, t.TempDir(), "mail.log", mailLog)
	want := []string{"Lines read: 3. Deliveries that went well: 1. Refused or put off: 2.", "count", "provider", "2 Yandex", "user_unknown", "550 5.1.1", "Each in detail", "2 × Yandex", "Example: “550 5.1.1 No such user", "(mx.yandex.ru)", "1. "}
	for _, args := range [][]string{{"--summary", path}, {"--summary", "--file", path}} {
		status, out, stderr := explain(t, nil, args...)
		if status != 0 || stderr != "" {
			t.Errorf("%v: status %d, standard error %q", args, status, stderr)
		}
		inOrder(t, out, want)
	}
	if _, out, _ := explain(t, strings.NewReader(strings.ReplaceAll(mailLog, "5.1.1 No such user", "the cat did it")), "--summary"); strings.Contains(out, "\n    1. ") {
		t.Errorf("remedies for a reason that nobody knows:\n%s", out)
	}
	if _, out, _ := explain(t, nil, "--summary", path, path); !strings.Contains(out, "Lines read: 6.") {
		t.Errorf("two logs: %s", out)
	}
	status, out, _ := explain(t, strings.NewReader(mailLog), "--summary", "--format", "json")
	if status != 0 {
		t.Errorf("status %d", status)
	}
	inOrder(t, out, []string{`"lines": 3`, `"replies": 2`, `"accepted": 1`, `"rows": [`, `"count": 2`, `"provider": "yandex"`, `"cause": "user_unknown"`, `"example": {`})
	if status, out, _ := explain(t, strings.NewReader("nothing\n"), "--summary"); status != 2 || !strings.Contains(out, "No line of this log") {
		t.Errorf("a log of an unknown form: status %d, %s", status, out)
	}
	quiet := "Nov 24 10:00:01 mail postfix/qmgr[100]: 4Abc1: removed\n"
	if status, out, _ := explain(t, strings.NewReader(quiet), "--summary"); status != 0 || !strings.Contains(out, "tells of no delivery") {
		t.Errorf("a log without deliveries: status %d, %s", status, out)
	}
	guessed := "10:00 app: the server said: 550 5.1.1 No such user\n"
	if status, out, _ := explain(t, strings.NewReader(guessed), "--summary"); status != 0 || !strings.Contains(out, "not known here") {
		t.Errorf("a log of an unknown form with a reply: status %d, %s", status, out)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, mailLog); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	gz := write(t, t.TempDir(), "mail.log.2.gz", packed.String())
	if _, out, _ := explain(t, nil, "--summary", gz, path); !strings.Contains(out, "Lines read: 6. Deliveries that went well: 2.") {
		t.Errorf("a compressed log: %s", out)
	}
	if _, out, _ := explain(t, &packed, "--summary"); !strings.Contains(out, "Lines read: 3.") {
		t.Errorf("a compressed log on standard input: %s", out)
	}
}

// TestExplainNoBounce: what a mail system or a program wrote, and is no bounce, is called what it is.
func TestExplainNoBounce(t *testing.T) {
	const top = "Return-Path: <>\nReceived: from a.example (a.example [203.0.113.9]) by b.example with ESMTP; Mon, 5 Oct 2026 10:00:00 +0000\n" +
		"From: Anna <anna@example.org>\nTo: carol@example.com\nSubject: x\nMIME-Version: 1.0\n"
	for _, c := range []struct{ name, text, kind, says string }{
		{"feedback", top + "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nThe reply 550 5.1.1 user unknown is not meant.\n" +
			"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x\n\n--b--\n", "feedback_report", "Feedback-Type: abuse"},
		{"receipt", top + "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nRead.\n--b--\n", "receipt", "RFC 8098"},
		{"vacation", top + "Auto-Submitted: auto-replied\n\nI am away.\n", "automatic", "automatic message"},
	} {
		if status, out, _ := explain(t, strings.NewReader(c.text)); status != 0 || !strings.Contains(out, c.says) {
			t.Errorf("%s: status %d, %s", c.name, status, out)
		}
		_, out, _ := explain(t, strings.NewReader(c.text), "--format", "json")
		inOrder(t, out, []string{fmt.Sprintf("%q: %q", "kind", c.kind)})
	}
}

// TestExplainNothingIsWrong: a code that says that all is well is not what a sentence about an error is about.
func TestExplainNothingIsWrong(t *testing.T) {
	for _, text := range []string{
		"Error 250: message could not be sent", "Ошибка отправки: код 250, письмо не отправлено",
		`Expected response code "250" but got an empty response.`, "x-unix; 255", "sendmail: exit status 250, message not delivered",
	} {
		for _, args := range [][]string{{"--", text}, {"--file", "-"}} {
			_, out, _ := explain(t, strings.NewReader(text), append([]string{"--format", "json"}, args...)...)
			if strings.Contains(out, `"cause": "ok"`) {
				t.Errorf("%s: %s", text, out)
			}
		}
	}
}

// TestExplainWordsOfABounce: the reason in a bounce is explained though no code stands with it and servers wrote lines into its header.
func TestExplainWordsOfABounce(t *testing.T) {
	text := "Return-Path: <>\nReceived: from a.example (a.example [203.0.113.9]) by b.example with ESMTP; Mon, 5 Oct 2026 10:00:00 +0000\n" +
		"From: <>\nTo: carol@example.com\nSubject: Mail\n\nYour mail could not be delivered to: <anna@example.org>\nAs their mailbox is full.\n"
	_, out, _ := explain(t, strings.NewReader(text), "--format", "json")
	inOrder(t, out, []string{`"kind": "bounce"`, `"cause": "mailbox_full"`})
	text = "From: MAILER-DAEMON@a.example\nTo: carol@example.com\nSubject: x\n\nanna@slow.example: Envelope expired\n"
	if _, out, _ := explain(t, strings.NewReader(text), "--format", "json"); strings.Contains(out, "mailbox_disabled") {
		t.Errorf("words beside an address are taken for words about it: %s", out)
	}
}

// TestHostileText: what a peer wrote cannot command a terminal, and does not flood it.
func TestHostileText(t *testing.T) {
	_, out, _ := explain(t, nil, "550 5.7.1 \x1b]0;owned\x07 \u202egnp.exe \u200b\x9b2J \xff"+strings.Repeat("spam ", 1000))
	for _, bad := range []string{"\x1b", "\x07", "\u202e", "\u200b", "\u009b", "\xff"} {
		if strings.Contains(out, bad) {
			t.Errorf("%q is passed on", bad)
		}
	}
	if !utf8.ValidString(out) || strings.Count(out, "spam ") > 200 {
		t.Error("not UTF-8, or not cut")
	}
}

func TestLocale(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want catalog.Lang
	}{
		{nil, "en"},
		{map[string]string{"LANG": "ru_RU.UTF-8"}, "ru"},
		{map[string]string{"LANG": "ru"}, "ru"},
		{map[string]string{"LANG": "rue_UA.UTF-8"}, "en"},
		{map[string]string{"LANG": "ru_RU.UTF-8", "LC_MESSAGES": "C"}, "en"},
		{map[string]string{"LC_ALL": "ru_RU.UTF-8", "LC_MESSAGES": "C", "LANG": "de_DE"}, "ru"},
	} {
		if got := localeOf(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: %s", c.env, got)
		}
	}
	t.Setenv("LC_ALL", "ru_RU.UTF-8")
	var out bytes.Buffer
	if run([]string{"explain", "550"}, nil, &out, io.Discard); !strings.Contains(out.String(), words.remedies.RU) {
		t.Errorf("not in Russian: %s", out.String())
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text, first, rest string
		width             int
		want              string
	}{
		{"one two three", "", "", 7, "one two|three"},
		{"one two three", "- ", "  ", 9, "- one two|  three"},
		{"раз два три", "", "", 7, "раз два|три"},
		{"раз два — три", "", "", 7, "раз|два —|три"},
		{"up to 300 000 a day", "", "", 9, "up to|300 000 a|day"},
		{"see https://example.org/a/long/way now", "", "", 10, "see|https://example.org/a/long/way|now"},
		{"  spaces \n and\tlines ", "", "", 40, "spaces and lines"},
		{"", "  ", "  ", 40, ""},
	} {
		if got := strings.Join(wrap(c.text, c.width, c.first, c.rest), "|"); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

// TestStyle: no escape sequence leaves for a pipe or a file, and what is marked is whole.
func TestStyle(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if p := newPage(file, catalog.English); p.styled || p.width != usualWidth {
		t.Errorf("a file is taken for a terminal: %+v", p)
	}
	var out strings.Builder
	p := &page{w: &out, lang: catalog.English, width: 40, styled: true}
	p.heading("Title")
	if got := out.String(); got != "\n\x1b[1;36mTitle\x1b[0m\n" {
		t.Errorf("%q", got)
	}
}

// TestWords: everything the program says stands in both languages, with the same verbs, and every word of a closed set is told.
func TestWords(t *testing.T) {
	v := reflect.ValueOf(words)
	texts := map[string]catalog.Text{}
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Name, v.Field(i)
		if field.Kind() == reflect.Map {
			for iter := field.MapRange(); iter.Next(); {
				texts[name+" "+iter.Key().String()] = catalog.Text{EN: iter.Value().Field(0).String(), RU: iter.Value().Field(1).String()}
			}
			continue
		}
		texts[name] = catalog.Text{EN: field.Field(0).String(), RU: field.Field(1).String()}
	}
	for name, text := range texts {
		if text.EN == "" || text.RU == "" || !slices.Equal(verbs(text.EN), verbs(text.RU)) {
			t.Errorf("%s: %q and %q", name, text.EN, text.RU)
		}
	}
	if len(words.causeWords) != len(catalog.Causes()) {
		t.Errorf("%d causes are told of %d", len(words.causeWords), len(catalog.Causes()))
	}
	for _, c := range catalog.Causes() {
		if words.causeWords[c].EN == "" {
			t.Errorf("the cause %s is not told", c)
		}
	}
	for _, b := range catalog.Default().Blocklists() {
		if b.Dead == nil && words.scopes[b.Scope].EN == "" {
			t.Errorf("the scope %q is not told", b.Scope)
		}
	}
}

func verbs(s string) (out []string) {
	for i := range len(s) - 1 {
		if s[i] == '%' {
			out = append(out, s[i:i+2])
		}
	}
	return out
}

// TestCauses: every cause that an alert may name has an entry to explain it.
func TestCauses(t *testing.T) {
	e := &explainer{cat: catalog.Default()}
	for _, c := range catalog.Causes() {
		if a, _ := e.causeEntry(c); a == nil || len(a.Remedies) == 0 {
			t.Errorf("nothing explains the cause %s", c)
		}
	}
}
