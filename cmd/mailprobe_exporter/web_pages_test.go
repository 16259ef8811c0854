package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestPeoplesPages reads the pages of the demo as somebody with a browser does.
func TestPeoplesPages(t *testing.T) {
	d := startProgram(t, &http.Transport{}, "demo", "--web.enable-lifecycle")
	defer d.stop(os.Interrupt)
	d.until("the fault", func() bool {
		_, body, _ := d.get("/targets/two-spf.example", "")
		return strings.Contains(body, `href="/problems/spf_multiple"`)
	})
	d.until("who refuses us to be unknown rather than well", func() bool {
		_, body, _ := d.get("/?state=unknown", "")
		return strings.Contains(body, `href="/targets/mx1.blocking.example:25"`)
	})
	d.until("the dialogue", func() bool {
		_, body, _ := d.get("/targets/mx1.healthy.example:25", "")
		return strings.Contains(body, "S: 221 ")
	})
	for _, c := range []struct {
		path, lang string
		status     int
		says       []string
		not        []string
	}{
		{"/", "en-US,en;q=0.9", 200, []string{`<html lang="en">`, "The domain has more than one SPF record", `href="/targets/two-spf.example"`, `<li class="critical"><a href="?state=critical"><b>`}, nil},
		{"/", "ru-RU,ru;q=0.9,en;q=0.8", 200, []string{`<html lang="ru">`, "У домена больше одной SPF-записи", "Главная проблема"}, []string{"Worst problem"}},
		{"/", "de", 200, []string{`<html lang="en">`}, nil},
		{"/?lang=ru", "en", 200, []string{`<html lang="ru">`}, nil},
		{"/?q=TWO-spf&kind=domain", "", 200, []string{"two-spf.example"}, []string{"healthy.example"}},
		{"/?state=ok", "", 200, []string{"healthy.example"}, []string{`href="/targets/two-spf.example"`}},
		{"/?q=nothing+like+that", "", 200, []string{"No target is like that."}, []string{"<tbody>"}},
		{"/targets/two-spf.example", "", 200, []string{
			"2 SPF records: &#34;v=spf1 mx ip4:203.0.113.", "What to do", "<code>", `href="/targets/mx1.two-spf.example:25"`, "The last runs",
		}, []string{"<svg"}},
		{"/targets/mx1.healthy.example:25", "", 200, []string{
			`<span class="c">C: EHLO probe.example.net</span>`, `<span class="s">S: 220 mx1.healthy.example ESMTP</span>`, "<svg", "Mail World Intermediate", "Probe now", `href="/targets/healthy.example"`,
		}, nil},
		{"/targets/nobody.example", "", 404, []string{"There is nothing of this name"}, nil},
		{"/targets/%3Cscript%3E", "", 404, nil, []string{"<script>"}},
		{"/problems/", "", 200, []string{`href="/problems/spf_multiple"`}, nil},
		{"/problems/spf_multiple", "", 200, []string{"Where it stands now", `href="/targets/two-spf.example"`, `href="https://www.rfc-editor.org/rfc/rfc7208`, "<ol>"}, nil},
		{"/problems/spf_none_such", "", 404, nil, nil},
		{"/replies/550", "", 200, []string{"550", "What usually causes it"}, nil},
		{"/replies/550-5.7.26?provider=google", "", 200, []string{"5.7.26", "Gmail"}, nil},
		{"/replies/5.1.1?lang=ru", "", 200, []string{"Что делать"}, nil},
		{"/replies/999", "", 404, nil, nil},
		{"/replies/hello", "", 404, nil, nil},
		{"/explain", "", 200, []string{"<textarea"}, nil},
		{"/static/style.css", "", 200, []string{"color-scheme"}, nil},
		{"/static/layout.html", "", 404, nil, nil},
		{"/static/..%2fweb.go", "", 404, nil, nil},
	} {
		t.Run(c.path+" "+c.lang, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept-Language", c.lang)
			status, body, _ := d.do(r)
			wantSaid(t, status, body, c.status, c.says, c.not)
		})
	}

	// Links lead somewhere.
	links := map[string]bool{}
	for _, path := range []string{"/", "/targets/two-spf.example", "/problems/"} {
		_, body, _ := d.get(path, "")
		for _, m := range regexp.MustCompile(`(?:href|src|action)="(/[^"]*)"`).FindAllStringSubmatch(body, -1) {
			links[m[1]] = true
		}
	}
	if len(links) < 100 {
		t.Errorf("only %d links", len(links))
	}
	for link := range links {
		if strings.HasSuffix(link, "/probe") {
			continue
		}
		if status, _, _ := d.get(link, ""); status != http.StatusOK {
			t.Errorf("%s: status %d", link, status)
		}
	}

	post := func(path, site string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", site)
		return d.client.Transport.RoundTrip(r)
	}
	for site, want := range map[string]int{"same-origin": http.StatusSeeOther, "cross-site": http.StatusForbidden} {
		resp, err := post("/targets/two-spf.example/probe", site)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("probe now from %s: status %d, want %d", site, resp.StatusCode, want)
		}
	}
}

// wantSaid looks for what a page or a command should say, and for what it should not.
func wantSaid(t *testing.T, status int, body string, want int, says, not []string) {
	t.Helper()
	if status != want {
		t.Errorf("status %d, want %d", status, want)
	}
	for _, s := range says {
		if !strings.Contains(body, s) {
			t.Errorf("does not say %q", s)
		}
	}
	for _, s := range not {
		if strings.Contains(body, s) {
			t.Errorf("says %q", s)
		}
	}
	if t.Failed() {
		t.Logf("%.6000s", body)
	}
}

// TestExplainPage pastes what people paste, and what somebody pastes who means harm.
func TestExplainPage(t *testing.T) {
	s := newSite(t, &flags{}, secretConfig)
	const letter = "From: MAILER-DAEMON@mx.example.org\nSubject: Undelivered Mail Returned to Sender\n\n<anna@example.net>: host mx.example.net[192.0.2.1] said: 550 5.1.1 <anna@example.net>: Recipient address rejected: User unknown (in reply to RCPT TO command)\n"
	for _, c := range []struct {
		name, text string
		status     int
		says, not  []string
	}{
		{"a code", "550", 200, []string{"What usually causes it", "How the code is read"}, nil},
		{"a reply", "550 5.7.26 This mail has been blocked because the sender is unauthenticated", 200, []string{"5.7.26", `<q class="peer">`}, nil},
		{"a letter", letter, 200, []string{"anna@example.net", "550 5.1.1", "What to do"}, nil},
		{"a problem", "spf_multiple", 200, []string{"more than one SPF record"}, nil},
		{"an attack", "550 <script>alert(1)</script> http://evil.example/ \x1b[2J", 200, []string{"&lt;script&gt;"}, []string{"<script>alert", `href="http://evil.example`}},
		{"nothing", "  ", 200, []string{"<textarea"}, nil},
		{"nonsense", strings.Repeat("lorem ipsum ", 1000), 200, nil, nil},
		{"names that are none", "550 5.1.1 x\nReporting-MTA: dns; http://evil.example/\n\nFinal-Recipient: rfc822; http://evil.example/\nStatus: 5.1.1\n", 200, []string{"5.1.1"}, []string{`href="http://evil.example`}},
		{"too much", strings.Repeat("550 5.1.1 x\n", 90_000), 413, []string{"<textarea", "more than 1 MiB"}, []string{"What to do"}},
		{"much too much", strings.Repeat("550 5.1.1 x\n", 300_000), 413, []string{"<textarea", "more than 1 MiB"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, err := s.Client().PostForm(s.URL+"/explain", url.Values{"text": {c.text}})
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			wantSaid(t, resp.StatusCode, bodyOf(t, resp), c.status, c.says, c.not)
		})
	}
}

// TestPastedWork: what is pasted is read once, whatever it is. Counted are the octets that reading allocates.
func TestPastedWork(t *testing.T) {
	const top = "From: MAILER-DAEMON@example.org\nTo: carol@example.org\nSubject: x\nMIME-Version: 1.0\n"
	for _, c := range []struct{ name, top, repeat string }{
		{"codes", "", "550\n"},
		{"codes on a line", "", "550 "},
		{"a reply without end", "", "550-5.1.1 user unknown\n"},
		{"indented lines", top + "\nsaid: 550 5.1.1 x\n", "  a\n"},
		{"a header without end", top, " a\n"},
		{"open quotes", top + "\n", "returned '550 5.1.1 a\n"},
		{"a log", "", "x: to=<a@example.org>, dsn=5.1.1, status=deferred (host a.example said: 550 5.1.1 x\n"},
		{"words", "", "lorem ipsum "},
		{"one word", "", "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.top + strings.Repeat(c.repeat, (maxPasted-len(c.top))/len(c.repeat))
			p, e := newHTMLPage(catalog.English, 2), &explainer{cat: catalog.Default(), lang: catalog.English}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := e.readAloud(p, text); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 100*maxPasted {
				t.Errorf("%d MiB were allocated", n>>20)
			}
			if n := len(p.html.body()); n == 0 || n > 16<<10 {
				t.Errorf("the answer has %d octets", n)
			}
		})
	}
}

// TestReadingWaits: no more is read at once than maxReading, and who goes away while he waits is not kept.
func TestReadingWaits(t *testing.T) {
	p, err := newPages(&flags{}, nil, &reloader{config: &targets.Config{}}, "/", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for range maxReading {
		p.reading <- struct{}{}
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	ask := func(ctx context.Context) string {
		w := httptest.NewRecorder()
		p.explain(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/explain?q=550", nil))
		return w.Body.String()
	}
	if body := ask(gone); body != "" {
		t.Errorf("was read:\n%s", body)
	}
	<-p.reading
	if body := ask(t.Context()); !strings.Contains(body, "How the code is read") {
		t.Errorf("was not read:\n%s", body)
	}
	if len(p.reading) != maxReading-1 {
		t.Errorf("%d places are taken", len(p.reading))
	}
}

// TestLanguageChosen: who has chosen a language keeps it, by a cookie that no other site gets sent along.
func TestLanguageChosen(t *testing.T) {
	s := newSite(t, &flags{}, secretConfig)
	resp, _ := s.ask(t, "GET", "/?lang=ru", "Accept-Language", "en")
	cookies := resp.Cookies()
	if len(cookies) != 1 || cookies[0].Value != "ru" || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("cookies %v", cookies)
	}
	chosen := cookies[0].Name + "=ru"
	for _, c := range []struct{ path, cookie, want string }{
		{"/", chosen, "ru"},
		{"/?lang=en", chosen, "en"},
		{"/", cookies[0].Name + `="><script>`, "en"},
		{"/?lang=%3Cscript%3E", "", "en"},
	} {
		resp, body := s.ask(t, "GET", c.path, "Accept-Language", "en", "Cookie", c.cookie)
		if resp.Header.Get("Content-Language") != c.want || !strings.Contains(body, `<html lang="`+c.want+`">`) || strings.Contains(body, "<script>") {
			t.Errorf("%s with %q is in %s", c.path, c.cookie, resp.Header.Get("Content-Language"))
		}
	}
}

// TestNotNow: what changes something wants --web.enable-lifecycle.
func TestNotNow(t *testing.T) {
	s := newSite(t, &flags{}, secretConfig)
	if resp, body := s.ask(t, "POST", "/targets/smtp.example.org:587/probe"); resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "--web.enable-lifecycle") {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
	if _, body := s.ask(t, "GET", "/targets/smtp.example.org:587"); strings.Contains(body, "Probe now") || strings.Contains(body, "hunter2") {
		t.Errorf("the page offers it, or tells the password:\n%s", body)
	}
}

// TestPageWords: every word of the pages is there in both languages.
func TestPageWords(t *testing.T) {
	for word, text := range pageWords {
		if text.EN == "" || text.RU == "" {
			t.Errorf("%s lacks a language", word)
		}
	}
	for _, outcome := range append([]string{"none"}, outcomes...) {
		if pageStates[outcome].In(catalog.Russian) == "" || pageStates[outcome].In(catalog.English) == "" {
			t.Errorf("%s lacks a language", outcome)
		}
	}
	used := 0
	files, err := pageFiles.ReadDir("pages")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := pageFiles.ReadFile("pages/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`Say "([a-z_]+)"`).FindAllStringSubmatch(string(text), -1) {
			used++
			if pageWords[m[1]].EN == "" {
				t.Errorf("%s: there is no word %s", file.Name(), m[1])
			}
		}
	}
	if used < 30 {
		t.Errorf("only %d words are used", used)
	}
}
