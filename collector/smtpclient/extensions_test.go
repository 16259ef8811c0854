package smtpclient

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func ehloReply(lines ...string) *Reply {
	return &Reply{Code: 250, Lines: append([]string{"mx.example.org"}, lines...)}
}

func TestExtensions(t *testing.T) {
	tests := []struct {
		lines    string
		keywords map[string]string
		size     uint64
		auth     []string
	}{
		{"", map[string]string{}, 0, nil},
		{"SIZE 10240000|pipelining|8BITMIME", map[string]string{"SIZE": "10240000", "PIPELINING": "", "8BITMIME": ""}, 10240000, nil},
		{"SIZE", map[string]string{"SIZE": ""}, 0, nil},
		{"SIZE 0", map[string]string{"SIZE": "0"}, 0, nil},
		{"SIZE -1", map[string]string{"SIZE": "-1"}, 0, nil},
		{"SIZE ten", map[string]string{"SIZE": "ten"}, 0, nil},
		{"SIZE 18446744073709551615", map[string]string{"SIZE": "18446744073709551615"}, 18446744073709551615, nil},
		{"SIZE 18446744073709551616", map[string]string{"SIZE": "18446744073709551616"}, 0, nil},
		{"SIZE " + strings.Repeat("9", 40), map[string]string{"SIZE": strings.Repeat("9", 40)}, 0, nil},
		{"SIZE 10|SIZE 20", map[string]string{"SIZE": "10"}, 10, nil},
		{"AUTH PLAIN login", map[string]string{"AUTH": "PLAIN login"}, 0, []string{"PLAIN", "LOGIN"}},
		{"AUTH=PLAIN LOGIN", map[string]string{"AUTH": "PLAIN LOGIN"}, 0, []string{"PLAIN", "LOGIN"}},
		{"AUTH PLAIN|AUTH=PLAIN LOGIN", map[string]string{"AUTH": "PLAIN"}, 0, []string{"PLAIN", "LOGIN"}},
		{"AUTH=", map[string]string{"AUTH": ""}, 0, nil},
		{"AUTH SCRAM-SHA-256-PLUS X_Y -X \x1b[31m ABCDEFGHIJKLMNOPQRSTU", map[string]string{"AUTH": "SCRAM-SHA-256-PLUS X_Y -X \x1b[31m ABCDEFGHIJKLMNOPQRSTU"}, 0, []string{"SCRAM-SHA-256-PLUS", "X_Y"}},
		{"XXXXXXXX|X-FOO|-X|X_Y|\xff|| DSN|X.Y", map[string]string{"XXXXXXXX": "", "X-FOO": ""}, 0, nil},
		{"STARTTLS ", map[string]string{"STARTTLS": ""}, 0, nil},
		{"ſTARTTLS", map[string]string{}, 0, nil}, // U+017F is S in upper case, but no S here.
		{strings.Repeat("A", 64), map[string]string{}, 0, nil},
	}
	for _, tt := range tests {
		e := extensions(ehloReply(strings.Split(tt.lines, "|")...))
		if !maps.Equal(e.Keywords, tt.keywords) || e.Size != tt.size || !slices.Equal(e.Auth, tt.auth) {
			t.Errorf("%q: %q, size %d, auth %q; want %q, %d, %q", tt.lines, e.Keywords, e.Size, e.Auth, tt.keywords, tt.size, tt.auth)
		}
	}
	if extensions(nil) != nil || extensions(&Reply{Code: 500, Lines: []string{""}}) != nil {
		t.Error("no 250, but extensions")
	}
	if (*Extensions)(nil).Offers("STARTTLS") {
		t.Error("nothing offers STARTTLS")
	}
}

func TestManyMechanisms(t *testing.T) {
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprint("M", i))
	}
	if e := extensions(ehloReply("AUTH " + strings.Join(all, " "))); !slices.Equal(e.Auth, all[:maxMechanisms]) {
		t.Errorf("%d mechanisms: %q", len(e.Auth), e.Auth)
	}
}

func FuzzExtensions(f *testing.F) {
	f.Add("SIZE 10240000\nAUTH PLAIN LOGIN\nAUTH=PLAIN\nSTARTTLS")
	f.Add("size 99999999999999999999\n8BITMIME\nX-\x00\n\xff")
	f.Add("AUTH=\nAUTH\n=\n-")
	f.Fuzz(func(t *testing.T, lines string) {
		e := extensions(ehloReply(strings.Split(lines, "\n")...))
		if len(e.Keywords) > maxKeywords || len(e.Auth) > maxMechanisms {
			t.Fatalf("%d keywords, %d mechanisms", len(e.Keywords), len(e.Auth))
		}
		const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
		for keyword := range e.Keywords {
			if keyword == "" || strings.Trim(keyword, letters) != "" {
				t.Fatalf("keyword %q", keyword)
			}
		}
		for i, m := range e.Auth {
			if m == "" || len(m) > 20 || strings.Trim(m, letters+"_") != "" || slices.Contains(e.Auth[:i], m) {
				t.Fatalf("mechanisms %q", e.Auth)
			}
		}
		if e.Size > 0 && !e.Offers("SIZE") {
			t.Fatal("a size without SIZE")
		}
	})
}
