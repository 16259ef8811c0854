package dnsclient

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// aside is how long a silent server is asked after the others.
const aside = 30 * time.Second

// An exchanger carries messages to the servers and back. Clients share it.
type exchanger struct {
	servers []*server
	timeout time.Duration
	dnssec  bool
	// unchecked asks the servers not to validate (the CD bit).
	unchecked bool
	// unproven takes denials that prove nothing: see AcceptUnproven.
	unproven bool
	limiter  *rate.Limiter // Nil: no bound.
	last     chan struct{} // Held by the one question that waits until those that go first leave something over.
	observer func(outcome string)
}

// A server is one resolver, with what was learned of it.
type server struct {
	addr    string
	silent  atomic.Int64 // Until when it is asked after the others, in Unix nanoseconds.
	edns    ednsMemory
	denials denialTest
}

func newServer(addr string) *server {
	return &server{addr: addr, denials: denialTest{turn: make(chan struct{}, 1)}}
}

func newExchanger(o Options) *exchanger {
	e := &exchanger{timeout: o.Timeout, dnssec: o.ValidatesDNSSEC, observer: o.Observe, last: make(chan struct{}, 1)}
	for _, addr := range o.Servers {
		e.servers = append(e.servers, newServer(addr))
	}
	if n := o.QueriesPerSecond; n > 0 {
		e.limiter = rate.NewLimiter(rate.Limit(n), n) // A second's share at once: 50 blocklists, tested and asked, are 250 questions.
	}
	return e
}

// heard notes whether the server spoke.
func (s *server) heard(err error) {
	switch {
	case err == nil:
		s.silent.Store(0)
	case silent(err):
		s.silent.Store(time.Now().Add(aside).UnixNano())
	}
}

// An attempt is one lookup with all its queries, and the time that is left for them.
type attempt struct {
	*exchanger
	left time.Duration
}

func (e *exchanger) newLookup() *attempt {
	return &attempt{e, 2 * e.timeout * time.Duration(len(e.servers))}
}

// order gives the servers as configured, those that were silent of late last.
func (l *attempt) order() []*server {
	now := time.Now().UnixNano()
	var first, last []*server
	for _, s := range l.servers {
		if s.silent.Load() > now {
			last = append(last, s)
		} else {
			first = append(first, s)
		}
	}
	return append(first, last...)
}

// observe tells the outcome of a question that was sent. One that led to an alias found it.
func (l *attempt) observe(err error, o Outcome, next string) {
	if l.observer == nil {
		return
	}
	switch {
	case err != nil && !errors.Is(err, errUnproven):
		l.observer(Reason(err))
	case next != "":
		l.observer(OutcomeFound.String())
	default:
		l.observer(o.String())
	}
}

// exchange sends a query and waits for its answer, over UDP and, where that is cut, over
// TCP. It tells whether anything was sent.
func (l *attempt) exchange(ctx context.Context, s *server, query []byte) (msg []byte, sent bool, err error) {
	msg, sent, err = l.once(ctx, "udp", s.addr, query)
	if err != nil || !cutShort(msg) {
		return msg, sent, err
	}
	msg, _, err = l.once(ctx, "tcp", s.addr, query)
	if err == nil && cutShort(msg) {
		err = fmt.Errorf("%w: cut even over TCP", ErrTooLarge)
	}
	return msg, true, err
}

// cutShort tells whether msg is only the beginning of an answer.
func cutShort(msg []byte) bool {
	h, _ := readHeader(msg)
	return h.truncated
}

// once waits for its turn and makes one exchange over one network.
func (l *attempt) once(ctx context.Context, network, addr string, query []byte) (msg []byte, sent bool, err error) {
	if l.limiter != nil {
		if err := l.turn(ctx); err != nil {
			return nil, false, err
		}
	}
	if l.left <= 0 {
		return nil, false, fmt.Errorf("%w: the time of the whole lookup is over", ErrTimeout)
	}
	start := time.Now()
	msg, err = roundTrip(ctx, network, addr, query, start.Add(min(l.timeout, l.left)))
	l.left -= min(time.Since(start), l.timeout) // Waking up late is not charged.
	return msg, true, networkError(ctx, err)
}

type behindKey struct{}

// Behind returns a context whose questions stand behind those of other contexts: they are sent only while a fifth of a second's
// share is left over.
func Behind(ctx context.Context) context.Context { return context.WithValue(ctx, behindKey{}, true) }

func isBehind(ctx context.Context) bool { return ctx.Value(behindKey{}) != nil }

// turn waits until a question may be sent.
func (e *exchanger) turn(ctx context.Context) error {
	if isBehind(ctx) {
		return e.lastTurn(ctx)
	}
	if err := e.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: the turn would come too late", context.DeadlineExceeded)
	}
	return nil
}

// lastTurn waits for what others leave over. One question does at a time, so that those behind it cost nothing.
func (e *exchanger) lastTurn(ctx context.Context) error {
	select {
	case e.last <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.last }()
	least := max(1, float64(e.limiter.Burst())/5)
	pause := time.NewTicker(time.Duration(float64(time.Second) / float64(e.limiter.Limit())))
	defer pause.Stop()
	for e.limiter.Tokens() < least || !e.limiter.Allow() {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// networkError says in our terms why an exchange failed.
func networkError(ctx context.Context, err error) error {
	var op *net.OpError
	var slow net.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(err, ErrBadAnswer):
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrBadAnswer):
		return err
	case errors.As(err, &slow) && slow.Timeout():
		return ErrTimeout
	case errors.As(err, &op):
		err = op.Err // Without the addresses: our port is another each time.
	}
	return fmt.Errorf("%w: %v", ErrNetwork, err)
}

// roundTrip opens a socket, sends query and reads what answers it until the deadline, or
// until ctx ends. A socket for each query costs a few system calls more than one that
// is kept, and buys a new random port each time (RFC 5452 section 9.2).
func roundTrip(ctx context.Context, network, addr string, query []byte, deadline time.Time) ([]byte, error) {
	conn, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if network == "tcp" {
		return overTCP(conn, query)
	}
	return overUDP(conn, query)
}

// overUDP passes over datagrams that do not answer the query: they may be forged, and
// the true one may still come. If it does not, that they came is what is told.
func overUDP(conn net.Conn, query []byte) ([]byte, error) {
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	strays := 0
	buf := make([]byte, udpSize+1)
	for {
		n, err := conn.Read(buf)
		if err != nil && strays > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, fmt.Errorf("%w: %d answers to other questions, none to ours", ErrBadAnswer, strays)
		}
		if err != nil {
			return nil, err
		}
		if answers(query, buf[:n]) {
			if n > udpSize {
				buf[2] |= 0x02 // TC: more than we said we take, so its end is lost.
			}
			return buf[:n], nil
		}
		strays++
	}
}

// overTCP exchanges messages that are preceded by their length (RFC 1035 section 4.2.2).
func overTCP(conn net.Conn, query []byte) ([]byte, error) {
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(query)))
	if _, err := conn.Write(append(framed, query...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	msg := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, msg); err != nil {
		return nil, err
	}
	if !answers(query, msg) {
		return nil, fmt.Errorf("%w: over TCP", ErrBadAnswer)
	}
	return msg, nil
}
