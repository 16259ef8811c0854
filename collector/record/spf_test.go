package record

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestSPF(t *testing.T) {
	good(t, "spf_good.txt", func(text string) (string, string, error) {
		spf, err := ParseSPF(text)
		return spf.String(), "", err
	})
	bad(t, "spf_bad.txt", func(text string) error {
		_, err := ParseSPF(text)
		return err
	})
}

// TestSPFStructure looks at what an evaluator gets.
func TestSPFStructure(t *testing.T) {
	got, err := ParseSPF("v=spf1 ~a:%{Lr-}.example.org/24 mx//64 ?ip4:192.0.2.9/24 ip6:2001:db8::1 -all redirect=%{d} exp=e.example x=%%")
	want := SPF{
		Directives: []Directive{
			{Qualifier: SoftFail, Mechanism: A, Bits4: 24, Bits6: 128, Domain: MacroString{
				{Letter: 'l', Escape: true, Reverse: true, Delimiters: "-"}, {Literal: ".example.org"},
			}},
			{Qualifier: Pass, Mechanism: MX, Bits4: 32, Bits6: 64},
			{Qualifier: Neutral, Mechanism: IP4, Network: netip.MustParsePrefix("192.0.2.9/24")},
			{Qualifier: Pass, Mechanism: IP6, Network: netip.MustParsePrefix("2001:db8::1/128")},
			{Qualifier: Fail, Mechanism: All},
		},
		Redirect: MacroString{{Letter: 'd'}},
		Exp:      MacroString{{Literal: "e.example"}},
		Unknown:  []Modifier{{"x", MacroString{{Letter: '%'}}}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	if d, place, ok := got.All(); d.Qualifier != Fail || place != 4 || !ok {
		t.Errorf("all: %v, %d, %v", d, place, ok)
	}
	if _, place, ok := (SPF{Directives: make([]Directive, 3)}).All(); place != 3 || ok {
		t.Errorf("no all: %d, %v", place, ok)
	}
}

// TestSPFMistakes: every mistake is told, each with its kind, and what is right stays.
func TestSPFMistakes(t *testing.T) {
	spf, err := ParseSPF("v=spf1 foo a:%{x} ip4:1 mx -all/8 a/99 a:b redirect=a.example redirect=a.example")
	if got := spf.String(); got != "v=spf1 mx redirect=a.example" {
		t.Errorf("what is right: %q", got)
	}
	kinds := []error{ErrMechanism, ErrMacro, ErrAddress, ErrArgument, ErrPrefix, ErrDomain, ErrDuplicate}
	mistakes := Mistakes(err)
	if len(mistakes) != len(kinds) {
		t.Fatalf("got %v", err)
	}
	for i, kind := range kinds {
		if !errors.Is(mistakes[i], kind) || !errors.Is(err, kind) {
			t.Errorf("%s: got %v, want %v", mistakes[i].Term, mistakes[i], kind)
		}
	}
	_, err = ParseSPF("v=spf1" + strings.Repeat(" x", 1000))
	if n := len(Mistakes(err)); n != maxErrors {
		t.Errorf("%d mistakes", n)
	}
	_, err = ParseSPF("v=spf1 " + strings.Repeat("\x00", 60000))
	if len(err.Error()) > 1000 {
		t.Errorf("an error of %d octets", len(err.Error()))
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{"": "", "a.example": "a.example"} {
		m, err := ParseMacroString(text)
		if got, ok := m.Plain(); err != nil || got != want || !ok {
			t.Errorf("%q: got %q, %v, %v", text, got, ok, err)
		}
	}
	m, _ := ParseMacroString("a.%{P}%%")
	if _, ok := m.Plain(); ok || !m.Uses('p') || !m.Uses('%') || m.Uses('a') {
		t.Errorf("%v: plain %v", m, ok)
	}
}

func FuzzSPF(f *testing.F) {
	seed(f, "spf_good.txt", "spf_bad.txt")
	f.Fuzz(func(t *testing.T, text string) {
		spf, err := ParseSPF(text)
		if !IsSPF(text) && !errors.Is(err, ErrVersion) && !errors.Is(err, ErrTooLong) {
			t.Fatalf("%q: %v", text, err)
		}
		if err != nil && Mistakes(err) == nil {
			return
		}
		// What is right in a record with mistakes is a record, too.
		again, err := ParseSPF(spf.String())
		if err != nil || !reflect.DeepEqual(again, spf) {
			t.Fatalf("%q becomes %q: %+v, %v", text, spf, again, err)
		}
	})
}

func FuzzMacroString(f *testing.F) {
	for _, s := range []string{"", "%{d}", "%%%_%-", "a%{L99999r-+}b", "%{", "%{d0}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMacroString(text)
		if err != nil {
			if !errors.Is(err, ErrMacro) && !errors.Is(err, ErrCharacter) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := ParseMacroString(m.String())
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%q becomes %q: %+v, %v", text, m, again, err)
		}
	})
}
