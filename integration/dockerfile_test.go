//go:build integration

package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
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

// buildImage carries out a Dockerfile as far as ours goes; an instruction that it does not know fails the test. The
// image of Go is this machine, below a layer of its own: what is built in it does not touch the machine. There is no
// network: modules come from the cache.
func buildImage(t *testing.T, dockerfile string) *image {
	t.Helper()
	b := &builder{context: filepath.Dir(dockerfile), ignored: readIgnored(t, filepath.Join(filepath.Dir(dockerfile), ".dockerignore")), stages: map[string]*image{}}
	for _, line := range instructions(t, dockerfile) {
		word, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		if b.now == nil && word != "FROM" {
			t.Fatalf("%s before FROM", word)
		}
		switch word {
		case "FROM":
			b.from(t, strings.Fields(rest))
		case "WORKDIR":
			b.now.workdir = path.Join(b.now.workdir, rest)
			if err := os.MkdirAll(filepath.Join(b.now.root, b.now.workdir), 0o755); err != nil {
				t.Fatal(err)
			}
		case "ARG", "ENV": // Of an argument without a value there is none.
			if name, value, _ := strings.Cut(rest, "="); word == "ENV" || value != "" {
				b.now.env = append(b.now.env, name+"="+value)
			}
		case "COPY":
			b.copy(t, strings.Fields(rest))
		case "RUN":
			b.run(t, rest)
		case "VOLUME":
			b.now.volumes = append(b.now.volumes, rest)
		case "EXPOSE":
			b.now.expose = append(b.now.expose, rest)
		case "USER":
			b.now.user = rest
		case "ENTRYPOINT":
			b.now.entrypoint = list(t, rest)
		case "CMD":
			b.now.cmd = list(t, rest)
		default:
			t.Fatalf("the test does not know the instruction %s", word)
		}
	}
	return b.now
}

// instructions are the lines of a Dockerfile without comments; a backslash joins two.
func instructions(t *testing.T, dockerfile string) []string {
	t.Helper()
	text, err := os.ReadFile(dockerfile)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	joined := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if head, more := strings.CutSuffix(line, `\`); more {
			joined += head
			continue
		}
		all = append(all, joined+line)
		joined = ""
	}
	return all
}

// list is the JSON form of ENTRYPOINT and CMD, the only one that needs no shell.
func list(t *testing.T, text string) (words []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &words); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return words
}

// A builder is on its way through a Dockerfile.
type builder struct {
	context string
	ignored []string // Patterns of .dockerignore.
	stages  map[string]*image
	now     *image
}

// from begins a stage: FROM [--platform=P] IMAGE [AS NAME].
func (b *builder) from(t *testing.T, words []string) {
	t.Helper()
	words = slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "--platform=") })
	b.now = &image{root: directory(t, "image"), workdir: "/"}
	if len(words) == 3 && words[1] == "AS" {
		b.stages[words[2]] = b.now
	}
	switch {
	case words[0] == "scratch":
	case strings.HasPrefix(words[0], "golang:1.26."):
		b.now.root = goImage(t, b.now.root)
		b.now.env = []string{"HOME=/root", "GOPATH=/go", "GOTOOLCHAIN=local", "GOPROXY=off", "PATH=/usr/local/go/bin:/usr/bin:/bin"}
	default:
		t.Fatalf("there is no image %s here", words[0])
	}
}

// goImage lays this machine out as the image of Go, with its caches, and returns where. Its certificates are those of
// the machine and that of our authority.
func goImage(t *testing.T, dir string) (root string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT", "GOMODCACHE", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	caches := strings.Fields(string(out))
	mount(t, "tmpfs", dir, "tmpfs", 0, "mode=755")
	for _, sub := range []string{"new", "work", "root"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root = filepath.Join(dir, "root")
	mount(t, "overlay", root, "overlay", 0, fmt.Sprintf("lowerdir=/,upperdir=%[1]s/new,workdir=%[1]s/work", dir))
	for i, inside := range []string{"/usr/local/go", "/go/pkg/mod", "/root/.cache/go-build"} {
		if err := os.MkdirAll(root+inside, 0o755); err != nil {
			t.Fatal(err)
		}
		mount(t, caches[i], root+inside, "", syscall.MS_BIND, "")
	}
	mount(t, "/dev", root+"/dev", "", syscall.MS_BIND, "")
	mount(t, "proc", root+"/proc", "proc", 0, "")
	bundle := root + "/etc/ssl/certs/ca-certificates.crt"
	if err := os.MkdirAll(filepath.Dir(bundle), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(bundle, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(world.ca.pem)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return root
}

// mount mounts in our namespace, with which the mount goes away.
func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		t.Fatalf("mount %s at %s: %v", source, target, err)
	}
}

// run has a shell of the stage run a command.
func (b *builder) run(t *testing.T, command string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-ec", command)
	cmd.Env = b.now.env
	cmd.Dir = b.now.workdir
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: b.now.root}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("RUN %s: %v\n%s", command, err, out)
	}
}

// copy is COPY [--from=STAGE] [--chown=UID:GID] SOURCE... DESTINATION. What is copied belongs to root unless said otherwise.
func (b *builder) copy(t *testing.T, words []string) {
	t.Helper()
	from, uid, gid, ignored := b.context, 0, 0, b.ignored
	for strings.HasPrefix(words[0], "--") {
		name, value, _ := strings.Cut(words[0], "=")
		switch stage := b.stages[value]; {
		case name == "--from" && stage != nil:
			from, ignored = stage.root, nil
		case name == "--chown":
			if _, err := fmt.Sscanf(value, "%d:%d", &uid, &gid); err != nil {
				t.Fatalf("%s: %v", words[0], err)
			}
		default:
			t.Fatalf("COPY %s", words[0])
		}
		words = words[1:]
	}
	patterns, destination := words[:len(words)-1], words[len(words)-1]
	target := filepath.Join(b.now.root, destination)
	if !path.IsAbs(destination) {
		target = filepath.Join(b.now.root, b.now.workdir, destination)
	}
	copied := false
	for _, pattern := range patterns {
		sources, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, source := range sources {
			to := target
			if info, err := os.Stat(source); err == nil && !info.IsDir() && (strings.HasSuffix(destination, "/") || len(patterns) > 1) {
				to = filepath.Join(target, filepath.Base(source))
			}
			if err := copyTree(from, source, to, ignored, uid, gid); err != nil {
				t.Fatal(err)
			}
			copied = true
		}
	}
	if !copied {
		t.Fatalf("COPY %v: nothing is there", patterns)
	}
}

// copyTree copies a file, or what is in a directory and its mode. Patterns tell what below from is left out.
func copyTree(from, source, target string, ignored []string, uid, gid int) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return filepath.WalkDir(source, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inContext, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		if ignores(ignored, filepath.ToSlash(inContext)) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(source, p)
		if err != nil {
			return err
		}
		to := filepath.Join(target, rel)
		info, err := d.Info()
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if err := os.MkdirAll(to, 0o755); err != nil {
				return err
			}
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is neither file nor directory", p)
		default:
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			if err := os.WriteFile(to, data, 0o600); err != nil {
				return err
			}
		}
		return errors.Join(os.Chmod(to, info.Mode().Perm()), os.Lchown(to, uid, gid))
	})
}

// readIgnored reads patterns of .dockerignore: names and globs from the top, and **/GLOB for anywhere.
func readIgnored(t *testing.T, file string) (patterns []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, line)
		}
	}
	return patterns
}

// ignores reports whether one of the patterns is meant for a path; what is in a directory goes with it.
func ignores(patterns []string, file string) bool {
	return file != "." && slices.ContainsFunc(patterns, func(p string) bool {
		name := file
		if rest, anywhere := strings.CutPrefix(p, "**/"); anywhere {
			p, name = rest, path.Base(file)
		}
		matched, err := path.Match(p, name)
		return matched || err != nil
	})
}

// listing is every file in the image's root, a line each: mode, whose, and where.
func (i *image) listing(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(i.root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		owner := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%v %d:%d %s\n", info.Mode(), owner.Uid, owner.Gid, "/"+strings.TrimPrefix(strings.TrimPrefix(p, i.root), "/"))
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
