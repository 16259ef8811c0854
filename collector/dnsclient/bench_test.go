package dnsclient

import (
	"testing"

	"github.com/miekg/dns"
)

// BenchmarkLookup asks one question of a server in the same process, whose part is in the
// figures.
func BenchmarkLookup(b *testing.B) {
	conn := answering(b)
	c, err := New(Options{Servers: []string{conn}})
	if err != nil {
		b.Fatal(err)
	}
	for name, c := range map[string]*Client{"sent": c.Uncached(), "remembered": c} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Addresses(b.Context(), 4, "example.org"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParse reads an answer with two mail exchangers.
func BenchmarkParse(b *testing.B) {
	q := new(dns.Msg)
	q.SetQuestion("example.org.", dns.TypeMX)
	msg := say{answer: []string{"example.org. 60 MX 10 a.example.", "example.org. 60 MX 20 b.example."}}.pack(q)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := parse(kindMX, "example.org.", msg); err != nil {
			b.Fatal(err)
		}
	}
}

// answering starts a server that knows one address, and gives where it listens.
func answering(b *testing.B) string {
	b.Helper()
	tcp, udp := listen(b)
	_ = tcp.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		serveUDP(udp, func(network string, query []byte) [][]byte {
			q := new(dns.Msg)
			if err := q.Unpack(query); err != nil {
				return nil
			}
			return yes(network, q)
		})
	}()
	b.Cleanup(func() {
		_ = udp.Close()
		<-done
	})
	return udp.LocalAddr().String()
}
