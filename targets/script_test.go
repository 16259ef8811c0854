package targets

import (
	"strings"
	"testing"
)

func TestInScript(t *testing.T) {
	for name, want := range map[string]string{
		"xn--e1afmkfd.xn--p1ai":        "пример.рф",
		"mx.xn--e1afmkfd.xn--p1ai:587": "mx.пример.рф:587",
		"xn--bcher-kva.example":        "bücher.example",
		"xn--e1afmkfd.example":         "пример.example",
		"example.org":                  "",
		"[2001:db8::1]:25":             "",
		"xn--a.example":                "", // No A-label.
		"xn--ample-3ve3d.example":      "", // Cyrillic and Latin in one label.
		must(t, "сосо.example"):        "", // All Cyrillic, all like Latin.
		must(t, "аррӏе.example"):       "",
		must(t, "сосо.рф"):             "сосо.рф",
		must(t, "例え.example"):          "例え.example",
		must(t, "דוגמה.example"):       "", // From right to left.
		must(t, "ex«ample.example"):    "",
	} {
		got, ok := InScript(name)
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q %t, want %q", name, got, ok, want)
		}
	}
	if _, ok := InScript(strings.Repeat("xn--", 1_000_000)); ok {
		t.Error("a million prefixes are a name")
	}
}

// must returns the A-labels of a name.
func must(t *testing.T, name string) string {
	t.Helper()
	ascii, err := international.ToASCII(name)
	if err != nil {
		t.Fatal(err)
	}
	return ascii
}

func TestLatin(t *testing.T) {
	for name, want := range map[string]string{
		"еxаmple.org": "example.org", "example.org": "", "пример.рф": "", "пример.example": "", "bücher.example": "", "mаil.пример.рф": "mail.пример.рф", "exжample.org": "",
	} {
		if got, ok := Latin(name); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q %t, want %q", name, got, ok, want)
		}
	}
}
