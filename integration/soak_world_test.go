//go:build integration

package integration

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
)

// A patient is one thing in the soak's world that breaks and is mended, again and again.
type patient struct {
	name        string
	every       time.Duration // How often the exporter looks at it.
	spoil, mend func() error
	sick, well  func(scrape) error // Say what is missing for either to show.
	rest        time.Duration      // How long it is well at least.

	standing     bool
	done         bool
	since        time.Time // When it was broken or mended; when it had been mended for long enough.
	recovered    time.Time // When that was seen; zero while it was not.
	seen, healed int
	slowest      time.Duration // From the change until it showed, at most.
}

func (p *patient) String() string {
	return fmt.Sprintf("%-28s broken and seen %3d times, mended and seen %3d times, the slowest after %v", p.name, p.seen, p.healed, p.slowest.Round(time.Second))
}

// step looks whether the last change shows in a scrape and, if so, makes the next one. Nothing is broken that would not be seen and mended
// before the end, but everything once. It returns whether there is something to wait for.
func (p *patient) step(t *testing.T, s scrape, end time.Time) bool {
	t.Helper()
	if p.done {
		return false
	}
	now := time.Now()
	if p.since.IsZero() {
		p.since = now
	}
	look := p.well
	if p.standing {
		look = p.sick
	}
	if err := look(s); err != nil {
		if waited := now.Sub(p.since); waited > 2*p.every+2*patience {
			t.Fatalf("%s: broken %t for %v and not seen: %v", p.name, p.standing, waited, err)
		}
		return true
	}
	if p.recovered.IsZero() {
		p.slowest = max(p.slowest, now.Sub(p.since))
	}
	switch {
	case p.standing:
		p.seen++
		p.change(t, p.mend)
	case p.recovered.IsZero() && p.seen > 0:
		p.healed++
		p.recovered = now
	case p.seen > 0 && now.Add(2*p.every).After(end):
		p.done = true
	case now.Sub(p.recovered) >= p.rest:
		p.change(t, p.spoil)
	default:
		p.since = now // It may fall ill with others, as what is named does where there is no name server.
	}
	return !p.done
}

// change breaks or mends it.
func (p *patient) change(t *testing.T, how func() error) {
	t.Helper()
	if err := how(); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	p.standing, p.since, p.recovered = !p.standing, time.Now(), time.Time{}
}

// lines is a condition in the words of exporter.expect.
func lines(text string) func(scrape) error {
	return func(s scrape) error { return s.check(text) }
}

// A soakWorld is a mail world at addresses that all tests' programs can reach; no other test uses them.
type soakWorld struct {
	*mailworld.World
	ca            string // Its file.
	good, expired tls.Certificate
}

// What is where in it. The patients among the servers follow firstPatient.
const (
	soakNames    = "203.0.113.100"
	soakMX       = "203.0.113.101"
	soakOldMX    = "203.0.113.102"
	soakNewMX    = "203.0.113.103"
	firstPatient = 110
)

const soakZone = `$TTL 1
.                                 SOA  ns.example.net. hostmaster.example.net. 1 3600 600 86400 1
probe.example.net.                A    198.51.100.7
7.100.51.198.in-addr.arpa.        PTR  probe.example.net.
soak.example.org.                 MX   10 mx.soak.example.org.
soak.example.org.                 TXT  "v=spf1 mx -all"
_dmarc.soak.example.org.          TXT  "v=DMARC1; p=reject"
mx.soak.example.org.              A    ` + soakMX + `
101.113.0.203.in-addr.arpa.       PTR  mx.soak.example.org.
moving.example.org.               MX   10 old.moving.example.org.
old.moving.example.org.           A    ` + soakOldMX + `
new.moving.example.org.           A    ` + soakNewMX + `
2.0.0.127.bl.example.net.         A    127.0.0.2
`

// startSoakWorld starts a world in which all is well.
func startSoakWorld(t *testing.T) *soakWorld {
	t.Helper()
	w := &soakWorld{ca: filepath.Join(directory(t, "soak"), "ca.pem")}
	var err error
	if w.World, err = mailworld.NewAt(netip.MustParseAddrPort(soakNames + ":53")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	names := []string{"mx.soak.example.org", "old.moving.example.org", "new.moving.example.org", "patient.example.org"}
	if w.good, err = w.Authority().Issue(mailworld.CertificateRequest{Names: names}); err != nil {
		t.Fatal(err)
	}
	if w.expired, err = w.Authority().Issue(mailworld.CertificateRequest{Names: names, NotAfter: time.Now().Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.ca, w.RootPEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := w.Zone(soakZone); err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{soakMX, soakOldMX, soakNewMX} {
		if err := w.serve(addr, mailworld.Server{Name: "mx.soak.example.org", Certificate: &w.good}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range soakServers {
		if err := w.serve(patientAddress(i), mailworld.Server{Name: "patient.example.org", Certificate: &w.good}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *soakWorld) serve(addr string, s mailworld.Server) error {
	return w.Serve(netip.MustParseAddrPort(addr+":25"), s)
}

func patientAddress(i int) string { return fmt.Sprintf("203.0.113.%d", firstPatient+i) }

// config is a configuration with all targets, which asks servers so often and everything else every minute.
func (w *soakWorld) config(smtp string) string {
	var servers strings.Builder
	for i := range soakServers {
		fmt.Fprintf(&servers, "  - {address: \"%s:25\", server_name: patient.example.org}\n", patientAddress(i))
	}
	return fmt.Sprintf(`
helo_name: probe.example.net
resolver: {servers: ["%s:53"], timeout: 1s}
tls: {ca_file: %q}
own_servers: ["*.example.org"]
blocklists: {use: [], custom: [{id: ours, zone: bl.example.net}]}
modules:
  server: {interval: {smtp: %s, rdns: 1m}, timeout: %v}
  domain: {interval: 1m}
domains: [{name: soak.example.org}, {name: moving.example.org}]
servers:
%s`, soakNames, w.ca, smtp, soakTimeout, &servers)
}

// soakServers are what servers do at their worst, each at an address of its own, and how that shows.
var soakServers = []struct {
	name   string
	gone   bool // Nobody listens.
	server mailworld.Server
	shows  string
}{
	{"connection refused", true, mailworld.Server{}, `smtp_up{target="$T"} 0
		smtp_failure{target="$T",stage="connect",reason="refused"} 1`},
	{"no greeting", false, mailworld.Server{Silent: []string{"connect"}}, `smtp_up{target="$T"} 0
		smtp_failure{target="$T",stage="banner",reason="timeout"} 1`},
	{"reset at EHLO", false, mailworld.Server{Reset: []string{"EHLO"}}, `smtp_up{target="$T"} 0
		smtp_failure{target="$T",stage="ehlo",reason="reset"} 1`},
	{"refused at EHLO", false, mailworld.Server{Replies: map[string]string{"EHLO": "550 5.7.1 Go away\r\n", "HELO": "550 5.7.1 Go away\r\n"}}, `smtp_up{target="$T"} 0
		smtp_reply_code{target="$T",stage="ehlo"} 550`},
	{"no STARTTLS", false, mailworld.Server{}, `smtp_up{target="$T"} 1
		smtp_starttls_offered{target="$T"} 0`},
	{"STARTTLS refused", false, mailworld.Server{Replies: map[string]string{"STARTTLS": "454 4.7.0 TLS not available\r\n"}}, `smtp_up{target="$T"} 1
		smtp_reply_code{target="$T",stage="starttls"} 454`},
	{"certificate expired", false, mailworld.Server{}, `smtp_up{target="$T"} 1
		certificate_verification{target="$T",result="expired"} 1`},
	{"greeting without end", false, mailworld.Server{Handle: babble}, `smtp_up{target="$T"} 0
		smtp_failure{target="$T",stage="banner",reason="too_long"} 1`},
	{"greeting of nonsense", false, mailworld.Server{Replies: map[string]string{"connect": "SSH-2.0-OpenSSH_9.9\r\n"}}, `smtp_up{target="$T"} 0
		smtp_failure{target="$T",stage="banner",reason="protocol"} 1`},
}

// babble greets for ever.
func babble(conn net.Conn) {
	w := bufio.NewWriter(conn)
	for {
		if _, err := w.WriteString("220-" + strings.Repeat("la ", 100) + "\r\n"); err != nil {
			return
		}
	}
}

// servers are the patients among the servers.
func (w *soakWorld) servers() []*patient {
	var out []*patient
	for i, s := range soakServers {
		addr := patientAddress(i)
		about := func(text string) func(scrape) error { return lines(strings.ReplaceAll(text, "$T", addr+":25")) }
		s.server.Name = "patient.example.org"
		if s.name != "no STARTTLS" {
			s.server.Certificate = &w.good
		}
		if s.name == "certificate expired" {
			s.server.Certificate = &w.expired
		}
		out = append(out, &patient{
			name: s.name, every: 6 * time.Second,
			spoil: func() error {
				if s.gone {
					w.Stop(netip.MustParseAddrPort(addr + ":25"))
					return nil
				}
				return w.serve(addr, s.server)
			},
			mend: func() error {
				return w.serve(addr, mailworld.Server{Name: "patient.example.org", Certificate: &w.good})
			},
			sick: about(s.shows),
			well: about(`smtp_up{target="$T"} 1
				check_conclusive{target="$T",check="smtp"} 1
				certificate_verification{target="$T",result="ok"} 1
				smtp_starttls_offered{target="$T"} 1
				no smtp_failure{target="$T"}
				smtp_reply_code{target="$T",stage="starttls"} 220
				no certificate_verification{target="$T",result="expired"}`),
		})
	}
	return out
}

// records are the patients in DNS, which are asked for every minute.
func (w *soakWorld) records() []*patient {
	const every = time.Minute + time.Minute/5
	zone := func(text string) func() error { return func() error { return w.Zone("$TTL 1\n" + text) } }
	return []*patient{
		{
			name: "no PTR", every: every,
			spoil: func() error { w.Remove("101.113.0.203.in-addr.arpa."); return nil },
			mend:  zone("101.113.0.203.in-addr.arpa. PTR mx.soak.example.org."),
			sick:  lines(`rdns_forward_confirmed{target="mx.soak.example.org:25"} 0`),
			well:  lines(`rdns_forward_confirmed{target="mx.soak.example.org:25"} 1`),
		},
		{
			name: "SPF record with a mistake", every: every,
			spoil: zone(`soak.example.org. TXT "v=spf1 ip4:192.0.2 -all"`),
			mend:  zone(`soak.example.org. TXT "v=spf1 mx -all"`),
			sick:  lines(`spf_valid{target="soak.example.org"} 0`),
			well:  lines(`spf_valid{target="soak.example.org"} 1`),
		},
		{
			name: "SERVFAIL for DMARC", every: every,
			spoil: func() error { w.Fault("_dmarc.soak.example.org.", mailworld.FaultServFail); return nil },
			mend:  func() error { w.Fault("_dmarc.soak.example.org.", ""); return nil },
			sick:  lines(`check_conclusive{target="soak.example.org",check="dmarc"} 0`),
			well:  lines("check_conclusive{target=\"soak.example.org\",check=\"dmarc\"} 1\ndmarc_valid{target=\"soak.example.org\"} 1"),
		},
		{
			name: "MX moves", every: every,
			spoil: zone("moving.example.org. MX 10 new.moving.example.org."),
			mend:  zone("moving.example.org. MX 10 old.moving.example.org."),
			sick:  lines("smtp_up{target=\"new.moving.example.org:25\"} 1\nno target_info{target=\"old.moving.example.org:25\"}"),
			well:  lines("smtp_up{target=\"old.moving.example.org:25\"} 1\nno target_info{target=\"new.moving.example.org:25\"}"),
		},
	}
}

// names is the name server, which stops. The servers known by address go on being asked.
func (w *soakWorld) names() *patient {
	return &patient{
		name: "no name server", every: 6 * time.Second, rest: 2 * time.Minute,
		spoil: func() error { w.StopNames(); return nil },
		mend:  w.StartNames,
		// The verdict is held.
		sick: lines("check_conclusive{target=\"mx.soak.example.org:25\",check=\"smtp\"} 0\nsmtp_up{target=\"mx.soak.example.org:25\"} 1"),
		well: lines("check_conclusive{target=\"mx.soak.example.org:25\",check=\"smtp\"} 1\nsmtp_up{target=\"mx.soak.example.org:25\"} 1"),
	}
}

// Of a thousand clients most never end their request, and the others do not read the answer.
const (
	slowClients = 1000
	deafClients = 100
)

// crowd is a thousand slow clients at once. The exporter must show those out that do not get on, and answer everybody else meanwhile.
func (l *soaker) crowd() *patient {
	files := func(s scrape) float64 { return s.find("process_open_fds")[0].value }
	return &patient{
		name: "a thousand slow clients", every: 15 * time.Second, rest: 30 * time.Second,
		spoil: func() error {
			l.crowded = false
			for i := range slowClients {
				conn, err := net.Dial("tcp", l.address())
				if err != nil {
					return err
				}
				l.clients = append(l.clients, conn)
				request := "GET /metrics HTTP/1.1\r\nHost: exporter\r\nX-Slow: "
				if i%(slowClients/deafClients) == 0 {
					_ = conn.(*net.TCPConn).SetReadBuffer(4096)
					request = "GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n"
				}
				if _, err := conn.Write([]byte(request)); err != nil {
					return err
				}
			}
			// A scrape on a busy machine may come when most have been shown out again: the kernel tells sooner.
			_ = eventually(5*time.Second, func() error {
				open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", l.cmd.Process.Pid))
				l.crowded = l.crowded || len(open) > slowClients-deafClients
				if !l.crowded {
					return cmp.Or(err, errors.New("not all have come in"))
				}
				return nil
			}) // If they never come in, sick says so.
			return nil
		},
		mend: func() error {
			for _, c := range l.clients {
				c.Close()
			}
			l.clients = nil
			return nil
		},
		sick: func(s scrape) error {
			l.crowded = l.crowded || files(s) > slowClients-deafClients
			if n := files(s); !l.crowded || n > 2*deafClients {
				return fmt.Errorf("came: %t; %g descriptors are open", l.crowded, n)
			}
			return nil
		},
		well: func(s scrape) error {
			if n := files(s); n > deafClients {
				return fmt.Errorf("%g descriptors are open", n)
			}
			return nil
		},
	}
}
