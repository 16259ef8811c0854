package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// command runs the program with arguments and returns its exit status and what it wrote.
func command(args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = run(args, &out, &err)
	return status, out.String(), err.String()
}

// write puts a file into a directory of the test's own and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	good := write(t, dir, "good.yml", "helo_name: probe.example.net\ndomains: [{name: example.org}]\n")
	bad := write(t, dir, "bad.yml", "helo_nam: probe.example.net\nlimits: {concurrency: many}\n")
	half := write(t, dir, "half.yml", "helo_name: probe.example.net\ntarget_files: [broken.yml]\n")
	write(t, dir, "broken.yml", "domain: []\n")

	for _, c := range []struct {
		args   []string
		status int
		stdout []string
		stderr []string
	}{
		{[]string{"--version"}, 0, []string{"mailprobe_exporter, version"}, nil},
		{[]string{"--help"}, 0, []string{"--config.file", "demo", ":10587"}, nil},
		{[]string{"--no-such-flag"}, 2, nil, []string{"--no-such-flag", "--help"}},
		{[]string{"nonsense"}, 2, nil, []string{"nonsense"}},
		{[]string{"--config.auto-reload-interval=1ms"}, 2, nil, []string{"at least 1s"}},
		{[]string{"--config.check", "--config.file", good}, 0, []string{"good.yml: good, 1 targets"}, nil},
		{[]string{"--config.check", "--config.file", bad}, 1, nil, []string{"bad.yml:1:1", "helo_name", "bad.yml:2:"}},
		{[]string{"--config.check", "--config.file", half}, 1, []string{"warning: "}, []string{"broken.yml", "cannot be used"}},
		{[]string{"--config.file", filepath.Join(dir, "missing.yml")}, 1, nil, []string{"missing.yml", "mailprobe_exporter demo"}},
		{[]string{"--config.check", "--config.file", good, "--web.external-url", "not a url"}, 0, []string{"good"}, nil},
		{[]string{"demo", "--web.external-url", "not a url"}, 1, nil, []string{"--web.external-url", "https://"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			status, stdout, stderr := command(c.args...)
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			for _, want := range c.stdout {
				if !strings.Contains(stdout, want) {
					t.Errorf("standard output lacks %q:\n%s", want, stdout)
				}
			}
			for _, want := range c.stderr {
				if !strings.Contains(stderr, want) {
					t.Errorf("standard error lacks %q:\n%s", want, stderr)
				}
			}
		})
	}
}
