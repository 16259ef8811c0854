package main

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A mistyped is an argument that is no target, or not the one that was meant.
type mistyped struct {
	why   string
	meant []string // What to type instead.
}

// says is the end of an error, with what to type.
func (m mistyped) says() string {
	name := m.meant[0]
	if written, ok := targets.InScript(name); ok {
		name = written
	}
	return m.why + "; type: mailprobe_exporter check " + strings.Join(append([]string{name}, m.meant[1:]...), " ")
}

// Reasons for which an argument is not the target that was meant.
const (
	whyMailbox  = "this is an address of a mailbox; its domain can be checked, and the selectors for --dkim-selector are the s= of the DKIM-Signature in a message that it sent"
	whyURL      = "this is a URL; want the name alone"
	whyRange    = "this is a range or has a path; one address or name can be checked"
	whyPort     = "want a port of mail: 25, 465, 587 or 2525"
	whyNumber   = "want the port as a number"
	whyRecord   = "this is the name of a DNS record; want the name that it belongs to"
	whyBrackets = "a bracket is missing"
	whyAlone    = "a name of one word is no mail domain; a server of that name wants its port"
	whyDots     = "the parts of a name are joined by dots"
	whyMixed    = "letters of two alphabets stand in one word and look alike"
	whyMarks    = "there are characters that do not belong to a name"
)

// servicePorts are the ports of URLs and of service names (RFC 6335).
var servicePorts = map[string]string{"smtp": "25", "smtps": "465", "submissions": "465", "submission": "587"}

// mistype says what is wrong with an argument and what was probably meant, if that can be told. What it proposes is a target.
func mistype(cfg *targets.Config, arg string) (m mistyped, ok bool) {
	s, why := bare(arg)
	fix := func(to, reason string) {
		if to != s {
			s = to
			if why == "" || why == whyMarks {
				why = reason
			}
		}
	}
	if latin, mixed := targets.Latin(strings.ToLower(s)); mixed {
		s, why = latin, whyMixed
	}
	port := ""
	if scheme, rest, found := strings.Cut(s, "://"); found {
		port = servicePorts[strings.ToLower(scheme)]
		rest, _, _ = strings.Cut(rest, "?")
		rest, _, _ = strings.Cut(rest, "#")
		rest, _, _ = strings.Cut(rest, "/")
		fix(rest[strings.LastIndexByte(rest, '@')+1:], whyURL)
		if host, p, err := net.SplitHostPort(s); err == nil && (p == "443" || p == "80") {
			s = host
		}
	} else if rest, found := strings.CutPrefix(strings.ToLower(s), "mailto:"); found {
		fix(rest, whyMailbox)
	}
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		fix(strings.Trim(s[at+1:], "[]<>"), whyMailbox)
	}
	before, _, _ := strings.Cut(s, "/")
	fix(before, whyRange)
	s, port, why = hostAndPort(s, port, why)
	labels := strings.Split(s, ".")
	for i, label := range slices.Backward(labels) {
		if strings.HasPrefix(label, "_") || label == "*" {
			selector := strings.Join(labels[:i], ".")
			fix(strings.Join(labels[i+1:], "."), whyRecord)
			if label == "_domainkey" && selector != "" && selector != "*" {
				return proposed(cfg, arg, why, s, "--dkim-selector", selector)
			}
			break
		}
	}
	if port != "" && s != "" {
		s = net.JoinHostPort(strings.Trim(s, "[]"), port)
	}
	return proposed(cfg, arg, cmp.Or(why, whyMarks), s)
}

// doubtful reports whether an argument that can be read as a target is probably meant as another: as the name of a record, or as a name
// in which characters stand that no name has, or look-alikes of its letters.
func doubtful(arg string) bool {
	if _, mixed := targets.Latin(strings.ToLower(arg)); mixed || strings.HasPrefix(arg, "_") || strings.Contains(arg, "._") {
		return true
	}
	return strings.ContainsFunc(arg, func(r rune) bool {
		return r > unicode.MaxASCII && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	})
}

// shownArgument is an argument as an error shows it: without the user and password of a URL.
func shownArgument(arg string) string {
	if strings.Contains(arg, "://") {
		arg = arg[strings.LastIndexByte(arg, '@')+1:]
	}
	return clip(arg, maxName)
}

// hostAndPort parts a host and its port; a port that is none is left out.
func hostAndPort(s, port, why string) (string, string, string) {
	if strings.Count(s, "[") != strings.Count(s, "]") {
		s, why = strings.Trim(s, "[]"), whyBrackets
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return s, port, why
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return s, port, why
	}
	host, given := s[:i], strings.ToLower(s[i+1:])
	if known, ok := servicePorts[given]; ok {
		given, why = known, cmp.Or(why, whyNumber)
	}
	if n, err := strconv.ParseUint(given, 10, 16); err != nil || n == 0 {
		if why == "" || why == whyMarks {
			why = whyPort
		}
		return strings.Trim(host, "[]:"), port, why
	}
	return strings.Trim(host, "[]"), given, why
}

// proposed is what to type instead of an argument, if it is a target, and another.
func proposed(cfg *targets.Config, arg, why, name string, more ...string) (mistyped, bool) {
	t, _, err := cfg.Typed(name)
	if err != nil && name != "" && !strings.ContainsAny(name, ".:") {
		why, name = whyAlone, name+":25"
		t, _, err = cfg.Typed(name)
	}
	if err != nil || name == arg {
		return mistyped{}, false
	}
	shown := t.Name
	if t.Kind == targets.KindServer && !strings.Contains(strings.TrimPrefix(name, "["), ":") {
		shown = name
	}
	return mistyped{why, append([]string{shown}, more...)}, true
}

// bare is an argument without what stands around a name: quotation marks, brackets, commas, blanks and what cannot be seen. What is
// meant as a dot becomes one: also a Cyrillic yu, which is on its key, and a blank.
func bare(arg string) (s, why string) {
	s = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("·•․‧∙。．｡", r):
			return '.'
		case r == ' ', unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, strings.ToValidUTF8(arg, ""))
	if i, j := strings.IndexByte(s, '<'), strings.LastIndexByte(s, '>'); i >= 0 && j > i {
		s = s[i+1 : j] // As in a header: Anna <anna@example.org>.
	}
	s = strings.TrimFunc(s, func(r rune) bool { return strings.ContainsRune(" .,;!?'\"`“”„‘’«»‹›<>(){}|\\", r) })
	if fields := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' }); len(fields) > 1 && !strings.ContainsAny(s, "@/:") {
		s, why = strings.Join(fields, "."), whyDots
	}
	for strings.Contains(s, "..") {
		s = strings.ReplaceAll(s, "..", ".")
	}
	if ascii := strings.NewReplacer("ю", ".", "Ю", ".").Replace(s); ascii != s && isASCII(ascii) {
		s, why = ascii, whyDots
	}
	if s != arg && why == "" {
		why = whyMarks
	}
	return s, why
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// torn says what was meant by arguments that are the parts of one: a name with blanks for dots, or a host and its port.
func torn(cfg *targets.Config, args []string) (mistyped, bool) {
	if len(args) == 2 {
		if _, err := strconv.ParseUint(args[1], 10, 16); err == nil {
			if m, ok := proposed(cfg, "", "host and port are joined by a colon", args[0]+":"+args[1]); ok {
				return m, true
			}
		}
	}
	whole := func(s string) bool { return strings.ContainsAny(s, ".:@/") }
	if len(args) > 1 && !slices.ContainsFunc(args, whole) {
		return proposed(cfg, "", whyDots, strings.Join(args, "."))
	}
	return mistyped{}, false
}
