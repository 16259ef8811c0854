package main

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
)

// What spam filters write into a header is mostly for themselves. Here stands only what their makers publish; of the rest it is said that
// nobody outside knows.

// A markMeaning is what a part of a mark says.
type markMeaning struct {
	text catalog.Text
	args []any
}

func (m markMeaning) say(p *page) string { return p.say(m.text, m.args...) }

var (
	scoreForm  = regexp.MustCompile(`(?i)^(yes|no),\s*(?:score|hits)=(-?[0-9.]+)\s+(?:required|tests)=([0-9.]+)`)
	rspamdForm = regexp.MustCompile(`\[(-?[0-9.]+) / (-?[0-9.]+)\]`)
)

// meaningsOf returns what is known of a mark.
func meaningsOf(m bounce.Mark) []markMeaning {
	w := &markWords
	switch {
	case m.Name == "x-spam-flag" || m.Name == "x-spam":
		switch v := strings.ToLower(strings.TrimSpace(m.Value)); v {
		case "yes":
			return []markMeaning{{w.spam, nil}}
		case "no":
			return []markMeaning{{w.notSpam, nil}}
		}
	case m.Name == "x-spam-status":
		if f := scoreForm.FindStringSubmatch(m.Value); f != nil {
			verdict := w.notSpam
			if strings.EqualFold(f[1], "yes") {
				verdict = w.spam
			}
			return []markMeaning{{verdict, nil}, {w.score, []any{f[2], f[3]}}}
		}
	case m.Name == "x-spamd-result":
		if f := rspamdForm.FindStringSubmatch(m.Value); f != nil {
			return []markMeaning{{w.score, []any{f[1], f[2]}}}
		}
	case m.Name == "x-ms-exchange-organization-scl":
		return levelMeaning("SCL", m.Value)
	case m.Name == "x-forefront-antispam-report", m.Name == "x-microsoft-antispam", m.Name == "x-ms-exchange-organization-antispam-report":
		return microsoftMeanings(m.Value)
	case m.Name == "x-yandex-spam":
		return []markMeaning{{w.unpublished, []any{"Yandex"}}}
	case m.Name == "x-mras", strings.HasPrefix(m.Name, "x-mailru-"):
		return []markMeaning{{w.unpublished, []any{"Mail.ru"}}}
	}
	return nil
}

// microsoftMeanings reads "SCL:6;SFV:SPM;CAT:SPOOF;BCL:7".
func microsoftMeanings(value string) (out []markMeaning) {
	for part := range strings.SplitSeq(value, ";") {
		name, v, _ := strings.Cut(strings.TrimSpace(part), ":")
		switch name {
		case "SCL", "BCL":
			out = append(out, levelMeaning(name, v)...)
		case "CAT", "SFV":
			if t, ok := markWords.microsoft[name+":"+v]; ok {
				out = append(out, markMeaning{t, nil})
			}
		}
	}
	return out
}

// levelMeaning says what a spam confidence level or a bulk complaint level means.
func levelMeaning(name, value string) []markMeaning {
	w := &markWords
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < -1 || n > 9 {
		return nil
	}
	level := func(t catalog.Text) []markMeaning { return []markMeaning{{t, []any{n}}} }
	switch {
	case name == "SCL" && n == -1:
		return level(w.sclSkipped)
	case name == "SCL" && n <= 1:
		return level(w.sclGood)
	case name == "SCL" && n >= 7:
		return level(w.sclSure)
	case name == "SCL" && n >= 5:
		return level(w.sclSpam)
	case name == "BCL" && n == 0:
		return level(w.bclNone)
	case name == "BCL" && n >= 8:
		return level(w.bclMany)
	case name == "BCL" && n >= 4:
		return level(w.bclSome)
	case name == "BCL" && n >= 1:
		return level(w.bclFew)
	}
	return nil
}
