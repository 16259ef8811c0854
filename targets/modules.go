package targets

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	defaultTimeout = time.Minute // Servers delay their greeting on purpose, some for half a minute.
	// politeSMTP is the shortest interval of the dialogue that servers of others are asked at, and below
	// which one's own are warned about.
	politeSMTP = time.Minute
	// foreignInterval is how often a provider's server is asked anything.
	foreignInterval = time.Hour
)

// builtinModules are there without being configured.
func builtinModules() map[string]*Module {
	out := map[string]*Module{}
	for _, k := range []Kind{KindDomain, KindServer, KindSender} {
		out[string(k)] = newModule(string(k), k, checksOf(k))
	}
	// A domain that sends and receives nothing has no keys, no policies of transport and no logo.
	parked := newModule("parked", KindDomain, []string{"mx", "spf", "dmarc", "dnssec", "dnsbl"})
	parked.Parked = true
	out["parked"] = parked
	return out
}

// newModule returns a module with default intervals. checks are sorted into the order of the table.
func newModule(name string, kind Kind, checks []string) *Module {
	m := &Module{Name: name, Kind: kind, Every: map[string]time.Duration{}, Timeout: defaultTimeout}
	for _, spec := range Checks {
		if slices.Contains(checks, spec.Name) {
			m.Checks = append(m.Checks, spec.Name)
			m.Every[spec.Name] = spec.Interval
		}
	}
	return m
}

// checksOf returns the checks that can be asked of a kind.
func checksOf(k Kind) []string {
	var out []string
	for _, spec := range Checks {
		if slices.Contains(spec.Kinds, k) {
			out = append(out, spec.Name)
		}
	}
	return out
}

var moduleName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// modules reads the modules, which may change the built-in ones.
func (p *parser) modules(v value) {
	pairs := v.pairs()
	for _, pr := range pairs {
		if !moduleName.MatchString(pr.name) {
			pr.key.fail("want a name of letters, digits, _, - and . for a module")
			continue
		}
		p.cfg.Modules[pr.name] = p.module(pr.name, pr.value)
	}
	warned := false
	for _, pr := range pairs {
		if m := p.cfg.Modules[pr.name]; m != nil && m.Every["smtp"] > 0 && m.Every["smtp"] < politeSMTP && !warned {
			warned = true
			pr.value.warn("smtp every %s is for servers of your own: many servers take more than one connection a minute from one address for abuse", durationText(m.Every["smtp"]))
		}
	}
}

// module reads one module. Whatever is wrong in it, targets may refer to it.
func (p *parser) module(name string, v value) *Module {
	m := v.mapping("kind", "checks", "interval", "timeout")
	builtin := p.cfg.Modules[name]
	mod := &Module{Name: name}
	if builtin != nil {
		mod = newModule(name, builtin.Kind, builtin.Checks)
		mod.Parked = builtin.Parked
		m.at("kind", func(v value) {
			if k, ok := readKind(v); ok && k != builtin.Kind {
				v.bad(string(k), fmt.Sprintf("the module %s is built in, for kind %s; give yours another name", name, builtin.Kind))
			}
		})
	} else {
		m.need("kind", "kind: domain", func(v value) { mod.Kind, _ = readKind(v) })
		mod = newModule(name, mod.Kind, checksOf(mod.Kind))
	}
	if mod.Kind == "" {
		return mod // Which checks fit is not known.
	}
	m.at("checks", func(v value) {
		if checks, ok := moduleChecks(v, mod.Kind); ok {
			parked := mod.Parked
			mod = newModule(name, mod.Kind, checks)
			mod.Parked = parked
		}
	})
	m.at("interval", func(v value) { mod.intervals(v) })
	m.at("timeout", func(v value) { readInto(v, &mod.Timeout, durationFrom(time.Second, time.Minute)) })
	return mod
}

func readKind(v value) (Kind, bool) { return read(v, oneOf(KindDomain, KindServer, KindSender)) }

// moduleChecks reads the checks of a module for one kind.
func moduleChecks(v value, kind Kind) ([]string, bool) {
	before := len(v.doc.errs)
	fitting := checksOf(kind)
	checks := readList(v, func(s string) (string, error) {
		spec, known := CheckByName(s)
		switch {
		case !known:
			return "", fmt.Errorf("there is no such check; %s", nearest(s, fitting))
		case !slices.Contains(spec.Kinds, kind):
			return "", fmt.Errorf("the check is not asked of kind %s, but of %s", kind, kindNames(spec.Kinds))
		}
		return s, nil
	})
	if len(checks) == 0 && len(v.doc.errs) == before {
		v.fail("want at least one check; for kind %s there are %s", kind, strings.Join(fitting, ", "))
	}
	return checks, len(v.doc.errs) == before
}

func kindNames(kinds []Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

// intervals reads a module's interval: one for all its checks, raised to each one's least, or a map in which none
// may lie below it.
func (m *Module) intervals(v value) {
	if v.kind() != "a mapping" {
		all, ok := read(v, durationFrom(time.Second, maxInterval))
		for check := range m.Every {
			if spec, _ := CheckByName(check); ok {
				m.Every[check] = max(all, spec.Least)
			}
		}
		return
	}
	for _, pr := range v.pairs() {
		spec, known := CheckByName(pr.name)
		switch {
		case !known:
			pr.key.fail("there is no such check; %s", nearest(pr.name, m.Checks))
		case !slices.Contains(m.Checks, pr.name):
			pr.key.fail("the module does not run this check; it runs %s", strings.Join(m.Checks, ", "))
		default:
			if d, ok := read(pr.value, durationFrom(spec.Least, maxInterval)); ok {
				m.Every[pr.name] = d
			}
		}
	}
}

// every says how often each check of a target runs. Checks that need something of the target run where it is
// configured, whether the module names them or not.
func (m *Module) every(t *Target) map[string]time.Duration {
	out := maps.Clone(m.Every)
	if out == nil {
		out = map[string]time.Duration{}
	}
	if t.Server == nil {
		return out
	}
	for check, configured := range map[string]bool{
		"recipient": t.Server.Recipient != nil,
		"auth":      t.Server.Credentials != nil,
		"relay":     t.Server.RelayTest != nil,
	} {
		if !configured {
			delete(out, check)
		} else if out[check] == 0 {
			spec, _ := CheckByName(check)
			out[check] = spec.Interval
		}
	}
	return out
}
