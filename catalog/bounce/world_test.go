package bounce_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
)

// TestWorld reads bounces, pasted texts and logs of all the mail systems that we know of. What each is about stands in
// testdata/world/want.tsv: causes of which one is right; for logs the number of refusals before them. A third, by the hash of the
// name, was kept aside until all else was done, and is counted apart: it says how well texts are read that nobody has seen.
func TestWorld(t *testing.T) {
	list, err := os.ReadFile("testdata/world/want.tsv")
	if err != nil {
		t.Fatal(err)
	}
	seen, unseen := map[string]int{}, map[string]int{}
	for row := range strings.Lines(string(list)) {
		name, want, _ := strings.Cut(strings.TrimSpace(row), "\t")
		data, err := os.ReadFile(filepath.Join("testdata/world", name))
		if err != nil {
			t.Fatal(err)
		}
		verdict, got := judge(t, name, data, want)
		if keptAside(name) {
			unseen[verdict]++
			continue
		}
		if seen[verdict]++; verdict != "right" {
			t.Logf("%s: %s, want %s, got %s", name, verdict, want, got)
		}
	}
	for what, counts := range map[string]map[string]int{"seen": seen, "kept aside": unseen} {
		all := 0
		for _, n := range counts {
			all += n
		}
		t.Logf("%s: %d, of them %v", what, all, counts)
		if all < 75 || counts["right"]*100 < all*95 || counts["wrong"]*100 > all*3 {
			t.Errorf("%s: of %d %v", what, all, counts)
		}
	}
}

// keptAside reports whether nobody looked at a file while this was written.
func keptAside(name string) bool { return sha256.Sum256([]byte(name))[0]%3 == 0 }

// judge compares what is found in a file with what it is about.
func judge(t *testing.T, name string, data []byte, want string) (verdict, got string) {
	t.Helper()
	if strings.HasSuffix(name, ".log") {
		s, err := bounce.Summarise(bytes.NewReader(data), catalog.Default())
		if err != nil {
			t.Fatal(err)
		}
		n, causes, _ := strings.Cut(want, " ")
		bad, unknown := false, false
		for _, r := range s.Rows {
			got += fmt.Sprintf(" %d %s %q", r.Count, r.Cause, r.Example.Text)
			switch {
			case slices.Contains(strings.Split(causes, "|"), string(r.Cause)):
			case r.Cause == catalog.CauseUnclassified:
				unknown = true
			default:
				bad = true
			}
		}
		got = fmt.Sprintf("%d replies, %d accepted, %d inbound:%s", s.Replies, s.Accepted, s.Inbound, got)
		switch {
		case bad || n != fmt.Sprint(s.Replies) && n != "-1":
			return "wrong", got
		case unknown:
			return "unclassified", got
		}
		return "right", got
	}
	replies, err := bounce.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	good, bad := false, false
	for _, r := range replies {
		class := catalog.Default().Classify(r.Server, r.Code, r.Enhanced, r.Text)
		got += fmt.Sprintf(" %s=%d/%s/%q", class.Cause, r.Code, r.Enhanced, r.Text)
		if slices.Contains(strings.Split(want, "|"), string(class.Cause)) {
			good = true
		} else if class.Cause != catalog.CauseUnclassified {
			bad = true
		}
	}
	nothing := want == "none" || want == "report" || want == "autoreply"
	switch {
	case nothing && len(replies) == 0:
		return "right", got
	case bad, nothing:
		return "wrong", got
	case len(replies) == 0:
		return "not found", got
	case !good:
		return "unclassified", got
	}
	return "right", got
}
