package checks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestRecordEvidence: people are told which character is wrong and where, what receivers do otherwise, and which alias was followed.
func TestRecordEvidence(t *testing.T) {
	w, dns := recordWorld(t)
	for i, c := range []struct {
		check *Check
		zone  string // %s stands for the domain.
		want  []string
	}{
		{spfCheck, `%s. TXT "v=spf1 mx –all"`, []string{`spf_invalid "–all" (character 1 is an en dash (U+2013), not a hyphen)`}},
		{spfCheck, `%s. TXT "` + "\u200b" + `v=spf1 -all"`, []string{"spf_missing", "character 1 is a zero-width space (U+200B), which cannot be seen", "is none: it does not begin with v=spf1"}},
		{spfCheck, `%s. TXT " v=spf1 -all"`, []string{"spf_missing", "is none: it begins with white space"}},
		{spfCheck, `%s. TXT "v=ѕрf1 -all"`, []string{"spf_missing", "the Cyrillic letter р (U+0440), not the Latin p"}},
		{dkimCheck, `s1._domainkey.%s. TXT "v=DKIM1; p=MIGf—MA0"`, []string{"dkim_invalid", "an em dash (U+2014), not a hyphen"}},
		{dkimCheck, `s1._domainkey.%s. TXT "v=DKIM1; h=SHA256; p=MIGf"`, []string{"dkim_hash_unusable", "such as OpenDKIM"}},
		{dmarcCheck, `_dmarc.%s. TXT " v=DMARC1; p=none"`, []string{"dmarc_invalid _dmarc.%s", "it begins with white space"}},
		{dmarcCheck, `_dmarc.%s. TXT "v＝DMARC1; p=none"`, []string{"dmarc_invalid", "a fullwidth form (U+FF1D), not ="}},
		{dmarcCheck, "_dmarc.%s. CNAME %s.reports.example.\n%s.reports.example. TXT \"v=DMARC1; p=none\"", []string{"dmarc_no_reports _dmarc.%s, an alias of %s.reports.example, has"}},
		{dmarcCheck, "_dmarc.%s. CNAME %s.reports.example.\n%s.reports.example. TXT \"v=DMARC1; p=nono\"", []string{"dmarc_policy_missing _dmarc.%s, an alias of %s.reports.example: tag p"}},
		{mtaSTSCheck, `_mta-sts.%s. TXT "v=STSv1; id=2026–12"`, []string{"mta_sts_invalid", "an en dash (U+2013), not a hyphen"}},
		{mtaSTSCheck, `_mta-sts.%s. TXT "` + "\ufeff" + `v=STSv1; id=1"`, []string{"mta_sts_invalid", "a byte order mark (U+FEFF), which cannot be seen"}},
		{mtaSTSCheck, "_mta-sts.%s. CNAME %s.sts.example.\n%s.sts.example. TXT \"v=STSv2; id=1\"\n%s.sts.example. TXT \"v=STSv1 id=1\"", []string{"mta_sts_invalid _mta-sts.%s, an alias of %s.sts.example,"}},
		{tlsRPTCheck, `_smtp._tls.%s. TXT "v=TLSRPTv1; rua=“mailto:a@example.org”"`, []string{"tls_rpt_invalid", `a curly quote (U+201C), not "`}},
		{tlsRPTCheck, `_smtp._tls.%s. TXT "v=TLSRPTv1; rua=mailto:a@example.org; rua=mailto:b@example.org"`, []string{"tls_rpt_invalid", "the grammar of RFC 8460 allows that"}},
		{bimiCheck, `default._bimi.%s. TXT "v=BIMI1; l=https://www.example.org/logo–1.svg"`, []string{"bimi_invalid", "an en dash (U+2013), not a hyphen"}},
		{bimiCheck, `default._bimi.%s. TXT "v=BІMI1; l=https://www.example.org/logo.svg"`, []string{"bimi_invalid", "the Cyrillic letter І (U+0406), not the Latin I"}},
	} {
		domain := fmt.Sprintf("d%d.example", i)
		if err := w.Zone(strings.ReplaceAll(c.zone, "%s", domain)); err != nil {
			t.Fatal(err)
		}
		r := &Round{
			Target: &targets.Target{Name: domain, Kind: targets.KindDomain, Domain: &targets.Domain{DKIMSelectors: []string{"s1"}}},
			Env:    &Env{DNS: dns, Config: &targets.Config{}},
			Facts:  &Facts{},
		}
		if err := c.check.Run(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, p := range r.Result.Parts {
			for _, f := range p.Findings {
				found = append(found, f.Problem+" "+f.Evidence.EN)
			}
		}
		got := strings.Join(found, "\n")
		for _, want := range c.want {
			if want = strings.ReplaceAll(want, "%s", domain); !strings.Contains(got, want) {
				t.Errorf("%s\n got %s\nwant %s", c.zone, got, want)
			}
		}
	}
}
