package collector

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkProbe is the processor time of one scheduled STARTTLS probe, from the appointment to the series in the snapshot, and of a
// bare client's dialogue with the same server; x-bare is their ratio. Both take turns, and each figure is the median of the turns.
// Evenly spread is how an exporter works: 167 a second are 10,000 servers a minute. A chain that was seen
// before is known by its digest; first says that each is new.
func BenchmarkProbe(b *testing.B) {
	const servers = 2_000
	place := startServers(b)
	bare, _ := startProcess(b, "bare", place)
	site, _ := startProcess(b, "collector", place, benchSize+"="+strconv.Itoa(servers))
	bare.probe(b, 100, 0)
	seen := 50
	site.probe(b, seen, 0)
	for _, c := range []struct {
		name  string
		turns int
		n     int // Dialogues in a turn.
		pause time.Duration
	}{
		{"first/spread", 3, 300, time.Second / 167},
		{"first/burst", 3, 350, 0},
		{"again/spread", 7, 500, time.Second / 167},
		{"again/burst", 7, 500, 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			if strings.HasPrefix(c.name, "again") && seen < servers {
				site.probe(b, servers-seen, 0)
				seen = servers
			}
			for b.Loop() {
				var ours, theirs, ratios []float64
				for turn := range c.turns {
					var s, t time.Duration
					if turn%2 == 0 {
						t = bare.probe(b, c.n, c.pause)
					}
					s = site.probe(b, c.n, c.pause)
					seen = min(seen+c.n, servers)
					if turn%2 == 1 {
						t = bare.probe(b, c.n, c.pause)
					}
					ours, theirs, ratios = append(ours, micros(s)), append(theirs, micros(t)), append(ratios, float64(s)/float64(t))
				}
				b.ReportMetric(median(ours), "cpu-us/probe")
				b.ReportMetric(median(theirs), "bare-cpu-us")
				b.ReportMetric(median(ratios), "x-bare")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// startServers starts the process that is every server and returns where it is, for the others' environment.
func startServers(b *testing.B) string {
	_, place := startProcess(b, "server")
	return benchPlace + "=" + place
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// BenchmarkSite is the memory of a process that probes 10,000 servers, as the kernel counts it: at most while all become known within
// a quarter of a minute, and at rest and at most while it goes on at the pace of five minutes and is scraped.
func BenchmarkSite(b *testing.B) {
	place := startServers(b)
	for b.Loop() {
		site, _ := startProcess(b, "collector", place, benchSize+"="+strconv.Itoa(benchServers))
		site.probe(b, benchServers, 1500*time.Microsecond)
		filling := site.memory(b, "VmHWM")
		var series, octets int
		scrape := func() { site.ask(b, fmt.Sprintf("scrape %d %d", 100, 5*time.Minute/benchServers), &series, &octets) }
		scrape() // What filling left behind is given back.
		const clearPeak = "5"
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", site.cmd.Process.Pid), []byte(clearPeak), 0); err != nil {
			b.Fatal(err)
		}
		scrape()
		scrape()
		b.ReportMetric(filling, "peak-MB-filling")
		b.ReportMetric(site.memory(b, "VmRSS"), "MB")
		b.ReportMetric(site.memory(b, "VmHWM"), "peak-MB-in-scrape")
		b.ReportMetric(float64(series)/benchServers, "series/server")
		b.ReportMetric(float64(octets)/(1<<20), "response-MB")
		b.ReportMetric(0, "ns/op")
	}
}

// memory reads a line of the process's status, in MiB.
func (p *process) memory(b *testing.B, what string) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, what+":"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib) / 1024
		}
	}
	b.Fatalf("no %s in the status", what)
	return 0
}
