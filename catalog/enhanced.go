package catalog

import (
	"fmt"
	"strconv"
	"strings"
)

// KnownEnhanced reports whether code ("5.7.1") is in the IANA registry of enhanced status
// codes (RFC 3463 and its additions, RFC 5248) or in the catalogue.
func KnownEnhanced(code string) bool {
	class, rest, _ := strings.Cut(code, ".")
	return (class == "2" || class == "4" || class == "5") && builtin().enhanced[rest]
}

// enhancedFile is data/enhanced.yml: for each subject (the middle number) the details, one
// by one or as first-last.
type enhancedFile struct {
	Registry  map[string][]string `yaml:"registry"`
	Providers map[string][]string `yaml:"providers"`
}

// codes gives every subject.detail of the file.
func (f enhancedFile) codes() (map[string]bool, error) {
	known := map[string]bool{}
	for _, part := range []map[string][]string{f.Registry, f.Providers} {
		for subject, details := range part {
			for _, d := range details {
				first, last, ok := strings.Cut(d, "-")
				if !ok {
					last = first
				}
				lo, err1 := strconv.ParseUint(first, 10, 10)
				hi, err2 := strconv.ParseUint(last, 10, 10)
				if err1 != nil || err2 != nil || lo > hi || hi > 999 {
					return nil, fmt.Errorf("subject %s: %q is not a number up to 999 or a range of them", subject, d)
				}
				for n := lo; n <= hi; n++ {
					known[fmt.Sprintf("%s.%d", subject, n)] = true
				}
			}
		}
	}
	return known, nil
}
