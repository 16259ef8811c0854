package collector

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// The lists of the benchmark answer late, one of them later than the others.
const (
	benchLists  = 50
	lateAnswer  = 20 * time.Millisecond
	latestLabel = "slow"
	latest      = 100 * time.Millisecond
)

// BenchmarkLists asks 50 blocklists about one address, of which 49 answer after 20 ms and one after 100: 1080 ms one by one, 100 ms
// side by side. The limits are those of a configuration that says nothing of them. first also tests every list before it is believed,
// with four questions each: 250 in all, of which limits.dns_queries_per_second lets 200 go at once.
func BenchmarkLists(b *testing.B) {
	world, err := mailworld.New()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(world.Close)
	var zone, config strings.Builder
	resolver := lateResolver(b, world.Resolver())
	fmt.Fprintf(&config, "helo_name: probe.example.net\nresolver: {servers: [%q]}\nmodules: {sender: {kind: sender, checks: [dnsbl]}}\n"+
		"senders: [{address: 192.0.2.9}]\nblocklists:\n  use: []\n  custom:\n", resolver)
	for i := range benchLists {
		label := fmt.Sprint("list", i)
		if i == benchLists/2 {
			label = latestLabel
		}
		fmt.Fprintf(&config, "    - {id: %s, zone: %s.example.org, kinds: [ipv4], codes: {\"127.0.0.2\": listed}}\n", label, label)
		fmt.Fprintf(&zone, "2.0.0.127.%s.example.org. A 127.0.0.2\n", label)
	}
	zone.WriteString(". 0 SOA ns.example. host.example. 1 7200 3600 86400 0\n") // No answer holds, so that every run asks.
	if err := world.Zone(zone.String()); err != nil {
		b.Fatal(err)
	}
	cfg, err := targets.Parse("exporter.yml", []byte(config.String()), targets.Options{Metrics: checks.MetricNames()})
	if err != nil {
		b.Fatal(err)
	}
	ask := func(c *Collector) {
		st := stateOf(c, "192.0.2.9")
		c.round(b.Context(), st, st.plans, time.Now())
		if n := strings.Count(text(b, c, "dnsbl_listed"), "} 0\n"); n != benchLists {
			b.Fatalf("%d of %d lists were told", n, benchLists)
		}
	}
	fresh := func() *Collector {
		c, err := New(Options{Config: cfg, Route: mailworld.Route})
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	report := func(b *testing.B) {
		each := b.Elapsed() / time.Duration(b.N)
		b.ReportMetric(float64(each.Milliseconds()), "ms/address")
		b.ReportMetric(float64(each)/float64(latest), "x-slowest")
		b.ReportMetric(0, "ns/op")
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			ask(fresh())
		}
		report(b)
	})
	b.Run("again", func(b *testing.B) {
		c := fresh()
		ask(c)
		pause := time.Second / 4 // Until the limit grants 50 questions at once again.
		for b.Loop() {
			b.StopTimer()
			time.Sleep(pause)
			b.StartTimer()
			ask(c)
		}
		report(b)
	})
}

// lateResolver passes questions on to a resolver and the answers back, late. It returns where it is.
func lateResolver(b *testing.B, resolver string) string {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			question := make([]byte, 1500)
			n, from, err := conn.ReadFrom(question)
			if err != nil {
				return
			}
			passing.Go(func() {
				delay := time.After(lateAnswer)
				if bytes.Contains(question[:n], []byte(latestLabel)) {
					delay = time.After(latest)
				}
				answer, err := passOn(resolver, question[:n])
				if err != nil {
					return // The client notices.
				}
				<-delay
				_, _ = conn.WriteTo(answer, from)
			})
		}
	})
	b.Cleanup(func() {
		_ = conn.Close()
		passing.Wait()
	})
	return conn.LocalAddr().String()
}

func passOn(resolver string, question []byte) ([]byte, error) {
	conn, err := net.Dial("udp", resolver)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(question); err != nil {
		return nil, err
	}
	answer := make([]byte, 1500)
	n, err := conn.Read(answer)
	return answer[:n], err
}
