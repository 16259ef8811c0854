package bounce

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// decodeBOM makes UTF-8 of a text that says by its first octets that it is UTF-16, as the logs that Windows exports.
func decodeBOM(data []byte) []byte {
	if !bytes.HasPrefix(data, []byte("\xff\xfe")) && !bytes.HasPrefix(data, []byte("\xfe\xff")) && !bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return data
	}
	if out, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), data); err == nil {
		return out
	}
	return data
}

// toUTF8 makes UTF-8 of a text in a charset. Where the charset is not said or unknown, or where the text is valid UTF-8
// although something else is said, it is taken for what it looks like.
func toUTF8(data []byte, charset string) string {
	e := lookup(charset)
	if e == nil {
		return guess(data)
	}
	if _, latin := e.(*charmap.Charmap); latin && utf8.Valid(data) {
		return string(data) // Nobody writes a valid UTF-8 sequence by chance in a charset of single octets.
	}
	out, err := e.NewDecoder().Bytes(data)
	if err != nil {
		return guess(data)
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

// lookup finds an encoding by any of its names; nil where none is said, where it is UTF-8, or where nobody knows it.
func lookup(charset string) encoding.Encoding {
	charset = strings.ToLower(strings.Trim(charset, " \t'\""))
	switch charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "unknown-8bit", "8bit", "7bit", "unicode-1-1-utf-7", "utf-7", "default":
		return nil
	}
	if e, err := htmlindex.Get(charset); err == nil && e != encoding.Replacement && e != unicode.UTF8 {
		return e
	}
	if e, err := ianaindex.MIME.Encoding(charset); err == nil && e != nil && e != unicode.UTF8 {
		return e
	}
	return nil
}

// charsetReader serves mime.WordDecoder.
func charsetReader(charset string, r io.Reader) (io.Reader, error) {
	e := lookup(charset)
	if e == nil {
		return nil, fmt.Errorf("charset %q is unknown", charset)
	}
	return e.NewDecoder().Reader(r), nil
}

// guess makes UTF-8 of a text of which nothing is said. What is not UTF-8 is Cyrillic if most of its letters are not ASCII;
// then it is the charset that gives more small letters. Else it is Latin.
func guess(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	ascii, high := 0, 0
	for _, b := range data {
		switch {
		case b >= 0xc0:
			high++
		case b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z':
			ascii++
		}
	}
	valid := 0
	for rest := data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r != utf8.RuneError && size > 1 {
			valid++
		}
		rest = rest[size:]
	}
	if valid > high/3 {
		return strings.ToValidUTF8(string(data), "\uFFFD") // UTF-8 that was cut or damaged.
	}
	set := charmap.Windows1252
	if cyrillic(data) {
		small := 0 // In windows-1251 small letters are 0xE0 and up, in KOI8-R those are capitals.
		for _, b := range data {
			if b >= 0xe0 {
				small++
			}
		}
		if set = charmap.Windows1251; small*2 < high {
			set = charmap.KOI8R
		}
	}
	out, err := set.NewDecoder().Bytes(data)
	if err != nil {
		return strings.ToValidUTF8(string(data), "\uFFFD")
	}
	return string(out)
}

// cyrillic reports whether a text in a charset of single octets has words all of whose letters are not ASCII.
func cyrillic(data []byte) bool {
	words, run := 0, 0
	for i := 0; i <= len(data); i++ {
		if i < len(data) && data[i] >= 0xc0 {
			run++
			continue
		}
		if run >= 3 && (i == len(data) || data[i] < 'A') {
			words++
		}
		run = 0
	}
	return words >= 1
}
