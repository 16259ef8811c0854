package mailworld

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"
)

// A Site is a web server that speaks HTTP/1.1 under TLS and has one file, as the host of an MTA-STS policy does. Whoever asks for
// another path or host is told 404.
type Site struct {
	Host        string           // As in the header Host.
	Path        string           // "" means that of an MTA-STS policy.
	Certificate *tls.Certificate // nil: no TLS is spoken, and the answer goes out in clear.
	Body        string
	Next        string      // Body from the second request on; "": the same.
	Status      int         // 0 means 200.
	Header      http.Header // Beside Content-Length, and beside Content-Type text/plain unless it has that key.
	// Answer, if set, is sent in place of all this, octet for octet.
	Answer string
	Silent bool // Nothing is said once the request is read.
}

// stsPath is where an MTA-STS policy stands (RFC 8461 section 3.3).
const stsPath = "/.well-known/mta-sts.txt"

// siteLimit ends a connection that nobody goes on with.
const siteLimit = time.Minute

// ServeSite starts a web server at an address of the world ("192.0.2.80:443"), replacing what is there. Sessions gives
// what it was asked for: "GET host/path".
func (w *World) ServeSite(addr netip.AddrPort, s Site) error {
	addr = plain(addr)
	var asked atomic.Bool
	return w.start(addr, func(conn net.Conn, stopped <-chan struct{}) {
		said := w.recording(addr)
		_ = conn.SetDeadline(time.Now().Add(siteLimit))
		if s.Certificate != nil {
			secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*s.Certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
			if secure.Handshake() != nil {
				return
			}
			defer secure.Close() // Says that this was all.
			conn = secure
		}
		s.answer(conn, said, stopped, &asked)
	})
}

// answer reads one request and answers it. asked says that there was one before.
func (s Site) answer(conn net.Conn, said *recording, stopped <-chan struct{}, asked *atomic.Bool) {
	request, err := http.ReadRequest(bufio.NewReaderSize(io.LimitReader(conn, maxCommand), maxCommand))
	if err != nil {
		return
	}
	said.add(request.Method + " " + request.Host + request.URL.Path)
	path := s.Path
	if path == "" {
		path = stsPath
	}
	switch {
	case s.Silent:
		<-stopped
		return
	case request.Host != s.Host || request.URL.Path != path:
		_, _ = io.WriteString(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		return
	case s.Answer != "":
		_, _ = io.WriteString(conn, s.Answer)
		return
	}
	if asked.Swap(true) && s.Next != "" {
		s.Body = s.Next
	}
	status := s.Status
	if status == 0 {
		status = http.StatusOK
	}
	fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\nConnection: close\r\n", status, http.StatusText(status), len(s.Body))
	if _, ok := s.Header["Content-Type"]; !ok {
		_, _ = io.WriteString(conn, "Content-Type: text/plain\r\n")
	}
	_ = s.Header.Write(conn)
	_, _ = io.WriteString(conn, "\r\n"+s.Body)
}
