//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	service     = "mailprobe_exporter.service"
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

// TestPackage installs, enables, reloads, upgrades, stops and purges the deb on a machine with systemd, which starts the service as the unit says.
func TestPackage(t *testing.T) {
	t.Parallel()
	world.knot.change(t, `
		+ mx.packaged.example.org. A 192.0.2.94
		+ mx.packaged.example.org. AAAA 2001:db8:25::94
	`)
	startPostfix(t, "mx.packaged.example.org", world.certificate(t, "mx.packaged.example.org"), "192.0.2.94:25", "[2001:db8:25::94]:25")
	m := newMachine(t)
	m.deliver(t)
	before := m.changed(t)

	m.run(t, "dpkg", "-i", "/1.deb")
	m.wantService(t, "ActiveState=inactive", "UnitFileState=disabled") // Its configuration is an example.

	const target = "mx.packaged.example.org:25"
	password := filepath.Join(filepath.Dir(configFile), "smtp.pw")
	config := strings.Replace(preamble(), world.caFile(), "/ca.pem", 1) + "own_servers: [\"*.example.org\"]\nservers:\n- {address: \"" + target + "\"}\n" +
		"- {address: \"192.0.2.94:587\", credentials: {username: monitor, password_file: " + password + "}}\n"
	e := &exporter{config: m.path(configFile), url: "http://" + freePort()}
	defaults := fmt.Sprintf("# Ours\nARGS=\"--web.listen-address=%s --log.level=debug\"\n", e.address())
	write(t, e.config, config)
	write(t, m.path(defaultFile), defaults)
	write(t, m.path("/smtp.pw"), "secret\n")
	m.run(t, "install", "-m", "640", "-g", serviceUser, "/smtp.pw", password)

	m.run(t, "systemctl", "enable", "--now", service)
	e.wantReady(t)
	up := `
		smtp_up{target="mx.packaged.example.org:25",address="192.0.2.94"} 1
		smtp_up{target="mx.packaged.example.org:25",address="2001:db8:25::94"} 1
		certificate_verification{target="mx.packaged.example.org:25",result="ok"} 1
		vantage_ok{test="resolver"} 1
		vantage_ok{test="ipv6"} 1
		config_last_reload_successful 1
	`
	e.expect(t, patience, up)
	if text, err := e.get("/metrics"); err != nil || !strings.Contains(text, "\nprocess_start_time_seconds ") {
		t.Errorf("no metrics of the process: %v", err)
	}
	first := m.wantService(t, "ActiveState=active", "UnitFileState=enabled")
	m.wantConfined(t, first)

	config += "severity: {smtp_refused: info}\n"
	e.reconfigureBy(t, config, func() error { return m.command("systemctl", "reload", service).Run() })
	if pid := m.wantService(t, "ActiveState=active"); pid != first {
		t.Errorf("reload has started it anew: it was process %s and is %s", first, pid)
	}
	lastRun := e.must(t).find("check_last_run_timestamp_seconds{target=\"" + target + "\",check=\"smtp\"}").String()

	m.run(t, "dpkg", "--force-confold", "-i", "/2.deb")
	if pid := m.wantService(t, "ActiveState=active", "UnitFileState=enabled"); pid == first {
		t.Error("after the upgrade the old program runs")
	}
	for file, want := range map[string]string{configFile: config, defaultFile: defaults} {
		if got := m.read(t, file); got != want {
			t.Errorf("after the upgrade %s is\n%s", file, got)
		}
	}
	if got := m.read(t, configFile+".dpkg-dist"); !strings.HasSuffix(got, "# Of version 1.2.3\n") {
		t.Errorf("the new example is not beside the old configuration:\n%s", got)
	}
	// It knows what it knew, and asks nobody before his time.
	e.wantReady(t)
	e.expect(t, patience, up)
	if got := e.must(t).find("check_last_run_timestamp_seconds{target=\"" + target + "\",check=\"smtp\"}").String(); got != lastRun {
		t.Errorf("after the upgrade\n%s\nbefore\n%s", got, lastRun)
	}

	m.run(t, "systemctl", "stop", service)
	m.wantService(t, "ActiveState=inactive", "Result=success")
	m.run(t, "systemctl", "start", service)
	m.run(t, "dpkg", "--purge", "mailprobe-exporter")
	m.wantService(t, "LoadState=not-found", "ActiveState=inactive")
	m.wantPurged(t, before, password)
}

// deliver brings the packages to the machine, and the certificate authority.
func (m *machine) deliver(t *testing.T) {
	t.Helper()
	for i, v := range packageVersions {
		text, err := os.ReadFile(filepath.Join(os.Getenv(inside), v+".deb"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, m.path(fmt.Sprintf("/%d.deb", i+1)), string(text))
	}
	write(t, m.path("/ca.pem"), string(world.ca.pem))
}

// wantReady waits until the exporter answers.
func (e *exporter) wantReady(t *testing.T) {
	t.Helper()
	err := eventually(patience, func() error {
		_, err := e.get("/-/ready")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantService compares the service with what is wanted of it, and returns the number of its process.
func (m *machine) wantService(t *testing.T, want ...string) (pid string) {
	t.Helper()
	got := strings.Split(m.show(t, "LoadState,ActiveState,UnitFileState,Result,MainPID"), "\n")
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("the service is %q, want %s", got, w)
		}
	}
	for _, line := range got {
		if value, ok := strings.CutPrefix(line, "MainPID="); ok {
			pid = value
		}
	}
	return pid
}

// wantConfined looks whether the process has the rights that the unit leaves it, and no more.
func (m *machine) wantConfined(t *testing.T, pid string) {
	t.Helper()
	status := m.run(t, "cat", "/proc/"+pid+"/status")
	for _, want := range []string{"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(status, want+"\n") {
			t.Errorf("the service's process is not %q:\n%s", want, status)
		}
	}
	if user := strings.TrimSpace(m.run(t, "stat", "--format=%U", "/proc/"+pid)); user != serviceUser {
		t.Errorf("the service's user is %q", user)
	}
	// Where it runs, not even root could write.
	touch := func(dir string) *exec.Cmd {
		return m.command("nsenter", "--mount", "--target", pid, "touch", filepath.Join(dir, "touched"))
	}
	for _, dir := range []string{"/usr", "/etc/mailprobe_exporter", "/var/log", "/home"} {
		if out, err := touch(dir).CombinedOutput(); err == nil || !strings.Contains(string(out), "Read-only file system") {
			t.Errorf("in %s can be written: %v\n%s", dir, err, out)
		}
	}
	if out, err := touch(stateDir).CombinedOutput(); err != nil {
		t.Errorf("in its directory cannot be written: %v\n%s", err, out)
	}
}

// wantPurged looks for what the package has left behind. Only what the operator has put beside its configuration may be there, for root alone.
func (m *machine) wantPurged(t *testing.T, before []string, password string) {
	t.Helper()
	kept := []string{filepath.Dir(password), password, "/smtp.pw"}
	for _, file := range m.changed(t) {
		if !slices.Contains(before, file) && !slices.Contains(kept, file) && !keptByDpkg(file) {
			t.Errorf("%s is left behind", file)
		}
	}
	if got := strings.TrimSpace(m.run(t, "stat", "--format=%a %u %g", password)); got != "640 0 0" {
		t.Errorf("mode and owners of the password are %s", got)
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
