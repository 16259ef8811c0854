package mailworld

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mx is where the tests' server is.
var mx = netip.MustParseAddrPort("192.0.2.11:25")

func newWorld(t *testing.T) *World {
	t.Helper()
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// serving is a world with one server.
func serving(t *testing.T, s Server) *World {
	t.Helper()
	w := newWorld(t)
	if err := w.Serve(mx, s); err != nil {
		t.Fatal(err)
	}
	return w
}

// dial connects to the tests' server. The deadline only ends a test that hangs.
func dial(t *testing.T, w *World) net.Conn {
	t.Helper()
	conn, err := w.Dialer().DialContext(t.Context(), "tcp", mx.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestDialer(t *testing.T) {
	w := newWorld(t)
	refused := func(address string) {
		t.Helper()
		conn, err := w.Dialer().DialContext(t.Context(), "tcp", address)
		var op *net.OpError
		if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || conn != nil {
			t.Errorf("dialling %s gives %v, %v; want a refused connection", address, conn, err)
		}
	}
	refused("192.0.2.11:25")
	refused("127.0.0.1:22") // Nothing of the machine's own is reached.
	for _, address := range []string{"mx.example.org:25", "192.0.2.11"} {
		if _, err := w.Dialer().DialContext(t.Context(), "tcp", address); err == nil {
			t.Errorf("dialling %s works", address)
		}
	}
	if _, err := w.Dialer().DialContext(t.Context(), "udp", "192.0.2.11:25"); err == nil {
		t.Error("dialling over UDP works")
	}

	six := netip.MustParseAddrPort("[2001:db8::11]:25")
	if err := w.Serve(six, Server{Name: "mx6.example.org"}); err != nil {
		t.Fatal(err)
	}
	conn, err := w.Dialer().DialContext(t.Context(), "tcp", six.String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	w.Stop(six)
	refused(six.String())
}

func TestBlackhole(t *testing.T) {
	w := newWorld(t)
	w.Blackhole(mx)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Dialer().DialContext(ctx, "tcp", mx.String()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled dial: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := w.Dialer().DialContext(ctx, "tcp", mx.String())
	var slow net.Error
	if !errors.As(err, &slow) || !slow.Timeout() {
		t.Errorf("dial that ran out of time: %v, want a timeout", err)
	}
	w.Stop(mx)
	if _, err := w.Dialer().DialContext(t.Context(), "tcp", mx.String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after Stop: %v, want refused", err)
	}
}

// TestCloseEndsSessions has clients in the midst of every kind of waiting when the world ends; goleak sees what is left.
func TestCloseEndsSessions(t *testing.T) {
	for name, s := range map[string]Server{
		"idle":     {Name: "mx.example.org"},
		"silent":   {Name: "mx.example.org", Silent: []string{"connect"}},
		"delay":    {Name: "mx.example.org", GreetDelay: time.Hour},
		"tls":      {Name: "mx.example.org", ImplicitTLS: true, Silent: []string{"tls"}},
		"leaving":  {Name: "mx.example.org", CloseAfter: []string{"connect"}},
		"takeover": {Handle: func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := serving(t, s)
			conn := dial(t, w)
			w.Close()
			if _, err := io.ReadAll(conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the connection does not end: %v", err)
			}
			w.Close() // Harmless.
			if err := w.Serve(mx, s); !errors.Is(err, net.ErrClosed) {
				t.Errorf("serving in a closed world: %v", err)
			}
		})
	}
}

func TestServeReplaces(t *testing.T) {
	w := serving(t, Server{Name: "old.example.org"})
	old := newClient(t, dial(t, w))
	old.want("", "220 old.example.org ESMTP\r\n")
	if err := w.Serve(mx, Server{Name: "new.example.org", CloseAfter: []string{"connect"}}); err != nil {
		t.Fatal(err)
	}
	old.wantEnd()
	if got := readAll(t, dial(t, w)); got != "220 new.example.org ESMTP\r\n" {
		t.Errorf("greeting %q", got)
	}
	if n := len(w.Sessions(mx)); n != 2 {
		t.Errorf("%d sessions recorded, want those of both servers: 2", n)
	}
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	var b strings.Builder
	if _, err := io.Copy(&b, r); err != nil {
		t.Fatalf("after %q: %v", b.String(), err)
	}
	return b.String()
}

func TestNewAt(t *testing.T) {
	w, err := NewAt(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	l, err := net.Listen("tcp", anyPort) // To find an address that is free.
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	for _, name := range []string{"one.example.org", "two.example.org"} {
		if err := w.Serve(at, Server{Name: name}); err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "220 "+name+" ESMTP\r\n" {
			t.Errorf("greeting: %q, %v", line, err)
		}
		conn.Close()
	}
	w.Stop(at)
	if conn, err := net.Dial("tcp", at.String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after Stop: %v, %v", conn, err)
	}
}
