package collector

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// benchServers is the size that is promised to work: so many servers of 60 series each.
const benchServers = 10_000

// benchCheck emits, with check_* and target_info, 60 series for one address, shaped as those of smtp are: codes
// and words from closed sets, timestamps, durations, and some names of the server's own.
var benchCheck = func() *checks.Check {
	c := &checks.Check{Name: "smtp"}
	metric := func(name string, labels ...string) *checks.Metric {
		m := &checks.Metric{Name: name, Help: "What a server said, as old as the last run.", Labels: append([]string{"address"}, labels...)}
		c.Metrics = append(c.Metrics, m)
		return m
	}
	up := metric("smtp_up")
	reply := metric("smtp_reply", "stage", "code", "enhanced", "class", "cause")
	code := metric("smtp_reply_code", "stage")
	took := metric("smtp_stage_duration_seconds", "stage")
	extension := metric("smtp_extension", "extension")
	mechanism := metric("smtp_auth_mechanism", "mechanism", "encrypted")
	notAfter := metric("certificate_not_after_timestamp_seconds", "position")
	info := metric("certificate_info", "fingerprint_sha256", "key_type", "key_bits")
	names := metric("helo_name_matches", "name", "against")
	listed := metric("dnsbl_listed", "subject", "list")
	c.Run = nil
	benchFill = func(r *checks.Round, i int) {
		addr := fmt.Sprintf("198.51.%d.%d", i/256, i%256)
		p := r.Part(addr, checks.HoldReplies)
		p.EmitBool(up, true, addr)
		for k, stage := range []string{"banner", "ehlo", "starttls", "ehlo_tls", "quit"} {
			p.Emit(reply, 1, addr, stage, "250", "", "positive", "ok")
			p.Emit(code, 250, addr, stage)
			p.Emit(took, float64(i+k)/1e6, addr, stage)
		}
		for _, e := range []string{"PIPELINING", "SIZE", "VRFY", "ETRN", "STARTTLS", "AUTH", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"} {
			p.EmitBool(extension, true, addr, e)
		}
		for _, m := range []string{"PLAIN", "LOGIN", "CRAM-MD5"} {
			p.EmitBool(mechanism, true, addr, m, "true")
		}
		p.Emit(notAfter, 1.9e9+float64(i), addr, "leaf")
		p.Emit(notAfter, 1.95e9, addr, "chain")
		p.EmitBool(info, true, addr, fmt.Sprintf("%064x", i), "ecdsa", "256")
		for _, n := range []string{"banner", "ehlo", "configured"} {
			p.EmitBool(names, true, addr, n, "ptr")
			p.EmitBool(names, i%10 == 0, addr, n, "address")
		}
		for k := range 17 { // A receiving MX is asked of no lists, so its things to look at are few.
			l := r.Part(fmt.Sprint("other", k%3), checks.HoldRecords)
			l.EmitBool(listed, false, addr, addr, fmt.Sprint("list_", k))
		}
		for range 12 {
			p.Evidence = append(p.Evidence, fmt.Sprintf("220 mx%d.example.org ESMTP, said in the banner at some length", i))
		}
	}
	return c
}()

var benchFill func(r *checks.Round, i int)

// benchCollector returns a collector that knows everything of n servers.
func benchCollector(tb testing.TB, n int) *Collector {
	ts := make([]*targets.Target, n)
	for i := range ts {
		ts[i] = server(fmt.Sprintf("mx%d.example.org:25", i), "smtp", 5*time.Minute)
	}
	c := collectorOf(tb, config(ts...), benchCheck)
	for i, t := range ts {
		see(c, t.Name, benchCheck, func(r *checks.Round) { benchFill(r, i) })
	}
	return c
}

// encode writes families as a scrape does and returns how many octets they are.
func encode(families []*dto.MetricFamily) (int, error) {
	w := &counter{}
	e := expfmt.NewEncoder(w, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := e.Encode(f); err != nil {
			return 0, err
		}
	}
	return w.n, nil
}

type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }

// BenchmarkScrape is a whole scrape, gathering and encoding, and after each what encoding the same families costs
// alone: x-expfmt is how many times that a scrape takes, x-response how many times the octets of the response it allocates.
func BenchmarkScrape(b *testing.B) {
	c := benchCollector(b, benchServers)
	var scrapes, alone time.Duration
	var allocated, octets uint64
	for b.Loop() {
		begin, before := time.Now(), allocations()
		families, err := c.Gather()
		if err != nil {
			b.Fatal(err)
		}
		n, err := encode(families)
		scrapes += time.Since(begin)
		allocated += allocations() - before
		octets += uint64(n)
		if err != nil {
			b.Fatal(err)
		}

		b.StopTimer()
		begin = time.Now()
		if _, err := encode(families); err != nil {
			b.Fatal(err)
		}
		alone += time.Since(begin)
		b.StartTimer()
	}
	b.ReportMetric(float64(octets)/float64(b.N)/(1<<20), "response-MB")
	b.ReportMetric(float64(scrapes)/float64(alone), "x-expfmt")
	b.ReportMetric(float64(allocated)/float64(octets), "x-response")
}

// allocations is what this process has allocated so far, in octets.
func allocations() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// BenchmarkLearn is what the verdict of one server costs on its way into a snapshot.
func BenchmarkLearn(b *testing.B) {
	c := benchCollector(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		see(c, "mx0.example.org:25", benchCheck, func(r *checks.Round) { benchFill(r, 0) })
	}
}

// BenchmarkMemory reports what 10,000 servers hold, at rest and with the families of a scrape in hand.
func BenchmarkMemory(b *testing.B) {
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	for b.Loop() {
		before := heap()
		c := benchCollector(b, benchServers)
		rest := heap()
		families, err := c.Gather()
		if err != nil {
			b.Fatal(err)
		}
		scrape := heap()
		runtime.KeepAlive(families)
		runtime.KeepAlive(c)
		b.ReportMetric(rest-before, "heap-MB")
		b.ReportMetric(scrape-before, "heap-MB-in-scrape")
	}
}

// TestBench keeps the benchmarks at the size that is promised.
func TestBench(t *testing.T) {
	c := benchCollector(t, 2)
	want(t, text(t, c, "series", "series_dropped_total"), "series{} 120\nseries_dropped_total{} 0")
}
