package smtpclient

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The limits of a reply. RFC 5321 section 4.5.3.1.5 grants 512 octets a line and says nothing of
// lines; servers send longer ones. A line counts with its line end.
const (
	maxLine  = 8 << 10
	maxReply = 64 << 10
	maxLines = 2000 // A thousand EHLO keywords are silly, but a reply.
)

var (
	errProtocol = errors.New("not an SMTP reply")
	errTooLong  = errors.New("beyond the limit")
	errInjected = errors.New("plaintext injected before the TLS handshake")
)

// A replyReader reads replies. Its buffer is as large as a line may be, so that a line that
// does not fit is too long.
type replyReader struct {
	*bufio.Reader
	texts []byte // Those of the lines read so far, joined by LF, which none of them can contain.
}

func newReplyReader(r io.Reader) replyReader {
	return replyReader{Reader: bufio.NewReaderSize(r, maxLine)}
}

// read reads one reply, all lines of it. The errors are errProtocol, errTooLong and those of
// the connection; io.EOF if it ended.
func (r *replyReader) read() (*Reply, error) {
	r.texts = r.texts[:0]
	code, size := 0, 0
	for lines := 1; ; lines++ {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, saying(fmt.Errorf("%w of %d octets a line", errTooLong, maxLine), line)
		}
		if err != nil {
			return nil, saying(err, line) // Of a line that never ends.
		}
		if size += len(line); size > maxReply || lines > maxLines {
			return nil, fmt.Errorf("%w of %d octets or %d lines a reply", errTooLong, maxReply, maxLines)
		}
		lineCode, text, more, err := parseLine(line)
		if err != nil {
			return nil, err
		}
		if lines == 1 {
			code = lineCode
		} else {
			r.texts = append(r.texts, '\n')
		}
		if lineCode != code {
			// RFC 5321 section 4.2.1: all lines carry the same code. Which one would we believe?
			return nil, fmt.Errorf("%w: code %d in a reply of %d", errProtocol, lineCode, code)
		}
		r.texts = append(r.texts, text...)
		if !more {
			break
		}
	}
	reply := &Reply{Code: code, Lines: strings.Split(string(r.texts), "\n")}
	reply.Enhanced = enhancedCode(code, reply.Lines[0])
	return reply, nil
}

// parseLine takes one line of a reply apart: RFC 5321 section 4.2,
//
//	Reply-line = Reply-code [ SP textstring ] CRLF
//
// with "-" for SP in all lines but the last. The text may be missing, and the SP with it. Where
// we are laxer or stricter: the code is any from 200 to 599, since servers use 571; the text is any
// octets; a line may end in LF alone, which section 2.3.8 forbids to send, every client
// accepts, and nothing can be smuggled through here. CR alone ends no line.
func parseLine(line []byte) (code int, text []byte, more bool, err error) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
		return 0, nil, false, saying(fmt.Errorf("%w: %.40q", errProtocol, line), line)
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	switch {
	case len(line) == 3:
		return code, nil, false, nil
	case line[3] == ' ' || line[3] == '-':
		return code, line[4:], line[3] == '-', nil
	}
	return 0, nil, false, saying(fmt.Errorf("%w: %.40q", errProtocol, line), line)
}

// enhancedCode returns the enhanced status code that a text begins with (RFC 2034, RFC 3463), or "".
// One whose class is not that of the code contradicts it and is ignored.
func enhancedCode(code int, text string) string {
	word, _, _ := strings.Cut(text, " ")
	class, rest, _ := strings.Cut(word, ".")
	subject, detail, _ := strings.Cut(rest, ".")
	if class != "2" && class != "4" && class != "5" || int(class[0]-'0') != code/100 ||
		!isStatusNumber(subject) || !isStatusNumber(detail) {
		return ""
	}
	return word
}

// isStatusNumber reports whether s is a subject or detail: one to three digits, no leading zero.
func isStatusNumber(s string) bool {
	if len(s) == 0 || len(s) > 3 || s[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
