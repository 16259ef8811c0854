//go:build integration

package integration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const (
	service     = "mailprobe_exporter.service"
	unitFile    = "/usr/lib/systemd/system/" + service
	configFile  = "/etc/mailprobe_exporter/exporter.yml"
	defaultFile = "/etc/default/mailprobe_exporter"
	stateDir    = "/var/lib/mailprobe_exporter"
	serviceUser = "mailprobe_exporter"
)

// packageVersions are those of the two packages: that which is installed and that to which it is upgraded.
var packageVersions = []string{"1.2.3-rc.1", "1.2.3"}

// buildPackages makes debs of this tree with an exporter that was built; they come with different examples of a configuration.
func buildPackages(dir string) error {
	nfpm := filepath.Join(dir, "nfpm")
	err := run("go", "build", "-modfile=../tools/nfpm/go.mod", "-o", nfpm, "github.com/goreleaser/nfpm/v2/cmd/nfpm")
	if err != nil {
		return err
	}
	for _, v := range packageVersions {
		tree := filepath.Join(dir, "tree-"+v)
		if err := os.CopyFS(filepath.Join(tree, "deploy/linux"), os.DirFS("../deploy/linux")); err != nil {
			return err
		}
		for _, name := range []string{"exporter.yml", "README.md", "NOTICE", "LICENSE"} {
			text, err := os.ReadFile(filepath.Join("..", name))
			if name == "exporter.yml" {
				text = append(text, "# Of version "+v+"\n"...)
			}
			if err = errors.Join(err, os.WriteFile(filepath.Join(tree, name), text, 0o644)); err != nil {
				return err
			}
		}
		cmd := exec.Command(nfpm, "package", "--config", "deploy/linux/nfpm.yaml", "--packager", "deb", "--target", filepath.Join(dir, v+".deb"))
		cmd.Dir = tree
		cmd.Env = append(os.Environ(), "VERSION="+v, "ARCH=amd64", "BINARY="+filepath.Join(dir, "mailprobe_exporter"), "SOURCE_DATE_EPOCH=1767323045")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("nfpm: %w\n%s", err, out)
		}
	}
	return nil
}

// TestUnit has systemd read the unit, and judge how much of the machine it leaves open: from 0, nothing, to 10.
func TestUnit(t *testing.T) {
	t.Parallel()
	// A copy, for systemd looks whether what it starts is there.
	text, err := os.ReadFile("../deploy/linux/" + service)
	if err != nil {
		t.Fatal(err)
	}
	dir := directory(t, "unit")
	unit := filepath.Join(dir, service)
	write(t, unit, strings.ReplaceAll(string(text), "/usr/bin/mailprobe_exporter", exporterBinary))
	for _, args := range [][]string{
		{"verify", "--man=no", unit},
		{"security", "--offline=yes", "--threshold=15", "--no-pager", unit},
	} {
		out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
		if err != nil || args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
}

// TestPackage installs, runs, upgrades and purges the deb, on a copy of this machine. No systemd runs here, so we do what the unit says.
func TestPackage(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	before := m.changed(t)

	m.run(t, "dpkg", "-i", "/1.deb")
	m.wantSystemctl(t, "daemon-reload", "try-restart "+service)
	m.run(t, "setpriv", "--reuid", serviceUser, "--regid", serviceUser, "--clear-groups",
		"mailprobe_exporter", "--config.check", "--config.file", configFile)

	const target = "192.0.2.94:25" // Nobody is there, which is an answer.
	config := preamble() + "servers: [{address: \"" + target + "\"}]\n"
	address := freePort()
	defaults := fmt.Sprintf("# Ours\nARGS=\"--web.listen-address=%s --log.level=debug\"\n", address)
	write(t, m.path(configFile), config)
	write(t, m.path(defaultFile), defaults)

	e := m.start(t, address)
	up := "smtp_up{target=\"" + target + "\"} 0\n"
	e.expect(t, patience, up)
	e.reconfigure(t, config+"severity: {smtp_refused: info}\n") // ExecReload.
	lastRun := e.must(t).find("check_last_run_timestamp_seconds{target=\"" + target + "\",check=\"smtp\"}").String()
	m.stop(t, e)
	config += "severity: {smtp_refused: info}\n"

	m.run(t, "dpkg", "--force-confold", "-i", "/2.deb")
	m.wantSystemctl(t, "daemon-reload", "daemon-reload", "try-restart "+service)
	for file, want := range map[string]string{configFile: config, defaultFile: defaults} {
		if got := m.read(t, file); got != want {
			t.Errorf("after the upgrade %s is\n%s", file, got)
		}
	}
	if got := m.read(t, configFile+".dpkg-dist"); !strings.HasSuffix(got, "# Of version 1.2.3\n") {
		t.Errorf("the new example is not beside the old configuration:\n%s", got)
	}

	// It knows what it knew, and asks nobody before his time.
	e = m.start(t, address)
	e.expect(t, patience, up)
	if got := e.must(t).find("check_last_run_timestamp_seconds{target=\"" + target + "\",check=\"smtp\"}").String(); got != lastRun {
		t.Errorf("after the upgrade\n%s\nbefore\n%s", got, lastRun)
	}
	m.stop(t, e)

	m.run(t, "dpkg", "--purge", "mailprobe-exporter")
	m.wantSystemctl(t, "disable --now "+service, "daemon-reload", "daemon-reload")
	for _, file := range m.changed(t) {
		if !slices.Contains(before, file) && !keptByDpkg(file) {
			t.Errorf("%s is left behind", file)
		}
	}
	for _, file := range userFiles {
		if strings.Contains(m.read(t, file), serviceUser) {
			t.Errorf("the user is still in %s", file)
		}
	}
}

// userFiles are where users and groups stand.
var userFiles = []string{"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid"}

// keptByDpkg tells what every package leaves that has a user of its own: dpkg's books and log, and the files of users with their
// copies, which are written anew.
func keptByDpkg(file string) bool {
	return strings.HasPrefix(file, "/var/lib/dpkg/") || file == "/var/log/dpkg.log" || file == "/etc/.pwd.lock" ||
		slices.Contains(userFiles, strings.TrimSuffix(file, "-"))
}

// A machine is a copy of this one: what is written goes into a directory of memory and is gone after the test.
type machine struct{ root, upper string }

// newMachine makes a machine with both packages, and with a systemctl that writes down what it is told.
func newMachine(t *testing.T) *machine {
	t.Helper()
	dir := directory(t, "machine")
	mount := func(source, target, kind string, flags uintptr, options string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(target, 0o755), syscall.Mount(source, target, kind, flags, options)); err != nil {
			t.Fatalf("mount %s: %v", target, err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmount %s: %v", target, err)
			}
		})
	}
	mount("none", dir, "tmpfs", 0, "mode=0755")
	m := &machine{root: filepath.Join(dir, "root"), upper: filepath.Join(dir, "upper")}
	work := filepath.Join(dir, "work")
	if err := errors.Join(os.Mkdir(m.upper, 0o755), os.Mkdir(work, 0o755)); err != nil {
		t.Fatal(err)
	}
	mount("overlay", m.root, "overlay", 0, "lowerdir=/,upperdir="+m.upper+",workdir="+work)
	mount("/proc", m.path("/proc"), "", syscall.MS_BIND, "")
	mount("/dev", m.path("/dev"), "", syscall.MS_BIND|syscall.MS_REC, "")

	for i, v := range packageVersions {
		text, err := os.ReadFile(filepath.Join(os.Getenv(inside), v+".deb"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, m.path(fmt.Sprintf("/%d.deb", i+1)), string(text))
	}
	ca, err := os.ReadFile(world.caFile())
	if err := errors.Join(err, os.MkdirAll(m.path("/run/systemd/system"), 0o755), os.MkdirAll(m.path(filepath.Dir(world.caFile())), 0o755)); err != nil {
		t.Fatal(err)
	}
	write(t, m.path(world.caFile()), string(ca))
	write(t, m.path("/systemctl.log"), "")
	if err := os.WriteFile(m.path("/usr/local/bin/systemctl"), []byte("#!/bin/sh\necho \"$*\" >>/systemctl.log\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return m
}

// path is where a file of the machine is for us.
func (m *machine) path(file string) string { return filepath.Join(m.root, file) }

func (m *machine) read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(m.path(file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run runs a command on the machine.
func (m *machine) run(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "chroot", append([]string{m.root}, args...)...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
}

// wantSystemctl compares what the package's scripts have told systemctl since the last time.
func (m *machine) wantSystemctl(t *testing.T, want ...string) {
	t.Helper()
	got := strings.Split(strings.TrimSpace(m.read(t, "/systemctl.log")), "\n")
	if !slices.Equal(got, want) {
		t.Errorf("systemctl was told %q, want %q", got, want)
	}
	write(t, m.path("/systemctl.log"), "")
}

// start starts the exporter as the unit says: its command line with ARGS, its user without any capability, its state directory.
func (m *machine) start(t *testing.T, address string) *exporter {
	t.Helper()
	unit := settings(m.read(t, unitFile))
	if unit["User"] != serviceUser || unit["StateDirectory"] != filepath.Base(stateDir) || unit["EnvironmentFile"] != "-"+defaultFile {
		t.Fatalf("the unit says %q", unit)
	}
	m.run(t, "install", "-d", "-m", unit["StateDirectoryMode"], "-o", unit["User"], "-g", unit["Group"], stateDir)
	args := strings.Trim(settings(m.read(t, defaultFile))["ARGS"], `"`)
	line := strings.Fields(strings.ReplaceAll(unit["ExecStart"], "$ARGS", args))

	dir := directory(t, "packaged")
	e := &exporter{config: m.path(configFile), url: "http://" + address}
	ready := func() error {
		_, err := e.get("/-/healthy")
		return err
	}
	command := append([]string{
		m.root, "setpriv", "--reuid", unit["User"], "--regid", unit["Group"], "--clear-groups",
		"--inh-caps=-all", "--bounding-set=-all", "--no-new-privs",
	}, line...)
	var err error
	if e.program, err = startProgram(filepath.Join(dir, "log"), ready, "chroot", command...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = e.program.stop(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("the exporter's log:\n%s", tail(e.output(), 30))
		}
	})
	return e
}

// stop stops the exporter as systemd does.
func (m *machine) stop(t *testing.T, e *exporter) {
	t.Helper()
	if err := e.program.stop(syscall.SIGTERM); err != nil {
		t.Fatalf("%v\n%s", err, tail(e.output(), 30))
	}
}

// settings reads lines of the form NAME=value; of several with one name the last.
func settings(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			all[name] = value
		}
	}
	return all
}

// changed lists the files of the machine that are not those of this one: new, changed and removed ones.
func (m *machine) changed(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(m.upper, func(path string, d fs.DirEntry, err error) error {
		// A directory is copied up when something in it changes; only a new one says something.
		name := strings.TrimPrefix(path, m.upper)
		if err != nil || path == m.upper {
			return err
		}
		if _, old := os.Lstat(name); d.IsDir() && old == nil {
			return nil
		}
		files = append(files, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
