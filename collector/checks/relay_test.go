package checks

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// tested is a server that is asked to relay.
func tested() *targets.Target {
	t := serverAt("mx.example.org", 25)
	t.Server.RelayTest = &targets.RelayTest{From: "probe@example.org", To: "outside@example.net"}
	return t
}

func TestRelay(t *testing.T) {
	for _, c := range []struct {
		name   string
		server mailworld.Server
		want   string
	}{
		{"refused", replies("RCPT", "554 5.7.1 <outside@example.net>: Relay access denied"), "smtp_relay[192.0.2.1 refused] 1"},
		{"refused without a reason", replies("RCPT", "550 no"), "smtp_relay[192.0.2.1 refused] 1"},
		{"a login is wanted at MAIL", replies("MAIL", "530 5.7.0 Authentication required"), "smtp_relay[192.0.2.1 refused] 1"},
		{"accepted", replies(), "smtp_relay[192.0.2.1 accepted_at_rcpt] 1\n!relay_suspected"},
		{"will forward", replies("RCPT", "251 will forward"), "smtp_relay[192.0.2.1 accepted_at_rcpt] 1\n!relay_suspected"},
		{"put off", replies("RCPT", "451 4.7.1 Greylisted"), "smtp_relay[192.0.2.1 tempfail] 1"},
		{"put off at MAIL", replies("MAIL", "451 4.3.0 later"), "smtp_relay[192.0.2.1 tempfail] 1"},
		{"we are refused", replies("RCPT", "554 5.7.1 Client host [192.0.2.9] blocked using zen.spamhaus.org"), "smtp_relay[192.0.2.1 unknown] 1"},
		{"the sender is refused", replies("MAIL", "550 5.1.8 Sender address rejected: Domain not found"), "smtp_relay[192.0.2.1 unknown] 1"},
		{"no answer", replies("RCPT", "354 go on"), "smtp_relay[192.0.2.1 unknown] 1"},
		{"hung up", mailworld.Server{Name: "mx.example.org", Reset: []string{"RCPT"}}, "smtp_relay[192.0.2.1 unknown] 1"},
		{"not let in", replies("connect", "554 no"), "?192.0.2.1: " + errNotLetIn.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
			s.serve(c.server, "192.0.2.1:25")
			wantLines(t, s.run(relayCheck, tested()), "relay\n"+c.want)
			for _, command := range s.commands("192.0.2.1:25") {
				if command != "MAIL FROM:<probe@example.org>" && command != "RCPT TO:<outside@example.net>" && command != "RSET" {
					t.Errorf("said %q", command)
				}
			}
		})
	}
}

// TestRelayOnceADay: whatever calls for a test, there is one a day.
func TestRelayOnceADay(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	s.env.Memory = NewMemory()
	s.serve(replies(), "192.0.2.1:25")
	begin := time.Now()
	for i, c := range []struct {
		after    time.Duration
		held     time.Duration // When the verdict was reached that is held; less than zero: none is.
		want     string
		sessions int
	}{
		{0, -1, "smtp_relay[192.0.2.1 accepted_at_rcpt] 1\n!relay_suspected", 1},
		{12 * time.Hour, 0, "?" + errTested.Error(), 1},
		{12 * time.Hour, -1, "smtp_relay[192.0.2.1 accepted_at_rcpt] 1\n!relay_suspected", 1},
		{24 * time.Hour, 0, "smtp_relay[192.0.2.1 accepted_at_rcpt] 1\n!relay_suspected", 2},
	} {
		r := s.round(tested())
		r.Time = begin.Add(c.after)
		r.Last = func(string) (time.Time, bool) { return begin.Add(c.held), c.held >= 0 }
		if err := runRelay(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		wantLines(t, strings.TrimPrefix(sawText(t, relayCheck, r), "relay\n"), c.want)
		if n := len(s.Sessions(netip.MustParseAddrPort("192.0.2.1:25"))); n != c.sessions {
			t.Errorf("run %d: %d sessions, want %d", i+1, n, c.sessions)
		}
	}
}

func TestRelayWithoutName(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	s.env.HeloResolves = false
	wantLines(t, s.run(relayCheck, tested()), "relay\n?"+errNoHeloName.Error())
}
