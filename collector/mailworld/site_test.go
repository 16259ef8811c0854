package mailworld

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestSite asks a web server as a sender does.
func TestSite(t *testing.T) {
	w := newWorld(t)
	at := netip.MustParseAddrPort("192.0.2.80:443")
	cert, err := w.Authority().Issue(CertificateRequest{Names: []string{"mta-sts.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		site   Site
		path   string
		status int
		body   string
	}{
		{Site{Host: "mta-sts.example.org", Body: "version: STSv1\n"}, stsPath, 200, "version: STSv1\n"},
		{Site{Host: "mta-sts.example.org", Body: "x", Path: "/x", Status: 203}, "/x", 203, "x"},
		{Site{Host: "mta-sts.example.org", Body: "x"}, "/", 404, ""},
		{Site{Host: "example.org", Body: "x"}, stsPath, 404, ""},
		{Site{Host: "mta-sts.example.org", Answer: "HTTP/1.1 500 Oh\r\n\r\nno"}, stsPath, 500, "no"},
		{Site{Host: "mta-sts.example.org", Status: 301, Header: http.Header{"Location": {"/x"}}}, stsPath, 301, ""},
	} {
		c.site.Certificate = &cert
		if err := w.ServeSite(at, c.site); err != nil {
			t.Fatal(err)
		}
		response, body := fetch(t, w, at, c.path)
		if response.StatusCode != c.status || body != c.body {
			t.Errorf("%+v: got %d, %q", c.site, response.StatusCode, body)
		}
		if got := response.Header.Get("Location"); got != c.site.Header.Get("Location") {
			t.Errorf("%+v: Location %q", c.site, got)
		}
	}
	if got := w.Sessions(at); len(got) != 6 || !slices.Equal(got[1], []string{"GET mta-sts.example.org/x"}) {
		t.Errorf("sessions are %q", got)
	}
}

// TestSiteChanges asks a web server twice.
func TestSiteChanges(t *testing.T) {
	w := newWorld(t)
	at := netip.MustParseAddrPort("192.0.2.80:443")
	cert := certified(t, w, CertificateRequest{Names: []string{"mta-sts.example.org"}})
	if err := w.ServeSite(at, Site{Host: "mta-sts.example.org", Certificate: cert, Body: "one", Next: "two"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one", "two", "two"} {
		if _, body := fetch(t, w, at, stsPath); body != want {
			t.Errorf("got %q, want %q", body, want)
		}
	}
}

// fetch asks for a path of mta-sts.example.org. The deadline only ends a test that hangs.
func fetch(t *testing.T, w *World, at netip.AddrPort, path string) (*http.Response, string) {
	t.Helper()
	tcp, err := w.Dialer().DialContext(t.Context(), "tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	if err := tcp.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(tcp, &tls.Config{ServerName: "mta-sts.example.org", RootCAs: w.Roots(), MinVersion: tls.VersionTLS12})
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: mta-sts.example.org\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}
