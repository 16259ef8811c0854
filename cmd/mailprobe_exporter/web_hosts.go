package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

// A hostList is the hosts by which browsers may address the exporter. The web site of a stranger may have its own
// name resolve to the exporter's address (DNS rebinding). The browser then takes the exporter for that site, and lets
// its scripts read every page and send every request. Only the Host header shows the difference.
type hostList struct {
	any      bool
	names    []string        // In lower case, without a dot at the end.
	suffixes []string        // Each with the dot in front.
	heloName func() string   // That of the configuration in force.
	open     map[string]bool // Paths that are served under any host.
	api      string          // Below it, GET is.
}

// newHostList collects the names that are known without being allowed: those of --web.external-url, of the listen
// addresses and of the machine. The error says which of --web.allowed-hosts is not a host name.
func newHostList(f *flags, prefix string, heloName func() string) (*hostList, error) {
	l := &hostList{
		names: []string{"localhost"},
		// No public zone has these endings: RFC 6761 section 6.3, and services in Kubernetes.
		suffixes: []string{".localhost", ".svc", ".svc.cluster.local"},
		heloName: heloName,
		open:     map[string]bool{},
		api:      prefix + "api/v1/",
	}
	for _, page := range []string{"metrics", "probe", "sd", "-/healthy", "-/ready"} {
		l.open[prefix+page] = true
	}
	if u, err := url.Parse(f.externalURL); err == nil {
		l.names = append(l.names, bareHost(u.Host))
	}
	if f.web != nil && f.web.WebListenAddresses != nil {
		for _, address := range *f.web.WebListenAddresses {
			l.names = append(l.names, bareHost(address))
		}
	}
	if name, err := os.Hostname(); err == nil {
		l.names = append(l.names, bareHost(name))
		l.names = append(l.names, fullNames(name)...)
	}
	for _, given := range f.allowedHosts {
		for name := range strings.SplitSeq(given, ",") {
			if err := l.allow(strings.TrimSpace(name)); err != nil {
				return nil, err
			}
		}
	}
	l.names = slices.DeleteFunc(l.names, func(name string) bool { return name == "" })
	return l, nil
}

// fullNames are the names of the machine in its own hosts file, as `hostname -f` finds them. No resolver is asked:
// whoever answers for it would say which hosts are allowed.
func fullNames(hostname string) (out []string) {
	text, err := os.ReadFile("/etc/hosts")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 1 && slices.Contains(fields[1:], hostname) {
			for _, name := range fields[1:] {
				out = append(out, bareHost(name))
			}
		}
	}
	return out
}

// allow adds a host of --web.allowed-hosts: a name, "*." and a name for all names below it, or "*" for every host.
func (l *hostList) allow(given string) error {
	if given == "*" {
		l.any = true
		return nil
	}
	below, all := strings.CutPrefix(given, "*.")
	name := bareHost(below)
	if name == "" || name != strings.TrimSuffix(strings.ToLower(below), ".") || strings.ContainsAny(name, "*/@ \t") {
		return fmt.Errorf(`--web.allowed-hosts %q: want a host name without scheme and port, "*.example.org" for all names below it, or "*"`, given)
	}
	if all {
		l.suffixes = append(l.suffixes, "."+name)
	} else {
		l.names = append(l.names, name)
	}
	return nil
}

// bareHost is the host of a Host header or a listen address: without port, brackets and the dot at the end, in lower
// case.
func bareHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// allows reports whether a Host header names this exporter. An IP address cannot be rebound, and a name without a dot
// is in no public zone. A client that sends no host at all is no browser.
func (l *hostList) allows(host string) bool {
	name := bareHost(host)
	if _, err := netip.ParseAddr(name); l.any || err == nil || !strings.Contains(name, ".") {
		return true
	}
	return slices.Contains(l.names, name) || name == strings.ToLower(l.heloName()) ||
		slices.ContainsFunc(l.suffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

// protect answers requests for other hosts with 421 (Misdirected Request, RFC 9110 section 15.5.20). What programs
// read is excepted: scrapers, service discovery and health checks come under any name.
func (l *hostList) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		program := l.open[r.URL.Path] || r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, l.api)
		if !program && !l.allows(r.Host) {
			http.Error(w, fmt.Sprintf("The host %s is not known to be this exporter's.\n"+
				"If it is, start the exporter with --web.allowed-hosts=%s, or with the --web.external-url under which it is reached.",
				clip(fmt.Sprintf("%q", r.Host), 300), clip(shownHost(r.Host), 300)), http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// shownHost is a host as it would be allowed, or a placeholder if it is none.
func shownHost(host string) string {
	name := bareHost(host)
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
		return "HOST"
	}
	return name
}
