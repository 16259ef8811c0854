package dnsclient

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// remedy ends the error where the machine's own resolvers cannot be read.
const remedy = "set resolver.servers"

// maxSystemServers is how many of the machine's own resolvers are asked, as the C library does.
const maxSystemServers = 3

// resolvConfServers reads the resolvers that a resolv.conf names.
func resolvConfServers(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("find a resolver: %w; %s", err, remedy)
	}
	defer f.Close()
	servers := parseResolvConf(f)
	if len(servers) == 0 {
		return nil, fmt.Errorf("find a resolver: %s names no nameserver; %s", file, remedy)
	}
	return servers, nil
}

// parseResolvConf gives the nameserver lines of a resolv.conf (resolv.conf(5)): the first
// three, as the C library does. The search list and the options are of no use here, and
// a line that it does not understand is passed over.
func parseResolvConf(r io.Reader) []string {
	var servers []string
	lines := bufio.NewScanner(io.LimitReader(r, 64<<10))
	for lines.Scan() && len(servers) < maxSystemServers {
		f := strings.Fields(lines.Text())
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if _, err := netip.ParseAddr(f[1]); err == nil {
			servers = append(servers, net.JoinHostPort(f[1], "53"))
		}
	}
	return servers
}

// An adapter is what Windows says of a network adapter.
type adapter struct {
	up               bool
	metric4, metric6 uint32 // What a route through it costs, for either family.
	servers          []netip.Addr
}

// siteLocal is the prefix of the addresses that Windows gives an adapter for which it knows no resolver of IPv6 (RFC 3879 has
// deprecated it). Nobody answers there.
var siteLocal = netip.MustParsePrefix("fec0::/10")

// adapterServers gives the resolvers of the adapters that are up, those first whose routes cost least, each once.
func adapterServers(adapters []adapter) ([]string, error) {
	type costing struct {
		metric uint32
		server string
	}
	var found []costing
	for _, a := range adapters {
		for _, s := range a.servers {
			s = s.Unmap()
			if !a.up || s.IsUnspecified() || siteLocal.Contains(s.WithZone("")) {
				continue
			}
			metric := a.metric4
			if s.Is6() {
				metric = a.metric6
			}
			found = append(found, costing{metric, netip.AddrPortFrom(s, 53).String()})
		}
	}
	slices.SortStableFunc(found, func(a, b costing) int { return cmp.Compare(a.metric, b.metric) })
	var servers []string
	for _, f := range found {
		if !slices.Contains(servers, f.server) && len(servers) < maxSystemServers {
			servers = append(servers, f.server)
		}
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("find a resolver: no network adapter that is up names one; %s", remedy)
	}
	return servers, nil
}

// validServer says what is wrong with a resolver that the operator named.
func validServer(server string) error {
	host, port, err := net.SplitHostPort(server)
	if err == nil {
		if n, e := strconv.ParseUint(port, 10, 16); host == "" || e != nil || n == 0 {
			err = errors.New("the host is empty or the port is not a number from 1 to 65535")
		}
	}
	if err != nil {
		return fmt.Errorf("resolver.servers: %q is not host:port: %w", server, err)
	}
	return nil
}
