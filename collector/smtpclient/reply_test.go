package smtpclient

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReplies(t *testing.T) {
	for text, want := range map[string]*Reply{
		"250 ok\r\n":                       {Code: 250, Lines: []string{"ok"}},
		"250 ok\n":                         {Code: 250, Lines: []string{"ok"}},
		"250\r\n":                          {Code: 250, Lines: []string{""}},
		"250 \r\n":                         {Code: 250, Lines: []string{""}},
		"250-\r\n250\r\n":                  {Code: 250, Lines: []string{"", ""}},
		"250-a\r\n250-\r\n250 c\r\n":       {Code: 250, Lines: []string{"a", "", "c"}},
		"250-a\n250 b\r\n":                 {Code: 250, Lines: []string{"a", "b"}},
		"571 blocked\r\n":                  {Code: 571, Lines: []string{"blocked"}},
		"299 x\r\n":                        {Code: 299, Lines: []string{"x"}},
		"550 5.7.1 no\r\n":                 {Code: 550, Enhanced: "5.7.1", Lines: []string{"5.7.1 no"}},
		"550-5.7.1 no\r\n550 5.7.2 no\r\n": {Code: 550, Enhanced: "5.7.1", Lines: []string{"5.7.1 no", "5.7.2 no"}},
		"550 5.7.1\r\n":                    {Code: 550, Enhanced: "5.7.1", Lines: []string{"5.7.1"}},
		"450 5.7.1 no\r\n":                 {Code: 450, Lines: []string{"5.7.1 no"}},
		"334 3.0.0 go on\r\n":              {Code: 334, Lines: []string{"3.0.0 go on"}},
		"550 no\rreally\x00\xff\r\r\n":     {Code: 550, Lines: []string{"no\rreally\x00\xff\r"}},
		"220 one\r\n220 two\r\n":           {Code: 220, Lines: []string{"one"}},
		"220-" + strings.Repeat("a", 8186) + "\r\n220 b\r\n": {Code: 220, Lines: []string{strings.Repeat("a", 8186), "b"}},
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(text), "octet by octet": iotest.OneByteReader(strings.NewReader(text))} {
			rr := newReplyReader(r)
			got, err := rr.read()
			if err != nil || got.Code != want.Code || got.Enhanced != want.Enhanced || !slices.Equal(got.Lines, want.Lines) {
				t.Errorf("%.40q %s: %+v, %v; want %+v", text, name, got, err, want)
			}
		}
	}
}

// The reply reader's errors beside those that hostile_test.go brings about over a socket.
func TestReplyErrors(t *testing.T) {
	fullLine := "220-" + strings.Repeat("a", maxLine-6) + "\r\n"
	for text, want := range map[string]error{
		"":                                       io.EOF,
		"220":                                    io.EOF,
		"220 mx":                                 io.EOF,
		"220-mx\r\n":                             io.EOF,
		"220-mx\r\n\r\n":                         errProtocol,
		"22\r\n":                                 errProtocol,
		strings.Repeat("2", 8193):                errTooLong,
		strings.Repeat(fullLine, 8) + "220 \r\n": errTooLong,
		strings.Repeat(fullLine, 8):              io.EOF, // 64 KiB to the octet.
		strings.Repeat("220-\r\n", maxLines) + "220 \r\n":      errTooLong,
		strings.Repeat("220-\r\n", maxLines-1) + "221 end\r\n": errProtocol,
	} {
		rr := newReplyReader(strings.NewReader(text))
		if got, err := rr.read(); !errors.Is(err, want) || got != nil {
			t.Errorf("%.40q: %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestEnhancedCodes(t *testing.T) {
	for text, want := range map[string]string{
		"5.7.1 no":    "5.7.1",
		"5.7.1":       "5.7.1",
		"5.0.0 x":     "5.0.0",
		"5.123.456 x": "5.123.456",
		"5.1234.1 x":  "",
		"5.07.1 x":    "",
		"5.7.01 x":    "",
		"5.7.1: x":    "",
		"5.7.1\tx":    "",
		"5.7 x":       "",
		"5.7. x":      "",
		"5..1 x":      "",
		"5.7.1.1 x":   "",
		"4.7.1 x":     "",
		"2.7.1 x":     "",
		"55.7.1 x":    "",
		" 5.7.1 x":    "",
		"(5.7.1) x":   "",
		"5.7.a x":     "",
		"5.7.-1 x":    "",
		"":            "",
	} {
		if got := enhancedCode(550, text); got != want {
			t.Errorf("enhancedCode(550, %q) = %q, want %q", text, got, want)
		}
	}
}

func TestClass(t *testing.T) {
	for code, want := range map[int]string{200: "positive", 299: "positive", 354: "intermediate", 421: "transient", 599: "permanent"} {
		if got := (&Reply{Code: code}).Class(); got != want {
			t.Errorf("class of %d is %q, want %q", code, got, want)
		}
	}
}

func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"220 mx.example.org ESMTP\r\n", "220\r\n", "250-a\r\n250 b\n", "550 5.7.1 no\r\n", "250-a\r\n550 b\r\n", "999 x\r\n", "abc\r\n", "550Z\r\n",
		"220\r220\r\n", "\xff\xfe2\x00", "220 \x00\x1b[31m\r\n", strings.Repeat("a", 9000), strings.Repeat("220-\r\n", 2100),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		whole := newReplyReader(bytes.NewReader(data))
		pieces := newReplyReader(iotest.HalfReader(bytes.NewReader(data)))
		for {
			reply, err := whole.read()
			again, errAgain := pieces.read()
			if fmt.Sprint(reply, err) != fmt.Sprint(again, errAgain) {
				t.Fatalf("%v, %v in one piece, %v, %v in many", reply, err, again, errAgain)
			}
			if err != nil {
				if !errors.Is(err, errProtocol) && !errors.Is(err, errTooLong) && !errors.Is(err, io.EOF) {
					t.Fatalf("unexpected error %v", err)
				}
				return
			}
			checkReply(t, reply)
		}
	})
}

// checkReply checks what holds of every reply, and that it reads the same when written out again.
func checkReply(t *testing.T, reply *Reply) {
	t.Helper()
	if reply.Code < 200 || reply.Code > 599 || len(reply.Lines) == 0 || len(reply.Lines) > maxLines {
		t.Fatalf("reply %d of %d lines", reply.Code, len(reply.Lines))
	}
	var b strings.Builder
	for i, text := range reply.Lines {
		separator := "-"
		if i == len(reply.Lines)-1 {
			separator = " "
		}
		fmt.Fprintf(&b, "%d%s%s\r\n", reply.Code, separator, text)
	}
	if strings.Count(b.String(), "\n") != len(reply.Lines) {
		t.Fatalf("a text holds a line feed: %q", reply.Lines)
	}
	if b.Len() > maxReply/2 {
		return // CRLF for LF may make it longer than a reply may be.
	}
	for _, text := range reply.Lines {
		if len(text) > maxLine-6 {
			return
		}
	}
	again := newReplyReader(strings.NewReader(b.String()))
	got, err := again.read()
	if err != nil || got.Code != reply.Code || got.Enhanced != reply.Enhanced || !slices.Equal(got.Lines, reply.Lines) {
		t.Fatalf("%+v reads %+v, %v when written again", reply, got, err)
	}
}
