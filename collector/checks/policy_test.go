package checks

import (
	"context"
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

const goodPolicy = "version: STSv1\nmode: enforce\nmx: mx1.example.org\nmax_age: 2592000\n"

var policyHost = netip.MustParseAddrPort("192.0.2.80:443")

// policyRound is a round of example.org in a world with a policy host, whose certificate is issued too.
func policyRound(t *testing.T, w *mailworld.World, dns *dnsclient.Client, s mailworld.Site) *Round {
	t.Helper()
	if err := w.Zone("mta-sts.example.org. A 192.0.2.80"); err != nil {
		t.Fatal(err)
	}
	cert, err := w.Authority().Issue(mailworld.CertificateRequest{Names: []string{"mta-sts.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	s.Host, s.Certificate = "mta-sts.example.org", &cert
	if err := w.ServeSite(policyHost, s); err != nil {
		t.Fatal(err)
	}
	return &Round{
		Target: &targets.Target{Name: "example.org", Kind: targets.KindDomain, Domain: &targets.Domain{}},
		Env: &Env{
			Config: &targets.Config{}, DNS: dns, Verifier: NewVerifier(w.Roots()), Dialer: w.Dialer(), Route: mailworld.Route,
			Enter: func(context.Context, netip.Addr) (func(*smtpclient.Session), error) {
				return func(*smtpclient.Session) {}, nil
			},
			Standing: func(string, string) (*targets.Target, map[string][]Finding) { return nil, nil },
		},
		Facts: &Facts{},
		Time:  time.Now(),
	}
}

func TestFetchPolicy(t *testing.T) {
	w, dns := recordWorld(t)
	for name, c := range map[string]struct {
		site mailworld.Site
		err  string // What it ends with; "" if there is none.
	}{
		"good":           {site: mailworld.Site{Body: goodPolicy}},
		"redirect":       {site: mailworld.Site{Status: 302, Header: http.Header{"Location": {"/elsewhere"}}}, err: "status 302, a redirect, and senders follow none, by 192.0.2.80:443"},
		"other success":  {site: mailworld.Site{Status: 203, Body: goodPolicy}, err: "status 203, by 192.0.2.80:443"},
		"long header":    {site: mailworld.Site{Answer: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)}, err: "the header is longer than 32768 octets, by 192.0.2.80:443"},
		"interim":        {site: mailworld.Site{Answer: strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 9)}, err: `HTTP with 192.0.2.80:443: "nothing but interim answers"`},
		"no answer":      {site: mailworld.Site{Answer: "SSH-2.0-x\xff\r\n"}, err: `HTTP with 192.0.2.80:443: "malformed HTTP response \"SSH-2.0-x\\xff\""`},
		"closes":         {site: mailworld.Site{Answer: "HTTP/1.1 200 OK\r\nX: y"}, err: `HTTP with 192.0.2.80:443: "unexpected EOF"`},
		"short body":     {site: mailworld.Site{Answer: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nversion"}, err: `HTTP with 192.0.2.80:443: "unexpected EOF"`},
		"another's file": {site: mailworld.Site{Path: "/policy.txt"}, err: "status 404, by 192.0.2.80:443"},
	} {
		file, err := fetchPolicy(t.Context(), policyRound(t, w, dns, c.site))
		switch {
		case c.err == "" && (err != nil || file.body != goodPolicy):
			t.Errorf("%s: got %q, %v", name, file.body, err)
		case c.err != "" && (!errors.Is(err, errNotServed) || !strings.HasSuffix(err.Error(), c.err)):
			t.Errorf("%s: got %v, want %s", name, err, c.err)
		}
	}
	for _, session := range w.Sessions(policyHost) {
		if !slices.Equal(session, []string{"GET mta-sts.example.org/.well-known/mta-sts.txt"}) {
			t.Errorf("asked %q", session)
		}
	}
}

// TestFetchPolicyBounds: whatever comes, one octet more than a policy may have is enough.
func TestFetchPolicyBounds(t *testing.T) {
	w, dns := recordWorld(t)
	chunk := "800\r\n" + strings.Repeat("x", 0x800) + "\r\n"
	for name, answer := range map[string]string{
		"plain":   "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 1<<22),
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunk, 2000),
	} {
		file, err := fetchPolicy(t.Context(), policyRound(t, w, dns, mailworld.Site{Answer: answer}))
		if len(file.body) != record.MaxSTSPolicy+1 || err != nil {
			t.Errorf("%s: %d octets, %v", name, len(file.body), err)
		}
	}
	// Chunks of one octet cost six: they reach the limit of the wire.
	answer := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\nx\r\n", record.MaxSTSPolicy)
	if file, err := fetchPolicy(t.Context(), policyRound(t, w, dns, mailworld.Site{Answer: answer})); !errors.Is(err, errNotServed) {
		t.Errorf("tiny chunks: %d octets, %v", len(file.body), err)
	}
}

// A silentDialer has a timeout at once.
type silentDialer struct{}

func (silentDialer) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
}

// TestFetchPolicyUnknown: silence, and what is missing on our side, is nobody's fault.
func TestFetchPolicyUnknown(t *testing.T) {
	w, dns := recordWorld(t)
	unknown := func(what string, err error) {
		t.Helper()
		if err == nil || errors.Is(err, errNotServed) {
			t.Errorf("%s: got %v, want that nothing is known", what, err)
		}
	}
	r := policyRound(t, w, dns, mailworld.Site{Body: goodPolicy})
	r.Env.Dialer = silentDialer{}
	_, err := fetchPolicy(t.Context(), r)
	unknown("nothing comes back", err)

	r.Env.Route = func(netip.Addr) error { return errors.New("no route") }
	_, err = fetchPolicy(t.Context(), r)
	unknown("no route", err)
	if !errors.Is(err, ErrNoRoute) {
		t.Errorf("no route: got %v", err)
	}

	r = policyRound(t, w, dns, mailworld.Site{Silent: true})
	before := len(w.Sessions(policyHost))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			if sessions := w.Sessions(policyHost)[before:]; len(sessions) > 0 && len(sessions[0]) > 0 {
				cancel()
				return
			}
			runtime.Gosched()
		}
	}()
	_, err = fetchPolicy(ctx, r)
	unknown("no answer to the request", err)

	w.Fault("example.org", mailworld.FaultServFail)
	judgeCoverage(t.Context(), r, record.STSPolicy{Mode: record.STSEnforce, MX: []string{"mx1.example.org"}}, nil)
	if got := saw(r, nil); got != "? mx" || !r.Result.KeepOthers {
		t.Errorf("MX records that cannot be told: got %s, others kept: %v", got, r.Result.KeepOthers)
	}
}

func TestPolicies(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	old, changed := sha256.Sum256([]byte("old")), sha256.Sum256([]byte("new"))
	var p Policies
	for i, c := range []struct {
		id     string
		policy [32]byte
		after  time.Duration
		want   bool
	}{
		{"1", old, 0, false},
		{"1", old, time.Hour, false},
		{"1", changed, 2 * time.Hour, true},
		{"1", changed, 24 * time.Hour, true}, // Until the old one, last seen after an hour, has run out.
		{"1", old, 24*time.Hour + 1, false},
		{"1", changed, 48 * time.Hour, true},
		{"1", changed, 49 * time.Hour, false},
		{"2", old, 50 * time.Hour, false},
	} {
		if got := p.differs("example.org", c.id, c.policy, 24*time.Hour, now.Add(c.after)); got != c.want {
			t.Errorf("step %d: got %v", i, got)
		}
	}
	if p.differs("example.net", "2", changed, time.Hour, now) {
		t.Error("one domain's policy counts for another")
	}
	if (*Policies)(nil).differs("example.org", "2", changed, time.Hour, now) {
		t.Error("nothing remembers")
	}
	for i := range maxEditions + 10 {
		p.differs(string(rune(i)), "1", old, time.Hour, now)
	}
	if len(p.editions) != maxEditions {
		t.Errorf("%d domains are remembered", len(p.editions))
	}
}

// TestMTASTSUnchanged: the file changes and the id does not.
func TestMTASTSUnchanged(t *testing.T) {
	w, dns := recordWorld(t)
	if err := w.Zone("example.org. MX 10 mx1.example.org.\n_mta-sts.example.org. TXT \"v=STSv1; id=1\""); err != nil {
		t.Fatal(err)
	}
	policies := &Policies{}
	for _, step := range []struct{ policy, want string }{
		{goodPolicy, ""},
		{strings.ReplaceAll(goodPolicy, "\n", "\r\n"), ""},
		{strings.Replace(goodPolicy, "mx: ", "mx: *.example.org\nmx: ", 1), "mta_sts_id_unchanged"},
		{goodPolicy, ""},
		{strings.Replace(goodPolicy, "mx: ", "mx: mx1.example.org\nmx: ", 1), ""}, // The same twice.
	} {
		r := policyRound(t, w, dns, mailworld.Site{Body: step.policy})
		r.Env.Policies = policies
		if err := runMTASTS(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, p := range r.Result.Parts {
			for _, f := range p.Findings {
				got += f.Problem
			}
		}
		if got != step.want {
			t.Errorf("%q: found %q, want %q", step.policy, got, step.want)
		}
	}
}

// TestPolicyPause: whoever was not given a policy does not ask again for five minutes, unless there is a new one.
func TestPolicyPause(t *testing.T) {
	w, dns := recordWorld(t)
	policies := &Policies{}
	asked := func(after time.Duration, id string) (verdict string, sessions int) {
		before := len(w.Sessions(policyHost))
		r := policyRound(t, w, dns.Uncached(), mailworld.Site{Status: 500})
		r.Env.Policies, r.Time = policies, r.Time.Add(after)
		judgePolicy(t.Context(), r, r.Part("policy", HoldRecords), id, nil)
		return saw(r, nil), len(w.Sessions(policyHost)) - before
	}
	const want = "mta_sts_valid 0\n! mta_sts_policy_unavailable"
	for _, step := range []struct {
		after time.Duration
		id    string
		asks  int
	}{{0, "1", 1}, {4 * time.Minute, "1", 0}, {4 * time.Minute, "2", 1}, {8 * time.Minute, "2", 0}, {9 * time.Minute, "2", 1}, {0, "2", 1}} {
		if verdict, asks := asked(step.after, step.id); verdict != want || asks != step.asks {
			t.Errorf("after %v, id %s: asked %d times, want %d; saw\n%s", step.after, step.id, asks, step.asks, verdict)
		}
	}
	// What DNS says may be asked at any time.
	policies.fetched("example.org", "3", time.Now(), notServed(same("no address")))
	if err := policies.failed("example.org", "3", time.Now()); err != nil {
		t.Errorf("nobody was asked, and yet: %v", err)
	}
}

// TestPolicyDigest: machines that serve a policy in turn may write its patterns in another order.
func TestPolicyDigest(t *testing.T) {
	a := record.STSPolicy{Mode: record.STSEnforce, MX: []string{"a.example.org", "b.example.org"}}
	b := record.STSPolicy{Mode: record.STSEnforce, MX: []string{"b.example.org", "a.example.org"}}
	if policyDigest(a) != policyDigest(b) {
		t.Error("the order of patterns makes another policy")
	}
	if b.Mode = record.STSTesting; policyDigest(a) == policyDigest(b) {
		t.Error("another mode makes no other policy")
	}
	if a.MX[0] != "a.example.org" || b.MX[0] != "b.example.org" {
		t.Error("the policy was changed")
	}
}

// TestMTASTSCertificate: what check smtp found at an MX host is held against the policy.
func TestMTASTSCertificate(t *testing.T) {
	w, dns := recordWorld(t)
	if err := w.Zone("example.org. MX 10 mx1.example.org."); err != nil {
		t.Fatal(err)
	}
	server := &targets.Target{Name: "mx1.example.org:25", Server: &targets.Server{ServerName: "mx1.example.org"}}
	found := func(problem string) []Finding { return []Finding{{Problem: problem, Evidence: same("192.0.2.11")}} }
	for name, c := range map[string]struct {
		server *targets.Target
		things map[string][]Finding
		mode   record.STSMode
		want   string
	}{
		"good":        {server, map[string][]Finding{"192.0.2.11": nil, "certificate 192.0.2.11": nil}, record.STSEnforce, ""},
		"weak":        {server, map[string][]Finding{"certificate 192.0.2.11": found("certificate_weak")}, record.STSEnforce, ""},
		"expired":     {server, map[string][]Finding{"certificate 192.0.2.11": found("certificate_expired")}, record.STSEnforce, "! mta_sts_mx_certificate"},
		"testing":     {server, map[string][]Finding{"certificate 192.0.2.11": found("certificate_expired")}, record.STSTesting, "! mta_sts_mx_certificate warning"},
		"no STARTTLS": {server, map[string][]Finding{"192.0.2.11": found("smtp_starttls_missing")}, record.STSEnforce, "! mta_sts_mx_certificate"},
		"TLS failed":  {server, map[string][]Finding{"192.0.2.11": found("smtp_tls_failed")}, record.STSEnforce, "! mta_sts_mx_certificate"},
		"454 once": {server, map[string][]Finding{
			"192.0.2.11": {{Problem: "smtp_starttls_broken", Transient: true}}, "certificate 192.0.2.11": nil,
		}, record.STSEnforce, ""},
		"454 at first": {server, map[string][]Finding{
			"192.0.2.11": {{Problem: "smtp_starttls_broken", Transient: true}},
		}, record.STSEnforce, "? mx1.example.org certificate"},
		"454, expired": {server, map[string][]Finding{
			"192.0.2.11": {{Problem: "smtp_starttls_broken", Transient: true}}, "certificate 192.0.2.11": found("certificate_expired"),
		}, record.STSEnforce, "! mta_sts_mx_certificate"},
		"silent":       {server, map[string][]Finding{"192.0.2.11": found("smtp_unreachable")}, record.STSEnforce, "? mx1.example.org certificate"},
		"not probed":   {nil, nil, record.STSEnforce, "? mx1.example.org certificate"},
		"not yet":      {server, map[string][]Finding{}, record.STSEnforce, "? mx1.example.org certificate"},
		"another name": {&targets.Target{Server: &targets.Server{ServerName: "mail.example.net"}}, map[string][]Finding{"certificate 192.0.2.11": nil}, record.STSEnforce, "? mx1.example.org certificate"},
	} {
		r := policyRound(t, w, dns, mailworld.Site{})
		r.Env.Standing = func(name, check string) (*targets.Target, map[string][]Finding) {
			if name != "mx1.example.org:25" || check != "smtp" {
				t.Errorf("asked for %s of %s", check, name)
			}
			return c.server, c.things
		}
		judgeCoverage(t.Context(), r, record.STSPolicy{Mode: c.mode, MX: []string{"mx1.example.org"}}, nil)
		want := strings.TrimSpace("mta_sts_mx_covered server=mx1.example.org:25 1\n" + c.want)
		if got := saw(r, nil); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}
