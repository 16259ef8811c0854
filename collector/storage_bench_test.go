package collector

import (
	"os"
	"testing"
	"time"
)

// keptCollector is benchCollector with a directory, in which what it knows is written down.
func keptCollector(b *testing.B) *Collector {
	b.Helper()
	c := benchCollector(b, benchServers)
	if err := c.openStore(b.TempDir()); err != nil {
		b.Fatal(err)
	}
	for _, st := range c.states {
		st.identity = st.target.Identity()
	}
	c.saveLast(time.Now())
	if !c.store.ok.Load() {
		b.Fatal("it was not saved")
	}
	return c
}

// BenchmarkSave writes down what is known of 10,000 servers: file-MB is the file's size.
func BenchmarkSave(b *testing.B) {
	c := keptCollector(b)
	b.ReportAllocs()
	before := processorTime()
	for b.Loop() {
		c.store.news.Store(true)
		c.save(b.Context())
	}
	b.ReportMetric(float64((processorTime()-before).Milliseconds())/float64(b.N), "cpu-ms/op")
	info, err := os.Stat(c.store.dir.Path())
	if err != nil || c.store.failed {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/(1<<20), "file-MB")
}

// BenchmarkRestore takes it back into a collector that knows nothing.
func BenchmarkRestore(b *testing.B) {
	old := keptCollector(b)
	cfg := old.regime.Load().cfg
	b.ReportAllocs()
	var took time.Duration
	for b.Loop() {
		b.StopTimer()
		c := collectorOf(b, cfg, benchCheck)
		c.store = old.store
		for _, st := range c.states {
			st.identity = st.target.Identity()
		}
		before := processorTime()
		b.StartTimer()
		file, err := c.store.dir.Read()
		if err != nil {
			b.Fatal(err)
		}
		r, err := restoreFrom(c, file, time.Now())
		if err != nil || r.targets != benchServers+1 {
			b.Fatal(r, err)
		}
		took += processorTime() - before
	}
	b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "cpu-ms/op")
}
