//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Where the name servers live.
const (
	resolver  = "192.0.2.53"
	authority = "192.0.2.54"
)

// eximUser is the user and group of Exim in here.
const eximUser = 64999

// A World is what all tests share: the network, the zones, the resolver and a certificate authority.
type World struct {
	dir      string
	knot     *knot
	resolver *program
	ca       *certificateAuthority
}

// world is set before the first test and not changed.
var world *World

func newWorld() (w *World, err error) {
	w = &World{dir: os.Getenv(inside)}
	if err := os.Chmod(w.dir, 0o755); err != nil {
		return nil, err
	}
	if err := w.arrangeMachine(); err != nil {
		return nil, err
	}
	if err := arrangeNetwork(); err != nil {
		return nil, err
	}
	if w.ca, err = newCertificateAuthority(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(w.caFile(), w.ca.pem, 0o644); err != nil {
		return nil, err
	}
	if w.knot, err = startKnot(filepath.Join(w.dir, "knot")); err != nil {
		return nil, err
	}
	if w.resolver, err = startUnbound(filepath.Join(w.dir, "unbound"), resolver); err != nil {
		return nil, err
	}
	return w, nil
}

// caFile names the file for tls.ca_file.
func (w *World) caFile() string { return filepath.Join(w.dir, "ca.pem") }

func (w *World) close() error {
	return errors.Join(w.resolver.stop(syscall.SIGTERM), w.knot.stop(syscall.SIGTERM))
}

// arrangeMachine gives the namespace a machine's files of its own.
func (w *World) arrangeMachine() error {
	// From here on no mount of ours reaches the machine.
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := syscall.Sethostname([]byte("probe.example.net")); err != nil {
		return fmt.Errorf("set the host's name: %w", err)
	}
	// `ip netns` keeps its names here.
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("none", "/run/netns", "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mount /run/netns: %w", err)
	}
	// Exim asks for its user even where it is told to be another. The machine may not have it.
	return errors.Join(
		w.overlay("/etc/passwd", func(s string) string {
			return s + fmt.Sprintf("Debian-exim:x:%d:%d::/:/usr/sbin/nologin\n", eximUser, eximUser)
		}),
		w.overlay("/etc/group", func(s string) string { return s + fmt.Sprintf("Debian-exim:x:%d:\n", eximUser) }),
		w.overlay("/etc/hosts", func(string) string { return "127.0.0.1 localhost\n::1 localhost\n" }),
		w.overlay("/etc/resolv.conf", func(string) string { return "nameserver " + resolver + "\n" }),
	)
}

// overlay puts a changed copy of a file in its place.
func (w *World) overlay(path string, change func(string) string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file := filepath.Join(w.dir, "etc-"+filepath.Base(path))
	if err := os.WriteFile(file, []byte(change(string(old))), 0o644); err != nil {
		return err
	}
	if err := syscall.Mount(file, path, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount over %s: %w", path, err)
	}
	return nil
}

// arrangeNetwork makes whole prefixes local, so that servers can listen anywhere in them, and gives the
// connections to them the prober's address. One server is reached from an address without a name.
func arrangeNetwork() error {
	if err := os.WriteFile("/proc/sys/net/ipv6/ip_nonlocal_bind", []byte("1"), 0o644); err != nil {
		return err
	}
	return ip(`
		link set lo up
		addr add 198.51.100.7/32 dev lo
		addr add 198.51.100.8/32 dev lo
		addr add 2001:db8:7::7/128 dev lo nodad
		route add local 192.0.2.0/24 dev lo src 198.51.100.7
		route add local 192.0.2.27/32 dev lo src 198.51.100.8
		route add local 203.0.113.0/24 dev lo src 198.51.100.7
		route add local 10.0.0.0/24 dev lo src 198.51.100.7
		-6 route add local 2001:db8::/32 dev lo src 2001:db8:7::7
	`)
}

// ip runs commands of ip(8), a line each.
func ip(commands string) error {
	for line := range strings.Lines(commands) {
		if args := strings.Fields(line); len(args) > 0 {
			if err := run("ip", args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// run runs a command to its end.
func run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
