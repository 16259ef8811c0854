package checks

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// sawServer has witnesses see the certificate of a server, written as "mx.one.example 192.0.2.1 RESULT ISSUER
// KEY": results with commas between; "/KEY" is one known by the issuer's certificate alone, and - is no key.
// A host with a + before it is named in the configuration.
func sawServer(w *Witnesses, env *Env, what string) {
	f := strings.Fields(what)
	host, configured := strings.CutPrefix(f[0], "+")
	addr := netip.MustParseAddr(f[1])
	t := &targets.Target{Name: host + ":25", Kind: targets.KindServer, Source: targets.SourceMX, Server: &targets.Server{Host: host, Port: 25}}
	if configured {
		t.Source = targets.SourceConfig
	}
	chain := []*x509.Certificate{{RawIssuer: []byte(f[3])}}
	switch key, sent := strings.CutPrefix(f[4], "/"); {
	case sent:
		chain = append(chain, &x509.Certificate{RawSubject: []byte(f[3]), RawSubjectPublicKeyInfo: []byte(key)})
	case key != "-":
		chain[0].AuthorityKeyId = []byte(key)
	}
	var j Judgement
	for result := range strings.SplitSeq(f[2], ",") {
		j.Results = append(j.Results, CertificateResult(result))
	}
	r := &Round{Target: t, Env: env, Every: 5 * time.Minute}
	w.sawCertificate(r, &smtpclient.Session{Address: netip.AddrPortFrom(addr, 25), Chain: chain}, j)
}

// told gives the outcome of tests: "tls_intercepted 0".
func told(w *Witnesses) string {
	var out []string
	for _, t := range w.Tests(time.Now()) {
		ok := 1
		if t.Wrong.EN != "" {
			ok = 0
		}
		out = append(out, fmt.Sprintf("%s %d", t.Test, ok))
	}
	return strings.Join(out, ", ")
}

func TestWitnessesOfCertificates(t *testing.T) {
	const one, two, three = "mx.one.example 192.0.2.1 ", "mx.two.example 192.0.2.2 ", "mx.three.example 192.0.2.3 "
	const private, open = "unknown_authority Shield k", "ok Known k"
	const intercepted, clock = "tls_intercepted 0", "tls_intercepted 1, clock 0"
	for _, test := range []struct {
		name string
		seen []string
		want string
	}{
		{"nothing", nil, ""},
		{"one private issuer", []string{one + private, two + private, three + private}, intercepted},
		{"and names that do not match", []string{one + private, two + "name_mismatch,unknown_authority Shield k", three + "expired,unknown_authority Shield k"}, intercepted},
		{"known by its certificate", []string{one + "unknown_authority Shield /k", two + "unknown_authority Shield /k", three + "unknown_authority Shield /k"}, intercepted},
		{"two are not enough", []string{one + private, two + private}, ""},
		{"three names of one address", []string{one + private, "mx.two.example 192.0.2.1 " + private, "mx.three.example 192.0.2.1 " + private}, ""},
		{"three addresses of one name", []string{one + private, "mx.one.example 192.0.2.5 " + private, "mx.one.example 192.0.2.6 " + private}, ""},
		{"three suffixes of one owner", []string{"mx.example.com 192.0.2.1 " + private, "mx.example.net 192.0.2.2 " + private, "mx.example.org 192.0.2.3 " + private}, ""},
		{"two names of one provider", []string{one + private, "+aspmx.l.google.com 192.0.2.2 " + private, "+aspmx2.googlemail.com 192.0.2.3 " + private}, ""},
		{"a provider that is named in the configuration", []string{one + private, two + private, "+aspmx.l.google.com 192.0.2.3 " + private}, intercepted},
		{"servers that are named in the configuration", []string{"+" + one + private, "+" + two + private, "+" + three + private}, ""},
		{"own servers", []string{"mx1.own.example 192.0.2.1 " + private, two + private, three + private}, ""},
		{"own servers by address", []string{"mx.one.example 203.0.113.1 " + private, two + private, three + private}, ""},
		{"in a configured domain", []string{"mx.kin.example 192.0.2.1 " + private, two + private, three + private}, ""},
		{"one name, many keys", []string{one + "unknown_authority Appliance k1", two + "unknown_authority Appliance k2", three + "unknown_authority Appliance k3"}, ""},
		{"one key, many names", []string{one + "unknown_authority A k", two + "unknown_authority B k", three + "unknown_authority C k"}, ""},
		{"whose key is not known", []string{one + "unknown_authority Shield -", two + "unknown_authority Shield -", three + "unknown_authority Shield -"}, ""},
		{"self-signed", []string{one + "self_signed mail k", two + "self_signed mail k", three + "self_signed mail k"}, ""},
		{"without their intermediates", []string{one + "incomplete_chain Known k", two + "incomplete_chain Known k", three + "incomplete_chain Known k"}, ""},
		{"open", []string{one + open}, "tls_intercepted 1"},
		{"open by a name that does not match", []string{one + "name_mismatch Known k"}, "tls_intercepted 1"},
		{"open to one's own says nothing", []string{"+" + one + open}, ""},
		{"weak says nothing", []string{one + "weak Known k"}, ""},
		{"one is open", []string{one + private, two + private, three + private, "mx.four.example 192.0.2.4 " + open}, "tls_intercepted 1"},
		{"one family is open", []string{one + private, two + private, three + private, "mx.one.example 2001:db8::1 " + open}, intercepted},
		{"what was seen last counts", []string{one + private, two + private, three + private, three + open}, "tls_intercepted 1"},
		{"not valid yet", []string{one + "not_yet_valid Known k", two + "not_yet_valid Known k", three + "not_yet_valid Known k", "mx.four.example 192.0.2.4 " + open}, clock},
		{"two not valid yet", []string{one + "not_yet_valid Known k", two + "not_yet_valid Known k"}, "tls_intercepted 1"},
		{"not valid yet, of nobody known", []string{one + "not_yet_valid,unknown_authority A k", two + "not_yet_valid,self_signed B k", three + "not_yet_valid,unknown_authority C k"}, ""},
		{"all expired", []string{one + "expired Known k", two + "expired Known k", three + "expired Known k"}, clock},
		{"all but one expired", []string{one + "expired Known k", two + "expired Known k", three + "expired Known k", "mx.four.example 192.0.2.4 " + open}, "tls_intercepted 1"},
		{"expired and not valid yet", []string{one + "expired Known k", two + "expired Known k", three + "expired Known k", "mx.four.example 192.0.2.4 not_yet_valid Known k"}, "tls_intercepted 1"},
	} {
		env := &Env{Config: &targets.Config{
			OwnServers: []targets.Pattern{{Glob: "*.own.example"}, {Prefix: netip.MustParsePrefix("203.0.113.0/24")}},
			Targets:    []*targets.Target{aDomain("mail.kin.example")},
		}}
		env.Kin = Kin(env.Config)
		w := NewWitnesses()
		for _, what := range test.seen {
			sawServer(w, env, what)
		}
		if got := told(w); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// TestWitnessesForget: what was seen counts for three intervals, and no longer once its server is one's own.
func TestWitnessesForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := &Env{Config: &targets.Config{}}
		w := NewWitnesses()
		sawServer(w, env, "mx.one.example 192.0.2.1 ok Known k")
		time.Sleep(15*time.Minute - time.Second)
		if got := told(w); got != "tls_intercepted 1" {
			t.Errorf("within three intervals: %q", got)
		}
		time.Sleep(time.Second)
		if got := told(w); got != "" || len(w.certificates) != 0 {
			t.Errorf("after three intervals: %q, %d kept", got, len(w.certificates))
		}
		sawServer(w, env, "mx.one.example 192.0.2.1 ok Known k")
		sawServer(w, env, "+mx.one.example 192.0.2.1 ok Known k")
		if got := told(w); got != "" {
			t.Errorf("of one's own: %q", got)
		}
		for i := range 2 * maxWitnesses {
			sawServer(w, env, fmt.Sprintf("mx.one.example 10.0.%d.%d ok Known k", i/256, i%256))
		}
		if len(w.certificates) != maxWitnesses {
			t.Errorf("%d kept", len(w.certificates))
		}
		time.Sleep(time.Hour)
		sawServer(w, env, "mx.one.example 192.0.2.1 ok Known k")
		if len(w.certificates) != 1 {
			t.Errorf("%d kept of which one counts", len(w.certificates))
		}
	})
	var none *Witnesses
	sawServer(none, &Env{Config: &targets.Config{}}, "mx.one.example 192.0.2.1 ok Known k")
	none.sawClock(&Round{Target: aDomain("example.org")}, netip.Addr{}, dated{})
	if none.Tests(time.Now()) != nil {
		t.Error("no witnesses, and a test")
	}
}

func TestWitnessesOfTime(t *testing.T) {
	for _, test := range []struct {
		name string
		seen string // The domain of each web server, the last octet of its address, and how far its clock is before ours.
		set  time.Duration
		want string
	}{
		{"nobody", "", 0, ""},
		{"one is not enough", "a.example 1 0s", 0, ""},
		{"two agree with us", "a.example 1 3s, b.example 2 -4m", 0, "clock 1"},
		{"two agree, and not with us", "a.example 1 1h, b.example 2 61m", 0, "clock 0 ours is 1h1m0s behind"},
		{"we are ahead", "a.example 1 -48h, b.example 2 -48h", 0, "clock 0 ours is 48h0m0s ahead"},
		{"at the limit", "a.example 1 5m, b.example 2 5m", 0, "clock 1"},
		{"beyond it", "a.example 1 301s, b.example 2 301s", 0, "clock 0 ours is 5m1s behind"},
		{"two contradict one another", "a.example 1 0s, b.example 2 1h", 0, ""},
		{"each his own", "a.example 1 1h, b.example 2 2h, c.example 3 3h", 0, ""},
		{"most agree with us", "a.example 1 0s, b.example 2 1h, c.example 3 0s", 0, "clock 1"},
		{"most do not", "a.example 1 0s, b.example 2 1h, c.example 3 1h", 0, "clock 0 ours is 1h0m0s behind"},
		{"half and half", "a.example 1 0s, b.example 2 1h, c.example 3 1h, d.example 4 0s", 0, ""},
		{"one web server", "a.example 1 1h, b.example 1 1h", 0, ""},
		{"one owner", "a.example 1 1h, mail.a.example 2 1h", 0, ""},
		{"our clock was set since", "a.example 1 1h, b.example 2 1h", time.Hour, ""},
		{"our clock was adjusted since", "a.example 1 1h, b.example 2 1h", 30 * time.Second, "clock 0 ours is 1h0m0s behind"},
	} {
		w := NewWitnesses()
		now := time.Now().Truncate(time.Second)
		for one := range strings.SplitSeq(test.seen, ", ") {
			f := strings.Fields(one)
			if len(f) == 0 {
				continue
			}
			offset, err := time.ParseDuration(f[2])
			if err != nil {
				t.Fatal(err)
			}
			r := &Round{Target: aDomain(f[0]), Every: time.Hour}
			w.sawClock(r, netip.MustParseAddr("192.0.2."+f[1]), dated{now.Add(offset), now, now})
		}
		for owner, seen := range w.clocks {
			// A second may pass for which a server that is behind gets no blame.
			if seen.offset < 0 {
				seen.offset -= time.Second
			}
			seen.clock = seen.clock.Add(-test.set)
			w.clocks[owner] = seen
		}
		got := told(w)
		for _, tested := range w.Tests(time.Now()) {
			if _, how, wrong := strings.Cut(tested.Wrong.EN, "web servers "); wrong {
				got += " " + how
			}
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// TestWitnessesClockSet: certificates that were judged by a clock which has been set since prove nothing of it.
func TestWitnessesClockSet(t *testing.T) {
	w := NewWitnesses()
	for i, host := range []string{"mx.one.example", "mx.two.example", "mx.three.example"} {
		sawServer(w, &Env{Config: &targets.Config{}}, fmt.Sprintf("%s 192.0.2.%d not_yet_valid Known k", host, i))
	}
	if got := told(w); got != "tls_intercepted 1, clock 0" {
		t.Fatalf("before: %q", got)
	}
	for at, c := range w.certificates {
		c.clock = c.clock.AddDate(-50, 0, 0)
		w.certificates[at] = c
	}
	if got := told(w); got != "tls_intercepted 1" {
		t.Errorf("after: %q", got)
	}
}

func TestHTTPDate(t *testing.T) {
	const good = "Tue, 15 Nov 2026 08:12:31 GMT"
	for _, test := range []struct {
		header http.Header
		want   int64 // 0: it is not told.
	}{
		{http.Header{"Date": {good}}, 1794730351},
		{http.Header{}, 0},
		{http.Header{"Date": {good, good}}, 0},                                // Twice.
		{http.Header{"Date": {good}, "Age": {"0"}}, 0},                        // From a cache.
		{http.Header{"Date": {"Tuesday, 15-Nov-26 08:12:31 GMT"}}, 0},         // RFC 850.
		{http.Header{"Date": {"Tue Nov 15 08:12:31 2026"}}, 0},                // asctime.
		{http.Header{"Date": {"Tue, 15 Nov 2026 08:12:31 +0000"}}, 0},         // Another zone.
		{http.Header{"Date": {"Tue, 15 Nov 2026 08:12:31 MSK"}}, 0},           // Another zone.
		{http.Header{"Date": {"Tue, 31 Feb 2026 08:12:31 GMT"}}, 0},           // No such day.
		{http.Header{"Date": {"Tue, 15 Nov 2019 08:12:31 GMT"}}, 0},           // Before there was this program.
		{http.Header{"Date": {"Tue, 15 Nov 2100 08:12:31 GMT"}}, 0},           // Long after.
		{http.Header{"Date": {good + strings.Repeat(" ", 10)}}, 0},            // Too long.
		{http.Header{"Date": {"\xff\xff\xff, 15 Nov 2026 08:12:31 GMT"}}, 0},  // No text.
		{http.Header{"Date": {"Tue, 15 Nov 2026 08:12:31\x00GMT"}}, 0},        // No text.
		{http.Header{"Date": {strings.Repeat("9", len(http.TimeFormat))}}, 0}, // No date.
	} {
		date, ok := httpDate(test.header)
		if ok != (test.want != 0) || ok && date.Unix() != test.want {
			t.Errorf("%q: got %v, %v", test.header, date, ok)
		}
	}
}

// TestDatedOffset: a server is not held to have another time while its own may have been ours at some time
// while we waited.
func TestDatedOffset(t *testing.T) {
	asked := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	answered := asked.Add(10 * time.Second)
	for after, want := range map[time.Duration]time.Duration{ // From when it was asked to the time it tells.
		0: 0, 5 * time.Second: 0, 10 * time.Second: 0, -time.Second: 0,
		-2 * time.Second: -time.Second, 11 * time.Second: time.Second, time.Hour: time.Hour - 10*time.Second, -time.Hour: time.Second - time.Hour,
	} {
		if got := (dated{asked.Add(after), asked, answered}).offset(); got != want {
			t.Errorf("%v after it was asked: %v, want %v", after, got, want)
		}
	}
}
