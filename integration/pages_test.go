//go:build integration

package integration

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
)

// evil is what somebody writes wherever he may, to have it run or to hide what is there: a script, a way out of an attribute, an
// escape sequence, a character that turns the direction of writing.
const (
	evil       = `<script>alert(1)</script>"><img src=x onerror=alert(2)>`
	evilQuoted = `<script>alert(1)</script>\"><img src=x onerror=alert(2)>` // As evidence has it.
	evilMore   = "\x1b[2J\u202egnp.exe"
	evilInDNS  = `<script>alert(1)</script>\"><img src=x onerror=alert(2)>\027[2J\226\128\174gnp.exe`
)

// pagesConfig has a hostile domain and a friendly one, whose record includes others, and a sender that is on a list.
const pagesConfig = `
blocklists: {use: [spamhaus_zen]}
probe_allow: [192.0.2.0/24]
own_servers: ["*.example.org"]
domains:
  - {name: hostile.example.org, dkim_selectors: [s]}
  - {name: tree.example.org, senders: [203.0.113.98]}
`

func startPagesExporter(t *testing.T) *exporter {
	t.Helper()
	world.knot.change(t, `
		+ hostile.example.org. MX 10 mx.hostile.example.org.
		+ hostile.example.org. TXT "v=spf1 include:`+evilInDNS+` ~all"
		+ _dmarc.hostile.example.org. TXT "v=DMARC1; p=`+evilInDNS+`"
		+ _mta-sts.hostile.example.org. TXT "v=STSv1; id=`+evilInDNS+`"
		+ s._domainkey.hostile.example.org. TXT "v=DKIM1; p=`+evilInDNS+`"
		+ mx.hostile.example.org. A 192.0.2.93
		+ tree.example.org. TXT "v=spf1 include:one.tree.example.org include:three.tree.example.org -all"
		+ one.tree.example.org. TXT "v=spf1 include:two.tree.example.org -all"
		+ two.tree.example.org. TXT "v=spf1 a:gone.tree.example.org -all"
		+ three.tree.example.org. TXT "v=spf1 ip4:203.0.113.98 -all"
		+ 2.0.0.127.zen.spamhaus.org. A 127.0.0.2
		+ 98.113.0.203.zen.spamhaus.org. A 127.0.0.2
	`)
	startHostile(t, "192.0.2.93:25")
	// The flag goes behind all others.
	e := startExporterAt(t, preamble()+pagesConfig, freePort(), "sh", "-c", `exec "$@" --web.enable-lifecycle`, "sh")
	e.expect(t, patience, `
		smtp_up{target="mx.hostile.example.org:25"} 1
		certificate_info{target="mx.hostile.example.org:25"} 1
		check_conclusive{target="hostile.example.org"} 1
		spf_lookups{target="tree.example.org"} 4
		dnsbl_listed{target="203.0.113.98"} 1
	`)
	return e
}

// startHostile is a mail server that writes evil wherever it may, on the wire and in its certificate.
func startHostile(t *testing.T, address string) {
	t.Helper()
	c := world.certificate(t, evil+"\x1b[2J", "*.hostile.example.org", evil)
	pair, err := tls.X509KeyPair([]byte(c.pem), []byte(c.pem))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				speakEvil(conn, &tls.Config{Certificates: []tls.Certificate{pair}})
			}()
		}
	}()
}

func speakEvil(conn net.Conn, c *tls.Config) {
	const hello = "250-mx.hostile.example.org " + evil + evilMore + "\r\n250-" + evil + "\r\n250 STARTTLS\r\n"
	fmt.Fprintf(conn, "220 mx.hostile.example.org %s%s %s\r\n", evil, evilMore, strings.Repeat("W", 400))
	in := bufio.NewScanner(conn)
	for in.Scan() {
		switch verb, _, _ := strings.Cut(in.Text(), " "); verb {
		case "EHLO":
			fmt.Fprint(conn, hello)
		case "STARTTLS":
			fmt.Fprintf(conn, "220 %s\r\n", evil)
			conn = tls.Server(conn, c)
			in = bufio.NewScanner(conn)
		default:
			fmt.Fprintf(conn, "221 %s\r\n", evil+evilMore)
			return
		}
	}
}

// TestPages uses the pages as people do, in a real browser.
func TestPages(t *testing.T) {
	t.Parallel()
	e := startPagesExporter(t)
	paths := []string{
		"/", "/?state=critical", "/targets/hostile.example.org", "/targets/mx.hostile.example.org:25", "/targets/tree.example.org",
		"/targets/203.0.113.98", "/problems/", "/problems/spf_invalid", "/replies/550", "/explain", "/targets/nobody.example",
		"/explain?q=" + url.QueryEscape("550 5.7.1 "+evil+evilMore),
	}
	for lang, says := range map[string]string{"en-GB": "Targets", "ru-RU": "Цели"} {
		t.Run(lang, func(t *testing.T) {
			b := startBrowser(t, lang)
			for _, width := range []int{1280, 390} {
				b.resize(width, 844)
				for _, path := range paths {
					b.open(e.url + path)
					b.wellMade(path, lang[:2])
				}
			}
			b.open(e.url)
			if got := b.eval("document.querySelector('h1').innerText"); got != says {
				t.Errorf("the heading is %q", got)
			}
			b.clean()
		})
	}
	t.Run("hostile", func(t *testing.T) { testHostilePages(t, e) })
	t.Run("filter", func(t *testing.T) { testFilter(t, e) })
	t.Run("without JavaScript", func(t *testing.T) { testWithoutScript(t, e) })
	t.Run("refresh", func(t *testing.T) { testRefresh(t, e) })
	t.Run("probe now", func(t *testing.T) { testProbeNow(t, e) })
	t.Run("shown", func(t *testing.T) { testShown(t, e) })
}

// wellMade fails the test if a page lacks what people need who do not see it, or who see it on a phone.
func (b *browser) wellMade(path, lang string) {
	b.t.Helper()
	faults := b.eval(`(() => {
		const faults = [], all = (s) => [...document.querySelectorAll(s)];
		const want = (ok, what) => { if (!ok) faults.push(what); };
		want(document.documentElement.lang === %q, "lang " + document.documentElement.lang);
		want([...document.styleSheets].every((s) => s.cssRules.length > 20) && document.styleSheets.length === 1, "style sheet");
		want(document.documentElement.scrollWidth <= innerWidth, "wider than the window");
		for (const s of ["header", "nav", "main", "footer", "h1"]) want(all(s).length === 1, s);
		let level = 0;
		for (const h of all("h1, h2, h3, h4")) { const n = Number(h.tagName[1]); want(n <= level + 1, "heading " + h.innerText); level = n; }
		for (const th of all("th")) want(th.scope, "th " + th.innerText);
		for (const f of all("input, select, textarea")) want(f.labels.length && f.labels[0].innerText.trim(), "no label: " + f.outerHTML);
		for (const f of all("a, button, summary")) want(f.innerText.trim(), "no name: " + f.outerHTML);
		for (const f of all("svg")) want(f.getAttribute("aria-label"), "no name: svg");
		for (const f of all(".badge")) want(f.innerText.trim(), "colour alone");
		want(!all("[style], [onclick], script:not([src]), b#owned, img").length, "inline");
		return faults.join("\n");
	})()`, lang)
	if faults != "" {
		b.t.Errorf("%s: %s", path, faults)
	}
	var tree struct {
		Nodes []struct{ Role struct{ Value string } }
	}
	b.call("Accessibility.getFullAXTree", nil, &tree)
	roles := map[string]int{}
	for _, n := range tree.Nodes {
		roles[n.Role.Value]++
	}
	want := []string{"banner", "navigation", "main", "contentinfo"}
	if b.eval("Boolean(document.querySelector('table'))") == "true" {
		want = append(want, "table", "row", "rowheader", "columnheader") // A style sheet can take that away.
	}
	for _, role := range want {
		if roles[role] == 0 {
			b.t.Errorf("%s: there is no %s but %v", path, role, roles)
		}
	}
}

// testHostilePages: what peers say is shown as they wrote it and does nothing.
func testHostilePages(t *testing.T, e *exporter) {
	b := startBrowser(t, "en")
	harmless := func(where string, shown ...string) {
		t.Helper()
		text := b.text()
		for _, s := range shown {
			if !strings.Contains(text, s) {
				t.Errorf("%s does not show %s:\n%s", where, s, text)
			}
		}
		if strings.ContainsAny(text, "\x1b\u202e") {
			t.Errorf("%s shows characters that have an effect: %q", where, text)
		}
		if b.eval("document.querySelectorAll('script:not([src]), img').length") != "0" {
			t.Errorf("%s has elements of a peer's", where)
		}
		b.clean()
	}
	for path, shown := range map[string][]string{
		"/?q=hostile":                                        nil,
		"/?q=" + url.QueryEscape(evil):                       nil,
		"/targets/mx.hostile.example.org:25":                 {"S: 220 mx.hostile.example.org " + evilQuoted, "S: 250-" + evilQuoted, "S: 221 " + evilQuoted, `"` + evilQuoted},
		"/targets/hostile.example.org":                       {"v=spf1 include:<script>", "v=DMARC1; p=<script>", "v=STSv1; id=<script>", "v=DKIM1; p=<script>"},
		"/probe?target=192.0.2.93:25&debug=true":             {"220 mx.hostile.example.org " + evilQuoted},
		"/probe?target=mx.hostile.example.org:25&debug=true": {"220 mx.hostile.example.org " + evilQuoted, `"` + evilQuoted},
		"/probe?target=hostile.example.org&debug=true":       {"v=spf1 include:<script>"},
		"/probe?target=" + url.QueryEscape(evil):             nil,
		"/targets/" + url.PathEscape(evil):                   nil,
		"/problems/" + url.PathEscape(evil):                  nil,
		"/replies/550" + url.PathEscape(" "+evil):            {"550 " + evil},
		"/explain?q=" + url.QueryEscape("550 5.1.1 "+evil):   {evil},
		"/metrics":        nil,
		"/sd?kind=domain": nil,
		"/config":         nil,
	} {
		b.open(e.url + path)
		b.eval("document.querySelectorAll('details').forEach((d) => d.open = true)")
		harmless(path, shown...)
	}

	b.open(e.url + "/explain")
	letter := "From: MAILER-DAEMON@example.org\nSubject: " + evil + "\n\nthe server " + evil + evilMore + " said: 550 5.1.1 " + evil + evilMore + " user unknown " + strings.Repeat("W", 3000) + "\n"
	b.eval("document.querySelector('textarea').value = %s", quoted(letter))
	b.click("form button")
	b.wait("document.querySelector('q.peer')")
	harmless("/explain", evil)
	if b.eval("document.documentElement.scrollWidth <= innerWidth") != "true" {
		t.Error("a long word makes the page wider than the window")
	}
}

// quoted is a text as JavaScript has it.
func quoted(s string) string {
	text, _ := json.Marshal(s) // A string always can.
	return string(text)
}

// shownRows are the targets that can be seen on the status page.
const shownRows = "[...document.querySelectorAll('tbody tr')].filter((r) => r.offsetParent).map((r) => r.querySelector('th a').innerText).sort().join(' ')"

// testFilter goes to the filter by keyboard alone, types, and goes on to a row.
func testFilter(t *testing.T, e *exporter) {
	b := startBrowser(t, "en")
	b.open(e.url)
	const focused = "(document.activeElement.name || document.activeElement.innerText).trim()"
	var order []string
	for range 40 {
		b.press("Tab")
		order = append(order, b.eval(focused))
		if strings.Contains(order[len(order)-1], "example.org") {
			break
		}
	}
	all := strings.Join(order, "|")
	if !strings.HasPrefix(all, "To the content|Targets|Explain a reply|Problems|Metrics|Configuration|По-русски|") || !strings.Contains(all, "|q|kind|state|Show|") {
		t.Errorf("the keyboard reaches %s", all)
	}
	b.eval("document.querySelector('[name=q]').focus()")
	b.typed("TREE")
	b.wait("%s == 'tree.example.org'", shownRows)
	b.typed("!")
	b.wait("%s == '' && document.querySelector('[role=status]').innerText == 'No target is like that.'", shownRows)
	b.eval("document.querySelector('[name=q]').select()")
	b.typed("hostile")
	b.wait("%s == 'hostile.example.org mx.hostile.example.org:25' && document.querySelector('[role=status]').innerText == ''", shownRows)
	for range 10 {
		b.press("Tab")
		if b.eval(focused) == "hostile.example.org" {
			break
		}
	}
	b.press("Enter")
	b.wait("document.querySelector('h1').innerText == 'hostile.example.org'")
	b.clean()
}

// testWithoutScript: the exporter does what the script would.
func testWithoutScript(t *testing.T, e *exporter) {
	b := startBrowser(t, "en")
	b.call("Emulation.setScriptExecutionDisabled", object{"value": true}, nil)
	b.open(e.url)
	b.click("[name=q]")
	b.typed("tree")
	if got := b.eval(shownRows); !strings.Contains(got, "hostile.example.org") {
		t.Errorf("a script ran: %s", got)
	}
	b.press("Enter")
	b.wait("location.search.includes('q=tree')")
	if got := b.eval(shownRows); got != "tree.example.org" {
		t.Errorf("shown are %s", got)
	}
	b.clean()
}

// testRefresh has the time come to look again while somebody types, and later.
func testRefresh(t *testing.T, e *exporter) {
	b := startBrowser(t, "en")
	// The time comes when tick is called, and a page that would be loaded again is counted and stays.
	b.call("Page.addScriptToEvaluateOnNewDocument", object{"source": `
		window.reloads = 0;
		window.setInterval = (f, every) => { window.pause = every; window.tick = f; };
		navigation.addEventListener("navigate", (e) => { if (e.navigationType === "reload") { window.reloads++; e.preventDefault(); } });`}, nil)
	b.open(e.url)
	tick := func(when, want string) {
		t.Helper()
		if got := b.eval("tick(), reloads"); got != want {
			t.Errorf("%s: loaded again %s times, want %s", when, got, want)
		}
	}
	if every := b.eval("pause"); every != "30000" {
		t.Errorf("the page looks again every %s ms", every)
	}
	tick("nobody types", "1")
	b.click("[name=q]")
	b.typed("tr")
	tick("while typing", "1")
	b.eval("document.activeElement.blur()")
	tick("typed, and gone elsewhere", "1")
	if got := b.eval("document.querySelector('[name=q]').value"); got != "tr" {
		t.Errorf("%q is left of what was typed", got)
	}
	b.eval("document.querySelector('[name=q]').value = ''")
	tick("nothing is typed any more", "2")
}

// testProbeNow presses the button.
func testProbeNow(t *testing.T, e *exporter) {
	b := startBrowser(t, "en")
	const lastRun = `check_last_run_timestamp_seconds{target="mx.hostile.example.org:25",check="smtp"}`
	before := e.must(t).find(lastRun).String()
	err := eventually(4*patience, func() error {
		b.open(e.url + "/targets/mx.hostile.example.org:25")
		b.click("form[action$='/probe'] button")
		b.wait("location.search.startsWith('?probe=')")
		says, _ := b.value("document.querySelector('[role=status]')?.innerText") // It may be gone already.
		b.wait("!document.body.dataset.refresh")                                 // It looks again by itself until the probe is over.
		if after := e.must(t).find(lastRun).String(); after == before || after == "" {
			return fmt.Errorf("last run %s, and the page says %q", after, says)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.clean()
}

// testShown: the tree of SPF records is a tree, the chain a list, and who is listed is told where to go.
func testShown(t *testing.T, e *exporter) {
	b := startBrowser(t, "en")
	for path, want := range map[string]map[string]string{
		"/targets/tree.example.org": {
			"document.querySelector('meter').value + ' ' + document.querySelector('meter').max":                                        "4 10",
			"[...document.querySelectorAll('.in .evidence > li > ul > li')].map((l) => l.firstChild.data.split(':')[1]).join(' ')":     "one.tree.example.org three.tree.example.org",
			"[...document.querySelectorAll('.in .evidence > li > ul > li > ul > li')].map((l) => l.innerText.split(':')[1]).join(' ')": "two.tree.example.org",
		},
		"/targets/mx.hostile.example.org:25": {
			"document.querySelectorAll('ol.evidence > li').length": "2",
			"document.querySelectorAll('svg').length":              "1",
		},
		"/targets/203.0.113.98": {
			"document.querySelector('a[rel=noreferrer][href*=\"spamhaus\"]').innerText": "ask for removal",
		},
	} {
		b.open(e.url + path)
		for expression, want := range want {
			if got := b.eval("%s", expression); got != want {
				t.Errorf("%s: %s is %q, want %q", path, expression, got, want)
			}
		}
	}
	b.clean()
}
