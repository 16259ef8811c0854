//go:build integration

package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// An image is what a Dockerfile describes: a file system, and how a program is started in it.
type image struct {
	root                    string
	workdir, user           string
	env, volumes            []string
	entrypoint, cmd, expose []string
}

// buildImage has Buildah build a Dockerfile, in a store of the test's own and without a registry. A command is run in a
// root of its own (chroot) rather than by a runtime, which wants more of the machine than there is everywhere.
func buildImage(t *testing.T, dockerfile string) *image {
	t.Helper()
	store := directory(t, "store")
	context := filepath.Dir(dockerfile)
	buildah := func(args ...string) string {
		t.Helper()
		return succeed(t, context, "env", append([]string{
			"TMPDIR=" + store, "buildah",
			"--root=" + store + "/root", "--runroot=" + store + "/run", "--storage-driver=vfs",
		}, args...)...)
	}
	text, err := os.ReadFile(dockerfile)
	if err != nil {
		t.Fatal(err)
	}
	golang := regexp.MustCompile(`(?m)^FROM .*\b(golang:\S+)`).FindSubmatch(text)
	if golang == nil {
		t.Fatalf("%s is not built by Go", dockerfile)
	}
	mounts := goImage(t, filepath.Join(store, "golang"))
	buildah("build", "--quiet", "--tag="+string(golang[1]), filepath.Join(store, "golang"))

	args := []string{"build", "--quiet", "--layers=false", "--pull-never", "--isolation=chroot", "--network=host", "--tag=built", "--file=" + filepath.Base(dockerfile)}
	for _, m := range mounts {
		args = append(args, "--volume="+m)
	}
	buildah(append(args, ".")...)
	var built struct {
		OCIv1 struct {
			Config struct {
				User, WorkingDir      string
				Env, Entrypoint, Cmd  []string
				Volumes, ExposedPorts map[string]struct{}
			}
		}
	}
	if err := json.Unmarshal([]byte(buildah("inspect", "--type=image", "built")), &built); err != nil {
		t.Fatalf("read what Buildah says of the image: %v", err)
	}
	c := built.OCIv1.Config
	img := &image{workdir: c.WorkingDir, user: c.User, env: c.Env, entrypoint: c.Entrypoint, cmd: c.Cmd}
	for volume := range c.Volumes {
		img.volumes = append(img.volumes, volume)
	}
	for port := range c.ExposedPorts {
		img.expose = append(img.expose, strings.TrimSuffix(port, "/tcp"))
	}
	buildah("from", "--quiet", "--pull-never", "--name=built", "built")
	img.root = strings.TrimSpace(buildah("mount", "built"))
	return img
}

// goImage writes what the image of Go is made of here, and returns what of this machine is mounted into it: its programs,
// its Go and the caches of that, for there is no network. The certificates are the machine's and that of our authority.
func goImage(t *testing.T, dir string) (mounts []string) {
	t.Helper()
	for _, d := range []string{"etc/ssl/certs", "dev", "proc", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, link := range []string{"bin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+link, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	const bundle = "/etc/ssl/certs/ca-certificates.crt"
	certificates, err := os.ReadFile(bundle)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	write(t, dir+bundle, string(slices.Concat(certificates, world.ca.pem)))
	write(t, filepath.Join(dir, "Dockerfile"), `FROM scratch
COPY . /
ENV HOME=/root GOPATH=/go GOTOOLCHAIN=local GOPROXY=off PATH=/golang/bin:/usr/bin:/bin
`)
	mounts = []string{"/usr:/usr:ro"}
	places := strings.Fields(succeed(t, dir, "go", "env", "GOROOT", "GOMODCACHE", "GOCACHE"))
	for i, inside := range []string{"/golang:ro", "/go/pkg/mod", "/root/.cache/go-build"} {
		mounts = append(mounts, places[i]+":"+inside)
	}
	return mounts
}

// mount mounts in our namespace, with which the mount goes away.
func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		t.Fatalf("mount %s at %s: %v", source, target, err)
	}
}

// listing is every file below the image's root, a line each: mode, whose, and where. The root itself is the engine's.
func (i *image) listing(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(i.root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == i.root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		owner := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%v %d:%d %s\n", info.Mode(), owner.Uid, owner.Gid, strings.TrimPrefix(p, i.root))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// owner is the user and group that USER names by number.
func (i *image) owner(t *testing.T) (uid, gid int) {
	t.Helper()
	u, g, _ := strings.Cut(i.user, ":")
	uid, err := strconv.Atoi(u)
	gid, gerr := strconv.Atoi(g)
	if err := errors.Join(err, gerr); err != nil {
		t.Fatalf("USER %s is not by number: %v", i.user, err)
	}
	return uid, gid
}
