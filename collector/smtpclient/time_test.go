package smtpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// probePiped holds a session over a pipe, in a bubble where time is fake, and returns how long it took.
func probePiped(t *testing.T, ctx context.Context, o Options, script func(*peer)) (*Session, time.Duration) {
	t.Helper()
	done := make(chan struct{})
	o.HeloName = "probe.example.net"
	o.Dialer = dialerFunc(func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer close(done)
			play(t, theirs, script)
		}()
		return ours, nil
	})
	start := time.Now()
	s := Probe(ctx, netip.MustParseAddrPort("192.0.2.1:25"), o)
	took := time.Since(start)
	<-done
	return s, took
}

func TestTimeouts(t *testing.T) {
	silence := func(p *peer) { p.untilEnd() }
	// A pipe's write ends when it is read, so a peer that floods is slowed down by its reader.
	drip := func(p *peer) {
		for {
			if _, err := p.Write([]byte("2")); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
	cert := certificate(t, nil)
	tests := []struct {
		name   string
		o      Options
		script func(*peer)
		want   string
		took   time.Duration
	}{
		{"silence", Options{}, silence, "connect banner!timeout", 30 * time.Second},
		{"an octet a second", Options{}, drip, "connect banner!timeout", 30 * time.Second},
		{"an octet a second, endless patience", Options{StageTimeout: time.Hour}, drip, "connect banner!timeout", 60 * time.Second},
		{"a line a second", Options{StageTimeout: 10 * time.Second}, func(p *peer) {
			for {
				if _, err := p.Write([]byte("220-wait\r\n")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, "connect banner!timeout", 10 * time.Second},
		{"every stage late", Options{}, func(p *peer) {
			time.Sleep(25 * time.Second)
			p.send(greet)
			p.expect(hello)
			time.Sleep(25 * time.Second)
			p.send("250-mx.example.org\r\n250 STARTTLS\r\n")
			p.expect("STARTTLS")
			p.untilEnd()
		}, "connect banner=220 ehlo=250 starttls!timeout", 60 * time.Second},
		{"a tarpit that we outlast", Options{}, func(p *peer) {
			_ = p.SetReadDeadline(time.Now().Add(29 * time.Second))
			if n, err := p.Read(make([]byte, 1)); n > 0 || err == nil {
				t.Error("the client spoke before the greeting")
			}
			_ = p.SetReadDeadline(time.Time{})
			p.send("220-wait\r\n")
			p.send("220 mx.example.org\r\n")
			p.expect(hello)
			p.send("250 mx.example.org\r\n")
			p.expect("QUIT")
			p.send("221 bye\r\n")
		}, "connect banner=220 ehlo=250 quit=221", 29 * time.Second},
		{"silence after EHLO, QUIT all the same", Options{}, func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.expect("QUIT")
			p.expectEnd()
		}, "connect banner=220 ehlo!timeout", 31 * time.Second},
		{"silence after QUIT", Options{}, func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("250 mx.example.org\r\n")
			p.expect("QUIT")
			p.expectEnd()
		}, "connect banner=220 ehlo=250 quit!timeout", 2 * time.Second},
		{"silence in the handshake", Options{}, func(p *peer) {
			p.send(greet)
			p.expect(hello)
			p.send("250-mx.example.org\r\n250 STARTTLS\r\n")
			p.expect("STARTTLS")
			p.send("220 go ahead\r\n")
			p.untilEnd()
		}, "connect banner=220 ehlo=250 starttls=220 tls!timeout", 30 * time.Second},
		{"silence under TLS, QUIT all the same", Options{}, func(p *peer) {
			toTLS(p, tlsServer(cert))
			p.expect(hello)
			p.expect("QUIT")
			p.send("250 mx.example.org\r\n221 bye\r\n")
			p.expectEnd()
		}, "connect banner=220 ehlo=250 starttls=220 tls ehlo_tls!timeout", 30 * time.Second},
		{"a plain server where TLS is implicit", Options{TLS: TLSImplicit}, func(p *peer) {
			_, _ = p.r.Peek(300)
			p.untilEnd()
		}, "connect tls!timeout", 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, took := probePiped(t, context.Background(), tt.o, tt.script)
				wantSummary(t, s, tt.want)
				if took != tt.took {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				if s.Aborted != nil {
					t.Errorf("aborted: %v", s.Aborted)
				}
			})
		})
	}
}

func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := Probe(context.Background(), netip.MustParseAddrPort("192.0.2.1:25"), Options{
			HeloName:     "probe.example.net",
			StageTimeout: 7 * time.Second,
			Dialer: dialerFunc(func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}),
		})
		wantSummary(t, s, "connect!timeout")
		if took := time.Since(start); took != 7*time.Second || s.Steps[0].Duration != took {
			t.Errorf("took %s, recorded %s", took, s.Steps[0].Duration)
		}
	})
}

// The context ends at every place of the dialogue. A server that takes commands gets QUIT, and nothing
// is held against it.
func TestEndOfContext(t *testing.T) {
	cert := certificate(t, nil)
	bye := func(p *peer) {
		p.expect("QUIT")
		p.send("250 mx.example.org\r\n") // Late, to what was asked before.
		p.send("221 bye\r\n")
		p.expectEnd()
	}
	tests := []struct {
		name   string
		o      Options
		script func(p *peer, cancel func())
		want   string
		took   time.Duration
	}{
		{"before the greeting", Options{}, func(p *peer, cancel func()) {
			cancel()
			p.expectEnd()
		}, "connect", 0},
		{"within the greeting", Options{}, func(p *peer, cancel func()) {
			p.send("220-mx.exam")
			cancel()
			p.expectEnd()
		}, "connect", 0},
		{"after EHLO", Options{}, func(p *peer, cancel func()) {
			p.send(greet)
			p.expect(hello)
			cancel()
			bye(p)
		}, "connect banner=220", 0},
		{"within the reply to EHLO", Options{}, func(p *peer, cancel func()) {
			p.send(greet)
			p.expect(hello)
			p.send("250-mx.example.org\r\n250-SI")
			cancel()
			p.expect("QUIT")
			p.send("ZE\r\n250 STARTTLS\r\n221 bye\r\n")
			p.expectEnd()
		}, "connect banner=220", 0},
		{"after EHLO, and no 221", Options{}, func(p *peer, cancel func()) {
			p.send(greet)
			p.expect(hello)
			cancel()
			p.expect("QUIT")
			p.expectEnd()
		}, "connect banner=220", time.Second},
		{"after EHLO, and the server hangs up", Options{}, func(p *peer, cancel func()) {
			p.send(greet)
			p.expect(hello)
			cancel()
			p.expect("QUIT")
		}, "connect banner=220", 0},
		{"after EHLO, and an endless reply", Options{}, func(p *peer, cancel func()) {
			p.send(greet)
			p.expect(hello)
			cancel()
			p.expect("QUIT")
			for {
				if _, err := p.Write([]byte(strings.Repeat("250-x\r\n", 1000))); err != nil {
					return
				}
			}
		}, "connect banner=220", 0},
		{"after EHLO, and QUIT is not read", Options{}, func(p *peer, cancel func()) {
			p.send(greet)
			p.expect(hello)
			cancel()
			time.Sleep(3 * time.Second)
		}, "connect banner=220", time.Second},
		{"in the handshake", Options{}, func(p *peer, cancel func()) {
			p.send(greet)
			p.expect(hello)
			p.send("250-mx.example.org\r\n250 STARTTLS\r\n")
			p.expect("STARTTLS")
			p.send("220 go ahead\r\n")
			_, _ = p.r.Peek(5)
			cancel()
			p.untilEnd()
		}, "connect banner=220 ehlo=250 starttls=220", 0},
		{"under TLS", Options{}, func(p *peer, cancel func()) {
			toTLS(p, tlsServer(cert))
			p.expect(hello)
			cancel()
			bye(p)
		}, "connect banner=220 ehlo=250 starttls=220 tls", 0},
		{"after QUIT", Options{}, func(p *peer, cancel func()) {
			p.send(greet)
			p.expect(hello)
			p.send("250 mx.example.org\r\n")
			p.expect("QUIT")
			cancel()
			p.send("221 bye\r\n")
			p.expectEnd()
		}, "connect banner=220 ehlo=250", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				s, took := probePiped(t, ctx, tt.o, func(p *peer) {
					tt.script(p, func() {
						cancel()
						synctest.Wait() // Until the client has noticed.
					})
				})
				wantSummary(t, s, tt.want)
				if !errors.Is(s.Aborted, context.Canceled) {
					t.Errorf("aborted: %v", s.Aborted)
				}
				if took != tt.took {
					t.Errorf("took %s, want %s", took, tt.took)
				}
			})
		})
	}
}

// A context with a deadline of its own ends a session as cancelling does, whichever timer
// fires first.
func TestDeadlineOfContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s, took := probePiped(t, ctx, Options{StageTimeout: 5 * time.Second}, func(p *peer) { p.untilEnd() })
		wantSummary(t, s, "connect")
		if !errors.Is(s.Aborted, context.DeadlineExceeded) || took != 5*time.Second {
			t.Errorf("aborted after %s: %v", took, s.Aborted)
		}
	})
}

// The same over a real socket, where deadlines and reads are the kernel's.
func TestCancelOverTCP(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cert := certificate(t, nil)
	addr := serve(t, func(p *peer) {
		toTLS(p, &tls.Config{Certificates: []tls.Certificate{cert}})
		p.expect(hello)
		cancel()
		p.expect("QUIT")
		p.send("250 mx.example.org\r\n221 bye\r\n")
		p.expectEnd()
	})
	s := Probe(ctx, addr, Options{HeloName: "probe.example.net"})
	wantSummary(t, s, "connect banner=220 ehlo=250 starttls=220 tls")
	if !errors.Is(s.Aborted, context.Canceled) {
		t.Errorf("aborted: %v", s.Aborted)
	}
}

func TestCancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := Probe(ctx, netip.MustParseAddrPort("127.0.0.1:1"), Options{HeloName: "probe.example.net"})
	if len(s.Steps) > 0 || !errors.Is(s.Aborted, context.Canceled) {
		t.Errorf("steps %q, aborted %v", summary(s), s.Aborted)
	}
}
