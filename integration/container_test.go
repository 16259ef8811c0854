//go:build integration

package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Buildah builds the image. An engine does not run everywhere that tests do, so the program runs in what came of it as an
// engine would have it: in that root and no other, which cannot be written, as the image's user, without a way to more
// rights, with the files that every engine adds, a configuration and a volume.
const inImage = `drwxr-xr-x 0:0 /bin
-rwxr-xr-x 0:0 /bin/mailprobe_exporter
drwxr-xr-x 0:0 /etc
drwxr-xr-x 0:0 /etc/mailprobe_exporter
drwxr-xr-x 0:0 /etc/ssl
drwxr-xr-x 0:0 /etc/ssl/certs
-rw-r--r-- 0:0 /etc/ssl/certs/ca-certificates.crt
drwxr-xr-x 0:0 /usr
drwxr-xr-x 0:0 /usr/share
drwxr-xr-x 0:0 /usr/share/doc
drwxr-xr-x 0:0 /usr/share/doc/mailprobe_exporter
-rw-r--r-- 0:0 /usr/share/doc/mailprobe_exporter/LICENSE
-rw-r--r-- 0:0 /usr/share/doc/mailprobe_exporter/NOTICE
drwxr-xr-x 0:0 /var
drwxr-xr-x 0:0 /var/lib
drwxr-xr-x 65532:65532 /var/lib/mailprobe_exporter
`

// TestContainer probes a server and a domain from within the image. Its certificates, resolver, directory and clock have to do.
func TestContainer(t *testing.T) {
	t.Parallel()
	world.knot.change(t, `
		+ boxed.example.org. MX 10 mx.boxed.example.org.
		+ mx.boxed.example.org. A 192.0.2.160
	`)
	startPostfix(t, "mx.boxed.example.org", world.certificate(t, "mx.boxed.example.org"), "192.0.2.160:25")
	img := buildImage(t, "../Dockerfile")
	if got := img.listing(t); got != inImage {
		t.Errorf("in the image:\n%s\nwant:\n%s", got, inImage)
	}

	c := newContainer(t, img)
	t.Run("demo", func(t *testing.T) {
		got := succeed(t, "/", c.command[0], append(c.command[1:], img.entrypoint[0], "check", "--demo", "healthy.example")...)
		if !strings.Contains(got, "healthy.example: nothing is wrong as far as it could be told.") {
			t.Errorf("the program says %s", got)
		}
	})
	e := c.start(t, img, `
helo_name: probe.example.net
blocklists: {use: []}
own_servers: ["*.example.org"]
domains: [{name: boxed.example.org}]
`)
	e.expect(t, patience, `
		check_conclusive{target="boxed.example.org",check="mx"} 1
		smtp_up{target="mx.boxed.example.org:25",address="192.0.2.160"} 1
		certificate_verification{target="mx.boxed.example.org:25",result="ok"} 1
		vantage_ok{test="resolver"} 1
		storage_last_save_successful 1
	`)
	if text, err := e.get("/metrics"); err != nil || !strings.Contains(text, "\nprocess_resident_memory_bytes ") {
		t.Errorf("no metrics of the process: %v", err)
	}
	if err := e.stop(syscall.SIGTERM); err != nil {
		t.Errorf("stop the container: %v", err)
	}
	if times := regexp.MustCompile(`(?m)^time=\S+`).FindAllString(e.output(), -1); len(times) < 3 || strings.Contains(strings.Join(times, ""), "+") {
		t.Errorf("times in the log that are not UTC, or none: %v", times)
	}
	uid, gid := img.owner(t)
	info, err := os.Stat(filepath.Join(c.volume, "state.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); int(owner.Uid) != uid || int(owner.Gid) != gid || info.Mode() != 0o600 {
		t.Errorf("the state belongs to %d:%d, mode %v", owner.Uid, owner.Gid, info.Mode())
	}
}

// A container is an image as an engine lays it out.
type container struct {
	command        []string // What starts a program in it, to which its arguments are added.
	config, volume string   // What is mounted, seen from outside.
}

func newContainer(t *testing.T, img *image) *container {
	t.Helper()
	uid, gid := img.owner(t)
	dir := directory(t, "container")
	c := &container{config: filepath.Join(dir, "config"), volume: filepath.Join(dir, "volume")}
	root := filepath.Join(dir, "root")
	// An empty volume takes owner and mode from the directory of the image.
	if len(img.volumes) != 1 {
		t.Fatalf("VOLUME %v, want one", img.volumes)
	}
	inside, err := os.Stat(filepath.Join(img.root, img.volumes[0]))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{c.config, c.volume, root, filepath.Join(img.root, "proc")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	owner := inside.Sys().(*syscall.Stat_t)
	if err := os.Chown(c.volume, int(owner.Uid), int(owner.Gid)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(c.volume, inside.Mode().Perm()); err != nil {
		t.Fatal(err)
	}
	// The engine's files need a place to be mounted at; then nothing can be written there any more.
	for name, text := range map[string]string{"resolv.conf": "nameserver " + resolver + "\n", "hosts": "127.0.0.1 localhost\n"} {
		write(t, filepath.Join(dir, name), text)
		write(t, filepath.Join(img.root, "etc", name), "")
	}
	const guarded = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC
	bind := func(source, target string, flags uintptr) {
		t.Helper()
		mount(t, source, target, "", syscall.MS_BIND, "")
		mount(t, "", target, "", syscall.MS_BIND|syscall.MS_REMOUNT|flags, "")
	}
	bind(img.root, root, syscall.MS_RDONLY|syscall.MS_NOSUID|syscall.MS_NODEV)
	mount(t, "proc", root+"/proc", "proc", guarded, "")
	bind(filepath.Join(dir, "resolv.conf"), root+"/etc/resolv.conf", syscall.MS_RDONLY|guarded)
	bind(filepath.Join(dir, "hosts"), root+"/etc/hosts", syscall.MS_RDONLY|guarded)
	bind(c.config, root+img.workdir, syscall.MS_RDONLY|guarded)
	bind(c.volume, root+img.volumes[0], guarded)
	// A time zone is asked for that the image does not have.
	c.command = append([]string{"env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TZ=Asia/Yekaterinburg"}, img.env...)
	c.command = append(c.command, "setpriv", "--no-new-privs", "chroot", "--groups=", fmt.Sprintf("--userspec=%d:%d", uid, gid), root)
	return c
}

// start starts the exporter as the image says, at the port that it exposes.
func (c *container) start(t *testing.T, img *image, config string) *exporter {
	t.Helper()
	if len(img.expose) != 1 {
		t.Fatalf("EXPOSE %v, want one", img.expose)
	}
	write(t, filepath.Join(c.config, "exporter.yml"), config)
	command := append(append([]string{}, c.command...), img.entrypoint...)
	command = append(command, img.cmd...)
	e := &exporter{url: "http://" + net.JoinHostPort("127.0.0.1", img.expose[0])}
	ready := func() error {
		_, err := e.get("/-/ready")
		return err
	}
	var err error
	if e.program, err = startProgram(filepath.Join(directory(t, "log"), "log"), ready, command[0], command[1:]...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = e.stop(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("the exporter's log:\n%s", tail(e.output(), 60))
		}
	})
	return e
}
