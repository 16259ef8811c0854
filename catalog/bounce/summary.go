package bounce

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// The limits of a summary: it does not grow with the log.
const (
	maxExamples = 20 // Summary.Unclassified.
	maxCodes    = 8  // Row.Codes.
	maxTallies  = 64 // Codes counted for a row.
)

// A key is what replies are counted by.
type key struct {
	provider string
	cause    catalog.Cause
}

// A tally is a row in the making.
type tally struct {
	Row
	codes map[string]int
}

// Summarise reads a mail log of any length as a stream and counts its replies by provider and cause. Known are the logs of
// Postfix, Exim, Sendmail, OpenSMTPD, qmail, Courier, Haraka, Stalwart, maddy, Kerio Connect, PowerMTA, hMailServer, MDaemon, and
// Exchange (tracking and protocol), and lines of journald that hold one of them; of others any line that holds a reply counts. Its memory does not grow with the log. An error says that reading r failed; the summary then holds what was
// read until then.
func Summarise(r io.Reader, c *catalog.Catalog) (*Summary, error) {
	out := &Summary{}
	tallies := map[key]*tally{}
	shapes := map[string]bool{}
	var log Parser
	in := bufio.NewReaderSize(transform.NewReader(r, unicode.BOMOverride(transform.Nop)), maxLine)
	var err error
	for err == nil {
		var raw []byte
		raw, err = in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			err = skipLine(in)
		}
		if len(raw) == 0 {
			continue
		}
		out.Lines++
		event, known := log.Line(strings.ToValidUTF8(string(raw), "\uFFFD"))
		if known {
			out.Known++
		}
		switch {
		case event.Kind == EventReject:
			out.Inbound++
		case event.Kind == EventDelivery && event.Outcome == Delivered:
			out.Accepted++
		case event.refuses():
			out.Replies++
			class := count(tallies, c, event.Reply)
			if class.Cause == catalog.CauseUnclassified && len(out.Unclassified) < maxExamples {
				if s := shape(event.Reply); !shapes[s] {
					shapes[s] = true
					out.Unclassified = append(out.Unclassified, event.Reply)
				}
			}
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	for _, t := range tallies {
		out.Rows = append(out.Rows, t.row())
	}
	slices.SortFunc(out.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Cause, b.Cause))
	})
	return out, err
}

// skipLine leaves the rest of a line out that is too long.
func skipLine(in *bufio.Reader) error {
	for {
		_, err := in.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// count adds a reply to its row.
func count(tallies map[key]*tally, c *catalog.Catalog, r Reply) catalog.Classification {
	class := c.Classify(r.Server, r.Code, r.Enhanced, r.Text)
	k := key{class.Provider, class.Cause}
	t := tallies[k]
	if t == nil {
		t = &tally{codes: map[string]int{}}
		t.Row = Row{Provider: class.Provider, Cause: class.Cause, Retry: class.Retry, Actor: class.Actor, Example: r, Entry: class.Entry}
		tallies[k] = t
	}
	t.Count++
	code := r.Enhanced
	if r.Code != 0 {
		code = strings.TrimSpace(digitsOf(r.Code) + " " + r.Enhanced)
	}
	if _, known := t.codes[code]; code != "" && (known || len(t.codes) < maxTallies) {
		t.codes[code]++
	}
	return class
}

// row finishes a row.
func (t *tally) row() Row {
	codes := slices.SortedFunc(maps.Keys(t.codes), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.codes[b], t.codes[a]), cmp.Compare(a, b))
	})
	t.Codes = codes[:min(len(codes), maxCodes)]
	return t.Row
}

// shape is the wording of a reply without what is different each time: numbers, addresses, identifiers.
func shape(r Reply) string {
	var out strings.Builder
	for word := range strings.FieldsSeq(lower(r.Text)) {
		if out.Len() > 200 {
			break
		}
		if !strings.ContainsAny(word, "0123456789@") {
			out.WriteString(word)
			out.WriteByte(' ')
		}
	}
	return digitsOf(max(r.Code, 100)) + r.Enhanced + out.String()
}
