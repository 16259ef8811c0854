package targets

import (
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// glob reports whether text matches a pattern in which * stands for any characters or none, dots included, and ?
// for any one. Brackets stand for themselves, since the names of servers hold them.
func glob(pattern, text string) bool {
	star, mark := -1, 0 // Where the last * is, and how much of text it has taken.
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// Match reports whether a host (a name, or the literal of an address) is meant by the pattern.
func (p Pattern) Match(host string) bool {
	if !p.Prefix.IsValid() {
		return glob(p.Glob, host)
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && p.Prefix.Contains(a.Unmap())
}

// Contains reports whether an address is meant by the pattern.
func (p Pattern) Contains(a netip.Addr) bool {
	return p.Prefix.IsValid() && p.Prefix.Contains(a.Unmap().WithZone(""))
}

func (p Pattern) String() string {
	if p.Prefix.IsValid() {
		return p.Prefix.String()
	}
	return p.Glob
}

var patternForm = regexp.MustCompile(`^[a-z0-9_.*?-]+$`)

// parsePattern reads a glob over host names or an address range.
func parsePattern(s string) (Pattern, error) {
	if prefix, err := parsePrefix(s); err == nil {
		return Pattern{Prefix: prefix}, nil
	} else if _, e := netip.ParsePrefix(s); e == nil {
		return Pattern{}, err
	}
	g, err := lowerGlob(strings.TrimSuffix(s, "."))
	if err != nil || !patternForm.MatchString(g) || len(g) > 253 {
		return Pattern{}, errors.New("want a host name, a pattern such as *.example.net, or an address range such as 203.0.113.0/24")
	}
	return Pattern{Glob: g}, nil
}

// lowerGlob returns a glob over names in lower case and with A-labels where a label has no wildcard.
func lowerGlob(s string) (string, error) {
	labels := strings.Split(strings.ToLower(s), ".")
	for i, l := range labels {
		if strings.IndexFunc(l, func(r rune) bool { return r > 0x7f }) < 0 {
			continue
		}
		a, err := international.ToASCII(l)
		if err != nil || strings.ContainsAny(l, "*?") {
			return "", errors.New("want letters beyond ASCII in whole labels, without wildcards")
		}
		labels[i] = a
	}
	return strings.Join(labels, "."), nil
}

// parseTargetGlob reads a glob over the names of targets.
func parseTargetGlob(s string) (string, error) {
	g, err := lowerGlob(s)
	if err != nil {
		return "", err
	}
	if g == "" || strings.ContainsAny(g, " \t,") {
		return "", errors.New("want a target's name or a pattern such as *.example.org:25")
	}
	return g, nil
}

// parseProblem reads the id of a problem or a pattern over ids, which must match one.
func parseProblem(s string) (string, error) {
	var ids []string
	for _, p := range catalog.Problems() {
		if glob(s, p.ID) {
			return s, nil
		}
		ids = append(ids, p.ID)
	}
	return "", errors.New("no problem has this id or matches this pattern; " + nearest(s, ids) + " (docs/problems.md lists them)")
}

// Own reports whether an MX host is in own_servers, by its name or by one of its addresses as far as they are known.
func (c *Config) Own(host string, addresses ...netip.Addr) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, p := range c.OwnServers {
		if p.Match(host) || slices.ContainsFunc(addresses, p.Contains) {
			return true
		}
	}
	return false
}

// Ignored returns the first rule that accepts a problem on a target at a time, if there is one.
func (c *Config) Ignored(problem, target string, now time.Time) (Ignore, bool) {
	for _, rule := range c.Ignore {
		if (rule.Until.IsZero() || now.Before(rule.Until)) && glob(rule.Problem, problem) && glob(rule.Target, target) {
			return rule, true
		}
	}
	return Ignore{}, false
}

// SeverityOf returns the severity that a problem has after the operator's severity rules, given what the check said.
// A rule that names the problem goes before patterns, and of patterns the first that matches counts.
func (c *Config) SeverityOf(problem string, s catalog.Severity) catalog.Severity {
	matched := false
	for _, rule := range c.Severity {
		switch {
		case rule.Problem == problem:
			return rule.Severity
		case !matched && glob(rule.Problem, problem):
			s, matched = rule.Severity, true
		}
	}
	return s
}
