package targets

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// What an operator types on a command line is read by the rules of exporter.yml.

// Typed returns the target that a name stands for, and whether it is configured: a host with a port is a server, an address a sender, any
// other name a domain until DNS tells. The error is ErrBadTarget with what would be right.
func (c *Config) Typed(name string) (t *Target, configured bool, err error) {
	if t, err = c.TargetOf(name, c.kindOf(name)); err != nil {
		return nil, false, err
	}
	return t, c.target(t.Name) != nil, nil
}

// Only returns the configuration with other targets in place of its own, each name once.
func (c *Config) Only(list []*Target) *Config {
	n := *c
	n.Targets, n.byName = nil, map[string]*Target{}
	for _, t := range list {
		if n.byName[t.Name] == nil {
			n.byName[t.Name] = t
			n.Targets = append(n.Targets, t)
		}
	}
	return &n
}

// WithDomain returns a domain with more selectors and senders than it is configured with.
func WithDomain(t *Target, selectors, senders []string) (*Target, error) {
	domain, with := *t.Domain, *t
	with.Domain = &domain
	domain.DKIMSelectors, domain.Senders = slices.Clone(domain.DKIMSelectors), slices.Clone(domain.Senders)
	for _, s := range selectors {
		name, err := parseSelector(s)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", clipped(s), err)
		}
		if !slices.Contains(domain.DKIMSelectors, name) {
			domain.DKIMSelectors = append(domain.DKIMSelectors, name)
		}
	}
	for _, s := range senders {
		name, err := senderName(s)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", clipped(s), err)
		}
		if !slices.Contains(domain.Senders, name) {
			domain.Senders = append(domain.Senders, name)
		}
	}
	return &with, nil
}

// ReadCredentials gives a user name with the password that is the one line of a file.
func ReadCredentials(username, file string) (*Credentials, error) {
	if username == "" || len(username) > 255 {
		return nil, errors.New("want a user name of at most 255 octets")
	}
	text, err := readRegular(file)
	if err != nil {
		return nil, fmt.Errorf("read the password's file: %s", reason(err)) // Which names it itself.
	}
	password, err := secretLine(string(text))
	if err != nil {
		return nil, err
	}
	return &Credentials{Username: username, Password: password, PasswordFile: file}, nil
}

// WithCredentials returns a server that a user is to log in at and that is asked nothing else.
func WithCredentials(t *Target, user *Credentials) *Target {
	server, with := *t.Server, *t
	server.Credentials = user
	with.Server = &server
	with.Every = map[string]time.Duration{"auth": time.Hour}
	return &with
}

// ParseResolvers reads addresses of resolvers, each with or without its port.
func ParseResolvers(list []string) ([]string, error) {
	out := make([]string, len(list))
	for i, s := range list {
		server, err := hostPort("53", "53")(s)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", clipped(s), err)
		}
		out[i] = server
	}
	return out, nil
}
