package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A file is one of an archive. Its name has slashes; its mode is 0o755 or 0o644.
type file struct {
	name string
	mode fs.FileMode
	data []byte
}

// documents go into every archive beside the program, and what git knows below dashboards/ except what it is made from.
var documents = []string{"LICENSE", "NOTICE", "README.md", "exporter.yml"}

// writeArchive makes the archive for a platform: a zip for Windows, a tar.gz for all others. All is in one directory of its name.
func writeArchive(ctx context.Context, v version, p platform, binary, out string) error {
	tracked, err := output(ctx, "git", "ls-files", "--", "dashboards", ":!*.go", ":!dashboards/source", ":!dashboards/testdata")
	if err != nil {
		return err
	}
	names := slices.Clone(documents)
	for name := range strings.Lines(tracked) {
		names = append(names, strings.TrimSpace(name))
	}
	base := fmt.Sprintf("%s-%s.%s", program, v.name, p)
	exe, suffix, write := program, ".tar.gz", writeTar
	if p.os == "windows" {
		exe, suffix, write = program+".exe", ".zip", writeZip
	}

	var files []file
	add := func(from, name string, mode fs.FileMode) error {
		data, err := os.ReadFile(from)
		files = append(files, file{path.Join(base, name), mode, data})
		return err
	}
	if err := add(binary, exe, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		if err := add(name, name, 0o644); err != nil {
			return err
		}
	}
	var archive bytes.Buffer
	if err := write(&archive, files, v.time); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, base+suffix), archive.Bytes(), 0o644)
}

// writeTar writes a tar compressed with gzip. Whatever order files have, the same files give the same octets.
func writeTar(w io.Writer, files []file, mtime time.Time) error {
	packed, err := gzip.NewWriterLevel(w, gzip.BestCompression) // Its header has neither name nor time, as with gzip -n.
	if err != nil {
		return err
	}
	t := tar.NewWriter(packed)
	for _, f := range sorted(files) {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: f.name, Mode: int64(f.mode), Size: int64(len(f.data)),
			ModTime: mtime.Truncate(time.Second), Uname: "root", Gname: "root", Format: tar.FormatUSTAR,
		}
		if err := t.WriteHeader(header); err != nil {
			return err
		}
		if _, err := t.Write(f.data); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return packed.Close()
}

// writeZip is writeTar for those who expect a zip.
func writeZip(w io.Writer, files []file, mtime time.Time) error {
	z := zip.NewWriter(w)
	for _, f := range sorted(files) {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: mtime.UTC().Truncate(time.Second)}
		header.SetMode(f.mode)
		entry, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(f.data); err != nil {
			return err
		}
	}
	return z.Close()
}

func sorted(files []file) []file {
	return slices.SortedFunc(slices.Values(files), func(a, b file) int { return cmp.Compare(a.name, b.name) })
}

// writeChecksums writes sha256sums.txt about all other files in a directory, in the form that sha256sum -c reads.
func writeChecksums(dir string) error {
	const name = "sha256sums.txt"
	entries, err := os.ReadDir(dir) // Sorted.
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, e := range entries {
		if e.Name() == name {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), e.Name())
	}
	return os.WriteFile(filepath.Join(dir, name), []byte(sums.String()), 0o644)
}
