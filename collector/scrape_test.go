package collector

import (
	"runtime"
	"testing"
)

// TestScrapes: the response is that of Gather, and after a big one memory is cleared once.
func TestScrapes(t *testing.T) {
	const seriesEach = 60
	for name, servers := range map[string]int{"small": 1, "big": manySeries/seriesEach + 1} {
		t.Run(name, func(t *testing.T) {
			c := benchCollector(t, servers)
			s := c.Scrapes().(*scrapes)
			families, done, err := s.Gather()
			if err != nil {
				t.Fatal(err)
			}
			same, err := c.Gather()
			if err != nil || len(families) != len(same) {
				t.Errorf("%d families, Gather gives %d, error %v", len(families), len(same), err)
			}
			before := forcedCollections()
			done()
			for s.clearing.Load() {
				runtime.Gosched()
			}
			if cleared := forcedCollections() > before; cleared != (name == "big") {
				t.Errorf("cleared: %v", cleared)
			}
		})
	}
}

func forcedCollections() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumForcedGC
}
