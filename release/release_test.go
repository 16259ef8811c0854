package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write NOTICE anew")

var someTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestVersion(t *testing.T) {
	for _, c := range []struct{ name, head, want string }{
		{"1.2.3\n", "abc 1767323045", "1.2.3"},
		{"1.2.3-rc.1\n", "abc 1767323045", "1.2.3-rc.1"},
		{"1.2.3-dev\n", "abc 1767323045", "1.2.3-dev.20260102030405"},
	} {
		v, err := versionOf(c.name, c.head)
		if err != nil || v.name != c.want || v.commit != "abc" || !v.time.Equal(someTime) {
			t.Errorf("%q: %+v, %v, want %s", c.name, v, err, c.want)
		}
	}
	if _, err := versionOf("1.2.3", "abc"); err == nil {
		t.Error("a commit without time has a version")
	}
}

// TestSameOctets: files in any order, a time in any zone: the archive is the same, and what was put in comes out.
func TestSameOctets(t *testing.T) {
	files := []file{
		{"p-1/p", 0o755, bytes.Repeat([]byte("program"), 1000)},
		{"p-1/LICENSE", 0o644, []byte("free\n")},
		{"p-1/dashboards/a.json", 0o644, []byte("{}")},
	}
	reversed := slices.Clone(files)
	slices.Reverse(reversed)
	want := []string{"p-1/LICENSE 644 free\n", "p-1/dashboards/a.json 644 {}", "p-1/p 755 " + strings.Repeat("program", 1000)}
	for name, c := range map[string]struct {
		write func(io.Writer, []file, time.Time) error
		read  func(*testing.T, []byte) []string
	}{"tar.gz": {writeTar, readTar}, "zip": {writeZip, readZip}} {
		var first, second bytes.Buffer
		elsewhere := someTime.Add(time.Millisecond).In(time.FixedZone("elsewhere", 7200))
		if err := errors.Join(c.write(&first, files, someTime), c.write(&second, reversed, elsewhere)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: the same files give different octets", name)
		}
		if got := c.read(t, first.Bytes()); !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// readTar gives what a tar.gz has, and fails if something in it is not everywhere the same.
func readTar(t *testing.T, archive []byte) []string {
	t.Helper()
	unpacked, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	if unpacked.Name != "" || !unpacked.ModTime.IsZero() {
		t.Errorf("gzip says %+v", unpacked.Header)
	}
	var got []string
	for r := tar.NewReader(unpacked); ; {
		h, err := r.Next()
		if err == io.EOF {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "root" || h.Gname != "root" || !h.ModTime.Equal(someTime) {
			t.Errorf("%s: %+v", h.Name, h)
		}
		got = append(got, entry(t, h.Name, h.FileInfo().Mode(), r))
	}
}

func readZip(t *testing.T, archive []byte) []string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range z.File {
		if !f.Modified.Equal(someTime) {
			t.Errorf("%s: %v", f.Name, f.Modified)
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entry(t, f.Name, f.Mode(), r))
	}
	return got
}

func entry(t *testing.T, name string, mode os.FileMode, r io.Reader) string {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	bits := map[os.FileMode]string{0o755: "755", 0o644: "644"}[mode]
	return name + " " + bits + " " + string(data)
}

// TestArchive: what a user gets, from this tree.
func TestArchive(t *testing.T) {
	t.Chdir("..")
	dir := t.TempDir()
	binary := filepath.Join(dir, "built")
	if err := os.WriteFile(binary, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	v := version{name: "1.2.3", time: someTime}
	for _, p := range []platform{{"linux", "amd64"}, {"windows", "amd64"}} {
		if err := writeArchive(t.Context(), v, p, binary, dir); err != nil {
			t.Fatal(err)
		}
	}
	unix, err := os.ReadFile(filepath.Join(dir, "mailprobe_exporter-1.2.3.linux-amd64.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	windows, err := os.ReadFile(filepath.Join(dir, "mailprobe_exporter-1.2.3.windows-amd64.zip"))
	if err != nil {
		t.Fatal(err)
	}
	names := func(entries []string, base, exe string) (out []string) {
		for _, e := range entries {
			name, _, _ := strings.Cut(e, " ")
			name, below := strings.CutPrefix(name, base+"/")
			if !below {
				t.Errorf("%s is not below %s", name, base)
			}
			if name == exe {
				name = "the program"
			}
			out = append(out, name)
		}
		slices.Sort(out)
		return out
	}
	want := []string{"LICENSE", "NOTICE", "README.md", "dashboards/alertmanager.yml", "dashboards/alerts.yml", "dashboards/alerts_test.yml"}
	for _, name := range []string{"domain", "exporter", "overview", "reputation", "server"} {
		want = append(want, "dashboards/grafana/"+name+".json")
	}
	want = append(want, "dashboards/mixin.libsonnet", "dashboards/prometheus.yml", "exporter.yml", "the program")
	if got := names(readTar(t, unix), "mailprobe_exporter-1.2.3.linux-amd64", "mailprobe_exporter"); !slices.Equal(got, want) {
		t.Errorf("tar.gz: %q", got)
	}
	if got := names(readZip(t, windows), "mailprobe_exporter-1.2.3.windows-amd64", "mailprobe_exporter.exe"); !slices.Equal(got, want) {
		t.Errorf("zip: %q", got)
	}
}

func TestChecksums(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.deb", "a.tar.gz"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("abc"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	for range 2 { // The second time, its own file is there.
		if err := writeChecksums(dir); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "sha256sums.txt"))
		if want := abc + "  a.tar.gz\n" + abc + "  b.deb\n"; err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// TestNotice: NOTICE names what is linked in, with its licences.
func TestNotice(t *testing.T) {
	t.Chdir("..")
	all, err := modules(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := noticeOf(all)
	if *update {
		if err := os.WriteFile("NOTICE", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile("NOTICE"); err != nil || string(got) != want {
		t.Errorf("NOTICE is not what is linked in (%v); make docs writes it", err)
	}
}

func TestIdentify(t *testing.T) {
	t.Chdir("..")
	own, err := licenceIn(".")
	if err != nil || own.id != "Apache-2.0" || !strings.HasPrefix(own.notice, "mailprobe_exporter\n") {
		t.Errorf("our own: %q, %v", own.id, err)
	}
	for text, want := range map[string]string{
		"Permission is hereby granted, free of charge,\r\nto any person obtaining a copy":                                        "MIT",
		"Redistribution and use in source and binary forms, with or without\n// modification":                                    "",
		"Redistribution and use in source and binary forms, with or without\nmodification, are permitted":                        "BSD-2-Clause",
		"Redistribution and use in source and binary forms, with or without\nmodification, are permitted. Neither the name of X": "BSD-3-Clause",
		"GNU GENERAL PUBLIC LICENSE": "",
		"":                           "",
	} {
		if got := identify(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if _, err := licenceIn(t.TempDir()); err == nil {
		t.Error("a directory without licence has one")
	}
}

func TestSBOM(t *testing.T) {
	v := version{name: "1.2.3", commit: "abc", time: someTime}
	all := []module{{"example.org/a", "v1.0.0", licence{id: "MIT"}}, {"std", "", licence{id: "BSD-3-Clause"}}, {"example.org/unused", "v2.0.0", licence{id: "MIT"}}}
	linked := map[string]string{"std": "1.26.0", "example.org/a": "v1.0.0"}
	first, err := sbomOf(v, all, linked)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := sbomOf(v, all, linked); err != nil || !bytes.Equal(first, second) {
		t.Errorf("made again it is another: %v", err)
	}
	var doc sbom
	if err := json.Unmarshal(first, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Format != "CycloneDX" || doc.SpecVersion != "1.5" || doc.Version != 1 || doc.Metadata.Timestamp != "2026-01-02T03:04:05Z" ||
		doc.Metadata.Component.PURL != "pkg:golang/github.com/mailprobe/mailprobe_exporter@v1.2.3" {
		t.Errorf("%s", first)
	}
	var got []string
	for _, c := range doc.Components {
		got = append(got, c.PURL+" "+c.Licences[0].Expression)
	}
	if want := []string{"pkg:golang/example.org/a@v1.0.0 MIT", "pkg:golang/std@1.26.0 BSD-3-Clause"}; !slices.Equal(got, want) {
		t.Errorf("components %q", got)
	}
	linked["example.org/b"] = "v1.0.0"
	if _, err := sbomOf(v, all, linked); err == nil || !strings.Contains(err.Error(), "example.org/b") {
		t.Errorf("a module without licence: %v", err)
	}
}
