package collector

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestIgnore: an accepted problem is still seen and shown, but is no metric, until the day named.
func TestIgnore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		smtp := j.fake("smtp", nil)
		cfg := config(server("a.example.org:25", "smtp", time.Hour))
		cfg.Ignore = []targets.Ignore{{Problem: "smtp_refused", Target: "*", Reason: "planned", Until: time.Now().Add(time.Hour)}}
		c := collectorOf(t, cfg, smtp)
		see(c, "a.example.org:25", smtp, func(r *checks.Round) {
			r.Part("x", checks.HoldRecords).Find("smtp_refused", "", catalog.Text{})
			r.Part("y", checks.HoldRecords).Find("smtp_silent", "", catalog.Text{})
		})
		silent := `problem{check="smtp",problem="smtp_silent",severity="warning",target="a.example.org:25"} 1`
		want(t, text(t, c, "problem"), silent)
		if p := c.Snapshots()[0].Problems; len(p) != 2 || p[0].Ignored == nil || p[0].Ignored.Reason != "planned" || p[1].Ignored != nil {
			t.Errorf("problems %+v", p)
		}
		time.Sleep(time.Hour - time.Second)
		want(t, text(t, c, "problem"), silent)
		time.Sleep(time.Second)
		want(t, text(t, c, "problem"), `problem{check="smtp",problem="smtp_refused",severity="warning",target="a.example.org:25"} 1
`+silent)
		if err := c.Apply(config(server("a.example.org:25", "smtp", time.Hour))); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(text(t, c, "problem"), "\n"); n != 2 {
			t.Errorf("%d problems after a reload, want 2", n)
		}
	})
}
