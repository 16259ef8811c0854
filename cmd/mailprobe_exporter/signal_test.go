//go:build unix

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestEarlySIGHUP: a reload that is asked for while the configuration is still being read does not end the exporter. The
// configuration is a pipe, so that it is being read when we say so.
func TestEarlySIGHUP(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "exporter.yml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	status := make(chan int)
	go func() { status <- run([]string{"--config.file=" + pipe}, io.Discard, &stderr) }()
	config, err := os.OpenFile(pipe, os.O_WRONLY, 0) // Waits for the reader.
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	_, _ = config.WriteString("bogus: 1\n")
	_ = config.Close()
	if got := <-status; got != 1 || !strings.Contains(stderr.String(), "bogus") {
		t.Errorf("exit status %d, %s", got, stderr.String())
	}
}
