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
	var mod *Module
	if module != "" {
		if mod = c.Modules[module]; mod == nil {
			return nil, fmt.Errorf("%w: there is no module %q; %s", ErrBadModule, clipped(module), nearest(module, sortedKeys(c.Modules)))
		}
	}
	t, err := c.targetOf(name, mod)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrBadTarget, clipped(name), err)
	}
	if known := c.target(t.Name); known != nil {
		switch {
		case mod == nil || mod == known.Module:
			return known, nil
		case mod.Kind != known.Kind:
			return nil, fmt.Errorf("%w: the module %s is for kind %s and %s is a %s", ErrBadModule, mod.Name, mod.Kind, known.Name, known.Kind)
		}
		other := *known
		other.Module, other.Every = mod, mod.every(known)
		return &other, nil
	}
	if err := c.letIn(t); err != nil {
		return nil, err
	}
	t.Source = SourceProbe
	c.respect(t)
	return t, nil
}

// targetOf reads the name of a target of the module's kind or, without a module, of what it looks like: configured, an
// address, a host with a port, a domain.
func (c *Config) targetOf(name string, mod *Module) (*Target, error) {
	var kind Kind
	sender, err := senderName(name)
	switch {
	case mod != nil:
		kind = mod.Kind
	case err == nil && c.target(sender) != nil:
		kind = c.target(sender).Kind
	case err == nil:
		if kind = KindDomain; isLiteral(sender) {
			kind = KindSender
		}
	default:
		kind = KindServer
	}
	t := &Target{Kind: kind, Module: mod}
	if mod == nil {
		t.Module = c.Modules[string(kind)]
	}
	switch kind {
	case KindDomain:
		t.Name, err = parseDomain(name)
		t.Domain = &Domain{FollowMX: FollowAll}
	case KindSender:
		t.Name = sender
		if err == nil {
			t.Sender = newSender(sender)
		}
	default:
		t.Server = &Server{}
		if t.Name, err = hostPort("25", "25")(name); err == nil {
			t.Server.fill(t.Name)
		}
	}
	if err != nil {
		return nil, err
	}
	t.Every = t.Module.every(t)
	return t, nil
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
