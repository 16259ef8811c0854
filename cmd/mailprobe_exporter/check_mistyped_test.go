package main

import (
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestMistyped: what is no target, or another than was meant, is answered with what to type; what is one is read.
func TestMistyped(t *testing.T) {
	cfg, err := targets.Parse("check", []byte("domains: [{name: _named.example.org}]"), targets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]string{
		"anna@example.org": "example.org", "Anna <anna@example.org>": "example.org", "mailto:anna@example.org": "example.org",
		"@example.org": "example.org", "anna@[192.0.2.1]": "192.0.2.1", "anna@пример.рф": "пример.рф",
		"https://example.org/": "example.org", "https://example.org:443/a?b": "example.org", "smtp://mx.example.org:587": "mx.example.org:587",
		"smtps://mx.example.org": "mx.example.org:465", "http://[2001:db8::1]/": "2001:db8::1",
		"example.org:99999": "example.org", "example.org:0": "example.org", "example.org:": "example.org", "mx.example.org:smtp": "mx.example.org:25",
		"mx.example.org:25/": "mx.example.org:25", "[2001:db8::1]:99999": "2001:db8::1",
		"192.0.2.1/24": "192.0.2.1", "2001:db8::1/64": "2001:db8::1", "example.org/path": "example.org",
		"mail example org": "mail.example.org", "example,org": "example.org", "exampleюorg": "example.org", "example·org": "example.org",
		"example..org": "example.org", "*.example.org": "example.org",
		"_dmarc.example.org": "example.org", "s1._domainkey.example.org": "example.org --dkim-selector s1", "_25._tcp.mx.example.org": "mx.example.org",
		"example.org,": "example.org", `"example.org"`: "example.org", "'example.org'": "example.org", "«пример.рф»": "пример.рф",
		"“example.org”": "example.org", "(example.org)": "example.org", "еxаmple.org": "example.org", "localhost": "localhost:25",

		"example.org": "", "example.org.": "", "EXAMPLE.ORG": "", "example。org": "", "example．org": "", "пример.рф": "", "mx.example.org:25": "", "mail_1.example.org": "",
		"[192.0.2.1": "", "[2001:db8::1]:25": "", "192.0.2.1": "", "_named.example.org": "", "ключ.example": "",
	} {
		k := &checker{flags: &checkFlags{targets: []string{arg}}, cfg: cfg}
		_, _, err := k.typed(arg)
		got := ""
		if err != nil {
			_, got, _ = strings.Cut(err.Error(), "type: mailprobe_exporter check ")
		}
		if got != want || (err == nil) != (want == "") {
			t.Errorf("%s: %v, want %q", arg, err, want)
		}
	}
	for _, arg := range []string{"", "!!", "..", "@", "://", "[", "]", "a@", "192.0.2.300", "_", "_dmarc", strings.Repeat(".", 1_000_000), strings.Repeat("_a.", 300_000), strings.Repeat("@", 1_000_000)} {
		k := &checker{flags: &checkFlags{targets: []string{arg}}, cfg: cfg}
		if got, _, err := k.typed(arg); err == nil || strings.Contains(err.Error(), "type:") || len(err.Error()) > 1000 {
			t.Errorf("%.20q: %v, %.200v", arg, got, err)
		}
	}
}
