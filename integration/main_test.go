//go:build integration

// Package integration tests the exporter against real programs: Postfix and Exim as mail
// servers, Knot as the authority for our zones, Unbound as the resolver, Prometheus as the one who asks, Alertmanager as
// the one who tells, Chromium as the browser of who reads the pages, Buildah as the maker of the image.
//
// All of it happens in a small internet of its own. The test binary starts itself anew in namespaces for
// network, mounts, processes and the machine's name. There it can give itself the documentation addresses of
// RFC 5737 and RFC 3849, listen on port 25 and be its own resolver, without touching the machine; nothing can
// get out, and when it ends the kernel ends every program it has started.
//
//	198.51.100.7  2001:db8:7::7     the prober, probe.example.net
//	198.51.100.8                    the prober as 192.0.2.27 sees it: without a name
//	192.0.2.0/24  2001:db8:25::/48  mail servers, each test's on addresses of their own
//	10.0.0.0/24                     mail servers behind NAT
//	192.0.2.53                      Unbound, which asks
//	192.0.2.54                      Knot, which knows the zones of dns_test.go
//	203.0.113.100 to .130           the mail world of TestSoak, with a name server of its own
//	2001:db8:5ca1::/48              the servers of TestScaling, all of them one program
//
// It needs root and what integration/install installs. Without them it fails; it does not skip.
package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// inside is set, to the directory of what the outer process built, for the process in the namespaces.
const inside = "MAILPROBE_INTEGRATION_DIR"

// plain, if set, has the exporter built as it is released, for its figures, and not with the race detector.
const plain = "MAILPROBE_INTEGRATION_PLAIN"

// Built from this tree, and taken out of Debian's package by integration/install. The released binary has no race
// detector: it is for the demo, whose hundreds of targets others watch, and for writing files.
var (
	exporterBinary = filepath.Join(os.Getenv(inside), "mailprobe_exporter")
	releasedBinary = filepath.Join(os.Getenv(inside), "released", "mailprobe_exporter")
	eximBinary     = "../.cache/exim4/usr/sbin/exim4"
)

func TestMain(m *testing.M) {
	if os.Getenv(inside) == "" {
		os.Exit(outside())
	}
	w, err := newWorld()
	if err != nil {
		fmt.Fprintf(os.Stderr, "integration: %v\n", err)
		os.Exit(1)
	}
	world = w
	status := m.Run()
	if err := w.close(); err != nil {
		fmt.Fprintf(os.Stderr, "integration: %v\n", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

// outside builds the exporter and runs the tests in namespaces. It returns their exit status.
func outside() int {
	status, err := runInside()
	if err != nil {
		fmt.Fprintf(os.Stderr, "integration: %v\n", err)
		return max(status, 1)
	}
	return status
}

func runInside() (status int, err error) {
	if os.Getuid() != 0 {
		return 1, errors.New("needs root, for namespaces and ports below 1024")
	}
	for _, program := range []string{"buildah", "ip", "postfix", "knotd", "knotc", "unbound", "prometheus", "promtool", "prometheus-alertmanager", "amtool", "haproxy", "chromium", "systemd-analyze", eximBinary} {
		if _, err := exec.LookPath(program); err != nil {
			return 1, fmt.Errorf("%w; integration/install installs it", err)
		}
	}
	dir, err := os.MkdirTemp("", "mailprobe")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	for name, race := range map[string]bool{"mailprobe_exporter": os.Getenv(plain) == "", "released/mailprobe_exporter": false} {
		build := exec.Command("go", "build", fmt.Sprintf("-race=%t", race), "-o", filepath.Join(dir, name), "../cmd/mailprobe_exporter")
		if out, err := build.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build the exporter: %w\n%s", err, out)
		}
	}

	// In there, where the container's image is built, is no network.
	if out, err := exec.Command("go", "mod", "download").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("download modules: %w\n%s", err, out)
	}
	if err := buildPackages(dir); err != nil {
		return 1, fmt.Errorf("build the packages: %w", err)
	}

	// A parent's death signal belongs to the thread that started the child.
	runtime.LockOSThread()
	self := exec.Command("/proc/self/exe", os.Args[1:]...)
	self.Args[0] = os.Args[0]
	self.Env = append(os.Environ(), inside+"="+dir,
		"GORACE=atexit_sleep_ms=0") // Or the race detector adds a second to the end of the exporter, which is measured.
	self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
	self.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	err = self.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, fmt.Errorf("start in namespaces: %w", err)
	}
	return 0, nil
}
