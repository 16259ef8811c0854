package record

import (
	"errors"
	"reflect"
	"testing"
)

func TestBIMI(t *testing.T) {
	good(t, "bimi_good.txt", func(text string) (string, string, error) {
		r, err := ParseBIMI(text)
		what := ""
		if r.Declined() {
			what = "declined"
		}
		return r.String(), what, err
	})
	bad(t, "bimi_bad.txt", func(text string) error {
		_, err := ParseBIMI(text)
		return err
	})
	if _, err := ParseBIMI("v=BIMI1; l=http://example.org/"); !errors.Is(err, ErrURI) {
		t.Errorf("got %v, want ErrURI", err)
	}
	for text, want := range map[string]bool{
		"v=BIMI1": true, " v = BIMI1; l": true, "v=bimi1; l=": false, "l=; v=BIMI1": false, "": false, "v=spf1 -all": false,
	} {
		if got := IsBIMI(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzBIMI(f *testing.F) {
	seed(f, "bimi_good.txt", "bimi_bad.txt")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseBIMI(text)
		if err != nil {
			return
		}
		again, err := ParseBIMI(r.String())
		if err != nil || !reflect.DeepEqual(again, r) || !IsBIMI(text) {
			t.Fatalf("%q becomes %q: %+v, %v", text, r, again, err)
		}
	})
}
