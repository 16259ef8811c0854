package targets

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Each function here reads one kind of text; its error says what would be right and never
// repeats the text.

// maxInterval is the longest interval: a check that runs less often is one that is forgotten.
const maxInterval = 30 * 24 * time.Hour

var (
	durationForm = regexp.MustCompile(`^(?:\d{1,9}(?:ms|s|m|h|d|w))+$`)
	durationPart = regexp.MustCompile(`(\d+)(ms|s|m|h|d|w)`)
	durationUnit = map[string]time.Duration{
		"ms": time.Millisecond, "s": time.Second, "m": time.Minute,
		"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
	}
)

// parseShare reads a part of a whole.
func parseShare(s string) (float64, error) {
	share, err := strconv.ParseFloat(s, 64)
	if err != nil || !(share >= 0 && share <= 1) { // NaN is neither.
		return 0, errors.New("want a number from 0 to 1, such as 0.25")
	}
	return share, nil
}

// durationFrom returns a reader of durations from least to most, as Prometheus writes them: 30s, 1h30m, 1d.
func durationFrom(least, most time.Duration) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		if !durationForm.MatchString(s) {
			return 0, errors.New("want a duration such as 30s, 5m, 1h30m or 1d")
		}
		var sum time.Duration
		for _, m := range durationPart.FindAllStringSubmatch(s, -1) {
			n, _ := strconv.Atoi(m[1])
			if sum > most || time.Duration(n) > most/durationUnit[m[2]]+1 {
				sum = most + 1
				break
			}
			sum += time.Duration(n) * durationUnit[m[2]]
		}
		if sum < least || sum > most {
			return 0, fmt.Errorf("want a duration from %s to %s", durationText(least), durationText(most))
		}
		return sum, nil
	}
}

// durationText writes a duration as the grammar reads it.
func durationText(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, unit := range []string{"d", "h", "m", "s", "ms"} {
		if n := d / durationUnit[unit]; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit)
			d -= n * durationUnit[unit]
		}
	}
	return b.String()
}

// oneOf returns a reader of a closed set of words.
func oneOf[T ~string](words ...T) func(string) (T, error) {
	known := make([]string, len(words))
	for i, w := range words {
		known[i] = string(w)
	}
	return func(s string) (T, error) {
		if !slices.Contains(words, T(s)) {
			if len(known) == 1 {
				return "", errors.New("want " + known[0])
			}
			return "", fmt.Errorf("want one of %s", strings.Join(known, ", "))
		}
		return T(s), nil
	}
}

// anyText takes every text but the empty one.
func anyText(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", errors.New("want some text")
	}
	return s, nil
}

// parseAddr reads the address of one host.
func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		if strings.Contains(s, "/") {
			return a, errors.New("want one IP address, not a range")
		}
		return a, errors.New("want an IP address such as 203.0.113.9 or 2001:db8::9")
	case a.Zone() != "":
		return a, errors.New("want an IP address without a zone (%...)")
	case a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return a, errors.New("want the address of one host")
	}
	return a.Unmap(), nil
}

// parsePrefix reads an address range; a single address is one too.
func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, errors.New("want an address range such as 203.0.113.0/24 or 2001:db8::/32")
	case p.Addr().Is4In6():
		return p, errors.New("want an IPv4 range in its own form, such as 203.0.113.0/24")
	case p != p.Masked():
		return p, fmt.Errorf("the range has bits set after its length; want %s", p.Masked())
	}
	return p, nil
}

// splitHostPort reads host:port and proposes what would be right where the port is missing.
func splitHostPort(s, port string) (host string, number uint16, err error) {
	host, text, err := net.SplitHostPort(s)
	if err != nil {
		if bare, text, ok := cutMailPort(s); ok {
			return "", 0, fmt.Errorf("want an IPv6 address in brackets, %s", net.JoinHostPort(bare, text))
		}
		if a, e := netip.ParseAddr(strings.Trim(s, "[]")); e == nil {
			return "", 0, fmt.Errorf("want host:port, for example %s", net.JoinHostPort(a.String(), port))
		}
		if !strings.ContainsAny(s, ":[]") && s != "" {
			return "", 0, fmt.Errorf("the port is missing; want for example %s:%s", s, port)
		}
		return "", 0, fmt.Errorf("want host:port, for example mx.example.org:%s or [2001:db8::9]:%s", port, port)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || text[0] == '+' {
		return "", 0, errors.New("want a port from 1 to 65535 after the colon")
	}
	return host, uint16(n), nil
}

// cutMailPort takes a port of mail off an IPv6 address that lacks its brackets.
func cutMailPort(s string) (addr, port string, ok bool) {
	i := max(0, strings.LastIndexByte(s, ':'))
	if _, err := netip.ParseAddr(s[:i]); err != nil || !slices.Contains([]string{"25", "465", "587", "2525"}, s[i+1:]) {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// hostPort returns a reader of an address or name with a port, in its canonical form. fallback is the port
// where none is written; "" means that it must be.
func hostPort(example, fallback string) func(string) (string, error) {
	return func(s string) (string, error) {
		if fallback != "" {
			if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil && !strings.Contains(a.Zone(), "]") { // A zone may hold all that follows.
				s = net.JoinHostPort(a.String(), fallback)
			} else if s != "" && !strings.Contains(s, ":") {
				s = net.JoinHostPort(s, fallback)
			}
		}
		host, port, err := splitHostPort(s, example)
		if err != nil {
			return "", err
		}
		host, _, err = parseHost(host)
		if err != nil {
			return "", err
		}
		return net.JoinHostPort(host, strconv.Itoa(int(port))), nil
	}
}

// parseDay reads a day or a moment, in UTC.
func parseDay(s string) (time.Time, error) {
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("want a day such as 2027-03-01, or a moment such as 2027-03-01T12:00:00Z")
}
