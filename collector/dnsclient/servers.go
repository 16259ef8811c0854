package dnsclient

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// systemServers reads the resolvers that the machine uses.
func systemServers(file string) ([]string, error) {
	const remedy = "set resolver.servers"
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
	for lines.Scan() && len(servers) < 3 {
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
