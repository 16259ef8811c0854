package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/exporter-toolkit/web"
)

// askAs sends a request with a Host header of its own.
func (s *site) askAs(t *testing.T, method, host, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, bodyOf(t, resp)
}

// TestHosts: a stranger's name that leads to the exporter (DNS rebinding) reads no page and changes nothing.
func TestHosts(t *testing.T) {
	s := newSite(t, &flags{
		lifecycle: true, externalURL: "https://Monitor.example.org:8443/mail/",
		web:          &web.FlagConfig{WebListenAddresses: &[]string{":10587", "listen.example.org:10587"}},
		allowedHosts: []string{"mail.example.net, *.example.com"},
	}, secretConfig)
	known := []string{
		"monitor.example.org:8443", "MONITOR.EXAMPLE.ORG.", "listen.example.org", "localhost:10587", "a.localhost", "127.0.0.1", "[::1]:10587", "[2001:db8::9]",
		"192.0.2.1:80", "mailprobe", "mailprobe.monitoring.svc:10587", "mailprobe.monitoring.svc.cluster.local", "probe.example.net", "mail.example.net", "a.b.example.com:1",
	}
	if name, err := os.Hostname(); err == nil {
		known = append(known, name, strings.ToUpper(name)+":10587")
	}
	for _, host := range known {
		if status, body := s.askAs(t, "GET", host, "/mail/config"); status != 200 {
			t.Errorf("%s: status %d: %s", host, status, body)
		}
	}
	strange := []string{
		"evil.example", "monitor.example.org.evil.example", "example.com", "notexample.com", "evil.example:10587", "127.0.0.1.evil.example",
		"a.svc.evil.example", "localhost.evil.example", "x.monitor.example.org",
	}
	for _, host := range strange {
		for _, path := range []string{"/mail/", "/mail/config", "/mail/targets/smtp.example.org:587", "/mail/explain?q=550", "/mail/nothing"} {
			status, body := s.askAs(t, "GET", host, path)
			if status != http.StatusMisdirectedRequest || !strings.Contains(body, "--web.allowed-hosts") || strings.Contains(body, "smtp.example.org") {
				t.Errorf("%s%s: status %d: %s", host, path, status, body)
			}
			if !strings.Contains(body, bareHost(host)) {
				t.Errorf("%s is not named: %s", host, body)
			}
		}
		if status, _ := s.askAs(t, "POST", host, "/mail/-/reload"); status != http.StatusMisdirectedRequest {
			t.Errorf("%s may reload: status %d", host, status)
		}
		for _, path := range []string{"/mail/metrics", "/mail/sd", "/mail/-/healthy", "/mail/-/ready", "/mail/probe", "/mail/api/v1/"} {
			if status, _ := s.askAs(t, "GET", host, path); status == http.StatusMisdirectedRequest {
				t.Errorf("%s%s is refused", host, path)
			}
		}
		if status, _ := s.askAs(t, "POST", host, "/mail/api/v1/"); status != http.StatusMisdirectedRequest {
			t.Errorf("POST to the API as %s: status %d", host, status)
		}
	}
}

// TestHostText: what a client sends as the host is quoted, cut, and proposed only where it is a name.
func TestHostText(t *testing.T) {
	l, err := newHostList(&flags{}, "/", func() string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"evil.example":                   "--web.allowed-hosts=evil.example,",
		"a.example;reboot":               "--web.allowed-hosts=HOST,",
		"a.\u202eexample":                `"a.\u202eexample"`,
		strings.Repeat("a.", 4000) + "b": "…",
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://x/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		w := httptest.NewRecorder()
		l.protect(http.NotFoundHandler()).ServeHTTP(w, r)
		if w.Code != http.StatusMisdirectedRequest || !strings.Contains(w.Body.String(), want) || w.Body.Len() > 1000 {
			t.Errorf("%.40s: status %d: %s", host, w.Code, w.Body.String())
		}
	}
}

// TestAllowedHosts: what is not a host name is an error that names the flag.
func TestAllowedHosts(t *testing.T) {
	for _, given := range []string{"", "http://example.org", "example.org:80", "*", "*.", "*.example.org", "a b.example", "*.*.example.org", "example.org/", "Example.ORG.", "a@example.org"} {
		_, err := newHostList(&flags{allowedHosts: []string{given}}, "/", nil)
		good := given == "*" || given == "*.example.org" || given == "Example.ORG."
		if good != (err == nil) || err != nil && !strings.Contains(err.Error(), "--web.allowed-hosts") {
			t.Errorf("%q: %v", given, err)
		}
	}
	l, err := newHostList(&flags{allowedHosts: []string{"*"}}, "/", nil)
	if err != nil || !l.allows("any.example") {
		t.Errorf("* does not allow any.example: %v", err)
	}
}
