//go:build integration

package integration

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestScaling is docs/scaling.md with sixty servers.
func TestScaling(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 60, 6*time.Second)
	f.settle(t)
	f.onePath(t)
	f.loseReplica(t)

	config := filepath.Join(directory(t, "documented"), "exporter.yml")
	write(t, config, documented(t, "yaml", "probe_cache"))
	if err := run(exporterBinary, "--config.check", "--config.file", config); err != nil {
		t.Error(err)
	}
}

// BenchmarkScaling is docs/scaling.md with ten thousand, and tells what a thousand cost: processor time of a minute, in which each is probed and
// scraped once, and resident memory.
func BenchmarkScaling(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		f := startFleet(b, n, time.Minute)
		f.settle(b)
		begin, before := time.Now(), f.used(b)
		time.Sleep(2 * time.Minute)
		after, minutes := f.used(b), time.Since(begin).Minutes()
		for _, what := range []string{"exporter", "Prometheus", "HAProxy"} {
			b.ReportMetric((after[what].processor-before[what].processor).Seconds()/minutes/n*1000, what+"-s/1000/min")
			b.ReportMetric(after[what].resident/n*1000, what+"-MiB/1000")
		}
		f.onePath(b)
		f.loseReplica(b)
	}
}

// A fleet is two Prometheus servers, a proxy, three exporters and the servers that they probe.
type fleet struct {
	hosts    *hosts
	interval time.Duration
	replicas []*exporter
	proxy    *program
	shards   []*prometheus
}

// startFleet starts everything as docs/scaling.md has it, but for addresses and intervals.
func startFleet(tb testing.TB, n int, interval time.Duration) *fleet {
	tb.Helper()
	f := &fleet{hosts: startHosts(tb, n), interval: interval}
	name := freePort()
	addresses := []string{"mailprobe.example.net:10587", name, "bind :10587", "bind " + name}
	for i := range 3 {
		e := &exporter{config: filepath.Join(directory(tb, "replica"), "exporter.yml"), url: "http://" + freePort()}
		write(tb, e.config, f.hosts.config(i, interval))
		f.replicas = append(f.replicas, e)
		f.start(tb, i)
		addresses = append(addresses, fmt.Sprintf("replica%d.example.net:10587", i+1), e.address())
	}
	as := strings.NewReplacer(append(addresses,
		"scrape_interval: 1m", fmt.Sprintf("scrape_interval: %v", interval),
		"scrape_timeout: 50s", fmt.Sprintf("scrape_timeout: %v", interval*5/6),
		"/sd\n", "/sd\n        refresh_interval: 5s\n")...)

	dir := directory(tb, "proxy")
	config := filepath.Join(dir, "haproxy.cfg")
	write(tb, config, as.Replace(documented(tb, "haproxy", "backend replicas")))
	var err error
	if f.proxy, err = startProgram(filepath.Join(dir, "log"), listening(name), "haproxy", "-db", "-f", config); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = f.proxy.stop(syscall.SIGTERM) })

	for shard := range 2 {
		dir := directory(tb, "shard")
		config := filepath.Join(dir, "prometheus.yml")
		write(tb, config, strings.Replace(as.Replace(documented(tb, "yaml", "hashmod")), `regex: "0"`, fmt.Sprintf(`regex: "%d"`, shard), 1))
		f.shards = append(f.shards, startPrometheusAt(tb, dir, config))
	}
	return f
}

// documented returns the block of docs/scaling.md in a language that has a word in it.
func documented(tb testing.TB, language, word string) string {
	tb.Helper()
	page, err := os.ReadFile("../docs/scaling.md")
	if err != nil {
		tb.Fatal(err)
	}
	var found []string
	for part := range strings.SplitSeq(string(page), "```"+language+"\n") {
		if block, _, ok := strings.Cut(part, "```\n"); ok && strings.Contains(block, word) {
			found = append(found, block)
		}
	}
	if len(found) < 1 {
		tb.Fatalf("docs/scaling.md has no block of %s with %q", language, word)
	}
	return found[len(found)-1]
}

// start starts a replica.
func (f *fleet) start(tb testing.TB, i int) {
	tb.Helper()
	e := f.replicas[i]
	ready := func() error {
		_, err := e.get("/-/healthy")
		return err
	}
	var err error
	e.program, err = startProgram(filepath.Join(filepath.Dir(e.config), "log"), ready, exporterBinary,
		"--config.file", e.config, "--web.listen-address", e.address(), "--no-schedule")
	if err != nil {
		tb.Fatal(err)
	}
	p := e.program
	tb.Cleanup(func() {
		if err := p.stop(syscall.SIGTERM); err != nil {
			tb.Errorf("stop replica %d: %v\n%s", i+1, err, tail(p.output(), 20))
		}
	})
}

// settle waits until every server has been probed twice.
func (f *fleet) settle(tb testing.TB) {
	tb.Helper()
	f.until(tb, 4, func(addr string, of []visit) error {
		if len(of) < 2 {
			return fmt.Errorf("%s was probed %d times", addr, len(of))
		}
		return nil
	})
}

// until waits until something is true of every server, with patience for so many intervals.
func (f *fleet) until(tb testing.TB, intervals int, ask func(addr string, of []visit) error) {
	tb.Helper()
	err := eventually(time.Duration(intervals)*f.interval+patience, func() error { return f.hosts.each(ask) })
	if err != nil {
		tb.Fatal(err)
	}
}

// onePath wants every server to be scraped by one shard, probed by one replica, and not more often than it is scraped.
func (f *fleet) onePath(tb testing.TB) {
	tb.Helper()
	scrapes := map[string]float64{}
	for shard, p := range f.shards {
		found := p.vector(tb, `count_over_time(up{job="mailprobe-targets"}[1d])`)
		if len(found) == 0 {
			tb.Errorf("shard %d has no targets", shard)
		}
		for instance, n := range found {
			if scrapes[instance] > 0 {
				tb.Errorf("%s is scraped by both shards", instance)
			}
			scrapes[instance] = n
		}
	}
	if len(scrapes) != len(f.hosts.names) {
		tb.Errorf("%d targets are scraped, and there are %d servers", len(scrapes), len(f.hosts.names))
	}
	shares := map[string]int{}
	err := f.hosts.each(func(addr string, of []visit) error {
		by := of[0].by
		shares[by]++
		for _, v := range of {
			if v.by != by {
				return fmt.Errorf("%s was probed by %s and by %s", addr, by, v.by)
			}
		}
		if n := scrapes[addr]; float64(len(of)) > n+1 { // One may be under way.
			return fmt.Errorf("%s was probed %d times and scraped %g times", addr, len(of), n)
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Logf("probed by each: %v", shares)
	if len(shares) != len(f.replicas) {
		tb.Error("not every replica has something to do")
	}
}

// loseReplica kills a replica. Its targets must be probed by the others, no target may miss more than one scrape, and those of the others stay
// with them. When it comes back, so do its targets.
func (f *fleet) loseReplica(tb testing.TB) {
	tb.Helper()
	const lost = 1
	before := map[string]string{}
	_ = f.hosts.each(func(addr string, of []visit) error {
		before[addr] = of[len(of)-1].by
		return nil
	})
	_ = f.replicas[lost].stop(syscall.SIGKILL)
	killed := time.Now()
	f.until(tb, 4, func(addr string, of []visit) error {
		if len(of) < 2 || of[len(of)-2].at.Before(killed) {
			return fmt.Errorf("%s was not probed twice since a replica died", addr)
		}
		if by, was := of[len(of)-1].by, before[addr]; by != was && was != helo(lost) {
			return finalError{fmt.Errorf("%s moved from %s, which lives, to %s", addr, was, by)}
		}
		return nil
	})
	sum := 0.0
	for _, p := range f.shards {
		for instance, missed := range p.vector(tb, `count_over_time(up{job="mailprobe-targets"}[1d]) - sum_over_time(up{job="mailprobe-targets"}[1d])`) {
			if missed > 1 {
				tb.Errorf("%s missed %g scrapes", instance, missed)
			}
			sum += missed
		}
	}
	tb.Logf("%g scrapes were missed", sum)

	f.start(tb, lost)
	back := time.Now()
	f.until(tb, 4, func(addr string, of []visit) error {
		if last := of[len(of)-1]; before[addr] == helo(lost) && (last.by != helo(lost) || last.at.Before(back)) {
			return fmt.Errorf("%s is still probed by %s", addr, last.by)
		}
		return nil
	})
}

// A usage is what programs have used so far and what they hold.
type usage struct {
	processor time.Duration
	resident  float64 // MiB.
}

// used adds up what the programs of each kind use.
func (f *fleet) used(tb testing.TB) map[string]usage {
	tb.Helper()
	programs := map[string][]*program{"HAProxy": {f.proxy}}
	for _, e := range f.replicas {
		programs["exporter"] = append(programs["exporter"], e.program)
	}
	for _, p := range f.shards {
		programs["Prometheus"] = append(programs["Prometheus"], p.program)
	}
	out := map[string]usage{}
	for what, of := range programs {
		var sum usage
		for _, p := range of {
			u, err := usageOf(p.cmd.Process.Pid)
			if err != nil {
				tb.Fatal(err)
			}
			sum.processor += u.processor
			sum.resident += u.resident
		}
		out[what] = sum
	}
	return out
}

// usageOf reads what the kernel knows of a process: proc_pid_stat(5).
func usageOf(pid int) (usage, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	const ticks = 100 // A second, on every Linux.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var user, system, pages int64
	if len(fields) < 22 {
		return usage{}, errors.New("a short line in /proc")
	}
	if _, err := fmt.Sscan(fields[11]+" "+fields[12]+" "+fields[21], &user, &system, &pages); err != nil {
		return usage{}, err
	}
	return usage{time.Duration(user+system) * time.Second / ticks, float64(pages*int64(os.Getpagesize())) / (1 << 20)}, nil
}

// vector asks Prometheus for one value of each instance.
func (p *prometheus) vector(tb testing.TB, expression string) map[string]float64 {
	tb.Helper()
	resp, err := http.PostForm(p.url+"/api/v1/query", map[string][]string{"query": {expression}})
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Error string
		Data  struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Error != "" {
		tb.Fatalf("query %s: %s, %v", expression, answer.Error, err)
	}
	out := map[string]float64{}
	for _, r := range answer.Data.Result {
		var value float64
		if _, err := fmt.Sscan(fmt.Sprint(r.Value[1]), &value); err != nil {
			tb.Fatal(err)
		}
		out[r.Metric["instance"]] = value
	}
	return out
}

// A visit is one session with a server.
type visit struct {
	by string // What the client said in EHLO.
	at time.Time
}

// Hosts are many mail servers in one process: one listener for every address there is in the documentation's prefix.
type hosts struct {
	names []string
	cert  tls.Certificate

	mu     sync.Mutex
	visits map[string][]visit // By address and port.
}

// hostsPort is theirs alone, for they listen everywhere.
const hostsPort = 10025

func startHosts(tb testing.TB, n int) *hosts {
	tb.Helper()
	issued := world.certificate(tb, "mx.scaling.example.org")
	cert, err := tls.X509KeyPair([]byte(issued.pem), []byte(issued.pem))
	if err != nil {
		tb.Fatal(err)
	}
	h := &hosts{cert: cert, visits: map[string][]visit{}}
	first := netip.MustParseAddr("2001:db8:5ca1::").As16()
	for i := range n {
		first[14], first[15] = byte(i>>8), byte(i)
		h.names = append(h.names, netip.AddrPortFrom(netip.AddrFrom16(first), hostsPort).String())
	}
	l, err := net.Listen("tcp6", fmt.Sprintf("[::]:%d", hostsPort))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go h.serve(conn)
		}
	}()
	return h
}

// serve holds one polite session.
func (h *hosts) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	at := conn.LocalAddr().String()
	in := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, "220 mx.scaling.example.org ESMTP\r\n")
	for said := false; ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, rest, _ := strings.Cut(strings.TrimSpace(line), " "); verb {
		case "EHLO":
			if !said {
				h.mu.Lock()
				h.visits[at] = append(h.visits[at], visit{rest, time.Now()})
				h.mu.Unlock()
			}
			said = true
			_, _ = io.WriteString(conn, "250-mx.scaling.example.org\r\n250-SIZE 10240000\r\n250-PIPELINING\r\n250 STARTTLS\r\n")
		case "STARTTLS":
			_, _ = io.WriteString(conn, "220 2.0.0 Go ahead\r\n")
			conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{h.cert}, MinVersion: tls.VersionTLS12})
			in = bufio.NewReader(conn)
		case "QUIT":
			_, _ = io.WriteString(conn, "221 2.0.0 Bye\r\n")
			return
		default:
			_, _ = io.WriteString(conn, "500 5.5.1 What?\r\n")
		}
	}
}

// each asks something of every server's visits, until there is an error.
func (h *hosts) each(ask func(addr string, of []visit) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range h.names {
		if err := ask(name, h.visits[name]); err != nil {
			return err
		}
	}
	return nil
}

// helo is by what name a replica can be told from the others.
func helo(replica int) string { return fmt.Sprintf("replica%d.example.net", replica+1) }

// config is a replica's configuration.
func (h *hosts) config(replica int, interval time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "helo_name: %s\nresolver: {servers: [\"%s:53\"]}\ntls: {ca_file: %q}\nblocklists: {use: []}\nprobe_cache: %v\nmodules: {server: {checks: [smtp]}}\nservers:\n",
		helo(replica), resolver, world.caFile(), interval/2)
	for _, name := range h.names {
		fmt.Fprintf(&b, "  - {address: %q, server_name: mx.scaling.example.org, tls: starttls}\n", name)
	}
	return b.String()
}
