package checks_test

// A golden case is one file testdata/<check>/<case>.txt: a small mail world and what a scrape gives of
// one check in it. It goes the whole way: exporter.yml, the collector, a pedantic registry. A case is a
// sentence on what it shows, then sections, each begun by a line "-- name --":
//
//	-- exporter.yml --          Targets. helo_name, resolver, blocklists (none) and modules (which run
//	                            this check only) are put before it where it does not have them.
//	-- zone --                  Records in master file form, all names absolute.
//	-- dns faults --            A line each: a name and a fault of mailworld ("example.org servfail").
//	-- secure --                Names that are signed with all below them, "NAME no" for one that is not. The
//	                            resolver is then one that validates.
//	-- smtp 192.0.2.11:25 --    A server, in lines of
//	    name mx.example.org         what it calls itself
//	    certificate mx.example.org  its names, and any of expired, future, self-signed, stranger,
//	                                incomplete, rsa1024, rsa2048
//	    tlsa 3 1 1 _25._tcp.mx.example.org   the TLSA record of it or, with usage 2, of its issuer, put into the zone
//	    extension SIZE 1000         one that it offers beside STARTTLS
//	    reply EHLO 250 mx\r\n       what it says at a point (see mailworld.Server) instead; with
//	                                Go's escapes, and no line end added
//	    close, reset, silent EHLO   where it does that
//	    implicit                    TLS at once
//	    auth_before_tls             AUTH is offered in clear
//	    account user password       one who can log in
//	    blackhole                   nothing comes back from the address
//	-- https 192.0.2.80:443 --  A web server with the policy of MTA-STS; see site_test.go.
//	-- outgoing --              The addresses that our connections come from; without it they are not known.
//	-- want --                  Every series of the check, sorted; durations are left out, digests and
//	                            ciphers are *, times near now are now+days.
//
// `go test ./collector/checks -run TestGolden -update` writes the section want.

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

var update = flag.Bool("update", false, "write what came out into the golden cases")

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		check := filepath.Base(filepath.Dir(file))
		t.Run(check+"/"+strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			golden(t, file, check)
		})
	}
	for _, c := range checks.All {
		if cases, _ := filepath.Glob("testdata/" + c.Name + "/*.txt"); len(cases) == 0 {
			t.Errorf("check %s has no golden case", c.Name)
		}
	}
}

// golden runs one case.
func golden(t *testing.T, file, name string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	check := checks.ByName(name)
	if check == nil {
		t.Fatalf("there is no check %s", name)
	}
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()

	before, _, _ := bytes.Cut(text, []byte("-- want --\n"))
	var config, want string
	var signed bool
	var servers []netip.AddrPort
	var outgoing []netip.Addr
	for _, s := range sections(string(text)) {
		kind, argument, _ := strings.Cut(s.name, " ")
		switch {
		case s.name == "exporter.yml":
			config = s.body
		case s.name == "zone":
			err = world.Zone(s.body)
		case s.name == "dns faults":
			err = faults(world, s.body)
		case s.name == "secure":
			signed = true
			for name, not := range fields(s.body) {
				world.Secure(name, not != "no")
			}
		case kind == "smtp":
			addr := netip.MustParseAddrPort(argument)
			var used bool
			if used, err = script(world, addr, s.body); used {
				servers = append(servers, addr)
			}
		case kind == "https":
			addr := netip.MustParseAddrPort(argument)
			if err = site(world, addr, s.body); !strings.Contains(s.body, "unused") {
				servers = append(servers, addr)
			}
		case s.name == "outgoing":
			for addr := range fields(s.body) {
				outgoing = append(outgoing, netip.MustParseAddr(addr))
			}
		case s.name == "want":
			want = s.body
		default:
			t.Fatalf("unknown section %q", s.name)
		}
		if err != nil {
			t.Fatalf("section %s: %v", s.name, err)
		}
	}
	if signed {
		config = fmt.Sprintf("resolver: {servers: [%q], validates_dnssec: true}\n", world.Resolver()) + config
	}
	got := scrape(t, world, check, config, outgoing)
	for _, addr := range servers {
		if len(world.Sessions(addr)) == 0 {
			t.Errorf("nobody talked to %s", addr)
		}
	}
	switch {
	case got == want:
	case *update:
		if err := os.WriteFile(file, append(before, "-- want --\n"+got...), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// A section is a named part of a case.
type section struct{ name, body string }

// sections reads a case; what stands before the first section is for people.
func sections(text string) []section {
	var out []section
	for line := range strings.Lines(text) {
		name, opens := strings.CutPrefix(line, "-- ")
		name, closes := strings.CutSuffix(name, " --\n")
		switch {
		case opens && closes:
			out = append(out, section{name: name})
		case len(out) > 0:
			out[len(out)-1].body += line
		}
	}
	return out
}

// fields yields the lines of a section that are not empty, cut after the first word.
func fields(body string) func(yield func(word, rest string) bool) {
	return func(yield func(string, string) bool) {
		for line := range strings.Lines(body) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			word, rest, _ := strings.Cut(line, " ")
			if !yield(word, strings.TrimSpace(rest)) {
				return
			}
		}
	}
}

func faults(world *mailworld.World, body string) error {
	known := []mailworld.DNSFault{
		mailworld.FaultServFail, mailworld.FaultRefused, mailworld.FaultSilent, mailworld.FaultTruncated, mailworld.FaultTruncatedTCP,
		mailworld.FaultOtherQuestion, mailworld.FaultOtherID, mailworld.FaultGarbage, mailworld.FaultBogus,
	}
	for name, fault := range fields(body) {
		if !slices.Contains(known, mailworld.DNSFault(fault)) {
			return fmt.Errorf("unknown fault %q", fault)
		}
		world.Fault(name, mailworld.DNSFault(fault))
	}
	return nil
}

// script starts the server of a section. talks says whether it can be talked to.
func script(world *mailworld.World, addr netip.AddrPort, body string) (talks bool, err error) {
	s := mailworld.Server{Replies: map[string]string{}}
	for word, rest := range fields(body) {
		switch word {
		case "name":
			s.Name = rest
		case "certificate":
			var cert tls.Certificate
			if cert, err = certificate(world, strings.Fields(rest)); err != nil {
				return false, err
			}
			s.Certificate = &cert
		case "tlsa":
			if err = associate(world, s.Certificate, rest); err != nil {
				return false, err
			}
		case "extension":
			s.Extensions = append(s.Extensions, rest)
		case "reply":
			point, said, _ := strings.Cut(rest, " ")
			if said, err = strconv.Unquote(`"` + said + `"`); err != nil {
				return false, fmt.Errorf("reply %s: %w", point, err)
			}
			s.Replies[point] = said
		case "close":
			s.CloseAfter = append(s.CloseAfter, rest)
		case "reset":
			s.Reset = append(s.Reset, rest)
		case "silent":
			s.Silent = append(s.Silent, rest)
		case "implicit":
			s.ImplicitTLS = true
		case "auth_before_tls":
			s.AuthBefore = true
		case "account":
			user, password, _ := strings.Cut(rest, " ")
			s.Accounts = map[string]string{user: password}
		case "blackhole":
			world.Blackhole(addr)
			return false, nil
		default:
			return false, fmt.Errorf("unknown word %q", word)
		}
	}
	return true, world.Serve(addr, s)
}

// certificate issues what a script asks for.
func certificate(world *mailworld.World, words []string) (tls.Certificate, error) {
	authority, r := world.Authority(), mailworld.CertificateRequest{}
	for _, word := range words {
		switch word {
		case "expired":
			r.NotBefore, r.NotAfter = time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2021, 4, 1, 0, 0, 0, 0, time.UTC)
		case "tomorrow": // Of 90 days one and a half is left.
			r.NotBefore, r.NotAfter = time.Now().AddDate(0, 0, -88), time.Now().Add(36*time.Hour)
		case "renewable": // Of 90 days 19 are left.
			r.NotBefore, r.NotAfter = time.Now().AddDate(0, 0, -71), time.Now().AddDate(0, 0, 19)
		case "future":
			r.NotBefore = time.Now().AddDate(0, 0, 10)
		case "self-signed":
			r.SelfSigned = true
		case "incomplete":
			r.OmitIntermediate = true
		case "stranger":
			authority = world.Stranger()
		case "unsigning": // The key may not sign a handshake.
			r.KeyUsage = x509.KeyUsageContentCommitment
		case "rsa1024":
			r.RSABits = 1024
		case "rsa2048":
			r.RSABits = 2048
		default:
			r.Names = append(r.Names, word)
		}
	}
	return authority.Issue(r)
}

// associate puts the TLSA record of a certificate into the zone: "3 1 1 NAME".
func associate(world *mailworld.World, cert *tls.Certificate, what string) error {
	var usage, selector, matching uint8
	var name string
	if _, err := fmt.Sscan(what, &usage, &selector, &matching, &name); err != nil {
		return fmt.Errorf("tlsa %s: %w", what, err)
	}
	c := cert.Leaf
	if usage == record.UsageTrustAnchor {
		var err error
		if c, err = x509.ParseCertificate(cert.Certificate[1]); err != nil {
			return err
		}
	}
	data, _ := record.Association(c, selector, matching)
	return world.Zone(fmt.Sprintf("%s. TLSA %d %d %d %x", name, usage, selector, matching, data))
}

// whole fills a case's configuration up.
func whole(world *mailworld.World, check *checks.Check, config string) string {
	has := func(key string) bool {
		return strings.HasPrefix(config, key+":") || strings.Contains(config, "\n"+key+":")
	}
	var b strings.Builder
	add := func(key, value string) {
		if !has(key) {
			fmt.Fprintf(&b, "%s: %s\n", key, value)
		}
	}
	add("helo_name", "probe.example.net")
	add("resolver", fmt.Sprintf("{servers: [%q]}", world.Resolver()))
	add("blocklists", "{use: []}")
	var modules []string
	spec, _ := targets.CheckByName(check.Name)
	for _, kind := range spec.Kinds {
		list := check.Name
		if check.Name == "rdns" && kind == targets.KindServer {
			list = "smtp, rdns" // It judges what the server calls itself, too.
		}
		if kind != targets.KindVantage {
			modules = append(modules, fmt.Sprintf("%s: {kind: %s, checks: [%s]}", kind, kind, list))
		}
	}
	add("modules", "{"+strings.Join(modules, ", ")+"}")
	return b.String() + config
}

// scrape runs a collector until every configured target has been tried, and gives the check's series.
func scrape(t *testing.T, world *mailworld.World, check *checks.Check, config string, outgoing []netip.Addr) string {
	t.Helper()
	cfg, err := targets.Parse("exporter.yml", []byte(whole(world, check, config)), targets.Options{Metrics: checks.MetricNames()})
	if err != nil {
		t.Fatal(err)
	}
	from := func(family int) (addr netip.Addr) {
		for _, a := range outgoing {
			if a.Is4() == (family == 4) {
				addr = a
			}
		}
		return addr
	}
	c, err := collector.New(collector.Options{Config: cfg, Dialer: world.Dialer(), Route: mailworld.Route, Roots: world.Roots(), Outgoing: from})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // Only a case that hangs sees its end.
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	for !(c.Ready() && followed(c)) && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	families, err := c.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Error("the targets were not tried in time")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	judge(t, families)
	return series(check, families)
}

// followed reports whether the servers found by MX, which nobody waits for at start, have been tried too.
func followed(c *collector.Collector) bool {
	return !slices.ContainsFunc(c.Snapshots(), func(s *collector.Snapshot) bool {
		return s.Target.Source == targets.SourceMX && slices.ContainsFunc(s.Checks, func(known collector.CheckState) bool {
			return known.Check.Name == "smtp" && known.LastRun.IsZero()
		})
	})
}

// judge takes the families through a pedantic registry and the linter.
func judge(t *testing.T, families []*dto.MetricFamily) {
	t.Helper()
	own := slices.DeleteFunc(slices.Clone(families), func(f *dto.MetricFamily) bool {
		return !strings.HasPrefix(f.GetName(), "mailprobe_") || f.GetType() != dto.MetricType_GAUGE
	})
	pedantic := prometheus.NewPedanticRegistry()
	pedantic.MustRegister(finished(own))
	if _, err := pedantic.Gather(); err != nil {
		t.Error(err)
	}
	problems, err := promlint.NewWithMetricFamilies(own).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if p.Metric == "mailprobe_dkim_key_bits" {
			continue // The linter takes it for an amount of data. Keys are measured in bits.
		}
		t.Errorf("lint: %s: %s", p.Metric, p.Text)
	}
}

// finished collects families of gauges that are finished. In a registry the metrics of a family have
// the same labels; those that only some have are empty on the others.
type finished []*dto.MetricFamily

func (f finished) Describe(ch chan<- *prometheus.Desc) {
	for _, family := range f {
		ch <- f.desc(family)
	}
}

func (f finished) Collect(ch chan<- prometheus.Metric) {
	for _, family := range f {
		names := labelNames(family)
		for _, m := range family.Metric {
			values := make([]string, len(names))
			for _, l := range m.Label {
				values[slices.Index(names, l.GetName())] = l.GetValue()
			}
			ch <- prometheus.MustNewConstMetric(f.desc(family), prometheus.GaugeValue, m.GetGauge().GetValue(), values...)
		}
	}
}

func (finished) desc(family *dto.MetricFamily) *prometheus.Desc {
	return prometheus.NewDesc(family.GetName(), family.GetHelp(), labelNames(family), nil)
}

func labelNames(family *dto.MetricFamily) []string {
	names := map[string]bool{}
	for _, m := range family.Metric {
		for _, l := range m.Label {
			names[l.GetName()] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// series writes what belongs to a check: its own families, and its part of problem and check_conclusive.
func series(check *checks.Check, families []*dto.MetricFamily) string {
	var lines []string
	for _, f := range families {
		name := strings.TrimPrefix(f.GetName(), "mailprobe_")
		own := slices.ContainsFunc(check.Metrics, func(m *checks.Metric) bool { return m.Name == name }) ||
			check.Name == "dnsbl" && name == "dnsbl_state" // A fact about the list, which no target's check owns.
		shared := name == "problem" || name == "check_conclusive"
		if !own && !shared || strings.HasSuffix(name, "_duration_seconds") {
			continue
		}
		for _, m := range f.Metric {
			labels := map[string]string{}
			for _, l := range m.Label {
				labels[l.GetName()] = l.GetValue()
			}
			if shared && labels["check"] != check.Name {
				continue
			}
			lines = append(lines, line(name, labels, m.GetGauge().GetValue()))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// line writes one series, the target first.
func line(name string, labels map[string]string, value float64) string {
	for _, l := range []string{"fingerprint_sha256", "cipher"} { // The one is new each time, the other chosen by the hardware.
		if _, ok := labels[l]; ok {
			labels[l] = "*"
		}
	}
	var pairs []string
	for _, l := range slices.Sorted(maps.Keys(labels)) {
		if pair := fmt.Sprintf("%s=%q", l, labels[l]); l == "target" {
			pairs = slices.Insert(pairs, 0, pair)
		} else {
			pairs = append(pairs, pair)
		}
	}
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if strings.HasSuffix(name, "_timestamp_seconds") {
		if days := time.Until(time.Unix(int64(value), 0)).Hours() / 24; math.Abs(days) < 200 {
			text = fmt.Sprintf("now%+.0fd", days)
		}
	}
	return fmt.Sprintf("%s{%s} %s\n", name, strings.Join(pairs, ","), text)
}
