package record

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestTLSRPT(t *testing.T) {
	good(t, "tlsrpt_good.txt", func(text string) (string, string, error) {
		r, err := ParseTLSRPT(text)
		return r.String(), strings.Join(r.Reports, " "), err
	})
	bad(t, "tlsrpt_bad.txt", func(text string) error {
		_, err := ParseTLSRPT(text)
		return err
	})
	if _, err := ParseTLSRPT("v=TLSRPTv1; rua=example"); !errors.Is(err, ErrURI) {
		t.Errorf("got %v, want ErrURI", err)
	}
	for text, want := range map[string]bool{"v=TLSRPTv1;": true, "v=TLSRPTv1": false, "v=TLSRPTv2; rua=": false, "v=STSv1; id=1": false} {
		if got := IsTLSRPT(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzTLSRPT(f *testing.F) {
	seed(f, "tlsrpt_good.txt", "tlsrpt_bad.txt")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseTLSRPT(text)
		if err != nil {
			return
		}
		again, err := ParseTLSRPT(r.String())
		if err != nil || !reflect.DeepEqual(again, r) || !IsTLSRPT(text) {
			t.Fatalf("%q becomes %q: %+v, %v", text, r, again, err)
		}
	})
}
