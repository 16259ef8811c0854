package main

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
)

// TestAddressIn: the sender's IP address is taken from a reply where it cannot be another.
func TestAddressIn(t *testing.T) {
	for text, want := range map[string]string{
		"Client host [203.0.113.9] blocked using zen.example; see https://list.example/query/ip/203.0.113.9": "203.0.113.9",
		"IP:203.0.113.9 has no PTR record.":              "203.0.113.9",
		"[IPv6:2001:db8::9] has no PTR record":           "2001:db8::9",
		"No PTR record for 2001:DB8:0:0::9.":             "2001:db8::9",
		"listed as 127.0.0.2, host ip=203.0.113.9":       "203.0.113.9",
		"203.0.113.9 and 198.51.100.7 are listed":        "",
		"the network 203.0.113.0/24 is listed":           "",
		"host mx.example.net[192.0.2.80] said: 550 no":   "",
		"no answer of 192.0.2.80:25, [192.0.2.80]:25":    "",
		"client 10.1.2.3, from ::1 at 12:30:59":          "",
		"9.113.0.203.zen.example, 203.0.113.9.host.name": "",
		"my own address is 192.0.2.25":                   "",
		"":                                               "",
	} {
		v := testExplainer().valuesOf(bounce.Reply{Code: 550, Server: "192.0.2.25", Text: text})
		if v[catalog.ValueAddress] != want {
			t.Errorf("%q: %q, want %q", text, v[catalog.ValueAddress], want)
		}
	}
	if v := testExplainer().valuesOf(bounce.Reply{Text: "connect to 192.0.2.80: Connection refused"}); v[catalog.ValueAddress] != "" {
		t.Errorf("without a reply: %v", v)
	}
	v := testExplainer().valuesOf(bounce.Reply{Code: 550, Text: strings.Repeat("203.0.113.9 [a[ ", 100_000)})
	if v[catalog.ValueSPFTerm] != "ip4:203.0.113.9" || v[catalog.ValueAddressType] != "A" {
		t.Errorf("%v", v)
	}
}

// TestValuesOfReply: a name becomes a value if it can be one, and if it can be the sender's.
func TestValuesOfReply(t *testing.T) {
	for _, test := range []struct {
		reply bounce.Reply
		want  catalog.Values
	}{
		{
			bounce.Reply{Recipient: "boris@Example.NET", Reporter: "out.example.org", Server: "mx.example.net"},
			catalog.Values{catalog.ValueRecipientDomain: "example.net", catalog.ValueHost: "out.example.org"},
		},
		{bounce.Reply{Reporter: "mx.example.net", Server: "mx.example.net"}, nil},
		{
			bounce.Reply{Recipient: "boris@example.net", Reporter: "store.example.net"},
			catalog.Values{catalog.ValueRecipientDomain: "example.net"},
		},
		{bounce.Reply{Reporter: "mx.google.com", Recipient: "x@`rm -rf`"}, nil},
		{bounce.Reply{Reporter: "desk.local", Recipient: "x@[203.0.113.9]"}, nil},
		{bounce.Reply{Reporter: "203.0.113.9", Recipient: "x@" + strings.Repeat("a.", 200) + "org"}, nil},
	} {
		got := testExplainer().valuesOf(test.reply)
		maps.DeleteFunc(got, func(_, value string) bool { return value == "" })
		if !maps.Equal(got, test.want) {
			t.Errorf("%+v: %v, want %v", test.reply, got, test.want)
		}
	}
}

// TestExplainFillsRemedies: the remedies for a bounce name the domain that it was sent from, and no other.
func TestExplainFillsRemedies(t *testing.T) {
	data, err := os.ReadFile("../../docs/letter.eml")
	if err != nil {
		t.Fatal(err)
	}
	letter := string(data)
	for name, test := range map[string]struct {
		letter string
		known  bool
	}{
		"as it is":     {letter, true},
		"another From": {strings.Replace(letter, "From: Anna <anna@two-spf.example>", "From: Anna <anna@example.org>", 1), false},
		"no sender":    {strings.NewReplacer("X-Postfix-Sender", "X-Other", "Return-Path: <anna@", "X-Path: <anna@", "From: Anna", "X-From: Anna").Replace(letter), false},
		"a public one": {strings.NewReplacer("anna@two-spf.example", "anna@gmail.com").Replace(letter), false},
	} {
		status, out, _ := explain(t, strings.NewReader(test.letter), "--file", "-", "--format", "json")
		if status != 0 || strings.Contains(out, "nslookup -type=txt two-spf.example") != test.known ||
			strings.Contains(out, "nslookup -type=txt <your domain>") == test.known {
			t.Errorf("%s: status %d, the sender's domain is wrong in:\n%s", name, status, out)
		}
	}
}

// TestCommonValues: what only one of several replies says is not said of all.
func TestCommonValues(t *testing.T) {
	got := commonValues([]explained{{values: catalog.Values{"host": "a", "address": "1"}}, {values: catalog.Values{"host": "a"}}})
	if !maps.Equal(got, catalog.Values{"host": "a"}) {
		t.Errorf("%v", got)
	}
}

func testExplainer() *explainer { return &explainer{cat: catalog.Default(), lang: catalog.English} }

// TestExplainAgain: success is told as success whatever its subject, and after a 5xx reply nobody is told that a server tries again.
func TestExplainAgain(t *testing.T) {
	for _, test := range []struct{ asked, has, hasNot string }{
		{"2.0.0 OK queued as 12345", "2.0.0: Done", "Send again?"},
		{"2.7.0", "2.7.0: Done", "refused"},
		{"250 2.6.0 Queued mail for delivery", "250 2.6.0: Done", "wrong with the content"},
		{"552 5.2.2 mailbox full", "Send again? Yes, by yourself", "does so by itself"},
		{"452 4.2.2 mailbox full", "does so by itself", "given this message up"},
		{"535 5.7.139 Authentication unsuccessful", "Authenticated SMTP", "Set a new password"},
	} {
		status, out, _ := explain(t, nil, test.asked)
		flat := strings.Join(strings.Fields(out), " ")
		if status != 0 || !strings.Contains(flat, test.has) || strings.Contains(flat, test.hasNot) {
			t.Errorf("%s: status %d, want %q and not %q:\n%s", test.asked, status, test.has, test.hasNot, out)
		}
	}
}
