package targets

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// SourceProbe is that of a target which is not configured and which somebody asked of /probe.
const SourceProbe Source = "probe"

// Reasons for which a target is not probed on demand.
var (
	ErrNotAllowed = errors.New("probe on demand is not allowed")
	ErrBadTarget  = errors.New("target cannot be read")
	ErrBadModule  = errors.New("module cannot be used")
)

// mailPorts are those that a target which is not configured may have: the exporter must not become somebody's way to other
// services.
var mailPorts = []uint16{25, 465, 587, 2525}

// OnDemand returns the target of a name as somebody asks for it: a domain, a server with its port or a sender, and the module to
// probe it with, "" for the target's own. A target that is configured is that one; any other must match probe_allow, may only have a
// port of mail, and is made with the built-in module of its kind unless another is named. Errors are ErrNotAllowed,
// ErrBadTarget or ErrBadModule with what would be right.
func (c *Config) OnDemand(name, module string) (*Target, error) {
	if strings.EqualFold(name, string(KindVantage)) {
		return nil, fmt.Errorf("%w: %q is the exporter itself, whose metrics are those of /metrics; a server is asked for with its port", ErrBadTarget, clipped(name))
	}
	var mod *Module
	if module != "" {
		if mod = c.Modules[module]; mod == nil {
			return nil, fmt.Errorf("%w: there is no module %q; %s", ErrBadModule, clipped(module), nearest(module, sortedKeys(c.Modules)))
		}
	}
	kind := c.kindOf(name)
	if mod != nil {
		kind = mod.Kind
	}
	t, err := c.TargetOf(name, kind)
	if err != nil {
		return nil, err
	}
	configured := c.target(t.Name) != nil
	switch {
	case mod == nil || mod == t.Module:
	case configured && mod.Kind != t.Kind:
		return nil, fmt.Errorf("%w: the module %s is for kind %s and %s is a %s", ErrBadModule, mod.Name, mod.Kind, t.Name, t.Kind)
	default:
		other := *t
		other.Module, other.Every = mod, mod.every(t)
		t = &other
	}
	if configured {
		return t, nil
	}
	if err := c.letIn(t); err != nil {
		return nil, err
	}
	t.Source = SourceProbe
	c.respect(t)
	return t, nil
}

// TargetOf returns the target of a name and kind as its operator types it: the configured one, or one with the settings of the
// built-in module. The error is ErrBadTarget with what would be right.
func (c *Config) TargetOf(name string, kind Kind) (*Target, error) {
	t := &Target{Kind: kind, Module: c.Modules[string(kind)], Source: SourceConfig}
	var err error
	switch kind {
	case KindDomain:
		t.Name, err = parseDomain(name)
		t.Domain = &Domain{FollowMX: FollowAll}
	case KindSender:
		if t.Name, err = senderName(name); err == nil {
			t.Sender = newSender(t.Name)
		}
	default:
		t.Server = &Server{}
		if t.Name, err = hostPort("25", "25")(name); err == nil {
			t.Server.fill(t.Name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrBadTarget, clipped(name), err)
	}
	if known := c.target(t.Name); known != nil {
		return known, nil
	}
	t.Every = t.Module.every(t)
	return t, nil
}

// kindOf is what a name looks like: what is configured by it, an address, a host with a port, a domain.
func (c *Config) kindOf(name string) Kind {
	host, err := senderName(name)
	switch {
	case err != nil:
		return KindServer
	case c.target(host) != nil:
		return c.target(host).Kind
	case isLiteral(host):
		return KindSender
	}
	return KindDomain
}

// letIn says whether probe_allow lets a target in that is not configured.
func (c *Config) letIn(t *Target) error {
	host := t.Name
	switch {
	case t.Server != nil:
		host = t.Server.Host
		if !slices.Contains(mailPorts, t.Server.Port) {
			return fmt.Errorf("%w: %s: want port 25, 465, 587 or 2525 of a server that is not configured", ErrNotAllowed, t.Name)
		}
	case t.Sender != nil:
		host = t.Sender.Host
	}
	if !slices.ContainsFunc(c.ProbeAllow, func(p Pattern) bool { return p.Match(host) }) {
		return fmt.Errorf("%w: %s is not configured and nothing in probe_allow matches it", ErrNotAllowed, t.Name)
	}
	if addr, err := netip.ParseAddr(host); err == nil && !c.Allowed(addr) {
		return fmt.Errorf("%w: %s is not a public address and not in allow_addresses", ErrNotAllowed, addr)
	}
	return nil
}

func isLiteral(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// clipped is a text of somebody's, short enough for an error.
func clipped(s string) string {
	const most = 100
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
