// Package mailworld is a small mail world on loopback: an authoritative name server with
// reverse zones and blocklists, scripted SMTP servers, web servers for policies, certificates of an authority of its
// own. It speaks the real protocols over real sockets. Tests and the command demo use it.
//
// Its addresses are those of documentation (RFC 5737, RFC 3849). The servers listen on free
// high ports of loopback; Dialer leads (address, port) to them, so that no privilege is
// needed and labels still say mx1.example.org:25. A program that takes no dialer needs the addresses themselves: NewAt.
package mailworld

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// maxPast is how many sessions with an address are kept: the demo runs for days.
const maxPast = 100

// A World is a running mail world. Close it.
type World struct {
	names              *nameServer
	trusted, untrusted *Authority
	dialer             *Dialer
	real               bool // Servers listen at the addresses that they have.

	serving sync.Mutex // Held while a server is started or stopped.

	mu     sync.Mutex
	closed bool
	places map[netip.AddrPort]*place
	past   map[netip.AddrPort][]*recording
	sick   []Sickness
}

// A place is what is at one address of the world. Where there is none, connections are refused.
type place struct {
	at   net.Addr // Of the listener on loopback; nil: nothing comes back.
	stop func()
}

// New starts a world with a name server and nothing else in it.
func New() (*World, error) { return newWorldAt(netip.AddrPort{}) }

// NewAt starts a world whose servers listen at the very addresses that they have, and its name server at names
// ("192.0.2.53:53"). The machine must have them all, as a network namespace of one's own does. There is no Blackhole in such a world.
func NewAt(names netip.AddrPort) (*World, error) { return newWorldAt(names) }

// newWorldAt starts a world with its name server at an address or, without one, anywhere on loopback.
func newWorldAt(names netip.AddrPort) (*World, error) {
	w := &World{real: names.IsValid(), places: map[netip.AddrPort]*place{}, past: map[netip.AddrPort][]*recording{}}
	w.dialer = &Dialer{world: w}
	var err error
	if w.trusted, err = newAuthority("Mail World"); err != nil {
		return nil, fmt.Errorf("make the authority: %w", err)
	}
	if w.untrusted, err = newAuthority("Stranger"); err != nil {
		return nil, fmt.Errorf("make the authority nobody trusts: %w", err)
	}
	at := anyPort
	if w.real {
		at = names.String()
	}
	if w.names, err = startNameServer(at); err != nil {
		return nil, fmt.Errorf("start the name server: %w", err)
	}
	return w, nil
}

// Close stops every server and waits for them. To close a world twice is harmless.
func (w *World) Close() {
	w.serving.Lock()
	defer w.serving.Unlock()
	w.mu.Lock()
	closed, places := w.closed, w.places
	w.closed, w.places = true, map[netip.AddrPort]*place{}
	w.mu.Unlock()
	if closed {
		return
	}
	for _, p := range places {
		p.stop()
	}
	w.names.stop()
}

// Resolver is the host:port of the name server, UDP and TCP. It answers with the RA bit, so that it can
// stand for a recursive resolver.
func (w *World) Resolver() string { return w.names.address() }

// Authority is the one whose root Roots holds.
func (w *World) Authority() *Authority { return w.trusted }

// Stranger is an authority that nobody trusts.
func (w *World) Stranger() *Authority { return w.untrusted }

// Roots holds the root certificate of Authority.
func (w *World) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(w.trusted.root)
	return pool
}

// RootPEM is the same as PEM text.
func (w *World) RootPEM() []byte { return w.trusted.rootPEM() }

// Serve starts s at an address of the world ("192.0.2.11:25"), replacing the one that is there.
func (w *World) Serve(addr netip.AddrPort, s Server) error {
	addr = plain(addr)
	return w.start(addr, newScripted(s, func() *recording { return w.recording(addr) }).serve)
}

// recording begins the recording of a session at an address.
func (w *World) recording(addr netip.AddrPort) *recording {
	r := &recording{}
	w.mu.Lock()
	defer w.mu.Unlock()
	past := w.past[addr]
	w.past[addr] = append(past[max(0, len(past)-maxPast+1):], r)
	return r
}

// start serves the connections to an address, replacing what is there.
func (w *World) start(addr netip.AddrPort, handle handler) error {
	w.serving.Lock()
	defer w.serving.Unlock()
	at := anyPort
	if w.real { // Nobody can listen there beside the one before.
		at = addr.String()
		if err := w.put(addr, nil); err != nil {
			return fmt.Errorf("serve %s: %w", addr, err)
		}
	}
	l, err := listen(at, handle)
	if err != nil {
		return fmt.Errorf("serve %s: %w", addr, err)
	}
	if err := w.put(addr, &place{at: l.Addr(), stop: l.stop}); err != nil {
		l.stop()
		return fmt.Errorf("serve %s: %w", addr, err)
	}
	return nil
}

// Stop makes an address refuse connections.
func (w *World) Stop(addr netip.AddrPort) {
	w.serving.Lock()
	defer w.serving.Unlock()
	_ = w.put(plain(addr), nil)
}

// Blackhole makes connections to an address hang until their context ends, as behind a firewall.
func (w *World) Blackhole(addr netip.AddrPort) {
	w.serving.Lock()
	defer w.serving.Unlock()
	_ = w.put(plain(addr), &place{stop: func() {}})
}

// put replaces what is at an address and waits until what was there has ended.
func (w *World) put(addr netip.AddrPort, p *place) error {
	w.mu.Lock()
	old := w.places[addr]
	closed := w.closed
	switch {
	case closed:
	case p == nil:
		delete(w.places, addr)
	default:
		w.places[addr] = p
	}
	w.mu.Unlock()
	if old != nil && !closed {
		old.stop()
	}
	if closed {
		return net.ErrClosed
	}
	return nil
}

// at returns what is at an address, or nil.
func (w *World) at(addr netip.AddrPort) *place {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.places[plain(addr)]
}

// Sessions returns the last hundred dialogues that an address has had, what the client sent, a line each.
func (w *World) Sessions(addr netip.AddrPort) [][]string {
	w.mu.Lock()
	past := slices.Clone(w.past[plain(addr)])
	w.mu.Unlock()
	out := make([][]string, len(past))
	for i, r := range past {
		out[i] = r.lines()
	}
	return out
}

// plain is an address without the IPv6 dress of an IPv4 one.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
