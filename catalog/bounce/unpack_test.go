package bounce

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

const bounced = "Oct  5 10:00:00 mx postfix/smtp[1]: 4F7A1: to=<anna@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, " +
	"dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 User unknown)\n"

// TestUnpack: a log that was rotated and compressed counts as the log did.
func TestUnpack(t *testing.T) {
	var packed bytes.Buffer
	for range 2 { // Some append one file to another.
		w := gzip.NewWriter(&packed)
		if _, err := io.WriteString(w, strings.Repeat(bounced, 50)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Unpack(&packed)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Summarise(r, catalog.Default())
	if err != nil || s.Replies != 100 || s.Lines != 100 {
		t.Errorf("Summarise = %+v, %v", s, err)
	}
	for _, text := range []string{"", "x", "BZ", "550 5.1.1 User unknown"} {
		r, err := Unpack(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != text {
			t.Errorf("Unpack(%q) = %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"\xfd7zXZ\x00x", "\x28\xb5\x2f\xfdxx", "PK\x03\x04xx"} {
		if _, err := Unpack(strings.NewReader(text)); !errors.Is(err, ErrPacked) {
			t.Errorf("Unpack(%q): %v", text, err)
		}
	}
	if _, err := Unpack(strings.NewReader("\x1f\x8b broken")); err == nil {
		t.Error("broken gzip is taken")
	}
}

// TestUnpackBound: what unpacks without end is not read without end.
func TestUnpackBound(t *testing.T) {
	b := &capped{&endless{repeat: "x\n", left: 100 << 20}, 1 << 20}
	n, err := io.Copy(io.Discard, b)
	if n != 1<<20 || !errors.Is(err, ErrTooMuch) {
		t.Errorf("%d octets, %v", n, err)
	}
}
