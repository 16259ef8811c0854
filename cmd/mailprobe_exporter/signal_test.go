//go:build unix

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
)

// A hangup is a log whose first line comes with SIGHUP.
type hangup struct{ strings.Builder }

func (h *hangup) Write(p []byte) (int, error) {
	if h.Len() == 0 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			return 0, err
		}
	}
	return h.Builder.Write(p)
}

// TestEarlySIGHUP: a reload that is asked for before the exporter serves does not end it.
func TestEarlySIGHUP(t *testing.T) {
	config := write(t, t.TempDir(), "exporter.yml", "resolver: {servers: [\"127.0.0.1:53\"]}\n")
	var stderr hangup
	status := run([]string{"--config.file=" + config, "--web.listen-address=nowhere"}, nil, io.Discard, &stderr)
	if status != 1 || !strings.Contains(stderr.String(), "Starting mailprobe_exporter") || !strings.Contains(stderr.String(), "nowhere") {
		t.Errorf("exit status %d, %s", status, stderr.String())
	}
}

// TestConfigIsAPipe: what may never end is not read, at the start and at a reload.
func TestConfigIsAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "exporter.yml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero", t.TempDir()} {
		for _, more := range []string{"--config.check", "--web.listen-address=127.0.0.1:0"} {
			var stderr strings.Builder
			if status := run([]string{"--config.file=" + path, more}, nil, io.Discard, &stderr); status != 1 || !strings.Contains(stderr.String(), "it is not a file") {
				t.Errorf("%s %s: exit status %d, %s", path, more, status, stderr.String())
			}
		}
	}
	s := newSite(t, &flags{lifecycle: true}, "domains: [{name: example.org}]\n")
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(s.path, 0o600); err != nil {
		t.Fatal(err)
	}
	if resp, body := s.ask(t, "POST", "/-/reload"); resp.StatusCode != http.StatusInternalServerError || !strings.Contains(body, "it is not a file") {
		t.Errorf("reload: status %d: %s", resp.StatusCode, body)
	}
}

// TestServe runs the exporter as one does who lets others read it: TLS and a password before its pages, a log for programs,
// a reload by SIGHUP, the end by SIGTERM. The secrets of its configuration are used, and show nowhere.
func TestServe(t *testing.T) {
	const password, key = "correct-horse", "k3y0fth30perat0r"
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	world.Fault(key+".zen.dq.spamhaus.net", mailworld.FaultServFail)
	dir := t.TempDir()
	web := webConfig(t, dir, world)
	write(t, dir, "password", password)
	write(t, dir, "key", key)
	config := fmt.Sprintf(`
helo_name: probe.example.net
resolver: {servers: [%q]}
blocklists: {use: [spamhaus_zen], keys: {spamhaus_dqs: {file: key}}}
servers: [{address: "127.0.0.1:1", credentials: {username: monitor, password_file: password}}]
senders: [{address: 203.0.113.9}]
`, world.Resolver())
	file := write(t, dir, "exporter.yml", config)
	p := startProgram(t, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: world.Roots()}},
		"--config.file="+file, "--web.config.file="+web, "--log.format=json", "--log.level=debug")
	defer p.stop(os.Interrupt)

	ask := func(path, user, pass string) (status int, body string) {
		r, err := http.NewRequestWithContext(p.ctx, http.MethodGet, p.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(user, pass)
		status, body, _ = p.do(r)
		return status, body
	}
	for pass, want := range map[string]int{"letmein": http.StatusOK, "guess": http.StatusUnauthorized, "": http.StatusUnauthorized} {
		if status, body := ask("/metrics", "prometheus", pass); status != want || strings.Contains(body, "mailprobe_") != (want == http.StatusOK) {
			t.Errorf("with the password %q: status %d, want %d", pass, status, want)
		}
	}
	plain, err := http.Get(strings.Replace(p.url, "https:", "http:", 1) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	plain.Body.Close()
	if plain.StatusCode != http.StatusBadRequest {
		t.Errorf("without TLS: status %d", plain.StatusCode)
	}

	var pages strings.Builder
	reads := func(text string) func() bool {
		return func() bool {
			_, body := ask("/metrics", "prometheus", "letmein")
			pages.WriteString(body)
			return strings.Contains(body, text)
		}
	}
	p.until("the blocklist with the key", reads(`mailprobe_dnsbl_state{list="spamhaus_zen",state="error"} 1`))
	write(t, dir, "exporter.yml", "bogus: 1\n")
	p.signal(syscall.SIGHUP)
	p.until("a reload of a bad file", reads("mailprobe_config_last_reload_successful 0"))
	write(t, dir, "exporter.yml", config+"domains: [{name: example.org}]\n")
	p.signal(syscall.SIGHUP)
	p.until("a reload of a good file", reads(`mailprobe_target_info{kind="domain"`))
	for _, path := range []string{"/config", "/"} {
		_, body := ask(path, "prometheus", "letmein")
		pages.WriteString(body)
	}
	p.stop(syscall.SIGTERM)

	if !strings.Contains(p.log.String(), "TLS handshake error") {
		t.Error("the log does not tell of who came without TLS")
	}
	for line := range strings.Lines(p.log.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not a line of a JSON log: %s", line)
		}
	}
	if world.Queries("2.0.0.127."+key+".zen.dq.spamhaus.net", "A") == 0 {
		t.Error("the key was not used")
	}
	for what, text := range map[string]string{"the log": p.log.String(), "a page": pages.String()} {
		for _, secret := range []string{password, key} {
			if strings.Contains(text, secret) {
				t.Errorf("%s tells %q", what, secret)
			}
		}
	}
}

// webConfig writes a --web.config.file: a certificate of the world's for loopback, and the user prometheus with the password
// letmein.
func webConfig(t *testing.T, dir string, world *mailworld.World) string {
	t.Helper()
	cert, err := world.Authority().Issue(mailworld.CertificateRequest{Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	var chain strings.Builder
	for _, der := range cert.Certificate {
		chain.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "web.crt", chain.String())
	write(t, dir, "web.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	return write(t, dir, "web.yml", `
tls_server_config: {cert_file: web.crt, key_file: web.key}
basic_auth_users: {prometheus: "$2a$04$Xv3Nym67URn5fyiajbILSODwCiOD2jERelLG.jcZKUBjgw91t2jza"}
`)
}
