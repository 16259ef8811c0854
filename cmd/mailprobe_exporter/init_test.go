package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// initial runs the command in English unless args say otherwise.
func initial(t *testing.T, stdin io.Reader, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	t.Setenv("LC_ALL", "C")
	var out, err bytes.Buffer
	status = run(append([]string{"init"}, args...), stdin, &out, &err)
	return status, out.String(), err.String()
}

// nameServer serves a zone.
func nameServer(t *testing.T, zone string) (resolver string, w *mailworld.World) {
	t.Helper()
	w, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	if err := w.Zone(zone); err != nil {
		t.Fatal(err)
	}
	return w.Resolver(), w
}

var exampleLine = regexp.MustCompile(`(?m)^#(  +(?:- )?[a-z_]+:|[a-z_]+:)`)

// loaded parses what init wrote, as it is, and with every example in use; neither may be warned about.
func loaded(t *testing.T, text string) *targets.Config {
	t.Helper()
	var first *targets.Config
	for _, version := range []string{text, exampleLine.ReplaceAllString(text, "$1")} {
		cfg, err := targets.Parse("exporter.yml", []byte(version), targets.Options{})
		if err != nil {
			t.Fatalf("%v\n%s", err, version)
		}
		if len(cfg.Warnings) > 0 {
			t.Errorf("warnings: %q\n%s", cfg.Warnings, version)
		}
		if first == nil {
			first = cfg
		}
	}
	return first
}

// names are the targets of a configuration.
func names(cfg *targets.Config) string {
	var out []string
	for _, t := range cfg.Targets {
		out = append(out, string(t.Kind)+" "+t.Name)
	}
	return strings.Join(out, ", ")
}

const initZone = `
example.org. MX 10 mx1.example.org.
example.org. MX 20 backup.example.net.
example.org. TXT "v=spf1 ip4:203.0.113.9 ip6:2001:db8::9 a:out.example.org mx ip4:198.51.100.0/24 include:_spf.example.com exists:%{i}.example.org -all"
mx1.example.org. A 192.0.2.1
backup.example.net. A 192.0.2.2
out.example.org. A 203.0.113.10
_submission._tcp.example.org. SRV 0 0 587 smtp.example.org.
_submissions._tcp.example.org. SRV 0 0 465 smtp.example.org.
_mta-sts.example.org. TXT "v=STSv1; id=1"
_25._tcp.mx1.example.org. TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
at-google.example. MX 1 aspmx.l.google.com.
at-google.example. TXT "v=spf1 include:_spf.google.com ~all"
_submission._tcp.at-google.example. SRV 0 0 587 smtp.gmail.com.
parked.example. MX 0 .
parked.example. TXT "v=spf1 -all"
none.example. MX 10 mx.none.example.
_submissions._tcp.none.example. SRV 0 0 0 .
two.example. TXT "v=spf1 -all"
two.example. TXT "v=spf1 a -all"
1984.example. MX 10 mx.1984.example.
1984.example. TXT "v=spf1 bogus ip4:203.0.113.9 -all"
`

// TestInit: what DNS alone tells.
func TestInit(t *testing.T) {
	resolver, _ := nameServer(t, initZone)
	for _, c := range []struct {
		domain  string
		targets string
		says    []string
		not     []string
	}{
		{"Example.ORG.", "domain example.org, server smtp.example.org:465, server smtp.example.org:587", []string{
			"# exporter.yml for example.org, made from its DNS.\n", "# - mx1.example.org (10)\n", "# - backup.example.net (20)\n", "own_servers: [mx1.example.org]\n",
			"If these are yours, add them: backup.example.net", `#    senders: [203.0.113.9, "2001:db8::9", 203.0.113.10, 192.0.2.1, 192.0.2.2]`,
			"# - 203.0.113.10 (a:out.example.org)\n", "whole networks: ip4:198.51.100.0/24.", "include:_spf.example.com exists:%{i}.example.org.", "MTA-STS record",
			"TLSA records (DANE) for mx1.example.org", "  servers: [\"127.0.0.1:", "cannot be found in DNS",
		}, []string{"did not tell", "\nsenders:"}},
		{"at-google.example", "domain at-google.example", []string{
			"aspmx.l.google.com (1): Gmail and Google Workspace", "once an hour", "#  - address: smtp.gmail.com:587", "A server of Gmail", "include:_spf.google.com",
			`#own_servers: ["*.at-google.example"]`, "#    senders: [203.0.113.9]",
		}, []string{"\nown_servers", "\nservers:"}},
		{"parked.example", "domain parked.example", []string{"    module: parked\n", "takes no mail"}, []string{"senders:", "\nservers:", "dkim_selectors"}},
		{"none.example", "domain none.example", []string{"An SRV record says that there is no such server."}, nil},
		{"two.example", "domain two.example", []string{"more than one SPF record", "no MX record"}, []string{"203.0.113.10"}},
		{"1984.example", "domain 1984.example", []string{`- name: "1984.example"`, "The SPF record has mistakes", "- 203.0.113.9 (ip4:203.0.113.9)"}, nil},
	} {
		t.Run(c.domain, func(t *testing.T) {
			status, out, stderr := initial(t, nil, c.domain, "--resolver", resolver)
			if status != 0 || stderr != "" {
				t.Fatalf("status %d: %s", status, stderr)
			}
			if got := names(loaded(t, out)); got != c.targets {
				t.Errorf("targets %s, want %s", got, c.targets)
			}
			flat := strings.Join(strings.Fields(strings.ReplaceAll(out, "\n    # ", " ")), " ")
			wantSaid(t, status, out+strings.ReplaceAll(flat, " # ", " "), 0, c.says, c.not)
			_, russian, _ := initial(t, nil, c.domain, "--resolver", resolver, "--lang=ru")
			if got := names(loaded(t, russian)); got != c.targets || !strings.Contains(russian, "Проверить файл") || strings.Contains(russian, "Check the") {
				t.Errorf("in Russian: %s\n%s", got, russian)
			}
		})
	}
}

// sent returns one of the letters that arrived.
func sent(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../catalog/bounce/testdata/arrived/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestInitFrom: what a letter adds.
func TestInitFrom(t *testing.T) {
	resolver, _ := nameServer(t, initZone)
	for _, c := range []struct {
		name, letter string
		targets      string
		says         []string
		not          []string
	}{
		{"from Gmail", sent(t, "gmail.eml"), "domain example.org, server smtp.example.org:465, server smtp.example.org:587, sender 203.0.113.9", []string{
			"and from a message that it sent", "    dkim_selectors: [s2026a]\n", "    senders: [203.0.113.9]\n", "    helo_name: out.example.org\n", "    domains: [example.org]\n", "# mx.google.com, which took the message",
			"# - 203.0.113.10 (a:out.example.org)",
		}, []string{"198.51.100.7", "- 203.0.113.9 (ip4"}},
		{"from Yandex, signed by another", sent(t, "yandex.eml"), "domain example.org, server smtp.example.org:465, server smtp.example.org:587, sender 203.0.113.25", []string{
			"also signed by bulk.example.net", "no DKIM signature of example.org", "    helo_name: news.example.org\n",
		}, []string{"20230601"}},
		{"a selector that is a number", strings.ReplaceAll(sent(t, "yandex.eml"), "bulk.example.net", "example.org"), "", []string{`dkim_selectors: ["20230601"]`}, nil},
		{
			"a forged line below", strings.Replace(sent(t, "forged.eml"), "from mx.google.com", "from pool.example.net", 1), "domain example.org, server smtp.example.org:465, server smtp.example.org:587",
			[]string{"SPF does not vouch for it", `#    senders: [198.51.100.66, 203.0.113.9, "2001:db8::9"`},
			[]string{"\n    senders:"},
		},
		{"bounces at a domain below", strings.Replace(sent(t, "gmail.eml"), "<boris@example.org>", "<b@bounce.example.org>", 1), "", []string{"domains: [example.org, bounce.example.org]"}, nil},
		{"bounces at another's", strings.Replace(sent(t, "gmail.eml"), "<boris@example.org>", "<b@esp.example.net>", 1), "", []string{"MAIL FROM of the message is at esp.example.net", "domains: [example.org]"}, nil},
		{
			"through a provider", strings.ReplaceAll(sent(t, "mail_ru.eml"), "out.example.org", "mail-sor-f41.google.com"), "domain example.org, server smtp.example.org:465, server smtp.example.org:587",
			[]string{"a machine of Gmail and Google Workspace", "dkim_selectors: [\"mail\"]"},
			[]string{"helo_name: mail"},
		},
		{"copied from one's own outbox", "Received: from [192.0.2.7] by mx1.example.org with ESMTPSA; x\nFrom: a@example.org\nTo: b@example.com\n\n", "", []string{"never left its own mail system"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, out, stderr := initial(t, strings.NewReader(c.letter), "example.org", "--resolver", resolver, "--from=-")
			if status != 0 || stderr != "" {
				t.Fatalf("status %d: %s", status, stderr)
			}
			if got := names(loaded(t, out)); c.targets != "" && got != c.targets {
				t.Errorf("targets %s, want %s", got, c.targets)
			}
			wantSaid(t, status, out+strings.ReplaceAll(out, "\n    # ", " "), 0, c.says, c.not)
		})
	}
}

// TestInitHostile: names and texts of peers stay in comments, and comments end where their line does.
func TestInitHostile(t *testing.T) {
	const evil = "x\nservers:\n  - address: evil.example:25\n #"
	resolver, _ := nameServer(t, `
example.org. MX 10 mx1.example.org.
example.org. TXT "v=spf1 include:a\010evil.example exists:}\010servers:\010 ip4:203.0.113.9\010 include:b\194\133evil.example a:x:\ y -all"
_submission._tcp.example.org. SRV 0 0 587 a\010b.example.
`)
	for name, letter := range map[string]string{
		"selector":  "DKIM-Signature: d=example.org; s=\"s1]\r\n x: [y\"\r\nFrom: a@example.org\r\nReceived: from a.example.org ([203.0.113.9]) by mx.example.com; x\r\n\r\n",
		"comment":   "DKIM-Signature: d=example.org; s=s1#x\r\nDKIM-Signature: d=evil.example\x85servers; s=x\r\nFrom: a@example.org\r\nReceived: from a: {b ([203.0.113.9]) by mx\u2028.example.com; x\r\n\r\n",
		"helo":      "From: a@example.org\r\nReceived: from \"][\": (x [203.0.113.9]) by *anchor; x\r\nReceived: from &a by !!b ([203.0.113.9]); x\r\n\r\n",
		"mail from": "Return-Path: <a@x\u0085servers.example>\r\nFrom: a@example.org\r\nReceived: from a.example.org ([203.0.113.9]) by mx.example.com; x\r\n\r\n",
		"yaml":      "From: a@example.org\r\nTo: x\r\nReceived: from on ([203.0.113.9]) by null; x\r\nDKIM-Signature: d=example.org; s=yes\r\nDKIM-Signature: d=example.org; s=1e3\r\nDKIM-Signature: d=example.org; s=0x10\r\n\r\n",
		"mailer":    "From: a@example.org\r\nReceived: from " + evil + " by " + evil + " ([203.0.113.9]) with ESMTPSA; x\r\nSubject: " + evil + "\r\n\r\n",
	} {
		status, out, stderr := initial(t, strings.NewReader(letter), "example.org", "--resolver", resolver, "--from=-")
		if status != 0 {
			t.Errorf("%s: status %d: %s", name, status, stderr)
			continue
		}
		cfg := loaded(t, out)
		for _, target := range cfg.Targets {
			if !slices.Contains([]string{"example.org", "203.0.113.9"}, target.Name) {
				t.Errorf("%s: target %s\n%s", name, target.Name, out)
			}
		}
		if len(cfg.OwnServers) != 1 || len(cfg.Resolver.Servers) != 1 {
			t.Errorf("%s: %v, %v\n%s", name, cfg.OwnServers, cfg.Resolver.Servers, out)
		}
		if name == "yaml" && !strings.Contains(out, `dkim_selectors: ["yes", "1e3", "0x10"]`) {
			t.Errorf("selectors are not text:\n%s", out)
		}
		for line := range strings.Lines(out) {
			if strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\x00\x1b\u0085\u2028") {
				t.Errorf("%s: %q", name, line)
			}
		}
	}
}

// TestInitUntold: what DNS does not tell is told of, and without anything there is no file.
func TestInitUntold(t *testing.T) {
	resolver, w := nameServer(t, initZone)
	w.Fault("_submission._tcp.example.org", mailworld.FaultServFail)
	w.Fault("_mta-sts.example.org", mailworld.FaultServFail)
	status, out, _ := initial(t, nil, "example.org", "--resolver", resolver)
	loaded(t, out)
	for _, s := range []string{"# DNS did not tell these", "# - SRV records _submission._tcp.example.org: the resolver failed (SERVFAIL)\n", "# - MTA-STS record _mta-sts.example.org: the resolver failed (SERVFAIL)\n", "smtp.example.org:465"} {
		if status != 0 || !strings.Contains(out, s) {
			t.Errorf("status %d, does not say %q:\n%s", status, s, out)
		}
	}
	for name := range strings.FieldsSeq("dead.example _submissions._tcp.dead.example _submission._tcp.dead.example _mta-sts.dead.example") {
		w.Fault(name, mailworld.FaultServFail)
	}
	if status, out, stderr := initial(t, nil, "dead.example", "--resolver", resolver); status != 2 || out != "" || !strings.Contains(stderr, "DNS told nothing of dead.example; --resolver asks another resolver: ") {
		t.Errorf("status %d: %s%s", status, out, stderr)
	}
	letter := strings.ReplaceAll(sent(t, "gmail.eml"), "example.org", "dead.example")
	status, out, stderr := initial(t, strings.NewReader(letter), "dead.example", "--resolver", resolver, "--from=-")
	if status != 0 || names(loaded(t, out)) != "domain dead.example, sender 203.0.113.9" || !strings.Contains(out, "MX records of dead.example: the resolver failed") {
		t.Errorf("status %d: %s%s", status, out, stderr)
	}
}

// TestInitErrors: what cannot be done, and why.
func TestInitErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		stdin string
		args  []string
		says  string
	}{
		{"", []string{"a b"}, "want a mail domain"},
		{"", []string{"203.0.113.9"}, "want a mail domain"},
		{"", []string{"nowhere.invalid", "--demo"}, "does not exist (NXDOMAIN)"},
		{"", []string{"healthy.example", "--demo", "--resolver=127.0.0.1"}, "leave --demo out"},
		{"", []string{"healthy.example", "--demo", "--force"}, "--force is about"},
		{"", []string{"healthy.example", "--demo", "--timeout=1ms"}, "at least 1s"},
		{"", []string{"healthy.example", "--resolver=a b"}, "--resolver: "},
		{"", []string{"healthy.example", "--demo", "--from=no.eml"}, "no.eml: no such file"},
		{"550 User unknown", []string{"healthy.example", "--demo", "--from=-"}, "is none that arrived"},
		{strayLetter, []string{"healthy.example", "--demo", "--from=-"}, "is not of healthy.example: neither From (example.org)"},
	} {
		status, out, stderr := initial(t, strings.NewReader(c.stdin), c.args...)
		if status != 2 || out != "" || !strings.Contains(stderr, c.says) {
			t.Errorf("%q: status %d, %s%s", c.args, status, out, stderr)
		}
	}
	if status := run([]string{"init", "healthy.example", "--demo", "--config.file=x"}, nil, io.Discard, io.Discard); status != 2 {
		t.Errorf("--config.file: status %d", status)
	}
}

// strayLetter is of somebody else.
const strayLetter = "Received: from a.example.org ([203.0.113.9]) by mx.example.com; x\nFrom: a@example.org\nTo: b@example.com\n\n"

// TestInitOutput: a file that is there is left alone.
func TestInitOutput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "exporter.yml")
	content := func() string { b, _ := os.ReadFile(path); return string(b) }
	if status, out, stderr := initial(t, nil, "healthy.example", "--demo", "--output", path); status != 0 || out != "" || stderr != "" {
		t.Fatalf("status %d: %s%s", status, out, stderr)
	}
	cfg := loaded(t, content())
	if names(cfg) != "domain healthy.example" || len(cfg.OwnServers) != 2 {
		t.Errorf("%s, own %v", names(cfg), cfg.OwnServers)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := initial(t, nil, "healthy.example", "--demo", "--output", path); status != 2 || content() != "mine" || !strings.Contains(stderr, "--force") {
		t.Errorf("status %d: %s", status, stderr)
	}
	if status, _, _ := initial(t, nil, "healthy.example", "--demo", "--output", path, "--force"); status != 0 || !strings.Contains(content(), "healthy.example") {
		t.Errorf("status %d: %s", status, content())
	}
}
