package mailworld

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const testZone = `
$TTL 300
example.org.        SOA   ns.example.org. hostmaster.example.org. 1 3600 600 86400 30
example.org.        MX    10 Mx1.Example.ORG.
mx1.example.org.    A     192.0.2.11
mx1.example.org.    A     192.0.2.12
MX1.example.org.    A     192.0.2.11
www.example.org.    60 CNAME mx1.example.org.
gone.example.org.   CNAME nowhere.example.org.
loop.example.org.   CNAME pool.example.org.
pool.example.org.   CNAME loop.example.org.
a.deep.example.org. TXT   "one" "two"
*.world.bl.example. A     127.0.0.2
*.example.net.      MX    10 mx.example.net.
x.sub.example.net.  A     192.0.2.99
`

func zoned(t *testing.T) *World {
	t.Helper()
	w := newWorld(t)
	if err := w.Zone(testZone); err != nil {
		t.Fatal(err)
	}
	return w
}

// ask asks the world's name server. The time-out only ends a test that hangs.
func ask(w *World, network, rtype, name string) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name, dns.StringToType[rtype])
	c := &dns.Client{Net: network, Timeout: 20 * time.Second}
	in, _, err := c.Exchange(m, w.Resolver())
	return in, err
}

// written is an answer as its rcode and records, without tabs, "/" before the authority section.
func written(m *dns.Msg) string {
	lines := []string{dns.RcodeToString[m.Rcode]}
	for _, rr := range m.Answer {
		lines = append(lines, strings.Join(strings.Fields(rr.String()), " "))
	}
	slices.Sort(lines[1:])
	for _, rr := range m.Ns {
		lines = append(lines, "/ "+rr.Header().Name+" "+strconv.Itoa(int(rr.Header().Ttl)))
	}
	return strings.Join(lines, "\n")
}

func TestAnswers(t *testing.T) {
	w := zoned(t)
	for _, test := range []struct{ rtype, name, want string }{
		{"MX", "example.org.", "NOERROR\nexample.org. 300 IN MX 10 Mx1.Example.ORG."},
		{"A", "mX1.eXample.org.", "NOERROR\nmX1.eXample.org. 300 IN A 192.0.2.11\nmX1.eXample.org. 300 IN A 192.0.2.12"},
		{"A", "www.example.org.", "NOERROR\nmx1.example.org. 300 IN A 192.0.2.11\nmx1.example.org. 300 IN A 192.0.2.12\nwww.example.org. 60 IN CNAME mx1.example.org."},
		{"CNAME", "www.example.org.", "NOERROR\nwww.example.org. 60 IN CNAME mx1.example.org."},
		{"AAAA", "www.example.org.", "NOERROR\nwww.example.org. 60 IN CNAME mx1.example.org.\n/ example.org. 30"},
		{"A", "gone.example.org.", "NXDOMAIN\ngone.example.org. 300 IN CNAME nowhere.example.org.\n/ example.org. 30"},
		{"A", "loop.example.org.", "NOERROR\nloop.example.org. 300 IN CNAME pool.example.org.\npool.example.org. 300 IN CNAME loop.example.org."},
		{"TXT", "a.deep.example.org.", `NOERROR` + "\n" + `a.deep.example.org. 300 IN TXT "one" "two"`},
		{"AAAA", "mx1.example.org.", "NOERROR\n/ example.org. 30"},
		{"A", "deep.example.org.", "NOERROR\n/ example.org. 30"}, // Empty, and yet a name.
		{"A", "org.", "NOERROR\n/ . 60"},
		{"A", "nothing.example.org.", "NXDOMAIN\n/ example.org. 30"},
		{"A", "1.2.0.192.world.bl.example.", "NOERROR\n1.2.0.192.world.bl.example. 300 IN A 127.0.0.2"},
		{"TXT", "1.2.0.192.world.bl.example.", "NOERROR\n/ . 60"},
		{"MX", "any.example.net.", "NOERROR\nany.example.net. 300 IN MX 10 mx.example.net."},
		{"MX", "y.sub.example.net.", "NXDOMAIN\n/ . 60"}, // RFC 4592: sub.example.net exists and has no wildcard.
		{"A", "anything.invalid.", "NXDOMAIN\n/ . 60"},
	} {
		for _, network := range []string{"udp", "tcp"} {
			in, err := ask(w, network, test.rtype, test.name)
			if err != nil {
				t.Errorf("%s %s over %s: %v", test.rtype, test.name, network, err)
				continue
			}
			if got := written(in); got != test.want {
				t.Errorf("%s %s over %s:\n%s\nwant\n%s", test.rtype, test.name, network, got, test.want)
			}
			if !in.RecursionAvailable || !in.Authoritative {
				t.Errorf("%s %s: not authoritative or without recursion", test.rtype, test.name)
			}
		}
	}
	if n := w.Queries("WWW.example.org", "A"); n != 2 {
		t.Errorf("%d questions for A of www.example.org counted, want 2", n)
	}
	if n := w.Queries("www.example.org.", ""); n != 6 {
		t.Errorf("%d questions for www.example.org counted, want 6", n)
	}
	if n := w.Questions()["A www.example.org"]; n != 2 {
		t.Errorf("A www.example.org is among all questions %d times, want 2", n)
	}
}

func TestZoneChanges(t *testing.T) {
	w := zoned(t)
	want := func(rtype, name, want string) {
		t.Helper()
		in, err := ask(w, "udp", rtype, name)
		if err != nil {
			t.Fatal(err)
		}
		if got := written(in); got != want {
			t.Errorf("%s %s:\n%s\nwant\n%s", rtype, name, got, want)
		}
	}
	if err := w.Zone("MX1.example.org. A 192.0.2.77\nmx1.example.org. AAAA 2001:db8::77\n"); err != nil {
		t.Fatal(err)
	}
	want("A", "mx1.example.org.", "NOERROR\nmx1.example.org. 60 IN A 192.0.2.77")
	w.Remove("MX1.example.org")
	want("A", "mx1.example.org.", "NXDOMAIN\n/ example.org. 30")
	w.Remove("a.deep.example.org")
	want("A", "deep.example.org.", "NXDOMAIN\n/ example.org. 30")
	w.Remove("a.deep.example.org") // Harmless.

	for _, bad := range []string{"relative A 192.0.2.1", "x.example.org. A 192.0.2", "$INCLUDE /etc/passwd"} {
		if err := w.Zone("good.example.org. A 192.0.2.1\n" + bad + "\n"); err == nil {
			t.Errorf("zone %q is taken", bad)
		}
	}
	want("A", "good.example.org.", "NXDOMAIN\n/ example.org. 30")
}

func TestDNSFaults(t *testing.T) {
	w := zoned(t)
	rcode := func(name string) string {
		t.Helper()
		in, err := ask(w, "udp", "A", name)
		if err != nil {
			t.Fatal(err)
		}
		return dns.RcodeToString[in.Rcode]
	}
	w.Fault("Example.org", FaultServFail)
	w.Fault("www.example.org.", FaultRefused)
	for name, want := range map[string]string{"mx1.example.org.": "SERVFAIL", "www.example.org.": "REFUSED", "x.sub.example.net.": "NOERROR"} {
		if got := rcode(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	w.Fault("example.org", "")
	w.Fault("www.example.org", "")
	if got := rcode("mx1.example.org."); got != "NOERROR" {
		t.Errorf("after mending: %s", got)
	}

	for _, test := range []struct {
		fault   DNSFault
		network string
		want    func(*dns.Msg, error) bool
	}{
		{FaultTruncated, "udp", func(m *dns.Msg, err error) bool { return err == nil && m.Truncated && len(m.Answer) == 0 }},
		{FaultTruncated, "tcp", func(m *dns.Msg, err error) bool { return err == nil && !m.Truncated && len(m.Answer) == 2 }},
		{FaultTruncatedTCP, "tcp", func(m *dns.Msg, err error) bool { return err == nil && m.Truncated }},
		{FaultOtherQuestion, "tcp", func(m *dns.Msg, err error) bool { return err == nil && m.Question[0].Name == "another.example." }},
		{FaultOtherID, "tcp", func(_ *dns.Msg, err error) bool { return errors.Is(err, dns.ErrId) }},
		{FaultGarbage, "udp", func(_ *dns.Msg, err error) bool { return err != nil }},
	} {
		w.Fault(".", test.fault)
		if m, err := ask(w, test.network, "A", "mx1.example.org."); !test.want(m, err) {
			t.Errorf("%s over %s: %v, %v", test.fault, test.network, m, err)
		}
	}
}

// TestFaultSilent asks twice: the second question is answered, so the first had its chance.
func TestFaultSilent(t *testing.T) {
	w := zoned(t)
	w.Fault("mx1.example.org", FaultSilent)
	conn, err := net.Dial("udp", w.Resolver())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &dns.Conn{Conn: conn}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	for _, name := range []string{"mx1.example.org.", "www.example.org."} {
		m := new(dns.Msg)
		m.SetQuestion(name, dns.TypeA)
		if err := c.WriteMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	in, err := c.ReadMsg()
	if err != nil || in.Question[0].Name != "www.example.org." {
		t.Errorf("got %v, %v; want the answer to the second question only", in, err)
	}
}

func TestBigAnswers(t *testing.T) {
	w := newWorld(t)
	var b strings.Builder
	for i := range 100 {
		b.WriteString("big.example.org. MX 10 mx" + strconv.Itoa(i) + ".example.org.\n")
	}
	long := strings.Repeat(`"`+strings.Repeat("x", 250)+`" `, 250)
	b.WriteString("huge.example.org. TXT " + long + "\n")
	b.WriteString("huge.example.org. TXT " + long + `"more"` + "\n")
	if err := w.Zone(b.String()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		network, rtype, name string
		truncated            bool
		records              int
	}{
		{"tcp", "MX", "big.example.org.", false, 100},
		{"tcp", "TXT", "huge.example.org.", true, 1},
	} {
		in, err := ask(w, test.network, test.rtype, test.name)
		if err != nil {
			t.Fatal(err)
		}
		if in.Truncated != test.truncated || len(in.Answer) != test.records {
			t.Errorf("%s: truncated %v with %d records", test.name, in.Truncated, len(in.Answer))
		}
	}
	in, err := ask(w, "udp", "MX", "big.example.org.")
	if err != nil {
		t.Fatal(err)
	}
	if in.Compress = true; !in.Truncated || in.Len() > dns.MinMsgSize {
		t.Errorf("over UDP without EDNS: %d octets, truncated %v; want at most 512", in.Len(), in.Truncated)
	}
}

// TestOddQueries sends what no client of ours sends; the server goes on.
func TestOddQueries(t *testing.T) {
	w := zoned(t)
	odd := new(dns.Msg)
	odd.SetQuestion("example.org.", dns.TypeA)
	for _, test := range []struct {
		name  string
		spoil func(*dns.Msg)
		want  int
	}{
		{"update", func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }, dns.RcodeNotImplemented},
		{"no question", func(m *dns.Msg) { m.Question = nil }, dns.RcodeFormatError},
		{"chaos", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, dns.RcodeRefused},
	} {
		m := odd.Copy()
		test.spoil(m)
		c := &dns.Client{Net: "tcp", Timeout: 20 * time.Second}
		in, _, err := c.Exchange(m, w.Resolver())
		if err != nil || in.Rcode != test.want {
			t.Errorf("%s: %v, %v; want rcode %d", test.name, in, err, test.want)
		}
	}
	for _, junk := range [][]byte{{}, {1}, []byte("GET / HTTP/1.1\r\n\r\n"), make([]byte, 12)} {
		if reply := w.names.reply(junk, true); len(reply) > 0 && len(junk) < 12 {
			t.Errorf("%q is answered with %q", junk, reply)
		}
	}
}

// TestSecure: who asks for it is told whether all names of an answer are signed, and gets wrong signatures only without
// validation.
func TestSecure(t *testing.T) {
	w := zoned(t)
	if err := w.Zone("away.example.org. CNAME x.sub.example.net."); err != nil {
		t.Fatal(err)
	}
	w.Secure("example.org", true)
	w.Secure("deep.example.org.", false)
	w.Fault("lost.example.org", FaultServFail)
	w.Fault("bogus.example.org", FaultBogus)
	for _, test := range []struct {
		name   string
		ask    func(*dns.Msg)
		want   int
		secure bool
	}{
		{"mx1.example.org.", func(m *dns.Msg) { m.AuthenticatedData = true }, dns.RcodeSuccess, true},
		{"MX1.Example.ORG.", func(m *dns.Msg) { m.SetEdns0(1232, true) }, dns.RcodeSuccess, true},
		{"mx1.example.org.", func(m *dns.Msg) { m.SetEdns0(1232, false) }, dns.RcodeSuccess, false},
		{"mx1.example.org.", func(m *dns.Msg) { m.AuthenticatedData, m.CheckingDisabled = true, true }, dns.RcodeSuccess, false},
		{"nothing.example.org.", func(m *dns.Msg) { m.AuthenticatedData = true }, dns.RcodeNameError, true},
		{"www.example.org.", func(m *dns.Msg) { m.AuthenticatedData = true }, dns.RcodeSuccess, true},
		{"away.example.org.", func(m *dns.Msg) { m.AuthenticatedData = true }, dns.RcodeSuccess, false},
		{"a.deep.example.org.", func(m *dns.Msg) { m.AuthenticatedData = true }, dns.RcodeSuccess, false},
		{"x.sub.example.net.", func(m *dns.Msg) { m.AuthenticatedData = true }, dns.RcodeSuccess, false},
		{"lost.example.org.", func(m *dns.Msg) { m.AuthenticatedData = true }, dns.RcodeServerFailure, false},
		{"bogus.example.org.", func(m *dns.Msg) { m.AuthenticatedData = true }, dns.RcodeServerFailure, false},
		{"bogus.example.org.", func(m *dns.Msg) { m.CheckingDisabled = true }, dns.RcodeNameError, false},
	} {
		m := new(dns.Msg)
		m.SetQuestion(test.name, dns.TypeA)
		test.ask(m)
		in, _, err := (&dns.Client{Timeout: 20 * time.Second}).Exchange(m, w.Resolver())
		if err != nil || in.Rcode != test.want || in.AuthenticatedData != test.secure {
			t.Errorf("%s: %v, %v", test.name, in, err)
		}
	}
}

// TestLater: who has asked once for an RRset is given another the next time.
func TestLater(t *testing.T) {
	w := zoned(t)
	if err := w.Zone("turn.example.org. A 192.0.2.1\nturn.example.org. TXT \"stays\""); err != nil {
		t.Fatal(err)
	}
	if err := w.Later("TURN.example.org. A 192.0.2.2\nnowhere.example.org. A 192.0.2.3"); err != nil {
		t.Fatal(err)
	}
	if err := w.Later("turn.example.org. A nonsense"); err == nil {
		t.Error("nonsense is taken for records")
	}
	for _, test := range []struct{ rtype, name, want string }{
		{"TXT", "turn.example.org.", `NOERROR` + "\n" + `turn.example.org. 60 IN TXT "stays"`},
		{"A", "turn.example.org.", "NOERROR\nturn.example.org. 60 IN A 192.0.2.1"},
		{"A", "turn.example.org.", "NOERROR\nturn.example.org. 60 IN A 192.0.2.2"},
		{"A", "turn.example.org.", "NOERROR\nturn.example.org. 60 IN A 192.0.2.2"},
		{"TXT", "turn.example.org.", `NOERROR` + "\n" + `turn.example.org. 60 IN TXT "stays"`},
	} {
		in, err := ask(w, "udp", test.rtype, test.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := written(in); got != test.want {
			t.Errorf("%s %s:\n%s\nwant\n%s", test.rtype, test.name, got, test.want)
		}
	}
}

func TestStopNames(t *testing.T) {
	w := zoned(t)
	const want = "NOERROR\nwww.example.org. 60 IN CNAME mx1.example.org."
	at := w.Resolver()
	for range 2 {
		w.StopNames()
		w.StopNames()
		for _, network := range []string{"udp", "tcp"} {
			if m, err := ask(w, network, "CNAME", "www.example.org."); err == nil {
				t.Errorf("over %s a stopped server answers %s", network, written(m))
			}
		}
		if err := errors.Join(w.StartNames(), w.StartNames()); err != nil {
			t.Fatal(err)
		}
		for _, network := range []string{"udp", "tcp"} {
			if m, err := ask(w, network, "CNAME", "www.example.org."); err != nil || written(m) != want {
				t.Errorf("over %s: %v, %v", network, m, err)
			}
		}
	}
	if w.Resolver() != at {
		t.Errorf("it moved from %s to %s", at, w.Resolver())
	}
	w.Close()
	if err := w.StartNames(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
