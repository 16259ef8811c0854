package collector

import (
	"slices"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// follow makes the MX hosts of a domain targets. A server that several domains lead to is one
// target, and goes with the last of them.
func (c *Collector) follow(st *state, mxs []checks.Exchanger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.states[st.name] != st {
		return // The domain went or changed meanwhile.
	}
	reg, now := c.regime.Load(), time.Now()
	earlier := st.exchangers
	st.exchangers = nil
	follows := map[string]bool{}
	var fresh []*state
	for _, mx := range mxs {
		sameHost := func(o checks.Exchanger) bool { return o.Host == mx.Host }
		if mx.Host == "" || len(st.exchangers) == maxExchangers || slices.ContainsFunc(st.exchangers, sameHost) {
			continue
		}
		if i := slices.IndexFunc(earlier, sameHost); i >= 0 { // A lost answer makes no server somebody else's, nor one for something else.
			if len(mx.Addresses) == 0 {
				mx.Addresses = earlier[i].Addresses
			}
			if mx.SendsErr != nil {
				mx.Sends = earlier[i].Sends
			}
		}
		mx.SendsErr = nil
		st.exchangers = append(st.exchangers, mx)
		t, ok := reg.cfg.DiscoveredServer(st.target, mx.Host, mx.Addresses...)
		if !ok {
			continue
		}
		server := c.states[t.Name]
		if server == nil || server.target.Source == targets.SourceMX && !same(server.target, t) {
			old := server
			server = c.newState(t, reg, now)
			if old != nil { // Its address moved into or out of own_servers.
				c.remove(old)
				server.refs, server.sendsFor, server.door = old.refs, old.sendsFor, old.door
			}
			c.states[t.Name], c.sorted = server, nil
			fresh = append(fresh, server)
		}
		follows[t.Name] = true
		if server.refs == nil {
			server.refs = map[string]bool{}
		}
		server.refs[st.name] = true
		c.noteSends(server, st.name, mx.Sends, now)
	}
	for name := range st.follows {
		server := c.states[name]
		if follows[name] || server == nil {
			continue
		}
		delete(server.refs, st.name)
		c.noteSends(server, st.name, false, now)
		if server.target.Source == targets.SourceMX && len(server.refs) == 0 {
			delete(c.states, name)
			c.sorted = nil
			c.remove(server)
		}
	}
	st.follows = follows
	if c.running {
		c.begin(now, fresh)
	}
}
