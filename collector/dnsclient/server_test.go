package dnsclient

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A reply says what comes back, over "udp" or "tcp", to a question: datagrams or messages,
// as raw as they are. None is silence; over TCP, an empty one closes the connection.
type reply func(network string, q *dns.Msg) [][]byte

// say is a well-formed answer.
type say struct {
	rcode              int
	answer, ns         []string // Records in the format of zone files.
	secure, cut        bool
	referral, mismatch bool
}

func (s say) reply(_ string, q *dns.Msg) [][]byte { return [][]byte{s.pack(q)} }

func (s say) pack(q *dns.Msg) []byte {
	m := new(dns.Msg)
	m.SetRcode(q, s.rcode)
	m.RecursionAvailable = !s.referral
	m.AuthenticatedData = s.secure
	m.Truncated = s.cut
	m.Compress = true
	m.Answer, m.Ns = records(s.answer), records(s.ns)
	if s.mismatch {
		m.Question[0].Name = "other.example."
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func records(lines []string) (rrs []dns.RR) {
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		if err != nil {
			panic(err)
		}
		rrs = append(rrs, rr)
	}
	return rrs
}

func silence(string, *dns.Msg) [][]byte { return nil }

// then gives its replies one after the other, the last for ever.
func then(replies ...reply) reply {
	var mu sync.Mutex
	return func(network string, q *dns.Msg) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		r := replies[0]
		if len(replies) > 1 {
			replies = replies[1:]
		}
		return r(network, q)
	}
}

// A nameServer is a resolver on loopback that says what a test makes it say. A question
// that the test did not foresee fails the test.
type nameServer struct {
	addr  string
	mu    sync.Mutex
	asked []string
}

// parent is a name without its first label.
func parent(name string) string {
	_, name, _ = strings.Cut(name, ".")
	return name
}

// serve starts a name server with replies by question, as in "MX example.org." or, for any first label, "MX *.example.org.".
func serve(t *testing.T, replies map[string]reply) *nameServer {
	t.Helper()
	s := &nameServer{}
	tcp, udp := listen(t)
	s.addr = udp.LocalAddr().String()
	handle := func(network string, b []byte) [][]byte {
		q := new(dns.Msg)
		if err := q.Unpack(b); err != nil || len(q.Question) != 1 {
			t.Errorf("the query is malformed: %v", err)
			return nil
		}
		asked := dns.TypeToString[q.Question[0].Qtype] + " " + q.Question[0].Name
		s.mu.Lock()
		s.asked = append(s.asked, network+" "+asked)
		s.mu.Unlock()
		for _, key := range []string{asked, dns.TypeToString[q.Question[0].Qtype] + " *." + parent(q.Question[0].Name)} {
			if replies[key] != nil {
				return replies[key](network, q)
			}
		}
		t.Errorf("asked %q, which the test does not expect", asked)
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { serveUDP(udp, handle) })
	wg.Go(func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { serveTCP(ctx, conn, handle) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = udp.Close()
		_ = tcp.Close()
		wg.Wait()
		if len(s.questions()) == 0 && len(replies) > 0 {
			t.Error("a name server was never asked")
		}
	})
	return s
}

// listen opens the same port for TCP and UDP.
func listen(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 50 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err == nil {
			return tcp, udp
		}
		_ = tcp.Close()
	}
	t.Fatal("no port is free for both TCP and UDP")
	return nil, nil
}

func serveUDP(conn net.PacketConn, handle func(string, []byte) [][]byte) {
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		for _, b := range handle("udp", buf[:n]) {
			_, _ = conn.WriteTo(b, from)
		}
	}
}

func serveTCP(ctx context.Context, conn net.Conn, handle func(string, []byte) [][]byte) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		return
	}
	for _, b := range handle("tcp", b) {
		if len(b) == 0 {
			return
		}
		_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	}
	_, _ = conn.Read(size[:]) // Until the client or the test closes it.
}

func (s *nameServer) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// observed collects the words that Observe is called with.
type observed struct {
	mu    sync.Mutex
	words []string
}

func (o *observed) add(word string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.words = append(o.words, word)
}

func (o *observed) list() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.words)
}

// patient is a timeout that ends only a test that hangs; brief is for what shall time out.
const (
	patient = time.Minute
	brief   = 50 * time.Millisecond
)

func newClient(t *testing.T, o Options) *Client {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = patient
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want %v", err, want)
	}
}
