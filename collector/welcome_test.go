package collector

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestWelcome: whether servers refuse us for who we are is known once one has spoken, and as long as what it said is held.
func TestWelcome(t *testing.T) {
	smtp, vantage := (&journal{}).fake("smtp", nil), (&journal{}).fake("vantage", nil)
	ours := netip.MustParseAddr("203.0.113.9")
	sender := &targets.Target{Name: "203.0.113.9", Kind: targets.KindSender, Source: targets.SourceConfig, Sender: &targets.Sender{Addr: ours}}
	const a, b = "a.example.org:25", "b.example.org:25"
	c := collectorOf(t, config(server(a, "smtp", time.Hour), server(b, "smtp", time.Hour), sender), smtp, vantage)
	part := func(hold checks.Hold, unknown error, findings ...checks.Finding) func(*checks.Round) {
		return func(r *checks.Round) {
			p := r.Part("192.0.2.1", hold)
			p.Unknown, p.Withdraw, p.Findings = unknown, unknown != nil, findings
		}
	}
	const accepted, refused = "vantage_ok{test=\"refused\"} 1\n", "vantage_ok{test=\"refused\"} 0\n"
	for _, step := range []struct {
		name, target string
		sees         func(*checks.Round)
		want         string
	}{
		{"unreachable", a, part(checks.HoldReplies, nil, checks.Finding{Problem: "smtp_unreachable"}), ""},
		{"silent", a, part(checks.HoldReplies, nil, checks.Finding{Problem: "smtp_silent"}), ""},
		{"a certificate is no session", a, part(checks.HoldRecords, nil), ""},
		{"let in", a, part(checks.HoldReplies, nil), accepted},
		{"let in, with another fault", a, part(checks.HoldReplies, nil, checks.Finding{Problem: "smtp_starttls_missing"}), accepted},
		{"refused by the other", b, part(checks.HoldReplies, nil, checks.Finding{Problem: "vantage_refused"}), refused},
		{"refused as our own sender", b, part(checks.HoldReplies, nil, checks.Finding{Problem: "vantage_refused", Ours: ours}), refused},
		{"the other is unreachable", b, part(checks.HoldReplies, nil, checks.Finding{Problem: "smtp_unreachable"}), accepted},
		{"nothing is held any more", a, part(checks.HoldReplies, checks.ErrNoRoute), ""},
	} {
		see(c, step.target, smtp, step.sees)
		for range 2 {
			if got := text(t, c, "vantage_ok"); got != step.want {
				t.Errorf("%s: got %q, want %q", step.name, got, step.want)
			}
		}
	}
}
