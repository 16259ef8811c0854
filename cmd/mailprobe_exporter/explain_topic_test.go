package main

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// people are words that people look for, each answered by a topic.
var people = []string{
	"spf", "dkim", "dmarc", "ptr", "rdns", "mx", "dane", "mta-sts", "tls", "starttls", "dnsbl", "rbl", "blocklist", "greylisting",
	"spam", "bounce", "ndr", "dsn", "timeout", "relay", "auth", "queue", "4xx", "5xx", "x1x", "5.7", "4.2", "port 465", "порт 587",
	"неизвестная ошибка smtp", "письма не доходят", "висят в отправленных", "массовая рассылка", "лимит рассылки", "чёрный список",
}

// TestTopics: every such word is answered, as text and as JSON, in both languages, and on the page;
// and everything that an answer leads to is there.
func TestTopics(t *testing.T) {
	s := newSite(t, &flags{}, secretConfig)
	for _, word := range people {
		for _, lang := range []catalog.Lang{catalog.English, catalog.Russian} {
			status, out, _ := explain(t, nil, "--lang", string(lang), word)
			if status != 0 {
				t.Errorf("%s: status %d", word, status)
			}
			inOrder(t, out, []string{words.topicRemedies.In(lang), "1. ", words.topicCauses.In(lang), "- ", words.references.In(lang)})
		}
		status, out, _ := explain(t, nil, "--format", "json", word)
		var got struct {
			Topics []struct {
				ID      string
				Entries []entryJSON
			}
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil || status != 0 || len(got.Topics) != 1 || len(got.Topics[0].Entries) == 0 {
			t.Fatalf("%s: status %d, %v, %s", word, status, err, out)
		}
		for _, entry := range got.Topics[0].Entries {
			if entry.Title == "" || entry.ID == "" || entry.Kind == "" {
				t.Errorf("%s leads to %+v", word, entry)
			}
		}
		title := catalog.Default().TopicByID(got.Topics[0].ID).Title.EN
		if _, body := s.ask(t, "GET", "/explain?q="+url.QueryEscape(word)); !strings.Contains(unescaped(body), plain(title)) {
			t.Errorf("%s is not answered on the page", word)
		}
	}
}

// unescaped is a page's text as people read it, so far as titles go.
func unescaped(body string) string {
	return strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&amp;", "&").Replace(body)
}

// TestLedTo: what texts tell people to ask is answered.
func TestLedTo(t *testing.T) {
	e := &explainer{cat: catalog.Default(), lang: catalog.English}
	asked := 0
	for _, topic := range e.cat.Topics() {
		for _, entry := range slices.Concat(
			e.related(topic), e.entriesOf(catalog.KindSetting, settingIDs(topic)), e.entriesOf(catalog.KindTopic, topic.See),
		) {
			asked++
			if e.answer(askedFor(entry)).empty() {
				t.Errorf("%s leads to %s, which is not explained", topic.ID, askedFor(entry))
			}
		}
	}
	if asked < 300 {
		t.Errorf("only %d entries: the test looks in the wrong place", asked)
	}
}

// TestNearestOnPage: the page names the nearest entries, too, and a text of one line in a file gets
// them.
func TestNearestOnPage(t *testing.T) {
	s := newSite(t, &flags{}, secretConfig)
	if _, body := s.ask(t, "GET", "/explain?q=greylistng"); !strings.Contains(body, words.nearest.EN) || !strings.Contains(body, "explain greylisting") {
		t.Errorf("no nearest entries in %s", body)
	}
	status, out, _ := explain(t, strings.NewReader("greylistng\n"))
	if status != 2 || !strings.Contains(out, words.nearest.EN) {
		t.Errorf("status %d, %s", status, out)
	}
}
