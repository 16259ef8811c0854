package record

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestTagList(t *testing.T) {
	good(t, "taglist_good.txt", func(text string) (string, string, error) {
		list, err := ParseTagList(text)
		return list.String(), "", err
	})
	bad(t, "taglist_bad.txt", func(text string) error {
		_, err := ParseTagList(text)
		return err
	})
	list, err := ParseTagList("a=1; A=2; b=; a=3")
	if !errors.Is(err, ErrDuplicate) || len(list) != 3 {
		t.Errorf("got %v, %v; want what stands before the mistake", list, err)
	}
	for name, want := range map[string]string{"a": "1", "A": "2", "b": ""} {
		if got, ok := list.Get(name); got != want || !ok {
			t.Errorf("%s: got %q, %v", name, got, ok)
		}
	}
	if _, ok := list.Get("c"); ok {
		t.Error("found a tag that is not there")
	}
}

func TestTooLong(t *testing.T) {
	long := strings.Repeat("a", maxText)
	for name, parse := range map[string]func(string) error{
		"taglist": func(s string) error { _, err := ParseTagList("a=" + s); return err },
		"dkim":    func(s string) error { _, err := ParseDKIM("p=" + s); return err },
		"spf":     func(s string) error { _, err := ParseSPF("v=spf1 " + s); return err },
	} {
		if err := parse(long); !errors.Is(err, ErrTooLong) {
			t.Errorf("%s: got %v", name, err)
		}
		if err := parse(long[10:]); errors.Is(err, ErrTooLong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzTagList(f *testing.F) {
	seed(f, "taglist_good.txt", "taglist_bad.txt")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseTagList(text)
		if err != nil {
			return
		}
		again, err := ParseTagList(list.String())
		if err != nil || !reflect.DeepEqual(again, list) {
			t.Fatalf("%q becomes %q: %v, %v", text, list, again, err)
		}
	})
}
