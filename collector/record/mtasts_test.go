package record

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestMTASTS(t *testing.T) {
	good(t, "mtasts_good.txt", func(text string) (string, string, error) {
		r, err := ParseMTASTS(text)
		return r.String(), r.ID, err
	})
	bad(t, "mtasts_bad.txt", func(text string) error {
		_, err := ParseMTASTS(text)
		return err
	})
}

func TestSTSPolicy(t *testing.T) {
	good(t, "stspolicy_good.txt", func(text string) (string, string, error) {
		p, err := ParseSTSPolicy(text)
		return p.String(), fmt.Sprintf("%s %v %s", p.Mode, p.MX, p.MaxAge), err
	})
	bad(t, "stspolicy_bad.txt", func(text string) error {
		_, err := ParseSTSPolicy(text)
		return err
	})
	filled := "version: STSv1\nmode: none\nmax_age: 1\nx: "
	filled += strings.Repeat("x", MaxSTSPolicy-len(filled))
	if p, err := ParseSTSPolicy(filled); err != nil || p.MaxAge != time.Second {
		t.Errorf("a policy of the greatest length: %v", err)
	}
	if _, err := ParseSTSPolicy(filled + "x"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one octet more: got %v", err)
	}
}

func TestSTSKinds(t *testing.T) {
	policy := func(text string) error { _, err := ParseSTSPolicy(text); return err }
	text := func(text string) error { _, err := ParseMTASTS(text); return err }
	for _, tt := range []struct {
		err, kind error
	}{
		{text("v=STSv2; id=1"), ErrVersion},
		{text("v=STSv1; id"), ErrSyntax},
		{text("v=STSv1; id=1; id=1"), ErrDuplicate},
		{text("v=STSv1;"), ErrMissing},
		{text("v=STSv1; id=" + strings.Repeat("1", maxText)), ErrTooLong},
		{policy("mode: none\nmax_age: 1"), ErrMissing},
		{policy("version: STSv2"), ErrVersion},
		{policy("mode: None"), ErrSyntax},
		{policy("mx: *"), ErrDomain},
		{policy("x: \x00"), ErrCharacter},
	} {
		if !errors.Is(tt.err, tt.kind) {
			t.Errorf("got %v, want %v", tt.err, tt.kind)
		}
	}
}

func TestIsMTASTS(t *testing.T) {
	for text, want := range map[string]bool{
		"v=STSv1;": true, "v=STSv1 \t; id=1": true, "v=STSv1;garbage": true,
		"": false, "v=STSv1": false, "v=STSv10; id=1": false, " v=STSv1; id=1": false, "V=STSv1; id=1": false, "v=spf1 -all": false,
	} {
		if got := IsMTASTS(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestCovers(t *testing.T) {
	p := STSPolicy{MX: []string{"mail.example.org", "*.mx.example.net"}}
	for host, want := range map[string]bool{
		"mail.example.org": true, "a.mx.example.net": true,
		"example.org": false, "a.mail.example.org": false, "mx.example.net": false, "a.b.mx.example.net": false,
		".mx.example.net": false, "amx.example.net": false, "": false,
	} {
		if got := p.Covers(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func FuzzMTASTS(f *testing.F) {
	seed(f, "mtasts_good.txt", "mtasts_bad.txt")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseMTASTS(text)
		if err != nil {
			return
		}
		again, err := ParseMTASTS(r.String())
		if err != nil || !reflect.DeepEqual(again, r) || !IsMTASTS(text) {
			t.Fatalf("%q becomes %q: %+v, %v", text, r, again, err)
		}
	})
}

func FuzzSTSPolicy(f *testing.F) {
	seed(f, "stspolicy_good.txt", "stspolicy_bad.txt")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseSTSPolicy(text)
		if err != nil {
			return
		}
		again, err := ParseSTSPolicy(p.String())
		if len(p.String()) <= MaxSTSPolicy && (err != nil || !reflect.DeepEqual(again, p)) {
			t.Fatalf("%q becomes %q: %+v, %v", text, p, again, err)
		}
		for _, pattern := range p.MX {
			if !p.Covers(strings.Replace(pattern, "*", "x", 1)) {
				t.Fatalf("%q covers nothing", pattern)
			}
		}
	})
}

func TestEmptySTSLine(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "a: b": 0, "a: b\n": 0, "a: b\r\nc: d\r\n": 0, "a: b\n\n": 2, "a: b\r\n\r\nc: d\r\n": 2, "\na: b\n": 1, "a: b\n \t\nc: d": 2, "a: b\nc: d\n\r\n": 3,
	} {
		if got := EmptySTSLine(text); got != want {
			t.Errorf("%q: line %d, want %d", text, got, want)
		}
	}
}
