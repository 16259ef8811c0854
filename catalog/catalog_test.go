package catalog

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestData shows that every file of the program's own is read without a fault, and that every entry is complete: both
// languages, causes, remedies, references, words of the closed sets, and no two that match the same reply with equal right.
func TestData(t *testing.T) {
	c, err := read(data)
	if err != nil {
		t.Error(err)
	}
	if err := c.validate(); err != nil {
		t.Error(err)
	}
	for what, n := range map[string]int{
		"problems": len(c.problems), "replies": len(c.replies), "conditions": len(c.conditions), "settings": len(c.settings), "topics": len(c.topics), "mail services": len(c.services), "resolvers": len(c.resolvers),
	} {
		if n == 0 {
			t.Errorf("there are no %s", what)
		}
	}
}

// TestReplyCodes: the codes that people meet are told in full, and so are all that RFC 5321 and its additions know.
func TestReplyCodes(t *testing.T) {
	c := Default()
	for _, code := range []int{
		421, 450, 451, 452, 454, 500, 501, 502, 503, 504, 512, 513, 521, 523, 525, 530, 534, 535, 538, 541, 550, 551, 552, 553, 554, 555, 556, 571,
	} {
		if e := c.ReplyCode(code); e == nil || len(e.Causes) < 2 || len(e.Remedies) < 2 {
			t.Errorf("%d is not told in full: %+v", code, e)
		}
	}
	for _, code := range []int{211, 214, 220, 221, 235, 250, 251, 252, 334, 354, 432, 453, 455, 458, 459, 510, 511, 533, 557} {
		if c.ReplyCode(code) == nil {
			t.Errorf("%d is missing", code)
		}
	}
	for _, code := range []int{-1, 0, 99, 299, 600} {
		if e := c.ReplyCode(code); e != nil {
			t.Errorf("ReplyCode(%d) = %+v", code, e)
		}
	}
}

// TestRegistry: every enhanced code of the IANA registry is told, RFC 3463 and all that was added since.
func TestRegistry(t *testing.T) {
	c, n := Default(), 0
	for subject, last := range []int{0, 10, 4, 6, 7, 6, 10, 30} {
		for detail := range last + 1 {
			n++
			for _, class := range "245" {
				if code := fmt.Sprintf("%c.%d.%d", class, subject, detail); c.EnhancedCode(code) == nil || !c.KnownEnhanced(code) {
					t.Errorf("%s is missing", code)
				}
			}
		}
	}
	if got := len(c.EnhancedCodes()); got != n {
		t.Errorf("%d enhanced codes, want the %d of the registry and none else: what a provider invented is a reply", got, n)
	}
}

// TestProvidersHaveReplies: the providers that most mail goes to are known, and so is what they mean.
func TestProvidersHaveReplies(t *testing.T) {
	c := Default()
	for _, id := range []string{
		"google", "outlook", "microsoft", "yahoo", "apple", "yandex", "mail_ru", "rambler", "gmx", "t_online", "orange", "free", "comcast", "cox",
		"tencent", "rackspace", "ru_center", "proofpoint", "mimecast", "barracuda", "cloudmark",
	} {
		if c.ProviderByID(id) == nil || !slices.ContainsFunc(c.Replies(), func(r *Reply) bool { return r.Provider == id }) {
			t.Errorf("provider %s is missing or has no replies", id)
		}
	}
}

func TestProblems(t *testing.T) {
	for _, p := range Problems() {
		if got, ok := ProblemByID(p.ID); !ok || got.ID != p.ID {
			t.Errorf("ProblemByID(%q) = %+v, %v", p.ID, got, ok)
		}
	}
	if p, ok := ProblemByID("no_such_problem"); ok {
		t.Errorf("ProblemByID of no problem = %+v", p)
	}
}

// TestBlocklists: the lists that mail servers ask are there, living and dead.
func TestBlocklists(t *testing.T) {
	c := Default()
	for _, zone := range []string{
		"zen.spamhaus.org", "sbl.spamhaus.org", "xbl.spamhaus.org", "pbl.spamhaus.org", "k3y.authbl.dq.spamhaus.net", "b.barracudacentral.org", "bl.spamcop.net",
		"k3y.combined.mail.abusix.zone", "psbl.surriel.com", "bl.mailspike.net", "rep.mailspike.net", "dnsbl-1.uceprotect.net", "dnsbl-2.uceprotect.net",
		"dnsbl-3.uceprotect.net", "bl.score.senderscore.com", "dnsbl.dronebl.org", "bl.blocklist.de", "bl.spameatingmonkey.net",
		"bl.ipv6.spameatingmonkey.net", "bip.virusfree.cz", "all.spamrats.com", "all.s5h.net", "bl.0spam.org", "rbl.0spam.org", "bl.nordspam.com",
		"dbl.nordspam.com", "dnsbl.justspam.org", "truncate.gbudb.net", "hostkarma.junkemailfilter.com", "dnsbl.spfbl.net", "ips.backscatterer.org",
		"dnsbl.zapbl.net", "bl.scientificspam.net", "bl.suomispam.net", "dnsbl.kempt.net", "dnsrbl.swinog.ch", "rbl.abuse.ro", "spamsources.fabel.dk",
		"spam.dnsbl.anonmails.de", "rbl.interserver.net", "blacklist.woody.ch", "korea.services.net", "tor.dan.me.uk", "rbl.efnetrbl.org",
		"dbl.spamhaus.org", "k3y.zrd.dq.spamhaus.net", "multi.surbl.org", "multi.uribl.com", "k3y.dblack.mail.abusix.zone", "uribl.spameatingmonkey.net",
		"fresh15.spameatingmonkey.net", "list.dnswl.org", "wl.mailspike.net", "dnswl.spfbl.net", "sa-trusted.bondedsender.org", "sa-accredit.habeas.com",
		"iadb.isipp.com",
	} {
		if !slices.ContainsFunc(c.Blocklists(), func(b *Blocklist) bool {
			return b.Dead == nil && (b.Zone == zone || b.KeyedZone != "" && b.AskedZone("k3y") == zone)
		}) {
			t.Errorf("%s is missing or dead", zone)
		}
	}
	for _, b := range c.Blocklists() {
		if got, ok := c.BlocklistByID(b.ID); !ok || got != b {
			t.Errorf("BlocklistByID(%q) = %+v, %v", b.ID, got, ok)
		}
		if !strings.HasPrefix(b.ID, "spamhaus_") && b.Dead == nil && !slices.Contains(b.Groups, "all") && !slices.Contains(b.Groups, whitelists) {
			t.Errorf("%s: every list is in all or in %s, but for parts of spamhaus_zen", b.ID, whitelists)
		}
	}
	for _, id := range []string{"", "no_such_list"} {
		if b, ok := c.BlocklistByID(id); ok {
			t.Errorf("BlocklistByID(%q) = %+v", id, b)
		}
	}
}

func TestAskedZone(t *testing.T) {
	zen, _ := Default().BlocklistByID("spamhaus_zen")
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
	if got := Default().KeyNames(); !slices.Equal(got, []string{"abusix", "spamhaus_dqs"}) {
		t.Errorf("KeyNames() = %q", got)
	}
}

func TestGroups(t *testing.T) {
	c := Default()
	for _, g := range c.Groups() {
		if !wordForm.MatchString(g.ID) || g.Help.EN == "" || g.Help.RU == "" {
			t.Errorf("group %+v", g)
		}
		if _, clash := c.BlocklistByID(g.ID); clash {
			t.Errorf("%s is a group and a list", g.ID)
		}
	}
	for group, least := range map[string]int{"default": 9, "all": 45, "whitelists": 6} {
		if lists, ok := c.InGroup(group); !ok || len(lists) < least {
			t.Errorf("InGroup(%s) = %d lists, %v, want at least %d", group, len(lists), ok, least)
		}
	}
	if lists, ok := c.InGroup("nothing"); ok || lists != nil {
		t.Errorf("InGroup(nothing) = %v, %v", lists, ok)
	}
}

func TestDeadZone(t *testing.T) {
	for zone, want := range map[string]string{
		"sorbs.net": "sorbs", "DNSBL.sorbs.net.": "sorbs", "notsorbs.net": "", "bl.spamcop.net": "", "": "",
	} {
		id := ""
		if b, ok := Default().DeadZone(zone); ok {
			id = b.ID
		}
		if id != want {
			t.Errorf("DeadZone(%q) = %q, want %q", zone, id, want)
		}
	}
}

func TestProvider(t *testing.T) {
	for host, want := range map[string]string{
		"aspmx.l.google.com":                      "google",
		"ALT1.aspmx.l.google.com.":                "google",
		"example-org.mail.protection.outlook.com": "microsoft",
		"eur.olc.protection.outlook.com":          "outlook",
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
	for _, r := range Default().resolvers {
		for _, p := range r.Prefixes {
			if !wordForm.MatchString(r.ID) || p != p.Masked() {
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
		if got := Default().KnownEnhanced(code); got != want {
			t.Errorf("KnownEnhanced(%q) = %v, want %v", code, got, want)
		}
	}
}

// small is a catalogue with one good entry of each kind, by file.
func small() map[string]string {
	const advice = `title: {en: T, ru: T}, meaning: {en: M, ru: M}, causes: [{en: C, ru: C}], remedies: [{en: R, ru: R}], references: [RFC 5321]`
	const verdict = `cause: policy, retry: "no", actor: sender`
	return map[string]string{
		"data/problems/smtp.yml": "problems: [{id: a_b, check: a, severity: info, who: server, " + advice + "}]",
		"data/codes.yml":         "codes: [{id: code_550, code: 550, " + verdict + ", " + advice + "}]",
		"data/enhanced.yml":      `enhanced: [{id: enhanced_7_1, detail: "7.1", ` + verdict + ", " + advice + "}]",
		"data/conditions.yml":    "conditions: [{id: a, words: [w], " + verdict + ", " + advice + "}]",
		"data/topics.yml":        "topics: [{id: t, words: [one word], problems: [a_b], reasons: [policy], see: [t], " + advice + "}]",
		"data/mailservices.yml": `mail_services: [{id: s, name: {en: S, ru: S}, provider: a, words: [another], user: {en: U, ru: U},
			password: {en: P, ru: P}, page: "https://a.example/", checked: {on: "2026-12-01", by: others}, servers: [
			{protocol: smtp, host: smtp.a.example, port: 465, encryption: tls}, {protocol: imap, host: imap.a.example, port: 993, encryption: tls}]}]`,
		"data/programs.yml":      "programs: [{id: a, title: {en: T, ru: T}}]",
		"data/words.yml":         "words: {box: [mailbox, $more], more: [inbox], ring: [$ring]}",
		"data/reading.yml":       "code: {en: T, ru: T}",
		"data/providers.yml":     "providers: [{id: a, name: {en: A, ru: A}, hosts: [a.example]}]",
		"data/blocklists.yml":    "groups: []\nblocklists: []",
		"data/resolvers.yml":     "resolvers: [{id: a, prefixes: [192.0.2.1/32]}]",
		"data/replies/reply.yml": "replies: [{id: r, provider: a, match: {text: [phrase one]}, " + verdict + ", " + advice + "}]",
	}
}

func files(texts map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, text := range texts {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

// TestMalformedFiles shows that files are read strictly: each of these changes to good files is an error that says what is
// wrong and where.
func TestMalformedFiles(t *testing.T) {
	const (
		problems, blocklists, providers = "data/problems/smtp.yml", "data/blocklists.yml", "data/providers.yml"
		topics, services                = "data/topics.yml", "data/mailservices.yml"
		enhanced, resolvers, reply      = "data/enhanced.yml", "data/resolvers.yml", "data/replies/reply.yml"
	)
	again := func(text string) string { return text[:len(text)-1] + ", " + text[strings.IndexByte(text, '[')+1:] }
	for _, test := range []struct{ file, old, new, want string }{
		{"", "", "", ""},
		// The form.
		{problems, "severity", "colour", "field colour not found"},
		{problems, "problems: [{", "problems: {", "smtp.yml: yaml"},
		{problems, small()[problems], "", "smtp.yml: EOF"},
		{problems, small()[problems], "problems: []\n---\nproblems: []", "smtp.yml: there is something after the first document"},
		{resolvers, "192.0.2.1/32", "192.0.2.1", "no '/'"},
		// What may be there once.
		{problems, small()[problems], again(small()[problems]), "problem a_b stands twice"},
		{enhanced, small()[enhanced], again(small()[enhanced]), "enhanced code 7.1 stands twice"},
		{"data/codes.yml", small()["data/codes.yml"], again(small()["data/codes.yml"]), "code 550 stands twice"},
		{"data/conditions.yml", small()["data/conditions.yml"], again(small()["data/conditions.yml"]), "condition a stands twice"},
		{"data/programs.yml", "}]", "}, {id: a}]", "setting a stands twice"},
		{blocklists, "blocklists: []", "blocklists: [{id: a}, {id: a}]", "blocklist a stands twice"},
		{providers, "}]", "}, {id: b, hosts: [a.example]}]", "host a.example belongs to a and b"},
		{reply, small()[reply], again(small()[reply]), "reply r stands twice"},
		// What a reply matches.
		{reply, small()[reply], strings.Replace(again(small()[reply]), "id: r", "id: s", 1), "r: matches the same replies as s with equal right"},
		{reply, "match: {text: [phrase one]}", "match: {}", "reply r: match says neither text nor code"},
		{reply, "phrase one", `" A  b "`, ""},
		{reply, "phrase one", `"a "`, `reply r: phrase "a " is shorter than 3 bytes`},
		{reply, "text: [phrase one]", `near: ["$box full"]`, ""},
		{reply, "text: [phrase one]", `near: ["$bix full"]`, "reply r: near: data/words.yml has no group bix"},
		{reply, "text: [phrase one]", `near: ["$ring full"]`, "reply r: near: data/words.yml has no group ring"},
		{reply, "text: [phrase one]", `near: [-full]`, `reply r: near "-full" asks for no word`},
		{reply, "text: [phrase one]", `near: [box x]`, `reply r: near: word "x" is shorter than 2 bytes`},
		{reply, "provider: a", "provider: b", "reply r: there is no provider b"},
		{reply, "text: [phrase one]", `enhanced: ["5.7"]`, `reply r: "5.7" is not an enhanced status code such as 5.7.1`},
		{reply, "text: [phrase one]", `enhanced: ["5.7.9-5.7.8"]`, `"5.7.9-5.7.8" is not a range`},
		{reply, "text: [phrase one]", `enhanced: ["5.7.1-5.7.999"]`, `"5.7.1-5.7.999" is not a range of up to 500 codes`},
		{reply, "text: [phrase one]", `enhanced: ["5.7.1-5.6.2"]`, `"5.7.1-5.6.2" is not a range`},
		{reply, "text: [phrase one]", "codes: [600]", "reply r: code 600 is not one from 200 to 599"},
		{reply, "match", "sure: true, match", "reply r: sure needs a provider and an enhanced code"},
		// What people look for.
		{topics, small()[topics], again(small()[topics]), "topic t stands twice"},
		{topics, "words: [one word]", `words: ["?"]`, `topic t: "?" holds no word that means something`},
		{topics, "words: [one word]", "words: []", "topic t: there are no words by which to look for it"},
		{topics, "words: [one word]", "words: [ones words]", ""},
		{topics, "words: [one word]", "words: [Another]", `mail service s: "another" leads to topic t, too`},
		{topics, "words: [one word]", "words: [W]", `condition a: "w" leads to topic t, too`},
		{topics, "problems: [a_b]", "problems: [a_c]", "topic t: there is no problem a_c"},
		{topics, "problems: [a_b]", "replies: [code_551]", "topic t: there is no reply code_551"},
		{topics, "problems: [a_b]", "replies: [code_550, enhanced_7_1, r], conditions: [a]", ""},
		{topics, "problems: [a_b]", "conditions: [b]", "topic t: there is no condition b"},
		{topics, "reasons: [policy]", "reasons: [bad_luck]", "topic t: there is no cause bad_luck"},
		{topics, "see: [t]", "see: [u]", "topic t: there is no topic u"},
		{topics, "see: [t]", "programs: [x]", "topic t: there is no setting x"},
		{services, "provider: a", "provider: b", "mail service s: there is no provider b"},
		{services, "port: 465", "port: 25", "mail service s: smtp port 25 with \"tls\" is no encrypted access"},
		{services, "port: 993, encryption: tls", "port: 993, encryption: none", "is no encrypted access"},
		{services, "protocol: imap", "protocol: pop3", "mail service s: "},
		{services, "host: smtp.a.example", "host: SMTP.a.example", `host "SMTP.a.example" is not a name in lower case`},
		{services, "2026-12-01", "last year", "does not say when and by what"},
		{services, "by: others", "by: nobody", "does not say when and by what"},
		{services, "password: {en: P, ru: P}", "password: {en: P}", "mail service s: password says nothing in ru"},
		{services, "words: [another]", "words: []", "mail service s: there are no words"},
		// What people are told.
		{reply, "title: {en: T, ru: T}", "title: {en: T}", "reply r: title says nothing in ru"},
		{reply, "title: {en: T, ru: T}", "title: {en: T., ru: T}", `reply r: title "T." ends in a full stop`},
		{reply, "meaning: {en: M, ru: M}", "meaning: {ru: M}", "reply r: meaning says nothing in en"},
		{reply, "remedies: [{en: R, ru: R}]", `remedies: [{en: R, ru: " "}]`, "reply r: remedies says nothing in ru"},
		{reply, "remedies: [{en: R, ru: R}]", "remedies: []", "reply r: remedies are missing"},
		{reply, "remedies: [{en: R, ru: R}]", "remedies: [{en: '`{host}`', ru: '`{host}`'}]", ""},
		{reply, "remedies: [{en: R, ru: R}]", "remedies: [{en: '`{hots}`', ru: '`{hots}`'}]", "reply r: {hots} is no value"},
		{reply, "remedies: [{en: R, ru: R}]", "remedies: [{en: '{host}', ru: '`{host}`'}]", "reply r: {host} stands outside of a code span"},
		{reply, "remedies: [{en: R, ru: R}]", "remedies: [{en: '`{host}`', ru: R}]", "reply r: the languages name different values: [host] and []"},
		{reply, "remedies: [{en: R, ru: R}]", "remedies: [{en: R, ru: R, if: [hots]}]", "reply r: a remedy depends on hots, which is no value"},
		{reply, "remedies: [{en: R, ru: R}]", "remedies: [{en: R, ru: R, if: [host]}]", "reply r: every remedy needs some value"},
		{reply, "references: [RFC 5321]", "references: [RFC 5321], example: {hots: x}", "reply r: example hots is no value"},
		{reply, "causes: [{en: C, ru: C}], ", "", "reply r: causes are missing"},
		{reply, "references: [RFC 5321]", "references: []", "reply r: there is no reference"},
		{reply, "references: [RFC 5321]", "references: [see there]", `reply r: reference "see there" is neither`},
		{reply, "references: [RFC 5321]", "references: [RFC 5321], programs: [x]", "reply r: there is no setting x"},
		{reply, "cause: policy", "cause: bad_luck", `reply r: cause "bad_luck" is not one of the closed set`},
		{reply, `retry: "no"`, "retry: never", `reply r: retry "never" is not yes, no or later`},
		{reply, "actor: sender", "actor: nobody", `reply r: actor "nobody" is not`},
		{problems, "check: a", "check: b", "problem a_b: the id does not begin with the name of its check b"},
		{problems, "severity: info", "severity: off", `problem a_b: severity "off" is not`},
		{problems, "who: server", "who: somebody", `problem a_b: who is "somebody"`},
		{enhanced, `"7.1"`, `"7"`, "detail is not subject and detail"},
		// Blocklists.
		{blocklists, "[]\nblocklists: []", "[]\nblocklists: [{id: a, bits: {256: {}}}]", "cannot unmarshal"},
		{blocklists, "blocklists: []", "blocklists: [{id: a, codes: {127.0.0.2: {}, 127.0.0.2: {}}}]", "already defined"},
		{blocklists, "blocklists: []", "blocklists: [{id: a, zone: no zone}]", `blocklist a: zone "no zone" is not a name`},
		{blocklists, "blocklists: []", "blocklists: [{id: a, groups: [b]}]", "blocklist a: there is no group b"},
		{blocklists, "blocklists: []", "blocklists: [{id: a, codes: {192.0.2.1: {meaning: m}}}]", `answer "192.0.2.1" is not an address in 127.0.0.0/8`},
	} {
		texts := small()
		if test.old != "" && strings.Count(texts[test.file], test.old) != 1 {
			t.Fatalf("%s: %q does not stand in it once", test.file, test.old)
		}
		texts[test.file] = strings.Replace(texts[test.file], test.old, test.new, 1)
		c, err := read(files(texts))
		if err == nil {
			err = c.validate()
		}
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %s: error %v, want %q", test.file, test.new, err, test.want)
		}
	}
	if c, err := read(fstest.MapFS{}); err == nil || c == nil {
		t.Errorf("read of nothing = %v, %v, want empty contents and an error", c, err)
	}
}

// FuzzRead: whatever stands in a file, reading it ends in a catalogue or an error, and what was read can be used.
func FuzzRead(f *testing.F) {
	texts := small()
	for name, text := range texts {
		f.Add(name, []byte(text))
	}
	f.Add("data/replies/reply.yml", []byte("replies: [null, {id: a, match: {text: [null, xxx], not: [xxx]}}]"))
	f.Add("data/programs.yml", []byte("programs: [null]"))
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		fs := files(texts)
		if fs[name] == nil {
			return // Not a file of the catalogue.
		}
		fs[name] = &fstest.MapFile{Data: text}
		c, err := read(fs)
		if c == nil {
			t.Fatalf("no catalogue, error %v", err)
		}
		if err == nil {
			_ = c.validate() // It may find faults, but it does not panic.
		}
		if got := c.Classify("mx.a.example", 550, "5.7.1", "phrase one"); got.Cause == "" && err == nil && c.validate() == nil {
			t.Errorf("Classify = %+v", got)
		}
	})
}
