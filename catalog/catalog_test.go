package catalog

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

var (
	word     = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*$`)
	loopback = netip.MustParsePrefix("127.0.0.0/8")
	refused  = netip.MustParsePrefix("127.255.255.0/24")
)

func TestDataIsWellFormed(t *testing.T) {
	if _, err := read(data); err != nil {
		t.Fatal(err)
	}
}

func TestProblems(t *testing.T) {
	if len(Problems()) < 100 {
		t.Fatalf("only %d problems", len(Problems()))
	}
	for _, p := range Problems() {
		if !word.MatchString(p.ID) || !word.MatchString(p.Check) {
			t.Errorf("%+v: id or check is not lower-case words joined by _", p)
		}
		if !strings.HasPrefix(p.ID, p.Check+"_") && !(p.Check == "smtp" && strings.HasPrefix(p.ID, "certificate_")) {
			t.Errorf("%s does not begin with the name of its check %s", p.ID, p.Check)
		}
		if !standing(p.Severity) {
			t.Errorf("%s: severity %q", p.ID, p.Severity)
		}
		if p.Title == "" || strings.HasSuffix(p.Title, ".") {
			t.Errorf("%s: title %q is empty or ends in a full stop", p.ID, p.Title)
		}
		if got, ok := ProblemByID(p.ID); !ok || got != p {
			t.Errorf("ProblemByID(%q) = %+v, %v", p.ID, got, ok)
		}
	}
	if p, ok := ProblemByID("no_such_problem"); ok {
		t.Errorf("ProblemByID of no problem = %+v", p)
	}
}

// standing reports whether a severity is one that a standing problem can have.
func standing(s Severity) bool {
	return s == SeverityCritical || s == SeverityWarning || s == SeverityInfo
}

func TestBlocklists(t *testing.T) {
	living := 0
	for _, b := range Blocklists() {
		if !word.MatchString(b.ID) {
			t.Errorf("%s: the id is not lower-case words joined by _", b.ID)
		}
		if got, ok := BlocklistByID(b.ID); !ok || got != b {
			t.Errorf("BlocklistByID(%q) = %+v, %v", b.ID, got, ok)
		}
		if b.Dead != "" {
			if !hostName.MatchString(b.Zone) || b.Kinds != nil || b.Groups != nil || b.NeedsKey() {
				t.Errorf("%s: a dead list has a zone and nothing else", b.ID)
			}
			continue
		}
		living++
		checkBlocklist(t, b)
	}
	if living < 10 {
		t.Errorf("only %d lists are alive", living)
	}
}

func checkBlocklist(t *testing.T, b *Blocklist) {
	if b.Zone != "" && !hostName.MatchString(b.Zone) {
		t.Errorf("%s: zone %q", b.ID, b.Zone)
	}
	if (b.KeyName == "") != (b.KeyedZone == "") || b.KeyName != "" && !word.MatchString(b.KeyName) {
		t.Errorf("%s: key %q and keyed zone %q do not belong together", b.ID, b.KeyName, b.KeyedZone)
	}
	if b.KeyedZone != "" && (strings.Count(b.KeyedZone, keyPlace) != 1 || !hostName.MatchString(b.AskedZone("k3y"))) {
		t.Errorf("%s: keyed zone %q", b.ID, b.KeyedZone)
	}
	if len(b.Kinds) == 0 {
		t.Errorf("%s: it is about nothing", b.ID)
	}
	for _, k := range b.Kinds {
		if !slices.Contains([]string{"ipv4", "ipv6", "domain"}, k) {
			t.Errorf("%s: kind %q", b.ID, k)
		}
	}
	if (len(b.Bits) > 0) == (len(b.Codes)+len(b.Good) > 0) {
		t.Errorf("%s: it needs codes or bits, and not both", b.ID)
	}
	for code, c := range b.Codes {
		checkAnswer(t, b, code)
		checkCode(t, b, c)
		if _, good := b.Good[code]; good || slices.Contains(b.Refusals, code) {
			t.Errorf("%s: %s means several things", b.ID, code)
		}
	}
	for code := range b.Good {
		checkAnswer(t, b, code)
	}
	for bit, c := range b.Bits {
		if bit == 0 || bit&(bit-1) != 0 {
			t.Errorf("%s: %d is not one bit", b.ID, bit)
		}
		checkCode(t, b, c)
	}
	for _, r := range b.Refusals {
		checkAnswer(t, b, r)
	}
	for _, g := range b.Groups {
		if !slices.ContainsFunc(Groups(), func(o Group) bool { return o.ID == g }) {
			t.Errorf("%s: there is no group %s", b.ID, g)
		}
	}
	byDefault, needs := slices.Contains(b.Groups, "default"), b.NeedsKey() || b.Registration != ""
	if byDefault == needs || !slices.Contains(b.Groups, "all") {
		t.Errorf("%s: groups %q; by default are asked those that need neither key nor registration, and all are in all", b.ID, b.Groups)
	}
	if !strings.HasPrefix(b.Removal, "https://") || b.Terms == "" {
		t.Errorf("%s: people need a page for removal and the terms", b.ID)
	}
}

func checkAnswer(t *testing.T, b *Blocklist, code string) {
	if a, err := netip.ParseAddr(code); err != nil || !loopback.Contains(a) || refused.Contains(a) || a.String() != code {
		t.Errorf("%s: answer %q is not an address in 127.0.0.0/8 outside %v", b.ID, code, refused)
	}
}

func checkCode(t *testing.T, b *Blocklist, c Code) {
	if !word.MatchString(c.Meaning) || !standing(c.Severity) || c.NonMTA != "" && !standing(c.NonMTA) {
		t.Errorf("%s: code %+v", b.ID, c)
	}
}

func TestAskedZone(t *testing.T) {
	zen, _ := BlocklistByID("spamhaus_zen")
	keyed := &Blocklist{KeyName: "abusix", KeyedZone: "{key}.black.mail.abusix.zone"}
	own := &Blocklist{Zone: "{key}.bl.example.org"}
	for _, test := range []struct {
		list  *Blocklist
		key   string
		zone  string
		needs bool
	}{
		{zen, "", "zen.spamhaus.org", false},
		{zen, "k3y", "k3y.zen.dq.spamhaus.net", false},
		{keyed, "k3y", "k3y.black.mail.abusix.zone", true},
		{own, "k3y", "k3y.bl.example.org", true},
	} {
		if got := test.list.AskedZone(test.key); got != test.zone {
			t.Errorf("%s: AskedZone(%q) = %q, want %q", test.list.ID, test.key, got, test.zone)
		}
		if got := test.list.NeedsKey(); got != test.needs {
			t.Errorf("%+v: NeedsKey() = %v", test.list, got)
		}
	}
	if got := KeyNames(); !slices.Equal(got, []string{"spamhaus_dqs"}) {
		t.Errorf("KeyNames() = %q", got)
	}
}

func TestGroups(t *testing.T) {
	for _, g := range Groups() {
		if !word.MatchString(g.ID) || g.Help == "" {
			t.Errorf("group %+v", g)
		}
		if _, clash := BlocklistByID(g.ID); clash {
			t.Errorf("%s is a group and a list", g.ID)
		}
		if _, ok := InGroup(g.ID); !ok {
			t.Errorf("InGroup(%q) does not know it", g.ID)
		}
	}
	if lists, ok := InGroup("default"); !ok || len(lists) < 9 {
		t.Errorf("InGroup(default) = %d lists, %v", len(lists), ok)
	}
	if lists, ok := InGroup("nothing"); ok || lists != nil {
		t.Errorf("InGroup(nothing) = %v, %v", lists, ok)
	}
}

func TestDeadZone(t *testing.T) {
	for zone, want := range map[string]string{
		"sorbs.net": "sorbs", "DNSBL.sorbs.net.": "sorbs", "notsorbs.net": "", "bl.spamcop.net": "", "": "",
	} {
		id := ""
		if b, ok := DeadZone(zone); ok {
			id = b.ID
		}
		if id != want {
			t.Errorf("DeadZone(%q) = %q, want %q", zone, id, want)
		}
	}
}

func TestProvider(t *testing.T) {
	for host := range builtin().providers {
		if !hostName.MatchString(host) {
			t.Errorf("host %q is not a name in lower case", host)
		}
	}
	for host, want := range map[string]string{
		"aspmx.l.google.com":                      "google",
		"ALT1.aspmx.l.google.com.":                "google",
		"example-org.mail.protection.outlook.com": "microsoft",
		"example-org.a-v1.mx.microsoft":           "microsoft",
		"mx.yandex.net":                           "yandex",
		"mxs.mail.ru":                             "mail_ru",
		"mx1.example.org":                         "",
		"notgoogle.com":                           "",
		"google.com.example.org":                  "",
		"com":                                     "",
		"":                                        "",
		"...":                                     "",
	} {
		if got, ok := Provider(host); got != want || ok != (want != "") {
			t.Errorf("Provider(%q) = %q, %v, want %q", host, got, ok, want)
		}
	}
}

func TestPublicResolver(t *testing.T) {
	for _, r := range builtin().resolvers {
		for _, p := range r.Prefixes {
			if !word.MatchString(r.ID) || p != p.Masked() {
				t.Errorf("resolver %s: %v", r.ID, p)
			}
		}
	}
	for addr, want := range map[string]string{
		"8.8.8.8": "google", "::ffff:8.8.4.4": "google", "9.9.9.9": "quad9", "2620:fe::9": "quad9", "1.1.1.1": "cloudflare",
		"8.8.8.9": "", "127.0.0.53": "", "192.0.2.1": "", "fe80::1%eth0": "",
	} {
		if got, ok := PublicResolver(netip.MustParseAddr(addr)); got != want || ok != (want != "") {
			t.Errorf("PublicResolver(%s) = %q, %v, want %q", addr, got, ok, want)
		}
	}
	if id, ok := PublicResolver(netip.Addr{}); ok {
		t.Errorf("PublicResolver of no address = %q", id)
	}
}

func TestKnownEnhanced(t *testing.T) {
	for code, want := range map[string]bool{
		"2.0.0": true, "4.7.30": true, "5.1.10": true, "5.7.1": true, "4.7.650": true, "5.7.515": true, "4.4.317": true, "5.7.606": true,
		"3.0.0": false, "5.7.01": false, "5.7.33": false, "5.7.751": false, "5.8.0": false, "5.1.11": false, "7.7.1": false,
		"5.7": false, "5..": false, "5": false, "": false, "5.7.1 ": false, "5.7.1.1": false, "5.7.-1": false, "55.7.1": false,
	} {
		if got := KnownEnhanced(code); got != want {
			t.Errorf("KnownEnhanced(%q) = %v, want %v", code, got, want)
		}
	}
}

func TestClassify(t *testing.T) {
	for code, want := range map[int]string{220: "ok", 354: "ok", 421: "unclassified", 550: "unclassified", 0: "unclassified", -1: "unclassified"} {
		if got := Classify("mx1.example.org", code, "", "\xff\x00").Cause; got != want {
			t.Errorf("Classify(%d) = %q, want %q", code, got, want)
		}
	}
}

// TestMalformedFiles shows that a file is read strictly, and that what cannot be read is an
// error and not a panic.
func TestMalformedFiles(t *testing.T) {
	good := map[string]string{
		"data/problems.yml":   "problems: [{id: a_b, check: a}]",
		"data/blocklists.yml": "lists: [{id: a}]",
		"data/providers.yml":  "providers: [{id: a, hosts: [a.example]}]",
		"data/enhanced.yml":   `registry: {"0": ["0"]}`,
		"data/resolvers.yml":  "resolvers: [{id: a, prefixes: [192.0.2.1/32]}]",
	}
	for _, test := range []struct{ file, text, want string }{
		{"", "", ""},
		{"data/problems.yml", "problems: [{id: a, colour: red}]", "field colour not found"},
		{"data/problems.yml", "problems: {", "problems.yml: yaml"},
		{"data/problems.yml", "", "problems.yml: EOF"},
		{"data/problems.yml", "problems: []\n---\nproblems: []", "after the first document"},
		{"data/problems.yml", "problems: [{id: a}, {id: a}]", "problem a stands twice"},
		{"data/blocklists.yml", "lists: [{id: a}, {id: a}]", "blocklist a stands twice"},
		{"data/blocklists.yml", "lists: [{id: a, bits: {256: {}}}]", "cannot unmarshal"},
		{"data/blocklists.yml", "lists: [{id: a, codes: {127.0.0.2: {}, 127.0.0.2: {}}}]", "already defined"},
		{"data/providers.yml", "providers: [{id: a, hosts: [h]}, {id: b, hosts: [h]}]", "host h belongs to a and b"},
		{"data/resolvers.yml", "resolvers: [{id: a, prefixes: [192.0.2.1]}]", "no '/'"},
		{"data/enhanced.yml", `registry: {"7": ["9-8"]}`, `"9-8" is not a number`},
		{"data/enhanced.yml", `registry: {"7": ["1000"]}`, `"1000" is not a number`},
		{"data/enhanced.yml", `registry: {"7": ["x"]}`, `"x" is not a number`},
	} {
		files := fstest.MapFS{}
		for name, text := range good {
			if name == test.file {
				text = test.text
			}
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		_, err := read(files)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %s: error %v, want %q", test.file, test.text, err, test.want)
		}
	}
	if c, err := read(fstest.MapFS{}); err == nil || c == nil {
		t.Errorf("read of nothing = %v, %v, want empty contents and an error", c, err)
	}
}
