package dnsclient

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemServers gives the resolvers of the machine's network adapters: Windows has no file that names them.
func systemServers() ([]string, error) {
	// The table may grow between the question for its size and the next.
	size := uint32(15 << 10) // What Microsoft recommends to begin with.
	for range 4 {
		table := make([]windows.IpAdapterAddresses, size/uint32(unsafe.Sizeof(windows.IpAdapterAddresses{}))+1)
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC,
			windows.GAA_FLAG_SKIP_UNICAST|windows.GAA_FLAG_SKIP_ANYCAST|windows.GAA_FLAG_SKIP_MULTICAST, 0, &table[0], &size)
		switch {
		case err == nil && size == 0:
			return adapterServers(nil)
		case err == nil:
			return adapterServers(adapters(&table[0]))
		case errors.Is(err, windows.ERROR_NO_DATA):
			return adapterServers(nil)
		case !errors.Is(err, windows.ERROR_BUFFER_OVERFLOW):
			return nil, fmt.Errorf("find a resolver: ask the network adapters: %w; %s", err, remedy)
		}
	}
	return nil, fmt.Errorf("find a resolver: the table of network adapters is never of the size that it was said to have; %s", remedy)
}

// adapters reads the table that Windows has written.
func adapters(first *windows.IpAdapterAddresses) []adapter {
	var all []adapter
	for a := first; a != nil; a = a.Next {
		one := adapter{up: a.OperStatus == windows.IfOperStatusUp, metric4: a.Ipv4Metric, metric6: a.Ipv6Metric}
		for s := a.FirstDnsServerAddress; s != nil; s = s.Next {
			if s.Address.Sockaddr == nil {
				continue
			}
			sa, err := s.Address.Sockaddr.Sockaddr()
			if err != nil {
				continue // Of a family that nobody has heard of.
			}
			switch sa := sa.(type) {
			case *syscall.SockaddrInet4:
				one.servers = append(one.servers, netip.AddrFrom4(sa.Addr))
			case *syscall.SockaddrInet6:
				addr := netip.AddrFrom16(sa.Addr)
				if sa.ZoneId != 0 {
					addr = addr.WithZone(strconv.FormatUint(uint64(sa.ZoneId), 10))
				}
				one.servers = append(one.servers, addr)
			}
		}
		all = append(all, one)
	}
	return all
}
