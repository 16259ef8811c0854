package record

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
)

func TestDKIM(t *testing.T) {
	good(t, "dkim_good.txt", func(text string) (string, string, error) {
		d, err := ParseDKIM(text)
		if err != nil {
			return "", "", err
		}
		key, err := d.Key()
		var what string
		switch {
		case err == nil:
			what = fmt.Sprintf("%s %d", key.Type, key.Bits)
		case errors.Is(err, ErrWrapped):
			what = fmt.Sprintf("%s %d: %v", key.Type, key.Bits, err)
		default:
			what = err.Error()
		}
		return d.String(), what, nil
	})
	bad(t, "dkim_bad.txt", func(text string) error {
		_, err := ParseDKIM(text)
		return err
	})
}

func TestDKIMKinds(t *testing.T) {
	for text, kind := range map[string]error{
		"v=DKIM1; t; p=":          ErrSyntax,
		"v=DKIM1; p=; p=":         ErrDuplicate,
		"v=DKIM1; n=\x01; p=":     ErrCharacter,
		"k=rsa; v=DKIM1; p=":      ErrVersion,
		"v=DKIM1; k=rsa":          ErrMissing,
		"v=DKIM1; p=AAA":          ErrBase64,
		"v=DKIM1; p=":             ErrRevoked,
		"v=DKIM1; k=dsa; p=AAAA":  ErrKeyType,
		"v=DKIM1; k=rsa; p=AAAA":  ErrKey,
		"v=DKIM1; h=a::b; p=AAAA": ErrSyntax,
	} {
		d, err := ParseDKIM(text)
		if err == nil {
			_, err = d.Key()
		}
		if !errors.Is(err, kind) {
			t.Errorf("%q: got %v, want %v", text, err, kind)
		}
	}
}

func TestDKIMUse(t *testing.T) {
	for _, tt := range []struct {
		text                   string
		testing, email, sha256 bool
	}{
		{"p=", false, true, true},
		{"p=; t=s:y; s=*; h=sha256", true, true, true},
		{"p=; t=s; s=tlsrpt:email; h=sha1:sha256", false, true, true},
		{"p=; t=Y; s=tlsrpt; h=sha1", false, false, false},
	} {
		d, err := ParseDKIM(tt.text)
		if err != nil || d.Testing() != tt.testing || d.ForEmail() != tt.email || d.AllowsSHA256() != tt.sha256 {
			t.Errorf("%q: testing %v, email %v, sha256 %v, error %v", tt.text, d.Testing(), d.ForEmail(), d.AllowsSHA256(), err)
		}
	}
}

func TestIsDKIM(t *testing.T) {
	for text, want := range map[string]bool{
		"v=DKIM1; p=": true, " V = dkim9": true, "p=": true, "k=rsa": true, "t=y; p = x": true, "v=DKIM1": true, ";p=": true,
		"": false, "v=spf1 -all": false, "v=DMARC1; p=none": false, "hello": false, "x=y": false, "P=x": false, "v=DKI": false,
	} {
		if got := IsDKIM(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzDKIM(f *testing.F) {
	seed(f, "dkim_good.txt", "dkim_bad.txt")
	f.Fuzz(func(t *testing.T, text string) {
		IsDKIM(text)
		d, err := ParseDKIM(text)
		if err != nil {
			return
		}
		again, err := ParseDKIM(d.String())
		if err != nil || !reflect.DeepEqual(again, d) {
			t.Fatalf("%q becomes %q: %+v, %v", text, d, again, err)
		}
		if key, err := d.Key(); err == nil && (key.Bits <= 0 || key.Public == nil) {
			t.Fatalf("%q: %+v", text, key)
		}
	})
}
