package mailworld

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/miekg/dns"
)

// FuzzReply asks the name server anything. What it answers can be read, and fits.
func FuzzReply(f *testing.F) {
	for _, name := range []string{"example.org.", "loop.example.org.", ".", "*.world.bl.example."} {
		q := new(dns.Msg)
		q.SetQuestion(name, dns.TypeANY)
		q.SetEdns0(100, true)
		b, err := q.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, true)
		f.Add(b[:len(b)-3], false)
	}
	n := &nameServer{faults: map[string]DNSFault{}, asked: map[string]map[uint16]int{}}
	if err := n.zone.add(testZone); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query []byte, udp bool) {
		reply := n.reply(query, udp)
		if reply == nil {
			return
		}
		m := new(dns.Msg)
		if err := m.Unpack(reply); err != nil || !m.Response || !bytes.Equal(reply[:2], query[:2]) {
			t.Errorf("the reply to %x is %x: %v", query, reply, err)
		}
	})
}

// FuzzCommands sends an SMTP server anything. The session ends when the client goes.
func FuzzCommands(f *testing.F) {
	for _, said := range []string{"", "EHLO x\r\nQUIT\r\n", "STARTTLS\r\nEHLO x\r\n", "\x00\xff\n\r\n \r\n", "MAIL\nRCPT\nRSET\nDATA\n.\n"} {
		f.Add([]byte(said), true)
		f.Add([]byte(said), false)
	}
	a, err := newAuthority("Fuzz")
	if err != nil {
		f.Fatal(err)
	}
	cert, err := a.Issue(CertificateRequest{Names: []string{"mx.example.org"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, said []byte, implicit bool) {
		s := newScripted(Server{Name: "mx", Certificate: &cert, ImplicitTLS: implicit}, func() *recording { return &recording{} })
		client, server := net.Pipe()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer server.Close()
			s.serve(server, nil)
		}()
		heard := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(client)
			heard <- b
		}()
		_, _ = client.Write(said)
		client.Close()
		<-ended
		if b := <-heard; !implicit && len(said) > 0 && !bytes.HasPrefix(b, []byte("220 mx")) {
			t.Errorf("heard %q", b)
		}
	})
}
