package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// checked runs the command against the demo's world and returns the exit status and what it wrote.
func checked(t *testing.T, args ...string) (int, string) {
	t.Helper()
	t.Chdir(t.TempDir()) // Where there is no exporter.yml.
	var stdout, stderr bytes.Buffer
	if !slices.Contains(args, "--lang=ru") {
		args = append(args, "--lang=en")
	}
	status := run(append([]string{"check"}, args...), nil, &stdout, &stderr)
	return status, stdout.String() + stderr.String()
}

// TestCheck: what somebody reads who asks about a domain, a host or an address of the demo's world.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   []string
		not    []string
	}{
		{"a sick domain", []string{"two-spf.example"}, 1, []string{
			"✗ spf        two-spf.example: CRITICAL", "CRITICAL: The domain has more than one SPF record", `"v=spf1 mx ip4:203.0.113.`, "What to do:\n   1. Publish the record", "\n    two-spf.example TXT v=spf1 mx ip4:203.0.113.", " a -all\n",
			"explain spf_multiple", "✓ smtp       mx1.two-spf.example:25: in order", "two-spf.example: problems found: 1 critical, 0 warnings, 0 for information.",
		}, []string{"all is well"}},
		{"in Russian", []string{"two-spf.example", "--lang=ru"}, 1, []string{"КРИТИЧНО: У домена больше одной SPF-записи", "SPF-записей: 2, ", "Что делать:\n   1. "}, []string{"What to do", "SPF records: "}},
		{"a well domain", []string{"parked.example"}, 0, []string{"parked.example: all is well."}, []string{"CRITICAL", "Could not be told"}},
		{"a well domain of which lists tell nothing", []string{"healthy.example"}, 0, []string{
			"healthy.example: nothing is wrong as far as it could be told.", "✓ smtp       mx1.healthy.example:25: in order",
		}, []string{"CRITICAL", "all is well", "bogus.example"}},
		{"a domain whose server refuses this computer", []string{"blocking.example"}, 0, []string{
			"Servers reject the exporter for who it is", "? smtp       mx1.blocking.example:25: refuses this computer", "blocking.example: nothing is wrong as far as it could be told.",
		}, []string{"all is well"}},
		{"below the severity that fails", []string{"broken-starttls.example", "--fail-on=critical"}, 0, []string{"WARNING: "}, nil},
		{"a server", []string{"mx1.broken-starttls.example:25"}, 1, []string{"WARNING: The server offers STARTTLS, and it fails", "454"}, []string{"What this computer can use"}},
		{"a host", []string{"mx1.healthy.example"}, 0, []string{
			"What this computer can use mx1.healthy.example for\n  25    Works: ", "  587   Closed: ", "- smtp       mx1.healthy.example:465: does not answer", "nothing is wrong",
		}, []string{"CRITICAL"}},
		{"a host without an address", []string{"nowhere.invalid"}, 1, []string{"CRITICAL: The server's name has no IP address"}, []string{"What this computer can use"}},
		{"an address", []string{"192.0.2.1"}, 1, []string{"CRITICAL: The IP address has no PTR record", "192.0.2.1 for\n  25    Closed"}, []string{"cannot be connected to"}},
		{"two", []string{"healthy.example", "two-spf.example"}, 1, []string{"healthy.example, two-spf.example: problems found"}, nil},
		{"one twice", []string{"parked.example", "PARKED.example."}, 0, []string{"\nparked.example: all is well."}, []string{"parked.example, parked.example"}},

		{"no name", []string{"!!"}, 2, []string{`check: target cannot be read: "!!"`}, nil},
		{"a name of another script", []string{"пример.example"}, 1, []string{"smtp       пример.example:25 (xn--e1afmkfd.example:25): ", "\nпример.example (xn--e1afmkfd.example): problems found"}, nil},
		{"a mailbox", []string{"anna@two-spf.example"}, 2, []string{"type: mailprobe_exporter check two-spf.example\n", "--dkim-selector"}, []string{"CRITICAL"}},
		{"a domain with an at sign", []string{"@two-spf.example"}, 2, []string{"type: mailprobe_exporter check two-spf.example\n"}, []string{"arguments file"}},
		{"what follows from others", []string{"two-spf.example"}, 1, []string{"! bulk       two-spf.example: requirements not met because of the problems below\n", "1 critical, 0 warnings"}, []string{"bulk       two-spf.example: WARNING"}},
		{"what costs most lookups", []string{"many-lookups.example"}, 1, []string{"11 terms ask DNS, and 10 are allowed: a:mx1.healthy.example takes 11\n", "These terms cost most: a:mx1.healthy.example."}, nil},
		{"no such domain", []string{"no-domain.example"}, 1, []string{"CRITICAL: The domain does not exist", "1 critical, 0 warnings, 0 for information"}, []string{"spf ", "mta_sts", "v=DMARC1"}},
		{"words for a name", []string{"mail", "example", "org"}, 2, []string{`"mail example org"`, "type: mailprobe_exporter check mail.example.org\n"}, nil},
		{"a port for itself", []string{"mx.example.org", "25"}, 2, []string{"type: mailprobe_exporter check mx.example.org:25\n"}, nil},
		{"a password in a URL", []string{"https://anna:hunter2@example.org/"}, 2, []string{"type: mailprobe_exporter check example.org\n"}, []string{"hunter2"}},
		{"a selector without a domain", []string{"mx1.healthy.example:25", "--dkim-selector=s1"}, 2, []string{"are about a domain"}, nil},
		{"a bad selector", []string{"healthy.example", "--dkim-selector=a b"}, 2, []string{"want a selector"}, nil},
		{"a user without a password", []string{"mx1.healthy.example", "--username=anna"}, 2, []string{"belong together"}, nil},
		{"two worlds", []string{"healthy.example", "--resolver=127.0.0.1"}, 2, []string{"leave --demo out"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, out := checked(t, append(c.args, "--demo")...)
			wantSaid(t, status, out, c.status, c.says, c.not)
		})
	}
}

// TestCheckOrder: the lines stand in the order of the targets and of the documentation, each once, the same at every run.
func TestCheckOrder(t *testing.T) {
	address := regexp.MustCompile(`203\.0\.113\.\d+:`) // The demo counts them.
	lines := func() (out []string) {
		_, report := checked(t, "--demo", "two-spf.example", "healthy.example")
		for line := range strings.Lines(report) {
			if mark, _ := utf8.DecodeRuneInString(line); strings.ContainsRune("✓!✗?-", mark) {
				out = append(out, address.ReplaceAllString(strings.Join(strings.Fields(line)[1:3], " "), "203.0.113.N:"))
			}
		}
		return out
	}
	var want []string
	for _, of := range []struct{ target, checks string }{
		{"two-spf.example:", "mx spf dkim dmarc dnssec mta_sts tls_rpt bimi bulk dnsbl"},
		{"203.0.113.N:", "rdns spf dnsbl"},
		{"healthy.example:", "mx spf dkim dmarc dnssec mta_sts tls_rpt bimi bulk dnsbl"},
		{"203.0.113.N:", "rdns spf dnsbl"},
		{"mx1.healthy.example:25:", "smtp dane rdns dnsbl"},
		{"mx1.two-spf.example:25:", "smtp dane rdns dnsbl"},
		{"mx2.healthy.example:25:", "smtp dane rdns dnsbl"},
	} {
		for check := range strings.FieldsSeq(of.checks) {
			want = append(want, check+" "+of.target)
		}
	}
	for range 2 {
		if got := lines(); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// TestCheckValues: what was seen stands with each verdict.
func TestCheckValues(t *testing.T) {
	status, out := checked(t, "--demo", "healthy.example", "smtp.healthy.example:587", "expired-certificate.example", "no-starttls.example", "closed.example", "parked.example")
	wantSaid(t, status, strings.Join(strings.Fields(out), " "), 1, []string{
		"mx healthy.example: in order 10 mx1.healthy.example, 20 mx2.healthy.example ✓",
		"in order lookups 1 of 10, void 0 of 2 203.0.113.10 mailfrom: pass ✓",
		"in order — s2026: rsa 2048 ✓", "in order p=reject, sp=reject, from healthy.example ✓", "in order — signed ✓",
		"mode enforce, max_age 2592000 (30 d), MX hosts covered 2 of 2 ✓", "in order — published ✓",
		"requirements met: google 4/4, yahoo 5/5, microsoft 3/3 ✓",
		"not listed: 2 of 4 look-ups (203.0.113.10, out.healthy.example) ",
		"rdns 203.0.113.10: in order — 203.0.113.10: out.healthy.example ✓",
		"192.0.2.10: TLS 1.3 TLS_AES_128_GCM_SHA256; certificate until 20", " d); connect ", " ms, banner ", "auth 235 2.7.0",
		"TLSA matches: 192.0.2.10, 2001:db8::", "certificate expired on 20", "without TLS; connect ", " (refused)", "null MX: takes no mail",
	}, []string{"S: 220", "until 1970"})
}

// TestCheckVerbose shows dialogues and records, in which nothing of a peer has an effect on the terminal.
func TestCheckVerbose(t *testing.T) {
	status, out := checked(t, "--demo", "-v", "healthy.example", "mx1.not-smtp.example:25")
	wantSaid(t, status, out, 1, []string{
		"\n    192.0.2.10:\n      -- connect: done in ", "\n      S: 220 mx1.healthy.example", "\n      C: EHLO ", "C: STARTTLS", "\"v=spf1 mx ",
		"\n    certificate 192.0.2.10:\n", "SSH-2.0-OpenSSH_9.2",
	}, []string{"\r", "\x1b"})
	var page bytes.Buffer
	r := &reporter{page: newPage(&page, catalog.English)}
	long := slices.Repeat([]string{"S: a\x1b[2Jb\u202e"}, 1_000_000)
	r.writeThings(collector.CheckState{Parts: []*collector.PartState{{Key: "k\x1b", Evidence: long}}})
	if got := page.String(); strings.ContainsAny(got, "\x1b\u202e") || !strings.HasSuffix(got, "and 999900 more\n") {
		t.Errorf("%.300q", got)
	}
}

// TestCheckViews: every check but that of this computer says what it saw.
func TestCheckViews(t *testing.T) {
	for _, c := range checks.All {
		if _, ok := views[c.Name]; ok == (c.Name == "vantage") {
			t.Errorf("check %s: %t", c.Name, ok)
		}
	}
}

// TestCheckAll: without a name all that is configured is checked, and it is said why that cannot be.
func TestCheckAll(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	const resolver = "resolver: {servers: [\"127.0.0.1:1\"], timeout: 100ms}\n"
	write(t, dir, "bad.yml", "domain: []\n")
	write(t, dir, "user.pw", "secret")
	empty := write(t, dir, "empty.yml", resolver)
	broken := write(t, dir, "broken.yml", resolver+"domains: [{name: example.org}]\ntarget_files: [bad.yml]\n")
	run := func(args ...string) (int, string) {
		status, stdout, stderr := command(append([]string{"check", "--lang=en"}, args...)...)
		return status, stdout + stderr
	}
	status, out := run()
	wantSaid(t, status, out, 2, []string{"check: name a domain, a server or an address, as in: mailprobe_exporter check example.org"}, nil)
	status, out = run("--config.file=" + empty)
	wantSaid(t, status, out, 2, []string{"empty.yml configures no targets"}, nil)
	status, out = run("--config.file=" + broken)
	wantSaid(t, status, out, 2, []string{"bad.yml cannot be used", "bad.yml:1:1"}, []string{"example.org:"})
	write(t, dir, "exporter.yml", resolver+"domains: [{name: example.org, senders: [203.0.113.9]}, {name: example.net}]\nservers: [{address: \"mx.example.com:25\"}]\n")
	status, out = run("--timeout=20s")
	wantSaid(t, status, out, 2, []string{
		"? mx         example.org: ", "? rdns       203.0.113.9: ", "? mx         example.net: ", "? smtp       mx.example.com:25: ",
		"exporter.yml: nothing could be told.",
	}, []string{"✓"})
	status, out = run("--dkim-selector=s1")
	wantSaid(t, status, out, 2, []string{"--dkim-selector and --sender are about a domain: name it"}, nil)
	status, out = run("--username=anna", "--password-file=user.pw")
	wantSaid(t, status, out, 2, []string{"--username is for one server: name it"}, nil)
}

// TestCheckOnce: what is the same is written once, with all that it is of.
func TestCheckOnce(t *testing.T) {
	var out bytes.Buffer
	problem, _ := catalog.ProblemByID("smtp_no_address")
	at := func(target string, evidence string) place {
		return place{target: target, evidence: []catalog.Text{{EN: evidence, RU: evidence}}, values: []catalog.Values{{}}}
	}
	refused := catalog.Text{EN: "refused", RU: "refused"}
	r := &reporter{page: newPage(&out, catalog.English), explained: map[string]bool{}, report: &report{
		asked: &asked{names: []string{"a"}},
		problems: []found{
			{problem, catalog.SeverityCritical, []place{at("a:25", "seen"), at("b:25", "else"), at("a:587", "seen")}},
			{problem, catalog.SeverityWarning, []place{at("c:25", "seen")}},
		},
		untold: []untold{
			{"a", "dnsbl", "list 1", refused}, {"a", "dnsbl", "list 2", refused}, {"a", "mx", "", catalog.Text{EN: "no answer", RU: "no answer"}}, {"b", "dnsbl", "list 1", refused},
		},
	}}
	r.write()
	status, text := 0, out.String()
	wantSaid(t, status, text, 0, []string{
		"\n  a:25, a:587\n    seen\n  b:25\n    else\n", "\n  c:25\n    seen\n\n  What it means and what to do: see above.\n",
		"\n  - refused\n    a, dnsbl: list 1, list 2\n    b, dnsbl: list 1\n  - no answer\n    a, mx\n",
	}, nil)
	for _, once := range []string{"explain smtp_no_address", "- refused"} {
		if n := strings.Count(text, once); n != 1 {
			t.Errorf("%q stands %d times", once, n)
		}
	}
	s := &collector.Snapshot{Target: &targets.Target{}}
	list := group(nil, s, "a", collector.Problem{ID: problem.ID, Evidence: []catalog.Text{{EN: "x"}, {EN: "y"}, {EN: "x"}}})
	if got := list[0].where[0].evidence; !slices.Equal(got, []catalog.Text{{EN: "x"}, {EN: "y"}}) {
		t.Errorf("evidence %q", got)
	}
}

// TestCheckHelp: the target that the help names is one of the demo's.
func TestCheckHelp(t *testing.T) {
	_, help, _ := command("check", "--help")
	_, name, found := strings.Cut(strings.Join(strings.Fields(help), " "), "demo's mail world, as ")
	name, _, _ = strings.Cut(name, ",")
	if !found {
		t.Fatalf("no target is named in %s", help)
	}
	status, out := checked(t, "--demo", name)
	wantSaid(t, status, out, 1, []string{name + ": problems found"}, []string{"The server's name has no IP address"})
}

// TestCheckJSON reads what programs read.
func TestCheckJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	var stdout, stderr bytes.Buffer
	if status := run([]string{"check", "--demo", "--format=json", "--lang=ru", "two-spf.example", "mx1.healthy.example"}, nil, &stdout, &stderr); status != 1 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	var r checkJSON
	decoder := json.NewDecoder(&stdout)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		t.Fatal(err)
	}
	if r.Format != 1 || r.Verdict != "problems" || r.Overran {
		t.Errorf("format %d, verdict %s, overran %t", r.Format, r.Verdict, r.Overran)
	}
	if p := r.Problems[0]; p.Problem != "spf_multiple" || p.Severity != "critical" || p.Where[0].Target != "two-spf.example" || len(p.Where[0].Evidence) == 0 ||
		!strings.HasPrefix(p.Title, "У домена") || len(p.Remedies) == 0 {
		t.Errorf("the worst problem: %+v", p)
	}
	i := slices.IndexFunc(r.Targets, func(c checkedJSON) bool { return c.Target == "mx1.two-spf.example:25" })
	if i < 0 || r.Targets[i].Source != "mx" || r.Targets[i].Kind != "server" || r.Targets[i].Checks[0].Things[0].Verdict != "ok" {
		t.Errorf("targets %+v", r.Targets)
	}
	if v := r.Targets[i].Checks[0].Values; !slices.ContainsFunc(v, func(v valueJSON) bool {
		return v.Metric == "tls_info" && v.Labels["version"] == "TLS 1.3" && v.Value == 1
	}) {
		t.Errorf("values %+v", v)
	}
	if want := []checkPortJSON{
		{"mx1.healthy.example", 25, "answers", false},
		{"mx1.healthy.example", 465, "refused", false},
		{"mx1.healthy.example", 587, "refused", false},
		{"mx1.healthy.example", 2525, "refused", false},
	}; !slices.Equal(r.Ports, want) {
		t.Errorf("ports %+v", r.Ports)
	}
}

// TestCheckUntold: where nobody answers, nothing is well and nothing is wrong.
func TestCheckUntold(t *testing.T) {
	status, out := checked(t, "example.org", "--resolver=127.0.0.1:1", "--timeout=20s")
	if status != 2 || !strings.Contains(out, "example.org: nothing could be told.") || !strings.Contains(out, "? mx         example.org: could not be told") {
		t.Errorf("status %d:\n%s", status, out)
	}
	if strings.Contains(out, "in order") {
		t.Errorf("something is said to be in order:\n%s", out)
	}
}

// TestCheckDenied: a resolver that has no network and says of every name that it does not exist, or nothing of any, is this computer's
// fault, said first, and no domain's.
func TestCheckDenied(t *testing.T) {
	for _, fault := range []mailworld.DNSFault{mailworld.FaultNoName, mailworld.FaultNoData, mailworld.FaultEmpty} {
		t.Run(string(fault), func(t *testing.T) { testCheckDenied(t, fault) })
	}
}

func testCheckDenied(t *testing.T, fault mailworld.DNSFault) {
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	world.Fault(".", fault)
	status, out := checked(t, "example.org", "smtp.example.net:25", "--resolver="+world.Resolver())
	wantSaid(t, status, out, 2, []string{"example.org, smtp.example.net:25: nothing could be told.", "? mx         example.org: could not be told", "? smtp       smtp.example.net:25: could not be told"}, []string{"in order"})
	_, report, _ := strings.Cut(out, "About this computer")
	if !strings.Contains(report, "in-addr.arpa") || !strings.Contains(report, "Could not be told") || strings.Contains(report, "CRITICAL") {
		t.Errorf("what is wrong here is not said first, or something else is wrong:\n%s", out)
	}
}

// TestCheckConfiguration: what the configuration file says of a target counts, and a file that is bad is told.
func TestCheckConfiguration(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	file := filepath.Join(dir, "exporter.yml")
	if err := os.WriteFile(file, []byte("resolver: {servers: [\"127.0.0.1:1\"], timeout: 100ms}\ndomains: [{name: example.org, dkim_selectors: [s1]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	status := run([]string{"check", "--lang=en", "example.org"}, nil, &stdout, &stderr)
	if status != 2 || !strings.Contains(stdout.String(), "? dkim       example.org") || !strings.Contains(stdout.String(), "s1._domainkey.example.org") || !strings.Contains(stderr.String(), "exporter.yml") {
		t.Errorf("status %d: %s%s", status, stdout.String(), stderr.String())
	}
	if err := os.WriteFile(file, []byte("domain: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stderr.Reset()
	if status := run([]string{"check", "example.org"}, nil, &stdout, &stderr); status != 2 || !strings.Contains(stderr.String(), "exporter.yml:1:1") {
		t.Errorf("status %d: %s", status, stderr.String())
	}
}

// TestCheckLogin makes one attempt, where the password is safe.
func TestCheckLogin(t *testing.T) {
	dir := t.TempDir()
	right, wrong := filepath.Join(dir, "right"), filepath.Join(dir, "wrong")
	for file, password := range map[string]string{right: mailworld.DemoEnv("DEMO_PASSWORD"), wrong: "hunter2"} {
		if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ target, file, says string }{
		{"smtp.healthy.example", right, "✓ auth       smtp.healthy.example:587: in order"},
		{"smtp.healthy.example:465", right, "✓ auth       smtp.healthy.example:465: in order"},
		{"smtp.healthy.example", wrong, "CRITICAL: The server rejects user name and password"},
		{"smtp.healthy.example:587", wrong, "CRITICAL: The server rejects user name and password"}, // The demo's own login is another's.
		{"mx1.healthy.example", right, "The user was not tried"},
		{"mx1.healthy.example", filepath.Join(dir, "none"), "check: --password-file: read the password's file: no such file or directory"},
		{"smtp.password-kept.example:587", right, "The password was not sent because the certificate does not verify"},
		{"smtp.healthy.example", filepath.Join(dir, "none"), "check: --password-file: read the password's file: no such file or directory"},
	} {
		_, out := checked(t, "--demo", c.target, "--username=monitor", "--password-file="+c.file)
		if !strings.Contains(out, c.says) || strings.Contains(out, "hunter2") || strings.Contains(out, mailworld.DemoEnv("DEMO_PASSWORD")) {
			t.Errorf("%s: want %q, and no password in\n%s", c.target, c.says, out)
		}
	}
}
