package catalog

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFill: what is known stands in the text, what is not is said in words, and no value breaks out of its code span.
func TestFill(t *testing.T) {
	text := Text{EN: "Ask `{host}` for `{domain}`.", RU: "Спросите `{host}` о `{domain}`."}
	for _, test := range []struct {
		lang   Lang
		values Values
		want   string
	}{
		{English, Values{ValueHost: "mx.example.net", ValueDomain: "example.net"}, "Ask `mx.example.net` for `example.net`."},
		{Russian, Values{ValueHost: "mx.example.net"}, "Спросите `mx.example.net` о `<ваш домен>`."},
		{English, nil, "Ask `<host name>` for `<your domain>`."},
		{Russian, Values{}, "Спросите `<имя сервера>` о `<ваш домен>`."},
		{English, Values{ValueHost: "a`b\x1b[31m\u202e", ValueDomain: "{host}"}, "Ask `a'b?[31m?` for `{host}`."},
	} {
		if got := text.Fill(test.lang, test.values); got != test.want {
			t.Errorf("%s %q: %q, want %q", test.lang, test.values, got, test.want)
		}
	}
	if got := (Text{EN: "`{open_command}`"}).Fill(English, nil); got != "`nc -v <host name> <port>`" {
		t.Errorf("%q", got)
	}
	if got := (Text{EN: "Exim: `${if eq{$x}{}{}{*}}`"}).Fill(English, nil); got != "Exim: `${if eq{$x}{}{}{*}}`" {
		t.Errorf("%q", got)
	}
}

// TestRemediesFor: a remedy is shown where what it needs is known, and another where it is not.
func TestRemediesFor(t *testing.T) {
	a := Advice{Remedies: []Remedy{
		{Text: Text{EN: "always"}},
		{Text: Text{EN: "publish `{record}`"}, If: []string{ValueRecord}},
		{Text: Text{EN: "write a record"}, Unless: []string{ValueRecord}},
	}}
	if got := a.RemediesFor(English, nil); !slices.Equal(got, []string{"always", "write a record"}) {
		t.Errorf("%q", got)
	}
	foreign := a.RemediesFor(Russian, Values{ValueForeign: "Google", ValueHost: "mx.example.net"})
	if len(foreign) != 1 || !strings.HasPrefix(foreign[0], "`mx.example.net` — сервер провайдера `Google`") {
		t.Errorf("%q", foreign)
	}
	got := a.RemediesFor(English, RecordValues("example.org", "TXT", "v=spf1 -all"))
	if !slices.Equal(got, []string{"always", "publish `v=spf1 -all`"}) {
		t.Errorf("%q", got)
	}
}

// TestRecordValues: a record to publish is whole and printable, or none is proposed.
func TestRecordValues(t *testing.T) {
	r, ok := RecordValues("example.org", "TXT", "v=spf1 -all").Record()
	if !ok || r != (Record{"example.org", "TXT", "v=spf1 -all"}) {
		t.Errorf("%v %v", r, ok)
	}
	for _, data := range []string{"", "v=spf1 –all", "a\nb", "a`b", "a\x1bb", strings.Repeat("a", maxRecord+1)} {
		if r, ok := RecordValues("example.org", "TXT", data).Record(); ok {
			t.Errorf("%.20q is proposed: %v", data, r)
		}
	}
}

// TestMeaningFor: what it means depends on what was seen, and not on whose server it is.
func TestMeaningFor(t *testing.T) {
	a := Advice{Meaning: Text{EN: "in general"}, MeaningIf: []Remedy{{Text: Text{EN: "of `{receiving}`"}, If: []string{ValueReceiving}}}}
	for want, v := range map[string]Values{
		"in general": {ValueForeign: "Google", ValueHost: "mx.example.net"},
		"of `mx:25`": {ValueForeign: "Google", ValueReceiving: "mx:25"},
	} {
		if got := a.MeaningFor(English, v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

// exampleForm is what stands in documents only: names of RFC 2606, addresses of RFC 5737 and RFC 3849, and selectors.
var exampleForm = regexp.MustCompile(`(?i)\bexample\.(org|net|com)\b|\.(example|test|invalid|localhost)\b|` +
	`\b(192\.0\.2|198\.51\.100|203\.0\.113)\.\d|\b2001:0?db8\b|\bs20\d\d[a-z]\b|[a-z0-9]\._domainkey\b`)

// TestRemediesNameNobody: a remedy names what is known of the problem at hand, and nothing that only looks like it.
func TestRemediesNameNobody(t *testing.T) {
	seen := 0
	try := func(id string, list []Remedy) {
		for _, r := range list {
			for _, text := range []string{r.EN, r.RU} {
				seen++
				// A name that does not exist is what this command asks for.
				text = strings.ReplaceAll(text, "{dig_command} test.invalid", "")
				if found := exampleForm.FindString(text); found != "" {
					t.Errorf("%s: a remedy names %q: %s", id, found, text)
				}
			}
		}
	}
	c := Default()
	for _, e := range c.problems {
		try(e.ID, e.Remedies)
	}
	for _, e := range c.replies {
		try(e.ID, e.Remedies)
	}
	for _, e := range c.codes {
		try(e.ID, e.Remedies)
	}
	for _, e := range c.enhanced {
		try(e.ID, e.Remedies)
	}
	for _, e := range c.conditions {
		try(e.ID, e.Remedies)
	}
	for _, e := range c.lists {
		try(e.ID, e.Remedies)
	}
	for _, e := range c.topics {
		try(e.ID, e.Remedies)
	}
	if seen < 2000 {
		t.Errorf("%d texts of remedies were seen", seen)
	}
	for _, text := range []string{"mail.example.org", "ip4:203.0.113.9", "2001:db8::25", "s2026a", "s1._domainkey.{domain}"} {
		if !exampleForm.MatchString(text) {
			t.Errorf("%q would not be found", text)
		}
	}
}
