package smtpclient

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"testing"
)

// TestProxyHeader compares headers with what the specification has in sections 2.1 and 2.2.
func TestProxyHeader(t *testing.T) {
	const signature = "0d0a0d0a000d0a515549540a"
	for _, test := range []struct {
		from, to string
		v1, v2   string
	}{
		{
			"192.0.2.1:56324", "198.51.100.7:25", "PROXY TCP4 192.0.2.1 198.51.100.7 56324 25\r\n",
			signature + "2111000c" + "c0000201" + "c6336407" + "dc04" + "0019",
		},
		{
			"[2001:db8::1]:1", "[2001:db8::2]:65535", "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n",
			signature + "21210024" + "20010db8000000000000000000000001" + "20010db8000000000000000000000002" + "0001" + "ffff",
		},
		{"192.0.2.1:1", "[2001:db8::2]:25", "PROXY UNKNOWN\r\n", signature + "20000000"},
	} {
		from, to := netip.MustParseAddrPort(test.from), netip.MustParseAddrPort(test.to)
		if got := string(proxyHeader(ProxyV1, from, to)); got != test.v1 {
			t.Errorf("v1: %q, want %q", got, test.v1)
		}
		if got := hex.EncodeToString(proxyHeader(ProxyV2, from, to)); got != test.v2 {
			t.Errorf("v2: %s, want %s", got, test.v2)
		}
	}
	for v, want := range map[ProxyVersion]string{ProxyV1: "PROXY UNKNOWN\r\n", ProxyV2: proxySignature + "\x20\x00\x00\x00"} {
		if got := string(proxyHeader(v, netip.AddrPort{}, netip.AddrPort{})); got != want {
			t.Errorf("%s of no addresses: %q", v, got)
		}
	}
}

// TestProxy: the header comes before everything else, also before TLS, with the addresses of the connection.
func TestProxy(t *testing.T) {
	for _, mode := range []TLSMode{TLSNone, TLSImplicit} {
		for _, v := range []ProxyVersion{ProxyV1, ProxyV2} {
			s := probe(t, Options{TLS: mode, ProxyHeader: v}, func(p *peer) {
				from, to := addrPort(p.RemoteAddr()), addrPort(p.LocalAddr())
				want := string(proxyHeader(v, from, to))
				got := make([]byte, len(want))
				if _, err := io.ReadFull(p.Conn, got); err != nil || string(got) != want {
					t.Errorf("%s: the peer got %q, want %q: %v", v, got, want, err)
				}
				if mode == TLSImplicit {
					if err := p.startTLS(tlsServer(certificate(t, nil))); err != nil {
						t.Error(err)
					}
				}
				p.send("554 no\r\n")
				p.expect("QUIT")
				p.send("221 bye\r\n")
			})
			if s.code(StageBanner) != 554 || s.code(StageQuit) != 221 {
				t.Errorf("%s, %s: %s", mode, v, summary(s))
			}
		}
	}
	s := Probe(context.Background(), netip.MustParseAddrPort("127.0.0.1:1"), Options{HeloName: "probe.example.net", ProxyHeader: "v3"})
	if want := `hold session: "v3" is no version of the PROXY protocol`; fmt.Sprint(s.Aborted) != want || len(s.Steps) > 0 {
		t.Errorf("aborted %v, want %s", s.Aborted, want)
	}
}
