package targets

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// TestEveryMistakeAtOnce tells of all mistakes, in the order of their places.
func TestEveryMistakeAtOnce(t *testing.T) {
	_, err := Parse("exporter.yml", []byte(`
servers:
  - {address: mx.example.org, role: relay}
  - {Address: "mx.example.org:25"}
helo_name: probe
limits: {concurrency: 0, per_hots: 1}
domains: [example.org]
modules: {quick: {kind: domain, checks: [mx], interval: {mx: 1s}}}
`), testOptions())
	want := `exporter.yml:3:15: servers[0].address: "mx.example.org": the port is missing; want for example mx.example.org:25
exporter.yml:3:37: servers[0].role: "relay": want one of mx, submission, mta
exporter.yml:4:5: servers[1]: address is missing; write for example address: mx.example.org:25
exporter.yml:4:6: servers[1].Address: unknown key; did you mean address?
exporter.yml:5:12: helo_name: "probe": want the fully qualified name of this machine as DNS knows it, such as probe.example.net
exporter.yml:6:23: limits.concurrency: want a whole number from 1 to 100000
exporter.yml:6:26: limits.per_hots: unknown key; did you mean per_host?
exporter.yml:7:11: domains[0]: want a mapping (key: value), not text
exporter.yml:8:62: modules.quick.interval.mx: "1s": want a duration from 1m to 30d`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

// TestBounds gives files that are more than they seem.
func TestBounds(t *testing.T) {
	var mistakes strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&mistakes, "k%d: 1\n", i)
	}
	aliases := "probe_allow: &l [" + strings.Repeat("192.0.2.1,", 5000) + "]\ndomains:\n" + strings.Repeat("  - {name: example.org, senders: *l}\n", 5000)
	for _, c := range []struct{ name, text, want string }{
		{"aliases", aliases, "holds more than 1000000 values"},
		{"an alias in itself", "resolver: &r {<<: *r}\n", "ten deep"},
		{"an alias to a list of itself", "domains: &d [*d, *d]\n", "want a mapping"},
		{"mistakes", mistakes.String(), "1500 more mistakes from here on"},
		{"a long text", "helo_name: " + strings.Repeat("a", 5000) + "\n", "longer than 4096 octets"},
		{"depth", strings.Repeat("[", 20000), "not YAML"},
		{"not UTF-8", "helo_name: probe.example.net\ntls: {ca_file: \"a\xff\"}\n", "exporter.yml:2:18: the file is not UTF-8 text"},
		{"UTF-16", "\xff\xfeh\x00e\x00", "exporter.yml:1:1: the file is not UTF-8 text"},
		{"a long key", strings.Repeat("k", 1000) + ": 1\n", strings.Repeat("k", 64) + "...: unknown key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("exporter.yml", []byte(c.text), testOptions())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %.500v, want %s", err, c.want)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	if _, err := Load("testdata/nowhere.yml", Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	big := filepath.Join(t.TempDir(), "big.yml")
	if err := errors.Join(os.WriteFile(big, nil, 0o600), os.Truncate(big, maxFile+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(big, Options{}); err == nil || !strings.Contains(err.Error(), big+": it is larger than 16 MiB") {
		t.Errorf("a file that is too big: %v", err)
	}
	// A file that a configuration names and that is missing is another mistake.
	if _, err := Load("testdata/bad/ca_file_missing.yml", Options{}); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file in the configuration: %v", err)
	}
}

// TestWarnings names what is allowed and yet probably not meant.
func TestWarnings(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "exporter.yml: nothing is probed"},
		{"comments", "# nothing yet\n", "exporter.yml: nothing is probed"},
		{"helo_name", "helo_name: probe.corp.internal\n", "exporter.yml:1:12: helo_name: the world's DNS does not know names under internal"},
		{"ignore has ended", "ignore:\n  - {problem: smtp_refused, until: 2001-01-01}\n", "exporter.yml:2:36: ignore[0].until: the day has passed"},
		{"alert label", "alert_labels: [tema]\ndomains:\n  - {name: example.org, labels: {team: a}}\n", "no target has the label tema; did you mean team?"},
		{"key", "blocklists: {use: [spamcop], keys: {spamhaus_dqs: {env: DQS_KEY}}}\n", "exporter.yml:1:37: blocklists.keys.spamhaus_dqs: no blocklist in use takes this key"},
		{"ignore of nobody", "servers: [{address: 'mx.example.org:587'}]\nignore: [{problem: smtp_refused, target: mx.example.org}]\n", "exporter.yml: ignore: no target is called mx.example.org, so the rule for smtp_refused accepts nothing there; a server is called host:port; did you mean mx.example.org:587?"},
		{"list more often than the check", "blocklists: {use: [spamcop], overrides: {spamcop: {interval: 30m}}}\nsenders: [{address: 203.0.113.9}]\n", "exporter.yml: blocklists: spamcop is asked when the check dnsbl runs, every 1h, and not every 30m"},
		{"few questions", "blocklists: {use: [spamcop], overrides: {spamcop: {max_queries_per_day: 23}}}\n", "blocklists.overrides.spamcop.max_queries_per_day: with fewer than 24 questions a day"},
		{"egress", "vantage: {egress: ['mx.example.net:25', 'mx.example.net:587']}\n", "exporter.yml:1:19: vantage.egress: mx.example.net:587 is not on port 25"},
		{"override", "blocklists: {use: [], overrides: {spamcop: {interval: 6h}}}\n", "blocklists.overrides.spamcop: the blocklist is not in use"},
		{"smtp below a minute", "modules: {a: {kind: server, interval: 59s}, b: {kind: server, interval: 5s}}\n", "exporter.yml:1:14: modules.a: smtp every 59s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := parseGood(t, c.text).Warnings
			if !slices.ContainsFunc(got, func(w string) bool { return strings.Contains(w, c.want) }) {
				t.Errorf("warnings %q, want %q", got, c.want)
			}
			if n := strings.Count(strings.Join(got, "\n"), "smtp every"); n > 1 {
				t.Errorf("warned %d times", n)
			}
		})
	}
	const good = "domains:\n  - {name: example.org}\nignore:\n" +
		"  - {problem: mx_null, target: EXAMPLE.org}\n  - {problem: mx_null, target: 'mx.example.com:25'}\n  - {problem: vantage_ipv6, target: vantage}\n"
	if got := parseGood(t, good).Warnings; len(got) > 0 {
		t.Errorf("a good file: %q", got)
	}
}

// TestManyIdleRules: thousands of rules for targets that are gone are a few warnings and a count.
func TestManyIdleRules(t *testing.T) {
	var b strings.Builder
	b.WriteString("servers: [{address: 'mx.example.org:587'}]\nignore:\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "- {problem: smtp_refused, target: gone%d.example.org}\n", i)
	}
	got := parseGood(t, b.String()).Warnings
	if want := fmt.Sprintf("exporter.yml: ignore: %d more rules name a target that is not there", 3000-maxIdleRules); len(got) != maxIdleRules+1 || got[maxIdleRules] != want {
		t.Errorf("%d warnings, the last %q; want %q", len(got), got[len(got)-1], want)
	}
}

// TestBusyLists counts the questions of a day against what a list allows.
func TestBusyLists(t *testing.T) {
	const text = `
blocklists:
  use: []
  custom: [{id: own, zone: bl.example.net, queries_per_day: %d}]
senders: [{address: 203.0.113.1}, {address: 203.0.113.2}, {address: "2001:db8::1"}]
domains: [{name: example.org}]
`
	if got := parseGood(t, fmt.Sprintf(text, 48)).Warnings; len(got) > 0 {
		t.Errorf("two addresses each hour are 48: %q", got)
	}
	got := parseGood(t, fmt.Sprintf(text, 47)).Warnings
	if len(got) != 1 || !strings.Contains(got[0], "own would be asked 48 times a day about 2 targets, and 47 are allowed; set blocklists.overrides.own.interval to 1h2m or more") {
		t.Errorf("warnings %q", got)
	}
	names := strings.Replace(fmt.Sprintf(text, 95), "zone: bl.example.net", "zone: bl.example.net, kinds: [domain]", 1)
	if got := parseGood(t, names).Warnings; len(got) != 1 || !strings.Contains(got[0], "96 times a day about 4 targets") {
		t.Errorf("senders have names too: %q", got)
	}
	both := strings.Replace(fmt.Sprintf(text, 143), "zone: bl.example.net", "zone: bl.example.net, kinds: [ipv4, domain]", 1)
	if got := parseGood(t, both).Warnings; len(got) != 1 || !strings.Contains(got[0], "144 times a day about 4 targets") {
		t.Errorf("addresses and names: %q", got)
	}
	followed := strings.Replace(fmt.Sprintf(text, 47), "use: []", "use: []\n  overrides: {own: {interval: 1h2m}}", 1)
	if got := parseGood(t, followed).Warnings; len(got) > 0 {
		t.Errorf("the advice was followed: %q", got)
	}
}

// TestKeyedLists leaves lists out that need a key and have none, unless they are named.
func TestKeyedLists(t *testing.T) {
	for _, c := range []struct {
		name string
		list catalog.Blocklist
		key  bool
		want string
	}{
		{"free", catalog.Blocklist{ID: "x", Zone: "x.example.net"}, false, ""},
		{"with its key", catalog.Blocklist{ID: "x", KeyedZone: "{key}.x.example.net", KeyName: "x_key"}, true, ""},
		{"without its key", catalog.Blocklist{ID: "x", KeyedZone: "{key}.x.example.net", KeyName: "x_key"}, false, "the blocklist x needs a key; give blocklists.keys.x_key a file or env"},
		{"dead", catalog.Blocklist{ID: "x", Zone: "x.example.net", Dead: &catalog.End{Since: "2024-06-05", Text: catalog.Text{EN: "closed"}}}, false, "the blocklist x is dead (since 2024-06-05: closed); remove it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := &document{file: "exporter.yml"}
			root, _ := doc.parse([]byte("x"))
			r := &listReader{custom: []*catalog.Blocklist{&c.list}, keys: map[string]*listKey{}, have: map[string]bool{}}
			if c.key {
				r.keys["x_key"] = &listKey{Key: NewSecret("k3y")}
			}
			r.use(root)
			if got := strings.TrimPrefix(doc.errs.Error(), "exporter.yml:1:1: "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if used := len(r.lists) == 1; used != (c.want == "") {
				t.Errorf("lists in use: %+v", r.lists)
			}
			if c.key && r.lists[0].Key.Value() != "k3y" {
				t.Error("the list lacks its key")
			}
		})
	}
}

func TestDurations(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, 1500 * time.Millisecond, time.Second, 90 * time.Minute, 36 * time.Hour, maxInterval} {
		text := durationText(d)
		got, err := durationFrom(0, maxInterval)(text)
		if err != nil || got != d {
			t.Errorf("%s: %s, %v, want %s", text, got, err, d)
		}
	}
	for _, text := range []string{"", "5", "-5s", "+5s", "5 s", "1.5h", "5S", "s", "5us", "2w8d", "99999999999999999999s"} {
		if got, err := durationFrom(0, 14*24*time.Hour)(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

// TestNames reads names in all their forms.
func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"Example.ORG": "example.org", "example.org.": "example.org", "ПОЧТА.example": "xn--80a1acny.example", "faß.example": "xn--fa-hia.example",
		"XN--80A1ACNY.example": "xn--80a1acny.example", "a_b.example.org": "a_b.example.org", "_dmarc.example.org": "_dmarc.example.org",
		"r3---sn.example.org": "r3---sn.example.org", "почта。example": "xn--80a1acny.example", "1.example": "1.example",
		"": "", ".": "", "a..b": "", "-a.example": "", "a-.example": "", "a b.example": "", "a/b.example": "", "a\u200bb@example": "",
		"1.2.3.4": "", "example.1": "", "xn--\u00e4.example": "", "xn--a.example": "", strings.Repeat("a", 64) + ".example": "", strings.Repeat("a.", 127) + "a": "",
	} {
		got, err := parseName(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("parseName(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

// FuzzParse gives any text: no panic, and what is taken can be written and taken again.
func FuzzParse(f *testing.F) {
	for _, dir := range []string{"testdata/good", "testdata/bad"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range entries {
			text, err := os.ReadFile(dir + "/" + e.Name())
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		cfg, err := Parse("testdata/good/fuzz.yml", text, testOptions())
		if err != nil {
			var mistakes Errors
			if !errors.As(err, &mistakes) || len(mistakes) == 0 || len(mistakes) > maxErrors+1 {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		written := cfg.Marshal()
		again, err := Parse("testdata/good/fuzz.yml", written, testOptions())
		if err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
		if len(again.Targets) != len(cfg.Targets) {
			t.Fatalf("%d targets, then %d\n%s", len(cfg.Targets), len(again.Targets), written)
		}
	})
}
