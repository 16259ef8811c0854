package record

import (
	"strings"
	"testing"
)

func TestFixMTASTS(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "v=STSv1; id=20260301",
		"v=STSv1; id=2026-01-01":          "v=STSv1; id=20260301",
		"v=STSv1; id=1; note=x; bad note": "v=STSv1; id=20260301; note=x",
		"V=STSv1 id=1":                    "v=STSv1; id=20260301",
	} {
		if got := FixMTASTS(text, "20260301"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestFixTLSRPT(t *testing.T) {
	const otherwise = "mailto:postmaster@example.org"
	for _, test := range []struct {
		name  string
		texts []string
		want  string
	}{
		{"none", nil, "v=TLSRPTv1; rua=mailto:postmaster@example.org"},
		{"no mailto", []string{"v=TLSRPTv1; rua=tls@example.org"}, "v=TLSRPTv1; rua=mailto:tls@example.org"},
		{"the version last", []string{"rua=mailto:tls@example.org; v=TLSRPTv1"}, "v=TLSRPTv1; rua=mailto:tls@example.org"},
		{
			"several",
			[]string{"v=TLSRPTv1; rua=mailto:a@example.org", "v=TLSRPTv1;rua=mailto:a@example.org,https://example.net/r; x=y"},
			"v=TLSRPTv1; rua=mailto:a@example.org,https://example.net/r; x=y",
		},
		{"one of two is no address", []string{"v=TLSRPTv1; rua=mailto:a@example.org, http://example.net/r"}, "v=TLSRPTv1; rua=mailto:a@example.org"},
		{"no address at all", []string{"v=TLSRPTv1; rua=http://example.net/r"}, "v=TLSRPTv1; rua=mailto:postmaster@example.org"},
		{"brackets", []string{"v=TLSRPTv1; rua=mailto:<a@example.org>"}, "v=TLSRPTv1; rua=mailto:a@example.org"},
	} {
		got := FixTLSRPT(test.texts, otherwise)
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if _, err := ParseTLSRPT(got); err != nil {
			t.Errorf("%s: %q: %v", test.name, got, err)
		}
	}
}

func TestFixSTSPolicy(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "version: STSv1\nmode: testing\nmx: mx1.example.org\nmx: mx2.example.org\nmax_age: 604800\n"},
		{"a page", "<html>\n<p>mx: *\n", "version: STSv1\nmode: testing\nmx: mx1.example.org\nmx: mx2.example.org\nmax_age: 604800\n"},
		{"no version", "mode: enforce\nmx: *.example.org\nmax_age: 86400\n", "version: STSv1\nmode: testing\nmx: *.example.org\nmax_age: 86400\n"},
		{
			"one host, and too long", "version: STSv1\nMode: enforced\nMX: MX1.example.org\nmx: mx_3\nmax_age: 99999999999\n",
			"version: STSv1\nmode: testing\nmx: mx1.example.org\nmx: mx2.example.org\nmax_age: 604800\n",
		},
	} {
		got := FixSTSPolicy(test.text, []string{"mx1.example.org", "mx2.example.org"}).String()
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if _, err := ParseSTSPolicy(got); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// FuzzFixReports: whatever is published, what is proposed in its place can be used.
func FuzzFixReports(f *testing.F) {
	f.Add("v=TLSRPTv1; rua=a@b,c; x=y", "mx: a\nmax_age: 1")
	f.Fuzz(func(t *testing.T, text, policy string) {
		if fixed := FixTLSRPT([]string{text}, "mailto:postmaster@example.org"); len(text) < maxText/4 {
			if _, err := ParseTLSRPT(fixed); err != nil {
				t.Errorf("%q: %v", fixed, err)
			}
		}
		if _, err := ParseMTASTS(FixMTASTS(text[:min(len(text), maxText/4)], "1")); err != nil {
			t.Error(err)
		}
		p := FixSTSPolicy(policy, []string{"mx.example.org"})
		if got, err := ParseSTSPolicy(p.String()); err != nil || !got.Covers("mx.example.org") || strings.Contains(p.String(), "\r") {
			t.Errorf("%v: %v", p, err)
		}
	})
}
