//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// anchor is the root's key of 2017, as IANA publishes it. Nobody is asked for it here.
const anchor = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"

// TestComposeFiles has the programs of deploy/compose.yml read the files that it gives them, laid out as it mounts them.
// Alertmanager's is that of dashboards, which TestRules reads.
func TestComposeFiles(t *testing.T) {
	t.Parallel()
	fetch := func(path string) string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	t.Run("unbound", func(t *testing.T) {
		const home = `"/var/lib/unbound`
		dir := directory(t, "unbound")
		write(t, filepath.Join(dir, "root.key"), anchor)
		conf := fetch("../deploy/compose/unbound/unbound.conf")
		if strings.Count(conf, home) != 2 {
			t.Errorf("unbound.conf does not name %s as the test expects", home)
		}
		write(t, filepath.Join(dir, "unbound.conf"), strings.ReplaceAll(conf, home, `"`+dir))
		if out := succeed(t, dir, "unbound-checkconf", "unbound.conf"); !strings.Contains(out, "no errors") {
			t.Errorf("unbound-checkconf says %s", out)
		}
		// What the program itself takes from it.
		for option, want := range map[string]string{"auto-trust-anchor-file": dir + "/root.key", "module-config": "validator iterator", "username": "", "access-control": "10.53.53.0/24 allow"} {
			if got := strings.TrimSpace(succeed(t, dir, "unbound-checkconf", "-o", option, "unbound.conf")); got != want {
				t.Errorf("%s: %q, want %q", option, got, want)
			}
		}
	})
	t.Run("prometheus", func(t *testing.T) {
		dir := directory(t, "prometheus")
		write(t, filepath.Join(dir, "prometheus.yml"), fetch("../deploy/compose/prometheus.yml"))
		write(t, filepath.Join(dir, "alerts.yml"), fetch("../dashboards/alerts.yml"))
		out := succeed(t, dir, "promtool", "check", "config", "--lint-fatal", "prometheus.yml")
		if !strings.Contains(out, "alerts.yml") || !strings.Contains(out, "1 rule files found") {
			t.Errorf("promtool says %s", out)
		}
	})
}
