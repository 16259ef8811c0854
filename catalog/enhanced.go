package catalog

import (
	"fmt"
	"strconv"
	"strings"
)

// KnownEnhanced reports whether code ("5.7.1") is in the IANA registry of enhanced status
// codes (RFC 3463 and its additions, RFC 5248) or in an entry of the catalogue.
func (c *Catalog) KnownEnhanced(code string) bool {
	class, detail, _ := strings.Cut(code, ".")
	return (class == "2" || class == "4" || class == "5") && c.known[detail]
}

// EnhancedCode returns what the registry says of an enhanced status code; nil if it is not in it.
func (c *Catalog) EnhancedCode(code string) *EnhancedCode {
	class, detail, _ := strings.Cut(code, ".")
	if class != "2" && class != "4" && class != "5" {
		return nil
	}
	for _, e := range c.enhanced {
		if e.Detail == detail {
			return e
		}
	}
	return nil
}

// verdict is what an enhanced code of this class means. A positive reply is about nothing that is wrong.
func (e *EnhancedCode) verdict(class byte) Verdict {
	switch {
	case class == '2':
		return Verdict{Cause: CauseOK}
	case class == '4' && e.Transient != nil:
		v := *e.Transient
		if v.Actor == "" {
			v.Actor = e.Actor
		}
		return v
	}
	return e.Verdict
}

// maxRange is how many codes one range may stand for.
const maxRange = 500

// expand writes ranges of enhanced codes out: "4.7.500-4.7.699" is all from 4.7.500 to 4.7.699.
func expand(codes []string) ([]string, error) {
	var out []string
	for _, code := range codes {
		first, last, isRange := strings.Cut(code, "-")
		if !isRange {
			last = first
		}
		if !isEnhanced(first) || !isEnhanced(last) {
			return nil, fmt.Errorf("%q is not an enhanced status code such as 5.7.1, or a range of them", code)
		}
		prefix := first[:strings.LastIndexByte(first, '.')+1]
		lo, _ := strconv.Atoi(first[len(prefix):])
		hi, err := strconv.Atoi(strings.TrimPrefix(last, prefix))
		if err != nil || lo > hi || hi-lo >= maxRange {
			return nil, fmt.Errorf("%q is not a range of up to %d codes that differ in the last number", code, maxRange)
		}
		for n := lo; n <= hi; n++ {
			out = append(out, prefix+strconv.Itoa(n))
		}
	}
	return out, nil
}
