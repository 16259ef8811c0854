package main

import (
	"encoding/json"
	"flag"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
)

var update = flag.Bool("update", false, "write what is told of the letters that arrived into testdata/arrived")

// arrivedFiles are the letters of catalog/bounce.
func arrivedFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../catalog/bounce/testdata/arrived/*")
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	return files
}

// TestArrivedText compares what is told of each letter, in both languages, with testdata/arrived.
func TestArrivedText(t *testing.T) {
	for _, file := range arrivedFiles(t) {
		for _, lang := range []string{"en", "ru"} {
			name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)) + "." + lang + ".txt"
			t.Run(name, func(t *testing.T) {
				status, out, stderr := explain(t, nil, "--lang", lang, "--file", file)
				if status != 0 || stderr != "" {
					t.Fatalf("status %d: %s", status, stderr)
				}
				golden := filepath.Join("testdata", "arrived", name)
				if *update {
					if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if out != string(want) {
					t.Errorf("got\n%s\nwant\n%s", out, want)
				}
			})
		}
	}
}

// TestArrivedJSON reads what programs read.
func TestArrivedJSON(t *testing.T) {
	status, out, _ := explain(t, strings.NewReader(sent(t, "gmail.eml")), "--format=json", "--file=-")
	var got struct {
		Replies []any
		Letter  arrivedJSON
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || status != 0 {
		t.Fatalf("status %d, %v\n%s", status, err, out)
	}
	l := got.Letter
	if got.Replies == nil || len(got.Replies) != 0 || l.Sender == nil || *l.Sender != (senderJSON{"203.0.113.9", "out.example.org", "out.example.org", "mx.google.com"}) {
		t.Errorf("replies %v, sender %+v", got.Replies, l.Sender)
	}
	if len(l.Hops) != 4 || l.Hops[1].Delay == nil || *l.Hops[1].Delay != 125 || l.Hops[2].TLS == nil || !*l.Hops[2].TLS || !l.Hops[0].Login {
		t.Errorf("hops %+v", l.Hops)
	}
	if len(l.Signatures) != 1 || l.Signatures[0] != (signatureJSON{"example.org", "s2026a", "rsa-sha256", true}) || len(l.Results) != 3 || l.AuthServID != "mx.google.com" {
		t.Errorf("signatures %+v, results %+v", l.Signatures, l.Results)
	}
	if l.Missing == nil || l.Spam == nil || len(l.Missing)+len(l.Spam) != 0 {
		t.Errorf("missing %+v, spam %+v", l.Missing, l.Spam)
	}
}

// TestMissing: what a letter lacks, and what it does not.
func TestMissing(t *testing.T) {
	const received = "Received: from a.example.org (a.example.org [203.0.113.9]) by mx.example.com with ESMTPS; Tue, 3 Mar 2026 13:00:00 +0000\n"
	const signed = "DKIM-Signature: d=mail.example.org; s=s1\n"
	const from = "From: anna@news.example.org\nTo: boris@example.com\n"
	for _, c := range []struct{ name, letter, want string }{
		{"nothing", received + signed + from, ""},
		{"no signature", received + from, "dkim_missing"},
		{"no signature, as the receiver found, too", "Authentication-Results: mx.example.com; dkim=none\n" + received + from, "dkim_missing"},
		{"a signature that was not pasted", "Authentication-Results: mx.example.com; dkim=fail header.d=mail.example.org\n" + received + from, ""},
		{"another's signature", received + "DKIM-Signature: d=example.net; s=s1\n" + from, "dkim_not_aligned"},
		{"another's beside one's own", received + "DKIM-Signature: d=example.net; s=s1\n" + signed + from, ""},
		{"TLS", strings.Replace(received, "ESMTPS", "ESMTP", 1) + signed + from, "tls_missing"},
		{"TLS not told", strings.Replace(received, " with ESMTPS", "", 1) + signed + from, ""},
		{"a name", strings.Replace(received, "(a.example.org [", "(unknown [", 1) + signed + from, "ptr_missing"},
		{"a list without a button", received + signed + from + "List-Id: <news.example.org>\n", "list_unsubscribe_missing"},
		{"more than one click", received + signed + from + "Precedence: bulk\nList-Unsubscribe: <https://example.org/u>\n", "one_click_missing"},
		{"one click", received + signed + from + "Feedback-ID: x\nList-Unsubscribe: <https://example.org/u>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n", ""},
	} {
		l, ok, err := bounce.ReadArrived(strings.NewReader(c.letter + "\nText\n"))
		if !ok || err != nil {
			t.Errorf("%s: not read: %v", c.name, err)
			continue
		}
		var ids []string
		for _, m := range missingIn(&l) {
			ids = append(ids, m.id)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestMarks: what is published of the fields of spam filters, and nothing else.
func TestMarks(t *testing.T) {
	p := newPage(nil, catalog.English)
	for _, c := range []struct {
		name, value string
		want        []string
	}{
		{"x-spam-status", "No, score=-1.9 required=5.0 tests=BAYES_00", []string{"The filter does not take it for spam.", "Score -1.9; the limit is 5.0."}},
		{"x-spam-status", "<script>", nil},
		{"x-spam", "Yes", []string{"The filter takes it for spam."}},
		{"x-spamd-result", "default: False [3.40 / 15.00]; X(0.00)[]", []string{"Score 3.40; the limit is 15.00."}},
		{"x-ms-exchange-organization-scl", "-1", []string{"SCL -1: the spam filter was skipped."}},
		{"x-ms-exchange-organization-scl", "3", nil},
		{"x-ms-exchange-organization-scl", "99", nil},
		{"x-forefront-antispam-report", "CIP:1;SCL:9;SFV:SPM;CAT:HPHISH;X:Y", []string{"SCL 9: spam with high confidence.", "Verdict: spam.", "Category: phishing with high confidence."}},
		{"x-microsoft-antispam", "BCL:0;", []string{"BCL 0: not from a sender of bulk mail."}},
		{"x-yandex-spam", "1", []string{"Yandex does not publish what this means."}},
		{"x-spam-level", "*****", nil},
	} {
		var got []string
		for _, m := range meaningsOf(bounce.Mark{Name: c.name, Value: c.value}) {
			got = append(got, m.say(p))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %s: %q, want %q", c.name, c.value, got, c.want)
		}
	}
}

// hostileLetter is of somebody who wants to be read as something else.
const hostileLetter = "Received: from <script>alert(1)</script>.example (https://evil.example/ [203.0.113.9]) by \x1b[2Jmx.example.com with ESMTP; x\r\n" +
	"Authentication-Results: https://evil.example/; spf=pass (\x1b]0;x\x07 \uf8f1<b>) smtp.mailfrom=\"https://evil.example/\u202e\"; x\x1b=y; dkim=fail header.d=<img> header.s=\xff\xfe\r\n" +
	"DKIM-Signature: d=<svg>; s=https://evil.example/\r\n" +
	"X-Spam-Report: <script>alert(2)</script> \x9b31m https://evil.example/\r\nX-Spam-<i>: y\r\n" +
	"From: \"<script>\" <a@evil.example>\r\nReturn-Path: <https://evil.example/\u200b@x>\r\nSubject: =?utf-8?B?PHNjcmlwdD4bWzJK?= \uf8f0\r\nX-Spam-\x1b: x\r\n\r\nText\r\n"

// TestArrivedHostile: on a terminal nothing acts, and in a browser nothing is markup or a link.
func TestArrivedHostile(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		status, out, _ := explain(t, strings.NewReader(hostileLetter), "--format", format, "--file=-")
		if status != 0 || !strings.Contains(out, "203.0.113.9") || !strings.Contains(out, "<svg>") || !strings.Contains(out, "alert(2)") {
			t.Fatalf("status %d:\n%s", status, out)
		}
		for _, r := range out {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%s: %q gets through", format, r)
			}
		}
	}
	s := newSite(t, &flags{}, secretConfig)
	for text, says := range map[string]string{hostileLetter: "&lt;script&gt;", sent(t, "outlook.eml"): "Sending address: 203.0.113.66", sent(t, "copied.txt"): "s=s2026a"} {
		resp, err := s.Client().PostForm(s.URL+"/explain", url.Values{"text": {text}})
		if err != nil {
			t.Fatal(err)
		}
		page := bodyOf(t, resp)
		resp.Body.Close()
		wantSaid(t, resp.StatusCode, page, 200, []string{says, `<q class="peer">`, "The way it took"}, []string{"<script>alert", "<img>", "<svg>", `href="https://evil.example`})
	}
}

// TestReturnedStays: a letter that came back is explained by its replies, however it arrived, and so is one in which somebody quotes a code.
func TestReturnedStays(t *testing.T) {
	head := sent(t, "postfix.eml")
	head = head[:strings.Index(head, "\n\n")+2]
	for name, letter := range map[string]string{
		"returned": strings.Replace(head, "root <root@example.org>", "MAILER-DAEMON@example.org", 1) + "<x@example.net>: host mx.example.net said: 550 5.1.1 User unknown\n",
		"quoted":   head + "They answer: 550 5.1.1 <x@example.net>: Recipient address rejected\n",
	} {
		status, out, _ := explain(t, strings.NewReader(letter), "--file=-")
		if status != 0 || !strings.Contains(out, "550 5.1.1: ") || strings.Contains(out, arrivedWords.way.EN) {
			t.Errorf("%s: status %d\n%s", name, status, out)
		}
	}
	status, out, _ := explain(t, strings.NewReader(strings.Replace(head, "root <root@example.org>", "MAILER-DAEMON@example.org", 1)+"Nothing said.\n"), "--file=-")
	if status != 2 || strings.Contains(out, arrivedWords.way.EN) {
		t.Errorf("without a reply: status %d\n%s", status, out)
	}
}

// TestArrivedWords: every text is there in both languages, with the same verbs.
func TestArrivedWords(t *testing.T) {
	all := map[string]catalog.Text{}
	for method, results := range arrivedWords.meaning {
		for result, text := range results {
			all[method+"="+result] = text
		}
	}
	maps.Copy(all, markWords.microsoft)
	maps.Copy(all, initWords.reasons)
	for _, words := range []any{arrivedWords, markWords, initWords} {
		v := reflect.ValueOf(words)
		for i := range v.NumField() {
			if field := v.Field(i); field.Kind() == reflect.Struct {
				all[v.Type().Field(i).Name] = catalog.Text{EN: field.Field(0).String(), RU: field.Field(1).String()}
			}
		}
	}
	if len(all) < 120 {
		t.Fatalf("only %d texts", len(all))
	}
	for name, text := range all {
		if text.EN == "" || text.RU == "" || !slices.Equal(verbs(text.EN), verbs(text.RU)) {
			t.Errorf("%s: %q, %q", name, text.EN, text.RU)
		}
	}
}
