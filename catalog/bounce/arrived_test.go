package bounce

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// arrivedLetter reads a letter of testdata/arrived.
func arrivedLetter(t *testing.T, name string) Letter {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "arrived", name))
	if err != nil {
		t.Fatal(err)
	}
	l, ok, err := ReadArrived(bytes.NewReader(data))
	if !ok || err != nil {
		t.Fatalf("not read as a letter that arrived: %v", err)
	}
	return l
}

// TestArrived: the line that is believed, and what the receiver found, in the forms in which providers write it.
func TestArrived(t *testing.T) {
	for name, want := range map[string]struct {
		from, mailFrom     string
		sender, protocol   string
		tls, noPTR         Answer
		author, results    string
		hops, foreign      int
		signatures, marks  string
		bulk, unsubscribes bool
	}{
		"gmail.eml": {
			from: "boris@example.org", mailFrom: "boris@example.org", sender: "out.example.org [203.0.113.9] -> mx.google.com", protocol: "ESMTPS", tls: Yes,
			author: "mx.google.com", results: "dkim=pass example.org s2026a; spf=pass; dmarc=pass", hops: 4, signatures: "example.org s2026a",
		},
		"copied.txt": {
			from: "boris@example.org", mailFrom: "boris@example.org", sender: "out.example.org [203.0.113.9] -> mx.google.com", protocol: "ESMTPS", tls: Yes,
			author: "mx.google.com", results: "dkim=pass example.org s2026a; spf=pass; dmarc=pass", hops: 4, signatures: "example.org s2026a",
		},
		"yandex.eml": {
			from: "news@example.org", mailFrom: "news@example.org", sender: "news.example.org [203.0.113.25] -> mail-nwsmtp-mxfront-production-main-24.vla.yp-c.yandex.net",
			protocol: "ESMTPS", tls: Yes, author: "mail-nwsmtp-mxfront-production-main-24.vla.yp-c.yandex.net", results: "spf=softfail; dkim=fail bulk.example.net",
			hops: 3, signatures: "bulk.example.net 20230601", marks: "x-yandex-spam", bulk: true,
		},
		"mail_ru.eml": {
			from: "boris@example.org", mailFrom: "boris@example.org", sender: "out.example.org [203.0.113.9] -> mx167.mail.ru", protocol: "ESMTP", tls: No,
			author: "mx167.mail.ru", results: "spf=pass; dkim=pass example.org mail; dmarc=pass", hops: 2, signatures: "example.org mail",
			marks: "x-mailru-src x-mras x-spam",
		},
		"outlook.eml": {
			from: "accounting@example.org", mailFrom: "accounting@example.org", sender: "pool-66.example.net [203.0.113.66] -> du2pepf00000001.mail.protection.outlook.com",
			results: "spf=fail; dkim=none; dmarc=fail; compauth=fail", hops: 3, foreign: 1,
			marks: "x-ms-exchange-organization-scl x-forefront-antispam-report x-microsoft-antispam",
		},
		"postfix.eml": {
			from: "root@example.org", mailFrom: "root@example.org", sender: "out.example.org [203.0.113.9] -> mx.example.com", protocol: "ESMTP", tls: No, noPTR: Yes,
			hops: 2, marks: "x-spam-flag x-spam-status",
		},
		// A sender that calls itself by the receiver's name, and puts the receiver's fields below.
		"forged.eml": {
			from: "boris@example.org", mailFrom: "boris@example.org", sender: "mx.google.com [198.51.100.66] -> mx.google.com", protocol: "ESMTP", tls: No, noPTR: Yes,
			author: "mx.google.com", results: "spf=fail; dmarc=fail", hops: 3, foreign: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := arrivedLetter(t, name)
			s := l.Sender()
			if s == nil {
				t.Fatal("nobody is named as the sender")
			}
			var results, signatures, marks []string
			for _, r := range l.Results {
				results = append(results, strings.TrimSpace(r.Method+"="+r.Value+" "+strings.TrimSpace(strings.TrimPrefix(r.Domain, "none")+" "+r.Selector)))
			}
			for _, g := range l.Signatures {
				signatures = append(signatures, g.Domain+" "+g.Selector)
			}
			for _, m := range l.Marks {
				marks = append(marks, m.Name)
			}
			got := want
			got.from, got.mailFrom, got.sender, got.protocol, got.tls, got.noPTR = l.From, l.MailFrom, s.String(), s.Protocol, s.TLS, s.NoPTR
			got.author, got.results, got.hops, got.foreign = l.AuthServer, strings.Join(results, "; "), len(l.Hops), l.Foreign
			got.signatures, got.marks, got.bulk, got.unsubscribes = strings.Join(signatures, ", "), strings.Join(marks, " "), l.Bulk, l.ListUnsubscribe
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestArrivedDelays: how long each server took.
func TestArrivedDelays(t *testing.T) {
	l := arrivedLetter(t, "gmail.eml")
	want := []time.Duration{125 * time.Second, 2 * time.Second, time.Second}
	for i, w := range want {
		if d, ok := l.Delay(i + 1); !ok || d != w {
			t.Errorf("hop %d: %v, %t, want %v", i+1, d, ok, w)
		}
	}
	if _, ok := l.Delay(0); ok {
		t.Error("the first hop has a delay")
	}
	if l.Subject != "Привет" {
		t.Errorf("subject %q", l.Subject)
	}
}

// TestReceived: one line each, of servers that write it in their own way.
func TestReceived(t *testing.T) {
	for line, want := range map[string]string{
		"from unknown (HELO out.example.org) (203.0.113.9) by 0 with SMTP; 3 Mar 2026 13:00:00 -0000":                                                            "out.example.org [203.0.113.9] ->  SMTP no",
		"from [203.0.113.9] (helo=out.example.org) by mx.example.com with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384 (Exim 4.97) id 1; Tue, 3 Mar 2026 13:00:00": "out.example.org [203.0.113.9] -> mx.example.com ESMTPS yes",
		"from out.example.org ([IPv6:2001:db8::9]) by mx.example.com with ESMTPSA id 1; x":                                                                       "out.example.org [2001:db8::9] -> mx.example.com ESMTPSA yes login",
		"from x (out.example.org [203.0.113.9]) (using TLSv1.2 with cipher X) by mx.example.com (Postfix) with ESMTP":                                            "x (out.example.org) [203.0.113.9] -> mx.example.com ESMTP yes",
		"(qmail 1234 invoked by uid 0); 3 Mar 2026 13:00:00 -0000":                                                                                               " -> ",
		"from a.example.org (203.0.113.9) by b.example.com (10.0.0.1) with Microsoft SMTP Server (version=TLS1_2) id 1":                                          "a.example.org [203.0.113.9] -> b.example.com  yes",
		"from a.example.org by b.example.com with local":                                                                                                         "a.example.org -> b.example.com",
		"from by with from (((": " -> ",
		"":                      " -> ",
	} {
		h := readReceived(line)
		got := strings.TrimRight(fmt.Sprintf("%s %s %s", h, h.Protocol, h.TLS), " ")
		if h.Login {
			got += " login"
		}
		if strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%s\n got %q\nwant %q", line, got, want)
		}
	}
}

// TestNotArrived: what is no letter that arrived is not told of as one.
func TestNotArrived(t *testing.T) {
	for name, text := range map[string]string{
		"empty":     "",
		"text":      "550 5.1.1 User unknown",
		"no server": "From: anna@example.org\nTo: boris@example.org\nSubject: Hello\n\nText",
		"returned":  "Received: from a by b; x\nFrom: MAILER-DAEMON@example.org\nSubject: failed\n\nText",
		"report":    "Received: from a by b; x\nFrom: anna@example.org\nContent-Type: multipart/report; boundary=x\n\n--x--",
	} {
		if l, ok, err := ReadArrived(strings.NewReader(text)); ok || err != nil {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
}

// TestArrivedBounds: a header of somebody who wants to be in the way.
func TestArrivedBounds(t *testing.T) {
	head := strings.Repeat("Received: from a.example.org (a.example.org [203.0.113.9]) by b.example.com with ESMTP; x\n", 3*MaxHops) +
		"Authentication-Results: mx.example.com" + strings.Repeat("; dkim=pass (", 3000) + "\n" +
		strings.Repeat("Authentication-Results: mx.example.com; dkim=pass header.d=\xff\x1b[31m\n", 3000) +
		strings.Repeat("X-Spam-A: "+strings.Repeat("y", 2000)+"\n", 100) + strings.Repeat("DKIM-Signature: d=a.example; s=b\n", 100) + "From: a@example.org\n\n"
	l, ok, err := ReadArrived(strings.NewReader(head))
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	bounded(t, l)
	if len(l.Hops) != MaxHops || l.Left != 2*MaxHops {
		t.Errorf("%d hops, %d left out", len(l.Hops), l.Left)
	}
}

// bounded holds a letter to the limits.
func bounded(t *testing.T, l Letter) {
	t.Helper()
	if len(l.Hops) > MaxHops || len(l.Results) > MaxResults || len(l.Marks) > MaxMarks || len(l.Signatures) > maxSigns || l.Entry >= len(l.Hops) {
		t.Errorf("too much: %d hops, %d results, %d marks, %d signatures, entry %d", len(l.Hops), len(l.Results), len(l.Marks), len(l.Signatures), l.Entry)
	}
	texts := []string{l.From, l.MailFrom, l.Subject, l.AuthServer}
	for _, h := range l.Hops {
		texts = append(texts, h.Helo, h.PTR, h.By, h.Protocol)
	}
	for _, r := range l.Results {
		texts = append(texts, r.Method, r.Value, r.Reason, r.MailFrom, r.HeaderFrom, r.Domain, r.Selector)
	}
	for _, m := range l.Marks {
		texts = append(texts, m.Name, m.Value)
	}
	for _, s := range l.Signatures {
		texts = append(texts, s.Domain, s.Selector, s.Algorithm)
	}
	for _, s := range texts {
		if len(s) > MaxValue || !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x1b\x00") {
			t.Errorf("kept %q", s)
		}
	}
}

func FuzzReadArrived(f *testing.F) {
	names, err := filepath.Glob("testdata/arrived/*")
	if err != nil || len(names) == 0 {
		f.Fatal(names, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, _, err := ReadArrived(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		bounded(t, l)
	})
}
