package record

import (
	"net/netip"
	"strings"
	"testing"
)

func TestFixDMARC(t *testing.T) {
	const postmaster = "mailto:postmaster@example.org"
	for _, test := range []struct{ name, text, want string }{
		{"nothing is wrong", "v=DMARC1; p=reject; rua=mailto:a@example.org", "v=DMARC1; p=reject; rua=mailto:a@example.org"},
		{"no reports", "v=DMARC1; p=none", "v=DMARC1; p=none; rua=mailto:postmaster@example.org"},
		{"no reports, and a stricter policy below", "v=DMARC1;p=none;sp=reject;adkim=s;", "v=DMARC1; p=none; sp=reject; adkim=s; rua=mailto:postmaster@example.org"},
		{"old tags", "v=DMARC1; p=reject; pct=100; rf=afrf; ri=3600; rua=mailto:a@example.org", "v=DMARC1; p=reject; rua=mailto:a@example.org"},
		{"half of the messages", "v=DMARC1; p=reject; pct=50; ri=3600; rua=mailto:a@example.org", "v=DMARC1; p=reject; pct=50; rua=mailto:a@example.org"},
		{"no policy", "v=DMARC1; rua=mailto:a@example.org", "v=DMARC1; p=none; rua=mailto:a@example.org"},
		{"a policy that is none", "v=DMARC1; p=rejected; sp=reject; rua=mailto:a@example.org", "v=DMARC1; p=none; rua=mailto:a@example.org"},
		{"a bad sp counts as p=none", "v=DMARC1; p=reject; sp=all; rua=mailto:a@example.org", "v=DMARC1; p=none; rua=mailto:a@example.org"},
		{"a bad tag", "v=DMARC1; p=quarantine; adkim=strict; rua=mailto:a@example.org", "v=DMARC1; p=quarantine; rua=mailto:a@example.org"},
		{"a tag twice", "v=DMARC1; p=none; p=reject; rua=mailto:a@example.org", "v=DMARC1; p=none; rua=mailto:a@example.org"},
		{"no mailto", "v=DMARC1; p=none; rua=a@example.org", "v=DMARC1; p=none; rua=mailto:a@example.org"},
		{"no mailto, the second", "v=DMARC1; p=none; rua=mailto:a@example.org, b@example.org,c", "v=DMARC1; p=none; rua=mailto:a@example.org,mailto:b@example.org"},
		{"https only", "v=DMARC1; p=none; rua=https://example.org/r", "v=DMARC1; p=none; rua=mailto:postmaster@example.org"},
		{"the policy last", "v=DMARC1; rua=mailto:a@example.org; p=reject", "v=DMARC1; p=reject; rua=mailto:a@example.org"},
		{"rubbish", "v=DMARC1; p=none; ;;=x; t y; rua=mailto:a@example.org;", "v=DMARC1; p=none; rua=mailto:a@example.org"},
		{"a tag that nobody defined", "v=DMARC1; p=none; x=y; rua=mailto:a@example.org", "v=DMARC1; p=none; x=y; rua=mailto:a@example.org"},
		{"no record", "v=spf1 -all", ""},
	} {
		if got := FixDMARC(test.text, postmaster); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestMergeDMARC(t *testing.T) {
	for _, test := range []struct {
		name  string
		texts []string
		want  string
	}{
		{"the mildest policy", []string{"v=DMARC1; p=reject; rua=mailto:a@example.org", "v=DMARC1; p=none; rua=mailto:b@example.org"}, "v=DMARC1; p=none; rua=mailto:a@example.org,mailto:b@example.org"},
		{"below, too", []string{"v=DMARC1; p=reject", "v=DMARC1; p=reject; sp=quarantine; np=none"}, "v=DMARC1; p=reject; sp=quarantine; np=none; rua=mailto:p@example.org"},
		{"looser alignment", []string{"v=DMARC1; p=reject; adkim=s; aspf=s", "v=DMARC1; p=reject; adkim=s"}, "v=DMARC1; p=reject; adkim=s; rua=mailto:p@example.org"},
		{"t=y", []string{"v=DMARC1; p=reject; t=y", "v=DMARC1; p=reject"}, "v=DMARC1; p=quarantine; rua=mailto:p@example.org"},
		{"pct", []string{"v=DMARC1; p=quarantine", "v=DMARC1; p=quarantine; pct=10"}, "v=DMARC1; p=none; rua=mailto:p@example.org"},
		{"one is broken", []string{"v=DMARC1; p=reject", "v=DMARC1; p=nothing"}, "v=DMARC1; p=none; rua=mailto:p@example.org"},
		{"none is one", []string{"v=spf1 -all"}, ""},
	} {
		if got := MergeDMARC(test.texts, "mailto:p@example.org"); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// FuzzFixDMARC: whatever record is fixed, the result has no mistakes, and no policy in it is stricter than what receivers make of the
// record now, the others of the same name not regarded.
func FuzzFixDMARC(f *testing.F) {
	f.Add("v=DMARC1; p=reject; sp=x; rua=a@example.org", "v=DMARC1; p=none; t=y")
	f.Add("v=DMARC1; p=reject; pct=1; np=none", "v=DMARC1;np=reject;p=reject;p=none")
	f.Fuzz(func(t *testing.T, text, other string) {
		if !IsDMARC(text) {
			return
		}
		for _, fixed := range []string{FixDMARC(text, "mailto:p@example.org"), MergeDMARC([]string{text, other}, "mailto:p@example.org")} {
			d, err := ParseDMARC(fixed)
			if err != nil {
				t.Fatalf("%q became %q: %v", text, fixed, err)
			}
			var now [3]Disposition
			now[0], now[1], now[2] = strictest(text)
			var then [3]Disposition
			then[0], then[1], then[2] = d.Effective()
			for i := range now {
				if MilderOf(now[i], then[i]) != then[i] {
					t.Errorf("%q and %q became %q: %s was %s", text, other, fixed, then[i], now[i])
				}
			}
		}
	})
}

// strictest is what receivers make of a record, as RFC 9989 section 4.10.1 has it: none where it is not valid.
func strictest(text string) (own, sub, nonexistent Disposition) {
	d, err := ParseDMARC(text)
	if mistakes, ok := err.(DMARCErrors); d.Policy == "" || ok && mistakes.Has("sp", "np") {
		return DispositionNone, DispositionNone, DispositionNone
	}
	return d.Effective()
}

func TestFixSPF(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8::25")}
	for _, test := range []struct{ name, got, want string }{
		{"new", NewSPF(addrs), "v=spf1 ip4:203.0.113.9 ip6:2001:db8::25 ~all"},
		{"authorise", AuthoriseSPF("v=spf1 mx  -all", addrs[:1]), "v=spf1 ip4:203.0.113.9 mx -all"},
		{"authorise twice", AuthoriseSPF("v=spf1 -all", []netip.Addr{addrs[0], netip.MustParseAddr("::ffff:203.0.113.9")}), "v=spf1 ip4:203.0.113.9 -all"},
		{"authorise what is there", AuthoriseSPF("v=spf1 ip4:203.0.113.9 -all", addrs[:1]), "v=spf1 ip4:203.0.113.9 -all"},
		{"soften +all", SoftenSPF("v=spf1 a +all exp=e.example.org"), "v=spf1 a ~all exp=e.example.org"},
		{"soften all", SoftenSPF("v=spf1 ALL"), "v=spf1 ~all"},
		{"soften ?all", SoftenSPF("v=spf1 mx ?all"), "v=spf1 mx ~all"},
		{"soften no end", SoftenSPF("v=spf1 mx"), "v=spf1 mx ~all"},
		{"not a redirect", SoftenSPF("v=spf1 redirect=_spf.example.net"), "v=spf1 redirect=_spf.example.net"},
		{"not -all", SoftenSPF("v=spf1 mx -all"), "v=spf1 mx -all"},
		{"not what is broken", SoftenSPF("v=spf1 mxx +all"), "v=spf1 mxx +all"},
		{"merge", MergeSPF([]string{"v=spf1 mx ip4:203.0.113.9 -all", "v=spf1 a mx ~all exp=e.example.org"}), "v=spf1 mx ip4:203.0.113.9 a ~all exp=e.example.org"},
		{"merge without an end", MergeSPF([]string{"v=spf1 mx -all", "v=spf1 a"}), "v=spf1 mx a ?all"},
		{"merge with everybody", MergeSPF([]string{"v=spf1 mx -all", "v=spf1 +all"}), "v=spf1 mx ?all"},
		{"merge a redirect", MergeSPF([]string{"v=spf1 mx -all", "v=spf1 redirect=_spf.example.net"}), "v=spf1 mx include:_spf.example.net ~all"},
		{"merge what is broken", MergeSPF([]string{"v=spf1 mx -all", "v=spf1 mxx"}), ""},
	} {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", test.name, test.got, test.want)
		}
		if _, err := ParseSPF(test.got); err != nil && !strings.Contains(test.name, "broken") {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
