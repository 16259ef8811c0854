package targets

import (
	"maps"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// Same reports whether two targets are probed in the same way, so that what is known of one holds for the other. Labels, the
// module's name, where the target comes from and a role that was found out do not matter to that.
func (t *Target) Same(o *Target) bool {
	t, o = inOrder(t), inOrder(o)
	return t.Name == o.Name && t.Kind == o.Kind && t.Foreign == o.Foreign &&
		maps.Equal(t.Every, o.Every) && t.timeout() == o.timeout() && t.parked() == o.parked() &&
		reflect.DeepEqual(t.Domain, o.Domain) && reflect.DeepEqual(t.Server, o.Server) && reflect.DeepEqual(t.Sender, o.Sender)
}

// Sends reports whether mail leaves from the target, as far as is known: every target but servers of another role than mta.
func (t *Target) Sends() bool { return t.Server == nil || t.Server.Role == RoleMTA }

func (t *Target) timeout() time.Duration {
	if t.Module == nil {
		return 0
	}
	return t.Module.Timeout
}

func (t *Target) parked() bool { return t.Module != nil && t.Module.Parked }

// DiscoveredServer returns the target for an MX host of domain d, on port 25: the configured one if there is one of that
// name, otherwise one with the settings of module server. ok is false if d does not follow it. The host's addresses may be
// given where they are known, for own_servers that are address ranges.
//
// A provider's server that is not in own_servers is foreign: nobody here can mend it, so it is asked once an hour and never
// about blocklists. Any other that is not one's own is asked once a minute at most.
func (c *Config) DiscoveredServer(d *Target, host string, addresses ...netip.Addr) (t *Target, ok bool) {
	host, err := parseName(host)
	if err != nil || d == nil || d.Domain == nil || d.Domain.FollowMX == FollowNone {
		return nil, false
	}
	name := net.JoinHostPort(host, "25")
	if t := c.target(name); t != nil {
		return t, true
	}
	own := c.Own(host, addresses...)
	if d.Domain.FollowMX == FollowOwn && !own {
		return nil, false
	}
	module := c.Modules["server"]
	if module == nil {
		module = builtinModules()["server"]
	}
	t = &Target{
		Name: name, Kind: KindServer, Source: SourceMX, Module: module,
		Server: &Server{Host: host, Port: 25, ServerName: host, TLS: "starttls", Role: RoleMX, RoleOpen: true},
	}
	t.Every = module.every(t)
	c.respect(t, addresses...)
	return t, true
}

// respect makes a provider's server that is not our own foreign: nobody here can mend it, so that it is looked at once an hour and never
// asked of blocklists. Nobody's server but our own is talked to more than once a minute. addresses are those of a server that is
// named by its name, as far as they are known.
func (c *Config) respect(t *Target, addresses ...netip.Addr) {
	if t.Server == nil || c.Own(t.Server.Host, addresses...) {
		return
	}
	if _, provider := catalog.Provider(t.Server.Host); provider {
		t.Foreign, t.Server.RoleOpen = true, false // What it sends for others is no business of ours.
		delete(t.Every, "dnsbl")
		for check, every := range t.Every {
			t.Every[check] = max(every, foreignInterval)
		}
	}
	if every := t.Every["smtp"]; every > 0 {
		t.Every["smtp"] = max(every, politeSMTP)
	}
}

// target returns the configured target of a name, or nil.
func (c *Config) target(name string) *Target {
	if c.byName != nil {
		return c.byName[name]
	}
	for _, t := range c.Targets {
		if strings.EqualFold(t.Name, name) {
			return t
		}
	}
	return nil
}
