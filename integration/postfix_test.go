//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// postfix is one instance of Postfix with its own configuration and queue.
type postfix struct {
	*program
	dir string
}

// startPostfix starts an instance until the test ends. Each of services is an address with the settings of
// the server there: "192.0.2.25:465 -o smtpd_tls_wrappermode=yes". What listens there is smtpd, or
// postscreen if that word comes first.
func startPostfix(t *testing.T, hostname string, c certificate, services ...string) *postfix {
	t.Helper()
	p := &postfix{dir: directory(t, "postfix")}
	for _, sub := range []string{"etc", "queue", "data"} {
		if err := os.Mkdir(filepath.Join(p.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	owner, err := user.Lookup("postfix")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	if err := os.Chown(filepath.Join(p.dir, "data"), uid, -1); err != nil {
		t.Fatal(err)
	}
	// A process of smtpd serves one client, so that it has always read the files of now.
	write(t, filepath.Join(p.dir, "etc", "main.cf"), fmt.Sprintf(`
compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file_prefixes = %[1]s
maillog_file = %[1]s/maillog
myhostname = %[2]s
mydestination =
mynetworks =
inet_interfaces = all
inet_protocols = all
alias_maps =
alias_database =
max_use = 1
message_size_limit = 20971520
smtpd_tls_chain_files = %[1]s/tls.pem
smtpd_tls_security_level = may
smtpd_delay_reject = no
smtpd_relay_restrictions = reject_unauth_destination
postscreen_greet_wait = 2s
`, p.dir, hostname))
	var master strings.Builder
	for _, s := range services {
		address, options, _ := strings.Cut(s, " ")
		processes, command := "-", "smtpd"
		if rest, ok := strings.CutPrefix(options, "postscreen"); ok {
			processes, command, options = "1", "postscreen", rest
		}
		fmt.Fprintf(&master, "%s inet n - n - %s %s %s\n", address, processes, command, options)
	}
	master.WriteString(`
smtpd      pass  -       -       n       -       -       smtpd
dnsblog    unix  -       -       n       -       0       dnsblog
tlsproxy   unix  -       -       n       -       0       tlsproxy
pickup     unix  n       -       n       60      1       pickup
cleanup    unix  n       -       n       -       0       cleanup
qmgr       unix  n       -       n       300     1       qmgr
tlsmgr     unix  -       -       n       1000?   1       tlsmgr
rewrite    unix  -       -       n       -       -       trivial-rewrite
anvil      unix  -       -       n       -       1       anvil
proxymap   unix  -       -       n       -       -       proxymap
postlog    unix-dgram n  -       n       -       1       postlogd
`)
	write(t, filepath.Join(p.dir, "etc", "master.cf"), master.String())
	p.useCertificate(t, c)
	p.start(t)
	t.Cleanup(func() { p.halt(t) })
	return p
}

// useCertificate puts a certificate in place, for the clients that come from now on.
func (p *postfix) useCertificate(t *testing.T, c certificate) {
	t.Helper()
	file := filepath.Join(p.dir, "tls.pem")
	if err := os.WriteFile(file+".new", []byte(c.pem), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// start starts the instance, the first time or after halt.
func (p *postfix) start(t *testing.T) {
	t.Helper()
	begun := strings.Count(p.maillog(), "daemon started")
	ready := func() error {
		if strings.Count(p.maillog(), "daemon started") == begun {
			return errors.New("not started yet")
		}
		return nil
	}
	var err error
	p.program, err = startProgram(filepath.Join(p.dir, "log"), ready, "postfix", "-c", filepath.Join(p.dir, "etc"), "start-fg")
	if err != nil {
		t.Fatalf("%v\n%s", err, p.maillog())
	}
}

// halt stops the instance: nobody listens any more.
func (p *postfix) halt(t *testing.T) {
	t.Helper()
	if err := run("postfix", "-c", filepath.Join(p.dir, "etc"), "stop"); err != nil {
		t.Errorf("%v\n%s", err, p.maillog())
	}
	_ = p.wait() // The script that started it does not end well, ever.
}

// maillog is what the instance has logged so far.
func (p *postfix) maillog() string {
	text, err := os.ReadFile(filepath.Join(p.dir, "maillog"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}
