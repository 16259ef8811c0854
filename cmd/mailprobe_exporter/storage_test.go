package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
)

// TestStorage starts the exporter three times: what it knew is on the first page, and nobody is asked again, until its file is damaged.
func TestStorage(t *testing.T) {
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	if err := world.Zone(`example.org. TXT "v=spf1 -all"`); err != nil {
		t.Fatal(err)
	}
	busy, calls := sendAway(t)
	dir := t.TempDir()
	file := write(t, dir, "exporter.yml", fmt.Sprintf(`
helo_name: probe.example.net
resolver: {servers: [%q]}
blocklists: {use: []}
modules: {record: {kind: domain, checks: [spf]}, talk: {kind: server, checks: [smtp]}}
domains: [{name: example.org, module: record}]
servers: [{address: %q, module: talk}]
`, world.Resolver(), busy))
	storage := filepath.Join(dir, "storage")
	start := func() *program {
		return startProgram(t, &http.Transport{}, "--config.file="+file, "--storage.path="+storage)
	}
	page := func(p *program) string {
		_, body, _ := p.get("/metrics", "")
		return body
	}
	known := []string{
		`mailprobe_spf_valid{target="example.org"} 1`, fmt.Sprintf(`mailprobe_smtp_up{address="127.0.0.1",target=%q} 0`, busy),
		fmt.Sprintf(`mailprobe_target_backoff_until_timestamp_seconds{address="127.0.0.1",target=%q}`, busy),
	}
	everything := func(p *program) func() bool {
		return func() bool {
			body := page(p)
			for _, series := range known {
				if !strings.Contains(body, series) {
					return false
				}
			}
			status, _, _ := p.get("/-/ready", "")
			return status == http.StatusOK
		}
	}

	p := start()
	p.until("everything known", everything(p))
	p.stop(os.Interrupt)
	asked := world.Queries("example.org", "TXT")
	if asked == 0 || calls.Load() != 1 {
		t.Fatalf("asked %d times, called %d times", asked, calls.Load())
	}

	p = start()
	body := page(p)
	for _, series := range known {
		if !strings.Contains(body, series) {
			t.Errorf("%s is not on the first page", series)
		}
	}
	p.until("ready", everything(p))
	p.stop(os.Interrupt)
	if world.Queries("example.org", "TXT") != asked || calls.Load() != 1 {
		t.Errorf("asked %d times, called %d times after the second start", world.Queries("example.org", "TXT"), calls.Load())
	}

	files, err := filepath.Glob(filepath.Join(storage, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("there are %q, %v", files, err)
	}
	if err := os.Truncate(files[0], 100); err != nil {
		t.Fatal(err)
	}
	p = start()
	p.until("everything known anew", func() bool {
		return everything(p)() && world.Queries("example.org", "TXT") > asked && calls.Load() == 2
	})
	p.stop(os.Interrupt)
	if !strings.Contains(p.log.String(), "cannot be used") {
		t.Errorf("the log does not tell of the damage: %s", p.log.String())
	}
	if _, err := os.Stat(files[0] + ".damaged"); err != nil {
		t.Error(err)
	}
}

// sendAway serves SMTP to nobody, and counts who came.
func sendAway(t *testing.T) (address string, calls *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	calls = new(atomic.Int32)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			serving.Go(func() {
				defer conn.Close()
				_, _ = io.WriteString(conn, "421 4.3.2 smtp.example.org is closing\r\n")
				_, _ = io.Copy(io.Discard, conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return l.Addr().String(), calls
}

// TestStoragePathIsAFile: what can never work is said at the start.
func TestStoragePathIsAFile(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "exporter.yml", "helo_name: probe.example.net\ndomains: [{name: example.org}]\n")
	status, _, stderr := command("--config.file="+file, "--storage.path="+file)
	if status != 1 || !strings.Contains(stderr, file+" is not a directory") {
		t.Errorf("exit status %d, %s", status, stderr)
	}
}
