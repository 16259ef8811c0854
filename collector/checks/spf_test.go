package checks

import (
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

func TestSPF(t *testing.T) {
	cases := []recordCase{
		{name: "healthy", zone: `%s TXT "v=spf1 mx ip4:192.0.2.0/24 include:_spf.example.org -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 2
spf_void_lookups 0`},
		{name: "others", zone: `
%s TXT "hello"
%s TXT "v=spf1 mx" " -all"
%s TXT "v=spf10 +all"
%s TXT "spf2.0/pra +all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 1
spf_void_lookups 0`},
		{name: "nodomain", want: `
spf_records 0
spf_valid 0
! spf_missing`},
		{name: "missing", zone: `%s TXT "hello"`, want: `
spf_records 0
spf_valid 0
! spf_missing`},
		{name: "almost", zone: `%s TXT "v=spf1;-all"`, want: `
spf_records 0
spf_valid 0
! spf_missing`},
		{name: "multiple", zone: `
%s TXT "v=spf1 mx -all"
%s TXT "v=spf1 a -all"`, want: `
spf_records 2
spf_valid 0
! spf_multiple`},
		{name: "invalid", zone: `%s TXT "v=spf1 -all foo a:%{x} "`, want: `
spf_records 1
spf_valid 0
! spf_invalid
! spf_invalid`},
		{name: "unknown-modifier", zone: `%s TXT "v=spf1 -all foo=bar"`, want: `
spf_records 1
spf_valid 1
spf_lookups 0
spf_void_lookups 0`},
		{name: "pass-all", zone: `%s TXT "v=spf1 mx +all"`, want: `
spf_records 1
spf_valid 1
! spf_pass_all
spf_lookups 1
spf_void_lookups 0`},
		{name: "pass-all-again", zone: `%s TXT "v=spf1 ?ip4:0.0.0.0/0 mx//0 -all"`, want: `
spf_records 1
spf_valid 1
! spf_pass_all
spf_lookups 1
spf_void_lookups 0`},
		{name: "pass-network", zone: `%s TXT "v=spf1 ip4:192.0.2.0/0 -all"`, want: `
spf_records 1
spf_valid 1
! spf_pass_all
spf_lookups 0
spf_void_lookups 0`},
		{name: "behind-all", zone: `%s TXT "v=spf1 mx -all ip4:192.0.2.0/0 ptr +all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 1
spf_void_lookups 0`},
		{name: "fail-network", zone: `%s TXT "v=spf1 -ip4:192.0.2.0/0 a ~a/0 -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 2
spf_void_lookups 0`},
		{name: "neutral", zone: `%s TXT "v=spf1 mx ?all"`, want: `
spf_records 1
spf_valid 1
! spf_neutral_all
spf_lookups 1
spf_void_lookups 0`},
		{name: "softall", zone: `%s TXT "v=spf1 mx ~all redirect=_spf.example.org"`, want: `
spf_records 1
spf_valid 1
! spf_softall
spf_lookups 1
spf_void_lookups 0`},
		{name: "no-all", zone: `%s TXT "v=spf1 mx"`, want: `
spf_records 1
spf_valid 1
! spf_no_all
spf_lookups 1
spf_void_lookups 0`},
		{name: "bare", zone: `%s TXT "v=spf1"`, want: `
spf_records 1
spf_valid 1
! spf_no_all
spf_lookups 0
spf_void_lookups 0`},
		{name: "redirect", zone: `%s TXT "v=spf1 redirect=_spf.example.org"`, want: `
spf_records 1
spf_valid 1
spf_lookups 1
! spf_softall
spf_void_lookups 0`},
		{name: "ptr", zone: `%s TXT "v=spf1 a ptr:example.org -all"`, want: `
spf_records 1
spf_valid 1
! spf_ptr
spf_lookups 2
spf_void_lookups 0`},
		{name: "ptr-macro", zone: `%s TXT "v=spf1 exists:%{p}.example.org -all"`, want: `
spf_records 1
spf_valid 1
! spf_ptr
spf_lookups 1
spf_void_lookups 0`},
		{name: "ptr-redirect", zone: `%s TXT "v=spf1 redirect=%{P}.example.org"`, want: `
spf_records 1
spf_valid 1
! spf_ptr
spf_lookups 1
spf_void_lookups 0`},
		{name: "ptr-unused", zone: `%s TXT "v=spf1 -all redirect=%{p}.example.org"`, want: `
spf_records 1
spf_valid 1
spf_lookups 0
spf_void_lookups 0`},
		{name: "long", zone: `%s TXT "v=spf1 ip4:192.0.2.10 ip4:192.0.2.11 ip4:192.0.2.12 ip4:192.0.2.13 ip4:192.0.2.14 ip4:192.0.2.15 ip4:192.0.2.16 ip4:192.0.2.17 ip4:192.0.2.18 ip4:192.0.2.19 ip4:192.0.2.20 ip4:192.0.2.21 ip4:192.0.2.2" "2 ip4:192.0.2.23 ip4:192.0.2.24 ip4:192.0.2.25 ip4:192.0.2.26 ip4:192.0.2.27 ip4:192.0.2.28 ip4:192.0.2.29 ip4:192.0.2.30 ip4:192.0.2.31 ip4:192.0.2.32 ip4:192.0.2.33 ip4:192.0.2.34 ip4:192.0.2.35 ip4" ":192.0.2.36 a:xxxxxxxxxxxxxxxxxxxxxxxx.example -all"`, want: `
spf_records 1
spf_valid 1
! spf_long
spf_lookups 1
spf_void_lookups 0`},
		{name: "long-enough", zone: `%s TXT "v=spf1 ip4:192.0.2.10 ip4:192.0.2.11 ip4:192.0.2.12 ip4:192.0.2.13 ip4:192.0.2.14 ip4:192.0.2.15 ip4:192.0.2.16 ip4:192.0.2.17 ip4:192.0.2.18 ip4:192.0.2.19 ip4:192.0.2.20 ip4:192.0.2.21 ip4:192.0.2.2" "2 ip4:192.0.2.23 ip4:192.0.2.24 ip4:192.0.2.25 ip4:192.0.2.26 ip4:192.0.2.27 ip4:192.0.2.28 ip4:192.0.2.29 ip4:192.0.2.30 ip4:192.0.2.31 ip4:192.0.2.32 ip4:192.0.2.33 ip4:192.0.2.34 ip4:192.0.2.35 ip4" ":192.0.2.36 a:xxxxxxxxxxxxxxxxxxxxxxx.example -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 1
spf_void_lookups 0`},
		{name: "unknown", fails: "%s", want: "error"},
		{name: "parked", parked: true, zone: `%s TXT "v=spf1 -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 0
spf_void_lookups 0`},
		{name: "parked-redirect", parked: true, zone: `%s TXT "v=spf1 redirect=_spf.example.org"`, want: `
spf_records 1
spf_valid 1
spf_lookups 1
! spf_parked
spf_void_lookups 0`},
		{name: "parked-missing", parked: true, zone: `%s TXT "hello"`, want: `
spf_records 0
spf_valid 0
! spf_parked`},
		{name: "parked-soft", parked: true, zone: `%s TXT "v=spf1 ~all"`, want: `
spf_records 1
spf_valid 1
! spf_parked
spf_lookups 0
spf_void_lookups 0`},
		{name: "parked-sends", parked: true, zone: `%s TXT "v=spf1 mx -all"`, want: `
spf_records 1
spf_valid 1
! spf_parked
spf_lookups 1
spf_void_lookups 0`},
		{name: "parked-neutral", parked: true, zone: `%s TXT "v=spf1 ?all"`, want: `
spf_records 1
spf_valid 1
! spf_parked
spf_lookups 0
spf_void_lookups 0`},
		{name: "parked-open", parked: true, zone: `%s TXT "v=spf1"`, want: `
spf_records 1
spf_valid 1
! spf_parked
spf_lookups 0
spf_void_lookups 0`},
		{name: "parked-pass", parked: true, zone: `%s TXT "v=spf1 +all"`, want: `
spf_records 1
spf_valid 1
! spf_pass_all
! spf_parked
spf_lookups 0
spf_void_lookups 0`},
		{name: "parked-invalid", parked: true, zone: `%s TXT "v=spf1 foo -all"`, want: `
spf_records 1
spf_valid 0
! spf_invalid`},
	}
	cases = append(cases, spfSenderCases()...)
	for i := range cases {
		if cases[i].zone != "" { // What the mechanisms a and mx, and the include, lead to.
			cases[i].zone += "\n%s A 192.0.2.1\n%s MX 10 %s\nxxxxxxxxxxxxxxxxxxxxxxxx.example. A 192.0.2.1\nxxxxxxxxxxxxxxxxxxxxxxx.example. A 192.0.2.1\n" +
				`_spf.example.org. TXT "v=spf1 ip4:198.51.100.0/24 ~all"`
		}
	}
	testRecords(t, spfCheck, cases)
}

// TestSPFOfSender: the record of the HELO name is the sender's to mend, unless that name is a configured domain.
func TestSPFOfSender(t *testing.T) {
	w, dns := recordWorld(t)
	err := w.Zone(`
out.example. TXT "v=spf1 a -all"
bad.example. TXT "v=spf1 foo -all"
two.example. TXT "v=spf1 -all"
two.example. TXT "v=spf1 a -all"
domain.example. TXT "v=spf1 foo -all"`)
	if err != nil {
		t.Fatal(err)
	}
	w.Fault("unknown.example", mailworld.FaultServFail)
	env := &Env{DNS: dns, Config: &targets.Config{Targets: []*targets.Target{
		{Name: "domain.example", Kind: targets.KindDomain}, {Name: "bad.example", Kind: targets.KindSender},
	}}}
	for helo, want := range map[string]string{
		"":                "- helo",
		"domain.example":  "- helo",
		"none.example":    "",
		"out.example":     "",
		"bad.example":     "! spf_invalid warning",
		"two.example":     "! spf_multiple warning",
		"unknown.example": "? helo",
	} {
		r := &Round{Target: &targets.Target{Name: "203.0.113.9", Kind: targets.KindSender, Sender: &targets.Sender{HeloName: helo}}, Env: env, Facts: &Facts{}}
		if got := saw(r, spfCheck.Run(t.Context(), r)); got != want {
			t.Errorf("%q: got %q, want %q", helo, got, want)
		}
	}
}

// TestStrangersText: what a peer wrote is shown in visible ASCII, and not without end.
func TestStrangersText(t *testing.T) {
	p := &Part{}
	text := "v=spf1 x\x1b[31m" + strings.Repeat("\x00", 60000)
	if _, ok := judgeSPFText(p, []string{text, text}, ""); ok {
		t.Error("two records are right")
	}
	if _, ok := judgeSPFText(p, []string{text}, ""); ok {
		t.Error("it is right")
	}
	for _, f := range p.Findings {
		if len(f.Evidence.EN) > 5*maxQuotedRecord*2 || strings.ContainsFunc(f.Evidence.EN, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", f.Evidence.EN)
		}
	}
}
