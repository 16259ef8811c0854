package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDashboards writes the files twice, the second time with other settings.
func TestDashboards(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "directory")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "- alert: MailprobeSPFMissing\n        expr: max without (job, instance, pod, container, endpoint, service, namespace, node) (mailprobe_problem{problem=\"spf_missing\"})\n        for: 30m\n"},
		{[]string{"--set", "for_records=45m", "--set", "keep_records=0s", "--lang", "ru", "--job-selector", `job="mail"`, "--external-url", "https://probe.example.org"}, "for: 45m\n        annotations:\n          dashboard_url: https://probe.example.org/targets/"},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(append([]string{"dashboards", "--output", dir}, c.args...), nil, &stdout, &stderr); status != 0 {
			t.Fatalf("%v: status %d: %s", c.args, status, stderr.String())
		}
		if !strings.Contains(stdout.String(), "files are in "+dir) {
			t.Errorf("%v: it says %q", c.args, stdout.String())
		}
		rules, err := os.ReadFile(filepath.Join(dir, "alerts.yml"))
		if err != nil || !strings.Contains(string(rules), c.want) {
			t.Errorf("%v: %v, %q is not in alerts.yml", c.args, err, c.want)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("it left %v behind: %v", left, err)
	}
}

// TestDashboardsDeprecated: thresholds of certificates are honoured where they are given, with a warning that says where they belong now.
func TestDashboardsDeprecated(t *testing.T) {
	for _, c := range []struct {
		args       []string
		rule, said string
	}{
		{nil, `mailprobe_problem{problem="certificate_expires_soon",severity=~"warning|critical"}`, ""},
		{
			[]string{"--set", "certificate_warning=14d"},
			"time() < 1209600",
			"warning: --set certificate_warning is deprecated and will be gone in the next minor version",
		},
	} {
		dir := t.TempDir()
		var stdout, stderr bytes.Buffer
		if status := run(append([]string{"dashboards", "--output", dir}, c.args...), nil, &stdout, &stderr); status != 0 {
			t.Fatalf("%v: status %d: %s", c.args, status, stderr.String())
		}
		rules, err := os.ReadFile(filepath.Join(dir, "alerts.yml"))
		if err != nil || !strings.Contains(string(rules), c.rule) {
			t.Errorf("%v: %v, %q is not in alerts.yml", c.args, err, c.rule)
		}
		if got := stderr.String(); (got == "") != (c.said == "") || !strings.Contains(got, c.said) {
			t.Errorf("%v: it says %q, want %q", c.args, got, c.said)
		}
	}
}

// TestDashboardsInTheWay has something else where a file is to be written: nothing is.
func TestDashboardsInTheWay(t *testing.T) {
	for name, c := range map[string]struct {
		obstruct func(path string) error
		want     string
	}{
		"file of one's own": {func(path string) error { return os.WriteFile(path, []byte("groups: []\n"), 0o644) }, "was not made by this program"},
		"directory":         {func(path string) error { return os.Mkdir(path, 0o755) }, "is not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.obstruct(filepath.Join(dir, "alerts_test.yml")); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			if status := run([]string{"dashboards", "--output", dir}, nil, &stdout, &stderr); status != 1 {
				t.Errorf("status %d, want 1", status)
			}
			if !strings.Contains(stderr.String(), c.want) || !strings.Contains(stderr.String(), "nothing was written") {
				t.Errorf("it says %q, want %q", stderr.String(), c.want)
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 1 {
				t.Errorf("%v are there: %v", entries, err)
			}
		})
	}
}

// TestDashboardsUsage has mistakes on the command line told.
func TestDashboardsUsage(t *testing.T) {
	for args, c := range map[string]struct {
		status int
		want   string
	}{
		"":                              {2, "--output"},
		"--output %s --lang de":         {2, "must be one of en,ru"},
		"--output %s --set":             {2, "argument"},
		"--output %s --set lag":         {2, "KEY=VALUE"},
		"--output %s --set lags=1m":     {1, "there is nothing called lags to set; there are for_server, "},
		"--output %s --set lag=soon":    {1, "set lag=soon: want a time"},
		"--output %s --external-url x":  {1, "want http or https"},
		"--output %s --job-selector {}": {1, "without braces"},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		var stdout, stderr bytes.Buffer
		status := run(append([]string{"dashboards"}, strings.Fields(strings.ReplaceAll(args, "%s", dir))...), nil, &stdout, &stderr)
		if status != c.status || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("dashboards %s: status %d, %q; want %d, %q", args, status, stderr.String(), c.status, c.want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("dashboards %s: something was written", args)
		}
	}
}
