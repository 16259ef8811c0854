package checks

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// asking is a server that is asked for a recipient.
func asking() *targets.Target {
	t := serverAt("mx.example.org", 25)
	t.Server.Recipient = &targets.Recipient{Address: "postmaster@example.org", From: "probe@example.net"}
	return t
}

// replies is a server that says these things at points of the dialogue.
func replies(pairs ...string) mailworld.Server {
	s := mailworld.Server{Name: "mx.example.org", Replies: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		s.Replies[pairs[i]] = pairs[i+1] + "\r\n"
	}
	return s
}

// commands are the last session's commands, without what every session says.
func (s *scene) commands(at string) []string {
	sessions := s.Sessions(netip.MustParseAddrPort(at))
	if len(sessions) == 0 {
		return nil
	}
	return slices.DeleteFunc(sessions[len(sessions)-1], func(c string) bool {
		return strings.HasPrefix(c, "EHLO") || c == "STARTTLS" || c == "QUIT"
	})
}

func TestRecipient(t *testing.T) {
	const at = "192.0.2.1:25"
	greylisting := "451 4.7.1 Greylisted, please try again later"
	const asked = "MAIL FROM:<probe@example.net> RCPT TO:<postmaster@example.org> RSET"
	for _, c := range []struct {
		name   string
		server mailworld.Server
		want   string // Reply, then problems.
		said   string
	}{
		{"taken", replies(), "250 2.1.5 positive ok", asked},
		{"will forward", replies("RCPT", "251 2.1.5 will forward"), "251 2.1.5 positive ok", asked},
		{"nobody", replies("RCPT", "550 5.1.1 User unknown"), "550 5.1.1 permanent user_unknown !recipient_refused", asked},
		{"no relay", replies("RCPT", "554 5.7.1 Relay access denied"), "554 5.7.1 permanent relay_denied !recipient_refused", asked},
		{"we are blocked", replies("RCPT", "554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.spamhaus.org"), "554 5.7.1 permanent blocklisted !recipient_refused", asked},
		{"full", replies("RCPT", "452 4.2.2 Mailbox full"), "452 4.2.2 transient mailbox_full !recipient_deferred", asked},
		{"greylisted", replies("RCPT", greylisting), "451 4.7.1 transient greylisted !recipient_deferred info", asked},
		{"greylisted at MAIL", replies("MAIL", greylisting), "451 4.7.1 transient greylisted !recipient_deferred info", "MAIL FROM:<probe@example.net>"},
		{"sender refused", replies("MAIL", "550 5.1.8 Sender address rejected: Domain not found"), "550 5.1.8 permanent sender_rejected !recipient_sender_refused", "MAIL FROM:<probe@example.net>"},
		{"sender refused at RCPT", replies("RCPT", "550 5.1.8 Sender address rejected: Domain not found"), "550 5.1.8 permanent sender_rejected !recipient_sender_refused", asked},
		{"no answer", replies("RCPT", "354 go on"), "354  intermediate ok !recipient_deferred", asked},
		{"hung up", mailworld.Server{Name: "mx.example.org", Reset: []string{"RCPT"}}, "reset !recipient_deferred", "MAIL FROM:<probe@example.net> RCPT TO:<postmaster@example.org>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
			s.serve(c.server, at)
			var got []string
			for line := range strings.Lines(s.run(recipientCheck, asking())) {
				line = strings.TrimSpace(line)
				stage := "rcpt"
				if !strings.Contains(c.said, "RCPT") {
					stage = "mail"
				}
				if text, ok := strings.CutPrefix(line, "smtp_reply[192.0.2.1 "+stage+" "); ok {
					got = append(got, strings.TrimSuffix(text, "] 1"))
				}
				if text, ok := strings.CutPrefix(line, "smtp_failure[192.0.2.1 "+stage+" "); ok {
					got = append(got, strings.TrimSuffix(text, "] 1"))
				}
				if strings.HasPrefix(line, "!") || strings.HasPrefix(line, "?") {
					got = append(got, line)
				}
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("got %q, want %q", text, c.want)
			}
			if said := strings.Join(s.commands(at), " "); said != c.said {
				t.Errorf("said %q, want %q", said, c.said)
			}
		})
	}
}

// TestRecipientSeries: the series are those of the two stages, and of no other.
func TestRecipientSeries(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	s.serve(replies(), "192.0.2.1:25")
	wantLines(t, s.run(recipientCheck, asking()), `
recipient
smtp_reply[192.0.2.1 mail 250 2.1.0 positive ok] 1
smtp_reply_code[192.0.2.1 mail] 250
smtp_reply[192.0.2.1 rcpt 250 2.1.5 positive ok] 1
smtp_reply_code[192.0.2.1 rcpt] 250
`)
}

// TestRecipientFirstAddress: one address is asked, the first that lets us in.
func TestRecipientFirstAddress(t *testing.T) {
	s := newScene(t, `
mx.example.org. 60 IN A 192.0.2.1
mx.example.org. 60 IN A 192.0.2.2
mx.example.org. 60 IN A 192.0.2.3
mx.example.org. 60 IN A 192.0.2.4
`)
	s.serve(replies("connect", "421 4.3.2 closing"), "192.0.2.2:25")
	s.serve(replies(), "192.0.2.3:25", "192.0.2.4:25")
	wantLines(t, only(s.run(recipientCheck, asking()), "smtp_reply_code"), `
smtp_reply_code[192.0.2.3 mail] 250
smtp_reply_code[192.0.2.3 rcpt] 250
`)
	if n := len(s.Sessions(netip.MustParseAddrPort("192.0.2.4:25"))); n != 0 {
		t.Errorf("%d sessions with the second that would have let us in", n)
	}
}

func TestRecipientUnknown(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1\nnone.example.org. 60 IN TXT nothing")
	s.Stop(netip.MustParseAddrPort("192.0.2.1:25"))
	wantLines(t, s.run(recipientCheck, asking()), "recipient\n?192.0.2.1: "+errNotLetIn.Error())

	none := asking()
	none.Server.Host = "none.example.org"
	wantLines(t, s.run(recipientCheck, none), "recipient\n?"+errNoAddress.Error())

	s.serve(replies(), "192.0.2.1:25")
	s.env.HeloResolves, s.env.HeloErr = false, errors.New("resolver is silent")
	wantLines(t, s.run(recipientCheck, asking()), "recipient\n?"+errNoHeloName.Error()+"\nresolver is silent")
	if n := len(s.Sessions(netip.MustParseAddrPort("192.0.2.1:25"))); n != 0 {
		t.Errorf("%d sessions without a name to say", n)
	}
}

// TestRecipientOurName: without a configured sender it is the postmaster of the name that we say.
func TestRecipientOurName(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	s.serve(replies(), "192.0.2.1:25")
	target := asking()
	target.Server.Recipient.From = ""
	s.run(recipientCheck, target)
	if said := s.commands("192.0.2.1:25"); len(said) == 0 || said[0] != "MAIL FROM:<postmaster@probe.example.net>" {
		t.Errorf("said %q", said)
	}
}

// TestGreylisting runs probes an hour apart: each tells what the one before was.
func TestGreylisting(t *testing.T) {
	const (
		ok, nobody = "250 2.1.5 ok", "550 5.1.1 User unknown"
		grey       = "451 4.7.1 Greylisted, please try again later"
		later      = "450 hm"
		full       = "452 4.2.2 Mailbox full"
	)
	const deferred, deferredInfo, told, refused = "!recipient_deferred", "!recipient_deferred info", "!recipient_greylisted", "!recipient_refused"
	for _, c := range []struct {
		name string
		said []string
		want []string
		gap  time.Duration
	}{
		{"told by the next", []string{grey, ok, ok}, []string{deferredInfo, told, ""}, time.Hour},
		{"put off twice", []string{grey, grey, grey, ok}, []string{deferredInfo, told, told, ""}, time.Hour},
		{"no reason given", []string{later, ok, ok}, []string{deferred, told, ""}, time.Hour},
		{"no reason given, and never taken", []string{later, later, later}, []string{deferred, deferred, deferred}, time.Hour},
		{"it forgets us", []string{grey, ok, grey, ok, ok}, []string{deferredInfo, told, told, "", ""}, time.Hour},
		{"another reason", []string{full, ok}, []string{deferred, ""}, time.Hour},
		{"another reason after", []string{grey, full, ok}, []string{deferredInfo, deferred, ""}, time.Hour},
		{"refused after", []string{grey, nobody, ok}, []string{deferredInfo, refused, ""}, time.Hour},
		{"long ago", []string{grey, ok}, []string{deferredInfo, ""}, 72 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
			s.env.Memory = NewMemory()
			begin := time.Now()
			for i, reply := range c.said {
				s.serve(replies("RCPT", reply), "192.0.2.1:25")
				r := s.round(asking())
				r.Time = begin.Add(time.Duration(i) * c.gap)
				if err := runRecipient(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				if got := strings.TrimSpace(only(sawText(t, recipientCheck, r), "!")); got != c.want[i] {
					t.Errorf("probe %d: got %q, want %q", i+1, got, c.want[i])
				}
			}
			if n := len(s.Sessions(netip.MustParseAddrPort("192.0.2.1:25"))); n != len(c.said) {
				t.Errorf("%d sessions for %d probes", n, len(c.said))
			}
		})
	}
}

// TestGreylistingTriple: what one sender was told says nothing of another.
func TestGreylistingTriple(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	s.env.Memory = NewMemory()
	s.serve(replies("RCPT", "451 4.7.1 Greylisted"), "192.0.2.1:25")
	s.run(recipientCheck, asking())
	s.serve(replies(), "192.0.2.1:25")
	other := asking()
	other.Server.Recipient.From = "other@example.net"
	if got := only(s.run(recipientCheck, other), "!"); got != "" {
		t.Errorf("got %q", got)
	}
	if got := only(s.run(recipientCheck, asking()), "!"); strings.TrimSpace(got) != "!recipient_greylisted" {
		t.Errorf("got %q", got)
	}
}
