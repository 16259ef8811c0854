package mailworld

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestDemo looks at the demo's world from within. That its sicknesses show is tested with the exporter, in
// cmd/mailprobe_exporter.
func TestDemo(t *testing.T) {
	w, again := newWorld(t), newWorld(t)
	config, err := w.Demo()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Demo(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.Sicknesses(), again.Sicknesses()) {
		t.Error("two demos are not sick in the same way")
	}
	if len(w.Sicknesses()) < 100 {
		t.Errorf("only %d sicknesses", len(w.Sicknesses()))
	}
	seen := map[Sickness]bool{}
	for _, s := range w.Sicknesses() {
		if !strings.HasSuffix(s.What, ".") || s.Problem == "" || seen[s] {
			t.Errorf("%+v: want a sentence and a problem, once", s)
		}
		seen[s] = true
		host, _, err := net.SplitHostPort(s.Target)
		if err != nil {
			host = s.Target
		}
		if s.Target != "vantage" && !strings.Contains(string(config), host[strings.Index(host, ".")+1:]) {
			t.Errorf("%s is not in the configuration", s.Target)
		}
	}
	if !strings.Contains(string(config), w.Resolver()) || strings.Contains(string(config), "[default]") {
		t.Errorf("the configuration would ask others than the world:\n%s", config)
	}
}

// TestDemoNames asks the demo's name server for what every check asks of the healthy domain.
func TestDemoNames(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Demo(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ rtype, name, want string }{
		{"MX", "healthy.example.", "NOERROR\nhealthy.example. 60 IN MX 10 mx1.healthy.example.\nhealthy.example. 60 IN MX 20 mx2.healthy.example."},
		{"A", "smtp.healthy.example.", "NOERROR\nsmtp.healthy.example. 60 IN A 198.51.100.10"},
		{"AAAA", "mx1.healthy.example.", "NOERROR\nmx1.healthy.example. 60 IN AAAA 2001:db8::19"},
		{"PTR", reverse(netip.MustParseAddr("2001:db8::19")) + ".", "NOERROR\n" + reverse(netip.MustParseAddr("2001:db8::19")) + ". 60 IN PTR mx1.healthy.example."},
		{"PTR", "10.113.0.203.in-addr.arpa.", "NOERROR\n10.113.0.203.in-addr.arpa. 60 IN PTR out.healthy.example."},
		{"TXT", "_dmarc.healthy.example.", "NOERROR\n_dmarc.healthy.example. 60 IN TXT \"v=DMARC1; p=reject; rua=mailto:dmarc@reports.example\""},
		{"TXT", "_dmarc.healthy.example.", "NOERROR\n_dmarc.healthy.example. 60 IN TXT \"v=DMARC1; p=reject; sp=reject; rua=mailto:dmarc@reports.example\""},
		{"A", "1.0.0.127.honest.bl.example.", "NXDOMAIN\n/ . 60"},
		{"A", "2.0.0.127.refusing.bl.example.", "NOERROR\n2.0.0.127.refusing.bl.example. 60 IN A 127.255.255.254"},
		{"A", "1.0.0.127.world.bl.example.", "NOERROR\n1.0.0.127.world.bl.example. 60 IN A 127.0.0.2"},
	} {
		in, err := ask(w, "udp", test.rtype, test.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := written(in); got != test.want {
			t.Errorf("%s %s:\n%s\nwant\n%s", test.rtype, test.name, got, test.want)
		}
	}
	in, err := ask(w, "tcp", "TXT", "s2026._domainkey.healthy.example.")
	if err != nil || len(in.Answer) != 1 || !strings.Contains(in.Answer[0].String(), `v=DKIM1; k=rsa; p=`) {
		t.Errorf("the DKIM key: %v, %v", in, err)
	}
}

func TestTarpit(t *testing.T) {
	c := newClient(t, dial(t, serving(t, Server{Handle: tarpit})))
	first, err := c.r.ReadByte()
	if err != nil || first != '2' {
		t.Errorf("the tarpit begins with %q, %v", first, err)
	}
}
