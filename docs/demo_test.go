package docs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
)

// demoTable lists what is wrong in the demo's world.
func demoTable(t *testing.T) string {
	t.Helper()
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	if _, err := world.Demo(); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| target | problem | what is wrong |\n|---|---|---|\n")
	for _, s := range world.Sicknesses() {
		later := ""
		if s.Later {
			later = " Shows after more than one run of the check."
		}
		fmt.Fprintf(&b, "| `%s` | [`%s`](problems.md#%s) | %s%s |\n", s.Target, s.Problem, s.Problem, cell(s.What), later)
	}
	return b.String()
}
