package record

import (
	"strings"
	"testing"
)

// TestQuote: people see the characters, and are told of those that are not what they look like.
func TestQuote(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"v=spf1 mx -all", `"v=spf1 mx -all"`},
		{`a "b" \ c`, `"a \"b\" \\ c"`},
		{"a\tb\x00", `"a\tb\x00"`},
		{"v=spf1 mx –all", `"v=spf1 mx –all" (character 11 is an en dash (U+2013), not a hyphen)`},
		{"—all", `"—all" (character 1 is an em dash (U+2014), not a hyphen)`},
		{"–", `"–" (an en dash (U+2013), not a hyphen)`},
		{"mx\u00a0-all", `"mx[no-break space]-all" (character 3 is a no-break space (U+00A0), not a space)`},
		{"\u200bv=DMARC1", `"[zero-width space]v=DMARC1" (character 1 is a zero-width space (U+200B), which cannot be seen)`},
		{"\ufeffv=spf1", `"[byte order mark]v=spf1" (character 1 is a byte order mark (U+FEFF), which cannot be seen)`},
		{"“v=spf1”", `"“v=spf1”" (character 1 is a curly quote (U+201C), not "; character 8 is a curly quote (U+201D), not ")`},
		{"v=DMARС1", `"v=DMARС1" (character 7 is the Cyrillic letter С (U+0421), not the Latin C)`},
		{"v=spf1 а -all", `"v=spf1 а -all" (character 8 is the Cyrillic letter а (U+0430), not the Latin a)`},
		{"v＝spf1", `"v＝spf1" (character 2 is a fullwidth form (U+FF1D), not =)`},
		{"v=spf1 mx \x96all", `"v=spf1 mx \x96all" (character 11 is the byte 96, which is an en dash in the encodings of Windows, not a hyphen)`},
		{"p=none\u037e", `"p=none` + "\u037e" + `" (character 7 is a Greek question mark (U+037E), not ;)`},
		// Words of another alphabet are what they look like.
		{"добро пожаловать", `"добро пожаловать"`},
		{"bücher 😀", `"bücher 😀"`},
		{"––––", `"––––" (character 1 is an en dash (U+2013), not a hyphen; character 2 is an en dash (U+2013), not a hyphen; ` +
			`character 3 is an en dash (U+2013), not a hyphen; and 1 more)`},
	} {
		if got := Quote(c.text, 60); got != c.want {
			t.Errorf("%+q:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
	if got, want := Quote("абв", 3), `"а"...`; got != want {
		t.Errorf("cut: got %s, want %s", got, want)
	}
	if got := Quote(strings.Repeat("a", 70)+"–", 60); !strings.HasSuffix(got, `a"... (character 71 is an en dash (U+2013), not a hyphen)`) {
		t.Errorf("beyond what is shown: got %s", got)
	}
}

// longest are texts as long as DNS can carry, made of what takes most work.
func longest() (out []string) {
	for _, unit := range []string{"–", "а", "aа", "\xa0", "я"} {
		out = append(out, strings.Repeat(unit, maxText/len(unit)))
	}
	return out
}

// TestQuoteLong: of a long text a short one is shown.
func TestQuoteLong(t *testing.T) {
	for _, text := range longest() {
		if got := Quote(text, 60); len(got) > 1000 || !strings.Contains(got, `"...`) {
			t.Errorf("%.10q: %d bytes: %.200s", text, len(got), got)
		}
	}
}

func BenchmarkQuote(b *testing.B) {
	for b.Loop() {
		for _, text := range longest() {
			Quote(text, 60)
		}
	}
}

// TestPlainText: what a text was meant to be.
func TestPlainText(t *testing.T) {
	for text, want := range map[string]string{
		"v=spf1 –all": "v=spf1 -all", "\u200bv=DMARС1\u037e": "v=DMARC1;", "“v=STSv1”": `"v=STSv1"`, "ｖ＝spf1": "v=spf1", "mx\xa0\x96all": "mx -all",
	} {
		if got := Plain(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("v=spf1 mx\u00a0–all", 5)
	f.Add("\xe2\x80", 1)
	f.Fuzz(func(t *testing.T, text string, most int) {
		got := Quote(text, max(0, most))
		if strings.ContainsAny(got, "\n\r\x00\x1b") || Quote(got, 1<<20) == "" {
			t.Errorf("%q: %q", text, got)
		}
		Plain(text)
	})
}
