// Command release makes what is published of a version, into dist/: an archive for each platform, deb and rpm packages,
// the list of what is linked in (SBOM) and the checksums of all of it.
//
// The same commit, made with the same version of Go, gives the same octets on any machine. What differs between machines and moments
// is left out or taken from the commit: its time is the time of every file, the owner is root everywhere, files are sorted,
// paths of this machine stay out of the program (-trimpath), and the version comes from the file VERSION.
// So everybody can make a release anew and compare sha256sums.txt.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const program = "mailprobe_exporter"

// A platform is what a program is built for.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "-" + p.arch }

// platforms are those that a release has an archive for. Those of linux have packages, too.
var platforms = []platform{
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"freebsd", "amd64"},
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"windows", "amd64"},
}

// A version is what is released: a commit, and what it is called.
type version struct {
	name   string // As 1.2.3, or 1.2.3-dev.20260102030405 between releases.
	commit string
	time   time.Time // When it was committed.
}

func main() {
	out := flag.String("out", "dist", "`directory` for what is made; its contents are replaced")
	dirty := flag.Bool("dirty", false, "release a tree that has uncommitted changes, for a try")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := release(ctx, *out, *dirty); err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

// release makes everything, from the tree in the working directory, into out.
func release(ctx context.Context, out string, dirty bool) error {
	v, err := currentVersion(ctx, dirty)
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o755)); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	var binaries []string
	for _, p := range platforms {
		binary := filepath.Join(work, p.String(), program)
		fmt.Printf("%s %s for %s\n", program, v.name, p)
		if err := build(ctx, v, p, binary); err != nil {
			return err
		}
		if err := writeArchive(ctx, v, p, binary, out); err != nil {
			return fmt.Errorf("archive for %s: %w", p, err)
		}
		if p.os == "linux" {
			for _, format := range []string{"deb", "rpm"} {
				if err := writePackage(ctx, v, p, format, binary, out); err != nil {
					return err
				}
			}
		}
		binaries = append(binaries, binary)
	}
	if err := writeSBOM(ctx, v, binaries, out); err != nil {
		return fmt.Errorf("SBOM: %w", err)
	}
	return writeChecksums(out)
}

// currentVersion says what is in the working directory.
func currentVersion(ctx context.Context, dirty bool) (version, error) {
	changes, err := output(ctx, "git", "status", "--porcelain")
	if err != nil {
		return version{}, err
	}
	if changes != "" && !dirty {
		return version{}, fmt.Errorf("the tree is not that of a commit:\n%s", changes)
	}
	head, err := output(ctx, "git", "log", "-1", "--format=%H %ct")
	if err != nil {
		return version{}, err
	}
	name, err := os.ReadFile("VERSION")
	if err != nil {
		return version{}, err
	}
	return versionOf(string(name), head)
}

// versionOf gives the version of a commit: what the file VERSION says, and between releases, where that ends in -dev, the
// time of the commit, so that a later one is newer. head is the commit's hash and Unix time.
func versionOf(name, head string) (version, error) {
	hash, seconds, _ := strings.Cut(head, " ")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return version{}, fmt.Errorf("time of the commit: %w", err)
	}
	v := version{name: strings.TrimSpace(name), commit: hash, time: time.Unix(s, 0).UTC()}
	if strings.HasSuffix(v.name, "-dev") {
		v.name += "." + v.time.Format("20060102150405")
	}
	return v, nil
}

// build builds the program for a platform.
func build(ctx context.Context, v version, p platform, binary string) error {
	const pkg = "github.com/prometheus/common/version."
	flags := []string{
		"-s", "-w", "-buildid=",
		"-X", pkg + "Version=" + v.name,
		"-X", pkg + "Revision=" + v.commit,
		"-X", pkg + "BuildDate=" + v.time.Format(time.RFC3339),
	}
	// What git knows (-buildvcs) depends on the clone: it may lack tags.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", strings.Join(flags, " "), "-o", binary, "./cmd/"+program)
	cmd.Env = append(os.Environ(), "GOOS="+p.os, "GOARCH="+p.arch, "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off")
	return run(cmd)
}

// writePackage makes a deb or rpm with nfpm, which takes its times from SOURCE_DATE_EPOCH.
func writePackage(ctx context.Context, v version, p platform, format, binary, out string) error {
	cmd := exec.CommandContext(ctx, "go", "tool", "-modfile=tools/nfpm/go.mod", "nfpm", "package",
		"--config", "deploy/linux/nfpm.yaml", "--packager", format, "--target", out)
	cmd.Env = append(os.Environ(), "VERSION="+v.name, "ARCH="+p.arch, "BINARY="+binary,
		"SOURCE_DATE_EPOCH="+strconv.FormatInt(v.time.Unix(), 10))
	return run(cmd)
}

// run runs a command to its end. What it says stands in the error.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// output gives what a command prints, without white space around it.
func output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
