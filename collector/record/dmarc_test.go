package record

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestDMARC(t *testing.T) {
	good(t, "dmarc_good.txt", func(text string) (string, string, error) {
		d, err := ParseDMARC(text)
		var hosts []string
		for _, u := range slices.Concat(d.Aggregate, d.Failure) {
			if u.Host == "" {
				u.Host = "-"
			}
			hosts = append(hosts, u.Host)
		}
		if hosts == nil {
			hosts = []string{"nobody"}
		}
		return d.String(), strings.Join(hosts, " "), err
	})
	bad(t, "dmarc_bad.txt", func(text string) error {
		_, err := ParseDMARC(text)
		return err
	})
}

// TestDMARCMistakes: what is right in a record stays, and each mistake has its tag and its kind.
func TestDMARCMistakes(t *testing.T) {
	d, err := ParseDMARC("v=DMARC1; p=reject; p=none; sp=x; rua=b@example.org,mailto:a@example.org; ruf=mailto:a@b; fo=z; x=\x00; t=y")
	if got, want := d.String(), "v=DMARC1; p=reject; t=y; rua=mailto:a@example.org"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var mistakes DMARCErrors
	if !errors.As(err, &mistakes) {
		t.Fatalf("got %v", err)
	}
	var tags []string
	for _, m := range mistakes {
		tags = append(tags, m.Tag)
	}
	if want := []string{"p", "sp", "rua", "ruf", "fo", ""}; !slices.Equal(tags, want) {
		t.Errorf("got tags %q, want %q", tags, want)
	}
	for _, kind := range []error{ErrDuplicate, ErrSyntax, ErrDomain, ErrCharacter} {
		if !errors.Is(err, kind) {
			t.Errorf("%v is none of %v", err, kind)
		}
	}
	if mistakes.Has("p") || !mistakes.Has("np", "sp") {
		t.Error("the first p counts, and sp has no value that does")
	}

	_, err = ParseDMARC("v=DMARC1" + strings.Repeat(";x", 1000))
	if errors.As(err, &mistakes); len(mistakes) != maxErrors {
		t.Errorf("%d mistakes", len(mistakes))
	}
	long := "v=DMARC1; p=none; x=" + strings.Repeat("a", maxText)
	if _, err := ParseDMARC(long); !errors.Is(err, ErrTooLong) {
		t.Errorf("got %v", err)
	}
	if _, err := ParseDMARC(long[:maxText]); err != nil || IsDMARC(long) {
		t.Errorf("got %v, and is a record: %v", err, IsDMARC(long))
	}
}

func TestMilder(t *testing.T) {
	for d, want := range map[Disposition]Disposition{
		DispositionReject: DispositionQuarantine, DispositionQuarantine: DispositionNone, DispositionNone: DispositionNone,
	} {
		if got := d.Milder(); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
}

func FuzzDMARC(f *testing.F) {
	seed(f, "dmarc_good.txt", "dmarc_bad.txt")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDMARC(text)
		if errors.Is(err, ErrVersion) || errors.Is(err, ErrTooLong) {
			if IsDMARC(text) {
				t.Fatalf("%q is a record: %v", text, err)
			}
			return
		}
		again, err := ParseDMARC(d.String())
		var mistakes DMARCErrors
		if errors.As(err, &mistakes) && (d.Policy != "" || len(mistakes) != 1 || !mistakes.Has("p")) || !reflect.DeepEqual(again, d) {
			t.Fatalf("%q becomes %q: %+v, %v", text, d, again, err)
		}
	})
}
