package targets

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is expected into testdata")

// testOptions are those of the files in testdata.
func testOptions() Options {
	return Options{
		Metrics: []string{"bulk_requirement", "smtp_extension", "smtp_up"},
		Getenv:  func(name string) string { return map[string]string{"DQS_KEY": "k3y", "SMTP_PASSWORD": "hunter2"}[name] },
	}
}

const wantMark = "# want: "

// TestBad has a file for each mistake. Its last lines are the whole message, without the file's name.
func TestBad(t *testing.T) {
	files, _ := filepath.Glob("testdata/bad/*.yml")
	if len(files) < 100 {
		t.Fatalf("%d files: the test looks in the wrong place", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			yml, want, _ := strings.Cut(string(text), wantMark)
			cfg, err := Parse(file, []byte(yml), testOptions())
			var mistakes Errors
			if cfg != nil || !errors.As(err, &mistakes) {
				t.Fatalf("Parse = %v, %v; want mistakes", cfg, err)
			}
			got := ""
			for _, m := range mistakes {
				got += wantMark + strings.TrimPrefix(m.Error(), file+":") + "\n"
			}
			if strings.Contains(got, "hunter2") || strings.Contains(got, "k3y-of") {
				t.Errorf("a secret is told: %s", got)
			}
			if *update {
				if err := os.WriteFile(file, []byte(yml+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != wantMark+want {
				t.Errorf("got:\n%swant:\n%s%s", got, wantMark, want)
			}
		})
	}
}
