package bounce

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

const letterTop = "From: MAILER-DAEMON@example.org\nTo: carol@example.org\nSubject: x\nMIME-Version: 1.0\n"

// hostile are letters that cost as much as they can, by what repeats in them.
var hostile = []struct{ name, top, repeat, end string }{
	{"codes on a line", "", "550 ", ""},
	{"numbers with words on a line", "", "said: 550 5.1.1 ", ""},
	{"codes alone", "", "550\n", ""},
	{"replies", letterTop + "\n", "550 5.1.1 user unknown\n", ""},
	{"replies that continue", letterTop + "\n", "550-5.1.1 user unknown\n", ""},
	{"indented replies", letterTop + "\n550 5.1.1 x\n", "  550-x\n", ""},
	{"short indented lines", letterTop + "\nsaid: 550 5.1.1 x\n", "  a\n", ""},
	{"enhanced codes", "", "(#5.1.1) user ", ""},
	{"open quotes", letterTop + "\n", "returned '550 5.1.1 a\n", ""},
	{"addresses", letterTop + "\n", "<a@example.org>:\n", ""},
	{"one address", "", "a@", ""},
	{"open log lines", "", "x: to=<a@example.org>, dsn=5.1.1, status=deferred (host a.example said: 550 5.1.1 x\n", ""},
	{"status without recipient", "", "dsn=5.1.1, status=deferred (\n", ""},
	{"CSV", "", "x,FAIL,\"\"a,550 5.1.1 user,", ""},
	{"folded fields", letterTop, " a\n", ""},
	{"fields", letterTop, "x-a: b\n", ""},
	{"field blocks in the text", letterTop + "\ntext\n", "From: a\nTo: b\n", ""},
	{"parts", letterTop + "Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\n550 5.1.1 a\n", "--b--"},
	{"parts of one header", letterTop + "Content-Type: multipart/mixed; boundary=b\n\n", "--b\nx: y\n", ""},
	{"nested parts", letterTop + "Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: multipart/mixed; boundary=b\n\n", ""},
	{"nested letters", letterTop + "Content-Type: message/rfc822\n\n", letterTop + "Content-Type: message/rfc822\n\n", ""},
	{"boundaries to guess", letterTop + "Content-Type: multipart/mixed\n\n", "--b\n", ""},
	{"status fields", letterTop + "Content-Type: message/delivery-status\n\n", "Final-Recipient: rfc822; a@example.org\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 x\n\n", ""},
	{"folded status", letterTop + "Content-Type: message/delivery-status\n\nDiagnostic-Code: smtp; 550\n", " a\n", ""},
	{"status in the text", letterTop + "\ntext\n", "Status: 5.1.1\n\n", ""},
	{"tags", letterTop + "Content-Type: text/html\n\n", "<", ""},
	{"open comments", letterTop + "Content-Type: text/html\n\n", "<!--", ""},
	{"scripts", letterTop + "Content-Type: text/html\n\n", "<script>", ""},
	{"entities", letterTop + "Content-Type: text/html\n\n", "&#53;50 5.1.1 user<br>", ""},
	{"escapes", letterTop + "Content-Transfer-Encoding: quoted-printable\n\n", "= ", ""},
	{"Base64", letterTop + "Content-Transfer-Encoding: base64\n\n", "NTUw", ""},
	{"encoded words", letterTop + "Content-Type: message/delivery-status\n\nDiagnostic-Code: smtp;", " =?koi8-r?Q?550?=", ""},
	{"KOI8-R", letterTop + "Content-Type: text/plain; charset=koi8-r\n\n", "\xc1\xc2 550 5.1.1 \xd3\n", ""},
	{"reasons announced", letterTop + "\n", "Reason:\n", ""},
	{"reasons", letterTop + "\n", "Reason: no such mailbox\n", ""},
	{"reasons below addresses", letterTop + "\n", "<a@example.org>:\nno such mailbox\n\n", ""},
	{"reasons behind addresses", letterTop + "\n", "<a@example.org>: no such mailbox\n", ""},
	{"paragraphs", letterTop + "\n", "words that mean nothing at all\n\n", ""},
	{"one paragraph", letterTop + "\n", "words that mean nothing\n", ""},
	{"copies of nothing", letterTop + "\n", "copy of your message\n", ""},
	{"codes without words", "", "code \"550\", with message ", ""},
	{"labels", "", "error code 550, ", ""},
	{"codes of Zoho", letterTop + "\n", "a@example.org x, ERROR_CODE :550, ERROR_CODE :5.1.1 ", ""},
	{"lists", "", "a,550,5.1.1", ""},
	{"journal", "", "{\"MESSAGE\":\"x: to=<a@example.org>, status=deferred (\"}\n", ""},
	{"objects in objects", "", "{\"MESSAGE\":", ""},
	{
		"feedback", letterTop + "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n",
		"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n", "",
	},
	{"nothing", "", "\x00", ""},
	{"line ends", "", "\r", ""},
}

// TestBounds reads letters of 100 MB that cost as much as they can. What is counted is not time, but octets read and octets looked at.
func TestBounds(t *testing.T) {
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			in := &endless{head: h.top, repeat: h.repeat, left: 100 << 20}
			f := &finder{}
			data, err := io.ReadAll(io.LimitReader(in, MaxLetter))
			if err != nil {
				t.Fatal(err)
			}
			f.letterOrText(append(data, h.end...))
			if f.work > maxWork+(1<<20) {
				t.Errorf("%d octets looked at", f.work)
			}
			if f.parts > maxParts+1 {
				t.Errorf("%d parts looked at", f.parts)
			}
			if n := len(f.found.result()); n > MaxReplies {
				t.Errorf("%d replies", n)
			}
		})
	}
}

// endless is a reader of something that repeats.
type endless struct {
	head, repeat string
	left, read   int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, e.head)
	e.head = e.head[n:]
	for n < len(p) && e.repeat != "" {
		n += copy(p[n:], e.repeat)
	}
	n = min(n, e.left)
	e.left -= n
	e.read += n
	return n, nil
}

// TestReadLimit sees that no more than MaxLetter octets are taken from the reader.
func TestReadLimit(t *testing.T) {
	in := &endless{head: "550 5.1.1 User unknown\n\n", repeat: "x\n", left: 100 << 20}
	replies, err := Read(in)
	if err != nil || len(replies) != 1 || replies[0].Enhanced != "5.1.1" {
		t.Errorf("Read = %v, %v", replies, err)
	}
	if in.read > MaxLetter+64<<10 {
		t.Errorf("%d octets read", in.read)
	}
}

// TestReadError sees that what came before an error is searched, and the error returned.
func TestReadError(t *testing.T) {
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader("550 5.1.1 User unknown\n"), iotest.ErrReader(broken))
	replies, err := Read(in)
	if !errors.Is(err, broken) || len(replies) != 1 {
		t.Errorf("Read = %v, %v", replies, err)
	}
	in = io.MultiReader(strings.NewReader("server said: 550 5.1.1 User unknown\n"), iotest.ErrReader(broken))
	s, err := Summarise(in, catalog.Default())
	if !errors.Is(err, broken) || s.Replies != 1 {
		t.Errorf("Summarise = %v, %v", s, err)
	}
}

// TestSummariseBounds reads logs without end, and sees what is kept of them.
func TestSummariseBounds(t *testing.T) {
	for _, repeat := range []string{
		"server said: 550 5.1.1 User unknown\n", "550 5.1.1 ", "{\"MESSAGE\":", "{\"MESSAGE\":\"a\"}\n", "1tXyZa-0000Ab-CD ** ",
		"a\t{\"smtp_code\":550}\n", "x (delivery.failed) code = ", "[outbound] S: 550 ", "rblsmtpd: 550 ", "x", "\n", "to=<a@example.org>, dsn=5.1.1, status=bounced (", "a,FAIL,\"",
	} {
		in := &endless{repeat: repeat, left: 4 << 20}
		s, err := Summarise(in, catalog.Default())
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Unclassified) > maxExamples || len(s.Rows) > 10 {
			t.Errorf("%q: %d rows, %d examples", repeat, len(s.Rows), len(s.Unclassified))
		}
		if in.read != 4<<20 {
			t.Errorf("%q: only %d octets read", repeat, in.read)
		}
	}
}

// TestSummariseRows counts by provider and cause.
func TestSummariseRows(t *testing.T) {
	log := strings.Repeat("x postfix/smtp[1]: Q: to=<a@example.org>, relay=mx.example.org[192.0.2.1]:25, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 User unknown)\n", 3) +
		"x postfix/smtp[1]: Q: to=<b@example.org>, relay=mx.example.org[192.0.2.1]:25, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 553 5.1.1 User unknown)\n" +
		"x postfix/smtp[1]: Q: to=<c@example.org>, relay=mx.example.org[192.0.2.1]:25, dsn=4.7.1, status=deferred (host mx.example.org[192.0.2.1] said: 450 4.7.1 Recipient address rejected: Greylisted, try again later)\n" +
		strings.Repeat("server said: 559 Qwerty asdfgh 1 zxcvbn\n", 2) + "server said: 559 Qwerty asdfgh 2 zxcvbn\n"
	s, err := Summarise(strings.NewReader(log), catalog.Default())
	if err != nil {
		t.Fatal(err)
	}
	if s.Lines != 8 || s.Replies != 8 || len(s.Rows) != 3 {
		t.Fatalf("Summarise = %+v", s)
	}
	first := s.Rows[0]
	if first.Cause != catalog.CauseUserUnknown || first.Count != 4 || first.Example.Recipient != "a@example.org" || first.Entry == nil ||
		strings.Join(first.Codes, ",") != "550 5.1.1,553 5.1.1" {
		t.Errorf("first row: %+v", first)
	}
	if s.Rows[1].Cause != catalog.CauseUnclassified || s.Rows[1].Count != 3 || len(s.Unclassified) != 1 {
		t.Errorf("second row: %+v, examples %v", s.Rows[1], s.Unclassified)
	}
	if s.Rows[2].Cause != catalog.CauseGreylisted {
		t.Errorf("third row: %+v", s.Rows[2])
	}
}

// FuzzRead reads anything; what it says of a reply must hold.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"testdata/*.eml", "testdata/*.txt"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	for _, h := range hostile {
		f.Add([]byte(h.top + strings.Repeat(h.repeat, 40) + h.end))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		replies, err := Read(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range replies {
			valid(t, r)
		}
	})
}

// FuzzLine reads any line.
func FuzzLine(f *testing.F) {
	names, err := filepath.Glob("testdata/*.log")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, ok := Line(line)
		if !ok {
			return
		}
		valid(t, r)
		if r.Code != 0 && r.Code < 400 {
			t.Errorf("Line = %+v: not a failure", r)
		}
	})
}

// valid checks what Reply promises.
func valid(t *testing.T, r Reply) {
	t.Helper()
	if r.Code != 0 && (r.Code < 200 || r.Code > 599) {
		t.Errorf("code %d", r.Code)
	}
	if r.Enhanced != "" && enhancedEnd(r.Enhanced) != len(r.Enhanced) {
		t.Errorf("enhanced code %q", r.Enhanced)
	}
	if r.Code == 0 && r.Enhanced == "" && r.Text == "" {
		t.Error("a reply of nothing")
	}
	if len(r.Text) > MaxText {
		t.Errorf("text of %d octets", len(r.Text))
	}
	for _, s := range []string{r.Text, r.Server, r.Recipient, r.Reporter} {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x00") {
			t.Errorf("%q is not fit to be shown", s)
		}
	}
	if r.Server != "" && hostName(r.Server) != r.Server && strings.ContainsAny(r.Server, " <>") {
		t.Errorf("server %q", r.Server)
	}
}
