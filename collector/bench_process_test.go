package collector

import (
	"bufio"
	"container/heap"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Processor time and memory are those of a process, so each party of a benchmark is one: this test binary, started
// again with a role. It prints a line when it is ready, then answers each line of its standard input with one.
const (
	benchRole  = "COLLECTOR_BENCH_ROLE"
	benchPlace = "COLLECTOR_BENCH_PLACE" // Where the server is and, in hexadecimal, its root certificate.
	benchSize  = "COLLECTOR_BENCH_SIZE"  // How many servers a collector has.
)

var benchRoles = map[string]func(){
	"server":    serveBench,
	"bare":      func() { obey(newBareClient()) },
	"collector": func() { obey(newBenchSite()) },
}

// benchConcurrency is how many dialogues both clients hold at once in a burst.
const benchConcurrency = 50

// A process is one party.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// startProcess starts a party and returns it with the line by which it said that it is ready.
func startProcess(b *testing.B, role string, env ...string) (*process, string) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), benchRole+"="+role), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	p := &process{cmd, in, bufio.NewScanner(out)}
	return p, p.line(b)
}

func (p *process) line(b *testing.B) string {
	b.Helper()
	if !p.out.Scan() {
		b.Fatalf("a process ended: %v", p.out.Err())
	}
	return p.out.Text()
}

// ask sends a command and reads the numbers that answer it.
func (p *process) ask(b *testing.B, command string, answer ...any) {
	b.Helper()
	if _, err := io.WriteString(p.in, command+"\n"); err != nil {
		b.Fatal(err)
	}
	if line := p.line(b); len(answer) > 0 {
		if _, err := fmt.Sscan(line, answer...); err != nil {
			b.Fatalf("%s: %s", command, line)
		}
	}
}

// probe has it hold n dialogues, one begun every pause, and returns the processor time of one.
func (p *process) probe(b *testing.B, n int, pause time.Duration) time.Duration {
	b.Helper()
	var cpu time.Duration
	p.ask(b, fmt.Sprintf("probe %d %d", n, pause), (*int64)(&cpu))
	return cpu / time.Duration(n)
}

// A prober is a client under measurement.
type prober interface {
	// probe holds n dialogues, one begun every pause, and returns after the last one.
	probe(n int, pause time.Duration) error
	// scrape does the same and makes a scrape meanwhile, of which it tells the size.
	scrape(n int, pause time.Duration) (series, octets int, err error)
}

// obey does what standard input says until it ends.
func obey(p prober, err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var what string
		var n int
		var pause time.Duration
		if _, err := fmt.Sscan(in.Text(), &what, &n, (*int64)(&pause)); err != nil {
			fmt.Println(err)
			continue
		}
		before := processorTime()
		switch what {
		case "probe":
			if err := p.probe(n, pause); err != nil {
				fmt.Println(err)
				continue
			}
			fmt.Println(int64(processorTime() - before))
		case "scrape":
			series, octets, err := p.scrape(n, pause)
			if err != nil {
				fmt.Println(err)
				continue
			}
			fmt.Println(series, octets)
		}
	}
}

// serversAt reads where the servers are.
func serversAt() (addr string, roots *x509.CertPool, err error) {
	addr, root, _ := strings.Cut(os.Getenv(benchPlace), " ")
	pem, err := hex.DecodeString(root)
	if err != nil {
		return "", nil, err
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return "", nil, errors.New("no root certificate")
	}
	return addr, roots, nil
}

// The servers of a bench: names and addresses of documentation, all of them led to one process.
func benchHost(i int) string { return fmt.Sprintf("mx%d.example.org", i) }

func benchAddress(i int) netip.Addr {
	a := netip.MustParseAddr("2001:db8::").As16()
	a[13], a[14], a[15] = byte(i>>16), byte(i>>8), byte(i)
	return netip.AddrFrom16(a)
}

// serveBench is every server: it greets, offers so much that one address has 60 series, and shows a
// certificate for whatever name it is asked for, issued by an intermediate (ECDSA P-256 throughout).
func serveBench() {
	world, err := mailworld.New()
	if err != nil {
		panic(err)
	}
	defer world.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	var issued sync.Map
	config := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if c, ok := issued.Load(hello.ServerName); ok {
			return c.(*tls.Certificate), nil
		}
		c, err := world.Authority().Issue(mailworld.CertificateRequest{Names: []string{hello.ServerName}})
		if err != nil {
			return nil, err
		}
		first, _ := issued.LoadOrStore(hello.ServerName, &c)
		return first.(*tls.Certificate), nil
	}}
	fmt.Printf("%s %x\n", l.Addr(), world.RootPEM())
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveDialogue(conn, config)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// offered is what the bench's servers can do.
const offered = "250-PIPELINING\r\n250-SIZE 52428800\r\n250-VRFY\r\n250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n" +
	"250-SMTPUTF8\r\n250-CHUNKING\r\n250-HELP\r\n250-EXPN\r\n250-BINARYMIME\r\n250-DELIVERBY\r\n250-REQUIRETLS\r\n250-LIMITS RCPTMAX=1000\r\n" +
	"250-MT-PRIORITY\r\n250-FUTURERELEASE 86400\r\n250-BURL\r\n250-RRVS\r\n250-NO-SOLICITING\r\n"

func serveDialogue(conn net.Conn, config *tls.Config) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	reply := func(text string) { _, _ = io.WriteString(conn, text); _, _ = r.ReadSlice('\n') }
	reply("220 mx.example.org ESMTP\r\n")
	reply("250-mx.example.org\r\n" + offered + "250 STARTTLS\r\n")
	_, _ = io.WriteString(conn, "220 2.0.0 Ready to start TLS\r\n")
	conn = tls.Server(conn, config)
	r.Reset(conn)
	_, _ = r.ReadSlice('\n')
	reply("250-mx.example.org\r\n" + offered + "250 AUTH PLAIN LOGIN CRAM-MD5 DIGEST-MD5 XOAUTH2 OAUTHBEARER SCRAM-SHA-1 SCRAM-SHA-256\r\n")
	_, _ = io.WriteString(conn, "221 2.0.0 Bye\r\n")
}

// A bareClient does the least that a Go program must for the same dialogue: connect, greeting, EHLO, STARTTLS, TLS 1.3
// with full verification, EHLO, QUIT; no limits, no record, no context.
type bareClient struct {
	addr  string
	roots *x509.CertPool
	next  int
}

func newBareClient() (*bareClient, error) {
	addr, roots, err := serversAt()
	return &bareClient{addr: addr, roots: roots}, err
}

func (c *bareClient) probe(n int, pause time.Duration) error {
	places := make(chan struct{}, benchConcurrency)
	errs := make([]error, n)
	begin := time.Now()
	var running sync.WaitGroup
	for i := range n {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * pause)))
		places <- struct{}{}
		config := &tls.Config{ServerName: benchHost(c.next), RootCAs: c.roots}
		c.next++
		running.Go(func() {
			errs[i] = bareDialogue(c.addr, config)
			<-places
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func (c *bareClient) scrape(int, time.Duration) (int, int, error) { return 0, 0, errors.ErrUnsupported }

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
	const hello = "EHLO probe.example.net"
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

// A benchSite is a collector as the program makes it, with its scheduler running. Only the appointments
// are ours: the first rounds of 10,000 servers would take a minute, the next ones come five minutes later.
type benchSite struct {
	*Collector
	servers []*state
	next    int
	done    chan *state // Whose round ended.
}

func newBenchSite() (*benchSite, error) {
	addr, roots, err := serversAt()
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(os.Getenv(benchSize))
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "helo_name: probe.example.net\nresolver: {servers: [\"127.0.0.1:9\"]}\nblocklists: {use: []}\n"+
		"limits: {concurrency: %d, connects_per_second: 100000}\nmodules: {server: {kind: server, checks: [smtp]}}\nservers:\n", benchConcurrency)
	for i := range n {
		fmt.Fprintf(&text, "  - {address: \"[%s]:25\", server_name: %s}\n", benchAddress(i), benchHost(i))
	}
	cfg, err := targets.Parse("exporter.yml", []byte(text.String()), targets.Options{Metrics: checks.MetricNames()})
	if err != nil {
		return nil, err
	}
	c, err := New(Options{Config: cfg, Roots: roots, Route: mailworld.Route, Dialer: leading{smtpclient.NewDialer(), addr}})
	if err != nil {
		return nil, err
	}
	s := &benchSite{Collector: c, done: make(chan *state, 2*n)}
	for _, t := range cfg.Targets {
		s.servers = append(s.servers, c.states[t.Name])
	}
	c.scheduler.run = func(ctx context.Context, st *state, due []*plan, now time.Time) {
		c.round(ctx, st, due, now)
		s.done <- st
	}
	c.begin(time.Now(), c.inOrder()) // As Run does.
	s.appoint(0, 0)
	go c.scheduler.loop(context.Background())
	return s, nil
}

// leading is a dialer that leads every address to one.
type leading struct {
	smtpclient.Dialer
	to string
}

func (d leading) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return d.Dialer.DialContext(ctx, network, d.to)
}

// appoint makes n servers due, one every pause from now on, and nobody else for an hour.
func (s *benchSite) appoint(n int, pause time.Duration) (due []*state) {
	sch := s.scheduler
	sch.mu.Lock()
	defer sch.mu.Unlock()
	now := time.Now().Round(0)
	at := func(st *state, t time.Time) {
		st.next = t
		for _, p := range st.plans {
			p.due = t
		}
	}
	for _, st := range sch.queue {
		at(st, now.Add(time.Hour))
	}
	for i := range n {
		st := s.servers[s.next%len(s.servers)]
		s.next++
		at(st, now.Add(time.Duration(i)*pause))
		due = append(due, st)
	}
	heap.Init(&sch.queue)
	sch.nudge()
	return due
}

func (s *benchSite) probe(n int, pause time.Duration) error {
	begin := time.Now()
	due := s.appoint(n, pause)
	waiting := make(map[*state]bool, n)
	for _, st := range due {
		waiting[st] = true
	}
	for len(waiting) > 0 {
		delete(waiting, <-s.done)
	}
	// Those that ended are back on the grid of their interval: nobody's round begins while others are measured.
	s.appoint(0, 0)
	s.scheduler.rounds.Wait()
	s.appoint(0, 0)
	for len(s.done) > 0 {
		<-s.done
	}
	for _, st := range due {
		known := st.snapshot.Load()
		if c := known.Checks[0]; !c.Conclusive || c.LastRun.Before(begin) || len(known.Problems) > 0 {
			return fmt.Errorf("probe of %s: %+v, problems %v", st.name, c, known.Problems)
		}
	}
	return nil
}

func (s *benchSite) scrape(n int, pause time.Duration) (series, octets int, err error) {
	probed := make(chan error)
	go func() { probed <- s.probe(n, pause) }()
	time.Sleep(time.Duration(n) * pause / 2)
	families, done, err := s.Scrapes().Gather()
	if err != nil {
		return 0, 0, err
	}
	for _, f := range families {
		series += len(f.Metric)
	}
	octets, err = encode(families)
	done()
	return series, octets, errors.Join(err, <-probed)
}
