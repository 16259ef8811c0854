package targets

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A directory of configuration files that change.
type directory struct {
	t   *testing.T
	dir string
	cfg *Config
}

// newDirectory has an exporter.yml that reads targets/*.yml; its name would be a pattern if it were one.
func newDirectory(t *testing.T, targets string) *directory {
	d := &directory{t: t, dir: filepath.Join(t.TempDir(), "[conf]*")}
	d.write("exporter.yml", "blocklists: {use: []}\ntarget_files: [targets/*.yml]\n"+targets)
	return d
}

func (d *directory) write(name, text string) {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *directory) remove(name string) {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, name)); err != nil {
		d.t.Fatal(err)
	}
}

// reload loads the files again; want lists the names of the targets, and the bad files with an exclamation mark.
func (d *directory) reload(want ...string) {
	d.t.Helper()
	cfg, err := Load(filepath.Join(d.dir, "exporter.yml"), Options{Previous: d.cfg})
	if err != nil {
		d.t.Fatal(err)
	}
	d.cfg = cfg
	var got []string
	for _, t := range cfg.Targets {
		got = append(got, t.Name)
	}
	for _, f := range cfg.Files {
		if !f.OK {
			got = append(got, "!"+filepath.Base(f.Path))
		}
	}
	if !slices.Equal(got, want) {
		d.t.Errorf("targets %v, want %v; warnings:\n%s", got, want, strings.Join(cfg.Warnings, "\n"))
	}
}

// warned reports whether a warning holds text.
func (d *directory) warned(text string) bool {
	return slices.ContainsFunc(d.cfg.Warnings, func(w string) bool { return strings.Contains(w, text) })
}

const (
	fileA = "servers:\n  - address: a.example.org:25\n"
	fileB = "servers:\n  - address: b.example.org:25\n"
)

// TestHiddenTargetFiles passes over what editors leave beside a file while they hold it open.
func TestHiddenTargetFiles(t *testing.T) {
	d := newDirectory(t, "")
	d.write("targets/a.yml", fileA)
	d.write("targets/.b.yml", fileB)
	if err := os.Symlink("nobody@nowhere.1", filepath.Join(d.dir, "targets/.#a.yml")); err != nil {
		t.Fatal(err)
	}
	before := Fingerprint([]string{filepath.Join(escape(d.dir), "targets/*.yml")})
	d.reload("a.example.org:25")
	d.write("targets/.b.yml", fileA)
	if after := Fingerprint([]string{filepath.Join(escape(d.dir), "targets/*.yml")}); after != before {
		t.Error("a hidden file is watched")
	}
	d.write("exporter.yml", "blocklists: {use: []}\ntarget_files: [targets/.b*.yml]\n")
	d.reload("a.example.org:25")
	if len(d.cfg.Files) != 1 {
		t.Errorf("files %+v", d.cfg.Files)
	}
}

// TestTargetFiles lets files go bad, come and go; each harms only its own targets.
func TestTargetFiles(t *testing.T) {
	d := newDirectory(t, "")
	d.reload()
	d.write("targets/a.yml", fileA)
	d.write("targets/b.yml", fileB)
	d.reload("a.example.org:25", "b.example.org:25")
	if s := d.cfg.Targets[0].Source; s != SourceFile {
		t.Errorf("source %s, want file", s)
	}

	d.write("targets/a.yml", "servers:\n  - address: a2.example.org\n")
	d.reload("a.example.org:25", "b.example.org:25", "!a.yml")
	if !d.warned("a.yml:2:14: servers[0].address: ") || !d.warned("last good version stay") {
		t.Errorf("warnings: %q", d.cfg.Warnings)
	}
	d.write("targets/a.yml", "helo_name: probe.example.net\n")
	d.reload("a.example.org:25", "b.example.org:25", "!a.yml") // Still: the version before the last.
	d.write("targets/c.yml", "servers: [\n")
	d.reload("a.example.org:25", "b.example.org:25", "!a.yml", "!c.yml")
	if !d.warned("none of its targets are probed") {
		t.Errorf("warnings: %q", d.cfg.Warnings)
	}

	d.remove("targets/a.yml")
	d.remove("targets/c.yml")
	d.reload("b.example.org:25")
	d.write("targets/a.yml", "servers: [\n")
	d.reload("b.example.org:25", "!a.yml") // What was once good is forgotten with the file.
	d.write("targets/a.yml", "")
	d.reload("b.example.org:25")
}

// TestTargetFilesShare names one target in several files.
func TestTargetFilesShare(t *testing.T) {
	d := newDirectory(t, "domains:\n  - {name: example.org, senders: [203.0.113.9]}\n")
	d.write("targets/a.yml", "servers:\n  - {address: 'mx.example.org:25', role: mta}\n")
	d.write("targets/b.yml", "servers:\n  - {address: 'MX.example.org:25', role: mta}\n  - {address: 'b.example.org:25'}\n")
	d.reload("example.org", "203.0.113.9", "mx.example.org:25", "b.example.org:25")
}

// TestTargetFilesOrder: settings are equal in whatever order they are written.
func TestTargetFilesOrder(t *testing.T) {
	const file = "domains:\n  - {name: example.org, dkim_selectors: [%s], senders: [%s], labels: {%s}}\n" +
		"servers:\n  - {address: 'a.example.org:25', public_addresses: [%s]}\nsenders:\n  - {address: 203.0.113.9, domains: [%s]}\n"
	d := newDirectory(t, "")
	d.write("targets/a.yml", fmt.Sprintf(file, "s1, s2", "203.0.113.9, 203.0.113.10", "a: x, b: y", "192.0.2.1, 192.0.2.2", "example.com, example.net"))
	d.write("targets/b.yml", fmt.Sprintf(file, "s2, s1, s2", "203.0.113.10, 203.0.113.9", "b: y, a: x", "192.0.2.2, 192.0.2.1", "example.net, example.com"))
	d.reload("example.org", "203.0.113.10", "a.example.org:25", "203.0.113.9")
	before := d.cfg.Targets
	d.remove("targets/a.yml")
	d.reload("example.org", "203.0.113.10", "a.example.org:25", "203.0.113.9")
	for i, target := range d.cfg.Targets {
		if !target.Same(before[i]) {
			t.Errorf("%s: what is known of it would be lost", target.Name)
		}
	}
	d.write("targets/a.yml", fmt.Sprintf(file, "s1, s3", "203.0.113.9, 203.0.113.10", "a: x, b: y", "192.0.2.1, 192.0.2.2", "example.com, example.net"))
	d.reload("example.org", "203.0.113.10", "a.example.org:25", "203.0.113.9", "!b.yml")
}

// TestTargetFilesClash names one target in several files with different settings: the later file is bad, and
// what stays of its last good version is what does not clash.
func TestTargetFilesClash(t *testing.T) {
	d := newDirectory(t, "")
	d.write("targets/a.yml", fileA)
	d.write("targets/b.yml", fileB+"  - {address: 'c.example.org:25'}\n")
	d.reload("a.example.org:25", "b.example.org:25", "c.example.org:25")

	d.write("targets/a.yml", fileA+"  - {address: 'b.example.org:25', role: mta}\n")
	d.reload("a.example.org:25", "b.example.org:25", "c.example.org:25", "!b.yml")
	if role := d.cfg.target("b.example.org:25").Server.Role; role != RoleMTA {
		t.Errorf("role %s: the earlier file counts", role)
	}
	if !d.warned(`b.yml:2:14: servers[0].address: server "b.example.org:25" stands with other settings in `) {
		t.Errorf("warnings: %q", d.cfg.Warnings)
	}

	d.write("targets/a.yml", fileA+"domains:\n  - {name: example.org, senders: [out.example.org]}\n")
	d.write("targets/b.yml", fileB+"domains:\n  - {name: out.example.org}\n")
	d.reload("example.org", "out.example.org", "a.example.org:25", "b.example.org:25", "c.example.org:25", "!b.yml")
	if got := d.cfg.target("out.example.org").Kind; got != KindSender {
		t.Errorf("out.example.org is a %s", got)
	}
}

// TestTargetFilesSenders joins domains and senders that stand in different files.
func TestTargetFilesSenders(t *testing.T) {
	d := newDirectory(t, "domains:\n  - {name: example.org, senders: [203.0.113.9]}\n")
	d.write("targets/a.yml", "senders:\n  - {address: 203.0.113.9, helo_name: out.example.org}\n  - {address: 203.0.113.10, domains: [example.org]}\n")
	d.reload("example.org", "203.0.113.9", "203.0.113.10")
	if got := d.cfg.target("example.org").Domain.Senders; !slices.Equal(got, []string{"203.0.113.10", "203.0.113.9"}) {
		t.Errorf("the domain's senders: %v", got)
	}
	sender := d.cfg.target("203.0.113.9")
	if got := sender.Sender.Domains; !slices.Equal(got, []string{"example.org"}) || sender.Sender.HeloName != "out.example.org" {
		t.Errorf("the sender: %+v", sender.Sender)
	}
}

// TestTargetFilesKeepSecrets keeps a server whose password's file is gone for a moment.
func TestTargetFilesKeepSecrets(t *testing.T) {
	d := newDirectory(t, "")
	d.write("targets/pw", "hunter2\n")
	d.write("targets/a.yml", "servers:\n  - {address: 'a.example.org:587', credentials: {username: u, password_file: pw}}\n")
	d.reload("a.example.org:587")
	before := d.cfg.Targets[0]
	d.remove("targets/pw")
	d.reload("a.example.org:587", "!a.yml")
	if !d.cfg.Targets[0].Same(before) || d.cfg.Targets[0].Server.Credentials.Password.Value() != "hunter2" {
		t.Errorf("what was known is gone: %+v", d.cfg.Targets[0].Server.Credentials)
	}
}

// TestFingerprint changes when a file changes, comes or goes, and only then.
func TestFingerprint(t *testing.T) {
	d := newDirectory(t, "")
	d.write("targets/a.yml", fileA)
	d.reload("a.example.org:25")
	all, own := d.cfg.Inputs(), d.cfg.TargetInputs()
	steps := []struct {
		name             string
		do               func()
		changed, targets bool
	}{
		{"nothing", func() {}, false, false},
		{"a target file changes", func() { d.write("targets/a.yml", fileB) }, true, true},
		{"a target file comes", func() { d.write("targets/b.yml", fileB) }, true, true},
		{"a target file goes", func() { d.remove("targets/a.yml") }, true, true},
		{"another file comes", func() { d.write("targets/notes.txt", "") }, false, false},
		{"exporter.yml changes", func() { d.write("exporter.yml", "{}") }, true, false},
		{"exporter.yml goes", func() { d.remove("exporter.yml") }, true, false},
	}
	for _, s := range steps {
		a, o := Fingerprint(all), Fingerprint(own)
		s.do()
		if got := Fingerprint(all) != a; got != s.changed {
			t.Errorf("%s: all inputs changed: %t", s.name, got)
		}
		if got := Fingerprint(own) != o; got != s.targets {
			t.Errorf("%s: target files changed: %t", s.name, got)
		}
	}
}

// TestInputs names every file that was read.
func TestInputs(t *testing.T) {
	var names []string
	for _, file := range load(t, "testdata/good/contract.yml").Inputs() {
		names = append(names, filepath.Base(file))
	}
	if want := []string{"contract.yml", "list.key", "smtp.pw", "*.yml", "*.yml"}; !slices.Equal(names, want) {
		t.Errorf("inputs %v, want %v", names, want)
	}
}

// TestContract looks at the example of the documentation.
func TestContract(t *testing.T) {
	cfg := load(t, "testdata/good/contract.yml")
	var names []string
	for _, target := range cfg.Targets {
		names = append(names, target.Name)
	}
	if want := []string{"example.org", "out.example.org", "smtp.example.org:587", "203.0.113.9"}; !slices.Equal(names, want) {
		t.Errorf("targets %v, want %v", names, want)
	}
	every := cfg.target("smtp.example.org:587").Every
	want := map[string]time.Duration{
		"smtp": 5 * time.Minute, "recipient": time.Hour, "auth": time.Hour, "relay": 24 * time.Hour,
		"dane": 15 * time.Minute, "rdns": 15 * time.Minute, "dnsbl": time.Hour,
	}
	if !maps.Equal(every, want) {
		t.Errorf("intervals %v, want %v", every, want)
	}
	last := cfg.Blocklists.Lists[len(cfg.Blocklists.Lists)-1]
	if last.ID != "corporate" || !last.Custom || last.Codes["127.0.0.2"].Meaning != "listed" {
		t.Errorf("the last list: %+v", last)
	}
}

// TestAllTargetsGone: a file that a full disk or a failed template left empty takes no target away, at a reload; an empty
// list does.
func TestAllTargetsGone(t *testing.T) {
	full := newDirectory(t, "domains: [{name: example.org}]\n")
	full.write("targets/a.yml", fileA)
	full.reload("example.org", "a.example.org:25")
	full.remove("targets/a.yml")
	for text, refused := range map[string]bool{
		"":                             true,
		"\n# nothing\n":                true,
		"---\n":                        true,
		"{}\n":                         true,
		"domains:\n":                   true,
		"target_files: [targets/*]\n":  true, // The directory of a volume that is not mounted.
		"probe_allow: [example.com]\n": true,
		"domains: []\n":                false,
		"servers: [] # For now.\n":     false,
	} {
		full.write("exporter.yml", text)
		path := filepath.Join(full.dir, "exporter.yml")
		_, err := Load(path, Options{Previous: full.cfg})
		if (err != nil) != refused || err != nil && !strings.Contains(err.Error(), "exporter.yml: there is no target in it, and the configuration in force has 2") {
			t.Errorf("%q: %v, want an error: %t", text, err, refused)
		}
		// At a start there is nothing to lose.
		cfg, err := Load(path, Options{})
		if err != nil {
			t.Errorf("%q at a start: %v", text, err)
		} else if _, err := Load(path, Options{Previous: cfg}); err != nil {
			t.Errorf("%q after a start with it: %v", text, err)
		}
	}
}
