package collector

import (
	"fmt"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
)

// TestRecordChangeOverReload: what a record was is not forgotten with the configuration, not even by a target that is made anew.
func TestRecordChangeOverReload(t *testing.T) {
	w, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	other, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	for world, policy := range map[*mailworld.World]string{w: "reject", other: "none"} {
		if err := world.Zone(fmt.Sprintf("_dmarc.example.org. TXT \"v=DMARC1; p=%s\"", policy)); err != nil {
			t.Fatal(err)
		}
	}
	dmarc := checks.ByName("dmarc")
	at := time.Now().Add(-3 * time.Hour)
	first := config(domain("example.org", "dmarc", time.Hour))
	first.Resolver.Servers = []string{w.Resolver()}
	c := collectorOf(t, first, dmarc)
	round := func() {
		at = at.Add(time.Hour)
		st := stateOf(c, "example.org")
		c.round(t.Context(), st, st.plans, at)
	}
	round()
	want(t, text(t, c, "record_change_timestamp_seconds"), "")
	second := config(domain("example.org", "dmarc", 2*time.Hour))
	second.Resolver.Servers = []string{other.Resolver()}
	if err := c.Apply(second); err != nil {
		t.Fatal(err)
	}
	round()
	want(t, text(t, c, "record_change_timestamp_seconds"),
		fmt.Sprintf(`record_change_timestamp_seconds{name="_dmarc.example.org",record="dmarc",target="example.org"} %v`, float64(at.Unix())))
}
