package smtpclient

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The benchmarks compare Probe with the least that a Go program must do for the same dialogue:
// connect, greeting, EHLO, STARTTLS, TLS 1.3 with full verification, EHLO, QUIT. The server is a
// process of its own, this test binary started again, so that cpu-us/op, the processor time of this
// process alone, is the client's.

const benchServerEnv = "SMTPCLIENT_BENCH_SERVER"

// benchServer prints its address and its certificate and serves until its standard input ends.
func benchServer() {
	cert := certificate(&testing.B{}, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n%x\n", l.Addr(), cert.Certificate[0])
	config := tlsServer(cert)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				reply := func(text string) { _, _ = io.WriteString(conn, text); _, _ = r.ReadSlice('\n') }
				reply("220 mx.example.org ESMTP\r\n")
				reply("250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250 8BITMIME\r\n")
				_, _ = io.WriteString(conn, "220 2.0.0 Ready to start TLS\r\n")
				conn = tls.Server(conn, config)
				r.Reset(conn)
				_, _ = r.ReadSlice('\n')
				reply("250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n")
				_, _ = io.WriteString(conn, "221 2.0.0 Bye\r\n")
			}()
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// startBenchServer starts the server and returns where it is and what it is verified with.
func startBenchServer(b *testing.B) (netip.AddrPort, *x509.CertPool) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchServerEnv+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	var addr string
	var der []byte
	if _, err := fmt.Fscanf(stdout, "%s\n%x\n", &addr, &der); err != nil {
		b.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		b.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return netip.MustParseAddrPort(addr), roots
}

// measure runs op b.N times and reports the processor time of this process.
func measure(b *testing.B, op func() error) {
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		if err := op(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkProbe(b *testing.B) {
	addr, roots := startBenchServer(b)
	o := Options{Dialer: NewDialer(), HeloName: "probe.example.net", ServerName: "mx.example.org", TLSConfig: &tls.Config{}}
	measure(b, func() error {
		s := Probe(b.Context(), addr, o)
		if s.Step(StageQuit) == nil || s.After == nil {
			return fmt.Errorf("session is %s", summary(s))
		}
		_, err := s.Chain[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: "mx.example.org"})
		return err
	})
}

func BenchmarkBare(b *testing.B) {
	addr, roots := startBenchServer(b)
	config := &tls.Config{ServerName: "mx.example.org", RootCAs: roots}
	measure(b, func() error { return bareDialogue(addr.String(), config) })
}

// bareDialogue holds the dialogue and nothing else: no limits, no record, no context.
func bareDialogue(addr string, config *tls.Config) error {
	conn, err := net.DialTimeout("tcp", addr, time.Minute)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	turn := func(command, code string) error {
		if command != "" {
			if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
				return err
			}
		}
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return err
			}
			if !strings.HasPrefix(line, code) {
				return fmt.Errorf("%s: %s", command, line)
			}
			if line[3] == ' ' {
				return nil
			}
		}
	}
	for _, t := range [][2]string{{"", "220"}, {hello, "250"}, {"STARTTLS", "220"}} {
		if err := turn(t[0], t[1]); err != nil {
			return err
		}
	}
	secure := tls.Client(conn, config)
	if err := secure.Handshake(); err != nil {
		return err
	}
	conn = secure
	r = bufio.NewReader(conn)
	if err := turn(hello, "250"); err != nil {
		return err
	}
	return turn("QUIT", "221")
}

// BenchmarkReply reads an EHLO reply of usual size.
func BenchmarkReply(b *testing.B) {
	text := []byte("250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n")
	source := bytes.NewReader(text)
	r := newReplyReader(source)
	b.ReportAllocs()
	for b.Loop() {
		source.Reset(text)
		reply, err := r.read()
		if err != nil || extensions(reply).Size == 0 {
			b.Fatal(err)
		}
	}
}
