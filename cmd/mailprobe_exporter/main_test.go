package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// command runs the program with arguments and returns its exit status and what it wrote.
func command(args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = run(args, nil, &out, &err)
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

// TestVersionOf reads what go build, go install and go run know.
func TestVersionOf(t *testing.T) {
	for _, c := range []struct {
		info    debug.BuildInfo
		v, date string
	}{
		{debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "1.2.3", ""},
		{debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "(devel)", ""},
		{debug.BuildInfo{
			Main:     debug.Module{Version: "v0.0.0-20260301120000-0123456789ab+dirty"},
			Settings: []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.time", Value: "2026-03-01T12:00:00Z"}},
		}, "0.0.0-20260301120000-0123456789ab+dirty", "2026-03-01T12:00:00Z"},
	} {
		if v, date := versionOf(&c.info); v != c.v || date != c.date {
			t.Errorf("%s: %q of %q, want %q of %q", c.info.Main.Version, v, date, c.v, c.date)
		}
	}
}

// TestPortInUse: who finds the port taken has probed nobody.
func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var visits atomic.Int32
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := taken.Accept()
			if err != nil {
				return
			}
			visits.Add(1)
			conn.Close()
		}
	})
	config := write(t, t.TempDir(), "exporter.yml", "helo_name: probe.example.net\nresolver: {servers: ['127.0.0.1:1']}\nblocklists: {use: []}\n"+
		"servers: [{address: '"+taken.Addr().String()+"'}]\n")
	status, _, stderr := command("--config.file", config, "--web.listen-address", taken.Addr().String())
	if status != 1 || !strings.Contains(stderr, "mailprobe_exporter: web server: ") || !strings.Contains(stderr, "in use") {
		t.Errorf("status %d: %s", status, stderr)
	}
	if strings.Contains(stderr, "Stopping") {
		t.Errorf("it had begun to probe: %s", stderr)
	}
	taken.Close()
	accepting.Wait()
	if n := visits.Load(); n > 0 {
		t.Errorf("the server was talked to %d times", n)
	}
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
		{[]string{"--config.check", "--config.file", good}, 0, []string{"good.yml: good, 1 target\n"}, nil},
		{[]string{"--config.check", "--config.file", bad}, 1, nil, []string{"bad.yml:1:1", "helo_name", "bad.yml:2:"}},
		{[]string{"--config.check", "--config.file", half}, 1, []string{"warning: "}, []string{"broken.yml", "cannot be used"}},
		{[]string{"--config.file", filepath.Join(dir, "missing.yml")}, 1, nil, []string{"missing.yml", "mailprobe_exporter demo"}},
		{[]string{"--config.check", "--config.file", good, "--web.external-url", "not a url"}, 0, []string{"good"}, nil},
		{[]string{"demo", "--config.file", good}, 2, nil, []string{"the demo has a configuration of its own", "--config.file"}},
		{[]string{"demo", "--config.check"}, 2, nil, []string{"the demo has a configuration of its own", "--config.check"}},
		{[]string{"demo", "--no-schedule"}, 2, nil, []string{"leave --no-schedule out"}},
		{[]string{"demo", "--storage.path", dir}, 2, nil, []string{"nothing to keep", "--storage.path"}},
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
