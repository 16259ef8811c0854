package collector

import (
	"time"

	"github.com/mailprobe/mailprobe_exporter/targets"
)

// noteSends notes whether mail for a domain leaves from a server, too, and makes the server an mta as long as that of any does. c.mu is held.
func (c *Collector) noteSends(server *state, domain string, leaves bool, now time.Time) {
	switch {
	case !leaves:
		delete(server.sendsFor, domain)
	case server.sendsFor == nil:
		server.sendsFor = map[string]bool{domain: true}
	default:
		server.sendsFor[domain] = true
	}
	t := withRole(server.target, server.sendsFor)
	if t == server.target {
		return
	}
	server.mu.Lock()
	server.target = t
	server.mu.Unlock()
	c.rebuild(server, now)
}

// withRole returns a target with the role that it has if mail for these domains leaves from it, itself if that is its role already or
// one is configured.
func withRole(t *targets.Target, sendsFor map[string]bool) *targets.Target {
	role := targets.RoleMX
	if len(sendsFor) > 0 {
		role = targets.RoleMTA
	}
	if t.Server == nil || !t.Server.RoleOpen || t.Server.Role == role {
		return t
	}
	server, found := *t.Server, *t
	server.Role, found.Server = role, &server
	return &found
}
