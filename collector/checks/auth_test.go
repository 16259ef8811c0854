package checks

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

const (
	testUser     = "monitor"
	testPassword = "correct horse battery"
)

// loggingIn is a server at which credentials are configured.
func loggingIn(port uint16, password string) *targets.Target {
	t := serverAt("mx.example.org", port)
	t.Server.Credentials = &targets.Credentials{Username: testUser, Password: targets.NewSecret(password)}
	return t
}

// submission is a server that knows the user.
func (s *scene) submission(extension string) mailworld.Server {
	return mailworld.Server{
		Name: "mx.example.org", Certificate: s.certificate(mailworld.CertificateRequest{}),
		Extensions: []string{extension}, Accounts: map[string]string{testUser: testPassword}, Replies: map[string]string{},
	}
}

func TestAuth(t *testing.T) {
	const tried = "AUTH PLAIN"
	for _, c := range []struct {
		name   string
		change func(*scene, *mailworld.Server)
		want   string
		said   string // How the first of the commands begins.
	}{
		{"PLAIN", func(*scene, *mailworld.Server) {}, "smtp_reply[192.0.2.1 auth 235 2.7.0 positive ok] 1", tried},
		{"LOGIN", func(_ *scene, m *mailworld.Server) { m.Extensions = []string{"AUTH LOGIN"} }, "smtp_reply[192.0.2.1 auth 235 2.7.0 positive ok] 1", "AUTH LOGIN"},
		{"wrong", func(_ *scene, m *mailworld.Server) { m.Accounts = nil }, "smtp_reply[192.0.2.1 auth 535 5.7.8 permanent auth_failed] 1\n!auth_failed", tried},
		{"an app password is wanted", func(_ *scene, m *mailworld.Server) {
			m.Replies["AUTH"] = "534 5.7.9 Application-specific password required\r\n"
		}, "smtp_reply[192.0.2.1 auth 534 5.7.9 permanent auth_failed] 1\n!auth_failed", tried},
		{"later", func(_ *scene, m *mailworld.Server) {
			m.Replies["AUTH"] = "454 4.7.0 Temporary authentication failure\r\n"
		}, "smtp_reply[192.0.2.1 auth 454 4.7.0 transient auth_failed] 1\n!auth_deferred", tried},
		{"hung up", func(_ *scene, m *mailworld.Server) { m.CloseAfter, m.Replies["AUTH"] = []string{"AUTH"}, "" }, "smtp_failure[192.0.2.1 auth closed] 1\n!auth_deferred", tried},
		{"offered and not to be had", func(_ *scene, m *mailworld.Server) {
			m.Replies["AUTH"] = "503 5.5.1 Authentication not enabled\r\n"
		}, "smtp_reply[192.0.2.1 auth 503 5.5.1 permanent not_implemented] 1\n!auth_missing", tried},
		{"neither yes nor no", func(_ *scene, m *mailworld.Server) { m.Replies["AUTH"] = "250 hm\r\n" }, "?" + errNoEnd.Error(), tried},
		{"none offered", func(_ *scene, m *mailworld.Server) { m.Extensions = nil }, "!auth_missing", ""},
		{"none that we know", func(_ *scene, m *mailworld.Server) { m.Extensions = []string{"AUTH XOAUTH2"} }, "!auth_missing", ""},
		{"another name", func(s *scene, m *mailworld.Server) {
			m.Certificate = s.certificate(mailworld.CertificateRequest{Names: []string{"other.example.org"}})
		}, "!auth_withheld", ""},
		{"expired", func(s *scene, m *mailworld.Server) {
			m.Certificate = s.certificate(mailworld.CertificateRequest{NotBefore: time.Now().AddDate(0, -2, 0), NotAfter: time.Now().AddDate(0, -1, 0)})
		}, "!auth_withheld", ""},
		{"self-signed", func(s *scene, m *mailworld.Server) {
			m.Certificate = s.certificate(mailworld.CertificateRequest{SelfSigned: true})
		}, "!auth_withheld", ""},
		{"no TLS, and AUTH in clear", func(_ *scene, m *mailworld.Server) { m.Certificate, m.AuthBefore = nil, true }, "!auth_withheld", ""},
		{"TLS fails", func(_ *scene, m *mailworld.Server) { m.Replies["tls"] = "no\r\n" }, "?192.0.2.1: " + errNotLetIn.Error(), ""},
		{"refused at the door", func(_ *scene, m *mailworld.Server) { m.Replies["connect"] = "554 no\r\n" }, "?192.0.2.1: " + errNotLetIn.Error(), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
			server := s.submission("AUTH PLAIN LOGIN")
			c.change(s, &server)
			s.serve(server, "192.0.2.1:587")
			r := s.round(loggingIn(587, testPassword))
			if err := runAuth(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			wantLines(t, only(sawText(t, authCheck, r), "smtp_reply[", "smtp_failure", "!", "?"), c.want)
			said := strings.Join(s.commands("192.0.2.1:587"), "\n")
			if !strings.HasPrefix(said, c.said) || c.said == "" && said != "" {
				t.Errorf("said %q", said)
			}
			wantNoSecret(t, r)
		})
	}
}

// wantNoSecret looks for user name and password, as they are and as they cross the wire, in all that a run leaves behind. The name
// may be in no label.
func wantNoSecret(t *testing.T, r *Round) {
	t.Helper()
	var all, labels strings.Builder
	for _, p := range r.Result.Parts {
		fmt.Fprintf(&all, "%+v %v %q %q\n", p.Findings, p.Unknown, p.Evidence, p.Key)
		for _, s := range p.Samples {
			fmt.Fprintf(&labels, "%q\n", s.Labels)
		}
	}
	for _, secret := range []string{testPassword, "\x00" + testUser + "\x00" + testPassword} {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(all.String()+labels.String(), form) {
				t.Errorf("%q is to be seen in\n%s%s", form, all.String(), labels.String())
			}
		}
	}
	if strings.Contains(labels.String(), testUser) {
		t.Errorf("the user name is a label: %s", labels.String())
	}
}

// TestAuthEcho: a server that repeats the password does not make us show it.
func TestAuthEcho(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("\x00" + testUser + "\x00" + testPassword))
	for _, reply := range []string{"535 5.7.8 " + testPassword, "535 5.7.8 AUTH PLAIN " + encoded, "AUTH PLAIN " + encoded} {
		s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
		server := s.submission("AUTH PLAIN")
		server.Replies["AUTH"] = reply + "\r\n"
		s.serve(server, "192.0.2.1:587")
		r := s.round(loggingIn(587, testPassword))
		if err := runAuth(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if len(r.Result.Parts) != 1 || len(r.Result.Parts[0].Findings) != 1 {
			t.Errorf("%q: saw\n%s", reply, sawText(t, authCheck, r))
		}
		wantNoSecret(t, r)
	}
}

// TestAuthOnce: what was refused is not tried again until something changes, and stays a problem.
func TestAuthOnce(t *testing.T) {
	const at = "192.0.2.1:587"
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	s.env.Memory = NewMemory()
	s.serve(s.submission("AUTH PLAIN"), at)
	begin := time.Now()
	hour := 0
	run := func(password string, held time.Time) *Round {
		t.Helper()
		r := s.round(loggingIn(587, password))
		r.Time = begin.Add(time.Duration(hour) * time.Hour)
		hour++
		r.Last = func(string) (time.Time, bool) { return held, !held.IsZero() }
		if err := runAuth(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	tries := func(want int) {
		t.Helper()
		if n := len(s.Sessions(netip.MustParseAddrPort(at))); n != want {
			t.Errorf("%d sessions, want %d", n, want)
		}
	}

	wantLines(t, only(sawText(t, authCheck, run("wrong", time.Time{})), "!"), "!auth_failed")
	tries(1)
	// The verdict is held: nothing is said anew.
	r := run("wrong", begin)
	if p := r.Result.Parts[0]; !p.LeftOut || p.Unknown == nil || len(p.Findings) != 0 {
		t.Errorf("part %+v", p)
	}
	// It is not, because the target was configured anew in another point: it is given once more, with its series.
	wantLines(t, only(sawText(t, authCheck, run("wrong", time.Time{})), "!", "smtp_reply["), "smtp_reply[192.0.2.1 auth 535 5.7.8 permanent auth_failed] 1\n!auth_failed")
	// What is held is older than the refusal.
	wantLines(t, only(sawText(t, authCheck, run("wrong", begin.Add(-time.Hour))), "!"), "!auth_failed")
	tries(1)

	wantLines(t, only(sawText(t, authCheck, run(testPassword, begin)), "!", "?"), "")
	run(testPassword, begin)
	tries(3)
	wantLines(t, only(sawText(t, authCheck, run("wrong again", time.Time{})), "!"), "!auth_failed")
	run("wrong again", time.Time{})
	tries(4)
	// Another certificate name is another configuration.
	other := s.round(loggingIn(587, "wrong again"))
	other.Target.Server.ServerName = "other.example.org"
	if err := runAuth(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	tries(5)
}

// TestAuthAgain: what was only put off or missing is tried again.
func TestAuthAgain(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	s.env.Memory = NewMemory()
	for i, reply := range []string{"454 4.7.0 later\r\n", "504 5.5.4 no such mechanism\r\n", "421 4.3.2 closing\r\n"} {
		server := s.submission("AUTH PLAIN")
		server.Replies["AUTH"], server.ImplicitTLS = reply, true
		s.serve(server, "192.0.2.1:465")
		s.run(authCheck, loggingIn(465, testPassword))
		if n := len(s.Sessions(netip.MustParseAddrPort("192.0.2.1:465"))); n != i+1 {
			t.Errorf("%d sessions after %d runs", n, i+1)
		}
	}
}
