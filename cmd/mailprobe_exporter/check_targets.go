package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// An asked is what the command line asks about.
type asked struct {
	names []string          // As they are written in a report, in the order given, each once.
	hosts map[string]string // Of the servers that are tried because a host without a port was named: that host.
	all   []*targets.Target
}

// hostPorts are tried on a host whose port is not said, in this order.
var hostPorts = []uint16{25, 465, 587, 2525}

// read says what the arguments are: what is configured is that; a host with a port is a server, an address is a sender and a
// host, a name with an MX record is a domain and any other a host.
func (k *checker) read(ctx context.Context) (*asked, error) {
	a := &asked{hosts: map[string]string{}}
	if len(k.flags.targets) == 0 {
		return a, k.readAll(a)
	}
	dns, err := dnsclient.New(dnsclient.Options{Servers: k.cfg.Resolver.Servers, Timeout: k.cfg.Resolver.Timeout})
	if err != nil {
		return nil, fmt.Errorf("resolver: %w", err)
	}
	dns = checks.NewProofs(targets.Vantage{}).Believing(dns)
	for _, arg := range k.flags.targets {
		t, configured, err := k.typed(arg)
		if err != nil {
			return nil, err
		}
		if slices.Contains(a.names, t.Name) {
			continue
		}
		a.names = append(a.names, t.Name)
		switch {
		case configured || t.Kind == targets.KindServer:
			err = k.add(a, t)
		case t.Kind == targets.KindSender:
			if err = k.add(a, t); err == nil {
				err = k.addHost(a, t.Name)
			}
		case isDomain(ctx, dns, t.Name):
			err = k.add(a, t)
		default:
			err = k.addHost(a, t.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	isDomain := func(t *targets.Target) bool { return t.Kind == targets.KindDomain }
	if len(k.flags.selectors)+len(k.flags.senders) > 0 && !slices.ContainsFunc(a.all, isDomain) {
		return nil, fmt.Errorf("%w: --dkim-selector and --sender are about a domain, and none of the targets is one", errCheck)
	}
	return a, nil
}

// typed returns the target that an argument stands for, and whether it is configured.
func (k *checker) typed(arg string) (t *targets.Target, configured bool, err error) {
	t, configured, err = k.cfg.Typed(arg)
	if err == nil && (configured || !doubtful(arg)) {
		return t, configured, nil
	}
	if m, ok := torn(k.cfg, k.flags.targets); ok {
		return nil, false, fmt.Errorf("%w: %q: %s", errCheck, strings.Join(k.flags.targets, " "), m.says())
	}
	if m, ok := mistype(k.cfg, arg); ok && (err != nil || m.meant[0] != t.Name) {
		return nil, false, fmt.Errorf("%w: %q: %s", errCheck, shownArgument(arg), m.says())
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", errCheck, err)
	}
	return t, configured, nil
}

// readAll takes all that is configured.
func (k *checker) readAll(a *asked) error {
	switch {
	case k.file == "":
		return fmt.Errorf("%w: name a domain, a server or an address, as in: mailprobe_exporter check example.org (without a name, "+
			"the targets of exporter.yml are checked, and there is none in this directory; --config.file names another)", errCheck)
	case len(k.cfg.Targets) == 0:
		return fmt.Errorf("%w: %s configures no targets; name one, as in: mailprobe_exporter check example.org", errCheck, k.file)
	case len(k.flags.selectors)+len(k.flags.senders) > 0:
		return fmt.Errorf("%w: --dkim-selector and --sender are about a domain: name it", errCheck)
	case k.user != nil:
		return fmt.Errorf("%w: --username is for one server: name it", errCheck)
	}
	for _, w := range k.cfg.Warnings {
		k.logger.Warn("In the configuration", "warning", w)
	}
	if err := badFiles(k.cfg); err != nil {
		return fmt.Errorf("%w: %w", errCheck, err)
	}
	a.names = []string{k.file}
	for _, t := range k.cfg.Targets {
		a.all = append(a.all, k.trimmed(t))
	}
	return nil
}

// isDomain reports whether a name takes part in mail as a domain. Where that cannot be told, it is taken for one: its checks will say
// what cannot be told.
func isDomain(ctx context.Context, dns *dnsclient.Client, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	mx, err := dns.MX(ctx, name)
	return err != nil || mx.Outcome == dnsclient.OutcomeFound
}

// add adds a target, a domain with its senders and what the flags say of it.
func (k *checker) add(a *asked, t *targets.Target) error {
	if t.Kind != targets.KindDomain {
		a.all = slices.DeleteFunc(a.all, func(o *targets.Target) bool { return o.Name == t.Name }) // As a domain's sender it is asked less.
		a.all = append(a.all, k.trimmed(t))
		return nil
	}
	selectors, senders := k.flags.selectors, slices.Concat(t.Domain.Senders, k.flags.senders)
	d, err := targets.WithDomain(t, selectors, senders)
	if err != nil {
		return fmt.Errorf("%w: %w", errCheck, err)
	}
	a.all = append(a.all, d)
	for _, name := range d.Domain.Senders {
		sender, err := k.cfg.TargetOf(name, targets.KindSender)
		if err != nil {
			return fmt.Errorf("%w: --sender: %w", errCheck, err)
		}
		a.all = append(a.all, withoutDomains(sender))
	}
	return nil
}

// withoutDomains leaves out the domains that a sender is configured to send for: of those it is asked about, they say it, and the
// others nobody asked about.
func withoutDomains(t *targets.Target) *targets.Target {
	one, sender := *t, *t.Sender
	sender.Domains = nil
	one.Sender = &sender
	return &one
}

// addHost adds a host as a server on each port of mail. What is asked about its address is asked once, on the first.
func (k *checker) addHost(a *asked, host string) error {
	for i, port := range hostPorts {
		t, err := k.cfg.TargetOf(net.JoinHostPort(host, strconv.Itoa(int(port))), targets.KindServer)
		if err != nil {
			return fmt.Errorf("%w: %w", errCheck, err)
		}
		if _, err := netip.ParseAddr(host); i > 0 || err == nil { // An address is a sender, too, and asked about as such.
			one := *t
			one.Every = map[string]time.Duration{"smtp": t.Every["smtp"]}
			t = &one
		}
		a.all = append(a.all, k.trimmed(t))
		a.hosts[t.Name] = host
	}
	return nil
}

// trimmed leaves out what is asked once a day, of which a single check does not know when it was asked last, and where a user is
// named, the login of another.
func (k *checker) trimmed(t *targets.Target) *targets.Target {
	one := *t
	one.Every = maps.Clone(t.Every)
	delete(one.Every, "relay")
	if k.user != nil {
		delete(one.Every, "auth")
	}
	return &one
}
