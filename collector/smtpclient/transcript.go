package smtpclient

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What of a peer's text is shown to people.
const (
	shownOctets = 200
	shownLines  = 100
)

// Transcript tells the session line by line for people: "C:" what we sent, "S:" what the server said,
// "--" what happened. The server's text is quoted as in Go, without the quotes, and cut to 200 octets a line, so that
// no control character or endless line reaches a terminal, a page or a log.
func (s *Session) Transcript() []string {
	lines := make([]string, 0, 64)
	say := func(format string, a ...any) { lines = append(lines, fmt.Sprintf(format, a...)) }

	for _, step := range s.Steps {
		if step.Sent != "" {
			say("C: %s", step.Sent)
		}
		took := step.Duration.Round(time.Millisecond)
		switch {
		case step.Failure != "":
			say("-- %s: %s after %s: %s", step.Stage, step.Failure, took, noted(step.Err.Error()))
		case step.Reply == nil:
			say("-- %s: done in %s", step.Stage, took)
		default:
			code, last := strconv.Itoa(step.Reply.Code), len(step.Reply.Lines)-1
			for i, text := range step.Reply.Lines {
				if i == shownLines {
					say("-- and %d more", last+1-i)
					break
				}
				separator := "-"
				if i == last {
					separator = " "
				}
				lines = append(lines, "S: "+code+separator+shown(text)) // There are many of these.
			}
		}
	}
	if s.NoRoute != nil {
		say("-- not tried: %s", noted(s.NoRoute.Error()))
	}
	if s.Aborted != nil {
		say("-- %s", noted(s.Aborted.Error()))
	}
	return lines
}

// Detail is what a failure was in full, for people: one line without control characters, "" if the stage did not fail.
func (s *Step) Detail() string {
	if s.Err == nil {
		return ""
	}
	return noted(s.Err.Error())
}

// shown makes a text safe to look at.
func shown(text string) string {
	more := ""
	if len(text) > shownOctets {
		text, more = text[:shownOctets], "..."
	}
	if !strings.ContainsFunc(text, mustQuote) {
		return text + more
	}
	quoted := strconv.Quote(text)
	return quoted[1:len(quoted)-1] + more
}

// noted is shown for an error of ours, in which octets of the peer are quoted already.
func noted(text string) string {
	if len(text) <= shownOctets && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return text
	}
	return shown(text)
}

// mustQuote reports whether a character does not show itself, or is one that quoting uses.
func mustQuote(r rune) bool {
	return r < ' ' || r > '~' || r == '"' || r == '\\'
}
