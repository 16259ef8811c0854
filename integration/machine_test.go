//go:build integration

package integration

import (
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

// A machine is a copy of this one on which systemd runs. What is written goes into a directory of memory; processes, mounts, control
// groups and the machine's name are its own; the network is that of the tests.
type machine struct {
	init        *exec.Cmd // systemd.
	root, upper string    // Its files as they are seen from here, and those of them that differ from ours.
}

// bootScript becomes systemd; $1 is the machine's root. What shows the namespaces is mounted from within them, and with the old root all that
// is ours goes out of sight. Nothing may reach the kernel that both machines share: neither its settings, nor its modules, nor its clock.
const bootScript = `
mount -t proc proc "$1/proc"
mount --bind "$1/proc/sys" "$1/proc/sys"
mount -o remount,bind,ro "$1/proc/sys"
mount -t sysfs -o ro sysfs "$1/sys"
mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
cd "$1"
pivot_root . mnt
umount -l /mnt
exec env -i container=test setpriv --bounding-set=-sys_module,-sys_time,-sys_boot,-sys_rawio,-syslog \
  /lib/systemd/systemd --unit=basic.target
`

// newMachine boots a machine, and ends it with the test.
func newMachine(t *testing.T) *machine {
	t.Helper()
	dir := directory(t, "machine")
	mount(t, "none", dir, "tmpfs", 0, "mode=0755")
	m := &machine{root: filepath.Join(dir, "root"), upper: filepath.Join(dir, "upper")}
	work, groups := filepath.Join(dir, "work"), filepath.Join(dir, "groups")
	for _, d := range []string{m.root, m.upper, work, groups} {
		makeDirectory(t, d)
	}
	mount(t, "overlay", m.root, "overlay", 0, "lowerdir=/,upperdir="+m.upper+",workdir="+work)
	m.furnish(t)

	// systemd needs groups of its own and no controller: those may be where they are.
	mount(t, "cgroup2", groups, "cgroup2", 0, "")
	group := filepath.Join(groups, filepath.Base(world.dir))
	makeDirectory(t, group)
	t.Cleanup(func() { removeGroup(t, group) })
	into, err := os.Open(group)
	if err != nil {
		t.Fatal(err)
	}
	defer into.Close()
	m.init = exec.Command("unshare", "--mount", "--uts", "--ipc", "--cgroup", "sh", "-ec", bootScript, "sh", m.root)
	m.init.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, UseCgroupFD: true, CgroupFD: int(into.Fd())}
	running, err := startCommand(filepath.Join(directory(t, "systemd"), "log"), m.booted, m.init)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := m.command("journalctl", "--no-pager", "--lines=60").CombinedOutput()
			t.Logf("the machine's journal:\n%s", out)
		}
		_ = running.stop(syscall.SIGKILL) // With it ends everything there.
	})
	return m
}

// furnish gives the machine devices and a /run of its own, and takes away what is enabled here: it would be started there, too.
func (m *machine) furnish(t *testing.T) {
	t.Helper()
	units, dev, run := m.path("/etc/systemd/system"), m.path("/dev"), m.path("/run")
	if err := os.RemoveAll(units); err != nil {
		t.Fatal(err)
	}
	makeDirectory(t, units)
	write(t, m.path("/etc/fstab"), "")
	mount(t, "none", run, "tmpfs", 0, "mode=0755")
	for _, d := range []string{"systemd", "systemd/journald.conf.d"} {
		makeDirectory(t, filepath.Join(run, d))
	}
	write(t, filepath.Join(run, "systemd/journald.conf.d/test.conf"), "[Journal]\nStorage=volatile\n")

	mount(t, "none", dev, "tmpfs", 0, "mode=0755")
	makeDirectory(t, filepath.Join(dev, "shm"))
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		write(t, filepath.Join(dev, name), "")
		mount(t, "/dev/"+name, filepath.Join(dev, name), "", syscall.MS_BIND, "")
	}
	if err := os.Symlink("pts/ptmx", filepath.Join(dev, "ptmx")); err != nil {
		t.Fatal(err)
	}
}

// booted is whether systemd is there and has done all that it was to do.
func (m *machine) booted() error {
	// Before, the process is in our root.
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", m.init.Process.Pid)); err != nil || filepath.Base(exe) != "systemd" {
		return fmt.Errorf("not systemd yet, but %q: %w", exe, err)
	}
	out, err := m.command("systemctl", "is-system-running").CombinedOutput()
	// It is degraded where something of this machine cannot run there, which is none of our business.
	if state := strings.TrimSpace(string(out)); state != "running" && state != "degraded" {
		return fmt.Errorf("systemctl is-system-running: %w: %s", err, out)
	}
	return nil
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

// command is one that runs on the machine, as root.
func (m *machine) command(args ...string) *exec.Cmd {
	enter := []string{"--target", fmt.Sprint(m.init.Process.Pid), "--mount", "--uts", "--ipc", "--cgroup", "--pid", "--root", "--wd"}
	cmd := exec.Command("nsenter", append(enter, args...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"}
	return cmd
}

// run runs a command on the machine, and returns its output.
func (m *machine) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.command(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// show returns properties of our service, a line each.
func (m *machine) show(t *testing.T, properties string) string {
	t.Helper()
	return strings.TrimSpace(m.run(t, "systemctl", "show", "--property="+properties, service))
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

// removeGroup removes a control group, and those below it, once nobody is in them.
func removeGroup(t *testing.T, group string) {
	t.Helper()
	err := eventually(patience, func() error {
		var groups []string
		err := filepath.WalkDir(group, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				groups = append(groups, path)
			}
			return err
		})
		for _, g := range slices.Backward(groups) {
			if err == nil {
				err = syscall.Rmdir(g)
			}
		}
		return err
	})
	if err != nil {
		t.Errorf("remove the control group: %v", err)
	}
}

func makeDirectory(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
}
