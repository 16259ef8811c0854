package main

import (
	"compress/gzip"
	"context"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

const secretConfig = `
helo_name: probe.example.net
resolver: {servers: ["127.0.0.1:53"]}
servers:
  - address: smtp.example.org:587
    credentials: {username: monitor, password_env: SMTP_PASSWORD}
`

// A site is the web side of an exporter that does not probe.
type site struct {
	*httptest.Server
	reloader *reloader
	path     string
}

// newSite serves the pages of a configuration that is read from a file.
func newSite(t *testing.T, f *flags, config string) *site {
	t.Helper()
	f.configFile = write(t, t.TempDir(), "exporter.yml", config)
	load := func(previous *targets.Config) (*targets.Config, error) {
		return targets.Load(f.configFile, targets.Options{Previous: previous, Getenv: func(string) string { return "hunter2" }})
	}
	cfg, err := load(nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := collector.New(collector.Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	r := &reloader{flags: f, collector: c, config: cfg, load: load, logger: logger}
	handler, err := newHandler(f, c, r, logger)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{httptest.NewServer(handler), r, f.configFile}
	t.Cleanup(s.Close)
	return s
}

// ask sends a request and returns status and body. headers are names and values in turn.
func (s *site) ask(t *testing.T, method, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp, bodyOf(t, resp)
}

func bodyOf(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestNamesInScript: pages show names as people write them, beside the A-labels that links and labels have, and find them by either.
func TestNamesInScript(t *testing.T) {
	s := newSite(t, &flags{}, "domains: [{name: пример.рф}, {name: example.org}]\n")
	const both = "пример.рф (xn--e1afmkfd.xn--p1ai)"
	for path, want := range map[string]string{
		"/": `<a href="/targets/xn--e1afmkfd.xn--p1ai">` + both + "</a>", "/?q=%D0%BF%D1%80%D0%B8": both, "/?q=xn--e1af": both,
		"/targets/xn--e1afmkfd.xn--p1ai": "<h1>" + both + "</h1>", "/?q=example.org": ">example.org</a>",
	} {
		resp, body := s.ask(t, "GET", path)
		if resp.StatusCode != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: status %d, want %s in\n%.3000s", path, resp.StatusCode, want, body)
		}
	}
}

func TestPages(t *testing.T) {
	s := newSite(t, &flags{}, secretConfig)
	for _, c := range []struct {
		method, path string
		status       int
		contains     string
	}{
		{"GET", "/", 200, "mailprobe_exporter"},
		{"GET", "/metrics", 200, `mailprobe_target_info{kind="server"`},
		{"GET", "/config", 200, "smtp.example.org:587"},
		{"GET", "/-/healthy", 200, "healthy"},
		{"GET", "/-/ready", 503, "Not every target"},
		{"POST", "/-/reload", 403, "--web.enable-lifecycle"},
		{"GET", "/-/reload", 405, ""},
		{"POST", "/metrics", 405, ""},
		{"GET", "/nothing", 404, ""},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			resp, body := s.ask(t, c.method, c.path)
			if resp.StatusCode != c.status || !strings.Contains(body, c.contains) {
				t.Errorf("status %d, want %d; body should contain %q:\n%.500s", resp.StatusCode, c.status, c.contains, body)
			}
			for name, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
				"X-Content-Type-Options":  "nosniff",
				"X-Frame-Options":         "DENY",
				"Cache-Control":           "no-store",
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if strings.Contains(body, "hunter2") {
				t.Errorf("the password is in the page:\n%s", body)
			}
		})
	}
}

// TestMetricsFormats asks as Prometheus does.
func TestMetricsFormats(t *testing.T) {
	s := newSite(t, &flags{}, secretConfig)

	resp, body := s.ask(t, "GET", "/metrics", "Accept", "application/openmetrics-text;version=1.0.0", "Accept-Encoding", "identity")
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text") || !strings.HasSuffix(body, "# EOF\n") {
		t.Errorf("OpenMetrics: type %q, ends in %q", got, body[max(0, len(body)-20):])
	}

	resp, body = s.ask(t, "GET", "/metrics", "Accept-Encoding", "gzip")
	if resp.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("not compressed: %v", resp.Header)
	}
	unzipped, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(unzipped)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mailprobe_target_info", "mailprobe_build_info", "go_goroutines", "process_open_fds", "promhttp_metric_handler_requests_total"} {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}

	_, body = s.ask(t, "GET", "/metrics?name[]=mailprobe_build_info", "Accept-Encoding", "identity")
	if got := strings.Count(body, "# TYPE "); got != 1 || !strings.Contains(body, "mailprobe_build_info{") {
		t.Errorf("name[] does not choose one metric:\n%.500s", body)
	}
}

// TestReloadOverHTTP changes the file under a running exporter.
func TestReloadOverHTTP(t *testing.T) {
	s := newSite(t, &flags{lifecycle: true}, secretConfig)
	change := func(text string) {
		if err := os.WriteFile(s.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	metric := func(name string) string {
		_, body := s.ask(t, "GET", "/metrics", "Accept-Encoding", "identity")
		for line := range strings.Lines(body) {
			if value, ok := strings.CutPrefix(line, name+" "); ok {
				return strings.TrimSpace(value)
			}
		}
		return "absent"
	}

	change("domains: [{name: example.org}, {nam: example.net}]\n")
	if resp, body := s.ask(t, "POST", "/-/reload"); resp.StatusCode != http.StatusInternalServerError || !strings.Contains(body, "exporter.yml:1:") {
		t.Errorf("a bad file: status %d: %s", resp.StatusCode, body)
	}
	if _, body := s.ask(t, "GET", "/config"); !strings.Contains(body, "smtp.example.org:587") {
		t.Errorf("a bad file replaced a good one:\n%s", body)
	}
	if got := metric("mailprobe_config_last_reload_successful"); got != "0" {
		t.Errorf("config_last_reload_successful is %s after a bad file", got)
	}

	change("helo_name: probe.example.net\ndomains: [{name: example.org}]\n")
	if resp, _ := s.ask(t, "POST", "/-/reload", "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("another site's page reloads: status %d", resp.StatusCode)
	}
	if resp, body := s.ask(t, "POST", "/-/reload"); resp.StatusCode != http.StatusOK {
		t.Errorf("a good file: status %d: %s", resp.StatusCode, body)
	}
	if _, body := s.ask(t, "GET", "/config"); !strings.Contains(body, "example.org") || strings.Contains(body, "smtp.example.org") {
		t.Errorf("the new file is not in force:\n%s", body)
	}
	if got := metric("mailprobe_config_last_reload_successful"); got != "1" {
		t.Errorf("config_last_reload_successful is %s after a good file", got)
	}
}

// TestExternalURL serves the pages below the path of the URL.
func TestExternalURL(t *testing.T) {
	s := newSite(t, &flags{externalURL: "https://monitor.example.org/mailprobe/"}, secretConfig)
	for path, status := range map[string]int{"/mailprobe/metrics": 200, "/mailprobe/": 200, "/metrics": 404} {
		if resp, _ := s.ask(t, "GET", path); resp.StatusCode != status {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, status)
		}
	}
	if resp, _ := s.ask(t, "GET", "/mailprobe"); resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/mailprobe/" {
		t.Errorf("without the slash: status %d at %s", resp.StatusCode, resp.Request.URL)
	}
}

// TestWatchedFiles says when a change of a file is noticed without being told.
func TestWatchedFiles(t *testing.T) {
	dir := t.TempDir()
	list := write(t, dir, "list.yml", "domains: [{name: example.org}]\n")
	for _, c := range []struct {
		name string
		auto bool
		edit func(s *site)
		want bool
	}{
		{"target files are always watched", false, func(*site) { write(t, dir, "list.yml", "domains: [{name: example.com}]\n") }, true},
		{"so are new ones", false, func(*site) { write(t, dir, "more.yml", "domains: [{name: example.net}]\n") }, true},
		{"exporter.yml is not", false, func(s *site) { appendTo(t, s.path, "# a comment\n") }, false},
		{"unless asked for", true, func(s *site) { appendTo(t, s.path, "# a comment\n") }, true},
		{"the same content is no change", true, func(s *site) {
			later := time.Now().Add(time.Hour)
			if err := os.Chtimes(list, later, later); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, dir, "list.yml", "domains: [{name: example.org}]\n")
			_ = os.Remove(dir + "/more.yml")
			s := newSite(t, &flags{autoReload: c.auto}, "helo_name: probe.example.net\ntarget_files: ["+dir+"/*.yml]\n")
			s.reloader.changed()
			c.edit(s)
			if changed := s.reloader.changed(); changed != c.want {
				t.Errorf("noticed: %v, want %v", changed, c.want)
			}
		})
	}
}

// TestReloadOnce: what a reload by other means has read is not read once more by the one who watches files.
func TestReloadOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "list.yml", "domains: [{name: example.org}]\n")
	for name, text := range map[string]string{
		"a comment": secretConfig + "# a comment\n", "other files": "target_files: [" + dir + "/*.yml]\n", "a bad file": "bogus: 1\n",
	} {
		s := newSite(t, &flags{autoReload: true, lifecycle: true}, secretConfig)
		s.reloader.changed()
		if err := os.WriteFile(s.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.ask(t, "POST", "/-/reload")
		if s.reloader.changed() {
			t.Errorf("%s: would be reloaded once more", name)
		}
		appendTo(t, s.path, "# another\n")
		if !s.reloader.changed() {
			t.Errorf("%s: the next change is not noticed", name)
		}
	}
}

// TestReloadByItself: a changed file is read when it is looked at next, or at once where somebody asks for it.
func TestReloadByItself(t *testing.T) {
	s := newSite(t, &flags{autoReload: true, autoReloadInterval: 30 * time.Second}, secretConfig)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		hup := make(chan os.Signal, 1)
		var running sync.WaitGroup
		running.Go(func() { s.reloader.run(ctx, hup) })
		wantTargets := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			if got := len(s.reloader.current().Targets); got != want {
				t.Errorf("%s: %d targets, want %d", when, got, want)
			}
		}
		wantTargets("before", 1)
		appendTo(t, s.path, "domains: [{name: example.org}]\n")
		time.Sleep(29 * time.Second)
		wantTargets("before it is looked at", 1)
		time.Sleep(2 * time.Second)
		wantTargets("after it was looked at", 2)
		appendTo(t, s.path, "senders: [{address: 203.0.113.9}]\n")
		hup <- os.Interrupt // Whatever it is, it comes through the channel of SIGHUP.
		wantTargets("after a signal", 3)
		cancel()
		running.Wait()
	})
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(old, text...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTexts: evidence is in the language of the page, and what is not is marked.
func TestTexts(t *testing.T) {
	evidence := []catalog.Text{{EN: "2 SPF records", RU: "SPF-записей: 2"}, {EN: "t=y", RU: "t=y"}}
	outline, err := template.ParseFS(pageFiles, "pages/layout.html")
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[catalog.Lang]string{
		catalog.English: `<li>2 SPF records</li><li>t=y</li>`, catalog.Russian: `<li>SPF-записей: 2</li><li lang="en">t=y</li>`,
	} {
		var out strings.Builder
		if err := outline.ExecuteTemplate(&out, "outline", frame{Lang: lang}.texts(evidence)); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%s: got %s, want %s", lang, &out, want)
		}
	}
}
