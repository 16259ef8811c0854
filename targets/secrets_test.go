package targets

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestSecretPrints prints a secret in every way there is, alone and inside something unexported.
func TestSecretPrints(t *testing.T) {
	const value = "hunter2"
	s := NewSecret(value)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "a", s, "b", Credentials{Password: s}, "c", struct{ s Secret }{s})
	asJSON, _ := json.Marshal(map[string]any{"a": s, "b": &Credentials{Password: s}})
	asYAML, _ := yaml.Marshal(Credentials{Password: s})
	out := []string{log.String(), string(asJSON), string(asYAML)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%p"} {
		for _, v := range []any{s, &s, []Secret{s}, Credentials{Password: s}, struct{ s Secret }{s}, map[string]Secret{"": s}} {
			out = append(out, fmt.Sprintf(verb, v))
		}
	}
	for _, text := range out {
		if strings.Contains(text, value) || strings.Contains(text, fmt.Sprintf("%x", value)) {
			t.Errorf("told: %s", text)
		}
	}
	if s.Value() != value || (Secret{}).Value() != "" || NewSecret("") != (Secret{}) {
		t.Error("Value does not tell it")
	}
}

// TestSecretsNowhere looks for secrets in everything that a whole configuration can be written to.
func TestSecretsNowhere(t *testing.T) {
	cfg := load(t, "testdata/good/contract.yml")
	secrets := cfg.Secrets()
	if want := []string{"k3y-of-the-operator", "correct horse"}; !slices.Equal(secrets, want) {
		t.Fatalf("secrets %q, want %q", secrets, want)
	}
	out := []string{string(cfg.Marshal()), strings.Join(cfg.Warnings, "\n"), fmt.Sprintf("%+v %#v %v", *cfg, *cfg, cfg.Blocklists)}
	for _, target := range cfg.Targets {
		out = append(out, fmt.Sprintf("%+v %#v", *target, *target))
		if target.Server != nil {
			out = append(out, fmt.Sprintf("%+v %#v", *target.Server, *target.Server.Credentials))
		}
	}
	for _, v := range []any{cfg, cfg.Targets, cfg.Blocklists} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	for _, text := range out {
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%q is told in %s", s, text)
			}
		}
	}
}

// TestSecretFileForms takes the ends of lines and the mark of editors for no part of a password, and everything else for one.
func TestSecretFileForms(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pw")
	text := "servers:\n  - {address: 'a.example.org:587', credentials: {username: u, password_file: '" + file + "'}}\n"
	for content, want := range map[string]string{
		"hunter2": "hunter2", "hunter2\n": "hunter2", "hunter2\r\n": "hunter2", "\ufeffhunter2\n": "hunter2", " hunter 2 \n": " hunter 2 ",
		"": "", "\n": "", "\ufeff\n": "", "hunter2\n\n": "", "hunter2\nhunter3\n": "", "hun\x00ter2": "",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := Parse("exporter.yml", []byte(text), testOptions())
		switch {
		case want == "" && (err == nil || strings.Contains(err.Error(), "hun")):
			t.Errorf("%q: %v", content, err)
		case want != "" && (err != nil || !slices.Equal(cfg.Secrets(), []string{want})):
			t.Errorf("%q: %v", content, err)
		}
	}
}

// TestSecretFileRights warns of a password that everybody on the machine can read, and of no other.
func TestSecretFileRights(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pw")
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o604: true, 0o644: true} {
		if err := os.WriteFile(file, []byte("hunter2\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		cfg := parseGood(t, "servers:\n  - {address: 'a.example.org:587', credentials: {username: u, password_file: '"+file+"'}}\n")
		if got := len(cfg.Warnings) > 0; got != warned {
			t.Errorf("mode %o: %q", mode, cfg.Warnings)
		}
		if got := cfg.Secrets(); !slices.Equal(got, []string{"hunter2"}) {
			t.Errorf("secrets %q", got)
		}
	}
}
