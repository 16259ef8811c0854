package checks

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
)

// TestSTSValues: what there is to publish is made from what is published and from the MX hosts, and refuses no mail that comes in today.
func TestSTSValues(t *testing.T) {
	const url = "https://mta-sts.example.org/.well-known/mta-sts.txt"
	now := time.Now()
	again := "v=STSv1; id=" + now.UTC().Format("20060102150405")
	for name, c := range map[string]struct {
		zone    string
		body    string // Of the policy.
		problem string
		want    catalog.Values // An empty one: it is not known.
	}{
		"missing": {"", "", "mta_sts_missing", catalog.Values{
			"mx": "mx1.example.org, mx2.example.net", "record": again, "record_name": "_mta-sts.example.org", "file_url": url,
			"file": "version: STSv1\nmode: testing\nmx: mx1.example.org\nmx: mx2.example.net\nmax_age: 604800\n",
		}},
		"broken record": {`_mta-sts.example.org. TXT "v=STSv1; id=2026-01-01"`, "", "mta_sts_invalid", catalog.Values{
			"record": again, "file": "version: STSv1\nmode: testing\nmx: mx1.example.org\nmx: mx2.example.net\nmax_age: 604800\n",
		}},
		"somebody else's record": {"_mta-sts.example.org. CNAME sts.example.net.\nsts.example.net. TXT v=STSv1", "", "mta_sts_invalid", catalog.Values{
			"record": "", "alias": "sts.example.net",
		}},
		"broken policy": {`_mta-sts.example.org. TXT "v=STSv1; id=1; note=mine"`, "version: STSv1\nmode: enforced\nmx: *.example.org\nmax_age: 86400\n", "mta_sts_policy_invalid", catalog.Values{
			"record": again + "; note=mine",
			"file":   "version: STSv1\nmode: testing\nmx: *.example.org\nmx: mx2.example.net\nmax_age: 86400\n",
		}},
		"one host not covered": {`_mta-sts.example.org. TXT "v=STSv1; id=1"`, "version: STSv1\nmode: enforce\nmx: *.example.org\nmax_age: 864000\nnote: mine\n", "mta_sts_mx_not_covered", catalog.Values{
			"record": again, "host": "mx2.example.net",
			"file": "version: STSv1\nmode: enforce\nmx: *.example.org\nmx: mx2.example.net\nmax_age: 864000\nnote: mine\n",
		}},
		"short age": {`_mta-sts.example.org. TXT "v=STSv1; id=1"`, "version: STSv1\nmode: enforce\nmx: *.example.org\nmx: mx2.example.net\nmax_age: 60\n", "mta_sts_short_age", catalog.Values{
			"record": again, "file": "version: STSv1\nmode: enforce\nmx: *.example.org\nmx: mx2.example.net\nmax_age: 2592000\n",
		}},
		"an empty line": {`_mta-sts.example.org. TXT "v=STSv1; id=1"`, "version: STSv1\nmode: none\n\nmax_age: 864000\n", "mta_sts_empty_line", catalog.Values{
			"record": again, "file": "version: STSv1\nmode: none\nmax_age: 864000\n",
		}},
		"bad certificate": {`_mta-sts.example.org. TXT "v=STSv1; id=1"`, "untrusted", "mta_sts_policy_unavailable", catalog.Values{
			"unverified": "mta-sts.example.org", "unresolved": "", "record": "",
		}},
	} {
		w, dns := recordWorld(t)
		r := policyRound(t, w, dns, mailworld.Site{Body: c.body})
		if c.body == "untrusted" {
			r.Env.Verifier = NewVerifier(x509.NewCertPool()) // It trusts nobody.
		}
		if err := w.Zone("example.org. MX 10 mx1.example.org.\nexample.org. MX 20 mx2.example.net.\n" + c.zone); err != nil {
			t.Fatal(err)
		}
		r.Time = now
		if err := mtaSTSCheck.Run(t.Context(), r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for value, want := range c.want {
			wantValue(t, r, name, c.problem, value, want)
		}
	}
}

// wantValue looks for a value among those of a problem's findings.
func wantValue(t *testing.T, r *Round, name, problem, value, want string) {
	t.Helper()
	var got []string
	for _, p := range r.Result.Parts {
		for _, f := range p.Findings {
			if f.Problem == problem && f.Values[value] == want {
				return
			}
			got = append(got, f.Problem+": "+f.Values[value])
		}
	}
	t.Errorf("%s: %s of %s is %q, want %q", name, value, problem, strings.Join(got, "; "), want)
}
