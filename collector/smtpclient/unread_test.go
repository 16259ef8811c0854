//go:build unix

package smtpclient

import (
	"context"
	"net"
	"testing"
)

// A lineConn reads one line at a time, as if each had come in a segment of its own.
type lineConn struct{ *net.TCPConn }

func (c lineConn) Read(p []byte) (n int, err error) {
	for n < len(p) && err == nil && (n == 0 || p[n-1] != '\n') {
		var m int
		m, err = c.TCPConn.Read(p[n : n+1])
		n += m
	}
	return n, err
}

// What is injected in a segment of its own is not in our buffer yet, but it is there before we speak.
func TestInjectedLater(t *testing.T) {
	dialer := dialerFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := NewDialer().DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return lineConn{conn.(*net.TCPConn)}, nil
	})
	s := probe(t, Options{Dialer: dialer}, func(p *peer) {
		p.send(greet)
		p.expect(hello)
		p.send("250-mx.example.org\r\n250 STARTTLS\r\n")
		p.expect("STARTTLS")
		p.send("220 go ahead\r\n250 mx.example.org\r\n")
		p.expectEnd()
	})
	wantSummary(t, s, "connect banner=220 ehlo=250 starttls=220 tls!injected")
}
