package bounce

import (
	"bytes"
	"encoding/base64"
	"iter"
	"mime"
	"strings"
)

// maxHeader is how many octets of a header are looked at, maxFields how many fields.
const (
	maxHeader = 256 << 10
	maxFields = 2000
)

// An entity is a letter or a part of one: a header and a body (RFC 2045 section 2.4). Mail systems that fail to deliver
// are also those that write broken MIME, so nothing here fails: what cannot be read is taken as it stands.
type entity struct {
	fields []field
	body   []byte
}

// A field is one of a header, unfolded, its name in lower case.
type field struct{ name, value string }

// get returns the first field of a name; "" if there is none.
func (e entity) get(name string) string {
	for _, f := range e.fields {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// parseEntity takes a header and what follows the empty line. Where that line is missing, the body begins with the first line
// that is no field.
func parseEntity(data []byte) entity {
	var e entity
	var folded []byte // The lines that continue the last field.
	unfold := func() {
		if n := len(e.fields); n > 0 && len(folded) > 0 {
			e.fields[n-1].value += string(folded)
		}
		folded = folded[:0]
	}
	rest := data
	for len(rest) > 0 && len(data)-len(rest) < maxHeader {
		line, after := cutLine(rest)
		if len(bytes.TrimSpace(line)) == 0 {
			rest = after
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			folded = append(append(folded, ' '), bytes.TrimSpace(line)...)
		} else if name, value, ok := cutField(line); ok {
			if unfold(); len(e.fields) < maxFields {
				e.fields = append(e.fields, field{name, value})
			}
		} else if len(e.fields) > 0 || !bytes.HasPrefix(line, []byte("From ")) { // Not the line that an mbox puts above.
			break
		}
		rest = after
	}
	unfold()
	e.body = rest
	return e
}

// parseLetter takes a letter. ok is false for what is none: its first lines are not the header of one.
func parseLetter(data []byte) (e entity, ok bool) {
	data = bytes.TrimLeft(data, " \t\r\n")
	e = parseEntity(data)
	known := 0
	for _, f := range e.fields {
		if letterFields[f.name] {
			known++
		}
	}
	return e, known >= 2 || known == 1 && len(e.fields) >= 3
}

// letterFields are names of fields that letters begin with.
var letterFields = map[string]bool{
	"received": true, "return-path": true, "delivered-to": true, "from": true, "to": true, "subject": true, "date": true, "message-id": true,
	"mime-version": true, "content-type": true, "content-transfer-encoding": true, "sender": true, "reply-to": true, "auto-submitted": true,
	"x-failed-recipients": true, "dkim-signature": true, "authentication-results": true, "x-original-to": true, "references": true,
	"in-reply-to": true, "cc": true, "arc-seal": true, "x-received": true, "envelope-to": true, "x-mailer": true, "sent": true,
}

// cutLine takes the first line of data, which ends with CRLF, LF or CR.
func cutLine(data []byte) (line, rest []byte) {
	i := bytes.IndexAny(data, "\r\n")
	if i < 0 {
		return data, nil
	}
	if data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n' {
		return data[:i], data[i+2:]
	}
	return data[:i], data[i+1:]
}

// cutField splits a line of a header (RFC 5322 section 2.2). The name is returned in lower case.
func cutField(line []byte) (name, value string, ok bool) {
	colon := bytes.IndexByte(line[:min(len(line), 80)], ':')
	if colon <= 0 {
		return "", "", false
	}
	for _, b := range bytes.TrimRight(line[:colon], " \t") {
		if b <= ' ' || b >= 0x7f {
			return "", "", false
		}
	}
	value = string(bytes.TrimSpace(line[colon+1 : min(len(line), maxLine)]))
	return strings.ToLower(string(bytes.TrimRight(line[:colon], " \t"))), value, true
}

// contentType returns type and parameters in lower case (but for the parameters' values). The type is "" if none is said.
func (e entity) contentType() (kind string, params map[string]string) {
	value := e.get("content-type")
	kind, rest, _ := strings.Cut(value, ";")
	return strings.ToLower(strings.TrimSpace(kind)), parameters(rest)
}

// fileName returns the name that a part is to be saved under, in lower case.
func (e entity) fileName() string {
	_, rest, _ := strings.Cut(e.get("content-disposition"), ";")
	_, params := e.contentType()
	return strings.ToLower(cmpOr(parameters(rest)["filename"], params["name"]))
}

// parameters reads "a=b; c="d"" (RFC 2045 section 5.1) as far as it can be read.
func parameters(s string) map[string]string {
	params := map[string]string{}
	for s != "" && len(params) < 20 {
		var name, value string
		var ok bool
		if name, s, ok = strings.Cut(s, "="); !ok {
			break
		}
		s = strings.TrimLeft(s, " \t")
		if strings.HasPrefix(s, `"`) {
			value, s, _ = strings.Cut(s[1:], `"`)
			_, s, _ = strings.Cut(s, ";")
		} else {
			value, s, _ = strings.Cut(s, ";")
		}
		name = strings.ToLower(strings.Trim(name, " \t;"))
		if _, twice := params[name]; !twice {
			params[name] = strings.TrimSpace(value)
		}
	}
	return params
}

// decoded returns the body without its transfer encoding (RFC 2045 section 6).
func (e entity) decoded() []byte {
	switch strings.ToLower(strings.TrimSpace(e.get("content-transfer-encoding"))) {
	case "base64":
		return fromBase64(e.body)
	case "quoted-printable":
		return fromQuotedPrintable(e.body)
	}
	return e.body
}

// fromBase64 decodes what there is, leaving out whatever is not of the alphabet. A body that is no Base64 at all
// is returned as it is: some systems encode only in the header.
func fromBase64(body []byte) []byte {
	packed := make([]byte, 0, len(body))
	foreign := 0
	for _, b := range body {
		switch {
		case b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '+', b == '/':
			packed = append(packed, b)
		case b != '=' && b != '\r' && b != '\n':
			foreign++
		}
	}
	if foreign > len(packed)/8 {
		return body
	}
	if len(packed)%4 == 1 {
		packed = packed[:len(packed)-1]
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(packed)))
	n, _ := base64.RawStdEncoding.Decode(out, packed) // Of this alphabet and this length: what is decoded until an error counts.
	return out[:n]
}

// fromQuotedPrintable decodes, leaving what is no escape as it is.
func fromQuotedPrintable(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for i := 0; i < len(body); i++ {
		if body[i] != '=' {
			out = append(out, body[i])
			continue
		}
		if i+2 < len(body) {
			if hi, lo := hexDigit(body[i+1]), hexDigit(body[i+2]); hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		end := i + 1
		for end < len(body) && (body[end] == ' ' || body[end] == '\t') {
			end++
		}
		if end < len(body) && body[end] != '\r' && body[end] != '\n' {
			out = append(out, body[i:end]...) // An "=" that somebody forgot to encode.
			i = end - 1
			continue
		}
		_, after := cutLine(body[end:]) // A soft line break.
		i = len(body) - len(after) - 1
	}
	return out
}

func hexDigit(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b >= 'A' && b <= 'F':
		return int(b-'A') + 10
	case b >= 'a' && b <= 'f':
		return int(b-'a') + 10
	}
	return -1
}

// split yields the parts of a multipart body (RFC 2046 section 5.1). A missing last boundary ends with the body.
func (e entity) split(boundary string) iter.Seq[entity] {
	return func(yield func(entity) bool) {
		delimiter := []byte("--" + boundary)
		start := -1
		for at := 0; at < len(e.body); {
			line, rest := cutLine(e.body[at:])
			next := len(e.body) - len(rest)
			if after, ok := bytes.CutPrefix(line, delimiter); ok {
				after = bytes.TrimRight(after, " \t")
				if len(after) == 0 || bytes.Equal(after, []byte("--")) {
					if start >= 0 && !yield(parsePart(e.body[start:at])) {
						return
					}
					start = next
					if len(after) > 0 {
						return
					}
				}
			}
			at = next
		}
		if start >= 0 && start < len(e.body) {
			yield(parsePart(e.body[start:]))
		}
	}
}

// parsePart takes a part, whose header may be empty.
func parsePart(data []byte) entity {
	if line, rest := cutLine(data); len(bytes.TrimSpace(line)) == 0 {
		return entity{body: rest}
	}
	return parseEntity(data)
}

// hasBoundary reports whether a body has parts.
func hasBoundary(body []byte, boundary string) bool {
	return bytes.HasPrefix(body, []byte("--"+boundary)) || bytes.Contains(body, []byte("\n--"+boundary)) || bytes.Contains(body, []byte("\r--"+boundary))
}

// guessBoundary finds the boundary of parts where none is said: a line "--something" with "Content-" below it.
func guessBoundary(body []byte) string {
	for rest := body; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		if len(line) < 4 || len(line) > 200 || line[0] != '-' || line[1] != '-' || bytes.ContainsAny(line, " \t") {
			continue
		}
		if len(rest) >= 8 && bytes.EqualFold(rest[:8], []byte("content-")) {
			return string(line[2:])
		}
	}
	return ""
}

// decodeWords decodes encoded words (RFC 2047).
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	dec := mime.WordDecoder{CharsetReader: charsetReader}
	if out, err := dec.DecodeHeader(s); err == nil {
		return out
	}
	return s
}
