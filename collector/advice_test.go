package collector

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/collector/spf"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestAdviceNeverHarms follows all advice of the demo that ends in an SPF or DMARC record, as if each were published, and
// evaluates every configured sender with the old and the new record, by package spf and not by the checks that made the
// advice. No sender gets a worse result, no policy becomes stricter but that of a parked domain, and the problem that the
// record is to end would be gone.
func TestAdviceNeverHarms(t *testing.T) {
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	text, err := world.Demo()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := targets.Parse("demo.yml", text, targets.Options{Metrics: checks.MetricNames(), Getenv: mailworld.DemoEnv})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{
		Config: cfg, Dialer: world.Dialer(), Route: mailworld.Route, Roots: world.Roots(), Outgoing: mailworld.Outgoing,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // Only one that hangs sees its end.
	defer cancel()
	c.Once(ctx, nil)

	client, err := dnsclient.New(dnsclient.Options{Servers: []string{world.Resolver()}})
	if err != nil {
		t.Fatal(err)
	}
	dns := worldNames{client}
	seen := map[string]bool{}
	for _, s := range c.Snapshots() {
		proposed := map[string]string{} // By the owner name, kind of record in front.
		for _, p := range s.Problems {
			for _, v := range s.ValuesOf(p) {
				r, ok := v.Record()
				if !ok || r.Type != "TXT" {
					continue
				}
				switch {
				case record.IsSPF(r.Data):
					spfNotWorse(t, dns, cfg, s.Target, r)
				case record.IsDMARC(r.Data) && r.Name != v[catalog.ValueHost] && strings.HasPrefix(r.Name, "_dmarc."):
					dmarcNotStricter(t, dns, s.Target, r)
				default:
					continue
				}
				seen[p.ID] = true
				key := r.Data[:6] + " " + r.Name
				if other, ok := proposed[key]; ok && other != r.Data {
					t.Errorf("%s: two records are proposed for %s, %q and %q: the second would undo the first", s.Target.Name, r.Name, other, r.Data)
				}
				proposed[key] = r.Data
			}
		}
	}
	for _, id := range []string{
		"spf_missing", "spf_multiple", "spf_pass_all", "spf_neutral_all", "spf_no_all", "spf_not_authorised", "spf_helo_not_authorised", "spf_parked",
		"dmarc_missing", "dmarc_multiple", "dmarc_invalid", "dmarc_policy_missing", "dmarc_old_tags", "dmarc_no_reports", "dmarc_parked",
	} {
		if !seen[id] {
			t.Errorf("no record is proposed for %s", id)
		}
	}
}

// spfNotWorse compares what receivers conclude of every sender of the record's domain, or HELO name, before and after.
func spfNotWorse(t *testing.T, dns worldNames, cfg *targets.Config, target *targets.Target, r catalog.Record) {
	t.Helper()
	order := []spf.Result{spf.Fail, spf.SoftFail, spf.PermError, spf.None, spf.Neutral, spf.Pass}
	isParked := target.Module != nil && target.Module.Name == "parked"
	for _, sender := range cfg.Targets {
		uses := sender.Sender != nil && (sender.Name == target.Name || target.Domain != nil && slices.Contains(target.Domain.Senders, sender.Name))
		if !uses || isParked {
			continue
		}
		for _, addr := range dns.addressesOf(t, sender.Sender) {
			result := func(resolver spf.Resolver) spf.Result {
				return spf.CheckHost(t.Context(), resolver, addr, r.Name, "postmaster@"+r.Name, sender.Sender.HeloName).Result
			}
			before, after := result(dns), result(changed{dns, r})
			if after != spf.Pass || slices.Index(order, after) < slices.Index(order, before) {
				t.Errorf("%s: %s from %s was %s and becomes %s with %q", target.Name, r.Name, addr, before, after, r.Data)
			}
		}
	}
	if worst, err := spf.WorstCase(t.Context(), changed{dns, r}, r.Name); err != nil || worst.Lookups > spf.MaxLookups {
		t.Errorf("%s: %q takes %d lookups, %v", target.Name, r.Data, worst.Lookups, err)
	}
	if strings.Contains(r.Data, "+all") || strings.HasSuffix(r.Data, " all") {
		t.Errorf("%s: %q passes everybody", target.Name, r.Data)
	}
}

// dmarcNotStricter compares what receivers apply before and after.
func dmarcNotStricter(t *testing.T, dns worldNames, target *targets.Target, r catalog.Record) {
	t.Helper()
	after, err := record.ParseDMARC(r.Data)
	if err != nil {
		t.Errorf("%s: %q is proposed: %v", target.Name, r.Data, err)
	}
	if target.Module.Name == "parked" {
		return
	}
	texts, err := dns.TXT(t.Context(), r.Name)
	if err != nil {
		t.Fatal(err)
	}
	rank := map[record.Disposition]int{record.DispositionQuarantine: 1, record.DispositionReject: 2}
	for _, text := range texts {
		if !record.IsDMARC(text) {
			continue
		}
		before, err := record.ParseDMARC(text)
		if mistakes := (record.DMARCErrors{}); errors.As(err, &mistakes) && mistakes.Has("sp", "np") {
			before.Policy, before.Subdomains, before.Nonexistent = record.DispositionNone, "", ""
		}
		own, sub, nonexistent := before.Effective()
		newOwn, newSub, newNonexistent := after.Effective()
		if rank[newOwn] > rank[own] || rank[newSub] > rank[sub] || rank[newNonexistent] > rank[nonexistent] {
			t.Errorf("%s: %q becomes %q, which is stricter", target.Name, text, r.Data)
		}
		if after.StrictDKIM && !before.StrictDKIM || after.StrictSPF && !before.StrictSPF {
			t.Errorf("%s: %q becomes %q, which aligns less", target.Name, text, r.Data)
		}
	}
}

// worldNames asks the world's name server for package spf.
type worldNames struct{ *dnsclient.Client }

func (w worldNames) TXT(ctx context.Context, name string) ([]string, error) {
	a, err := w.Client.TXT(ctx, name)
	return a.Records, err
}

func (w worldNames) Addresses(ctx context.Context, family int, name string) ([]netip.Addr, error) {
	a, err := w.Client.Addresses(ctx, family, name)
	return a.Records, err
}

func (w worldNames) MX(ctx context.Context, name string) (hosts []string, err error) {
	a, err := w.Client.MX(ctx, name)
	for _, mx := range a.Records {
		hosts = append(hosts, mx.Host)
	}
	return hosts, err
}

func (w worldNames) PTR(ctx context.Context, addr netip.Addr) ([]string, error) {
	a, err := w.Client.PTR(ctx, addr)
	return a.Records, err
}

func (w worldNames) addressesOf(t *testing.T, s *targets.Sender) []netip.Addr {
	t.Helper()
	if s.Addr.IsValid() {
		return []netip.Addr{s.Addr}
	}
	var all []netip.Addr
	for _, family := range []int{4, 6} {
		list, err := w.Addresses(t.Context(), family, s.Host)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	return all
}

// changed is the world with one record published.
type changed struct {
	worldNames
	record catalog.Record
}

func (c changed) TXT(ctx context.Context, name string) ([]string, error) {
	if name == c.record.Name {
		return []string{c.record.Data}, nil
	}
	return c.worldNames.TXT(ctx, name)
}
